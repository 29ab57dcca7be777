"""`GET /metrics`: what a Prometheus server watches, for whoever holds the token in `ANLAN_METRICS_TOKEN`.

Without the setting there is no such page: what comes in and how often says much about a city.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from anlan.offices.monitoring import standing

from . import health


class _Standing:
    """What the parts say of themselves at the moment of the question."""

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("anlan_up", "Whether a part serves.", labels=["part"])
        for part, state in health.state().items():
            up.add_metric([part], float(state == "ok"))
        yield up
        now = standing.now()
        opened = GaugeMetricFamily("anlan_door_open", "Whether a way in is open.", labels=["way"])
        online = GaugeMetricFamily("anlan_connections", "Devices connected now.", labels=["way"])
        came = CounterMetricFamily("anlan_readings", "Readings on disk, since the way in was opened.", labels=["way"])
        refused = CounterMetricFamily("anlan_refused", "What was refused, by its kind.", labels=["way", "kind"])
        for door in now.doors:
            opened.add_metric([door.name], float(door.open))
            online.add_metric([door.name], door.online)
            came.add_metric([door.name], door.counts["readings"])
            for kind, count in sorted(door.counts.items()):
                if kind.startswith("refused: "):
                    refused.add_metric([door.name, kind.removeprefix("refused: ")], count)
        yield from (opened, online, came, refused)
        if now.evaluation:
            at = GaugeMetricFamily("anlan_evaluated_timestamp_seconds", "When the rules ran last.")
            at.add_metric([], now.evaluation["at"])
            ran = CounterMetricFamily("anlan_evaluated_readings", "Readings that the rules have seen.")
            ran.add_metric([], now.evaluation["readings"])
            yield from (at, ran)


_registry = CollectorRegistry(auto_describe=False)
_registry.register(_Standing())  # type: ignore[arg-type]


def metrics(request: HttpRequest) -> HttpResponse:
    """Answered before sessions and scope, as `/healthz` is."""
    token = os.environ.get("ANLAN_METRICS_TOKEN", "")
    if not token:
        return HttpResponse("ANLAN_METRICS_TOKEN is not set", status=404, content_type="text/plain")
    said = request.headers.get("Authorization", "")
    if not hmac.compare_digest(said.encode(), f"Bearer {token}".encode()):
        return HttpResponse("Authorization: Bearer …", status=401, content_type="text/plain")
    return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST)
