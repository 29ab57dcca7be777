"""Readings as JSON or Arrow: what comes over MQTT (`anlan/v1/{device}/readings`) and HTTP (`/ingest/v1/readings`).

JSON is one reading, a list of readings, or columns:

    {"metric": "ch4", "ts": 1371171600000, "value": 0.42}
    [{"metric": "ch4", "ts": 1371171600000, "value": 0.42}, …]
    {"device": ["k1", "k1"], "metric": ["ch4", "co"], "ts": [1371171600000, 1371171600000], "value": [0.42, 3]}

Arrow is an IPC stream with the same columns. `device` is left out where the topic says it; a device speaks only for
itself. `ts` is in milliseconds, or an ISO 8601 text with its offset.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa

from . import Malformed

TOPIC = re.compile(r"anlan/v1/([^/+#\0]{1,64})/readings")
LARGEST = 16 * 1024 * 1024
"""Bytes of one payload."""
MOST = 500_000
"""Readings of one payload."""
_FIELDS = ("metric", "ts", "value")
Columns = tuple[list[str], list[str], Any, Any]
"""Devices, metrics, moments in milliseconds, values."""


def of_topic(topic: str) -> str:
    """The device that a topic names; raises `Malformed`."""
    found = TOPIC.fullmatch(topic)
    if found is None:
        raise Malformed("topic", f"{topic[:100]!r} is not anlan/v1/{{device}}/readings")
    return found[1]


def from_json(raw: bytes, device: str = "") -> Columns:
    """The readings in a JSON payload; raises `Malformed`. All or none: a wrong one refuses the whole."""
    if len(raw) > LARGEST:
        raise Malformed("length", f"{len(raw)} bytes; a payload has at most {LARGEST}")
    try:
        content = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed("json", f"no JSON can be read here ({str(error)[:100]})") from error
    if isinstance(content, dict) and isinstance(content.get("ts"), list):
        columns = {name: content.get(name) for name in ("device", *_FIELDS)}
    else:
        rows = content if isinstance(content, list) else [content]
        if not all(isinstance(row, dict) for row in rows):
            raise Malformed("json", "a reading is an object with metric, ts and value")
        columns = {name: [row.get(name) for row in rows] for name in _FIELDS}
        named = [row.get("device") for row in rows]
        columns["device"] = named if any(name is not None for name in named) else None
    return _columns(columns, device)


def from_arrow(raw: bytes, device: str = "") -> Columns:
    """The readings in an Arrow IPC stream; raises `Malformed`."""
    if len(raw) > LARGEST:
        raise Malformed("length", f"{len(raw)} bytes; a payload has at most {LARGEST}")
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
        names = set(table.column_names)
        columns = {n: table.column(n).to_pylist() if n in names else None for n in ("device", *_FIELDS)}
    except (pa.ArrowException, ValueError, OSError) as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed("arrow", f"no stream of Arrow can be read here ({str(error)[:100]})") from error
    return _columns(columns, device)


def _columns(said: dict[str, Any], device: str) -> Columns:
    lists = {name: value for name, value in said.items() if value is not None}
    if missing := [name for name in _FIELDS if name not in lists]:
        raise Malformed("field", f"{missing[0]} is missing")
    if not all(isinstance(value, list) for value in lists.values()):
        raise Malformed("field", "columns are lists of the same length")
    length = len(lists["ts"])
    if any(len(value) != length for value in lists.values()):
        raise Malformed("field", "columns are lists of the same length")
    if not 0 < length <= MOST:
        raise Malformed("length", f"{length} readings; a payload has 1 to {MOST}")
    devices = _devices(lists.get("device"), device, length)
    for number, name in enumerate(lists["metric"]):
        if not isinstance(name, str) or not 0 < len(name) <= 60 or "\0" in name:
            raise Malformed("field", f"reading {number + 1}: metric is a text of 1 to 60 signs")
    return devices, lists["metric"], _moments(lists["ts"]), _values(lists["value"])


def _devices(named: list[Any] | None, device: str, length: int) -> list[str]:
    if named is None:
        if not device:
            raise Malformed("field", "device is missing")
        return [device] * length
    names = [str(name) if isinstance(name, int) and not isinstance(name, bool) else name for name in named]
    for number, name in enumerate(names):
        if name is None and device:
            names[number] = device
        elif not isinstance(name, str) or not 0 < len(name) <= 64 or "\0" in name:
            raise Malformed("field", f"reading {number + 1}: device is a text of 1 to 64 signs")
        elif device and name != device:
            raise Malformed("device", f"reading {number + 1}: {device} speaks for itself alone, not for {name}")
    return names


def _moments(said: list[Any]) -> Any:
    moments = np.empty(len(said), np.int64)
    for number, one in enumerate(said):
        if isinstance(one, str):
            try:
                moment = datetime.fromisoformat(one)
            except ValueError:
                moment = None
            if moment is None or moment.tzinfo is None:
                raise Malformed("time", f"reading {number + 1}: {one[:40]!r} is no moment with its offset")
            one = round(moment.timestamp() * 1000)
        elif isinstance(one, datetime):
            if one.tzinfo is None:
                raise Malformed("time", f"reading {number + 1}: a moment without its offset")
            one = round(one.timestamp() * 1000)
        if not isinstance(one, int) or isinstance(one, bool) or not 0 <= one < 1 << 62:
            raise Malformed("time", f"reading {number + 1}: ts is milliseconds since 1970")
        moments[number] = one
    return moments


def _values(said: list[Any]) -> Any:
    for number, one in enumerate(said):
        # Integers have no bound in JSON; of one that no float can hold it cannot even be asked whether it is finite.
        good = (isinstance(one, float) and isfinite(one)) or (isinstance(one, int) and abs(one) < 1 << 62)
        if not good:
            raise Malformed("value", f"reading {number + 1}: value is a number")
    return np.array(said, np.float64)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")
