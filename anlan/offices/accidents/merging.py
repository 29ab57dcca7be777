"""Two reports of one accident: found by place, time and unit, and offered, never merged by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from anlan.kernel import law
from anlan.kernel.cases.engine import refusal

from .models import Accident

FEW = 5
"""As many are offered at most."""


@dataclass(frozen=True, slots=True)
class Similar:
    """An accident that may be the same, and what it has in common: unit, place, category, in that order of weight.

    `merge`: which one the reader may merge into which, the one with fewer dead and missing into the other; or None.
    """

    accident: Accident
    same: tuple[str, ...]
    metres: int | None
    merge: tuple[Accident, Accident] | None = None


def distance(lon: Any, lat: Any, to_lon: Any, to_lat: Any) -> int | None:
    """Metres between two places in degrees, or None where one is unknown (sphere of 6,371 km)."""
    if None in (lon, lat, to_lon, to_lat):
        return None
    a, b, c, d = (math.radians(float(x)) for x in (lon, lat, to_lon, to_lat))
    h = math.sin((d - b) / 2) ** 2 + math.cos(b) * math.cos(d) * math.sin((c - a) / 2) ** 2
    return round(2 * 6_371_000 * math.asin(math.sqrt(h)))


def similar(
    *, area_code: str, occurred_at: datetime, unit_name: str = "", enterprise_id: int | None = None,
    category_id: int | None = None, place: str = "", lon: Decimal | None = None, lat: Decimal | None = None,
    besides: int | None = None,
) -> list[Similar]:  # fmt: skip
    """Accidents within a few hours that share the unit or the place, likeliest first.

    Only within the scope in force: for the city also across the borders of districts, where one crash is called in to
    both. One query. Category alone is no sign: a district has several road accidents a day.
    """
    hours = law.value("accidents.same_hours", occurred_at).value
    metres = law.value("accidents.same_metres", occurred_at).value
    near = timedelta(hours=hours)
    rows = (
        Accident.objects.filter(occurred_at__range=(occurred_at - near, occurred_at + near))
        .exclude(state__in=("merged", "dismissed", "handed_over"))
        .exclude(pk=besides)
        .select_related("enterprise", "category", "industry")[:200]
    )
    found = []
    for row in rows:
        away = distance(lon, lat, row.lon, row.lat)
        unit = (enterprise_id is not None and row.enterprise_id == enterprise_id) or (
            bool(unit_name) and unit_name in (row.unit, row.unit_name)
        )
        # The same village or township, or the same words for the place, where there are no coordinates.
        small = len(area_code.rstrip("0")) > 6 and not row.outside
        spot = away <= metres if away is not None else (
            (bool(place) and place == row.place) or (small and row.area_code == area_code)
        )  # fmt: skip
        same = [
            n for n, holds in (("unit", unit), ("place", spot), ("category", row.category_id == category_id)) if holds
        ]
        if unit or spot:
            found.append(Similar(row, tuple(same), away))
    found.sort(key=lambda s: (-len(s.same), abs((s.accident.occurred_at - occurred_at).total_seconds())))
    return found[:FEW]


def similar_to(accident: Accident) -> list[Similar]:
    """Those that may be the same as `accident`."""
    return similar(
        area_code=accident.area_code, occurred_at=accident.occurred_at, unit_name=accident.unit,
        enterprise_id=accident.enterprise_id, category_id=accident.category_id, place=accident.place,
        lon=accident.lon, lat=accident.lat, besides=accident.pk,
    )  # fmt: skip


def offered(accident: Accident, account: Any) -> list[Similar]:
    """Those that may be the same, each with the merging that `account` may make."""
    move = accident.lifecycle.move("merge")
    found = []
    for one in similar_to(accident):
        pair = sorted((accident, one.accident), key=lambda a: (a.deaths + a.missing, a is not accident))
        may = all(a.state == "reporting" for a in pair) and refusal(pair[0], move, account) is None
        found.append(replace(one, merge=(pair[0], pair[1]) if may else None))
    return found
