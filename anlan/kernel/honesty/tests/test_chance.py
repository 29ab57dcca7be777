"""The tests by which checks judge: exact where they say so, and no oftener wrong than they say."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
import pytest

from anlan.kernel.honesty import chance

AREAS, CITIES, RATE = 38, 300, 0.05


def test_the_binomial_tail_is_the_sum_of_its_terms() -> None:
    exact = sum(comb(23, k) * 0.1**k * 0.9 ** (23 - k) for k in range(6, 24))
    assert chance.more(6, 23, 0.1) == pytest.approx(exact)
    assert chance.more(0, 23, 0.1) == pytest.approx(1)


def test_an_empty_month_is_reckoned_with_what_the_past_does_not_know() -> None:
    # Each of the 24 falls into one of thirteen months: none into the last.
    assert chance.none(24, 12) == pytest.approx((12 / 13) ** 24)


def test_even_counts_are_rare_and_uneven_ones_are_not() -> None:
    assert chance.even([20] * 11 + [21]) < 1e-6
    assert chance.even([14, 27, 19, 22, 31, 16, 20, 12, 25, 18, 23, 21]) > 0.5
    assert chance.even([0] * 12) == 1


def test_digits_are_judged_only_where_there_are_enough() -> None:
    assert chance.unlike([60, *[5] * 9], [100] * 10) < 1e-6
    assert chance.unlike([10] * 10, [100] * 10) == pytest.approx(1)
    assert chance.unlike([12, *[0] * 9], [100] * 10) == 1
    assert chance.unlike([0] * 10, [100] * 10) == 1


def test_discovery_follows_benjamini_and_hochberg() -> None:
    # Their rule by hand: of four, the third smallest is the last below 0.05 k / 4.
    assert chance.discovered([0.2, 0.001, 0.03, 0.02], 0.05) == [None, pytest.approx(0.004), pytest.approx(0.04),
                                                                 pytest.approx(0.04)]  # fmt: skip
    assert chance.discovered([], 0.05) == []


def binomial(rng: np.random.Generator) -> float:
    of = int(rng.integers(5, 200))
    return chance.more(int(rng.binomial(of, 0.12)), of, 0.12)


def silence(rng: np.random.Generator) -> float:
    months = rng.poisson(rng.uniform(2, 12), 13)
    return chance.none(int(months[:12].sum()), 12) if months[12] == 0 else 1.0


def evenness(rng: np.random.Generator) -> float:
    return chance.even([int(n) for n in rng.poisson(rng.uniform(5, 40), 12)])


def digits(rng: np.random.Generator) -> float:
    part = rng.dirichlet([20] * 10)
    own, others = rng.multinomial(rng.integers(80, 400), part), rng.multinomial(8000, part)
    return chance.unlike([int(n) for n in own], [int(n) for n in others])


@pytest.mark.parametrize("judged", [binomial, silence, evenness, pytest.param(digits, marks=pytest.mark.slow)])
def test_in_honest_cities_a_check_tells_of_anything_no_oftener_than_it_says(
    judged: Callable[[np.random.Generator], float],
) -> None:
    rng = np.random.default_rng(20130614)
    told = sum(any(chance.discovered([judged(rng) for _ in range(AREAS)], RATE)) for _ in range(CITIES))
    most = RATE * CITIES + 3 * (RATE * (1 - RATE) * CITIES) ** 0.5
    assert told <= most
