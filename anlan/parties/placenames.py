"""An enterprise's name without the place at its beginning: 重庆市渝北区恒达机械厂 → 恒达机械厂.

A registered name begins with its administrative division (企业名称登记管理规定), people look for what follows. The
places are those of the divisions that come with the product, districts and counties in short too (渝北), townships in
short directly after a district (渝北区龙兴).
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from .names import short

DISTRICTS, SHORT_TOWNS = 1, 3
"""Where they stand among `_places`."""
TOWNS = ("街道办事处", "街道", "镇", "乡")
"""How the names of townships end, the longest first."""
DIVISIONS = Path(__file__).parent / "data" / "divisions-50.csv.gz"


def all_without_place(names: Sequence[str]) -> list[str]:
    """Each name without its place; empty where it begins with none, or nothing that could be looked for is left."""
    tiers = [(places, sorted({len(place) for place in places}, reverse=True)) for places in _places()]
    made = []
    for name in names:
        at = begin = district = 0
        for tier, (places, lengths) in enumerate(tiers):
            if tier == SHORT_TOWNS and not at == district > 0:
                continue  # 龙兴 alone is as likely what the enterprise is called
            start = begin if tier == SHORT_TOWNS else at
            for length in lengths:
                if name[start : start + length] in places and (tier != SHORT_TOWNS or len(name) - start - length >= 2):
                    at = start + length
                    if tier == DISTRICTS:
                        begin, district = start, at
                    break
        made.append(name[at:] if at and len(name) - at >= 2 else "")
    return made


@cache
def _places() -> tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]:
    """What begins a name: cities, districts, townships, and townships in short after their own district."""
    cities, districts, towns = set(), set(), set()
    shortened: set[str] = set()
    called: dict[str, set[str]] = {}  # a district's code and how it is called
    with gzip.open(DIVISIONS, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name, code = row["name"], row["code"]
            if code.endswith("0" * 10):
                cities |= {name, name.removesuffix("市")}
            elif code.endswith("0" * 6):
                # 彭水苗族土家族自治县 is 彭水县 for short too.
                called[code[:6]] = {name, short(name), short(name).removesuffix("县") + name[-1]}
                districts |= called[code[:6]]
            elif code.endswith("000"):
                towns.add(name)
                if brief := _short_town(name):
                    # With its own district before it only: 永兴 in another one is what the enterprise is called.
                    shortened |= {district + brief for district in called.get(code[:6], ())}
    return frozenset(cities), frozenset(districts), frozenset(towns), frozenset(shortened)


def _short_town(town: str) -> str:
    """龙兴镇 → 龙兴; nothing where no name of two characters is left."""
    for kind in TOWNS:
        if town.endswith(kind):
            return town.removesuffix(kind) if len(town) - len(kind) >= 2 else ""
    return ""
