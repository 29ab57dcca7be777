"""Jobs: put with the fact, run within a stated scope, and taken up again after a worker was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from anlan.kernel import jobs
from anlan.kernel.models import Event, Progress
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting

TESTER = Actor("test", "tests")

# Declared here to be put; the worker process below declares what they do.
SLOW = jobs.job("test.slow")(lambda mark, seconds, progress=None: None)
OUTSIDE = jobs.job("test.outside")(lambda mark: None)

WORKER = """
import os, sys, time
import django
django.setup()
from django.db import connections
for alias in connections:
    connections[alias].settings_dict["NAME"] = sys.argv[1]
    connections[alias].settings_dict["OPTIONS"].pop("pool", None)
from anlan.kernel import events, jobs
from anlan.kernel.models import Progress
from anlan.parties.models import Account
jobs.STALLED_AFTER_S, jobs.HEARTBEAT_S = 3.0, 0.5

@jobs.job("test.slow")
def slow(mark, seconds, progress=None):
    if progress:
        jobs.Report(progress).say(state="running", done=1, total=2)
    time.sleep(seconds if os.environ.get("SLOW") else 0)
    events.tell("test.done", area_code="500112000000", mark=mark)

@jobs.job("test.outside")
def outside(mark):
    events.tell("test.done", area_code="500113000000", mark=mark)

@events.hears("test.done", handler="test.note")
def note(event):
    Account.objects.create_user("heard-" + event.facts["mark"], None, name="x", role="district",
                                area_code=event.area_code)

print("ready", flush=True)
jobs.work()
"""


@pytest.fixture
def start_worker() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(**env: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, connection.settings_dict["NAME"]], env={**os.environ, **env}
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(what: Callable[[], bool], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "did not come about in time"
        time.sleep(0.1)


def accounts() -> set[str]:
    from anlan.parties.models import Account

    with acting(TESTER, EVERYWHERE):
        return set(Account.objects.filter(username__startswith="heard-").values_list("username", flat=True))


def told(mark: str) -> int:
    with acting(TESTER, EVERYWHERE):
        return Event.objects.filter(name="test.done", facts__mark=mark).count()


@pytest.mark.django_db
def test_a_job_without_a_scope_is_refused_when_put_and_when_run() -> None:
    with pytest.raises(jobs.NoScope):
        SLOW.put(scope=None, mark="x", seconds=0)  # type: ignore[arg-type]
    with pytest.raises(jobs.NoScope):
        SLOW.task.func(mark="x", seconds=0)
    with pytest.raises(jobs.NoScope, match="must state its scope"):
        jobs.job("test.nightly", schedule="0 3 * * *")(lambda: None)


@pytest.mark.django_db
def test_nobody_puts_a_job_wider_than_himself() -> None:
    with acting(TESTER, Scope("500112")), pytest.raises(jobs.NoScope, match="wider"):
        SLOW.put(scope=EVERYWHERE, mark="x", seconds=0)


@pytest.mark.django_db(transaction=True)
def test_a_job_is_put_with_the_transaction_or_not_at_all() -> None:
    def put_and_fail() -> None:
        with acting(TESTER, EVERYWHERE):
            SLOW.put(scope=EVERYWHERE, mark="x", seconds=0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put_and_fail()
    with acting(TESTER, EVERYWHERE), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'test.slow'")
        assert cursor.fetchone() == (0,)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_killed_workers_job_is_done_once_by_the_next_worker(
    start_worker: Callable[..., subprocess.Popen[bytes]],
) -> None:
    with acting(TESTER, Scope("500112")):
        progress = Progress.objects.create(title="slow", area_code="500112000000")
        SLOW.put(scope=Scope("500112"), mark="a", seconds=600, progress=progress.pk)
    first = start_worker(SLOW="1")

    def running() -> bool:
        with acting(TESTER, EVERYWHERE):
            return Progress.objects.get(pk=progress.pk).done == 1

    until(running)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert told("a") == 0
    start_worker()
    until(lambda: told("a") == 1)
    until(lambda: accounts() == {"heard-a"})
    time.sleep(2)
    assert (told("a"), accounts()) == (1, {"heard-a"})


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_job_cannot_reach_beyond_its_scope_and_its_failure_is_visible(
    start_worker: Callable[..., subprocess.Popen[bytes]],
) -> None:
    with acting(TESTER, Scope("500112")):
        number = OUTSIDE.put(scope=Scope("500112"), mark="b")
    start_worker()

    def attempted() -> bool:
        with acting(TESTER, EVERYWHERE), connection.cursor() as cursor:
            cursor.execute("SELECT attempts FROM procrastinate_jobs WHERE id = %s", [number])
            return bool(cursor.fetchone()[0])

    until(attempted)
    assert told("b") == 0
