"""The form of a move: exactly what it demands."""

from __future__ import annotations

from typing import Any

from django import forms

from anlan.kernel.registers.meanwhile import Held

from .lifecycle import Lifecycle, Move, form_field


class FilesInput(forms.ClearableFileInput):
    """A file input that takes several files."""

    allow_multiple_selected = True
    template_name = "django/forms/widgets/file.html"


class FilesField(forms.FileField):
    """One or more uploaded files, as a list."""

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        given = data if isinstance(data, list | tuple) else ([data] if data else [])
        if not given:
            super().clean(None, initial)
        return [super(FilesField, self).clean(one, initial) for one in given]


class MoveForm(Held, forms.Form):
    """What `move` demands of a role, with the version of the case that the person saw; `initial` is what it holds."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, lifecycle: Lifecycle, move: Move, role: str, case: Any = None, **kwargs: Any) -> None:
        super().__init__(auto_id=f"{move.name}-%s", **kwargs)
        for demand in move.fields:
            if demand.asked_of is not None and role not in demand.asked_of:
                continue
            made = form_field(lifecycle, demand, case)
            if isinstance(made, forms.DateField):
                made.widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            self.fields[demand.name] = made
        for evidence in move.evidence:
            accept = {"accept": ",".join(sorted(evidence.types))} if evidence.types else {}
            self.fields[evidence.name] = FilesField(
                label=str(evidence.title), required=evidence.at_least > 0, widget=FilesInput(attrs=accept)
            )
        self.hold(name for name in self.initial if name != "seen_version")
