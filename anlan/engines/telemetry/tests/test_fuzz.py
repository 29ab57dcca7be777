"""A million messages of noise for each protocol: refused by kind, and nothing else; none makes a reading up.

Real messages with bytes changed, cut, doubled and put together anew, half of them with their checksum set right again,
so that what lies behind it is reached. The same every time: what fails can be looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from anlan.engines.telemetry.protocols import Malformed, ais, jt808, mqtt, payload

from .test_other_protocols import NOON, POSITION, STATIC

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
MILLION = 1_000_000
FRAMES = json.loads((Path(__file__).parent / "jt808_frames.json").read_text())


def noise(seeds: list[bytes], count: int, mended: Callable[[bytearray], bytes]) -> Iterator[bytes]:
    """So many messages. `mended` makes a message's outside right again."""
    rng = np.random.default_rng(20130614)
    for _ in range(count // 1000):
        which = rng.integers(0, len(seeds), 1000).tolist()
        ways = rng.integers(0, 8, 1000).tolist()
        numbers = rng.integers(0, 1 << 30, (1000, 4)).tolist()
        for seed, way, (a, b, c, d) in zip(which, ways, numbers, strict=True):
            raw = bytearray(seeds[seed])
            if raw:
                raw[a % len(raw)] = b & 0xFF
            if way & 1 and raw:
                raw[c % len(raw)] ^= 1 << d % 8
            if way == 4:
                del raw[a % (len(raw) + 1) :]
            elif way == 5:
                raw[a % (len(raw) + 1) : a % (len(raw) + 1)] = raw[: c % 40]
            elif way == 6:
                raw += seeds[c % len(seeds)][d % 20 :]
            yield mended(raw) if way & 2 else bytes(raw)


def _jt808_mended(raw: bytearray) -> bytes:
    inside = bytes(raw[1:-2])
    check = 0
    for byte in inside:
        check ^= byte
    body = (inside + bytes([check])).replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")
    return b"\x7e" + body + b"\x7e"


def test_jt808() -> None:
    seeds = [bytes.fromhex(one["hex"]) for one in FRAMES]
    cutter, joiner, said, refused = jt808.Cutter(), jt808.Joiner(), 0, 0
    for raw in noise(seeds, MILLION, _jt808_mended):
        try:
            for one in cutter.feed(raw):
                whole = joiner.take(jt808.unframed(one))
                if whole is None:
                    continue
                if whole.id in (jt808.LOCATION, jt808.LOCATIONS):
                    for reading in jt808.readings(whole):
                        assert reading.metric not in ("lat", "lon") or abs(reading.value) <= 180
                else:
                    jt808.message(whole)
                said += 1
        except Malformed:
            refused += 1
            cutter = jt808.Cutter()
    assert said > 10_000
    assert refused > 100_000


def _ais_mended(raw: bytearray) -> bytes:
    content = bytes(raw).partition(b"*")[0].lstrip(b"!")
    check = 0
    for byte in content:
        check ^= byte
    return b"!" + content + b"*%02X" % check


def test_ais() -> None:
    seeds = [line.encode() for line in (POSITION, *STATIC)]
    joiner, said, refused = ais.Joiner(), 0, 0
    for raw in noise(seeds, MILLION, _ais_mended):
        try:
            if whole := joiner.take(raw):
                for reading in ais.readings(ais.message(whole), NOON):
                    assert reading.metric not in ("lat", "lon") or abs(reading.value) <= 180
                said += 1
        except Malformed:
            refused += 1
    assert said > 10_000
    assert refused > 100_000


def _mqtt_mended(raw: bytearray) -> bytes:
    body = bytes(raw[2:])[:120]
    return bytes([raw[0] if raw else 0x30, len(body)]) + body


def test_mqtt() -> None:
    connect = b"\x10\x1e\x00\x04MQTT\x04\xc2\x00\x3c\x00\x04dev1\x00\x04dev1\x00\x06secret"
    five = b"\x10\x1c\x00\x04MQTT\x05\xc2\x00\x3c\x00\x00\x04dev1\x00\x04dev1\x00\x03key"
    topic = b"anlan/v1/k1/readings"
    said = b'{"metric":"ch4","ts":1371182400000,"value":1}'
    publish = b"\x32" + bytes([2 + len(topic) + 2 + len(said)]) + b"\x00\x14" + topic + b"\x00\x07" + said
    subscribe = b"\x82\x08\x00\x01\x00\x03a/b\x01"
    understood = refused = 0
    for raw in noise([connect, five, publish, subscribe], MILLION, _mqtt_mended):
        try:
            for packet in mqtt.Cutter().feed(raw):
                if packet.kind == mqtt.CONNECT:
                    mqtt.connection(packet)
                elif packet.kind == mqtt.PUBLISH:
                    heard = mqtt.publication(packet, 4)
                    payload.read(heard.payload, payload.of_topic(heard.topic))
                elif packet.kind == mqtt.SUBSCRIBE:
                    mqtt.topics(packet, 4)
                understood += 1
        except Malformed:
            refused += 1
    assert understood > 10_000
    assert refused > 100_000


def test_json() -> None:
    seeds = [
        b'{"device":"k1","metric":"ch4","ts":1371182400000,"value":0.5}',
        b'[{"device":"k1","metric":"ch4","ts":"2013-06-14T12:00:00+08:00","value":5},{"metric":"co","ts":1,"value":2}]',
        b'{"device":["k1","k2"],"metric":["a","b"],"ts":[1,2],"value":[0.1,2]}',
    ]
    understood = refused = 0
    for raw in noise(seeds, MILLION, bytes):
        try:
            read = payload.read(raw, "k1")
            assert np.isfinite(read.value).all()
            understood += 1
        except Malformed:
            refused += 1
    assert understood > 10_000
    assert refused > 100_000
