"""What each kind of rule says, and that the order in which readings arrive does not matter."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.engines.telemetry import rules
from anlan.engines.telemetry.compiled import KINDS, compiled
from anlan.engines.telemetry.snapshot import BadSnapshot
from anlan.engines.telemetry.stream import Event, Stream

from .conftest import HOUR, MINUTE, NOON, SECOND, stream, told


def run(text: str, values: dict[str, list[tuple[float, float]]], **more: Any) -> list[tuple[str, str, float]]:
    """Events of one device of which for each metric (minutes after noon, value) are given."""
    one = stream(text, **more)
    rows = sorted((minutes, metric, value) for metric, pairs in values.items() for minutes, value in pairs)
    for minutes, metric, value in rows:
        one.feed(["d"], [metric], [NOON + round(minutes * MINUTE)], [value])
    return told(one.finish())


def ramp(*values: float, step: float = 1, begin: float = 0) -> list[tuple[float, float]]:
    return [(begin + n * step, value) for n, value in enumerate(values)]


# --- Level -----------------------------------------------------------------------------------------------

METHANE = (
    "name: ch4, kind: level, metric: ch4, "
    "levels: [{level: orange, at_least: 1.0}, {level: red, at_least: 1.5, until: {less_than: 1.0}}]"
)


def test_methane_alarms_at_one_cuts_at_one_and_a_half_and_gives_power_back_below_one() -> None:
    found = run(METHANE, {"ch4": ramp(0.9, 1.0, 1.49, 1.5, 1.2, 1.0, 0.99)})
    assert found == [("orange", "open", 1), ("red", "open", 3), ("orange", "clear", 6), ("red", "clear", 6)]


@pytest.mark.parametrize(
    ("comparison", "opens"),
    [("at_least", [2, 3]), ("more_than", [3]), ("at_most", [1, 2]), ("less_than", [1]), ("equals", [2])],
)
def test_at_least_includes_the_number_and_more_than_does_not(comparison: str, opens: list[int]) -> None:
    for value in (1, 2, 3):
        found = run(f"name: a, kind: level, metric: m, levels: [{{level: red, {comparison}: 2}}]", {"m": [(0, value)]})
        assert bool(found) == (value in opens)


def test_it_must_hold_and_time_is_that_of_the_readings() -> None:
    rule = "name: a, kind: level, metric: m, hold: 2min, clear_hold: 1min, levels: [{level: red, at_least: 5}]"
    assert run(rule, {"m": ramp(5, 5, 4, 5, 5, 5, 4, 5, 4, 4)}) == [("red", "open", 5), ("red", "clear", 9)]


def test_a_limit_that_the_device_tells() -> None:
    rule = (
        "name: a, kind: level, metric: speed, between: ['22:00', '06:00'], "
        "levels: [{level: red, more_than: {of: limit, times: 0.8}}]"
    )
    night = 10.5 * 60
    assert run(rule, {"speed": [(0, 90), (night, 90), (night + 1, 80)], "limit": [(-1, 100)]}) == [
        ("red", "open", night), ("red", "clear", night + 1),
    ]  # fmt: skip
    assert run(rule, {"speed": [(night, 90)]}) == []  # no limit told yet


def test_over_midnight_the_end_is_not_included() -> None:
    rule = "name: a, kind: level, metric: speed, between: ['02:00', '05:00'], levels: [{level: red, more_than: 0}]"
    two = 14 * 60  # from noon
    assert run(rule, {"speed": [(two - 1, 50), (two, 50), (two + 179, 50), (two + 180, 50)]}) == [
        ("red", "open", two), ("red", "clear", two + 180),
    ]  # fmt: skip


def test_two_sensors_of_a_device() -> None:
    rule = (
        "name: a, kind: level, metric: ch4, while: [{metric: fan, at_most: 0, not_older_than: 5min}], "
        "levels: [{level: red, at_least: 0.8}]"
    )
    found = run(rule, {"ch4": ramp(0.9, 0.9, 0.9, 0.9), "fan": [(0, 1), (1.5, 0), (2.5, 1)]})
    assert found == [("red", "open", 1.5), ("red", "clear", 2.5)]
    assert run(rule, {"ch4": [(0, 0.5), (9, 0.9)], "fan": [(0, 0)]}) == []  # nobody knows whether it still stands


def test_what_is_measured_at_one_moment_is_seen_at_once() -> None:
    rule = "name: a, kind: level, metric: z, while: [{metric: a, at_most: 0}], levels: [{level: red, at_least: 1}]"
    one = stream(rule)
    one.feed(["d"] * 2, ["z", "a"], [NOON, NOON], [0, 0])
    # In this order z would be high while a is still low.
    changes = one.feed(["d"] * 2, ["z", "a"], [NOON + 1, NOON + 1], [1, 1])
    assert (changes, one.finish()) == ([], [])


# --- Other kinds -----------------------------------------------------------------------------------------


def test_a_slope_that_moves_more_than_five_millimetres_an_hour() -> None:
    rule = (
        "name: a, kind: rate, metric: mm, per: 1h, over: 2h, either_way: true, levels: [{level: orange, more_than: 5}]"
    )
    still = [(n * 30, 100 + n * 1.0) for n in range(10)]
    assert run(rule, {"mm": still}) == []
    moved = [(270 + n * 30, 109 - n * 5.0) for n in range(1, 6)]
    assert run(rule, {"mm": still + moved})[0][:2] == ("orange", "open")


def test_a_sensor_that_always_says_the_same() -> None:
    rule = "name: a, kind: stuck, metric: m, level: blue, for: 10min, tolerance: 0.01"
    assert run(rule, {"m": ramp(*[1.0, 1.005] * 6, 2.0)}) == [("blue", "open", 10), ("blue", "clear", 12)]


def test_a_sensor_that_jumps() -> None:
    rule = "name: a, kind: noisy, metric: m, level: yellow, jump: 5, times: 3, in: 10min"
    found = run(rule, {"m": ramp(0, 9, 0, 9, *[9] * 12)})
    assert found == [("yellow", "open", 3), ("yellow", "clear", 12)]


def test_silence_is_told_by_the_clock_or_by_the_next_reading() -> None:
    rule = "name: a, kind: silent, level: blue, for: 10min"
    assert run(rule, {"m": [(0, 1), (10, 1), (20.5, 1)]}) == [("blue", "open", 20), ("blue", "clear", 20.5)]
    one = stream(rule)
    one.feed(["d"], ["m"], [NOON], [1])
    assert one.advance(NOON + 10 * MINUTE) == []
    assert [(c.what, c.event.ts) for c in one.advance(NOON + 11 * MINUTE)] == [("open", NOON + 10 * MINUTE)]
    assert one.advance(NOON + 12 * MINUTE) == []
    assert [c.what for c in one.feed(["d"], ["m"], [NOON + 13 * MINUTE], [1])] == ["clear"]


def test_a_late_reading_shows_that_there_was_no_silence() -> None:
    one = stream("name: a, kind: silent, level: blue, for: 1min", late="10min")
    one.feed(["d"], ["m"], [NOON], [1])
    assert [c.what for c in one.advance(NOON + 2 * MINUTE)] == ["open"]
    assert [c.what for c in one.feed(["d"], ["m"], [NOON + 90 * SECOND], [1])] == ["clear"]
    assert [c.what for c in one.feed(["d"], ["m"], [NOON + 45 * SECOND], [1])] == ["withdrawn", "withdrawn"]
    assert one.finish() == []


def test_what_comes_late_in_order_shows_too_that_there_was_no_silence() -> None:
    one = stream("name: a, kind: silent, level: blue, for: 30min")
    one.feed(["d"], ["m"], [NOON], [1])
    assert [c.what for c in one.advance(NOON + 33 * MINUTE)] == ["open"]
    count = 33
    changes = one.feed(["d"] * count, ["m"] * count, [NOON + n * MINUTE for n in range(1, count + 1)], [1] * count)
    assert [c.what for c in changes] == ["withdrawn"]
    assert one.finish() == []


FATIGUE = "name: a, kind: driving, metric: speed, level: orange, longer_than: 4h, rest: 20min"


def test_four_hours_without_twenty_minutes_of_rest__road_traffic_regulation_art_62() -> None:
    four = [(m, 60) for m in range(0, 241)]
    assert run(FATIGUE, {"speed": four}) == []  # four hours are allowed, more are not
    assert run(FATIGUE, {"speed": [*four, (241, 60)]}) == [("orange", "open", 241)]
    short = [(m, 0 if 120 <= m < 139 else 60) for m in range(0, 300)]
    assert run(FATIGUE, {"speed": short})[0] == ("orange", "open", 260)
    rested = [(m, 0 if 120 <= m <= 141 else 60) for m in range(0, 300)]
    assert run(FATIGUE, {"speed": rested}) == []


def test_of_a_silence_while_driving_nobody_knows() -> None:
    quiet = [(m, 60) for m in range(0, 200)] + [(m, 60) for m in range(300, 343)]
    assert run(FATIGUE, {"speed": quiet}) == [("orange", "open", 342)]


SQUARE = "area: [[106.5, 29.5], [106.6, 29.5], [106.6, 29.6], [106.5, 29.6]]"


def path(*points: tuple[float, float]) -> dict[str, list[tuple[float, float]]]:
    return {"lon": [(n, x) for n, (x, _y) in enumerate(points)], "lat": [(n, y) for n, (_x, y) in enumerate(points)]}


def test_a_ferry_leaves_its_water_and_one_that_dwells_in_it() -> None:
    points = path((106.55, 29.55), (106.55, 29.61), (106.55, 29.59), (106.55, 29.58), (106.55, 29.57))
    assert run(f"name: a, kind: outside, level: red, {SQUARE}", points) == [("red", "open", 1), ("red", "clear", 2)]
    assert run(f"name: a, kind: inside, level: red, hold: 2min, {SQUARE}", points) == [("red", "open", 4)]


def test_one_of_several_areas_is_enough() -> None:
    """Also where they overlap, touch, and one lies behind the other on the same latitude."""
    square, triangle = (
        "[[106.58, 29.55], [106.7, 29.55], [106.7, 29.65], [106.58, 29.65]]",
        "[[107, 29], [108, 29], [107.5, 30]]",
    )
    more = f"more_areas: [{square}, {triangle}]"
    points = path((106.55, 29.55), (106.59, 29.57), (106.65, 29.6), (106.75, 29.6), (107.5, 29.55), (107.5, 30.1))
    found = run(f"name: a, kind: outside, level: red, {SQUARE}, {more}", points)
    assert found == [("red", "open", 3), ("red", "clear", 4), ("red", "open", 5)]
    found = run(f"name: a, kind: inside, level: red, {SQUARE}, {more}", points)
    assert found == [("red", "open", 0), ("red", "clear", 3), ("red", "open", 4), ("red", "clear", 5)]


def test_off_its_route_by_more_than_a_hundred_metres() -> None:
    rule = "name: a, kind: off-route, level: yellow, metres: 100, route: [[106.5, 29.5], [106.6, 29.5]]"
    # A hundredth of a degree of latitude is 1,112 m.
    found = run(rule, path((106.55, 29.5008), (106.55, 29.5010), (106.55, 29.5)))
    assert found == [("yellow", "open", 1), ("yellow", "clear", 2)]


@pytest.mark.parametrize("step", [0.0005, 0.02, 0.5])
def test_a_fence_is_looked_at_wherever_a_device_may_have_come_to_it(step: float) -> None:
    """Held against a look at every place: of a device that wanders about, by short ways and long ones."""
    rng = np.random.default_rng(1)
    corners = np.array([(0, 0), (4, 1), (5, 5), (2, 2), (0, 5), (0, 0)], float) / 5 + (106, 29)
    places = np.cumsum(rng.normal(0, step, (20_000, 2)), 0)
    places = corners.mean(0) + np.abs((places + 1) % 4 - 2) - 1  # back where it would leave
    (ax, ay), (bx, by) = corners[:-1].T, corners[1:].T
    x, y = places[:, :1], places[:, 1:]
    inside = (((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)).sum(1) % 2 == 1
    turns = np.flatnonzero(np.diff(inside, prepend=False))
    area = str(corners[:-1].tolist())
    one = stream(
        f"name: in, kind: inside, level: red, area: {area}\nname: out, kind: outside, level: red, area: {area}"
    )
    ts = np.repeat(NOON + np.arange(len(places)) * SECOND, 2)
    one.feed(["d"] * len(ts), ["lon", "lat"] * len(places), ts, places.ravel())
    found = [(e.rule, e.ts, e.state) for e in one.finish()]
    assert len(turns) > 10
    for rule, wrong in (("in", inside), ("out", ~inside)):
        expected = np.flatnonzero(np.diff(wrong, prepend=False))
        assert [row[1:] for row in found if row[0] == rule] == [
            (NOON + n * SECOND, "open" if wrong[n] else "clear") for n in expected
        ]


SOON = "name: a, kind: soon, metric: level, within: 10min, trend: 10min, levels: [{level: orange, at_least: 90}]"


def test_a_tank_that_will_be_full_in_ten_minutes_is_told_before() -> None:
    found = run(SOON, {"level": [(m, 50 + m * 1.0) for m in range(0, 39)]})
    assert found == [("orange", "open", 30)]  # 80 + 10 minutes at one a minute


def test_single_wild_readings_move_the_trend_little() -> None:
    values = [(m, 88.0 if m % 5 == 4 else 60.0) for m in range(0, 60)]
    assert run(SOON, {"level": values}) == []


def test_what_is_there_already_is_not_foreseen() -> None:
    assert run(SOON, {"level": [(m, 95 + m) for m in range(0, 30)]}) == []


# --- Devices ---------------------------------------------------------------------------------------------


def test_rules_of_a_programme_ask_only_its_devices() -> None:
    one = stream(
        "name: a, kind: level, metric: m, programmes: [mine-gas], levels: [{level: red, at_least: 1}]",
        programmes={"a": "mine-gas", "b": "tank"},
    )
    one.feed(["a", "b", "c"], ["m"] * 3, [NOON] * 3, [2] * 3)
    assert [e.device for e in one.finish()] == ["a"]


def test_under_calibration_it_is_recorded_as_suppressed() -> None:
    one = stream(
        "name: a, kind: level, metric: m, levels: [{level: red, at_least: 1}]",
        calibrations={"d": [(NOON, NOON + MINUTE)]},
    )
    one.feed(["d"] * 4, ["m"] * 4, [NOON, NOON + 30_000, NOON + MINUTE, NOON + 2 * MINUTE], [2, 0, 2, 0])
    assert [(e.state, e.suppressed) for e in one.finish()] == [
        ("open", True),
        ("clear", True),
        ("open", False),
        ("clear", False),
    ]


def test_what_is_no_reading_is_counted_and_changes_nothing() -> None:
    one = stream("name: a, kind: level, metric: m, levels: [{level: red, at_least: 1}]")
    nan, inf = float("nan"), float("inf")
    one.feed(
        ["d"] * 6, ["m", "m", "m", "m", "other", "m"], [NOON, NOON, -5, 1 << 60, NOON, NOON + 1], [nan, inf, 2, 2, 2, 0]
    )
    assert one.counts | {} == dict(one.counts, no_number=2, no_moment=2, no_rule=1, taken=1)
    assert one.finish() == []


# --- Order -----------------------------------------------------------------------------------------------

ALL = """
name: high, kind: level, metric: m, hold: 20s, levels: [HIGH]
name: both, kind: level, metric: m, while: [LOW], levels: [{level: red, at_least: 6}]
name: rate, kind: rate, metric: m, per: 1min, over: 1min, levels: [{level: yellow, at_least: 6}]
name: soon, kind: soon, metric: n, within: 1min, trend: 2min, levels: [{level: yellow, at_least: 9}]
name: stuck, kind: stuck, metric: n, level: blue, for: 1min
name: noisy, kind: noisy, metric: m, level: blue, jump: 4, times: 3, in: 2min
name: silent, kind: silent, level: blue, for: 40s
name: drive, kind: driving, metric: m, level: red, longer_than: 2min, rest: 30s, gap: 1min
"""
ALL = ALL.replace("HIGH", "{level: orange, at_least: 5}, {level: red, at_least: 8, until: {less_than: 4}}")
ALL = ALL.replace("LOW", "{metric: n, less_than: 3, not_older_than: 1min}")
ALL += """name: in, kind: inside, level: blue, hold: 10s, area: [[2, 2], [8, 2], [8, 8], [2, 8]]
name: out, kind: outside, level: blue, clear_hold: 10s, area: [[1, 1], [9, 1], [5, 9]]
name: away, kind: off-route, level: blue, metres: 90000, route: [[0, 0], [10, 10]]
"""
Rows = list[tuple[str, str, int, float]]


@st.composite
def _rows(draw: Any) -> Rows:
    rows = {}
    for device in "ab":
        at = NOON
        for step, m, n in draw(
            st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10), st.integers(0, 10)), max_size=40)
        ):
            at += step * SECOND
            rows[device, "m", at] = float(m)
            rows[device, "n", at + draw(st.sampled_from([0, 3 * SECOND]))] = float(n)
            rows[device, "lon", at], rows[device, "lat", at] = float(m), float(n)
    return [(*key, value) for key, value in rows.items()]


def test_what_is_held_below_is_held_for_every_kind_of_rule() -> None:
    assert {f"kind: {kind}" for kind in KINDS} <= set(ALL.replace("\n", ", ").split(", "))


def fed(one: Stream, rows: Rows, size: int) -> list[Any]:
    changes = []
    for at in range(0, len(rows), size):
        changes += one.feed(*(list(column) for column in zip(*rows[at : at + size], strict=True)))
    return changes


def late_by(rows: Rows, window: int, rng: random.Random) -> Rows:
    """In another order, in which none comes when a later one of its device is a window ahead; some twice."""
    moved = [(row[2] + rng.randrange(window), row) for row in rows + rng.sample(rows, len(rows) // 3)]
    return [row for _at, row in sorted(moved, key=lambda pair: pair[0])]


@given(_rows(), st.integers(1, 30), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_shuffled_and_doubled_within_the_window_it_ends_with_the_same_events(
    rows: Rows, size: int, rng: random.Random
) -> None:
    plain = stream(ALL, at_once=False)
    fed(plain, sorted(rows, key=lambda row: row[2]), 1000)
    wanted = plain.finish()
    other = stream(ALL)
    changes = fed(other, late_by(rows, 2 * MINUTE, rng), size)
    changes += other.advance(max((row[2] for row in rows), default=NOON))
    assert other.finish() == wanted
    # What was told at once, less what was withdrawn, is what there is in the end.
    standing: list[Event] = []
    for change in changes:
        if change.what == "withdrawn":
            standing.remove(change.event)
        else:
            standing.append(change.event)
    assert sorted(standing) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("parts", [2, 4])
def test_by_several_processors_it_is_the_same_as_by_one(tmp_path: Path, parts: int) -> None:
    rng = np.random.default_rng(parts)
    names, count = [f"d{n}" for n in range(500)], 60_000
    device, metric = rng.integers(500, size=count), rng.integers(2, size=count)
    ts = NOON + np.arange(count) * 200 - rng.integers(MINUTE, size=count)
    value = rng.integers(11, size=count).astype(np.float64)

    def through(many: int) -> tuple[list[Any], dict[str, int], list[Event]]:
        one, changes = stream(ALL, parts=many), []
        codes, metrics = one.code(names), one.metric(["m", "n"])
        for at in range(0, count, 20_000):
            rows = slice(at, at + 20_000)
            changes.append(one.feed_coded(codes[device[rows]], metrics[metric[rows]], ts[rows], value[rows]))
            one.save(tmp_path / "stream")
            one = Stream.restored(one.rules, tmp_path / "stream", parts=many)
        return changes, one.counts, one.finish()

    assert through(parts) == (one := through(1))
    assert len(one[2]) > 1000


@given(_rows(), st.integers(1, 30), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_stopped_and_taken_up_again_anywhere_it_ends_with_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: Rows, size: int, rng: random.Random
) -> None:
    path, lines = tmp_path_factory.mktemp("snapshot") / "stream", late_by(rows, 2 * MINUTE, rng)
    whole = stream(ALL)
    wanted_changes = fed(whole, lines, size)
    one, changes = stream(ALL), []
    for at in range(0, len(lines), size):
        changes += fed(one, lines[at : at + size], size)
        if rng.random() < 0.3:
            one.save(path)
            one = Stream.restored(one.rules, path)
    assert changes == wanted_changes
    assert one.counts == whole.counts
    assert one.finish() == whole.finish()


def test_later_than_the_window_it_is_counted_and_changes_nothing() -> None:
    one = stream("name: a, kind: level, metric: m, levels: [{level: red, at_least: 1}]")
    one.feed(["d"] * 2, ["m"] * 2, [NOON, NOON + 10 * MINUTE], [0, 0])
    assert one.feed(["d"], ["m"], [NOON - MINUTE], [5]) == []
    assert (one.finish(), one.counts["late"]) == ([], 1)


def test_of_two_values_for_one_moment_the_larger_stands_whichever_came_first() -> None:
    for values in ([2.0, 0.5], [0.5, 2.0]):
        one = stream("name: a, kind: level, metric: m, levels: [{level: red, at_least: 1}]")
        for value in values:
            one.feed(["d"], ["m"], [NOON], [value])
        assert [(e.state, e.value) for e in one.finish()] == [("open", 2.0)]
        assert (one.counts["twice"], one.counts["taken"]) == (1, 1)


def test_who_waits_for_most_of_its_room_gets_more_so_that_it_is_settled_seldom() -> None:
    one, count = stream(ALL, at_once=False), 2_000
    device = np.repeat(one.code([f"d{n}" for n in range(count)]), 4)
    metric = np.tile(one.metric(["m", "n", "lat", "lon"]), count)
    for tick in range(60):
        one.feed_coded(device, metric, np.full(4 * count, NOON + tick * 10 * SECOND), np.zeros(4 * count))
    assert one.waiting == 4 * 13 * count
    assert (one._devices.one["room"][:count] >= 2 * 4 * 13).all()


def test_a_device_that_floods_is_bounded() -> None:
    one = stream("name: a, kind: level, metric: m, levels: [{level: red, at_least: 1}]", late="366d")
    count = 30_000
    one.feed(["d"] * count, ["m"] * count, [NOON + n for n in range(count)], [0.0] * count)
    assert one.counts["too_many"] == 10_000


@pytest.mark.parametrize("at_once", [True, False])
def test_a_backlog_is_no_flood_however_much_of_it_comes_at_once(at_once: bool) -> None:
    one = stream("name: a, kind: level, metric: m, levels: [{level: red, at_least: 1}]", at_once=at_once)
    count = 50_000
    moments = NOON + np.arange(count) * SECOND
    one.feed(["d"] * count, ["m"] * count, moments, (np.arange(count) // 20_000 % 2).astype(float))
    assert told(one.finish()) == [("red", "open", 20_000 / 60), ("red", "clear", 40_000 / 60)]
    assert (one.counts["taken"], one.counts["too_many"]) == (count, 0)


def test_a_device_that_flooded_is_heard_again_when_time_has_passed() -> None:
    one = stream("name: a, kind: level, metric: m, levels: [{level: red, at_least: 1}]")
    count = 25_000
    one.feed(["d"] * count, ["m"] * count, NOON + np.arange(count), np.zeros(count))
    one.feed(["d"], ["m"], [NOON + HOUR], [1.0])
    assert (told(one.finish()), one.counts["too_many"]) == ([("red", "open", 60)], 5_000)


def test_what_is_late_rests_on_the_order_in_which_it_came_not_on_how_much_came_at_once() -> None:
    rng = np.random.default_rng(5)
    count = 2_000
    moments = NOON + np.arange(count) * SECOND - rng.integers(0, 4, count) * MINUTE
    values = rng.random(count)
    found = []
    for size in (1, 7, 300, count):
        one = stream("name: a, kind: level, metric: m, levels: [{level: red, at_least: 0.9}]")
        for at in range(0, count, size):
            part = slice(at, at + size)
            one.feed(["d"] * len(values[part]), ["m"] * len(values[part]), moments[part], values[part])
        found.append((one.finish(), one.counts))
    assert found[0][1]["late"] > 100
    assert all(other == found[0] for other in found)


def test_more_events_than_fit_at_once_are_all_told() -> None:
    one = stream(
        "name: a, kind: level, metric: m, late: 0s, levels: [{level: red, at_least: 1}]".replace(" late: 0s,", ""),
        late="0s",
    )
    count = 50_000
    changes = one.feed(
        ["d"] * count, ["m"] * count, [NOON + n for n in range(count)], [float(n % 2) for n in range(count)]
    )
    assert len(changes) >= 10_000
    events = one.finish()
    assert [e.state for e in events[:2]] == ["open", "clear"]
    assert len(events) == len(changes)


def test_changed_rules_begin_anew_and_the_others_go_on(tmp_path: Path) -> None:
    text = (
        "late: 2min\nrules:\n  - {name: kept, kind: level, metric: m, source: x, levels: [{level: red, at_least: 1}]}\n"
    )
    old = "  - {name: old, kind: level, metric: n, source: x, levels: [{level: red, at_least: 1}]}\n"
    new = "  - {name: old, kind: level, metric: n, source: x, levels: [{level: red, at_least: 3}]}\n"
    one = Stream(compiled(rules.parse((text + old).encode())))
    one.feed(["d"] * 2, ["m", "n"], [NOON, NOON], [2, 2])
    one.save(tmp_path / "s")
    two = Stream.restored(compiled(rules.parse((text + new).encode())), tmp_path / "s")
    changes = two.feed(["d"] * 2, ["m", "n"], [NOON + MINUTE] * 2, [2, 4])
    assert [(c.what, c.event.rule) for c in changes] == [("open", "old")]  # `kept` was open before, and still is


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_kept_while_the_stream_goes_on_is_what_was_known_then(tmp_path: Path, at_once: bool) -> None:
    one = stream(METHANE, at_once=at_once)
    for minute in range(40):  # some of it final, some still inside the window
        one.feed(["d"], ["ch4"], [NOON + minute * MINUTE], [minute % 7 / 4])
    one.save(tmp_path / "then")
    saving = one.saving(tmp_path / "aside")
    one.feed(["d"] * 30, ["ch4"] * 30, [NOON + minute * MINUTE for minute in range(40, 70)], [9.0] * 30)
    one.taken()
    saving.result()
    then, aside = (Stream.restored(one.rules, tmp_path / name, at_once=at_once) for name in ("then", "aside"))
    assert len(events := then.finish()) > 10
    assert aside.finish() == events


def test_a_snapshot_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    for content in (b"", b"PK\x03\x04 broken", b"x" * 1000):
        path.write_bytes(content)
        with pytest.raises(BadSnapshot, match="no snapshot"):
            Stream.restored(stream(METHANE).rules, path)
    with pytest.raises(BadSnapshot):
        Stream.restored(stream(METHANE).rules, tmp_path / "missing")


def test_a_snapshot_that_the_disk_has_changed_is_refused() -> None:
    one = stream(METHANE)
    one.feed(["d"], ["ch4"], [NOON], [1.2])
    content = one.to_bytes()
    Stream.from_bytes(one.rules, content)
    for place in (content.index(np.float64(1.2).tobytes()), len(content) - 1):
        changed = bytearray(content)
        changed[place] ^= 1
        with pytest.raises(BadSnapshot, match="damaged"):
            Stream.from_bytes(one.rules, bytes(changed))


def test_hours_are_those_of_beijing() -> None:
    assert NOON % (24 * HOUR) == 4 * HOUR


# --- What is set for a device, and calibrations that are told later -----------------------------------------------

LIMIT = "name: ch4, kind: level, metric: ch4, levels: [{level: orange, at_least: {of: ch4_alarm}}]"


def test_a_limit_that_is_set_holds_until_the_device_tells_its_own() -> None:
    one = stream(LIMIT)
    one.configure(["d"], [("d", "ch4_alarm", NOON - HOUR, 1.0), ("d", "nothing", NOON, 3.0)])
    assert [c.what for c in one.feed(["d"], ["ch4"], [NOON], [1.2])] == ["open"]
    one.feed(["d", "d"], ["ch4_alarm", "ch4"], [NOON + MINUTE, NOON + MINUTE], [2.0, 1.2])
    one.configure(["d"], [("d", "ch4_alarm", NOON - HOUR, 1.0)])  # told again every minute: what it said itself stands
    one.feed(["d"], ["ch4"], [NOON + 2 * MINUTE], [1.3])
    assert told(one.finish()) == [("orange", "open", 0), ("orange", "clear", 1)]


def test_a_limit_that_is_set_moves_no_window_and_is_no_reading() -> None:
    one = stream(LIMIT + "\nname: q, kind: silent, level: blue, for: 10min")
    one.configure(["d"], [("d", "ch4_alarm", NOON + HOUR, 1.0)])
    assert one.advance(NOON + 2 * HOUR) == []
    one.feed(["d"], ["ch4"], [NOON], [1.2])
    assert one.counts["late"] == 0


def test_what_is_set_anew_or_no_more_takes_the_place_of_what_was() -> None:
    one = stream(LIMIT)
    one.configure(["d"], [("d", "ch4_alarm", NOON, 1.0)])
    one.configure(["d"], [("d", "ch4_alarm", NOON - HOUR, 2.0)])  # a mistake mended, from an earlier day on
    assert one.feed(["d"], ["ch4"], [NOON], [1.5]) == []
    one.configure(["d"], [])
    assert one.feed(["d"], ["ch4"], [NOON + MINUTE], [9.0]) == []
    one.configure(["d"], [("d", "ch4_alarm", NOON, 1.0)])
    assert len(one.feed(["d"], ["ch4"], [NOON + 2 * MINUTE], [9.0])) == 1


def test_a_limit_that_is_set_is_known_after_a_restart(tmp_path: Path) -> None:
    one = stream(LIMIT)
    one.configure(["d"], [("d", "ch4_alarm", NOON, 1.0)])
    one.save(tmp_path / "state")
    two = Stream.restored(one.rules, tmp_path / "state")
    assert len(two.feed(["d"], ["ch4"], [NOON], [1.5])) == 1


def test_a_calibration_that_is_told_later_suppresses_from_then_on_and_what_stands_is_known() -> None:
    one = stream(METHANE)
    one.feed(["d"], ["ch4"], [NOON], [0.1])
    one.know({}, {"d": [(NOON, NOON + HOUR)]})
    (change,) = one.feed(["d"], ["ch4"], [NOON + MINUTE], [1.2])
    assert change.event.suppressed
    assert [(e.level, e.value, e.ts) for e in one.standing("d")] == [("orange", 1.2, NOON + MINUTE)]
    assert one.seen("d") == NOON + MINUTE
    one.know({}, {"d": []})
    assert not one.feed(["d"], ["ch4"], [NOON + 2 * MINUTE], [0.1])[0].event.suppressed
    assert one.standing("d") == []


def test_a_stream_that_nothing_came_to_is_restored_too(tmp_path: Path) -> None:
    text = LIMIT + "\nname: r, kind: rate, metric: m, per: 1h, over: 1h, levels: [{level: red, more_than: 1}]"
    one = stream(text)
    one.save(tmp_path / "state")
    assert Stream.restored(one.rules, tmp_path / "state").names == []
