"""Who bears what: by clause, by authority, and one authority's duties with its people."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from anlan.kernel import clock
from anlan.kernel.registers.query import begins
from anlan.parties.models import Authority, Division, Person, Post

from .. import drafting, duties
from ..forms import AssignForm, PersonForm
from ..models import Plan
from .plans import badge
from .sheet import plan_or_404

PAGE = 50
TIERS = dict(Division.TIERS)


def may_assign(request: HttpRequest, plan: Plan) -> bool:
    """Duties change in the making and in force, by the city's office; not in what is over."""
    return plan.state in ("draft", "proposed", "adopted") and drafting.may_draft(request.user, plan)


@login_required
@require_safe
def by_clause(request: HttpRequest, key: int) -> HttpResponse:
    """Every clause and target with its holders by tier, holes first if asked, and the form to assign them."""
    return _by_clause(request, plan_or_404(key), AssignForm())


def _by_clause(request: HttpRequest, plan: Plan, form: AssignForm, status: int = 200) -> HttpResponse:
    day = clock.today()
    holes = duties.holes(plan, day, request.user)
    empty = {("c", c.pk) for c in holes.clauses} | {("t", t.pk) for t in holes.targets}
    counted: dict[tuple[str, int], list[dict[str, Any]]] = {}
    rows = plan.duties.values_list("clause", "target", "authority__kind", "authority__tier").annotate(n=Count("pk"))
    kinds = dict(Authority.KINDS)
    for clause, target, kind, tier, n in rows.order_by("authority__tier", "authority__kind"):
        place = ("t", target) if target else ("c", clause)
        counted.setdefault(place, []).append(
            {"kind": kinds[kind], "tier": TIERS[tier], "n": n, "key": f"{tier}/{kind}"}
        )
    targets: dict[int, list[Any]] = {}
    for target in plan.targets.all():
        targets.setdefault(target.clause_id, []).append(target)
    table = []
    for clause in plan.clauses.all():
        table.append({"place": f"c{clause.pk}", "clause": clause, "holders": counted.get(("c", clause.pk), []),
                      "hole": ("c", clause.pk) in empty})  # fmt: skip
        for t in targets.get(clause.pk, []):
            table.append({"place": f"t{t.pk}", "target": t, "holders": counted.get(("t", t.pk), []),
                          "hole": ("t", t.pk) in empty})  # fmt: skip
    only = bool(request.GET.get("holes"))
    context = {
        "plan": plan, "badge": badge(plan), "rows": [r for r in table if r["hole"]] if only else table,
        "holes": holes, "only_holes": only, "form": form, "may_assign": may_assign(request, plan),
        "chosen": set(request.POST.getlist("item")),
    }  # fmt: skip
    return render(request, "plan/duties.html", context, status=status)


@login_required
@require_safe
def by_authority(request: HttpRequest, key: int) -> HttpResponse:
    """The authorities with duties, their heads on the day, and those for which nobody is named."""
    plan, day = plan_or_404(key), clock.today()
    rows = duties.by_authority(plan)
    asked = {
        name: request.GET.get(name, "")[:60].replace("\0", "")
        for name in ("q", "tier", "kind", "clause", "target", "holes", "after")
    }
    if asked["q"]:
        rows = rows.filter(begins("name", asked["q"]) | begins("pinyin", asked["q"].lower()))
    if asked["tier"].isdecimal() and int(asked["tier"]) in TIERS:
        rows = rows.filter(tier=int(asked["tier"]))
    if asked["kind"] in dict(Authority.KINDS):
        rows = rows.filter(kind=asked["kind"])
    narrowed = ""
    for name in ("clause", "target"):
        if asked[name].isdecimal() and len(asked[name]) < 18:
            one = get_object_or_404(getattr(plan, f"{name}s"), pk=int(asked[name]))
            borne = plan.duties.filter(**({"clause": one, "target": None} if name == "clause" else {"target": one}))
            rows, narrowed = rows.filter(pk__in=borne.values("authority")), str(one)
    all_seen = duties.sees_all(request.user, plan)
    if asked["holes"] and all_seen:
        rows = rows.filter(pk__in=plan.duties.nobody(day).values("authority"))
    total = rows.count()
    if asked["after"].isdecimal() and len(asked["after"]) < 18:
        after = Authority.objects.filter(pk=int(asked["after"])).values_list("tier", "area_code", "pk").first()
        if after:
            tier, area, pk = after
            rows = rows.filter(
                Q(tier__gt=tier) | Q(tier=tier, area_code__gt=area) | Q(tier=tier, area_code=area, pk__gt=pk)
            )
    found = list(rows.order_by("tier", "area_code", "pk")[: PAGE + 1])
    heads = {
        p.authority_id: p
        for p in Post.objects.at(day)
        .filter(head=True, authority__in=found)
        .select_related("person")
        .order_by("valid_from")
    }
    for authority in found:
        authority.head = heads.get(authority.pk)
    asked.pop("after")
    query = urlencode({k: v for k, v in asked.items() if v})
    context = {
        "plan": plan, "badge": badge(plan), "found": found[:PAGE], "total": total, "asked": asked,
        "next": f"?{query}&after={found[PAGE - 1].pk}" if len(found) > PAGE else "", "day": day, "narrowed": narrowed,
        "holes": duties.holes(plan, day, request.user), "all_seen": all_seen,
        "tiers": TIERS.items(), "kinds": Authority.KINDS,
    }  # fmt: skip
    return render(request, "plan/authorities.html", context)


