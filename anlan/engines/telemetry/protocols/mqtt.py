"""MQTT 3.1.1 and 5 as a device speaks it to a place that takes readings: packets → what they say, and the answers.

Only what such a place needs: connections, publications of quality 0 and 1, pings, and the refusal of all else. OASIS
MQTT 3.1.1 (2014) and 5.0 (2019).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from . import Malformed

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = (
    1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14,
)  # fmt: skip
V311, V5 = 4, 5
ACCEPTED, BAD_KEY, NOT_ALLOWED = 0, 1, 2
_CODES = {V311: {ACCEPTED: 0, BAD_KEY: 4, NOT_ALLOWED: 5}, V5: {ACCEPTED: 0, BAD_KEY: 0x86, NOT_ALLOWED: 0x87}}
UNACCEPTABLE_VERSION = 1
TAKEN, MALFORMED, NOT_AUTHORIZED, QUOTA, INVALID, NO_QUALITY = 0, 0x81, 0x87, 0x97, 0x99, 0x9B
"""Of a publication, and why somebody is parted with, as version 5 has it; 3.1.1 knows no other answer than that a
publication was taken."""
LARGEST = 4 * 1024 * 1024
"""Bytes of one packet."""
RECEIVE_MAXIMUM = 1_000
"""Publications of quality 1 that a device may have in the air."""


class Packet(NamedTuple):
    kind: int
    flags: int
    body: bytes


class Connection(NamedTuple):
    """What a device says when it comes."""

    version: int
    client: str
    keep_alive: int
    user: str
    password: bytes


class Publication(NamedTuple):
    topic: str
    quality: int
    packet: int
    payload: bytes


class Cutter:
    """Cuts what comes on a connection into packets."""

    def __init__(self, largest: int = LARGEST) -> None:
        self._held, self.largest = bytearray(), largest

    @property
    def begun(self) -> bool:
        return bool(self._held)

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that are whole by now; raises `Malformed` for a length that no device sends."""
        self._held += data
        found, at = [], 0
        while said := _length_at(self._held, at + 1):
            length, begin = said
            if length > self.largest:
                raise Malformed("length", f"{length} bytes; a packet has at most {self.largest}")
            if len(self._held) < begin + length:
                break
            found.append(Packet(self._held[at] >> 4, self._held[at] & 0x0F, bytes(self._held[begin : begin + length])))
            at = begin + length
        del self._held[:at]
        return found


def _length_at(held: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """The number of one to four bytes that begins there, and where it ends; None where it is not whole yet."""
    number = 0
    for n, byte in enumerate(held[at : at + 4]):
        number |= (byte & 0x7F) << 7 * n
        if byte < 0x80:
            return number, at + n + 1
    if len(held) >= at + 4:
        raise Malformed("length", "a length has more than four bytes")
    return None


class _Reader:
    """Takes a packet apart, from its beginning."""

    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def bytes(self, count: int) -> bytes:
        part = self.body[self.at : self.at + count]
        if len(part) < count:
            raise Malformed("packet", "shorter than what it says of itself")
        self.at += count
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.bytes(size))

    def text(self) -> str:
        try:
            text = self.bytes(self.number(2)).decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("text", "a text is not UTF-8") from None
        if "\0" in text:
            raise Malformed("text", "a text with the sign 0")
        return text

    def skip_properties(self) -> None:
        """Nothing that they say changes what is done with a reading."""
        said = _length_at(self.body, self.at)
        if said is None:
            raise Malformed("packet", "shorter than what it says of itself")
        length, self.at = said
        self.bytes(length)


def connection(packet: Packet) -> Connection:
    """What a CONNECT says; raises `Malformed`, of kind `version` for another protocol than 3.1.1 and 5."""
    if packet.kind != CONNECT or packet.flags:
        raise Malformed("packet", "a connection begins with CONNECT")
    read = _Reader(packet.body)
    name, version, flags, keep_alive = read.text(), read.number(1), read.number(1), read.number(2)
    if name != "MQTT" or version not in (V311, V5):
        raise Malformed("version", f"{name[:10]} {version}: neither MQTT 3.1.1 nor 5")
    if flags & 1:
        raise Malformed("packet", "a reserved flag is set")
    if version == V5:
        read.skip_properties()
    client = read.text()
    if flags & 0x04:  # the last will: there is nobody to whom it could be told
        if version == V5:
            read.skip_properties()
        read.text()
        read.bytes(read.number(2))
    user = read.text() if flags & 0x80 else ""
    password = read.bytes(read.number(2)) if flags & 0x40 else b""
    return Connection(version, client, keep_alive, user, password)


