"""A backup of a running Anlan, restored elsewhere and proven; and every way in which it must refuse."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from anlan.engines.telemetry.journal import Journal, Tail, batch_of

from .house import ROOT, House, Writer, eventually

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(900)]

# Evidence as a danger's case keeps it: the file in the store, then the row that names it.
GIVE_EVIDENCE = """
import io, django; django.setup()
from PIL import Image
from anlan.kernel import files
from anlan.kernel.cases.models import CaseEntry, EvidenceFile
from anlan.kernel.scope import EVERYWHERE, Actor, acting
for n in range(12):
    out = io.BytesIO(); Image.new("RGB", (60 + n, 40), (n, 90, 120)).save(out, "PNG")
    kept = files.put(out.getvalue())
    with acting(Actor("test", "evidence"), EVERYWHERE):
        keys = dict(case_kind="danger", case_id=n + 1, area_code="500112001000")
        entry = CaseEntry.objects.create(**keys, move="find", to_state="found", version=1, by_name="test")
        EvidenceFile.objects.create(**keys, entry=entry, demand="photo", name=f"井下{n}.png", sha256=kept.sha256,
                                    media_type=kept.media_type, size=kept.size)
"""


def within(house: House, script: str) -> None:
    env = {**house.env, "DJANGO_SETTINGS_MODULE": "anlan.site.settings"}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, check=True, timeout=120)


def rows(house: House) -> dict[str, int]:
    """What the superuser, whom nothing hides, counts in each table."""
    with house.connect("postgres") as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return {t: connection.execute(f'SELECT count(*) FROM "{t}"').fetchone()[0] for (t,) in tables.fetchall()}  # type: ignore[index]


def evidence(house: House) -> dict[str, bytes]:
    store = house.folder / "var" / "evidence"
    return {p.name: p.read_bytes() for p in store.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, migrated: House) -> Iterator[House]:
    one = House(tmp_path_factory.mktemp("house")).settle(migrated)
    try:
        one.start()
        within(one, GIVE_EVIDENCE)
        readings = one.folder / "var" / "telemetry"
        kept = Journal(readings / "journal", "test")
        kept.append(batch_of(["k1"], ["speed"], [1_371_182_400_000], [62.0], 1_371_182_400_000))
        kept.close()
        (readings / "history" / "day=2013-06-13" / "metric=speed").mkdir(parents=True)
        (readings / "history" / "day=2013-06-13" / "metric=speed" / "a.parquet").write_bytes(b"PAR1 readings")
        (readings / "state").write_bytes(b"ahead of the database")
        yield one
    finally:
        one.end()


@pytest.fixture(scope="module")
def made(house: House, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup made while somebody writes all the time."""
    folder = tmp_path_factory.mktemp("backups") / "monday"
    writer = Writer(house)
    writer.start()
    try:
        eventually("writes before the backup", lambda: len(writer.acknowledged) > 50)
        said = house.anlan("backup", str(folder), "--json")
        assert said.returncode == 0, said.stderr
        facts = json.loads(said.stdout)
        assert facts["evidence"] == 12
        assert sum(facts["rows"].values()) > 10_000
        at_least = len(writer.acknowledged)
        eventually("writes after the backup", lambda: len(writer.acknowledged) > at_least + 50)
    finally:
        writer.finish()
    assert 50 < facts["rows"]["parties_industry"] < rows(house)["parties_industry"], "the moment lies between writes"
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[House]:
    other = House(tmp_path / "elsewhere")
    other.folder.mkdir()
    yield other
    other.end()


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def refused(said: subprocess.CompletedProcess[str]) -> str:
    """The one clear line of a refusal."""
    lines = [line for line in said.stderr.splitlines() if not line.startswith("  ")]
    assert said.returncode == 2, said.stdout + said.stderr
    assert len(lines) == 1, said.stderr
    return lines[0]


