"""From declarations to one statement per source. The only part that needs Ibis, imported when first used.

Begin and end of a period are parameters of the statement, so that one compiled statement serves every period.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache, reduce
from operator import or_
from typing import Any

from .declaration import BadMeasure, Measure, Source
from .periods import BEIJING, Span

_PARAMETER = re.compile(r"ANLAN_([A-Z_]+?)_(\d+)\(\)", re.IGNORECASE)
_TYPES = {"begin": "timestamp('UTC')", "until": "timestamp('UTC')", "begin_day": "date", "until_day": "date"}
_PREFIX = {"low": "string", "high": "string"}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with a call `ANLAN_…()` for each parameter; `parameters` are their names and span numbers, in order."""

    sql: str
    parameters: tuple[tuple[str, int], ...]

    def text(self, placeholder: str) -> str:
        """The SQL as a driver takes it; a driver with `%s` reads every other % doubled."""
        sql = self.sql.replace("%", "%%") if placeholder == "%s" else self.sql
        return _PARAMETER.sub(placeholder, sql)

    def arguments(self, spans: Sequence[Span], within: str = "") -> list[Any]:
        """The values of the parameters, in order; moments in UTC, days in Beijing."""
        values: dict[tuple[str, int], Any] = {
            (name, n): v for n, span in enumerate(spans) for name, v in bounds(span).items()
        }
        values |= {("low", 0): within, ("high", 0): within + "~"}
        return [values[parameter] for parameter in self.parameters]


def bounds(span: Span) -> dict[str, datetime | date]:
    """What the parameters of a span stand for."""
    return {
        "begin": span.begin.astimezone(UTC),
        "until": span.until.astimezone(UTC),
        "begin_day": span.begin.astimezone(BEIJING).date(),
        "until_day": span.until.astimezone(BEIJING).date(),
    }


@cache
def _parameter(name: str, span: int) -> Any:
    import ibis

    kind = (_TYPES | _PREFIX)[name]
    return ibis.udf.scalar.builtin(lambda: ..., name=f"anlan_{name}_{span}", signature=((), kind))()


@dataclass(frozen=True, slots=True)
class Bounds:
    """The period, as a measure's condition sees it."""

    number: int = 0

    @property
    def begin(self) -> Any:
        """Its first moment (included)."""
        return _parameter("begin", self.number)

    @property
    def until(self) -> Any:
        """The first moment after what of it is over."""
        return _parameter("until", self.number)

    @property
    def begin_day(self) -> Any:
        """Its first day in Beijing."""
        return _parameter("begin_day", self.number)

    @property
    def until_day(self) -> Any:
        """The first day that is not over yet."""
        return _parameter("until_day", self.number)

    def holds(self, moment: Any) -> Any:
        """The moment lies in the period."""
        return (moment >= self.begin) & (moment < self.until)

    def holds_day(self, day: Any) -> Any:
        """The day lies in the period and is over."""
        return (day >= self.begin_day) & (day < self.until_day)

    def not_before_end(self, moment: Any) -> Any:
        """The moment has not come by the end of the period: it lies later, or is not known to have come at all."""
        return moment.isnull() | (moment >= self.until)

    @staticmethod
    def day_of(moment: Any) -> Any:
        """The day in Beijing. Sessions run on UTC, and Beijing has been eight hours ahead since 1991."""
        import ibis

        return (moment + ibis.interval(hours=8)).cast("date")


@cache
def _table(source: Source) -> Any:
    import ibis

    return ibis.table(dict(source.columns), name=source.table)


def condition(measure: Measure, table: Any, span: int = 0) -> Any:
    """The measure's condition over `table`. Raises `BadMeasure` where it is none."""
    import ibis.expr.types as ir

    try:
        made = measure.where(table, Bounds(span))
    except AttributeError as error:
        raise BadMeasure(f"{measure.name}: {error}") from error
    if not isinstance(made, ir.BooleanValue):
        raise BadMeasure(f"{measure.name}: the condition is no true-or-false expression of the table")
    return made


def columns_read(measures: Sequence[Measure], source: Source) -> tuple[str, ...]:
    """The columns that these measures and the source's dimensions read, in the table's order."""
    import ibis.expr.operations as ops

    table = _table(source)
    read = {field.name for m in measures for field in condition(m, table).op().find(ops.Field)}
    read |= {m.value for m in measures if m.value} | set(source.dimensions.values())
    return tuple(name for name in source.columns if name in read)


@lru_cache(maxsize=512)
def statement(
    dialect: str,
    source: Source,
    wanted: tuple[tuple[Measure, int], ...],
    by: tuple[str, ...],
    digits: int,
    within: bool,
) -> Statement:
    """All `wanted` (a measure and the number of its span) in one pass over `source`.

    The rows hold the dimensions `by`, the area cut to `digits` of its code, and then a figure for each wanted one.
    `within` narrows to areas with a prefix.
    """
    table = _table(source)
    rows = _rows(source, _any([condition(m, table, span) for m, span in wanted]), within)
    keys = {}
    for n, name in enumerate(by):
        column = rows[source.dimensions[name]]
        # A code that is missing and one that is empty both say: none.
        keys[f"k{n}"] = column.left(digits) if name == "area" else column.nullif("")
    figures = {}
    for n, (measure, span) in enumerate(wanted):
        counted = condition(measure, rows, span)
        value = rows.count(where=counted) if measure.value is None else rows[measure.value].sum(where=counted)
        figures[f"f{n}"] = value
    return _compiled(rows.group_by(**keys).agg(**figures) if keys else rows.aggregate(**figures), dialect, source)


