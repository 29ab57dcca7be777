"""What a register declares, checked when it is declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.functional import Promise

from ..moments import MomentReadAs
from ..policy import Policy, Rights

Text = str | Promise
_registers: dict[str, type[Register]] = {}


class BadDeclaration(Exception):
    """A register's declaration contradicts its model; the text names the register and the attribute."""


class Register:
    """One kind of kept record: how it is listed, found, filled in, and by whom.

    `columns`, `filters`, `search`, `natural_key` and `sections` name fields of the model; a column may
    also name an attribute or a method without arguments. Where the model has a `get_<name>` of a
    field, that is shown. `search` fields are found by their beginnings.
    """

    name: ClassVar[str]
    model: ClassVar[type[models.Model]]
    title: ClassVar[Text]
    singular: ClassVar[Text]
    icon: ClassVar[str] = "list"
    group: ClassVar[str] = "system"
    columns: ClassVar[Sequence[str]] = ()
    filters: ClassVar[Sequence[str]] = ()
    exact: ClassVar[Sequence[str]] = ()
    """Filters of texts that are asked for as a whole, where one text may begin another: names of rules."""
    search: ClassVar[Sequence[str]] = ()
    natural_key: ClassVar[Sequence[str]] = ()
    sections: ClassVar[Sequence[tuple[Text, Sequence[str]]]] = ()
    order: ClassVar[str] = "id"
    rights: ClassVar[Rights] = Rights()
    further: ClassVar[Sequence[str]] = ()
    """Fields and attributes that may be chosen as columns besides those named elsewhere."""
    labels: ClassVar[Mapping[str, Text]] = {}
    """Headings of columns that are attributes and no fields."""
    choices: ClassVar[Mapping[str, Callable[[], Sequence[tuple[str, Text]]]]] = {}
    """What a filter offers whose field declares no choices of its own, asked when it is used: the states of a case."""
    related: ClassVar[Sequence[str]] = ()
    """Foreign keys that a record's page shows: fetched in the same query."""
    large: ClassVar[bool] = False
    """Of hundreds of thousands of records: a sort is offered only where an index has it in order."""

    empty: ClassVar[Text] = ""
    """What fills the list, for an empty one; said where nobody enters its records."""

    files: ClassVar[Sequence[tuple[Text, str]]] = ()
    """Further files of the list as it is filtered, for who may export it: what each is, and the name of its address."""

    head: ClassVar[staticmethod[[Any], tuple[str, dict[str, Any]]] | None] = None
    """What stands above the list: the template and its contents, for who looks."""

    part: ClassVar[staticmethod[[Any, Any], tuple[str, dict[str, Any]]] | None] = None
    """What a record's page shows below its facts: the template and its contents, for the record and who looks."""

    sample: ClassVar[staticmethod[[int], models.Model] | None] = None
    """For tests: an unsaved record, different for each number; needed where one cannot be made up."""

    policy: ClassVar[Policy]

    @classmethod
    def field(cls, name: str) -> models.Field[Any, Any] | None:
        """The model's concrete field of that name, or None for an attribute."""
        for field in cls.model._meta.concrete_fields:
            if name in (field.name, field.attname):
                return field
        return None

    @classmethod
    def key(cls, text: str) -> Any:
        """The key of a record as its address writes it, or None if no record can have it."""
        try:
            value = cls.model._meta.pk.to_python(text)
        except ValidationError:
            return None
        return None if "\0" in text or (isinstance(value, int) and not 0 < value < 2**63) else value

    @classmethod
    def label(cls, name: str) -> Text:
        """The heading of a column or the label of a field."""
        field = cls.field(name)
        if name in cls.labels:
            return cls.labels[name]
        if field is not None:
            return field.verbose_name
        return getattr(getattr(cls.model, name), "short_description", name)

    @classmethod
    def editable(cls) -> list[str]:
        """The fields of the form, in order."""
        names = [name for _, fields in cls.sections for name in fields]
        return [n for n in names if (f := cls.field(n)) is not None and f.editable and not f.primary_key]

    @classmethod
    def choosable(cls) -> list[str]:
        """The columns among which a person chooses: those declared, then every field of the record and its filters."""
        fields = (*(n for _, fields in cls.sections for n in fields), *cls.filters)
        return list(dict.fromkeys((*cls.columns, *cls.further, *(n for n in fields if cls.field(n) is not None))))

    @classmethod
    def order_of(cls, name: str) -> str:
        """By what the list is sorted as it shows that column, as a path of fields; empty where it cannot be.

        A column that points at records is sorted by what these are called (`Kept.called_by`), and not at all where they
        do not say so: the order of their keys is none that anybody sees.
        """
        field = cls.field(name)
        if field is None:
            return ""
        if not isinstance(field, models.ForeignKey):
            return _ordered_as(cls.model, field.name)
        called = getattr(field.related_model, "called_by", "")
        return called and f"{field.name}__{_ordered_as(field.related_model, called)}"

    @classmethod
    def sortable(cls, name: str) -> bool:
        """Whether the list can be sorted by that column; a large one only where an index has it in order."""
        path = cls.order_of(name)
        return bool(path) and (not cls.large or _in_order(cls.model, path))

    @classmethod
    def check(cls) -> None:
        """Raises `BadDeclaration` where the declaration does not fit the model."""
        if not re.fullmatch(r"[a-z][a-z0-9-]*", cls.name):
            raise BadDeclaration(f"{cls.__name__}.name must be lower-case letters, digits and dashes")
        for attribute in ("filters", "search", "natural_key"):
            for name in getattr(cls, attribute):
                if cls.field(name) is None:
                    raise BadDeclaration(f"{cls.name}.{attribute}: {cls.model.__name__} has no field {name}")
        for name in (*cls.columns, *cls.further, *(n for _, fields in cls.sections for n in fields)):
            if cls.field(name) is None and not hasattr(cls.model, name):
                raise BadDeclaration(f"{cls.name}: {cls.model.__name__} has neither a field nor an attribute {name}")
        if cls.field(cls.order.lstrip("-")) is None:
            raise BadDeclaration(f"{cls.name}.order: {cls.model.__name__} has no field {cls.order}")


def _in_order(model: Any, path: str) -> bool:
    """Whether an index over the whole table begins with the field at the end of the path."""
    name, _sep, rest = path.partition("__")
    field = model._meta.get_field(name)
    if rest:
        return _in_order(field.related_model, rest)
    if isinstance(field, MomentReadAs):
        return False
    firsts = {index.fields[0] for index in model._meta.indexes if index.condition is None}
    return field.primary_key or field.unique or field.db_index or field.name in firsts or field.attname in firsts


def _ordered_as(model: Any, name: str) -> str:
    return str(getattr(model, "ordered_as", {}).get(name, name))


def register(declared: type[Register]) -> type[Register]:
    """Class decorator: makes the declaration known."""
    declared.check()
    if _registers.setdefault(declared.name, declared) is not declared:
        raise BadDeclaration(f"two registers are called {declared.name}")
    declared.policy = Policy(declared.model, declared.rights)
    declared.related = [
        f.name for n in declared.columns if (f := declared.field(n)) is not None and isinstance(f, models.ForeignKey)
    ]
    return declared


def all_registers() -> tuple[type[Register], ...]:
    """Every register, in the order of declaration."""
    return tuple(_registers.values())


def register_of(model: type[models.Model]) -> type[Register] | None:
    """The first register of that model, or None."""
    return next((declared for declared in _registers.values() if declared.model is model), None)


def register_named(name: str) -> type[Register] | None:
    """The register of that name, or None."""
    return _registers.get(name)
