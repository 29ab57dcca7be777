"""What the commands of this package share: refusals, progress, and what of `var/` must be kept."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

FOLDERS = ("evidence", "telemetry", "law")
"""What of `var/` is kept, folders: evidence files, journal and history of readings, law tables of the city's own."""
_OF_NOW = ("telemetry/state", "telemetry/moves.lock", "telemetry/evaluation.lock")
"""What of them is not: the state of the evaluation may be ahead of the database that is kept beside it. Without it the
journal's readings are run again, and what they say is in the database already or comes into it."""
FILES = ("secret-key", "secrets-key", "demo-password", "calendar.yaml")
"""And single files. The heads of the audit chain are kept too, wherever they lie."""
HEADS = "audit-heads.log"
LAST = "last-backup.json"
"""Where `var/` notes the last whole backup: its time and place, for `anlan doctor`."""


class Refused(ValueError):
    """What was asked cannot be done here, and nothing was changed: one line that says why (exit 2)."""


class Failed(RuntimeError):
    """It was begun and did not succeed: why, and what stands now (exit 1)."""


class Told:
    """Progress for the person who waits, on standard error; silent when `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet, self._last = quiet, 0.0

    def say(self, words: str) -> None:
        if not self.quiet:
            print(f"  {words}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step: its title at the beginning, the time it took at the end."""
        began = self._last = time.monotonic()
        self.say(f"{title} …")
        yield
        self.say(f"  done in {time.monotonic() - began:.1f} s")

    def so_far(self, words: str) -> None:
        """How far a long step is; said every two seconds at most."""
        if time.monotonic() - self._last > 2:
            self._last = time.monotonic()
            self.say(f"  {words}")


def from_environment() -> list[str]:
    """What no backup can hold, in words: settings and secrets that come from the environment."""
    names = sorted(n for n in os.environ if n.startswith("ANLAN_") and n not in ("ANLAN_HOME", "ANLAN_SUPERVISOR"))
    found = [f"the environment of the processes: {', '.join(names)}"] if names else []
    found += [
        f"{what}: it comes from {name} and must be given to the restored installation"
        for name, what in (
            ("ANLAN_SECRET_KEY", "the key of sessions"),
            ("ANLAN_SECRETS_KEY", "the key of second factors, which nobody can read without it"),
        )
        if name in names
    ]
    return found


def note_backup(folder: Path, made_at: str) -> None:
    """Notes that a whole backup was made."""
    half = settings.HOME / f".{LAST}.half"
    half.write_text(json.dumps({"made_at": made_at, "folder": str(folder)}) + "\n")
    half.rename(settings.HOME / LAST)


def bytes_of(path: Path) -> int:
    """The bytes of all files under `path`."""
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.exists() else 0


def room_for(needed: int, folder: Path) -> None:
    """`Refused` where the disk of `folder` has not `needed` bytes free."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Refused(f"{folder} has {free / 2**20:,.0f} MiB free and about {needed / 2**20:,.0f} MiB are needed")


def kept_files(home: Path | None = None) -> Iterator[tuple[Path, str]]:
    """Every file of `var/` that must be kept, and its place in a backup. Uploads under way are none."""
    home = home or settings.HOME
    for folder in FOLDERS:
        for path in sorted((home / folder).rglob("*")):
            place = path.relative_to(home).as_posix()
            if path.is_file() and not path.name.startswith(("incoming-", ".")) and place not in _OF_NOW:
                yield path, place
    for name in FILES:
        if (home / name).is_file():
            yield home / name, name
