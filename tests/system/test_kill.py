"""`kill -9` of each part in turn, during writes: what was acknowledged is there, the audit chain is whole."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from .house import House, eventually

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(900)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    one.start()
    yield one
    one.end()


class Writer(threading.Thread):
    """Writes one audited row after another, noting each only once the database has acknowledged it."""

    def __init__(self, house: House, first: int = 0) -> None:
        super().__init__(daemon=True)
        self.house, self.first, self.enough = house, first, threading.Event()
        self.acknowledged: list[str] = []
        self.interrupted = 0

    def run(self) -> None:
        connection: psycopg.Connection | None = None
        number = self.first
        while not self.enough.is_set():
            try:
                connection = connection or self.house.connect()
                code = f"written-{number:06d}"
                number += 1
                with connection.transaction():
                    connection.execute(
                        "SELECT set_config('anlan.area_low', '', true), set_config('anlan.area_high', '~', true), "
                        "set_config('anlan.industries', '*', true), set_config('anlan.enterprise', '*', true), "
                        "set_config('anlan.actor_kind', 'test', true), set_config('anlan.actor', 'kill test', true)"
                    )
                    connection.execute(
                        'INSERT INTO parties_industry (code, name, name_en, high_hazard, "order") '
                        "VALUES (%s, %s, %s, false, 999)",
                        [code, code, code],
                    )
                self.acknowledged.append(code)
            except psycopg.OperationalError:
                self.interrupted += 1
                connection = None
                time.sleep(0.05)

    def finish(self) -> None:
        self.enough.set()
        self.join(30)


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
    writer = Writer(house)
    writer.start()
    for name in ("web", "worker", "database"):
        before = len(writer.acknowledged)
        eventually("writes before the kill", lambda n=before: len(writer.acknowledged) > n + 20)
        house.kill(name)
        eventually(f"{name} after kill -9; it said {house.out.read_text()}", house.well)
        after = len(writer.acknowledged)
        eventually("writes after the kill", lambda n=after: len(writer.acknowledged) > n + 20)
        jobs.append(_defer(house))
    writer.finish()
    assert writer.interrupted, "the database was killed and the writer never noticed: the kill did not happen"

    with house.connect() as connection:
        kept = {code for (code,) in connection.execute("SELECT code FROM parties_industry")}
        assert set(writer.acknowledged) <= kept
    with house.connect("anlan_owner") as connection:
        audited = {
            row for (row,) in connection.execute(
                "SELECT row_id FROM audit_entry WHERE table_name = 'parties_industry' AND op = 'insert'"
            )
        }  # fmt: skip
    written = {code for code in kept if code.startswith("written-")}
    assert written <= audited, "a row without its audit entry"
    assert audited & {f"written-{n:06d}" for n in range(10**6)} == written, "an audit entry without its row"

    for job in jobs:
        eventually(f"job {job}", lambda j=job: _status(house, j) == "succeeded")
    verdict = house.anlan("audit", "verify", "--json")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert json.loads(verdict.stdout)["whole"]


def test_kill_9_of_the_supervisor_leaves_nothing_that_hinders_the_next_start(house: House) -> None:
    assert house.process is not None
    house.process.send_signal(signal.SIGKILL)
    house.process.wait()
    assert house.server.running(), "the database outlives the supervisor; the next start takes it over"
    house.start()
    assert house.stop() == 0
    assert not house.server.running()
    assert house.health() == (0, {})


def test_a_lock_file_left_by_a_crash_does_not_hinder_the_start_though_its_number_is_used_again(house: House) -> None:
    house.stop()
    lock = house.server.data / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{house.server.data}\n")
    assert not house.server.running()
    house.start()


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
