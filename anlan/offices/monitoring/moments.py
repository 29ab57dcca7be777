"""Moments as telemetry writes them, milliseconds since 1970, and as the rest of the house does."""

from __future__ import annotations

from datetime import datetime

from anlan.kernel.clock import BEIJING

LATEST = 4_102_444_800_000
"""The end of 2099: moments from then on are no moments of a reading, and what has no end lasts until then."""


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def moment(ts: int) -> datetime:
    """In Beijing's time."""
    return datetime.fromtimestamp(ts / 1000, BEIJING)
