"""One measure through many periods in one query: what a line through the year is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from . import expressions
from .backends import Backend
from .declaration import Measure
from .figures import Number
from .periods import Period
from .rounding import rounded


def series(
    measure: Measure, periods: Sequence[Period], *, as_of: datetime, backend: Backend, within: str = ""
) -> list[Number | None]:
    """The measure's figure of each period, as far as it is over at `as_of`; None for one that has not begun."""
    spans = {n: span for n, period in enumerate(periods) if (span := period.span(as_of)) is not None}
    if not spans or measure.present_only:
        return [None] * len(periods)
    at = {n: place for place, n in enumerate(spans)}
    statement = expressions.statement(
        backend.dialect, measure.source, tuple((measure, place) for place in at.values()), (), 2,
        bool(within) and measure.source.area is not None,
    )  # fmt: skip
    rows = backend.rows(statement, list(spans.values()), within)
    row = rows[0] if rows else (0,) * len(spans)

    def figure(value: Number | None) -> Number:
        return rounded(value, measure.places, measure.rounding) if isinstance(value, Decimal) else value or 0

    return [figure(row[at[n]]) if n in at else None for n in range(len(periods))]
