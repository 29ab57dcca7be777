"""An enterprise's name without the place at its beginning: 重庆市渝北区恒达机械厂 → 恒达机械厂.

A registered name begins with its administrative division (企业名称登记管理规定), people look for what follows. The
places are those of the divisions that come with the product, districts and counties in short too (渝北).
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from .names import short

DIVISIONS = Path(__file__).parent / "data" / "divisions-50.csv.gz"


def all_without_place(names: Sequence[str]) -> list[str]:
    """Each name without its place; empty where it begins with none, or nothing that could be looked for is left."""
    tiers = [(places, sorted({len(place) for place in places}, reverse=True)) for places in _places()]
    made = []
    for name in names:
        at = 0
        for places, lengths in tiers:
            for length in lengths:
                if name[at : at + length] in places:
                    at += length
                    break
        made.append(name[at:] if at and len(name) - at >= 2 else "")
    return made


@cache
def _places() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """What cities, districts and townships are called at the beginning of a name."""
    cities, districts, towns = set(), set(), set()
    with gzip.open(DIVISIONS, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name, code = row["name"], row["code"]
            if code.endswith("0" * 10):
                cities |= {name, name.removesuffix("市")}
            elif code.endswith("0" * 6):
                # 彭水苗族土家族自治县 is 彭水县 for short too.
                districts |= {name, short(name), short(name).removesuffix("县") + name[-1]}
            elif code.endswith("000"):
                towns.add(name)
    return frozenset(cities), frozenset(districts), frozenset(towns)
