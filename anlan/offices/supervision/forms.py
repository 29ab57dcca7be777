"""What people fill in: orders and circulars to several at once, meetings, minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock, entered
from anlan.kernel.cases import links
from anlan.kernel.cases.forms import FilesField, FilesInput
from anlan.kernel.files import ALLOWED
from anlan.kernel.registers.forms import MomentInput
from anlan.kernel.registers.picking import KeyField, PickWidget
from anlan.parties.models import Authority, Enterprise

from . import meetings, minutes, page
from .models import GENRES, MEASURES, Letter, Meeting
from .units import Known, resolved

MOST = 200
"""Addressees of one press."""


def line(label: Any, longest: int, **more: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=longest, validators=[entered.seen], **more)


def text(model: Any, name: str, rows: int, **more: Any) -> forms.CharField:
    """The field of a column's text."""
    column = model._meta.get_field(name)
    return forms.CharField(
        label=column.verbose_name, max_length=column.max_length, validators=[entered.seen],
        widget=forms.Textarea(attrs={"rows": rows}), **more,
    )  # fmt: skip


class Bodies(forms.ModelMultipleChoiceField):
    """Authorities to be ticked; those that an office addresses most."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.name)


class Grouped(forms.Form):
    """A form whose `to` offers the authorities one tier below and the departments beside, each as a group."""

    def __init__(self, *args: Any, by: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        fields: Any = self.fields
        fields["to"].queryset = meetings.candidates(by.area_code)

    def groups(self) -> list[tuple[Any, list[Any]]]:
        """The boxes of `to`, by group."""
        beside = {str(one.pk) for one in self.fields["to"].queryset if one.kind == "department"}  # type: ignore[attr-defined]
        boxes = list(self["to"])
        parts = (
            (_("Authorities one tier below"), [b for b in boxes if str(b.data["value"]) not in beside]),
            (_("Departments"), [b for b in boxes if str(b.data["value"]) in beside]),
        )
        return [(title, found) for title, found in parts if found]


class AddressedForm(Grouped):
    """To whom: authorities one tier below and departments beside, another authority, enterprises by their keys."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    origin = forms.CharField(widget=forms.HiddenInput, required=False, max_length=100)
    about = forms.CharField(widget=forms.HiddenInput, required=False, max_length=100)
    subject = line(_("Matter"), 160)
    to = Bodies(Authority.objects.none(), label=_("Who is addressed"), required=False)
    other = KeyField(
        Authority.objects.none(), label=_("Another authority"), required=False,
        widget=PickWidget("/r/authorities/pick/"),
    )  # fmt: skip
    enterprise = KeyField(
        Enterprise.objects.none(), label=_("Or an enterprise"), required=False,
        widget=PickWidget("/r/enterprises/pick/"),
    )  # fmt: skip

    def __init__(self, *args: Any, by: Any, **kwargs: Any) -> None:
        super().__init__(*args, by=by, **kwargs)
        fields: Any = self.fields
        fields["other"].queryset = Authority.objects.at(clock.today())
        fields["enterprise"].queryset = Enterprise.objects.all()

    def content(self) -> list[Any]:
        """The fields that say what the case is about."""
        return [field for field in self.visible_fields() if field.name not in ("to", "other", "enterprise")]

    @staticmethod
    def prefilled(said: QueryDict, by: Any) -> dict[str, Any]:
        """What an address prefills: `to` (authorities) and `area` (divisions, for their governments or offices), each
        any number of times, `enterprise`, `subject`, `grounds`, `asked`, `answer_by`, `about` (register:key) and `from`
        (kind:number)."""
        names = ("subject", "grounds", "asked", "answer_by", "about", "enterprise", "genre")
        plain = {n: said[n][:4000].replace("\0", "") for n in names if said.get(n)}
        bodies = meetings.candidates(by.area_code)
        keys = {int(k) for k in said.getlist("to")[:MOST] if k.isdecimal() and len(k) < 18}
        places = {a for a in said.getlist("area")[:MOST] if len(a) == 12 and a.isdecimal()} - {by.area_code}
        found = [
            b.pk for b in bodies if b.pk in keys or (b.area_code in places and b.kind in ("government", "station"))
        ]
        came_from = links.origin(said.get("from"), by)
        record = page.about(plain.pop("about", ""), by)
        made: dict[str, Any] = {**plain, "to": found}
        if record is not None:
            made["about"] = said["about"][:100]
            made.setdefault("subject", str(record)[:160])
        if came_from is not None:
            made |= {"origin": links.named(came_from), "grounds": plain.get("grounds") or str(came_from)}
            made.setdefault("subject", came_from.title[:160])
            made.setdefault("enterprise", getattr(came_from, "enterprise_id", None))
        return made

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        bodies = list(said.get("to") or ())
        if said.get("other") and said["other"] not in bodies:
            bodies.append(said["other"])
        said["addressees"] = [*bodies, *([said["enterprise"]] if said.get("enterprise") else [])]
        if not said["addressees"] and not {"to", "other", "enterprise"} & set(self.errors):
            self.add_error("to", _("Name at least one addressee."))
        return said


