"""Jobs and schedules on procrastinate, in the same PostgreSQL; and the worker that runs them.

A job is put in the queue by the transaction that wants it, states as whom and over what it acts,
and runs in one transaction of its own. A job that does not say its scope is refused, both when put
and when run. A worker that dies leaves a silent heartbeat; its jobs are taken up by the next one.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import close_old_connections, connections
from django.db.models import F
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.utils import connector_params
from procrastinate.manager import JobManager
from procrastinate.psycopg_connector import PsycopgConnector

from . import clock
from .locks import alone
from .scope import EVERYWHERE, Actor, Scope, acting, acting_now

log = logging.getLogger(__name__)

HEARTBEAT_S = 5.0
STALLED_AFTER_S = 20.0
SEAL_EVERY_S = 3.0
POLL_EVERY_S = 5.0
"""Notifications wake the worker; polling is for those that were lost."""


# Inside a worker the app's own connector is another connection: a job that puts a job, or a handler
# that does, must put it in its own transaction.
_here = JobManager(DjangoConnector("default"))
_QUEUE = Actor("job", "queue")


class NoScope(ValueError):
    """A job was put, or met in the queue, without saying over what it acts."""


def packed(scope: Scope) -> dict[str, Any]:
    """A scope as JSON."""
    industries = None if scope.industries is None else sorted(scope.industries)
    return {"area": scope.area, "industries": industries, "enterprise": scope.enterprise}


def unpacked(value: Any) -> Scope:
    """The scope that `packed` made; raises `NoScope` for anything else."""
    if not isinstance(value, dict) or set(value) != {"area", "industries", "enterprise"}:
        raise NoScope("a job without a scope is not run")
    industries = value["industries"]
    return Scope(value["area"], None if industries is None else frozenset(industries), value["enterprise"])


@dataclass(frozen=True)
class Job:
    """A declared job; `put` queues a run of it."""

    name: str
    run: Callable[..., Any]
    task: Any

    def put(self, *, scope: Scope, account_id: int | None = None, lock: str | None = None, **arguments: Any) -> int:
        """Queues a run over `scope`, in the caller's transaction; returns the job's number.

        The scope may not be wider than the caller's own. `lock`: jobs with the same lock run one by one.
        """
        if not isinstance(scope, Scope):
            raise NoScope(f"job {self.name!r} was put without a scope")
        now = acting_now()
        if now is not None and not scope.within(now[1]):
            raise NoScope(f"job {self.name!r}: {scope} is wider than {now[1]}, where it was put")
        if account_id is None and now is not None:
            account_id = now[0].account_id
        wanted = self.task.configure(lock=lock)
        wanted.job_manager = _here
        # The queue itself is not for people's eyes, nor for their hands.
        with acting(_QUEUE, now[1] if now else scope):
            return int(wanted.defer(_scope=packed(scope), _account=account_id, **arguments))


_jobs: dict[str, Job] = {}


def job(
    name: str, *, queue: str = "default", schedule: str | None = None, scope: Scope | None = None, attempts: int = 5,
    after_failure: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Job]:  # fmt: skip
    """Declares a job called `name`; its function runs under `acting(Actor("job", name), scope)`.

    `schedule` is a cron line in UTC; a scheduled job must state the `scope` it runs over. A failing
    job is tried `attempts` times with growing waits, then stands as failed on /jobs/ with a retry
    button. `after_failure` is called with the run's arguments after each run that failed, in a transaction of its
    own, since the run's is gone. Modules `<app>/jobs.py` are loaded by themselves.
    """

    def declare(function: Callable[..., Any]) -> Job:
        if schedule and scope is None:
            raise NoScope(f"scheduled job {name!r} must state its scope")

        @functools.wraps(function)
        def run(
            *_: Any, _scope: Any = None, _account: int | None = None, timestamp: int | None = None, **arguments: Any
        ) -> Any:
            actor, over = Actor("job", name, _account), unpacked(_scope)
            try:
                with acting(actor, over):
                    return function(**arguments)
            except Exception:
                if after_failure is not None:
                    with acting(actor, over):
                        after_failure(**arguments)
                raise

        task = app.task(name=name, queue=queue, retry=RetryStrategy(max_attempts=attempts, exponential_wait=3))(run)
        if schedule and scope is not None:
            app.periodic(cron=schedule, task_kwargs={"_scope": packed(scope)})(task)
        _jobs[name] = Job(name, function, task)
        return _jobs[name]

    return declare


# --- Progress --------------------------------------------------------------------------------------

_aside = ThreadPoolExecutor(1, thread_name_prefix="progress")


TOLD_EVERY_S = 0.5


class Report:
    """Writes a `Progress` row beside the job's own transaction, so that it is seen while the job runs.

    Each change is published live under the topic `progress-<number>`, to its starter and those in scope.
    """

    def __init__(self, progress_id: int) -> None:
        self.id, self._phase, self._told = progress_id, "", 0.0

    def begin(self) -> int:
        """Says that the job runs; returns the how-manieth attempt it is."""
        return _aside.submit(_write_progress, self.id, {"state": "running", "attempts": F("attempts") + 1}).result()

    def say(self, **values: Any) -> None:
        """Sets `done`, `total`, `phase`, `state` (waiting, running, done, failed), `result_url` or `error`."""
        _aside.submit(_write_progress, self.id, values).result()

    def tell(self, phase: str, done: int, total: int) -> None:
        """Says how far a phase is, at most twice a second."""
        now = time.monotonic()
        if phase != self._phase or now - self._told >= TOLD_EVERY_S:
            self._phase, self._told = phase, now
            self.say(phase=phase, done=done, total=total)


def _write_progress(progress_id: int, values: dict[str, Any]) -> int:
    from .live import publish
    from .models import Progress

    try:
        with acting(Actor("job", "progress"), EVERYWHERE):
            Progress.objects.filter(pk=progress_id).update(**values, changed_at=clock.now())
            row = Progress.objects.filter(pk=progress_id).first()
            if row is None:
                return 0
            publish(
                f"progress-{row.pk}", {"state": row.state, "phase": row.phase, "done": row.done, "total": row.total},
                area_code=row.area_code, industry_id=row.industry_id, enterprise_id=row.enterprise_id,
                account_id=row.account_id,
            )  # fmt: skip
            return row.attempts
    finally:
        close_old_connections()


# --- The worker ------------------------------------------------------------------------------------


class _Repeating(threading.Thread):
    """Calls `act` again and again, `every` seconds apart or as soon as `wake` is set, until `stop`."""

    def __init__(self, name: str, act: Callable[[], object], every: float, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.act, self.every, self.stop, self.wake = act, every, stop, threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            self.wake.clear()
            try:
                self.act()
            except Exception:
                # The database may be restarting: say so and go on, that is what the loop is for.
                log.exception("%s failed; tried again in %s s", self.name, self.every)
                for alias in connections:
                    connections[alias].close()
            finally:
                close_old_connections()
            self.wake.wait(self.every)


def _listen(wake: threading.Event, stop: threading.Event) -> None:
    """Sets `wake` whenever an event is told; reconnects when the database went away."""
    from .events import CHANNEL

    while not stop.is_set():
        try:
            with psycopg.connect(**connection_parameters(), autocommit=True) as listening:
                listening.execute(f"LISTEN {CHANNEL}")
                wake.set()
                while not stop.is_set():
                    for _ in listening.notifies(timeout=1, stop_after=1):
                        wake.set()
        except psycopg.OperationalError:
            log.warning("the database does not answer; listening again in a second")
            stop.wait(1)


def connection_parameters() -> dict[str, Any]:
    """What psycopg needs to connect as the application's role, outside of Django."""
    values = connections["default"].settings_dict
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return {key: values[name] for key, name in named.items() if values.get(name)}


