"""What all ways in have in common: limits, counting, who may speak for whom, connections that come and go."""

from __future__ import annotations

import asyncio
import gc
import ssl
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..protocols import Malformed
from ..protocols.payload import METRIC, Columns

Land = Callable[[Any, Any, Any, Any], Awaitable[None]]
"""Puts readings (devices, metrics, moments, values) on disk; they are there when it returns. Raises `OSError`."""
SAMPLES = 50
"""What was refused, of which so much is remembered for whoever looks what is wrong."""
SHOWN = 20
"""Refused readings of one payload that are named."""
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


class Unsure(Exception):
    """Whether somebody may speak cannot be found out at present; he may come again."""


class Keys(Protocol):
    """Where it is known who may speak for which devices. Raises `Unsure`."""

    async def speaks_for(self, name: str, key: str) -> Collection[str] | None:
        """The devices for which the holder of the key speaks: a device's own key under its code, or, without a name,
        that of a program which sends for many. None where the key opens nothing."""

    async def certified(self, name: str) -> Collection[str] | None:
        """The same of a device that has shown a certificate in its name."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may do. Seconds, and messages a second."""

    introduce: float = 30.0
    """From the connection until it is known who speaks."""
    silent: float = 600.0
    """Without a byte; devices send a heartbeat every few minutes at most."""
    frame: float = 30.0
    """From a message's first byte until its last."""
    rate: float = 50.0
    """Messages a second on average, with a burst of twenty seconds' worth."""
    many: float = 5_000.0
    """The same of a program that sends for many devices."""
    nonsense: int = 20
    """Messages that cannot be read, before the connection is closed."""
    again: float = 60.0
    """After so long it is asked anew whether who is connected may still speak."""
    sessions: int = 50_000
    ahead: float = 600.0
    """A moment further in the future than this is no moment: the device's clock is wrong."""
    behind: float = 90 * 86_400.0
    """The same of one that lies further back."""
    readings: float = 20.0
    """Readings a second on average of each device for which a sender speaks; its disk is the others' too."""
    kept: int = 500_000
    """Beyond that a sender may bring so many at once: what a device kept while it was cut off, a whole payload."""
    names: int = 200
    """Metrics that one device may bring that none has told before: each is a file of every day's history."""

    def moments(self, now: float) -> tuple[float, float]:
        """The first and the last moment at which a device's clock can be right, in milliseconds; `now` in seconds."""
        return (now - self.behind) * 1000, (now + self.ahead) * 1000


@dataclass(slots=True)
class Names:
    """The metrics that have come in by one way, and how many of them each device was the first to tell."""

    known: set[str] = field(default_factory=set)
    brought: Counter[str] = field(default_factory=Counter)

    def unheard(self, read: Columns) -> bool:
        """Whether a metric among them has not come in before."""
        arrays = isinstance(read.metric, pa.Array)
        return not self.known.issuperset(pc.unique(read.metric).to_pylist() if arrays else read.metric)

    def refused(self, read: Columns, good: Any, most: int) -> Any:
        """Which of the readings in `good`, a mask, are of a metric that may not be; takes in those that may."""
        metric = read.metric.to_pylist() if isinstance(read.metric, pa.Array) else read.metric
        device = read.device.to_pylist() if isinstance(read.device, pa.Array) else read.device
        wrong = np.zeros(len(read.ts), bool)
        for n in np.flatnonzero(good).tolist():
            if (name := metric[n]) not in self.known:
                if METRIC.fullmatch(name) and self.brought[device[n]] < most:
                    self.known.add(name)
                    self.brought[device[n]] += 1
                else:
                    wrong[n] = True
        return wrong


