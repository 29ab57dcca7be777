"""Large imports: done by a job as the person who asked, all or nothing, seen by him and those in scope only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from anlan.kernel.jobs import packed, runs
from anlan.kernel.models import Live, Notice, Progress
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.kernel.sheets import applying, jobs
from anlan.kernel.sheets.models import Import
from anlan.parties.models import Account, Enterprise
from anlan.site import postgres

from .test_sheets import GOOD, code, text

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
TESTER = Actor("test", "tests")
YUBEI = Scope("500112")


def account(username: str, area_code: str, role: str = "district") -> Account:
    with acting(TESTER, EVERYWHERE):
        return Account.objects.create(username=username, name=username, role=role, area_code=area_code)


def signed_in(who: Account) -> Client:
    client = Client()
    with acting(TESTER, EVERYWHERE):
        client.force_login(who)
    return client


@pytest.fixture(autouse=True)
def emptied(transactional_db: None) -> Iterator[None]:
    """What is told beside a transaction is seen only by committing; the tables are emptied by their owner."""
    yield
    with postgres.psycopg_superuser(postgres.Server(settings.HOME), connection.settings_dict["NAME"]) as root:
        root.execute(
            "TRUNCATE parties_account, parties_enterprise, sheets_import, kernel_progress, kernel_notice, kernel_live, "
            "procrastinate_jobs, audit_entry, audit_seal CASCADE"
        )


@pytest.fixture
def bureau(monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr(jobs, "AT_ONCE_BYTES", 0)
    monkeypatch.setattr(jobs, "AT_ONCE_ROWS", 0)
    return account("d", "500112000000")


def send(client: Client, *rows: dict[str, Any], how: str = "all") -> Import:
    file = SimpleUploadedFile("名录.csv", text(*rows))
    assert client.post("/r/enterprises/import/", {"file": file, "how": how}).status_code == 302
    return latest()


def latest() -> Import:
    with acting(TESTER, EVERYWHERE):
        return Import.objects.select_related("progress").latest("id")


def work(record: Import, what: str = "import", scope: Scope = YUBEI) -> None:
    """Runs the job as the worker would."""
    jobs.run.task.func(_scope=packed(scope), _account=record.account_id, number=record.pk, what=what)


def notices(who: Account) -> list[str]:
    with acting(TESTER, EVERYWHERE):
        return [n.message for n in Notice.objects.filter(account_id=who.pk).order_by("id")]


def count() -> int:
    with acting(TESTER, EVERYWHERE):
        return Enterprise.objects.count()


def queued() -> int:
    return sum(run.name == "sheets.run" for run in runs(100))


def test_a_large_file_waits_is_imported_by_a_job_and_told(bureau: Account) -> None:
    client = signed_in(bureau)
    record = send(client, GOOD | {"credit_code": code(1)}, GOOD | {"credit_code": code(2)})
    assert (record.state, queued(), count()) == ("waiting", 1, 0)
    assert "排队等候" in client.get(record.url).content.decode()
    work(record)
    record = latest()
    assert (record.state, record.added, count()) == ("done", 2, 2)
    assert "文件已导入" in client.get(record.url).content.decode()
    assert notices(bureau) == [jobs.NOTICES["done"][1]]
    with connection.cursor() as cursor, acting(TESTER, EVERYWHERE):
        cursor.execute(
            "SELECT DISTINCT actor_kind, actor, scope FROM audit_entry WHERE table_name = 'parties_enterprise'"
        )
        assert cursor.fetchall() == [("person", "d", "500112 * *")]
    work(record)  # a job that comes twice does nothing
    assert (latest().added, count(), len(notices(bureau))) == (2, 2, 1)


def test_a_large_import_is_undone_by_a_job(bureau: Account) -> None:
    client = signed_in(bureau)
    record = send(client, GOOD | {"credit_code": code(1)})
    work(record)
    client.post(record.url + "undo/")
    assert (latest().state, count()) == ("undoing", 1)
    work(record, "undo")
    assert (latest().state, count()) == ("undone", 0)
    assert notices(bureau)[-1] == jobs.NOTICES["undone"][1]


def test_an_undo_by_a_job_that_others_stand_against_is_told(bureau: Account) -> None:
    client = signed_in(bureau)
    record = send(client, GOOD | {"credit_code": code(1)})
    work(record)
    client.post(record.url + "undo/")
    with acting(TESTER, EVERYWHERE):
        one = Enterprise.objects.get()
        one.staff = 7
        one.save()
    work(record, "undo")
    assert (latest().state, latest().reason, count()) == ("done", "touched", 1)
    page = client.get(record.url).content.decode()
    assert "未能撤销" in page
    assert f"{one.name}（{one.credit_code} · " in page, "called as people call it, not by the number of its row"


def test_errors_of_a_large_file_keep_nothing_and_the_right_rows_follow_if_asked(bureau: Account) -> None:
    client = signed_in(bureau)
    record = send(client, GOOD | {"credit_code": code(1)}, GOOD | {"credit_code": code(2), "staff": "x"})
    work(record)
    assert (latest().state, latest().errors, count()) == ("refused", 1, 0)
    assert client.get(record.url + "errors.xlsx").content[:2] == b"PK"
    client.post(record.url + "proceed/", {"how": "good"})
    work(record)
    assert (latest().state, latest().added, latest().refused, count()) == ("done", 1, 1, 1)


def test_progress_is_seen_by_those_in_scope_and_nobody_else(bureau: Account) -> None:
    record = send(signed_in(bureau), GOOD | {"credit_code": code(1), "staff": "x"})
    work(record)
    assert record.progress is not None
    topic, address = f"progress-{record.progress.pk}", f"/progress/{record.progress.pk}/"
    for who, seen in (
        (bureau, True),
        (account("c", "500000000000", "city"), True),
        (account("n", "500113000000"), False),
        (account("t", "500112131000", "township"), False),
    ):
        client = signed_in(who)
        assert (client.get(address).status_code == 200) is seen, who
        assert (client.get(record.url).status_code == 200) is seen, who
        assert (client.get(record.url + "errors.xlsx").status_code == 200) is seen, who
        with acting(who.actor, who.scope):
            assert Live.objects.filter(topic=topic).exists() is seen, who
            assert Progress.objects.exists() is seen, who


def test_the_person_sees_his_own_progress_even_of_several_industries() -> None:
    with acting(TESTER, EVERYWHERE):
        who = Account.objects.create(
            username="x", name="x", role="department", area_code="500000000000", industries=["road", "coal"]
        )
    with acting(who.actor, who.scope):
        from anlan.kernel.live import publish

        publish("progress-1", {}, area_code="500000000000", account_id=who.pk)
        assert Live.objects.filter(topic="progress-1").exists()


@pytest.mark.parametrize("change", [{"role": "village"}, {"is_active": False}, {"area_code": "500113000000"}])
def test_who_lost_the_right_meanwhile_imports_nothing(bureau: Account, change: dict[str, Any]) -> None:
    record = send(signed_in(bureau), GOOD | {"credit_code": code(1)})
    with acting(TESTER, EVERYWHERE):
        for name, value in change.items():
            setattr(bureau, name, value)
        bureau.save()
    work(record)
    assert (latest().state, latest().reason, count()) == ("failed", "rights", 0)


def test_a_job_that_breaks_is_tried_again_then_told_as_failed(bureau: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(bureau)
    record = send(client, GOOD | {"credit_code": code(1)})
    sound = applying._in_slices

    def break_off(*arguments: Any) -> int:
        sound(*arguments)
        raise ZeroDivisionError

    monkeypatch.setattr(applying, "_in_slices", break_off)
    for tried in range(1, jobs.ATTEMPTS + 1):
        with pytest.raises(ZeroDivisionError):
            work(record)
        progress = latest().progress
        assert progress is not None
        assert (progress.attempts, count()) == (tried, 0)
        last = tried == jobs.ATTEMPTS
        assert (latest().state, progress.state) == (("failed", "failed") if last else ("waiting", "waiting"))
        assert ("重试" if last else "自动重试") in client.get(record.url).content.decode()
    assert notices(bureau) == [jobs.NOTICES["failed"][1]]
    monkeypatch.setattr(applying, "_in_slices", sound)
    client.post(record.url + "proceed/")
    work(latest())
    assert (latest().state, count()) == ("done", 1)


def test_a_file_that_kills_the_worker_each_time_is_given_up(bureau: Account) -> None:
    record = send(signed_in(bureau), GOOD | {"credit_code": code(1)})
    with acting(TESTER, EVERYWHERE):
        Progress.objects.update(attempts=jobs.ATTEMPTS)
    work(record)
    assert (latest().state, latest().reason, count()) == ("failed", "broken", 0)


WORKER = """
import os, sys, time
import django
django.setup()
from django.db import connections
for alias in connections:
    connections[alias].settings_dict["NAME"] = sys.argv[1]
    connections[alias].settings_dict["OPTIONS"].pop("pool", None)
