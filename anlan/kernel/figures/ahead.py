"""A measure by months, for the city and every area of a tier in one query, and what its year will end with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from anlan.engines.forecast import Outlook, year_end
from anlan.engines.measures import AnyMeasure, Measure, Period, Ratio, Target, parts

from .. import clock
from .computing import DIGITS, named, postgres
from .declaring import REGISTRY

if TYPE_CHECKING:
    from anlan.engines.measures.backends import Backend

YEARS = 5
"""So many whole years before this one are looked at."""
WHOLE = ""
"""The key of all that is in scope, beside the codes of its areas."""


class NoForecast(ValueError):
    """The measure cannot be forecast month by month; the text says why."""


@dataclass(frozen=True, slots=True)
class Monthly:
    """Counts by months from `first` on; the last is the month that runs, of which the part `over` has passed.

    `counts` gives for each area's code (`WHOLE` for all) one number a month, None before the records begin; of a ratio
    `wholes` gives what it is a share of.
    """

    measure: AnyMeasure
    first: date
    over: float
    counts: Mapping[str, tuple[int | None, ...]]
    wholes: Mapping[str, tuple[int | None, ...]] | None

    def outlooks(self, targets: Mapping[str, Target] | Target | None = None, seed: int = 0) -> dict[str, Outlook]:
        """What each area's year ends with, and the chance of its target: see `anlan.engines.forecast.year_end`."""

        def past(of: Mapping[str, tuple[int | None, ...]]) -> dict[str, tuple[int | None, ...]]:
            return {key: months[:-1] for key, months in of.items()}

        def running(of: Mapping[str, tuple[int | None, ...]]) -> dict[str, float]:
            return {key: months[-1] or 0 for key, months in of.items()}

        return year_end(
            past(self.counts), self.first, targets, running=running(self.counts), over=self.over, seed=seed,
            wholes=None if self.wholes is None else past(self.wholes),
            whole_running=None if self.wholes is None else running(self.wholes),
        )  # fmt: skip


def monthly(
    name: str, *, within: str = "", tier: int = 2, as_of: datetime | None = None, backend: Backend | None = None
) -> Monthly:
    """A measure by months in the scope in force, told apart by the areas of `tier` within a prefix of the code.

    Raises `UnknownMeasure`, and `NoForecast` for what is no count that adds up: a year's figure must be the sum of its
    months', which is looked at for every year and area.
    """
    from anlan.engines.measures import expressions

    as_of = as_of or clock.now()
    today = as_of.astimezone(clock.BEIJING).date()
    (measure,) = named((name,), today.replace(month=1, day=1))
    counted = parts(measure)
    for part in counted:
        if part.present_only:
            raise NoForecast(f"{name}: the records say it of the present only")
        if part.value is not None and not part.source.columns[part.value].startswith("int"):
            raise NoForecast(f"{name}: a sum of amounts is no count")
    if isinstance(measure, Ratio) and (measure.scale != 100 or len({part.source for part in counted}) > 1):
        raise NoForecast(f"{name}: a rate is no count; forecast what it is made of")
    source = counted[0].source
    if source.area is None:
        raise NoForecast(f"{name}: its records have no area")
    each = [Period.of("month", date(y, m, 1)) for y in range(today.year - YEARS, today.year + 1) for m in range(1, 13)]
    months = [month for month in each if month.span(as_of) is not None]
    years = [Period.of("year", month.first) for month in months[::12]]
    spans = [span for period in (*months, *years) if (span := period.span(as_of)) is not None]
    # The first measure of the table tells since when there are records: of what is rare, nothing for a year is a zero.
    witness = next(m for m in REGISTRY.of_source(source) if not m.present_only)
    asked: list[tuple[Measure, int]] = [(part, n) for part in counted for n in range(len(spans))]
    if witness not in counted:
        asked += [(witness, n) for n in range(len(months))]
    digits = DIGITS[tier]
    sql = (backend := backend or postgres()).dialect
    made = expressions.statement(sql, source, tuple(asked), ("area",), digits, bool(within))
    rows = {row[0]: [int(v or 0) for v in row[1:]] for row in backend.rows(made, spans, within)}
    rows[WHOLE] = [sum(column) for column in zip(*rows.values(), strict=True)] or [0] * len(asked)
    for key, row in rows.items():
        for at in range(0, len(counted) * len(spans), len(spans)):
            for n, year in enumerate(years):
                if sum(row[at : at + len(months)][12 * n : 12 * n + 12]) != row[at + len(months) + n]:
                    where = f" in {key}" if key else ""
                    raise NoForecast(f"{name}: the figure of {year.name}{where} is not the sum of its months'")
    whole = rows[WHOLE]
    starts = range(0, len(asked) - len(months) + 1, len(spans))
    begun = next((n for n in range(len(months)) if any(whole[at + n] for at in starts)), len(months))

    def of(number: int) -> dict[str, tuple[int | None, ...]]:
        at = number * len(spans)
        known = [None] * begun
        return {key: (*known, *row[at + begun : at + len(months)]) for key, row in rows.items() if key is not None}

    span = spans[len(months) - 1]
    over = (span.until - span.begin) / (months[-1].end - months[-1].first)
    return Monthly(measure, months[0].first, over, of(0), of(1) if isinstance(measure, Ratio) else None)
