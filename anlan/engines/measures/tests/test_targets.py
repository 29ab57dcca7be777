"""The notice's Part 1: deaths at least 2.5 % below 2012, at most 40 larger and 1 major accident, none worse."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.engines.measures import BadTarget, Line, Target, apportioned, progress
from anlan.engines.measures.targets import Number

DEATHS = Target("down_by", Decimal("2.5"), 1539)
LARGER = Target("ceiling", 40)
NONE = Target("zero")
JULY_2 = date(2013, 7, 2)  # day 183 of 365


def test_deaths_of_1539_less_two_and_a_half_per_cent_allow_1500__clause_G1_1() -> None:
    assert DEATHS.number() == 1500


@pytest.mark.parametrize(
    ("deaths", "standing"), [(751, "ahead"), (752, "on_line"), (753, "over"), (1500, "over"), (1501, "impossible")]
)
def test_a_limit_is_held_against_the_line_of_the_same_date(deaths: int, standing: str) -> None:
    state = progress(DEATHS, deaths, JULY_2)
    assert (state.line, state.standing) == (752, standing)
    assert state.remaining == 1500 - deaths


def test_zero_is_impossible_after_the_first() -> None:
    assert progress(NONE, 0, JULY_2).standing == "on_line"
    assert progress(NONE, 1, JULY_2).standing == "impossible"


@pytest.mark.parametrize(
    ("done", "standing"), [(50, "behind"), (51, "on_line"), (52, "ahead"), (100, "met"), (120, "met")]
)
def test_what_is_owed_is_held_against_the_line(done: int, standing: str) -> None:
    state = progress(Target("floor", 100), done, JULY_2)
    assert (state.line, state.standing, state.remaining) == (51, standing, max(100 - done, 0))


def test_a_share_is_of_its_whole_and_not_available_without_it() -> None:
    parks = Target("share", 30)
    assert parks.number(11) == 4  # 30 % of 11 parks is more than three
    assert progress(parks, 4, date(2013, 12, 31), whole=11).standing == "met"
    assert progress(parks, 3, date(2013, 12, 31), whole=11).standing == "behind"
    assert progress(parks, 4, JULY_2).standing == "unknown"
    assert progress(parks, 4, JULY_2, whole=0).standing == "unknown"
    assert progress(parks, None, JULY_2, whole=11).standing == "unknown"


def test_the_line_follows_last_years_season_where_there_is_one() -> None:
    season = Line([10, 10, 10, 10, 10, 50, 0, 0, 0, 0, 0, 0])
    assert season.shape == "season"
    assert season.share(date(2013, 5, 31)) == Fraction(1, 2)
    assert season.share(date(2013, 6, 15)) == Fraction(3, 4)
    assert season.share(date(2013, 7, 1)) == 1
    assert progress(LARGER, 31, date(2013, 6, 15), line=season).standing == "over"
    assert progress(LARGER, 31, date(2013, 6, 30), line=season).standing == "ahead"


def test_a_year_without_any_gives_no_season_and_the_line_says_so() -> None:
    assert progress(LARGER, 1, JULY_2, line=Line([0] * 12)).shape == "uniform"


def test_a_rise_on_a_base_is_owed() -> None:
    assert Target("up_by", 10, 105).number() == 116  # 115.5 investments are 116
    assert progress(Target("up_by", 10, 105), 116, JULY_2).standing == "met"
    assert progress(Target("up_by", 150, 2), 2, JULY_2).standing == "behind"


@pytest.mark.parametrize(
    ("day", "done", "standing", "line"),
    [(1, 0, "on_line", 0), (1, 3, "ahead", 0), (1, 8, "met", 0), (2, 7, "behind", 8), (2, 8, "met", 8)],
)
def test_a_milestone_is_owed_from_its_day_on(day: int, done: int, standing: str, line: int) -> None:
    state = progress(Target("milestone", 8, due=JULY_2), done, date(2013, 7, day))
    assert (state.standing, state.line, state.shape) == (standing, line, "milestone")


def test_a_rate_is_held_against_the_whole_number_on_every_day() -> None:
    """The rate of 2012 by the national notice: at most 0.142 deaths per 100 million yuan."""
    cap, level = Target("ceiling", Decimal("0.142"), places=3), Line(level=True)
    below, above = (progress(cap, Decimal(v), date(2013, 1, 2), line=level) for v in ("0.134", "0.143"))
    assert (below.standing, below.number, below.line, below.remaining) == (
        "ahead", Decimal("0.142"), Decimal("0.142"), Decimal("0.008"),
    )  # fmt: skip
    assert (above.standing, above.remaining, above.shape) == ("over", Decimal("-0.001"), "level")
    # What is reached today may be lost tomorrow: a level is never met before the year's end.
    assert progress(Target("floor", 95, places=1), Decimal("95.0"), JULY_2, line=level).standing == "on_line"


def test_what_is_apportioned_adds_up() -> None:
    assert apportioned(1500, [1, 1, 1]) == [500, 500, 500]
    assert apportioned(10, [1, 1, 1]) == [4, 3, 3]
    assert apportioned(40, [88, 0, 1, 11]) == [35, 0, 1, 4]
    assert apportioned(0, [3, 1]) == [0, 0]


@given(st.integers(0, 5000), st.lists(st.integers(0, 400), min_size=1, max_size=40).filter(any))
def test_no_part_is_further_than_one_from_its_share(total: int, weights: list[int]) -> None:
    parts = apportioned(total, weights)
    assert sum(parts) == total
    assert all(abs(part - Fraction(w * total, sum(weights))) < 1 for part, w in zip(parts, weights, strict=True))


months = st.none() | st.lists(st.integers(0, 300), min_size=12, max_size=12)


@given(months, st.dates(date(2000, 1, 1), date(2030, 12, 30)))
def test_a_line_never_falls_and_ends_with_the_whole(figures: list[Number] | None, day: date) -> None:
    line = Line(figures)
    after = day.replace(year=day.year, month=12, day=31)
    assert 0 <= line.share(day) <= line.share(after) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: Target("ceiling", -1),
        lambda: Target("zero", 1),
        lambda: Target("down_by", 2),
        lambda: Target("ceiling", 2, 3),
        lambda: Target("share", 101),
        lambda: Target("most", 1),
        lambda: Target("down_by", 2, -1),
        lambda: Target("up_by", 2),
        lambda: Target("milestone", 1),
        lambda: Target("floor", 1, due=JULY_2),
        lambda: apportioned(5, [0, 0]),
        lambda: apportioned(5, [1, -1]),
        lambda: apportioned(-1, [1]),
        lambda: Line([1] * 11),
        lambda: Line([1] * 11 + [-1]),
    ],
)
def test_a_target_that_cannot_be_is_refused(make: object) -> None:
    with pytest.raises(BadTarget):
        make()  # type: ignore[operator]
