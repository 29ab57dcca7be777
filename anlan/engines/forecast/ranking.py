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
    Column = Sequence[Any] | NDArray[Any]

Kind = Literal["logit", "trees"]
FORBIDDEN = ("inspector", "officer", "person", "name", "phone", "nation", "gender", "sex", "assigned")
"""Words that no factor's name may hold: who inspected, and whatever is of a person."""
TRIALS, BETTER = 4, 0.01
"""So many stretches of the past are ranked in the back-test; trees must rank by so much AUC better to be used."""
STEPS = 10
"""In so many steps the gain of an order is told, and in so many parts by chance whether the chances came true."""
FOUND_LEAST, VISITS_LEAST = 30, 200
"""Fewer visits, or fewer that found something, teach no ranking."""


class CannotRank(ValueError):
    """The visits cannot teach a ranking; the text says why."""


@dataclass(frozen=True, slots=True)
class Visits:
    """Visits and what was known before each: `factors` by name (visits long, NaN where not known), the `day`, the
    `subject` visited, and whether the visit `found` something grave (None for visits still to be made)."""

    factors: Mapping[str, Column]
    day: Column
    subject: Column
    found: Column | None = None

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
    gain: tuple[float, ...] = ()
    """The share of what was found in the first tenth of the visits, the first two tenths, … all of them."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """Visits of about one chance: what was foretold of them on average, and what share had something grave."""

    visits: int
    chance: float
    came: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One stretch of the past: learnt from what was before `begin`, tried on what came until `end`."""

    begin: str
    end: str
    model: Quality
    overdue: Quality
    calibration: tuple[Foretold, ...] = ()
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

        x, adds = visits.table(self.names), self.adds(visits)
        order = np.argsort(-np.abs(adds), axis=1, kind="stable")[:, :most]
        return [
            tuple(Part(self.names[k], float(x[i, k]), float(adds[i, k])) for k in row if adds[i, k] != 0)
            for i, row in enumerate(order)
        ]

    def adds(self, visits: Visits) -> Floats:
        """What each factor adds to each visit's log odds against the mean visit: visits × names."""
        import numpy as np

        x = visits.table(self.names)
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

    def method(self) -> dict[str, Any]:
        """The logit as numbers that say all of it: by factor its mean, its scale, and what one scale adds to the log
        odds; of one that may be unknown what its being unknown adds, too. Of trees nothing can be said so."""
        if self.kind != "logit":
            return {}
        scale, fit, fill = (self._model[name] for name in ("scale", "fit", "fill"))
        unknown = {int(column): len(self.names) + n for n, column in enumerate(fill.indicator_.features_)}
        parts = [
            [float(scale.mean_[k]), float(scale.scale_[k]), float(fit.coef_[0][k])] for k in range(scale.mean_.size)
        ]
        return {
            "intercept": float(fit.intercept_[0]),
            "factors": {name: parts[k] for k, name in enumerate(self.names)},
            "unknown": {self.names[k]: parts[place] for k, place in unknown.items()},
        }


def learn(visits: Visits, overdue: Column, *, seed: int = 0, kinds: Sequence[Kind] = ("logit", "trees")) -> Ranking:
    """Learns from visits whose finding is known. `overdue` is the order by which one would go without a model, the
    larger the sooner (how long ago the last visit was). Of one of the `kinds` of model. Raises `CannotRank`."""
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
    tried: dict[Kind, list[Trial]] = {one: [] for one in kinds}
    for begin, end in zip(cuts[:-1], [*cuts[1:-1], cuts[-1] + 1], strict=True):
        # Visits of one day are not told apart: what is learnt from is strictly earlier.
        before, now = days < begin, (days >= begin) & (days < end)
        if not _both(found[before]) or not _both(found[now]):
            continue
        for one, trials in tried.items():
            p = _probabilities(_fitted(one, x[before], found[before], days[before], seed), x[now])
            trials.append(
                Trial(
                    str(begin), str(end), quality(p, found[now]), quality(late[now], found[now], chances=False),
                    calibration(p, found[now]),
                )
            )  # fmt: skip
    if not tried[kinds[0]]:
        raise CannotRank("the visits lie in too short a time to be tried on later ones")

    def auc(kind: Kind) -> float:
        return float(np.mean([t.model.auc for t in tried[kind]]))

    kind: Kind = kinds[0]
    if len(tried) > 1:
        kind = "trees" if auc("trees") > auc("logit") + BETTER else "logit"
    return Ranking(names, kind, _fitted(kind, x, found, days, seed), tuple(tried[kind]))


def quality(order: Floats, found: NDArray[np.bool_], chances: bool = True) -> Quality:
    """How an order (the larger the sooner) found; `chances` says that it is of probabilities."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    found = np.asarray(found, bool)
    came = np.concatenate([[0], np.cumsum(found[np.argsort(-order, kind="stable")])]) / found.sum()
    brier = float(np.mean((order - found) ** 2)) if chances else None
    gain = tuple(float(came[len(found) * step // STEPS]) for step in range(1, STEPS + 1))
    return Quality(
        len(found), int(found.sum()), float(roc_auc_score(found, order)), float(came[len(found) // 2]), brier, gain
    )


def calibration(chances: Floats, found: NDArray[np.bool_]) -> tuple[Foretold, ...]:
    """The visits in parts of equal number by their chance, from the lowest on."""
    import numpy as np

    parts = np.array_split(np.argsort(chances, kind="stable"), STEPS)
    return tuple(
        Foretold(len(part), float(chances[part].mean()), float(np.asarray(found)[part].mean()))
        for part in parts
        if len(part)
    )


def history(
    visits_day: Column,
    visits_subject: Column,
    known_day: Column,
    known_subject: Column,
    known: Mapping[str, Column],
    days: int | None = None,
) -> dict[str, Floats]:
    """For each visit what the same subject had before it (strictly before its day; of the last `days` if given): how
    many visits there were (`visits`), how many days ago the last was (`since`, NaN where there was none), and of each
    of `known` the sum. What comes on the day itself or later is never read."""  # fmt: skip
    import numpy as np

    at, asked = np.asarray(known_subject), np.asarray(visits_subject)
    wide = np.int64(1) << 32
    if not all(
        one.dtype.kind == "i" and (one.size == 0 or 0 <= one.min() <= one.max() < wide >> 1) for one in (at, asked)
    ):
        # Names become numbers; numbers stay as they are, for to sort millions of them takes longest of all.
        _names, codes = np.unique(np.concatenate([at, asked]), return_inverse=True)
        at, asked = codes[: len(at)], codes[len(at) :]
    at, asked = at.astype(np.int64), asked.astype(np.int64)
    when = np.asarray(known_day, "datetime64[D]").astype(np.int64)
    # One number sorts by subject, then by day.
    keys = at * wide + when
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    today = np.asarray(visits_day, "datetime64[D]").astype(np.int64)
    first = -(wide >> 1) if days is None else today - days
    begin, end = np.searchsorted(keys, asked * wide + first), np.searchsorted(keys, asked * wide + today)
    last = keys[np.maximum(end - 1, 0)] if len(keys) else np.zeros(len(asked), np.int64)
    made = {
        "visits": (end - begin).astype(float),
        "since": np.where(end > begin, today - (last - asked * wide), np.nan).astype(float),
    }
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
