"""The draft held against its source: one page, and the small forms on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from anlan.kernel import clock
from anlan.kernel.models import Stale
from anlan.kernel.registers import history, meanwhile
from anlan.kernel.registers.declaration import Register

from .. import adoption, drafting, duties, sheet
from ..forms import ClauseForm, HeadForm, ReasonForm, TargetForm, Versioned
from ..models import Clause, Gap, Plan, Source, Target
from ..reading import targets as reading
from ..registers import Clauses, Plans, Targets
from .plans import badge


def plan_or_404(key: int) -> Plan:
    """The plan, or the answer that there is none."""
    return get_object_or_404(Plan.objects.select_related("drafted_by", "proposed_by", "adopted_by", "amends"), pk=key)


@login_required
@require_safe
def page(request: HttpRequest, key: int) -> HttpResponse:
    """The source left, the tree right. `edit=c12|t5|head` opens a form, `new=target|clause` one more."""
    return show(request, plan_or_404(key))


def show(
    request: HttpRequest, plan: Plan, bound: dict[str, Any] | None = None, status: int = 200, stale: Any = None,
    refused: str = "",
) -> HttpResponse:  # fmt: skip
    """The page; `bound` are forms with faults by place, `stale` what somebody else changed, `refused` why not."""
    clauses, targets = list(plan.clauses.all()), list(plan.targets.all())
    gaps, source = list(plan.gaps.all()), Source.objects.filter(plan=plan).first()
    may_edit = plan.state == "draft" and drafting.may_draft(request.user, plan)
    forms = bound or (_asked(request, plan, clauses, targets, source) if may_edit else {})
    holes = duties.holes(plan, clock.today(), request.user)
    context = {
        "plan": plan, "badge": badge(plan), "source": source, "may_edit": may_edit, "forms": forms, "stale": stale,
        "refused": refused,
        "from_to": _span(request.POST or request.GET, source),
        "pieces": sheet.pieces(source.text, clauses, targets, gaps) if source else [],
        "rows": sheet.rows(clauses, targets),
        "unread_gaps": [g for g in gaps if not g.settled], "settled": [g for g in gaps if g.settled],
        "n_clauses": len(clauses), "n_targets": len(targets), "holes": holes,
        "n_holes": len(holes.clauses) + len(holes.targets),
        "missing": adoption.missing(plan) if may_edit else [], "may_adopt": adoption.may_adopt(plan, request.user),
        "may_draft": drafting.may_draft(request.user, plan), "reason": ReasonForm(),
    }  # fmt: skip
    return render(request, "plan/plan.html", context, status=status)


def _asked(
    request: HttpRequest, plan: Plan, clauses: list[Clause], targets: list[Target], source: Source | None
) -> dict[str, ModelForm[Any]]:
    """The form that the address asks for, by its place on the page."""
    edit, new = request.GET.get("edit", ""), request.GET.get("new", "")
    if edit == "head":
        return {"head": HeadForm(instance=plan)}
    for clause in clauses:
        if edit == f"c{clause.pk}":
            return {edit: ClauseForm(instance=clause)}
    for target in targets:
        if edit == f"t{target.pk}":
            return {edit: TargetForm(instance=target, plan=plan)}
    start, end = _span(request.GET, source)
    words = "".join(source.text[start:end].split()) if source and start is not None else ""
    here = sheet.clause_at(clauses, start) if start is not None else None
    wanted = request.GET.get("under", "")
    here = next((c for c in clauses if str(c.pk) == wanted), here)
    if new == "target":
        found = reading.find(words).targets if words else []
        first = found[0] if found else None
        guess = {
            "clause": here.pk if here else None, "subject": first.subject if first else words[:200],
            "comparator": first.comparator if first else "", "value": first.value if first else "",
            "unit": first.unit if first else "",
            "baseline": (first.baseline or "") if first and first.baseline != reading.LAST_YEAR else "",
        }  # fmt: skip
        if first and first.baseline == reading.LAST_YEAR:
            guess["baseline"] = str(plan.year - 1)
        return {"new-target": TargetForm(initial=guess, plan=plan, instance=Target(plan=plan))}
    if new == "clause":
        code = drafting.next_code(plan, here.code if here else "")
        return {"new-clause": ClauseForm(initial={"code": code, "title": words[:200]}, instance=Clause(plan=plan))}
    return {}


def _span(data: Any, source: Source | None) -> tuple[int | None, int | None]:
    """A stretch of the source as the address or the form states it, or nothing."""
    start, end = data.get("from", ""), data.get("to", "")
    if source is None or not (start.isdecimal() and end.isdecimal() and len(start) < 9 and len(end) < 9):
        return None, None
    if not int(start) < int(end) <= len(source.text):
        return None, None
    return int(start), int(end)


def _open(request: HttpRequest, key: int) -> Plan:
    try:
        return drafting.opened(key, request.user)  # type: ignore[arg-type]
    except Plan.DoesNotExist:
        raise Http404 from None


def _back(plan: Plan, place: str = "") -> HttpResponse:
    return HttpResponseRedirect(reverse("plan:plan", args=[plan.pk]) + (f"#{place}" if place else ""))


def _refused(request: HttpRequest, key: int, refused: drafting.Refused) -> HttpResponse:
    """Locked or not one's own: said on the page, which shows how it stands."""
    if refused.code == "plan.role":
        raise PermissionDenied(str(refused)) from refused
    return show(request, plan_or_404(key), status=409, refused=str(refused))


