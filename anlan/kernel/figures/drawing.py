"""What boards and pages show, as data: cards and figures that a page, a sheet and a screen reader tell alike."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from itertools import accumulate
from math import floor
from typing import Any, Literal

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from anlan.engines.measures import Line, Period
from anlan.engines.measures.targets import Number

from ..sheets.writing import safe

Kind = Literal["line", "bar", "map", "heat", "table"]
Text = str | Promise
SHADES = 5
"""Steps of shading above none; limits lie so that each step has about as many cells."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One number, None where it cannot be said; `url` opens the records that it counts."""

    value: Any
    url: str = ""
    shade: int = 0

    @property
    def text(self) -> str:
        """As it is printed: groups of three, a dash for what is not available."""
        return "–" if self.value is None else f"{self.value:,}"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a figure's table; `code` is the division's first six digits where it is one."""

    label: Text
    cells: tuple[Cell, ...]
    code: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A series of numbers. `guide` marks what others are measured by (a control line), drawn dashed.

    What counts other things than the figure's unit says is in the table alone: not `drawn`.
    """

    label: Text
    guide: bool = False
    drawn: bool = True


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing and the table it is made of. `words` say in one sentence what it shows, `basis` how it was counted."""

    name: str
    title: Text
    kind: Kind
    first: Text
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    unit: Text = ""
    words: Text = ""
    basis: Text = ""
    sheet_url: str = ""
    """Where its table can be had as a sheet; empty: nowhere."""

    @property
    def empty(self) -> bool:
        """Whether nothing at all was counted; a control line is no count."""
        counted = [n for n, column in enumerate(self.columns) if not column.guide]
        return not any(row.cells[n].value for row in self.rows for n in counted)

    def sheet(self) -> str:
        """The table as text with separators, with the mark by which Excel reads it as UTF-8."""
        file = io.StringIO()
        out = csv.writer(file)
        unit = f" ({self.unit})" if self.unit else ""
        out.writerow([str(self.first), *(f"{c.label}{unit if c.drawn else ''}" for c in self.columns)])
        for row in self.rows:
            out.writerow([safe(str(row.label)), *("" if c.value is None else c.value for c in row.cells)])
        return "\ufeff" + file.getvalue()


@dataclass(frozen=True, slots=True)
class Card:
    """One number that matters, against what it is held to.

    `limit` is what it may reach; `state` is "calm", "near" or "over", `words` say it; `share` is 0–100 of the limit.
    """

    title: Text
    cell: Cell
    unit: Text = ""
    limit: Cell | None = None
    words: Text = ""
    state: Literal["calm", "near", "over"] = "calm"
    notes: tuple[Text, ...] = field(default=())

    @property
    def share(self) -> int | None:
        """How much of the limit is used, in per cent, at most 100; None without a limit."""
        if self.limit is None or self.limit.value is None or self.cell.value is None:
            return None
        if not self.limit.value:
            return 100 if self.cell.value else 0
        return max(0, min(100, round(self.cell.value * 100 / self.limit.value)))


def shaded(rows: Sequence[Row], columns: int | None = None) -> tuple[Row, ...]:
    """The rows with a shade for each cell of the first `columns`, 0 for none to SHADES: by its place among all."""
    above = sorted(c.value for r in rows for c in r.cells[:columns] if c.value)
    # So many cells in each step, that one large number does not whiten all others; few numbers are told apart anyway.
    several = sorted(set(above))
    if len(several) > SHADES:
        several = sorted({above[0], *(above[len(above) * step // SHADES] for step in range(1, SHADES))})

    def shade(value: Any) -> int:
        return sum(value >= limit for limit in several) if value else 0

    return tuple(
        replace(
            r,
            cells=(
                *(replace(c, shade=shade(c.value)) for c in r.cells[:columns]),
                *(r.cells[columns:] if columns else ()),
            ),
        )
        for r in rows
    )


def listed(figure: Figure, column: int = 0, most: int = 3) -> str:
    """The rows with the highest numbers of a column in words: for the sentence under a figure."""
    ranked = sorted((r for r in figure.rows if r.cells[column].value), key=lambda r: -r.cells[column].value)[:most]
    return _(", ").join(f"{r.label} {r.cells[column].text}" for r in ranked)


def through_the_year(
    year: int,
    this: Sequence[Number | None],
    last: Sequence[Number | None],
    url: Callable[[Period], str],
    held_to: tuple[Number, Line] | None = None,
) -> tuple[tuple[Column, ...], tuple[Row, ...], str]:
    """Months as they add up, this year's beside last year's, and the control line of what the year is held to.

    `this` and `last` are twelve figures, None for months to come; `url` opens the records from New Year to a day.
    Columns, rows, and in a sentence what shape the line has.
    """
    columns = [Column(_("%(year)s, to date") % {"year": year})]
    if held_to is not None:
        columns.append(Column(_("Control line"), guide=True))
    columns.append(Column(_("Year %(year)s") % {"year": year - 1}))
    sums, before = (list(accumulate(value or 0 for value in months)) for months in (this, last))

    def cell(total: Number, year: int, month: int) -> Cell:
        return Cell(total, url(Period.of("to_date", last_day(year, month))) if total else "")

    rows = []
    for month in range(1, 13):
        day = last_day(year, month)
        cells = [Cell(None) if this[month - 1] is None else cell(sums[month - 1], year, month)]
        if held_to is not None:
            number, line = held_to
            cells.append(Cell(floor(Fraction(number) * line.share(day))))
        cells.append(cell(before[month - 1], year - 1, month))
        # Translators: how Django's date format writes a month under a chart.
        rows.append(Row(date_format(day, pgettext("format of a month", "M")), tuple(cells)))
    shape = ""
    if held_to is not None and held_to[1].shape == "season":
        shape = _("The control line follows last year's months.")
    elif held_to is not None and held_to[1].shape == "uniform":
        shape = _("The control line is uniform.")
    return tuple(columns), tuple(rows), shape


def last_day(year: int, month: int) -> date:
    """The last day of a month."""
    return date.fromordinal(Period.of("month", date(year, month, 1)).end.toordinal() - 1)
