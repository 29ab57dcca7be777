"""The year's targets as they stand: all of them, and each with its parts by district and industry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from anlan.engines.forecast import Outlook
from anlan.engines.measures import Measure
from anlan.kernel import areas, clock
from anlan.kernel.cases.lifecycle import lifecycle
from anlan.kernel.figures import words
from anlan.kernel.figures.ahead import WHOLE
from anlan.kernel.figures.drawing import Figure, through_the_year
from anlan.kernel.figures.lists import list_url
from anlan.kernel.policy import OFFICIALS
from anlan.kernel.scope import area_prefix
from anlan.parties.models import Authority

from ..drafting import may_draft
from ..forms import ApportionForm
from ..models import Target
from ..states import in_force
from ..watch.models import Slip
from . import standing
from .apportioning import portions
from .standing import Held, Sum, Told
from .words import STANDINGS

SLIPS = 60
"""So many warnings stand on a target's page; the register has all of them."""


@dataclass(frozen=True, slots=True)
class Line:
    """A number of the table: of whom, how it is kept, and where more is told."""

    label: str
    held: Held
    note: str = ""
    chart: str = ""
    outlook: Outlook | None = None
    """What the year will end with; None where nothing is forecast."""

    @property
    def badge(self) -> dict[str, Any]:
        return STANDINGS[self.held.state.standing]

    @property
    def left(self) -> str:
        """What remains of the number, or how far it is passed."""
        rest = self.held.state.remaining
        if rest is None:
            return ""
        return (_("%(n)s beyond it") if rest < 0 else _("%(n)s left")) % {"n": f"{abs(rest):,}"}

    @property
    def chance(self) -> str:
        """The probability that the number is kept."""
        found = None if self.outlook is None else self.outlook.chance
        return words.chance(found)

    @property
    def absent(self) -> str:
        return words.absent(self.held.figure.absent)


@login_required
@require_safe
def targets(request: HttpRequest) -> HttpResponse:
    """Every target of the plan in force, and how each district and industry keeps its part of them."""
    _official(request)
    plan = in_force(clock.today())
    account: Any = request.user
    found = standing.told(plan, account, clock.today()) if plan else []
    rows = [{"told": one, "own": _own(one, account), "sums": _sums(one)} for one in found]
    tables = [
        (_("By district"), _("District"), _table(found, "areas", _names(k for one in found for k in one.areas))),
        (_("By industry"), _("Industry"), _table(found, "industries", _industries())),
    ]
    context = {
        "plan": plan, "rows": rows, "tables": [table for table in tables if table[2]["rows"]], "standings": STANDINGS,
        "measured": sum(one.measure is not None for one in found),
    }  # fmt: skip
    return render(request, "plan/targets.html", context)


@login_required
@require_safe
def target(request: HttpRequest, target: int) -> HttpResponse:
    """One target: the year's line, and its parts. `area` draws the line of one district."""
    _official(request)
    found = get_object_or_404(Target.objects.select_related("plan", "clause"), pk=target)
    return _page(request, found, ApportionForm())


def _page(request: HttpRequest, found: Target, form: ApportionForm, status: int = 200) -> HttpResponse:
    account: Any = request.user
    (told,) = standing.told(found.plan, account, clock.today(), [found])
    names = _names(told.areas)
    area = request.GET.get("area", "")
    if area and area not in told.areas:
        raise Http404
    ahead = standing.ahead(told)
    lines = [
        Line(names[code], told.areas[code], "", f"?area={code}", ahead.get(area_prefix(code)))
        for code in sorted(told.areas)
    ]
    titles, heads = _industries(), _departments()
    branches = [
        Line(titles[code], told.industries[code], str(_(", ")).join(heads.get(code, ())))
        for code in titles
        if code in told.industries
    ]
    whole = Line(str(_("The whole city")), told.whole, "", "?", ahead.get(WHOLE)) if told.whole else None
    own = told.areas.get(area) or told.whole or next(iter(told.areas.values()), None)
    of = area or ("" if told.whole else next(iter(told.areas), ""))
    context = {
        "target": found, "plan": found.plan, "told": told, "whole": whole, "sums": _sums(told),
        "ahead": ahead, "backtest": getattr(ahead.get(WHOLE), "backtest", None),
        "tables": [t for t in ((_("District"), lines), (_("Industry"), branches)) if t[1]],
        "figure": _drawn(told, own, area_prefix(of) if of else "", names.get(of, "")) if own else None,
        "may_apportion": _may_apportion(account, told), "form": form, "shape": told.line.shape,
        "slips": slips_of(found),
        "press": _press(found, told, account),
    }  # fmt: skip
    return render(request, "plan/target.html", context, status=status)


def _short(value: Decimal | None) -> Decimal | None:
    """A number without the places that say nothing."""
    return value if value is None else Decimal(f"{value.normalize():f}")


def slips_of(target: Target) -> list[Slip]:
    """The warnings of a target and its parts in the reader's scope, those that stand first."""
    rows = Slip.objects.filter(year=target.plan.year, code=target.code, authority=None).select_related("industry")
    found = list(rows.order_by(F("ended").desc(nulls_first=True), "-since", "area_code")[:SLIPS])
    names = areas.names(slip.area_code for slip in found)
    for slip in found:
        whole = slip.area_code == target.plan.area_code
        slip.actual, slip.line = _short(slip.actual), _short(slip.line)
        slip.who = str(slip.industry) if slip.industry else str(_("The whole city")) if whole else names[slip.area_code]  # type: ignore[attr-defined]
    return found


