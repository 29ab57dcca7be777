"""Recomputed as one set, the deadlines are those of the pure functions, case by case."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from anlan.kernel import clock
from anlan.kernel.cases import engine
from anlan.kernel.cases.recompute import recompute

from .conftest import NOON, person, png
from .sample import Ticket

pytestmark = pytest.mark.usefixtures("city")
OFFICER, FIRM = person(1), person(2, "enterprise")


def ticket(number: int) -> Ticket:
    case = engine.open_case("ticket", by=OFFICER, title=f"n{number}", area_code="500112000000")
    assert isinstance(case, Ticket)
    return case


def one() -> tuple[int, int]:
    found = next(r for r in recompute() if r.kind == "ticket")
    return found.cases, found.different


def test_what_was_kept_is_what_is_computed__days_named_days_pauses_and_more_time() -> None:
    with clock.frozen(NOON - timedelta(days=3)):
        ticket(1)
        planned = engine.move(ticket(2), "plan", by=FIRM, seen_version=1, rectify_by=date(2013, 6, 20), remedy="so")
        paused = ticket(3)
        asked = ticket(4)
    with clock.frozen(NOON - timedelta(days=2)):
        paused = engine.move(paused, "pause", by=OFFICER, seen_version=paused.version, reason="appraisal")
        asked = engine.move(asked, "ask_extension", by=FIRM, seen_version=1, days=5, reason="parts")
    with clock.frozen(NOON - timedelta(days=1)):
        engine.move(paused, "resume", by=OFFICER, seen_version=paused.version)
        engine.move(asked, "grant_extension", by=OFFICER, seen_version=asked.version, reason="so be it")
        engine.move(planned, "rectify", by=FIRM, seen_version=planned.version, after=[png()])
    assert one() == (4, 0)


def test_a_deadline_that_was_changed_is_found_and_mended() -> None:
    case = ticket(1)
    right = case.due_at
    Ticket.objects.filter(pk=case.pk).update(due_at=right + timedelta(days=9))
    found = next(r for r in recompute() if r.kind == "ticket")
    assert [(d.number, d.computed) for d in found.examples] == [(case.number, right)]
    assert [r.different for r in recompute(mend=True) if r.kind == "ticket"] == [1]
    case.refresh_from_db()
    assert case.due_at == right
    assert one() == (1, 0)
