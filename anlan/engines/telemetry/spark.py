"""The same rules on a Spark cluster, where one machine is outgrown: a file replayed, or what lands followed.

Devices are spread over *shards* by their name, and so are stations, to which what their devices measure goes once
more. Readings go through Spark as Arrow, a hundred thousand to a piece and already apart by shard; each shard is one
`Stream`, fed with its pieces in the order of arrival. So kernel and events are those of the embedded runner, and no
reading is ever a row of its own in Java.

`follow` is a Structured Streaming query over the files that land in a folder. For each batch each shard keeps one file,
on disk before the batch is done: the events that followed and the state after them. A batch that is run again, as a
worker or the driver was killed, finds it there, or makes it from the one before; the file of events is written out of
it. So whatever is killed, each event stands there, and once. All nodes see the folders under the same paths.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ..clusters import cluster, session
from .compiled import Compiled, compiled
from .kernel import LATEST, SILENT
from .replay import BATCH, BadReadings, Replayed, faults, opened, written
from .rules import Rules
from .stations import Again, Stations
from .stream import COLUMNS, Event, Stream, filled, moments
from .writing import keep

SHARDS = 8
"""For two cores; four for each keep all of them busy to the end of a batch."""
_SETTINGS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "4",  # of pieces, which are large
    "spark.shuffle.compress": "false",
    "spark.shuffle.reduceLocality.enabled": "false",
    "spark.task.maxFailures": "8",
}
_PIECES = "at timestamp, path string, row long, empty long, shard int, again boolean, readings binary"
_PIECE = pa.schema({
    "at": pa.timestamp("us", "UTC"), "path": pa.string(), "row": pa.int64(), "empty": pa.int64(), "shard": pa.int32(),
    "again": pa.bool_(), "readings": pa.binary(),
})  # fmt: skip
"""Readings of one shard out of one stretch of a file: file and row tell the order of arrival, `empty` how many rows of
the stretch were no readings; `again`: for stations, of readings that went to the shards of their devices as well.
Without readings it says that the file cannot be read."""
_EVENTS = (
    "ts long, device string, rule string, level string, state string, value double, suppressed boolean, "
    "station string, told string"
)
_EVENT = pa.schema({
    "ts": pa.int64(), "device": pa.string(), "rule": pa.string(), "level": pa.string(), "state": pa.string(),
    "value": pa.float64(), "suppressed": pa.bool_(), "station": pa.string(), "told": pa.string(),
})  # fmt: skip
_ROWS = 1 << 20
"""Readings that are parted at once: the more, the less often a name is looked at."""
_HEAD = struct.Struct("<Q")
_METRIC = re.compile(r"/metric=([^/]+)/")


class SparkFailed(RuntimeError):
    """The cluster did not do what it was asked; one line with its reason."""


class NotContinued(ValueError):
    """What stands at a place cannot be gone on with; says why."""


# -- a file ---------------------------------------------------------------------------------------------------------


def replay(
    source: Path, rules: Rules, out: Path, *, master: str | None = None, shards: int = SHARDS,
    stations: Stations | None = None, progress: Callable[[int, int], None] | None = None,
) -> Replayed:  # fmt: skip
    """As `replay.replay`, on the cluster of `master`, or on one of two workers that is started for it.

    Raises `NoSpark` and `SparkFailed` besides what that one raises.
    """
    with opened(source) as file:
        if wrong := faults(file.schema_arrow):
            raise BadReadings(f"{source}: {wrong}")
        integers = pa.types.is_integer(file.schema_arrow.field("device").type)
        total, stretches = file.metadata.num_rows, _stretches(file.metadata)
    made, stations = compiled(rules), stations or {}
    spread = Shards(shards, made.stations, stations)
    with TemporaryDirectory(prefix="anlan-spark-") as folder, ExitStack() as running:
        spark = running.enter_context(
            session(master or running.enter_context(cluster()), Path(folder) / "driver.log", _SETTINGS)
        )
        found = _ran(
            spark.range(0, len(stretches), 1, len(stretches))
            .mapInArrow(partial(_apart_from_stretches, source.absolute(), stretches, spread), _PIECES)
            .repartitionById(shards, "shard").sortWithinPartitions("row")
            .mapInArrow(partial(_replay_shard, made, stations), _EVENTS)
        )  # fmt: skip
    if progress:
        progress(total, total)
    return _replayed(found, made, total, out, integers)


def _replayed(found: Any, rules: Compiled, total: int, out: Path, integers: bool) -> Replayed:
    """Writes what the shards found, without the silences that are not so long yet at the last moment of all."""
    told = [json.loads(one) for one in found["told"].drop_null().to_pylist()]
    now = max(one["now"] for one in told)
    silent = {lane.rule for lane, row in zip(rules.lanes, rules.arrays.lane, strict=True) if row["kind"] == SILENT}
    rows = found.filter(found["ts"].is_valid()).drop_columns("told")
    events = [Event(*row) for row in zip(*(rows[name].to_pylist() for name in Event._fields), strict=True)]
    events = [e for e in events if e.ts < now or e.state == "clear" or e.rule not in silent]
    counts = {name: sum(one["counts"][name] for one in told) for name in told[0]["counts"]}
    return Replayed(total, counts, written(out, events, integers))


def _stretches(metadata: Any) -> list[tuple[int, int, int]]:
    """Row groups (from, to) of a million rows together, and the number of the first row; at least one stretch."""
    found, begin, first, row = [], 0, 0, 0
    for group in range(metadata.num_row_groups):
        row += metadata.row_group(group).num_rows
        if row - first >= _ROWS or group == metadata.num_row_groups - 1:
            found.append((begin, group + 1, first))
            begin, first = group + 1, row
    return found or [(0, 0, 0)]


@dataclass(frozen=True, slots=True)
class Shards:
    """How many there are; of which metrics rules over stations speak, and the stations."""

    number: int
    minded: frozenset[str]
    stations: Stations


def _apart_from_stretches(
    source: Path, stretches: Sequence[tuple[int, int, int]], shards: Shards, batches: Iterable[Any]
) -> Iterator[Any]:
    """On a worker: numbers of stretches → their readings, apart by shard."""
    for number in (number for batch in batches for number in batch.column(0).to_pylist()):
        begin, end, row = stretches[number]
        with opened(source) as file:
            try:
                for batch in file.iter_batches(_ROWS, row_groups=list(range(begin, end)), columns=list(COLUMNS)):
                    yield _apart(None, str(source), row, batch, shards)
                    row += batch.num_rows
            except (pa.ArrowException, OSError) as error:
                raise BadReadings(f"{source}: row {row + 1}: cannot be read ({str(error)[:200]})") from error


def _replay_shard(rules: Compiled, stations: Stations, batches: Iterable[Any]) -> Iterator[Any]:
    """On a worker: the readings of one shard → its events. What is silent in the end rests on the last moment of all
    shards, which none of them knows: all that may be is told, for `_replayed` to choose."""
    stream = Stream(rules, at_once=False, stations=stations)
    for batch in batches:
        for piece in batch.to_pylist():
            _feed(stream, piece)
    told = {"now": stream.now, "counts": stream.counts}
    stream.now = LATEST
    rows = [event._asdict() | {"told": None} for event in stream.finish()]
    for at in range(0, len(rows), BATCH):
        yield pa.RecordBatch.from_pylist(rows[at : at + BATCH], _EVENT)
    yield pa.RecordBatch.from_pylist([{"told": json.dumps(told)}], _EVENT)


# -- what lands ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch did: its number, readings taken by now, events that followed, files that could not be read."""

    number: int
    taken: int
    events: int
    unreadable: list[str]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of devices, and of the rows of stations, besides their readings: as `Stream.know`,
    `Stream.configure` and `Stream.station` take it."""

    programmes: Mapping[str, str] = field(default_factory=dict)
    calibrations: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    limits: Sequence[tuple[str, str, int, float]] = ()
    stations: Stations = field(default_factory=dict)


def follow(
    source: Path, rules: Rules, place: Path, *, master: str, shards: int = SHARDS, files: int = 8, at_once: bool = True,
    every: float | None = None, known: Callable[[], Known] | None = None, told: Callable[[Batch], None] | None = None,
) -> None:  # fmt: skip
    """Runs the rules over the Parquet files that land in `source` (renamed into it, at any depth), at most `files` to a
    batch: those that are there, or for ever where `every` says how many seconds lie between two looks. What is `known`
    of devices is asked before each batch, which is evaluated by it.

    In `place` stand the checkpoint and `events/<batch>-<shard>.jsonl`, each written once and whole: the changes as
    they are told (`at_once`), or only what can change no more. A metric may be the folder's (`metric=ch4`), as in the
    history. Begun again at the same place it goes on where it was. Raises `NoSpark`, `SparkFailed`, `NotContinued`,
    `OSError`.
    """
    made = compiled(rules)
    with _held(place, {"source": str(source.absolute()), "shards": shards, "at_once": at_once}), ExitStack() as running:
        spark = running.enter_context(session(master, place / "driver.log", _SETTINGS))
        held: list[Any] = []

        def run(frame: Any, number: int) -> None:
            before, fresh = _summary(place, number - 1), known() if known else Known()
            if not held or held[0].value[1] != fresh:
                for old in held:
                    old.unpersist()
                held[:] = [spark.sparkContext.broadcast((number, fresh))]
            apart = partial(_apart_from_files, shards, made.stations, held[0])
            step = partial(_step, place.absolute(), number, made, at_once, before["now"], held[0])
            found = _ran(
                frame.select("modificationTime", "path").mapInArrow(apart, _PIECES)
                .repartitionById(shards, "shard").sortWithinPartitions("at", "path", "row")
                .mapInArrow(step, "told string")
            )  # fmt: skip
            shards_told = [json.loads(one) for one in found["told"].to_pylist()]
            now = max(before["now"], *(one["now"] for one in shards_told))
            keep(_state(place, number) / "summary", json.dumps({"now": now}).encode())
            if number > 1:
                shutil.rmtree(_state(place, number - 2), ignore_errors=True)
            if told:
                taken = sum(one["counts"]["taken"] for one in shards_told)
                lost = [path for one in shards_told for path in one["unreadable"]]
                told(Batch(number, taken, sum(one["events"] for one in shards_told), lost))

        landed = (
            spark.readStream.format("binaryFile").schema(_FILES)
            .option("recursiveFileLookup", "true").option("pathGlobFilter", "*.parquet")
            .option("maxFilesPerTrigger", str(files)).load(str(source.absolute()))
        )  # fmt: skip
        writer = landed.writeStream.foreachBatch(run).option(
            "checkpointLocation", str((place / "checkpoint").absolute())
        )
        trigger = {"availableNow": True} if every is None else {"processingTime": f"{every} seconds"}
        query = writer.trigger(**trigger).start()
        running.callback(query.stop)
        _awaited(query)


_FILES = "path string, modificationTime timestamp, length long, content binary"


@contextmanager
def _held(place: Path, said: Mapping[str, Any]) -> Iterator[None]:
    """The place for this one query, which says the same as when it was begun. Raises `NotContinued`."""
    (place / "events").mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotContinued(f"{place}: another query runs there") from None
        begun, checkpoint = place / "query.json", place / "checkpoint"
        if begun.exists():
            for name, value in json.loads(begun.read_bytes()).items():
                if said[name] != value:
                    raise NotContinued(
                        f"{place}: was begun with {name} = {value}, not {said[name]}; take another place"
                    )
        elif any((place / "events").iterdir()):
            raise NotContinued(f"{place}: holds events of another query; take another place")
        if begun.exists() and not checkpoint.exists() and (place / "state").exists():
            raise NotContinued(f"{place}: its checkpoint is gone; take another place")
        for half in (place / "events").glob(".*"):
            half.unlink()  # what was being written when something was killed
        keep(begun, json.dumps(said).encode())
        yield


def _state(place: Path, number: int) -> Path:
    return place / "state" / f"{number:09d}"


def _summary(place: Path, number: int) -> dict[str, Any]:
    if number < 0:
        return {"now": 0}
    try:
        return dict(json.loads((_state(place, number) / "summary").read_bytes()))
    except (OSError, ValueError) as error:
        raise NotContinued(f"{place}: the state of batch {number} is gone ({error})") from error


def _awaited(query: Any) -> None:
    from pyspark.errors import PySparkException

    try:
        query.awaitTermination()
    except PySparkException as error:
        raise _reason(error) from error


def _apart_from_files(number: int, minded: frozenset[str], known: Any, batches: Iterable[Any]) -> Iterator[Any]:
    """On a worker: files (moment of landing, path) → their readings, apart by shard. What is no file of readings is
    told and left out: it would be none the next time either."""
    shards = Shards(number, minded, known.value[1].stations)
    for at, uri in (row for batch in batches for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)):
        path = re.sub("^file:/+", "/", uri)
        row, metric = 0, _METRIC.search(path)
        names = [name for name in COLUMNS if name != "metric" or not metric]
        try:
            with opened(Path(path)) as file:
                schema = file.schema_arrow
                if wrong := faults(schema.append(pa.field("metric", pa.string())) if metric else schema):
                    raise BadReadings(f"{path}: {wrong}")
                for batch in file.iter_batches(_ROWS, columns=names):
                    if metric:
                        codes = pa.DictionaryArray.from_arrays(np.zeros(batch.num_rows, np.int8), [metric[1]])
                        batch = pa.record_batch([*batch.columns, codes], [*names, "metric"])
                    yield _apart(at, path, row, batch, shards)
                    row += batch.num_rows
        except (pa.ArrowException, OSError, BadReadings) as error:
            cause = error.__cause__ if isinstance(error, BadReadings) else error
            if isinstance(cause, OSError) and cause.errno and not isinstance(cause, FileNotFoundError):
                raise  # the disk, not the file: the batch is run again
            yield _pieces([(at, path, row, 0, 0, False, None)])


_kept: dict[tuple[Path, int], tuple[int, str, int, Stream]] = {}
"""On a worker: the streams of shards as this process left them, with batch, version of the rules and of what is known.
"""


def _step(
    place: Path, number: int, rules: Compiled, at_once: bool, now: int, known: Any, batches: Iterable[Any]
) -> Iterator[Any]:
    """On a worker: one shard's part of a batch. Its events and its state stand on disk together, or not at all."""
    from pyspark import TaskContext

    (version, told), shard = known.value, TaskContext.get().partitionId()
    path = _state(place, number) / f"{shard:04d}"
    pieces = (piece for batch in batches for piece in batch.to_pylist())
    if path.exists():
        for _ in pieces:
            pass
    else:
        stream = _before(place, shard, number, rules, at_once, version, told)
        changes, unreadable = [], []
        for piece in pieces:
            if piece["readings"] is None:
                unreadable.append(piece["path"])
            else:
                changes += _feed(stream, piece, told)
        if at_once:
            changes += stream.advance(now - rules.late)
            lines = [{"what": change.what} | change.event.told() for change in changes]
            stream.taken()
        else:
            lines = [event.told() for event in stream.taken()]
        said = {"now": stream.now, "counts": stream.counts, "unreadable": unreadable, "events": lines}
        head = json.dumps(said, ensure_ascii=False).encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            keep(path, _HEAD.pack(len(head)) + head + stream.to_bytes(), once=True)
            _kept[place, shard] = number, rules.version, version, stream
        except FileExistsError:
            pass  # an attempt that was given up for lost has done it: what it wrote stands
    with path.open("rb") as file:
        said = json.loads(file.read(*_HEAD.unpack(file.read(_HEAD.size))))
    _publish(place / "events" / f"{number:09d}-{shard:04d}.jsonl", said["events"])
    told = said | {"events": len(said["events"])}
    yield pa.RecordBatch.from_pylist([{"told": json.dumps(told)}])


