"""`anlan gateway`: devices are let in, what they send is put on disk, evaluated and archived, in one process.

Several may run: each lets devices in and writes a journal of its own; one of them, whoever holds the lock, evaluates.
The web server takes readings over HTTP (`ingest.py`) into a journal of its own.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError, connections

from anlan.engines.telemetry.gateways import Unsure
from anlan.engines.telemetry.gateways.ais import Ships
from anlan.engines.telemetry.gateways.broker import Subscriber
from anlan.engines.telemetry.gateways.connections import seldom_collected
from anlan.engines.telemetry.gateways.door import Limits, Tally
from anlan.engines.telemetry.gateways.drop import Drop
from anlan.engines.telemetry.gateways.jt808 import Vehicles
from anlan.engines.telemetry.gateways.mqtt import Publishers
from anlan.engines.telemetry.journal import Committer, Journal, batch_of
from anlan.kernel import clock

from . import standing
from .doors import Doors
from .evaluation import Evaluation
from .keys import FRESH_S, Directory

logger = logging.getLogger(__name__)
EVALUATE_S, KEEP_S, ARCHIVE_S, AGAIN_S, DROP_S = 0.2, 30.0, 600.0, 5.0, 2.0


def limits() -> Limits:
    """What one connection and one sender may do."""
    return Limits(readings=settings.DEVICE_READINGS)


def home() -> Path:
    """Where readings live: `journal/`, `history/`, `drop/`, and the state of the evaluation."""
    return Path(settings.HOME) / "telemetry"


def now() -> float:
    """Seconds since 1970, by the installation's clock."""
    return clock.now().timestamp()


