"""`make test`: every test; a group that this machine cannot run is left out by name, with the reason."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def left_out() -> dict[str, str]:
    """The groups (pytest markers) that cannot run here, and why."""
    groups = {}
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        groups["browser"] = "no Chromium on this machine, and only root can install it (apt-get install chromium)"
    return groups


def main() -> int:
    without = left_out()
    # In the order of `conftest.py`: what is long is begun first.
    workers = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    pytest = [sys.executable, "-m", "pytest", *workers, "--durations", "10", *sys.argv[1:]]
    if without:
        pytest += ["-m", " and ".join(f"not {group}" for group in without)]
    # Without its compiled files each of dozens of processes compiles the whole of Anlan and its tests anew.
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    code = subprocess.run(pytest, cwd=ROOT, stdin=subprocess.DEVNULL, env=env).returncode
    for group, why in without.items():
        print(f"LEFT OUT: the {group} tests: {why}")
    if not without:
        print("No group was left out.")
    return code


if __name__ == "__main__":
    sys.exit(main())
