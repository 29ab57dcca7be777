"""Who is told when a target slips: once, again when it is worse, and when all is clear; never the neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.kernel import clock
from anlan.kernel.models import Notice
from anlan.kernel.scope import acting
from anlan.offices.accidents.models import Accident
from anlan.offices.plan.models import Duty, Plan
from anlan.offices.plan.watch import watching
from anlan.offices.plan.watch.models import Slip
from anlan.parties.models import Account

from .conftest import CITY, YUBEI, body
from .test_standing import BANAN, died, part

Make = Callable[..., Account]
START = datetime(2013, 6, 14, 10, 30, tzinfo=clock.BEIJING)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are counted anew each time: a night lies between two looks."""
    from anlan.kernel.figures.computing import compute
    from anlan.offices.plan.targets import standing

    monkeypatch.setattr(standing, "lately", lambda names, period, **cut: compute(names, period, **cut))


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(START):
        yield


def look(days: int = 0) -> list[tuple[str, str, str, str]]:
    with clock.frozen(START + timedelta(days=days)):
        turns = [t.slip for t in watching.look() if t.slip.code == "T2"]
        return sorted((s.code, s.area_code, s.level, s.state) for s in turns)


def told(who: Account) -> list[str]:
    return [words for n in Notice.objects.filter(account_id=who.pk).order_by("id") if "T2" in (words := str(n))]


def test_a_slip_is_told_once_and_again_when_it_is_worse__neighbours_hear_nothing(plan: Plan, account: Make) -> None:
    city, yubei, banan = account("city"), account("yubei", "district", YUBEI), account("banan", "district", BANAN)
    died(1, "2012-12-01", BANAN)
    died(3, "2013-02-01")
    part("T2", 1)
    part("T2", 1, BANAN)
    # Last year had no larger accident, so the line is uniform: none of one is allowed by June.
    assert look() == [("T2", YUBEI, "over", "open")]
    assert len(told(yubei)) == 1
    assert "渝北区" in told(yubei)[0] or YUBEI in told(yubei)[0]
    assert len(told(city)) == 1
    assert told(banan) == []
    assert look() == look(1) == look(2) == []
    assert len(told(yubei)) == 1
    died(3, "2013-06-15")
    # A second one passes the district's number, and the city is beyond its line.
    assert look(3) == [("T2", CITY, "over", "open"), ("T2", YUBEI, "impossible", "open")]
    assert [n.level for n in Notice.objects.filter(account_id=yubei.pk).order_by("id")] == ["attention", "critical"]
    rows = Slip.objects.filter(code="T2", area_code=YUBEI).order_by("since", "id")
    assert [(s.level, s.state, s.ended and s.ended.isoformat()) for s in rows] == [
        ("over", "worse", "2013-06-17"), ("impossible", "open", None),
    ]  # fmt: skip
    assert told(banan) == []


@pytest.mark.slow
def test_it_must_stand_better_for_days_before_all_is_clear(plan: Plan, account: Make) -> None:
    yubei = account("yubei", "district", YUBEI)
    died(3, "2013-02-01")
    row = Accident.objects.get()
    part("T2", 1)
    assert len(look()) == 1

    def count(counts: bool) -> None:
        grade = "larger" if counts else "ordinary"
        Accident.objects.filter(pk=row.pk).update(counts=counts, grade=grade, deaths=3 * counts)

    count(False)
    assert look(1) == look(4) == []
    count(True)
    assert look(5) == []  # over again: nobody is told twice
    count(False)
    assert look(6) == look(12) == []
    assert look(13) == [("T2", YUBEI, "over", "cleared")]
    assert [n.level for n in Notice.objects.filter(account_id=yubei.pk).order_by("id")] == ["attention", "success"]
    count(True)
    assert look(14) == [("T2", YUBEI, "over", "open")]


def test_what_is_not_asked_any_more_is_no_warning(plan: Plan, account: Make) -> None:
    died(3, "2013-02-01")
    asked = part("T2", 1)
    assert look() == [("T2", YUBEI, "over", "open")]
    asked.delete()
    assert look(1) == []
    assert Slip.objects.get(code="T2", area_code=YUBEI).state == "gone"


