"""Many connections of one process: they come and go, are too slow, too quick or silent, hang up or are lost."""

from __future__ import annotations

import asyncio
import gc
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

from ..protocols import Malformed
from . import Land, Unsure
from .door import Limits, Tally

_WAITING = 16
"""So many pieces of what a peer says may wait while it is worked on what it said before; then it is not read. Of
somebody of whom nobody knows who he is, one."""
_LAST_S = 2.0
"""For so long what is being worked on may be answered before the connections are closed."""


def seldom_collected() -> None:
    """For a process of many connections: what they are made of lives long, and what a message is made of hangs in no
    circles. Looking through all of it as often as Python does by itself costs more than all that the messages say."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@dataclass(slots=True, eq=False)
class Session(asyncio.Protocol):
    """One connection."""

    listener: Listener
    peer: str = "?"
    transport: asyncio.Transport = field(init=False)
    filled: float = 0.0
    """When it last said something, by the monotonic clock."""
    known: bool = False
    asked: float = 0.0
    """When it was last asked whether it may speak, by the monotonic clock."""
    nonsense: int = 0
    rate: float = 0.0
    """Messages a second that it may send."""
    allowed: float = 0.0
    until: float = 0.0
    """Then it is parted with, for `why`."""
    why: str = ""
    parted: str = ""
    waits: list[bytes] = field(default_factory=list)
    """What it said while `task` works on what it said before."""
    task: asyncio.Task[None] | None = None
    owed: int = 0
    """Pieces of what it said that are worked on together with what others said."""
    unread: bool = False
    """It does not read its answers; until it does it is not listened to."""
    over: bool = False
    """It will say nothing more."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.listener.begin(self)

    def data_received(self, data: bytes) -> None:
        self.listener.hear(self, data)

    def eof_received(self) -> bool:
        """Who has said all may still wait for the answers; over TLS he cannot."""
        self.over = True
        return self.busy and self.transport.get_extra_info("sslcontext") is None

    def pause_writing(self) -> None:
        self.unread, self.why = True, "does not read"
        self.until = time.monotonic() + self.listener.limits.frame
        self.listen()

    def resume_writing(self) -> None:
        limits, self.unread = self.listener.limits, False
        self.why, after = ("silent", limits.silent) if self.known else ("not introduced", limits.introduce)
        self.until = time.monotonic() + after
        self.listen()

    def connection_lost(self, error: Exception | None) -> None:
        self.listener.end(self, error)

    @property
    def busy(self) -> bool:
        """Whether something that it said is being worked on, and will be answered."""
        return self.task is not None or self.owed > 0

    def listen(self) -> None:
        """Reads what it says; not while it leaves its answers unread, nor while much waits of what it said before."""
        if self.unread or self.listener.closing or len(self.waits) >= (_WAITING if self.known else 1):
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def worked(self) -> None:
        """A piece of what it said is done with: who has said all has his answers now."""
        if self.over and not self.busy:
            self.transport.close()

    def answer(self, said: bytes) -> None:
        if said and not self.transport.is_closing():
            self.transport.write(said)

    def part(self, why: str) -> None:
        """Closes the connection once what was answered is sent; `why` is for the counters."""
        self.parted = self.parted or why
        self.transport.close()


class Parted(Exception):
    """The connection is to be closed; the text is why, for the counters."""


