"""The one clock. Everything that asks for the time asks here.

A real installation runs on real time. The demonstration city is shifted, so that it lives in the
summer of 2013 under the notice's own plan; the shift is a fact of the installation, kept in the
database (`kernel.models.Installation`) and read once per process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")

_shift = timedelta(0)
_frozen: ContextVar[datetime | None] = ContextVar("frozen_clock", default=None)


def now() -> datetime:
    """The present moment of this installation, aware, in Beijing time."""
    fixed = _frozen.get()
    return fixed if fixed is not None else datetime.now(BEIJING) + _shift


def today() -> date:
    """The present civil date in Beijing."""
    return now().date()


def shift() -> timedelta:
    """How far this installation's clock stands from real time (zero in a real installation)."""
    return _shift


def set_shift(delta: timedelta) -> None:
    """Moves this process's clock; called once at start from the installation's record."""
    global _shift
    _shift = delta


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Holds the clock still at `at` (which must be aware): for tests and for recomputing the past."""
    if at.tzinfo is None:
        raise ValueError("the clock takes aware times only")
    token = _frozen.set(at.astimezone(BEIJING))
    try:
        yield
    finally:
        _frozen.reset(token)
