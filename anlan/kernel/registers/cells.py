"""How one value of a record is shown: words, and where it leads."""

from __future__ import annotations

from collections.abc import Sequence
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
    """A value as it stands on a page. `kind` is text, number, date or bool, for alignment."""

    text: str
    kind: str = "text"
    url: str = ""


def url_of(obj: models.Model, account: Any) -> str:
    """Where a record is shown to `account`: its own page if it has one (a case), else that of the first register of
    its kind which the account may see; empty if there is none, so that no link leads to a closed door."""
    known = [declared for declared in all_registers() if declared.model is type(obj)]
    seen = [declared for declared in known if declared.policy.may(account, "see")]
    if hasattr(obj, "get_absolute_url"):
        return str(obj.get_absolute_url()) if seen or not known else ""
    return f"/r/{seen[0].name}/{obj.pk}/" if seen else ""


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
    field = declared.field(name)
    if field is None:
        value = getattr(row, name)
        return Cell(str(value() if callable(value) else value))
    value = getattr(row, field.attname)
    if value in (None, ""):
        return Cell("")
    if isinstance(field, AreaCode):
        return Cell(places.get(value, value))
    if isinstance(field, models.ForeignKey):
        target = pointed(row, field.name)
        # A record may point at one that has since moved to another authority: that it does is no secret, which is.
        if target is None:
            return Cell(_("not within your area"))
        return Cell(str(target), url=url_of(target, account) if account is not None else "")
    if field.choices:
        return Cell(str(dict(field.flatchoices).get(value, value)))
    if isinstance(value, bool):
        return Cell(_("Yes") if value else _("No"), "bool")
    if isinstance(value, datetime):
        return Cell(formats.date_format(timezone.localtime(value), "Y-m-d H:i"), "date")
    if isinstance(value, date):
        return Cell(formats.date_format(value, "Y-m-d"), "date")
    if isinstance(value, int | float | Decimal):
        return Cell(formats.number_format(value, use_l10n=True, force_grouping=True), "number")
    return Cell(str(value))
