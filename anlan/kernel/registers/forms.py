"""The form of a register, made from its declaration."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import entered
from ..models import AreaCode
from .declaration import Register
from .meanwhile import Held
from .picking import AreaWidget, KeyField, PickWidget, area_of, pick_widget
from .writing import area_problem


class AreaField(forms.CharField):
    """A division of one's own scope, by its code, its name or its path of names."""

    widget = AreaWidget

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 120)
        super().__init__(**kwargs)

    def clean(self, value: Any) -> str:
        code = str(super().clean(value) or "")
        if not code:
            return code
        if not code.isdecimal():
            code = area_of(code)
        problem = area_problem(code)
        if problem is not None:
            raise forms.ValidationError(problem[1], code=problem[0])
        return code


class MomentInput(forms.DateTimeInput):
    """A moment chosen to the minute; the seconds of one that has some are kept."""

    def __init__(self) -> None:
        super().__init__(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def format_value(self, value: Any) -> str | None:
        if getattr(value, "second", 0):
            return f"{value:%Y-%m-%dT%H:%M:%S}"
        return super().format_value(value)


def _formfield(field: models.Field[Any, Any], **kwargs: Any) -> forms.Field | None:
    if isinstance(field, AreaCode):
        return AreaField(label=field.verbose_name, required=not field.blank, help_text=field.help_text)
    if type(field) is models.DateField:
        kwargs["widget"] = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    if type(field) is models.DateTimeField:
        kwargs["widget"] = MomentInput()
    if isinstance(field, models.ForeignKey):
        kwargs["widget"] = pick_widget(field)
        if isinstance(kwargs["widget"], PickWidget):
            kwargs["form_class"] = KeyField
    made = field.formfield(**kwargs)
    if isinstance(made, forms.Field):
        entered.guard(made)
    return made


class RemovalForm(forms.Form):
    """Nothing is removed without a reason."""

    reason = forms.CharField(label=_("Reason"), max_length=500)
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)


class RecordForm(Held, forms.ModelForm):
    """Refuses a stale save: `version` is what the person had before the eyes."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.fields["version"].required = True
            self.hold(name for name in self.fields if name != "version")


def form_class(declared: type[Register]) -> type[RecordForm]:
    """The register's form; choices of other records are what the person may see."""
    made = forms.modelform_factory(
        declared.model, form=RecordForm, fields=declared.editable(), formfield_callback=_formfield
    )
    assert issubclass(made, RecordForm)
    return made
