"""The ranking of enterprises over our own records, on towns whose truth is known because it was planted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.kernel import clock
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.enforcement import commands, jobs, ranking
from anlan.offices.enforcement.models import InspectNext, Ranking
from anlan.offices.hazards.models import Danger
from anlan.parties.models import Account, Enterprise

NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
TODAY = NOON.date()
TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db
BAD = 20
"""Of every hundred enterprises so many are bad: an inspection finds a major danger there in one case of two."""


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with clock.frozen(NOON), acting(TESTER, EVERYWHERE):
        yield


def firm(n: int, **more: Any) -> Enterprise:
    facts: dict[str, Any] = {"area_code": "500112131000", "industry_id": "trade", "staff": 20, "status": "operating"}
    return Enterprise(name=f"厂{n:04}", **facts | more)


def danger(n: int, of: Enterprise, day: date, major: bool, **more: Any) -> Danger:
    at = datetime(day.year, day.month, day.day, 10, tzinfo=BEIJING)
    five = {"measures": "x", "responsible": "x", "money": 1, "contingency": "x", "rectify_by": day + timedelta(days=9)}
    facts: dict[str, Any] = {
        "number": f"隐{n}", "title": "x", "description": "x", "source": "inspection", "state": "verified",
        "found_at": at, "opened_at": at, "area_code": of.area_code, "industry_id": of.industry_id, "enterprise": of,
        "owner_area_code": "500112000000", "grade": "major" if major else "general", "rectified_at": at, **five,
    }  # fmt: skip
    return Danger(**facts | more)


def town(firms: int = 300, visits: int = 3000, bad: float = 0.5, good: float = 0.05) -> list[Enterprise]:
    """Enterprises of which the first `BAD` in a hundred are bad, visited at random through three years."""
    made = Enterprise.objects.bulk_create(firm(n) for n in range(firms))
    rng = np.random.default_rng(5)
    who, ago, luck = rng.integers(0, firms, visits), rng.integers(1, 1000, visits), rng.random(visits)
    Danger.objects.bulk_create(
        danger(n, made[k], TODAY - timedelta(days=int(ago[n])), luck[n] < (bad if k % 100 < BAD else good))
        for n, k in enumerate(who)
    )
    return made


@pytest.mark.slow
def test_a_planted_truth_is_found_and_said(django_assert_max_num_queries: Any) -> None:
    firms = town()
    made = ranking.rank(TODAY)
    assert (made.state, made.enterprises) == ("ranked", 300)
    assert made.visits <= 3000
    assert made.found / made.visits == made.average
    first = list(InspectNext.objects.order_by("place")[:60])
    bad = {one.pk for n, one in enumerate(firms) if n % 100 < BAD}
    assert sum(row.enterprise_id in bad for row in first) >= 50, "of the first 60 places 60 are bad ones' by right"
    assert first[0].factors[0] == "hazards.major"
    assert first[0].amounts[0] >= 2
    assert first[0].level == "well_above"
    assert first[0].why().startswith("三年内重大隐患 ")
    # The chances are true on average: what is foretold of all is about what came.
    chances = list(InspectNext.objects.values_list("chance", flat=True))
    assert sum(chances) / len(chances) == pytest.approx(made.average, rel=0.15)
    assert sorted(InspectNext.objects.values_list("place", flat=True)) == list(range(1, 301))
    assert sorted(InspectNext.objects.values_list("lot", flat=True)) == list(range(1, 301))
    model = np.mean([one["model"]["first_half"] for one in made.trials])
    overdue = np.mean([one["overdue"]["first_half"] for one in made.trials])
    assert model > 0.65 > 0.6 > overdue
    assert made.method["factors"]["hazards.major"][2] > 0
    # A few statements, whatever the number of enterprises.
    with django_assert_max_num_queries(40):
        ranking.rank(TODAY)
    assert InspectNext.objects.count() == 300
    assert Ranking.objects.count() == 2


@pytest.mark.slow
def test_findings_without_a_pattern_give_the_list_by_the_time_since_the_last_inspection() -> None:
    town(bad=0.2, good=0.2)
    never = firm(9999)
    never.save()
    made = ranking.rank(TODAY)
    assert made.state == "no_better"
    rows = list(InspectNext.objects.order_by("place"))
    unseen = [row for row in rows if row.waits is None]
    assert never.pk in {row.enterprise_id for row in unseen}
    assert rows[: len(unseen)] == unseen
    assert unseen[0].visited_on is None
    seen = rows[len(unseen) :]
    waits = [row.waits for row in seen]
    assert waits == sorted(waits, reverse=True)
    assert {row.chance for row in rows} == {None}
    assert {row.level for row in rows} == {""}
    assert "无检查记录" in rows[0].why()
    assert seen[0].visited_on == TODAY - timedelta(days=waits[0])


def test_too_few_inspections_say_so() -> None:
    town(firms=20, visits=60)
    made = ranking.rank(TODAY)
    assert (made.state, made.trials, made.method) == ("too_few", [], {})
    assert InspectNext.objects.count() == 20
    Danger.objects.all().delete()
    assert ranking.rank(TODAY).state == "too_few"


def test_what_is_of_today_or_later_is_not_read() -> None:
    firms = town()
    before = ranking.rank(TODAY, seed=3)
    said = list(InspectNext.objects.order_by("place").values_list("enterprise", "chance"))
    Danger.objects.bulk_create(
        danger(9000 + n, one, TODAY + timedelta(days=n % 3), True) for n, one in enumerate(firms[50:100])
    )
    after = ranking.rank(TODAY, seed=3)
    assert (after.visits, after.found, after.method) == (before.visits, before.found, before.method)
    again = list(InspectNext.objects.order_by("place").values_list("enterprise", "chance"))
    # Equals in chance and waiting are put by lot, which is drawn anew.
    assert dict(again) == dict(said)


def test_the_lot_of_a_night_cannot_be_computed_the_day_before(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []
    monkeypatch.setattr(ranking, "rank", lambda today, seed=0: seeds.append(seed))
    for _night in range(3):
        jobs.rank.run()
    assert len(set(seeds)) == 3


def test_what_lasts_counts_while_it_lasts_and_what_was_no_danger_never() -> None:
    one, other, none = (firm(n) for n in range(3))
    for each in (one, other, none):
        each.save()
    day = TODAY - timedelta(days=40)
    danger(1, one, day, False, rectified_at=None).save()
    danger(2, other, day, False).save()
    danger(3, none, day, True, state="dismissed", grade="").save()
    ranking.rank(TODAY)
    said = {row.enterprise_id: dict(zip(row.factors, row.amounts, strict=True)) for row in InspectNext.objects.all()}
    assert said[one.pk]["hazards.overdue"] == 1
    assert said[one.pk]["since"] == 40
    assert "hazards.overdue" not in said[other.pk]
    assert said[none.pk] == {"since": -1}


def test_closed_enterprises_are_not_to_be_visited() -> None:
    firm(1, status="closed").save()
    firm(2).save()
    assert ranking.rank(TODAY).enterprises == 1


def client(role: str, area: str, **more: Any) -> Client:
    account = Account.objects.create(username=f"{role}{area}", name=role, role=role, area_code=area, **more)
    browser = Client()
    browser.force_login(account)
    return browser


def test_the_list_is_of_the_readers_own_area_and_industry_and_never_an_enterprises() -> None:
    town()
    firm(7001, area_code="500113001000", industry_id="coal").save()
    ranking.rank(TODAY)
    own = firm(7002)
    own.save()
    banan, city = client("inspector", "500113000000"), client("city", "500000000000")
    coal = client("department", "500000000000", industries=["coal"])
    township = client("township", "500112131000")
    enterprise = client("enterprise", "500112131000", enterprise=own)
    texts = {b: b.get("/r/inspect-next/").content.decode() for b in (banan, coal, city, township)}
    assert "厂7001" in texts[banan]
    assert "厂0001" not in texts[banan]
    assert "厂7001" in texts[coal]
    assert "厂0001" not in texts[coal]
    assert "厂7001" not in texts[township]
    assert "厂00" in texts[township]
    assert enterprise.get("/r/inspect-next/").status_code == 404
    assert enterprise.get("/enforcement/inspect-next/trial/").status_code == 403
    assert "30 %" in texts[city] or "30%" in texts[city]
    page = city.get("/enforcement/inspect-next/trial/").content.decode()
    assert 'id="figure-gain"' in page
    assert "AUC" in page
    row = InspectNext.objects.order_by("place").first()
    assert row is not None
    page = city.get(f"/r/inspect-next/{row.pk}/").content.decode()
    assert f"/r/dangers/?enterprise={row.enterprise_id}" in page
    export = b"".join(city.get("/r/inspect-next/export.csv").streaming_content).decode()
    assert export.count("\n") == 302


def test_the_list_asks_the_same_number_of_questions_however_long_it_is() -> None:
    town(firms=30, visits=60)
    ranking.rank(TODAY)
    browser = client("city", "500000000000")

    def asked() -> int:
        browser.get("/r/inspect-next/")
        with CaptureQueriesContext(
            connection,
        ) as few:
            assert browser.get("/r/inspect-next/").status_code == 200
        return len(few)

    few = asked()
    Enterprise.objects.bulk_create(firm(n) for n in range(500, 560))
    ranking.rank(TODAY)
    assert asked() == few


@pytest.mark.slow
def test_the_command_says_it_too(capsys: Any) -> None:
    town()
    answer = CliRunner().invoke(commands.inspect_next, ["--again", "--json", "--top", "5", "--area", "500112000000"])
    told = json.loads(answer.output)
    assert told["state"] == "ranked"
    assert len(told["rows"]) == 5
    assert len(told["trials"]) == 4
    assert told["rows"][0]["why"]
    answer = CliRunner().invoke(commands.inspect_next, ["--industry", "gold"])
    assert answer.exit_code == 2
    assert "no industry gold" in answer.stderr
