"""Rates: accidents held against what statistics state of an area, for just the months of which they state it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError

from anlan.engines.measures import BadMeasure, Measure, Period, Source
from anlan.engines.measures.figures import Figure
from anlan.kernel import clock
from anlan.kernel.figures import computing, lists
from anlan.kernel.figures.declaring import REGISTRY
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.offices.accidents.models import Accident, Category
from anlan.parties.models import BaseFigure

from .test_figures import NOW, TESTER, listed

pytestmark = pytest.mark.django_db
RATES = ("accidents.per_output", "accidents.per_employees", "accidents.per_vehicles", "accidents.per_coal")


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def died(deaths: int, industry: str, area: str = "500112000000", at: datetime | None = None) -> None:
    at = at or datetime(2012, 3, 3, tzinfo=clock.BEIJING)
    Accident.objects.create(
        number=f"试{Accident.objects.count()}", title="试", state="closed", area_code=area, industry_id=industry,
        owner_area_code=area, category=Category.objects.get(scheme="national-2012", code="coal"), course="试",
        occurred_at=at, known_at=at, opened_at=at, grade="ordinary", deaths=deaths, counts=True,
    )  # fmt: skip


def stated(kind: str, value: str, area: str = "500000000000", year: int = 2012, months: int = 12) -> None:
    BaseFigure.objects.create(kind=kind, area_code=area, year=year, months=months, value=Decimal(value), source="试")


def rate(name: str, period: str = "2012", scope: Scope = EVERYWHERE, **where: Any) -> Figure:
    with acting(Actor("person", "某人"), scope):
        figures = computing.compute(RATES, Period.parse(period), by=("area", "industry"))
        return figures.at(REGISTRY.named(name), **where).now


def test_chongqing_2012_comes_out_as_its_published_figures_divide() -> None:
    """1,539 deaths by 11,459.00 hundred million yuan; 105 in coal mines by 37.77 million tonnes."""
    with acting(TESTER, EVERYWHERE):
        died(1434, "road")
        died(105, "coal")
        stated("output", "11459.00")
        stated("coal", "3777")
    assert rate("accidents.per_output").value == Decimal("0.134")
    assert round(float(rate("accidents.per_output").exact or 0), 4) == 0.1343
    assert rate("accidents.per_coal").value == Decimal("2.780")
    assert rate("accidents.per_vehicles").absent == "unstated"


def test_units_of_the_yearbook_become_those_of_the_rate() -> None:
    with acting(TESTER, EVERYWHERE):
        for industry in ("coal", "construction", "road"):
            died(60, industry)
        stated("employees", "730.5")
        stated("vehicles", "24.1")
    # 120 by 7,305,000 employees is 1.64 by 100,000; 60 by 241,000 vehicles is 2.5 by 10,000.
    assert rate("accidents.per_employees").value == Decimal("1.64")
    assert rate("accidents.per_vehicles").value == Decimal("2.5")


def test_what_is_stated_of_a_city_is_not_the_sum_of_its_districts() -> None:
    with acting(TESTER, EVERYWHERE):
        died(10, "road")
        died(30, "road", "500113000000")
        stated("output", "100")
        stated("output", "80", "500112000000")
        stated("output", "70", "500113000000")
    assert (rate("accidents.per_output").numerator, rate("accidents.per_output").denominator) == (40, 100)
    assert rate("accidents.per_output", area="50").value == Decimal("0.400")
    assert rate("accidents.per_output", area="500112").value == Decimal("0.125")
    # What lies in no district has no output of its own, though its key is the beginning of the city's code.
    assert rate("accidents.per_output", area="500000").absent == "unstated"
    assert rate("accidents.per_output", scope=Scope("500112")).value == Decimal("0.125")
    assert rate("accidents.per_output", scope=Scope("500112131")).absent == "unstated"


def test_no_base_or_nought_is_not_available_and_never_invented() -> None:
    with acting(TESTER, EVERYWHERE):
        died(10, "road")
        stated("output", "0")
    zero = rate("accidents.per_output")
    assert (zero.value, zero.absent, zero.denominator) == (None, "denominator", 0)
    assert (rate("accidents.per_employees").value, rate("accidents.per_employees").absent) == (None, "unstated")
    assert rate("accidents.per_output", "2013-06").absent == "unstated"


def test_a_part_of_a_year_is_divided_by_what_is_stated_of_that_part_alone() -> None:
    with acting(TESTER, EVERYWHERE):
        died(20, "road")
        died(7, "road", at=datetime(2013, 2, 1, tzinfo=clock.BEIJING))
        stated("output", "1000")
        stated("output", "250", months=3)
        stated("output", "280", year=2013, months=3)
        stated("output", "1200", year=2013)  # a forecast that somebody entered: the year is not over
    assert rate("accidents.per_output", "2012").denominator == 1000
    assert rate("accidents.per_output", "..2012-03").denominator == 250
    assert rate("accidents.per_output", "2012-Q1").value == Decimal("0.080")
    assert rate("accidents.per_output", "..2013-03").value == Decimal("0.025")
    for running in ("2013", "..2013-05", "2013-02", "2012-Q2"):
        assert rate("accidents.per_output", running).absent == "unstated", running
    with acting(TESTER, EVERYWHERE):
        figures = computing.compute(RATES, Period.parse("..2013-03"))
        compared = figures.at(REGISTRY.named("accidents.per_output"))
    assert (compared.last_year.value, compared.change("last_year")) == (Decimal("0.080"), Decimal("-68.8"))


def test_a_department_has_the_rates_of_its_industry_and_no_others() -> None:
    with acting(TESTER, EVERYWHERE):
        died(10, "road")
        died(3, "coal")
        for kind in ("output", "employees", "vehicles", "coal"):
            stated(kind, "100")
    road = Scope("50", frozenset({"road"}))
    assert rate("accidents.per_vehicles", scope=road).value == Decimal("0.1")
    # Of three deaths in coal mines it sees none: nought by a hundred would be a lie.
    assert rate("accidents.per_coal", scope=road).absent == "unstated"
    assert rate("accidents.per_output", scope=road).absent == "unstated"
    assert rate("accidents.per_coal", industry="coal").value == Decimal("3.000")
    assert rate("accidents.per_coal", industry="road").absent == "unstated"
    assert rate("accidents.per_output", industry="coal").absent == "dimension"


def test_a_base_opens_the_very_record_that_states_it() -> None:
    with acting(TESTER, EVERYWHERE):
        stated("output", "100")
        stated("output", "80", "500112000000")
        figures = computing.compute(["parties.output"], Period.parse("2012"), by=("area",))
        output = REGISTRY.named("parties.output")
        for where in ({}, {"area": "50"}, {"area": "500112"}):
            found = figures.at(output, **where).now.value
            assert found == listed(lists.records_url(figures, output, **where), "value")
        narrow = figures.narrowed("500112")
        assert narrow.at(output).now.value == 80


def test_a_base_is_stated_once() -> None:
    with acting(TESTER, EVERYWHERE):
        stated("output", "100")
        with pytest.raises(IntegrityError, match="base_figure_once"):
            stated("output", "101")


def test_a_source_that_states_needs_areas_and_numbers() -> None:
    with pytest.raises(BadMeasure, match="column with the area"):
        Source("t", {"v": "int64"}, stated=True)
    of = Source("t", {"v": "int64", "a": "string"}, "a", stated=True)
    with pytest.raises(BadMeasure, match="is a number"):
        Measure("a.b", of, lambda t, p: t.v > 0, title="x", definition="x", source_of_law="x", unit="x")
