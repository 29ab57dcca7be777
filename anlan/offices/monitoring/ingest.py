"""Readings over HTTP, in the web server: put on disk in a journal of its own process, which the gateway evaluates."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from anlan.engines.telemetry.gateways.http import Ingest
from anlan.engines.telemetry.journal import Committer, Journal

from . import standing
from .keys import Directory
from .serving import ARCHIVE_S, home, limits, now

logger = logging.getLogger(__name__)
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
PREFIX = "/ingest/"


class _Process:
    """What this process needs once somebody sends: a journal, who may send, and a word about it now and then."""

    def __init__(self) -> None:
        self._journal = Journal(home() / "journal", "web")
        self._committer = Committer(self._journal)
        directory = Directory()
        self.ingest = Ingest(directory, directory.situated(self._committer.land), limits(), now)
        self._task = asyncio.create_task(self._goes_on())

    async def _goes_on(self) -> None:
        turned = 0.0
        while True:
            told = {"open": True, "at": "/ingest/v1/readings", "online": 0, "counts": dict(self.ingest.tally.counts),
                    "refused": list(self.ingest.tally.refused)}  # fmt: skip
            with suppress(OSError):  # a full disk is told by who lands readings, and by the doctor
                standing.tell("web", {"doors": {"http": told}})
            await asyncio.sleep(standing.EVERY_S)
            turned += standing.EVERY_S
            if turned >= ARCHIVE_S / 2:
                self._committer.turn()
                turned = 0.0


def application(otherwise: Application) -> Application:
    """Answers what is sent to `/ingest/`; everything else `otherwise` does."""
    process: _Process | None = None

    async def run(scope: dict[str, Any], receive: Any, send: Any) -> None:
        nonlocal process
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await otherwise(scope, receive, send)
            return
        if process is None:
            process = _Process()
        await process.ingest(scope, receive, send)

    return run
