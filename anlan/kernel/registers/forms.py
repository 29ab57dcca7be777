"""The form of a register, made from its declaration."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import areas
from ..models import AreaCode
from ..scope import acting_now, area_prefix
from .declaration import Register


class AreaField(forms.CharField):
    """A division of one's own scope, by its code; the page offers names as one types."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 12)
        super().__init__(**kwargs)
        self.widget.attrs.update({"data-area": "", "autocomplete": "off", "inputmode": "numeric"})

    def clean(self, value: Any) -> str:
        code = str(super().clean(value) or "")
        if not code:
            return code
        if not (code.isascii() and code.isdigit() and len(code) == 12):
            raise forms.ValidationError(_("A division code has 12 digits."), code="area_form")
        now = acting_now()
        if now is None or not code.startswith(now[1].area) or not areas.divisions().filter(code=code).exists():
            # One answer for both: the form does not tell what exists elsewhere.
            raise forms.ValidationError(_("There is no such division in your area."), code="area_unknown")
        return code


def _formfield(field: models.Field[Any, Any], **kwargs: Any) -> forms.Field | None:
    if isinstance(field, AreaCode):
        return AreaField(label=field.verbose_name, required=not field.blank, help_text=field.help_text)
    if type(field) is models.DateField:
        kwargs["widget"] = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return field.formfield(**kwargs)


class RecordForm(forms.ModelForm):
    """Refuses a stale save: `version` is what the person had before the eyes."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        now = acting_now()
        area = cleaned.get("area_code")
        if now is not None and area and not area_prefix(area).startswith(now[1].area):
            self.add_error("area_code", _("There is no such division in your area."))
        return cleaned


def form_class(declared: type[Register]) -> type[RecordForm]:
    """The register's form; choices of other records are what the person may see."""
    made = forms.modelform_factory(
        declared.model, form=RecordForm, fields=declared.editable(), formfield_callback=_formfield
    )
    return made
