"""How likely honest records would look like that: the tests by which checks judge, and how many are told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def more(n: int, of: int, share: float) -> float:
    """Exact binomial: the chance that of `of` at least `n` fall where the part `share` is to be expected."""
    from scipy.stats import binom

    return float(binom.sf(n - 1, of, share))


def none(before: int, periods: int) -> float:
    """Exact: the chance that a period is empty, given `before` events in the `periods` before it.

    Of events that come at one rate each falls into one of the `periods` + 1 periods with the same chance; that the rate
    is only known from the past is thereby reckoned in.
    """
    return float((periods / (periods + 1)) ** before)


def silence(row: Mapping[str, Any]) -> float:
    """The chance of an area's empty month after its twelve before (`sql.silent`); 1 where it is not empty."""
    return none(row["past"], 12) if row["now"] == 0 else 1.0


def even(counts: Sequence[int]) -> float:
    """The chance that counts which come at random (Poisson) lie as close together as these: χ² of the dispersion."""
    from scipy.stats import chi2

    mean = sum(counts) / len(counts)
    if not mean:
        return 1.0
    return float(chi2.cdf(sum((count - mean) ** 2 for count in counts) / mean, len(counts) - 1))


def unlike(counts: Sequence[int], others: Sequence[int]) -> float:
    """χ² of two rows: the chance that both are drawn alike and yet differ so much. Columns empty in both are left out.

    Each row must be expected to hold five in each column, else nothing is said: 1.
    """
    from scipy.stats import chi2_contingency

    both: Any = [[a, b] for a, b in zip(counts, others, strict=True) if a + b]
    if len(both) < 2 or not sum(counts) or not sum(others):
        return 1.0
    answer = chi2_contingency(both)
    return float(answer.pvalue) if answer.expected_freq.min() >= 5 else 1.0


def discovered(chances: Sequence[float], rate: float) -> list[float | None]:
    """Benjamini and Hochberg: for each chance its adjusted one where it is told of, None where not.

    Among all that are told of in one run of a check at most the part `rate` is to be expected to be chance alone; where
    nothing is amiss anywhere, the run tells of anything with no more than that probability.
    """
    order = sorted(range(len(chances)), key=lambda at: chances[at])
    found: list[float | None] = [None] * len(chances)
    least = 1.0
    for rank in range(len(order), 0, -1):
        at = order[rank - 1]
        least = min(least, chances[at] * len(order) / rank)
        found[at] = least if least <= rate else None
    return found
