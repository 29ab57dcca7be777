"""Addresses under /papers/."""

from __future__ import annotations

from typing import Any

from django.urls import path

from anlan.kernel.addresses import keyed
from anlan.kernel.cases.lifecycle import lifecycles
from anlan.parties.models import OfficialPaper, PaperFile

from . import views

app_name = "papers"
urlpatterns = [
    path("<int:key>/", views.issued, name="issued"),
    path("<int:key>/<slug:form>/", views.issued_file, name="file"),
    path("<slug:kind>/<str:number>/edit/", views.edit, name="edit"),
    path("<slug:kind>/<str:number>/preview.pdf", views.preview, name="preview"),
]


def _kinds() -> list[Any]:
    return [one.model for one in lifecycles() if issubclass(one.model, OfficialPaper)]


keyed(
    "papers:edit", "papers:preview",
    of=_kinds, keys=lambda case: {"kind": case.kind, "number": case.number}, record="number",
)  # fmt: skip
keyed("papers:issued", of="parties.IssuedPaper", keys=lambda row: {"key": row.pk}, record="key")
keyed(
    "papers:file",
    of="parties.IssuedPaper",
    keys=lambda row: [{"key": row.pk, "form": form} for form, _name in PaperFile.FORMS],
    record="key",
)
