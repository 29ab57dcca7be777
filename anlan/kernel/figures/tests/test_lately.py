"""Figures that take long are counted once for all who have the same scope, and never for another."""

from __future__ import annotations

import time
from typing import Any

import pytest

from anlan.engines.measures import Period
from anlan.kernel import clock
from anlan.kernel.figures import computing
from anlan.kernel.scope import Actor, Scope, acting

WHOLE, PART = Scope("50"), Scope("500112")
pytestmark = pytest.mark.django_db


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The scopes for which something was counted, in turn."""
    done: list[str] = []

    def compute(names: Any, period: Any, **_asked: Any) -> Any:
        now = computing.acting_now()
        assert now is not None
        done.append(now[1].area)
        return object()

    monkeypatch.setattr(computing, "compute", compute)
    monkeypatch.setattr(computing, "_kept", {})
    return done


def ask(scope: Scope, account: int = 1) -> Any:
    with acting(Actor("person", "somebody", account), scope):
        return computing.lately(("hazards.open",), Period.of("year", clock.today()), by=("area",), tier=2)


def test_what_took_long_serves_all_of_one_scope_and_nobody_else(
    counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "SLOW_S", -1.0)
    monkeypatch.setattr(computing, "KEPT_FOR", 10**9)
    first = ask(WHOLE, account=1)
    assert ask(WHOLE, account=2) is first
    assert ask(PART) is not first
    assert counted == ["50", "500112"]


def test_what_is_quick_is_counted_each_time(counted: list[str]) -> None:
    assert ask(WHOLE) is not ask(WHOLE)
    assert counted == ["50", "50"]
    assert computing._kept == {}


def test_figures_no_longer_fresh_serve_while_new_ones_are_counted_beside(
    counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "SLOW_S", -1.0)
    monkeypatch.setattr(computing, "KEPT_FOR", 0)
    first = ask(PART)
    assert ask(PART) is first
    computing._beside.submit(int).result(20)  # behind what was put there
    second = ask(PART)
    assert second is not first
    computing._beside.submit(int).result(20)
    assert counted == ["500112"] * 3, "counted within the very scope of who asked"


def test_figures_that_cannot_be_counted_again_serve_on_and_it_is_told(
    counted: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(computing, "SLOW_S", -1.0)
    monkeypatch.setattr(computing, "KEPT_FOR", 0)
    first = ask(PART)

    def broken(*_: Any, **_asked: Any) -> Any:
        raise ValueError("broken")

    monkeypatch.setattr(computing, "compute", broken)
    for _ in range(2):
        assert ask(PART) is first
        computing._beside.submit(int).result(20)
    assert [r.exc_info and str(r.exc_info[1]) for r in caplog.records] == ["broken", "broken"]


def test_kept_figures_grow_old(counted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computing, "SLOW_S", -1.0)
    monkeypatch.setattr(computing, "KEPT_FOR", 10**9)
    first = ask(WHOLE)
    later = time.monotonic() + computing.KEPT_AT_MOST_S + computing.SERVED_S + 1
    monkeypatch.setattr(computing.time, "monotonic", lambda: later)
    assert ask(WHOLE) is not first


def test_outside_of_a_scope_nothing_is_counted(counted: list[str]) -> None:
    with pytest.raises(RuntimeError, match="within a scope"):
        computing.lately(("hazards.open",), Period.of("year", clock.today()), by=(), tier=2)
    assert counted == []
