"""How the ways in stand: each process that takes readings says every few seconds what it does, for pages and doctor.

A file for each process, in `telemetry/standing`: what is older than a minute is of one that is no more.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

EVERY_S, OLD_S = 5.0, 60.0


@dataclass(slots=True)
class Progress:
    """How far the evaluation is, told by the thread that runs it."""

    readings: int = 0
    changes: int = 0
    stepped_at: float = 0.0
    _began: tuple[float, int] = field(default=(0.0, 0))
    rate: float = 0.0
    """Readings a second, over the last ten."""

    def stepped(self, readings: int, changes: int) -> None:
        now = time.time()
        self.readings, self.changes, self.stepped_at = readings, self.changes + changes, now
        began, had = self._began
        if now - began > 10:
            self.rate = max(0.0, (readings - had) / (now - began)) if began else 0.0
            self._began = now, readings

    def told(self) -> dict[str, Any] | None:
        """None in a process that does not evaluate."""
        if not self.stepped_at:
            return None
        return {"readings": self.readings, "changes": self.changes, "at": self.stepped_at, "rate": round(self.rate)}


def _folder() -> Path:
    return Path(settings.HOME) / "telemetry" / "standing"


def _path(name: str) -> Path:
    return _folder() / f"{name}-{os.getpid()}.json"


def tell(name: str, said: dict[str, Any]) -> None:
    """Says how this process stands. Raises `OSError`."""
    path = _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"at": time.time(), **said}, ensure_ascii=False), encoding="utf-8")
    new.replace(path)


def gone(name: str) -> None:
    _path(name).unlink(missing_ok=True)


def heard(name: str, seconds: float) -> bool:
    """Whether a process of that name has said something in the last seconds."""
    found = (path.stat().st_mtime for path in _folder().glob(f"{name}-*.json"))
    return max(found, default=0.0) > time.time() - seconds


@dataclass(frozen=True, slots=True)
class Door:
    """One way in, over all processes that hold it open."""

    name: str
    open: bool
    at: tuple[str, ...]
    why: str
    online: int
    counts: Counter[str]
    refused: tuple[tuple[str, str, str, str], ...]

    @property
    def refusals(self) -> int:
        return sum(count for kind, count in self.counts.items() if kind.startswith("refused"))


@dataclass(frozen=True, slots=True)
class Standing:
    """All processes together. `evaluation` is that of the one which evaluates, None where none does."""

    doors: tuple[Door, ...]
    evaluation: dict[str, Any] | None


def now() -> Standing:
    """As the processes have said in the last minute."""
    said: dict[str, list[dict[str, Any]]] = {}
    evaluation = None
    for told in _read():
        for name, door in told.get("doors", {}).items():
            said.setdefault(name, []).append(door)
        found = told.get("evaluation")
        if found and time.time() - found["at"] < OLD_S and (evaluation is None or found["at"] > evaluation["at"]):
            evaluation = found
    return Standing(tuple(_joined(name, doors) for name, doors in sorted(said.items())), evaluation)


def _read() -> Iterable[dict[str, Any]]:
    for path in sorted(_folder().glob("*.json")):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue  # its process ended between listing and reading
        if time.time() - told["at"] < OLD_S:
            yield told
        elif time.time() - told["at"] > 3_600:
            path.unlink(missing_ok=True)


def _joined(name: str, doors: list[dict[str, Any]]) -> Door:
    counts: Counter[str] = Counter()
    for door in doors:
        counts.update(door["counts"])
    return Door(
        name, any(door["open"] for door in doors), tuple(dict.fromkeys(door["at"] for door in doors)),
        next((door["why"] for door in doors if "why" in door), ""), sum(door["online"] for door in doors), counts,
        tuple(tuple(one) for door in doors for one in door["refused"]),
    )  # fmt: skip
