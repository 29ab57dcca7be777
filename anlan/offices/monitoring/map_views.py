"""The live map, its command-room form, and what they ask for: devices as columns, a few devices in words."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from . import live_map
from .grouping import gravest_first
from .lifecycle import WARNING
from .models import LEVELS, Calibration, EarlyWarning
from .moments import LATEST
from .programmes import MOVING, PROGRAMMES
from .registers import Devices, Warnings

LISTED = 100
"""Open warnings in the list beside the map; the register has them all."""
CHOSEN = 40
"""Devices at one place that are told in words."""
_OPEN = "&".join(f"state={state.name}" for state in WARNING.states if not state.end and state.name != "under")
"""What calls somebody; what stands under another warning is dealt with there."""


@login_required
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The map of devices with the open warnings beside it."""
    return render(request, "monitoring/map.html", _context(request))


@login_required
@require_safe
def wall(request: HttpRequest) -> HttpResponse:
    """The same, dark and large, for the command room."""
    return render(request, "monitoring/map_wall.html", _context(request))


@login_required
@require_safe
def devices(request: HttpRequest) -> HttpResponse:
    """`?programme=&level=&since=`: devices on the map, as `live_map.columns` has them."""
    programme, level = _filters(request)
    asked = request.GET.get("since", "")
    since = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 15 and int(asked) < LATEST else 0.0
    if asked and not since:
        return HttpResponse(status=400)
    if not Devices.policy.may(request.user, "see"):
        raise PermissionDenied
    return HttpResponse(live_map.columns(programme, level, since), content_type="application/octet-stream")


@login_required
@require_safe
def chosen(request: HttpRequest) -> HttpResponse:
    """`?id=…&id=…`: a few devices in words, with what is open of them. Those out of scope are none."""
    keys = [int(k) for k in request.GET.getlist("id")[:CHOSEN] if k.isascii() and k.isdigit() and len(k) < 19]
    found = Devices.policy.which(request.user, "see").select_related("enterprise", "latest").filter(pk__in=keys)
    standing, warned = live_map.states(keys), _open(request).filter(device_id__in=keys).order_by("-measured_at")
    by_device: dict[int, list[EarlyWarning]] = {}
    for one in warned:
        by_device.setdefault(one.device_id, []).append(one)
    titles, silenced = dict(live_map.STATES), Calibration.running(keys)
    rows = [
        {
            "device": one, "latest": getattr(one, "latest", None), "state": standing.get(one.pk, ""),
            "state_title": titles.get(standing.get(one.pk, ""), ""), "warnings": by_device.get(one.pk, []),
            "moves": one.programme in MOVING, "silenced": silenced.get(one.pk),
        }
        for one in found.order_by("code")
    ]  # fmt: skip
    return render(request, "monitoring/chosen.html", {"rows": rows})


def _filters(request: HttpRequest) -> tuple[str, str]:
    """Programme and level asked for; what is none of them asks for nothing."""
    programme, level = request.GET.get("programme", ""), request.GET.get("level", "")
    return programme if programme in dict(PROGRAMMES) else "", level if level in dict(LEVELS) else ""


def _open(request: HttpRequest) -> Any:
    return Warnings.policy.which(request.user, "see").filter(closed_at__isnull=True)


def _context(request: HttpRequest) -> dict[str, Any]:
    programme, level = _filters(request)
    found = _open(request).filter(WARNING.own_work, Q(programme=programme) if programme else Q())
    counted = {row["level"]: row["n"] for row in found.values("level").annotate(n=Count("pk")).order_by()}
    shown = found.filter(Q(level=level) if level else Q())
    narrowed = f"/r/warnings/?{_OPEN}" + (f"&programme={programme}" if programme else "")
    return {
        "warnings": list(gravest_first(shown.select_related("device", "enterprise"))[:LISTED]),
        "latest": shown.order_by("-opened_at").first(),
        "number": counted.get(level, 0) if level else sum(counted.values()),
        "levels": [
            {"code": code, "title": title, "number": counted.get(code, 0), "url": f"{narrowed}&level={code}"}
            for code, title in reversed(LEVELS)
        ],
        "all_url": narrowed + (f"&level={level}" if level else ""), "listed": LISTED, "states": live_map.STATES,
        "programme": programme, "level": level, "query": request.GET.urlencode(),
        "programmes": PROGRAMMES, "tiles": settings.TILES,
    }  # fmt: skip
