"""From a figure to the list of the records that it counts, by the very condition by which it counts them.

The list's address says it: `counted` the measure, `period` the period, `until` where a period is cut for a
comparison, `area_begins` an area without those below it, `without` a dimension that the record does not have.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from django.db import models
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler
from django.urls import reverse
from django.utils.translation import gettext as _

from anlan.engines.measures import AnyMeasure, BadPeriod, Measure, Period, Span, parts

from .. import areas, clock
from ..registers.declaration import Register
from ..registers.query import BadQuery
from ..scope import area_prefix
from . import words
from .declaring import REGISTRY

if TYPE_CHECKING:
    from anlan.engines.measures.figures import Figures, When


def records_url(figures: Figures, measure: AnyMeasure, when: When = "now", **where: str | None) -> str:
    """The address of the list whose records are that figure: of a ratio, those above the line. "" if there is none."""
    counted = parts(measure)[0]
    if counted.source.stated:
        where.setdefault("area", figures.whole)
    period, span = _period(figures.period, when), figures.spans.get(when)
    if period is None or span is None:
        return ""
    until = ""
    if when != "now" and (whole := period.span(figures.as_of)) is not None and span.until < whole.until:
        until = span.until.isoformat()
    return list_url(counted, period, until, **where)


def list_url(measure: Measure, period: Period, until: str = "", /, **where: str | None) -> str:
    """The address of the list of what a measure counts in a period, cut short at the moment `until` if given.

    `where` is as for `Figures.at`; "" if there is no such list or the records do not have such a dimension.
    """
    if not measure.source.register or set(where) - measure.dimensions:
        return ""
    asked = {"counted": measure.name, "period": period.name}
    if until:
        asked["until"] = until
    without: list[str] = []
    for name, value in where.items():
        column = measure.source.dimensions[name]
        field = _field(measure.source.register, column)
        if value is None:
            without.append(name)
        elif name == "area" and measure.source.stated:
            asked["area_begins"] = value.ljust(12, "0")
        elif name == "area" and area_prefix(value.ljust(12, "0")) != value:
            asked["area_begins"] = value
        elif value:
            asked[field] = value
    if without:
        asked["without"] = ",".join(without)
    return f"{_list_of(measure.source.register)}?{urlencode(asked)}"


def _period(period: Period, when: When) -> Period | None:
    return {"now": lambda: period, "previous": period.previous, "last_year": period.last_year}[when]()


@cache
def _list_of(register: str) -> str:
    return reverse("registers:list", args=(register,))


@cache
def _field(register: str, column: str) -> str:
    """The name that the register's filter of that column has in an address."""
    from ..registers import register_named

    declared = register_named(register)
    assert declared is not None
    field = declared.field(column)
    assert field is not None
    return str(field.name)


class Counted(Expression):
    """A measure's condition as a condition of a query over its table, under whatever name the query has for it."""

    conditional = True

    def __init__(self, measure: Measure, span: Span) -> None:
        super().__init__(output_field=models.BooleanField())
        self.measure, self.span, self.alias = measure, span, measure.source.table

    def resolve_expression(self, query: Any = None, *args: Any, **kwargs: Any) -> Self:
        resolved = copy.copy(self)
        resolved.alias = query.get_initial_alias()
        return resolved

    def relabeled_clone(self, change_map: Mapping[str, str]) -> Self:
        relabeled = copy.copy(self)
        relabeled.alias = change_map.get(self.alias, self.alias)
        return relabeled

    def as_sql(self, compiler: SQLCompiler, connection: Any, **_context: Any) -> tuple[str, tuple[Any, ...]]:
        from anlan.engines.measures.expressions import where_clause

        # Django quotes the names of tables, and not those that it gives them inside other queries.
        quoted = compiler.quote_name_unless_alias(self.alias) != self.alias
        made = where_clause("postgres", self.measure, self.alias, quoted)
        return f"({made.text('%s')})", tuple(made.arguments([self.span]))


