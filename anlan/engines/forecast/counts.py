"""Monthly counts through the rest of the year: forecast, interval, the chance to meet a target, and the back-test.

All series (areas × measures) go through together as arrays of series × months. Candidates are log-linear models of
Poisson counts, wider where the counts scatter more (negative binomial), the plain rate, and the bar to beat: the same
months of last year. What is chosen for a series is what would have served it best before, by the log score of exactly
the question that is asked now, how many will the next `h` months bring; the back-test replays that choice too.
Method and limits: docs/forecast.md.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from ..measures.targets import Number, Target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Method = Literal["none", "naive", "rate", "recent", "season", "trend"]
Why = Literal["", "too_few_months", "gap", "not_counts"]
"""Why there is no model: fewer months than it takes, months missing that are needed, figures that are no counts."""

LEVEL = 0.8
"""An interval holds the figure in so many of the cases; a tenth lie below it and a tenth above."""
DRAWS = 4000
LEAST, SEASONS, ORIGINS_LEAST = 12, 24, 4
"""Known months without which nothing is said; before a model is fitted; times to look back before one is chosen."""
MONTHS, ORIGINS = 96, 24
"""So many months at most are looked at, and from so many months at most is looked ahead in the back-test."""
FEW = 24
"""Fewer than so many in all tell no season: the plain rate, whose doubt is exact, is all that is fitted."""
HALVED: Mapping[Method, float] = {"recent": 12.0, "season": 24.0, "trend": 48.0}
"""After so many months a month weighs half in what is learnt: the level of a year moves."""
_METHODS: tuple[Method, ...] = ("naive", "rate", "recent", "season", "trend")


@dataclass(frozen=True, slots=True)
class BackTest:
    """How the same procedure did at `origins` earlier months, each time for the next `h` months' sum.

    `mae` is the mean absolute error of the median, `naive_mae` that of last year's same months; `score` and
    `naive_score` mean log scores (higher is better); `covered` the share of sums within their interval.
    """

    origins: int
    h: int
    mae: float
    naive_mae: float
    score: float
    naive_score: float
    covered: float


@dataclass(frozen=True, slots=True)
class Month:
    """What a month still to come (of the running one: its rest) will bring: expected, and from low to high."""

    first: date
    mean: float
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """One series' year. Where `method` is none nothing is forecast, and `why` says why not.

    `actual` is the year to date; `median`, `low`, `high` are the whole year's; `chance` the probability that the
    target is met, None without one or where it cannot be said. `known` months were learnt from, `total` is their sum.
    """

    method: Method
    why: Why
    known: int
    total: int
    actual: int | None
    median: int | None = None
    low: int | None = None
    high: int | None = None
    months: tuple[Month, ...] = ()
    chance: float | None = None
    number: Number | None = None
    dispersion: float = 0.0
    backtest: BackTest | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """The month that runs: what it has brought so far to each series, and what part of it is over, 0 to 1."""

    counts: Sequence[float]
    over: float


def year_end(
    series: Mapping[str, Sequence[int | float | None]],
    first: date,
    targets: Mapping[str, Target] | Target | None = None,
    *,
    running: Mapping[str, float] | None = None,
    over: float = 0.0,
    wholes: Mapping[str, Sequence[int | float | None]] | None = None,
    whole_running: Mapping[str, float] | None = None,
    seed: int = 0,
) -> dict[str, Outlook]:
    """The year's end of every series, by its key (an area's code, or whatever tells the series apart).

    `series` are counts of whole months from the month `first` on, all of one length, None where a month is not known;
    the year is that of the month after the last. `running` is what that month has brought so far, of which the part
    `over` has passed. `targets` is one for all or one for each. A share needs the `wholes` it is of. Raises ValueError.
    """
    import numpy as np

    keys = list(series)
    if not keys:
        return {}

    def table(of: Mapping[str, Sequence[int | float | None]]) -> Floats:
        if missing := [key for key in keys if key not in of]:
            raise ValueError(f"no months of {missing[0]}")
        lengths = {len(of[key]) for key in keys}
        if len(lengths) > 1:
            raise ValueError("the series have different numbers of months")
        return np.array([[np.nan if v is None else float(v) for v in of[key]] for key in keys]).reshape(len(keys), -1)

    def of_running(given: Mapping[str, float] | None) -> Running | None:
        return None if given is None else Running([given.get(key, 0) for key in keys], over)

    wanted = [targets.get(key) if isinstance(targets, Mapping) else targets for key in keys]
    found = outlooks(
        table(series), first, wanted, running=of_running(running), seed=seed,
        wholes=None if wholes is None else table(wholes), whole_running=of_running(whole_running),
    )  # fmt: skip
    return dict(zip(keys, found, strict=True))


def outlooks(
    counts: Floats,
    first: date,
    targets: Sequence[Target | None] | None = None,
    *,
    running: Running | None = None,
    wholes: Floats | None = None,
    whole_running: Running | None = None,
    seed: int = 0,
) -> list[Outlook]:
    """As `year_end`, of an array of series × months with NaN where a month is not known."""
    import numpy as np

    targets = targets or [None] * len(counts)
    needs_whole = any(t is not None and t.kind == "share" for t in targets)
    if wholes is not None and wholes.shape != counts.shape:
        raise ValueError("the wholes are not as many as the counts")
    made = _Year(counts, first, running)
    of_whole = _Year(wholes, first, whole_running) if needs_whole and wholes is not None else None
    answers = []
    for i, target in enumerate(targets):
        draws = made.draws(i, seed)
        chance: float | None = None
        number: Number | None = None
        if target is not None and target.kind == "share":
            if of_whole is not None:
                chance = _chance_of_share(made, of_whole, i, target, seed)
        elif target is not None:
            wanted = target.number()
            number = None if wanted is None else int(wanted)
            actual = made.actual[i]
            if draws is not None and number is not None and not np.isnan(actual):
                ends = actual + draws.sum(1)
                chance = float(np.mean(ends <= number if target.is_limit else ends >= number))
        answers.append(made.outlook(i, draws, chance, number))
    return answers


class _Year:
    """The candidates fitted, tried on the past and chosen, for all series of one table."""

    def __init__(self, counts: Floats, first: date, running: Running | None) -> None:
        import numpy as np

        if counts.ndim != 2 or first.day != 1:
            raise ValueError("counts are series × months, from the first day of a month")
        if running is not None and (not 0 <= running.over <= 1 or len(running.counts) != len(counts)):
            raise ValueError(
                "of the running month there is one count for each series, and a part of it between 0 and 1"
            )
        late = max(0, counts.shape[1] - MONTHS)
        counts, first = counts[:, late:], _later(first, late)
        self.y, self.first = np.where(np.isfinite(counts), counts, np.nan), first
        n, months = counts.shape
        self.next = _later(first, months)
        self.h = 13 - self.next.month
        ahead = [_later(first, t) for t in range(months + self.h)]
        self.days = np.array([calendar.monthrange(d.year, d.month)[1] / 30.4375 for d in ahead])
        # Only what is left of the running month is still to come; in the past a whole month stood in its place.
        self.left = self.days[months:].copy()
        self.left[0] *= 1 - (running.over if running else 0.0)
        self.angle = 2 * np.pi * np.array([d.month - 0.5 for d in ahead]) / 12
        known = ~np.isnan(self.y)
        self.known, self.total = known.sum(1), np.nansum(self.y, 1)
        # A negative or broken figure is no count: such a series is left out whole.
        self.counts = ~(known & ((self.y < 0) | (self.y % 1 != 0))).any(1)
        self.y[~self.counts] = np.nan
        gone = self.next.month - 1
        so_far = np.asarray(running.counts, float) if running else np.zeros(n)
        self.actual = (self.y[:, months - gone :].sum(1) if gone <= months else np.full(n, np.nan)) + so_far
        self.actual[~self.counts] = np.nan
        self._try()

    def _try(self) -> None:
        """Looks ahead from earlier months with every candidate, and chooses for each series."""
        import numpy as np
        from scipy.stats import nbinom

        n, months = self.y.shape
        h, kinds = self.h, len(_METHODS)
        origins = list(range(max(SEASONS, months - h - ORIGINS + 1), months - h + 1))
        score = np.full((len(origins), kinds, n), np.nan)
        mean, wide = score.copy(), score.copy()
        actual = np.full((len(origins), n), np.nan)
        for j, o in enumerate(origins):
            actual[j] = self.y[:, o : o + h].sum(1)
            mean[j], wide[j] = self.ahead(o, self.days[o : o + h], self.fits_at(o))
            score[j] = nbinom.logpmf(actual[j], 1 / wide[j], 1 / (1 + wide[j] * mean[j]))
        score[np.isnan(mean)] = np.nan
        # At each origin only what was known by then may choose: looks ahead that were over.
        # A candidate that was not offered each time is held against the bar where it was.
        gain = score - score[:, :1]
        seen, times = np.cumsum(np.nan_to_num(gain), 0), np.cumsum(~np.isnan(gain), 0)
        self.chosen = picks = np.zeros((len(origins), n), int)
        for j in range(len(origins)):
            past = j - h
            offered = np.isfinite(mean[j])
            picks[j] = _best(seen[past], times[past], offered) if past >= 0 else _first_choice(offered)
        self.picks = np.zeros(n, int)
        self.tests: list[BackTest | None] = [None] * n
        self.fits = self.fits_at(months)
        last_mean, _ = self.ahead(months, self.left, self.fits)
        offered = np.isfinite(last_mean)
        if origins:
            self.picks = _best(seen[-1], times[-1], offered)
        usable = (~np.isnan(score[:, 0])).sum(0) if origins else np.zeros(n, int)
        # Of a model that could not be tried beside the bar nobody knows whether it is better.
        tried = times[-1, 1:].max(0) if origins else usable
        self.modelled = (tried >= ORIGINS_LEAST) & (self.known >= SEASONS)
        self.picks[~self.modelled] = 0
        self.naive = offered[0]
        if not origins:
            return
        at, who = np.arange(len(origins))[:, None], np.arange(n)
        m, a, s = mean[at, picks, who], wide[at, picks, who], score[at, picks, who]
        low, mid, high = (nbinom.ppf(q, 1 / a, 1 / (1 + a * m)) for q in ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2))
        last_year = np.array([self._same_months(o, h).sum(1) for o in origins])
        for i in np.flatnonzero(usable >= ORIGINS_LEAST):
            ok = ~np.isnan(score[:, 0, i])
            real = actual[ok, i]
            self.tests[i] = BackTest(
                int(ok.sum()), h,
                float(np.abs(mid[ok, i] - real).mean()), float(np.abs(last_year[ok, i] - real).mean()),
                float(s[ok, i].mean()), float(score[ok, 0, i].mean()),
                float(((real >= low[ok, i]) & (real <= high[ok, i])).mean()),
            )  # fmt: skip

    def _same_months(self, o: int, h: int) -> Floats:
        """Last year's figures of the `h` months from `o` on: series × h."""
        return self.y[:, o - 12 : o - 12 + h]

    def _scatter(self, o: int) -> Floats:
        """How much more than Poisson counts the months before `o` differ from those a year earlier; at least 1."""
        import numpy as np

        now, then = self.y[:, 12:o], self.y[:, : max(o - 12, 0)]
        return np.maximum(1.0, np.nansum((now - then) ** 2, 1) / np.maximum(np.nansum(now + then + 0 * now, 1), 1.0))

    def _design(self, method: Method, o: int) -> Floats:
        """What explains the months, as seen from month `o`: months × columns."""
        import numpy as np

        a, t = self.angle, (np.arange(len(self.angle)) - o) / 12
        level = [np.ones_like(a)]
        season = [np.sin(a), np.cos(a), np.sin(2 * a), np.cos(2 * a)]
        return np.stack(level + ([] if method == "recent" else season) + ([t] if method == "trend" else []), 1)

    def fits_at(self, o: int) -> dict[Method, tuple[Floats, Floats, Floats, Floats]]:
        """Each log-linear candidate as learnt from the months before `o`: design, coefficients, covariance, spread."""
        import numpy as np

        y, w = np.nan_to_num(self.y[:, :o]), (~np.isnan(self.y[:, :o])).astype(float)
        age = o - 1 - np.arange(o)
        made: dict[Method, tuple[Floats, Floats, Floats, Floats]] = {}
        for method in ("recent", "season", "trend"):
            x = self._design(method, o)
            doubt = np.array([3.0] + [0.5] * (4 if method != "recent" else 0) + [0.15] * (method == "trend"))
            made[method] = (x, *fit(y, w * 0.5 ** (age / HALVED[method]), x[:o], self.days[:o], doubt))
        return made

    def ahead(
        self, o: int, days: Floats, fits: dict[Method, tuple[Floats, Floats, Floats, Floats]]
    ) -> tuple[Floats, Floats]:
        """Mean and spread of the sum of the `len(days)` months from `o` on: candidates × series, NaN if not offered.

        The spread `a` is the negative binomial's: variance = mean + a × mean².
        """
        import numpy as np

        before = self.y[:, :o]
        known, total = (~np.isnan(before)).sum(1), np.nansum(before, 1)
        mean = np.full((len(_METHODS), len(before)), np.nan)
        wide = mean.copy()
        if o >= 12:
            mean[0] = (self._same_months(o, len(days)) * (days / self.days[o : o + len(days)])).sum(1) + 0.5
            wide[0] = (2 * self._scatter(o) - 1) / mean[0]
        if known.max(initial=0) < SEASONS:
            return mean, wide
        span = ((~np.isnan(before)) * self.days[:o]).sum(1)
        enough, often = known >= SEASONS, total >= FEW
        mean[1] = np.where(enough & ~often, (total + 0.5) * days.sum() / np.maximum(span, 1), np.nan)
        wide[1] = 1 / (total + 0.5)
        for k, method in enumerate(_METHODS[2:], 2):
            x, beta, cov, alpha = fits[method]
            ahead = x[o : o + len(days)]
            doubt = np.minimum(np.einsum("tp,npq,tq->nt", ahead, cov, ahead), 4.0)
            mu = np.exp(np.clip(beta @ ahead.T + doubt / 2, -30, 30)) * days
            slope = mu @ ahead
            m = mu.sum(1)
            extra = alpha * (mu**2).sum(1) + np.einsum("np,npq,nq->n", slope, cov, slope)
            mean[k], wide[k] = np.where(enough & often, m, np.nan), np.maximum(extra / np.maximum(m, 1e-9) ** 2, 1e-6)
        return mean, wide

    def method(self, i: int) -> tuple[Method, Why]:
        """What is used for a series, and why no model is."""
        import numpy as np

        if not self.counts[i]:
            return "none", "not_counts"
        if self.known[i] < LEAST:
            return "none", "too_few_months"
        if np.isnan(self.actual[i]):
            return "none", "gap"
        if self.modelled[i]:
            return _METHODS[self.picks[i]], ""
        return ("naive", "too_few_months") if self.naive[i] else ("none", "gap")

    def draws(self, i: int, seed: int) -> NDArray[np.int64] | None:
        """The months still to come, drawn with all that is not known of the model: draws × months. None without one."""
        import numpy as np

        method, _why = self.method(i)
        # Each series begins its own stream: alone or among others, it gets the same answer.
        rng = np.random.default_rng(seed)
        o, shape = self.y.shape[1], (DRAWS, self.h)
        if method == "none":
            return None
        if method == "naive":
            share = self.left / self.days[o:]
            mean = self._same_months(o, self.h)[i] * share + 0.5 / self.h
            wide = (2 * self._scatter(o)[i] - 1) / mean
            return rng.poisson(rng.gamma(1 / wide, wide * mean, shape))
        if method == "rate":
            span = (~np.isnan(self.y[i]) * self.days[:o]).sum()
            return rng.poisson(rng.gamma(self.total[i] + 0.5, 1 / span, (DRAWS, 1)) * self.left)
        x, beta, cov, alpha = self.fits[method]
        root = np.linalg.cholesky(cov[i] + 1e-12 * np.eye(len(cov[i])))
        line = (beta[i] + rng.standard_normal((DRAWS, len(root))) @ root.T) @ x[o:].T
        mu = np.exp(np.clip(line, -30, 30)) * self.left
        if alpha[i] > 0:
            mu = mu * rng.gamma(1 / alpha[i], alpha[i], shape)
        return rng.poisson(mu)

    def outlook(self, i: int, draws: NDArray[np.int64] | None, chance: float | None, number: Number | None) -> Outlook:
        import numpy as np

        method, why = self.method(i)
        actual = None if np.isnan(self.actual[i]) else int(self.actual[i])
        known, total = int(self.known[i]), int(self.total[i]) if self.counts[i] else 0
        if draws is None or actual is None:
            return Outlook(method, why, known, total, actual, number=number)
        q = ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2)
        low, median, high = (actual + int(v) for v in np.quantile(draws.sum(1), q, method="inverted_cdf"))
        lows, _mid, highs = np.quantile(draws, q, axis=0, method="inverted_cdf")
        months = tuple(
            Month(_later(self.next, t), round(float(draws[:, t].mean()), 3), int(lows[t]), int(highs[t]))
            for t in range(self.h)
        )
        spread = float(self.fits[method][3][i]) if method in self.fits else 0.0
        return Outlook(
            method, why, known, total, actual, median, low, high, months, chance, number, spread, self.tests[i]
        )


