"""Honesty checks: what makes figures lie is looked for in the records, and shown to the authority above.

An office's `honesty.py` declares checks; `running.run` looks at a month and keeps what it finds; `standing` gives
those of some months that stand, for papers. See docs/honesty.md.
"""

from . import chance, sql
from .declaring import Check, Gathered, check

__all__ = ["Check", "Gathered", "chance", "check", "sql"]
