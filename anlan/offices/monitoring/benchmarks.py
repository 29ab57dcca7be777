"""How many readings a second: the kernel alone, from a file, from Arrow to warnings; and what others do of the same.

Devices report four metrics at a moment, every ten seconds, one in a hundred half a minute late. What is timed has been
warm for three minutes of theirs. "Per core" is by the processor's time of one thread: other work disturbs that least.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from anlan.engines.telemetry import replay, rules
from anlan.engines.telemetry.compiled import Compiled, compiled
from anlan.engines.telemetry.journal import SCHEMA, Journal, Tail
from anlan.engines.telemetry.stream import PROCESSORS, Stream
from anlan.engines.telemetry.writing import keep
from anlan.site.bench import Measured, benchmark

from . import loads, rivals

DEVICES, PERIOD, BEGIN = 100_000, 10_000, 1_371_182_400_000
METRICS = ("ch4", "speed", "lat", "lon")
MILLION = 1_000_000
_AREA = "[[{0}, {1}], [{2}, {1}], [{2}, {3}], [{0}, {3}]]"
EVERY_KIND = f"""
late: 2min
rules:
  - {{name: high, kind: level, metric: ch4, source: x, hold: 20s,
     levels: [{{level: orange, at_least: 1.0, until: {{less_than: 0.9}}}}, {{level: red, at_least: 1.5}}]}}
  - {{name: both, kind: level, metric: ch4, source: x, while: [{{metric: speed, less_than: 1}}],
     levels: [{{level: red, at_least: 0.8}}]}}
  - {{name: rate, kind: rate, metric: ch4, source: x, per: 1min, over: 2min,
     levels: [{{level: yellow, more_than: 0.5}}]}}
  - {{name: soon, kind: soon, metric: ch4, source: x, within: 10min, trend: 10min,
     levels: [{{level: yellow, at_least: 1.0}}]}}
  - {{name: stuck, kind: stuck, metric: ch4, source: x, level: blue, for: 10min}}
  - {{name: noisy, kind: noisy, metric: ch4, source: x, level: blue, jump: 0.5, times: 5, in: 5min}}
  - {{name: silent, kind: silent, source: x, level: blue, for: 5min}}
  - {{name: night, kind: level, metric: speed, source: x, between: ["22:00", "06:00"],
     levels: [{{level: red, more_than: 80}}]}}
  - {{name: driving, kind: driving, metric: speed, source: x, level: red, longer_than: 4h, rest: 20min}}
  - {{name: inside, kind: inside, source: x, level: red, hold: 1min, area: {_AREA.format(106.5, 29.5, 106.6, 29.6)}}}
  - {{name: outside, kind: outside, source: x, level: red, area: {_AREA.format(106, 29, 107, 30)}}}
  - {{name: route, kind: off-route, source: x, level: red, metres: 60000,
     route: [[106.0, 29.5], [106.5, 29.6], [107.0, 29.5]]}}