class Listener(ABC):
    """Many connections of one process. What is talked over them is the subclass' own."""

    session: type[Session] = Session

    def __init__(self, land: Land, limits: Limits | None = None, now: Callable[[], float] = time.time) -> None:
        """`now` is the clock (seconds since 1970) by which a device's clock is judged to be wrong."""
        self._land, self.limits, self._now = land, limits or Limits(), now
        self.tally = Tally()
        self.counts = self.tally.counts
        self.closing = False
        self._open: set[Session] = set()
        self._working: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def online(self) -> int:
        """Connections of those who have said who they are."""
        return sum(session.known for session in self._open)

    async def serve(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> asyncio.Server:
        """Listens; `close()` parts with everybody."""
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        loop = asyncio.get_running_loop()
        shaken = self.limits.introduce if tls else None
        return await loop.create_server(
            lambda: self.session(self), host, port, ssl=tls, backlog=4096, ssl_handshake_timeout=shaken
        )

    async def close(self) -> None:
        """Listens to nobody any more, lets what was said be put on disk and answered, and parts with everybody."""
        self.closing = True
        for session in self._open:
            session.listen()
        await asyncio.sleep(0)  # what came just now has its work begun
        until = time.monotonic() + _LAST_S
        while self._working and (left := until - time.monotonic()) > 0:
            await asyncio.wait(self._working, timeout=left)
        unfinished = [*self._working, *([self._sweeper] if self._sweeper else [])]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        for session in list(self._open):
            session.transport.abort()
        for _ in range(3):  # TLS tells of the end some turns later
            await asyncio.sleep(0)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begins work for which `close` waits."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    @abstractmethod
    async def _said(self, session: Any, data: bytes) -> None:
        """Takes what a peer said; raises `Parted` where it is to go."""

    def _admit(self, session: Any) -> None:  # noqa: B027 (most let in whoever comes)
        """Looks at who connects; raises `Parted` where it is to go at once."""

    async def _still(self, session: Any) -> bool:
        """Whether who is connected may still speak."""
        return True

    async def _ask_again(self, session: Session) -> None:
        """Parts with whoever may speak no more: keys are made anew, devices go out of service."""
        now = time.monotonic()
        if session.known and now - session.asked > self.limits.again:
            session.asked = now
            if not await self._still(session):
                raise Parted("may speak no more")

    async def _sweep(self) -> None:
        """Parts with who lets time pass: one look at all for many, and no timer for each byte that somebody sends."""
        pause = min(1.0, self.limits.introduce / 4, self.limits.silent / 4, self.limits.frame / 4)
        while True:
            await asyncio.sleep(pause)
            now = time.monotonic()
            for session in [one for one in self._open if one.until < now]:
                session.parted = session.parted or session.why
                session.transport.abort()

    # -- one connection, as its transport tells of it ----------------------------------------------------------------

    def begin(self, session: Session) -> None:
        peer, now = session.transport.get_extra_info("peername"), time.monotonic()
        session.peer, session.filled = f"{peer[0]}:{peer[1]}" if peer else "?", now
        session.rate = self.limits.rate
        session.allowed = session.rate * 20
        session.until, session.why = now + self.limits.introduce, "not introduced"
        if self.closing or len(self._open) >= self.limits.sessions:
            session.part("closing" if self.closing else "too many sessions")
            return
        self._open.add(session)
        self.counts["connections"] += 1
        try:
            self._admit(session)
        except Parted as parted:
            session.part(str(parted))

    def hear(self, session: Session, data: bytes) -> None:
        session.waits.append(data)
        if session.task is None:
            session.task = self._begin(self._work(session))
        session.listen()

    async def _work(self, session: Session) -> None:
        """Takes what a peer said until nothing waits."""
        try:
            while session.waits and not session.parted:
                data = b"".join(session.waits)
                session.waits.clear()
                session.listen()
                await self._ask_again(session)
                await self._said(session, data)
        except Parted as parted:
            session.part(str(parted))
        except Unsure:
            session.part("cannot be asked at present")
        except BaseException:
            session.transport.abort()
            raise
        finally:
            session.task = None
            session.worked()

    def end(self, session: Session, error: Exception | None) -> None:
        """What it had said until then is worked off all the same: not everybody says again what was not answered."""
        if why := session.parted or (error and "connection lost"):
            self.counts[f"parted: {why}"] += 1
        self._open.discard(session)

    def _spend(self, session: Session, messages: int) -> None:
        """Counts messages against the rate; raises `Parted` where it is passed."""
        now, rate = time.monotonic(), session.rate
        session.allowed = min(20 * rate, session.allowed + (now - session.filled) * rate)
        session.filled = now
        session.allowed -= messages
        if session.allowed < 0:
            raise Parted("too many messages")

    def _heard(self, session: Session, begun: bool, had_begun: bool, whole: bool) -> None:
        """Until when something must follow: the rest of a message that has begun, or the next one."""
        if not session.known or session.unread:
            return
        if not begun:
            session.until, session.why = session.filled + self.limits.silent, "silent"
        elif whole or not had_begun:
            session.until, session.why = session.filled + self.limits.frame, "a frame without an end"

    def _refuse(self, session: Session, error: Malformed, raw: bytes) -> None:
        self.tally.refuse(session.peer, error, raw)
        self._tired(session, 1)

    def _tired(self, session: Session, more: int = 0) -> None:
        session.nonsense += more
        if session.nonsense >= self.limits.nonsense:
            raise Parted("nonsense")
