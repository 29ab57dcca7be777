"""Addresses under /plan/."""

from django.urls import path

from anlan.kernel.addresses import keyed

from .appraisal import views as appraisal
from .bulletins import views as bulletins
from .progress import views as progress
from .risk import views as risk
from .targets import views as targets
from .views import duties, history, plans, sheet

app_name = "plan"
urlpatterns = [
    path("", plans.plans, name="plans"),
    path("new/", plans.begin, name="begin"),
    path("clauses/", plans.clauses, name="clauses"),
    path("targets/", targets.targets, name="targets"),
    path("targets/<int:target>/", targets.target, name="target"),
    path("targets/<int:target>/apportion/", targets.apportion, name="apportion"),
    path("appraisal/", appraisal.now, name="appraisal"),
    path("appraisal/sheet/", appraisal.sheet, name="appraisal-sheet"),
    path("appraisal/close/", appraisal.close, name="appraisal-close"),
    path("appraisal/<int:key>/", appraisal.month, name="appraisal-month"),
    path("appraisal/<int:key>/adopt/", appraisal.adopt, name="appraisal-adopt"),
    path("scores/<int:key>/", appraisal.kept, name="score"),
    path("scores/<int:key>/object/", appraisal.raise_objection, name="score-object"),
    path("objections/<int:key>/answer/", appraisal.answer, name="objection-answer"),
    path("schemes/new/", appraisal.scheme_new, name="scheme-new"),
    path("schemes/<int:key>/", appraisal.scheme, name="scheme"),
    path("schemes/<int:key>/adopt/", appraisal.scheme_adopt, name="scheme-adopt"),
    path("risk/", risk.risk, name="risk"),
    path("bulletins/", bulletins.bulletins, name="bulletins"),
    path("bulletins/begin/", bulletins.begin, name="bulletin-begin"),
    path("bulletins/<str:number>/again/", bulletins.again, name="bulletin-again"),
    path("bulletins/<str:number>/compare/", bulletins.compare, name="bulletin-compare"),
    path("bulletins/<str:number>/correct/", bulletins.correct, name="bulletin-correct"),
    path("progress/", progress.overview, name="progress"),
    path("progress/clauses/<int:clause>/", progress.clause, name="progress-clause"),
    path("progress/approve/", progress.approve, name="progress-approve"),
    path("progress/close/", progress.close, name="period-close"),
    path("progress/exceptions/<int:key>/end/", progress.end_exception, name="exception-end"),
    path("<int:key>/", sheet.page, name="plan"),
    path("<int:key>/history/", history.changes, name="history"),
    path("<int:key>/plan.yaml", plans.export, name="plan-file"),
    path("<int:key>/step/<slug:name>/", plans.step, name="step"),
    path("<int:key>/head/", sheet.save_head, name="save-head"),
    path("<int:key>/clause/<int:clause>/", sheet.save_clause, name="save-clause"),
    path("<int:key>/target/<int:target>/", sheet.save_target, name="save-target"),
    path("<int:key>/add/<slug:kind>/", sheet.add, name="add"),
    path("<int:key>/duties/", duties.by_clause, name="duties"),
    path("<int:key>/duties/assign/", duties.assign, name="assign"),
    path("<int:key>/duties/release/", duties.release, name="release"),
    path("<int:key>/authorities/", duties.by_authority, name="authorities"),
    path("<int:key>/authorities/<int:authority>/", duties.authority, name="authority"),
    path("<int:key>/authorities/<int:authority>/name/", duties.name, name="name-person"),
    path("<int:key>/<slug:kind>/<int:row>/<slug:deed>/", sheet.change, name="change"),
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
keyed("plan:progress-clause", of="plan.Clause", keys=lambda row: {"clause": row.pk}, record="clause")
keyed("plan:exception-end", of="plan.PeriodException", keys=lambda row: {"key": row.pk}, record="key")
