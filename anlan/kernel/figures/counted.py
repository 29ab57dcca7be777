"""From a record to the figures in which it counts, and why not in the others: by the measures' own definitions.

The database is asked once of every part of every condition over the record's row, for each year that the record may
touch. There is no second rule: what a figure counts, what its list shows and what the record says of itself are one
condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from django.db import connection, models
from django.db.models import GeneratedField
from django.db.models.sql import Query
from django.utils.translation import gettext as _

from anlan.engines.measures import AnyMeasure, Measure, Period, Span

from .. import areas, clock
from ..clock import BEIJING
from ..models import AreaCode, pointed
from ..registers import register_named
from ..registers.cells import cell
from ..registers.declaration import register_of
from ..scope import area_prefix
from . import words
from .declaring import REGISTRY
from .lists import list_url

YEARS = 6
"""A record that is older is looked at in so many years up to now."""
Targets = Callable[[Any, Iterable[str]], dict[str, list[tuple[str, str]]]]
targets: list[Targets] = []
"""What says for an account and measures by name which targets are held against them: words and address."""


@dataclass(frozen=True, slots=True)
class Counts:
    """One figure in which the record counts: of what period and area, with how much, and what rests on it."""

    measure: Measure
    figures: list[tuple[str, str]]
    """The period in words, and the address of the figure's records."""
    adds: str
    rates: list[Any]
    """The titles of the rates of which it is a part."""
    targets: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Counted:
    """Where a record counts, in which area, and for the other figures what stands against it."""

    area: str
    counts: list[Counts]
    others: list[tuple[Any, str]]
    """The measure's title, and which facts of the record are not as the measure demands."""


def counted(record: models.Model, account: Any) -> Counted | None:
    """The figures of one record as `account` may see them; None where no measure is over such records."""
    measures = _over(record)
    if not measures:
        return None
    now = clock.now()
    periods = [Period.of("year", date(year, 1, 1)) for year in _years(record, measures[0], now)]
    spans = [(period, span) for period in periods if (span := period.span(now)) is not None]
    held = _held(record, measures, spans)
    code, place = _area(record, measures[0])
    found, others = [], []
    for measure in measures:
        years = [
            (period, span)
            for period, span in spans
            if (span.until == now or not measure.present_only) and all(holds for holds, _c in held[measure, span])
        ]
        if years:
            found.append((measure, [period for period, _span in years]))
        else:
            others.append((measure.title, _why(record, held[measure, spans[-1][1]])))
    rates = _rates([measure for measure, _years in found])
    wanted = {one.name for measure, _p in found for one in (measure, *rates[measure])}
    held_to: dict[str, list[tuple[str, str]]] = {}
    for say in targets:
        for name, said in say(account, wanted).items():
            held_to.setdefault(name, []).extend(said)
    declared = register_named(measures[0].source.register)
    may = declared is not None and declared.policy.may(account, "see")
    made = []
    for measure, years_ in found:
        where = {"area": code} if code and "area" in measure.dimensions else {}
        figures = [(_title(p, now), list_url(measure, p, **where) if may else "") for p in years_]
        current = any(p.first.year == now.astimezone(BEIJING).year for p in years_)
        bound = [t for one in (measure, *rates[measure]) for t in held_to.get(one.name, [])] if current else []
        adds = f"+{getattr(record, measure.value):,}" if measure.value else "+1"
        made.append(Counts(measure, figures, adds, [one.title for one in rates[measure]], list(dict.fromkeys(bound))))
    return Counted(place, made, others)


def _over(record: models.Model) -> list[Measure]:
    """The measures over the record's table, in the version of today. What is stated of areas is no record."""
    plain = [one for one in REGISTRY.all(clock.today()) if isinstance(one, Measure)]
    return [one for one in plain if one.source.table == record._meta.db_table and not one.source.stated]


def _rates(measures: list[Measure]) -> dict[Measure, list[AnyMeasure]]:
    ratios = [one for one in REGISTRY.all(clock.today()) if not isinstance(one, Measure)]
    return {m: [one for one in ratios if m in (one.numerator, one.denominator)] for m in measures}


