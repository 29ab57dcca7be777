"""Measures through many periods, in one query for each table: what a line through the year is drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from . import expressions
from .backends import Backend
from .declaration import Measure, Source
from .figures import Number
from .periods import Period
from .rounding import rounded

Series = dict[Measure, list[Number | None]]


def series(
    measures: Iterable[Measure], periods: Sequence[Period], *, as_of: datetime, backend: Backend, within: str = ""
) -> Series:
    """Each measure's figure of each period, as far as it is over at `as_of`; None for one that has not begun, and of
    what the records say of the present only."""
    spans = {n: span for n, period in enumerate(periods) if (span := period.span(as_of)) is not None}
    made: Series = {}
    of: dict[Source, list[Measure]] = {}
    for measure in dict.fromkeys(measures):
        made[measure] = [None] * len(periods)
        if spans and not measure.present_only:
            of.setdefault(measure.source, []).append(measure)
    for source, several in of.items():
        wanted = [(measure, n) for measure in several for n in spans]
        places = {n: place for place, n in enumerate(spans)}
        statement = expressions.statement(
            backend.dialect, source, tuple((measure, places[n]) for measure, n in wanted), (), 2,
            bool(within) and source.area is not None,
        )  # fmt: skip
        rows = backend.rows(statement, list(spans.values()), within)
        for (measure, n), value in zip(wanted, rows[0] if rows else [0] * len(wanted), strict=True):
            made[measure][n] = _figure(measure, value)
    return made


def any_in(measure: Measure, period: Period, *, as_of: datetime, backend: Backend, within: str = "") -> bool:
    """Whether any record counts in the period, as far as it is over at `as_of`: the first that is found will do."""
    span = period.span(as_of)
    if span is None or (measure.present_only and span.until != as_of):
        return False
    statement = expressions.existence(backend.dialect, measure, bool(within) and measure.source.area is not None)
    return bool(backend.rows(statement, [span], within))


def _figure(measure: Measure, value: Number | None) -> Number:
    return rounded(value, measure.places, measure.rounding) if isinstance(value, Decimal) else value or 0
