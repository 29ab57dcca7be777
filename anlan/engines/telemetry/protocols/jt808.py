"""JT/T 808: terminals of vehicles, as of 2011, 2013 and 2019.

A frame is 0x7E, header, body, check byte, 0x7E; inside, 0x7E is written 7D 02 and 0x7D is 7D 01. The header holds the
message's id, the properties of its body, the terminal's phone number in BCD, a serial number and, of a message in
parts, how many and which. Numbers are big-endian, texts GBK, times BCD in Beijing time.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple

from . import Malformed, Reading

MARK, ESCAPE = 0x7E, 0x7D
LONGEST_BODY = 1023
"""Bytes of a body that the header's ten bits can state."""
LONGEST_FRAME = 2 * (LONGEST_BODY + 22) + 2
"""Bytes of a frame in which every byte is escaped."""
MOST_PARTS = 200
"""Parts of one message: some 200 KB."""
BEIJING = timezone(timedelta(hours=8))

GENERAL_REPLY, HEARTBEAT, LOGOUT, REGISTER, AUTHENTICATE = 0x0001, 0x0002, 0x0003, 0x0100, 0x0102
LOCATION, LOCATIONS = 0x0200, 0x0704
PLATFORM_REPLY, REGISTER_REPLY = 0x8001, 0x8100
DONE, FAILED, WRONG, UNSUPPORTED, ALARM_CONFIRMED = range(5)
"""Results in a platform's reply."""
REGISTERED, VEHICLE_TAKEN, NO_VEHICLE, TERMINAL_TAKEN, NO_TERMINAL = range(5)
"""Results of a registration."""

ALARMS = {
    0: "emergency", 1: "overspeed", 2: "fatigue", 3: "danger", 4: "gnss_fault", 5: "antenna_cut", 6: "antenna_short",
    7: "low_power", 8: "power_off", 9: "display_fault", 10: "tts_fault", 11: "camera_fault", 12: "card_fault",
    13: "overspeed_warning", 14: "fatigue_warning", 18: "day_driving", 19: "parking", 20: "area", 21: "route",
    22: "section_time", 23: "off_route", 24: "vss_fault", 25: "fuel", 26: "stolen", 27: "illegal_ignition",
    28: "illegal_move", 29: "collision", 30: "rollover", 31: "illegal_door",
}  # fmt: skip
"""Bits of a location's alarm word."""
_PARTS, _VERSION_2019, _ENCRYPTED, _LENGTH = 1 << 13, 1 << 14, 0b111 << 10, 0x3FF
_LOCATION = struct.Struct(">IIIIHHH6s")


class Frame(NamedTuple):
    """A frame, or with several put together a whole message."""

    id: int
    phone: str
    serial: int
    body: bytes
    v2019: bool = False
    version: int = 0
    """The protocol's version as 2019's header states it."""
    parts: int = 1
    part: int = 1