"""
_SIX = ("high", "rate", "stuck", "silent", "driving", "inside")


def ruled(text: str, names: tuple[str, ...] = ()) -> Compiled:
    """The rules of the text, or those of these names."""
    read = rules.parse(text.encode())
    return compiled(rules.made([r for r in read.rules if r["name"] in names]) if names else read)


def ticks(number: int, devices: int = DEVICES) -> Iterator[tuple[Any, Any, Any, Any]]:
    """So many times what all devices report: rows of the device, places in `METRICS`, moments, values."""
    rng, width = np.random.default_rng(2013), len(METRICS)
    d = np.arange(devices)
    own = d * 0.618034 % 1
    device, metric = np.repeat(d.astype(np.int32), width), np.tile(np.arange(width, dtype=np.int32), devices)
    kept: dict[int, list[tuple[Any, ...]]] = {}
    for tick in range(number):
        wild = np.where(own > 0.99, 0.6 * np.sin(tick / 9), 0)
        ch4 = 0.4 + 0.3 * own + 0.25 * np.sin(tick / (10 + 20 * own) + 6 * own) + rng.normal(0, 0.01, devices) + wild
        speed = np.maximum(0, 40 + 45 * np.sin(tick / 60 + 6 * own))
        lat, lon = 29.2 + 0.6 * own + 0.02 * np.sin(tick / 50), 106.2 + 0.6 * (own * 7 % 1) + 0.02 * np.sin(tick / 50)
        ts = np.repeat(BEGIN + tick * PERIOD + d * 7 % PERIOD, width)
        rows = device, metric, ts, np.stack([ch4, speed, lat, lon], 1).ravel()
        late = np.repeat(rng.random(devices) < 0.01, width)
        kept.setdefault(tick + 3, []).append(tuple(part[late] for part in rows))
        parts = [tuple(part[~late] for part in rows), *kept.pop(tick, [])]
        yield tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))  # type: ignore[misc]


def fed(stream: Stream, size: int, warm: int = 20, timed: int = 20) -> float:
    """Million readings a second of one core, in batches of `size`; as many are settled in this time as come."""
    stream.code([f"d{n:06d}" for n in range(DEVICES)])
    codes, rows, spent = stream.metric(METRICS), 0, 0.0
    for tick, (device, metric, ts, value) in enumerate(ticks(warm + timed)):
        metric = codes[metric]
        if tick == warm:
            stream.taken()
        begun = time.thread_time()
        for at in range(0, len(ts), size):
            part = slice(at, at + size)
            stream.feed_coded(device[part], metric[part], ts[part], value[part])
        if tick == warm + timed - 1:
            stream.taken()
        if tick >= warm:
            rows, spent = rows + len(ts), spent + time.thread_time() - begun
    return rows / spent / MILLION


def _kernel(size: int) -> Measured:
    """All kinds of rules; events that are final, and in the details what is told at once as well, and what memory
    alone lets through."""
    made = ruled(EVERY_KIND)
    fed(Stream(made), 1 << 17, 1, 1)  # what is compiled is read from disk
    details = {"told at once": fed(Stream(made), size), "limit: memory alone": _memory_alone()}
    return Measured(fed(Stream(made, at_once=False), size), details)


def _memory_alone(lines: int = 64) -> float:
    """Million readings a second of a pass that decides nothing: it reads the columns, counts in the line of the device
    and puts the reading into another of its `lines`, which a log and a state of some kilobytes have."""
    from numba import njit

    def touched(device: Any, metric: Any, ts: Any, value: Any, known: Any) -> None:
        for i in range(len(device)):
            one = known[device[i]]
            one[0, 0] += 1.0
            line = one[1 + int(one[0, 0]) * 3 // 8 % (lines - 1)]  # a reading is three eighths of a line
            line[0], line[1], line[2] = ts[i], value[i], metric[i]

    touch: Any = njit(nogil=True)(touched)
    known, rows, spent = np.zeros((DEVICES, lines, 8)), 0, 0.0
    for tick, columns in enumerate(ticks(6)):
        begun = time.thread_time()
        touch(*columns, known)
        if tick:  # the first one compiles, and brings the memory
            rows, spent = rows + len(columns[0]), spent + time.thread_time() - begun
    return rows / spent / MILLION


@benchmark("telemetry kernel, 100,000 a batch", unit="M/s a core", target=20)
def large_batches() -> Measured:
    """All kinds of rules, 100,000 devices."""
    return _kernel(100_000)


@benchmark("telemetry kernel, 1,000 a batch", unit="M/s a core", target=10)
def small_batches() -> Measured:
    """All kinds of rules, 100,000 devices."""
    return _kernel(1_000)


def regular(path: Path, devices: int, number: int, share: int = 1, late: bool = False) -> int:
    """A Parquet file of one metric as the rivals take it: every `share`th device, in order unless `late`; its rows."""
    rng, which, rows = np.random.default_rng(7), np.arange(0, devices, share), 0
    names = pa.array([f"d{n:06d}" for n in which])
    schema = pa.schema({
        "device": pa.dictionary(pa.int32(), pa.string()), "metric": pa.dictionary(pa.int32(), pa.string()),
        "ts": pa.int64(), "value": pa.float64(),
    })  # fmt: skip
    kept: dict[int, list[Any]] = {}
    group: list[Any] = []
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for tick in range(number):
            value = 0.5 + 0.25 * np.sin(tick / (10 + which % 13) + which) + rng.normal(0, 0.01, devices)[which]
            value += np.where(which % 50 == 0, 0.9 * np.maximum(0, np.sin(tick / 15 + which)), 0)
            value = np.where((which % 50 == 1) & ((tick // 40 + which) % 3 == 0), 0.6, np.round(value, 4))
            ts = BEGIN + tick * rivals.PERIOD + which % rivals.PERIOD
            behind = rng.random(devices)[which] < (0.01 if late else 0)
            kept.setdefault(min(tick + 3, number - 1), []).append((np.flatnonzero(behind), ts, value))
            chosen = [(np.flatnonzero(~behind), ts, value), *kept.pop(tick, [])]
            places, ts, value = (
                np.concatenate(parts)
                for parts in zip(*((places, ts[places], value[places]) for places, ts, value in chosen), strict=True)
            )
            columns = [
                pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), names),
                pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(places), np.int32)), pa.array(["ch4"])),
                pa.array(ts), pa.array(value),
            ]  # fmt: skip
            group.append(pa.table(columns, schema=schema))
            rows += len(places)
            if tick % 10 == 9 or tick == number - 1:
                writer.write_table(pa.concat_tables(group), row_group_size=MILLION)
                group = []
    return rows


def _run(path: Path, out: Path, made: Compiled, every: int = 0) -> tuple[float, Stream]:
    """Seconds from a file to its events on disk, with a snapshot after each `every` readings, on disk as well."""
    stream, done = Stream(made, at_once=False, parts=PROCESSORS), 0
    saved: list[Any] = []
    begun = time.perf_counter()
    for batch, _rows in replay.batches(path):
        stream.feed_arrow(batch)
        done += batch.num_rows
        if every and done >= every:
            saved.append(stream.saving(out.with_suffix(".state")))
            done = 0
    keep(out, replay.lines(stream.finish()))
    for one in saved:
        one.result()
    return time.perf_counter() - begun, stream


@benchmark("telemetry file to events", unit="M/s", target=20)
def file_to_events() -> Measured:
    """Four rules, 100,000 devices, 20 million readings of which a hundredth is late, four snapshots on the way."""
    with tempfile.TemporaryDirectory() as folder:
        path, out, made = Path(folder) / "readings.parquet", Path(folder) / "events.jsonl", ruled(rivals.RULES)
        rows = regular(path, DEVICES, 200, late=True)
        runs = [_run(path, out, made, rows // 4) for _ in range(4)][1:]  # the first one compiles
        if any(stream.counts["taken"] != rows for _seconds, stream in runs):
            raise RuntimeError("readings were refused")
        details = {"events": out.read_bytes().count(b"\n"), "bytes a reading": path.stat().st_size / rows}
        return Measured(rows / statistics.median(seconds for seconds, _stream in runs) / MILLION, details)


def _told(path: Path) -> rivals.Told:
    """The events in a file, as the rivals give them."""
    table = pa.json.read_json(path)
    columns = (table.column(name).to_pylist() for name in ("ts", "device", "rule", "state"))
    return set(zip(*columns, strict=True))


def _against(devices: int = 20_000, number: int = 200) -> Measured:
    made, speeds = ruled(rivals.RULES), {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "events.jsonl"
        files = {share: Path(folder) / f"{share}.parquet" for _their, share in rivals.RIVALS.values()}
        rows = {share: regular(path, devices, number, share) for share, path in files.items()}
        _run(files[1], out, made)
        ours = statistics.median(_run(files[1], out, made)[0] for _ in range(3))
        for name, (their, share) in rivals.RIVALS.items():
            _run(files[share], out, made)
            begun = time.perf_counter()
            try:
                told = their(files[share])
            except ImportError:
                continue  # it does not install on every Python; then its name is not in the details
            speeds[name] = rows[share] / (time.perf_counter() - begun) / MILLION
            if told != _told(out):
                raise RuntimeError(f"{name} and we disagree about {len(told ^ _told(out))} events")
    own = rows[1] / ours / MILLION
    return Measured(own / max(speeds.values()), {"ours": own, **speeds})


@benchmark("telemetry against the best rival", unit="times", target=3)
def against_rivals() -> Measured:
    """The same file, the same four rules, the same events by content; the details are million readings a second."""
    return _against()


@benchmark("telemetry Arrow to changes", unit="M/s", target=8)
def arrow_to_changes() -> Measured:
    """Batches land in a journal, on disk each; who evaluates reads them there and tells what is new at once."""
    count = 20_000
    with tempfile.TemporaryDirectory() as folder:
        names = pa.array([f"d{n:06d}" for n in range(count)])
        journal, tail = Journal(Path(folder), "bench"), Tail(Path(folder))
        stream = Stream(ruled(EVERY_KIND), parts=PROCESSORS)
        batches = [_batch(names, *rows) for rows in ticks(50, count)]
        warm = len(batches) // 2

        def look() -> int:
            return sum(len(stream.feed_arrow(batch)) for batch in tail.read())

        def land(some: list[Any]) -> None:
            for batch in some:
                journal.append(batch)

        land(batches[:warm])
        look()
        begun, told = time.perf_counter(), 0
        thread = threading.Thread(target=land, args=(batches[warm:],))
        thread.start()
        while thread.is_alive():
            told += look()
        thread.join()
        told += look()
        spent = time.perf_counter() - begun
        journal.close()
    return Measured(sum(batch.num_rows for batch in batches[warm:]) / spent / MILLION, {"changes": told})


def _batch(names: Any, device: Any, metric: Any, ts: Any, value: Any) -> Any:
    """A batch as a journal takes it, text by dictionaries."""
    text = pa.dictionary(pa.int32(), pa.string())
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(device), names),
        pa.DictionaryArray.from_arrays(pa.array(metric), pa.array(METRICS)),
        pa.array(ts), pa.array(value), pa.array(ts),
    ]  # fmt: skip
    schema = pa.schema([field.with_type(text) if pa.types.is_string(field.type) else field for field in SCHEMA])
    return pa.record_batch(columns, schema=schema)


@benchmark("telemetry memory", unit="MiB", target=1024, more_is_better=False)
def memory() -> float:
    """The most that a process of its own had, for 100,000 devices of four metrics under six rules, told at once."""
    code = f"import django; django.setup(); from {__name__} import most; print(most())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def most() -> float:
    """Feeds five minutes of readings; the largest size of this process then, in MiB."""
    fed(Stream(ruled(EVERY_KIND, _SIX)), 100_000, 20, 10)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@benchmark("telemetry spark", unit="readings/s", target=1_000_000)
def on_spark() -> Measured:
    """A master and two workers of one core, batches of two million, steady state, final events."""
    from anlan.engines.telemetry import sparkload

    found = dict(sparkload.measured())
    return Measured(found.pop("readings/s"), found)


@benchmark("telemetry JT/T 808, 10,000 sessions", unit="reports/s", target=20_000)
def vehicles() -> float:
    """Each on disk before its answer; gateway and terminals share the machine."""
    return loads.vehicles_a_second(10_000)


@benchmark("telemetry HTTP, JSON of 1,000", unit="readings/s", target=1_000_000)
def http() -> float:
    """To the web server, which looks who sends and has it on disk before it answers."""
    key, (device, *_others) = _sender()
    return loads.ran("http", os.environ["ANLAN_PORT"], key, device, _now(), 8)


def _sender(**which: str) -> tuple[str, list[str]]:
    """A program's key for the whole city, and the devices that may send over HTTP and of which no warning is open."""
    from anlan.kernel.registers.models import ApiToken
    from anlan.kernel.scope import EVERYWHERE, Actor, acting
    from anlan.parties.models import Account

    from .keys import BY_ITSELF, READINGS, in_service
    from .models import EarlyWarning

    with acting(Actor("command", "bench"), EVERYWHERE):
        warned = EarlyWarning.objects.filter(closed_at__isnull=True).values("device_id")
        devices = in_service().filter(protocol__in=BY_ITSELF, **which).exclude(pk__in=warned).order_by("code")
        return ApiToken.issue(Account.objects.get(username="city"), "bench", [READINGS]), list(
            devices.values_list("code", flat=True)[:2_000]
        )


