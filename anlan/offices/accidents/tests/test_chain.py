"""The reporting clock and the faults that its times show, named by their articles."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.clock import BEIJING
from anlan.offices.accidents.chain import Passed, chain, limit, reach, suspicions
from anlan.offices.accidents.rules import GRADES, Figures, ended

T = datetime(2013, 6, 14, 8, tzinfo=BEIJING)


def after(**delta: float) -> datetime:
    return T + timedelta(**delta)


def report(minutes: int, from_level: str, to_level: str, grade: str = "ordinary", **more: object) -> Passed:
    return Passed(after(minutes=minutes), from_level, to_level, grade, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("grade", GRADES)
def test_the_head_of_the_unit_reports_within_an_hour__decree_493_art_9(grade: str) -> None:
    assert limit("unit", grade, T).value == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(("level", "grade", "hours"), [
    ("district", "ordinary", 2), ("city", "major", 2), ("city", "extraordinary", 2),
    ("district", "larger", 1), ("district", "major", 1), ("district", "extraordinary", 1),
])  # fmt: skip
def test_each_government_within_two_hours_a_district_within_one_for_larger__art_11_and_chongqing_art_28(
    level: str, grade: str, hours: int
) -> None:
    assert limit(level, grade, T).value == hours  # type: ignore[arg-type]


def test_a_limit_runs_by_the_unit_of_its_rule() -> None:
    hours = limit("unit", "ordinary", T)
    assert ended(T, hours) == after(hours=1)
    assert ended(T, replace(hours, unit="days")) == datetime(2013, 6, 15, 23, 59, 59, tzinfo=BEIJING)
    with pytest.raises(ValueError, match="no time limit"):
        ended(T, replace(hours, unit="persons"))


def test_before_the_city_s_regulation_two_hours_held_for_larger_ones_too() -> None:
    assert limit("district", "larger", datetime(2012, 6, 30, tzinfo=BEIJING)).value == 2


@pytest.mark.parametrize(
    ("grade", "level"), [("ordinary", "city"), ("larger", "city"), ("major", "state"), ("extraordinary", "state")]
)
def test_who_must_be_reached__decree_493_art_10(grade: str, level: str) -> None:
    assert reach(grade, T) == level  # type: ignore[arg-type]


def test_the_clock_runs_from_the_moment_it_is_known_level_by_level() -> None:
    unit, district = chain(T, after(minutes=10), [report(40, "unit", "district")])
    assert (unit.started_at, unit.due_at, unit.done_at) == (after(minutes=10), after(minutes=70), after(minutes=40))
    assert (district.started_at, district.due_at, district.done_at) == (after(minutes=40), after(minutes=160), None)
    assert not unit.open
    assert district.open
    assert not district.late(after(minutes=160))
    assert district.late(after(minutes=161))


def test_who_is_handed_the_accident_knows_it_from_then_on() -> None:
    sent = [report(10, "unit", "district", "larger"), report(20, "unit", "district", "ordinary")]
    handed = after(minutes=300)
    unit, district = chain(T, T, sent, taken_over_at=handed)
    assert unit.done_at == after(minutes=10), "what the unit did stays as it was"
    assert (district.started_at, district.due_at) == (handed, handed + timedelta(hours=2)), "as it stood: ordinary"
    graver = [*sent, report(310, "unit", "district", "larger")]
    assert chain(T, T, graver, taken_over_at=handed)[1].due_at == after(minutes=370)
    told = [*sent, report(200, "district", "city", "larger")]
    assert not chain(T, T, told, taken_over_at=handed)[1].open, "the city knows from the one that handed it over"
    assert not chain(T, T, told, taken_over_at=handed)[1].late(after(days=1))
    assert chain(T, T, told)[1].late(after(days=1)), "and for that one it was late"


def test_nobody_reported_yet_the_unit_s_hour_runs() -> None:
    unit, district = chain(T, after(minutes=10), [])
    assert unit.due_at == after(minutes=70)
    assert (district.started_at, district.due_at) == (None, None)


def test_a_level_may_be_skipped__decree_493_art_11() -> None:
    unit, district = chain(T, T, [report(30, "unit", "city")])
    assert unit.done_at == district.done_at == after(minutes=30)
    assert district.skipped


def test_what_a_unit_told_above_by_itself_is_no_report_of_its_district() -> None:
    unit, district = chain(T, T, [report(9, "unit", "city"), report(13, "unit", "district")])
    assert unit.done_at == after(minutes=9)
    assert district.skipped
    assert district.by == "unit"
    assert not chain(T, T, [report(9, "unit", "district"), report(20, "district", "city")])[1].skipped
    told_too_late = chain(T, T, [report(9, "unit", "district"), report(180, "unit", "city")])[1]
    assert not told_too_late.skipped, "it knew, and its time had run out"
    assert told_too_late.late(after(hours=4))


def test_a_raised_grade_starts_its_own_limit_and_the_earlier_binds() -> None:
    raised = [report(10, "unit", "district"), report(20, "unit", "district", "larger")]
    assert chain(T, T, raised)[1].due_at == after(minutes=80)
    late = [report(10, "unit", "district"), report(100, "unit", "district", "larger")]
    assert chain(T, T, late)[1].due_at == after(minutes=130)


def test_a_major_accident_goes_on_to_the_state_council_department__decree_493_art_10() -> None:
    reports = [report(10, "unit", "district", "major"), report(30, "district", "city", "major")]
    legs = chain(T, T, reports)
    assert [leg.to_level for leg in legs] == ["district", "city", "state"]
    assert legs[2].due_at == after(minutes=150)
    done = chain(T, T, [*reports, report(60, "city", "state", "major")])
    assert not any(leg.open for leg in done)


def test_an_accident_that_turns_major_later_is_owed_to_the_state_from_then_on() -> None:
    reports = [report(10, "unit", "district"), report(30, "district", "city"), report(600, "district", "city", "major")]
    assert chain(T, T, reports)[2].started_at == after(minutes=600)


def test_a_district_that_finds_it_major_after_it_has_reported_owes_that_anew__decree_493_arts_10_and_11() -> None:
    first = [report(10, "unit", "district"), report(30, "district", "city")]
    graver = [*first, report(200, "district", "district", "major")]
    _unit, district, city = chain(T, T, graver)
    assert (district.started_at, district.due_at, district.open) == (after(minutes=200), after(minutes=260), True)
    assert city.due_at is None
    told = [*graver, report(230, "district", "city", "major")]
    _unit, district, city = chain(T, T, told)
    assert (district.open, district.late(after(days=1))) == (False, False)
    assert (city.started_at, city.open) == (after(minutes=230), True)


def test_a_larger_one_is_owed_to_the_city_though_an_ordinary_one_was_reported__decree_493_art_10() -> None:
    reports = [report(10, "unit", "district"), report(30, "district", "city"), report(90, "unit", "district", "larger")]
    assert chain(T, T, reports)[1].due_at == after(minutes=150)
    assert chain(T, T, [*reports, report(100, "district", "city")])[1].open, "one that says ordinary does not pay it"
    assert not chain(T, T, [*reports, report(100, "district", "city", "larger")])[1].open


def test_what_turns_out_less_grave_in_time_is_owed_as_the_lesser_from_when_it_was_received() -> None:
    major = [report(10, "unit", "district", "major"), report(30, "district", "city", "major")]
    found = [*major, report(60, "city", "city", "ordinary")]
    assert not any(leg.open for leg in chain(T, T, found)), "the State is owed nothing any more"
    late = [*major, report(200, "city", "city", "ordinary")]
    assert chain(T, T, late)[2].late(after(minutes=200)), "the limit was over before"
    unpaid = [report(10, "unit", "district", "larger"), report(40, "unit", "district")]
    assert chain(T, T, unpaid)[1].due_at == after(minutes=130)


def test_a_debt_paid_late_stays_late_though_the_accident_turned_out_less_grave() -> None:
    told = [
        report(10, "unit", "district", "larger"),
        report(80, "district", "district"),
        report(85, "district", "city"),
    ]
    assert chain(T, T, told)[1].late(after(days=1))
    major = [report(0, "unit", "district", "major"), report(1, "district", "city", "major")]
    late = [*major, report(600, "city", "city"), report(630, "city", "state")]
    assert chain(T, T, late)[2].late(after(days=1))


def test_a_level_is_not_blamed_for_what_only_a_lower_one_knew__decree_13_art_5() -> None:
    first = report(20, "unit", "district", figures=Figures(deaths=1))
    city = report(30, "district", "city", figures=Figures(deaths=1))
    more = report(180, "unit", "district", figures=Figures(deaths=2), known_at=after(minutes=5))
    assert found(T, [first, city, more], after(days=1)) == [("omission", "unit", "known_before")]
    heard = report(180, "other", "city", figures=Figures(deaths=2), known_at=after(minutes=5))
    assert {level for _f, level, _b in found(T, [first, city, heard], after(hours=1))} == {"unit"}


def test_what_others_tell_above_does_not_free_a_level_that_knew__decree_493_art_11() -> None:
    reports = [report(10, "unit", "district"), report(30, "other", "city"), report(60, "city", "city")]
    assert chain(T, T, reports)[1].due_at == after(minutes=130)
    assert chain(T, T, reports)[1].open


_UNORDERED = [
    report(10, "unit", "district"), report(50, "district", "city", "larger"), report(90, "unit", "district", "major"),
    report(95, "district", "city", "major"),
]  # fmt: skip


@given(st.permutations(_UNORDERED))
def test_the_chain_is_the_same_in_whatever_order_reports_are_read(reports: list[Passed]) -> None:
    assert chain(T, T, reports) == chain(T, T, sorted(reports, key=lambda r: r.at))


def found(known: datetime | None, reports: list[Passed], now: datetime) -> list[tuple[str, str, str]]:
    return [(s.fault, s.level, s.because) for s in suspicions(chain(T, known, reports), reports, now)]


def test_reported_in_time_there_is_no_fault() -> None:
    reports = [report(60, "unit", "district"), report(180, "district", "city")]
    assert found(T, reports, after(days=1)) == []


def test_later_than_the_limit_is_a_late_report__decree_13_art_5() -> None:
    reports = [report(61, "unit", "district"), report(181 + 1, "district", "city")]
    assert found(T, reports, after(days=1)) == [("late", "unit", "passed_late"), ("late", "district", "passed_late")]


def test_an_authority_that_has_not_passed_on_is_late__decree_13_art_5() -> None:
    reports = [report(30, "unit", "district")]
    assert found(T, reports, after(minutes=150)) == []
    assert found(T, reports, after(minutes=151)) == [("late", "district", "not_passed")]


def test_known_through_others_and_the_unit_silent_is_suspected_concealment__decree_13_art_5() -> None:
    reports = [report(300, "other", "district"), report(310, "district", "city")]
    assert found(T, reports, after(minutes=310)) == [("concealment", "unit", "unit_silent")]
    # Nobody knows when the head of the unit was told: his hour runs from when the authority learnt and asked.
    assert found(None, reports, after(minutes=360)) == []
    assert found(None, reports, after(minutes=361)) == [("concealment", "unit", "unit_silent")]


def test_where_there_is_no_unit_nobody_owes_its_report() -> None:
    legs = chain(T, None, [report(10, "other", "district")], has_unit=False)
    assert [leg.from_level for leg in legs] == ["district"]


def test_casualties_known_and_left_out_are_suspected_as_omission__decree_13_art_5() -> None:
    known = report(120, "unit", "district", figures=Figures(deaths=2), known_at=after(minutes=20))
    learnt = report(120, "unit", "district", figures=Figures(deaths=2), known_at=after(minutes=100))
    first = report(30, "unit", "district", figures=Figures(deaths=1))
    city = report(40, "district", "city", figures=Figures(deaths=1))
    assert ("omission", "unit", "known_before") in found(T, [first, city, known], after(days=1))
    assert found(T, [first, city, learnt], after(days=1)) == []
    # The authority finds more, known before the unit told less; one known to be dead and told as missing is one too.
    checked = report(90, "district", "district", figures=Figures(deaths=2), known_at=after(minutes=20))
    assert ("omission", "unit", "known_before") in found(T, [first, city, checked], after(days=1))
    missed = report(30, "unit", "district", figures=Figures(missing=1))
    buried = report(90, "district", "district", figures=Figures(deaths=1), known_at=after(minutes=20))
    assert ("omission", "unit", "known_before") in found(T, [missed, city, buried], after(days=1))


# --- Misstatements, held against what was verified ------------------------------------------------------


def misstatements(*reports: Passed) -> list[tuple[str, str, str, str]]:
    found = suspicions((), reports, after(days=1))
    return [(s.fault, s.level, s.because, s.about) for s in found]


def by_unit(**more: object) -> Passed:
    return report(30, "unit", "district", **({"own": True, "occurred_at": T, "district": "500112"} | more))


def verified(by: str = "district", **more: object) -> Passed:
    facts = {"verified": True, "own": True, "occurred_at": T, "district": "500112"} | more
    return report(300, by, by, **facts)


def test_what_was_told_as_it_was_is_suspected_of_nothing() -> None:
    figures = Figures(deaths=2, missing=1, loss=Decimal(9_000_000))
    assert misstatements(by_unit(figures=figures), verified(figures=figures)) == []
    close = verified(occurred_at=T + timedelta(minutes=30), figures=Figures(deaths=2, loss=Decimal(9_900_000)))
    assert misstatements(by_unit(figures=figures), close) == [], "half an hour, and one missing was found alive"


def test_a_time_moved_by_more_than_the_span_may_be_a_false_report__decree_13_art_5() -> None:
    moved = verified(occurred_at=T - timedelta(minutes=31))
    assert misstatements(by_unit(), moved) == [("false", "unit", "time_moved", "time")]
    assert misstatements(by_unit(own=False), moved) == [], "misheard by who took the call"
    assert misstatements(verified(occurred_at=T), moved) == [], "who corrects himself is not suspected"
    district = report(40, "district", "city", own=True, occurred_at=T, district="500112")
    assert misstatements(district, moved) == [], "by itself"
    assert misstatements(district, verified("city", occurred_at=moved.occurred_at)) == [
        ("false", "district", "time_moved", "time")
    ]


def test_a_place_in_another_district_may_be_a_false_report__decree_13_art_5() -> None:
    elsewhere = verified(district="500113")
    assert misstatements(by_unit(), elsewhere) == [("false", "unit", "place_moved", "place")]
    assert misstatements(by_unit(own=False), elsewhere) == []
    assert misstatements(by_unit(district=""), elsewhere) == [], "of before places were kept"


@pytest.mark.parametrize(
    ("told", "found", "suspected"),
    [
        (9_000_000, 12_000_000, True), (9_900_000, 10_000_000, False), (2_000_000, 9_000_000, False),
        (None, 60_000_000, False), (12_000_000, 9_000_000, False), (0, 10_000_000, True),
    ],
)  # fmt: skip
def test_a_loss_beyond_the_told_grade_may_be_an_omission(told: int | None, found: int, suspected: bool) -> None:
    first = by_unit(figures=Figures(loss=None if told is None else Decimal(told)))
    shown = misstatements(first, verified(figures=Figures(loss=Decimal(found))))
    assert shown == ([("omission", "unit", "loss_over", "loss")] if suspected else [])


def test_fewer_than_a_level_had_told_before_may_be_an_omission_once_that_is_verified() -> None:
    three, one = by_unit(figures=Figures(deaths=3)), report(90, "unit", "district", figures=Figures(deaths=1))
    assert misstatements(three, one) == [], "perhaps two live"
    assert misstatements(three, one, verified(figures=Figures(deaths=1))) == []
    assert misstatements(three, one, verified(figures=Figures(deaths=3))) == [
        ("omission", "unit", "told_less", "casualties")
    ]
    assert misstatements(one, verified(figures=Figures(deaths=3))) == [], "who died later was not left out"
    passed_on = report(100, "district", "city", figures=Figures(deaths=1))
    assert ("omission", "district", "told_less", "casualties") in misstatements(
        three, passed_on, verified("city", figures=Figures(deaths=3))
    )


def test_what_the_district_told_that_handed_it_over_is_not_held_against_the_receiver() -> None:
    told = report(40, "district", "city", own=True, occurred_at=T, district="500112")
    moved = verified("city", occurred_at=T - timedelta(hours=2))
    assert suspicions((), [told, moved], after(days=1), after(minutes=60)) == ()