def _years(record: models.Model, measure: Measure, now: datetime) -> list[int]:
    """From the first day of which the record speaks to now."""
    this = now.astimezone(BEIJING).year
    timed = [c for c, kind in measure.source.columns.items() if kind == "date" or kind.startswith("timestamp")]
    kept = {"created_at", "updated_at"}
    told = [getattr(record, c, None) for c in timed if c not in kept]
    years = [(t.astimezone(BEIJING) if isinstance(t, datetime) else t).year for t in told if t is not None]
    return list(range(max(min([*years, this]), this - YEARS + 1), this + 1))


def _held(
    record: models.Model, measures: list[Measure], spans: list[tuple[Period, Span]]
) -> dict[tuple[Measure, Span], list[tuple[bool, tuple[str, ...]]]]:
    """Of each measure and year, which of its demands the row meets, with their columns: one statement for all."""
    from anlan.engines.measures.expressions import demands

    table = record._meta.db_table
    asked: dict[tuple[str, tuple[Any, ...]], int] = {}
    wanted = []
    for measure in measures:
        for _period, span in spans:
            for demand in demands("postgres", measure, table):
                key = demand.statement.text("%s"), tuple(demand.statement.arguments([span]))
                wanted.append((measure, span, asked.setdefault(key, len(asked)), demand.columns))
    listed = ", ".join(f"({sql})" for sql, _arguments in asked)
    pk: Any = record._meta.pk
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT {listed} FROM "{table}" WHERE "{pk.column}" = %s',
            [*(one for _sql, arguments in asked for one in arguments), record.pk],
        )
        row = cursor.fetchone() or (None,) * len(asked)
    made: dict[tuple[Measure, Span], list[tuple[bool, tuple[str, ...]]]] = {}
    for measure, span, place, columns in wanted:
        made.setdefault((measure, span), []).append((bool(row[place]), columns))
    return made


def _why(record: models.Model, held: list[tuple[bool, tuple[str, ...]]]) -> str:
    """The facts that are not as the measure demands, in words: label and value of each."""
    failing = [column for holds, columns in held if not holds for column in columns]
    return str(_("; ")).join(dict.fromkeys(said for column in failing for said in _said(record, column)))


def _said(record: models.Model, column: str) -> list[str]:
    declared = register_of(type(record))
    field = next((f for f in record._meta.concrete_fields if f.column == column), None)
    if field is None:
        # A fact of what the record points at: enterprise_park.
        for key in record._meta.concrete_fields:
            if isinstance(key, models.ForeignKey) and column.startswith(f"{key.name}_"):
                target = pointed(record, key.name)
                if target is not None:
                    return _said_of(target, target._meta.get_field(column.removeprefix(f"{key.name}_")), None)
        return []
    if isinstance(field, GeneratedField):
        generated, query = cast(Any, field), cast(Any, Query(type(record), alias_cols=False))
        made_of = generated.expression.resolve_expression(query, allow_joins=False)
        fields = {column.target for column in query._gen_cols([made_of])}
        return [said for one in sorted(fields, key=lambda f: f.name) for said in _said_of(record, one, declared)]
    return _said_of(record, field, declared)


def _said_of(record: models.Model, field: Any, declared: Any) -> list[str]:
    label, value = str(field.verbose_name), getattr(record, field.attname)
    if field.name == "state" and hasattr(record, "state_title"):
        title: Any = record.state_title
        return [_("%(label)s: %(value)s") % {"label": _("State"), "value": title() if callable(title) else title}]
    if value in (None, ""):
        shown = _("not stated")
    elif declared is not None:
        names = areas.names([value]) if isinstance(field, AreaCode) else {}
        shown = cell(declared, record, field.name, names).text
    else:
        display = getattr(record, f"get_{field.name}_display", None)
        shown = (
            str(display()) if display else (_("Yes") if value else _("No")) if isinstance(value, bool) else str(value)
        )
    return [_("%(label)s: %(value)s") % {"label": label, "value": shown}]


def _area(record: models.Model, measure: Measure) -> tuple[str, str]:
    """The district in which the record lies (or the city where it lies in none): its prefix and its name."""
    if measure.source.area is None:
        return "", ""
    code = str(getattr(record, measure.source.area))
    whole = code[:6].ljust(12, "0")
    return area_prefix(whole), areas.names([whole])[whole]


def _title(period: Period, now: datetime) -> str:
    today = now.astimezone(BEIJING).date()
    return words.period_title(Period.of("to_date", today) if period.first.year == today.year else period)