def _of_open_plan(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A deed on a plan in the making, which it is given; on one that is locked or not one's own it is refused."""

    @login_required
    @require_POST
    @wraps(view)
    def done(request: HttpRequest, key: int, **more: Any) -> HttpResponse:
        try:
            plan = _open(request, key)
        except drafting.Refused as refused:
            return _refused(request, key, refused)
        return view(request, plan, **more)

    return done


Make = Callable[[QueryDict, Any], Versioned]
"""Makes a form of what was sent, over a row."""


def _save(request: HttpRequest, plan: Plan, place: str, make: Make, row: Any, declared: type[Register]) -> HttpResponse:
    """Keeps a valid form; else shows it with its faults, or beside what somebody else wrote meanwhile."""
    form = make(meanwhile.decided(request.POST), row)
    if not form.is_valid():
        return show(request, plan, {place: form}, 422)
    if row.pk:
        now = declared.model._default_manager.get(pk=row.pk)
        if now.version != form.cleaned_data["version"]:  # type: ignore[attr-defined]
            return _late(request, plan, place, make, form, declared)
    try:
        with transaction.atomic():
            row.save()
    except Stale:
        return _late(request, plan, place, make, form, declared)
    except IntegrityError:
        form.add_error(None, _("There is one with this id already."))
        return show(request, plan, {place: form}, 422)
    drafting.settle(plan, row.start if hasattr(row, "start") else None, getattr(row, "end", None))
    key = (
        place
        if row._meta.model is Plan
        else f"{place[0]}{row.pk}"
        if not place.startswith("new")
        else f"{place[4]}{row.pk}"
    )
    return _back(plan, key)


def _late(
    request: HttpRequest, plan: Plan, place: str, make: Make, form: Versioned, declared: type[Register]
) -> HttpResponse:
    """The second of two at one form decides over what the first wrote; nothing is overwritten, nothing lost."""
    key = form.instance.pk
    both = meanwhile.compared(make, declared, form.data, lambda: declared.model._default_manager.get(pk=key))  # type: ignore[arg-type]
    return show(request, plan_or_404(plan.pk), {place: both}, 409)


def _told(request: HttpRequest, plan: Plan, place: str, declared: type[Register], now: Any) -> HttpResponse:
    """The second of two is told what the first changed, and that his removal was not made."""
    changes = history.of(declared, now)
    return show(
        request, plan_or_404(plan.pk), status=409, stale={"place": place, "change": changes[0] if changes else None}
    )


@_of_open_plan
def save_head(request: HttpRequest, plan: Plan) -> HttpResponse:
    """Title, issuer and day."""
    return _save(request, plan, "head", lambda sent, row: HeadForm(sent, instance=row), plan, Plans)


@_of_open_plan
def save_clause(request: HttpRequest, plan: Plan, clause: int) -> HttpResponse:
    """A clause corrected."""
    row = get_object_or_404(Clause, pk=clause, plan=plan)
    return _save(request, plan, f"c{row.pk}", lambda sent, row: ClauseForm(sent, instance=row), row, Clauses)


@_of_open_plan
def save_target(request: HttpRequest, plan: Plan, target: int) -> HttpResponse:
    """A target corrected."""
    row = get_object_or_404(Target, pk=target, plan=plan)
    return _save(request, plan, f"t{row.pk}", lambda sent, row: TargetForm(sent, instance=row, plan=plan), row, Targets)


@_of_open_plan
def add(request: HttpRequest, plan: Plan, kind: str) -> HttpResponse:
    """A further clause or target, by hand or from a stretch of the source."""
    start, end = _span(request.POST, Source.objects.filter(plan=plan).first())
    if kind == "target":
        row = Target(plan=plan, code=drafting.next_target(plan), start=start, end=end)
        return _save(
            request, plan, "new-target", lambda sent, row: TargetForm(sent, instance=row, plan=plan), row, Targets
        )
    if kind != "clause":
        raise Http404
    form = ClauseForm(request.POST, instance=Clause(plan=plan, start=start, end=end))
    if not form.is_valid():
        return show(request, plan, {"new-clause": form}, 422)
    data = {k: v for k, v in form.cleaned_data.items() if k not in ("code", "title", "version")}
    try:
        made = drafting.add_clause(
            plan, form.cleaned_data["code"], form.cleaned_data["title"], start=start, end=end, **data
        )
    except drafting.Refused as refused:
        form.add_error("code", str(refused))
        return show(request, plan, {"new-clause": form}, 422)
    drafting.settle(plan, start, end)
    return _back(plan, f"c{made.pk}")


@_of_open_plan
def change(request: HttpRequest, plan: Plan, kind: str, row: int, deed: str) -> HttpResponse:
    """Removes a clause or target, moves a clause up or down, settles a place not read."""
    models = {"clause": Clause, "target": Target, "gap": Gap}
    deeds = {"clause": ("remove", "up", "down"), "target": ("remove",), "gap": ("settle", "unsettle")}
    if deed not in deeds.get(kind, ()):
        raise Http404
    found: Any = get_object_or_404(models[kind], pk=row, plan=plan)
    place = f"{kind[0]}{found.pk}"
    try:
        if deed == "remove":
            version = request.POST.get("version", "")
            drafting.remove(found, int(version) if version.isdecimal() and len(version) < 9 else 0)
            return _back(plan, f"c{found.clause_id}" if kind == "target" else "tree")
        if deed in ("up", "down"):
            drafting.move(found, deed == "down")
        else:
            found.settled = deed == "settle"
            found.save()
            place = "unread"
    except Stale:
        return _told(request, plan, place, Clauses if kind == "clause" else Targets, found)
    except drafting.Refused as refused:
        return show(request, plan, status=409, refused=str(refused))
    return _back(plan, place)
