"""What stands on a board, as data: a JSON or YAML file that is checked against `board-file.schema.json`.

Every fault names its line and field. Stored, sent by the editor, imported and exported it is one and the same.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from anlan.engines.measures import BadPeriod, Period
from anlan.kernel.datafiles import BadFile, Faults, checked
from anlan.kernel.entered import seen
from anlan.kernel.figures import titles
from anlan.kernel.figures import words as wording
from anlan.kernel.scope import area_prefix

SCHEMA = Path(__file__).parent / "board-file.schema.json"
Kind = Literal["card", "trend", "ranking", "map", "table", "heat", "text"]
KINDS: dict[str, Any] = {
    "card": gettext_lazy("Card"), "trend": gettext_lazy("Trend over months"), "ranking": gettext_lazy("Ranking"),
    "map": gettext_lazy("Map of areas"), "table": gettext_lazy("Table"),
    "heat": gettext_lazy("Heat map, area by industry"), "text": gettext_lazy("Text"),
}  # fmt: skip
MEASURES: dict[str, int] = {"card": 1, "trend": 3, "ranking": 1, "map": 1, "table": 6, "heat": 1, "text": 0}
"""How many measures a tile of the kind shows at most."""
SIZES: dict[str, tuple[int, int]] = {
    "card": (3, 1), "trend": (6, 2), "ranking": (6, 3), "map": (8, 3), "table": (6, 2), "heat": (12, 4), "text": (3, 1),
}  # fmt: skip
"""Width in twelfths of the board, and height in rows, where none is given."""
PERIODS: dict[str, Any] = {
    "month": gettext_lazy("This month"), "last_month": gettext_lazy("Last month"),
    "year": pgettext_lazy("period of a tile", "This year to date"), "last_year": gettext_lazy("Last year"),
}  # fmt: skip
"""Periods that go with the day; any other is fixed, and written as measures take it."""
MOST = 24
LARGEST = 512 * 1024
"""Bytes of a file. A board of so many tiles has some ten thousand."""
"""A board that cannot be; the text has a line for each fault, with its place."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile. `area` and `industry` are "" for the reader's own; `by` is what rankings and tables tell apart."""

    kind: Kind
    measures: tuple[str, ...] = ()
    period: str = "year"
    area: str = ""
    industry: str = ""
    by: str = "area"
    title: str = ""
    text: str = ""
    width: int = 6
    height: int = 2

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Tile:
        """The tile that a checked entry describes."""
        width, height = SIZES[row["kind"]]
        return cls(**{"width": width, "height": height} | dict(row) | {"measures": tuple(row.get("measures", ()))})

    def when(self, today: date) -> Period:
        """The period, on that day."""
        match self.period:
            case "month":
                return Period.of("month", today)
            case "last_month":
                return Period.of("month", today.replace(day=1) - timedelta(days=1))
            case "year":
                # The whole of the year that runs counts up to now, and is what every board asks for.
                return Period.of("year", today)
            case "last_year":
                return Period.of("year", today.replace(year=today.year - 1, day=1))
        return Period.parse(self.period)


def tiles(layout: Mapping[str, Any]) -> list[Tile]:
    """The tiles of a layout that was checked."""
    return [Tile.of(row) for row in layout.get("tiles", ())]


def read(raw: bytes, name: str, account: Any, *, known: bool = False) -> tuple[str, dict[str, Any]]:
    """Title and layout of the board in the bytes of the file called `name`. Raises `BadFile`.

    Fixed areas and industries lie within the scope of `account`. With `known` every measure must be there; a board that
    is there already may name one that is gone, and its tile says so.
    """

    def contradictions(content: Any, faulty: set[tuple[Any, ...]]) -> Faults:
        rows = content.get("tiles") if isinstance(content, dict) else None
        unsound, there = {path[:2] for path in faulty}, _industries()
        for n, row in enumerate(rows if isinstance(rows, list) and ("tiles",) not in faulty else ()):
            if ("tiles", n) not in unsound and isinstance(row, dict):
                for field, words in _wrong(row, account, there, known):
                    yield ("tiles", n, field), words

    content = checked(raw, name, SCHEMA, contradictions)
    title = " ".join(content.pop("title").split())
    try:
        seen(title)
        if not title:
            raise ValidationError(_("must not be empty"))
    except ValidationError as error:
        raise BadFile(f"{name}: title: {error.messages[0]}") from error
    return title, content


def _wrong(row: dict[str, Any], account: Any, industries: Container[str], known: bool = False) -> list[tuple[str, str]]:
    """What does not go together in one tile: the field and why."""
    kind, found = row["kind"], []
    given, most = row.get("measures", []), MEASURES[kind]
    if kind == "text" and not row.get("text", "").strip():
        found.append(("text", str(_("must not be empty"))))
    if most and not given:
        found.append(("measures", str(_("say what it shows"))))
    if len(given) > most:
        words = _("a tile of this kind shows at most %(n)s") % {"n": most}
        found.append(("measures", words))
    if known:
        there = titles()
        found += [("measures", _("there is no measure %(name)s") % {"name": m}) for m in given if m not in there]
    for field in ("title", "text"):
        try:
            seen(row.get(field, ""))
        except ValidationError as error:
            found.append((field, error.messages[0]))
    period = row.get("period", "year")
    if period not in PERIODS:
        try:
            Period.parse(period)
        except BadPeriod as error:
            found.append(("period", wording.no_period(error)))
    scope = account.scope
    if (area := row.get("area")) and not area_prefix(area).startswith(scope.area):
        found.append(("area", str(_("is not within your area"))))
    industry = row.get("industry")
    if industry and (industry not in industries or not scope.covers(scope.area, industry)):
        found.append(("industry", str(_("is none of your industries"))))
    return found


def _industries() -> Container[str]:
    return {code for code in wording.industries() if code is not None}


def within(layout: Mapping[str, Any], account: Any) -> dict[str, Any]:
    """The layout with the areas and industries that `account` may fix; where it may not, each reader's own."""
    rows, there = [], _industries()
    for row in layout.get("tiles", ()):
        refused = {field for field, _words in _wrong(row, account, there)} & {"area", "industry"}
        rows.append({name: value for name, value in row.items() if name not in refused})
    return {"tiles": rows}


def write(title: str, layout: Mapping[str, Any]) -> str:
    """The board as a file that `read` takes."""
    return yaml.safe_dump({"title": title, **layout}, allow_unicode=True, sort_keys=False, width=110)


def templates() -> dict[str, dict[str, Any]]:
    """Boards to begin from, by name; their titles are in both languages."""
    return dict(json.loads((Path(__file__).parent / "templates.json").read_text(encoding="utf-8")))