def publication(packet: Packet, version: int) -> Publication:
    """What a PUBLISH says; raises `Malformed`. Quality 2 is told beforehand not to be had, and is an error."""
    quality = packet.flags >> 1 & 3
    if quality > 1:
        raise Malformed("quality", "publications are of quality 0 or 1 here")
    read = _Reader(packet.body)
    topic = read.text()
    number = read.number(2) if quality else 0
    if quality and not number:
        raise Malformed("packet", "a publication of quality 1 without a number")
    if version == V5:
        read.skip_properties()
    return Publication(topic, quality, number, packet.body[read.at :])


def packet_number(packet: Packet) -> int:
    return _Reader(packet.body).number(2)


def topics(packet: Packet, version: int) -> int:
    """How many topics a SUBSCRIBE or UNSUBSCRIBE names; raises `Malformed`."""
    read, count = _Reader(packet.body), 0
    read.number(2)
    if version == V5:
        read.skip_properties()
    while read.at < len(packet.body):
        read.text()
        if packet.kind == SUBSCRIBE:
            read.number(1)
        count += 1
    if not count:
        raise Malformed("packet", "no topic is named")
    return count


# -- answers ---------------------------------------------------------------------------------------------------------


def connected(version: int, result: int) -> bytes:
    """CONNACK. What is not to be had is told: quality 2, kept messages, and how much may be in the air."""
    code = _CODES[version][result]
    if version == V311:
        return struct.pack("!BBBB", CONNACK << 4, 2, 0, code)
    properties = b"\x21" + struct.pack("!H", RECEIVE_MAXIMUM) + b"\x24\x01" + b"\x25\x00"
    properties += b"\x27" + struct.pack("!I", LARGEST) + b"\x28\x00" + b"\x29\x00" + b"\x2a\x00"
    return struct.pack("!BBBBB", CONNACK << 4, 3 + len(properties), 0, code, len(properties)) + properties


def wrong_version() -> bytes:
    return struct.pack("!BBBB", CONNACK << 4, 2, 0, UNACCEPTABLE_VERSION)


def taken(packet: int, version: int, code: int = TAKEN) -> bytes:
    """PUBACK."""
    if version == V5 and code:
        return struct.pack("!BBHB", PUBACK << 4, 3, packet, code)
    return struct.pack("!BBH", PUBACK << 4, 2, packet)


def refused_topics(packet: Packet, version: int, count: int) -> bytes:
    """SUBACK or UNSUBACK: there is nothing to be heard here."""
    kind, failed = (SUBACK, 0x80) if packet.kind == SUBSCRIBE else (UNSUBACK, 0x00)
    body = struct.pack("!H", packet_number(packet)) + (b"\0" if version == V5 else b"")
    if version == V5:
        body += bytes([NOT_AUTHORIZED if kind == SUBACK else 0x00]) * count
    elif kind == SUBACK:
        body += bytes([failed]) * count
    return bytes([kind << 4]) + _length(len(body)) + body


def pong() -> bytes:
    return bytes([PINGRESP << 4, 0])


def parting(version: int, code: int) -> bytes:
    """DISCONNECT, which only version 5 lets the server say."""
    return bytes([DISCONNECT << 4, 1, code]) if version == V5 else b""


# -- the device's side, for simulated ones and for load --------------------------------------------------------------


def connect(client: str, user: str = "", password: str = "", keep_alive: int = 60) -> bytes:
    """CONNECT of version 3.1.1, for a session that ends with the connection."""
    flags = 0x02 | (0xC0 if user else 0)
    body = _text("MQTT") + bytes([V311, flags]) + keep_alive.to_bytes(2) + _text(client)
    if user:
        body += _text(user) + _text(password)
    return bytes([CONNECT << 4]) + _length(len(body)) + body


def publish(topic: str, packet: int, payload: bytes) -> bytes:
    """PUBLISH of quality 1."""
    body = _text(topic) + packet.to_bytes(2) + payload
    return bytes([PUBLISH << 4 | 2]) + _length(len(body)) + body


def _text(said: str) -> bytes:
    return len(said.encode()).to_bytes(2) + said.encode()


def _length(number: int) -> bytes:
    out = bytearray()
    while True:
        number, byte = number >> 7, number & 0x7F
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)
