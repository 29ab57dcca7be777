"""A file of readings → a file of events, by the rules of a file.

The readings are Parquet with the columns `device` (text or integer), `metric`, `ts` (milliseconds, or a timestamp)
and `value`, in any order. The events are one JSON object to a line, in order of time, device, rule and level, and
final: the same for the same readings however they were shuffled within the window of lateness or doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from .compiled import compiled
from .rules import Rules
from .stations import Stations
from .stream import COLUMNS, PROCESSORS, Event, Stream
from .writing import keep

BATCH = 1 << 18
_json = msgspec.json.Encoder()


class BadReadings(ValueError):
    """The file holds no readings; says which file and which column."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: how many readings there were, what was refused and why, how many events."""

    readings: int
    counts: dict[str, int]
    events: int


def replay(
    source: Path, rules: Rules, out: Path, *, stations: Stations | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Replayed:  # fmt: skip
    """Runs the rules over the file and writes the events; `out` is whole or as it was. Raises `BadReadings`, `OSError`.

    `stations` says which devices rules over stations look at together; `progress` is told how many of how many
    readings are done.
    """
    stream, total = Stream(compiled(rules), at_once=False, parts=PROCESSORS, stations=stations), 0
    for batch, rows in batches(source):
        total += batch.num_rows
        stream.feed_arrow(batch)
        if progress:
            progress(total, rows)
    numbered = total > 0 and pa.types.is_integer(batch.schema.field("device").type)
    return Replayed(total, dict(stream.counts), written(out, stream.finish(), numbered))


def written(out: Path, events: list[Event], numbered: bool) -> int:
    """Writes the events; returns how many."""
    keep(out, lines(events, numbered))
    return len(events)


def batches(source: Path) -> Iterator[tuple[Any, int]]:
    """The readings of a file as Arrow batches, each with the number of rows of the whole; while one is looked at the
    next is read. Raises `BadReadings`, `OSError`."""
    total = 0
    with opened(source) as file, ThreadPoolExecutor(1) as reader:
        if wrong := faults(file.schema_arrow):
            raise BadReadings(f"{source}: {wrong}")
        rows = file.metadata.num_rows
        try:
            parts = file.iter_batches(BATCH, columns=list(COLUMNS))
            coming = reader.submit(next, parts, None)
            while (batch := coming.result()) is not None:
                coming = reader.submit(next, parts, None)
                total += batch.num_rows
                yield batch, rows
        except (pa.ArrowException, OSError) as error:
            raise BadReadings(f"{source}: row {total + 1}: cannot be read ({str(error)[:200]})") from error


def lines(events: list[Event], numbered: bool = False) -> bytes:
    """Events as JSON, one to a line, in order; `numbered` where devices are named by integers."""
    named: list[Any] = [event._replace(device=int(event.device)) for event in events] if numbered else events  # type: ignore[arg-type]
    return _json.encode_lines([event.told() for event in sorted(named)])


def opened(source: Path) -> Any:
    try:
        return pq.ParquetFile(source, read_dictionary=["device", "metric"])
    except FileNotFoundError as error:
        raise BadReadings(f"{source}: no such file") from error
    except (pa.ArrowException, OSError) as error:
        raise BadReadings(f"{source}: no Parquet file can be read here ({str(error)[:200]})") from error


def faults(schema: Any) -> str:
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
