"""`make bench`: a city of full size in a place of its own (var/bench), served and measured.

The city is made once, which takes some minutes and about 20 GB; before it grows, the pages of the small city are
measured, so that what size costs is seen. `make bench NAMES="page 'import of'"` measures those that begin so.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = Path(os.environ.get("ANLAN_BENCH") or ROOT / "var" / "bench")
SMALL = PLACE / "small.json"
OUT = ROOT / "var" / "bench.json"
SCALE = os.environ.get("ANLAN_BENCH_SCALE", "city")
PATIENCE_S = 300


def anlan(*arguments: str) -> None:
    """One command in the benchmark's home; ends everything if it fails."""
    code = subprocess.run([sys.executable, "-m", "anlan", *arguments], env=environment(), cwd=ROOT).returncode
    if code:
        sys.exit(code)


def environment() -> dict[str, str]:
    """Of the benchmark's own installation; nothing of the one in which people work. One device sends as a city does."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("ANLAN_")}
    own = {"ANLAN_HOME": str(PLACE), "ANLAN_PORT": str(PORT), "ANLAN_DEMO": "1", "ANLAN_GATEWAY": "0"}
    return plain | own | {"ANLAN_DEVICE_READINGS": "10000000"}


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PORT = _free()


@contextmanager
def served() -> Iterator[None]:
    """The installation, started as its users start it."""
    process = subprocess.Popen([sys.executable, "-m", "anlan", "start"], env=environment(), cwd=ROOT)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _well():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the benchmark's installation did not start")
            time.sleep(0.5)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def _well() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def growth() -> None:
    """What size costs: the pages of the full city against those of the small one."""
    before, after = ({one["name"]: one for one in json.loads(f.read_text())} for f in (SMALL, OUT))
    pages = [name for name in after if name.startswith("page ") and name in before]
    if pages:
        print(f"\n{'95th percentile, ms':<24}{'small':>10}{SCALE:>10}{'growth':>10}")
    for name in pages:
        small, full = before[name]["value"], after[name]["value"]
        print(f"{name:<24}{small:>10.1f}{full:>10.1f}{full / small:>9.1f}x")


def main(names: Sequence[str]) -> None:
    """Makes what is missing, measures, prints."""
    PLACE.mkdir(parents=True, exist_ok=True)
    measured = PLACE / "var" / "bench.json"
    if not SMALL.exists():
        with served():
            anlan("bench", "page ")
        measured.rename(SMALL)
    grown = PLACE / SCALE
    if not grown.exists():
        with served():
            anlan("demo", "--scale", SCALE)
        grown.touch()
    with served():
        anlan("bench", *names)
    OUT.write_bytes(measured.read_bytes())
    growth()


if __name__ == "__main__":
    main(sys.argv[1:])
