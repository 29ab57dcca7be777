"""A whole Anlan of a test's own: its own home, its own port, started and killed as the test likes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg

from anlan.site.postgres import Server

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(what: str, check: Callable[[], bool], seconds: float = 180) -> None:
    """Waits until `check` holds; fails the test, naming what was awaited, when it does not."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.1)


class House:
    """`anlan start` in a folder of its own, without the demonstration city."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("ANLAN_", "PYTEST_"))},
            "ANLAN_HOME": str(folder), "ANLAN_PORT": str(self.port), "ANLAN_DEMO": "0", "ANLAN_GATEWAY": "0",
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self.server = Server(folder / "var")
        self.process: subprocess.Popen[bytes] | None = None
        self.out = folder / "start.out"

    def start(self) -> None:
        """Starts the house and waits until it says that it serves, and does: what answered before may answer still."""
        said = self._serves()
        with self.out.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "anlan", "start"], cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        eventually(f"the start; it said {self.out.read_text()}", lambda: self._serves() > said and self.well(), 300)

    def settle(self, like: House) -> House:
        """Takes over a copy of what `like`, which does not run, has in its `var/`."""
        self.folder.mkdir(exist_ok=True)
        self.server._place()
        subprocess.run(["cp", "-a", f"{like.server.data}/.", str(self.server.data)], check=True)
        others = [path for path in (like.folder / "var").iterdir() if path.name not in ("pg", "log")]
        subprocess.run(["cp", "-a", *map(str, others), str(self.folder / "var")], check=True)
        return self

    def _serves(self) -> int:
        return self.out.read_text().count(" serves at ") if self.out.exists() else 0

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)

    def end(self) -> None:
        """Whatever the test left: nothing of it stays."""
        if self.process is not None and self.process.poll() is None:
            self.stop()
        self.server.stop()

    def health(self) -> tuple[int, dict[str, str]]:
        """The status and the parts of /healthz; (0, {}) when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return answer.status, json.load(answer)["parts"]
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["parts"]
        except OSError:
            return 0, {}

    def well(self) -> bool:
        return self.health()[0] == 200

    def anlan(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "anlan", *arguments],
            cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=400,
        )  # fmt: skip

    def connect(self, role: str = "anlan_app") -> psycopg.Connection:
        return psycopg.connect(host=str(self.server.socket), user=role, dbname="anlan")

    def part(self, name: str) -> int:
        """The process id of `web` or `worker`: the supervisor's child with that command."""
        assert self.process is not None
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.process.pid and name.encode() in words:
                return int(entry.name)
        raise AssertionError(f"the supervisor runs no {name}")

    def kill(self, name: str) -> None:
        """kill -9, of the part and of the processes that it began: they would serve on for a moment without it."""
        if name == "database":
            self.server.kill()
            return
        part = self.part(name)
        for pid in (part, *_begun_by(part)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _begun_by(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(state[1]) == parent:
                found.append(int(entry.name))
    return found


class Writer(threading.Thread):
    """Writes one audited row after another, noting each only once the database has acknowledged it."""

    def __init__(self, house: House, first: int = 0) -> None:
        super().__init__(daemon=True)
        self.house, self.first, self.enough = house, first, threading.Event()
        self.acknowledged: list[str] = []
        self.interrupted = 0

    def run(self) -> None:
        connection: psycopg.Connection | None = None
        number = self.first
        while not self.enough.is_set():
            try:
                connection = connection or self.house.connect()
                code = f"written-{number:06d}"
                number += 1
                with connection.transaction():
                    connection.execute(
                        "SELECT set_config('anlan.area_low', '', true), set_config('anlan.area_high', '~', true), "
                        "set_config('anlan.industries', '*', true), set_config('anlan.enterprise', '*', true), "
                        "set_config('anlan.actor_kind', 'test', true), set_config('anlan.actor', 'a writer', true)"
                    )
                    connection.execute(
                        'INSERT INTO parties_industry (code, name, name_en, high_hazard, "order") '
                        "VALUES (%s, %s, %s, false, 999)",
                        [code, code, code],
                    )
                self.acknowledged.append(code)
            except psycopg.OperationalError:
                self.interrupted += 1
                connection = None
                time.sleep(0.05)

    def finish(self) -> None:
        self.enough.set()
        self.join(60)
        assert not self.is_alive()
