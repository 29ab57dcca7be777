"""Targets alive: the city's number and its parts, each against its line, for whom they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.engines.measures import Target as Demand
from anlan.kernel import clock
from anlan.kernel.datafiles import BadFile
from anlan.kernel.figures.computing import named
from anlan.kernel.registers import register_named
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.kernel.sheets.applying import import_file
from anlan.offices.accidents.models import Accident, Category
from anlan.offices.plan import adoption, planfile
from anlan.offices.plan.models import Plan, Portion, Target
from anlan.offices.plan.targets import standing
from anlan.offices.plan.targets.apportioning import portions
from anlan.parties.models import Account, BaseFigure, Division, Enterprise, Industry

from .conftest import CITY, YUBEI, at_once

Make = Callable[..., Account]
BANAN = "500113000000"
NOW = datetime(2013, 6, 14, 10, 30, tzinfo=clock.BEIJING)
TODAY = NOW.date()


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def died(deaths: int, at: str, area: str = YUBEI, industry: str = "road") -> None:
    when = datetime.fromisoformat(f"{at}T08:00+08:00")
    Accident.objects.create(
        number=f"试{Accident.objects.count()}", title="试", state="closed", area_code=area, industry_id=industry,
        owner_area_code=area, category=Category.objects.get(scheme="national-2012", code="coal"), course="试",
        occurred_at=when, known_at=when, opened_at=when, grade="larger" if deaths > 2 else "ordinary", deaths=deaths,
        counts=True,
    )  # fmt: skip


def told(plan: Plan, who: Account) -> dict[str, standing.Told]:
    with acting(who.actor, who.scope):
        return {one.target.code: one for one in standing.told(plan, who, clock.today())}


def part(code: str, value: float, area: str = YUBEI, industry: str | None = None) -> Portion:
    return Portion.objects.create(
        year=2013, code=code, area_code=area, industry_id=industry, value=Decimal(str(value)), reason="试"
    )


def test_city_and_district_stand_against_the_same_season(plan: Plan, account: Make) -> None:
    died(50, "2012-03-01", BANAN)
    died(50, "2012-09-01")
    died(30, "2013-02-01")
    died(10, "2013-05-01", BANAN)
    for area, value in ((YUBEI, 40), (BANAN, 45)):
        part("T1", value, area)
    found = told(plan, account("city"))["T1"]
    assert found.whole is not None
    state = found.whole.state
    # Half of 2012's dead had died by June: so half of the 90 that 10 % fewer than 100 allows.
    assert (state.actual, state.number, state.line, state.standing) == (40, 90, 45, "ahead")
    yubei, banan = found.areas[YUBEI].state, found.areas[BANAN].state
    assert (yubei.actual, yubei.number, yubei.line, yubei.standing, yubei.remaining) == (30, 40, 20, "over", 10)
    assert (banan.actual, banan.number, banan.line, banan.standing) == (10, 45, 22, "ahead")
    assert found.line.shape == "season"
    assert (found.sums["area"].parts, found.sums["area"].total, found.sums["area"].left) == (2, 85, 5)


def test_a_part_that_is_used_up_is_over_or_passed__zero_and_ceiling(plan: Plan, account: Make) -> None:
    died(3, "2013-02-01")
    died(5, "2013-05-20")
    part("T2", 1)
    part("T2", 2, BANAN)
    found = told(plan, account("city"))
    assert found["T2"].areas[YUBEI].state.standing == "impossible"
    assert found["T2"].areas[BANAN].state.standing == "on_line"
    assert found["T2"].whole is not None
    assert found["T2"].whole.state.shape == "uniform"  # 2012 had none: no season to follow
    assert found["T4"].whole is not None
    assert found["T4"].whole.state.standing == "on_line"


def test_a_level_is_held_on_every_day_and_what_nothing_measures_is_said_so(plan: Plan, account: Make) -> None:
    found = told(plan, account("city"))
    assert found["T9"].whole is not None
    assert (found["T9"].whole.state.standing, found["T9"].whole.figure.absent) == ("unknown", "denominator")
    assert found["T6"].measure is found["T6"].whole is None


@pytest.mark.parametrize(
    ("target", "measure", "part", "wanted"),
    [
        ({"comparator": "<=", "value": "0.13"}, "accidents.per_output", None,
         Demand("ceiling", Decimal("0.13"), places=3)),
        ({"comparator": "==", "value": "100"}, "monitoring.coverage", None, Demand("floor", Decimal(100), places=1)),
        ({"comparator": ">=", "value": "30", "line": "uniform"}, "monitoring.coverage", None,
         Demand("share", Decimal(30))),
        ({"comparator": "==", "value": "8"}, "parties.operating", None, Demand("floor", Decimal(8))),
        ({"comparator": "==", "value": "3"}, "accidents.larger", None, Demand("ceiling", Decimal(3))),
        ({"comparator": "==", "value": "0"}, "accidents.larger", None, Demand("zero", Decimal(0))),
        ({"comparator": "down_by", "value": "2.5"}, "accidents.deaths", None, None),
        ({"comparator": "down_by", "value": "30", "unit": "人", "baseline_value": Decimal(1539)}, "accidents.deaths",
         None, Demand("ceiling", Decimal(1509))),
        ({"comparator": "up_by", "value": "3", "unit": "个", "baseline_value": Decimal(8)}, "hazards.found", None,
         Demand("floor", Decimal(11))),
        ({"comparator": "down_by", "value": "2.5"}, "accidents.deaths", "40", Demand("ceiling", Decimal(40))),
        ({"comparator": "up_by", "value": "5", "baseline_value": Decimal(40)}, "hazards.found", None,
         Demand("up_by", Decimal(5), Decimal(40))),
        ({"comparator": "up_by", "value": "5"}, "hazards.found", "7", Demand("floor", Decimal(7))),
        ({"comparator": "by_date", "value": "8", "due": date(2013, 9, 30)}, "parties.operating", None,
         Demand("milestone", Decimal(8), due=date(2013, 9, 30))),
    ],
)  # fmt: skip
def test_what_a_target_asks_of_its_measure(
    target: dict[str, Any], measure: str, part: str | None, wanted: Demand | None
) -> None:
    made = Target(**{**target, "value": Decimal(target["value"])})
    assert standing.demand(made, named((measure,))[0], None if part is None else Decimal(part)) == wanted


def test_a_district_sees_its_own_part_and_a_department_that_of_its_industry(plan: Plan, account: Make) -> None:
    died(7, "2013-02-01")
    died(9, "2013-02-01", BANAN, "coal")
    part("T1", 40)
    part("T1", 45, BANAN)
    part("T1", 20, CITY, "coal")
    part("T1", 60, CITY, "road")
    district = told(plan, account("yubei", "district", YUBEI))["T1"]
    assert district.whole is None
    assert district.sums == district.industries == {}
    assert [(code, held.state.actual) for code, held in district.areas.items()] == [(YUBEI, 7)]
    department = told(plan, account("coal", "department", industries=["coal"]))["T1"]
    assert department.whole is None
    assert [(code, h.state.actual, h.state.number) for code, h in department.industries.items()] == [("coal", 9, 20)]
    assert not department.areas


def test_the_city_apportions_by_last_years_figures_and_nobody_else(plan: Plan, account: Make, client: Client) -> None:
    died(60, "2012-03-01")
    died(39, "2012-09-01", BANAN, "coal")
    died(1, "2012-09-01", "500101000000")
    target = plan.targets.get(code="T1")
    given = {"to": "area", "keep": "10", "reason": "按上年实绩"}
    client.force_login(account("yubei", "district", YUBEI))
    assert client.post(f"/plan/targets/{target.pk}/apportion/", given).status_code == 403
    client.force_login(account("city"))
    assert client.post(f"/plan/targets/{target.pk}/apportion/", {**given, "reason": ""}).status_code == 422
    assert client.post(f"/plan/targets/{target.pk}/apportion/", {**given, "keep": "91"}).status_code == 422
    assert not Portion.objects.exists()
    assert client.post(f"/plan/targets/{target.pk}/apportion/", given).status_code == 302
    made = dict(Portion.objects.filter(industry=None).values_list("area_code", "value"))
    assert len(made) == Division.objects.filter(tier=2).count() == 38
    assert sum(made.values()) == 80
    assert (made[YUBEI], made[BANAN], made["500101000000"]) == (48, 31, 1)
    assert (
        client.post(f"/plan/targets/{target.pk}/apportion/", {**given, "to": "industry", "keep": 0}).status_code == 302
    )
    assert dict(Portion.objects.exclude(industry=None).filter(value__gt=0).values_list("industry", "value")) == {
        "road": 55, "coal": 35,
    }  # fmt: skip
    # Once more with another reserve: each part changes, and stays one.
    assert client.post(f"/plan/targets/{target.pk}/apportion/", {**given, "keep": 0}).status_code == 302
    assert Portion.objects.filter(industry=None).count() == 38
    assert Portion.objects.get(area_code=YUBEI).value == 54
    # Nought is nought everywhere, but a share of nothing is no share.
    zero = plan.targets.get(code="T4")
    assert client.post(f"/plan/targets/{zero.pk}/apportion/", {**given, "keep": 0}).status_code == 302
    assert set(Portion.objects.filter(code="T4").values_list("value", flat=True)) == {0}
    larger = plan.targets.get(code="T2")
    Accident.objects.filter(deaths__gt=0).update(grade="ordinary")
    answer = client.post(f"/plan/targets/{larger.pk}/apportion/", {**given, "keep": 0})
    assert (answer.status_code, "没有可依据的实绩" in answer.content.decode()) == (422, True)
    rate = plan.targets.get(code="T9")
    assert client.post(f"/plan/targets/{rate.pk}/apportion/", given).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_two_who_apportion_a_target_at_once_the_second_waits_and_his_parts_stand() -> None:
    (measure,) = named(("accidents.deaths",))
    plan = SimpleNamespace(year=2013, area_code=CITY)
    whole = SimpleNamespace(state=SimpleNamespace(number=10))
    asked: Any = SimpleNamespace(target=SimpleNamespace(code="T1", plan=plan), measure=measure, whole=whole)
    with acting(Actor("test", "tests"), EVERYWHERE):
        by = Account.objects.create_user("city", name="试", role="city", area_code=CITY)
        Industry.objects.get_or_create(code="road", defaults={"name": "道路", "name_en": "Road"})
    first, second = (partial(portions, asked, "industry", 10, reason) for reason in ("先", "后"))
    assert at_once((by, first), (by, second)) == []
    with acting(Actor("test", "tests"), EVERYWHERE):
        assert set(Portion.objects.values_list("reason", flat=True)) == {"后"}


def test_pages_say_each_number_and_open_its_records(plan: Plan, account: Make, client: Client) -> None:
    died(30, "2012-02-01")
    died(12, "2013-02-01")
    for code, value in (("T1", 40), ("T2", 1)):
        part(code, value)
    part("T1", 45, BANAN)
    part("T1", 60, CITY, "road")
    client.force_login(account("city"))
    page = client.get("/plan/targets/").content.decode()
    assert "尚无数据可以衡量" in page  # T6
    assert "2个区县合计 85，比全市指标少 5" in page
    assert "counted=accidents.deaths&amp;period=2013&amp;area_code=500112" in page
    target = plan.targets.get(code="T1")
    page = client.get(f"/plan/targets/{target.pk}/?area={YUBEI}").content.decode()
    assert 'data-chart="line"' in page
    assert "counted=accidents.deaths&amp;period=..2013-02&amp;area_code=500112" in page
    assert "/plan/targets/" in client.get("/").content.decode()
    assert client.get(f"/plan/targets/{target.pk}/?area=500101000000").status_code == 404
    assert client.get("/plan/targets/999999/").status_code == 404
    client.force_login(account("yubei", "district", YUBEI))
    page = client.get(f"/plan/targets/{target.pk}/").content.decode()
    assert "巴南区" not in page
    assert "全市</a>" not in page
    factory = Enterprise.objects.create(name="一厂", area_code=YUBEI)
    client.force_login(account("factory", "enterprise", YUBEI, enterprise=factory))
    assert client.get("/plan/targets/").status_code == 403


def test_a_count_stands_beside_what_its_year_will_end_with(plan: Plan, account: Make, client: Client) -> None:
    for year in range(2008, 2014):
        for month in range(1, 13 if year < 2013 else 6):
            died(2, f"{year}-{month:02}-05")
    part("T1", 40)
    part("T1", 15, BANAN)
    target = plan.targets.get(code="T1")
    client.force_login(account("city"))
    answer = client.get(f"/plan/targets/{target.pk}/")
    whole, (yubei, banan) = answer.context["whole"], answer.context["tables"][0][1]
    assert whole.outlook.median == yubei.outlook.median
    assert 20 <= yubei.outlook.median <= 28
    assert yubei.outlook.chance > 0.9
    assert yubei.outlook.backtest.origins > 0
    assert (banan.outlook, banan.chance) == (None, "")
    assert "年末预测" in answer.content.decode()
    # A rate is forecast by nobody: it has no column.
    other = client.get(f"/plan/targets/{plan.targets.get(code='T9').pk}/")
    assert "年末预测" not in other.content.decode()


def test_queries_do_not_grow_with_parts(plan: Plan, account: Make, client: Client) -> None:
    client.force_login(account("city"))

    def asked() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get("/plan/targets/").status_code == 200
        return len(caught)

    died(3, "2012-02-01")
    part("T1", 40)
    asked()
    before = asked()
    with acting(Actor("test", "tests"), EVERYWHERE):
        for n, division in enumerate(Division.objects.filter(tier=2).exclude(code=YUBEI)):
            part("T1", n, division.code)
            died(1, "2013-03-01", division.code)
    assert asked() == before


def test_last_years_months_are_asked_for_once_whatever_the_number_of_targets(plan: Plan, account: Make) -> None:
    who = account("city")

    def asked(*codes: str) -> int:
        targets = plan.targets.select_related("clause").filter(code__in=codes)
        with acting(who.actor, who.scope), CaptureQueriesContext(connection) as caught:
            lines = [one.line for one in standing.told(plan, who, TODAY, targets)]
        assert all(line.months is not None for line in lines)
        return len(caught)

    died(3, "2012-02-01")
    died(40, "2012-07-01")
    asked("T1")
    assert asked("T1", "T2", "T4") == asked("T1")


def test_parts_come_from_a_sheet(plan: Plan) -> None:
    head = "year,code,area_code,industry,value,reason"
    sheet = f"{head}\n2013,T1,{YUBEI},,40,按上年实绩\n2013,T1,{CITY},coal,20,按上年实绩\n"
    declared = register_named("target-parts")
    assert declared is not None
    for added in (2, 0):
        outcome = import_file(declared, sheet.encode())
        assert (outcome.problems, outcome.added, outcome.applied) == ([], added, True)
    bad = import_file(declared, sheet.replace(f"{CITY},coal", f"{CITY},").encode())
    assert bad.problems
    assert not bad.applied
    assert sorted(Portion.objects.values_list("value", flat=True)) == [20, 40]


def test_a_part_is_of_a_district_or_an_industry_and_of_a_target_that_there_is(plan: Plan) -> None:
    for wrong in ({"area_code": CITY}, {"area_code": YUBEI, "industry_id": "coal"}, {"area_code": "500112131000"}):
        with pytest.raises(IntegrityError, match="portion_of_district_or_industry"), transaction.atomic():
            Portion.objects.create(year=2013, code="T1", value=1, reason="试", **wrong)
    part("T1", 40)
    with pytest.raises(IntegrityError, match="portion_once"), transaction.atomic():
        part("T1", 41)
    with pytest.raises(ValidationError, match="没有该编号的指标"):
        Portion(year=2013, code="T77", area_code=YUBEI, value=1, reason="试").full_clean()


def test_parts_hold_on_when_the_plan_is_amended(plan: Plan, account: Make) -> None:
    died(12, "2013-02-01")
    part("T1", 40)
    office, second = account("office"), account("second")
    amended = adoption.amend(plan, office, "调整")
    amended.targets.filter(code="T1").update(value=5)
    adoption.propose(amended, office)
    adoption.adopt(amended, second)
    found = told(amended, office)["T1"]
    assert found.whole is not None
    assert (found.whole.state.number, found.areas[YUBEI].state.number) == (95, 40)


def test_a_rate_as_a_target_is_held_once_its_base_is_stated(plan: Plan, account: Make) -> None:
    """Of a year that runs nothing is stated yet; of 2012, looked back at, all of it."""
    died(12, "2012-02-01")
    BaseFigure.objects.create(kind="output", area_code=CITY, year=2012, value=100, source="试")
    target = Target(comparator="<=", value=Decimal("0.1"), measure="accidents.per_output", code="T1", plan=plan)
    with acting(Actor("test", "tests"), EVERYWHERE):
        (now,) = standing.told(plan, account("city"), TODAY, [target])
        (then,) = standing.told(Plan(year=2012, area_code=CITY), account("city2"), TODAY, [target])
    assert now.whole is not None
    assert (now.whole.state.standing, now.whole.figure.absent) == ("unknown", "unstated")
    assert then.whole is not None
    assert (then.whole.state.standing, then.whole.figure.value) == ("over", Decimal("0.120"))


def test_a_plan_file_says_lines_and_days_and_names_what_does_not_fit(account: Make) -> None:
    text = """
