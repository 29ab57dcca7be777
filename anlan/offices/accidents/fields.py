"""Form fields that several moves and pages of this office ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.db.models.fields import BLANK_CHOICE_DASH
from django.utils.translation import gettext_lazy as _

from anlan.kernel import entered
from anlan.kernel.cases.lifecycle import lifecycles
from anlan.kernel.registers.declaration import all_registers
from anlan.kernel.registers.picking import AreaWidget, Unclear, area_of
from anlan.parties.models import Enterprise

from .models import SOURCES


class MomentField(forms.DateTimeField):
    """A moment in Beijing time, to the minute."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"))
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value)
        if found is not None:
            entered.in_calendar(found)
        return found


def moment(label: Any, required: bool = False, help_text: Any = "") -> Callable[[], forms.Field]:
    return lambda: MomentField(label=label, required=required, help_text=help_text)


def known_moment() -> forms.Field:
    return MomentField(
        label=_("Happened or became known at"), required=False,
        help_text=_("When the change that is reported happened or became known, if that was earlier. After the time "
                    "for supplements (30 days; road and fire 7) only what happened within it changes the figures."),
    )  # fmt: skip


def text(label: Any, rows: int, most: int = 4000) -> Callable[[], forms.Field]:
    """A text of `rows` lines; 0 is one line."""
    widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput()
    return lambda: forms.CharField(label=label, max_length=most, widget=widget)


def source() -> forms.Field:
    """Nothing is chosen beforehand: who is recorded as having reported decides on who reported too late."""
    return forms.ChoiceField(label=_("Source of the report"), choices=(*BLANK_CHOICE_DASH, *SOURCES))


def yes_no(label: Any) -> Callable[[], forms.Field]:
    return lambda: forms.ChoiceField(label=label, choices=(("yes", _("Yes")), ("no", _("No"))))


class AreaCodeField(forms.CharField):
    """Any division of the country that is known here, also beyond one's own scope; picked by typing its name.

    What names none stays as it was written: whoever asks says what then.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=120, widget=AreaWidget(everywhere=True), **kwargs)

    def clean(self, value: Any) -> str:
        text = str(super().clean(value) or "")
        if not text or text.isdecimal():
            return text
        try:
            return area_of(text, everywhere=True)
        except Unclear as unclear:
            if unclear.code == "several":
                raise
            return text


def area(label: Any) -> Callable[[], forms.Field]:
    return lambda: AreaCodeField(label=label)


def enterprise() -> forms.Field:
    return forms.ModelChoiceField(
        Enterprise.objects.all(), label=_("Enterprise"), required=False,
        widget=forms.TextInput(attrs={"data-pick": "/r/enterprises/pick/", "autocomplete": "off"}),
    )  # fmt: skip


def other_accident() -> forms.Field:
    return forms.CharField(label=_("Number of the other report"), max_length=60)


def ref_kind() -> forms.Field:
    """Kinds of cases, and registers whose records are found by one natural key."""
    kinds = [(k.kind, k.singular) for k in lifecycles() if k.kind not in ("accident", "report_fault")]
    cases = {k.model for k in lifecycles()}
    kinds += [
        (r.name, r.singular)
        for r in all_registers()
        if len(r.natural_key) == 1 and r.model not in cases and not getattr(r.model, "personal", False)
        and r.group not in ("system", "plan", "accidents") and hasattr(r.model, "area_code")
    ]  # fmt: skip
    return forms.ChoiceField(label=_("Kind of record"), choices=kinds)