@dataclass(frozen=True, slots=True)
class Location:
    """Where a vehicle was. `valid` where it is located and the coordinates can be; degrees, km/h, metres."""

    alarm: int
    status: int
    lat: float
    lon: float
    altitude: int
    speed: float
    direction: int
    time: datetime | None
    valid: bool
    items: dict[int, bytes] = field(default_factory=dict)

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarms by name; a bit that the standard keeps free by its number."""
        return tuple(ALARMS.get(bit, str(bit)) for bit in range(32) if self.alarm >> bit & 1)


# --- Frames ----------------------------------------------------------------------------------------------


def unframed(raw: bytes) -> Frame:
    """The frame between two marks (with them or without); raises `Malformed`."""
    inner = raw[1 if raw[:1] == b"\x7e" else 0 : -1 if raw[-1:] == b"\x7e" else None]
    if len(raw) > LONGEST_FRAME:
        raise Malformed("length", f"{len(raw)} bytes; a frame has at most {LONGEST_FRAME}")
    if MARK in inner:
        raise Malformed("frame", "more than one frame")
    data = _unescaped(inner)
    if len(data) < 13:
        raise Malformed("length", f"{len(data)} bytes are no frame")
    if _folded(data):
        raise Malformed("checksum", "the check byte does not fit")
    return _parsed(data[:-1])


def _folded(data: bytes) -> int:
    """All bytes by exclusive or: halves are laid upon each other until one byte is left."""
    number, half = int.from_bytes(data), 8
    while half < 4 * len(data):
        half *= 2
    while half >= 8:
        number ^= number >> half
        half >>= 1
    return number & 0xFF


def _unescaped(inner: bytes) -> bytes:
    if ESCAPE not in inner:
        return inner
    parts = inner.split(b"\x7d")
    for part in parts[1:]:
        if part[:1] not in (b"\x01", b"\x02"):
            raise Malformed("escape", "0x7D stands before something else than 01 and 02")
    return parts[0] + b"".join((b"\x7d" if part[0] == 1 else b"\x7e") + part[1:] for part in parts[1:])


def _parsed(data: bytes) -> Frame:
    id_, properties = struct.unpack_from(">HH", data)
    v2019 = bool(properties & _VERSION_2019)
    at, digits, version = (5, 10, data[4]) if v2019 else (4, 6, 0)
    split = bool(properties & _PARTS)
    begin = at + digits + 2 + (4 if split else 0)
    if len(data) < begin:
        raise Malformed("length", "the header is cut off")
    phone = _bcd(data[at : at + digits])
    (serial,) = struct.unpack_from(">H", data, at + digits)
    parts, part = struct.unpack_from(">HH", data, at + digits + 2) if split else (1, 1)
    if properties & _ENCRYPTED:
        raise Malformed("encrypted", "the body is encrypted, and no key was agreed on")
    stated, there = properties & _LENGTH, len(data) - begin
    if there != stated:
        raise Malformed("length", f"the header states a body of {stated} bytes, there are {there}")
    if not 1 <= part <= parts <= MOST_PARTS:
        raise Malformed("parts", f"part {part} of {parts}")
    return Frame(id_, phone, serial, data[begin:], v2019, version, parts, part)


def framed(frame: Frame) -> bytes:
    """The bytes of a frame; the opposite of `unframed`. Raises `ValueError` for what does not fit into one."""
    if len(frame.body) > LONGEST_BODY:
        raise ValueError(f"a body of {len(frame.body)} bytes goes in parts")
    split = frame.parts > 1
    properties = len(frame.body) | (_PARTS if split else 0) | (_VERSION_2019 if frame.v2019 else 0)
    if not frame.phone.isdecimal() or len(frame.phone) > (20 if frame.v2019 else 12):
        raise ValueError(f"{frame.phone!r} is no phone number of a terminal")
    head = struct.pack(">HH", frame.id, properties) + (bytes([frame.version]) if frame.v2019 else b"")
    head += number(frame.phone, frame.v2019) + struct.pack(">H", frame.serial)
    data = head + (struct.pack(">HH", frame.parts, frame.part) if split else b"") + frame.body
    return b"\x7e" + escaped(data + bytes([_folded(data)])) + b"\x7e"


def number(phone: str, v2019: bool) -> bytes:
    """A terminal's number as it stands in a header."""
    return bytes.fromhex(phone.zfill(20 if v2019 else 12))


def escaped(data: bytes) -> bytes:
    """What stands between the marks, so that no mark stands in it."""
    return data.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


class Cutter:
    """Cuts a stream of bytes into frames. `feed` returns what is whole by now, each frame without its marks.

    What stands between frames is no frame and is counted in `skipped`; more than a frame can have without an end raises
    `Malformed`, since a peer that never ends would fill the memory.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.skipped = 0

    @property
    def begun(self) -> bool:
        """Whether bytes wait for the end of their frame."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        *whole, self._rest = (self._rest + data).split(b"\x7e")
        if len(self._rest) > LONGEST_FRAME:
            raise Malformed("length", "no frame ends here")
        found = [frame for frame in whole if frame]
        good = [frame for frame in found if len(frame) >= 13]
        self.skipped += len(found) - len(good)
        return good


class Joiner:
    """Puts messages in parts together. Keeps at most `most` unfinished messages, of which the oldest goes first."""

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._open: dict[tuple[int, int, int], dict[int, bytes]] = {}

    def take(self, frame: Frame) -> Frame | None:
        """The whole message once its last part is here, None until then."""
        if frame.parts == 1:
            return frame
        # Serial numbers of the parts follow each other: the first one's names the message.
        first = (frame.serial - frame.part + 1) & 0xFFFF
        key = (frame.id, first, frame.parts)
        parts = self._open.setdefault(key, {})
        parts[frame.part] = frame.body
        if len(parts) < frame.parts:
            if len(self._open) > self._most:
                del self._open[next(iter(self._open))]
            return None
        del self._open[key]
        body = b"".join(parts[number] for number in range(1, frame.parts + 1))
        return Frame(frame.id, frame.phone, first, body, frame.v2019, frame.version)


