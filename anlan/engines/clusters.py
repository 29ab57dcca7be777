"""Spark for the engines: a standalone cluster out of PyPI's pyspark, and the way in.

    with cluster(workers=2) as master, session(master) as spark: …
    with session("spark://head:7077") as spark: …             # one that runs already

A cluster of one's own listens on this machine alone, lets in only who holds its secret, and ends with who started it,
`kill -9` included. Its workers run the Python of this process, so that they know the same engines.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_JAVA = 17
_PATIENCE_S = 60.0
_LOOPBACK = "127.0.0.1"
_PR_SET_PDEATHSIG = 1
_BRISK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For Java of which little is asked but to be there soon."""
_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.executor.cores": "1",
    "spark.executor.memory": "1g",
    "spark.driver.maxResultSize": "0",
    "spark.locality.wait": "0s",
    "spark.sql.adaptive.enabled": "false",
    # A step leaves groups by the hundred, not by the million: Spark's own 200 parts would mostly wait.
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


class NoSpark(RuntimeError):
    """Spark cannot be had here; one line on what is missing and where it comes from."""


def needed() -> None:
    """Raises `NoSpark` where pyspark or Java is missing."""
    if importlib.util.find_spec("pyspark") is None:
        raise NoSpark(
            f"Spark is not installed here: {sys.executable} -m pip install --require-hashes -r requirements-spark.lock"
        )
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else "java"
    way = f"install Java {_JAVA} or newer (apt-get install openjdk-17-jre-headless), or name its folder in JAVA_HOME"
    if shutil.which(program) is None:
        raise NoSpark(f"Spark needs Java, and there is no {program}: {way}")
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    number = re.search(r'version "(?:1\.)?(\d+)', said)
    if number is None or int(number[1]) < _JAVA:
        raise NoSpark(f"Spark cannot use {program} ({said.strip().splitlines()[:1]}): {way}")


class Cluster(str):
    """The address of a master; `workers` are the processes behind it."""

    workers: list[subprocess.Popen[bytes]]


@contextmanager
def cluster(workers: int = 2, cores: int = 1, memory: str = "1g") -> Iterator[Cluster]:
    """A master and workers on this machine. Raises `NoSpark`."""
    needed()
    with TemporaryDirectory(prefix="anlan-spark-") as name, ExitStack() as running:
        folder = Path(name)
        told = {"spark.authenticate": "true", "spark.authenticate.secret": secrets.token_hex(32)}
        told |= {f"spark.{part}.extraJavaOptions": _BRISK for part in ("driver", "executor")}
        _configured(folder, told)
        started: list[subprocess.Popen[bytes]] = []
        running.callback(_stop, started)
        place = "org.apache.spark.deploy"
        common = ["--host", _LOOPBACK, "--port", "0", "--webui-port", "0"]
        started.append(_started(folder, "master", [f"{place}.master.Master", *common]))
        address = _told(started[0], folder / "master.log", r"Starting Spark master at (\S+)")
        own = ["--cores", str(cores), "--memory", memory, "--work-dir", str(folder / "work"), address]
        names = [f"worker-{number}" for number in range(workers)]
        started += [_started(folder, name, [f"{place}.worker.Worker", *common, *own]) for name in names]
        for process, name in zip(started[1:], names, strict=True):
            _told(process, folder / f"{name}.log", r"(Successfully registered with master)")
        made = Cluster(address)
        made.workers = started[1:]
        with _environment(SPARK_CONF_DIR=str(folder), SPARK_LOCAL_IP=_LOOPBACK):
            yield made


@contextmanager
def session(master: str, log: Path | None = None, settings: Mapping[str, str] | None = None) -> Iterator[Any]:
    """A session at a master (`spark://…`); what its Java says goes to `log`. Raises `NoSpark`."""
    needed()
    _reached(master)
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).appName("anlan")
    for key, value in (_SETTINGS | dict(settings or {})).items():
        builder = builder.config(key, value)
    try:
        with _environment(PYSPARK_PYTHON=sys.executable), _said_to(log or Path(os.devnull)):
            spark = builder.getOrCreate()
    except (Py4JError, PySparkException, OSError) as error:
        raise NoSpark(f"{master}: no Spark answers ({str(error).splitlines()[0][:200]})") from error
    try:
        yield spark
    finally:
        _leave(spark)


def _reached(master: str) -> None:
    """Spark itself asks a master that is not there for a minute."""
    if not re.fullmatch(r"local(\[\d+\])?|spark://[^/:,]+:\d{1,5}(,[^/:,]+:\d{1,5})*", master):
        raise NoSpark(f"{master}: a Spark master is named as spark://host:7077")
    places = [place.rsplit(":", 1) for place in master.removeprefix("spark://").split(",")]
    reasons = []
    for host, port in places if "://" in master else ():
        try:
            socket.create_connection((host, int(port)), 5).close()
            return
        except (OSError, OverflowError) as error:
            reasons.append(getattr(error, "strerror", None) or str(error))
    if reasons:
        raise NoSpark(f"{master}: no Spark answers ({reasons[0]})")


def _leave(spark: Any) -> None:
    """Ends the session and its Java: the next one may be at another cluster, with another secret."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    spark.stop()
    if gateway is not None:
        gateway.shutdown()
        process = getattr(gateway, "proc", None)
        if process is not None:
            process.stdin.close()
            process.wait(_PATIENCE_S)
        SparkContext._gateway = SparkContext._jvm = None


def _configured(folder: Path, settings: Mapping[str, str]) -> None:
    """Settings in a file that nobody else may read: on a command line everybody would."""
    defaults = folder / "spark-defaults.conf"
    defaults.touch(0o600)
    defaults.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    (folder / "log4j2.properties").write_text(
        "rootLogger.level = info\nrootLogger.appenderRef.all.ref = all\nappender.all.type = Console\n"
        "appender.all.name = all\nappender.all.target = SYSTEM_ERR\nappender.all.layout.type = PatternLayout\n"
        "appender.all.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n\n"
    )


def _started(folder: Path, name: str, command: list[str]) -> subprocess.Popen[bytes]:
    """One part of the cluster, which writes `<name>.log`."""
    import pyspark

    home = Path(pyspark.__file__).parent
    own = {"SPARK_HOME": str(home), "SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": _LOOPBACK}
    own["SPARK_DAEMON_JAVA_OPTS"] = _BRISK
    with (folder / f"{name}.log").open("wb") as out:
        return subprocess.Popen(
            [str(home / "bin" / "spark-class"), *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            env=os.environ | own, start_new_session=True, preexec_fn=_end_with_parent,
        )  # fmt: skip


def _told(process: subprocess.Popen[bytes], log: Path, words: str) -> str:
    """What a part of the cluster says in its log when it is there."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (found := re.search(words, text := log.read_text(errors="replace"))):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NoSpark(f"the {log.stem} of Spark does not start: {' '.join(text.splitlines()[-1:])[:300]}")
        time.sleep(0.05)
    return found[1]


def _end_with_parent() -> None:
    """Ctrl-C is for the command; the cluster ends after it, or with it."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in reversed(processes):
        process.terminate()
    for process in reversed(processes):
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _environment(**told: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


@contextmanager
def _said_to(log: Path) -> Iterator[None]:
    """What is started meanwhile says its words on standard error to `log`."""
    sys.stderr.flush()
    before = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