def test_a_restored_installation_has_every_row_file_secret_and_a_whole_chain_that_goes_on(
    house: House, made: Path, elsewhere: House
) -> None:
    said = elsewhere.anlan("restore", str(made), "--json")
    assert said.returncode == 0, said.stderr
    told = json.loads(said.stdout)
    assert told["verdict"]["whole"]
    assert told["missing"] == []
    assert not elsewhere.server.running(), "it was not running before"

    manifest = json.loads((made / "manifest.json").read_text())
    elsewhere.start()  # and it serves
    counted = rows(elsewhere)
    # What a running Anlan writes by itself from the first second on.
    own = {"audit_entry", "audit_seal", "audit_shift", "kernel_live"} | {
        t for t in counted if t.startswith("procrastinate")
    }
    assert {t: n for t, n in counted.items() if t not in own} == {
        t: n for t, n in manifest["rows"].items() if t not in own
    }
    assert evidence(elsewhere) == evidence(house)
    for name, content in evidence(elsewhere).items():
        assert hashlib.sha256(content).hexdigest() == name
    readings = elsewhere.folder / "var" / "telemetry"
    assert [b.column("value").to_pylist() for b in Tail(readings / "journal").read()] == [[62.0]]
    assert [p.read_bytes() for p in readings.rglob("*.parquet")] == [b"PAR1 readings"]
    assert not (readings / "state").exists()
    for name in ("secret-key", "secrets-key"):
        path = elsewhere.folder / "var" / name
        assert path.read_bytes() == (house.folder / "var" / name).read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600

    # Row security came along, and the chain goes on although this server counts its transactions anew.
    with elsewhere.connect() as connection:
        assert connection.execute("SELECT count(*) FROM cases_evidencefile").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM audit_entry").fetchone() == (0,)
    writer = Writer(elsewhere, first=10**5)
    writer.start()
    eventually("writes after the restore", lambda: len(writer.acknowledged) > 20)
    writer.finish()

    def sealed() -> bool:
        verdict = json.loads(elsewhere.anlan("audit", "verify", "--json").stdout)
        assert verdict["whole"], verdict
        return verdict["sealed"] > manifest["seals"] + 20 and verdict["waiting"] == 0

    eventually("the new entries sealed", sealed, 60)
    with elsewhere.connect("postgres") as connection:
        note = connection.execute("SELECT changes FROM audit_entry WHERE table_name = 'installation'").fetchone()
    assert note is not None
    assert note[0]["backup_of"] == manifest["made_at"]

    again = refused(elsewhere.anlan("restore", str(made)))
    assert "Anlan runs on" in again
    elsewhere.stop()
    assert "holds evidence files" in refused(elsewhere.anlan("restore", str(made)))
    over = elsewhere.anlan("restore", str(made), "--overwrite", "--json")
    assert over.returncode == 0, over.stderr
    elsewhere.server.start()
    assert rows(elsewhere)["parties_industry"] == manifest["rows"]["parties_industry"]


def test_a_database_with_data_is_not_overwritten_unasked(made: Path, elsewhere: House, migrated: House) -> None:
    elsewhere.settle(migrated).server.start()
    empty = elsewhere.anlan("restore", str(made), "--json")
    assert empty.returncode == 0, "tables as migrations leave them hold no data: " + empty.stderr
    shutil.rmtree(elsewhere.folder / "var" / "evidence")
    assert "the database anlan holds data" in refused(elsewhere.anlan("restore", str(made)))


def test_it_restores_into_a_server_of_ones_own_as_a_role_without_any_privilege(
    house: House, made: Path, elsewhere: House, tmp_path: Path
) -> None:
    from anlan.site.postgres import Server, psycopg_superuser

    server = Server(tmp_path / "server")
    server.start()
    try:
        with psycopg_superuser(server) as root:
            for role in ("anlan_owner", "anlan_app"):
                root.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x y@z' NOBYPASSRLS")
            root.execute("CREATE DATABASE city OWNER anlan_owner")
        url = "postgresql://{}:x%20y%40z@/city?host=" + str(server.socket)
        elsewhere.env |= {
            "ANLAN_DATABASE_URL": url.format("anlan_app"),
            "ANLAN_OWNER_DATABASE_URL": url.format("anlan_owner"),
        }
        said = elsewhere.anlan("restore", str(made), "--json")
        assert said.returncode == 0, said.stderr
        assert not (elsewhere.folder / "var" / "pg").exists(), "the embedded one was not even made"
        back = elsewhere.anlan("backup", str(tmp_path / "second"), "--json")
        assert back.returncode == 0, back.stderr
        first, second = json.loads((made / "manifest.json").read_text()), json.loads(back.stdout)
        # The owner, who is held by row security, sees as much as the superuser saw.
        own = ("audit_entry", "audit_seal", "audit_shift")
        assert {t: n for t, n in second["rows"].items() if t not in own} == {
            t: n for t, n in first["rows"].items() if t not in own
        }
        assert "the environment" in " ".join(second["outside"])
        with psycopg_superuser(server, "city") as root:
            session = root.execute("SELECT count(*) FROM parties_industry").fetchone()
            assert session == (first["rows"]["parties_industry"],)
        with psycopg.connect(url.format("anlan_app")):
            assert "others are connected" in refused(elsewhere.anlan("restore", str(made), "--overwrite"))
    finally:
        server.stop()


