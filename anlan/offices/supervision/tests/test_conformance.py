"""A task under the state machine of all cases; every state and move of the office in Chinese; over REST."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from anlan.kernel import cases
from anlan.kernel.cases.conformance import Draw, LifecycleMachine, untranslated
from anlan.kernel.cases.lifecycle import Move, lifecycle
from anlan.kernel.cases.models import Case
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.parties.models import Account, Authority

from .conftest import CITY, NOON, TESTER, YUBEI, drafted, out, photo

pytestmark = pytest.mark.django_db


class TaskLives(LifecycleMachine):
    kind = "task"
    begins = NOON

    def open(self) -> Case:
        body = Authority.objects.create(name="渝北区人民政府", kind="government", tier=2, area_code=YUBEI)
        type(self).people = tuple(
            Account.objects.create(username=name, name=name, role=role, area_code=area)
            for name, role, area in (("a", "city", CITY), ("b", "district", YUBEI), ("c", "duty", CITY))
        )
        return cases.open_case(
            "task", self.people[0], title="x", area_code=YUBEI, owner_area_code=CITY, addressee=body, asked="x",
            decided_at="x", decided_on=date(2013, 6, 4), due_on=date(2013, 7, 1),
            prepare=lambda case: case.prepare(),
        )  # fmt: skip

    def facts(self, draw: Draw, move: Move, case: Case) -> dict[str, Any]:
        made: dict[str, Any] = {e.name: [photo()] for e in move.evidence}
        known = {"days": 5, "due_on": date(2014, 12, 1)}
        return made | {f.name: known.get(f.name, "说明") for f in move.fields}


@pytest.mark.slow
def test_no_illegal_move_no_other_deadline_no_gap_in_history() -> None:
    with acting(TESTER, EVERYWHERE):
        run_state_machine_as_test(
            TaskLives,
            settings=settings(
                max_examples=6, stateful_step_count=15, deadline=None, database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip


@pytest.mark.parametrize("kind", ["order", "circular", "meeting", "task", "letter"])
def test_every_state_and_move_is_said_in_chinese(kind: str) -> None:
    declared = lifecycle(kind)
    assert declared is not None
    assert untranslated(declared) == []


def test_over_rest_an_order_is_read_and_answered_within_scope_only(people: Any, bodies: Any) -> None:
    (order,) = out(people, drafted(people["city"], bodies["yubei"]))
    with acting(TESTER, EVERYWHERE):
        keys = {n: ApiToken.issue(people[n], n, ["*:write"]) for n in ("yubei", "banan")}
    url = f"/api/v1/cases/order/{order.number}"

    def call(who: str, path: str, body: Any = None) -> Any:
        client = Client(headers={"authorization": f"Bearer {keys[who]}"})
        return client.post(path, body, content_type="application/json") if body else client.get(path)

    assert "receive" in call("yubei", url).json()["moves"]
    said = {"seen_version": order.version, "facts": {}}
    assert [call("banan", url).status_code, call("banan", f"{url}/moves/receive", said).status_code] == [404, 404]
    assert call("yubei", f"{url}/moves/accept", said).status_code in (403, 422)
    assert call("yubei", f"{url}/moves/receive", said).json()["state"] == "received"
