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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..protocols import Malformed, Reading, jt808, jt808_many
from ..protocols.jt808 import Cutter, Frame, Joiner
from ..protocols.jt808_many import Many
from . import Land
from .connections import Listener, Parted, Session
from .door import Limits, astray

_FEW = 12
"""Reports that cost less one by one than as arrays."""
_OWED = 16
"""So many reports of one terminal may be on their way to the disk; further ones wait, and it is not read then."""


_REFUSED = {
    jt808.VEHICLE_TAKEN: "registered already", jt808.NO_VEHICLE: "not the plate of this number",
    jt808.TERMINAL_TAKEN: "another terminal was the first", jt808.NO_TERMINAL: "not in the register",
}  # fmt: skip


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
    header: bytes = b""
    """Its number as it stands in its frames, once it is known."""
    cutter: Cutter = field(default_factory=Cutter)
    joiner: Joiner = field(default_factory=Joiner)
    parts: deque[Frame] = field(default_factory=lambda: deque(maxlen=2 * jt808.MOST_PARTS))
    """Parts that were not answered yet; what is forgotten here the terminal sends again."""

    def introduce(self, phone: str, code: str, v2019: bool) -> None:
        """It has said who it is."""
        self.known, self.phone, self.code, self.asked = True, phone, code, time.monotonic()
        self.header = jt808.number(phone, v2019)
        self.peer = f"{self.peer.partition(' ')[0]} {phone}"

    def retire(self) -> None:
        """It has logged out: what it says counts no more until it has said anew who it is."""
        self.known, self.header = False, b""

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
        self._reports: list[tuple[_Terminal, bytes]] = []

    def hear(self, session: Session, data: bytes) -> None:
        """Reports of where terminals are, which is nearly all that they say, are taken together as they come."""
        assert isinstance(session, _Terminal)
        if (
            session.header and session.task is None and session.owed < _OWED and not session.cutter.begun
            and jt808_many.plain(data) and jt808_many.phone(data) == session.header
            and time.monotonic() - session.asked <= self.limits.again
        ):  # fmt: skip
            session.owed += 1
            if not self._reports:
                asyncio.get_running_loop().call_soon(self._take_reports)
            self._reports.append((session, data))
        else:
            super().hear(session, data)

    def _take_reports(self) -> None:
        """Those of one form at once, as arrays; where they are few, or something is wrong with one, by itself."""
        came, self._reports = self._reports, []
        forms: dict[tuple[int, int], list[tuple[_Terminal, bytes]]] = {}
        for session, data in came:
            forms.setdefault((len(data), len(session.header)), []).append((session, data))
        try:
            for alike in forms.values():
                self._take_alike(alike)
        except BaseException:
            for session, _data in came:
                session.transport.abort()  # what they said was not answered, and they come again
            raise

    def _take_alike(self, alike: Sequence[tuple[_Terminal, bytes]]) -> None:
        many = jt808_many.read([data for _session, data in alike]) if len(alike) >= _FEW else None
        readable = many.good.tolist() if many else [False] * len(alike)
        places = []
        for n, ((session, data), good) in enumerate(zip(alike, readable, strict=True)):
            if good and self._admitted(session):
                places.append(n)
                continue
            session.owed -= 1
            if not good:
                super().hear(session, data)
        if many and places:
            self._begin(self._land_reports(many, alike, np.array(places)))

    def _admitted(self, session: _Terminal) -> bool:
        try:
            self._spend(session, 1)
        except Parted as parted:
            session.part(str(parted))
            return False
        self._heard(session, begun=False, had_begun=False, whole=True)
        return True

    async def _land_reports(self, many: Many, alike: Sequence[tuple[_Terminal, bytes]], places: Any) -> None:
        """Puts reports on disk and answers them; `places` says which."""
        sessions = [alike[n][0] for n in places.tolist()]
        try:
            for session, answer in zip(sessions, await self._landed(many, alike, places), strict=True):
                session.answer(answer)
        except BaseException:
            for session in sessions:
                session.transport.abort()
            raise
        finally:
            for session in sessions:
                session.owed -= 1
                session.worked()

    async def _landed(self, many: Many, alike: Sequence[tuple[_Terminal, bytes]], places: Any) -> list[bytes]:
        early, late = self.limits.moments(self._now())
        phones = [session.phone for session, _data in alike]
        told = (many.ts >= early) & (many.ts <= late)
        each = (~np.isnan(many.values)).sum(axis=1).tolist()
        results, which = np.full(len(alike), jt808.DONE), np.zeros(len(alike), bool)
        for n in places.tolist():
            if told[n]:
                which[n] = not self.tally.budget.spend(phones[n], each[n], 1, self.limits)
                if not which[n]:
                    self.counts["refused: too much"] += each[n]
                    results[n] = jt808.FAILED
        self.counts["messages"] += len(places)
        for n in places[~told[places]].tolist():
            self._astray(alike[n][0], float(many.ts[n]), alike[n][1])
        columns = jt808_many.columns(many, phones, which)
        try:
            await self._land(*columns)
            self.counts["readings"] += len(columns.ts)
        except OSError:
            self.counts["refused: disk"] += len(columns.ts)
            results[:] = jt808.FAILED
        asked = [alike[n] for n in places.tolist()]
        return jt808_many.replies(
            [data for _session, data in asked], [session.next() for session, _data in asked], results[places]
        )

    async def _said(self, session: _Terminal, data: bytes) -> None:
        cutter = session.cutter
        had_begun = cutter.begun
        try:
            frames = cutter.feed(data)
        except Malformed as error:
            self._refuse(session, error, data[:64])
            raise Parted("a frame without an end") from None
        self._spend(session, len(frames))
        session.answer(await self._answered(session, frames))
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
                if session.known and whole.phone != session.phone:
                    raise Malformed("phone", f"{session.phone} speaks for itself alone, not for {whole.phone}")
                if not session.known or whole.id == jt808.REGISTER:
                    out += await self._introduced(session, whole, raw)
                    continue
            except Malformed as error:
                self._refuse(session, error, raw)
                continue
            try:
                result = self._understood(session, whole, found)
            except Malformed as error:
                # Of what is whole and cannot be read it is told, or the terminal would send it for ever.
                self._refuse(session, error, raw)
                result = jt808.WRONG
            answers += [(part, result) for part in (session.answered(frame) if frame.parts > 1 else [frame])]
        if found and self.tally.budget.spend(session.phone, len(found), 1, self.limits):
            # Nor is this done: the terminal sends it again, later.
            self.counts["refused: too much"] += len(found)
            answers = _none_done(answers)
        elif found:
            columns = zip(*found, strict=True)
            try:
                await self._land(*columns)
                self.counts["readings"] += len(found)
            except OSError:
                # Not on disk, so not done: the terminal keeps it and sends it again.
                self.counts["refused: disk"] += len(found)
                answers = _none_done(answers)
        return out + b"".join(jt808.reply(frame, session.next(), result) for frame, result in answers)

    def _understood(self, session: _Terminal, frame: Frame, found: list[Reading]) -> int:
        """Takes a whole message of a terminal that is known; the result with which it is answered."""
        self.counts["messages"] += 1
        match frame.id:
            case jt808.LOCATION | jt808.LOCATIONS:
                read = jt808.readings(frame)
                early, late = self.limits.moments(self._now())
                good = [r for r in read if early <= r.ts <= late]
                if len(good) < len(read) or not read:
                    # The terminal would send it for ever if it were told that it failed.
                    wrong = next((r.ts for r in read if not early <= r.ts <= late), None)
                    self._astray(session, wrong, frame.body)
                found += good
                return jt808.DONE
            case jt808.LOGOUT:
                session.retire()
                return jt808.DONE
            case jt808.HEARTBEAT | jt808.GENERAL_REPLY | jt808.AUTHENTICATE:
                return jt808.DONE
        return jt808.UNSUPPORTED

    def _astray(self, session: _Terminal, ts: float | None, raw: bytes) -> None:
        """A report is refused for its moment, None where that is none at all."""
        words = "a moment that is none" if ts is None else astray(ts, self._now())
        self.tally.refuse(session.peer, Malformed("clock", f"{session.phone}: {words}"), raw)

    async def _introduced(self, session: _Terminal, frame: Frame, raw: bytes) -> bytes:
        """Registers or authenticates a terminal; whatever else it says before is answered with failure."""
        if frame.id == jt808.REGISTER:
            said = jt808.message(frame)
            result, code = await self._terminals.register(frame.phone, said)
            if result != jt808.REGISTERED:
                words = f"{frame.phone} {said['plate'][:20]}: {_REFUSED[result]}"
                self.tally.refuse(session.peer, Malformed("registration", words), raw)
                self._tired(session, 2)  # who guesses numbers and plates is parted with after some
            else:
                self.counts["registered"] += 1
            return jt808.registered(frame, session.next(), result, code)
        if frame.id == jt808.AUTHENTICATE:
            code = str(jt808.message(frame)["code"])
            if await self._terminals.authenticate(frame.phone, code):
                session.introduce(frame.phone, code, frame.v2019)
                self.counts["authenticated"] += 1
                return jt808.reply(frame, session.next(), jt808.DONE)
            self.tally.refuse(session.peer, Malformed("code", f"{frame.phone}: not its code"), b"")
            session.nonsense += 5  # who guesses codes is parted with after a few
        self._tired(session)
        return jt808.reply(frame, session.next(), jt808.FAILED)


def _none_done(answers: list[tuple[Frame, int]]) -> list[tuple[Frame, int]]:
    """What was not put on disk failed, and comes again; what cannot be read or is not supported would not be better."""
    return [(frame, jt808.FAILED if result == jt808.DONE else result) for frame, result in answers]