plan: {year: 2014, city: "500000000000", title: 试}
clauses:
- {id: G1, zh: 试}
targets:
- {id: T1, clause: G1, zh: 中心, comparator: by_date, value: 8, unit: 个, due: 2014-09-30}
- {id: T2, clause: G1, zh: 投入, comparator: up_by, value: 5, unit: "%", baseline: "2013", line: uniform}
"""
    made = planfile.make(planfile.parse(text.encode(), "f"), "f", account("drafter"))
    assert [(t.comparator, t.due, t.line) for t in made.targets.all()] == [
        ("by_date", date(2014, 9, 30), ""), ("up_by", None, "uniform"),
    ]  # fmt: skip
    again = planfile.parse(planfile.write(made).encode(), "f")
    assert [t.get("due") for t in again["targets"]] == ["2014-09-30", None]
    for right, wrong, line in (
        ("due: 2014-09-30", "line: level", 6),  # what is due by its day needs the day
        ("2014-09-30", "2014-09-31", 6),
        ('baseline: "2013", ', "", 7),
        ("line: uniform", "line: wavy", 7),
        ("line: uniform", "due: 2014-01-01", 7),
    ):
        with pytest.raises(BadFile, match=rf"\Af:{line}: "):
            planfile.parse(text.replace(right, wrong).encode(), "f")