# --- Bodies ----------------------------------------------------------------------------------------------


def message(frame: Frame) -> dict[str, Any]:
    """What a message says, by name; of one that this module does not read the bytes of the body. Raises `Malformed`."""
    body = frame.body
    match frame.id:
        case 0x0001 | 0x8001:
            _exactly(body, 5)
            serial, id_, result = struct.unpack(">HHB", body)
            return {"reply_serial": serial, "reply_id": id_, "result": result}
        case 0x0002 | 0x0003:
            _exactly(body, 0)
            return {}
        case 0x0100:
            return _registration(body, frame.v2019)
        case 0x8100:
            _at_least(body, 3)
            serial, result = struct.unpack_from(">HB", body)
            return {"reply_serial": serial, "result": result, "code": _text(body[3:]) if result == REGISTERED else None}
        case 0x0102:
            return _authentication(body, frame.v2019)
        case 0x0200:
            return {"location": location(body)}
        case 0x0704:
            kind, found = locations(body)
            return {"type": kind, "locations": found}
    return {"body": body}


def _registration(body: bytes, v2019: bool) -> dict[str, Any]:
    """Widths of maker, model and terminal differ: 2011 has 5, 8, 7; 2013 5, 20, 7; 2019 11, 30, 30."""
    if v2019:
        maker, model, terminal, year = 11, 30, 30, 2019
    else:
        maker, terminal = 5, 7
        # 2011 and 2013 differ by twelve bytes of the model, and the plate that follows has no length of its own. A
        # plate has a colour of at most 9 before it and no zero in it; what is padded with zeros is a model.
        model, year = (20, 2013) if len(body) >= 37 and _fits_2013(body) else (8, 2011)
    fixed = 4 + maker + model + terminal + 1
    _at_least(body, fixed)
    province, city = struct.unpack_from(">HH", body)
    at = 4
    texts = []
    for width in (maker, model, terminal):
        texts.append(_text(body[at : at + width]))
        at += width
    return {
        "version": year, "province": province, "city": city, "maker": texts[0], "model": texts[1], "terminal": texts[2],
        "colour": body[at], "plate": _text(body[at + 1 :]),
    }  # fmt: skip


def _fits_2013(body: bytes) -> bool:
    return body[36] <= 9 and b"\x00" not in body[37:]


def _authentication(body: bytes, v2019: bool) -> dict[str, Any]:
    if not v2019:
        return {"code": _text(body)}
    _at_least(body, 1)
    length = body[0]
    _at_least(body, 1 + length)
    rest = body[1 + length :]
    return {"code": _text(body[1 : 1 + length]), "imei": _text(rest[:15]), "software": _text(rest[15:35])}


def location(body: bytes) -> Location:
    """One location (0x0200); raises `Malformed`."""
    _at_least(body, 28)
    alarm, status, lat_, lon_, altitude, speed, direction, time = _LOCATION.unpack_from(body)
    items: dict[int, bytes] = {}
    at = 28
    while at < len(body):
        if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
            raise Malformed("items", "an additional item is cut off")
        items[body[at]] = body[at + 2 : at + 2 + body[at + 1]]
        at += 2 + body[at + 1]
    lat, lon = lat_ / 1e6, lon_ / 1e6
    lat, lon = -lat if status >> 2 & 1 else lat, -lon if status >> 3 & 1 else lon
    when = moment(time)
    # Encrypted coordinates (bit 5) are no place on the map.
    valid = bool(status >> 1 & 1) and not status >> 5 & 1 and abs(lat) <= 90 and abs(lon) <= 180 and when is not None
    return Location(alarm, status, lat, lon, altitude, speed / 10, direction, when, valid, items)


def locations(body: bytes) -> tuple[int, list[Location]]:
    """Locations that were kept while there was no connection (0x0704): 0 as they came, 1 after a blind spot."""
    _at_least(body, 3)
    count, kind = struct.unpack_from(">HB", body)
    at, found = 3, []
    for _ in range(count):
        _at_least(body, at + 2)
        (length,) = struct.unpack_from(">H", body, at)
        _at_least(body, at + 2 + length)
        found.append(location(body[at + 2 : at + 2 + length]))
        at += 2 + length
    if at != len(body):
        raise Malformed("length", f"{len(body) - at} bytes after the last location")
    return kind, found


