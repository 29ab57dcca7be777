"""`anlan restore DIR`: a backup into an empty installation, proven before it counts.

Nothing is changed until every byte of the backup has been checked. The database is filled in one
transaction that commits only if each table has as many rows as the manifest says; then the audit chain is
verified. Evidence files are added first: a file that no row names harms nobody.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import connections
from psycopg import sql

from anlan.kernel import audit, files
from anlan.site.installation import known_migrations

from .access import EVERYTHING, Access, last_line, owner, running_server
from .common import HEADS, Failed, Refused, Told, bytes_of, kept_files, room_for
from .folder import copied, each, faults
from .making import DATABASE, KEPT, Manifest, named_evidence, read_manifest


@dataclass(frozen=True, slots=True)
class Restored:
    """What stands after a restore. `missing`: evidence that rows name and that is not there."""

    rows: int
    tables: int
    files: int
    verdict: audit.Verdict
    missing: list[str]

    @property
    def whole(self) -> bool:
        """Whether the audit chain holds and no evidence is missing."""
        return self.verdict.whole and not self.missing


def check(folder: Path, told: Told) -> Manifest:
    """The manifest of a backup of which every byte is right; `Refused` naming what is damaged."""
    if not folder.is_dir():
        raise Refused(f"{folder} is not a folder")
    if not (folder / "manifest.json").exists() and not (folder / "SHA256SUMS").exists():
        raise Refused(f"{folder} is no backup: it has no manifest.json")
    with told.step("Checking every byte of the backup"):
        found = faults(folder, told)
    if found:
        more = f", and {len(found) - 3} more" if len(found) > 3 else ""
        raise Refused(f"{folder} is damaged: {'; '.join(found[:3])}{more}")
    return read_manifest(folder)


def restore(folder: Path, told: Told, overwrite: bool = False) -> Restored:
    """Restores the backup in `folder` into this installation. Raises `Refused` and `Failed`."""
    manifest = check(folder, told)
    _of_an_anlan_known_here(manifest)
    room_for(bytes_of(folder) * 2, settings.HOME)
    with alone(), running_server():
        access = owner()
        _suits(access, manifest)
        if not overwrite:
            empty(access)
        with told.step("Files"):
            files = add_files(folder / KEPT, told)
        with told.step(f"Database, {sum(manifest.rows.values()):,} rows in {len(manifest.rows)} tables"):
            _load(access, folder / DATABASE, manifest)
        take_over(folder / KEPT)
        with told.step("Migrations"):
            bring_up_to_date_anew()
        verdict, missing = proven(told)
    return Restored(sum(manifest.rows.values()), len(manifest.rows), files, verdict, missing)


@contextmanager
def alone() -> Iterator[None]:
    """`Refused` while Anlan runs on this `var/`; keeps it from starting meanwhile."""
    with (settings.HOME / "anlan.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"Anlan runs on {settings.HOME}; stop it first") from None
        yield


def empty(access: Access) -> None:
    """`Refused` if the installation holds anything but what migrations put there."""
    words = "; restoring would overwrite it (say --overwrite if that is wanted)"
    if next((settings.HOME / "evidence").rglob("*"), None) is not None:
        raise Refused(f"{settings.HOME / 'evidence'} holds evidence files{words}")
    with access.connect() as connection:
        if connection.execute("SELECT to_regclass('public.audit_entry') IS NULL").fetchone()[0]:  # type: ignore[index]
            strange = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
            held = bool(strange and strange[0])
        else:
            held = bool(
                connection.execute(
                    "SELECT 1 FROM audit_entry WHERE (actor_kind, actor) <> ('sql', current_user) "
                    "AND (actor_kind, actor) <> ('command', 'reference') LIMIT 1"  # what comes with the product
                ).fetchone()
            )
    if held:
        raise Refused(f"the database {access.words['dbname']} holds data{words}")


def _of_an_anlan_known_here(manifest: Manifest) -> None:
    here = {f"{app}.{name}" for app, name in known_migrations()}
    unknown = sorted(set(manifest.migrations) - here)
    if unknown:
        raise Refused(f"the backup is of another Anlan ({manifest.anlan}): it has {unknown[0]}, unknown to this one")


def _suits(access: Access, manifest: Manifest) -> None:
    """`Refused` if this server cannot take the backup."""
    with access.connect() as connection:
        version, lacking, others = connection.execute(
            "SELECT current_setting('server_version_num')::int, to_regrole('anlan_app') IS NULL, "
            "(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND usesysid IS NOT NULL)"
        ).fetchone()  # type: ignore[misc]
    if version // 10_000 < manifest.postgresql // 10_000:
        raise Refused(
            f"the backup is of PostgreSQL {manifest.postgresql // 10_000}, this server is {version // 10_000}: "
            "restore into the same or a newer one"
        )
    if lacking:
        raise Refused("this server has no role anlan_app; make the two roles first (docs/operating.md)")
    if others:
        raise Refused(f"{others} others are connected to the database; stop web and worker first")


def add_files(source: Path, told: Told) -> int:
    """Adds the evidence and other folders of a backup to `var/`; how many files the backup has of them."""
    single = [p for p in source.iterdir() if p.is_file()]
    # Of what was here before it would be ahead of what is restored.
    (settings.HOME / "telemetry" / "state").unlink(missing_ok=True)
    found = 0

    def add(one: tuple[Path, str]) -> None:
        target = settings.HOME / one[1]
        evidence = one[1].startswith("evidence/")
        if evidence and files.whole(target.name):
            return  # named by its digest: the same file
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        half = target.with_name(f"incoming-{target.name}")
        half.unlink(missing_ok=True)
        copied(one[0], half)
        half.chmod(0o440 if evidence else 0o640)
        half.rename(target)

    for found, _ in enumerate(each(add, (f for f in kept_files(source) if f[0] not in single)), 1):
        told.so_far(f"{found:,} files")
    os.sync()
    return found


def take_over(source: Path) -> None:
    """Puts the single files of a backup (secrets, heads of the chain) in their places; old heads are set aside."""
    for path in (p for p in source.iterdir() if p.is_file()):
        target = Path(settings.AUDIT_HEADS) if path.name == HEADS else settings.HOME / path.name
        if path.name == HEADS and target.exists():
            target.rename(target.with_name(f"{target.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))
        half = target.with_name(f".{target.name}.restoring")
        half.unlink(missing_ok=True)
        copied(path, half)
        half.rename(target)


def bring_up_to_date_anew() -> None:
    """Migrations in a process of their own: this one still holds the keys from before the restore."""
    done = subprocess.run([sys.executable, "-m", "anlan", "migrate"], capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"the data are restored, and could not be brought to this version: {last_line(done.stderr)}")


def proven(told: Told) -> tuple[audit.Verdict, list[str]]:
    """Seals what waits, verifies the audit chain, and names the evidence that rows name and is not there whole."""
    for one in connections.all():
        one.close()
    with told.step("Audit chain"):
        audit.seal()
        verdict = audit.verify()
    access = owner()
    with access.connect() as connection:
        missing = [digest for digest in named_evidence(connection) if not files.whole(digest)]
    return verdict, missing


def _load(access: Access, dump: Path, manifest: Manifest) -> None:
    """Fills the database in one transaction that ends with the proof; on any failure nothing has changed."""
    command, env = access.command("psql", "--no-psqlrc", "--quiet", "--single-transaction", "-v", "ON_ERROR_STOP=1")
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complaints:
        psql = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        assert psql.stdin is not None
        script = subprocess.Popen(
            [access.command("pg_restore")[0][0], "--no-owner", "-f", "-", str(dump)],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints,
        )  # fmt: skip
        assert script.stdout is not None
        try:
            psql.stdin.write(b"SET lock_timeout = '10s';\nDROP OWNED BY CURRENT_USER CASCADE;\n")
            shutil.copyfileobj(script.stdout, psql.stdin, 1 << 20)
            readable = script.wait() == 0
            if readable:
                psql.stdin.write(";\n".join([*_proof(manifest.rows), *_afterwards(manifest), ""]).encode())
        except BrokenPipeError:
            readable = True  # psql gave up first, and says why
        finally:
            script.kill()
            script.wait()
            if not readable:
                psql.kill()  # before it could take the end of its input for the end of the work
            _close(psql.stdin)
        code = psql.wait()
        said.seek(0)
        complaints.seek(0)
        if not readable:
            raise Failed(f"the dump cannot be read, nothing was changed: {last_line(complaints.read())}")
        if code:
            raise Failed(f"the database refused the backup, nothing was changed: {last_line(said.read())}")


def _close(pipe: IO[bytes]) -> None:
    with suppress(BrokenPipeError):
        pipe.close()


def _proof(rows: dict[str, int]) -> list[str]:
    """Statements that fail unless each table has the rows that the manifest counts."""
    scope = [f"SET LOCAL {name} = {_text(value)}" for name, value in EVERYTHING.items()]
    checks = [
        f"IF (SELECT count(*) FROM public.{_name(table)}) <> {count:d} THEN RAISE EXCEPTION "
        f"'table % has % rows, the backup counted {count:d}', {_text(table)}, "
        f"(SELECT count(*) FROM public.{_name(table)}); END IF;"
        for table, count in rows.items()
    ]
    return ["SET LOCAL row_security = on", *scope, f"DO $proof$ BEGIN {' '.join(checks)} END $proof$"]


def _afterwards(manifest: Manifest) -> list[str]:
    facts: dict[str, Any] = {"backup_of": manifest.made_at, "restored_at": datetime.now(UTC).isoformat("T", "seconds")}
    return [*audit.resumption("restore", **facts), "ANALYZE"]


def _text(value: str) -> str:
    return sql.Literal(value).as_string()


def _name(value: str) -> str:
    return sql.Identifier(value).as_string()
