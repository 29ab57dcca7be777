"""What must not be lost: the audit chain, the evidence, backups, archive and replicas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections

from anlan.kernel import audit, files
from anlan.kernel.policies import our_models

from .finding import Finding

NEWEST_SEALS = 100_000
SAMPLE = 100
UNSEALED_S = 300
BACKUP_EVERY = timedelta(hours=36)
FAR_BEHIND = 2**30


def chain_(connection: Any, deep: bool) -> Iterator[Finding]:
    """Audit chain."""
    verdict = audit.verify(newest=None if deep else NEWEST_SEALS)
    connections["owner"].close()
    how = "" if deep else f" (looked at the newest {NEWEST_SEALS:,}; all with --deep)"
    words = f"whole, {verdict.sealed:,} sealed{how}" if verdict.whole else f"{verdict.fault}: entry {verdict.entry}"
    remedy = "somebody wrote past the program: keep this machine as it is, find out who, compare with a backup"
    yield Finding("audit chain", verdict.whole, words, remedy)
    waiting, waits = connection.execute(
        "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0)::int FROM audit_entry "
        "WHERE (xid, id) > (coalesce((SELECT entry_xid FROM audit_seal ORDER BY no DESC LIMIT 1), '0'::xid8), "
        "coalesce((SELECT entry_id FROM audit_seal ORDER BY no DESC LIMIT 1), 0))"
    ).fetchone()
    yield Finding(
        "audit sealing", waits < UNSEALED_S, f"{waiting:,} wait" + (f", since {waits} s" if waiting else ""),
        "the worker seals: see whether it runs; a transaction left open holds it up too (pg_stat_activity)",
    )  # fmt: skip


def heads(connection: Any, deep: bool) -> Iterator[Finding]:
    """Heads of the audit chain."""
    path = Path(settings.AUDIT_HEADS)
    (seals,) = connection.execute("SELECT coalesce(max(no), 0) FROM audit_seal").fetchone()
    lines = path.read_text().splitlines() if path.exists() else []
    if seals and not lines:
        yield Finding(
            "audit heads", False, f"{path} is missing, and there are {seals:,} seals: nothing outside proves the chain",
            "bring it back from a backup; with ANLAN_AUDIT_HEADS it can lie on another machine's disk",
        )  # fmt: skip
    else:
        yield Finding("audit heads", True, f"{len(lines):,} noted in {path}")


def evidence(connection: Any, deep: bool) -> Iterator[Finding]:
    """Evidence files."""
    tables = [m._meta.db_table for m in our_models() if files.names_files(m)]
    seen, missing, damaged = 0, [], []
    for digest in chain.from_iterable(_named(connection, table, deep) for table in tables):
        seen += 1
        if not files.path_of(digest).exists():
            missing.append(digest)
        elif not files.whole(digest):
            damaged.append(digest)
    how = "" if deep else " (a sample; all with --deep)"
    words = f"{seen} whole{how}"
    if missing or damaged:
        words = f"{len(missing)} missing and {len(damaged)} damaged of {seen}{how}: {(missing + damaged)[0]}"
    remedy = "bring them back from a backup: files/evidence there has them under the same names"
    yield Finding("evidence", not missing and not damaged, words, remedy)


def _named(connection: Any, table: str, deep: bool) -> Iterator[str]:
    """The digests that a table names: all, or the newest and as many anywhere."""
    if deep:
        with connection.cursor(name="evidence") as cursor:
            cursor.itersize = 5_000
            cursor.execute(f'SELECT DISTINCT sha256 FROM "{table}"')
            for (digest,) in cursor:
                yield digest
        return
    anywhere = f'SELECT (random() * (SELECT max(id) FROM "{table}"))::bigint FROM generate_series(1, {SAMPLE})'
    found = connection.execute(
        f'(SELECT sha256 FROM "{table}" ORDER BY id DESC LIMIT {SAMPLE}) UNION '
        f'(SELECT sha256 FROM "{table}" WHERE id = ANY (ARRAY({anywhere})))'
    ).fetchall()
    yield from (digest for (digest,) in found)


def last_backup(connection: Any, deep: bool) -> Iterator[Finding]:
    """Last backup."""
    from anlan.site.backup.common import LAST

    row = connection.execute("SELECT coalesce(bool_or(demonstration), false) FROM kernel_installation").fetchone()
    path = settings.HOME / LAST
    try:
        facts = json.loads(path.read_text())
        age = datetime.now(UTC) - datetime.fromisoformat(facts["made_at"])
        words, old = f"{age.total_seconds() / 3600:.1f} h ago, in {facts['folder']}", age > BACKUP_EVERY
    except FileNotFoundError:
        words, old = "none was made", True
    except (ValueError, KeyError, TypeError):
        words, old = f"{path} cannot be read", True
    remedy = "every night: anlan backup /another/disk/$(date +%F); see docs/operating.md"
    if row[0] and old:
        yield Finding("last backup", True, f"{words}; a demonstration needs none")
    else:
        yield Finding("last backup", not old, words, remedy)


def archive(connection: Any, deep: bool) -> Iterator[Finding]:
    """Archive of the log."""
    (mode,) = connection.execute("SELECT current_setting('archive_mode')").fetchone()
    if mode == "off":
        return
    failing, name, age = connection.execute(
        "SELECT coalesce(last_failed_time > coalesce(last_archived_time, 'epoch'), false), last_failed_wal, "
        "extract(epoch FROM clock_timestamp() - last_archived_time)::int FROM pg_stat_archiver"
    ).fetchone()
    words = f"{name} could not be archived" if failing else "goes well" if age is None else f"last piece {age} s ago"
    remedy = "see var/log/postgres; the log stays on the database's disk until it can be archived, and fills it"
    yield Finding("archive of the log", not failing, words, remedy)


def replicas(connection: Any, deep: bool) -> Iterator[Finding]:
    """Replicas."""
    if connection.execute("SELECT pg_is_in_recovery()").fetchone()[0]:
        yield Finding("replica", True, "this is a replica; `anlan replica state` tells how it follows")
        return
    for name, active, status, behind in connection.execute(
        "SELECT slot_name, active, coalesce(wal_status, ''), "
        "coalesce(pg_current_wal_lsn() - restart_lsn, 0)::bigint FROM pg_replication_slots WHERE slot_type = 'physical'"
    ).fetchall():
        lost = status in ("lost", "unreserved")
        words = f"{'follows' if active else 'does not follow'}, {behind / 2**20:,.0f} MiB behind"
        yield Finding(
            f"replica {name}", active and not lost and behind < FAR_BEHIND, "lost its place" if lost else words,
            f"start it: anlan replica start; if it is gone for good: SELECT pg_drop_replication_slot('{name}')",
        )  # fmt: skip


LOOKS = (chain_, heads, evidence, last_backup, archive, replicas)
