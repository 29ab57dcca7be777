"""The life of a hidden danger under the state machine of all cases, and over REST."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from anlan.kernel import cases, clock
from anlan.kernel.cases.conformance import Draw, LifecycleMachine, untranslated
from anlan.kernel.cases.lifecycle import Move, lifecycle
from anlan.kernel.cases.models import Case
from anlan.kernel.clock import BEIJING
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards.models import Danger, JudgementClause
from anlan.parties.models import Account, Enterprise

from .test_lifecycle import FIVE, person, photo

NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.HOME = tmp_path
    with clock.frozen(NOON):
        yield


class DangerLives(LifecycleMachine):
    kind = "danger"

    def open(self) -> Case:
        mine = Enterprise.objects.create(name="龙兴煤矿", area_code="500112131000", industry_id="coal")
        type(self).people = (
            person(1, "district"), person(2, "inspector"), person(3, "city", "500000000000"),
            person(4, "enterprise", mine.area_code, mine.pk), person(5, "duty"),
        )  # fmt: skip
        self.clause = JudgementClause.objects.get(code="D446-8-4").pk
        return cases.open_case(
            "danger", by=self.people[0], title="x", description="x", source="inspection", found_at=self.begins,
            area_code=mine.area_code, industry_id="coal", enterprise=mine,
        )  # fmt: skip

    def facts(self, draw: Draw, move: Move, case: Case) -> dict[str, Any]:
        made: dict[str, Any] = {e.name: [photo()] for e in move.evidence}
        grade = draw(st.sampled_from(["general", "major"]))
        known = FIVE | {
            "grade": grade, "judgement": self.clause if grade == "major" else None, "needs_stop": grade == "major",
            "days": 5, "rectify_by": draw(st.dates(date(2013, 6, 20), date(2013, 9, 30))),
        }  # fmt: skip
        optional = {"outside_cause"}
        return made | {f.name: known.get(f.name, "说明") for f in move.fields if f.name not in optional}


@pytest.mark.slow
def test_no_illegal_move_no_other_deadline_no_gap_in_history() -> None:
    with acting(TESTER, EVERYWHERE):
        run_state_machine_as_test(
            DangerLives,
            settings=settings(
                max_examples=6, stateful_step_count=15, deadline=None, database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip


def test_every_state_and_move_is_said_in_chinese() -> None:
    declared = lifecycle("danger")
    assert declared is not None
    assert untranslated(declared) == []


def call(token: str, method: str, path: str, body: Any = None) -> Any:
    data = json.dumps(body).encode() if body is not None else b""
    headers = {"Authorization": f"Bearer {token}"}
    return Client().generic(method, path, data, content_type="application/json", headers=headers)


def test_over_rest_a_danger_is_read_moved_and_told_within_scope_only() -> None:
    with acting(TESTER, EVERYWHERE):
        factory = Enterprise.objects.create(name="龙兴厂", area_code="500112131000", industry_id="machinery")
        here = Account.objects.create(username="d", name="渝北局", role="district", area_code="500112000000")
        there = Account.objects.create(username="e", name="巴南局", role="district", area_code="500113000000")
        case: Danger = cases.open_case(
            "danger", by=here, title="护栏缺失", description="x", source="inspection", found_at=NOON,
            area_code=factory.area_code, industry_id="machinery", enterprise=factory,
        )  # fmt: skip
        writer, reader = ApiToken.issue(here, "w", ["*:write"]), ApiToken.issue(here, "r", ["dangers:read"])
        neighbour = ApiToken.issue(there, "n", ["*:write"])
    url = f"/api/v1/cases/danger/{case.number}"
    seen = call(reader, "GET", url).json()
    assert (seen["number"], seen["state"], seen["version"]) == (case.number, "found", 1)
    assert "verify" in seen["moves"]
    verify = {"seen_version": 1, "facts": {"grade": "general"}}
    refused = [
        call(neighbour, "GET", url), call(neighbour, "GET", f"{url}/history"), call(writer, "GET", url + "x"),
        call(neighbour, "POST", f"{url}/moves/verify", verify), call(writer, "POST", f"{url}/moves/fly", verify),
        call(reader, "POST", f"{url}/moves/verify", verify), call(writer, "POST", f"{url}/moves/accept", verify),
        call(writer, "POST", f"{url}/moves/verify", verify | {"colour": 1}),
        call(writer, "POST", f"{url}/moves/verify", {"seen_version": 1, "facts": {"grade": "general", "by": 9}}),
    ]  # fmt: skip
    assert [a.status_code for a in refused] == [404, 404, 404, 404, 404, 403, 422, 422, 422]
    assert call(writer, "GET", url).json()["version"] == 1
    assert call(writer, "POST", f"{url}/moves/verify", verify).json()["version"] == 2
    late = call(writer, "POST", f"{url}/moves/verify", verify)
    assert (late.status_code, late.json()["code"]) == (409, "stale")
    assert [e["move"] for e in call(reader, "GET", f"{url}/history").json()] == ["open", "verify"]
    for facts in (
        {"measures": "\ud800", "rectify_by": "2013-06-28"}, {"rectify_by": 5}, {"rectify_by": {"a": []}},
        {"money": [1], "measures": "x\0"}, {"result": "x", "after": "a path"}, {"result": "x", "after": [1, None]},
    ):  # fmt: skip
        for move in ("plan", "fix_now", "verify"):
            wrong = call(writer, "POST", f"{url}/moves/{move}", {"seen_version": 2, "facts": facts})
            assert wrong.status_code == 422, (move, facts, wrong.content)