class CountedIn:
    """Narrows a register's list to what a figure counts: see `registers.query.narrow_by`."""

    parameters: tuple[str, ...] = ("counted", "period", "until", "area_begins", "without")

    def rows(
        self, declared: type[Register], rows: models.QuerySet[Any], asked: Mapping[str, Any]
    ) -> models.QuerySet[Any]:
        """The rows that the figure of this address counts. Raises `BadQuery`."""
        given = {name: str(asked[name]) for name in self.parameters if asked.get(name)}
        # A register may have a filter of its own that is called like one of these.
        if "counted" not in given and set(given) <= set(declared.filters):
            return rows
        measure, period = _asked(declared, given)
        now = clock.now()
        span = period.span(now)
        if span is None:
            raise BadQuery("period", _("This period has not begun."))
        if "until" in given:
            span = Span(span.begin, _moment(given["until"], span))
        if measure.present_only and span.until != now:
            raise BadQuery("period", _("The records say this of the present only."))
        if begins := given.get("area_begins"):
            if not (begins.isascii() and begins.isdigit() and len(begins) <= 12) or measure.source.area is None:
                raise BadQuery("area_begins", _("A division code has at most 12 digits."))
            rows = rows.filter(areas.within(begins, _field(measure.source.register, measure.source.area)))
        for name in _without(given):
            if name not in measure.dimensions:
                raise BadQuery("without", _("This list is not cut by that."))
            rows = rows.filter(_empty(declared, measure.source.dimensions[name]))
        return rows.filter(Counted(measure, span))

    def chips(
        self, declared: type[Register], asked: Mapping[str, Any], rows: models.QuerySet[Any]
    ) -> list[tuple[str, str, tuple[str, ...]]]:
        """What of the address this is, in words: label, value, and the parameters that it stands for.

        Of a figure that is a sum, the sum over the list: the number of its records is another number.
        """
        given = {name: str(asked[name]) for name in self.parameters if asked.get(name)}
        if "counted" not in given and set(given) <= set(declared.filters):
            return []
        measure, period = _asked(declared, given)
        what = _("%(measure)s, %(period)s") % {"measure": measure.title, "period": words.period_title(period)}
        if measure.value is not None:
            total = rows.order_by().aggregate(total=models.Sum(measure.value))["total"] or 0
            what = _("%(what)s: %(total)s %(unit)s") % {"what": what, "total": f"{total:,}", "unit": measure.unit}
        made: list[tuple[str, str, tuple[str, ...]]] = [(_("Counted as"), what, ("counted", "period", "until"))]
        if begins := given.get("area_begins"):
            code = begins.ljust(12, "0")
            made.append((_("Area"), words.itself(areas.names([code])[code]), ("area_begins",)))
        if without := _without(given):
            titles = ", ".join(words.dimension_title(measure, name) for name in without)
            made.append((_("Without"), titles, ("without",)))
        return made


def _asked(declared: type[Register], given: Mapping[str, str]) -> tuple[Measure, Period]:
    if "period" not in given:
        raise BadQuery("period", _("Say of which period."))
    try:
        period = Period.parse(given["period"])
    except BadPeriod as error:
        raise BadQuery("period", words.no_period(error)) from None
    try:
        measure = REGISTRY.named(given.get("counted", ""), period.first)
    except KeyError:
        raise BadQuery("counted", _("There is no such figure.")) from None
    if not isinstance(measure, Measure) or measure.source.register != declared.name:
        raise BadQuery("counted", _("This figure does not count the records of this list."))
    return measure, period


def _without(given: Mapping[str, str]) -> list[str]:
    return [name for name in given.get("without", "").split(",") if name]


def _empty(declared: type[Register], column: str) -> models.Q:
    """The column is null or an empty text, which figures do not tell apart."""
    field = declared.field(column)
    assert field is not None
    empty = models.Q(**{f"{field.name}__isnull": True})
    return empty if isinstance(field, models.ForeignKey) else empty | models.Q(**{field.name: ""})


def _moment(text: str, span: Span) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuery("until", _("This is no moment.")) from None
    if moment.tzinfo is None or not span.begin < moment <= span.until:
        raise BadQuery("until", _("This moment does not lie in the period."))
    return moment