class Gateway:
    """One process' ways in."""

    def __init__(self, doors: Doors, told: Callable[[str], None]) -> None:
        self._doors, self._told = doors, told
        self._journals = [Journal(home() / "journal", "gateway")]
        self._committer = Committer(self._journals[0])
        self._directory = Directory()
        self._state: dict[str, dict[str, Any]] = {}
        """Of each way in whether it is open, and where."""
        self._tallies: dict[str, tuple[Tally, Callable[[], int]]] = {}
        self._closing: list[Callable[[], Any]] = []
        self.progress = standing.Progress()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; then what waits is put on disk."""
        seldom_collected()
        stop, ending = asyncio.Event(), threading.Event()
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
        evaluation = asyncio.create_task(_evaluate(ending, self.progress))
        ways = [asyncio.create_task(one) for one in (self._know(), self._turn(), self._tell(), *self._ways_in())]
        try:
            done, _running = await asyncio.wait(
                [asyncio.create_task(stop.wait()), evaluation, *ways], return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for close in self._closing:
                if isinstance(said := close(), Awaitable):
                    await said
            for task in ways:
                task.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await self._committer.close()
            ending.set()  # and what was landed last is evaluated
            await asyncio.gather(evaluation, return_exceptions=True)
            for journal in self._journals:
                journal.close()
            standing.gone("gateway")
        for task in done:
            task.result()  # a fault of the evaluation is the process' own: the supervisor begins it anew

    def _ways_in(self) -> list[Any]:
        doors, land, host = self._doors, self._directory.situated(self._committer.land), self._doors.host
        vehicles = Vehicles(self._directory, land, limits(), now)
        devices = Publishers(self._directory, land, limits(), now)
        ships = Ships(lambda: self._directory.ships, doors.receivers, land, now=now)
        ways: list[Any] = [self._files()]
        for name, title, listener, port in (
            ("jt808", "JT/T 808", vehicles, doors.jt808), ("mqtt", "MQTT", devices, doors.mqtt),
            ("ais", "AIS", ships, doors.ais),
        ):  # fmt: skip
            if port is None:
                continue
            self._tallies[name] = listener.tally, lambda of=listener: of.online  # type: ignore[misc]
            self._closing.append(listener.close)

            async def listens(listener: Any = listener, port: int = port) -> int:
                server = await listener.serve(host, port, doors.tls if listener is devices else None)
                self._closing.insert(0, server.close)
                return int(server.sockets[0].getsockname()[1])

            ways.append(self._opened(name, title, port, listens))
        if doors.ais:

            async def hears() -> int:
                made = await ships.datagrams(host, doors.ais or 0)
                self._closing.insert(0, made.close)
                return doors.ais or 0

            ways.append(self._opened("ais-udp", "AIS (UDP)", doors.ais, hears))
        if doors.broker is not None:
            subscriber = Subscriber(doors.broker, lambda: self._directory.sending, land, limits(), now)
            self._tallies["broker"] = subscriber.tally, lambda: int(subscriber.connected)
            self._state["broker"] = {"open": True, "at": f"{doors.broker.host}:{doors.broker.port}"}
            ways.append(subscriber.run())
        return ways

    async def _opened(self, name: str, title: str, port: int, listens: Callable[[], Awaitable[int]]) -> None:
        """Opens a door. One that somebody else holds is tried again: the others are open meanwhile."""
        said = ""
        while True:
            at = f"{self._doors.host}:{port}"
            try:
                at = f"{self._doors.host}:{await listens()}"
            except OSError as error:
                words = f"{title} is closed: {at}: {error.strerror or error}"
                if words != said:
                    self._told(words)
                said, self._state[name] = words, {"open": False, "at": at, "why": error.strerror or str(error)}
                await asyncio.sleep(AGAIN_S)
            else:
                self._state[name] = {"open": True, "at": at}
                self._told(f"{title} at {at}")
                await asyncio.Event().wait()

    async def _files(self) -> None:
        """Takes in what is put into senders' folders."""
        journal = Journal(home() / "journal", "drop")
        self._journals.append(journal)

        def land(columns: Any) -> None:
            journal.append(batch_of(*self._directory.told(*columns), received=time.time_ns() // 1_000_000))

        drop = Drop(home() / "drop", self._directory.of_sender, land, limits(), now)
        self._tallies["files"] = drop.tally, lambda: 0
        (home() / "drop").mkdir(parents=True, exist_ok=True)
        self._state["files"] = {"open": True, "at": "telemetry/drop"}
        turned = time.monotonic()
        while True:
            await asyncio.sleep(DROP_S)
            try:
                await asyncio.to_thread(drop.step)
                if time.monotonic() - turned > ARCHIVE_S / 2:
                    await asyncio.to_thread(journal.turn)
                    turned = time.monotonic()
            except OSError as error:
                logger.warning("files wait: %s", error)

    async def _know(self) -> None:
        """Keeps what is known of devices fresh."""
        while True:
            with suppress(Unsure):  # it has said so; whoever knocks meanwhile is told to come again
                await self._directory.fresh(0)
            await asyncio.sleep(FRESH_S)

    async def _tell(self) -> None:
        """Says how it goes, for whoever asks (`standing`)."""
        while True:
            doors = {
                name: {"open": False, "at": "", **self._state.get(name, {}), "online": online(),
                       "counts": dict(tally.counts), "refused": list(tally.refused)}
                for name, (tally, online) in self._tallies.items()
            }  # fmt: skip
            with suppress(OSError):  # a full disk is told by who lands readings, and by the doctor
                standing.tell("gateway", {"doors": doors, "evaluation": self.progress.told()})
            await asyncio.sleep(standing.EVERY_S)

    async def _turn(self) -> None:
        """Lets finished files be archived while the writer goes on."""
        while True:
            await asyncio.sleep(ARCHIVE_S / 2)
            self._committer.turn()


async def _evaluate(ending: threading.Event, progress: standing.Progress) -> None:
    """Evaluates what landed, where no other process does."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / "evaluation.lock").open("a+") as lock:
        while not ending.is_set():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                await asyncio.to_thread(work, ending, progress)
            except BlockingIOError:
                await asyncio.sleep(AGAIN_S)
            except OperationalError as error:
                # The database is away. What comes meanwhile is on disk, and found again from the state that was kept.
                logger.warning("the evaluation waits for the database: %s", str(error).strip())
                await asyncio.sleep(AGAIN_S)


def work(ending: threading.Event, progress: standing.Progress) -> None:
    """The evaluation in its own thread, until the process ends. Raises what the database says."""
    evaluation = Evaluation(home() / "journal", home() / "state")
    kept = archived = time.monotonic()
    archiving: subprocess.Popen[bytes] | None = None
    keeping: Future[None] | None = None
    try:
        while not ending.wait(EVALUATE_S):
            changes = evaluation.step()
            progress.stepped(evaluation.stream.counts["taken"], changes)
            now = time.monotonic()
            if now - kept > KEEP_S and (keeping is None or keeping.done()):
                keeping, kept = _keep(evaluation), now
            if now - archived > ARCHIVE_S and (archiving is None or archiving.poll() is not None):
                archiving = subprocess.Popen([sys.executable, "-m", "anlan", "telemetry", "archive"])
                archived = now
        evaluation.step()
        wait([_keep(evaluation)])
    finally:
        connections.close_all()
        if archiving is not None:
            archiving.terminate()  # wherever it is, it goes on from there the next time
            archiving.wait()


def _keep(evaluation: Evaluation) -> Future[None]:
    """Keeps the state, while the evaluation goes on. Where the disk takes nothing the one before stands, from which
    more would be evaluated anew; for that alone nobody's connection is to be cut."""
    keeping = evaluation.keeping()
    keeping.add_done_callback(_told)
    return keeping


def _told(keeping: Future[None]) -> None:
    if error := keeping.exception():
        logger.warning("the state of the evaluation is not kept: %s", error)
