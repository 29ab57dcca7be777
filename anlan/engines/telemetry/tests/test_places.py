"""What holds where is told with each report of a place, and 0 where nothing does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from anlan.engines.telemetry.compiled import compiled
from anlan.engines.telemetry.places import Held, Places
from anlan.engines.telemetry.rules import made
from anlan.engines.telemetry.stream import Stream

from .conftest import MINUTE, NOON

ROAD = [(106.50, 29.50), (106.60, 29.50), (106.60, 29.60)]
WATER = [(106.50, 29.50), (106.52, 29.50), (106.52, 29.52), (106.50, 29.52)]
ALWAYS = (0, 4_102_444_800_000)
COACHES = frozenset({"coaches"})


def said(places: Places, lon: float, lat: float, ts: int = NOON, programme: str = "coaches") -> dict[str, float]:
    """What is added to one report."""
    columns = places.told({"k1": programme}, ["k1"] * 3, ["lat", "lon", "speed"], [ts] * 3, [lat, lon, 50.0])
    device, metric, at, value = (np.asarray(column).tolist() for column in columns)
    assert (device[:3], metric[:3], value[:3]) == (["k1"] * 3, ["lat", "lon", "speed"], [lat, lon, 50.0])
    assert set(device) == {"k1"}
    assert set(at) == {ts}
    return dict(zip(metric[3:], value[3:], strict=True))


def road(value: float, metres: float = 30.0, points: Any = ROAD, programmes: Any = COACHES, when: Any = ALWAYS) -> Held:
    return Held("speed_limit", programmes, value, *when, points, metres)


@pytest.mark.parametrize(("lon", "lat", "limit"), [
    (106.55, 29.50, 80.0), (106.55, 29.50026, 80.0), (106.55, 29.50028, 0.0),  # 28.9 and 31.1 m off the line
    (106.60029, 29.55, 80.0), (106.60033, 29.55, 0.0),  # a degree of longitude is shorter: 28.1 and 31.9 m
    (106.49980, 29.50, 80.0), (106.49960, 29.50, 0.0), (107.0, 30.0, 0.0),
])  # fmt: skip
def test_a_road_reaches_so_many_metres_to_both_sides(lon: float, lat: float, limit: float) -> None:
    assert said(Places([road(80.0)], {"speed_limit": COACHES}), lon, lat) == {"speed_limit": limit}


def test_an_area_is_what_its_border_surrounds() -> None:
    water = Places([Held("fog", {"passenger-ships"}, 1.0, *ALWAYS, WATER, 0.0)], {"fog": {"passenger-ships"}})
    assert said(water, 106.51, 29.51, programme="passenger-ships") == {"fog": 1.0}
    assert said(water, 106.53, 29.51, programme="passenger-ships") == {"fog": 0.0}
    assert said(water, 106.51, 29.51, programme="coaches") == {}, "no vehicle is told of fog on a river"


def test_of_several_the_strictest_counts() -> None:
    flood = [Held("flood", COACHES, value, *ALWAYS, WATER, 0.0) for value in (1.0, 3.0, 2.0)]
    limits = [road(80.0), road(60.0), road(100.0)]
    places = Places([*limits, *flood], {"speed_limit": COACHES, "flood": COACHES})
    assert said(places, 106.51, 29.5001) == {"flood": 3.0, "speed_limit": 60.0}


def test_it_holds_from_a_moment_until_another_by_the_moment_of_the_report() -> None:
    places = Places([road(80.0, when=(NOON, NOON + MINUTE))], {"speed_limit": COACHES})
    found = [said(places, 106.55, 29.5, NOON + n) for n in (-1, 0, MINUTE - 1, MINUTE)]
    assert [one["speed_limit"] for one in found] == [0.0, 80.0, 80.0, 0.0]


def test_of_whom_nothing_is_known_and_of_what_says_no_place_nothing_is_told() -> None:
    places = Places([road(80.0)], {"speed_limit": COACHES})
    for columns in (
        (["k9", "k9"], ["lat", "lon"], [NOON] * 2, [29.5, 106.55]),
        (["k1", "k1"], ["lat", "ch4"], [NOON] * 2, [29.5, 0.4]),
        (["k1", "k1"], ["lat", "lon"], [NOON, NOON + 1], [29.5, 106.55]),
        ([], [], [], []),
    ):
        assert len(places.told({"k1": "coaches"}, *columns)[0]) == len(columns[0])
    nothing = Places([], {})
    columns = (["k1", "k1"], ["lat", "lon"], [NOON] * 2, [29.5, 106.55])
    assert all(one is other for one, other in zip(nothing.told({"k1": "coaches"}, *columns), columns, strict=True))


def test_arrow_and_lists_say_the_same_whatever_their_order() -> None:
    places = Places([road(80.0)], {"speed_limit": COACHES})
    device, metric = ["k2", "k1", "k1", "k2"], ["lon", "lat", "lon", "lat"]
    ts, value = np.array([NOON] * 4), np.array([106.0, 29.5, 106.55, 29.5])
    programmes = {"k1": "coaches", "k2": "coaches"}
    plain = places.told(programmes, device, metric, ts, value)
    arrow = places.told(programmes, pa.array(device), pa.array(metric), ts, value)
    assert [np.asarray(one).tolist() for one in plain] == [np.asarray(one).tolist() for one in arrow]
    assert dict(zip(plain[0].to_pylist()[4:], plain[3][4:].tolist(), strict=True)) == {"k1": 80.0, "k2": 0.0}


def test_who_leaves_the_road_is_not_judged_by_its_limit_any_more() -> None:
    rule = {
        "name": "overspeed", "kind": "level", "metric": "speed", "source": "-",
        "while": [{"metric": "speed_limit", "more_than": 0, "not_older_than": "10min"}],
        "levels": [{"level": "yellow", "more_than": {"of": "speed_limit"}}],
    }  # fmt: skip
    places, stream = Places([road(80.0)], {"speed_limit": COACHES}), Stream(compiled(made([rule])))
    for n, lon in enumerate((106.52, 106.54, 106.40, 106.38)):
        report = (["k1"] * 3, ["lat", "lon", "speed"], [NOON + n * MINUTE] * 3, [29.5, lon, 95.0])
        stream.feed(*(np.asarray(one).tolist() for one in places.told({"k1": "coaches"}, *report)))
    assert [(e.state, (e.ts - NOON) // MINUTE) for e in stream.finish()] == [("open", 0), ("clear", 2)]
