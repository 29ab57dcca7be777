"""`anlan start`: one process that keeps all parts of Anlan running on this machine.

Order: database, migrations, demonstration city, then web, worker and gateway. A part that ends is started again,
after a pause that doubles from one second to thirty while it keeps ending at once. SIGTERM and Ctrl-C stop
everything in the reverse order; `kill -9` of the supervisor takes web and worker with it, and the database
is taken over by the next start.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import logging
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
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from anlan.site.postgres import Server, ServerFailed, ensure_database

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
STEADY_S = 20.0
"""A part that has run for so long ended by accident, not because it cannot start: its pause begins anew."""
STOP_PATIENCE_S = 15.0
READY_PATIENCE_S = 180.0
PORT_PATIENCE_S, KILLED_PATIENCE_S = 3.0, 20.0
"""For so long the port may still be held; longer where the supervisor before was killed: its web server first answers
what it was asked, for which it has ten seconds."""
_LOG_BYTES, _LOG_FILES = 20_000_000, 4
_PR_SET_PDEATHSIG = 1


class CannotStart(RuntimeError):
    """Why Anlan cannot be started here, in one line."""


def end_with_supervisor() -> None:
    """Called by a part at its start: the kernel ends it (SIGTERM) when the supervisor is gone."""
    supervisor = os.environ.get("ANLAN_SUPERVISOR")
    if supervisor is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(supervisor):  # it went before the line above
        sys.exit(0)


@dataclass
class Part:
    """One process under supervision. `log` is rotated by the supervisor, which reads what the part says."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE_S
    again_at: float = 0.0
    _writer: logging.Logger = field(init=False)

    def __post_init__(self) -> None:
        self._writer = logging.Logger(self.name)
        self._writer.addHandler(RotatingFileHandler(self.log, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES))

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the parts in order
            env={**os.environ, "ANLAN_SUPERVISOR": str(os.getpid()), "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert self.process.stdout is not None
        threading.Thread(target=self._copy, args=(self.process.stdout,), daemon=True).start()

    def _copy(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._writer.info(line.decode(errors="replace").rstrip("\n"))

    def check(self, say: Callable[[str], None]) -> None:
        """Starts the part again where it has ended and its pause is over."""
        assert self.process is not None
        now = time.monotonic()
        code = self.process.poll()
        if code is None:
            return
        if not self.again_at:
            self._clear()
            if now - self.started > STEADY_S:
                self.pause = FIRST_PAUSE_S
            self.again_at = now + self.pause
            how = f"signal {-code}" if code < 0 else f"exit {code}"
            say(f"{self.name} ended ({how}); starting it again in {self.pause:.0f} s. Its log: {self.log}")
            self.pause = min(self.pause * 2, LONGEST_PAUSE_S)
        elif now >= self.again_at:
            self.again_at = 0.0
            self.start()

    def stop(self) -> None:
        """SIGTERM, patience, then SIGKILL to whatever is left of it."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._clear()

    def _clear(self) -> None:
        """Ends what a killed part has left behind: its own workers, which would keep the port."""
        assert self.process is not None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


class Supervisor:
    """The parts of one installation on one machine.

    `server` is None where a real PostgreSQL is used. `prepare` is called once the database answers.
    """

    def __init__(self, home: Path, port: int, server: Server | None, prepare: Callable[[], None]) -> None:
        self.home, self.port, self.server, self.prepare = home, port, server, prepare
        (home / "log").mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "anlan"]
        self.parts = [
            Part("web", [*command, "web", "--port", str(port)], home / "log" / "web.log"),
            Part("worker", [*command, "worker"], home / "log" / "worker.log"),
        ]
        if os.environ.get("ANLAN_GATEWAY", "1") != "0":
            self.parts.append(Part("gateway", [*command, "gateway"], home / "log" / "gateway.log"))
        self._stopping = threading.Event()

    def run(self, ready: Callable[[], None]) -> None:
        """Starts everything, calls `ready` when it serves, and returns after a clean stop.

        Raises `CannotStart` and `ServerFailed`.
        """
        with (self.home / "anlan.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise CannotStart(f"Anlan already runs on {self.home} (process {lock.read().strip()})") from None
            lock.seek(0)
            killed = bool(lock.read().strip())
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            try:
                self._await_port(KILLED_PATIENCE_S if killed else PORT_PATIENCE_S)
            except CannotStart:
                lock.truncate(0)
                raise
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, lambda *_: self._stopping.set())
            try:
                if self.server:
                    self.step("Database", self.server.start)
                    ensure_database(self.server, "anlan")
                self.prepare()
                if not self._stopping.is_set():
                    self.step("Web and worker", self._start_parts)
                if not self._stopping.is_set():
                    ready()
                while not self._stopping.wait(0.5):
                    self._look()
            finally:
                self._stop()
                lock.truncate(0)  # ended in order: nothing of it is left to wait for

    def add(self, name: str, command: str) -> None:
        """One part more, from now on: what is not needed to serve."""
        part = Part(name, [sys.executable, "-m", "anlan", command], self.home / "log" / f"{name}.log")
        part.start()
        self.parts.append(part)

    def step(self, title: str, do: Callable[[], object]) -> None:
        """Does one step of the start, telling what and how long."""
        began = time.monotonic()
        print(f"  {title} …", flush=True)
        do()
        print(f"    done in {time.monotonic() - began:.1f} s", flush=True)

    def say(self, words: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)

    def _await_port(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", self.port))
                    return
                except OSError as error:
                    if time.monotonic() > deadline:
                        raise CannotStart(
                            f"port {self.port} cannot be used ({error.strerror}); "
                            f"free it, or choose another: ANLAN_PORT=8010 make run"
                        ) from None
            time.sleep(0.2)

    def _start_parts(self) -> None:
        for part in self.parts:
            part.start()
        deadline = time.monotonic() + READY_PATIENCE_S
        answer = ""
        while time.monotonic() < deadline and not self._stopping.wait(0.1):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5):
                    return
            except urllib.error.HTTPError as error:
                answer = ", ".join(f"{k}: {v}" for k, v in json.load(error).get("parts", {}).items())
            except (OSError, ValueError) as error:
                answer = str(error)
            self._look()
        if not self._stopping.is_set():
            raise CannotStart(f"not ready after {READY_PATIENCE_S:.0f} s ({answer}); see {self.home / 'log'}")

    def _look(self) -> None:
        if self.server and not self.server.running():
            self.say("the database ended; starting it again")
            try:
                self.server.start()
                self.say("the database serves again")
            except ServerFailed as error:
                self.say(str(error))
                self._stopping.wait(FIRST_PAUSE_S)
        for part in self.parts:
            part.check(self.say)

    def _stop(self) -> None:
        if any(p.process for p in self.parts):
            self.say("stopping")
        for part in self.parts:
            part.stop()
        if self.server:
            self.server.stop()