def readings(frame: Frame) -> list[Reading]:
    """What the locations of a message measured; nothing of one that is not valid but its alarms.

    Metrics: lat, lon (degrees), speed (km/h), direction (degrees), altitude (m), acc (0 or 1), alarm (the alarm word),
    emergency, overspeed and fatigue (0 or 1: bits of that word on which rules go), mileage (km) and fuel (l) where they
    are sent.
    """
    if frame.id == LOCATION:
        return _measured(frame.phone, location(frame.body))
    if frame.id == LOCATIONS:
        return [reading for one in locations(frame.body)[1] for reading in _measured(frame.phone, one)]
    return []


def _measured(phone: str, one: Location) -> list[Reading]:
    if one.time is None:
        return []
    ts, alarm = int(one.time.timestamp() * 1000), one.alarm
    found = [
        Reading(phone, "acc", ts, float(one.status & 1)),
        Reading(phone, "alarm", ts, float(alarm)),
        Reading(phone, "emergency", ts, float(alarm & 1)),
        Reading(phone, "overspeed", ts, float(alarm >> 1 & 1)),
        Reading(phone, "fatigue", ts, float(alarm >> 2 & 1)),
    ]
    if one.valid:
        found += (
            Reading(phone, "lat", ts, one.lat),
            Reading(phone, "lon", ts, one.lon),
            Reading(phone, "speed", ts, one.speed),
            Reading(phone, "direction", ts, float(one.direction)),
            Reading(phone, "altitude", ts, float(one.altitude)),
        )
    for item, width, name in MEASURED:
        value = one.items.get(item)
        if value is not None and len(value) == width:
            found.append(Reading(phone, name, ts, int.from_bytes(value) / 10))
    return found


MEASURED = ((0x01, 4, "mileage"), (0x02, 2, "fuel"))
"""Additional items that are a number of tenths: item, bytes, metric."""


# --- Answers ---------------------------------------------------------------------------------------------


def reply(to: Frame, serial: int, result: int = DONE) -> bytes:
    """A platform's answer to any message (0x8001)."""
    body = struct.pack(">HHB", to.serial, to.id, result)
    return framed(Frame(PLATFORM_REPLY, to.phone, serial, body, to.v2019, to.version))


def registered(to: Frame, serial: int, result: int, code: str = "") -> bytes:
    """The answer to a registration (0x8100): with the code by which the terminal will authenticate itself."""
    body = struct.pack(">HB", to.serial, result) + (code.encode("gbk") if result == REGISTERED else b"")
    return framed(Frame(REGISTER_REPLY, to.phone, serial, body, to.v2019, to.version))


def located(one: Location) -> bytes:
    """The body of a location (0x0200); the opposite of `location`."""
    if one.time is None:
        raise ValueError("a location has a time")
    time = bytes.fromhex(f"{one.time.astimezone(BEIJING):%y%m%d%H%M%S}")
    lat, lon = round(abs(one.lat) * 1e6), round(abs(one.lon) * 1e6)
    fixed = _LOCATION.pack(
        one.alarm, one.status, lat, lon, one.altitude & 0xFFFF, round(one.speed * 10), one.direction, time
    )
    return fixed + b"".join(bytes([item, len(value)]) + value for item, value in one.items.items())


@lru_cache(1 << 12)
def moment(raw: bytes) -> datetime | None:
    """A moment in BCD, None where it is none. Many vehicles say the same second."""
    said = raw.hex()
    try:
        year, month, day, hour, minute, second = (int(said[at : at + 2]) for at in range(0, 12, 2))
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=BEIJING)
    except ValueError:
        return None


def _bcd(raw: bytes) -> str:
    digits = raw.hex()
    if not digits.isdecimal():
        raise Malformed("phone", f"{digits} is no phone number in BCD")
    return digits.lstrip("0") or "0"  # 2019 fills up to twenty digits, 2013 to twelve: it is the same terminal


def _text(raw: bytes) -> str:
    """A text of fixed width, without the zeros that fill it."""
    return raw.split(b"\x00")[0].decode("gbk", "replace").strip()


def _exactly(body: bytes, length: int) -> None:
    if len(body) != length:
        raise Malformed("length", f"a body of {len(body)} bytes instead of {length}")


def _at_least(body: bytes, length: int) -> None:
    if len(body) < length:
        raise Malformed("length", f"a body of {len(body)} bytes is cut off before {length}")
