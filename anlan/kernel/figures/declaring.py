"""What an office's `measures.py` calls: a model as a source of measures, and the registry of all measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from anlan.engines.measures import BadMeasure, Measure, Ratio, Registry, Source
from anlan.engines.measures.declaration import Condition

from ..moments import MomentReadAs
from ..policies import rule_of
from ..registers.declaration import register_of
from ..scope import ANY, By

REGISTRY = Registry()

_TYPES = {
    "BigAutoField": "int64", "BigIntegerField": "int64", "PositiveBigIntegerField": "int64",
    "IntegerField": "int32", "PositiveIntegerField": "int32",
    "SmallIntegerField": "int16", "PositiveSmallIntegerField": "int16",
    "CharField": "string", "TextField": "string", "BooleanField": "boolean",
    "DateField": "date", "DateTimeField": "timestamp('UTC')",
}  # fmt: skip


def source(
    model: type[models.Model], cuts: Sequence[str] = (), *, stated: bool = False,
    of: Mapping[str, Sequence[str]] | None = None,
) -> Source:  # fmt: skip
    """A model's table as a source. Area and industry are the columns of its `scope_rule`.

    `of` names for a foreign key fields of the record that it points at, as they are today: of={"enterprise": ("park",)}
    makes a column enterprise_park.

    `cuts` names further columns with few values, such as a grade; `stated`: its rows say numbers of whole areas. The
    model's register must filter by every dimension, so that a figure can open the list of what it counts. Raises
    `BadMeasure` where it does not.
    """
    rule = rule_of(model)
    if not isinstance(rule, By):
        raise BadMeasure(f"{model._meta.label}: records without an area of their own are counted through their parents")
    fields = {str(f.column): f for f in model._meta.concrete_fields}
    columns = {name: kind for name, f in fields.items() if (kind := _type(f))}

    def column(name: str | None) -> str | None:
        if name in (None, ANY):
            return None
        return next(column for column, f in fields.items() if name in (f.name, column))

    computed = {c: f.sql for c, f in fields.items() if isinstance(f, MomentReadAs)}
    for key, names in (of or {}).items():
        pointing: Any = model._meta.get_field(key)
        target = pointing.related_model._meta
        for name in names:
            field = target.get_field(name)
            columns[f"{key}_{name}"] = _TYPES[field.get_internal_type()]
            computed[f"{key}_{name}"] = (
                f'(SELECT of_."{field.column}" FROM "{target.db_table}" of_ '
                f'WHERE of_."{target.pk.column}" = {{row}}."{pointing.column}")'
            )
    declared = register_of(model)
    made = Source(
        model._meta.db_table, columns, column(rule.area), column(rule.industry), tuple(cuts),
        declared.name if declared else "", computed, stated,
    )  # fmt: skip
    if declared is not None:
        filtered = {f.column for name in declared.filters if (f := declared.field(name)) is not None}
        if missing := set(made.dimensions.values()) - filtered:
            raise BadMeasure(f"{model._meta.label}: the list {declared.name} has no filter for {', '.join(missing)}")
    return made


def _type(field: models.Field[Any, Any]) -> str | None:
    """The Ibis type of a column; None for kinds that no measure reads."""
    if isinstance(field, models.ForeignKey):
        return _type(field.target_field)
    if isinstance(field, models.DecimalField):
        return f"decimal({field.max_digits}, {field.decimal_places})"
    return _TYPES.get(field.get_internal_type())


def measure(name: str, source: Source, where: Condition, **definition: Any) -> Measure:
    """Declares a count of records, or a sum: see `anlan.engines.measures.declaration.Measure`."""
    made = Measure(name=name, source=source, where=where, **definition)
    REGISTRY.add(made)
    return made


def ratio(name: str, numerator: Measure, denominator: Measure, **definition: Any) -> Ratio:
    """Declares one measure divided by another: see `anlan.engines.measures.declaration.Ratio`."""
    made = Ratio(name=name, numerator=numerator, denominator=denominator, **definition)
    REGISTRY.add(made)
    return made


def demanded(subject: str) -> str:
    """The name of the measure that plans demand under this subject ("较大事故"), or "" where none is known."""
    return REGISTRY.demanded(subject)


def titles() -> dict[str, Any]:
    """The measures there are: name → title."""
    return {one.name: one.title for one in REGISTRY.all()}


def mismatch(name: str, unit: str) -> str:
    """Why a number of `unit` cannot be held against the measure, in words; empty where it can.

    A share is held against per cent, a count against a number. Nothing is said of a measure that there is not.
    """
    counted = next((one.unit != "%" for one in REGISTRY.all() if one.name == name), unit != "%")
    if counted == (unit != "%"):
        return ""
    return _("This figure is a number, not per cent.") if counted else _("This figure is in per cent, not a number.")


def measured_clauses() -> frozenset[str]:
    """The codes of the plan's clauses that have a measure."""
    return REGISTRY.clauses()
