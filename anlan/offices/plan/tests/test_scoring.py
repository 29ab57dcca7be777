"""Points from figures: every kind of entry at its borders, and what a total is made of. No database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.engines.measures import Target, progress
from anlan.engines.measures.figures import Figure
from anlan.offices.plan.appraisal.scheme import Entry, Grade, Rules
from anlan.offices.plan.appraisal.scoring import Seen, ranks, score

GRADES = (
    Grade("优秀", "", Decimal(90), False), Grade("合格", "", Decimal(60), False),
    Grade("不合格", "", Decimal(0), True),
)  # fmt: skip
JULY_2 = date(2013, 7, 2)  # day 183 of 365


def entry(kind: str, code: str, most: int = 0, **more: Any) -> Entry:
    return Entry(
        kind, code, code, most=Decimal(most), **{k: Decimal(v) if isinstance(v, int) else v for k, v in more.items()}
    )  # type: ignore[arg-type]


def figure(value: str | int | None, absent: str = "") -> Seen:
    if value is None:
        return Seen(Figure(None, absent))  # type: ignore[arg-type]
    number = Decimal(value) if isinstance(value, str) else value
    return Seen(Figure(number, raw=(number, 1, 1)), measure="a.b", version=1)


def one(made: Entry, seen: Seen, *hands: int) -> Any:
    """The entry's line, beside an item that is full."""
    rules = Rules("districts", (entry("item", "A0", 100), made), GRADES)
    return score(rules, lambda _entry: seen, {made.id: [Decimal(h) for h in hands]}).lines[1]


@pytest.mark.parametrize(
    ("actual", "points"),
    [(700, "30.00"), (752, "30.00"), (753, "28.00"), (760, "14.00"), (800, "0.00"), (1501, "0.00")],
)
def test_a_limit_costs_points_for_each_beyond_the_line_of_the_day(actual: int, points: str) -> None:
    target = Target("down_by", Decimal("2.5"), 1539)
    seen = Seen(Figure(actual), progress(target, actual, JULY_2))
    line = one(entry("item", "A1", 30, target="T1", each=1, step=2), seen)
    assert (str(line.points), line.actual, line.against) == (points, str(actual), "752")


def test_what_is_owed_costs_points_for_each_behind_the_line() -> None:
    floor = Target("floor", 100)
    made = entry("item", "A1", 20, target="T2", each=10, step=5)
    for done, points in ((51, "20.00"), (42, "20.00"), (41, "15.00"), (11, "0.00"), (100, "20.00")):
        assert str(one(made, Seen(Figure(done), progress(floor, done, JULY_2))).points) == points


@pytest.mark.parametrize(
    ("value", "points"), [("40.0", "0.00"), ("50.0", "0.00"), ("72.5", "7.50"), ("95.0", "15.00"), ("100.0", "15.00")]
)
def test_a_rate_between_two_ends_is_scored_by_proportion(value: str, points: str) -> None:
    assert str(one(entry("item", "A1", 15, measure="a.b", from_=50, to=95), figure(value)).points) == points


def test_less_may_be_better() -> None:
    made = entry("item", "A1", 10, measure="a.b", from_=20, to=0)
    assert [str(one(made, figure(n)).points) for n in (0, 5, 20, 30)] == ["10.00", "7.50", "0.00", "0.00"]


def test_steps_above_a_limit_cost_or_give_and_end_at_the_most() -> None:
    item = entry("item", "A1", 10, measure="a.b", each=2, step=3, above=1)
    assert [str(one(item, figure(n)).points) for n in (0, 2, 3, 5, 9)] == ["10.00", "10.00", "7.00", "4.00", "0.00"]
    less = entry("deduction", "D1", 5, measure="a.b", each=1, step=2)
    assert [str(one(less, figure(n)).points) for n in (0, 1, 2, 3)] == ["0.00", "-2.00", "-4.00", "-5.00"]
    more = entry("bonus", "B1", 5, measure="a.b", each=1, step=2)
    assert [str(one(more, figure(n)).points) for n in (0, 1, 3)] == ["0.00", "2.00", "5.00"]


