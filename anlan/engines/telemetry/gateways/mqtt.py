"""Devices on MQTT without a broker: each publication of quality 1 is answered when what it says is on disk.

A broker answers a device when it has taken a message itself, before whoever evaluates it knows of it. Here nobody
subscribes, so nothing lies between: what was answered is in the journal. Who has a broker already reads from it instead
(`broker.py`).

The user is the device's code and the password its key; or the user is `token` and the password the key of a program
that sends for many devices; over TLS a certificate in the device's name does as well. What is published under
`anlan/v1/{device}/readings` is read as `protocols.payload` says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..protocols import Malformed, mqtt, payload
from ..protocols.mqtt import Packet
from . import Land
from .connections import Listener, Parted, Session
from .door import Keys, Limits, sender

_STRANGER = 4_096
"""Bytes that a packet may have from somebody of whom nobody knows yet who he is."""


def _strangers() -> mqtt.Cutter:
    cutter = mqtt.Cutter()
    cutter.largest = _STRANGER
    return cutter


TOKEN = "token"  # noqa: S105 (a name that says that the password is one)


@dataclass(slots=True, eq=False)
class _Client(Session):
    cutter: mqtt.Cutter = field(default_factory=_strangers)
    silent: float = 0.0
    version: int = mqtt.V311
    speaks_for: Collection[str] = ()
    certified: bool = False
    name: str = ""
    key: str = ""


class Publishers(Listener):
    """The connections of many devices."""

    session = _Client

    def __init__(
        self, keys: Keys, land: Land, limits: Limits | None = None, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(land, limits, now)
        self._keys = keys

    async def _said(self, session: _Client, data: bytes) -> None:
        cutter = session.cutter
        had_begun = cutter.begun
        try:
            if not session.known and not had_begun and data[0] != mqtt.CONNECT << 4:
                raise Malformed("packet", "a connection begins with CONNECT")
            packets = cutter.feed(data)
            self._spend(session, len(packets))
            if packets and not session.known:
                session.silent = await self._introduced(session, packets.pop(0))
                cutter.largest = mqtt.LARGEST
            session.answer(await self._answered(session, packets))
        except Malformed as error:
            # After a packet that cannot be read nobody knows where the next one begins.
            self.tally.refuse(session.peer, error, data)
            session.answer(
                mqtt.parting(session.version, mqtt.NO_QUALITY if error.kind == "quality" else mqtt.MALFORMED)
            )
            raise Parted("nonsense") from None
        self._heard(session, cutter.begun, had_begun, bool(packets))
        if session.known and not cutter.begun and not session.unread:
            session.until = session.filled + session.silent

    async def _still(self, session: _Client) -> bool:
        asked = self._keys.certified(session.name) if session.certified else None
        found = await (asked or self._keys.speaks_for(session.name, session.key))
        session.speaks_for = found or ()
        return found is not None

    async def _introduced(self, session: _Client, packet: Packet) -> float:
        """Lets a device in; returns after how many seconds of silence it is gone. Raises `Parted`."""
        try:
            said = mqtt.connection(packet)
        except Malformed as error:
            if error.kind == "version":
                session.answer(mqtt.wrong_version())
            raise
        session.version = said.version
        shown = _certified(session.transport.get_extra_info("peercert"))
        session.certified = bool(shown)
        session.name = shown or ("" if said.user == TOKEN else said.user)
        session.key = said.password.decode("utf-8", "replace")
        if not await self._still(session):
            who = session.name[:64] or TOKEN
            self.tally.refuse(session.peer, Malformed("code", f"{who}: a key that opens nothing"), b"")
            session.answer(mqtt.connected(said.version, mqtt.BAD_KEY))
            await asyncio.sleep(0.2)  # who guesses keys has time for few
            raise Parted("a key that opens nothing")
        session.known, session.asked = True, time.monotonic()
        if not session.name:
            session.rate = self.limits.many
            session.allowed = 20 * session.rate
        self.counts["authenticated"] += 1
        session.answer(mqtt.connected(said.version, mqtt.ACCEPTED))
        return min(self.limits.silent, said.keep_alive * 1.5 or self.limits.silent)

    async def _answered(self, session: _Client, packets: list[Packet]) -> bytes:
        """The answers to some packets, once all that they hold is on disk."""
        said: list[tuple[int, int]] = []
        columns: list[payload.Columns] = []
        out = b""
        for packet in packets:
            match packet.kind:
                case mqtt.PUBLISH:
                    heard = mqtt.publication(packet, session.version)
                    self.counts["messages"] += 1
                    code = self._understood(session, heard, columns)
                    if heard.quality:
                        said.append((heard.packet, code))
                case mqtt.PINGREQ:
                    out += mqtt.pong()
                case mqtt.SUBSCRIBE | mqtt.UNSUBSCRIBE:
                    out += mqtt.refused_topics(packet, session.version, mqtt.topics(packet, session.version))
                case mqtt.DISCONNECT:
                    session.parted = session.parted or "said goodbye"
                case _:
                    raise Malformed("packet", f"a packet of kind {packet.kind} is none that a device sends")
        try:
            await asyncio.gather(*(self._land(*one) for one in columns))
            self.counts["readings"] += sum(len(one.ts) for one in columns)
        except OSError:
            # Not on disk, so not answered: the device keeps it, comes back and sends it again.
            self.counts["refused: disk"] += sum(len(one.ts) for one in columns)
            raise Parted("the disk takes nothing") from None
        out += b"".join(mqtt.taken(number, session.version, code) for number, code in said)
        if session.parted == "said goodbye":
            raise Parted(session.parted)
        return out

    def _understood(self, session: _Client, heard: mqtt.Publication, columns: list[payload.Columns]) -> int:
        """Takes the readings of a publication; the code with which it is answered. What is wrong in what it says is
        answered too: sent again it would be as wrong."""
        try:
            device = payload.of_topic(heard.topic)
            if device not in session.speaks_for:
                raise Malformed("device", f"{device[:64]} is no device for which this connection speaks")
            read = payload.read(heard.payload, device)
        except Malformed as error:
            self._refuse(session, error, heard.topic.encode() + b" " + heard.payload[:200])
            return mqtt.NOT_AUTHORIZED if error.kind == "device" else mqtt.INVALID
        who = sender(session.name, session.key)
        if self.tally.budget.spend(who, len(read.ts), len(session.speaks_for), self.limits):
            # Not answered: the device keeps it, comes back and sends it again.
            self.counts["refused: too much"] += len(read.ts)
            raise Parted("too many readings")
        found = self.tally.sift(read, session.speaks_for, self._now(), self.limits, session.peer)
        if len(found.taken.ts):
            columns.append(found.taken)
        return mqtt.TAKEN if len(found.taken.ts) else mqtt.INVALID


def _certified(certificate: Mapping[str, Any] | None) -> str:
    """The common name in a certificate that the connection's TLS has found good."""
    subject = [pair for part in (certificate or {}).get("subject", ()) for pair in part]
    return next((value for name, value in subject if name == "commonName"), "")
