"""What a stream keeps of itself in a file: arrays one after the other, and a sum by which a changed file is known."""

from __future__ import annotations

import json
import zlib
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.format import read_array, write_array

from .kernel import CELL, EVENT, READING, RING, VALUE

FORM = 5
UNREADABLE = (OSError, ValueError, LookupError, TypeError)
"""What a file that is no snapshot raises where it is read as one."""


class BadSnapshot(ValueError):
    """The file is no snapshot of a stream."""


class Kept(NamedTuple):
    """What a snapshot holds, in the order in which it stands in the file."""

    told: Any
    """Names, versions and everything else that is no array, as JSON."""
    settled: Any
    latest: Any
    phase: Any
    cells: Any
    samples: Any
    rings: Any
    """Which of the samples are those of each lane."""
    lengths: Any
    """Of each device how many readings wait."""
    waiting: Any
    rows: Any
    """Events that are final, and were not taken."""


_RECORDS = {"latest": VALUE, "cells": CELL, "samples": RING, "waiting": READING, "rows": EVENT}
"""What is kept as the bytes that it is: numpy's own form takes records apart, field by field."""


def write(kept: Kept, file: Any) -> None:
    """Writes it all into an open file. Raises `OSError`."""
    for name, array in kept._asdict().items():
        write_array(file, array.view(np.uint8) if name in _RECORDS else array, allow_pickle=False)
    write_array(file, np.array(_sum(kept)), allow_pickle=False)


def facts_of(file: Any) -> dict[str, Any]:
    """What is no array, which stands first. Raises one of `UNREADABLE`."""
    return dict(json.loads(_array(file, "told").tobytes()))


def read(file: Any) -> tuple[Kept, dict[str, Any]]:
    """What `write` wrote, and what of it is no array. Raises `BadSnapshot` for another form or a file that has changed,
    and one of `UNREADABLE` for none at all."""
    told = _array(file, "told")
    facts = dict(json.loads(told.tobytes()))
    if facts["form"] != FORM:
        raise BadSnapshot("of another form than this version writes")
    kept = Kept(told, *(_array(file, name) for name in Kept._fields[1:]))
    if _array(file, "sum") != _sum(kept):
        raise BadSnapshot("damaged: it is not what was written")
    return kept, facts


def _sum(kept: Kept) -> int:
    """What all bytes come to."""
    return reduce(lambda before, array: zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data, before), kept, 0)


def _array(file: Any, name: str) -> Any:
    array = read_array(file)
    return array.view(_RECORDS[name]) if name in _RECORDS else array