@login_required
@require_POST
def apportion(request: HttpRequest, target: int) -> HttpResponse:
    """The city's number in parts by what each district or industry had last year, for a stated reason."""
    _official(request)
    found = get_object_or_404(Target.objects.select_related("plan", "clause"), pk=target)
    account: Any = request.user
    (told,) = standing.told(found.plan, account, clock.today(), [found])
    if not _may_apportion(account, told):
        raise PermissionDenied(_("Only the city's safety committee office apportions a target."))
    form = ApportionForm(request.POST)
    if form.is_valid():
        try:
            made = portions(told, **form.cleaned_data)
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The number stands in %(n)s parts.") % {"n": made})
            return redirect("plan:target", target)
    return _page(request, found, form, 422)


LATE = ("over", "behind", "impossible")
"""How those stand who are pressed."""


def _press(found: Target, told: Told, account: Any) -> str:
    """Where one press orders all districts that are late to mend it; empty for who may not, and where none is."""
    late = [code for code, held in sorted(told.areas.items()) if held.state.standing in LATE]
    order = lifecycle("order")
    if order is None or account.role not in order.open_by or areas.tier_of(account.area_code) > 1 or not late:
        return ""
    return f"{reverse(order.page)}?{urlencode({'area': late, 'about': f'plan-targets:{found.pk}'}, doseq=True)}"


def _official(request: HttpRequest) -> None:
    if request.user.role not in OFFICIALS:  # type: ignore[union-attr]
        raise PermissionDenied


def _may_apportion(account: Any, told: Told) -> bool:
    return (
        isinstance(told.measure, Measure) and told.whole is not None and told.target.plan.state == "adopted"
        and may_draft(account, told.target.plan)
    )  # fmt: skip


def _own(told: Told, account: Any) -> Line | None:
    """What the reader himself is held to: all of it, or his district's or his one industry's part."""
    if told.whole is not None:
        return Line("", told.whole)
    if account.industries is None:
        part = told.areas.get(account.area_code)
    else:
        part = next(iter(told.industries.values())) if len(told.industries) == 1 else None
    return Line("", part) if part is not None else None


def _sums(told: Told) -> list[dict[str, Any]]:
    """What the parts come to beside the city's number, in words."""
    return [
        {"words": _sum_words(name, told, found), "over": _too_much(told, found)}
        for name, found in told.sums.items()
        if found.parts
    ]


def _too_much(told: Told, found: Sum) -> bool:
    """The parts allow more than the city may have, or owe less than it owes."""
    wanted = standing.demand(told.target, told.measure) if told.measure else None
    return bool(wanted and found.left and (found.left < 0 if wanted.is_limit else found.left > 0))


def _sum_words(name: str, told: Told, found: Sum) -> str:
    counted = {"parts": found.parts, "total": f"{found.total.normalize():,f}"}
    made = (
        _("%(parts)s districts: %(total)s together") % counted
        if name == "area"
        else _("%(parts)s industries: %(total)s together") % counted
    )
    if not found.left:
        return made if found.left is None else _("%(sum)s, as the city's number") % {"sum": made}
    left = f"{abs(found.left).normalize():,f}"
    if found.left > 0:
        return _("%(sum)s, %(n)s less than the city's number") % {"sum": made, "n": left}
    return _("%(sum)s, %(n)s more than the city's number") % {"sum": made, "n": left}


def _table(found: Iterable[Told], of: str, names: dict[str, str]) -> dict[str, Any]:
    """Targets as columns, whoever has a part of one as rows."""
    columns = [one for one in found if getattr(one, of)]
    keys = [key for key in names if any(key in getattr(one, of) for one in columns)]
    rows = []
    for key in keys:
        kept = [getattr(one, of).get(key) for one in columns]
        rows.append({"label": names[key], "cells": [Line("", h) if h else None for h in kept]})
    return {"columns": [one.target for one in columns], "rows": rows}


def _names(codes: Iterable[str]) -> dict[str, str]:
    found = areas.names(codes)
    return {code: found[code] for code in sorted(found)}


def _industries() -> dict[str, str]:
    return {str(code): name for code, name in words.industries().items() if code is not None}


def _departments() -> dict[str, list[str]]:
    """By industry, the city's departments that supervise it today."""
    found: dict[str, list[str]] = {}
    bodies = Authority.objects.at(clock.today()).filter(tier=1, kind__in=("department", "supervisor"))
    for body in bodies.order_by("kind", "name"):
        for code in body.industries or ():
            found.setdefault(code, []).append(body.short_name or body.name)
    return found


def _drawn(told: Told, own: Held, within: str, name: str) -> Figure | None:
    """The year as a line against what it is held to; None for what does not grow through the year."""
    measure = told.measure
    if not isinstance(measure, Measure) or measure.present_only:
        return None
    year = told.target.plan.year
    months = standing.by_month([measure], year - 1, year, within=within)[measure]
    last, this = months[:12], months[12:]
    number = own.state.number
    limits = None if number is None or told.target.due else (number, told.line)
    where = {"area": within} if within else {}
    columns, rows, shape = through_the_year(
        year, this, last, lambda to_date: list_url(measure, to_date, **where) if own.url else "", limits
    )  # fmt: skip
    figures = {"this": f"{own.figure.value or 0:,}", "last": rows[-1].cells[-1].text}
    told_so = _("To date %(this)s; the whole of last year %(last)s.") % figures
    title = _("%(what)s since January") % {"what": measure.title}
    return Figure("year", f"{name}{_(': ')}{title}" if name else title, "line", _("Month"), columns, rows,
                  measure.unit, told_so, shape)  # fmt: skip
