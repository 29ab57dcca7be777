"""Back to any moment, and a replica that takes over: two real servers, real logs, real damage."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from .house import House, Writer, eventually
from .test_backup import GIVE_EVIDENCE, _flip, evidence, refused, within

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(900)]


def write(house: House, first: int, count: int = 30) -> list[str]:
    writer = Writer(house, first)
    writer.start()
    eventually("writes", lambda: len(writer.acknowledged) >= count)
    writer.finish()
    return writer.acknowledged


def written(house: House) -> set[str]:
    with house.connect("postgres") as connection:
        found = connection.execute("SELECT code FROM parties_industry WHERE code LIKE 'written-%'")
        return {code for (code,) in found}


def archive_the_log(house: House) -> None:
    """Until what is written so far lies in the archive."""
    with house.connect("postgres") as connection:
        connection.autocommit = True
        name = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone()
        connection.execute("SELECT pg_switch_wal()")
    assert name is not None
    piece = Path(house.env["ANLAN_ARCHIVE"]) / "wal" / f"{name[0]}.gz"
    eventually(f"{name[0]} in the archive", piece.exists, 60)


@dataclass
class Archive:
    folder: Path
    house: House
    began: datetime
    good: set[str]
    moment: datetime
    later: set[str]


@pytest.fixture(scope="module")
def archive(migrated: House) -> Iterator[Archive]:
    """A city's Friday: a base backup, good writes, a moment, a terrible mistake, more writes."""
    folder = Path(tempfile.mkdtemp(prefix="anlan-friday-"))
    folder.chmod(0o755)  # the user under whom the database runs must reach it
    house = House(folder / "house").settle(migrated)
    house.env["ANLAN_ARCHIVE"] = str(folder / "archive")
    (folder / "archive").mkdir()
    try:
        assert house.anlan("migrate").returncode == 0
        within(house, GIVE_EVIDENCE)
        good = set(write(house, 0))
        assert house.anlan("audit", "seal").returncode == 0
        began = datetime.now(UTC)
        said = house.anlan("archive", "--json")
        assert said.returncode == 0, said.stderr
        assert json.loads(said.stdout)["bases"] == 1
        good |= set(write(house, 1000))
        assert house.anlan("audit", "seal").returncode == 0
        time.sleep(1.1)
        moment = datetime.now(UTC)
        time.sleep(1.1)
        with house.connect("postgres") as connection:
            connection.execute("DELETE FROM parties_industry WHERE code LIKE 'written-%'")
        later = set(write(house, 2000))
        assert house.anlan("audit", "seal").returncode == 0
        again = json.loads(house.anlan("archive", "--json").stdout)
        assert again["base"] is None, "a base a day is enough"
        assert again["bases"] == 1
        archive_the_log(house)
        yield Archive(folder / "archive", house, began, good, moment, later)
    finally:
        house.end()
        shutil.rmtree(folder)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[House]:
    other = House(tmp_path / "elsewhere")
    other.folder.mkdir()
    yield other
    other.end()


def beijing(moment: datetime) -> str:
    return (moment + timedelta(hours=8)).replace(tzinfo=None).isoformat(timespec="milliseconds")


def test_the_state_of_any_moment_comes_back_elsewhere_with_a_whole_chain(archive: Archive, elsewhere: House) -> None:
    said = elsewhere.anlan("restore", str(archive.folder), "--until", beijing(archive.moment), "--json")
    assert said.returncode == 0, said.stdout + said.stderr
    told = json.loads(said.stdout)
    assert told["verdict"]["whole"]
    assert told["set_aside"] is None
    assert not (elsewhere.folder / "var" / "restoring").exists()
    assert evidence(elsewhere) == evidence(archive.house)
    elsewhere.server.start()
    assert written(elsewhere) == archive.good
    # It lives on: new entries are sealed after the old ones, and heads noted after that moment do not count.
    new = set(write(elsewhere, 5000))
    assert elsewhere.anlan("audit", "seal").returncode == 0
    verdict = json.loads(elsewhere.anlan("audit", "verify", "--json").stdout)
    assert verdict["whole"]
    assert verdict["waiting"] == 0
    assert written(elsewhere) == archive.good | new
    with elsewhere.connect("postgres") as connection:
        note = connection.execute("SELECT changes FROM audit_entry WHERE table_name = 'installation'").fetchone()
    assert note is not None
    assert abs(datetime.fromisoformat(note[0]["until"]) - archive.moment) < timedelta(milliseconds=1)

    line = refused(elsewhere.anlan("restore", str(archive.folder)))
    assert "the database runs" in line
    elsewhere.server.stop()
    assert "holds an installation" in refused(elsewhere.anlan("restore", str(archive.folder)))
    # Without a moment: all that the archive has. The former data are set aside, not deleted.
    last = elsewhere.anlan("restore", str(archive.folder), "--overwrite", "--json")
    assert last.returncode == 0, last.stdout + last.stderr
    assert (Path(json.loads(last.stdout)["set_aside"]) / "PG_VERSION").exists()
    elsewhere.server.start()
    assert written(elsewhere) == archive.later


def test_a_moment_that_the_archive_does_not_have_is_refused_and_nothing_is_changed(
    archive: Archive, elsewhere: House
) -> None:
    before = beijing(archive.began - timedelta(hours=1))
    assert "the archive begins at" in refused(elsewhere.anlan("restore", str(archive.folder), "--until", before))
    for words, reason in (("yesterday", "is no time"), ("2999-01-01", "in the future")):
        assert reason in refused(elsewhere.anlan("restore", str(archive.folder), "--until", words))
    late = beijing(datetime.now(UTC) - timedelta(milliseconds=10))
    assert "the archive does not reach" in refused(elsewhere.anlan("restore", str(archive.folder), "--until", late))
    var = elsewhere.folder / "var"
    assert not (var / "pg").exists()
    assert not (var / "restoring").exists()
    assert not (var / "evidence").exists()


