"""Scoring schemes: the year's appraisal as data, a YAML file that is checked against `scheme-file.schema.json`.

Every fault names its line and field, as in plan files. What the file says is what is scored: no weight, step or veto
stands in code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import yaml
from django.utils.translation import gettext as _

from anlan.engines.measures import parts
from anlan.kernel.datafiles import Faults, checked
from anlan.kernel.figures.computing import named
from anlan.kernel.models import Installation
from anlan.parties.models.places import bilingual

SCHEMA = Path(__file__).parent / "scheme-file.schema.json"
Kind = Literal["item", "deduction", "bonus", "veto"]
LISTS: dict[str, Kind] = {"items": "item", "deductions": "deduction", "bonus": "bonus", "veto": "veto"}
DIMENSION = {"districts": "area", "departments": "industry"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the scheme. `most` is an item's weight, or how much a deduction or bonus comes to at most.

    By exactly one of: `target`, a target of the plan, against its line; `measure`, a figure; or by hand.

    | with | points |
    |---|---|
    | target, each, less | `less` fewer for every whole `each` beyond the line; none once the number is passed |
    | measure, from_, to | none at `from_`, all at `to`, between them by proportion |
    | measure, each, less or more | `less` fewer (`more` more) for every whole `each` above `above` |
    | a veto | where the measure is above `above`, or the target's number is passed |
    """

    kind: Kind
    id: str
    zh: str
    en: str = ""
    most: Decimal = Decimal(0)
    target: str = ""
    measure: str = ""
    from_: Decimal | None = None
    to: Decimal | None = None
    above: Decimal = Decimal(0)
    each: Decimal = Decimal(1)
    step: Decimal = Decimal(0)

    @property
    def name(self) -> str:
        return bilingual(self.zh, self.en)

    @property
    def by_hand(self) -> bool:
        return not self.target and not self.measure


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade from so many points on. `despite_veto`: also for whom a veto has struck."""

    zh: str
    en: str
    at_least: Decimal
    despite_veto: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """A scheme as it is scored by."""

    of: str
    entries: tuple[Entry, ...]
    grades: tuple[Grade, ...]

    @property
    def full(self) -> Decimal:
        return sum((one.most for one in self.entries if one.kind == "item"), Decimal(0))

    def entry(self, code: str) -> Entry | None:
        return next((one for one in self.entries if one.id == code), None)


def rules(content: dict[str, Any]) -> Rules:
    """The rules of a scheme's checked content."""
    entries = tuple(_entry(kind, row) for name, kind in LISTS.items() for row in content.get(name, ()))
    grades = tuple(
        Grade(g["zh"], g.get("en", ""), _number(g["at_least"]), g.get("despite_veto", False)) for g in content["grades"]
    )
    return Rules(content["scheme"]["of"], entries, grades)


def _entry(kind: Kind, row: dict[str, Any]) -> Entry:
    def number(*names: str, default: int = 0) -> Decimal:
        return next((_number(row[name]) for name in names if name in row), Decimal(default))

    return Entry(
        kind, row["id"], row["zh"], row.get("en", ""), number("weight", "most"), row.get("target", ""),
        row.get("measure", ""), _number(row["from"]) if "from" in row else None,
        _number(row["to"]) if "to" in row else None, number("above"), number("each", default=1), number("less", "more"),
    )  # fmt: skip


def _number(value: float) -> Decimal:
    return Decimal(str(value))


def parse(raw: bytes, path: str) -> dict[str, Any]:
    """The scheme in the bytes of the file called `path`; raises `BadFile`, a line for each fault."""
    return checked(raw, path, SCHEMA, _contradictions)


def kept(text: str) -> dict[str, Any]:
    """The content of a scheme that was checked when it was loaded, whatever the plan and the measures have become."""
    return dict(yaml.safe_load(text))


def as_adopted(text: str) -> Rules:
    """The rules of a scheme that was checked when it was loaded; see `kept`."""
    return rules(kept(text))


def _contradictions(content: Any, faulty: set[tuple[Any, ...]]) -> Faults:
    """What contradicts itself or the plan; asked of every entry that is not faulty by itself."""
    from ..models import Target

    if not isinstance(content, dict):
        return
    unsound = {path[:n] for path in faulty for n in range(len(path) + 1)}
    head: Any = {} if ("scheme",) in unsound else content.get("scheme")
    if head and head["city"] != (city := Installation.here().city_code):
        yield ("scheme", "city"), _("this installation is that of %(city)s") % {"city": city}
    dimension = DIMENSION.get(head.get("of", ""), "")
    targets = set(
        Target.objects.filter(plan__year=head.get("year", 0), plan__state="adopted").values_list("code", flat=True)
    )
    known = {one.name: one for one in named()}
    seen: set[str] = set()
    for name, kind in LISTS.items():
        for n, row in enumerate(content.get(name) or ()):
            if (name, n) in unsound or not isinstance(row, dict):
                continue
            if row["id"] in seen:
                yield (name, n, "id"), _("%(code)s is there twice") % {"code": row["id"]}
            seen.add(row["id"])
            for field, words in _row(kind, row):
                yield (name, n, field), words
            if head and (code := row.get("target")) and code not in targets:
                yield (name, n, "target"), _("the plan in force of that year has no target %(code)s") % {"code": code}
            if (of := row.get("measure")) is None:
                continue
            measure = known.get(of)
            if measure is None:
                yield (name, n, "measure"), _("there is no measure %(name)s") % {"name": of[:60]}
            elif any(part.present_only for part in parts(measure)):
                yield (
                    (name, n, "measure"),
                    _("%(name)s says the present only: of a month that is over there is no figure") % {"name": of},
                )
            elif dimension and dimension not in measure.dimensions:
                yield (name, n, "measure"), _("%(name)s is not told apart by whom this scheme scores") % {"name": of}
    grades = content.get("grades")
    if ("grades",) not in unsound and isinstance(grades, list):
        for n in range(1, len(grades)):
            if grades[n]["at_least"] >= grades[n - 1]["at_least"]:
                yield ("grades", n, "at_least"), _("grades go from the highest to the lowest")


def _row(kind: Kind, row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What does not go together in one entry: the field and why."""
    ways = [way for way in ("target", "measure", "manual") if way in row]
    if len(ways) != 1:
        yield (
            ways[1] if ways else "id",
            _("is scored by exactly one of: a target, a measure, or by hand (manual: true)"),
        )
        return
    steps = [name for name in ("each", "less", "more") if name in row]
    stretch = [name for name in ("from", "to") if name in row]
    wants = "more" if kind == "bonus" else "less"
    if ways == ["manual"]:
        for name in (*steps, *stretch, *(("above",) if "above" in row else ())):
            yield name, _("what is scored by hand has no steps")
    elif kind == "veto":
        if "above" in row and "measure" not in row:
            yield "above", _("only a measure has a limit above which it strikes")
    elif stretch:
        if steps or "above" in row or len(stretch) != 2 or "target" in row:
            yield stretch[0], _("a measure is scored either from … to …, or by steps")
        elif row["from"] == row["to"]:
            yield "to", _("is the same as where it begins")
    elif set(steps) != {"each", wants}:
        yield "id", _("says for every how many (each) and how many points (%(name)s)") % {"name": wants}
    elif "above" in row and "target" in row:
        yield "above", _("a target has its own line")
