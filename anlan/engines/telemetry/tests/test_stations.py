"""Rules over the devices of a station: one measures, another says whether it counts."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from anlan.engines.clusters import Cluster, cluster
from anlan.engines.telemetry import replay, rules, spark, stations
from anlan.engines.telemetry.compiled import compiled
from anlan.engines.telemetry.history import BEIJING, keep_part
from anlan.engines.telemetry.stations import BadStations
from anlan.engines.telemetry.stream import Change, Event, Stream
from anlan.engines.telemetry.trial import trial

from .conftest import MINUTE, NOON

TEXT = """
late: 2min
rules:
  - {name: face, kind: level, at: station, metric: methane.ch4, hold: 1min, programmes: [coal-gas], source: x,
     while: [{metric: fan.running, at_most: 0, not_older_than: 5min}],
     levels: [{level: red, at_least: 0.5}]}
  - {name: face-limit, kind: level, at: station, metric: methane.ch4, source: x,
     levels: [{level: orange, at_least: {of: methane.ch4_alarm}}]}
  - {name: crowd, kind: level, at: station, metric: people.count, source: x,
     while: [{metric: methane.ch4, at_least: 0.8}], levels: [{level: blue, at_least: 10}]}
  - {name: own, kind: level, metric: ch4, source: x, levels: [{level: yellow, at_least: 1.2}]}
  - {name: silence, kind: silent, level: blue, for: 30min, source: x}
