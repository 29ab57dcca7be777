"""Statistical periods in Beijing time, the periods they are compared with, and how they are written.

| written | means |
|---|---|
| `2013-06-14` | a day |
| `2013-W24` | a week, Monday to Sunday (ISO 8601) |
| `2013-06-X2` | ten days (旬): X1 the 1st–10th, X2 the 11th–20th, X3 the rest of the month |
| `2013-06` | a month |
| `2013-Q2` | a quarter |
| `2013` | a year |
| `..2013-06` | to date: from New Year's Day to the end of that day, ten days, month or quarter |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")
Kind = Literal["day", "week", "ten_days", "month", "quarter", "year", "to_date"]
KINDS: tuple[Kind, ...] = ("day", "week", "ten_days", "month", "quarter", "year", "to_date")
_FORM = re.compile(
    r"(?P<y>(?:19|2\d)\d\d)(?:-?Q(?P<q>[1-4])|-W(?P<w>\d\d)|-(?P<m>0[1-9]|1[0-2])(?:-X(?P<x>[123])|-(?P<d>\d\d))?)?",
    re.ASCII,
)
_DAY = timedelta(days=1)


class BadPeriod(ValueError):
    """A period that cannot be read, `text`; the words say how periods are written."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(
            f"{text!r} is no period: write 2013, 2013-Q2, 2013-06, 2013-06-X2 (ten days), 2013-W24, 2013-06-14, "
            "or ..2013-06 for the year to date"
        )


@dataclass(frozen=True, slots=True)
class Span:
    """The moments from `begin` (included) to `until` (excluded), aware."""

    begin: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` (included) to `end` (excluded); `name` is how it is written."""

    kind: Kind
    first: date
    end: date

    @classmethod
    def parse(cls, text: str) -> Period:
        """Reads what stands in the table above. Raises `BadPeriod`."""
        if text.startswith(".."):
            part = cls.parse(text[2:])
            if part.kind in ("year", "week", "to_date"):
                raise BadPeriod(text)
            return cls("to_date", date(part.first.year, 1, 1), part.end)
        found = _FORM.fullmatch(text)
        if found is None:
            raise BadPeriod(text)
        year, month = int(found["y"]), int(found["m"] or 1)
        try:
            if found["w"]:
                return cls.of("week", date.fromisocalendar(year, int(found["w"]), 1))
            if found["d"]:
                return cls.of("day", date(year, month, int(found["d"])))
        except ValueError:
            raise BadPeriod(text) from None
        if found["x"]:
            return cls.of("ten_days", date(year, month, 10 * int(found["x"]) - 9))
        if found["q"]:
            return cls.of("quarter", date(year, 3 * int(found["q"]), 1))
        return cls.of("month" if found["m"] else "year", date(year, month, 1))

    @classmethod
    def of(cls, kind: Kind, day: date) -> Period:
        """The period of that kind in which `day` lies; to date ends with `day`."""
        month = day.replace(day=1)
        if kind == "day":
            return cls(kind, day, day + _DAY)
        if kind == "week":
            monday = day - timedelta(days=day.weekday())
            return cls(kind, monday, monday + 7 * _DAY)
        if kind == "ten_days":
            n = min((day.day - 1) // 10, 2)
            return cls(kind, day.replace(day=10 * n + 1), _months(month, 1) if n == 2 else day.replace(day=10 * n + 11))
        if kind == "month":
            return cls(kind, month, _months(month, 1))
        if kind == "quarter":
            first = month.replace(month=3 * ((day.month - 1) // 3) + 1)
            return cls(kind, first, _months(first, 3))
        first = date(day.year, 1, 1)
        return cls(kind, first, _months(first, 12) if kind == "year" else day + _DAY)

    @property
    def name(self) -> str:
        """How the period is written: `Period.parse(period.name) == period`."""
        first, month = self.first, f"{self.first:%Y-%m}"
        if self.kind == "day":
            return first.isoformat()
        if self.kind == "week":
            year, week, _ = first.isocalendar()
            return f"{year}-W{week:02}"
        if self.kind == "ten_days":
            return f"{month}-X{first.day // 10 + 1}"
        if self.kind == "month":
            return month
        if self.kind == "quarter":
            return f"{first.year}-Q{(first.month + 2) // 3}"
        if self.kind == "year":
            return str(first.year)
        last = self.end - _DAY
        return f"..{last:%Y-%m}" if self.end.day == 1 else f"..{last.isoformat()}"

    def previous(self) -> Period | None:
        """The period before (环比); None for the year to date, which has none."""
        return None if self.kind == "to_date" else Period.of(self.kind, self.first - _DAY)

    def last_year(self) -> Period | None:
        """The same period of the year before (同比); None for a day or week that that year did not have."""
        if self.kind == "week":
            year, week, _ = self.first.isocalendar()
            try:
                return Period.of("week", date.fromisocalendar(year - 1, week, 1))
            except ValueError:
                return None
        if self.kind == "day" and (self.first.month, self.first.day) == (2, 29):
            return None
        if self.kind == "to_date":
            return Period("to_date", date(self.first.year - 1, 1, 1), _year_before(self.end))
        return Period.of(self.kind, self.first.replace(year=self.first.year - 1))

    def span(self, as_of: datetime) -> Span | None:
        """What of the period is over at `as_of`; None if it has not begun."""
        begin, end = _midnight(self.first), _midnight(self.end)
        return Span(begin, min(end, as_of)) if as_of > begin else None

    def span_before(self, other: Period, as_of: datetime) -> Span | None:
        """`other`, an earlier period to compare with, cut where this one is cut by `as_of`.

        Half of June is compared with the first half of May, and with June of last year to the same day.
        """
        own = self.span(as_of)
        if own is None:
            return None
        begin, end = _midnight(other.first), _midnight(other.end)
        if own.until == _midnight(self.end):
            return Span(begin, end)
        if other == self.last_year() and self.kind != "week":
            here = own.until.astimezone(BEIJING)
            until = datetime.combine(_year_before(here.date()), here.time(), BEIJING)
        else:
            until = begin + (own.until - own.begin)
        return Span(begin, min(end, until))


def _months(first: date, n: int) -> date:
    count = first.year * 12 + first.month - 1 + n
    return date(count // 12, count % 12 + 1, 1)


def _year_before(day: date) -> date:
    """The same date a year before; the day after 28 February for 29 February."""
    return date(day.year - 1, 3, 1) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, BEIJING)
