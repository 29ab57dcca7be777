"""What a sheet of a register looks like: typed columns, derived from the register's declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from ..models import AreaCode
from ..registers.declaration import Register, all_registers
from .problems import LANGUAGES

Kind = Literal["text", "int", "decimal", "float", "date", "datetime", "bool", "choice", "reference", "area", "record"]
RECORD = "id"
"""Key of the column with the record's number: how a row without a natural key is found again."""
NUMBERED = "#"
"""Before the number of a record that a reference points to and that has no key by which people know it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `attname` is the model's attribute, `target` the model and field a reference goes by."""

    key: str
    heading: str | Promise
    kind: Kind
    attname: str
    required: bool = False
    null: bool = True
    unique: bool = False
    max_length: int | None = None
    digits: int | None = None
    places: int | None = None
    low: Any = None
    high: Any = None
    choices: tuple[tuple[Any, Any], ...] = ()
    code: bool = False
    checks: tuple[Callable[[Any], None], ...] = ()
    target: tuple[type[models.Model], str] | None = None
    help: str | Promise = ""
    told: bool = False
    """Only told, as the list tells it: an import passes over such a column."""

    def headings(self) -> set[str]:
        """Every heading under which the column is known: its key, and its name in both languages."""
        names = {self.key}
        for language in LANGUAGES:
            with override(language):
                names.add(str(self.heading))
        return names

    def complaint(self, value: Any) -> ValidationError | None:
        """What the field's own further checks say of a value."""
        for check in self.checks:
            try:
                check(value)
            except ValidationError as error:
                return error
        return None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The columns of one register's sheet, and the keys that tell its rows apart."""

    declared: type[Register]
    columns: tuple[Column, ...]
    natural_key: tuple[str, ...]
    missing: tuple[str, ...] = field(default=())
    """Required fields that a sheet cannot hold: with any, rows can be changed but not added."""

    def column(self, key: str) -> Column:
        """The column of that key."""
        return next(c for c in self.columns if c.key == key)

    @property
    def headings(self) -> Mapping[str, Any]:
        """Key → heading."""
        return {c.key: c.heading for c in self.columns}


_made: dict[str, Sheet] = {}


def sheet_of(declared: type[Register]) -> Sheet:
    """The sheet of a register: the record's number, then the fields of its form, in their order."""
    known = _made.get(declared.name)
    if known is None or known.declared is not declared:
        known = _made[declared.name] = _make(declared)
    return known


def sheet_of_columns(declared: type[Register], names: Sequence[str]) -> Sheet:
    """The sheet of a list's columns, in their order: first what a row is found again by, so that it stays a template.

    Columns that the product itself fills are told as the list tells them.
    """
    whole = sheet_of(declared)
    known = {c.key: c for c in whole.columns}
    found_by = (RECORD,) if RECORD in known else whole.natural_key
    keys = dict.fromkeys((*found_by, *names))
    columns = tuple(known.get(key) or Column(key, declared.label(key), "text", key, told=True) for key in keys)
    return Sheet(declared, columns, whole.natural_key, whole.missing)


def told_headings(declared: type[Register]) -> set[str]:
    """The headings of columns that an export can tell and an import passes over."""
    told = (c for c in sheet_of_columns(declared, declared.choosable()).columns if c.told)
    return {name for column in told for name in column.headings()}


def _make(declared: type[Register]) -> Sheet:
    record = Column(RECORD, _("Record number"), "record", declared.model._meta.pk.attname)
    columns, missing = [], []
    # A table whose key is a text that people know needs no record number besides.
    if isinstance(declared.model._meta.pk, models.AutoField | models.BigAutoField):
        columns.append(record)
    for name in _fields(declared):
        found = declared.field(name)
        assert found is not None
        column = _column(name, found)
        if column is not None:
            columns.append(column)
        elif not found.null and not found.has_default():
            missing.append(name)
    kept = {c.key for c in columns}
    key = tuple(declared.natural_key) if set(declared.natural_key) <= kept else ()
    return Sheet(declared, tuple(columns), key, tuple(missing))


def _fields(declared: type[Register]) -> list[str]:
    names = [n for _title, group in declared.sections for n in group]
    found = [(n, declared.field(n)) for n in dict.fromkeys((*names, *declared.natural_key))]
    return [n for n, f in found if f is not None and f.editable and not isinstance(f, models.AutoField)]


def _column(name: str, field: models.Field[Any, Any]) -> Column | None:
    shared: dict[str, Any] = {
        "key": name,
        "heading": field.verbose_name,
        "attname": field.attname,
        "required": not field.blank and not field.null and not field.has_default(),
        "null": field.null,
        "unique": field.unique,
        "help": field.help_text,
    }
    own = [v for v in field.validators if not isinstance(v, MaxLengthValidator | MinValueValidator | MaxValueValidator)]
    if isinstance(field, models.DecimalField):
        own = []  # digits and places are checked by column
    low = max((v.limit_value for v in field.validators if isinstance(v, MinValueValidator)), default=None)
    high = min((v.limit_value for v in field.validators if isinstance(v, MaxValueValidator)), default=None)
    bounds: dict[str, Any] = {"low": low, "high": high, "checks": tuple(own)}
    match field:
        case models.ForeignKey():
            target = _target(field)
            return None if target is None else Column(kind="reference", target=target, **shared)
        case AreaCode():
            return Column(kind="area", code=True, **shared)
        case models.BooleanField():
            return Column(kind="bool", **shared)
        case _ if field.choices:
            return Column(kind="choice", choices=tuple(field.flatchoices), **shared)
        case models.DateTimeField():
            return Column(kind="datetime", **shared)
        case models.DateField():
            return Column(kind="date", **shared)
        case models.DecimalField():
            return Column(kind="decimal", digits=field.max_digits, places=field.decimal_places, **bounds, **shared)
        case models.FloatField():
            return Column(kind="float", **bounds, **shared)
        case models.IntegerField():
            return Column(kind="int", **bounds, **shared)
        case models.CharField() | models.TextField():
            return Column(kind="text", max_length=field.max_length, code=bool(own), checks=tuple(own), **shared)
    return None


def _target(field: models.ForeignKey[Any, Any]) -> tuple[type[models.Model], str] | None:
    """The field by which people know the records that a reference points to: a text key or a natural key."""
    model = field.related_model
    assert isinstance(model, type)
    if isinstance(model._meta.pk, models.CharField):
        return model, model._meta.pk.name
    for declared in all_registers():
        if declared.model is model and len(declared.natural_key) == 1:
            return model, declared.natural_key[0]
    return None
