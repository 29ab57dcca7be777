"""Measures × areas × industries for a period and those it is compared with: one query per source, the rest adds up."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from . import expressions
from .backends import Backend, Postgres
from .declaration import AnyMeasure, Measure, Source, parts
from .periods import Period, Span
from .rounding import change, quotient, rounded

if TYPE_CHECKING:
    import pyarrow as pa

Number = int | Decimal
When = Literal["now", "previous", "last_year"]
WHENS: tuple[When, ...] = ("now", "previous", "last_year")
Key = When | Period
"""By what a span is found among those that were asked for."""
Absence = Literal["", "not_begun", "present_only", "no_period", "dimension", "denominator", "unstated", "not_asked"]
"""Why a figure is not available: the period has not begun; the records say it of this moment only; there is no
such period; the records do not have that dimension; nothing stands below the line; nobody has stated it of this area
and just this period; it was not computed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, or None and why there is none. A ratio shows what it is made of."""

    value: Number | None
    absent: Absence = ""
    numerator: Number | None = None
    denominator: Number | None = None
    raw: tuple[Number, Number, int] = (0, 1, 1)
    """What was counted, what it is divided by, and the scale."""

    @property
    def exact(self) -> Fraction | None:
        """The value before rounding."""
        above, below, scale = self.raw
        return None if self.value is None else Fraction(above) / Fraction(below) * scale


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure beside those of the period before and of the same period last year."""

    now: Figure
    previous: Figure
    last_year: Figure

    def difference(self, when: When) -> Number | None:
        """The difference from that period, in the measure's unit (percentage points for per cent)."""
        base: Figure = getattr(self, when)
        return None if self.now.value is None or base.value is None else self.now.value - base.value

    def change(self, when: When) -> Decimal | None:
        """The change from that period in per cent, one place, of the unrounded figures; None from zero."""
        return change(self.now.exact, getattr(self, when).exact)


AREA = 12
"""Digits of a whole division code."""
_NOT_BEGUN, _NO_PERIOD, _NOT_ASKED = Figure(None, "not_begun"), Figure(None, "no_period"), Figure(None, "not_asked")


