"""How risky each place and industry is, in four colours, by a scheme that is data and can be printed whole.

Each factor is a number of events in a cell, held against what a cell of that size (enterprises, rectifications due, …)
would have at the rate of all cells together. Small cells are steadied: as many events as the scheme says are added on
either side, so that one death among three workshops is no twentyfold risk.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import log
from typing import Any, Generic, Literal, TypeVar

Colour = Literal["red", "orange", "yellow", "blue"]
COLOURS: tuple[Colour, ...] = ("red", "orange", "yellow", "blue")
Cell = TypeVar("Cell", bound=Hashable)


class BadScheme(ValueError):
    """A scheme that cannot be; the text says where and what."""


@dataclass(frozen=True, slots=True)
class Factor:
    """Up to `weight` points for the events of `measure` against those expected for the cell's `per`.

    No points at `low` times as many as expected or less, all of them at `high` times or more, between them evenly
    by the logarithm.
    """

    measure: str
    per: str
    weight: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scheme:
    """The method: factors whose weights sum to 100, from how many points on a colour is, what is no less than one."""

    factors: tuple[Factor, ...]
    steadied: float
    levels: Mapping[Colour, float]
    at_least: Mapping[str, Colour]

    @classmethod
    def of(cls, data: Any) -> Scheme:
        """Reads a scheme as it stands in YAML. Raises `BadScheme`."""
        try:
            factors = tuple(Factor(**one) for one in data["factors"])
            made = cls(factors, float(data["steadied"]), dict(data["levels"]), dict(data.get("at_least") or {}))
        except (KeyError, TypeError, ValueError) as error:
            raise BadScheme(f"a scheme has factors, steadied, levels and at_least; {error}") from None
        if abs(sum(f.weight for f in factors) - 100) > 1e-9 or any(f.weight <= 0 for f in factors):
            raise BadScheme(f"the weights sum to {sum(f.weight for f in factors):g}, not to 100")
        if bad := next((f for f in factors if not 0 < f.low < f.high), None):
            raise BadScheme(f"{bad.measure}: low is above 0 and below high")
        if made.steadied <= 0:
            raise BadScheme("steadied is a number of events above 0")
        if list(made.levels) != list(COLOURS) or made.levels["blue"] != 0:
            raise BadScheme("levels are red, orange, yellow and blue, in this order, and blue begins at 0")
        if not made.levels["red"] > made.levels["orange"] > made.levels["yellow"] > 0:
            raise BadScheme("red begins above orange, orange above yellow, yellow above 0")
        if unknown := set(made.at_least.values()) - set(COLOURS):
            raise BadScheme(f"at_least: {unknown.pop()} is no colour; there are {', '.join(COLOURS)}")
        return made

    @property
    def measures(self) -> tuple[str, ...]:
        """Every measure that is counted for it."""
        named = [name for f in self.factors for name in (f.measure, f.per)]
        return tuple(dict.fromkeys([*named, *self.at_least]))


@dataclass(frozen=True, slots=True)
class Points:
    """What one factor adds: `count` events where `expected` would be usual, `points` of its weight."""

    factor: Factor
    count: float
    expected: float
    points: float


@dataclass(frozen=True, slots=True)
class Assessed(Generic[Cell]):
    """One cell: colour, points of 100 and their parts, and the measure that holds it to its colour, if one does."""

    colour: Colour
    points: float
    parts: tuple[Points, ...]
    held_by: str = ""

    @property
    def whole(self) -> int:
        """The points without their fraction: 59.8 are not yet 60."""
        return int(self.points)


def assess(counts: Mapping[Cell, Mapping[str, float]], scheme: Scheme) -> dict[Cell, Assessed[Cell]]:
    """The cells of which anything is recorded, with their colours. `counts` gives each cell's figures by measure.

    A figure that a cell lacks is 0.
    """
    whole = {name: sum(of.get(name, 0) for of in counts.values()) for name in scheme.measures}
    made: dict[Cell, Assessed[Cell]] = {}
    for cell, of in counts.items():
        if not any(of.get(name, 0) for name in scheme.measures):
            continue
        parts = []
        for factor in scheme.factors:
            below = whole[factor.per]
            expected = of.get(factor.per, 0) * whole[factor.measure] / below if below else 0.0
            count = of.get(factor.measure, 0)
            ratio = (count + scheme.steadied) / (expected + scheme.steadied)
            share = min(max(log(ratio / factor.low) / log(factor.high / factor.low), 0.0), 1.0)
            parts.append(Points(factor, count, expected, factor.weight * share))
        points = sum(part.points for part in parts)
        colour = next(c for c in COLOURS if points >= scheme.levels[c])
        held = [(COLOURS.index(least), name) for name, least in scheme.at_least.items() if of.get(name, 0)]
        place, name = min(held, default=(len(COLOURS), ""))
        by = name if place < COLOURS.index(colour) else ""
        made[cell] = Assessed(COLOURS[place] if by else colour, points, tuple(parts), by)
    return made
