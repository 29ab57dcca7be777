"""Requests are worked on a few at a time, and none waits for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from anlan.site import turns


def test_a_few_at_a_time_and_nobody_for_ever(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AT_ONCE = 2
    begun, go_on = [], Event()

    def slow(request: Any) -> HttpResponse:
        begun.append(request.path)
        go_on.wait(10)
        return HttpResponse(request.path)

    middleware, ask = turns.TurnsMiddleware(slow), RequestFactory()
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(middleware, ask.get(f"/{n}")) for n in range(4)]
        while len(begun) < 2:
            Event().wait(0.01)
        Event().wait(0.2)
        assert len(begun) == 2
        # Whoever has waited long enough goes ahead of the slow ones.
        monkeypatch.setattr(turns, "PATIENCE_S", 0.0)
        impatient = pool.submit(middleware, ask.get("/impatient"))
        while "/impatient" not in begun:
            Event().wait(0.01)
        go_on.set()
        assert impatient.result(10)
        assert {one.result(10).content for one in waiting} == {b"/0", b"/1", b"/2", b"/3"}
    with ThreadPoolExecutor(2) as pool:  # every turn was given back
        assert all(one.result(10) for one in [pool.submit(middleware, ask.get("/")) for _ in range(2)])


def test_a_request_that_fails_gives_its_turn_back(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AT_ONCE = 1
    monkeypatch.setattr(turns, "PATIENCE_S", 5.0)

    def fails(request: Any) -> HttpResponse:
        raise RuntimeError

    middleware = turns.TurnsMiddleware(fails)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            middleware(RequestFactory().get("/"))
    assert middleware.turns.acquire(timeout=0)