from anlan.kernel import jobs
from anlan.kernel.sheets import applying
jobs.STALLED_AFTER_S, jobs.HEARTBEAT_S = 3.0, 0.5
if os.environ.get("SLOW"):
    written = applying._in_slices
    def slow(cursor, statement, values, told, before):
        n = written(cursor, statement, values, told, before)
        told(n)
        time.sleep(600)
    applying._in_slices, jobs.TOLD_EVERY_S = slow, 0
jobs.work()
"""


@pytest.fixture
def start_worker() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(**env: str) -> subprocess.Popen[bytes]:
        name = connection.settings_dict["NAME"]
        started.append(subprocess.Popen([sys.executable, "-c", WORKER, name], env={**os.environ, **env}))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "did not come about in time"
        time.sleep(0.1)


def test_a_killed_worker_leaves_nothing_half_done_and_the_next_finishes(
    bureau: Account, start_worker: Callable[..., subprocess.Popen[bytes]]
) -> None:
    record = send(signed_in(bureau), *(GOOD | {"credit_code": code(n)} for n in range(50)))
    first = start_worker(SLOW="1")

    def written() -> bool:
        progress = latest().progress
        return progress is not None and (progress.phase, progress.done) == ("write", 50)

    until(written)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert (latest().state, count()) == ("waiting", 0)
    start_worker()
    until(lambda: latest().state == "done")
    progress = latest().progress
    assert progress is not None
    assert (count(), latest().added, progress.attempts, record.pk) == (50, 50, 2, latest().pk)
    until(lambda: notices(bureau) == [jobs.NOTICES["done"][1]])
