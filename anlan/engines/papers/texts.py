"""Texts from records, made fit to print: nothing unseen, nothing that no font has, nothing wider than the page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set
from math import ceil

MISSING = "〓"
"""What printers set for a character that they do not have."""
LONGEST_WORD = 16
_SPACES = {"Zs": " ", "Zl": "\n", "Zp": "\n"}
_WORD = re.compile(rf"[!-~\u00a1-\u024f]{{{LONGEST_WORD}}}(?=[!-~\u00a1-\u024f])")
_WIDE = ("W", "F", "A")
_CLOSING = "，、。；：）》”"


def clean(text: str) -> str:
    """Without controls and signs that nobody sees or that turn the direction of writing; half a character is 〓."""
    return text if text.isprintable() else "".join(map(_seen, text))


def _seen(sign: str) -> str:
    if sign.isprintable() or sign in "\n\u3000":
        return sign
    category = unicodedata.category(sign)
    if category in _SPACES or sign == "\t":
        return _SPACES.get(category, " ")
    return MISSING if category in ("Cs", "Cn") else sign if category == "Co" else ""


def printable(text: str, known: Set[int], missing: set[str]) -> str:
    """Clean, with 〓 for what no font has, which is added to `missing`."""
    text = clean(text)
    if lacking := {sign for sign in set(text) if ord(sign) not in known and sign not in "\n\u3000 "}:
        missing |= lacking
        text = text.translate({ord(sign): MISSING for sign in lacking})
    return text


def breakable(text: str) -> str:
    """A long run of Latin letters or digits may be broken after each so many signs."""
    return _WORD.sub("\\g<0>\u200b", text)


def width(text: str) -> float:
    """About how many Chinese characters wide it is."""
    return sum(1.0 if unicodedata.east_asian_width(sign) in _WIDE else 0.55 for sign in text)


def title_lines(title: str, most: float) -> list[str]:
    """A title over as few lines of `most` characters as it needs, none much longer than another; its own breaks stand.

    It is broken before 关于 or after 的 and marks where one of these is near.
    """
    stripped = clean(title).strip()
    if "\n" in stripped:
        return [line for line in stripped.split("\n") if line.strip()]
    lines: list[str] = []
    rest = stripped
    for left in range(ceil(width(stripped) / most), 1, -1):
        share = width(rest) / left
        ends = [
            at
            for at in range(1, len(rest))
            if width(rest[:at]) <= most and width(rest[at:]) <= most * (left - 1) and rest[at] not in _CLOSING
        ]
        cut = min(ends, key=lambda at: abs(width(rest[:at]) - share) - (3.5 if _breaks(rest, at) else 0), default=1)
        lines.append(rest[:cut])
        rest = rest[cut:]
    return [*lines, rest]


def _breaks(text: str, at: int) -> bool:
    return text.startswith("关于", at) or text[at - 1] in "的、，》"
