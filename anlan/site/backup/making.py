"""`anlan backup DIR`: everything of one moment, while the product runs.

One transaction fixes the moment: `pg_dump` reads in its snapshot, the row counts are taken in it, and the
noted heads of the audit chain are those up to its last seal. Evidence is copied after that moment; a file is
always there before the row that names it, so every file that the snapshot names is in the backup.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from psycopg import sql

import anlan
from anlan.engines.telemetry.moves import unmoved
from anlan.kernel import audit, files
from anlan.kernel.policies import our_models
from anlan.site.installation import embedded
from anlan.site.postgres import data_folder

from .access import Access, last_line, reader, running_server
from .common import HEADS, Failed, Refused, Told, bytes_of, from_environment, kept_files, note_backup, room_for
from .folder import copied, each, free_place, made_beside, write_sums

MANIFEST = "manifest.json"
DATABASE, KEPT = "database", "files"
FORMAT = 1
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `rows` counts each table in the snapshot that was dumped.

    `damaged`: evidence that is not what its row says, and an audit chain that is not whole.
    """

    format: int
    anlan: str
    postgresql: int
    made_at: str
    migrations: list[str]
    rows: dict[str, int]
    seals: int
    head: str
    evidence: int
    evidence_bytes: int
    damaged: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


def backup(target: Path, told: Told) -> Manifest:
    """Makes a whole backup at `target`, a new or empty folder. Raises `Refused` and `Failed`."""
    target = target.absolute()
    free_place(target)
    if embedded() and not (data_folder(settings.HOME) / "PG_VERSION").exists():
        raise Refused(f"{settings.HOME} holds no installation: nothing to back up")
    with running_server(), made_beside(target) as half:
        access = reader()
        with access.connect() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # it waits for the dump
            facts = _facts(connection)
            # A dump is smaller than its database: no indexes, compressed.
            room_for(facts["size"] // 2 + bytes_of(settings.HOME / "evidence"), target)
            with told.step(f"Database, {facts['size'] / 2**20:,.0f} MiB"):
                dump = _dumping(access, facts["snapshot"], half / DATABASE)
                try:
                    rows = _counted(connection)
                    _await(dump, len(rows), told)
                finally:
                    if dump.poll() is None:
                        dump.kill()
                        dump.wait()
            with told.step("Files"), unmoved(settings.HOME / "telemetry"):
                known, damaged = _files(connection, half / KEPT, told)
            _heads(half / KEPT / HEADS, facts["seals"])
        with told.step("Audit chain"):
            verdict = audit.verify()
            if not verdict.whole:
                damaged.append(f"the audit chain is broken: {verdict.fault}: entry {verdict.entry}")
        evidence = half / KEPT / "evidence"
        manifest = Manifest(
            FORMAT, anlan.__version__, facts["version"], datetime.now(UTC).isoformat(timespec="seconds"),
            facts["migrations"], rows, facts["seals"], facts["head"],
            sum(1 for name in known if name.startswith(f"{KEPT}/evidence/")), bytes_of(evidence),
            damaged, from_environment(),
        )  # fmt: skip
        with told.step("Digests"):
            (half / MANIFEST).write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1) + "\n")
            write_sums(half, known)
    note_backup(target, manifest.made_at)
    return manifest


def _facts(connection: Any) -> dict[str, Any]:
    """What the manifest says of the database, in its transaction's snapshot."""
    if connection.execute("SELECT to_regclass('public.audit_seal') IS NULL").fetchone()[0]:
        raise Refused("the database holds no installation: nothing to back up")
    snapshot, version, size = connection.execute(
        "SELECT pg_export_snapshot(), current_setting('server_version_num')::int, pg_database_size(current_database())"
    ).fetchone()
    migrations = connection.execute("SELECT app || '.' || name FROM django_migrations ORDER BY id").fetchall()
    seals, head = connection.execute(
        "SELECT coalesce(max(no), 0), (SELECT encode(link, 'hex') FROM audit_seal ORDER BY no DESC LIMIT 1) "
        "FROM audit_seal"
    ).fetchone()
    return {
        "snapshot": snapshot, "version": version, "size": size, "migrations": [name for (name,) in migrations],
        "seals": seals, "head": head or "",
    }  # fmt: skip


