"""Each request in its turn: a process that works on a few at once answers more of them than one that works on all."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

PATIENCE_S = 10.0
"""Who has waited so long goes ahead, so that a few slow requests never hold up all others."""


class TurnsMiddleware:
    """Lets `settings.AT_ONCE` requests at a time begin in one process; the others wait, holding neither the processor
    nor a connection to the database. What a body streams after its answer has begun takes no turn.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.turns = BoundedSemaphore(settings.AT_ONCE)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        mine = self.turns.acquire(timeout=PATIENCE_S)
        try:
            return self.get_response(request)
        finally:
            if mine:
                self.turns.release()
