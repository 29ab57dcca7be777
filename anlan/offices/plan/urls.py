"""Addresses under /plan/."""

from django.urls import path

from anlan.kernel.addresses import keyed

from . import (
    views,
    views_appraisal,
    views_bulletins,
    views_duties,
    views_history,
    views_risk,
    views_sheet,
    views_targets,
)

app_name = "plan"
urlpatterns = [
    path("", views.plans, name="plans"),
    path("new/", views.begin, name="begin"),
    path("clauses/", views.clauses, name="clauses"),
    path("targets/", views_targets.targets, name="targets"),
    path("targets/<int:target>/", views_targets.target, name="target"),
    path("targets/<int:target>/apportion/", views_targets.apportion, name="apportion"),
    path("appraisal/", views_appraisal.now, name="appraisal"),
    path("appraisal/sheet/", views_appraisal.sheet, name="appraisal-sheet"),
    path("appraisal/close/", views_appraisal.close, name="appraisal-close"),
    path("appraisal/<int:key>/", views_appraisal.month, name="appraisal-month"),
    path("appraisal/<int:key>/adopt/", views_appraisal.adopt, name="appraisal-adopt"),
    path("scores/<int:key>/", views_appraisal.kept, name="score"),
    path("scores/<int:key>/object/", views_appraisal.raise_objection, name="score-object"),
    path("objections/<int:key>/answer/", views_appraisal.answer, name="objection-answer"),
    path("schemes/new/", views_appraisal.scheme_new, name="scheme-new"),
    path("schemes/<int:key>/", views_appraisal.scheme, name="scheme"),
    path("schemes/<int:key>/adopt/", views_appraisal.scheme_adopt, name="scheme-adopt"),
    path("risk/", views_risk.risk, name="risk"),
    path("bulletins/", views_bulletins.bulletins, name="bulletins"),
    path("bulletins/begin/", views_bulletins.begin, name="bulletin-begin"),
    path("bulletins/<str:number>/again/", views_bulletins.again, name="bulletin-again"),
    path("bulletins/<str:number>/compare/", views_bulletins.compare, name="bulletin-compare"),
    path("bulletins/<str:number>/correct/", views_bulletins.correct, name="bulletin-correct"),
    path("<int:key>/", views_sheet.page, name="plan"),
    path("<int:key>/history/", views_history.changes, name="history"),
    path("<int:key>/plan.yaml", views.export, name="plan-file"),
    path("<int:key>/step/<slug:name>/", views.step, name="step"),
    path("<int:key>/head/", views_sheet.save_head, name="save-head"),
    path("<int:key>/clause/<int:clause>/", views_sheet.save_clause, name="save-clause"),
    path("<int:key>/target/<int:target>/", views_sheet.save_target, name="save-target"),
    path("<int:key>/add/<slug:kind>/", views_sheet.add, name="add"),
    path("<int:key>/duties/", views_duties.by_clause, name="duties"),
    path("<int:key>/duties/assign/", views_duties.assign, name="assign"),
    path("<int:key>/duties/release/", views_duties.release, name="release"),
    path("<int:key>/authorities/", views_duties.by_authority, name="authorities"),
    path("<int:key>/authorities/<int:authority>/", views_duties.authority, name="authority"),
    path("<int:key>/authorities/<int:authority>/name/", views_duties.name, name="name-person"),
    path("<int:key>/<slug:kind>/<int:row>/<slug:deed>/", views_sheet.change, name="change"),
]

_STEPS = ("propose", "adopt", "send-back", "withdraw", "amend")
_PLAN = ("plan", "history", "plan-file", "save-head", "duties", "assign", "release", "authorities")
keyed(*(f"plan:{name}" for name in _PLAN), of="plan.Plan", keys=lambda plan: {"key": plan.pk}, record="key")
keyed("plan:step", of="plan.Plan", keys=lambda plan: [{"key": plan.pk, "name": name} for name in _STEPS], record="key")
keyed(
    "plan:add",
    of="plan.Plan",
    keys=lambda plan: [{"key": plan.pk, "kind": kind} for kind in ("clause", "target")],
    record="key",
)
keyed("plan:save-clause", of="plan.Clause", keys=lambda row: {"key": row.plan_id, "clause": row.pk}, record="clause")
keyed("plan:save-target", of="plan.Target", keys=lambda row: {"key": row.plan_id, "target": row.pk}, record="target")
keyed(
    "plan:authority",
    "plan:name-person",
    of="plan.Duty",
    keys=lambda duty: {"key": duty.plan_id, "authority": duty.authority_id},
    record="key",
)
keyed(
    "plan:change",
    of="plan.Clause",
    keys=lambda row: {"key": row.plan_id, "kind": "clause", "row": row.pk, "deed": "remove"},
    record="row",
)
keyed("plan:target", "plan:apportion", of="plan.Target", keys=lambda row: {"target": row.pk}, record="target")
keyed("plan:score", "plan:score-object", of="plan.Score", keys=lambda row: {"key": row.pk}, record="key")
keyed("plan:objection-answer", of="plan.Objection", keys=lambda row: {"key": row.pk}, record="key")
keyed("plan:scheme", "plan:scheme-adopt", of="plan.Scheme", keys=lambda row: {"key": row.pk}, record="key")
keyed(
    "plan:appraisal-month", "plan:appraisal-adopt", of="plan.Appraisal", keys=lambda row: {"key": row.pk}, record="key"
)
keyed(
    "plan:bulletin-again",
    "plan:bulletin-compare",
    "plan:bulletin-correct",
    of="plan.Publication",
    keys=lambda case: {"number": case.number},
    record="number",
)
