"""The plans, a new draft, its way to adoption, and the clause table."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from anlan.kernel import clock
from anlan.kernel.datafiles import BadFile
from anlan.kernel.models import Installation, Stale
from anlan.kernel.policy import OFFICIALS

from .. import adoption, drafting, duties, planfile
from ..forms import BeginForm, ReasonForm
from ..models import OPEN, Plan
from ..reading.flat import LARGEST, Unreadable, decode_bytes
from ..states import ClauseState, in_force, states

TONES = {
    "draft": "neutral",
    "proposed": "attention",
    "adopted": "success",
    "superseded": "neutral",
    "withdrawn": "neutral",
}


@login_required
@require_safe
def plans(request: HttpRequest) -> HttpResponse:
    """Every plan that one may see, the newest first."""
    rows = (
        Plan.objects.annotate(n=Count("clauses"))
        .select_related("drafted_by", "adopted_by")
        .order_by("-year", "-edition")
    )
    found = [{"plan": p, "badge": badge(p), "may_adopt": adoption.may_adopt(p, request.user)} for p in rows]
    return render(request, "plan/plans.html", {"rows": found, "may_draft": drafting.may_draft(request.user)})


def badge(plan: Plan) -> dict[str, Any]:
    """The state as a word with its tone."""
    return {"text": plan.get_state_display(), "tone": TONES[plan.state]}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """A new draft from a notice's text or from a plan file."""
    if not drafting.may_draft(request.user):
        raise PermissionDenied(_("Only the city's safety committee office writes a plan."))
    form = BeginForm(request.POST, request.FILES) if request.method == "POST" else BeginForm()
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                with transaction.atomic():
                    plan = _begun(request, form)
            except (Unreadable, BadFile) as error:
                given = "file" if form.cleaned_data.get("file") else "text"
                for line in str(error).splitlines()[:20]:
                    form.add_error(given, line)
            except drafting.Refused as error:
                form.add_error("year" if error.code == "plan.year" else None, str(error))
            else:
                messages.success(request, _("The draft is made. Hold it against its source now."))
                return redirect("plan:plan", plan.pk)
        status = 422
    return render(request, "plan/begin.html", {"form": form}, status=status)


def _begun(request: HttpRequest, form: BeginForm) -> Plan:
    area, by = Installation.objects.get(pk=1).city_code, request.user
    file = form.cleaned_data.get("file")
    if file is None:
        name, text = _("Pasted text"), form.cleaned_data["text"].replace("\r\n", "\n").replace("\r", "\n")
        return drafting.from_text(name, text, area_code=area, by=by, year=form.cleaned_data["year"])  # type: ignore[arg-type]
    name = PurePath(file.name or "").name
    if file.size > (planfile.LARGEST if name.endswith((".yaml", ".yml")) else LARGEST):
        raise Unreadable(_("%(name)s: larger than a notice can be") % {"name": name})
    raw = file.read()
    if name.endswith((".yaml", ".yml")):
        content = planfile.parse(raw, name)
        if content["plan"]["city"] != area:
            raise BadFile(
                _("%(name)s: plan.city: this installation is that of %(city)s") % {"name": name, "city": area}
            )
        if Plan.objects.filter(year=content["plan"]["year"], area_code=area, state__in=OPEN).exists():
            raise drafting.Refused(
                "plan.in_the_making", _("A draft of that year is in the making already. Go on with it, or withdraw it.")
            )
        return planfile.make(content, name, by)  # type: ignore[no-any-return]
    text = decode_bytes(raw, name).replace("\r\n", "\n").replace("\r", "\n")
    return drafting.from_text(name, text, area_code=area, by=by, year=form.cleaned_data["year"])  # type: ignore[arg-type]


STEPS = {"propose", "adopt", "send-back", "withdraw", "amend"}


