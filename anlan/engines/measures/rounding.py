"""Rounding as the figures' publishers round, exact: nothing passes through binary fractions.

Published Chinese figures mix the ways: 973 of 1,050 dangers closed stands in one bulletin as 92.6 % (cut off)
and by the usual rule as 92.7 % (half up). So each measure says how it is rounded.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from fractions import Fraction

Number = int | Decimal | Fraction


class Rounding(Enum):
    """How a figure is cut to its places."""

    HALF_UP = "half_up"
    """四舍五入: a half goes away from zero."""
    HALF_EVEN = "half_even"
    """GB/T 8170 (四舍六入五成双): a half goes to the even neighbour."""
    TRUNCATE = "truncate"
    """What is beyond the places is dropped."""


def rounded(value: Number, places: int, policy: Rounding) -> Decimal:
    """`value` with `places` decimals."""
    scaled = abs(Fraction(value)) * 10**places
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * rest
    up = {
        Rounding.HALF_UP: twice >= scaled.denominator,
        Rounding.HALF_EVEN: twice > scaled.denominator or (twice == scaled.denominator and whole % 2 == 1),
        Rounding.TRUNCATE: False,
    }[policy]
    digits = whole + up
    return Decimal(-digits if value < 0 else digits).scaleb(-places)


MOST_TOLD = 1000
"""A rise by more per cent tells how little there was before, not how much has changed: it is put in other words."""


def quotient(
    numerator: Number | None, denominator: Number | None, *, scale: int, places: int, policy: Rounding
) -> Decimal | None:
    """`numerator` ÷ `denominator` × `scale`; None, "not available", where either is missing or the latter is zero."""
    if numerator is None or not denominator:
        return None
    return rounded(Fraction(numerator) / Fraction(denominator) * scale, places, policy)


def change(value: Number | None, base: Number | None, places: int = 1) -> Decimal | None:
    """(value − base) ÷ base in per cent, half up; None where either is missing or the base is zero."""
    if value is None or not base:
        return None
    return quotient(Fraction(value) - Fraction(base), base, scale=100, places=places, policy=Rounding.HALF_UP)