def _piece(folder: Path) -> Path:
    """A piece of the log in the middle, after the base."""
    base = next((folder / "base").iterdir())
    first = json.loads((base / "base.json").read_text())["first_segment"]
    pieces = sorted(p for p in (folder / "wal").glob("*.gz") if len(p.name) == 27 and p.name[:24] >= first)
    assert len(pieces) >= 2, "nothing to damage"
    return pieces[-2]


def _another_log(folder: Path) -> None:
    piece = _piece(folder)
    piece.write_bytes(gzip.compress(b"short"))


DAMAGE = {
    # Of its checksum: most of a piece is unused, and zeros packed otherwise are the same zeros.
    "a byte of the log": (lambda a: _flip(_piece(a), at=-8), "wal/"),
    "a piece of the log cut": (lambda a: os.truncate(_piece(a), 200), "wal/"),
    "a piece that is no log": (_another_log, "wal/"),
    "a byte of the base": (lambda a: _flip(next(a.glob("base/*/base.tar.gz"))), "base.tar.gz is damaged"),
    "a missing base": (lambda a: next(a.glob("base/*/base.tar.gz")).unlink(), "base.tar.gz is missing"),
    "a byte of evidence": (lambda a: _flip(next(a.glob("files/evidence/*/*"))), "files/evidence/"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_archive_is_refused_by_name_before_anything_is_changed(
    archive: Archive, elsewhere: House, tmp_path: Path, how: str
) -> None:
    copy = Path(shutil.copytree(archive.folder, tmp_path / "copy"))
    damage, named = DAMAGE[how]
    damage(copy)
    line = refused(elsewhere.anlan("restore", str(copy), "--until", beijing(archive.moment)))
    assert "is damaged: " in line
    assert named in line
    assert not (elsewhere.folder / "var" / "pg").exists()
    assert not (elsewhere.folder / "var" / "evidence").exists()


def test_old_bases_and_the_log_that_only_they_need_are_forgotten(archive: Archive, tmp_path: Path) -> None:
    """Last in this file: it changes the archive."""
    log = set((archive.folder / "wal").iterdir())
    for _ in range(2):
        time.sleep(1.1)
        assert archive.house.anlan("archive", "--base", "--keep", "2").returncode == 0
    bases = sorted((archive.folder / "base").iterdir())
    assert len(bases) == 2
    assert log - set((archive.folder / "wal").iterdir()), "pieces older than the oldest base are gone"
    other = House(tmp_path / "other")
    other.folder.mkdir()
    try:
        said = other.anlan("restore", str(archive.folder), "--json")
        assert said.returncode == 0, said.stdout + said.stderr
        other.server.start()
        assert written(other) == archive.later
    finally:
        other.end()


def test_the_archive_says_when_it_cannot_be(elsewhere: House, migrated: House, tmp_path: Path) -> None:
    assert "ANLAN_ARCHIVE is not set" in refused(elsewhere.anlan("archive"))
    elsewhere.settle(migrated).server.start()
    elsewhere.env["ANLAN_ARCHIVE"] = str(tmp_path / "archive")
    assert "was started without ANLAN_ARCHIVE" in refused(elsewhere.anlan("archive"))
    elsewhere.env["ANLAN_ARCHIVE"] = "relative"
    said = elsewhere.anlan("archive")
    assert said.returncode == 1
    assert "must be an absolute path" in said.stderr


def test_a_replica_follows_takes_over_after_kill_9_and_loses_nothing_it_was_sent(
    tmp_path: Path, migrated: House
) -> None:
    main, second = House(tmp_path / "main").settle(migrated), House(tmp_path / "second")
    second.folder.mkdir()
    try:
        main.server.start()
        first = set(write(main, 0))
        assert main.anlan("audit", "seal").returncode == 0
        assert "is no socket folder" in refused(second.anlan("replica", "start", "--of", str(tmp_path)))
        said = second.anlan("replica", "start", "--of", str(main.server.data))
        assert said.returncode == 0, said.stderr
        more = set(write(main, 1000))
        eventually("the replica with every row", lambda: written(second) == first | more, 60)
        state = second.anlan("replica", "state", "--json")
        assert state.returncode == 0, state.stdout + state.stderr
        assert json.loads(state.stdout)["streaming"]
        started = second.anlan("start")
        assert started.returncode == 1
        assert "is a replica" in started.stderr
        # It is stopped for an hour, the main server keeps what it lacks, and it catches up.
        second.server.stop()
        more |= set(write(main, 2000))
        assert second.anlan("replica", "start").returncode == 0
        eventually("the replica caught up", lambda: written(second) == first | more, 60)

        main.server.kill()
        eventually("noticing", lambda: second.anlan("replica", "state").returncode == 1, 60)
        said = second.anlan("replica", "promote", "--json")
        assert said.returncode == 0, said.stdout + said.stderr
        assert json.loads(said.stdout)["verdict"]["whole"]
        assert written(second) == first | more
        new = set(write(second, 3000))
        assert written(second) == first | more | new
        assert second.anlan("audit", "seal").returncode == 0
        assert second.anlan("audit", "verify").returncode == 0
        assert "is no replica" in refused(second.anlan("replica", "state"))
    finally:
        for house in (main, second):
            house.end()
