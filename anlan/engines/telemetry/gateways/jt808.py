"""Vehicles' terminals on TCP: JT/T 808 sessions, answered when what they sent is on disk.

    gateway = Vehicles(terminals, committer.land)
    server = await gateway.serve("0.0.0.0", 8808)

A terminal registers, or authenticates with the code that it got at registration; before that nothing it says is taken.
It speaks for the phone number of its session alone. What cannot be read is counted by kind and answered as far as the
protocol has an answer; who sends too much, too little or nonsense for too long is parted with.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..protocols import Malformed, Reading, jt808
from ..protocols.jt808 import Cutter, Frame, Joiner
from .door import Land, Limits, Listener, Parted, Session


class Terminals(Protocol):
    """Where terminals are known. Raises `Unsure`."""

    async def register(self, phone: str, said: dict[str, Any]) -> tuple[int, str]:
        """The result of a registration (`jt808.REGISTERED`, …) and the code for authentication."""

    async def authenticate(self, phone: str, code: str) -> bool:
        """Whether the code is the terminal's."""


@dataclass(slots=True, eq=False)
class _Terminal(Session):
    phone: str = ""
    code: str = ""
    serial: int = 0
    joiner: Joiner = field(default_factory=Joiner)
    parts: deque[Frame] = field(default_factory=lambda: deque(maxlen=2 * jt808.MOST_PARTS))
    """Parts that were not answered yet; what is forgotten here the terminal sends again."""

    def answered(self, last: Frame) -> list[Frame]:
        """The parts of the message of which `last` is one: they wait no more."""
        key = (last.id, last.parts, (last.serial - last.part) & 0xFFFF)
        own = [one for one in self.parts if (one.id, one.parts, (one.serial - one.part) & 0xFFFF) == key]
        for one in own:
            self.parts.remove(one)
        return own

    def next(self) -> int:
        self.serial = (self.serial + 1) & 0xFFFF
        return self.serial


class Vehicles(Listener):
    """The sessions of many terminals."""

    session = _Terminal

    def __init__(
        self, terminals: Terminals, land: Land, limits: Limits | None = None, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(land, limits, now)
        self._terminals = terminals

    async def _talk(self, session: _Terminal, reader: asyncio.StreamReader) -> None:
        cutter = Cutter()
        while data := await reader.read(1 << 14):
            await self._ask_again(session)
            had_begun = cutter.begun
            try:
                frames = cutter.feed(data)
            except Malformed as error:
                self._refuse(session, error, data[:64])
                raise Parted("a frame without an end") from None
            self._spend(session, len(frames))
            if answers := await self._answered(session, frames):
                await self._write(session, answers)
            self._heard(session, cutter.begun, had_begun, bool(frames))

    async def _still(self, session: _Terminal) -> bool:
        return await self._terminals.authenticate(session.phone, session.code)

    async def _answered(self, session: _Terminal, frames: list[bytes]) -> bytes:
        """The answers to some frames, once all that they hold is on disk."""
        answers: list[tuple[Frame, int]] = []
        found: list[Reading] = []
        out = b""
        for raw in frames:
            try:
                frame = jt808.unframed(raw)
                whole = session.joiner.take(frame)
                if frame.parts > 1:
                    session.parts.append(frame)
                if whole is None:
                    continue  # answered with the whole, when that is on disk
                if not session.known:
                    out += await self._introduced(session, whole)
                    continue
                if whole.phone != session.phone:
                    raise Malformed("phone", f"{session.phone} speaks for itself alone, not for {whole.phone}")
                result = self._understood(session, whole, found)
                answers += [(part, result) for part in (session.answered(frame) if frame.parts > 1 else [frame])]
            except Malformed as error:
                self._refuse(session, error, raw)
        if found and self.tally.budget.spend(session.phone, len(found), 1, self._limits):
            # Nor is this done: the terminal sends it again, later.
            self.counts["refused: too much"] += len(found)
            answers = [(frame, jt808.FAILED) for frame, _result in answers]
        elif found:
            columns = zip(*found, strict=True)
            try:
                await self._land(*columns)
                self.counts["readings"] += len(found)
            except OSError:
                # Not on disk, so not done: the terminal keeps it and sends it again.
                self.counts["refused: disk"] += len(found)
                answers = [(frame, jt808.FAILED) for frame, _result in answers]
        return out + b"".join(jt808.reply(frame, session.next(), result) for frame, result in answers)

    def _understood(self, session: _Terminal, frame: Frame, found: list[Reading]) -> int:
        """Takes a whole message of a terminal that is known; the result with which it is answered."""
        self.counts["messages"] += 1
        match frame.id:
            case jt808.LOCATION | jt808.LOCATIONS:
                read = jt808.readings(frame)
                now = self._now()
                early, late = (now - self._limits.behind) * 1000, (now + self._limits.ahead) * 1000
                good = [r for r in read if early <= r.ts <= late]
                if len(good) < len(read) or not read:
                    # The terminal would send it for ever if it were told that it failed.
                    self.counts["refused: clock"] += 1
                found += good
                return jt808.DONE
            case jt808.HEARTBEAT | jt808.GENERAL_REPLY | jt808.AUTHENTICATE | jt808.LOGOUT:
                return jt808.DONE
        return jt808.UNSUPPORTED

    async def _introduced(self, session: _Terminal, frame: Frame) -> bytes:
        """Registers or authenticates a terminal; whatever else it says before is answered with failure."""
        if frame.id == jt808.REGISTER:
            result, code = await self._terminals.register(frame.phone, jt808.message(frame))
            if result != jt808.REGISTERED:
                self.counts["refused: registration"] += 1
                self._tired(session, 2)  # who guesses numbers and plates is parted with after some
            else:
                self.counts["registered"] += 1
            return jt808.registered(frame, session.next(), result, code)
        if frame.id == jt808.AUTHENTICATE:
            code = str(jt808.message(frame)["code"])
            if await self._terminals.authenticate(frame.phone, code):
                session.known, session.phone, session.code = True, frame.phone, code
                session.asked = time.monotonic()
                self.counts["authenticated"] += 1
                return jt808.reply(frame, session.next(), jt808.DONE)
            self.counts["refused: code"] += 1
            session.nonsense += 5  # who guesses codes is parted with after a few
        self._tired(session)
        return jt808.reply(frame, session.next(), jt808.FAILED)