def test_a_chance_below_the_level_warns_and_ends_only_well_above_it(
    plan: Plan, account: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    account("city")
    now: dict[str, Any] = {"chance": 0.35}

    def ahead(told: Any) -> dict[str, Any]:
        return {"": SimpleNamespace(median=5, low=3, high=7, **now)} if told.target.code == "T2" else {}

    monkeypatch.setattr(watching.standing, "ahead", ahead)
    assert look() == []
    now["chance"] = 0.29
    assert look(1) == [("T2", CITY, "risk", "open")]
    now["chance"] = 0.40  # above the level of warning, below that of ending it
    assert look(2) == look(20) == []
    now["chance"] = 0.45
    assert look(21) == look(27) == []
    assert look(28) == [("T2", CITY, "risk", "cleared")]


def test_those_who_bear_the_target_are_told_and_only_what_they_may_see(plan: Plan, account: Make) -> None:
    died(3, "2013-02-01")
    part("T2", 1)
    part("T2", 1, CITY, "road")
    mine, other = body("渝北政府", "government"), body("巴南政府", "government", area=BANAN)
    clause = plan.clauses.get()
    for holder in (mine, other):
        Duty.objects.create(plan=plan, clause=clause, authority=holder)
    bearer = account("bearer", "inspector", YUBEI, authority=mine)
    narrow = account("narrow", "department", YUBEI, authority=mine, industries=["coal"])
    neighbour = account("neighbour", "inspector", BANAN, authority=other)
    road, coal = (account(name, "department", industries=[name]) for name in ("road", "coal"))
    assert look() == [("T2", CITY, "over", "open"), ("T2", YUBEI, "over", "open")]
    assert (len(told(bearer)), len(told(road))) == (1, 1)
    assert told(narrow) == told(neighbour) == told(coal) == []
    with acting(neighbour.actor, neighbour.scope):
        assert not Slip.objects.exists()
    with acting(road.actor, road.scope):
        assert [s.industry_id for s in Slip.objects.all()] == ["road"]


def test_many_parts_are_one_message_to_the_office_above_and_as_many_queries(plan: Plan, account: Make) -> None:
    english, city = account("english", language="en"), account("city")
    areas = [f"5001{n:02}000000" for n in (1, 2, 3, 4, 5, 6, 7, 8)]

    def slip(codes: list[str]) -> int:
        for code in codes:
            died(3, "2013-02-01", code)
            part("T2", 1, code)
        with CaptureQueriesContext(connection) as seen:
            look()
        return len(seen)

    first = slip(areas[:2])
    Notice.objects.all().delete()
    assert slip(areas[2:]) <= first + 1  # rows that stand are brought up to date
    for who in (city, english):  # the whole city's number is passed, and six parts of it are beyond their line
        assert len(told(who)) == 2
        assert sum("6" in words and YUBEI[:4] not in words for words in told(who)) == 1


def test_new_figures_are_looked_at_soon(plan: Plan, account: Make) -> None:
    from anlan.kernel.events import tell

    assert not watching.news(plan, 30)
    died(1, "2013-06-13")
    row = Accident.objects.get()
    tell("accident.verify_figures", case=row)
    assert watching.news(plan, 30)
    with clock.frozen(START + timedelta(hours=1)):
        assert not watching.news(plan, 30)


def test_the_targets_page_and_the_home_page_say_since_when(plan: Plan, account: Make, client: Client) -> None:
    yubei, banan = account("yubei", "district", YUBEI), account("banan", "district", BANAN)
    died(3, "2013-02-01")
    part("T2", 1)
    look()
    target = plan.targets.get(code="T2")
    client.force_login(yubei)
    page = client.get(f"/plan/targets/{target.pk}/").content.decode()
    assert 'id="warnings"' in page
    assert "2013" in page
    assert "/r/target-warnings/?state=open" in client.get("/").content.decode()
    client.force_login(banan)
    assert 'id="warnings"' not in client.get(f"/plan/targets/{target.pk}/").content.decode()
    assert "/r/target-warnings/?state=open" not in client.get("/").content.decode()
