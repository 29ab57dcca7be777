"""The database: whether it is there, closed as it must be, of this version, well set, and moving."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from anlan.kernel.policies import our_models
from anlan.site.installation import known_migrations

from .finding import Finding

OLDEST = 160_000
STUCK_MIN = 10


def _one(connection: Any, query: str, *values: Any) -> Any:
    row = connection.execute(query, values or None).fetchone()
    return row[0] if row and len(row) == 1 else row


def server(connection: Any, deep: bool) -> Iterator[Finding]:
    """Database."""
    number, name = _one(connection, "SELECT current_setting('server_version_num')::int, split_part(version(), ' ', 2)")
    yield Finding("database", number >= OLDEST, f"PostgreSQL {name}", "use PostgreSQL 16 or newer")
    encoding = _one(connection, "SHOW server_encoding")
    yield Finding("encoding", encoding == "UTF8", str(encoding), "make the database anew with ENCODING 'UTF8'")


def migrations(connection: Any, deep: bool) -> Iterator[Finding]:
    """Migrations."""
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections["owner"])
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    yield Finding("migrations", not missing, f"{missing} missing" if missing else "all done", "anlan migrate")
    strange = executor.loader.applied_migrations.keys() - known_migrations()
    ours = sorted(f"{app}.{name}" for app, name in strange if app in {m._meta.app_label for m in our_models()})
    if ours:
        yield Finding("version", False, f"the database is of a newer Anlan ({ours[0]})", "update this program")
    connections["owner"].close()


def roles(connection: Any, deep: bool) -> Iterator[Finding]:
    """Roles."""
    for role in ("anlan_app", str(_one(connection, "SELECT current_user"))):
        facts = _one(connection, "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = %s", role)
        if facts is None:
            yield Finding(f"role {role}", False, "is missing", f"CREATE ROLE {role} LOGIN NOBYPASSRLS; anlan migrate")
        else:
            above = any(facts)
            words = "is above row security" if above else "is held by row security"
            yield Finding(f"role {role}", not above, words, f"ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS NOCREATEROLE")


def row_security(connection: Any, deep: bool) -> Iterator[Finding]:
    """Row security."""
    tables = [m._meta.db_table for m in our_models()]
    open_ = connection.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY (%s) "
        "AND NOT (c.relrowsecurity AND c.relforcerowsecurity "
        "AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)) ORDER BY 1",
        [[*tables, "audit_entry"]],
    ).fetchall()
    words = f"not forced on {', '.join(t for (t,) in open_)}" if open_ else f"forced on {len(tables)} tables"
    yield Finding("row security", not open_, words, "anlan migrate makes it anew; find out who took it away")
    audited = [m._meta.db_table for m in our_models() if getattr(m, "audited", True)]
    unwatched = connection.execute(
        "SELECT t FROM unnest(%s::text[]) t WHERE (SELECT count(*) FROM pg_trigger g "
        "WHERE g.tgrelid = to_regclass('public.' || t) AND g.tgenabled <> 'D' "
        "AND g.tgname IN ('audit_insert', 'audit_update', 'audit_delete', 'audit_truncate')) < 4 "
        "ORDER BY 1",
        [audited],
    ).fetchall()
    words = f"no audit on {', '.join(t for (t,) in unwatched)}" if unwatched else f"on {len(audited)} tables"
    yield Finding("audit triggers", not unwatched, words, "anlan migrate makes them anew; find out who took them away")
    may = _one(
        connection,
        "SELECT has_table_privilege('anlan_app', 'audit_entry', 'INSERT, UPDATE, DELETE, TRUNCATE') "
        "OR has_table_privilege('anlan_app', 'audit_seal', 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')",
    )
    words = "the application may write it" if may else "the application cannot write it"
    yield Finding("audit tables", not may, words, "anlan migrate takes the right away again")


def clocks(connection: Any, deep: bool) -> Iterator[Finding]:
    """Clock."""
    there, newest = _one(
        connection, "SELECT clock_timestamp(), (SELECT at FROM audit_entry ORDER BY xid DESC, id DESC LIMIT 1)"
    )
    apart = abs((datetime.now(UTC) - there).total_seconds())
    yield Finding(
        "clock", apart < 5, f"this machine and the database are {apart:.1f} s apart",
        "let both follow one time server (chrony, systemd-timesyncd): deadlines depend on it",
    )  # fmt: skip
    if newest is not None and (newest - there).total_seconds() > 60:
        yield Finding(
            "clock", False, f"it stands before the newest audit entry ({newest:%Y-%m-%d %H:%M})",
            "the clock was put back: set it right before anybody works",
        )  # fmt: skip
    shift, demonstration = _one(
        connection, "SELECT max(clock_shift), coalesce(bool_or(demonstration), false) FROM kernel_installation"
    ) or (None, False)
    if shift and not demonstration:
        yield Finding(
            "clock",
            False,
            f"shifted by {shift} without need",
            "set clock_shift of kernel_installation to NULL",
        )
    zone = _one(connection, "SHOW timezone")
    yield Finding(
        "time zone", zone in ("Asia/Shanghai", "PRC", "UTC", "Etc/UTC"), str(zone),
        "ALTER DATABASE … SET timezone = 'Asia/Shanghai': sheets written by hand from SQL would be hours off",
    )  # fmt: skip


def moving(connection: Any, deep: bool) -> Iterator[Finding]:
    """Worker, outbox and jobs."""
    from anlan.site.health import WORKER_SILENT_S

    alive = _one(
        connection,
        "SELECT count(*) FROM procrastinate_workers "
        "WHERE last_heartbeat > clock_timestamp() - make_interval(secs => %s)",
        WORKER_SILENT_S,
    )  # fmt: skip
    yield Finding(
        "worker", bool(alive), f"{alive} at work" if alive else "none", "start it: make run, or `anlan worker`"
    )
    dead, late, error = _one(
        connection,
        "SELECT count(*) FILTER (WHERE state = 'dead'), count(*) FILTER (WHERE state = 'waiting' AND next_try < "
        "clock_timestamp() - %s * interval '1 min'), max(error) FILTER (WHERE state = 'dead') FROM kernel_delivery "
        "WHERE state <> 'done'",
        STUCK_MIN,
    )
    yield Finding(
        "outbox", not dead, f"{dead} events set aside: {error[:100]}" if dead else "no event set aside",
        "mend the cause, then retry them on the page of jobs",
    )  # fmt: skip
    if late:
        yield Finding(
            "outbox", False, f"{late} events wait longer than {STUCK_MIN} min", "see the worker's log; restart it"
        )
    failed, late = _one(
        connection,
        "SELECT count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'todo' AND "
        "coalesce(scheduled_at, (SELECT max(at) FROM procrastinate_events e WHERE e.job_id = j.id), 'epoch') "
        "< clock_timestamp() - %s * interval '1 min') FROM procrastinate_jobs j WHERE status IN ('failed', 'todo')",
        STUCK_MIN,
    )
    yield Finding(
        "jobs",
        not failed,
        f"{failed} failed" if failed else "none failed",
        "see why, and retry them, on the page of jobs",
    )
    if late:
        yield Finding(
            "jobs", False, f"{late} wait longer than {STUCK_MIN} min", "see the worker's log; start more workers"
        )


# Setting, whether its value is bad, what then, what to do.
_SETTINGS = (
    ("fsync", "off", "a power cut destroys the database", "fsync = on"),
    ("full_page_writes", "off", "a power cut destroys the database", "full_page_writes = on"),
    ("synchronous_commit", "off", "what was acknowledged can be lost", "synchronous_commit = on"),
    ("autovacuum", "off", "tables swell and the numbers of transactions run out", "autovacuum = on"),
)


def tuning(connection: Any, deep: bool) -> Iterator[Finding]:
    """Settings of the database."""
    well = True
    for name, bad, why, remedy in _SETTINGS:
        if _one(connection, "SELECT current_setting(%s)", name) == bad:
            well = False
            yield Finding("database settings", False, f"{name} is {bad}: {why}", f"in postgresql.conf: {remedy}")
    buffers, size = _one(
        connection, "SELECT pg_size_bytes(current_setting('shared_buffers')), pg_database_size(current_database())"
    )
    if buffers <= 128 * 2**20 < size // 4:
        well = False
        yield Finding(
            "database settings", False,
            f"shared_buffers is {buffers // 2**20} MB for a database of {size / 2**30:.1f} GiB",
            "a quarter of the machine's memory is usual; see docs/operating.md for the other settings",
        )  # fmt: skip
    most = int(_one(connection, "SHOW max_connections"))
    wanted = int(os.environ.get("ANLAN_POOL", "20")) * min(4, os.cpu_count() or 1) + 15
    if wanted > most:
        well = False
        yield Finding(
            "database settings", False, f"max_connections is {most}; web and worker may ask for {wanted}",
            f"max_connections = {wanted + 20}, or a smaller ANLAN_POOL",
        )  # fmt: skip
    if well:
        yield Finding("database settings", True, f"shared_buffers {buffers // 2**20} MB, {most} connections")
    unknown = connection.execute(
        "SELECT relname FROM pg_stat_user_tables WHERE n_live_tup > 50000 AND last_analyze IS NULL "
        "AND last_autoanalyze IS NULL ORDER BY n_live_tup DESC LIMIT 3"
    ).fetchall()
    if unknown:
        yield Finding("statistics", False, f"none of {', '.join(t for (t,) in unknown)}: pages are slow", "run ANALYZE")
    age = _one(connection, "SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()")
    if age > 1_200_000_000:
        yield Finding(
            "transactions", False, f"{age:,} since the last freeze", "run VACUUM FREEZE; see why autovacuum could not"
        )
    invalid = connection.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid").fetchall()
    if invalid:
        yield Finding("indexes", False, f"{invalid[0][0]} is not valid", f"REINDEX INDEX {invalid[0][0]}")
    if _one(
        connection,
        "SELECT NOT ssl AND NOT coalesce(inet_server_addr() <<= '127.0.0.0/8', true) FROM pg_stat_ssl "
        "WHERE pid = pg_backend_pid()",
    ):
        yield Finding("database", False, "reached over the network without TLS", "sslmode=verify-full in both URLs")


FIRST = (server, roles, migrations)
LOOKS = (row_security, clocks, moving, tuning)
