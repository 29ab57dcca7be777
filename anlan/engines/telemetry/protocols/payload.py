"""Readings as JSON or Arrow: what comes over MQTT (`anlan/v1/{device}/readings`) and HTTP (`/ingest/v1/readings`).

JSON is one reading, a list of readings, or columns:

    {"metric": "ch4", "ts": 1371171600000, "value": 0.42}
    [{"metric": "ch4", "ts": 1371171600000, "value": 0.42}, …]
    {"device": ["k1", "k1"], "metric": ["ch4", "co"], "ts": [1371171600000, 1371171600000], "value": [0.42, 3]}

Arrow is an IPC stream with the same columns. `device` is left out where the topic says it; a device speaks only for
itself. `ts` is in milliseconds, or an ISO 8601 text with its offset.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import Malformed

TOPIC = re.compile(r"anlan/v1/([^/+#\0]{1,64})/readings")
METRIC = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,59}")
"""What a metric may be called: so that it can be asked for by rules and pages, and be a folder of the history."""
LARGEST = 16 * 1024 * 1024
"""Bytes of one payload."""
MOST = 500_000
"""Readings of one payload."""
_FIELDS = ("metric", "ts", "value")
_Device = Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | int
_Metric = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
_Moment = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)] | str


class Columns(NamedTuple):
    """Readings by column: lists, or the arrays in which they came. `ts` in milliseconds; both numbers are arrays."""

    device: Any
    metric: Any
    ts: Any
    value: Any


class _Row(msgspec.Struct, gc=False):
    metric: _Metric
    ts: _Moment
    value: float
    device: _Device | None = None


class _Said(msgspec.Struct, gc=False):
    """One reading, or columns."""

    metric: _Metric | list[_Metric]
    ts: _Moment | list[_Moment]
    value: float | list[float]
    device: _Device | list[_Device] | None = None


_rows, _said = msgspec.json.Decoder(list[_Row]), msgspec.json.Decoder(_Said)
_PLACE = re.compile(r" - at `\$(?:\.(\w+))?(?:\[(\d+)\])?(?:\.(\w+))?`")
_WANTED = {
    "device": "device is a text of 1 to 64 signs", "metric": "metric is a text of 1 to 60 signs",
    "ts": "ts is milliseconds since 1970, or a moment with its offset", "value": "value is a number",
}  # fmt: skip


def of_topic(topic: str) -> str:
    """The device that a topic names; raises `Malformed`."""
    found = TOPIC.fullmatch(topic)
    if found is None:
        raise Malformed("topic", f"{topic[:100]!r} is not anlan/v1/{{device}}/readings")
    return found[1]


def from_json(raw: bytes, device: str = "") -> Columns:
    """The readings in a JSON payload; raises `Malformed`. All or none: a wrong one refuses the whole."""
    _fits(raw)
    listed = raw[:64].lstrip()[:1] == b"["
    try:
        if listed:
            rows = _rows.decode(raw)
            devices: list[Any] = [row.device for row in rows]
            metrics, ts, values = [r.metric for r in rows], [r.ts for r in rows], [r.value for r in rows]
        else:
            said = _said.decode(raw)
            metrics, ts, values = (list(_every(part)) for part in (said.metric, said.ts, said.value))
            devices = said.device if isinstance(said.device, list) else [said.device] * len(ts)
    except msgspec.ValidationError as error:
        raise _at_its_place(str(error), listed) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("json", f"no JSON can be read here ({str(error)[:100]})") from None
    if not len(devices) == len(metrics) == len(ts) == len(values):
        raise Malformed("field", "columns are lists of the same length")
    if not 0 < len(ts) <= MOST:
        raise Malformed("length", f"{len(ts)} readings; a payload has 1 to {MOST}")
    if not _plain(set(metrics)):
        raise Malformed("field", "metric is a text without control signs")
    return Columns(_devices(devices, device), metrics, _moments(ts), _values(values))


def read(raw: bytes, device: str = "") -> Columns:
    """The readings in a payload of either form; raises `Malformed`. A stream of Arrow begins with four bytes FF."""
    return from_arrow(raw, device) if raw[:4] == b"\xff\xff\xff\xff" else from_json(raw, device)


def _fits(raw: bytes) -> None:
    if len(raw) > LARGEST:
        raise Malformed("length", f"{len(raw)} bytes; a payload has at most {LARGEST}")


def _every(said: Any) -> Iterable[Any]:
    return said if isinstance(said, list) else (said,)


def _at_its_place(words: str, listed: bool) -> Malformed:
    """What the decoder found, by the number of the reading and the name of its field."""
    place = _PLACE.search(words)
    before, number, after = place.groups() if place else (None, None, None)
    if "missing required field" in words:
        field = words.split("`")[1]
        return Malformed("field", f"reading {int(number or 0) + 1}: {field} is missing")
    if name := after or before:
        kind = {"ts": "time", "value": "value"}.get(name, "field")
        return Malformed(kind, f"reading {int(number or 0) + 1}: {_WANTED.get(name, words)}")
    return Malformed("json", "a reading is an object with metric, ts and value")


def _devices(named: list[Any], device: str) -> list[str]:
    """The device of each reading: the one that is said, or that of the topic."""
    different = set(named)
    if different == {None}:
        if not device:
            raise Malformed("field", "device is missing")
        return [device] * len(named)
    if not _plain(different):
        named = [device if name is None else str(name) for name in named]
        different = set(named)
        if "" in different or any(not name.isprintable() or len(name) > 64 for name in different):
            number = next(n for n, name in enumerate(named, 1) if not name or not name.isprintable() or len(name) > 64)
            raise Malformed("field", f"reading {number}: {_WANTED['device']}")
    if device and different != {device}:
        number, other = next((n, name) for n, name in enumerate(named, 1) if name != device)
        raise Malformed("device", f"reading {number}: {device} speaks for itself alone, not for {other}")
    return named


def _plain(names: Collection[Any]) -> bool:
    """Whether all are texts without control signs."""
    try:
        return "".join(names).isprintable()
    except TypeError:
        return False


def _moments(said: list[Any]) -> Any:
    moments = np.array(said)
    if moments.dtype == np.int64:
        return moments
    return np.array([_moment(one, number) for number, one in enumerate(said, 1)], np.int64)  # texts among them


def _moment(said: int | str, number: int) -> int:
    if isinstance(said, int):
        return said
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Malformed("time", f"reading {number}: {said[:40]!r} is no moment with its offset")
    try:
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        raise Malformed("time", f"reading {number}: {said[:40]!r} is no moment") from None


def _values(said: list[float]) -> Any:
    values = np.array(said, np.float64)
    if not np.isfinite(values).all():
        number = int(np.flatnonzero(~np.isfinite(values))[0]) + 1
        raise Malformed("value", f"reading {number}: {_WANTED['value']}")
    return values


def from_arrow(raw: bytes, device: str = "") -> Columns:
    """The readings in an Arrow IPC stream; raises `Malformed`. `device` and `metric` stay arrays."""
    _fits(raw)
    try:
        with pa.ipc.open_stream(pa.BufferReader(raw)) as reader:
            batches, rows = [], 0
            for batch in reader:
                rows += batch.num_rows
                if rows > MOST:
                    raise Malformed("length", f"more than {MOST} readings")
                batch.validate(full=True)
                batches.append(batch)
            table = pa.Table.from_batches(batches, reader.schema)
        if not rows:
            raise Malformed("length", f"0 readings; a payload has 1 to {MOST}")
        names = _text(table, "metric", 60)
        if "device" in table.column_names or not device:
            devices = _text(table, "device", 64)
            if device and (wrong := pc.unique(devices).to_pylist()) != [device]:
                other = next(name for name in wrong if name != device)
                raise Malformed("device", f"{device} speaks for itself alone, not for {other}")
        else:
            devices = pa.array([device]).take(pa.array(np.zeros(rows, np.int64)))
        return Columns(devices, names, _numbers(table, "ts"), _numbers(table, "value"))
    except (pa.ArrowException, ValueError, OSError) as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed("arrow", f"no stream of Arrow can be read here ({str(error)[:100]})") from error


def _column(table: Any, name: str) -> Any:
    if table.column_names.count(name) != 1:
        raise Malformed("field", f"{name} is missing" if name not in table.column_names else f"{name} is there twice")
    column = table.column(name)
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py()
        raise Malformed("field", f"reading {row + 1}: {_WANTED[name]}")
    return column.combine_chunks()


def _text(table: Any, name: str, longest: int) -> Any:
    """A column of texts, each as long as it may be."""
    column = _column(table, name)
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or (name == "device" and _whole(kind))):
        raise Malformed("field", f"{_WANTED[name]}, and here of type {kind}")
    column = column.cast(pa.string())
    long = pc.utf8_length(column)
    wrong = pc.or_(pc.or_(pc.equal(long, 0), pc.greater(long, longest)), pc.invert(pc.utf8_is_printable(column)))
    if (row := pc.index(wrong, True).as_py()) >= 0:
        raise Malformed("field", f"reading {row + 1}: {_WANTED[name]}")
    return column


def _whole(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind))


def _numbers(table: Any, name: str) -> Any:
    """Moments in milliseconds, or values."""
    column = _column(table, name)
    kind = column.type
    if name == "value":
        if not (pa.types.is_floating(kind) or _whole(kind)):
            raise Malformed("value", f"{_WANTED[name]}, and here of type {kind}")
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        if not np.isfinite(values).all():
            raise Malformed("value", f"reading {int(np.flatnonzero(~np.isfinite(values))[0]) + 1}: {_WANTED[name]}")
        return values
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        column = column.cast(pa.timestamp("ms", kind.tz), safe=False)
    elif not _whole(kind):
        raise Malformed("time", f"{_WANTED[name]}, and here of type {kind}")
    moments = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    outside = (moments < 0) | (moments >= 1 << 62)
    if outside.any():
        raise Malformed("time", f"reading {int(np.flatnonzero(outside)[0]) + 1}: {_WANTED[name]}")
    return moments
