"""How the numbers of cases and papers are written, and how they are typed.

A number names the authority, the year in hexagonal brackets and the place in the series (GB/T 9704):
渝北安隐〔2013〕113号. Few keyboards have the brackets; people type others, or none, or the end of the number alone.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 60
"""Signs that a number has at most; nothing longer is read as one."""
_OPENING, _CLOSING = r"〔\[(【{<《", r"〕\])】}>》"
_TYPED = re.compile(
    rf"""
    (?P<mark> [^0-9第号{_OPENING}{_CLOSING}\s]* ) \s*
    (?: (?P<opened> [{_OPENING}]? ) \s* (?P<year> (?:19|20)[0-9]{{2}} ) \s* (?P<closed> [{_CLOSING}年]? ) )? \s*
    第? \s* 0* (?P<sequence> [0-9]{{0,8}} ) \s* (?P<end> 号? )
    """,
    re.VERBOSE,
)
_BEGUN = re.compile(rf"([^0-9{_OPENING}{_CLOSING}\s]+)\s*[{_OPENING}]\s*([0-9]{{0,3}})")


def beginnings(typed: str) -> list[str]:
    """How a number begins of which so much was typed: 渝北安隐(2013)1 → 渝北安隐〔2013〕1."""
    text = _plain(typed)
    if begun := _BEGUN.fullmatch(text):
        return [f"{begun[1]}〔{begun[2]}"]
    found = _TYPED.fullmatch(text)
    if found is None or not (found["mark"] and found["year"]):
        return []
    if not found["sequence"]:
        return [f"{found['mark']}〔{found['year']}" + ("〕" if found["closed"] else "")]
    return [f"{found['mark']}〔{found['year']}〕{found['sequence']}{found['end']}"]


def endings(typed: str) -> list[str]:
    """How a number ends of which the end was typed: 113号 → 〕113号, 安隐2013 113 → 安隐〔2013〕113号."""
    text = _plain(typed)
    if text.isdecimal():
        # Digits alone are the place in the series, whatever year they might begin with.
        return [f"〕{int(text)}号"] if len(text) <= 8 else []
    found = _TYPED.fullmatch(text)
    if found is None or not found["sequence"]:
        return []
    if found["year"]:
        return [f"{found['mark']}〔{found['year']}〕{found['sequence']}号"]
    return [] if found["mark"] else [f"〕{found['sequence']}号"]


def _plain(typed: str) -> str:
    """With the digits, brackets and spaces of any width as one writes them in Latin text, each space once.

    Empty for what is too long to be a number: the patterns try every way to divide what they read.
    """
    text = " ".join(unicodedata.normalize("NFKC", typed[: LONGEST + 1]).split())
    return text if len(text) <= LONGEST else ""
