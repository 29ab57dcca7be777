"""Who has reported and who has not, a clause's reports with their evidence, and closing a month."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from anlan.engines.measures import BadPeriod, Period
from anlan.kernel import areas, clock, law
from anlan.kernel.astray import Astray
from anlan.kernel.cases import MoveRefused, engine
from anlan.kernel.cases.models import EvidenceFile
from anlan.kernel.figures.words import no_period, period_title
from anlan.kernel.policy import OFFICIALS
from anlan.kernel.scope import area_prefix
from anlan.parties.models import Account

from ..drafting import Refused
from ..models import Clause
from ..states import in_force
from . import closing, reports
from .lifecycle import mine_to_write
from .models import ClosedPeriod, PeriodException, ProgressReport

LISTED, A_PAGE, FEW = 60, 40, 12
MONTHS = 12


@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The reports of a period: one's own to write, those to approve, and who owes what. `area` is one district."""
    account = _official(request)
    period = _period(request.GET.get("period", ""))
    area = request.GET.get("area", "")
    rows = reports.of_period(period.name)
    wide = len(account.scope.area) <= 2
    if area:
        if not (len(area) == 12 and area.isascii() and area.isdigit()):
            raise _astray(_("“%(text)s” is no division's code.") % {"text": area[:20]})
        rows = rows.filter(areas.within(area_prefix(area)))
    districts = reports.by_district(rows) if wide and not area else []
    own_tier = rows.filter(area_code__endswith="0" * 10) if districts else rows
    bodies, many = reports.by_authority(own_tier, LISTED)
    mine = closing.marked(rows.filter(mine_to_write(account), owner_area_code=account.area_code), account)
    all_waiting = closing.marked(_waiting(account).select_related("authority"), account)
    all_waiting = all_waiting.order_by("due_at", "number_order")
    # What lies in a closed month nobody can approve without an exception: it is no work of today.
    waiting, locked = all_waiting.filter(locked=False), all_waiting.filter(locked=True)
    of_year = ClosedPeriod.objects.filter(period__startswith=str(period.first.year))
    closings = list(of_year.order_by("-period", "area_code"))
    # Who opened one may be out of the reader's scope: the record says it where it may be said.
    exceptions = list(PeriodException.objects.select_related("closing").order_by("-opened_at")[:LISTED])
    people = Account.objects.in_bulk({one.account_id for one in exceptions})
    context = {
        "plan": in_force(clock.today()), "period": period, "title": period_title(period), "periods": _periods(),
        "total": reports.total(rows), "due": reports.due_at(period), "over": reports.due_at(period) < clock.now(),
        "area": area, "place": areas.names([area]).get(area, "") if area else "",
        "districts": districts, "bodies": bodies, "more": many - len(bodies),
        "mine": list(mine.select_related("authority").order_by("due_at", "code")[:FEW]), "all_mine": mine.count(),
        "waiting": list(waiting[:FEW]), "all_waiting": waiting.count(),
        "locked": list(locked[:FEW]), "all_locked": locked.count(),
        "closed": [one for one in closings if one.period == f"{period.end - _DAY:%Y-%m}"],
        "closings": closings, "places": areas.names(one.area_code for one in closings),
        "exceptions": [{"row": one, "who": people.get(one.account_id)} for one in exceptions],
        "may_close": _closes(account),
        "closable": _closable(account), "link": f"/r/progress-reports/?period={period.name}",
    }  # fmt: skip
    return render(request, "plan/progress/overview.html", context)


_DAY = timedelta(days=1)


@login_required
@require_safe
def clause(request: HttpRequest, clause: int) -> HttpResponse:
    """All reports of a clause in a period, those with something in them first, each with its evidence."""
    _official(request)
    found = get_object_or_404(Clause.objects.select_related("plan"), pk=clause)
    period = _period(request.GET.get("period", ""), found.reported)
    asked = request.GET.get("page", "1")
    page = int(asked) if asked.isascii() and asked.isdigit() and 0 < len(asked) < 5 else 1
    every = reports.of_period(period.name).filter(code=found.code)
    shown = list(
        every.select_related("authority")
        .order_by(F("submitted_at").desc(nulls_last=True), "area_code", "authority__name")
        [(max(page, 1) - 1) * A_PAGE : max(page, 1) * A_PAGE + 1]
    )  # fmt: skip
    files: dict[int, list[EvidenceFile]] = {}
    keys = [row.pk for row in shown]
    for file in EvidenceFile.objects.filter(case_kind="progress", case_id__in=keys).order_by("id"):
        files.setdefault(file.case_id, []).append(file)
    context = {
        "clause": found, "plan": found.plan, "period": period, "title": period_title(period),
        "periods": _periods(found.reported), "total": reports.total(every),
        "rows": [{"report": row, "files": files.get(row.pk, [])} for row in shown[:A_PAGE]],
        "next": page + 1 if len(shown) > A_PAGE else None, "previous": page - 1 if page > 1 else None,
        "link": f"/r/progress-reports/?period={period.name}&code={found.code}",
    }  # fmt: skip
    return render(request, "plan/progress/clause.html", context)


