"""Under `/c/`."""

from __future__ import annotations

from typing import Any

from django.urls import path

from anlan.kernel.addresses import keyed, spelled

from . import views
from .lifecycle import lifecycle, lifecycles

app_name = "cases"
urlpatterns = [
    path("", views.work_page, name="work"),
    path("<slug:kind>/", views.list_page, name="list"),
    path("<slug:kind>/<str:number>/", views.case_page, name="case"),
    path("<slug:kind>/<str:number>/evidence/<int:file_id>/", views.evidence, name="evidence"),
    path("<slug:kind>/<str:number>/<slug:move>/", views.make_move, name="move"),
]


def _evidence(file: Any) -> list[dict[str, Any]]:
    declared = lifecycle(file.case_kind)
    cases = declared.model._default_manager.filter(pk=file.case_id) if declared else []
    return [{"kind": c.kind, "number": c.number, "file_id": file.pk} for c in cases]


spelled("cases:list", values=lambda: [{"kind": one.kind} for one in lifecycles()])
keyed(
    "cases:case",
    of=lambda: [one.model for one in lifecycles()],
    keys=lambda case: {"kind": case.kind, "number": case.number},
    record="number",
)
keyed(
    "cases:move",
    of=lambda: [one.model for one in lifecycles()],
    keys=lambda case: [{"kind": case.kind, "number": case.number, "move": m.name} for m in case.lifecycle.moves],
    record="number",
)
keyed("cases:evidence", of="cases.EvidenceFile", keys=_evidence, record="number")
