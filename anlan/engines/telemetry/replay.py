"""A file of readings → a file of events, by the rules of a file.

The readings are Parquet with the columns `device` (text or integer), `metric`, `ts` (milliseconds, or a timestamp)
and `value`, in any order. The events are one JSON object to a line, in order of time, device, rule and level, and
final: the same for the same readings however they were shuffled within the window of lateness or doubled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .compiled import compiled
from .kernel import NIL
from .rules import Rules
from .stream import Event, Stream
from .writing import keep

COLUMNS = ("device", "metric", "ts", "value")
BATCH = 1 << 18


class BadReadings(ValueError):
    """The file holds no readings; says which file and which column."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: how many readings there were, what was refused and why, how many events."""

    readings: int
    counts: dict[str, int]
    events: int


def replay(source: Path, rules: Rules, out: Path, *, progress: Callable[[int, int], None] | None = None) -> Replayed:
    """Runs the rules over the file and writes the events; `out` is whole or as it was. Raises `BadReadings`, `OSError`.

    `progress` is told how many of how many readings are done.
    """
    stream, total = Stream(compiled(rules), at_once=False), 0
    with opened(source) as file:
        if wrong := faults(file.schema_arrow):
            raise BadReadings(f"{source}: {wrong}")
        integers = pa.types.is_integer(file.schema_arrow.field("device").type)
        try:
            for batch in file.iter_batches(BATCH, columns=list(COLUMNS)):
                total += batch.num_rows
                take(stream, batch)
                if progress:
                    progress(total, file.metadata.num_rows)
        except (pa.ArrowException, OSError) as error:
            raise BadReadings(f"{source}: row {total + 1}: cannot be read ({str(error)[:200]})") from error
    return Replayed(total, dict(stream.counts), written(out, stream.finish(), integers))


def written(out: Path, events: Sequence[Event], integers: bool) -> int:
    """Writes the events in order, devices as the numbers that they are where they came so; returns how many."""
    numbers = {event.device: int(event.device) for event in events} if integers else {}
    ordered = sorted(events, key=lambda e: (e.ts, numbers.get(e.device, e.device), e.rule, e.level, e.state))
    keep(out, b"".join(_line(event, numbers) for event in ordered))
    return len(ordered)


def _line(event: Event, numbers: dict[str, int]) -> bytes:
    told = event.told() | {"device": numbers.get(event.device, event.device)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def opened(source: Path) -> Any:
    """The Parquet file, its names read as codes. Raises `BadReadings`, `FileNotFoundError`."""
    try:
        return pq.ParquetFile(source, read_dictionary=["device", "metric"])
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise BadReadings(f"{source}: no Parquet file can be read here ({str(error)[:200]})") from error


def faults(schema: Any) -> str:
    """Why files of this schema hold no readings; empty where they do."""
    for name in COLUMNS:
        if name not in schema.names:
            return f"column {name} is missing"
    kinds: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "device": ("text or integer", lambda kind: _is_text(kind) or pa.types.is_integer(kind)),
        "metric": ("text", _is_text),
        "ts": (
            "integer (milliseconds) or timestamp",
            lambda kind: pa.types.is_integer(kind) or pa.types.is_timestamp(kind),
        ),
        "value": ("number", lambda kind: pa.types.is_floating(kind) or pa.types.is_integer(kind)),
    }
    for name, (words, fits) in kinds.items():
        kind = schema.field(name).type
        if not fits(kind):
            return f"column {name} is of type {kind}, not {words}"
    return ""


def _is_text(kind: Any) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain))


def filled(batch: Any) -> tuple[Any, int]:
    """The rows that have a value in every column, and how many have not: they are no readings."""
    if not any(column.null_count for column in batch.columns):
        return batch, 0
    there = reduce(pc.and_, (pc.is_valid(column) for column in batch.columns))
    kept = batch.filter(there)
    return kept, batch.num_rows - kept.num_rows


def take(stream: Stream, batch: Any) -> None:
    """Hands a batch to the stream."""
    batch, empty = filled(batch)
    stream.counts["no_number"] += empty
    stream.feed_coded(
        _coded(batch.column("device"), stream.code),
        _coded(batch.column("metric"), stream.metric),
        moments(batch.column("ts")),
        batch.column("value").cast(pa.float64()).to_numpy(zero_copy_only=False),
    )


def _coded(column: Any, code: Callable[[list[str]], Any]) -> Any:
    """Each text or number by its code; each different one is looked up once."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    codes = code([str(name) for name in column.dictionary.to_pylist()])
    found = column.indices.to_numpy(zero_copy_only=False)
    return codes[found] if len(codes) else np.full(len(found), NIL, np.int32)


def moments(column: Any) -> Any:
    """Milliseconds, of numbers or timestamps of any width."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms"), safe=False)
    return column.cast(pa.int64()).to_numpy(zero_copy_only=False)
