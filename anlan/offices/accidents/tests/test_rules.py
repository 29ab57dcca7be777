"""Grades and times for supplements, named by their articles."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel import law
from anlan.kernel.clock import BEIJING
from anlan.offices.accidents import draft, rules
from anlan.offices.accidents.models import Accident
from anlan.offices.accidents.rules import GRADES, Equipment, Figures, Version

DAY = date(2013, 6, 14)
TEN_MILLION = Decimal(10_000_000)
FEN = Decimal("0.01")


def by_deaths(n: int) -> str:
    return rules.grade(Figures(deaths=n), DAY).grade


@pytest.mark.parametrize(
    ("deaths", "grade"),
    [
        (0, "ordinary"),
        (2, "ordinary"),
        (3, "larger"),
        (9, "larger"),
        (10, "major"),
        (29, "major"),
        (30, "extraordinary"),
    ],
)
def test_deaths__decree_493_art_3(deaths: int, grade: str) -> None:
    found = rules.grade(Figures(deaths=deaths), DAY)
    assert (found.grade, found.by) == (grade, "deaths")
    assert found.source == "生产安全事故报告和调查处理条例（国务院令第493号）"


@pytest.mark.parametrize(
    ("injured", "grade"),
    [(9, "ordinary"), (10, "larger"), (49, "larger"), (50, "major"), (99, "major"), (100, "extraordinary")],
)
def test_serious_injuries__decree_493_art_3(injured: int, grade: str) -> None:
    found = rules.grade(Figures(injured=injured), DAY)
    assert (found.grade, found.by) == (grade, "injured")


@pytest.mark.parametrize(
    ("loss", "grade"),
    [
        (TEN_MILLION - FEN, "ordinary"), (TEN_MILLION, "larger"),
        (TEN_MILLION * 5 - FEN, "larger"), (TEN_MILLION * 5, "major"),
        (TEN_MILLION * 10 - FEN, "major"), (TEN_MILLION * 10, "extraordinary"),
    ],
)  # fmt: skip
def test_direct_loss_in_yuan__decree_493_art_3(loss: Decimal, grade: str) -> None:
    found = rules.grade(Figures(loss=loss), DAY)
    assert (found.grade, found.by) == (grade, "loss")


@pytest.mark.parametrize(
    ("grade", "item"), [("extraordinary", "（一）"), ("major", "（二）"), ("larger", "（三）"), ("ordinary", "（四）")]
)
def test_the_item_of_the_article_is_cited__decree_493_art_3(grade: str, item: str) -> None:
    deaths = {"ordinary": 1, "larger": 3, "major": 10, "extraordinary": 30}[grade]
    assert rules.grade(Figures(deaths=deaths), DAY).article == f"第三条第{item}项"


def test_the_item_is_that_of_the_rule_of_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    rule, value = law.value("accidents.grade_deaths", DAY), law.value
    later = replace(rule, bands=tuple(replace(band, item="第（九）项") for band in rule.bands))
    monkeypatch.setattr(law, "value", lambda name, on: later if name == rule.id else value(name, on))
    assert rules.grade(Figures(deaths=3), DAY).article == "第三条第（九）项"


def test_the_form_rests_on_the_law_of_the_day__decree_493_art_12() -> None:
    day = datetime(2013, 6, 14, tzinfo=BEIJING)
    assert draft.basis(Accident(occurred_at=day)).endswith("（国务院令第493号）第十二条")
    assert draft.basis(Accident(occurred_at=day.replace(year=2006))) == "", "there was no such law yet"
    assert tuple(line.title for line in draft.ARTICLE_12) == law.value("accidents.report_contents", day).value


def test_any_one_criterion_and_the_highest_wins__decree_493_art_3() -> None:
    found = rules.grade(Figures(deaths=2, injured=50, loss=TEN_MILLION), DAY)
    assert (found.grade, found.by) == ("major", "injured")
    assert {r.criterion: r.grade for r in found.reasons} == {"deaths": "ordinary", "injured": "major", "loss": "larger"}


def test_missing_persons_count_in_the_first_report__decree_493_art_12() -> None:
    assert rules.grade(Figures(deaths=2, missing=1), DAY).grade == "larger"


def test_before_the_decree_there_is_no_grade() -> None:
    with pytest.raises(law.NoRuleInForce):
        rules.grade(Figures(deaths=3), date(2007, 5, 31))
    assert rules.grade(Figures(deaths=3), date(2007, 6, 1)).grade == "larger"


@pytest.mark.parametrize(
    "wrong", [{"deaths": -1}, {"injured": 1.5}, {"missing": True}, {"loss": Decimal("NaN")}, {"loss": Decimal(-1)}]
)
def test_figures_that_cannot_be_are_refused(wrong: dict) -> None:
    with pytest.raises(rules.BadFigures):
        Figures(**wrong)


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 300_000_000))
def test_more_harm_never_lowers_the_grade(deaths: int, injured: int, loss: int) -> None:
    less = GRADES.index(rules.grade(Figures(deaths, 0, injured, Decimal(loss)), DAY).grade)
    for more in (Figures(deaths + 1, 0, injured, Decimal(loss)), Figures(deaths, 0, injured + 1, Decimal(loss)),
                 Figures(deaths, 0, injured, Decimal(loss + 1))):  # fmt: skip
        assert GRADES.index(rules.grade(more, DAY).grade) >= less


@pytest.mark.parametrize(
    ("equipment", "grade"),
    [
        (Equipment("boiler_explosion", capacity_mw=600), "extraordinary"),
        (Equipment("boiler_explosion", capacity_mw=599), "larger"),
        (Equipment("vessel_explosion"), "larger"),
        (Equipment("boiler_outage", capacity_mw=600, hours=Decimal(240)), "major"),
        (Equipment("boiler_outage", capacity_mw=600, hours=Decimal(239)), "ordinary"),
        (Equipment("toxic_leak", evacuated=150_000), "extraordinary"),
        (Equipment("toxic_leak", evacuated=149_999), "major"),
        (Equipment("toxic_leak", evacuated=50_000), "major"),
        (Equipment("toxic_leak", evacuated=10_000), "larger"),
        (Equipment("toxic_leak", evacuated=9_999), "ordinary"),
        (Equipment("crane_overturn"), "larger"),
        (Equipment("crane_break"), "ordinary"),
        (Equipment("ropeway", stranded=100, hours=Decimal(48)), "extraordinary"),
        (Equipment("ropeway", stranded=100, hours=Decimal(24)), "major"),
        (Equipment("ride", stranded=99, hours=Decimal(48)), "larger"),
        (Equipment("ride", stranded=1, hours=Decimal("11.9")), "ordinary"),
    ],
)
def test_special_equipment__decree_549_arts_61_to_64(equipment: Equipment, grade: str) -> None:
    assert rules.grade(Figures(), DAY, equipment).grade == grade


def test_special_equipment_only_ever_raises__decree_549() -> None:
    found = rules.grade(Figures(deaths=10), DAY, Equipment("crane_overturn"))
    assert (found.grade, found.by) == ("major", "deaths")


@pytest.mark.parametrize(
    ("facts", "held"),
    [
        ({"endangered": 9, "trapped": 2, "evacuated": 499}, ()), ({"endangered": 10}, ("endangered",)),
        ({"trapped": 2, "missing": 1}, ("trapped",)), ({"evacuated": 500}, ("evacuated",)),
        ({"environment": True}, ("environment",)), ({"key_facility": True}, ("key_facility",)),
    ],
)  # fmt: skip
def test_larger_risk_event__decree_21(facts: dict, held: tuple[str, ...]) -> None:
    assert rules.risk_event(DAY, **facts) == held


def test_before_decree_21_there_is_no_risk_event() -> None:
    assert rules.risk_event(date(2009, 6, 30), endangered=100) == ()


NOON = datetime(2013, 5, 1, 12, tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("window", "last"), [("other", date(2013, 5, 31)), ("road", date(2013, 5, 8)), ("fire", date(2013, 5, 8))]
)
def test_thirty_days_and_seven_for_road_and_fire__decree_493_art_13(window: str, last: date) -> None:
    assert rules.window_end(NOON, window) == datetime(last.year, last.month, last.day, 23, 59, 59, tzinfo=BEIJING)


def test_who_dies_after_the_window_does_not_raise_the_grade__decree_493_art_13() -> None:
    end = rules.window_end(NOON, "road")
    first = Version(1, NOON, Figures(deaths=2))
    within = Version(2, end, Figures(deaths=3))
    after = Version(2, end + timedelta(seconds=1), Figures(deaths=3))
    known = Version(2, end + timedelta(days=9), Figures(deaths=3), known_at=end)
    assert rules.grade_of([first, within], NOON, "road").grade == "larger"
    assert rules.grade_of([first, after], NOON, "road").grade == "ordinary"
    assert rules.grade_of([first, known], NOON, "road").grade == "larger"
    assert rules.grade_of([first, after], NOON, "other").grade == "larger"


def test_missing_become_deaths_only_where_the_rule_was_in_force__chongqing_2015_art_48() -> None:
    later = datetime(2016, 3, 1, 8, tzinfo=BEIJING)
    assert rules.missing_become_deaths(NOON, "other", NOON + timedelta(days=60)) is None
    assert rules.missing_become_deaths(later, "road", later + timedelta(days=7)) is None
    rule = rules.missing_become_deaths(later, "road", later + timedelta(days=8))
    assert rule is not None
    assert rule.article == "第四十八条"
    assert rules.missing_become_deaths(later, "other", later + timedelta(days=8)) is None


_version = st.tuples(st.integers(0, 60 * 24), st.integers(0, 35), st.integers(0, 12), st.integers(0, 110))


@given(st.lists(_version, min_size=1, max_size=8), st.sampled_from(["road", "fire", "other"]))
def test_the_grade_from_all_reports_is_the_grade_reached_step_by_step(said: list, window: str) -> None:
    versions = [
        Version(no, NOON + timedelta(hours=hours), Figures(deaths, missing, injured))
        for no, (hours, deaths, missing, injured) in enumerate(said, 1)
    ]
    end, now = rules.window_end(NOON, window), None
    for version in versions:
        if now is None or version.at <= end:
            now = rules.grade(version.figures, NOON.date()).grade
        assert rules.grade_of(versions[: version.no], NOON, window).grade == now
    assert rules.grade_of(reversed(versions), NOON, window).grade == now
