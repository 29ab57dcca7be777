"""What a measure declares, checked when it is declared. Declaring needs no Ibis; computing does.

A measure counts the records of one source for which its condition holds, or sums one of their columns; a
ratio divides two measures. The condition is an Ibis expression of the source's table `t` and the period `p`
(see `expressions.Bounds`):

    Measure("hazards.found", DANGERS, lambda t, p: p.holds(t.found_at), title="Dangers found", unit="items", …)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Literal

from .rounding import Rounding

Text = Any
"""A str, or what `str()` makes one of: a translation that waits for its language."""
Better = Literal["more", "less", "neither"]
Condition = Callable[[Any, Any], Any]

_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_CLAUSE = re.compile(r"[A-Z]\d+(\.\d+)*[a-z]?")
PERCENT = "%"


class BadMeasure(ValueError):
    """A declaration that contradicts itself; the text begins with the measure's name."""


@dataclass(frozen=True, eq=False)
class Source:
    """One table of records.

    `columns` gives each column's Ibis type. `area` is the column with the 12-digit division code, `industry`
    the one with the industry's code, `cuts` are further columns with few values; None and () where there is none.
    `register` names the list in which the records stand. `computed` are the columns that PostgreSQL reads as an
    expression says in which {row} stands for the row; a snapshot holds what came of it.

    `stated`: each row says a number of an area as a whole, as its output of a year. Such numbers do not add up over
    areas (a city's own figure is not the sum of its districts'), and an area of which none is stated has none.
    """

    table: str
    columns: Mapping[str, str]
    area: str | None = None
    industry: str | None = None
    cuts: tuple[str, ...] = ()
    register: str = ""
    computed: Mapping[str, str] = field(default_factory=dict)
    stated: bool = False

    def __post_init__(self) -> None:
        if self.stated and self.area is None:
            raise BadMeasure(f"{self.table}: what is stated of areas has a column with the area")
        for column in (self.area, self.industry, *self.cuts):
            if column is not None and column not in self.columns:
                raise BadMeasure(f"{self.table}: there is no column {column}")
        if bad := [c for c in (self.area, self.industry, *self.cuts) if c and self.columns[c] != "string"]:
            raise BadMeasure(f"{self.table}: records are cut by texts, which {', '.join(bad)} is not")
        if {"area", "industry"} & set(self.cuts):
            raise BadMeasure(f"{self.table}: area and industry are dimensions by themselves, and no further cuts")

    @cached_property
    def dimensions(self) -> Mapping[str, str]:
        """The column of each dimension by which the records may be cut."""
        named = {"area": self.area, "industry": self.industry}
        return {k: v for k, v in named.items() if v is not None} | {name: name for name in self.cuts}


@dataclass(frozen=True, eq=False, kw_only=True)
class Definition:
    """What every measure states about itself.

    `title` and `definition` are for people; `source_of_law` is where the definition stands. `better` is the
    direction that is good. `cuts` are the dimensions by which it may be cut; by default all of its sources'.
    `clauses` are the codes of the plan's clauses that it serves; `demanded` is a regular expression of the subjects
    under which plans demand it, so that a target read from a notice finds its measure. A changed definition is a new
    `version`, in force for periods that begin on `since` or later; the old one stays declared for the periods before.
    """

    title: Text
    definition: Text
    source_of_law: Text
    unit: Text
    better: Better = "neither"
    places: int = 0
    rounding: Rounding = Rounding.HALF_UP
    cuts: tuple[str, ...] | None = None
    clauses: tuple[str, ...] = ()
    demanded: str = ""
    version: int = 1
    since: date | None = None

    def _check(self, name: str, may: Iterable[str]) -> None:
        if not _NAME.fullmatch(name):
            raise BadMeasure(f"{name}: a measure is called office.name, in lower-case letters, digits and _")
        if self.better not in ("more", "less", "neither"):
            raise BadMeasure(f"{name}: better is more, less or neither, not {self.better!r}")
        if not 0 <= self.places <= 6:
            raise BadMeasure(f"{name}: a figure has 0 to 6 places")
        if unfit := set(self.cuts or ()) - set(may):
            raise BadMeasure(f"{name}: its records cannot be cut by {', '.join(sorted(unfit))}")
        if bad := [c for c in self.clauses if not _CLAUSE.fullmatch(c)]:
            raise BadMeasure(f"{name}: {', '.join(bad)} is no code of a clause")
        if self.version < 1 or (self.version > 1) != (self.since is not None):
            raise BadMeasure(f"{name}: version 1 holds from the beginning; a later one says since when")
        for what in ("title", "definition", "source_of_law", "unit"):
            value = getattr(self, what)
            # A translation is not read here: its language is not known yet.
            if value is None or (isinstance(value, str) and not value.strip()):
                raise BadMeasure(f"{name}: {what} is empty")


