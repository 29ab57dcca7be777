"""What a look at an installation finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is well, what was found, what to do if not."""

    subject: str
    well: bool
    words: str
    remedy: str = ""
