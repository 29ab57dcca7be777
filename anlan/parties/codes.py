"""Codes of organisations and their check characters, as pure functions.

- Unified social credit code, GB 32100-2015: 18 characters, the last a check character.
- Organisation code, GB 11714-1997: 8 characters and a check character; positions 9–17 of the former.
- Business registration number of before October 2015 (工商注册号): 15 digits, the last a check digit
  by ISO 7064 MOD 11,10.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of GB 32100: no I, O, S, V, Z."""

_CREDIT_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_CREDIT_VALUES = {c: n for n, c in enumerate(CREDIT_ALPHABET)}
_CREDIT_FORM = re.compile(f"[{CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{CREDIT_ALPHABET}]{{10}}")
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class BadCode(ValueError):
    """A code that cannot be right: `code` is stable for programs, `place` the 1-based position at fault."""

    code: str
    place: int

    def __str__(self) -> str:
        return f"{self.code} at position {self.place}"


def credit_check_character(first_17: str) -> str:
    """The 18th character of a unified social credit code (GB 32100-2015, 5.4)."""
    if len(first_17) != 17:
        raise ValueError("the check character follows from 17 characters")
    return CREDIT_ALPHABET[-sum(map(mul, map(_CREDIT_VALUES.__getitem__, first_17), _CREDIT_WEIGHTS)) % 31]


def organisation_check_character(first_8: str) -> str:
    """The 9th character of an organisation code (GB 11714-1997)."""
    total = sum(_ORGANISATION_ALPHABET.index(c) * w for c, w in zip(first_8, _ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X"[-total % 11]


def registration_check_digit(first_14: str) -> str:
    """The 15th digit of a business registration number (ISO 7064 MOD 11,10)."""
    product = 10
    for digit in first_14:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def check_credit_code(text: str) -> str:
    """The code in upper case, or `BadCode` with the first fault: length, character or check character.

    The organisation code inside is not checked separately: GB 32100 asks for it, but codes issued to
    bodies without an older organisation code do not always keep to it.
    """
    text = text.strip().upper()
    # Half a million codes are checked in one import: one that is right is seen at once.
    if _CREDIT_FORM.fullmatch(text) and credit_check_character(text[:17]) == text[17]:
        return text
    if len(text) != 18:
        raise BadCode("credit_code.length", min(len(text), 18) + (len(text) < 18))
    for place, character in enumerate(text, 1):
        allowed = "0123456789" if 3 <= place <= 8 else CREDIT_ALPHABET
        if character not in allowed:
            raise BadCode("credit_code.character", place)
    raise BadCode("credit_code.check", 18)


def check_registration_number(text: str) -> str:
    """The number, or `BadCode` with the first fault: length, digit or check digit."""
    text = text.strip()
    if len(text) != 15:
        raise BadCode("registration_number.length", min(len(text), 15) + (len(text) < 15))
    for place, character in enumerate(text, 1):
        if character not in "0123456789":
            raise BadCode("registration_number.digit", place)
    if registration_check_digit(text[:14]) != text[14]:
        raise BadCode("registration_number.check", 15)
    return text


def make_credit_code(area: str, serial: int) -> str:
    """A well-formed code for a synthetic enterprise (91: business, enterprise) in `area` (6 digits)."""
    body = f"{serial:08d}"
    first = f"91{area}{body}{organisation_check_character(body)}"
    return first + credit_check_character(first)


def make_credit_codes(area: pl.Series, serial: pl.Series) -> pl.Series:
    """`make_credit_code` for millions: areas of 6 digits and serials of 8, as texts."""
    import numpy as np
    import polars as pl

    def values(texts: pl.Series, width: int) -> np.ndarray:
        """A row a text, a column a digit."""
        letters = np.frombuffer("".join(texts.to_list()).encode("ascii"), dtype=np.uint8)
        return letters.reshape(-1, width).astype(np.int64) - ord("0")

    body = values(serial, 8)
    check = -(body @ np.array(_ORGANISATION_WEIGHTS)) % 11
    # In both alphabets the values up to 10 of digits are themselves; X is the 30th of the credit alphabet's signs.
    inner = np.where(check == 10, CREDIT_ALPHABET.index("X"), check)
    head = np.broadcast_to(np.array([9, 1]), (len(body), 2))
    total = np.hstack([head, values(area, 6), body, inner[:, None]]) @ np.array(_CREDIT_WEIGHTS)
    organisation = pl.Series(list("0123456789X")).gather(check)
    last = pl.Series(list(CREDIT_ALPHABET)).gather(-total % 31)
    return "91" + area + serial + organisation + last


def make_registration_number(area: str, serial: int) -> str:
    """A well-formed registration number for a synthetic enterprise registered in `area` (6 digits)."""
    first = f"{area}{serial:08d}"
    return first + registration_check_digit(first)
