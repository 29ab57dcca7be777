"""Deadlines as pure functions of facts, rule, calendar, pauses and extensions.

How time is counted, everywhere in the product:

- Minutes and hours run from the moment itself. Days, working days and months count from the next day: the day of
  the start is not counted (General Principles of the Civil Law, in force 1987–2020, Art. 154; Civil
  Code Art. 201), unless the limit says `count_first_day`.
- A period of days ends at the end of its last day in Beijing, 23:59:59.
- Natural days and months end where they end, holiday or not: the stricter reading. A limit that moves
  on to the next working day (Civil Code Art. 203, earlier Art. 154) says `rolls`.
- A month ends on the same day of the month, or on its last day where that is missing (Civil Code Art. 202).
- Pauses are half-open and do not count. By hours to the second; by days, the day on which a pause
  begins does not count and the day on which it ends does; a pause within one day takes nothing.
- Extensions add to the limit, in any order; only granted ones are given here.
"""

from __future__ import annotations

import calendar as _months
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, get_args

from .calendar import Calendar
from .clock import BEIJING

Unit = Literal["minutes", "hours", "days", "working_days", "months"]
UNITS: tuple[str, ...] = get_args(Unit)
MINUTES = {"minutes": 1, "hours": 60}
"""How many minutes a unit has that runs from the moment itself."""
_LAST_SECOND = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many minutes, hours, natural days, working days or months; not negative."""

    value: int
    unit: Unit
    count_first_day: bool = False
    rolls: bool = False

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"a limit is counted in {', '.join(UNITS)}, not {self.unit!r}")
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            raise ValueError(f"a limit is a whole number, not {self.value!r}")


@dataclass(frozen=True, slots=True)
class Interval:
    """[`begin`, `end`), both aware. A pause without an end still runs."""

    begin: datetime
    end: datetime | None = None

    def __post_init__(self) -> None:
        for moment in (self.begin, self.end):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("deadlines take aware times only")
        if self.end is not None and self.end < self.begin:
            raise ValueError("a pause ends before it begins")


def due(
    started: datetime,
    limit: Limit,
    pauses: Iterable[Interval] = (),
    extensions: Iterable[Limit] = (),
    calendar: Calendar | None = None,
) -> datetime | None:
    """When the time that began at `started` is over, in Beijing time.

    None while a pause still runs that began before the end: then there is no deadline to miss.
    Extensions are in minutes, hours or days where the limit is in minutes or hours (a day is 24 hours), and in days,
    working days or months where it is not; anything else is a `ValueError`.
    """
    if started.tzinfo is None:
        raise ValueError("deadlines take aware times only")
    calendar = calendar or Calendar()
    pauses, extensions = tuple(pauses), tuple(extensions)
    if limit.unit in MINUTES:
        minutes = 0
        for part in (limit, *extensions):
            if part.unit not in (*MINUTES, "days"):
                raise ValueError(f"a limit in {limit.unit} is not extended by {part.unit}")
            minutes += part.value * MINUTES.get(part.unit, 24 * 60)
        return _after(started, timedelta(minutes=minutes), pauses)
    first = started.astimezone(BEIJING).date()
    if limit.count_first_day and limit.value > 0:
        first -= timedelta(days=1)
    last = _after_days(first, (limit, *extensions), pauses, calendar)
    if last is None:
        return None
    if limit.rolls and limit.unit != "working_days":
        last = calendar.next_working_day(last)
    return end_of(last)


def due_on(
    day: date,
    pauses: Iterable[Interval] = (),
    extensions: Iterable[Limit] = (),
    calendar: Calendar | None = None,
    started: datetime | None = None,
) -> datetime | None:
    """The end of a day that somebody named, moved on by pauses since `started` and by extensions."""
    begun = started.astimezone(BEIJING).date() if started else day
    named = Limit(max((day - begun).days, 0), "days")
    last = _after_days(min(begun, day), (named, *extensions), tuple(pauses), calendar or Calendar())
    return None if last is None else end_of(last)


def end_of(day: date) -> datetime:
    """The last second of `day` in Beijing."""
    return datetime.combine(day, _LAST_SECOND, BEIJING)


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, _months.monthrange(year, month + 1)[1]))


def _after(started: datetime, length: timedelta, pauses: tuple[Interval, ...]) -> datetime | None:
    at, left = started.astimezone(BEIJING), length
    for pause in sorted(pauses, key=lambda p: p.begin):
        begin = max(pause.begin, at)
        if begin - at >= left and begin > at:
            break
        if pause.end is None:
            return None
        if pause.end <= at:
            continue
        left -= begin - at
        at = pause.end.astimezone(BEIJING)
    return at + left


def _after_days(
    first: date, limits: tuple[Limit, ...], pauses: tuple[Interval, ...], calendar: Calendar
) -> date | None:
    """The last counted day after `first`: months and days together, then working days."""
    total = dict.fromkeys(UNITS, 0)
    for limit in limits:
        total[limit.unit] += limit.value
    if total["hours"] or total["minutes"]:
        raise ValueError("a limit in days or months is not extended by hours or minutes")
    natural = (add_months(first, total["months"]) - first).days + total["days"]
    stops = [(p.begin.astimezone(BEIJING).date(), p.end.astimezone(BEIJING).date() if p.end else None) for p in pauses]

    def counts(day: date) -> bool | None:
        """Whether `day` counts; None where an endless pause has begun."""
        if any(begin <= day and end is None for begin, end in stops):
            return None
        return not any(end is not None and begin <= day < end for begin, end in stops)

    day = first
    for left, working in ((natural, False), (total["working_days"], True)):
        while left:
            day += timedelta(days=1)
            counted = counts(day)
            if counted is None:
                return None
            if counted and (not working or calendar.is_working_day(day)):
                left -= 1
    return day
