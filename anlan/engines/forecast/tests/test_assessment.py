"""Four colours by a printed method: what more of something costs, what small cells are spared, what holds a colour."""

from __future__ import annotations

from typing import Any

import pytest

from anlan.engines.forecast.assessment import COLOURS, BadScheme, Scheme, assess

DATA: dict[str, Any] = {
    "factors": [
        {"measure": "deaths", "per": "enterprises", "weight": 60, "low": 1, "high": 4},
        {"measure": "open", "per": "enterprises", "weight": 40, "low": 1, "high": 4},
    ],
    "steadied": 2, "levels": {"red": 60, "orange": 40, "yellow": 20, "blue": 0}, "at_least": {"major": "orange"},
}  # fmt: skip


def of(**more: Any) -> Scheme:
    return Scheme.of(DATA | more)


def test_points_are_those_that_a_hand_reckons() -> None:
    counts = {"a": {"deaths": 30, "enterprises": 100}, "b": {"deaths": 10, "enterprises": 300, "open": 8}}
    a, b = assess(counts, of()).values()
    # 40 deaths on 400 enterprises: 10 are usual for a, 30 for b; 32 / 12 is 2.667 times, log 4 of it 0.7075.
    assert a.parts[0].expected == 10
    assert a.points == pytest.approx(60 * 0.70752, abs=0.01)
    assert a.colour == "orange"
    # 8 open, 6 usual: 10 / 8 = 1.25 times.
    assert b.parts[0].points == 0
    assert b.points == pytest.approx(40 * 0.16096, abs=0.01)
    assert b.colour == "blue"


def test_more_never_lowers_and_small_cells_are_steadied() -> None:
    def points(deaths: int) -> float:
        counts = {"a": {"deaths": deaths, "enterprises": 3}, "rest": {"deaths": 300, "enterprises": 3000}}
        return assess(counts, of())["a"].points

    steps = [points(n) for n in range(12)]
    assert steps == sorted(steps)
    # One death among three workshops is thrice what is usual for them and two steadying events, and far from red.
    assert points(1) < 20 < 60 <= points(11)


def test_one_grave_accident_holds_a_colour() -> None:
    counts = {"a": {"major": 1, "enterprises": 100}, "b": {"enterprises": 100}}
    a, b = assess(counts, of()).values()
    assert (a.colour, a.held_by) == ("orange", "major")
    assert (b.colour, b.held_by) == ("blue", "")
    worse = counts["a"] | {"deaths": 500, "open": 500}
    a = assess({"a": worse, "b": {"enterprises": 900}}, of())["a"]
    assert (a.colour, a.held_by) == ("red", "")


def test_of_what_nothing_is_recorded_nothing_is_said() -> None:
    assert assess({"a": {"deaths": 0, "enterprises": 0}}, of()) == {}
    assert assess({}, of()) == {}
    (alone,) = assess({"a": {"deaths": 1}}, of()).values()
    assert alone.colour in COLOURS


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"factors": DATA["factors"][:1]}, "sum to 60, not to 100"),
        ({"factors": [DATA["factors"][0] | {"weight": 100, "low": 5}]}, "deaths: low is above 0 and below high"),
        ({"factors": [{"measure": "deaths"}]}, "missing"),
        ({"steadied": 0}, "above 0"),
        ({"levels": {"red": 60, "blue": 0}}, "red, orange, yellow and blue"),
        ({"levels": {"red": 60, "orange": 70, "yellow": 20, "blue": 0}}, "red begins above orange"),
        ({"at_least": {"major": "purple"}}, "purple is no colour"),
    ],
)
def test_a_scheme_that_cannot_be_is_refused(more: dict[str, Any], why: str) -> None:
    with pytest.raises(BadScheme, match=why):
        of(**more)
