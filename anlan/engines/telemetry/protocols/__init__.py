"""What devices send: bytes and lines of each protocol → messages, and messages → readings.

Every module is pure: no sockets, no clock. What cannot be read raises `Malformed`, which says why and is counted by its
`kind`; nothing is guessed, and no reading is invented.
"""

from __future__ import annotations

from typing import NamedTuple


class Malformed(ValueError):
    """What came is no message of the protocol. `kind` is one of few words, by which the refused are counted."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind


class Reading(NamedTuple):
    """One value that a device measured. `ts` in milliseconds since 1970 (UTC)."""

    device: str
    metric: str
    ts: int
    value: float