def _now() -> int:
    from anlan.kernel import clock

    return int(clock.now().timestamp() * 1000)


_SEEN = """() => {
  const rows = () => new Set([...document.querySelectorAll("[data-alarm-key]")].map(row => row.dataset.alarmKey));
  const before = rows();
  window.arrived = new Promise((tell) => new MutationObserver((_, observer) => {
    if ([...rows()].some(key => !before.has(key))) { observer.disconnect(); tell(true); }
  }).observe(document.body, {childList: true, subtree: true}));
}"""


@benchmark("reading to browser, slowest 1 %", unit="s", target=1.0, more_is_better=False)
def to_the_browser() -> Measured:
    """From before a reading is sent until its warning stands on the duty desk in Chromium, one after the other at
    moments of no rhythm, while 50,000 readings a second of other devices under the same rule come in over HTTP."""
    key, devices = _sender(programme="chemicals")
    told, others = devices[:TOLD], devices[TOLD:]
    with loads.evaluated(), loads.steadily(key, "lel_percent", 5.0, _now(), 50_000, others) as rate, _desk() as page:
        took = sorted(_arrived(page, key, device) for device in told)
        return Measured(took[len(took) * 99 // 100], {"median": statistics.median(took), "slowest": took[-1],
                                                      "warnings": len(took), "readings a second": rate()})  # fmt: skip


