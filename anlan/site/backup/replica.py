"""A streaming replica of the embedded database: `anlan replica start | state | promote`.

It follows the main server through that one's Unix socket, on another machine through SSH (docs/operating.md).
What it holds is the database; evidence and secrets come by the archive or by rsync.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connections

from anlan.kernel import audit
from anlan.site.installation import embedded
from anlan.site.postgres import Server, psycopg_superuser

from .common import Failed, Refused, Told
from .restoring import alone, proven


@dataclass(frozen=True, slots=True)
class State:
    """How a replica stands: whether it receives now, how far behind what it received, and the last commit it has."""

    streaming: bool
    behind_bytes: int
    last_commit: str | None
    main: str


def start(primary: Path, slot: str, told: Told) -> State:
    """Makes `var/pg` a copy of the database at the socket folder `primary`, if it is none yet, and follows it."""
    server = _server()
    if not re.fullmatch(r"[a-z0-9_]{1,63}", slot):
        raise Refused(f"--slot {slot!r}: small letters, digits and _ only")
    if server.made() and not server.is_replica():
        raise Refused(f"{settings.HOME} holds an installation of its own; a replica needs an empty ANLAN_HOME")
    with alone():
        if not server.made():
            if not (primary / ".s.PGSQL.5432").exists():
                raise Refused(f"{primary} is no socket folder of a running database: it has no .s.PGSQL.5432")
            with told.step("Copying the database"):
                server.follow(primary.absolute(), slot)
        server.start()
    return state()


def state() -> State:
    """How the replica of this installation stands; `Refused` if it is none."""
    server = _server()
    if not server.is_replica():
        raise Refused(f"{settings.HOME} is no replica")
    if not server.running():
        raise Failed("the replica does not run: anlan replica start")
    with psycopg_superuser(server) as connection:
        receiving, main = connection.execute(
            "SELECT coalesce(max(status), '') = 'streaming', coalesce(max(conninfo), '') FROM pg_stat_wal_receiver"
        ).fetchone()
        behind, last = connection.execute(
            "SELECT coalesce(pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn(), 0)::bigint, "
            "pg_last_xact_replay_timestamp()::text"
        ).fetchone()
    host = psycopg.conninfo.conninfo_to_dict(main).get("host") or ""
    return State(receiving, max(0, behind), last, str(host))


def promote(told: Told) -> tuple[audit.Verdict, list[str]]:
    """Makes the replica the main database. The old one must not be started again as it is."""
    server = _server()
    if not server.is_replica():
        raise Refused(f"{settings.HOME} is no replica")
    with alone():
        server.start()
        with told.step("Promoting"), psycopg_superuser(server) as connection:
            if connection.execute("SELECT pg_promote(true, 60)").fetchone() != (True,):
                raise Failed("the replica was not promoted within a minute; see var/log/postgres")
        with connections["owner"].cursor() as cursor:
            cursor.execute(audit.noted("replica promoted").replace("%", "%%"))
        return proven(told)


def _server() -> Server:
    if not embedded():
        raise Refused("replicas of your own server are that server's matter; ANLAN_DATABASE_URL is set")
    return Server(settings.HOME)
