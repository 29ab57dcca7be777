"""The runner on Spark says what the embedded one says, whatever is killed. A real master and two workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anlan.engines import clusters
from anlan.engines.clusters import Cluster, NoSpark, cluster
from anlan.engines.telemetry import replay, rules, spark
from anlan.engines.telemetry.compiled import compiled
from anlan.engines.telemetry.rules import Rules
from anlan.engines.telemetry.stream import Stream

from .conftest import HOUR, MINUTE, NOON

EVERY_KIND = """
late: 2min
rules:
  - {name: a-level, kind: level, metric: ch4, hold: 1min, source: x,
     levels: [{level: orange, at_least: 1.0}, {level: red, at_least: 1.3, until: {less_than: 1.0}}]}
  - {name: b-guard, kind: level, metric: ch4, while: [{metric: fan, at_most: 0.2, not_older_than: 5min}], source: x,
     levels: [{level: red, more_than: {of: fan, times: 2}}]}
  - {name: c-rate, kind: rate, metric: ch4, per: 1h, over: 10min, either_way: true, source: x,
     levels: [{level: yellow, more_than: 1}]}
  - {name: d-soon, kind: soon, metric: ch4, within: 10min, trend: 10min, source: x,
     levels: [{level: blue, at_least: 1.3}]}
  - {name: e-stuck, kind: stuck, metric: fan, level: blue, for: 20min, tolerance: 0.05, source: x}
  - {name: f-noisy, kind: noisy, metric: ch4, level: blue, jump: 0.15, times: 3, in: 10min, source: x}
  - {name: g-silent, kind: silent, level: blue, for: 5min, source: x}
  - {name: h-driving, kind: driving, metric: speed, level: orange, longer_than: 1h, rest: 5min, source: x}
  - {name: i-inside, kind: inside, level: yellow, area: [[106, 29], [107, 29], [107, 30], [106, 30]], source: x}
  - {name: j-outside, kind: outside, level: yellow, hold: 5min, source: x,
     area: [[106, 29], [107, 29], [107, 30], [106, 30]]}
  - {name: k-route, kind: off-route, level: blue, route: [[105.5, 29.5], [107.5, 29.5]], metres: 30000, source: x}
