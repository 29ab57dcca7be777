"""Noise for the decoders of each protocol: real messages to begin with, and what reads them.

Run as a program it makes noise that is led by the branches it reaches, until stopped or for so many runs:
`python -m anlan.engines.telemetry.tests.noise jt808 -runs=1000000` (Atheris; the options are libFuzzer's).
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":
    import atheris

    with atheris.instrument_imports(include=["anlan.engines.telemetry.protocols"]):
        from anlan.engines.telemetry.protocols import Malformed, ais, jt808, mqtt, payload
else:
    from anlan.engines.telemetry.protocols import Malformed, ais, jt808, mqtt, payload

import contextlib

from .test_other_protocols import NOON, POSITION, STATIC

Read = Callable[[bytes], Any]
"""Reads what came; raises `Malformed`. Anything else that it raises is a fault."""


class Noise(NamedTuple):
    """Messages to begin with, what makes the outside of a changed one right again, and a reader for a connection."""

    seeds: list[bytes]
    mended: Callable[[bytes], bytes]
    reader: Callable[[], Read]


def _placed(readings: Any) -> None:
    for reading in readings:
        assert reading.metric not in ("lat", "lon") or abs(reading.value) <= 180


def _jt808_mended(raw: bytes) -> bytes:
    inside = raw[1:-2]
    body = (inside + bytes([reduce(xor, inside, 0)])).replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")
    return b"\x7e" + body + b"\x7e"


def _jt808_reader() -> Read:
    cutter, joiner = jt808.Cutter(), jt808.Joiner()

    def read(raw: bytes) -> None:
        for one in cutter.feed(raw):
            whole = joiner.take(jt808.unframed(one))
            if whole is None:
                continue
            if whole.id in (jt808.LOCATION, jt808.LOCATIONS):
                _placed(jt808.readings(whole))
            else:
                jt808.message(whole)

    return read


def _ais_mended(raw: bytes) -> bytes:
    content = raw.partition(b"*")[0].lstrip(b"!")
    return b"!" + content + b"*%02X" % reduce(xor, content, 0)


def _ais_reader() -> Read:
    joiner = ais.Joiner()

    def read(raw: bytes) -> None:
        if whole := joiner.take(raw):
            _placed(ais.readings(ais.message(whole), NOON))

    return read


def _mqtt_mended(raw: bytes) -> bytes:
    body = raw[2:][:120]
    return bytes([raw[0] if raw else 0x30, len(body)]) + body


def _mqtt_read(raw: bytes) -> None:
    for packet in mqtt.Cutter().feed(raw):
        if packet.kind == mqtt.CONNECT:
            mqtt.connection(packet)
        elif packet.kind == mqtt.PUBLISH:
            heard = mqtt.publication(packet, 4)
            payload.read(heard.payload, payload.of_topic(heard.topic))
        elif packet.kind == mqtt.SUBSCRIBE:
            mqtt.topics(packet, 4)


def _json_read(raw: bytes) -> None:
    import numpy as np

    assert np.isfinite(payload.read(raw, "k1").value).all()


_TOPIC, _SAID = b"anlan/v1/k1/readings", b'{"metric":"ch4","ts":1371182400000,"value":1}'
NOISES = {
    "jt808": Noise(
        [bytes.fromhex(one["hex"]) for one in json.loads((Path(__file__).parent / "jt808_frames.json").read_text())],
        _jt808_mended,
        _jt808_reader,
    ),
    "ais": Noise([line.encode() for line in (POSITION, *STATIC)], _ais_mended, _ais_reader),
    "mqtt": Noise(
        [
            b"\x10\x1e\x00\x04MQTT\x04\xc2\x00\x3c\x00\x04dev1\x00\x04dev1\x00\x06secret",
            b"\x10\x1c\x00\x04MQTT\x05\xc2\x00\x3c\x00\x00\x04dev1\x00\x04dev1\x00\x03key",
            b"\x32" + bytes([4 + len(_TOPIC) + len(_SAID)]) + b"\x00\x14" + _TOPIC + b"\x00\x07" + _SAID,
            b"\x82\x08\x00\x01\x00\x03a/b\x01",
        ],
        _mqtt_mended,
        lambda: _mqtt_read,
    ),
    "json": Noise(
        [
            b'{"device":"k1","metric":"ch4","ts":1371182400000,"value":0.5}',
            b'[{"device":"k1","metric":"ch4","ts":"2013-06-14T12:00:00+08:00","value":5},'
            b'{"metric":"co","ts":1,"value":2}]',
            b'{"device":["k1","k2"],"metric":["a","b"],"ts":[1,2],"value":[0.1,2]}',
        ],
        bytes,
        lambda: _json_read,
    ),
}


def main(name: str, options: list[str]) -> None:
    noise = NOISES[name]

    def one(raw: bytes) -> None:
        for said in (raw, noise.mended(raw)):
            with contextlib.suppress(Malformed):
                noise.reader()(said)

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(noise.seeds):
            (Path(folder) / f"{number}").write_bytes(seed)
        atheris.Setup([name, "-max_len=400", "-rss_limit_mb=2048", *options, folder], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