def test_what_is_given_by_hand_stays_within_the_entry() -> None:
    item = entry("item", "A1", 10)
    assert [str(one(item, Seen(), *hands).points) for hands in ((), (-3,), (-3, -20), (4,))] == [
        "10.00", "7.00", "0.00", "10.00",
    ]  # fmt: skip
    assert str(one(entry("bonus", "B1", 5), Seen(), 3, 4).points) == "5.00"
    assert str(one(entry("deduction", "D1", 5), Seen(), -3, -4).points) == "-5.00"
    assert one(item, Seen(), -3).by_hand == -3


def test_a_veto_strikes_above_its_limit__on_a_number_passed__or_by_hand() -> None:
    major = entry("veto", "V1", measure="a.b")
    assert [one(major, figure(n)).struck for n in (0, 1)] == [False, True]
    passed = entry("veto", "V2", target="T1")
    zero = Target("zero")
    assert [one(passed, Seen(Figure(n), progress(zero, n, JULY_2))).struck for n in (0, 1)] == [False, True]
    assert not one(passed, Seen(Figure(5), None)).struck
    by_hand = entry("veto", "V3")
    assert [one(by_hand, Seen()).struck, one(by_hand, Seen(), 0).struck] == [False, True]
    assert not one(major, figure(None, "not_begun")).struck


def test_what_cannot_be_scored_is_neither_lost_nor_given() -> None:
    rules = Rules(
        "districts",
        (entry("item", "A1", 30, target="T1"), entry("item", "A2", 50, measure="a.b", from_=0, to=100),
         entry("item", "A3", 20), entry("deduction", "D1", 10, measure="a.b", each=1, step=1)),
        GRADES,
    )  # fmt: skip
    made = score(
        rules, lambda e: Seen() if e.target else figure("80.0") if e.id == "A2" else figure(None, "denominator"), {}
    )
    assert [line.why for line in made.lines] == ["no_part", "", "", "denominator"]
    # 40 of 50 and 20 of 20 make 60 of 70, which is 85.71 of 100.
    assert (made.possible, made.total) == (Decimal("70.00"), Decimal("85.71"))
    nothing = score(Rules("districts", rules.entries[:1], GRADES), lambda _e: Seen(), {})
    assert (nothing.total, nothing.grade) == (None, None)


def test_a_veto_takes_the_grade_and_no_point() -> None:
    rules = Rules("districts", (entry("item", "A1", 100), entry("veto", "V1", measure="a.b")), GRADES)
    clean, struck = (score(rules, lambda _e, n=n: figure(n), {}) for n in (0, 1))
    assert (clean.total, struck.total) == (Decimal("100.00"), Decimal("100.00"))
    assert (GRADES[clean.grade or 0].zh, GRADES[struck.grade or 0].zh) == ("优秀", "不合格")
    assert struck.vetoed == ("V1",)
    places = ((70, False), (100, True), (90, False), (None, False), (70, False))
    assert ranks([(None if n is None else Decimal(n), v) for n, v in places]) == [2, 4, 1, None, 2]


def test_a_total_does_not_fall_below_nought() -> None:
    rules = Rules("districts", (entry("item", "A1", 10), entry("deduction", "D1", 50)), GRADES)
    assert score(rules, lambda _e: Seen(), {"A1": [Decimal(-8)], "D1": [Decimal(-30)]}).total == 0


numbers = st.decimals(-200, 200, places=2)


@given(
    st.lists(numbers, max_size=4), st.lists(numbers, max_size=4), st.one_of(st.none(), st.decimals(0, 200, places=1))
)
def test_points_stay_within_their_entries(item: list[Decimal], bonus: list[Decimal], value: Decimal | None) -> None:
    rules = Rules(
        "districts",
        (entry("item", "A1", 60, measure="a.b", from_=10, to=90), entry("item", "A2", 40), entry("bonus", "B1", 5)),
        GRADES,
    )
    made = score(
        rules, lambda _e: figure(None if value is None else str(value), "denominator"), {"A2": item, "B1": bonus}
    )
    assert made.total is not None
    assert 0 <= made.total <= 105
    for line, most in zip(made.lines, (60, 40, 5), strict=True):
        assert line.points is None or 0 <= line.points <= most