def test_a_backup_does_not_touch_a_folder_that_holds_something(house: House, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    assert "is not empty" in refused(house.anlan("backup", str(tmp_path / "full")))
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["letter.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["full"]


def test_a_backup_killed_on_its_way_leaves_no_backup_and_does_not_hinder_the_next(house: House, tmp_path: Path) -> None:
    target = tmp_path / "night"
    process = subprocess.Popen([sys.executable, "-m", "anlan", "backup", str(target)], cwd=ROOT, env=house.env)
    half = tmp_path / ".night.half"
    eventually("the half-made folder", lambda: (half / "database").exists(), 60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert half.exists()
    assert not target.exists()
    assert house.anlan("backup", str(target)).returncode == 0
    assert house.anlan("restore", "--check", str(target)).returncode == 0
    assert not half.exists()


def test_damaged_evidence_is_told_and_does_not_prevent_the_backup(house: House, tmp_path: Path) -> None:
    one, two, *_ = sorted(p for p in (house.folder / "var" / "evidence").rglob("*") if p.is_file())
    kept = {one: one.read_bytes(), two: two.read_bytes()}
    try:
        one.chmod(0o640)
        one.write_bytes(kept[one][:-1] + b"!")
        two.unlink()
        said = house.anlan("backup", str(tmp_path / "b"), "--json")
        assert said.returncode == 1
        damaged = json.loads(said.stdout)["damaged"]
        assert any(one.name in line and "is damaged" in line for line in damaged)
        assert any(two.name in line and "is missing" in line for line in damaged)
        assert (tmp_path / "b" / "manifest.json").exists()
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
            path.chmod(0o440)


def _flip(path: Path, at: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def _some(folder: Path, pattern: str) -> Path:
    """The largest file of that kind."""
    return max((p for p in folder.glob(pattern) if p.is_file()), key=lambda p: p.stat().st_size)


DAMAGE = {
    "a byte of the dump": lambda b: (_flip(_some(b, "database/*.dat.gz")), "database/"),
    "a byte of the table of contents": lambda b: (_flip(b / "database/toc.dat"), "database/toc.dat is damaged"),
    "a cut dump": lambda b: (os.truncate(_some(b, "database/*.dat.gz"), 100), "database/"),
    "a missing dump": lambda b: (_some(b, "database/*.dat.gz").unlink(), "is missing"),
    "a byte of evidence": lambda b: (_flip(_some(b, "files/evidence/*/*")), "files/evidence/"),
    "missing evidence": lambda b: (_some(b, "files/evidence/*/*").unlink(), "is missing"),
    "a byte of the manifest": lambda b: (_flip(b / "manifest.json"), "manifest.json is damaged"),
    "a byte of the sums": lambda b: (_flip(b / "SHA256SUMS"), ""),
    "the sums cut": lambda b: (os.truncate(b / "SHA256SUMS", 1000), ""),
    "the sums missing": lambda b: ((b / "SHA256SUMS").unlink(), "SHA256SUMS is missing"),
    "a file too many": lambda b: ((b / "files/evidence/extra").write_text("x"), "files/evidence/extra does not belong"),
    "the key of another": lambda b: (_flip(b / "files/secret-key"), "files/secret-key is damaged"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_backup_is_refused_by_name_before_anything_is_changed(copy: Path, elsewhere: House, how: str) -> None:
    _, named = DAMAGE[how](copy)
    line = refused(elsewhere.anlan("restore", str(copy)))
    assert "is damaged: " in line
    assert named in line
    var = elsewhere.folder / "var"
    assert not (var / "pg").exists()
    assert not (var / "evidence").exists()


def test_a_manifest_that_counts_other_rows_than_the_dump_changes_nothing(copy: Path, elsewhere: House) -> None:
    """The sums agree, yet dump and manifest do not: as if two backups had been mixed."""
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["rows"]["parties_industry"] += 1
    _again(copy, manifest)
    said = elsewhere.anlan("restore", str(copy))
    assert said.returncode == 1
    assert "table parties_industry has" in said.stderr
    elsewhere.server.start()
    assert rows(elsewhere) == {}


def test_a_backup_of_a_newer_anlan_is_refused(copy: Path, elsewhere: House) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["migrations"].append("parties.9999_of_tomorrow")
    _again(copy, manifest)
    assert "parties.9999_of_tomorrow" in refused(elsewhere.anlan("restore", str(copy)))


def _again(folder: Path, manifest: dict[str, object]) -> None:
    from anlan.site.backup.folder import write_sums

    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "SHA256SUMS").unlink()
    write_sums(folder, {})


def test_what_is_no_backup_is_said_so(elsewhere: House, tmp_path: Path) -> None:
    assert "is not a folder" in refused(elsewhere.anlan("restore", str(tmp_path / "nowhere")))
    assert "is no backup" in refused(elsewhere.anlan("restore", str(tmp_path)))
    assert "nothing to back up" in refused(elsewhere.anlan("backup", str(tmp_path / "b")))


def test_sha256sum_reads_the_sums_too(made: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=made, check=True)
