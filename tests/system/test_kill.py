"""`kill -9` of each part in turn, during writes: what was acknowledged is there, the audit chain is whole."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from .house import House, eventually

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, migrated: House) -> Iterator[House]:
    one = House(tmp_path_factory.mktemp("house")).settle(migrated)
    yield one
    one.end()


@pytest.fixture
def house(standing: House) -> House:
    """The one house of these tests, which runs: it outlives whatever they do to it."""
    if standing.process is None or standing.process.poll() is not None:
        standing.start()
    eventually("health", standing.well)  # a part that was killed before may only be coming back
    return standing


MAKE = """
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.kernel.registers.models import ApiToken
from anlan.parties.models import Account
with acting(Actor("command", "kill test"), EVERYWHERE):
    writer = Account.objects.create(username="writer", name="writer", role="city", area_code="500000000000")
    print("token", ApiToken.issue(writer, "kill test", ["*:write"]))
"""


class Caller(threading.Thread):
    """Adds one enterprise after another over REST, noting each only once the product has acknowledged it with 201."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        said = house.anlan("shell", "-v", "0", "-c", MAKE)
        assert said.returncode == 0, said.stderr
        token = said.stdout.split("token ")[1].strip()
        self.house, self.enough = house, threading.Event()
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.acknowledged: list[str] = []
        self.interrupted = 0

    def run(self) -> None:
        number = 0
        while not self.enough.is_set():
            name = f"written-{number:06d}"
            number += 1
            body = json.dumps({"name": name, "area_code": "500112000000"}).encode()
            address = f"http://127.0.0.1:{self.house.port}/api/v1/enterprises"
            try:
                asked = urllib.request.Request(address, body, self.headers, method="POST")
                with urllib.request.urlopen(asked, timeout=20) as answer:
                    assert json.load(answer)["name"] == name
                self.acknowledged.append(name)
            except (OSError, http.client.HTTPException, ValueError):
                # Refused, cut off or half an answer: nothing was acknowledged, whatever became of it.
                self.interrupted += 1
                time.sleep(0.05)

    def finish(self) -> None:
        self.enough.set()
        self.join(60)
        assert not self.is_alive()


def _defer(house: House) -> int:
    """One job for the worker: procrastinate's own tidying, which needs nothing."""
    with house.connect("anlan_owner") as connection:
        row = connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES "
            "('default', 'builtin:procrastinate.builtin_tasks.remove_old_jobs', '{\"max_hours\": 87600}') RETURNING id"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _status(house: House, job: int) -> str:
    with house.connect("anlan_owner") as connection:
        row = connection.execute("SELECT status::text FROM procrastinate_jobs WHERE id = %s", [job]).fetchone()
    assert row is not None
    return str(row[0])


def test_every_acknowledged_write_survives_kill_9_of_each_part(house: House) -> None:
    jobs = [_defer(house)]
    writer = Caller(house)
    writer.start()
    for name in ("web", "worker", "database"):
        before, untouched = len(writer.acknowledged), writer.interrupted
        eventually("writes before the kill", lambda n=before: len(writer.acknowledged) > n + 20)
        house.kill(name)
        eventually(f"{name} after kill -9; it said {house.out.read_text()}", house.well)
        after = len(writer.acknowledged)
        eventually("writes after the kill", lambda n=after: len(writer.acknowledged) > n + 20)
        assert name == "worker" or writer.interrupted > untouched, f"{name} was killed and the writer never noticed"
        jobs.append(_defer(house))
    writer.finish()

    with house.connect() as connection, connection.transaction():
        connection.execute(
            "SELECT set_config('anlan.area_low', '', true), set_config('anlan.area_high', '~', true), "
            "set_config('anlan.industries', '*', true), set_config('anlan.enterprise', '*', true)"
        )
        kept = dict(connection.execute("SELECT id::text, name FROM parties_enterprise").fetchall())
    assert set(writer.acknowledged) <= set(kept.values()), "an acknowledged write is gone"
    assert len(set(kept.values())) == len(kept), "a write was made twice"
    with house.connect("anlan_owner") as connection:
        audited = {
            row for (row,) in connection.execute(
                "SELECT row_id FROM audit_entry WHERE table_name = 'parties_enterprise' AND op = 'insert'"
            )
        }  # fmt: skip
    assert audited == set(kept), "a row without its audit entry, or an entry without its row"

    for job in jobs:
        eventually(f"job {job}", lambda j=job: _status(house, j) == "succeeded")
    verdict = house.anlan("audit", "verify", "--json")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert json.loads(verdict.stdout)["whole"]


def test_a_port_in_use_is_one_clear_line(house: House, tmp_path: Path) -> None:
    other = House(tmp_path / "other")
    other.folder.mkdir()
    other.env["ANLAN_PORT"] = str(house.port)
    said = other.anlan("start")
    assert said.returncode == 1
    assert f"port {house.port} cannot be used" in said.stderr
    assert len(said.stderr.strip().splitlines()) == 1
    assert not other.server.running()


def test_a_second_start_of_the_same_home_is_refused(house: House) -> None:
    said = house.anlan("start")
    assert said.returncode == 1
    assert "already runs" in said.stderr


def test_healthz_names_the_part_that_is_down(house: House) -> None:
    assert house.health() == (200, {"web": "ok", "database": "ok", "worker": "ok"})
    assert house.process is not None
    os.kill(house.process.pid, signal.SIGSTOP)  # so that nothing is started again meanwhile
    try:
        house.kill("database")
        eventually("503", lambda: house.health() == (503, {"web": "ok", "database": "down", "worker": "down"}))
    finally:
        os.kill(house.process.pid, signal.SIGCONT)
    eventually("health again", house.well)


def test_a_lock_file_left_by_a_crash_does_not_hinder_the_start_though_its_number_is_used_again(house: House) -> None:
    house.stop()
    lock = house.server.data / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{house.server.data}\n")
    assert not house.server.running()
    house.start()


def test_kill_9_of_the_supervisor_leaves_nothing_that_hinders_the_next_start(house: House) -> None:
    assert house.process is not None
    house.process.send_signal(signal.SIGKILL)
    house.process.wait()
    eventually("web and worker go with the supervisor", lambda: house.health() == (0, {}))
    assert house.server.running(), "the database outlives the supervisor; the next start takes it over"
    house.start()
    assert house.stop() == 0
    assert not house.server.running()
    assert house.health() == (0, {})
