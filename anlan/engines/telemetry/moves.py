"""Between journal and history files are moved; who copies both must not see one in neither."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "moves.lock"
"""Beside journal and history: held by who moves files between them, and by who copies both."""


@contextmanager
def unmoved(home: Path) -> Iterator[None]:
    """Nothing is moved from journal to history meanwhile. Waits for a move under way."""
    if not home.is_dir():
        yield
        return
    with (home / LOCK).open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def moving(home: Path) -> Iterator[bool]:
    """Whether files may be moved now: not while somebody copies them."""
    with (home / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
