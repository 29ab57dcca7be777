"""Numbers as notices write them: Arabic (also full-width, with separators) and Chinese."""

from __future__ import annotations

import re

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_GROUPS = {"万": 10_000, "亿": 100_000_000}
CHINESE = "零〇○一二三四五六七八九十百千万亿两"
NUMBER = rf"(?:\d[\d,]*(?:\.\d+)?[万亿]?|[{CHINESE}]+(?:点[零〇一二三四五六七八九]+)?)"
"""Pattern of one number, after `Flat` has made full-width digits plain."""


def value(words: str) -> float:
    """The number that the words state; ValueError if they state none.

    >>> value("1,100"), value("一千一百"), value("二〇一三"), value("二点五"), value("3万")
    (1100, 1100, 2013, 2.5, 30000)
    """
    arabic = re.fullmatch(r"(\d[\d,]*(?:\.\d+)?)([万亿]?)", words)
    if arabic:
        plain = float(arabic[1].replace(",", "")) * _GROUPS.get(arabic[2], 1)
        return int(plain) if plain.is_integer() else plain
    whole, _, fraction = words.partition("点")
    result: float = _whole(whole)
    if fraction:
        result += sum(_DIGITS[c] / 10**place for place, c in enumerate(fraction, 1))
        result = round(result, len(fraction))
    return int(result) if float(result).is_integer() else result


def _whole(words: str) -> int:
    if not words or any(c not in CHINESE for c in words):
        raise ValueError(f"not a number: {words!r}")
    if all(c in _DIGITS for c in words):  # digit by digit, as years are written
        return int("".join(str(_DIGITS[c]) for c in words))
    total = section = digit = 0
    for c in words:
        if c in _DIGITS:
            digit = _DIGITS[c]
        elif c in _UNITS:
            section += (digit or 1) * _UNITS[c]
            digit = 0
        else:
            total = (total + section + digit) * _GROUPS[c]
            section = digit = 0
    return total + section + digit
