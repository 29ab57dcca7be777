"""Publications: which periods have theirs, and the presses that draft, compare and correct."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from anlan.engines.measures import BadPeriod, Period
from anlan.kernel import clock
from anlan.kernel.astray import Astray
from anlan.kernel.cases import MoveRefused
from anlan.kernel.cases.views import find
from anlan.kernel.figures.words import no_period, period_title
from anlan.parties.papers.lifecycle import ISSUERS, may_edit, seated

from . import facts, jobs
from .models import OVER, BulletinRun, Publication

FIRST, LAST = 2000, 2200
"""The years that can be asked for."""


@login_required
@require_safe
def bulletins(request: HttpRequest) -> HttpResponse:
    """The year's periods with their publications, each in its state; those without can be drafted by one press."""
    user: Any = request.user
    today = clock.today()
    asked = request.GET.get("year", str(today.year))
    if not (asked.isascii() and asked.isdigit() and len(asked) == 4 and FIRST <= int(asked) <= LAST):
        text = _("“%(text)s” is no year from %(first)s to %(last)s.")
        raise Astray(
            text % {"text": asked[:20], "first": FIRST, "last": LAST}, reverse("plan:bulletins"),
            _("Bulletins of %(year)s") % {"year": today.year},
        )  # fmt: skip
    year = int(asked)
    own = user.area_code if user.role in ISSUERS else user.area_code[:6].ljust(12, "0")
    found = Publication.objects.filter(area_code=own, period__startswith=str(year)).select_related("issued", "corrects")
    by_period: dict[str, list[Publication]] = {}
    for one in found.order_by("id"):
        by_period.setdefault(one.period, []).append(one)

    def line(series: str, period: Period) -> dict[str, Any]:
        rows = by_period.get(period.name, [])
        living = [one for one in rows if one.state not in OVER and one.corrects_id is None]
        return {
            "series": series, "period": period.name, "title": period_title(period), "cases": rows,
            "due": jobs.due_on(series, period),
            "begun": period.first <= today, "over": period.end <= today, "free": not living,
            "late": not living and jobs.due_on(series, period) < today,
        }  # fmt: skip

    groups = [
        (title, [line(series, Period.of(facts.PERIODS[series], day)) for day in days])  # type: ignore[arg-type]
        for (series, title), days in zip(Publication.SERIES, (
            [date(year, m, 1) for m in range(1, 13)], [date(year, m, 1) for m in (1, 4, 7, 10)], [date(year, 1, 1)],
        ), strict=True)
    ]  # fmt: skip
    years = (year - 1 if year > FIRST else None, year + 1 if year < LAST else None)
    context = {"groups": groups, "year": year, "years": years, "may": user.role in ISSUERS, "today": today}
    return render(request, "plan/bulletins.html", context)


@login_required
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Opens the publication of a period and has it drafted."""
    user: Any = request.user
    series = request.POST.get("series", "")
    if user.role not in ISSUERS:
        raise PermissionDenied(_("Bulletins are issued by cities and districts."))
    try:
        period = facts.period_of(series, request.POST.get("period", ""))
        case = jobs.begin(series, period, user)
    except MoveRefused as refused:
        if refused.code != "invalid":
            raise PermissionDenied(refused.message) from None
        there = Publication.objects.filter(
            series=series, period=period.name, area_code=user.area_code, corrects__isnull=True
        ).exclude(state__in=OVER)
        if (one := there.first()) is None:
            raise
        messages.info(request, _("There is one of this period already."))
        return HttpResponseRedirect(one.get_absolute_url())
    except BadPeriod as error:
        messages.error(request, no_period(error))
        return redirect("plan:bulletins")
    except facts.BadBulletin as error:
        messages.error(request, str(error))
        return redirect("plan:bulletins")
    return HttpResponseRedirect(case.get_absolute_url())


def _case(request: HttpRequest, number: str) -> Publication:
    _declared, case = find(request.user, "publication", number)
    assert isinstance(case, Publication)
    return case


@login_required
@require_POST
def again(request: HttpRequest, number: str) -> HttpResponse:
    """Has a draft drafted anew from the records of now."""
    case = _case(request, number)
    if not may_edit(case, request.user):
        raise PermissionDenied(_("Only a draft can be changed, and by its authority alone."))
    if case.corrects_id is not None:
        raise PermissionDenied(_("A correction is drafted from a comparison: withdraw it and correct anew."))
    jobs.ask(case, "draft", request.user)
    return HttpResponseRedirect(case.get_absolute_url())


def _at_home(case: Publication, user: Any) -> None:
    if user.role not in ISSUERS or (why := seated(case, user)):
        raise PermissionDenied(why if user.role in ISSUERS else _("This is not for your role."))
    if case.issued is None or case.state == "revoked":
        raise PermissionDenied(_("Only what was issued and stands is compared and corrected."))


@login_required
@require_POST
def compare(request: HttpRequest, number: str) -> HttpResponse:
    """Has what was published compared with the records of now."""
    case = _case(request, number)
    _at_home(case, request.user)
    jobs.ask(case, "compare", request.user)
    return HttpResponseRedirect(case.get_absolute_url())


@login_required
@require_POST
def correct(request: HttpRequest, number: str) -> HttpResponse:
    """Drafts the correction from the last comparison."""
    case = _case(request, number)
    _at_home(case, request.user)
    compared = BulletinRun.objects.filter(publication=case, what="compare", state="done").order_by("-id").first()
    if compared is None or not compared.differences:
        messages.error(request, _("Nothing is known to differ: compare first."))
        return HttpResponseRedirect(case.get_absolute_url())
    try:
        made = jobs.correct(case, compared, request.user)
    except MoveRefused as refused:
        messages.error(request, refused.message if refused.code != "invalid" else _("It is being corrected already."))
        return HttpResponseRedirect(case.get_absolute_url())
    return HttpResponseRedirect(made.get_absolute_url())
