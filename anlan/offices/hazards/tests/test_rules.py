"""Decree 16 (2007) and the notice's five in place."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.offices.hazards.rules import FIVE_IN_PLACE, Period, judge, missing_of_five

PLAN = {
    "measures": "更换失效的瓦斯传感器并校准",
    "responsible": 7,
    "money": Decimal(12000),
    "rectify_by": date(2013, 7, 1),
    "contingency": "撤人、断电、加强通风",
}


def test_where_no_criterion_holds_it_is_general__decree_16_art_3() -> None:
    found = judge(clause=None, needs_stop=False, outside_cause=False)
    assert (found.grade, found.why) == ("general", ())


@pytest.mark.parametrize("reason", ["needs_stop", "outside_cause"])
def test_a_stop_or_an_outside_cause_makes_it_major__decree_16_art_3(reason: str) -> None:
    facts = {"needs_stop": False, "outside_cause": False, reason: True}
    found = judge(clause=None, **facts)
    assert (found.grade, found.clause, found.why) == ("major", None, (reason,))


def test_a_clause_of_a_judgement_standard_makes_it_major_by_itself() -> None:
    found = judge(clause="D446-8-2", needs_stop=False, outside_cause=False)
    assert (found.grade, found.clause) == ("major", "D446-8-2")


def test_five_in_place_is_five_and_free_of_charge_is_a_statement() -> None:
    assert missing_of_five(PLAN) == ()
    assert missing_of_five({**PLAN, "money": 0}) == ()
    assert missing_of_five({}) == FIVE_IN_PLACE


@given(st.sets(st.sampled_from(FIVE_IN_PLACE)), st.sampled_from([None, "", "  "]))
def test_each_one_that_is_not_stated_is_named(gone: set[str], nothing: object) -> None:
    assert set(missing_of_five({**PLAN, **dict.fromkeys(gone, nothing)})) == gone


def test_the_quarterly_return_is_due_by_the_15th_and_the_yearly_by_31_january__decree_16_art_14() -> None:
    assert Period(2013, 2).due(15) == date(2013, 7, 15)
    assert Period(2013, 4).due(15) == date(2014, 1, 15)
    assert Period(2013).due(31) == date(2014, 1, 31)


@given(st.dates(date(1950, 1, 1), date(2900, 1, 1)))
def test_quarters_cover_the_calendar_without_gap_or_overlap(day: date) -> None:
    period = Period.of(day)
    assert period.first <= day <= period.last
    assert period.next.previous == period
    assert Period.parse(str(period)) == period


@pytest.mark.parametrize("text", ["", "Q1", "2013Q5", "2013Q", "x", "99999", "2013q0"])
def test_a_malformed_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="period"):
        Period.parse(text)
