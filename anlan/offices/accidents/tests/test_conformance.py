"""The lives of accidents and of faults under the state machine of all cases; every word in Chinese."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from anlan.kernel import cases, clock
from anlan.kernel.cases.conformance import Draw, LifecycleMachine, untranslated
from anlan.kernel.cases.lifecycle import Move, lifecycle
from anlan.kernel.cases.models import Case
from anlan.offices.accidents.faults import open_fault
from anlan.offices.accidents.models import Accident
from anlan.offices.accidents.reporting import first_report

from .conftest import CITY, VILLAGE, YUBEI, category, said

pytestmark = pytest.mark.django_db
FEW = settings(
    max_examples=6, stateful_step_count=15, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def person(pk: int, role: str, area: str = YUBEI, enterprise: int | None = None) -> Any:
    return SimpleNamespace(pk=pk, name=f"person {pk}", role=role, area_code=area, enterprise_id=enterprise)


PEOPLE = (person(1, "district"), person(2, "inspector"), person(3, "city", CITY), person(4, "duty", CITY),
          person(5, "township", VILLAGE))  # fmt: skip


class AccidentLives(LifecycleMachine):
    kind = "accident"
    people = PEOPLE

    def open(self) -> Case:
        times = {"occurred_at": self.begins - timedelta(hours=1), "known_at": self.begins - timedelta(minutes=30)}
        self.other = first_report(self.people[0], said(**times, title="另一份报告")).accident
        made = first_report(self.people[0], said(**times)).accident
        assert made is not None
        return made

    def facts(self, draw: Draw, move: Move, case: Case) -> dict[str, Any]:
        assert isinstance(case, Accident)
        assert self.other is not None
        deaths, injured = draw(st.integers(0, 40)), draw(st.integers(0, 120))
        known = {
            "deaths": deaths, "missing": draw(st.integers(0, 3)), "injured": injured, "slight": 0, "course": "经过",
            "occurred_at": case.occurred_at, "category": category(draw(st.sampled_from(("road", "coal")))).pk,
            "counted": "no", "count_target": "G1.1", "ref_kind": "danger", "ref_number": "无", "fault": "late",
            "at_level": draw(st.sampled_from(("unit", "district"))), "into": self.other.number,
            "to_area": "500113103000", "source": "unit",
        }  # fmt: skip
        return {f.name: known.get(f.name, "说明") for f in move.fields if f.required or f.name == "source"}


class FaultLives(LifecycleMachine):
    kind = "report_fault"
    people = PEOPLE

    def open(self) -> Case:
        times = {"occurred_at": self.begins - timedelta(hours=1), "known_at": None}
        accident = first_report(self.people[0], said(**times)).accident
        assert accident is not None
        return open_fault(accident, self.people[0], "concealment", "unit", "群众举报")

    def facts(self, draw: Draw, move: Move, case: Case) -> dict[str, Any]:
        made: dict[str, Any] = {e.name: [b"%PDF-1.4\n%%EOF\n"] for e in move.evidence}
        known = {"fault": draw(st.sampled_from(("late", "omission", "false", "concealment"))), "days": 5}
        return made | {f.name: known.get(f.name, "说明") for f in move.fields}


@pytest.mark.slow
@pytest.mark.parametrize("machine", [AccidentLives, FaultLives])
def test_no_illegal_move_no_other_deadline_no_gap_in_history(machine: Any, everywhere: None) -> None:
    run_state_machine_as_test(machine, settings=FEW)


@pytest.mark.parametrize("kind", ["accident", "report_fault"])
def test_every_state_and_move_is_said_in_chinese(kind: str) -> None:
    declared = lifecycle(kind)
    assert declared is not None
    assert untranslated(declared) == []


def test_the_deadline_can_be_computed_again_at_any_time(everywhere: None) -> None:
    made = first_report(PEOPLE[0], said(deaths=3)).accident
    assert made is not None
    with clock.frozen(clock.now() + timedelta(days=400)):
        assert cases.recomputed_due(made) == made.due_at
