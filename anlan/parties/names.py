"""Chinese names as people search for them."""

from __future__ import annotations

import unicodedata
from functools import cache
from operator import add
from typing import Any


def initials(name: str) -> str:
    """The pinyin initials of a Chinese name, lower case: 重庆市渝北区 → cqsybq; Latin and digits are kept.

    Phrases are read as such (the longest one first), so 重庆 is cq and not zq. The readings are pypinyin's,
    each looked up once: a city's half a million names take seconds, not minutes.
    """
    if _odd_starts().isdisjoint(map(add, name, name[1:])):
        # No phrase in it can read otherwise than its characters do: the whole is looked up at once.
        return name.translate(_CHARACTERS)
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
def _odd_starts() -> frozenset[str]:
    """The first two characters of each phrase that begins a character otherwise than it begins alone: 重庆."""
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

    def begins(reading: str) -> str:
        return unicodedata.normalize("NFD", reading)[:1]

    alone = {char: begins(PINYIN_DICT.get(ord(char), "")) for phrase in _phrases()[0] for char in phrase}
    return frozenset(
        phrase[:2]
        for phrase in _phrases()[0]
        if any(begins(reading[0]) != alone[char] for reading, char in zip(PHRASES_DICT[phrase], phrase, strict=True))
    )


class _Characters(dict[int, str]):
    """Code point → what its character reads alone, looked up as it is met."""

    def __missing__(self, code: int) -> str:
        self[code] = made = _read(chr(code))
        return made


_CHARACTERS = _Characters()


@cache
def _read(word: str) -> str:
    """The initials of one phrase or one character, as pypinyin reads it."""
    from pypinyin import Style, lazy_pinyin

    # Given a list, pypinyin takes its parts one by one; its annotations know of text only.
    keep: Any = lambda text: [c for c in text if c.isalnum()]  # noqa: E731
    parts = lazy_pinyin(word, style=Style.FIRST_LETTER, errors=keep)
    return "".join(part[:1].lower() for part in parts)
