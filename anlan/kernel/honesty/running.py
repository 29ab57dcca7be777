"""A run of the checks over a month, and what it keeps."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from .. import areas, clock, law
from ..deadlines import add_months
from ..locks import alone
from ..scope import acting_now, area_prefix
from .chance import discovered
from .declaring import MOST, Check, checks
from .models import JUDGED, STANDING, Find, FindStep

BEFORE = 12
"""So many months before the one that is looked at are what it is held against."""
_KEPT_APART = frozenset({"area", "records", "chart", "enough"})


@dataclass(frozen=True, slots=True)
class Odd:
    """What a check found in one area; `chance` is adjusted for all areas that were looked at, None of a rule."""

    area: str
    n: int
    chance: float | None
    numbers: dict[str, Any]
    chart: list[list[Any]]
    records: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did: the areas in whose hands new finds lie and those looked at anew, one for each; how many others
    were seen again, and how many are no longer there."""

    raised: tuple[str, ...] = ()
    again: int = 0
    gone: int = 0

    @property
    def new(self) -> int:
        """How many there are to be looked at because of this run."""
        return len(self.raised)

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.raised + other.raised, self.again + other.again, self.gone + other.gone)


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def run(first: date, only: Collection[str] = ()) -> Outcome:
    """Looks at the month that begins on `first` by all checks, or those named, within the scope in force, and keeps
    what is found. What waits for the month's end is left out while the month runs. Of two that look at once, the night
    and somebody who asks, the second waits and finds what the first has kept."""
    assert acting_now() is not None
    alone("honesty")
    made = [one for one in checks() if not only or one.name in only]
    told = moments(first)
    over = add_months(first, 1) <= clock.today()
    asked = [one for one in made if over or not one.settled]
    gather(asked, told)
    outcome = Outcome()
    for one in asked:
        outcome += _keep(one, first, found(one, first, told))
    return outcome


def found(one: Check, first: date, moments: dict[str, Any]) -> list[Odd]:
    """What a check finds in the month of these `moments`; what it `uses` has been gathered."""
    with connection.cursor() as cursor:
        cursor.execute(one.sql, {**moments, "most": MOST, **one.parameters(first)})
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    # What lies in no district is the city's own: nobody is above it here.
    rows = [row for row in rows if len(area_prefix(row["area"])) >= 6]
    told: list[float | None] = [None] * len(rows)
    if one.chance is not None:
        told = discovered([one.chance(row) for row in rows], float(law.value("honesty.false_discovery", first).value))
    return [
        Odd(
            row["area"], int(row["n"]), chance, {k: v for k, v in row.items() if k not in _KEPT_APART},
            _read(row.get("chart")), _read(row.get("records"))[:MOST],
        )
        for row, chance in zip(rows, told, strict=True)
        if row.get("enough", True) and (one.chance is None or chance is not None)
    ]  # fmt: skip


def _read(value: Any) -> Any:
    """JSON as the driver of raw queries gives it: as text."""
    return json.loads(value) if isinstance(value, str) else value or []


def moments(first: date) -> dict[str, datetime | date]:
    """What the queries are told of a month."""

    def moment(day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=clock.BEIJING)

    until = add_months(first, 1)
    return {"begin": moment(first), "until": moment(until), "before": moment(add_months(first, -BEFORE)),
            "first": first, "last": until - timedelta(days=1)}  # fmt: skip


def gather(asked: Iterable[Check], moments: dict[str, Any]) -> None:
    """Makes the tables that the checks use, each once."""
    tables = {table.name: table for one in asked for table in one.uses}.values()
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DROP TABLE IF EXISTS {table.name}")
            cursor.execute(f"CREATE TEMP TABLE {table.name} ON COMMIT DROP AS {table.sql}", moments)
            cursor.execute(f"ANALYZE {table.name}")


def _keep(one: Check, first: date, odd: list[Odd]) -> Outcome:
    """The finds as they are now: new ones, those that are seen again, those that are no longer there.

    What was judged stands as it was judged, until there are more records than were: then it is looked at anew.
    """
    now = clock.now()
    # Held until they are kept: who says something to one of them meanwhile waits, and is told that it has changed.
    finds = Find.objects.select_for_update().filter(check_name=one.name, period=first)
    known = {find.about: find for find in finds}
    new, steps, again = [], [], 0
    above = _above({o.area for o in odd})
    for o in odd:
        find = known.pop(o.area, None)
        if find is None:
            find = Find(check_name=one.name, period=first, about=o.area, area_code=above[o.area], found_at=now)
            new.append(find)
            steps.append(FindStep(find=find, move="found", count=o.n, at=now))
        else:
            judged = find.state in dict(JUDGED)
            if judged and o.n <= find.count and find.check_version == one.version:
                again += 1
                continue
            if not judged and find.state != "gone":
                again += 1
            else:
                find.state, find.area_code = "open", above[o.area]
                steps.append(FindStep(find=find, move="more" if judged else "found", count=o.n, at=now))
        find.check_version, find.severity, find.seen_at = one.version, one.severity, now
        find.count, find.chance, find.numbers = o.n, o.chance, o.numbers
        find.chart, find.records = o.chart, o.records
        if find.pk is not None:
            find.save()
    gone = [find for find in known.values() if find.state in STANDING and find.state not in dict(JUDGED)]
    for find in gone:
        find.state = "gone"
        find.save()
        steps.append(FindStep(find=find, move="gone", at=now))
    Find.objects.bulk_create(new)
    FindStep.objects.bulk_create(steps)
    return Outcome(tuple(step.find.area_code for step in steps if step.move != "gone"), again, len(gone))


def _above(codes: set[str]) -> dict[str, str]:
    """The division of the authority above each, which is the one that looks at a find about it."""
    parents = dict(areas.divisions().filter(code__in=codes).values_list("code", "parent_id"))
    return {code: parents.get(code) or code[:2].ljust(12, "0") for code in codes}


def standing(first: date, until: date, prefix: str = "") -> list[Find]:
    """The finds of the months from `first` to before `until` that stand about areas within a prefix of the code, in the
    scope in force: those of a district only the authority above reads."""
    of = Find.objects.filter(areas.within(prefix, "about") if prefix else Q(), period__gte=first, period__lt=until)
    return list(of.filter(state__in=STANDING).order_by("period", "about", "check_name"))
