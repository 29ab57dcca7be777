"""What the tests of this office share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from anlan.kernel import cases, clock
from anlan.kernel.cases.queue import worklist
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.offices.accidents.models import Accident, Category, Report
from anlan.offices.accidents.reporting import Filed, first_report
from anlan.parties.models import Account, Enterprise

NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
TESTER = Actor("test", "tests")
YUBEI, BANAN, CITY = "500112000000", "500113000000", "500000000000"
VILLAGE = "500112131000"
FIGURES = {"deaths": 1, "missing": 0, "injured": 0, "slight": 0, "course": "脚手架坍塌"}


@pytest.fixture(autouse=True)
def friday_noon(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.HOME = tmp_path
    with clock.frozen(NOON):
        yield


@pytest.fixture
def everywhere(db: None) -> Iterator[None]:
    with acting(TESTER, EVERYWHERE):
        yield


def account(role: str, area: str = YUBEI, enterprise: Enterprise | None = None, name: str = "") -> Account:
    with acting(TESTER, EVERYWHERE):
        return Account.objects.create(
            username=f"{role}-{area}-{name or 1}", name=name or role, role=role, area_code=area, enterprise=enterprise
        )


def factory(industry: str = "construction", area: str = VILLAGE, name: str = "龙兴建筑公司") -> Enterprise:
    with acting(TESTER, EVERYWHERE):
        return Enterprise.objects.create(name=name, area_code=area, industry_id=industry)


def category(code: str = "construction", scheme: str = "national-2012") -> Category:
    return Category.objects.get(scheme=scheme, code=code)


def said(**more: Any) -> dict[str, Any]:
    """A first report as somebody says it: a fall at 11:20, told at 11:30, called in now."""
    return {
        "area_code": VILLAGE, "place": "龙兴工业园", "occurred_at": NOON.replace(hour=11, minute=20),
        "known_at": NOON.replace(hour=11, minute=30), "category": category(), "course": "脚手架坍塌", "deaths": 1,
        "source": "unit",
    } | more  # fmt: skip


def filed(by: Any, scope: Scope | None = None, **more: Any) -> Filed:
    """A first report by `by`, within his own scope unless another is said."""
    with acting(Actor("person", by.name, by.pk), scope or by.scope):
        return first_report(by, said(**more))


def accident(by: Any, **more: Any) -> Accident:
    made = filed(by, **more).accident
    assert made is not None
    return made


def step(case: Accident, move: str, by: Account, when: datetime | None = None, **facts: Any) -> Any:
    """One move; a follow-up that an officer takes comes from the unit where nothing else is said."""
    if move == "follow_up" and by.role != "enterprise":
        facts = {"source": "unit"} | facts
    with clock.frozen(when or clock.now()), acting(Actor("person", by.username, by.pk), by.scope):
        fresh = type(case)._default_manager.get(pk=case.pk)
        return cases.move(fresh, move, by=by, seen_version=fresh.version, **facts)


def refused(call: Callable[[], Any]) -> dict[str, list[str]]:
    with pytest.raises(cases.MoveRefused) as caught:
        call()
    return getattr(caught.value, "errors", {caught.value.code: [caught.value.message]})


def reports(case: Accident) -> list[Report]:
    with acting(TESTER, EVERYWHERE):
        return list(Report.objects.filter(accident=case))


def wanted(by: Account, case: Accident) -> str:
    """The decision for which the case stands on somebody's work list besides its state."""
    with acting(by.actor, by.scope):
        return next((row.wants for row in worklist(by).rows if row.number == case.number), "")


def whose_turn(by: Account, case: Accident) -> str:
    """For whom the case's page says that it waits, in English."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(by)
    return str(client.get(case.get_absolute_url()).context["waits_for"])