@dataclass(slots=True)
class Budget:
    """How many readings each sender may bring by one way, and since when he has that many."""

    left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def spend(self, sender: str, readings: int, devices: int, limits: Limits) -> float:
        """Takes readings of a sender, who speaks for so many devices, off what he may bring: 0. Where nothing is left
        it is the seconds until there is. The last payload may be larger than what is left, so that one of any size
        comes through; the next one waits the longer."""
        now, rate = time.monotonic(), limits.readings * max(1, devices)
        most = limits.kept + 60 * rate
        left, since = self.left.get(sender, (most, now))
        left = min(most, left + (now - since) * rate)
        if left <= 0:
            return (1 - left) / rate
        self.left[sender] = left - readings, now
        return 0.0


@dataclass(slots=True)
class Tally:
    """What came in by one way, and what was refused."""

    counts: Counter[str] = field(default_factory=Counter)
    names: Names = field(default_factory=Names)
    budget: Budget = field(default_factory=Budget)
    refused: deque[tuple[str, str, str, str]] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    """From where, kind, why, and the beginning of what came, in hexadecimal."""

    def sift(self, read: Columns, speaks_for: Collection[str], now: float, limits: Limits) -> Sifted:
        """What may be taken of a payload; what may not is counted."""
        found = sifted(read, speaks_for, now, limits, self.names)
        self.counts.update({f"refused: {kind}": count for kind, count in found.kinds.items()})
        return found

    def refuse(self, peer: str, error: Malformed, raw: bytes) -> None:
        self.counts[f"refused: {error.kind}"] += 1
        self.remember(peer, error, raw)

    def remember(self, peer: str, error: Malformed, raw: bytes) -> None:
        """Keeps it for whoever looks; a name of a file may hold what is no text."""
        said = (text.encode("utf-8", "replace").decode() for text in (peer, error.kind, str(error)))
        where, kind, words = said
        self.refused.append((where, kind, words, raw[:256].hex()))


@dataclass(frozen=True, slots=True)
class Sifted:
    """What may be taken of a payload, and the readings that may not: number (from 1) and why."""

    taken: Columns
    refused: tuple[tuple[int, str], ...]
    kinds: Counter[str]


def sifted(read: Columns, speaks_for: Collection[str], now: float, limits: Limits, names: Names) -> Sifted:
    """Parts with readings of devices for which the sender does not speak, of moments that are none, and of metrics
    that cannot be kept.

    `now` in seconds since 1970.
    """
    early, late = limits.moments(now)
    arrays = isinstance(read.device, pa.Array)
    named = set(pc.unique(read.device).to_pylist()) if arrays else set(read.device)
    strangers = named.difference(speaks_for)
    wrong_clock, unheard = (read.ts < early) | (read.ts > late), names.unheard(read)
    if not strangers and not unheard and not wrong_clock.any():
        return Sifted(read, (), Counter())
    if arrays:
        strange = pc.is_in(read.device, pa.array(sorted(strangers), pa.string())).to_numpy(zero_copy_only=False)
    else:
        strange = np.fromiter((name in strangers for name in read.device), bool, len(read.device))
    wrong_clock &= ~strange
    wrong = strange | wrong_clock
    if unheard:
        wrong |= names.refused(read, ~wrong, limits.names)
    if not wrong.any():
        return Sifted(read, (), Counter())
    good = np.flatnonzero(~wrong)
    kinds = Counter({"device": int(strange.sum()), "clock": int(wrong_clock.sum())})
    kinds["metric"] = len(wrong) - len(good) - kinds.total()
    first = np.flatnonzero(wrong)[:SHOWN].tolist()
    refused = tuple((n + 1, "device" if strange[n] else "clock" if wrong_clock[n] else "metric") for n in first)
    if arrays:
        taken = Columns(read.device.take(pa.array(good)), read.metric.take(pa.array(good)), read.ts[good],
                        read.value[good])  # fmt: skip
    else:
        rows = good.tolist()
        taken = Columns([read.device[n] for n in rows], [read.metric[n] for n in rows], read.ts[good],
                        read.value[good])  # fmt: skip
    return Sifted(taken, refused, +kinds)


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
        if error is not None:
            session.parted = session.parted or "connection lost"
        if session.parted:
            self.counts[f"parted: {session.parted}"] += 1
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
