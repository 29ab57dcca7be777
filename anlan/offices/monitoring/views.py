"""How far the programmes of monitoring are carried out in one's area; every number opens its records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from anlan.engines.measures import Period, parts
from anlan.kernel import clock
from anlan.kernel.figures.computing import compute, named
from anlan.kernel.figures.lists import list_url

from .programmes import PROGRAMMES
from .registers import Devices

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
