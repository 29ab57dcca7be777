"""`anlan forecast`: the year's end beside its back-test and the plan's target; one clear line for what cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import pytest
from click.testing import CliRunner, Result

from anlan.engines.measures import Target
from anlan.kernel import clock
from anlan.kernel.figures import computing
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.accidents.models import Accident, Category
from anlan.offices.plan.models import Clause, Plan
from anlan.offices.plan.models import Target as PlanTarget
from anlan.offices.plan.targets.forecasting import asked as asked_of
from anlan.offices.plan.targets.forecasting import forecast
from anlan.parties.models import Account

NOW = datetime(2013, 6, 14, 10, 30, tzinfo=clock.BEIJING)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def asked(*words: str) -> Result:
    return CliRunner().invoke(forecast, list(words))


CITY = "500000000000"
TESTER = Actor("test", "tests")


def deaths_of_five_years() -> None:
    """Two accidents of five deaths a month from June 2008 to May 2013, and one in this June."""
    coal = Category.objects.get(scheme="national-2012", code="coal")
    Accident.objects.bulk_create(
        Accident(
            number=f"试{n}-{k}", title="试", state="closed", area_code="500112000000", owner_area_code="500112000000",
            category=coal, course="试", place="井", grade="ordinary", deaths=5, occurred_at=at, opened_at=at,
        )
        for n in range(61) for k in range(2) if n or k
        for at in [NOW.replace(year=2013 - (n + 6) // 12, month=12 - (n + 6) % 12, day=5 + k)]
    )  # fmt: skip


def plan(comparator: str, value: str, **more: object) -> None:
    drafter, adopter = (Account.objects.create(username=n, name=n, role="city", area_code=CITY) for n in ("d", "a"))
    made = Plan.objects.create(year=2013, area_code=CITY, title="2013年工作要点", issuer="市安委会", drafted_by=drafter)
    clause = Clause.objects.create(plan=made, code="G1", number="G1", title="G1", order=1)
    PlanTarget.objects.create(
        plan=made, clause=clause, code="T1", subject="死亡", measure="accidents.deaths", comparator=comparator,
        value=Decimal(value), **more,
    )  # fmt: skip
    Plan.objects.filter(pk=made.pk).update(state="proposed")
    Plan.objects.filter(pk=made.pk).update(state="adopted", published=True, adopted_by=adopter)


def test_the_city_has_its_forecast_target_and_back_test() -> None:
    with acting(TESTER, EVERYWHERE):
        deaths_of_five_years()
        plan("down_by", "2.5", baseline="2012", baseline_value=Decimal(120))
    given = asked("accidents.deaths", "--json")
    assert given.exit_code == 0, given.output
    answer = json.loads(given.stdout)
    (city,) = answer["rows"]
    assert (answer["year"], answer["target"]) == (2013, "T1 down by at least 2.5 compared with 2012")
    assert city["actual"] == 55
    assert city["number"] == 117
    assert 100 < city["low"] <= city["median"] <= city["high"] < 145
    assert 0.2 < city["chance"] < 0.8
    assert [m["first"] for m in city["months"]] == [f"2013-{m:02}-01" for m in range(6, 13)]
    assert city["backtest"]["origins"] > 10
    assert asked("accidents.deaths", "--json").stdout == given.stdout
    said = asked("accidents.deaths").stdout
    assert "55 to date" in said
    assert "back-test" in said
    assert "met with a probability of" in said


def test_a_district_has_no_target_of_the_city_s() -> None:
    with acting(TESTER, EVERYWHERE):
        deaths_of_five_years()
        plan("<=", "110")
    answer = json.loads(asked("accidents.deaths", "--area", "500112", "--json").stdout)
    assert answer["target"] is None
    assert answer["rows"][0]["chance"] is None
    assert answer["rows"][0]["median"] > 55
    rows = json.loads(asked("accidents.deaths", "--by", "area", "--json").stdout)["rows"]
    assert [row["actual"] for row in rows] == [55, 55]
    assert rows[1]["title"] == "渝北区"


def test_without_records_nothing_is_forecast() -> None:
    said = asked("accidents.deaths")
    assert said.exit_code == 0
    assert "no forecast: too few months are known; 0 months known" in said.stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("accidents.death",), "no measure is called accidents.death; there are"),
        (("accidents.deaths", "--area", "999999"), "--area 999999: there is no such division"),
        (("accidents.deaths", "--by", "industry"), "--by industry: it is area"),
        (("hazards.overdue",), "hazards.overdue: the records say it of the present only"),
    ],
)
def test_one_line_says_what_cannot_be(words: tuple[str, ...], why: str) -> None:
    said = asked(*words)
    assert (said.exit_code, said.output.count("\n")) == (2, 1)
    assert why in said.output


def test_targets_of_the_plan_as_the_engine_knows_them() -> None:
    deaths, rate = computing.named(("accidents.deaths", "hazards.closure_rate"))

    def of(comparator: str, value: str, unit: str = "", base: str | None = None, line: str = "") -> Target | None:
        made = PlanTarget(comparator=comparator, value=Decimal(value), unit=unit, line=line,
                          baseline_value=base and Decimal(base))  # fmt: skip
        return asked_of(made, rate if unit == "%" else deaths)

    assert of("<=", "40", "起") == Target("ceiling", Decimal(40))
    assert of("==", "0") == Target("zero")
    assert of(">=", "100", "个") == Target("floor", Decimal(100))
    # A rate is forecast as counts of a whole: 95 closed are no 95 per cent of what was found.
    for line in ("", "uniform"):
        assert of(">=", "98.5", "%", line=line) == Target("share", Decimal("98.5"))
    assert of("<=", "5", "%") is None
    assert of("==", "0", "%") is None
    assert of(">=", "120", "%") is None
    assert of("down_by", "2.5", "", "1539").number() == 1500
    assert of("down_by", "30", "人", "1539").number() == 1509
    assert of("up_by", "30", "人", "1539").number() == 1569
    assert of("down_by", "2.5") is None
