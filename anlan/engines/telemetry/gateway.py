"""Vehicles' terminals on TCP: JT/T 808 sessions, answered when what they sent is on disk.

    gateway = Gateway(terminals, committer.land)
    server = await gateway.serve("0.0.0.0", 8808)

A terminal registers, or authenticates with the code that it got at registration; before that nothing it says is taken.
It speaks for the phone number of its session alone. What cannot be read is counted by kind and answered as far as the
protocol has an answer; who sends too much, too little or nonsense for too long is parted with. Nothing here knows where
terminals are registered or where readings go.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .protocols import Malformed, Reading, jt808
from .protocols.jt808 import Cutter, Frame, Joiner

Land = Callable[[Sequence[str], Sequence[str], Sequence[int], Sequence[float]], Awaitable[None]]
"""Puts readings (devices, metrics, moments, values) on disk; they are there when it returns."""
_UNREAD = 1 << 16
"""Bytes of answers that a terminal has not taken yet, beyond which it is waited for."""
SAMPLES = 50
"""Refused frames that are remembered for whoever looks what is wrong."""


class Terminals(Protocol):
    """Where terminals are known."""

    async def register(self, phone: str, said: dict[str, Any]) -> tuple[int, str]:
        """The result of a registration (`jt808.REGISTERED`, …) and the code for authentication."""

    async def authenticate(self, phone: str, code: str) -> bool:
        """Whether the code is the terminal's."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may do. Seconds, and messages a second."""

    introduce: float = 30.0
    """From the connection until the terminal is authenticated."""
    silent: float = 600.0
    """Without a byte; terminals send a heartbeat every few minutes at most."""
    frame: float = 30.0
    """From a frame's first byte until its last."""
    rate: float = 50.0
    """Messages a second on average, with a burst of twenty seconds' worth."""
    nonsense: int = 20
    """Frames that cannot be read, before the connection is closed."""
    sessions: int = 50_000
    ahead: float = 600.0
    """A moment further in the future than this is no moment: the terminal's clock is wrong."""
    behind: float = 90 * 86_400.0
    """The same of one that lies further back."""


@dataclass(slots=True, eq=False)
class _Session:
    peer: str
    writer: asyncio.StreamWriter
    phone: str = ""
    known: bool = False
    serial: int = 0
    nonsense: int = 0
    allowed: float = 0.0
    filled: float = 0.0
    until: float = 0.0
    """Then it is parted with, for `why`."""
    why: str = ""
    parted: str = ""
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


class _Parted(Exception):
    """The connection is to be closed; the text is why, for the counters."""


