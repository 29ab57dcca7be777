"""AIS: ships' reports as NMEA 0183 sentences (`!AIVDM`), read by pyais; ITU-R M.1371.

Reports of position (1-3, 18, 19, 27) become readings, and of the voyage (5) its draught. AIS has no time of day but the
second of the minute: the moment is that of the receiver, put back to that second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyais
from pyais.exceptions import AISBaseException

from . import Malformed, Reading

LONGEST = 82
"""Signs of a sentence, by NMEA 0183; receivers that write time and station before it send some more."""
_TAGGED = 400
MOST_PARTS = 9
_POSITIONS, _VOYAGE = frozenset({1, 2, 3, 18, 19, 27}), 5


class Joiner:
    """Puts messages in several sentences together; keeps at most `most` unfinished ones."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._open: dict[tuple[Any, ...], dict[int, bytes]] = {}

    def take(self, line: bytes) -> list[bytes] | None:
        """The sentences of the message that is whole by now, None until then. Raises `Malformed`."""
        line = sentence(line)
        fields = line.split(b",")
        try:
            count, number, key = int(fields[1]), int(fields[2]), (fields[0], fields[3], fields[4], fields[1])
        except (ValueError, IndexError):
            raise Malformed("sentence", "count and number of the sentences cannot be read") from None
        if not 1 <= number <= count <= MOST_PARTS:
            raise Malformed("parts", f"sentence {number} of {count}")
        if count == 1:
            return [line]
        parts = self._open.setdefault(key, {})
        parts[number] = line
        if len(parts) < count:
            if len(self._open) > self._most:
                del self._open[next(iter(self._open))]
            return None
        del self._open[key]
        return [parts[n] for n in range(1, count + 1)]


def sentence(line: bytes) -> bytes:
    """The sentence in a line, without what a receiver wrote before it; its checksum is right. Raises `Malformed`."""
    line = line.strip()
    if len(line) > _TAGGED:
        raise Malformed("length", f"{len(line)} signs; a sentence has at most {LONGEST}")
    if line[:1] == b"\\":
        line = line[line.find(b"\\", 1) + 1 :]
    if line[:1] not in (b"!", b"$") or line[3:6] not in (b"VDM", b"VDO") or len(line) > LONGEST + 20:
        raise Malformed("sentence", "no sentence of AIS")
    content, star, check = line[1:].partition(b"*")
    total = 0
    for byte in content:
        total ^= byte
    try:
        right = star == b"*" and int(check[:2], 16) == total
    except ValueError:
        right = False
    if not right:
        raise Malformed("checksum", "the checksum does not fit")
    return line


def message(sentences: list[bytes]) -> dict[str, Any]:
    """What a whole message says, by pyais' names; raises `Malformed`."""
    try:
        return dict(pyais.decode(*sentences).asdict(enum_as_int=True))
    except AISBaseException as error:
        raise Malformed("message", f"no message of AIS ({type(error).__name__})") from error
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise Malformed("message", f"no message of AIS ({error})") from error


def readings(said: dict[str, Any], received: int) -> Iterator[Reading]:
    """What a report measured; `received` in milliseconds. Values that mean "not available" are left out.

    Metrics: of a position lat, lon (degrees), speed (knots as km/h), course, heading (degrees), status; of a voyage
    draught (metres).
    """
    if said.get("msg_type") == _VOYAGE and (draught := said.get("draught")):
        yield Reading(_ship(said), "draught", received, float(draught))
    if said.get("msg_type") not in _POSITIONS:
        return
    lat, lon = said.get("lat"), said.get("lon")
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        return
    second = said.get("second", 60)
    ts = received
    if isinstance(second, int) and second < 60:
        ts = received - (received - second * 1000) % 60_000
    device, speed = _ship(said), said.get("speed")
    found: dict[str, float] = {"lat": lat, "lon": lon}
    # 102.3 knots (63 in message 27) stand for "not available", as 360 and 511 do for directions.
    if speed is not None and speed < (63 if said["msg_type"] == 27 else 102.3):
        found["speed"] = speed * 1.852
    for name, least in (("course", 360), ("heading", 511)):
        if said.get(name) is not None and said[name] < least:
            found[name] = said[name]
    if said.get("status") is not None and said["status"] < 15:
        found["nav_status"] = said["status"]
    yield from (Reading(device, name, ts, float(value)) for name, value in found.items())


def _ship(said: dict[str, Any]) -> str:
    """The number (MMSI) by which the register knows the ship."""
    return f"{said['mmsi']:09d}" if isinstance(said["mmsi"], int) else str(said["mmsi"])