def _before(
    place: Path, shard: int, number: int, rules: Compiled, at_once: bool, version: int, known: Known
) -> Stream:  # fmt: skip
    """The stream of a shard as it was after the batch before, under what is known of devices now."""
    told: dict[str, Any] = {"at_once": at_once, "programmes": known.programmes, "calibrations": known.calibrations}
    told["stations"] = known.stations
    batch, by, knew, stream = _kept.pop((place, shard), (-1, "", -1, None))
    if stream is None or (batch, by) != (number - 1, rules.version):
        if not number:
            return Stream(rules, **told)
        content = (_state(place, number - 1) / f"{shard:04d}").read_bytes()
        (length,) = _HEAD.unpack_from(content)
        stream, knew = Stream.from_bytes(rules, content[_HEAD.size + length :], **told), -1
    if knew != version:
        gone = dict.fromkeys(stream.names, ())
        stream.know(known.programmes, gone | dict(known.calibrations))
        stream.station(dict.fromkeys(stream.stations) | dict(known.stations))
        _configure(stream, stream.names, known)
    return stream


def _configure(stream: Stream, devices: Sequence[str], known: Known) -> None:
    asked = set(devices)
    stream.configure(devices, [row for row in known.limits if row[0] in asked])


def _publish(path: Path, events: Sequence[Mapping[str, Any]]) -> None:
    if events and not path.exists():
        lines = (json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in events)
        with suppress(FileExistsError):  # the same, of an attempt that was given up for lost
            keep(path, "".join(f"{line}\n" for line in lines).encode(), once=True)


