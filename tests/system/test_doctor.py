"""`anlan doctor` against a real installation: well, then with each thing broken, each found and told how to mend."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from .house import House, Writer, eventually
from .test_backup import GIVE_EVIDENCE, _flip, within

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(600)]

BUILT = {"front end", "translations"}  # of this clone, not of the installation


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, migrated: House) -> Iterator[House]:
    one = House(tmp_path_factory.mktemp("house")).settle(migrated)
    try:
        one.start()
        yield one
    finally:
        one.end()


def wrong(house: House, *options: str) -> dict[str, str]:
    """What is found wrong: words by subject; each with a remedy."""
    said = house.anlan("doctor", "--json", *options)
    findings = json.loads(said.stdout)
    bad = [f for f in findings if not f["well"]]
    assert said.returncode == (1 if bad else 0), said.stderr
    assert all(f["remedy"] for f in bad)
    words: dict[str, str] = {}
    for finding in bad:
        words[finding["subject"]] = " | ".join(filter(None, (words.get(finding["subject"]), finding["words"])))
    return words


def test_a_well_kept_installation_is_well_and_then_each_thing_that_is_broken_is_found(
    house: House, tmp_path: Path
) -> None:
    within(house, GIVE_EVIDENCE)
    writer = Writer(house)
    writer.start()
    eventually("writes", lambda: len(writer.acknowledged) > 30)
    writer.finish()
    assert wrong(house)["last backup"] == "none was made"
    assert house.anlan("backup", str(tmp_path / "b")).returncode == 0
    eventually("all sealed", lambda: "0 wait" in house.anlan("doctor").stdout)
    assert wrong(house, "--deep").keys() <= BUILT

    # --- Broken in the database, worker and all running -----------------------------------------------------
    with house.connect("postgres") as root:
        root.autocommit = True
        for sql in (
            "ALTER TABLE parties_enterprise NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE parties_person DISABLE TRIGGER audit_update",
            "GRANT INSERT ON audit_entry TO anlan_app",
            "ALTER ROLE anlan_app BYPASSRLS",
            "ALTER DATABASE anlan SET timezone = 'America/New_York'",
            "ALTER DATABASE anlan SET synchronous_commit = off",
            "INSERT INTO kernel_installation (id, city_code, city_name, demonstration, clock_shift) "
            "VALUES (1, '500000000000', '重庆市', false, '-4000 days')",
            "INSERT INTO kernel_event (name, subject, area_code, actor, facts, at) "
            "VALUES ('t', 's', '500000000000', 'x', '{}', now())",
            "INSERT INTO kernel_delivery (event_id, handler, subject, state, attempts, error) "
            "SELECT max(id), 'nobody', 's', 'dead', 8, 'KeyError: lost' FROM kernel_event",
            "INSERT INTO kernel_delivery (event_id, handler, subject, state, attempts, error, next_try) "
            "SELECT max(id), 'of tomorrow', 's', 'waiting', 0, '', now() - interval '1 hour' FROM kernel_event",
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('q', 'anlan.nothing', 'failed')",
            "SELECT pg_create_physical_replication_slot('gone', true)",
            "UPDATE audit_entry SET actor = 'somebody else' WHERE id = (SELECT min(entry_id) FROM audit_seal)",
            "CREATE TABLE of_tomorrow (id int); INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('parties', '9999_of_tomorrow', now())",
        ):
            root.execute(sql)
        first = root.execute("SELECT min(entry_id) FROM audit_seal").fetchone()
    found = wrong(house)
    assert found["version"] == "the database is of a newer Anlan (parties.9999_of_tomorrow)"
    assert "row security" not in found, "with another version's tables nothing more is judged"
    with house.connect("postgres") as root:
        root.execute("DELETE FROM django_migrations WHERE name = '9999_of_tomorrow'")
    found = wrong(house)
    assert found["role anlan_app"] == "is above row security"
    assert found["row security"] == "not forced on parties_enterprise"
    assert found["audit triggers"] == "no audit on parties_person"
    assert found["audit tables"] == "the application may write it"
    assert found["time zone"] == "America/New_York"
    assert "synchronous_commit is off" in found["database settings"]
    assert "shifted by" in found["clock"]
    assert "1 events set aside: KeyError: lost" in found["outbox"]
    assert "1 events wait longer" in found["outbox"]
    assert found["jobs"] == "1 failed"
    assert found["replica gone"].startswith("does not follow")
    assert first is not None
    assert found["audit chain"] == f"entry changed: entry {first[0]}"

    # --- Broken on this machine, nothing running but the database ----------------------------------------------
    house.stop()
    house.server.start()
    var = house.folder / "var"
    (var / "secret-key").chmod(0o644)
    (var / "evidence").chmod(0o757)
    (var / "audit-heads.log").unlink()
    old = {"made_at": (datetime.now(UTC) - timedelta(hours=50)).isoformat(), "folder": "/gone"}
    (var / "last-backup.json").write_text(json.dumps(old))
    one, two, *_ = sorted(p for p in (var / "evidence").rglob("*") if p.is_file())
    _flip(one)
    two.unlink()
    with house.connect("postgres") as root:
        # An entry of ten minutes ago that nobody has sealed.
        root.execute(
            "INSERT INTO audit_entry (at, table_name, row_id, op, actor_kind, actor, scope, changes) "
            "VALUES (now() - interval '10 min', 't', '1', 'insert', 'sql', 'x', '', '{}')"
        )
        root.execute("DELETE FROM procrastinate_workers")
    house.env |= {
        "ANLAN_HOSTS": "anlan.example.gov.cn", "ANLAN_ORIGINS": "https://other.example.gov.cn",
        "ANLAN_SECRET_KEY": "short", "ANLAN_HOSTZ": "slip", "ANLAN_ARCHIVE": str(house.folder / "archive"),
        "ANLAN_POOL": "500",
    }  # fmt: skip
    (house.folder / "archive").mkdir()
    found = wrong(house)
    assert found["secret-key"] == "mode 0644"
    assert found["evidence folder"] == "mode 0757"
    assert "is missing" in found["audit heads"]
    assert found["last backup"] == "50.0 h ago, in /gone"
    assert found["evidence"].startswith("1 missing and 1 damaged of 12")
    assert found["worker"] == "none"
    assert found["audit sealing"].startswith("1 wait, since 6")
    for words in (
        "ANLAN_HTTPS is not set", "names other.example.gov.cn and ANLAN_HOSTS does not",
        "short enough to guess", "ANLAN_HOSTZ is no setting", "lies on the disk of the database",
    ):  # fmt: skip
        assert words in found["settings"]
    assert "max_connections is" in found["database settings"]

    # --- And gone altogether ---------------------------------------------------------------------------------
    house.server.stop()
    house.env["ANLAN_HOSTS"] = "*"
    found = wrong(house)
    assert "takes any name" in found["settings"]
    assert "does not answer" in found["database"]
    assert "secret-key" in found, "what needs no database is looked at all the same"


def test_an_archive_that_cannot_be_written_is_found(tmp_path: Path, migrated: House) -> None:
    house = House(tmp_path / "house").settle(migrated)
    archive = Path(os.path.realpath("/tmp")) / f"anlan-doctor-{os.getpid()}"
    archive.mkdir(mode=0o755)
    house.env["ANLAN_ARCHIVE"] = str(archive)
    try:
        assert house.anlan("migrate").returncode == 0
        shutil.rmtree(archive / "wal")
        (archive / "wal").write_text("in the way")
        with house.connect("postgres") as root:
            root.autocommit = True
            root.execute("SELECT pg_switch_wal()")
            failed = "SELECT failed_count > 0 FROM pg_stat_archiver"
            eventually("the failure", lambda: root.execute(failed).fetchone() == (True,), 60)
        assert "could not be archived" in wrong(house)["archive of the log"]
    finally:
        house.end()
        shutil.rmtree(archive)
