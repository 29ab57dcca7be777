"""What is read of many frames at once is what is read of each by itself, or is left to that."""

from __future__ import annotations

import random
import struct
from datetime import datetime

import numpy as np
import pytest

from anlan.engines.telemetry.protocols import Malformed, jt808, jt808_many
from anlan.engines.telemetry.protocols.jt808 import BEIJING, Frame, Location

PHONES = ("13900000001", "14400000002", "64301234567")
NOW = datetime(2013, 6, 14, 8, 30, 7, tzinfo=BEIJING)


def report(rng: random.Random, v2019: bool, items: dict[int, bytes]) -> bytes:
    """A frame as terminals send it, with whatever can stand in its numbers."""
    place = Location(
        rng.getrandbits(32), rng.choice([3, 2, 0, 3 | 1 << 5, 3 | 1 << 2, 3 | 3 << 2]), rng.choice([29.7, 91.0, 0.0]),
        rng.choice([106.6, 181.0]), rng.randint(0, 0xFFFF), rng.randint(0, 0xFFFF) / 10, rng.randint(0, 0xFFFF),
        NOW.replace(second=rng.randint(0, 59)), True, items,
    )  # fmt: skip
    body = jt808.located(place)
    if rng.random() < 0.1:
        body = body[:22] + rng.choice([b"\x13\x13\x01\x01\x01\x01", b"\xff" * 6]) + body[28:]  # no moment
    frame = Frame(jt808.LOCATION, rng.choice(PHONES), rng.getrandbits(16), body, v2019, 1 if v2019 else 0)
    return jt808.framed(frame)


def of_each(raw: bytes) -> list[tuple[str, str, int, float]]:
    try:
        return [tuple(one) for one in jt808.readings(jt808.unframed(raw))]
    except Malformed:
        return []


@pytest.mark.parametrize("v2019", [False, True])
def test_as_one_by_one(v2019: bool) -> None:
    rng, read = random.Random(1), 0
    layouts = [{}, {1: b"\0\0\1\2", 2: b"\0\7"}, {1: b"\1\2\3\4", 3: b"\0\1"}, {1: b"\1\2", 2: b"\0\7", 0x30: b"\x1f"}]
    for _round in range(200):
        items = rng.choice(layouts)
        frames = [report(rng, v2019, items if rng.random() < 0.9 else rng.choice(layouts)) for _ in range(40)]
        for place in range(0, 40, 7):  # and some that were damaged on the way
            at = rng.randrange(1, len(frames[place]) - 1)
            frames[place] = frames[place][:at] + bytes([rng.getrandbits(8)]) + frames[place][at + 1 :]
        same = [one for one in frames if jt808_many.plain(one) and len(one) == len(frames[1])
                and bool(one[3] & 0x40) == v2019]  # fmt: skip
        if not same:
            continue
        many = jt808_many.read(same)
        phones = [jt808_many.phone(one).hex().lstrip("0") for one in same]
        taken = jt808_many.columns(many, phones, many.good)
        found = sorted(zip(taken.device.to_pylist(), taken.metric.to_pylist(), taken.ts.tolist(), taken.value.tolist(),
                           strict=True))  # fmt: skip
        good = [one for one, ok in zip(same, many.good.tolist(), strict=True) if ok]
        assert found == sorted(row for one in good for row in of_each(one))
        # Whatever can be read by itself, has a moment and stands as the first such one does, is read here.
        whole = [one for one in same if of_each(one)]
        first = jt808.location(jt808.unframed(whole[0]).body).items if whole else {}
        for one, ok in zip(same, many.good.tolist(), strict=True):
            if not ok and of_each(one):
                theirs = jt808.location(jt808.unframed(one).body).items
                assert {k: len(v) for k, v in theirs.items()} != {k: len(v) for k, v in first.items()}
        read += len(good)
        serials = [rng.choice([0x7D, 0x7E7D, rng.getrandbits(16)]) for _ in good]
        if good:
            results = np.array([rng.choice([jt808.DONE, jt808.FAILED]) for _ in good])
            assert jt808_many.replies(good, serials, results) == [
                jt808.reply(jt808.unframed(one), serial, result)
                for one, serial, result in zip(good, serials, results.tolist(), strict=True)
            ]
    assert read > 2_000


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\x7e", b"\x7e\x02\x00\x00\x1c\x7e", b"\x7e\x02\x00" + b"\0" * 2_000 + b"\x7e",
        jt808.framed(Frame(jt808.HEARTBEAT, PHONES[0], 1, b"")),
        jt808.framed(Frame(jt808.LOCATION, PHONES[0], 1, b"\0" * 27)),
        jt808.framed(Frame(jt808.LOCATION, PHONES[0], 0x7E, b"\0" * 28)),
        jt808.framed(Frame(jt808.LOCATION, PHONES[0], 1, b"\0" * 28)) * 2,
        jt808.framed(Frame(jt808.LOCATION, PHONES[0], 1, b"\0" * 28))[:-1],
    ],
)  # fmt: skip
def test_what_is_not_plain_goes_by_itself(raw: bytes) -> None:
    assert not jt808_many.plain(raw)


def test_parts_and_encrypted_bodies_go_by_themselves() -> None:
    body = jt808.located(Location(0, 3, 29.7, 106.6, 300, 62.0, 90, NOW, True))
    whole = jt808.framed(Frame(jt808.LOCATION, PHONES[0], 1, body))
    assert jt808_many.read([whole]).good.tolist() == [True]
    for bit in (1 << 13, 1 << 10, 1 << 14):
        head = struct.pack(">HH", jt808.LOCATION, len(body) | bit)
        inner = head + whole[5:-2]
        raw = b"\x7e" + inner + bytes([jt808._folded(inner)]) + b"\x7e"
        assert not jt808_many.plain(raw) or jt808_many.read([raw]).good.tolist() == [False]
