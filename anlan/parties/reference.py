"""The reference tables that come with the product, loaded after migrations where they are missing.

Counts are checked as they are loaded: a file with a hole is refused as a whole.
"""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

from django.db import connections, transaction

from anlan.kernel import areas

from .names import initials

DATA = Path(__file__).parent / "data"
CHONGQING = {1: 1, 2: 38, 3: 1031, 4: 11270}
"""How many divisions of each tier `divisions-50.csv.gz` must hold."""


class BadReference(Exception):
    """A reference file does not hold what it must; names the file and the fault."""


def read_divisions(path: Path, counts: dict[int, int]) -> list[tuple[str, str, str, int, str | None]]:
    """Rows (code, name, pinyin, tier, parent), parents before children; raises `BadReference`."""
    rows: list[tuple[str, str, str, int, str | None]] = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            code = line["code"]
            if len(code) != 12 or not (code.isascii() and code.isdigit()):
                raise BadReference(f"{path.name}: {code!r} is not a 12-digit code")
            rows.append((code, line["name"], initials(line["name"]), areas.tier_of(code), line["parent"] or None))
    rows.sort(key=lambda row: (row[3], row[0]))
    known = {row[0] for row in rows}
    for code, _name, _pinyin, tier, parent in rows:
        if (parent is None) != (tier == 1) or (parent is not None and parent not in known):
            raise BadReference(f"{path.name}: {code} has no parent")
    found = {tier: sum(row[3] == tier for row in rows) for tier in counts}
    if found != counts or len(known) != len(rows):
        raise BadReference(f"{path.name}: expected {counts} divisions by tier, found {found}")
    return rows


def load(using: str = "owner") -> None:
    """Loads whatever is missing: industries, the GB/T 4754 table, the divisions of Chongqing."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        for order, row in enumerate(_csv("industries.csv"), 1):
            cursor.execute(
                'INSERT INTO parties_industry (code, name, name_en, high_hazard, "order") VALUES (%s,%s,%s,%s,%s) '
                "ON CONFLICT DO NOTHING",
                [row["code"], row["name"], row["name_en"], row["high_hazard"] == "1", order],
            )
        cursor.executemany(
            "INSERT INTO parties_industryclass (code, name, industry_id, source) VALUES (%s, %s, %s, 'GB/T 4754-2011') "
            "ON CONFLICT DO NOTHING",
            [(row["code"], row["name"], row["industry"] or None) for row in _csv("gb4754.csv")],
        )
        cursor.execute("SELECT EXISTS (SELECT 1 FROM parties_division)")
        if cursor.fetchone() != (False,):
            return
        rows = read_divisions(DATA / "divisions-50.csv.gz", CHONGQING)
        # PostgreSQL refuses COPY into a table with row security.
        cursor.execute(
            'CREATE TEMPORARY TABLE d (code text COLLATE "C", name text, pinyin text, tier int, parent text) '
            "ON COMMIT DROP"
        )
        with cursor.copy("COPY d FROM STDIN") as copy:
            for division in rows:
                copy.write_row(division)
        cursor.execute(
            "INSERT INTO parties_division (code, name, pinyin, tier, parent_id, created_at, updated_at, version) "
            "SELECT code, name, pinyin, tier, parent, now(), now(), 1 FROM d ORDER BY tier, code"
        )
        cursor.execute("DROP TABLE d")


def _csv(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((DATA / name).read_text(encoding="utf-8"))))
