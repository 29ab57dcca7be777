"""The editor's form: a field for each part that has words, and one to leave it out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from anlan.engines.papers import Heading, Note
from anlan.kernel import clock
from anlan.kernel.registers.meanwhile import Held
from anlan.parties.models import OfficialPaper

from .lifecycle import heads
from .text import LONGEST, BadText, Part, Text, longest

WRONG = {
    "empty": lambda: _("This must be filled in."),
    "long": lambda: _("This is too long."),
    "unknown": lambda: _("This part does not exist any more."),
    "many": lambda: _("No more parts can be added."),
    "whole": lambda: _("All that was written is too long for one paper."),
}


class EditForm(Held, forms.Form):
    """The text of a paper as it stands. What is typed of parts that are gone is in `lost`."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    title = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))
    addressee = forms.CharField(required=False, widget=forms.Textarea({"rows": 2}))
    copies = forms.CharField(
        max_length=LONGEST["copies"] + 100, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    signatory: Any = forms.ModelChoiceField(queryset=None, required=False)

    def __init__(self, case: OfficialPaper, text: Text, data: Any = None) -> None:
        self.text, self.case = text, case
        initial: dict[str, Any] = {
            "seen_version": case.version, "title": text.title, "addressee": text.addressee,
            "copies": "\n".join(text.copies), "signatory": case.signatory_id,
        }  # fmt: skip
        for part in text.parts():
            if part.text is not None:
                initial[f"t-{part.key}"] = part.text
            initial[f"out-{part.key}"] = part.out
        for section in (*text.sections, *text.annexes):
            initial[f"out-{section.key}"] = section.out
        super().__init__(data, initial=initial, auto_id="e-%s")
        for name, was in (("title", text.machine.title), ("addressee", text.machine.addressee)):
            self.fields[name].widget.attrs["maxlength"] = longest(name, was)
        labels = {
            "title": _("Title"), "addressee": _("Addressees"), "copies": _("Copies to, one on each line"),
            "signatory": _("To be signed by"),
        }  # fmt: skip
        for name, label in labels.items():
            self.fields[name].label = label
        leaders: Any = self.fields["signatory"]
        leaders.queryset = heads(case.authority, clock.today()).select_related("person")
        leaders.empty_label = _("Any leader of the authority")
        for part in text.parts():
            if part.text is not None:
                self.fields[f"t-{part.key}"] = _words(part)
            self._leave(part.key)
        for section in (*text.sections, *text.annexes):
            self._leave(section.key)
        self.hold(name for name in initial if name != "seen_version")
        self.lost = [
            value for name, value in self.data.items()
            if name.startswith("t-") and name not in self.fields and str(value).strip()
        ]  # fmt: skip

    def _leave(self, key: str) -> None:
        self.fields[f"out-{key}"] = forms.BooleanField(required=False, label=_("Leave out"))

    def edited(self, text: Text) -> Text:
        """The text with what was typed. What does not fit is told at its field, and `BadText` raised."""
        told = self.cleaned_data
        try:
            return text.edited(
                title=told["title"], addressee=told["addressee"], copies=told["copies"].splitlines(),
                texts={name[2:]: value for name, value in told.items() if name.startswith("t-")},
                out=[name[4:] for name, value in told.items() if name.startswith("out-") and value],
            )  # fmt: skip
        except BadText as error:
            name = next((n for n in (error.part, f"t-{error.part}") if n in self.fields), None)
            self.add_error(name, WRONG[str(error)]())
            raise


def _words(part: Part) -> forms.Field:
    text, heading = part.text or "", isinstance(part.block, Heading)
    label = pgettext("paper", "Heading") if heading else pgettext("paper", "Paragraph")
    if isinstance(part.block, Note):
        label = pgettext("paper", "Note")
    rows = 1 if heading else max(2, min(14, len(text) // 38 + 1))
    most = longest("text", text if part.was is None else part.was)
    return forms.CharField(
        label=label, max_length=most, required=False, widget=forms.Textarea(attrs={"rows": rows})
    )  # fmt: skip
