"""The small life cycle under the state machine, and declarations that contradict themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from anlan.kernel import cases
from anlan.kernel.cases import engine
from anlan.kernel.cases.conformance import Draw, LifecycleMachine, untranslated
from anlan.kernel.cases.lifecycle import Clock, DeclarationError, Field, Lifecycle, Move, State
from anlan.kernel.cases.models import Case

from . import sample
from .conftest import person, png

LITTLE = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


class TicketLives(LifecycleMachine):
    kind = "ticket"
    people = (
        person(1), person(2), person(3, "city", "500000000000"), person(4, "enterprise", "500112001001", 77),
        person(5, "village", "500112001001"),
    )  # fmt: skip

    def open(self) -> Case:
        return cases.open_case("ticket", by=self.people[0], title="x", area_code="500112001001", enterprise_id=77)

    def facts(self, draw: Draw, move: Move, case: Case) -> dict[str, Any]:
        made: dict[str, Any] = {e.name: [png()] for e in move.evidence}
        for field in move.fields:
            made[field.name] = {
                "days": lambda: draw(st.integers(1, 30)),
                "rectify_by": lambda: draw(st.dates(date(2013, 6, 1), date(2013, 12, 31))),
                "remedy": lambda: draw(st.sampled_from(["护栏", "nothing"])),
            }.get(field.name, lambda: "理由")()
        return made


@pytest.mark.slow
@pytest.mark.usefixtures("city")
def test_no_illegal_move_no_other_deadline_no_gap_in_history() -> None:
    run_state_machine_as_test(
        TicketLives,
        settings=settings(LITTLE, max_examples=8, stateful_step_count=15),
    )


@pytest.mark.slow
@pytest.mark.usefixtures("city")
@pytest.mark.parametrize("guard", ["not_from_here", "same_person", "due"])
def test_the_state_machine_finds_an_engine_that_is_wrong(monkeypatch: pytest.MonkeyPatch, guard: str) -> None:
    right_refusal, right_due = engine.refusal, engine.recomputed_due
    calls = iter(range(10**9))

    def lax(case: Case, move: Move, by: Any, history: Any = None) -> Any:
        found = right_refusal(case, move, by, history)
        return None if found is not None and found.code == guard else found

    def drifting(case: Case) -> Any:
        due = right_due(case)
        return due and due + timedelta(seconds=next(calls))

    if guard == "due":
        monkeypatch.setattr(engine, "recomputed_due", drifting)
    else:
        monkeypatch.setattr(engine, "refusal", lax)
    # A wrong engine is found by a broken promise, or by tripping over what it let through; the database refuses too.
    with pytest.raises((AssertionError, AttributeError, IntegrityError, BaseExceptionGroup)):
        run_state_machine_as_test(
            TicketLives,
            # The same lives in every run: a search that finds the fault by luck would fail by bad luck.
            settings=settings(
                LITTLE,
                max_examples=400,
                stateful_step_count=25,
                phases=[Phase.generate],
                derandomize=True,
                database=None,
            ),
        )


def with_moves(change: Callable[[Lifecycle], dict[str, Any]]) -> Lifecycle:
    right = sample.lifecycle()
    own = tuple(m for m in right.moves if m.name in ("plan", "rectify", "accept", "return"))
    states = tuple(s for s in right.states if s.name != "withdrawn")
    return replace(right, **({"states": states, "moves": own} | change(replace_base(right, states, own))))


def replace_base(right: Lifecycle, states: tuple[State, ...], moves: tuple[Move, ...]) -> Lifecycle:
    made = object.__new__(Lifecycle)
    made.__dict__ = right.__dict__ | {"states": states, "moves": moves}
    return made


def first(life: Lifecycle, **change: Any) -> dict[str, Any]:
    return {"moves": (replace(life.moves[0], **change), *life.moves[1:])}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda b: {"start": "nowhere"}, "unknown state nowhere"),
        (lambda b: {"states": (*b.states, State("lost", _("State"), end=True))}, "no move reaches lost"),
        (lambda b: {"states": (*b.states, b.states[0])}, "a state is declared twice"),
        (lambda b: {"moves": (*b.moves, b.moves[0])}, "a move is declared twice"),
        (lambda b: {"moves": b.moves[:1]}, "no move reaches"),
        (lambda b: {"number": "1号"}, "its number names"),
        (lambda b: {"open_by": {"mayor"}}, "unknown one: mayor"),
        (lambda b: {"title": "Tickets"}, "cannot be translated"),
        (lambda b: first(b, who={"mayor"}), "unknown one: mayor"),
        (lambda b: first(b, who=()), "for no role"),
        (lambda b: first(b, to="nowhere"), "unknown state nowhere"),
        (lambda b: first(b, title="Plan"), "cannot be translated"),
        (lambda b: first(b, demands=(Field("colour"),)), "neither form nor column"),
        (lambda b: first(b, demands=(Field("title"), Field("title"))), "demands something twice"),
        (lambda b: first(b, forbid_same_person_as=("fly",)), "a move that does not exist"),
        (lambda b: first(b, clock=Clock(field="colour")), "unknown field colour"),
    ],
)
def test_a_life_cycle_that_contradicts_itself_is_refused_when_declared(
    change: Callable[[Lifecycle], dict[str, Any]], says: str
) -> None:
    with pytest.raises(DeclarationError, match=says):
        with_moves(change)


def test_a_clock_rests_on_one_thing() -> None:
    with pytest.raises(DeclarationError, match="exactly one"):
        Clock()


def test_every_move_that_all_cases_know_is_translated() -> None:
    assert untranslated(sample.lifecycle()) == []