@dataclass(frozen=True, eq=False)
class Measure(Definition):
    """A count of the records for which `where` holds, or the sum of their column `value`.

    `present_only`: the records say it of this moment only (an overdue case does not keep when it was overdue
    before), so a period that is over has no figure.
    """

    name: str
    source: Source
    where: Condition
    value: str | None = None
    present_only: bool = False

    def __post_init__(self) -> None:
        self._check(self.name, self.source.dimensions)
        if self.value is not None:
            kind = self.source.columns.get(self.value)
            if kind is None:
                raise BadMeasure(f"{self.name}: {self.source.table} has no column {self.value}")
            if not kind.startswith(("int", "decimal")):
                raise BadMeasure(f"{self.name}: {self.value} is {kind}; sums are exact, of integers or decimals")
        elif self.source.stated:
            raise BadMeasure(f"{self.name}: what is stated of areas is a number, and its rows are not counted")

    @cached_property
    def dimensions(self) -> frozenset[str]:
        """The dimensions by which it may be cut."""
        return frozenset(self.source.dimensions if self.cuts is None else self.cuts)


@dataclass(frozen=True, eq=False)
class Ratio(Definition):
    """`scale` × numerator ÷ denominator: 100 for per cent, 100,000 for deaths per 100,000 employees."""

    name: str
    numerator: Measure
    denominator: Measure
    scale: int = 100

    def __post_init__(self) -> None:
        self._check(self.name, self.dimensions)
        if self.unit == PERCENT:
            if self.scale != 100:
                raise BadMeasure(f"{self.name}: per cent has the scale 100")
            if self.numerator.unit != self.denominator.unit:
                raise BadMeasure(
                    f"{self.name}: {self.numerator.unit} of {self.denominator.unit} is no percentage; name the unit"
                )
        if self.scale < 1:
            raise BadMeasure(f"{self.name}: the scale is at least 1")

    @cached_property
    def dimensions(self) -> frozenset[str]:
        """The dimensions by which both its parts may be cut."""
        both = self.numerator.dimensions & self.denominator.dimensions
        return both if self.cuts is None else frozenset(self.cuts)


AnyMeasure = Measure | Ratio


class Registry:
    """The measures of an installation, by name and version."""

    def __init__(self) -> None:
        self._versions: dict[str, list[AnyMeasure]] = {}

    def add(self, *measures: AnyMeasure) -> None:
        """Makes measures known. Raises `BadMeasure` where a version is there already or begins before the last."""
        for one in measures:
            versions = self._versions.setdefault(one.name, [])
            expected = len(versions) + 1
            if one.version != expected:
                raise BadMeasure(f"{one.name}: version {one.version} declared where version {expected} is next")
            if versions and versions[-1].since and one.since and one.since <= versions[-1].since:
                raise BadMeasure(f"{one.name}: version {one.version} begins before the version that it follows")
            versions.append(one)

    def named(self, name: str, on: date | None = None) -> AnyMeasure:
        """The version for periods that begin on that day; the latest if none is given. KeyError if there is none."""
        versions = self._versions[name]
        if on is None:
            return versions[-1]
        return [v for v in versions if v.since is None or v.since <= on][-1]

    def all(self, on: date | None = None) -> tuple[AnyMeasure, ...]:
        """Every measure, in the order of declaration."""
        return tuple(self.named(name, on) for name in self._versions)

    def sources(self) -> tuple[Source, ...]:
        """Every table that a measure of any version reads."""
        found: dict[Source, None] = {}
        for versions in self._versions.values():
            for one in versions:
                found |= dict.fromkeys(part.source for part in parts(one))
        return tuple(found)

    def of_source(self, source: Source) -> tuple[Measure, ...]:
        """Every plain measure of any version over that table, those inside ratios included."""
        found: dict[Measure, None] = {}
        for versions in self._versions.values():
            for one in versions:
                found |= dict.fromkeys(part for part in parts(one) if part.source is source)
        return tuple(found)

    def demanded(self, subject: str) -> str:
        """The name of the measure that plans demand under this subject, or "" where none is known."""
        return next((one.name for one in self.all() if one.demanded and re.fullmatch(one.demanded, subject)), "")

    def clauses(self) -> frozenset[str]:
        """The codes of the plan's clauses that have a measure."""
        return frozenset(code for one in self.all() for code in one.clauses)


def parts(measure: AnyMeasure) -> tuple[Measure, ...]:
    """The plain measures from which its figure is made."""
    return (measure,) if isinstance(measure, Measure) else (measure.numerator, measure.denominator)
