"""A device's readings: curves, their export, and the track of what drives or sails."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from anlan.kernel import clock

from . import readings
from .models import Device
from .moments import milliseconds
from .readings import BadStretch, Stretch
from .registers import Devices

HOURS = (1, 4, 12, 24, 72, 168)
"""Stretches of a track that are offered."""


def _device(request: HttpRequest, key: int) -> Device:
    found = Devices.policy.which(request.user, "see").select_related("latest").filter(pk=key).first()
    if found is None:
        raise Http404
    return found  # type: ignore[no-any-return]


def _refused(error: BadStretch) -> JsonResponse:
    return JsonResponse({"code": "invalid", "place": error.place, "message": error.why}, status=400)


@login_required
@require_safe
def curve(request: HttpRequest, key: int) -> HttpResponse:
    """`?metric=&from=&to=&points=`: a metric in a stretch (milliseconds), with its limits and warnings."""
    device = _device(request, key)
    try:
        metric, stretch, points = _curve_asked(request)
        shown = readings.curve(device, metric, stretch, points)
    except BadStretch as error:
        return _refused(error)
    said = {"metric": metric, "from": stretch.begin, "to": stretch.end, **shown}
    return JsonResponse(
        said | {"limits": readings.limits(device, metric), "warnings": readings.warnings(device, stretch, metric)}
    )


@login_required
@require_safe
def sheet(request: HttpRequest, key: int) -> HttpResponse:
    """The same points as text with separators, for who may export devices."""
    device = _device(request, key)
    if not Devices.policy.may(request.user, "export", device):
        raise PermissionDenied
    try:
        metric, stretch, points = _curve_asked(request)
        shown = readings.curve(device, metric, stretch, points)
    except BadStretch as error:
        return _refused(error)
    answer = HttpResponse("".join(readings.csv(shown)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{device.pk}-{metric}.csv"'
    return answer


def _curve_asked(request: HttpRequest) -> tuple[str, Stretch, int]:
    stretch = Stretch.of(request.GET, readings.LONGEST_MS)
    points = readings.number(request.GET, "points", readings.FEWEST, readings.MOST, 800)
    return request.GET.get("metric", ""), stretch, points


@login_required
@require_safe
def way(request: HttpRequest, key: int) -> HttpResponse:
    """`?hours=` or `?from=&to=`: the page of a device's track. Without either, the last hours before it was heard."""
    device = _device(request, key)
    hours = 4
    try:
        if "from" in request.GET:
            stretch = Stretch.of(request.GET, readings.LONGEST_TRACK_MS)
        else:
            hours = readings.number(request.GET, "hours", 1, max(HOURS), 4)
            at = getattr(getattr(device, "latest", None), "placed_at", None) or device.heard_at or clock.now()
            end = milliseconds(at) + 1
            stretch = Stretch(end - hours * 3_600_000, end)
    except BadStretch as error:
        return render(request, "error.html", _cannot(error, request.path), status=400)
    return render(
        request, "monitoring/track.html",
        {"device": device, "stretch": stretch, "hours": hours, "offered": HOURS, "tiles": settings.TILES,
         "warnings": readings.warnings(device, stretch)},
    )  # fmt: skip


def _cannot(error: BadStretch, path: str) -> dict[str, Any]:
    return {
        "status": 400, "title": _("This stretch of time cannot be shown"), "text": str(error),
        "way_out": {"url": path, "words": _("Show the last hours")},
    }  # fmt: skip


@login_required
@require_safe
def track(request: HttpRequest, key: int) -> HttpResponse:
    """`?from=&to=`: where the device was. Each look is logged."""
    device = _device(request, key)
    try:
        stretch = Stretch.of(request.GET, readings.LONGEST_TRACK_MS)
        shown = readings.track(device, stretch, request.path)
    except BadStretch as error:
        return _refused(error)
    return JsonResponse({"from": stretch.begin, "to": stretch.end, **shown})
