"""Which enterprise to inspect next: a calibrated probability that the visit finds something grave, with its factors.

A logistic regression on what was known before each visit. It adds up: every factor's part in a score is a number that
can be printed, and the score is their sum, so nothing about it is secret. Who inspected is never a factor. Boosted
trees are tried beside it on earlier visits only, and used where they rank clearly better. See docs/forecast.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Days = NDArray[np.datetime64]

Kind = Literal["logit", "trees"]
FORBIDDEN = ("inspector", "officer", "person", "name", "phone", "nation", "gender", "sex", "assigned")
"""Words that no factor's name may hold: who inspected, and whatever is of a person."""
TRIALS, BETTER = 4, 0.01
"""So many stretches of the past are ranked in the back-test; trees must rank by so much AUC better to be used."""
FOUND_LEAST, VISITS_LEAST = 30, 200
"""Fewer visits, or fewer that found something, teach no ranking."""


class CannotRank(ValueError):
    """The visits cannot teach a ranking; the text says why."""


@dataclass(frozen=True, slots=True)
class Visits:
    """Visits and what was known before each: `factors` by name (visits long, NaN where not known), the `day`, the
    `subject` visited, and whether the visit `found` something grave (None for visits still to be made)."""

    factors: Mapping[str, Sequence[float]]
    day: Sequence[Any]
    subject: Sequence[Any]
    found: Sequence[bool] | None = None

    def __post_init__(self) -> None:
        if not self.factors:
            raise CannotRank("there is no factor")
        for name in self.factors:
            if bad := next((word for word in FORBIDDEN if word in name.lower()), None):
                raise CannotRank(f"{name}: who inspected, or is inspected, is no factor ({bad})")
        lengths = {len(v) for v in (*self.factors.values(), self.day, self.subject)}
        if len(lengths | ({len(self.found)} if self.found is not None else set())) > 1:
            raise CannotRank("the columns are not of one length")

    def table(self, names: Sequence[str]) -> Floats:
        """The factors as visits × names. Raises `CannotRank` where one is missing."""
        import numpy as np

        if missing := [name for name in names if name not in self.factors]:
            raise CannotRank(f"the factor {missing[0]} is missing")
        return np.stack([np.asarray(self.factors[name], float) for name in names], 1)

    def days(self) -> Days:
        """The days of the visits."""
        import numpy as np

        return np.asarray(self.day, "datetime64[D]")

    def part(self, chosen: NDArray[Any]) -> Visits:
        """Only the visits at these places."""
        import numpy as np

        return Visits(
            {name: np.asarray(v, float)[chosen] for name, v in self.factors.items()}, np.asarray(self.day)[chosen],
            np.asarray(self.subject)[chosen], None if self.found is None else np.asarray(self.found)[chosen],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quality:
    """How an order found: of `visits`, `found` had something grave. AUC and the share of these in the first half; the
    mean squared error of the probabilities (None for an order without probabilities)."""

    visits: int
    found: int
    auc: float
    first_half: float
    brier: float | None


@dataclass(frozen=True, slots=True)
class Trial:
    """One stretch of the past: learnt from what was before `begin`, tried on what came until `end`."""

    begin: str
    end: str
    model: Quality
    overdue: Quality
    random_first_half: float = 0.5

    @property
    def gain_over_overdue(self) -> float:
        """How much more of the grave findings the first half of the visits holds than by 'most overdue first'."""
        return self.model.first_half - self.overdue.first_half


@dataclass(frozen=True, slots=True)
class Part:
    """What one factor adds to a score, in log odds against the mean visit, and its value (NaN: not known)."""

    factor: str
    value: float
    adds: float


class Ranking:
    """A model that has learnt. `kind` is logit or trees; `trials` its back-test by time; `names` its factors."""

    def __init__(self, names: tuple[str, ...], kind: Kind, model: Any, trials: tuple[Trial, ...]):
        self.names, self.kind, self._model, self.trials = names, kind, model, trials

    def probabilities(self, visits: Visits) -> Floats:
        """For each visit the calibrated probability that it finds something grave."""
        return _probabilities(self._model, visits.table(self.names))

    def explained(self, visits: Visits, most: int = 5) -> list[tuple[Part, ...]]:
        """For each visit the factors that move its score most, the strongest first.

        Of the logit the exact addends. Of trees: what the log odds lose if the factor were at its mean.
        """
        import numpy as np

        x = visits.table(self.names)
        adds = self._adds(x)
        order = np.argsort(-np.abs(adds), axis=1, kind="stable")[:, :most]
        return [
            tuple(Part(self.names[k], float(x[i, k]), float(adds[i, k])) for k in row if adds[i, k] != 0)
            for i, row in enumerate(order)
        ]

    def _adds(self, x: Floats) -> Floats:
        import numpy as np

        if self.kind == "logit":
            filled, coefficients, _intercept = _linear(self._model, x)
            folded = filled * coefficients
            # A factor and the sign that it is not known are one factor to the reader.
            columns = self._model["fill"].indicator_.features_ if folded.shape[1] > len(self.names) else ()
            adds = folded[:, : len(self.names)].copy()
            for place, column in enumerate(columns):
                adds[:, column] += folded[:, len(self.names) + place]
            return adds
        from scipy.special import logit

        base = logit(_probabilities(self._model, x))
        adds = np.zeros_like(x)
        for k in range(x.shape[1]):
            without = x.copy()
            without[:, k] = self._model.means[k]
            adds[:, k] = base - logit(_probabilities(self._model, without))
        return adds


def learn(visits: Visits, overdue: Sequence[float], *, seed: int = 0) -> Ranking:
    """Learns from visits whose finding is known. `overdue` is the order by which one would go without a model, the
    larger the sooner (how long ago the last visit was). Raises `CannotRank`."""
    import numpy as np

    if visits.found is None:
        raise CannotRank("what the visits found is not known")
    found, days, names = np.asarray(visits.found, bool), visits.days(), tuple(visits.factors)
    if len(found) < VISITS_LEAST or found.sum() < FOUND_LEAST or (~found).sum() < FOUND_LEAST:
        raise CannotRank(
            f"{len(found)} visits of which {int(found.sum())} found something: it takes {VISITS_LEAST}, and "
            f"{FOUND_LEAST} of either kind"
        )
    x, late = visits.table(names), np.asarray(overdue, float)
    cuts = np.quantile(days.astype(int), np.linspace(0.5, 1, TRIALS + 1)).astype(int).astype("datetime64[D]")
    tried: dict[Kind, list[Trial]] = {"logit": [], "trees": []}
    for begin, end in zip(cuts[:-1], [*cuts[1:-1], cuts[-1] + 1], strict=True):
        # Visits of one day are not told apart: what is learnt from is strictly earlier.
        before, now = days < begin, (days >= begin) & (days < end)
        if not _both(found[before]) or not _both(found[now]):
            continue
        for one, trials in tried.items():
            p = _probabilities(_fitted(one, x[before], found[before], days[before], seed), x[now])
            trials.append(
                Trial(str(begin), str(end), quality(p, found[now]), quality(late[now], found[now], chances=False))
            )
    if not tried["logit"]:
        raise CannotRank("the visits lie in too short a time to be tried on later ones")

    def auc(kind: Kind) -> float:
        return float(np.mean([t.model.auc for t in tried[kind]]))

    kind: Kind = "trees" if auc("trees") > auc("logit") + BETTER else "logit"
    return Ranking(names, kind, _fitted(kind, x, found, days, seed), tuple(tried[kind]))


def quality(order: Floats, found: NDArray[np.bool_], chances: bool = True) -> Quality:
    """How an order (the larger the sooner) found; `chances` says that it is of probabilities."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    found = np.asarray(found, bool)
    first = np.argsort(-order, kind="stable")[: len(order) // 2]
    brier = float(np.mean((order - found) ** 2)) if chances else None
    return Quality(
        len(found), int(found.sum()), float(roc_auc_score(found, order)), float(found[first].sum() / found.sum()), brier
    )


def history(
    visits_day: Sequence[Any],
    visits_subject: Sequence[Any],
    known_day: Sequence[Any],
    known_subject: Sequence[Any],
    known: Mapping[str, Sequence[float]],
) -> dict[str, Floats]:
    """For each visit what the same subject's earlier visits (strictly before its day) had: how many they were
    (`visits`), and of each of `known` the sum. What comes on the day itself or later is never read."""  # fmt: skip
    import numpy as np

    subjects = {s: n for n, s in enumerate(dict.fromkeys([*known_subject, *visits_subject]))}
    at = np.array([subjects[s] for s in known_subject], np.int64)
    when = np.asarray(known_day, "datetime64[D]").astype(np.int64)
    order = np.lexsort((when, at))
    # One number sorts by subject, then by day.
    wide = np.int64(1) << 32
    keys = at[order] * wide + when[order]
    asked = np.array([subjects[s] for s in visits_subject], np.int64)
    days = np.asarray(visits_day, "datetime64[D]").astype(np.int64)
    begin, end = np.searchsorted(keys, asked * wide - (wide >> 1)), np.searchsorted(keys, asked * wide + days)
    made = {"visits": (end - begin).astype(float)}
    for name, values in known.items():
        sums = np.concatenate([[0.0], np.cumsum(np.asarray(values, float)[order])])
        made[name] = sums[end] - sums[begin]
    return made


def _both(found: NDArray[np.bool_]) -> bool:
    return bool(found.any() and not found.all() and len(found) >= 50)


class _Calibrated:
    """Trees learnt from the earlier four fifths, their log odds set right (Platt) on the last fifth."""

    def __init__(self, x: Floats, found: NDArray[np.bool_], days: Days, seed: int) -> None:
        import numpy as np
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression

        self.means = np.nanmean(np.where(np.isfinite(x), x, np.nan), 0)
        early = days < np.quantile(days.astype(int), 0.8).astype(int).astype("datetime64[D]")
        if not _both(found[early]) or not _both(found[~early]):
            early = np.arange(len(found)) % 5 != 0
        self._trees = HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.03, max_depth=3, min_samples_leaf=60, l2_regularization=10, random_state=seed
        ).fit(x[early], found[early])
        self._scale = LogisticRegression().fit(self._trees.decision_function(x[~early])[:, None], found[~early])

    def predict_proba(self, x: Floats) -> Floats:
        made: Floats = self._scale.predict_proba(self._trees.decision_function(x)[:, None])
        return made


def _fitted(kind: Kind, x: Floats, found: NDArray[np.bool_], days: Days, seed: int) -> Any:
    """A logit with standardised factors held to small coefficients is calibrated as it is: its mean is the visits'."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "trees":
        return _Calibrated(x, found, days, seed)
    return Pipeline([
        ("fill", SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True)),
        ("scale", StandardScaler()),
        ("fit", LogisticRegression(C=0.05, max_iter=1000)),
    ]).fit(x, found)  # fmt: skip


def _linear(model: Any, x: Floats) -> tuple[Floats, Floats, float]:
    filled = model["scale"].transform(model["fill"].transform(x))
    return filled, model["fit"].coef_[0], float(model["fit"].intercept_[0])


def _probabilities(model: Any, x: Floats) -> Floats:
    made: Floats = model.predict_proba(x)[:, 1]
    return made
