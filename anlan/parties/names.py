"""Chinese names: of divisions in short, and of everything as people search for them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from anlan.kernel import areas

FEW = 200
"""To look for all phrases at once is prepared in the time in which so many names are read one by one."""

KINDS = ("土家族苗族自治县", "苗族土家族自治县", "土家族自治县", "自治县", "区", "县")
"""How the names of Chongqing's districts and counties end, the longest first."""


def short(district: str) -> str:
    """渝北区 → 渝北; 彭水苗族土家族自治县 → 彭水; 忠县 stays, for one character is no name."""
    for kind in KINDS:
        if district.endswith(kind) and len(district) - len(kind) >= 2:
            return district.removesuffix(kind)
    return district


def mark(code: str) -> str:
    """How the numbers of papers name the authority of a division: 渝 for the city, 渝北, 巴南 … for a district."""
    if code.endswith("0" * 10):
        return "渝"
    return short(areas.divisions().filter(code=code).values_list("name", flat=True).first() or code)


def initials(name: str) -> str:
    """The pinyin initials of a Chinese name, lower case: 重庆市渝北区 → cqsybq; Latin and digits are kept.

    Phrases are read as such (the longest one first), so 重庆 is cq and not zq. The readings are pypinyin's,
    each looked up once.
    """
    phrases, lengths = _phrases()
    made, at, end = [], 0, len(name)
    while at < end:
        for length in lengths.get(name[at : at + 2], ()):
            if (word := name[at : at + length]) in phrases:
                made.append(_read(word))
                at += length
                break
        else:
            made.append(_read(name[at]))
            at += 1
    return "".join(made)


def all_initials(names: Sequence[str]) -> list[str]:
    """The `initials` of each name; a city's half a million names take a second, not minutes."""
    if len(names) < FEW:
        return [initials(name) for name in names]
    import polars as pl  # who only reads a name need not wait for it

    # Without a phrase that reads otherwise than its characters do, a name is read character by character, all at once.
    by_character = "\0".join(names).translate(_CHARACTERS).split("\0")
    if len(by_character) != len(names):  # a name holds the separator itself
        return [initials(name) for name in names]
    odd = pl.Series(names, dtype=pl.String).str.contains_any(_odd_starts()).arg_true()
    for at in odd.to_list():
        by_character[at] = initials(names[at])
    return by_character


@cache
def _phrases() -> tuple[frozenset[str], dict[str, tuple[int, ...]]]:
    """The phrases of pypinyin, and by their first two characters how long they are, longest first."""
    from pypinyin.constants import PHRASES_DICT, RE_HANS

    phrases = frozenset(p for p in PHRASES_DICT if len(p) > 1 and RE_HANS.match(p))
    lengths: dict[str, set[int]] = {}
    for phrase in phrases:
        lengths.setdefault(phrase[:2], set()).add(len(phrase))
    return phrases, {start: tuple(sorted(found, reverse=True)) for start, found in lengths.items()}


@cache
def _odd_starts() -> list[str]:
    """The first two characters of each phrase that begins a character otherwise than it begins alone: 重庆."""
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

    @cache
    def begins(reading: str) -> str:
        return unicodedata.normalize("NFD", reading[:1])[:1]

    phrases, found = _phrases()[0], set()
    for phrase in phrases:
        for char, reading in zip(phrase, PHRASES_DICT[phrase], strict=True):
            if begins(reading[0]) != begins(PINYIN_DICT.get(ord(char), "")):
                found.add(phrase[:2])
                break
    return sorted(found)


class _Characters(dict[int, str]):
    """Code point → what its character reads alone, looked up as it is met."""

    def __missing__(self, code: int) -> str:
        self[code] = made = _read(chr(code))
        return made


_CHARACTERS = _Characters({0: "\0"})


@cache
def _read(word: str) -> str:
    """The initials of one phrase or one character, as pypinyin reads it."""
    from pypinyin import Style, lazy_pinyin

    # Given a list, pypinyin takes its parts one by one; its annotations know of text only.
    keep: Any = lambda text: [c for c in text if c.isalnum()]  # noqa: E731
    parts = lazy_pinyin(word, style=Style.FIRST_LETTER, errors=keep)
    return "".join(part[:1].lower() for part in parts)