def fit(y: Floats, w: Floats, x: Floats, days: Floats, doubt: Floats) -> tuple[Floats, Floats, Floats]:
    """Log-linear count models of all series at once: coefficients, their covariance, and the spread.

    `y` and weights `w` are series × months (a month of weight 0 is not known), `x` months × columns, `days` the
    months' lengths, `doubt` the standard deviation that each column's coefficient is held to have beforehand (of the
    first, the level: about the plain rate). The spread `a` (variance = mean + a × mean²) is by Pearson's moments.
    """
    import numpy as np

    n, p = len(y), x.shape[1]
    beta: Floats = np.zeros((n, p))
    beta[:, 0] = np.log(((w * y).sum(1) + 0.5) / np.maximum(w @ days, 1e-9))
    centre, hold = beta.copy(), 1 / doubt**2
    pairs = (x[:, :, None] * x[:, None, :]).reshape(len(x), p * p)
    alpha = np.zeros(n)

    def bend(mu: Floats) -> Floats:
        v = w * mu / (1 + alpha[:, None] * mu)
        return (v @ pairs).reshape(n, p, p) + np.diag(hold)

    def means() -> Floats:
        return np.exp(np.clip(beta @ x.T, -30, 30)) * days

    for turns in (10, 6):
        for _ in range(turns):
            mu = means()
            up = (w * (y - mu) / (1 + alpha[:, None] * mu)) @ x - hold * (beta - centre)
            step = np.linalg.solve(bend(mu), up[:, :, None])[:, :, 0]
            beta = beta + np.clip(step, -1.5, 1.5)
            if np.abs(step).max(initial=0) < 1e-8:
                break
        if turns == 10:
            mu = means()
            known = w.sum(1)
            free = known / np.maximum(known - p, 1)
            alpha = (w * ((y - mu) ** 2 * free[:, None] - mu)).sum(1) / np.maximum((w * mu**2).sum(1), 1e-9)
            alpha = np.clip(alpha, 0, 4)
            alpha[alpha < 1e-4] = 0
    return beta, np.asarray(np.linalg.inv(bend(means())), float), alpha


