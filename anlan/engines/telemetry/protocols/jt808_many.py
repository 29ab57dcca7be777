"""Many vehicles' reports of where they are, read and answered together, as arrays.

Nearly all that terminals send is one location (0x0200) by itself, in a frame without an escaped byte. What of that kind
comes at the same time is read here at once; everything else goes through `jt808`, which says the same of it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from . import jt808
from .jt808 import ESCAPE, LOCATION, LONGEST_BODY, MARK, PLATFORM_REPLY
from .payload import Columns

HEAD = {False: 13, True: 18}
"""Bytes before the body, the mark included, of 2013's frames and of 2019's."""
_PHONE = {False: slice(5, 11), True: slice(6, 16)}
_MARKS = bytes([MARK])
_BASE = ("acc", "alarm", "emergency", "overspeed", "fatigue")
_PLACE = ("lat", "lon", "speed", "direction", "altitude")
_ITEMS = {item: (width, name) for item, width, name in jt808.MEASURED}


class Many(NamedTuple):
    """What frames of one length say. `good` marks those that could be read here, `ts` is of every frame."""

    good: Any
    ts: Any
    names: tuple[str, ...]
    values: Any
    """A row for each frame, a column for each name; NaN where a frame says nothing of it."""


def plain(data: bytes) -> bool:
    """Whether it can be read here: one whole frame without an escaped byte, as long as a location is."""
    return (
        len(data) > 4 and data[1:3] == b"\x02\x00" and 28 <= len(data) - HEAD[_v2019(data)] - 2 <= LONGEST_BODY
        and data[0] == MARK == data[-1] and ESCAPE not in data and data.find(_MARKS, 1, -1) < 0
    )  # fmt: skip


def phone(data: bytes) -> bytes:
    """The bytes of the header that name the terminal: 2013's are six, 2019's ten."""
    return data[_PHONE[_v2019(data)]]


def _v2019(data: bytes) -> bool:
    return bool(data[3] & 0x40)


def read(frames: Sequence[bytes]) -> Many:
    """What plain frames of one length and one year's standard say."""
    v2019, count, length = _v2019(frames[0]), len(frames), len(frames[0])
    head = HEAD[v2019]
    rows = np.frombuffer(b"".join(frames), np.uint8).reshape(count, length)
    good = np.bitwise_xor.reduce(rows[:, 1:-1], axis=1) == 0
    properties = (length - head - 2) | (1 << 14 if v2019 else 0)
    good &= (rows[:, 1:5] == np.frombuffer(struct.pack(">HH", LOCATION, properties), np.uint8)).all(axis=1)
    body = np.ascontiguousarray(rows[:, head:-2])
    ts = np.fromiter(map(_ts, body[:, 22:28].copy().view("V6").ravel().tolist()), np.int64, count)
    good &= ts >= 0
    items, alike = _items(body, int(good.argmax()))
    good &= alike
    alarm, status, lat_, lon_ = (body[:, at : at + 4].copy().view(">u4").ravel() for at in (0, 4, 8, 12))
    altitude, speed, direction = (body[:, at : at + 2].copy().view(">u2").ravel() for at in (16, 18, 20))
    lat, lon = lat_ / 1e6, lon_ / 1e6
    valid = (status >> 1 & 1).astype(bool) & ~(status >> 5 & 1).astype(bool) & (lat <= 90) & (lon <= 180)
    place = np.column_stack([
        np.where(status >> 2 & 1, -lat, lat), np.where(status >> 3 & 1, -lon, lon), speed / 10, direction, altitude,
    ])  # fmt: skip
    place[~valid] = np.nan
    values = np.column_stack([
        status & 1, alarm, alarm & 1, alarm >> 1 & 1, alarm >> 2 & 1, place,
        *(_number(body[:, at : at + width]) / 10 for at, width, _name in items),
    ])  # fmt: skip
    return Many(good, ts, (*_BASE, *_PLACE, *(name for _at, _width, name in items)), values)


def _items(body: Any, pattern: int) -> tuple[list[tuple[int, int, str]], Any]:
    """Where the measured additional items of one frame stand, and which frames have theirs in the same places."""
    found: dict[int, tuple[int, int, str]] = {}
    alike, at, first = np.ones(len(body), bool), 28, body[pattern].tobytes()
    while at < len(first):
        if at + 2 > len(first) or at + 2 + first[at + 1] > len(first):
            return [], np.zeros(len(body), bool)
        item, width = first[at], first[at + 1]
        alike &= (body[:, at] == item) & (body[:, at + 1] == width)
        wanted, name = _ITEMS.get(item, (-1, ""))
        found.pop(item, None)  # said twice, the last one counts
        if wanted == width:
            found[item] = at + 2, width, name
        at += 2 + width
    return list(found.values()), alike


def _number(columns: Any) -> Any:
    return sum(columns[:, n].astype(np.int64) << 8 * (columns.shape[1] - 1 - n) for n in range(columns.shape[1]))


@lru_cache(1 << 12)
def _ts(raw: bytes) -> int:
    """Milliseconds since 1970, -1 where it is no moment."""
    moment = jt808.moment(raw)
    return -1 if moment is None else int(moment.timestamp() * 1000)


def columns(many: Many, phones: Sequence[str], which: Any) -> Columns:
    """The readings of the frames that `which` marks; `phones` is of every frame."""
    rows = np.flatnonzero(which)
    there = ~np.isnan(many.values[rows])
    row, name = np.nonzero(there)
    devices, names = pa.array([phones[n] for n in rows.tolist()], pa.string()), pa.array(many.names, pa.string())
    return Columns(
        devices.take(pa.array(row)), names.take(pa.array(name)), many.ts[rows][row], many.values[rows][there]
    )


def replies(frames: Sequence[bytes], serials: Sequence[int], results: Any) -> list[bytes]:
    """The platform's answers (0x8001) to plain frames of one year's standard, each with its serial number."""
    v2019, count = _v2019(frames[0]), len(frames)
    head = HEAD[v2019]
    asked = np.frombuffer(b"".join(one[:head] for one in frames), np.uint8).reshape(count, head)
    rows = np.empty((count, head + 7), np.uint8)
    rows[:, :head] = asked
    rows[:, 1:5] = np.frombuffer(struct.pack(">HH", PLATFORM_REPLY, 5 | (1 << 14 if v2019 else 0)), np.uint8)
    rows[:, head - 2 : head] = np.array(serials, ">u2").view(np.uint8).reshape(count, 2)
    rows[:, head : head + 2] = asked[:, head - 2 :]
    rows[:, head + 2 : head + 4] = asked[:, 1:3]
    rows[:, head + 4] = results
    rows[:, head + 5] = np.bitwise_xor.reduce(rows[:, 1 : head + 5], axis=1)
    rows[:, head + 6] = MARK
    inner = rows[:, 1:-1]
    escaped = ((inner == MARK) | (inner == ESCAPE)).any(axis=1).tolist()
    whole, width = rows.tobytes(), head + 7
    answers = [whole[at : at + width] for at in range(0, count * width, width)]
    return [
        _MARKS + jt808.escaped(one[1:-1]) + _MARKS if odd else one for one, odd in zip(answers, escaped, strict=True)
    ]
