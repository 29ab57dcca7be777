"""Targets of the year: what is allowed or owed, the control line through the year, and how things stand.

Pure functions. The year's figure comes from a measure; the number of the target from the plan.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Literal

Number = int | Decimal | Fraction
Kind = Literal["ceiling", "zero", "floor", "share", "down_by", "up_by", "milestone"]
KINDS: tuple[Kind, ...] = ("ceiling", "zero", "floor", "share", "down_by", "up_by", "milestone")
Shape = Literal["uniform", "season", "level", "milestone"]
Standing = Literal["ahead", "on_line", "over", "behind", "met", "impossible", "unknown"]
"""Of a limit: ahead (less than the line allows), on the line, over it, or impossible (the year's limit is passed).
Of something owed: ahead, on the line, behind it, or met. Unknown: a figure is not available."""


class BadTarget(ValueError):
    """A target that cannot be; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the year is to bring.

    | kind | `value` |
    |---|---|
    | ceiling | at most so many |
    | zero | none; `value` is 0 |
    | floor | at least so many |
    | share | at least so many per cent of a whole that is given with the figure |
    | down_by | at least so many per cent less than `base`, last year's figure |
    | up_by | at least so many per cent more than `base` |
    | milestone | at least so many by the day `due`, and none before it |

    `places` are the decimals of what is measured: a count has none, a rate has some.
    """

    kind: Kind
    value: Number = 0
    base: Number | None = None
    due: date | None = None
    places: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadTarget(f"{self.kind!r} is no kind of target; there are {', '.join(KINDS)}")
        if self.value < 0:
            raise BadTarget("the number of a target is not negative")
        if self.kind == "zero" and self.value != 0:
            raise BadTarget("the number of the target zero is 0")
        if self.kind in ("share", "down_by") and self.value > 100:
            raise BadTarget("more than 100 per cent")
        if (self.kind in ("down_by", "up_by")) != (self.base is not None):
            raise BadTarget("a target against a base, and no other, has a base")
        if self.base is not None and self.base < 0:
            raise BadTarget("the base is not negative")
        if (self.kind == "milestone") != (self.due is not None):
            raise BadTarget("a milestone, and nothing else, has a day on which it is due")

    @property
    def is_limit(self) -> bool:
        """Whether less is better: the number may not be passed."""
        return self.kind in ("ceiling", "zero", "down_by")

    def number(self, whole: Number | None = None) -> Number | None:
        """The year's number: the most that is allowed, or the least that is owed.

        2.5 % less than 1,539 deaths allows ⌊1,539 × 0.975⌋ = 1,500. A share needs its `whole`; None where it
        is not available or zero.
        """
        value = Fraction(self.value)
        if self.kind == "share":
            return ceil(Fraction(whole) * value / 100) if whole else None
        if self.base is not None:
            value = Fraction(self.base) * (100 + (value if self.kind == "up_by" else -value)) / 100
        return self.cut(value)

    def cut(self, value: Fraction) -> Number:
        """What is measured with `places` decimals is held against as many: never more allowed, never less owed."""
        scaled = value * 10**self.places
        whole = floor(scaled) if self.is_limit else ceil(scaled)
        return Decimal(whole).scaleb(-self.places) if self.places else whole


@dataclass(frozen=True, slots=True)
class Line:
    """What part of the year's number falls to the days up to and including a day.

    `months` are last year's figures from January to December: the line then has last year's season, within a
    month by days. Without them, or where last year had none at all, it is uniform; `shape` says which. `level`: what
    is measured does not grow through the year, as a rate does not; the whole number holds on every day.
    """

    months: Sequence[Number] | None = None
    level: bool = False

    def __post_init__(self) -> None:
        if self.months is not None and (len(self.months) != 12 or any(m < 0 for m in self.months)):
            raise BadTarget("a season is twelve figures, none negative")

    @property
    def shape(self) -> Shape:
        if self.level:
            return "level"
        return "season" if self.months is not None and sum(self.months) > 0 else "uniform"

    def share(self, day: date) -> Fraction:
        """The part of the year's number, 0 to 1, at the end of `day`."""
        if self.level:
            return Fraction(1)
        if self.shape == "uniform":
            return Fraction(day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365)
        months = [Fraction(m) for m in self.months or ()]
        part = Fraction(day.day, calendar.monthrange(day.year, day.month)[1])
        return (sum(months[: day.month - 1], Fraction(0)) + months[day.month - 1] * part) / sum(months)


@dataclass(frozen=True, slots=True)
class Progress:
    """How a target stands at the end of a day. Numbers are None where they are not available.

    `line` is the number of the same date: of a limit the most, of something owed the least.
    `remaining` is what is left of a limit (negative when it is passed) or still owed (0 when met).
    """

    standing: Standing
    actual: Number | None
    number: Number | None
    line: Number | None
    remaining: Number | None
    shape: Shape


def progress(
    target: Target, actual: Number | None, day: date, *, line: Line | None = None, whole: Number | None = None
) -> Progress:
    """How `target` stands with the figure `actual` of the year to the end of `day`; `whole` is what a share is of."""
    line = line or Line()
    shape: Shape = "milestone" if target.due else line.shape
    number = target.number(whole)
    if number is None or actual is None:
        return Progress("unknown", actual, number, None, None, shape)
    mark = target.cut(Fraction(number) * (day >= target.due if target.due else line.share(day)))
    left = Fraction(number) - Fraction(actual)
    end: Standing | None
    if target.is_limit:
        better, worse, end = actual < mark, "over", "impossible" if left < 0 else None
    else:
        better, worse, end = actual > mark, "behind", "met" if left <= 0 else None
        left = max(left, Fraction(0))
    if shape == "level":
        # It may fall and rise again: nothing is settled before the year is over.
        end = None
    standing: Standing = end or ("on_line" if actual == mark else "ahead" if better else worse)  # type: ignore[assignment]
    remaining = Decimal(int(left * 10**target.places)).scaleb(-target.places) if target.places else int(left)
    return Progress(standing, actual, number, mark, remaining, shape)


def apportioned(total: int, weights: Sequence[Number]) -> list[int]:
    """A whole number in whole parts by weights, which add up to it (largest remainders; of equals the first)."""
    if total < 0 or any(w < 0 for w in weights):
        raise BadTarget("neither what is apportioned nor a weight is negative")
    whole = sum((Fraction(w) for w in weights), Fraction(0))
    if not whole:
        raise BadTarget("all weights are nought: there is nothing to apportion by")
    exact = [Fraction(w) * total / whole for w in weights]
    made = [floor(part) for part in exact]
    first = sorted(range(len(made)), key=lambda n: made[n] - exact[n])
    for n in first[: total - sum(made)]:
        made[n] += 1
    return made