def _best(gains: Floats, times: NDArray[np.int64], offered: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each series the offered candidate of the best mean gain in log score over the bar (whose own gain is 0)."""
    import numpy as np

    tried = offered & (times >= ORIGINS_LEAST)
    average = np.where(tried, gains / np.maximum(times, 1), -np.inf)
    return np.where(tried.any(0), average.argmax(0), _first_choice(offered))


def _first_choice(offered: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Before anything could be tried: season and trend, else the plain rate, else last year's months."""
    import numpy as np

    trend, rate = _METHODS.index("trend"), _METHODS.index("rate")
    return np.where(offered[trend], trend, np.where(offered[rate], rate, 0))


def _chance_of_share(part: _Year, whole: _Year, i: int, target: Target, seed: int) -> float | None:
    """The probability that the year's part is at least so many per cent of the year's whole.

    The whole is drawn from its own outlook, the part of each month as that share of it which the last two years
    showed, with their scatter (beta-binomial). None where a month's part exceeds its whole: it is no part of it.
    """
    import numpy as np

    draws = whole.draws(i, seed)
    y, n = part.y[i, -24:], whole.y[i, -24:]
    ok = ~np.isnan(y) & ~np.isnan(n) & (n > 0)
    if draws is None or np.isnan(part.actual[i]) or ok.sum() < LEAST or (y[ok] > n[ok]).any():
        return None
    y, n = y[ok], n[ok]
    p = (y.sum() + 0.5) / (n.sum() + 1)
    scatter = max(1.0, float(((y - n * p) ** 2 / (n * p * (1 - p))).sum() / (len(y) - 1)))
    tied = min(max((scatter - 1) / max(n.mean() - 1, 1.0), 1e-6), 0.9)
    rng = np.random.default_rng(seed + 1)
    learnt = n.sum() / scatter + 1
    mean = np.clip(rng.beta(p * learnt, (1 - p) * learnt, (len(draws), 1)), 1e-9, 1 - 1e-9)
    month = rng.beta(mean * (1 / tied - 1), (1 - mean) * (1 / tied - 1), draws.shape)
    above = part.actual[i] + rng.binomial(draws, month).sum(1)
    below = whole.actual[i] + draws.sum(1)
    if not (below > 0).all():
        return None
    value = Fraction(target.value)
    return float(np.mean(above * 100 * value.denominator >= below * value.numerator))


def _later(first: date, months: int) -> date:
    """The first day of the month so many months later."""
    at = first.year * 12 + first.month - 1 + months
    return date(at // 12, at % 12 + 1, 1)
