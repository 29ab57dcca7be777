"""Major dangers and listed ones, the papers that go with them, and what of them stands before the public."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from anlan.kernel import areas, clock, law
from anlan.kernel import public as pages
from anlan.kernel.cases.models import CaseEntry
from anlan.parties.models import Authority

from ..models import Danger, PublishedDanger

PAGE = 50
OPEN = Q(closed_at__isnull=True)
STOPPED = Q(stopped_at__isnull=False, resumed_at__isnull=True)


def _overdue() -> Q:
    return OPEN & Q(due_at__lt=clock.now())


MAJOR: dict[str, tuple[Any, Callable[[], Q]]] = {
    "open": (gettext_lazy("Not closed yet"), lambda: OPEN),
    "unreported": (gettext_lazy("Not reported apart"), lambda: OPEN & Q(reported_at__isnull=True)),
    "overdue": (gettext_lazy("Overdue"), _overdue),
    "listed": (gettext_lazy("Listed"), lambda: Q(listed_at__isnull=False)),
    "stopped": (gettext_lazy("Production stopped"), lambda: OPEN & STOPPED),
    "proposed": (
        gettext_lazy("To be approved for publication"),
        lambda: Q(publication_asked_at__isnull=False, published_at__isnull=True),
    ),
    "published": (gettext_lazy("Published"), lambda: Q(published_at__isnull=False)),
    "closed": (gettext_lazy("Closed"), lambda: Q(closed_at__isnull=False)),
}
LISTED: dict[str, tuple[Any, Callable[[], Q]]] = {
    "open": (gettext_lazy("Under supervision"), lambda: OPEN),
    "overdue": (gettext_lazy("Overdue"), _overdue),
    "stopped": (gettext_lazy("Production stopped"), lambda: OPEN & STOPPED),
    "done": (gettext_lazy("Closed, to be taken off the list"), lambda: Q(closed_at__isnull=False)),
}


@login_required
@require_safe
def majors(request: HttpRequest) -> HttpResponse:
    """Every major danger within scope, the latest first."""
    return _list(request, Danger.objects.filter(grade="major"), MAJOR, "found_at", "hazards/majors.html")


@login_required
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """What a higher tier has listed for supervision: who, when, until when, and how it stands."""
    return _list(request, Danger.objects.filter(listed_at__isnull=False), LISTED, "listed_at", "hazards/listed.html")


def _list(
    request: HttpRequest, rows: QuerySet[Danger], cuts: dict[str, tuple[Any, Callable[[], Q]]], moment: str, page: str
) -> HttpResponse:
    """One page of 50 by `moment`; the counts of all cuts come from one query."""
    only = request.GET.get("only", next(iter(cuts)))
    if only not in cuts:
        raise Http404
    counts = rows.aggregate(**{name: Count("pk", filter=cut()) for name, (_title, cut) in cuts.items()})
    found = rows.filter(cuts[only][1]())
    at, _dash, key = request.GET.get("after", "").partition("/")
    try:
        after = parse_datetime(at) if at else None
    except ValueError:  # no day of any calendar
        after = None
    if after is not None and after.tzinfo is not None and key.isdecimal() and len(key) < 19:
        found = found.filter(Q(**{moment: after, "pk__lt": int(key)}) | Q(**{f"{moment}__lt": after}))
    listing = list(found.select_related("enterprise", "industry").order_by(f"-{moment}", "-pk")[: PAGE + 1])
    shown = listing[:PAGE]
    last = shown[-1] if len(listing) > PAGE else None
    places = areas.names([d.area_code for d in shown] + [d.listed_by_area for d in shown if d.listed_by_area])
    context = {
        "rows": [{"danger": d, "place": places[d.area_code], "by": places.get(d.listed_by_area, "")} for d in shown],
        "cuts": [{"name": n, "title": t, "count": counts[n], "current": n == only} for n, (t, _cut) in cuts.items()],
        "only": only,
        "more": f"{getattr(last, moment).isoformat()}/{last.pk}" if last else "",
    }
    return render(request, page, context)


# --- Papers ---------------------------------------------------------------------------------------------


def _danger(number: str) -> Danger:
    found = Danger.numbered(number)
    if found is None:
        raise Http404
    return found


@login_required
@require_safe
def order(request: HttpRequest, number: str) -> HttpResponse:
    """The order to stop production as a paper, with the article in force on its day."""
    danger = _danger(number)
    entry = CaseEntry.of(danger).filter(move="stop_work").order_by("-id").first()
    if entry is None:
        raise Http404
    day = entry.at.astimezone(clock.BEIJING).date()
    body = Authority.objects.at(day).filter(kind="supervisor", area_code=danger.owner_area_code).first()
    authority = body or areas.names([danger.owner_area_code])[danger.owner_area_code]
    return render(request, "hazards/order.html", {
        "danger": danger, "entry": entry, "authority": authority, "basis": law.value("hazards.stop_basis", entry.at),
        "longest": law.value("hazards.stop_longest_months", entry.at),
        "review": law.value("hazards.resumption_review", entry.at),
    })  # fmt: skip


@login_required
@require_safe
def separate_report(request: HttpRequest, number: str) -> HttpResponse:
    """The separate report of a major danger as a paper: Decree 16 Art. 14 names its three parts."""
    danger = _danger(number)
    if danger.reported_at is None:
        raise Http404
    place = areas.names([danger.area_code])[danger.area_code]
    entry = CaseEntry.of(danger).filter(move="report_major").order_by("-id").first()
    return render(request, "hazards/separate_report.html", {"danger": danger, "place": place, "entry": entry})


# --- Before the public ----------------------------------------------------------------------------------

SHOWN = 1000
KEPT = timedelta(days=365)
"""How long what was removed or withdrawn stays on the page."""


@require_safe
def public(request: HttpRequest, language: str = "zh-hans") -> HttpResponse:
    """The city's published major dangers by district, for everybody: no sign-in, no cookie read, good for five minutes.

    The language stands in the address, so that any cache may keep the page. Two queries and one for the installation.
    """
    since = clock.today() - KEPT
    wanted = PublishedDanger.objects.filter(
        Q(state__in=("treating", "accepting")) | Q(removed_on__gte=since) | Q(withdrawn_on__gte=since)
    )
    found = list(wanted.select_related("industry").order_by("area_code", "state", "-published_on", "-pk")[:SHOWN])
    standing = [row for row in found if row.state in ("treating", "accepting")]
    places = [{"name": place, "rows": list(rows)} for place, rows in groupby(standing, key=lambda row: row.place)]
    past = sorted((row for row in found if row not in standing), key=lambda row: row.updated_at, reverse=True)
    updated = max((row.updated_at for row in found), default=None)
    context = {
        "places": places, "past": past, "shown": found, "today": clock.today(), "updated": updated,
        "more": wanted.count() - SHOWN if len(found) == SHOWN else 0,
    }  # fmt: skip
    return pages.answer(request, "hazards/public.html", context, language, "public-dangers")
