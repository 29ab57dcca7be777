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
WHOLE = (
    "安全生产", "委员会", "办公室", "事故", "隐患", "排查", "治理", "整改", "督办", "通报", "通知", "情况", "全市",
    "全区", "全县", "季度", "年度", "重大", "会议", "纪要", "工作", "关于",
)  # fmt: skip
"""Words of which titles are made: none is torn."""
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

    It is broken before 关于 or after 的 and marks where one of these is near; numbers with their unit, and the words
    that titles are made of, stay whole.
    """
    stripped = clean(title).strip()
    if "\n" in stripped:
        return [line for line in stripped.split("\n") if line.strip()]
    lines: list[str] = []
    rest, count = stripped, ceil(width(stripped) / most)
    about = stripped.find("关于", 1)
    if count > 1 and about > 0 and width(stripped[:about]) <= most < width(stripped[about:]) / (count - 1):
        count += 1  # who writes stands on a line of its own
    for left in range(count, 1, -1):
        share = width(rest) / left
        ends = [
            at
            for at in range(1, len(rest))
            if width(rest[:at]) <= most and width(rest[at:]) <= most * (left - 1) and rest[at] not in _CLOSING
        ]
        ends = [at for at in ends if not _torn(rest, at)] or ends
        cut = min(ends, key=lambda at: abs(width(rest[:at]) - share) - (3.5 if _breaks(rest, at) else 0), default=1)
        lines.append(rest[:cut])
        rest = rest[cut:]
    return [*lines, rest]


def _torn(text: str, at: int) -> bool:
    """Whether a number, it and its unit, or one of `WHOLE` would stand on two lines."""
    before, after = text[at - 1], text[at]
    if before.isascii() and before.isalnum() and ((after.isascii() and not after.isspace()) or after in "年月日号"):
        return True
    return any(text.startswith(word, at - n) for word in WHOLE for n in range(1, len(word)) if at >= n)


def _breaks(text: str, at: int) -> bool:
    return text.startswith("关于", at) or text[at - 1] in "的、，》"
