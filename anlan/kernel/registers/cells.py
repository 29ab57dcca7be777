"""How one value of a record is shown: words, and where it leads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.db import models
from django.forms import BaseForm
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from .. import areas
from ..models import AreaCode, pointed
from .declaration import Register, all_registers
from .picking import PickWidget


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it stands on a page. `kind` is text, number, date, late (a day that is over) or bool, for its look."""

    text: str
    kind: str = "text"
    url: str = ""


class Links:
    """Where records are shown to one reader. What is the same for all records of a kind is found out once."""

    def __init__(self, account: Any) -> None:
        self.account = account
        self._kinds: dict[type[models.Model], Callable[[Any], str]] = {}

    def __call__(self, obj: models.Model) -> str:
        kind = type(obj)
        if kind not in self._kinds:
            self._kinds[kind] = self._of(kind)
        return self._kinds[kind](obj)

    def _of(self, kind: type[models.Model]) -> Callable[[Any], str]:
        known = [declared for declared in all_registers() if declared.model is kind]
        seen = [declared for declared in known if declared.policy.may(self.account, "see")]
        if hasattr(kind, "get_absolute_url"):
            return (lambda obj: str(obj.get_absolute_url())) if seen or not known else lambda obj: ""
        return (lambda obj: f"/r/{seen[0].name}/{obj.pk}/") if seen else lambda obj: ""


def url_of(obj: models.Model, account: Any) -> str:
    """Where a record is shown to `account`: its own page if it has one (a case), else that of the first register of
    its kind which the account may see; empty if there is none, so that no link leads to a closed door."""
    return Links(account)(obj)


def area_codes(declared: type[Register], rows: Sequence[Any], names: Sequence[str]) -> dict[str, str]:
    """The names of every division that the rows mention, in one query."""
    fields = [f for n in names if isinstance(f := declared.field(n), AreaCode)]
    return areas.names(str(getattr(row, f.attname)) for row in rows for f in fields) if fields else {}


def kind(declared: type[Register], name: str) -> str:
    """How a column is aligned: "number" or "text"."""
    field = declared.field(name)
    number = isinstance(field, models.IntegerField | models.FloatField | models.DecimalField) and not field.choices
    return "number" if number else "text"


def asked(form: BaseForm, name: str) -> str:
    """What a filter asks for, in the words of its field: a choice's label, a record's or a division's name."""
    field = form.fields[name]
    value = form.cleaned_data.get(name)
    if isinstance(value, models.Model):
        return str(value)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(field, forms.MultipleChoiceField):
        labels = {str(key): str(label) for key, label in field.choices}
        return _(", ").join(labels.get(str(one), str(one)) for one in value or ())
    if isinstance(value, date):
        return formats.date_format(value, "Y-m-d")
    words = field.widget.words(str(value)) if isinstance(field.widget, PickWidget) else ""
    return words or str(value)


def cell(declared: type[Register], row: Any, name: str, places: dict[str, str], account: Any = None) -> Cell:
    """One value of `row`; `places` are the division names found beforehand, `account` the reader who follows links."""
    return column(declared, name, places, None if account is None else Links(account))(row)


def column(
    declared: type[Register], name: str, places: dict[str, str], links: Links | None = None
) -> Callable[[Any], Cell]:
    """How each row's value in one column is shown: as `cell` does, decided once for all rows."""
    field = declared.field(name)
    if field is None:

        def attribute(row: Any) -> Cell:
            value = getattr(row, name)
            return Cell(str(value() if callable(value) else value))

        return attribute
    if (said := getattr(declared.model, f"get_{name}", None)) is not None:
        return lambda row: Cell(str(said(row)))
    attname, shown = field.attname, _shower(field, places, links)

    def value(row: Any) -> Cell:
        held = getattr(row, attname)
        return _EMPTY if held in (None, "") else shown(row, held)

    return value


_EMPTY = Cell("")


def _shower(field: models.Field[Any, Any], places: dict[str, str], links: Links | None) -> Callable[[Any, Any], Cell]:
    if isinstance(field, AreaCode):
        return lambda row, held: Cell(places.get(held, held))
    if isinstance(field, models.ForeignKey):
        name, closed = field.name, Cell(_("not within your area"))

        def target(row: Any, held: Any) -> Cell:
            found = pointed(row, name)
            # A record may point at one that has since moved to another authority: that is no secret, which is.
            return closed if found is None else Cell(str(found), url=links(found) if links is not None else "")

        return target
    if field.choices:
        labels = {key: str(label) for key, label in field.flatchoices}
        return lambda row, held: Cell(labels.get(held, str(held)))
    if field.name == "due_at" and links is not None:

        def limit(row: Any, held: Any) -> Cell:
            shown = _plain(held)
            return Cell(f"{shown.text} {_('Overdue')}", "late") if getattr(row, "overdue", False) else shown

        return limit
    return lambda row, held: _plain(held)


def _plain(held: Any) -> Cell:
    if isinstance(held, bool):
        return Cell(_("Yes") if held else _("No"), "bool")
    if isinstance(held, datetime):
        return Cell(f"{timezone.localtime(held):%Y-%m-%d %H:%M}", "date")
    if isinstance(held, date):
        return Cell(f"{held:%Y-%m-%d}", "date")
    if isinstance(held, int | float | Decimal):
        return Cell(formats.number_format(held, use_l10n=True, force_grouping=True), "number")
    return Cell(str(held))