@lru_cache(maxsize=512)
def existence(dialect: str, measure: Measure, within: bool) -> Statement:
    """A row where any record counts for the measure, and none where none does."""
    import ibis

    source = measure.source
    rows = _rows(source, condition(measure, _table(source)), within)
    return _compiled(rows.limit(1).select(one=ibis.literal(1)), dialect, source)


def _rows(source: Source, condition: Any, within: bool) -> Any:
    """The records for which the condition holds; `within` an area, of which the parameters are low and high."""
    rows = _table(source).filter(condition)
    if within:
        area = rows[source.area]
        rows = rows.filter((area >= _parameter("low", 0)) & (area < _parameter("high", 0)))
    return rows


def _compiled(made: Any, dialect: str, source: Source) -> Statement:
    import ibis

    sql = str(ibis.to_sql(made, dialect=dialect, pretty=False))
    return _statement(_with_computed(sql, source) if source.computed and dialect == "postgres" else sql)


def gathered(statements: Sequence[tuple[Statement, int, int]]) -> Statement:
    """Several statements of PostgreSQL as one: each with how many keys and figures its rows hold. Rows are the
    statement's place, its keys as texts and its figures as exact numbers.
    """
    parts: list[str] = []
    parameters: list[tuple[str, int]] = []
    for n, (made, keys, figures) in enumerate(statements):
        names, values = (", ".join(f'"{x}{i}"' for i in range(m)) for x, m in (("k", keys), ("f", figures)))
        parts.append(f"SELECT {n}, ARRAY[{names}]::text[], ARRAY[{values}]::numeric[] FROM ({made.sql}) AS s{n}")
        parameters += made.parameters
    return Statement(" UNION ALL ".join(parts), tuple(parameters))


def _with_computed(sql: str, source: Source) -> str:
    """The statement over the table as its computed columns are read, instead of as it stands."""
    import sqlglot
    import sqlglot.expressions as sge

    columns = ", ".join(f'{source.computed.get(c, "{row}." + c).format(row="row_")} AS "{c}"' for c in source.columns)
    read = sqlglot.parse_one(f'SELECT {columns} FROM "{source.table}" AS row_', read="postgres")

    def computed(node: Any) -> Any:
        if isinstance(node, sge.Table) and node.name == source.table:
            return sge.Subquery(this=read.copy(), alias=node.args["alias"])
        return node

    return sqlglot.parse_one(sql, read="postgres").transform(computed).sql(dialect="postgres")


def _any(conditions: Sequence[Any]) -> Any:
    """At least one of the conditions holds; one that another implies (A or A and B) is left out."""
    import ibis.expr.operations as ops

    def members(node: Any) -> frozenset[Any]:
        return members(node.left) | members(node.right) if isinstance(node, ops.And) else frozenset((node,))

    by_members = {members(c.op()): c for c in conditions}
    return reduce(or_, [c for own, c in by_members.items() if not any(other < own for other in by_members)])


@lru_cache(maxsize=512)
def where_clause(dialect: str, measure: Measure, alias: str, quoted: bool = True) -> Statement:
    """The measure's condition as SQL over a table that the query around it calls `alias`."""
    return _where(dialect, measure.source, condition(measure, _table(measure.source)), alias, quoted)


@dataclass(frozen=True, slots=True)
class Demand:
    """One of the things that must all be so for a record to count, and the columns on which it rests."""

    statement: Statement
    columns: tuple[str, ...]


@lru_cache(maxsize=512)
def demands(dialect: str, measure: Measure, alias: str) -> tuple[Demand, ...]:
    """The measure's condition in the parts that must all hold, over a table that is called `alias`."""
    import ibis.expr.operations as ops

    def members(node: Any) -> list[Any]:
        return members(node.left) + members(node.right) if isinstance(node, ops.And) else [node]

    return tuple(
        Demand(
            _where(dialect, measure.source, node.to_expr(), alias, True),
            tuple(dict.fromkeys(field.name for field in node.find(ops.Field))),
        )
        for node in members(condition(measure, _table(measure.source)).op())
    )


def _where(dialect: str, source: Source, expression: Any, alias: str, quoted: bool) -> Statement:
    import ibis.backends.sql.compilers as compilers
    import sqlglot
    import sqlglot.expressions as sge

    # The clause and not what stands in it: a bare column is replaced as a whole.
    tree = getattr(compilers, dialect).compiler.to_sqlglot(_table(source).filter(expression)).args["where"]
    row = sge.to_identifier(alias, quoted=quoted)
    for column in list(tree.find_all(sge.Column)):
        if sql := source.computed.get(column.name) if dialect == "postgres" else None:
            column.replace(sqlglot.parse_one(sql.format(row=row.sql(dialect=dialect)), read=dialect))
        else:
            column.set("table", row.copy())
    return _statement(tree.this.sql(dialect=dialect))


def _statement(sql: str) -> Statement:
    return Statement(sql, tuple((name.lower(), int(n)) for name, n in _PARAMETER.findall(sql)))
