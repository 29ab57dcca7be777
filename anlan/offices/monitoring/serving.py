"""`anlan gateway`: terminals are let in, what they send is put on disk, evaluated and archived, in one process.

Several may run: each lets devices in and writes a journal of its own; one of them, whoever holds the lock, evaluates.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import hmac
import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError, connections
from django.db.models import Q

from anlan.engines.telemetry import history
from anlan.engines.telemetry.gateway import Gateway
from anlan.engines.telemetry.journal import Committer, Journal
from anlan.engines.telemetry.moves import moving
from anlan.engines.telemetry.protocols import jt808
from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, Actor, acting

from .evaluation import Evaluation
from .models import Device

logger = logging.getLogger(__name__)
EVALUATE_S, KEEP_S, ARCHIVE_S, TELL_S, AGAIN_S = 0.2, 30.0, 600.0, 300.0, 5.0
GATEWAY = Actor("job", "gateway")


def home() -> Path:
    """Where readings live: `journal/`, `history/`, and the state of the evaluation."""
    return Path(settings.HOME) / "telemetry"


def code_of(phone: str) -> str:
    """The code with which a terminal authenticates itself: only this installation can make it."""
    return hmac.new(settings.SECRET_KEY.encode(), f"jt808 {phone}".encode(), hashlib.sha256).hexdigest()[:20]


class Registered:
    """Terminals as the register of devices has them.

    A terminal gets its code for the plate under which it is registered; a number that is not there gets none.
    """

    async def register(self, phone: str, said: dict[str, Any]) -> tuple[int, str]:
        names = await asyncio.to_thread(self._names, phone)
        if not names:
            return jt808.NO_TERMINAL, ""
        return (jt808.REGISTERED, code_of(phone)) if said["plate"] in names else (jt808.NO_VEHICLE, "")

    async def authenticate(self, phone: str, code: str) -> bool:
        if not hmac.compare_digest(code.encode(), code_of(phone).encode()):
            return False
        return bool(await asyncio.to_thread(self._names, phone))

    @staticmethod
    def _names(phone: str) -> list[str]:
        """The plate of the terminal's vehicle, where the terminal is in service."""
        try:
            with acting(GATEWAY, EVERYWHERE):
                there = Q(removed_on__isnull=True) | Q(removed_on__gt=clock.today())
                found = Device.objects.filter(there, code=phone, protocol="jt808", installed_on__lte=clock.today())
                return list(found.values_list("name", flat=True))
        finally:
            connections.close_all()


async def serve(host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serves until SIGTERM or SIGINT, and then puts on disk what waits. Raises `OSError` where the port is taken."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    ending = threading.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_, stop.set)
    journal = Journal(home() / "journal", "gateway")
    committer = Committer(journal)
    gateway = Gateway(Registered(), committer.land, now=lambda: clock.now().timestamp())
    server = await gateway.serve(host, port)
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(stop.wait()),
        asyncio.create_task(_tell(gateway)),
        asyncio.create_task(_turn(committer)),
        asyncio.create_task(_evaluate(ending)),
    ]
    ready(server.sockets[0].getsockname()[1])
    try:
        done, _running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.close()
        await gateway.close()
        await committer.close()
        ending.set()
        for task in tasks[:3]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        journal.close()
    for task in done:
        task.result()  # a fault of the evaluation is the process' own: the supervisor begins it anew


async def _tell(gateway: Gateway) -> None:
    while True:
        await asyncio.sleep(TELL_S)
        logger.info("terminals online: %d; %s", len(gateway.online), dict(gateway.counts))


async def _turn(committer: Committer) -> None:
    """Lets finished files be archived while the writer goes on."""
    while True:
        await asyncio.sleep(ARCHIVE_S / 2)
        committer.turn()


async def _evaluate(ending: threading.Event) -> None:
    """Evaluates what landed, where no other process does."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / "evaluation.lock").open("a+") as lock:
        while not ending.is_set():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                await asyncio.to_thread(work, ending)
            except BlockingIOError:
                await asyncio.sleep(AGAIN_S)
            except OperationalError as error:
                # The database is away. What comes meanwhile is on disk, and found again from the state that was kept.
                logger.warning("the evaluation waits for the database: %s", str(error).strip())
                await asyncio.sleep(AGAIN_S)


def work(ending: threading.Event) -> None:
    """The evaluation in its own thread, until the process ends. Raises what the database says."""
    evaluation = Evaluation(home() / "journal", home() / "state")
    kept = archived = time.monotonic()
    try:
        while not ending.wait(EVALUATE_S):
            evaluation.step()
            now = time.monotonic()
            if now - kept > KEEP_S:
                evaluation.keep()
                kept = now
            if now - archived > ARCHIVE_S:
                with moving(home()) as free:
                    if free:
                        # Only what the kept state knows of is taken away from the journal.
                        evaluation.keep()
                        history.archive(home() / "journal", home() / "history", evaluation.tail)
                        history.compact(home() / "history", clock.today())
                archived = now
        evaluation.step()
        evaluation.keep()
    finally:
        connections.close_all()
