"""What law and standards say of hidden dangers: pure functions; numbers stand in `law/hazards.yaml`.

Sources: SAWS Decree 16 (2007) 安全生产事故隐患排查治理暂行规定 (Arts. 3, 14, 15, 18); State Council Decree 446
(2005) Art. 8 for coal mines; the notice, clause W3.5 ("five in place").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Literal, TypeVar

Grade = Literal["general", "major"]
Kind = TypeVar("Kind")

_NOISE = frozenset("的与和及等未不无有或、，。（）()·— ")


def guess_type(text: str, types: Iterable[tuple[Kind, str]]) -> Kind | None:
    """Which type the words of a report speak of: the one that shares most pairs of characters; None if none does.

    A proposal for who verifies, never a judgement: 护栏 in "护栏缺失" points at 防护栏隔离栅标志标线缺失.
    """

    def pairs(words: str) -> set[str]:
        return {a + b for a, b in pairwise(words) if a not in _NOISE and b not in _NOISE}

    said = pairs(text)
    best = max(((len(said & pairs(name)), -n, kind) for n, (kind, name) in enumerate(types)), default=None,
               key=lambda one: one[:2])  # fmt: skip
    return best[2] if best is not None and best[0] else None


FIVE_IN_PLACE = ("measures", "responsible", "money", "rectify_by", "contingency")
"""整改措施、责任、资金、时限和预案“五到位”: the notice, part three (三) item 5."""


COUNTS = ("general_found", "general_rectified", "major_found", "major_rectified", "money_yuan")
"""The figures of a return: 事故隐患排查治理情况统计分析表, Decree 16 Art. 14."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the standards say of a danger; a person decides.

    `clause` is the code of the judgement standard's clause that fits, or None: then nothing is mapped
    and the page says so instead of guessing. `why` names the criteria of Decree 16 Art. 3 that hold.
    """

    grade: Grade
    clause: str | None
    why: tuple[str, ...]


def judge(*, clause: str | None, needs_stop: bool, outside_cause: bool) -> Judgement:
    """Proposes a grade: Decree 16 Art. 3.

    Major is what does great harm and is hard to put right, so that production must stop in full or in
    part while it is treated, or what outside factors make hard for the unit to remove itself; or what a
    judgement standard names. Everything else is general.
    """
    why = tuple(
        name
        for name, holds in (
            ("clause", clause is not None),
            ("needs_stop", needs_stop),
            ("outside_cause", outside_cause),
        )
        if holds
    )
    if not why:
        return Judgement("general", None, ())
    return Judgement("major", clause, why)


def missing_of_five(plan: Mapping[str, object]) -> tuple[str, ...]:
    """Which of the five in place are not: empty text, no person, no date, money not stated.

    Zero yuan is a statement (a danger removed by tidying up costs nothing); absence is not.
    """

    def stated(value: object) -> bool:
        if isinstance(value, str):
            return bool(value.strip())
        if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
            return value >= 0
        return value is not None

    return tuple(name for name in FIVE_IN_PLACE if not stated(plan.get(name)))


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A quarter (`number` 1–4) or a whole year (`number` 0) of the enterprises' returns."""

    year: int
    number: int = 0

    def __post_init__(self) -> None:
        if not (1949 <= self.year <= 2999 and 0 <= self.number <= 4):
            raise ValueError(f"no such period: {self.year} {self.number}")

    @classmethod
    def of(cls, day: date) -> Period:
        """The quarter in which `day` lies."""
        return cls(day.year, (day.month - 1) // 3 + 1)

    @classmethod
    def parse(cls, text: str) -> Period:
        """Reads 2013 or 2013Q2."""
        year, _, quarter = text.upper().partition("Q")
        if not year.isdigit() or (_ and quarter not in {"1", "2", "3", "4"}):
            raise ValueError(f"a period reads 2013 or 2013Q2, not {text!r}")
        return cls(int(year), int(quarter or 0))

    @property
    def first(self) -> date:
        return date(self.year, 3 * self.number - 2 if self.number else 1, 1)

    @property
    def last(self) -> date:
        return self.next.first - timedelta(days=1)

    @property
    def next(self) -> Period:
        if self.number == 0:
            return Period(self.year + 1)
        return Period(self.year + 1, 1) if self.number == 4 else Period(self.year, self.number + 1)

    @property
    def previous(self) -> Period:
        if self.number == 0:
            return Period(self.year - 1)
        return Period(self.year - 1, 4) if self.number == 1 else Period(self.year, self.number - 1)

    def due(self, day_of_month: int) -> date:
        """The last day on which the return is in time: that day of the first month after the period.

        Decree 16 Art. 14: by the 15th of the next quarter's first month, by 31 January for the year.
        """
        return self.next.first.replace(day=day_of_month)

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}" if self.number else str(self.year)