def _dumping(access: Access, snapshot: str, folder: Path) -> subprocess.Popen[str]:
    row_security = [] if access.above_row_security else ["--enable-row-security"]
    command, env = access.command(
        "pg_dump", "--format=directory", f"--file={folder}", f"--jobs={min(4, os.cpu_count() or 1)}",
        "--compress=gzip:1", f"--snapshot={snapshot}", "--no-owner", "--lock-wait-timeout=60s", "--verbose",
        *row_security,
    )  # fmt: skip
    return subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _await(dump: subprocess.Popen[str], tables: int, told: Told) -> None:
    assert dump.stderr is not None
    said, done = [], 0
    for line in dump.stderr:
        if re.search(r"dumping contents of table", line):
            done += 1
            told.so_far(f"{done} of {tables} tables")
        elif "error" in line.lower() or "fatal" in line.lower():
            said.append(line)
    if dump.wait():
        raise Failed(f"pg_dump: {last_line(''.join(said))}")


def _counted(connection: Any) -> dict[str, int]:
    found = {}
    for (table,) in connection.execute(TABLES).fetchall():
        found[table] = connection.execute(
            sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(table))
        ).fetchone()[0]
    return found


def _files(connection: Any, folder: Path, told: Told) -> tuple[dict[str, str], list[str]]:
    """Copies what is kept of `var/`; the digests by name, and what evidence is damaged or missing, in words."""
    known, damaged = {}, []
    folder.mkdir(mode=0o700)

    def copy(one: tuple[Path, str]) -> tuple[str, str]:
        return one[1], copied(one[0], folder / one[1])

    for done, (name, digest) in enumerate(each(copy, kept_files()), 1):
        known[f"{KEPT}/{name}"] = digest
        told.so_far(f"{done:,} files")
        if name.startswith("evidence/") and not name.endswith(f"/{digest}"):
            damaged.append(f"{name} is damaged: its bytes are not those that were given")
    damaged += [f"evidence/{d[:2]}/{d} is missing" for d in named_evidence(connection) if not _there(folder, d)]
    return known, damaged


def _there(folder: Path, digest: str) -> bool:
    return (folder / "evidence" / digest[:2] / digest).exists()


def named_evidence(connection: Any) -> Iterator[str]:
    """The digest of every evidence file that a row of the database names."""
    for model in our_models():
        if files.names_files(model):
            with connection.cursor(name="evidence") as cursor:
                cursor.itersize = 20_000
                table = sql.Identifier(model._meta.db_table)
                cursor.execute(sql.SQL("SELECT DISTINCT sha256 FROM public.{}").format(table))
                for (digest,) in cursor:
                    yield digest


def _heads(target: Path, seals: int) -> None:
    """The noted heads of the audit chain up to the snapshot's last seal; later ones are not of this moment."""
    source = Path(settings.AUDIT_HEADS)
    lines = source.read_text().splitlines(keepends=True) if source.exists() else []
    until = [line for line in lines if len(line.split()) == 3 and int(line.split()[1]) <= seals]
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(until)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the backup in `folder`; `Refused` if there is none or it cannot be one."""
    try:
        values = json.loads((folder / MANIFEST).read_text())
    except FileNotFoundError:
        raise Refused(f"{folder} is no backup: it has no {MANIFEST}") from None
    except (OSError, ValueError):
        raise Refused(f"{folder / MANIFEST} is damaged") from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise Refused(f"{folder / MANIFEST} has not format {FORMAT}: this Anlan ({anlan.__version__}) cannot read it")
    try:
        return Manifest(**values)
    except TypeError:
        raise Refused(f"{folder / MANIFEST} is damaged") from None
