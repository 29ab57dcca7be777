"""Reaching the database for backup and restore: as whom, and PostgreSQL's own programs with the same access."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections

from anlan.site.installation import embedded
from anlan.site.postgres import SUPERUSER, Server, program

from .common import Failed, Refused

# Row security holds the owner too. What a backup reads and a restore counts is everything, said as everybody says it.
EVERYTHING = {
    "anlan.area_low": "", "anlan.area_high": "~", "anlan.industries": "*", "anlan.enterprise": "*",
    "anlan.unbound": "~", "anlan.actor_kind": "command",
}  # fmt: skip


@dataclass(frozen=True)
class Access:
    """One role's way to one database, in libpq's words."""

    words: dict[str, str]
    password: str = ""
    above_row_security: bool = field(default=False)

    def connect(self, **more: Any) -> psycopg.Connection[Any]:
        """A connection; `Refused` with the server's reason if there is none."""
        try:
            return psycopg.connect(**(self._all() | more))
        except psycopg.OperationalError as error:
            raise Refused(f"the database does not answer: {str(error).strip().splitlines()[-1]}") from None

    def command(self, name: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """One of PostgreSQL's programs on this database: its command line, without the password, and environment."""
        conninfo = psycopg.conninfo.make_conninfo("", **{k: v for k, v in self._all().items() if k != "password"})
        env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "PGPASSWORD": self.password}
        return [str(program(name)), *arguments, "-d", conninfo], env

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one to its end; `Failed` with its own words if it fails."""
        command, env = self.command(name, *arguments)
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{name}: {last_line(done.stderr)}")
        return done

    def _all(self) -> dict[str, str]:
        options = "" if self.above_row_security else " ".join(f"-c {k}={v}" for k, v in EVERYTHING.items())
        given = {"password": self.password} if self.password else {}
        return self.words | given | ({"options": options} if options else {})


def last_line(said: str) -> str:
    """The line of a program's complaints that names the reason."""
    lines = [line for line in said.strip().splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line.lower() or "fatal:" in line.lower()]
    return (errors or lines or ["it gave no reason"])[0].strip()


def owner() -> Access:
    """As the owner of the tables: what restores."""
    values = connections["owner"].settings_dict
    named = {"dbname": "NAME", "user": "USER", "host": "HOST", "port": "PORT"}
    words = {key: str(values[name]) for key, name in named.items() if values.get(name)}
    options = {k: str(v) for k, v in values.get("OPTIONS", {}).items() if k != "pool"}
    return Access(words | options, str(values.get("PASSWORD") or ""))


def reader() -> Access:
    """As whoever can read all of the database: the superuser of the embedded one, else the owner.

    The owner reads within the widest scope unless the role is above row security.
    """
    one = owner()
    if embedded():
        return Access(one.words | {"user": SUPERUSER}, above_row_security=True)
    with one.connect() as connection:
        row = connection.execute(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    return Access(one.words, one.password, above_row_security=bool(row and row[0]))


@contextmanager
def running_server() -> Iterator[Server | None]:
    """The embedded server running meanwhile, and stopped afterwards if it was not before; None for one's own."""
    if not embedded():
        yield None
        return
    from anlan.site.postgres import ensure_database

    server = Server(settings.HOME)
    was_running = server.running()
    server.start()
    try:
        ensure_database(server, "anlan")
        yield server
    finally:
        if not was_running:
            server.stop()