class Gateway:
    """Many sessions of one process. `counts` says what came and what was refused, `refused` shows some of it."""

    def __init__(
        self, terminals: Terminals, land: Land, limits: Limits | None = None, now: Callable[[], float] = time.time
    ) -> None:
        """`now` is the clock (seconds since 1970) by which a terminal's clock is judged to be wrong."""
        self._terminals, self._land, self._limits, self._now = terminals, land, limits or Limits(), now
        self.counts: Counter[str] = Counter()
        self.refused: deque[tuple[str, str, str, str]] = deque(maxlen=SAMPLES)
        """Peer, kind, why, and the frame in hexadecimal."""
        self.online: dict[str, float] = {}
        """When each terminal was last heard, by the clock `now`."""
        self._open: dict[_Session, asyncio.Task[None]] = {}
        self._sweeper: asyncio.Task[None] | None = None

    async def serve(self, host: str, port: int) -> asyncio.Server:
        """Listens; `close()` parts with everybody."""
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        return await asyncio.start_server(self._connected, host, port, limit=1 << 16, backlog=4096)

    async def close(self) -> None:
        tasks = [*self._open.values(), *([self._sweeper] if self._sweeper else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _sweep(self) -> None:
        """Parts with who lets time pass: one look at all for many, and no timer for each byte that somebody sends."""
        pause = min(1.0, self._limits.introduce / 4, self._limits.silent / 4, self._limits.frame / 4)
        while True:
            await asyncio.sleep(pause)
            now = time.monotonic()
            for session in [one for one in self._open if one.until < now]:
                session.parted = session.parted or session.why
                session.writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        peer, now = writer.get_extra_info("peername"), time.monotonic()
        session = _Session(f"{peer[0]}:{peer[1]}" if peer else "?", writer, filled=now)
        session.until, session.why = now + self._limits.introduce, "not introduced"
        if len(self._open) >= self._limits.sessions:
            self.counts["parted: too many sessions"] += 1
            writer.close()
            return
        self._open[session] = task
        self.counts["connections"] += 1
        try:
            await self._talk(session, reader)
        except _Parted as parted:
            session.parted = str(parted)
        except ConnectionError:
            session.parted = session.parted or "connection lost"
        finally:
            if session.parted:
                self.counts[f"parted: {session.parted}"] += 1
            del self._open[session]
            writer.close()

    async def _talk(self, session: _Session, reader: asyncio.StreamReader) -> None:
        limits, cutter = self._limits, Cutter()
        while data := await reader.read(1 << 14):
            had_begun = cutter.begun
            try:
                frames = cutter.feed(data)
            except Malformed as error:
                self._refuse(session, error, data[:64])
                raise _Parted("a frame without an end") from None
            self._spend(session, len(frames))
            if answers := await self._answered(session, frames):
                session.writer.write(answers)
                if session.writer.transport.get_write_buffer_size() > _UNREAD:
                    session.until, session.why = time.monotonic() + limits.frame, "does not read"
                    await session.writer.drain()
            if session.known and not cutter.begun:
                session.until, session.why = session.filled + limits.silent, "silent"
            elif session.known and (frames or not had_begun):
                session.until, session.why = session.filled + limits.frame, "a frame without an end"

    def _spend(self, session: _Session, messages: int) -> None:
        now, most = time.monotonic(), self._limits.rate * 20
        session.allowed = (
            min(most, session.allowed + (now - session.filled) * self._limits.rate) if session.known else most
        )
        session.filled = now
        session.allowed -= messages
        if session.allowed < 0:
            raise _Parted("too many messages")

    async def _answered(self, session: _Session, frames: list[bytes]) -> bytes:
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
        if found:
            columns = zip(*found, strict=True)
            try:
                await self._land(*columns)
                self.counts["readings"] += len(found)
            except OSError:
                # Not on disk, so not done: the terminal keeps it and sends it again.
                self.counts["refused: disk"] += len(found)
                answers = [(frame, jt808.FAILED) for frame, _result in answers]
        if session.known:
            self.online[session.phone] = self._now()
        return out + b"".join(jt808.reply(frame, session.next(), result) for frame, result in answers)

    def _understood(self, session: _Session, frame: Frame, found: list[Reading]) -> int:
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
            case jt808.HEARTBEAT | jt808.GENERAL_REPLY | jt808.AUTHENTICATE:
                return jt808.DONE
            case jt808.LOGOUT:
                self.online.pop(session.phone, None)
                return jt808.DONE
        return jt808.UNSUPPORTED

    async def _introduced(self, session: _Session, frame: Frame) -> bytes:
        """Registers or authenticates a terminal; whatever else it says before is answered with failure."""
        if frame.id == jt808.REGISTER:
            result, code = await self._terminals.register(frame.phone, jt808.message(frame))
            if result != jt808.REGISTERED:
                self.counts["refused: registration"] += 1
                session.nonsense += 2  # who guesses numbers and plates is parted with after some
                self._tired(session)
            else:
                self.counts["registered"] += 1
            return jt808.registered(frame, session.next(), result, code)
        if frame.id == jt808.AUTHENTICATE:
            code = str(jt808.message(frame)["code"])
            if await self._terminals.authenticate(frame.phone, code):
                session.known, session.phone = True, frame.phone
                self.counts["authenticated"] += 1
                return jt808.reply(frame, session.next(), jt808.DONE)
            self.counts["refused: code"] += 1
            session.nonsense += 5  # who guesses codes is parted with after a few
        self._tired(session)
        return jt808.reply(frame, session.next(), jt808.FAILED)

    def _refuse(self, session: _Session, error: Malformed, raw: bytes) -> None:
        self.counts[f"refused: {error.kind}"] += 1
        self.refused.append((session.peer, error.kind, str(error), raw[:256].hex()))
        session.nonsense += 1
        self._tired(session)

    def _tired(self, session: _Session) -> None:
        if session.nonsense >= self._limits.nonsense:
            raise _Parted("nonsense")
