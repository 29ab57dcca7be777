"""A rule tried on history: what it would have told in the readings that are kept, and what the present one would have.

    found = trial(history, journal, tried, devices, begin, end, present=present)
    len(found.tried.fired), found.present.foresight

The readings of the rules' metrics and of these devices are read day by day, in order of time, from the history and
from what is still in the journal, and run through the stream as they were when they came. It ends early where it has
taken too long or read too many, and says up to when it came.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from .compiled import ANYTHING, compiled
from .history import BEIJING
from .journal import Tail
from .rules import LATE, duration, made
from .stations import Stations
from .stream import Event, Stream

MOST = 50_000_000
"""Readings of one trial."""
EVENTS = 500_000
"""Events of one trial, which are held in memory: a limit amid what is usual tells of every other reading."""
SECONDS = 300.0
"""Time for one trial."""
_CHUNK = 1 << 13
"""Readings handed on at once: fewer than the stream takes of one device inside its window."""
_MEMORY = "512MB"
_MOST_WAITING = 10_000_000
LEVELS = ("blue", "yellow", "orange", "red")
Limit = tuple[str, str, int, float]
"""A device, what is set for it, since when (ms), how much."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A warning that would have been: from the first level that opens until the last is over (None: it still stood)."""

    device: str
    level: str
    """The highest."""
    begin: int
    end: int | None
    value: float


@dataclass(frozen=True, slots=True)
class Foresight:
    """How well a limit was foreseen. A foresight is right if the limit is reached while it stands, or no later than
    the time ahead after it was over; a crossing was foreseen if one was right about it. `lead` is the median of the
    milliseconds between them."""

    told: int
    right: int
    crossings: int
    foreseen: int
    lead: int | None

    @property
    def precision(self) -> float | None:
        return self.right / self.told if self.told else None

    @property
    def recall(self) -> float | None:
        return self.foreseen / self.crossings if self.crossings else None


@dataclass(frozen=True, slots=True)
class Told:
    """What one rule would have told. `suppressed`: events of devices under calibration."""

    fired: list[Fired]
    suppressed: int = 0
    foresight: Foresight | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial. `until` is the moment up to which it came: the end that was asked for, or before."""

    readings: int
    until: int
    tried: Told
    present: Told | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


def trial(
    history: Path, journal: Path, tried: Mapping[str, Any], devices: Mapping[str, str], begin: int, end: int, *,
    present: Mapping[str, Any] | None = None, limits: Sequence[Limit] = (),
    calibrations: Mapping[str, Sequence[tuple[int, int]]] | None = None, stations: Stations | None = None,
    late: str = LATE, most: int = MOST,
    events: int = EVENTS, seconds: float = SECONDS, progress: Callable[[int, int], None] | None = None,
) -> Trial:  # fmt: skip
    """Runs a rule, and the present one beside it, over the readings of [begin, end) in milliseconds.

    `devices` are all that are looked at, and the rows of stations, with their programmes. `progress` is told how many
    of how many days are done.
    """
    both: dict[str, Mapping[str, Any]] = {"tried": tried} | ({"present": present} if present else {})
    said: list[Mapping[str, Any]] = [dict(rule, name=name) for name, rule in both.items()]
    said += [_foreseen(rule, f"{name}-limit") for name, rule in both.items() if rule["kind"] == "soon"]
    stream = Stream(
        compiled(made(said, late)), at_once=False, programmes=devices, calibrations=calibrations, stations=stations
    )
    # The journal first: what is moved from it to the history meanwhile is read twice, and counts once.
    waiting, until = _waiting(journal, begin, end, stream.rules.metrics, devices)
    days, readings, stop = list(_days(begin, until)), 0, time.monotonic() + seconds
    ordered = sorted(limits, key=lambda row: row[2])
    for number, (day, low, high) in enumerate(days):
        if limits:
            # The latest of each that holds on that day.
            held = {row[:2]: row for row in ordered if row[2] < high}
            stream.configure(list(dict.fromkeys(row[0] for row in ordered)), list(held.values()))
        for batch in _ordered(history, waiting, day, low, high, stream.rules.metrics, devices):
            stream.feed_arrow(batch)
            readings += batch.num_rows
            if readings >= most or stream.told >= events or time.monotonic() > stop:
                until = batch.column("ts")[-1].as_py()
                break
        if progress:
            progress(number + 1, len(days))
        if until < high:
            break
    told = stream.finish()
    return Trial(
        readings, until, _told(told, "tried", tried), _told(told, "present", present) if present else None,
        dict(stream.counts),
    )  # fmt: skip


def _ordered(
    history: Path, waiting: Any, day: date, begin: int, end: int, metrics: Sequence[str], devices: Mapping[str, str]
) -> Iterator[Any]:
    """The readings of one day in Beijing, in order of time, as batches of device, metric, ts, value."""
    folder = history / f"day={day}"
    names = ["*"] if ANYTHING in metrics else metrics
    files = sorted(str(path) for name in names for path in folder.glob(f"metric={name}/*.parquet"))
    kept = (
        "SELECT device, metric, ts, value FROM read_parquet($files, hive_partitioning = true, "
        "hive_types = {'day': VARCHAR, 'metric': VARCHAR}) UNION ALL "
    )
    with tempfile.TemporaryDirectory() as spilled, duckdb.connect() as db:
        db.execute(f"SET memory_limit = '{_MEMORY}'; SET threads = 2; SET preserve_insertion_order = false")
        db.execute("SET temp_directory = $folder", {"folder": spilled})
        db.register("waiting", waiting)
        db.register("asked", pa.table({"device": pa.array(list(devices), pa.string())}))
        found = db.execute(
            f"SELECT device, metric, ts, value FROM ({kept if files else ''} SELECT * FROM waiting) "
            "WHERE ts >= $begin AND ts < $end AND device IN (SELECT device FROM asked) ORDER BY ts",
            {"begin": begin, "end": end} | ({"files": files} if files else {}),
        )
        yield from found.to_arrow_reader(_CHUNK)


def _waiting(
    journal: Path, begin: int, end: int, metrics: Sequence[str], devices: Mapping[str, str]
) -> tuple[Any, int]:
    """What is still in the journal, and the end; an earlier one where more waits than is held in memory."""
    parts, rows = [], 0
    names, asked = pa.array(metrics, pa.string()), pa.array(list(devices), pa.string())
    for batch in Tail(journal).read():
        table = pa.table(batch).select(["device", "metric", "ts", "value"])
        good = pc.and_(pc.greater_equal(table["ts"], begin), pc.less(table["ts"], end))
        good = pc.and_(good, pc.is_in(table["device"], value_set=asked))
        if ANYTHING not in metrics:
            good = pc.and_(good, pc.is_in(table["metric"], value_set=names))
        if not (part := table.filter(good)).num_rows:
            continue
        if rows > _MOST_WAITING:
            end = min(end, pc.min(part["ts"]).as_py())
            continue
        parts.append(part)
        rows += part.num_rows
    kinds = pa.schema({"device": pa.string(), "metric": pa.string(), "ts": pa.int64(), "value": pa.float64()})
    return (pa.concat_tables(parts) if parts else kinds.empty_table()), end


def _days(begin: int, end: int) -> Iterator[tuple[date, int, int]]:
    """The days in Beijing that the stretch touches, each with its part of the stretch."""
    day = datetime.fromtimestamp(begin / 1000, BEIJING).date()
    while begin < end:
        day += timedelta(days=1)
        high = min(int(datetime(day.year, day.month, day.day, tzinfo=BEIJING).timestamp() * 1000), end)
        yield day - timedelta(days=1), begin, high
        begin = high


def _foreseen(rule: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The rule on the level itself whose crossing a rule of kind soon foresees."""
    kept = {key: rule[key] for key in ("at", "programmes", "metric", "levels", "source") if key in rule}
    return kept | {"kind": "level", "name": name}