class Figures:
    """The figures of some measures for a period, to be looked up and summed over any of the dimensions `by`."""

    def __init__(
        self,
        period: Period,
        as_of: datetime,
        by: tuple[str, ...],
        digits: int,
        compared: bool,
        spans: Mapping[Key, Span],
        whole: str = "",
    ) -> None:
        self.period, self.as_of, self.by, self.digits = period, as_of, by, digits
        self.compared, self.spans, self.whole = compared, spans, whole
        self._tables: dict[Source, tuple[tuple[str, ...], pa.Table]] = {}
        self._columns: dict[tuple[Measure, Key], str] = {}
        self._absent: set[tuple[Measure, Key]] = set()
        self._rolled: dict[Any, dict[tuple[Any, ...], dict[str, Any]]] = {}

    def at(self, measure: AnyMeasure, **where: str | None) -> Compared:
        """The figures at a place in the cube: `area` a prefix of the division code, `industry` a code, further cuts.

        None stands for records without that value; a dimension left out is summed over. Raises LookupError for a
        dimension by which was not computed, or an area below the tier that was.
        """
        self._computed(where)
        return Compared(
            *[self._figure(measure, when, where) if when in self.spans else self._none(when) for when in WHENS]
        )

    def now(self, measure: AnyMeasure, **where: str | None) -> Figure:
        """The figure of the period alone; see `at`."""
        self._computed(where)
        return self._figure(measure, "now", where) if "now" in self.spans else self._none("now")

    def _computed(self, where: Mapping[str, str | None]) -> None:
        if unknown := where.keys() - set(self.by):
            raise LookupError(f"not computed by {', '.join(sorted(unknown))}")
        if len(where.get("area") or "") > self.digits:
            raise LookupError(f"computed by areas of {self.digits} digits, not {where['area']}")

    def through(self, measure: AnyMeasure, periods: Iterable[Period], **where: str | None) -> list[Figure]:
        """The measure's figure in each of the periods for which it was asked through several; see `at`."""
        self._computed(where)
        return [self._figure(measure, period, where) if period in self.spans else _NOT_BEGUN for period in periods]

    def keys(self, *by: str, digits: int | None = None) -> list[tuple[Any, ...]]:
        """The values of the dimensions `by` for which there are records, in order; areas cut to `digits`."""
        found: dict[tuple[Any, ...], None] = {}
        for source, (dimensions, _table) in self._tables.items():
            if set(by) <= set(dimensions) and not source.stated:
                found |= dict.fromkeys(self._rolled_up(source, by, self.digits if digits is None else digits))
        return sorted(found, key=lambda key: [(part is None, part) for part in key])

    def narrowed(
        self,
        area: str = "",
        industries: Collection[str] | None = None,
        digits: int | None = None,
        measures: Iterable[AnyMeasure] | None = None,
    ) -> Figures:
        """The same figures as if only records within `area` (a prefix) and of these `industries` had been counted.

        Areas are told apart by `digits`, at most those that were computed; with `measures` there are only these. Raises
        LookupError where what was counted is not told apart by what it is to be narrowed by.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        digits = self.digits if digits is None else digits
        if max(len(area), digits) > self.digits:
            raise LookupError(f"computed by areas of {self.digits} digits")
        made = Figures(self.period, self.as_of, self.by, digits, self.compared, self.spans, area or self.whole)
        made._columns, made._absent = self._columns, self._absent
        if measures is not None:
            wanted = {part for one in measures for part in parts(one)}
            made._columns = {pair: column for pair, column in self._columns.items() if pair[0] in wanted}
        for source, (dimensions, table) in self._tables.items():
            if measures is not None:
                columns = [column for (part, _key), column in made._columns.items() if part.source is source]
                if not columns:
                    continue
                table = table.select([*dimensions, *columns])
            if area:
                _told_apart(source, "area", dimensions)
                table = table.filter(pc.starts_with(table["area"], area))
            if industries is not None:
                _told_apart(source, "industry", dimensions)
                table = table.filter(pc.is_in(table["industry"], pa.array(sorted(industries), pa.string())))
            made._tables[source] = (dimensions, _summed(table, dimensions, AREA if source.stated else digits))
        return made

    def redrawn(self, moved: Mapping[str, str], digits: int) -> Figures:
        """The same figures by other divisions, told apart by `digits`: areas that begin with a key of `moved` are those
        of its value, and stand there without a place below it. Of several keys the longest decides. What was stated of
        an area was stated of it alone, and stays.

        Raises LookupError where areas were not told apart as far as a key goes.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if any(len(key) > self.digits for key in moved) or digits > self.digits:
            raise LookupError(f"computed by areas of {self.digits} digits")
        lengths = sorted({len(key) for key in moved}, reverse=True)

        def now(area: str | None) -> str | None:
            if area is not None:
                for length in lengths:
                    if (found := moved.get(area[:length])) is not None:
                        return found.ljust(self.digits, "0")
            return area

        made = Figures(self.period, self.as_of, self.by, digits, self.compared, self.spans, self.whole)
        made._columns, made._absent = self._columns, self._absent
        for source, (dimensions, table) in self._tables.items():
            if "area" in dimensions and not source.stated:
                coded = table["area"].combine_chunks().dictionary_encode()
                areas = pa.array([now(area) for area in coded.dictionary.to_pylist()], pa.string())
                place = table.column_names.index("area")
                table = table.set_column(place, "area", pc.take(areas, coded.indices))
                table = _summed(table, dimensions, digits)
            made._tables[source] = (dimensions, table)
        return made

    def _none(self, when: When) -> Figure:
        """What there is for a period that was not computed."""
        return _NOT_BEGUN if "now" not in self.spans else _NO_PERIOD if self.compared else _NOT_ASKED

    def _figure(self, measure: AnyMeasure, when: Key, where: Mapping[str, str | None]) -> Figure:
        if isinstance(measure, Measure):
            return self._plain(measure, when, where)
        above, below = self._plain(measure.numerator, when, where), self._plain(measure.denominator, when, where)
        absent: Absence = above.absent or below.absent
        if not absent and not where.keys() <= measure.dimensions:
            absent = "dimension"
        value = None
        if not absent:
            value = quotient(
                above.value, below.value, scale=measure.scale, places=measure.places, policy=measure.rounding
            )
            absent = "denominator" if value is None else ""
        raw = (above.raw[0], below.raw[0] or 1, measure.scale)
        return Figure(value, absent, above.value, below.value, raw)

    def _plain(self, measure: Measure, when: Key, where: Mapping[str, str | None]) -> Figure:
        column = self._columns.get((measure, when))
        if not where.keys() <= measure.dimensions:
            return Figure(None, "dimension")
        if column is None:
            return Figure(None, "present_only" if (measure, when) in self._absent else "not_asked")
        raw = self._row(measure.source, where).get(column)
        if raw is None:
            if measure.source.stated:
                return Figure(None, "unstated")
            raw = 0
        value = rounded(raw, measure.places, measure.rounding) if isinstance(raw, Decimal) else raw
        return Figure(value, raw=(raw, 1, 1))

    def _row(self, source: Source, where: Mapping[str, str | None]) -> Mapping[str, Number | None]:
        """The sums of one cell; empty where there are no records."""
        if source.stated:
            of = where.get("area", self.whole) or ""
            # The records that lie in none of the areas below one are not the whole of it.
            rest = any(len(of) > digits and not of[digits:].strip("0") for digits in (2, 6, 9))
            cut = tuple(name for name in self.by if name in where and name != "area")
            key = ("" if rest else of.ljust(AREA, "0"), *(where[name] for name in cut))
            return self._rolled_up(source, ("area", *cut), AREA).get(key, {})
        dimensions = tuple(name for name in self.by if name in where)
        area = where.get("area")
        cell = tuple(where[name] for name in dimensions)
        return self._rolled_up(source, dimensions, 0 if area is None else len(area)).get(cell, {})

    def _rolled_up(self, source: Source, by: tuple[str, ...], digits: int) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Sums over all dimensions but `by`, with areas cut to `digits`; made once."""
        asked = (source, by, digits if "area" in by else 0)
        if asked not in self._rolled:
            summed = _summed(self._tables[source][1], by, digits)
            columns = [name for name in summed.column_names if name not in by]
            self._rolled[asked] = {
                tuple(row[name] for name in by): {name: row[name] for name in columns} for row in summed.to_pylist()
            }
        return self._rolled[asked]


def _told_apart(source: Source, name: str, dimensions: Sequence[str]) -> None:
    if name not in dimensions:
        raise LookupError(f"{source.table} was not computed by {name}")


def _summed(table: pa.Table, by: Sequence[str], digits: int) -> pa.Table:
    """The sums over all dimensions but `by`, in that order, with areas cut to `digits`."""
    import pyarrow.compute as pc

    figures = [name for name in table.column_names if name.startswith("f")]
    if "area" in by:
        place = table.column_names.index("area")
        table = table.set_column(place, "area", pc.utf8_slice_codeunits(table["area"], 0, digits))
    summed = table.group_by(list(by), use_threads=False).aggregate([(name, "sum") for name in figures])
    return summed.select([*by, *(f"{name}_sum" for name in figures)]).rename_columns([*by, *figures])


@dataclass(frozen=True, slots=True)
class Question:
    """Some measures in a period, beside the two that it is compared with; or `through` several periods."""

    measures: tuple[AnyMeasure, ...]
    period: Period
    compare: bool = True
    through: tuple[Period, ...] = ()


def compute(
    measures: Iterable[AnyMeasure],
    period: Period,
    *,
    as_of: datetime,
    backend: Backend,
    by: Sequence[str] = (),
    digits: int = 6,
    within: str = "",
    compare: bool = True,
    whole: str = "",
) -> Figures:
    """The figures of `measures` in `period`, as far as it is over at `as_of`.

    `by` names the dimensions to cut by, `digits` how far areas are told apart (2 city, 6 district, 9 township,
    12 village); `within` narrows to the areas with that prefix. With `compare`, also of the period before and of
    the same period last year. `whole` is the area (a prefix) all of whose records these are, where that is not
    `within`: what is stated of areas is then that area's. One query for each source.
    """
    asked = Question(tuple(measures), period, compare)
    (made,), spans, scans = _planned([asked], as_of, by, digits, within or whole)
    for scan in scans:
        statement = scan.statement(backend.dialect, bool(within))
        _load_arrow()
        scan.filled(backend.rows(statement, spans, within))
    return made


def compute_together(
    questions: Sequence[Question],
    *,
    as_of: datetime,
    backend: Postgres,
    by: Sequence[str] = (),
    digits: int = 6,
    within: str = "",
    whole: str = "",
) -> list[Figures]:
    """The figures of several questions, each as `compute` gives them, in one query of PostgreSQL, which reads each
    source once: what questions have in common is counted once.
    """
    made, spans, scans = _planned(questions, as_of, by, digits, within or whole)
    if scans:
        statement = expressions.gathered([
            (scan.statement(backend.dialect, bool(within)), len(scan.dimensions), len(scan.wanted)) for scan in scans
        ])  # fmt: skip
        _load_arrow()
        found: list[list[tuple[Any, ...]]] = [[] for _ in scans]
        for place, keys, figures_ in backend.rows(statement, spans, within):
            found[place].append((*keys, *figures_))
        for scan, rows in zip(scans, found, strict=True):
            scan.filled(rows)
    return made


def _load_arrow() -> None:
    """Begins to load what figures are kept in, beside the first query of a process: it takes half a second, a part of
    which is pandas, for which pyarrow looks at its first conversion."""

    def load() -> None:
        import pyarrow as pa

        pa.array([0])

    if "pyarrow" not in sys.modules:
        threading.Thread(target=load, name="arrow").start()


@dataclass(frozen=True, slots=True)
class _Scan:
    """One pass over a source: each wanted measure and span with its place among the figures of a row, and to which
    figures they go.
    """

    source: Source
    dimensions: tuple[str, ...]
    digits: int
    wanted: dict[tuple[Measure, int], int] = field(default_factory=dict)
    goes_to: list[tuple[Figures, list[tuple[Measure, Key, int]]]] = field(default_factory=list)

    def statement(self, dialect: str, within: bool) -> expressions.Statement:
        return expressions.statement(
            dialect, self.source, tuple(self.wanted), self.dimensions, self.digits,
            within and self.source.area is not None,
        )  # fmt: skip

    def filled(self, rows: Sequence[tuple[Any, ...]]) -> None:
        keys, shared = len(self.dimensions), len(self.goes_to) > 1
        for figures, columns in self.goes_to:
            # Where nothing counts for these figures, others alone have the row. A count of nothing is nought, a sum
            # over nothing is null.
            places = [(keys + place, 0 if measure.value is None else None) for measure, _, place in columns]
            own = [
                (*row[:keys], *(row[place] for place, _ in places))
                for row in rows
                if not shared or any(row[place] != nothing for place, nothing in places)
            ]
            table = _table(self.source, self.dimensions, [measure for measure, _, _ in columns], own)
            figures._tables[self.source] = (self.dimensions, table)
            figures._columns |= {(measure, key): f"f{n}" for n, (measure, key, _) in enumerate(columns)}


def _planned(
    questions: Sequence[Question], as_of: datetime, by: Sequence[str], digits: int, whole: str
) -> tuple[list[Figures], list[Span], list[_Scan]]:
    """The figures of these questions, still empty; their spans, as they are numbered; the passes that fill the figures,
    one for each source.
    """
    made = [
        Figures(q.period, as_of, tuple(by), digits, q.compare and not q.through, _spans(q, as_of), whole)
        for q in questions
    ]
    numbers: dict[Span, int] = {}
    for figures in made:
        for span in figures.spans.values():
            numbers.setdefault(span, len(numbers))
    scans: dict[Source, _Scan] = {}
    for question, figures in zip(questions, made, strict=True):
        columns: dict[Source, list[tuple[Measure, Key, int]]] = {}
        for part in dict.fromkeys(part for one in question.measures for part in parts(one)):
            for key, span in figures.spans.items():
                if part.present_only and span.until != figures.as_of:
                    figures._absent.add((part, key))
                    continue
                if part.source not in scans:
                    scans[part.source] = _scan(part.source, figures)
                wanted = scans[part.source].wanted
                place = wanted.setdefault((part, numbers[span]), len(wanted))
                columns.setdefault(part.source, []).append((part, key, place))
        for source, own in columns.items():
            scans[source].goes_to.append((figures, own))
    return made, list(numbers), list(scans.values())


def _scan(source: Source, figures: Figures) -> _Scan:
    dimensions = tuple(name for name in figures.by if name in source.dimensions)
    if source.stated:
        dimensions = ("area", *(name for name in dimensions if name != "area"))
    return _Scan(source, dimensions, AREA if source.stated else figures.digits)


def _spans(asked: Question, as_of: datetime) -> dict[Key, Span]:
    if asked.through:
        return {period: span for period in asked.through if (span := period.span(as_of)) is not None}
    period = asked.period
    spans: dict[Key, Span | None] = {"now": period.span(as_of)}
    if asked.compare:
        befores: dict[When, Period | None] = {"previous": period.previous(), "last_year": period.last_year()}
        for when, other in befores.items():
            spans[when] = None if other is None else period.span_before(other, as_of)
    return {when: span for when, span in spans.items() if span is not None}


def _table(source: Source, by: tuple[str, ...], measures: Sequence[Measure], rows: Sequence[tuple[Any, ...]]) -> Any:
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) or [()] * (len(by) + len(measures))
    keys = {name: pa.array(column, pa.string()) for name, column in zip(by, columns, strict=False)}
    figures = {}
    # What nobody stated is not nought; a sum over no records is.
    nothing = None if source.stated else 0
    for n, (measure, column) in enumerate(zip(measures, columns[len(by) :], strict=True)):
        kind = "int" if measure.value is None else source.columns[measure.value]
        if kind.startswith("int"):
            figures[f"f{n}"] = pa.array([nothing if v is None else int(v) for v in column], pa.int64())
        else:
            scale = int(kind.rstrip(")").split(",")[1])
            figures[f"f{n}"] = pa.array(
                [nothing if v is None else Decimal(v) for v in column], pa.decimal128(38, scale)
            )
    return pa.table(keys | figures)