@login_required
@require_safe
def authority(request: HttpRequest, key: int, authority: int) -> HttpResponse:
    """One authority's duties under the plan, and who bears them there."""
    plan = plan_or_404(key)
    body = get_object_or_404(Authority, pk=authority)
    return _authority(request, plan, body, None)


def _authority(
    request: HttpRequest, plan: Plan, body: Authority, form: PersonForm | None, status: int = 200
) -> HttpResponse:
    day = clock.today()
    rows = duties.people(plan.duties.filter(authority=body).order_by("clause__order", "target__id"), day)
    may = may_assign(request, plan)
    seen = Person.objects.filter(pk__in=Post.objects.filter(authority=body).values("person")).exists()
    context = {
        "plan": plan, "badge": badge(plan), "body": body, "rows": rows, "may_assign": may, "day": day,
        "form": (form or PersonForm(authority=body, initial={"first": True})) if may else None,
        "seen": seen or duties.sees_all(request.user, plan),
    }  # fmt: skip
    return render(request, "plan/authority.html", context, status=status)


def _held(request: HttpRequest, key: int) -> Plan:
    try:
        plan = drafting.held(key, request.user)
    except Plan.DoesNotExist:
        raise Http404 from None
    except drafting.Refused as refused:
        raise PermissionDenied(str(refused)) from refused
    if not may_assign(request, plan):
        raise PermissionDenied(_("The duties of a plan that is over do not change."))
    return plan


def _keys(values: list[str]) -> list[int]:
    return [int(v) for v in values if v.isdecimal() and len(v) < 18]


@login_required
@require_POST
def assign(request: HttpRequest, key: int) -> HttpResponse:
    """The pressed clauses and targets to one authority, to all of a kind, or as the plan's own kinds say."""
    plan, day = _held(request, key), clock.today()
    if request.POST.get("how") == "kinds":
        made = duties.assign_by_kinds(plan, day)
        messages.success(request, ngettext("%(n)d duty assigned.", "%(n)d duties assigned.", made) % {"n": made})
        return redirect("plan:duties", plan.pk)
    form = AssignForm(request.POST)
    items = request.POST.getlist("item")
    clauses, targets = (_keys([i[1:] for i in items if i[:1] == kind]) for kind in "ct")
    if not (clauses or targets):
        form.add_error(None, _("Tick the clauses and targets that are to be assigned."))
    if not form.is_valid():
        return _by_clause(request, plan, form, 422)
    one = form.cleaned_data["authority"]
    to = Authority.objects.filter(pk=one.pk) if one else duties.of_kind(plan, form.cleaned_data["to"], day)
    if not to.exists():
        form.add_error("to", _("There is no such authority in force."))
        return _by_clause(request, plan, form, 422)
    made = duties.assign(plan, to, clauses=clauses, targets=targets, first=form.cleaned_data["first"])
    messages.success(request, ngettext("%(n)d duty assigned.", "%(n)d duties assigned.", made) % {"n": made})
    return redirect("plan:duties", plan.pk)


@login_required
@require_POST
def release(request: HttpRequest, key: int) -> HttpResponse:
    """Takes one clause or target from all authorities of one kind and tier."""
    plan = _held(request, key)
    tier, _slash, rest = request.POST.get("holders", "").partition("/")
    kind, _slash, item = rest.partition("/")
    keys = _keys([item[1:]])
    if item[:1] not in ("c", "t") or not keys or not _keys([tier]):
        raise Http404
    borne = {"clause": keys[0], "target": None} if item[0] == "c" else {"target": keys[0]}
    gone, _rows = plan.duties.filter(**borne, authority__tier=min(int(tier), 9), authority__kind=kind).delete()
    messages.success(request, ngettext("%(n)d duty taken away.", "%(n)d duties taken away.", gone) % {"n": gone})
    return redirect("plan:duties", plan.pk)


@login_required
@require_POST
def name(request: HttpRequest, key: int, authority: int) -> HttpResponse:
    """Names the person at one authority for the pressed duties, or takes them away from it."""
    plan = _held(request, key)
    body = get_object_or_404(Authority, pk=authority)
    chosen = plan.duties.filter(authority=body, pk__in=_keys(request.POST.getlist("duty")))
    form = PersonForm(request.POST, authority=body)
    if not chosen.exists():
        form.add_error(None, _("Tick the duties that this is about."))
        return _authority(request, plan, body, form, 422)
    if request.POST.get("how") == "release":
        gone, _rows = chosen.delete()
        messages.success(request, ngettext("%(n)d duty taken away.", "%(n)d duties taken away.", gone) % {"n": gone})
    elif form.is_valid():
        duties.name_person(chosen, form.cleaned_data["post"], form.cleaned_data["first"])
        messages.success(request, _("The person responsible is named."))
    else:
        return _authority(request, plan, body, form, 422)
    return redirect(reverse("plan:authority", args=[plan.pk, body.pk]))
