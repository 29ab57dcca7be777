"""`GET /healthz`: whether everything serves, and which part does not.

Answered before sessions, scope and everything else that would need the database to be there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal

from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from psycopg_pool import PoolTimeout

from anlan.kernel import jobs
from anlan.kernel.figures.computing import StillCounting
from anlan.offices.monitoring import standing

WORKER_SILENT_S = 40
"""A worker that has not been heard of for so long is down; it says so every 10 s."""

GATEWAY_SILENT_S = 30
"""The same of the gateway, which says so every 5 s; it belongs to the installation unless `ANLAN_GATEWAY` is 0."""

State = Literal["ok", "down", "migrations missing", "crowded"]


class HealthMiddleware:
    """Stands first in `MIDDLEWARE`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == "/healthz":
            return healthz()
        if request.path == "/metrics":
            from .metrics import metrics

            return metrics(request)
        return self.get_response(request)


def healthz() -> JsonResponse:
    """200 and `{"status": "ok", "parts": {…}}`, or 503 with the parts that are not `ok`.

    A database with no connection free at this moment is `crowded`; to take such a node out would crowd the others.
    """
    parts = state()
    whole = all(value in ("ok", "crowded") for value in parts.values())
    response = JsonResponse({"status": "ok" if whole else "failing", "parts": parts}, status=200 if whole else 503)
    response["Cache-Control"] = "no-store"
    return response


def crowded(error: BaseException | None) -> bool:
    """Whether `error` comes of too much being asked: no connection to the database was free in time, or no turn."""
    while error is not None and not isinstance(error, PoolTimeout | StillCounting):
        error = error.__cause__
    return error is not None


def state() -> dict[str, State]:
    """Each part of the running system and how it is."""
    parts: dict[str, State] = {"web": "ok", "database": "down", "worker": "down"}
    if os.environ.get("ANLAN_GATEWAY", "1") != "0":
        parts["gateway"] = "ok" if standing.heard("gateway", GATEWAY_SILENT_S) else "down"
    connection = connections["default"]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('procrastinate_workers') IS NOT NULL")
            if not cursor.fetchone()[0]:
                parts["database"] = "migrations missing"
                return parts
            parts["database"] = "ok"
        if jobs.workers_alive(WORKER_SILENT_S):
            parts["worker"] = "ok"
    except DatabaseError as error:
        # What this page is for; the web server's log has the reason from the requests that failed.
        if crowded(error):
            parts["database"] = parts["worker"] = "crowded"
        connection.close()
    finally:
        connection.close_if_unusable_or_obsolete()
    return parts