@login_required
@require_POST
def step(request: HttpRequest, key: int, name: str) -> HttpResponse:
    """One step of the plan on its way; refused with the reason where it may not be."""
    if name not in STEPS:
        raise Http404
    try:
        plan = drafting.held(key, request.user)
    except Plan.DoesNotExist:
        raise Http404 from None
    except drafting.Refused as refused:
        raise PermissionDenied(str(refused)) from refused
    by: Any = request.user
    form = ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        with transaction.atomic():
            if name == "propose":
                adoption.propose(plan, by)
                messages.success(request, _("The plan waits for the approval of a second person."))
            elif name == "adopt":
                adoption.adopt(plan, by)
                messages.success(request, _("The plan is adopted and in force."))
            elif name == "send-back":
                adoption.send_back(plan, by, reason)
                messages.success(request, _("The plan is a draft again."))
            elif name == "withdraw":
                adoption.withdraw(plan, by, reason)
                messages.success(request, _("The draft is withdrawn. It stays readable here."))
            else:
                plan = adoption.amend(plan, by, reason)
                messages.success(request, _("A draft of the amended plan is made; it is adopted like the first."))
    except drafting.Refused as refused:
        if refused.code in ("plan.own_draft", "plan.role"):
            raise PermissionDenied(str(refused)) from refused
        messages.error(request, str(refused))
    except Stale:
        messages.error(request, _("Somebody else has changed this plan meanwhile."))
    return redirect("plan:plan", plan.pk)


@login_required
@require_safe
def export(request: HttpRequest, key: int) -> HttpResponse:
    """The plan as a plan file."""
    plan = get_object_or_404(Plan, pk=key)
    answer = HttpResponse(planfile.write(plan), content_type="application/yaml; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="plan-{plan.year}-{plan.edition}.yaml"'
    return answer


@login_required
@require_safe
def clauses(request: HttpRequest) -> HttpResponse:
    """Every clause of a plan: who bears it, what proves it, how far it is; `mine=1`: only one's own."""
    wanted = request.GET.get("plan", "")
    if wanted:
        plan = get_object_or_404(Plan, pk=wanted) if wanted.isdecimal() and len(wanted) < 18 else None
        if plan is None:
            raise Http404
    else:
        plan = in_force(clock.today())
    own = bool(request.GET.get("mine"))
    found = states(plan, account=request.user) if plan else []
    my_clauses, my_targets = duties.mine(plan, request.user) if plan else (set(), set())
    rows = [_row(s, s.clause.pk in my_clauses, {t.pk for t in s.targets} & my_targets) for s in found]
    mine = [r for r in rows if r["mine"]]
    summary = {
        "all": len(rows), "mine": len(mine), "live": sum(s.live for s in found),
        "borne": sum(s.duty_holders > 0 for s in found), "proved": sum(s.proved for s in found),
        "measured": sum(s.measured for s in found), "warned": sum(s.warned for s in found),
    }  # fmt: skip
    context = {
        "plan": plan, "badge": badge(plan) if plan else None, "rows": mine if own else rows, "own": own,
        "official": request.user.role in OFFICIALS,  # type: ignore[union-attr]
        "summary": summary, "others": Plan.objects.exclude(pk=plan.pk if plan else None).order_by("-year", "-edition"),
    }  # fmt: skip
    return render(request, "plan/clauses.html", context)


def _row(state: ClauseState, mine: bool, targets: set[int]) -> dict[str, Any]:
    marks = [
        {"title": _("Duty"), "there": state.duty_holders > 0, "missing": _("no duty-holder")},
        {"title": _("Proof"), "there": state.proved, "missing": _lacking(state)},
        {"title": _("Measured"), "there": state.measured, "missing": _("no measure")},
        {"title": _("Warned"), "there": state.warned, "missing": _("no warning")},
    ]
    return {
        "state": state, "marks": marks, "mine": mine or bool(targets), "my_targets": targets,
        "missing": [m["missing"] for m in marks if not m["there"]],
    }  # fmt: skip


def _lacking(state: ClauseState) -> str:
    """What is missing of the records that should prove it."""
    if not state.proofs:
        return _("no register is named that would prove it")
    if any(p.count is None and not p.hidden for p in state.proofs):
        return _("registers that nobody keeps yet")
    return _("no records within your area")