"""
FACE = {"t1": ("face", "methane"), "f1": ("face", "fan")}
PROGRAMMES = {"#face": "coal-gas"}


def ruled(text: str = TEXT) -> rules.Rules:
    return rules.parse(text.encode())


def begun(**more: Any) -> Stream:
    return Stream(compiled(ruled()), **{"stations": FACE, "programmes": PROGRAMMES} | more)


def feed(stream: Stream, *rows: tuple[str, str, float, float]) -> list[Change]:
    """Readings as (device, metric, minutes after noon, value)."""
    device, metric, at, value = zip(*rows, strict=True)
    return stream.feed(device, metric, [NOON + round(minutes * MINUTE) for minutes in at], value)


def said(events: list[Event], rule: str) -> list[tuple[str, str, str, float]]:
    return [(e.device, e.station, e.state, (e.ts - NOON) / MINUTE) for e in events if e.rule == rule]


def test_methane_rises_at_one_device_while_the_fan_another_one_stands() -> None:
    one = begun()
    feed(one, *((device, metric, n, value) for n in range(8) for device, metric, value in
                (("t1", "ch4", 0.6), ("f1", "running", float(not 2 <= n < 6)))))  # fmt: skip
    assert said(one.finish(), "face") == [("t1", "face", "open", 3), ("t1", "face", "clear", 6)]
    assert one.counts["taken"] == 16  # what a station looks at is not counted twice


def test_the_event_names_the_device_that_the_rule_judges_whoever_spoke_last() -> None:
    one = begun()
    feed(one, ("t1", "ch4", 0, 0.6))
    feed(one, ("f1", "running", 1, 0))
    (change,) = feed(one, ("f1", "running", 2, 0))
    assert (change.event.device, change.event.station, change.event.value) == ("t1", "face", 0.6)
    assert change.event.told()["station"] == "face"
    assert one.rows("t1") == ["t1", "#face"]
    assert [(e.rule, e.device, e.station) for e in one.standing("#face")] == [("face", "t1", "face")]
    assert one.standing("t1") == []


def test_devices_of_no_station_and_of_other_ones_do_not_mix() -> None:
    one = begun(stations=FACE | {"t2": ("other", "methane")}, programmes=PROGRAMMES | {"#other": "coal-gas"})
    for n in range(4):
        feed(one, ("t2", "ch4", n, 0.9), ("t3", "ch4", n, 0.9), ("f1", "running", n, 0))
    assert [e for e in one.finish() if e.rule == "face"] == []


def test_rules_over_stations_hear_stations_of_their_programmes_alone_and_other_rules_none() -> None:
    one = begun(programmes={"#face": "mine-people", "t1": "coal-gas"})
    for n in range(4):
        feed(one, ("t1", "ch4", n, 1.3), ("f1", "running", n, 0))
    assert {(e.rule, e.device) for e in one.finish()} == {("own", "t1")}


def test_what_is_set_for_a_device_is_set_for_its_station_and_so_is_its_calibration() -> None:
    quiet, limits = stations.spread(
        FACE,
        {"f1": [(NOON, NOON + 5 * MINUTE)], "x": [(0, 1)]},
        [("t1", "ch4_alarm", 0, 1.0), ("x", "ch4_alarm", 0, 9)],
    )
    assert (quiet, limits) == ({"#face": [(NOON, NOON + 5 * MINUTE)]}, [("#face", "methane.ch4_alarm", 0, 1.0)])
    one = begun(calibrations=quiet)
    one.configure(["#face"], limits)
    feed(one, *(("t1", "ch4", n, 1.0) for n in (1, 2)), ("t1", "ch4", 6, 0.0), ("t1", "ch4", 7, 1.0))
    assert [(e.state, e.suppressed) for e in one.finish() if e.rule == "face-limit"] == [
        ("open", True), ("clear", False), ("open", False),
    ]  # fmt: skip


def test_who_leaves_a_station_is_looked_at_there_no_more() -> None:
    one = begun()
    feed(one, ("f1", "running", 0, 0), ("t1", "ch4", 0, 0.6), ("t1", "ch4", 2, 0.6))
    one.station({"t1": None, "t9": ("face", "methane")})
    changes = feed(one, ("t1", "ch4", 3, 0.1), ("f1", "running", 3, 0), ("t9", "ch4", 4, 0.1))
    assert [(c.what, c.event.device, c.event.ts) for c in changes] == [("clear", "t9", NOON + 4 * MINUTE)]


# --- Order, restarts, processors --------------------------------------------------------------------------


def many(stations_: int = 100, minutes: int = 60, seed: int = 3) -> tuple[pa.Table, dict[str, tuple[str, str]]]:
    """An hour of stations with three devices each that measure every half minute, in order; some of none."""
    rng = np.random.default_rng(seed)
    moment, place, kind = (g.ravel() for g in np.meshgrid(np.arange(minutes * 2), np.arange(stations_), np.arange(3)))
    value = np.choose(kind, [
        0.6 + 0.6 * np.sin(moment / 15 + place) + rng.normal(0, 0.05, len(kind)), np.sin(moment / 9 + place) > 0,
        10 + 5 * np.sin(moment / 20 + place),
    ])  # fmt: skip
    roles, metrics = np.array(["methane", "fan", "people"]), np.array(["ch4", "running", "count"])
    device = [f"{'tfp'[k]}{p}" for k, p in zip(kind, place, strict=True)]
    ts = NOON + moment * 30_000 + kind * 7_000 * (place % 2)
    found = {name: (f"s{p}", str(roles[k])) for name, p, k in zip(device, place, kind, strict=True) if p % 5}
    return pa.table({"device": device, "metric": metrics[kind], "ts": ts, "value": value.astype(float)}), found


def disturbed(table: pa.Table, seed: int) -> pa.Table:
    """Doubled in part, delayed by up to the window: as a network brings it."""
    rng = np.random.default_rng(seed)
    table = pa.concat_tables([table, table.take(rng.choice(len(table), len(table) // 10, replace=False))])
    at = table["ts"].to_numpy() + rng.integers(0, 2 * MINUTE, len(table))
    return table.take(np.argsort(at, kind="stable"))


def streamed(table: pa.Table, found: Any, size: int, **more: Any) -> list[Event]:
    one = Stream(compiled(ruled()), stations=found, programmes={f"#s{n}": "coal-gas" for n in range(100)}, **more)
    for batch in table.to_batches(size):
        one.feed_arrow(batch)
    return one.finish()


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_doubled_and_delayed_it_is_the_same(seed: int) -> None:
    table, found = many()
    wanted = streamed(table, found, 50_000, at_once=False)
    assert {"face", "crowd", "own"} <= {e.rule for e in wanted}
    assert not [e for e in wanted if e.rule in ("face", "crowd") and (not e.device or found[e.device][0] != e.station)]
    moved = disturbed(table, seed)
    for size, more in ((50_000, {"parts": 1}), (50_000, {"parts": 2}), (777, {"parts": 2, "at_once": False})):
        assert streamed(moved, found, size, **more) == wanted


def test_what_is_told_at_once_comes_to_the_same(tmp_path: Path) -> None:
    """Opened, cleared and withdrawn, over restarts in between: what stands in the end is what is final."""
    table, found = many(stations_=20)
    wanted = [e for e in streamed(table, found, 9_000) if e.station]
    one = Stream(compiled(ruled()), stations=found, programmes={f"#s{n}": "coal-gas" for n in range(20)})
    stands: set[Event] = set()
    for number, batch in enumerate(disturbed(table, 5).to_batches(500)):
        for change in one.feed_arrow(batch):
            (stands.discard if change.what == "withdrawn" else stands.add)(change.event)
        if number % 4 == 1:
            one.save(tmp_path / "state")
            one = Stream.restored(compiled(ruled()), tmp_path / "state")
    assert sorted(e for e in stands if e.station) == wanted


def test_a_state_is_taken_up_where_no_rule_is_over_stations_any_more(tmp_path: Path) -> None:
    one = begun()
    feed(one, ("f1", "running", 0, 0), ("t1", "ch4", 0, 1.3), ("t1", "ch4", 2, 1.3))
    feed(one, ("f1", "running", 4, 0), ("t1", "ch4", 8, 1.3), ("f1", "running", 8, 0))
    assert one.waiting == 4  # the last of each, and of the station; what was told before is final
    one.save(tmp_path / "state")
    plain = "rules:\n" + "".join(line + "\n" for line in TEXT.splitlines() if "own" in line or "silence" in line)
    two = Stream.restored(compiled(ruled(plain)), tmp_path / "state")
    feed(two, ("t1", "ch4", 10, 0.1), ("f1", "running", 60, 0))
    assert {(e.rule, e.device) for e in two.finish()} == {("own", "t1"), ("silence", "t1"), ("silence", "f1"),
        ("face", "t1")}  # fmt: skip
    three = Stream.restored(compiled(ruled()), tmp_path / "state")
    changes = feed(three, ("t1", "ch4", 10, 0.1))
    assert ("t1", "face", "clear") in {(c.event.device, c.event.station, c.what) for c in changes}


def test_a_trial_looks_at_stations(tmp_path: Path) -> None:
    (rule,) = (one for one in ruled().rules if one["name"] == "face")
    table, found = many(stations_=10)
    (tmp_path / "journal").mkdir()
    for metric in ("ch4", "running"):
        part = table.filter(pc.equal(table["metric"], metric)).select(["device", "ts", "value"])
        day = datetime.fromtimestamp(NOON / 1000, BEIJING).date()
        keep_part(tmp_path / "history", day, metric, "one", part)
    devices = {str(d): "coal-gas" for d in set(table["device"].to_pylist())} | {f"#s{n}": "coal-gas" for n in range(10)}
    tried = trial(tmp_path / "history", tmp_path / "journal", rule, devices, NOON, NOON + 60 * MINUTE, stations=found)
    wanted = [e for e in streamed(table, found, 9_000) if e.rule == "face" and e.state == "open"]
    assert len(tried.tried.fired) == len(wanted) > 0
    assert {f.device for f in tried.tried.fired} == {e.device for e in wanted}


# --- Files and Spark -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running() -> Any:
    with cluster() as one:
        yield one


@pytest.mark.slow
def test_a_cluster_says_the_same(tmp_path: Path, running: Cluster) -> None:
    table, found = many()
    text = ruled(TEXT.replace("programmes: [coal-gas], ", ""))
    pq.write_table(table, tmp_path / "ordered.parquet")
    pq.write_table(disturbed(table, 9), tmp_path / "in.parquet", row_group_size=9_000)
    replay.replay(tmp_path / "ordered.parquet", text, tmp_path / "wanted", stations=found)
    here = replay.replay(tmp_path / "in.parquet", text, tmp_path / "here", stations=found)
    there = spark.replay(
        tmp_path / "in.parquet", text, tmp_path / "there", master=str(running), shards=3, stations=found
    )
    wanted = (tmp_path / "wanted").read_bytes()
    assert wanted == (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()
    assert b'"station":"s1"' in wanted
    assert (here.readings, here.counts, here.events) == (there.readings, there.counts, there.events)


@pytest.mark.slow
def test_what_lands_is_followed_by_stations(tmp_path: Path, running: Cluster) -> None:
    table, found = many(stations_=20)
    programmes = {f"#s{n}": "coal-gas" for n in range(20)}
    (tmp_path / "in").mkdir()
    for number, batch in enumerate(disturbed(table, 2).to_batches(1_500)):
        pq.write_table(pa.Table.from_batches([batch]), tmp_path / "in" / f"{number:03d}.parquet")
    spark.follow(
        tmp_path / "in", ruled(), tmp_path / "place", master=str(running), shards=3, files=2,
        known=lambda: spark.Known(programmes=programmes, stations=found),
    )  # fmt: skip
    stands: set[str] = set()
    for path in sorted((tmp_path / "place" / "events").iterdir()):
        for line in path.read_text().splitlines():
            one = json.loads(line)
            what = one.pop("what")
            (stands.discard if what == "withdrawn" else stands.add)(json.dumps(one, sort_keys=True))
    wanted = {json.dumps(e.told(), sort_keys=True) for e in streamed(table, found, 9_000) if e.station}
    assert {one for one in stands if "station" in json.loads(one)} == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("device,station\n", ":1: the columns are device,station,role"),
        ("device,station,role\na,b\n", ":2: a line says"),
        ("device,station,role\n\na,b,Fan 1\n", ":3: role 'Fan 1'"),
        ("device,station,role\na,b,fan\na,c,fan\n", ":3: device 'a' stands here twice"),
        ("device,station,role\na,b,fan\nc,b,fan\n", ":3: fan of station 'b' is device 'a' already"),
        ('device,station,role\n"a,b,fan\n', "no CSV"),
        ("device,station,role\n\xff", "not UTF-8"),
    ],
)
def test_a_file_of_stations_that_says_none_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "stations.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadStations) as error:
        stations.read(path)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    path.write_text("﻿device,station,role\na,b,fan\nc,b,methane\n", encoding="utf-8")
    assert stations.read(path) == {"a": ("b", "fan"), "c": ("b", "methane")}


# --- What cannot be ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "line", "words"),
    [
        ("kind: level\nat: station\nmetric: ch4\nlevels: [{level: red, at_least: 1}]", 5, "has a role before it"),
        ("kind: level\nat: station\nmetric: Me.ch4\nlevels: [{level: red, at_least: 1}]", 5, "'Me.ch4'"),
        ("kind: level\nat: station\nmetric: m.ch4\nlevels:\n  - {level: red, at_least: {of: alarm}}", 7, "'alarm'"),
        ("kind: level\nat: station\nmetric: m.ch4\nwhile:\n  - {metric: fan, at_most: 0}\n"
         "levels: [{level: red, at_least: 1}]", 7, "'fan'"),
        ("kind: level\nat: place\nmetric: m.ch4\nlevels: [{level: red, at_least: 1}]", 4, "is none of: station"),
        ("kind: silent\nat: station\nlevel: red\nfor: 5min", 4, "is not said for this kind of rule"),
        ("kind: inside\nat: station\nlevel: red\narea: [[1, 1], [1, 2], [2, 2]]", 4, "is not said for this kind"),
    ],
)  # fmt: skip
def test_what_cannot_be_over_a_station_is_refused_with_its_line(rule: str, line: int, words: str) -> None:
    with pytest.raises(rules.BadRules) as error:
        rules.parse_one(f"name: a\nsource: x\n{rule}".encode())
    (fault,) = error.value.faults
    assert (fault.line, words in str(fault)) == (line, True)


def test_where_no_rule_is_over_stations_nothing_is_fed_twice() -> None:
    one = Stream(compiled(ruled("rules:\n  - {name: own, kind: level, metric: ch4, source: x, "
                               "levels: [{level: red, at_least: 1}]}")), stations=FACE)  # fmt: skip
    feed(one, ("t1", "ch4", 0, 2))
    assert one.names == ["t1"]
    assert one.rules.metrics == ("ch4",)
