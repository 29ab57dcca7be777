"""Working days of the People's Republic of China, make-up days included.

The days come from `chinese_calendar`, which holds the State Council's yearly notices since 2004. A
year it does not hold is never guessed: a day in it raises `YearNotCovered`, unless the installation
gives that year's days itself in `var/calendar.yaml`:

    2027:
      holidays: [2027-01-01, …]      # weekdays on which nobody works
      workdays: [2027-02-20, …]      # Saturdays and Sundays worked in exchange
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import chinese_calendar
import yaml
from chinese_calendar.constants import holidays as _holidays


class YearNotCovered(LookupError):
    """The holidays of this year are not known here."""

    def __init__(self, year: int) -> None:
        super().__init__(f"the working days of {year} are not known; give them in var/calendar.yaml")
        self.year = year


@dataclass(frozen=True, slots=True)
class YearOfDays:
    """How one year departs from Monday-to-Friday."""

    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()


COVERED = frozenset(day.year for day in _holidays)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days; `extra` gives years that the library does not hold (or holds wrongly)."""

    extra: Mapping[int, YearOfDays] = field(default_factory=dict)

    def is_working_day(self, day: date) -> bool:
        """Whether offices work on `day`; `YearNotCovered` where that is not known."""
        own = self.extra.get(day.year)
        if own is not None:
            return day in own.workdays or (day.weekday() < 5 and day not in own.holidays)
        if day.year not in COVERED:
            raise YearNotCovered(day.year)
        return bool(chinese_calendar.is_workday(day))

    def next_working_day(self, day: date) -> date:
        """`day` itself if it is a working day, else the first one after it."""
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return day


class CalendarError(ValueError):
    """`var/calendar.yaml` cannot be read."""


def read(path: Path) -> Calendar:
    """A calendar with the years of `path`; `CalendarError` names what is wrong in it."""
    if not path.exists():
        return Calendar()
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}
    years: dict[int, YearOfDays] = {}
    if not isinstance(content, dict):
        raise CalendarError(f"{path}: must give years")
    for year, days in content.items():
        if not isinstance(year, int) or not isinstance(days, dict) or not set(days) <= {"holidays", "workdays"}:
            raise CalendarError(f"{path}: {year}: must be a year with holidays and workdays")
        for name, given in days.items():
            if not isinstance(given, list):
                raise CalendarError(f"{path}: {year}: {name}: must be a list of dates")
            for day in given:
                if not isinstance(day, date) or day.year != year:
                    raise CalendarError(f"{path}: {year}: {name}: {day} is not a date of that year")
        years[year] = YearOfDays(frozenset(days.get("holidays", ())), frozenset(days.get("workdays", ())))
    return Calendar(years)


@cache
def installed() -> Calendar:
    """This installation's calendar."""
    from django.conf import settings

    return read(settings.HOME / "calendar.yaml")