class OrderForm(AddressedForm):
    grounds = text(Letter, "grounds", 4)
    asked = text(Letter, "asked", 4)
    answer_by = forms.DateField(
        label=Letter._meta.get_field("answer_by").verbose_name,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean_answer_by(self) -> Any:
        day = self.cleaned_data["answer_by"]
        entered.in_calendar(day)
        if day < clock.today():
            raise forms.ValidationError(_("The date lies in the past."))
        return day


class CircularForm(AddressedForm):
    genre = forms.ChoiceField(label=_("Kind"), choices=GENRES, initial="criticism")
    grounds = text(Letter, "grounds", 5)
    measure = forms.ChoiceField(label=_("Measure"), choices=MEASURES)
    asked = text(Letter, "asked", 3, required=False)
    evidence = FilesField(
        label=_("Evidence"), required=False, widget=FilesInput(attrs={"accept": ",".join(sorted(ALLOWED))})
    )


class MeetingForm(Grouped):
    """The call of a meeting."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    title = line(_("Title"), 200)
    held_at = forms.DateTimeField(label=_("Time of the meeting"), widget=MomentInput())
    place = line(_("Place"), 200)
    chair = line(_("Chaired by"), 60, required=False)
    agenda = text(Meeting, "agenda", 5)
    to = Bodies(Authority.objects.none(), label=_("Who is invited"))

    def clean_held_at(self) -> Any:
        moment = self.cleaned_data["held_at"]
        entered.in_calendar(moment)
        if moment < clock.now():
            raise forms.ValidationError(_("This moment has passed."))
        return moment


class MinutesForm(forms.Form):
    """What stands before the decisions."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    summary = text(Meeting, "summary", 4, required=False)


class PasteForm(forms.Form):
    """The text of minutes, to be read."""

    pasted = forms.CharField(
        label=_("Text of the minutes"), max_length=minutes.LARGEST, strip=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("Numbered lines (一、 1. （1）); who has to do it and until when is read where it is named."),
    )  # fmt: skip


class DecisionForm(forms.Form):
    """One decision: kept where it is ticked and has a text."""

    take = forms.BooleanField(label=_("Keep"), required=False, initial=True)
    text = line(_("Decision taken"), minutes.LONGEST, required=False, widget=forms.Textarea(attrs={"rows": 3}))
    units = line(
        _("Responsible authorities"), 4000, required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip
    responsible = line(_("Person responsible"), 60, required=False)
    due_on = forms.DateField(
        label=_("To be done by"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    doubts: tuple[Any, ...] = ()
    """What is to be looked at before it is kept."""

    def __init__(self, *args: Any, known: Known, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = known

    def clean_units(self) -> list[Authority]:
        found, unknown = resolved(self.cleaned_data["units"], self.known)
        if unknown:
            raise forms.ValidationError(
                _("No authority here is called so: %(names)s. Write the name as the register has it."),
                params={"names": "、".join(unknown)[:300]},
            )
        return found

    def clean_due_on(self) -> Any:
        day = self.cleaned_data["due_on"]
        if day is not None:
            entered.in_calendar(day)
        return day

    @property
    def kept(self) -> bool:
        said: Mapping[str, Any] = self.cleaned_data
        return bool(said.get("take") and (said.get("text") or "").strip())


class Decisions(forms.BaseFormSet):  # type: ignore[type-arg]
    """The decisions of a meeting."""


DecisionSet = forms.formset_factory(
    DecisionForm, formset=Decisions, extra=0, max_num=minutes.MOST, absolute_max=minutes.MOST + 10, validate_max=True
)
