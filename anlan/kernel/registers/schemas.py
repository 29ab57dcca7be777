"""The types of a register's REST answers and bodies, made from its model.

Strings hold neither NUL (PostgreSQL keeps none) nor lone surrogates (pydantic refuses them); numbers fit
their columns; times lie between 1900 and 2200, so that no time zone carries them out of the calendar.
"""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, create_model

from .. import entered
from ..models import AreaCode
from .declaration import Register

BIGINT = 2**63 - 1
Key = Annotated[int, Field(ge=1, le=BIGINT)]


class Error(Schema):
    """Why nothing was done: a stable code, words, the place in the request, and what to do instead."""

    code: str
    message: str
    place: str
    way_out: str


class Count(Schema):
    """How many records there are; `exact` is false where counting stopped at `number`, and `about` an estimate."""

    number: int
    exact: bool
    about: int | None


def _by(validator: Callable[[Any], None]) -> Callable[[Any], Any]:
    """A validator of forms, as one of bodies."""

    def checked(value: Any) -> Any:
        try:
            validator(value)
        except ValidationError as error:
            raise ValueError(error.messages[0]) from None
        return value

    return checked


_seen, _in_calendar = _by(entered.seen), _by(entered.in_calendar)


def text(longest: int | None = None, pattern: str | None = None, shortest: int = 0) -> Any:
    """A string type as a form takes it: without blanks around it, without signs that nobody sees."""
    bounds = StringConstraints(strip_whitespace=True, min_length=shortest, max_length=longest, pattern=pattern)
    return Annotated[str, bounds, AfterValidator(_seen)]


def _integer(field: "models.Field[Any, Any]") -> Any:
    low, high = {
        "SmallIntegerField": (-(2**15), 2**15 - 1),
        "PositiveSmallIntegerField": (0, 2**15 - 1),
        "PositiveIntegerField": (0, 2**31 - 1),
        "IntegerField": (-(2**31), 2**31 - 1),
        "PositiveBigIntegerField": (0, BIGINT),
    }.get(field.get_internal_type(), (-BIGINT - 1, BIGINT))
    return Annotated[int, Field(ge=low, le=high)]


def _base(field: "models.Field[Any, Any]", *, incoming: bool) -> Any:
    """The Python type of a field's value; strict where it comes in."""
    if isinstance(field, models.GeneratedField):
        return _base(cast("models.Field[Any, Any]", field.output_field), incoming=incoming)
    if isinstance(field, models.ForeignKey):
        target = field.target_field
        if incoming and isinstance(target, models.CharField) and not isinstance(target, AreaCode):
            return text(target.max_length)  # an empty key points at nothing
        return _base(target, incoming=incoming)
    if isinstance(field, ArrayField):
        return list[_base(field.base_field, incoming=incoming)]  # type: ignore[misc]
    if isinstance(field, models.JSONField):
        return Any
    if field.choices and incoming:
        keys = [key for key, _label in field.flatchoices if key is not None]
        return Literal[(*keys, "")] if field.blank and isinstance(keys[0], str) else Literal[tuple(keys)]
    if isinstance(field, AreaCode) and incoming:
        return text(12, r"^[0-9]{12}$" if not field.blank else r"^([0-9]{12})?$")
    if isinstance(field, models.BooleanField):
        return bool
    if isinstance(field, models.IntegerField | models.AutoField):
        return _integer(field) if incoming else int
    if isinstance(field, models.DecimalField):
        if not incoming:
            return Decimal
        return Annotated[Decimal, Field(max_digits=field.max_digits, decimal_places=field.decimal_places)]
    if isinstance(field, models.FloatField):
        return Annotated[float, Field(allow_inf_nan=False)]
    if isinstance(field, models.DateTimeField):
        return Annotated[dt.datetime, AfterValidator(_in_calendar)] if incoming else dt.datetime
    if isinstance(field, models.DateField):
        return Annotated[dt.date, AfterValidator(_in_calendar)] if incoming else dt.date
    if isinstance(field, models.DurationField):
        return dt.timedelta
    return text(field.max_length, shortest=0 if field.blank else 1) if incoming else str


def shown(declared: type[Register]) -> "list[models.Field[Any, Any]]":
    """The fields that an answer shows: the columns' and the sections', never more."""
    names = dict.fromkeys([*declared.columns, *(n for _, fields in declared.sections for n in fields)])
    found = {f.attname: f for n in names if (f := declared.field(n)) is not None and not f.primary_key}
    return list(found.values())


def _described(field: "models.Field[Any, Any]", default: Any) -> Any:
    return Field(default, title=str(field.verbose_name), description=str(field.help_text) or None)


def record(declared: type[Register]) -> type[Schema]:
    """One record as it is answered: `id`, `version`, then its fields; a foreign key as its key."""
    pk = declared.model._meta.pk
    members: dict[str, Any] = {"id": (str if isinstance(pk, models.CharField) else int, ...), "version": (int, ...)}
    for field in shown(declared):
        kind = _base(field, incoming=False)
        members[field.attname] = (kind | None if field.null else kind, _described(field, ...))
    return create_model(f"{declared.__name__}Record", __base__=Schema, **members)


def body(declared: type[Register], *, partial: bool) -> type[Schema]:
    """What may be written; unknown members are refused. In a `partial` body each member may be left out."""
    members: dict[str, Any] = {}
    for name in declared.editable():
        field = declared.field(name)
        assert field is not None
        kind = _base(field, incoming=True)
        needed = not partial and not field.has_default() and not field.null and not field.blank
        members[field.attname] = (kind | None if field.null else kind, _described(field, ... if needed else None))
    suffix = "Change" if partial else "New"
    config = ConfigDict(extra="forbid")
    base = type(f"{declared.__name__}{suffix}Base", (Schema,), {"model_config": config})
    return create_model(f"{declared.__name__}{suffix}", __base__=base, **members)


def member(field: "models.Field[Any, Any]", needed: bool) -> tuple[Any, Any]:
    """One member of a body, from the model's field: its type, and whether it may be left out."""
    kind = _base(field, incoming=True)
    return (kind if needed else kind | None, _described(field, ... if needed else None))


def values(declared: type[Register], row: Any) -> dict[str, Any]:
    """A record's values for `record`."""
    return {"id": row.pk, "version": getattr(row, "version", 1)} | {
        field.attname: getattr(row, field.attname) for field in shown(declared)
    }
