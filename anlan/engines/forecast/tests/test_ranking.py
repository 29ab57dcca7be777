"""Ranking with a known truth, against leaks, and on 18,712 real inspections where their table is at hand."""

from __future__ import annotations

import numpy as np
import pytest

from anlan.engines.forecast.ranking import CannotRank, Visits, calibration, history, learn, quality

from . import chicago


def town(n: int = 6000, seed: int = 0, **more: np.ndarray) -> tuple[Visits, np.ndarray, np.ndarray]:
    """Visits over three years whose chance to find something is known: past findings raise it, lateness a little."""
    rng = np.random.default_rng(seed)
    past, late, noise = rng.poisson(0.7, n).astype(float), rng.uniform(0, 3, n), rng.normal(size=n)
    truth = 1 / (1 + np.exp(-(-2.6 + 0.9 * past + 0.15 * late)))
    day = np.datetime64("2010-01-01") + np.sort(rng.integers(0, 1095, n))
    found = rng.random(n) < truth
    factors = {"past": past, "late": late, "noise": noise} | more
    return Visits(factors, day, rng.integers(0, 900, n), found), truth, late


def test_a_known_truth_is_recovered_and_calibrated() -> None:
    visits, truth, late = town()
    ranking = learn(visits, late)
    p = ranking.probabilities(visits)
    assert ranking.kind == "logit"  # the truth is one: trees must not be preferred for nothing
    assert np.corrcoef(p, truth)[0, 1] > 0.99
    for fifth in np.array_split(np.argsort(p), 5):
        assert p[fifth].mean() == pytest.approx(truth[fifth].mean(), abs=0.03)
    best = quality(truth, np.asarray(visits.found)).auc
    for trial in ranking.trials:
        assert trial.model.auc > best - 0.05
        assert trial.model.first_half > 0.6
        assert trial.gain_over_overdue > 0.05


def test_factors_add_up_to_the_score() -> None:
    visits, _truth, late = town()
    ranking = learn(visits, late)
    p = ranking.probabilities(visits)
    parts = ranking.explained(visits, most=3)
    sums = np.array([sum(part.adds for part in of) for of in parts])
    odds = np.log(p / (1 - p))
    np.testing.assert_allclose(odds - sums, (odds - sums)[0], atol=1e-9)
    worst = int(np.argmax(p))
    assert parts[worst][0].factor == "past"
    assert parts[worst][0].value == np.asarray(visits.factors["past"])[worst]


def test_a_rule_that_no_line_can_draw_takes_trees() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=6000), rng.normal(size=6000)
    day = np.datetime64("2010-01-01") + np.sort(rng.integers(0, 1095, 6000))
    found = rng.random(6000) < np.where(a * b > 0, 0.5, 0.05)
    visits = Visits({"a": a, "b": b}, day, np.arange(6000), found)
    ranking = learn(visits, rng.random(6000))
    assert ranking.kind == "trees"
    p = ranking.probabilities(visits)
    assert quality(p, found).auc > 0.75
    assert p.mean() == pytest.approx(found.mean(), abs=0.03)
    assert len(ranking.explained(visits.part(np.arange(5)))) == 5


def test_what_is_not_known_is_a_factor_of_its_own_line() -> None:
    visits, _truth, late = town()
    holes = np.asarray(visits.factors["past"]).copy()
    holes[::3] = np.nan
    made = Visits(dict(visits.factors) | {"past": holes}, visits.day, visits.subject, visits.found)
    ranking = learn(made, late)
    p = ranking.probabilities(made)
    assert np.isfinite(p).all()
    sums = np.array([sum(part.adds for part in of) for of in ranking.explained(made, most=9)])
    odds = np.log(p / (1 - p))
    np.testing.assert_allclose(odds - sums, (odds - sums)[0], atol=1e-9)


@pytest.mark.parametrize("name", ["inspector_id", "Inspector_Assigned", "officer", "owner_name", "ethnic_nationality"])
def test_who_inspected_is_never_a_factor(name: str) -> None:
    with pytest.raises(CannotRank, match=name):
        town(**{name: np.zeros(6000)})


def test_history_reads_strictly_earlier_visits() -> None:
    """A finding of the day itself, or of a later day, changes nothing that is said before it."""
    rng = np.random.default_rng(3)
    n = 400
    day, subject = np.datetime64("2012-01-01") + rng.integers(0, 300, n), rng.integers(0, 25, n)
    found = rng.integers(0, 2, n).astype(float)
    made = history(day, subject, day, subject, {"found": found})
    for i in range(n):
        earlier = (subject == subject[i]) & (day < day[i])
        assert (made["visits"][i], made["found"][i]) == (earlier.sum(), found[earlier].sum())
    cut = np.datetime64("2012-06-01")
    changed = np.where(day >= cut, 1 - found, found)
    again = history(day, subject, day, subject, {"found": changed})
    before = day <= cut
    np.testing.assert_array_equal(made["found"][before], again["found"][before])
    assert (made["found"][~before] != again["found"][~before]).any()