TOLD = 200


@contextmanager
def _desk() -> Iterator[Any]:
    """The duty desk in a browser, signed in and listening."""
    from django.conf import settings
    from django.test import Client
    from playwright.sync_api import sync_playwright

    from anlan.kernel.scope import EVERYWHERE, Actor, acting
    from anlan.parties.models import Account

    client, house = Client(), f"http://127.0.0.1:{os.environ['ANLAN_PORT']}"
    with acting(Actor("command", "bench"), EVERYWHERE):
        client.force_login(Account.objects.get(username="duty"))
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": str(client.session.session_key), "url": house}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-background-networking"]
        )
        context = browser.new_context()
        context.add_cookies([cookie])  # type: ignore[list-item]
        page = context.new_page()
        with page.expect_response(lambda answer: answer.url.endswith("/live")):
            page.goto(f"{house}/monitoring/desk/")
        yield page
        browser.close()


def _arrived(page: Any, key: str, device: str) -> float:
    """Seconds until a warning that a reading opens stands on the page."""
    time.sleep(random.uniform(0.0, 0.4))  # noqa: S311 (no secret)
    page.evaluate(_SEEN)
    said = json.dumps([{"device": device, "metric": "lel_percent", "ts": _now(), "value": 60.0}])
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection = HTTPConnection("127.0.0.1", int(os.environ["ANLAN_PORT"]), timeout=30)
    begun = time.perf_counter()
    connection.request("POST", "/ingest/v1/readings", said, head)
    assert connection.getresponse().status == 200
    page.evaluate("() => window.arrived")
    return time.perf_counter() - begun


@benchmark("telemetry MQTT, singles", unit="% of a counter", target=85)
def mqtt_singles() -> Measured:
    """Quality 1 through Mosquitto, beside a subscriber that only counts, one after the other."""
    with loads.mosquitto() as port:
        counter, ours = loads.counted(port, 1, 60_000), loads.landed(port, 1, 60_000)
    return Measured(100 * ours / counter, {"landed a second": ours, "counted a second": counter})


@benchmark("telemetry MQTT, batches of 100", unit="readings/s", target=200_000)
def mqtt_batches() -> float:
    """Quality 1 through Mosquitto, on disk."""
    with loads.mosquitto() as port:
        return loads.landed(port, 100, 10_000)
