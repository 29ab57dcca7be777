"""The form of a first report: one screen for who answers the telephone, the same for who writes himself."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.cases import links
from anlan.kernel.cases.models import Case
from anlan.kernel.clock import BEIJING
from anlan.parties.models import Enterprise

from . import reporting
from .fields import AreaCodeField, MomentField, source
from .models import Accident, Category

PHONE = RegexValidator(r"^[0-9+()\- ]{3,20}$", _("A telephone number is digits, with +, -, brackets and spaces."))
NUMBERS = ("deaths", "missing", "injured", "slight", "trapped", "endangered", "evacuated")
CALL = {
    "where": ("occurred_at", "at", "area_code", "place", "outside", "passed_to", "lon", "lat"),
    "who": ("category", "source", "known_at", "enterprise", "unit_name", "caller", "caller_phone"),
    "people": NUMBERS,
    "course": ("course", "measures"),
    "more": ("loss_yuan", "environment", "key_facility", "equipment_event", "capacity_mw", "hours", "title"),
}
"""The fields by what is spoken of, in the order of a telephone call: the page shows them so, and what is wrong too."""


def categories(on: Any) -> Any:
    """The categories in force on a day."""
    return Category.objects.at(on)


def _taken_over(came_from: Case) -> dict[str, Any]:
    """What is known already of an accident that another case shows, as far as it is known."""
    known = {name: getattr(came_from, name) for name in ("area_code", "place", "lon", "lat")}
    known |= {
        "enterprise": getattr(came_from, "enterprise_id", None),
        "occurred_at": getattr(came_from, "measured_at", came_from.opened_at),
    }
    return {name: value for name, value in known.items() if value not in (None, "")}


class FirstReportForm(forms.ModelForm):
    """What a first report says. Times default to now; numbers to none; the title is made where it is left out."""

    field_order = [name for names in CALL.values() for name in names]

    token = forms.UUIDField(widget=forms.HiddenInput, required=False)
    origin = forms.CharField(widget=forms.HiddenInput, required=False)
    began = MomentField(widget=forms.HiddenInput(), required=False)
    area_code = AreaCodeField(label=_("Where: district, township or village"), required=False)
    at = MomentField(label=_("Call came in at"))
    occurred_at = MomentField(label=_("Happened at"))
    known_at = MomentField(
        label=_("Head of the unit was told at"), required=False, help_text=_("Ask; leave empty where nobody knows")
    )
    source = source()
    caller = forms.CharField(label=_("Caller's name"), max_length=60, required=False)
    caller_phone = forms.CharField(label=_("Caller's telephone"), max_length=20, required=False, validators=[PHONE])

    class Meta:
        model = Accident
        fields = (
            "area_code", "place", "lon", "lat", "occurred_at", "known_at", "category", "enterprise", "unit_name",
            *NUMBERS, "loss_yuan", "environment", "key_facility", "equipment_event", "capacity_mw", "hours", "course",
            "measures", "title", "outside", "passed_to",
        )  # fmt: skip
        widgets = {
            "enterprise": forms.TextInput(attrs={"data-pick": "/r/enterprises/pick/", "autocomplete": "off"}),
            "course": forms.Textarea(attrs={"rows": 3}),
            "measures": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, by: Any, phone: bool, came_from: Case | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["place"].label = _("Where exactly")
        now = clock.now()
        self.by, self.phone = by, phone
        self.fields["category"].queryset = categories(now.date())  # type: ignore[attr-defined]
        self.fields["title"].required = False
        for name in (*NUMBERS, "capacity_mw", "hours"):
            self.fields[name].required = False
            self.fields[name].widget.attrs.update({"min": 0, "inputmode": "numeric"})
        self.initial = {**self.initial, **dict.fromkeys(NUMBERS, 0), "began": now, "at": now, "occurred_at": now}
        self.initial["token"] = uuid.uuid4()
        if not phone:
            del self.fields["caller"], self.fields["caller_phone"]
            self.fields["at"].label = _("Reported at")
        if by.role == "enterprise":
            for name in ("source", "enterprise", "unit_name", "at", "passed_to"):
                del self.fields[name]
            self.fields["known_at"].required, self.fields["known_at"].help_text = True, ""
            self.initial["known_at"] = now
            self.initial["area_code"] = by.area_code
        elif len(by.area_code.rstrip("0")) > 2:
            self.initial["area_code"] = by.area_code
        if came_from is not None:
            self.initial |= {"origin": links.named(came_from), "course": str(came_from), **_taken_over(came_from)}
        self.fields["course"].widget.attrs["maxlength"] = "4000"
        self._show_picked()

    def _show_picked(self) -> None:
        """A picked field shows the words of what it holds, in a page that comes back as in a new one."""
        if "enterprise" in self.fields:
            key = str(self["enterprise"].value() or "")
            enterprise = Enterprise.objects.filter(pk=int(key)).first() if key.isdecimal() and len(key) < 19 else None
            if enterprise is not None:
                self.fields["enterprise"].widget.attrs["data-text"] = enterprise.name

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        for name in (*NUMBERS, "capacity_mw", "hours"):
            if name not in self.errors and said.get(name) is None:
                said[name] = 0
        now, occurred = clock.now(), said.get("occurred_at")
        if occurred is not None and occurred <= now:
            said_category = self.data.get("category")
            if "category" in self.errors and said_category and occurred.astimezone(BEIJING).date() != now.date():
                self.errors.pop("category")
                category = categories(occurred.astimezone(BEIJING).date()).filter(
                    pk=said_category if str(said_category).isdecimal() and len(said_category) < 10 else None
                ).first()  # fmt: skip
                if category is None:
                    self.add_error("category", _("This category was not in force on the day of the accident."))
                else:
                    said["category"] = category
        if said.get("outside"):
            self.errors.pop("area_code", None)  # where it lies is said in words: what else was typed does not matter
        # All in one round: what no field finds wrong by itself stands beside what they do.
        unread = {name for name in ("lon", "lat") if name in self.errors}
        for name, words in reporting.faults(self.by, said).items():
            if name not in self.errors and not (unread and name in ("lon", "lat")):
                self.add_error(name if name in self.fields else None, list(words))
        return said

    def _post_clean(self) -> None:
        """The record is made and checked by `reporting`, not here: this form only reads what was said."""

    @property
    def since(self) -> datetime:
        """When the page was first opened, also in one that comes back with faults: the call did not begin anew."""
        now = clock.now()
        began = self.cleaned_data.get("began") if self.is_bound else None
        return min(began or now, now)

    def said(self) -> dict[str, Any]:
        """The fields for `reporting.first_report`."""
        return {name: value for name, value in self.cleaned_data.items() if name not in ("began", "token", "origin")}
