"""How far the programmes of monitoring are carried out in one's area; the desk at which warnings come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from anlan.engines.measures import Period, parts
from anlan.kernel import areas, clock
from anlan.kernel.figures.computing import compute, named
from anlan.kernel.figures.lists import list_url

from .grouping import gravest_first
from .lifecycle import WARNING
from .models import LEVELS, EarlyWarning
from .programmes import PROGRAMMES
from .registers import Devices

DESK_MOST = 100
"""So many warnings stand on the desk; the list has them all."""
COUNTED = ("monitoring.required", "monitoring.installed", "monitoring.online", "monitoring.calibrated")
RATES = ("monitoring.coverage", "monitoring.online_rate")


@dataclass(frozen=True, slots=True)
class Number:
    """A number and the address of what it counts; none where it counts nothing."""

    value: int
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """One programme: its devices, and the rates in percent, None without a denominator."""

    title: Any
    required: Number
    installed: Number
    online: Number
    calibrated: Number
    coverage: Any
    online_rate: Any

    @property
    def missing(self) -> int:
        return max(self.required.value - self.installed.value, 0)


@login_required
@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    """Programmes × devices required, in service, online and calibrated, for the reader's scope."""
    today = Period.of("day", clock.today())
    figures = compute((*COUNTED, *RATES), today, by=("programme",), compare=False)

    def row(title: Any, **where: str) -> Row:
        numbers = []
        for name in COUNTED:
            (measure,) = named((name,))
            value = int(figures.at(measure, **where).now.value or 0)
            numbers.append(Number(value, list_url(parts(measure)[0], today, **where) if value else ""))
        return Row(title, *numbers, *(figures.at(named((name,))[0], **where).now.value for name in RATES))

    rows = [row(title, programme=code) for code, title in PROGRAMMES]
    rows = [one for one in rows if one.required.value or one.installed.value]
    return render(
        request, "monitoring/coverage.html",
        {"rows": rows, "whole": row(None) if rows else None, "now": clock.now(),
         "may_add": Devices.policy.may(request.user, "add")},
    )  # fmt: skip


@login_required
@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """The open warnings that stand by themselves, the gravest first; read anew as cases move."""
    open_ = EarlyWarning.objects.filter(WARNING.own_work, closed_at__isnull=True)
    under = Count("followers", filter=Q(followers__closed_at__isnull=True))
    rows = list(gravest_first(open_.select_related("enterprise").annotate(under=under))[:DESK_MOST])
    names = areas.names(row.area_code for row in rows)
    counted = dict(open_.order_by().values_list("level").annotate(Count("pk")))
    return render(
        request, "monitoring/desk.html",
        {
            "rows": [(row, names[row.area_code]) for row in rows],
            "levels": [(code, title, counted.get(code, 0)) for code, title in reversed(LEVELS)],
            "more": sum(counted.values()) > len(rows), "now": clock.now(),
        },
    )  # fmt: skip
