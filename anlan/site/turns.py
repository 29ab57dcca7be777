"""Each request in its turn: a process that works on a few at once answers more of them than one that works on all."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponseBase

PATIENCE_S = 10.0
"""Who has waited so long goes ahead, so that a few slow requests never hold up all others."""


def _give_back() -> None:
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:  # as a test is, whose requests run in its own transaction
            connection.close()


class TurnsMiddleware:
    """Lets `settings.AT_ONCE` requests at a time begin in one process; the others wait, holding neither the processor
    nor a connection to the database. What a body streams after its answer has begun takes no turn, and not the
    connection that the request had: a stream stays open for hours, and a process has but some connections.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.turns = BoundedSemaphore(settings.AT_ONCE)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        mine = self.turns.acquire(timeout=PATIENCE_S)
        try:
            response = self.get_response(request)
            if response.streaming:
                _give_back()
            return response
        finally:
            if mine:
                self.turns.release()
