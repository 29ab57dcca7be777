"""Counts with a known truth: coefficients as statsmodels finds them, intervals that hold, chances that come true."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.engines.forecast.counts import DRAWS, LEVEL, Running, _Year, fit, outlooks, year_end
from anlan.engines.measures import Target

BEGIN = date(2008, 1, 1)


def made(n: int, months: int, *, scatter: float, trend: float, seed: int) -> np.ndarray:
    """Counts of levels from 0.3 to 80 a month, each with a season of its own."""
    rng, t = np.random.default_rng(seed), np.arange(months)
    level = np.exp(rng.uniform(np.log(0.3), np.log(80), n))[:, None]
    season = 0.4 * np.sin(2 * np.pi * t / 12 + rng.uniform(0, 6, n)[:, None])
    mu = level * np.exp(season + trend * t / 12)
    return rng.poisson(mu * (rng.gamma(1 / scatter, scatter, mu.shape) if scatter else 1)).astype(float)


def test_the_fit_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    rng, t = np.random.default_rng(3), np.arange(84)
    x = np.stack([np.ones(84), np.sin(t * np.pi / 6), np.cos(t * np.pi / 6), (t - 84) / 12], 1)
    days, y = rng.uniform(0.9, 1.1, 84), rng.poisson(np.exp(2.5 + 0.4 * x[:, 1] - 0.1 * x[:, 3]))
    wide = rng.poisson(np.exp(3 + 0.3 * x[:, 2]) * rng.gamma(4, 0.25, 84))
    both, loose = np.stack([y, wide]).astype(float), np.full(4, 1e4)
    beta, cov, alpha = fit(both, np.ones_like(both), x, days, loose)
    assert alpha[0] < 0.02 < 0.15 < alpha[1] < 0.4  # the truth is 0 and 0.25
    for i in range(2):
        family = sm.families.NegativeBinomial(alpha=alpha[i]) if alpha[i] else sm.families.Poisson()
        theirs = sm.GLM(both[i], x, family=family, exposure=days).fit()
        np.testing.assert_allclose(beta[i], theirs.params, atol=1e-5)
        np.testing.assert_allclose(np.sqrt(np.diag(cov[i])), theirs.bse, rtol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("months", "scatter"), [(54, 0.0), (54, 0.15), (90, 0.1), (58, 0.1)])
def test_intervals_hold_and_the_bar_is_beaten(months: int, scatter: float) -> None:
    whole = made(380, months + 12, scatter=scatter, trend=-0.08, seed=1)
    begun = time.process_time()
    found = outlooks(whole[:, :months], BEGIN)
    assert time.process_time() - begun < 15  # 38 districts × 10 measures: 1 to 3 s on an idle processor
    gone = months % 12
    real = whole[:, months - gone : months - gone + 12].sum(1)
    held = np.mean([o.low <= r <= o.high for o, r in zip(found, real, strict=True)])
    assert LEVEL - 0.05 < held < LEVEL + 0.1
    naive = np.abs(whole[:, months - 12 : months - gone].sum(1) - whole[:, months : months + 12 - gone].sum(1)).mean()
    assert np.mean([abs(o.median - r) for o, r in zip(found, real, strict=True)]) < naive
    tests = [o.backtest for o in found]
    assert np.mean([t.score for t in tests]) > np.mean([t.naive_score for t in tests])
    assert LEVEL - 0.05 < np.mean([t.covered for t in tests]) < LEVEL + 0.1


@pytest.mark.slow
def test_chances_come_true() -> None:
    whole = made(400, 60, scatter=0.05, trend=0.0, seed=5)
    last = whole[:, 36:48].sum(1)
    found = outlooks(whole[:, :54], BEGIN, [Target("ceiling", int(v)) for v in last])
    met, chance = whole[:, 48:].sum(1) <= last, np.array([o.chance for o in found])
    for low, high in ((0, 0.25), (0.25, 0.75), (0.75, 1.01)):
        among = (chance >= low) & (chance < high)
        assert among.sum() > 30
        assert abs(chance[among].mean() - met[among].mean()) < 0.1


def test_a_season_that_is_known_is_found() -> None:
    t = np.arange(66)
    mu = 40 * np.exp(0.8 * np.cos(2 * np.pi * (t + 0.5) / 12))
    counts = np.random.default_rng(2).poisson(mu)
    (found,) = outlooks(counts[None, :54].astype(float), BEGIN)
    assert found.method in ("season", "trend")
    for month, truth in zip(found.months, mu[54:60], strict=True):
        assert month.mean == pytest.approx(truth, rel=0.25)
    assert found.months[0].first == date(2012, 7, 1)
    assert found.months[-1].first == date(2012, 12, 1)


def test_the_back_test_never_reads_what_came_later() -> None:
    """The last year made quite another one: what was forecast before it, and chosen, is the same to the last digit."""
    counts = made(40, 60, scatter=0.1, trend=-0.05, seed=8)
    changed = counts.copy()
    changed[:, 48:] = changed[:, 48:] * 3 + 500
    one, other = _Year(counts, BEGIN, None), _Year(changed, BEGIN, None)
    for o in (30, 42, 48):
        days = one.days[o : o + one.h]
        np.testing.assert_array_equal(one.ahead(o, days, one.fits_at(o)), other.ahead(o, days, other.fits_at(o)))
    assert len(np.unique(one.chosen)) > 2
    np.testing.assert_array_equal(one.chosen, other.chosen)
    assert (one.picks != other.picks).any()


@pytest.mark.parametrize(
    ("counts", "method", "why"),
    [
        ([], "none", "too_few_months"),
        ([1, 2, 3], "none", "too_few_months"),
        ([None] * 54, "none", "too_few_months"),
        ([3, 0, 1] * 5, "naive", "too_few_months"),
        ([2.5] * 54, "none", "not_counts"),
        ([4] * 30 + [-1] + [4] * 23, "none", "not_counts"),
        ([4] * 52 + [None, 4], "none", "gap"),  # the year's own May is not known
        ([0] * 54, "rate", ""),
    ],
)
def test_what_cannot_be_said_is_not_said(counts: list, method: str, why: str) -> None:
    found = year_end({"a": counts}, BEGIN, Target("ceiling", 10))["a"]
    assert (found.method, found.why) == (method, why)
    assert (found.median is None) == (found.chance is None) == (method == "none")
    assert (found.backtest is None) == (method != "rate")


def test_of_none_in_all_the_months_the_chance_of_none_is_that_of_the_rate() -> None:
    found = year_end({"a": [0] * 60}, BEGIN, Target("zero"))["a"]
    # Half an event in five years, its doubt included: (60 / 72) ** 0.5 for the twelve months of 2013.
    assert found.chance == pytest.approx((60 / 72) ** 0.5, abs=0.02)
    assert (found.low, found.median) == (0, 0)


def test_a_gap_years_ago_is_bridged() -> None:
    counts = made(1, 78, scatter=0.0, trend=0.0, seed=4)[0] + 20
    whole = year_end({"a": list(counts)}, BEGIN)["a"]
    counts[20:23] = np.nan
    gapped = year_end({"a": [None if np.isnan(v) else v for v in counts]}, BEGIN)["a"]
    assert gapped.known == whole.known - 3
    assert gapped.median == pytest.approx(whole.median, rel=0.1)


def test_every_kind_of_target_has_its_chance() -> None:
    counts = [20] * 54  # 120 by the end of June, some 240 in the year
    sure = {
        "ceiling": Target("ceiling", 119), "zero": Target("zero"), "floor": Target("floor", 120),
        "down_by": Target("down_by", 10, 133), "mild": Target("down_by", Decimal("2.5"), 500),
    }  # fmt: skip
    found = year_end(dict.fromkeys(sure, counts), BEGIN, sure)
    assert {k: o.chance for k, o in found.items()} == {
        "ceiling": 0, "zero": 0, "floor": 1, "down_by": 0, "mild": 1,
    }  # fmt: skip
    assert found["down_by"].number == 119
    even = year_end({"a": counts}, BEGIN, Target("floor", found["floor"].median))["a"]
    assert 0.4 < even.chance < 0.65


def test_a_share_is_of_its_whole() -> None:
    whole, part = np.array([50, 60] * 27), np.array([45, 54] * 27)
    asked = {n: Target("share", n) for n in (80, 90, 96)}
    keys = {str(n): t for n, t in asked.items()}
    found = year_end(dict.fromkeys(keys, part), BEGIN, keys, wholes=dict.fromkeys(keys, whole))
    assert found["80"].chance > 0.99
    assert 0.2 < found["90"].chance < 0.8
    assert found["96"].chance < 0.01
    assert year_end({"a": part}, BEGIN, Target("share", 90))["a"].chance is None
    assert year_end({"a": whole + 1}, BEGIN, Target("share", 90), wholes={"a": whole})["a"].chance is None


def test_the_running_month_counts_as_far_as_it_is_over() -> None:
    counts = {"a": [30] * 53}
    begun = year_end(counts, BEGIN)["a"]
    half = year_end(counts, BEGIN, running={"a": 15}, over=0.5)["a"]
    over = year_end(counts, BEGIN, running={"a": 30}, over=1.0)["a"]
    assert (begun.actual, half.actual, over.actual) == (150, 165, 180)
    assert half.months[0].mean == pytest.approx(begun.months[0].mean / 2, rel=0.05)
    assert over.months[0].high == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        outlooks(np.ones((1, 50)), BEGIN, running=Running([1], 1.5))


def test_the_same_alone_and_among_others_and_every_time() -> None:
    counts = {str(i): list(row) for i, row in enumerate(made(30, 54, scatter=0.1, trend=0.0, seed=9))}
    once, again = year_end(counts, BEGIN, Target("ceiling", 50)), year_end(counts, BEGIN, Target("ceiling", 50))
    assert once == again
    for key in ("3", "17"):
        alone = year_end({key: counts[key]}, BEGIN, Target("ceiling", 50))[key]
        assert (alone.method, alone.median, alone.low, alone.high) == (
            once[key].method, once[key].median, once[key].low, once[key].high,
        )  # fmt: skip
    other = year_end(counts, BEGIN, Target("ceiling", 50), seed=1)
    assert any(other[k].chance != once[k].chance for k in counts)
    assert all(abs(other[k].chance - once[k].chance) < 5 / DRAWS**0.5 for k in counts)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.none() | st.integers(0, 3) | st.integers(0, 10**6), min_size=40, max_size=40),
        min_size=1, max_size=3,
    ),
    st.integers(0, 39), st.integers(1, 12), st.floats(0, 1),
)  # fmt: skip
def test_whatever_is_known_an_answer_is_whole_or_none(rows: list, late: int, month: int, over: float) -> None:
    series = {str(i): row[late:] for i, row in enumerate(rows)}
    found = year_end(series, date(2009, month, 1), Target("ceiling", 100), running=dict.fromkeys(series, 2), over=over)
    for of in found.values():
        if of.method == "none":
            assert of.why
            assert of.median is of.chance is None
        else:
            assert of.actual + 0 <= of.low <= of.median <= of.high
            assert 0 <= of.chance <= 1
            assert len(of.months) == of.backtest.h if of.backtest else of.months


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, anlan.engines.forecast as f; "
        "assert not {'numpy', 'scipy', 'sklearn', 'statsmodels', 'pandas', 'django'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