def _told(events: Sequence[Event], name: str, rule: Mapping[str, Any]) -> Told:
    own = [event for event in events if event.rule == name]
    plain = [event for event in own if not event.suppressed]
    foresight = None
    if rule["kind"] == "soon":
        crossed = [e for e in events if e.rule == f"{name}-limit" and e.state == "open" and not e.suppressed]
        foresight = _foresight(plain, crossed, duration(rule["within"]))
    return Told(sorted(_fired(plain), key=lambda one: (one.begin, one.device)), len(own) - len(plain), foresight)


def _fired(events: Sequence[Event]) -> Iterator[Fired]:
    """While one level stands the next belongs to the same warning."""
    standing: dict[str, tuple[set[str], Event, str]] = {}
    for event in events:
        levels, first, highest = standing.get(event.device, (set(), event, event.level))
        if event.state == "open":
            levels.add(event.level)
            standing[event.device] = levels, first, max(highest, event.level, key=LEVELS.index)
        elif levels:
            levels.discard(event.level)
            if not levels:
                del standing[event.device]
                yield Fired(event.device, highest, first.ts, event.ts, first.value)
    yield from (Fired(d, highest, first.ts, None, first.value) for d, (_l, first, highest) in standing.items())


def _foresight(events: Sequence[Event], crossed: Sequence[Event], ahead: int) -> Foresight:
    stretches: dict[tuple[str, str], list[list[float]]] = {}
    for event in events:
        own = stretches.setdefault((event.device, event.level), [])
        if event.state == "open":
            own.append([event.ts, float("inf")])
        elif own:
            own[-1][1] = event.ts
    right: set[tuple[str, str, int]] = set()
    leads: list[float] = []
    for crossing in crossed:
        key = (crossing.device, crossing.level)
        about = [n for n, (a, b) in enumerate(stretches.get(key, ())) if a < crossing.ts <= b + ahead]
        right |= {(*key, n) for n in about}
        if about:
            leads.append(crossing.ts - stretches[key][about[0]][0])
    told = sum(map(len, stretches.values()))
    return Foresight(told, len(right), len(crossed), len(leads), round(median(leads)) if leads else None)
