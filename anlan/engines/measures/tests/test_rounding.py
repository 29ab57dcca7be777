"""Figures as they were published: rates of dangers rectified in Chinese bulletins round in different ways."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.engines.measures import Rounding, change, quotient, rounded

UP, EVEN, CUT = Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.TRUNCATE


@pytest.mark.parametrize(
    ("part", "whole", "places", "policy", "published"),
    [
        (973, 1050, 1, CUT, "92.6"),
        (973, 1050, 1, UP, "92.7"),
        (223, 897, 2, UP, "24.86"),
        (5, 227, 1, UP, "2.2"),
        (14, 129, 1, UP, "10.9"),
        (17, 53, 2, UP, "32.08"),
        (38, 78, 1, UP, "48.7"),
        (48, 58, 1, UP, "82.8"),
        (619, 989, 1, UP, "62.6"),
    ],
)
def test_published_rates_come_out_as_published(
    part: int, whole: int, places: int, policy: Rounding, published: str
) -> None:
    assert str(quotient(part, whole, scale=100, places=places, policy=policy)) == published


def test_a_half_goes_up_or_to_the_even_neighbour_or_is_dropped() -> None:
    assert [str(rounded(Decimal("2.25"), 1, p)) for p in (UP, EVEN, CUT)] == ["2.3", "2.2", "2.2"]
    assert [str(rounded(Decimal("2.35"), 1, p)) for p in (UP, EVEN, CUT)] == ["2.4", "2.4", "2.3"]
    assert [str(rounded(Decimal("-2.25"), 1, p)) for p in (UP, EVEN, CUT)] == ["-2.3", "-2.2", "-2.2"]


@given(st.fractions(-(10**9), 10**9, max_denominator=10**6), st.integers(0, 6), st.sampled_from(list(Rounding)))
def test_rounding_is_within_its_bound_and_repeats_to_the_same(value: Fraction, places: int, policy: Rounding) -> None:
    once = rounded(value, places, policy)
    error = abs(Fraction(once) - value) * 10**places
    assert error < 1 if policy is CUT else error <= Fraction(1, 2)
    assert rounded(once, places, policy) == once
    assert -once.as_tuple().exponent == places


def test_nothing_to_divide_by_is_not_available() -> None:
    for part, whole in ((1, 0), (1, None), (None, 1)):
        assert quotient(part, whole, scale=100, places=1, policy=UP) is None


def test_change_from_zero_is_not_available_and_never_invented() -> None:
    assert change(5, 0) is None
    assert change(5, None) is None
    assert change(None, 5) is None
    assert str(change(0, 5)) == "-100.0"
    assert str(change(1539, 1656)) == "-7.1"  # deaths in Chongqing 2012 against 2011, as published
