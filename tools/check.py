"""`make check`: lint, types, floors, translations and the fast tests. Everything is run, then all is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PYTHON = sys.executable
# In order of speed, so that the usual slip is seen first.
CHECKS: tuple[tuple[str, list[str]], ...] = (
    ("lint", [str(BIN / "ruff"), "check", "--quiet", "."]),
    ("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
    ("import contracts", [str(BIN / "lint-imports")]),
    ("translations", [PYTHON, "-m", "anlan", "translations", "check"]),
    ("migrations", [PYTHON, "-m", "anlan", "makemigrations", "--check", "--dry-run"]),
    ("types", [str(BIN / "mypy")]),
    (
        "fast tests",
        [PYTHON, "-m", "pytest", "-n", "2", "--dist", "loadfile", "-m", "not slow and not browser and not system"],
    ),
)


def run(name: str, command: list[str]) -> tuple[str, subprocess.CompletedProcess[str], float]:
    """One check, from the clone's root."""
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        # With its compiled files, where the machine would not keep them: compiling all of it takes ten seconds.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""},
    )  # fmt: skip
    return name, done, time.monotonic() - began


def main() -> int:
    failed = []
    # The database is there before the checks that look at it.
    subprocess.run([PYTHON, "-m", "anlan", "database", "start"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with ThreadPoolExecutor(2) as both:
        # What only reads the code goes beside the tests, which wait for the database half of their time.
        tests = both.submit(run, *CHECKS[-1])
        for result in (*(both.submit(run, *check) for check in CHECKS[:-1]), tests):
            name, done, took = result.result()
            good = done.returncode == 0
            print(f"{'ok  ' if good else 'FAIL'} {name} ({took:.1f} s)", flush=True)
            if not good or name == "fast tests":
                print(done.stdout.rstrip(), flush=True)
            if not good:
                failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
