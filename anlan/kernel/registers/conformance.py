"""What every register must do, whoever declares it. `tests/test_conformance.py` runs it for all of them.

A register whose rows cannot be derived from its model's fields declares `sample`, a function of a number that
returns an unsaved record; the number makes records differ.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from .. import clock
from ..models import AreaCode, Kept, given_fields
from ..policies import rule_of
from ..scope import By, area_prefix
from .declaration import Register

HERE = "500112000000"
ELSEWHERE = "500113000000"


class NoSample(Exception):
    """No record can be made up from the model's fields: the register must declare `sample`."""


def sample(declared: type[Register], number: int, area: str = HERE) -> Any:
    """A saved record of the register in `area`, different for each number. Acts as whoever acts now."""
    if declared.sample is not None:
        row: Any = declared.sample(number)
        if any(f.name == "area_code" for f in declared.model._meta.concrete_fields):
            row.area_code = area
    else:
        row = made_up(declared.model, number, area)
    row.save()
    return row


def made_up(model: type[models.Model], number: int, area: str, parents: dict[Any, Any] | None = None) -> Any:
    """An unsaved row with plausible values in every field that must have one; `parents` made before are reused."""
    parents = {} if parents is None else parents
    values: dict[str, Any] = {}
    for field in given_fields(model):
        if field.auto_created or (field.primary_key and isinstance(field, models.AutoField)):
            continue
        if isinstance(field, AreaCode) and not field.primary_key:
            values[field.attname] = area
        elif field.has_default() or (field.null and not isinstance(field, models.ForeignKey)):
            continue
        elif isinstance(field, models.ForeignKey):
            if not field.null:
                values[field.attname] = _target(field, number, area, parents)
        else:
            values[field.attname] = _value(field, number)
    return model(**values)


def _target(field: models.ForeignKey[Any, Any], number: int, area: str, parents: dict[Any, Any]) -> Any:
    target = field.related_model
    assert isinstance(target, type)
    existing = None if issubclass(target, Kept) else target._default_manager.order_by("pk").first()
    if existing is not None:
        return existing.pk
    # Its own parent for each record, so that keys made of parents differ too.
    if target not in parents:
        parents[target] = made_up(target, number, area, parents)
        parents[target].save()
    return parents[target].pk


def _value(field: models.Field[Any, Any], number: int) -> Any:
    if isinstance(field, AreaCode):
        return f"509{number:09d}"
    if field.choices:
        return field.flatchoices[0][0]
    if isinstance(field, ArrayField):
        return []
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.DateTimeField):
        return clock.now() - dt.timedelta(minutes=number)
    if isinstance(field, models.DateField):
        return clock.today() - dt.timedelta(days=number)
    if isinstance(field, models.DecimalField):
        return Decimal(number % 10)
    if isinstance(field, models.IntegerField | models.FloatField):
        return number
    if isinstance(field, models.CharField | models.TextField):
        return f"样本{number}"[: field.max_length or 80]
    if isinstance(field, models.BinaryField):
        return f"样本{number}".encode()
    raise NoSample(f"{field.model.__name__}.{field.name}")


def seer(declared: type[Register]) -> str:
    """A role (not of an enterprise) that may see the register."""
    roles = declared.rights.roles("see") - {"enterprise"}
    return next(r for r in ("district", "city", *sorted(roles)) if r in roles)


def narrowed(declared: type[Register]) -> bool:
    """Whether the register's rows lie in an area (else everybody who may see the register sees all of it)."""
    return isinstance(rule_of(declared.model), By)


def prefix(area: str) -> str:
    """The scope of an authority at `area`."""
    return area_prefix(area)