def rescue() -> int:
    """Puts jobs whose worker fell silent back into the queue; returns how many."""
    with acting(_QUEUE, EVERYWHERE), connections["default"].cursor() as cursor:
        alone("jobs.rescue")
        cursor.execute(
            "SELECT j.id FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id "
            "WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - make_interval(secs => %s))",
            [STALLED_AFTER_S],
        )
        lost = [row[0] for row in cursor.fetchall()]
        for number in lost:
            again(number)
    return len(lost)


def again(number: int) -> None:
    """Puts a failed, or lost, job back into the queue, to be run at once."""
    with acting(_QUEUE, EVERYWHERE):
        _here.retry_job_by_id(number, retry_at=datetime.now(UTC))


def worker_connector() -> PsycopgConnector:
    """The worker's own connections to the queue, which say that they are no person's."""
    parameters = connector_params("default")
    stated = f"{parameters.get('options', '')} -c anlan.actor_kind=job".strip()
    return PsycopgConnector(kwargs=parameters | {"options": stated})


def failed(number: int) -> bool:
    """Whether there is a job of that number and it failed."""
    with acting(_QUEUE, EVERYWHERE), connections["default"].cursor() as cursor:
        cursor.execute("SELECT 1 FROM procrastinate_jobs WHERE id = %s AND status = 'failed'", [number])
        return cursor.fetchone() is not None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job, as it stands in the queue."""

    id: int
    name: str
    state: str
    attempts: int
    due: datetime | None
    at: datetime | None


def runs(most: int) -> list[Run]:
    """The latest runs, those that failed before the others."""
    with acting(_QUEUE, EVERYWHERE), connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT j.id, j.task_name, j.status::text, j.attempts, j.scheduled_at, "
            "(SELECT max(e.at) FROM procrastinate_events e WHERE e.job_id = j.id) "
            "FROM procrastinate_jobs j ORDER BY (j.status = 'failed') DESC, j.id DESC LIMIT %s",
            [most],
        )
        return [Run(*row) for row in cursor.fetchall()]


def workers_alive(silent_s: int) -> int:
    """How many workers were heard of in the last `silent_s` seconds."""
    with acting(_QUEUE, EVERYWHERE), connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_workers "
            "WHERE last_heartbeat > clock_timestamp() - make_interval(secs => %s)",
            [silent_s],
        )
        return int(cursor.fetchone()[0])


def work(concurrency: int = 2) -> None:
    """Runs jobs, delivers events and seals the audit until SIGTERM or SIGINT."""
    from .audit import seal
    from .events import deliver_due
    from .live import forget_old

    stop = threading.Event()
    threads = [
        _Repeating("events", deliver_due, POLL_EVERY_S, stop),
        _Repeating("audit seal", seal, SEAL_EVERY_S, stop),
        _Repeating("rescue", rescue, STALLED_AFTER_S / 2, stop),
        _Repeating("live", forget_old, 60, stop),
    ]
    for thread in threads:
        thread.start()
    listener = threading.Thread(target=_listen, args=(threads[0].wake, stop), daemon=True)
    listener.start()
    try:
        with app.replace_connector(worker_connector()) as worker:
            worker.run_worker(
                concurrency=concurrency, update_heartbeat_interval=HEARTBEAT_S, shutdown_graceful_timeout=20,
                # Pruned late: a pruned worker's jobs are found by `rescue` all the same.
                stalled_worker_timeout=STALLED_AFTER_S * 3,
            )  # fmt: skip
    finally:
        stop.set()
        for thread in threads:
            thread.wake.set()
            thread.join(10)
