"""The annual safety-risk assessment: district by industry in four colours, each opening its factors."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from anlan.engines.forecast.assessment import Assessed
from anlan.engines.measures import Period, parts
from anlan.kernel import areas, clock
from anlan.kernel.figures import computing, words
from anlan.kernel.figures.lists import list_url
from anlan.kernel.scope import area_prefix

from ..targets.standing import may_open
from .assessment import COLOURS, READERS, Place, assessed, scheme


@login_required
@require_safe
def risk(request: HttpRequest) -> HttpResponse:
    """The districts and industries of one's own, with what their colours are made of; `area`, `industry`: one cell."""
    account: Any = request.user
    own = area_prefix(account.area_code)
    if account.role not in READERS or len(own) > 6:
        raise PermissionDenied
    found, as_of = assessed()
    industries = words.industries()
    mine = {
        place: one for place, one in found.items()
        if place[0].startswith(own) and (account.industries is None or place[1] in account.industries)
    }  # fmt: skip
    names = areas.names({area.ljust(12, "0") for area, _industry in mine})
    columns = [(code, name) for code, name in industries.items() if any(place[1] == code for place in mine)]
    rows = [
        {
            "name": names[area.ljust(12, "0")], "area": area,
            "cells": [(code, mine.get((area, code))) for code, _name in columns],
        }
        for area in sorted({area for area, _industry in mine})
    ]  # fmt: skip
    shown: dict[str, Any] | None = None
    if asked := request.GET.get("area", ""):
        place = (asked, request.GET.get("industry") or None)
        if place not in mine:
            raise Http404
        title = f"{names[asked.ljust(12, '0')]} · {industries[place[1]]}"
        shown = {"title": title, "one": mine[place], "parts": _parts(account, place, mine[place])}
    titles = {one.name: one.title for one in computing.named(scheme().measures)}
    context = {
        "year": clock.today().year, "as_of": as_of, "columns": columns, "rows": rows, "shown": shown,
        "colours": [
            (code, COLOURS[code], at, sum(one.colour == code for one in mine.values()))
            for code, at in scheme().levels.items()
        ],
        "factors": [(f, titles[f.measure], titles[f.per]) for f in scheme().factors],
        "steadied": scheme().steadied,
        "at_least": [(titles[name], code, COLOURS[code]) for name, code in scheme().at_least.items()],
        "held": titles.get(shown["one"].held_by) if shown else None,
    }  # fmt: skip
    return render(request, "plan/risk.html", context)


def _parts(account: Any, place: Place, one: Assessed[Place]) -> list[dict[str, Any]]:
    """The factors of a cell, each count with the address of its records where the reader's role may open them."""
    year = Period.of("year", clock.today())
    made = []
    for part in one.parts:
        (measure,) = computing.named((part.factor.measure,))
        may = part.count and may_open(account, measure)
        url = list_url(parts(measure)[0], year, area=place[0], industry=place[1]) if may else ""
        made.append({"part": part, "title": measure.title, "count": int(part.count), "url": url})
    return made