def test_history_of_the_last_days_and_how_long_ago() -> None:
    day = np.array(["2012-03-01", "2012-03-01", "2012-03-01"], "datetime64[D]")
    known = np.array(["2012-02-29", "2012-02-20", "2012-01-01", "2012-03-01", "2012-03-02"], "datetime64[D]")
    made = history(day, ["a", "b", "c"], known, ["a", "a", "a", "b", "b"], {}, days=10)
    assert made["visits"].tolist() == [2, 0, 0], "the tenth day before counts, the day itself does not"
    assert made["since"][0] == 1
    assert np.isnan(made["since"][1:]).all()
    assert history(day, ["a", "b", "c"], known, ["a", "a", "a", "b", "b"], {})["visits"].tolist() == [3, 0, 0]
    none = history(day, ["a", "b", "c"], known[:0], known[:0].astype(str), {})
    assert none["visits"].tolist() == [0, 0, 0]
    assert np.isnan(none["since"]).all()


def test_the_method_is_the_whole_model() -> None:
    """From its numbers alone every chance can be reckoned again, also where a factor is not known."""
    visits, _truth, late = town(2000)
    factors = {name: np.array(values, float) for name, values in visits.factors.items()}
    first = next(iter(factors))
    factors[first][::7] = np.nan
    made = Visits(factors, visits.day, visits.subject, visits.found)
    ranking = learn(made, late, kinds=("logit",))
    method = ranking.method()
    sums = np.full(2000, method["intercept"])
    for name, (mean, scale, adds) in method["factors"].items():
        unknown = np.isnan(factors[name])
        filled = np.where(unknown, np.nanmean(factors[name]), factors[name])
        sums += (filled - mean) / scale * adds
        if name in method["unknown"]:
            mean, scale, adds = method["unknown"][name]
            sums += (unknown - mean) / scale * adds
    np.testing.assert_allclose(1 / (1 + np.exp(-sums)), ranking.probabilities(made))
    assert list(method["unknown"]) == [first]


def test_gain_and_calibration_tell_what_was_foretold_and_what_came() -> None:
    found = np.array([True] * 10 + [False] * 90)
    perfect = quality(np.linspace(1, 0, 100), found)
    assert perfect.gain == (1.0,) * 10
    assert quality(np.linspace(0, 1, 100), found).gain == (*(0.0,) * 9, 1.0)
    parts = calibration(np.linspace(1, 0, 100), found)
    assert [part.visits for part in parts] == [10] * 10
    assert [part.came for part in parts] == [*(0.0,) * 9, 1.0]
    assert parts[-1].chance == pytest.approx(0.95, abs=0.01)


def test_the_back_test_learns_from_what_was_before() -> None:
    """Findings of the last stretch turned about: the trials before it are the same to the last digit."""
    visits, _truth, late = town()
    one = learn(visits, late).trials
    found = np.asarray(visits.found).copy()
    last = visits.days() >= np.datetime64(one[-1].begin)
    found[last] = ~found[last]
    other = learn(Visits(visits.factors, visits.day, visits.subject, found), late).trials
    assert one[:-1] == other[:-1]
    assert other[-1].model.auc == pytest.approx(1 - one[-1].model.auc)


def test_too_little_teaches_nothing() -> None:
    visits, _truth, late = town(150)
    with pytest.raises(CannotRank, match="150 visits"):
        learn(visits, late)
    visits, _truth, late = town(1000)
    same_day = Visits(visits.factors, np.full(1000, "2012-01-01"), visits.subject, visits.found)
    with pytest.raises(CannotRank, match="too short a time"):
        learn(same_day, late)


@pytest.mark.slow
@pytest.mark.skipif(not chicago.FILE.exists(), reason="the table of real inspections is not at hand")
def test_real_inspections_without_the_inspector() -> None:
    """A plain logit without the inspector reached 0.544; with him, the city's own score reached 0.679."""
    train, test, score = chicago.read()
    assert (len(train.day), len(test.day)) == (17075, 1637)
    assert train.days().max() < test.days().min()
    ranking = learn(train, train.factors["timeSinceLast"])
    got, found = quality(ranking.probabilities(test), np.asarray(test.found)), np.asarray(test.found)
    assert quality(score, found).auc == pytest.approx(0.679, abs=0.001)
    assert quality(score, found).first_half == pytest.approx(0.686, abs=0.001)
    assert got.auc > 0.58
    assert got.first_half > 0.57
    assert got.brier < found.mean() * (1 - found.mean())
    assert all(trial.gain_over_overdue > 0.03 for trial in ranking.trials)
    # Nothing of the test months is read: their findings turned about, the factors are the same.
    assert not {name for name in train.factors if "nspector" in name or name in ("score", "criticalCount")}
