"""Points from figures: what a scheme makes of what was measured and of what was given by hand. Pure.

Each line keeps all that it rests on, so that a sheet of scores can be read years later without computing anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from anlan.engines.measures import Progress, Rounding, rounded
from anlan.engines.measures.figures import Figure

from .scheme import Entry, Rules

PLACES = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found for one entry: of a target how it stands, of a measure its figure. `url` opens the records."""

    figure: Figure | None = None
    state: Progress | None = None
    measure: str = ""
    version: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """One entry of the sheet. `points` is None where nothing could be scored; `why` says why (`Absence`, "no_part")."""

    id: str
    points: Decimal | None
    by_hand: Decimal = Decimal(0)
    actual: str = ""
    against: str = ""
    parts: tuple[str, str] | None = None
    why: str = ""
    struck: bool = False
    measure: str = ""
    version: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """All of one area's or department's points. `possible` is the weight of the items that could be scored.

    `total` is out of the scheme's full marks: what could not be scored is neither lost nor given. None where no item
    could.
    """

    lines: tuple[Scored, ...]
    points: Decimal
    possible: Decimal
    total: Decimal | None
    vetoed: tuple[str, ...] = ()
    grade: int | None = None
    """The place of the grade in the scheme."""

    def json(self) -> list[dict[str, Any]]:
        """The lines as they are kept."""
        kept = []
        for line in self.lines:
            row = {k: v for k, v in asdict(line).items() if v not in ("", None, False, 0)}
            row["points"] = None if line.points is None else str(line.points)
            row["by_hand"] = str(line.by_hand)
            kept.append(row)
        return kept


def score(rules: Rules, see: Callable[[Entry], Seen], hands: Mapping[str, Sequence[Decimal]]) -> Sheet:
    """The sheet by the rules; `see` finds what an entry is scored by, `hands` are the points given by hand."""
    lines, points, possible, extra = [], Fraction(0), Fraction(0), Fraction(0)
    vetoed = []
    for entry in rules.entries:
        seen = Seen() if entry.by_hand else see(entry)
        line = _line(entry, seen, hands.get(entry.id, ()))
        lines.append(line)
        if line.struck:
            vetoed.append(entry.id)
        if line.points is None:
            continue
        if entry.kind == "item":
            points, possible = points + Fraction(line.points), possible + Fraction(entry.most)
        else:
            extra += Fraction(line.points)
    total = None
    if possible:
        total = _cut(max(points / possible * Fraction(rules.full) + extra, Fraction(0)))
    grade = None if total is None else next(
        (n for n, g in enumerate(rules.grades) if total >= g.at_least and (g.despite_veto or not vetoed)), None
    )  # fmt: skip
    return Sheet(tuple(lines), _cut(points + extra), _cut(possible), total, tuple(vetoed), grade)


def _line(entry: Entry, seen: Seen, hands: Sequence[Decimal]) -> Scored:
    given = sum(hands, Decimal(0))
    common: dict[str, Any] = {"id": entry.id, "measure": seen.measure, "version": seen.version, "url": seen.url}
    figure, state = seen.figure, seen.state
    if figure is not None and figure.denominator is not None:
        common["parts"] = (str(figure.numerator), str(figure.denominator))
    why = ""
    if entry.target:
        known = state is not None and state.standing != "unknown"
        why = "" if known else "no_part" if state is None else (figure.absent if figure else "") or "unstated"
        if known and state is not None:
            against = state.number if entry.kind == "veto" else state.line
            common |= {"actual": str(state.actual), "against": str(against)}
    elif entry.measure:
        why = "unstated" if figure is None else figure.absent
        if figure is not None and figure.value is not None:
            common["actual"] = str(figure.value)
    if entry.kind == "veto":
        struck = bool(hands) or (not why and not entry.by_hand and _strikes(entry, seen))
        return Scored(points=None, why=why, struck=struck, **common)
    if why:
        # What a person gives stands by itself only where it is no part of something that could not be scored.
        if entry.kind == "item":
            return Scored(points=None, why=why, **common)
        made = Fraction(0)
    else:
        made = _made(entry, seen)
    low, high = {
        "item": (Fraction(0), Fraction(entry.most)), "deduction": (-Fraction(entry.most), Fraction(0)),
        "bonus": (Fraction(0), Fraction(entry.most)),
    }[entry.kind]  # fmt: skip
    points = min(max(made + Fraction(given), low), high)
    return Scored(points=_cut(points), by_hand=given, why=why, **common)


def _made(entry: Entry, seen: Seen) -> Fraction:
    """The points of what was measured, before what is given by hand."""
    most = Fraction(entry.most)
    if entry.by_hand:
        return most if entry.kind == "item" else Fraction(0)
    if entry.target:
        state = seen.state
        assert state is not None
        assert state.actual is not None
        assert state.line is not None
        if state.standing == "impossible":
            return Fraction(0)
        if state.standing not in ("over", "behind"):
            return most
        return max(most - _steps(entry, abs(Fraction(state.actual) - Fraction(state.line))), Fraction(0))
    assert seen.figure is not None
    value = seen.figure.exact
    assert value is not None
    if entry.from_ is not None and entry.to is not None:
        low, high = Fraction(entry.from_), Fraction(entry.to)
        return most * min(max((value - low) / (high - low), Fraction(0)), Fraction(1))
    steps = _steps(entry, max(value - Fraction(entry.above), Fraction(0)))
    return {"item": max(most - steps, Fraction(0)), "deduction": -steps, "bonus": steps}[entry.kind]


def _steps(entry: Entry, beyond: Fraction) -> Fraction:
    """`step` points for every whole `each`."""
    return (beyond // Fraction(entry.each)) * Fraction(entry.step)


def _strikes(entry: Entry, seen: Seen) -> bool:
    if entry.target:
        return seen.state is not None and seen.state.standing == "impossible"
    value = seen.figure.exact if seen.figure else None
    return value is not None and value > Fraction(entry.above)


def _cut(value: Fraction) -> Decimal:
    return rounded(value, PLACES, Rounding.HALF_UP)


def ranks(of: Sequence[tuple[Decimal | None, bool]]) -> list[int | None]:
    """The rank of each total and veto: equals share one, and what follows leaves as many out.

    Whom a veto has struck stands behind all others; who has no points stands nowhere.
    """
    order = sorted({(vetoed, -total) for total, vetoed in of if total is not None})
    before = {key: sum(1 for t, v in of if t is not None and (v, -t) < key) + 1 for key in order}
    return [None if total is None else before[vetoed, -total] for total, vetoed in of]