@login_required
@require_POST
def approve(request: HttpRequest) -> HttpResponse:
    """Approves the ticked reports that wait for this person; what cannot be is said one by one."""
    account = _official(request)
    keys = [int(k) for k in request.POST.getlist("report") if k.isascii() and k.isdigit() and len(k) < 18][:LISTED]
    done, refused = 0, []
    for report in _waiting(account).filter(pk__in=keys).order_by("pk"):
        name = next((m.name for m in report.lifecycle.moves_from(report.state)
                     if m.tone == "primary" and engine.refusal(report, m, account) is None), None)  # fmt: skip
        try:
            if name is None:
                raise MoveRefused("gate", _("Nobody approves what he wrote, nor what lies in a closed month."))
            engine.move(report, name, by=account, seen_version=report.version)
            done += 1
        except (MoveRefused, engine.Stale) as error:
            refused.append(f"{report.number}: {getattr(error, 'message', _('somebody else was first'))}")
    if done:
        messages.success(request, ngettext("%(n)s report approved.", "%(n)s reports approved.", done) % {"n": done})
    for words in refused:
        messages.error(request, words)
    return redirect(f"{reverse('plan:progress')}?period={_period(request.POST.get('period', '')).name}")


@login_required
@require_POST
def close(request: HttpRequest) -> HttpResponse:
    """Closes a month for the area of the account's office."""
    account = _official(request)
    period = request.POST.get("period", "")
    try:
        found = closing.close(period, account.area_code, account, request.POST.get("reason", ""))
    except Refused as refused:
        if refused.code == "period.who":
            raise PermissionDenied(str(refused)) from refused
        messages.error(request, str(refused))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("%(period)s is closed; its figures are kept.") % {"period": found})
        return redirect(f"{reverse('plan:progress')}?period={found.period}")
    return redirect("plan:progress")


@login_required
@require_POST
def end_exception(request: HttpRequest, key: int) -> HttpResponse:
    """Closes an exception before its day."""
    account = _official(request)
    found = get_object_or_404(PeriodException.objects.select_related("closing", "account"), pk=key)
    try:
        closing.end(found, account)
    except Refused as refused:
        if refused.code == "exception.who":
            raise PermissionDenied(str(refused)) from refused
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The exception is closed."))
    return redirect(f"/r/period-exceptions/{found.pk}/")


def _official(request: HttpRequest) -> Any:
    account: Any = request.user
    if account.role not in OFFICIALS:
        raise PermissionDenied
    return account


def _closes(account: Any) -> bool:
    return closing.may_close(account, account.area_code)


def _closable(account: Any) -> list[tuple[str, str]]:
    """The last months that are over and not closed for the account's area, the latest first: December in January."""
    if not _closes(account):
        return []
    own = set(ClosedPeriod.objects.filter(area_code=account.area_code).values_list("period", flat=True))
    return [(name, title) for name, title in _months()[1:] if name not in own]


def _waiting(account: Any) -> Any:
    """The reports that this person's office reviews now."""
    state = {"city": "at_city", "district": "at_district"}.get(account.role, "")
    mine = account.area_code if account.industries is None else ""
    return ProgressReport.objects.filter(state=state, owner_area_code=mine)


def _period(text: str, reported: str = "") -> Period:
    """The month or quarter of an address; without one that which runs. Astray is anything else, one to come, and one of
    before there were reports."""
    if not text:
        return Period.of("quarter" if reported else "month", clock.today())
    try:
        found = Period.parse(text)
    except BadPeriod as error:
        raise _astray(no_period(error)) from None
    title = {"period": period_title(found)}
    if found.kind not in ("month", "quarter"):
        raise _astray(_("%(period)s: reports are of a month or of a quarter.") % title)
    if found.first > clock.today():
        raise _astray(_("%(period)s has not begun.") % title)
    try:
        reports.due_at(found)
    except law.NoRuleInForce:
        raise _astray(_("%(period)s: no reports were asked for then.") % title) from None
    return found


def _astray(text: str) -> Astray:
    return Astray(text, reverse("plan:progress"), _("The reports of this month"))


def _periods(reported: str = "") -> list[tuple[str, str]]:
    """The months and quarters to choose from: of this year, and back into the last one."""
    quarters = _back("quarter", 4)
    return quarters if reported else _months() + quarters


def _months() -> list[tuple[str, str]]:
    """The month that runs and those before it."""
    return _back("month", MONTHS + 1)


def _back(kind: Literal["month", "quarter"], most: int) -> list[tuple[str, str]]:
    """So many periods with their titles, the running one first."""
    found, one = [], Period.of(kind, clock.today())
    for _n in range(most):
        found.append((one.name, period_title(one)))
        one = Period.of(kind, one.first - _DAY)
    return found