"""
METRICS = ["ch4", "fan", "lat", "lon", "speed"]


def ruled() -> Rules:
    return rules.parse(EVERY_KIND.encode())


def readings(devices: int = 40, minutes: int = 240, seed: int = 7) -> pa.Table:
    """Some hours of devices that measure five things every half minute, as they came: shuffled by up to two minutes,
    some twice, some gaps, a few later than any window, a few that are none."""
    rng = np.random.default_rng(seed)
    moment, device, metric = (g.ravel() for g in np.meshgrid(np.arange(minutes * 2), np.arange(devices), np.arange(5)))
    phase = moment / 40 + device
    value = np.choose(metric, [
        0.9 + 0.5 * np.sin(phase) + rng.normal(0, 0.04, len(phase)), np.round(np.abs(np.sin(phase / 3)), 1) * 0.5,
        29.5 + 0.3 * np.sin(phase / 2), 106.5 + 0.8 * np.cos(phase / 2), 60 * (np.sin(phase / 4) > -0.8),
    ])  # fmt: skip
    table = pa.table({
        "device": pa.array(device).cast(pa.string()), "metric": pa.array(np.array(METRICS, object)[metric]),
        "ts": NOON + moment * 30_000, "value": value,
    })  # fmt: skip
    gone = (device % 5 == 0) & (moment % 160 > 130)
    table = table.filter(pa.array((rng.random(len(table)) < 0.98) & ~gone))
    table = pa.concat_tables([table, table.take(rng.choice(len(table), len(table) // 20, replace=False))])
    delay = rng.integers(0, 2 * MINUTE, len(table))
    delay[rng.random(len(table)) < 0.002] = 20 * MINUTE
    table = table.take(np.argsort(table["ts"].to_numpy() + delay, kind="stable"))
    odd = pa.table({"device": ["1", None, "2", "2"], "metric": ["ch4", "ch4", None, "fan"],
        "ts": [NOON, NOON, NOON, 2**60], "value": [np.nan, 1.0, 1.0, 1.0]})  # fmt: skip
    return pa.concat_tables([table.slice(0, 9_000), odd, table.slice(9_000)])


def embedded(folder: Path, table: pa.Table, **more: Any) -> tuple[replay.Replayed, bytes]:
    pq.write_table(table, folder / "in.parquet", **{"row_group_size": 7_000} | more)
    done = replay.replay(folder / "in.parquet", ruled(), folder / "embedded.jsonl")
    return done, (folder / "embedded.jsonl").read_bytes()


# --- Without a cluster: the same functions as its workers run ---------------------------------------------------


def parted(folder: Path, monkeypatch: pytest.MonkeyPatch, shards: int = 5) -> tuple[replay.Replayed, bytes]:
    """As `spark.replay`, with the hand-over between workers done here."""
    source, made, alone = folder / "in.parquet", compiled(ruled()), spark.Shards(shards, frozenset(), {})
    monkeypatch.setattr(spark, "_ROWS", 20_000)
    with replay.opened(source) as file:
        integers = pa.types.is_integer(file.schema_arrow.field("device").type)
        stretches, total = spark._stretches(file.metadata), file.metadata.num_rows
    numbers = [pa.record_batch([pa.array(range(len(stretches)))], ["id"])]
    pieces = [p for b in spark._apart_from_stretches(source, stretches, alone, numbers) for p in b.to_pylist()]
    assert len(stretches) > 2 or total < 40_000
    found = []
    for shard in range(shards):
        own = sorted((p for p in pieces if p["shard"] == shard), key=lambda p: p["row"])
        found += spark._replay_shard(made, {}, [pa.RecordBatch.from_pylist(own, spark._PIECE)] if own else [])
    done = spark._replayed(pa.Table.from_batches(found), made, total, folder / "parted.jsonl", integers)
    return done, (folder / "parted.jsonl").read_bytes()


def test_every_kind_of_rule_says_the_same_from_shards_of_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, wanted = embedded(tmp_path, readings())
    told = {json.loads(line)["rule"] for line in wanted.splitlines()}
    assert told == {rule["name"] for rule in ruled().rules}
    assert min(done.counts[name] for name in ("late", "twice", "no_number", "no_moment")) > 0
    assert parted(tmp_path, monkeypatch) == (done, wanted)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.set_column(0, "device", t["device"].cast(pa.int32())),
        lambda t: t.set_column(0, "device", t["device"].cast(pa.large_string())),
        lambda t: t.set_column(2, "ts", t["ts"].cast(pa.timestamp("ms", "Asia/Shanghai"))),
        lambda t: t.set_column(3, "value", t["value"].cast(pa.float32())),
        lambda t: t.slice(0, 0),
        lambda t: t.slice(0, 1),
    ],
)
def test_columns_of_any_width_and_files_with_nothing_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]
) -> None:
    wanted = embedded(tmp_path, change(readings(devices=6)))
    assert parted(tmp_path, monkeypatch) == wanted


def test_a_file_that_breaks_off_names_its_row(tmp_path: Path) -> None:
    embedded(tmp_path, readings(devices=6), compression="none", use_dictionary=False)
    source = tmp_path / "in.parquet"
    content = bytearray(source.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4_000] = b"\xff" * 4_000
    source.write_bytes(content)
    with replay.opened(source) as file:
        stretches = spark._stretches(file.metadata)
    one, alone = pa.record_batch([pa.array([0])], ["id"]), spark.Shards(3, frozenset(), {})
    with pytest.raises(replay.BadReadings, match=r"in\.parquet: row \d+: cannot be read"):
        list(spark._apart_from_stretches(source, stretches, alone, [one]))


def test_where_java_is_missing_one_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(
        NoSpark, match=r"^Spark needs Java, and there is no java: install Java 17 or newer .*JAVA_HOME$"
    ):
        clusters.needed()
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_412\"' >&2\n")
    old.chmod(0o755)
    with pytest.raises(NoSpark, match=r"Spark cannot use java .*1\.8\.0_412.*: install Java 17 or newer"):
        clusters.needed()


@pytest.mark.parametrize(
    ("master", "words"),
    [
        ("spark://127.0.0.1:9", "no Spark answers (Connection refused)"),
        ("spark://127.0.0.1:99999", "no Spark answers"),
        ("http://127.0.0.1:7077", "a Spark master is named as spark://host:7077"),
    ],
)
def test_a_master_that_is_none_is_told_at_once(tmp_path: Path, master: str, words: str) -> None:
    try:
        clusters.needed()
    except NoSpark as missing:
        pytest.skip(f"left out: {missing}")
    with pytest.raises(NoSpark) as told, clusters.session(master):
        pass
    assert str(told.value).startswith(f"{master}: {words}")


def test_a_place_is_of_one_query_and_goes_on_as_it_was_begun(tmp_path: Path) -> None:
    def ask(**more: Any) -> None:
        spark.follow(tmp_path / "in", ruled(), tmp_path / "place", master="spark://none", **more)

    said = {"source": str(tmp_path / "in"), "shards": 8, "at_once": True}
    with spark._held(tmp_path / "place", said), pytest.raises(spark.NotContinued, match="another query runs there"):
        ask()
    for more, words in (({"shards": 4}, "shards = 8, not 4"), ({"at_once": False}, "at_once = True, not False")):
        with pytest.raises(spark.NotContinued, match=words):
            ask(**more)
    (tmp_path / "place" / "state").mkdir()
    with pytest.raises(spark.NotContinued, match="its checkpoint is gone"):
        ask()


# --- On a cluster -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def master() -> Iterator[Cluster]:
    try:
        clusters.needed()
    except NoSpark as missing:
        pytest.skip(f"left out: {missing}")
    with cluster(workers=2) as made:
        yield made


@pytest.mark.slow
def test_on_the_cluster_a_file_gives_the_same_bytes(
    tmp_path: Path, master: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = embedded(tmp_path, readings())
    monkeypatch.setattr(spark, "_ROWS", 20_000)  # several stretches, on both workers
    done = spark.replay(tmp_path / "in.parquet", ruled(), tmp_path / "spark.jsonl", master=master, shards=3)
    assert (done, (tmp_path / "spark.jsonl").read_bytes()) == wanted


_DRIVER = """
import sys
from pathlib import Path
from anlan.engines.telemetry import rules, spark
folder, master = Path(sys.argv[1]), sys.argv[2]
said = rules.read(folder / "rules.yaml")
spark.follow(folder / "in", said, folder / "place", master=master, shards=3, files=2, every=0.1)
"""


def land(folder: Path, name: str, table: pa.Table, at: int) -> None:
    """Puts a file into the folder as whoever lands them does: written aside, renamed; `at` orders them."""
    half = folder / f".{name}"
    pq.write_table(table, half)
    os.utime(half, (1_400_000_000 + at, 1_400_000_000 + at))
    half.rename(folder / name)


@pytest.mark.slow
def test_a_worker_and_then_the_driver_killed_no_event_is_lost_and_none_said_twice(
    tmp_path: Path, master: Cluster
) -> None:
    table, folder = readings(), tmp_path / "in"
    folder.mkdir()
    (tmp_path / "rules.yaml").write_text(EVERY_KIND, encoding="utf-8")
    size = len(table) // 11
    parts = [table.slice(n * size, size if n < 11 else None) for n in range(12)]
    events = tmp_path / "place" / "events"

    def number() -> int:
        return max((int(path.name[:9]) for path in events.glob("[!.]*")), default=-1)

    def reached(batch: int) -> None:
        deadline = time.monotonic() + 240
        while number() < batch:
            assert driver.poll() is None, (tmp_path / "driver.err").read_text()[-2_000:]
            assert time.monotonic() < deadline, f"no batch {batch}"
            time.sleep(0.02)

    with (tmp_path / "driver.err").open("wb") as err:
        driver = subprocess.Popen([sys.executable, "-c", _DRIVER, str(tmp_path), str(master)], stderr=err)
    try:
        for n in range(4):
            land(folder, f"{n:02d}.parquet", parts[n], n)
        (folder / "04-torn.parquet").write_bytes(b"PAR1 nothing of the kind")
        os.utime(folder / "04-torn.parquet", (1_400_000_004, 1_400_000_004))
        reached(0)
        worker = master.workers[0].pid
        executors = [int(n) for c in Path(f"/proc/{worker}/task").glob("*/children") for n in c.read_text().split()]
        assert executors
        for pid in (worker, *executors):  # in the middle of a batch, as the next one begins at once
            os.kill(pid, signal.SIGKILL)
        for n in range(4, 8):
            land(folder, f"{n:02d}.parquet", parts[n], n)
        reached(2)
        before = number()
        for n in range(8, 10):
            land(folder, f"{n:02d}.parquet", parts[n], n)
        reached(before + 1)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        first = {path.name: path.read_bytes() for path in events.glob("[!.]*")}
    finally:
        driver.kill()
        driver.wait()
    for n in range(10, 12):
        land(folder, f"{n:02d}.parquet", parts[n], n)
    # What is silent in the end is told when time goes on, by whomever.
    tick = pa.table({"device": ["clock"], "metric": ["ch4"], "ts": [NOON + 5 * HOUR], "value": [0.0]})
    for n in range(20, 23):
        land(folder, f"{n}.parquet", tick, n)
    told: list[spark.Batch] = []
    spark.follow(folder, ruled(), tmp_path / "place", master=master, shards=3, files=2, told=told.append)
    assert all((events / name).read_bytes() == content for name, content in first.items())
    stands: Counter[str] = Counter()
    for line in (line for path in sorted(events.glob("[!.]*")) for line in path.read_text().splitlines()):
        event = json.loads(line)
        sign = -1 if event.pop("what") == "withdrawn" else 1
        stands[json.dumps(event, sort_keys=True)] += sign
    assert min(stands.values()) >= 0
    stands = +stands
    one = Stream(compiled(ruled()), at_once=False)
    for part in [*parts, tick, tick, tick]:
        for batch in part.combine_chunks().to_batches():
            one.feed_arrow(batch)
    wanted = Counter(json.dumps(event.told(), sort_keys=True) for event in one.finish())
    assert stands == wanted
    assert told[-1].taken == one.counts["taken"]