# -- readings apart by shard, and together again ----------------------------------------------------------------------


def _apart(at: Any, path: str, row: int, batch: Any, shards: Shards) -> Any:
    """A batch of readings as pieces, one for each shard that has any; behind them those for the stations' shards."""
    batch, empty = filled(batch)
    (names, device), (metrics, metric) = _coded(batch.column("device")), _coded(batch.column("metric"))
    ts, value = moments(batch.column("ts")), batch.column("value").cast(pa.float64()).to_numpy(zero_copy_only=False)
    rows = [
        (at, path, row, 0 if shard else empty, shard, False, piece)
        for shard, piece in _parted(names, device, metrics, metric, ts, value, shards.number, bool(empty))
    ]
    if shards.minded and shards.stations:
        known = {name: n for n, name in enumerate(names.to_pylist())}
        again = Again.of(known, metrics.to_pylist(), shards.stations, shards.minded)
        some, station, code = again.taken(device, metric)
        own, called = (pa.array(texts, pa.string()) for texts in (again.rows, again.metrics))
        parted = _parted(own, station, called, code, ts[some], value[some], shards.number)
        rows += [(at, path, row, 0, shard, True, piece) for shard, piece in parted]
    return _pieces(rows)


def _parted(
    names: Any, codes: Any, metrics: Any, metric: Any, ts: Any, value: Any, shards: int, first: bool = False
) -> Iterator[tuple[int, bytes]]:
    """Readings by shard, as far as one has any; `first`: the first one in any case."""
    spread = _spread(names, shards)
    of = spread.shard[codes]
    order = np.argsort(of, kind="stable")
    bounds = np.searchsorted(of[order], np.arange(shards + 1))
    device, metric, ts, value = spread.place[codes][order], metric[order], ts[order], value[order]
    for shard, own in enumerate(spread.own):
        some = slice(bounds[shard], bounds[shard + 1])
        if len(ts[some]) or (first and not shard):
            columns = (
                pa.DictionaryArray.from_arrays(device[some], own),
                pa.DictionaryArray.from_arrays(metric[some], metrics),
                pa.array(ts[some]), pa.array(value[some]),
            )  # fmt: skip
            yield shard, _packed(pa.record_batch(list(columns), list(COLUMNS)))


