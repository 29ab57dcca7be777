"""`anlan worker`: the jobs of procrastinate, and what must be done all the time beside them.

Several may run, on several machines: each duty is safe to do twice at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connections

SEAL_EVERY_S = 5.0
RESCUE_EVERY_S = 15.0
STALLED_AFTER_S = 45.0
"""A job whose worker has been silent for so long is given to another; workers speak every 10 s."""

log = logging.getLogger("anlan.worker")


def work() -> None:
    """Blocks until SIGTERM or Ctrl-C; running jobs are given time to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    asyncio.run(_work())


async def _work() -> None:
    from procrastinate.contrib.django import app
    from procrastinate.contrib.django.django_connector import DjangoConnector

    assert isinstance(app.connector, DjangoConnector)
    with app.replace_connector(app.connector.get_worker_connector()) as working:
        async with working.open_async():
            duties = [_every(SEAL_EVERY_S, "seal the audit", _seal)]
            duties.append(_every(RESCUE_EVERY_S, "rescue stalled jobs", lambda: _rescue(working.job_manager)))
            tasks = [asyncio.create_task(d) for d in duties]
            try:
                await working.run_worker_async(concurrency=4, delete_jobs="never", shutdown_graceful_timeout=10)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


async def _every(seconds: float, what: str, do: Callable[[], Awaitable[int]]) -> None:
    while True:
        try:
            done = await do()
            if done:
                log.info("%s: %d", what, done)
        except DatabaseError:
            log.exception("could not %s; trying again in %.0f s", what, seconds)
        await asyncio.sleep(seconds)


async def _seal() -> int:
    def seal() -> int:
        from anlan.kernel.audit import seal

        try:
            return seal()
        finally:
            connections["owner"].close()

    return await sync_to_async(seal, thread_sensitive=False)()


async def _rescue(manager: object) -> int:
    """Puts the jobs of workers that were killed back into the queue."""
    from procrastinate.manager import JobManager

    assert isinstance(manager, JobManager)
    stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S))
    for job in stalled:
        await manager.retry_job(job)
    return len(stalled)