class _Spread(NamedTuple):
    """Names by shard: the shard of each, its place among the names of that one, and for each shard its names."""

    names: Any
    shard: Any
    place: Any
    own: list[Any]


_lately: deque[_Spread] = deque(maxlen=2)
"""On a worker: file after file tells mostly of the same devices, and of the same stations."""


def _spread(names: Any, shards: int) -> _Spread:
    for one in _lately:
        if len(one.own) == shards and one.names.equals(names):
            return one
    shard = np.fromiter((zlib.crc32(name.encode()) % shards for name in names.to_pylist()), np.uint16, len(names))
    by_shard = np.argsort(shard, kind="stable")
    ends = np.searchsorted(shard[by_shard], np.arange(shards + 1))
    place = np.empty(len(names), np.int32)
    place[by_shard] = np.arange(len(names)) - ends[shard[by_shard]]
    own = [names.take(pa.array(by_shard[begin:end])) for begin, end in pairwise(ends)]
    _lately.appendleft(made := _Spread(names, shard, place, own))
    return made


def _pieces(rows: Sequence[tuple[Any, ...]]) -> Any:
    columns = zip(*rows, strict=True) if rows else [()] * len(_PIECE)
    return pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, _PIECE, strict=True)], schema=_PIECE)


def _coded(column: Any) -> tuple[Any, Any]:
    """The different texts or numbers of a column as an array of texts, and which of them stands in each row."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.dictionary.cast(pa.string()), column.indices.to_numpy(zero_copy_only=False)


def _packed(batch: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write(batch)
    return bytes(sink.getvalue().to_pybytes())


def _feed(stream: Stream, piece: Mapping[str, Any], known: Known | None = None) -> list[Any]:
    """Hands a piece to the stream, which is told what is `known` of devices it has not seen; returns what is new."""
    stream.counts["no_number"] += piece["empty"]
    with pa.ipc.open_stream(piece["readings"]) as reader:
        batch = reader.read_next_batch()
    if not batch.num_rows:
        return []
    before = len(stream.names)
    rows = stream.coded(batch)
    if known and (new := stream.names[before:]):
        _configure(stream, new, known)
    return stream.take(*rows, again=piece["again"])


def _ran(frame: Any) -> Any:
    """What the cluster makes of it, as a table. Raises `BadReadings`, `SparkFailed`."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        return frame.toArrow()
    except (PySparkException, Py4JError) as error:
        raise _reason(error) from error


def _reason(error: Exception) -> Exception:
    """What went wrong on a worker, without the stack of two languages around it."""
    said = str(getattr(error, "desc", None) or getattr(error, "_desc", None) or error)
    if bad := re.search(r"BadReadings: (.*)", said):
        return BadReadings(bad[1])
    lines = [line.strip() for line in said.splitlines() if re.match(r"\s*[\w.]*(Error|Exception|Failed)\b", line)]
    return SparkFailed(f"Spark: {(lines or said.splitlines() or [type(error).__name__])[-1][:300]}")
