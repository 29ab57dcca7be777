"""What a composed board shows its reader: each tile drawn from figures that are counted in the reader's own scope.

Whatever the number of tiles, the figures come in one query for the whole city, or from what is kept of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import Error, transaction
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from anlan.engines.measures import AnyMeasure, Line, Period, parts
from anlan.engines.measures import Target as Demand
from anlan.engines.measures.figures import Compared, Figures
from anlan.engines.measures.figures import Figure as Number
from anlan.engines.measures.rounding import MOST_TOLD
from anlan.kernel import areas, clock
from anlan.kernel.deadlines import add_months
from anlan.kernel.figures import words as wording
from anlan.kernel.figures.computing import DIGITS, WHOLE_TIER, Asked, lately_together, named
from anlan.kernel.figures.declaring import REGISTRY
from anlan.kernel.figures.drawing import Card, Cell, Column, Figure, Row, Text, listed, shaded
from anlan.kernel.figures.lists import list_url, records_url
from anlan.kernel.registers import register_named
from anlan.kernel.scope import EVERYWHERE, Actor, acting, area_prefix
from anlan.offices.plan.targets.standing import demand, kept

from ..content import Limit, limits_of, plain
from .layout import MEASURES, Tile
from .layout import tiles as tiles_of
from .models import Board

logger = logging.getLogger(__name__)
MONTHS = 12
AHEAD, MOST_AHEAD = 200, 400
"""The figures of so many boards, those changed last, are counted when a process begins, and so many questions at most:
who makes boards of hundreds of periods waits for them himself."""
_LEVEL = Line(level=True)
"""A card says the year's number: no line through the year is needed for it."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A tile as it is shown: a card, a figure or a text; or `absent`, why there is none. `of` says what it counts."""

    place: int
    tile: Tile
    title: Text
    card: Card | None = None
    figure: Figure | None = None
    absent: str = ""
    of: str = ""
    smaller: str = ""
    """That less is shown than the board asks for, since its reader sees less."""

    sheet_url: str = ""

    def at(self, place: int) -> Drawn:
        """The same at another place of the board."""
        return replace(self, place=place, figure=self.figure and replace(self.figure, name=f"tile-{place}"))

    @property
    def sheet(self) -> Figure | None:
        """The tile's table: what a sheet holds."""
        if self.card is None:
            return self.figure
        cells = [self.card.cell, *([self.card.limit] if self.card.limit else [])]
        heads = [Column(_("Figure")), *([Column(_("Target"))] if self.card.limit else [])]
        return Figure("card", self.title, "table", "", tuple(heads), (Row(self.title, tuple(cells)),), self.card.unit)


@dataclass(frozen=True, slots=True)
class Composed:
    """A board as its reader sees it; `as_of` is the moment of which the oldest of its numbers are."""

    tiles: tuple[Drawn, ...]
    place: str
    industries: str
    as_of: datetime


class _Absent(Exception):
    """The tile shows nothing; the text says why."""


@dataclass(slots=True)
class _Asks:
    """A tile on its way: what it shows, of what, and what has to be counted for it."""

    tile: Tile
    measures: list[AnyMeasure]
    period: Period
    of: str
    """The area (a prefix) whose records count."""
    where: dict[str, str | None]
    """What narrows the reader's own scope to what the tile asks for."""
    area: str
    industry: str
    smaller: str = ""
    months: tuple[Period, ...] = ()
    asked: dict[str, Asked] = field(default_factory=dict)
    """By the measure's name, the question that gives its figures."""


@dataclass(slots=True)
class _Reader:
    """Who looks, and what every tile needs of it: places and industries by name, and what the year is held to."""

    account: Any
    today: date
    own: str
    divisions: dict[str, tuple[str, int]]
    industries: dict[str | None, str]
    limits: Mapping[str, Limit]
    may: dict[str, bool] = field(default_factory=dict)

    def name(self, prefix: str) -> str:
        code = prefix.ljust(12, "0")
        return self.divisions.get(code, (code, 0))[0]

    def may_open(self, measure: AnyMeasure) -> bool:
        register = parts(measure)[0].source.register
        if register not in self.may:
            declared = register_named(register)
            self.may[register] = declared is not None and declared.policy.may(self.account, "see")
        return self.may[register]


def compose(account: Any, tiles: Sequence[Tile], sheet: Callable[[int], str] | None = None) -> Composed:
    """The tiles as `account` sees them, in the scope in force. `sheet` gives the address of a tile's table."""
    today, own = clock.today(), area_prefix(account.area_code)
    deepest = max(_tier(own), WHOLE_TIER)
    depth = min(deepest, max([_tier(own), *(_tier(area_prefix(t.area)) for t in tiles if t.area)]))
    rows = areas.divisions().filter(areas.within(own, "code"), tier__lte=depth)
    known = {code: (name, tier) for code, name, tier in rows.values_list("code", "name", "tier")}
    asks_target = any(t.kind == "card" for t in tiles)
    reader = _Reader(
        account, today, own, known, wording.industries(), limits_of(account, today.year) if asks_target else {}
    )
    asked: list[_Asks | _Absent | None] = []
    for tile in tiles:
        try:
            asked.append(_asks(tile, reader) if tile.kind != "text" else None)
        except _Absent as absent:
            asked.append(absent)
    asking = [one for one in asked if isinstance(one, _Asks)]
    # Areas are told apart as far down as a tile asks for, and no further than the city's figures are.
    tiers = [_tier(one.of) if _parts_area(one.tile) else _TIERS[len(one.where.get("area") or "")] for one in asking]
    found = _figures(asking, min(deepest, max([2, *tiers])))
    drawn = [_drawn(n, tile, one, found, reader) for n, (tile, one) in enumerate(zip(tiles, asked, strict=True))]
    if sheet is not None:
        drawn = [_with_sheet(one, sheet(one.place)) for one in drawn]
    industries = [n for code, n in reader.industries.items() if code in (account.industries or ())]
    return Composed(
        tuple(drawn), reader.name(own), str(_(", ")).join(industries),
        min((figures.as_of for figures in found.values()), default=clock.now()),
    )  # fmt: skip


def _with_sheet(drawn: Drawn, url: str) -> Drawn:
    return replace(drawn, sheet_url=url, figure=drawn.figure and replace(drawn.figure, sheet_url=url))


_TIERS = {0: 1, 2: 1, 6: 2, 9: 3, 12: 4}
"""The tier of an area, by the digits of its prefix."""


def _tier(prefix: str) -> int:
    """The tier of the areas that are told apart within an area: one below it."""
    return {0: 2, 2: 2, 6: 3}.get(len(prefix), 4)


def _parts_area(tile: Tile) -> bool:
    return tile.kind in ("map", "heat") or (tile.kind in ("ranking", "table") and tile.by == "area")


def _asks(tile: Tile, reader: _Reader) -> _Asks:
    """What a tile asks for, cut to what its reader sees. Raises `_Absent`."""
    period = tile.when(reader.today)
    scope = reader.account.scope
    measures: list[AnyMeasure] = []
    for name in tile.measures[: MEASURES[tile.kind]]:
        try:
            measures.append(REGISTRY.named(name, period.first))
        except KeyError:
            raise _Absent(_("There is no figure %(name)s any more. Choose another.") % {"name": name}) from None
    for measure in measures:
        if not reader.may_open(measure):
            raise _Absent(_("Your role does not see the records that “%(title)s” counts.") % {"title": measure.title})
    where: dict[str, str | None] = {}
    of, smaller = reader.own, ""
    if tile.area:
        fixed = area_prefix(tile.area)
        if fixed.startswith(reader.own):
            of = fixed
            if fixed != reader.own:
                where["area"] = fixed
        elif reader.own.startswith(fixed):
            asked = areas.names([tile.area])[tile.area]
            smaller = _("You see %(own)s alone; the board asks for %(asked)s.") % {
                "own": reader.name(reader.own), "asked": asked
            }  # fmt: skip
        else:
            raise _Absent(_("The board asks for an area that you do not see."))
    if tile.industry:
        if scope.industries is not None and tile.industry not in scope.industries:
            raise _Absent(_("The board asks for an industry that you do not see."))
        where["industry"] = tile.industry
    own_industries = scope.industries
    names = (
        [reader.industries.get(tile.industry, tile.industry)] if tile.industry
        else [n for code, n in reader.industries.items() if own_industries is not None and code in own_industries]
    )  # fmt: skip
    made = _Asks(tile, measures, period, of, where, reader.name(of), str(_(", ")).join(names), smaller)
    made.asked = _questions(tile, measures, period, reader.today)
    made.months = next(iter(made.asked.values())).through if made.asked else ()
    return made


def _questions(tile: Tile, measures: Sequence[AnyMeasure], period: Period, today: date) -> dict[str, Asked]:
    """By the measure's name, the question that gives its figures: the same for every reader."""
    if tile.kind != "trend":
        return {m.name: Asked(_beside(m, period.first), period) for m in measures}
    last = min(date.fromordinal(period.end.toordinal() - 1), today)
    months = _months(last, MONTHS if len(measures) > 1 else 2 * MONTHS)
    # Asked for by its months alone, a trend is the same question whatever period its tile names.
    return {m.name: Asked((m.name,), months[-1], months) for m in measures}


def _months(last: date, many: int) -> tuple[Period, ...]:
    """So many months, that of `last` the last."""
    return tuple(Period.of("month", add_months(last.replace(day=1), -n)) for n in reversed(range(many)))


def _beside(measure: AnyMeasure, on: date) -> tuple[str, ...]:
    """All measures of the same records: counted together they are kept for every board of the city."""
    source = parts(measure)[0].source
    return tuple(one.name for one in named(on=on) if parts(one)[0].source is source)


def _figures(asks: Iterable[_Asks], tier: int) -> dict[Asked, Figures]:
    """The figures of all tiles. Where they fail together each question is asked by itself, so that the others stand."""
    wanted: dict[Asked, dict[str, None]] = {}
    for one in asks:
        for name, question in one.asked.items():
            wanted.setdefault(question, {})[name] = None
    if not wanted:
        return {}

    def counted(part: Mapping[Asked, Iterable[str]]) -> dict[Asked, Figures]:
        with transaction.atomic():
            return lately_together({q: tuple(names) for q, names in part.items()}, tier=tier)

    try:
        return counted(wanted)
    except (Error, LookupError, ValueError):
        logger.exception("the figures of a board could not be counted together")
    found: dict[Asked, Figures] = {}
    for question, names in wanted.items():
        try:
            found |= counted({question: names})
        except (Error, LookupError, ValueError):
            logger.exception("figures could not be counted: %s", ", ".join(names))
    return found


def _drawn(
    place: int, tile: Tile, asks: _Asks | _Absent | None, found: Mapping[Asked, Figures], reader: _Reader
) -> Drawn:
    title: Text = tile.title
    if isinstance(asks, _Absent):
        known = [str(m.title) for m in REGISTRY.all() if m.name in tile.measures]
        return Drawn(place, tile, title or str(_(", ")).join(known) or _("Tile"), absent=str(asks))
    if asks is None:
        return Drawn(place, tile, title)
    title = title or _called(tile, asks.measures)
    when = wording.period_title(asks.period) if tile.kind != "trend" else ""
    if asks.period.kind == "year" and asks.period.first.year == reader.today.year and when:
        when = _("%(year)s to date") % {"year": asks.period.first.year}
    of = " · ".join(filter(None, (asks.area, asks.industry, when)))
    shown = Drawn(place, tile, title, of=of, smaller=asks.smaller)
    try:
        if any(q not in found for q in asks.asked.values()):
            raise _Absent(_("It could not be counted. The fault has been recorded; try again in a moment."))
        if tile.kind == "card":
            return replace(shown, card=_card(title, asks, found, reader))
        figure = _FIGURES[tile.kind](asks, found, reader)
        basis = " ".join(filter(None, (of, asks.smaller)))
        return replace(shown, figure=replace(figure, name=f"tile-{place}", title=title, basis=basis))
    except _Absent as absent:
        return replace(shown, absent=str(absent))
    except LookupError:
        logger.exception("a tile could not be drawn: %r", tile)
        return replace(shown, absent=_("It could not be drawn. The fault has been recorded."))


def _called(tile: Tile, measures: Sequence[AnyMeasure]) -> str:
    """What a tile is called that was given no title."""
    names = str(_(", ")).join(str(measure.title) for measure in measures)
    if tile.kind == "table":
        return _("By area") if tile.by == "area" else _("By industry")
    if tile.kind == "ranking":
        names = (_("%(title)s, areas ranked") if tile.by == "area" else _("%(title)s, industries ranked")) % {
            "title": names
        }  # fmt: skip
    elif tile.kind == "map":
        names = _("%(title)s, by area") % {"title": names}
    elif tile.kind == "heat":
        names = _("%(title)s, area by industry") % {"title": names}
    elif tile.kind == "trend":
        names = _("%(title)s, by month") % {"title": names}
    return names


def _cell(found: Mapping[Asked, Figures], asks: _Asks, measure: AnyMeasure, **where: str | None) -> Cell:
    """A figure, and the address of the records that it counts."""
    figures, place = found[asks.asked[measure.name]], asks.where | where
    figure = figures.now(measure, **place)
    return Cell(plain(figure.value), records_url(figures, measure, "now", **place) if _counts(figure) else "")


def _counts(figure: Number) -> bool:
    """Whether there are records behind the figure: of a ratio, above the line."""
    return bool(figure.value if figure.numerator is None else figure.numerator)


def count_ahead() -> None:
    """Counts what the boards of the city show, that nobody has to wait for it."""
    today = clock.today()
    wanted: dict[Asked, dict[str, None]] = {}
    with acting(Actor("job", "figures"), EVERYWHERE):
        for layout in Board.objects.order_by("-updated_at").values_list("layout", flat=True)[:AHEAD]:
            for tile in tiles_of(layout):
                period = tile.when(today)
                known = [m for m in named(on=period.first) if m.name in tile.measures]
                for name, question in _questions(tile, known, period, today).items():
                    if question in wanted or len(wanted) < MOST_AHEAD:
                        wanted.setdefault(question, {})[name] = None
        if wanted:
            lately_together({question: tuple(names) for question, names in wanted.items()}, tier=2)


# --- Cards -----------------------------------------------------------------------------------------


def _card(title: Text, asks: _Asks, found: Mapping[Asked, Figures], reader: _Reader) -> Card:
    (measure,) = asks.measures
    compared = found[asks.asked[measure.name]].at(measure, **asks.where)
    if compared.now.value is None:
        raise _Absent(wording.absent(compared.now.absent))
    cell = _cell(found, asks, measure)
    notes = _beside_last_year(compared)
    running = asks.tile.period == "year" and not asks.where
    limit = reader.limits.get(measure.name) if running else None
    if limit is not None and (wanted := demand(limit.target, measure, limit.part)) is not None:
        words, state, number = _held(wanted, measure, compared.now, reader.today)
        return Card(title, cell, measure.unit, Cell(number), words, state, notes)  # type: ignore[arg-type]
    return Card(title, cell, measure.unit, notes=notes)


def _beside_last_year(compared: Compared) -> tuple[str, ...]:
    before, change = compared.last_year.value, compared.change("last_year")
    if before is None:
        return ()
    said = _("Same period last year: %(n)s") % {"n": f"{before:,}"}
    if compared.now.denominator is not None:
        points = compared.difference("last_year")
        return (_("%(said)s (%(points)s points)") % {"said": said, "points": f"{points:+,}"},)
    if change is None:
        return (said,)
    if change > MOST_TOLD:
        return (_("%(said)s (up more than tenfold)") % {"said": said},)
    return (f"{said} ({change:+,}%)",)


def _held(wanted: Demand, measure: AnyMeasure, figure: Number, today: date) -> tuple[str, str, Any]:
    """How a figure stands to its target: in words, the card's state, and the number that it is held to."""
    if wanted.kind == "share":
        number: Any = plain(Decimal(str(wanted.value)))
        left = number - (figure.value or 0)
    else:
        stands = kept(wanted, figure, today, _LEVEL)
        number = plain(stands.number)  # type: ignore[arg-type]
        left = None if number is None else number - (figure.value or 0)
    if left is None:
        return "", "calm", None
    if not wanted.is_limit:
        return (_("Target reached"), "calm", number) if left <= 0 else (
            _("%(n)s short of the target") % {"n": f"{left:,}"}, "calm", number
        )  # fmt: skip
    if left < 0:
        return _("%(n)s over the limit of the year") % {"n": f"{-left:,}"}, "over", number
    if not number:
        return _("Zero is the target"), "calm", number
    if not left:
        return _("The limit of the year is used up"), "near", number
    return _("%(n)s below the limit of the year") % {"n": f"{left:,}"}, "calm", number


# --- Figures ---------------------------------------------------------------------------------------


def _trend(asks: _Asks, found: Mapping[Asked, Figures], reader: _Reader) -> Figure:
    months = asks.months[-MONTHS:]
    several = len(asks.measures) > 1
    columns: list[Column] = []
    series: list[list[Cell]] = []
    for measure in asks.measures:
        through = found[asks.asked[measure.name]].through(measure, asks.months, **asks.where)
        if all(figure.value is None for figure in through):
            raise _Absent(wording.absent(through[-1].absent))
        cells = [
            Cell(plain(figure.value), list_url(parts(measure)[0], month, **asks.where) if _counts(figure) else "")
            for month, figure in zip(asks.months, through, strict=True)
        ]
        if several:
            columns.append(Column(f"{measure.title}"))
            series.append(cells)
        else:
            columns += [Column(_("Twelve months")), Column(_("The same months a year before"))]
            series += [cells[MONTHS:], cells[:MONTHS]]
    rows = tuple(
        # Translators: how Django's date format writes a month of a year under a chart.
        Row(date_format(month.first, pgettext("format of a month and year", "M Y")), tuple(cells))
        for month, *cells in zip(months, *series, strict=True)
    )
    last = str(_(", ")).join(f"{m.title} {cells[-1].text}" for m, cells in zip(asks.measures, series, strict=False))
    words = _("%(month)s: %(numbers)s.") % {"month": rows[-1].label, "numbers": last}
    if months[-1] == Period.of("month", reader.today):
        words = f"{words} {_('The last month counts up to now.')}"
    units = {str(m.unit) for m in asks.measures}
    return Figure("", "", "line", _("Month"), tuple(columns), rows, "" if len(units) > 1 else units.pop(), words)


def _places(asks: _Asks, found: Mapping[Asked, Figures], reader: _Reader) -> list[tuple[str | None, str, str]]:
    """The areas one tier below, and what lies in none of them: key among the figures, name, the district's code."""
    tier = _tier(asks.of)
    if tier > WHOLE_TIER and len(reader.own) <= DIGITS[2]:
        raise _Absent(_("Below this area nothing is told apart here."))
    digits = DIGITS[tier]
    below = [
        (code[:digits], name, code[:6] if tier == 2 else "")
        for code, (name, of) in reader.divisions.items()
        if of == tier and code.startswith(asks.of)
    ]
    known = {key for key, *_rest in below}
    keys = {
        key for question in asks.asked.values() for (key,) in found[question].keys("area", digits=digits)
        if key is not None and key.startswith(asks.of)
    }  # fmt: skip
    rest = [(key, wording.itself(reader.name(key)), "") for key in sorted(keys - known)]
    return [*sorted(below), *rest]


def _branches(asks: _Asks, found: Mapping[Asked, Figures], reader: _Reader) -> list[tuple[str | None, str, str]]:
    own = reader.account.industries
    made: list[tuple[str | None, str, str]] = [
        (code, name, "") for code, name in reader.industries.items()
        if code is not None and (own is None or code in own) and asks.tile.industry in ("", code)
    ]  # fmt: skip
    if asks.tile.industry or not any((None,) in found[q].keys("industry") for q in asks.asked.values()):
        return made
    return [*made, (None, reader.industries[None], "")]


def _lines(asks: _Asks, found: Mapping[Asked, Figures], reader: _Reader, by: str) -> list[Row]:
    """A row for each area or industry with the figures of all measures."""
    if all(by not in m.dimensions for m in asks.measures):
        raise _Absent(wording.absent("dimension"))
    lines = []
    for key, name, code in (_places if by == "area" else _branches)(asks, found, reader):
        where = {by: key}
        lines.append(Row(name, tuple(_cell(found, asks, m, **where) for m in asks.measures), code))
    if lines and all(cell.value is None for row in lines for cell in row.cells):
        measure = asks.measures[0]
        raise _Absent(wording.absent(found[asks.asked[measure.name]].now(measure, **asks.where | where).absent))
    return lines


def _first(by: str) -> str:
    return _("Area") if by == "area" else _("Industry")


def _ranking(asks: _Asks, found: Mapping[Asked, Figures], reader: _Reader) -> Figure:
    (measure,) = asks.measures
    rows = _lines(asks, found, reader, asks.tile.by)
    ranked = sorted(rows, key=lambda row: (row.cells[0].value is None, -(row.cells[0].value or 0)))
    most = listed(Figure("", "", "bar", "", (), tuple(rows)))
    made, rank = [], 0
    for n, row in enumerate(ranked):
        # Equals share a rank.
        rank = rank if n and row.cells[0].value == ranked[n - 1].cells[0].value else n + 1
        label = row.label if row.cells[0].value is None else f"{rank} {row.label}"
        made.append(replace(row, label=label))
    words = _("Most: %(most)s.") % {"most": most} if most else _("None is counted.")
    return Figure("", "", "bar", _first(asks.tile.by), (Column(measure.title),), tuple(made), measure.unit, words)


def _map(asks: _Asks, found: Mapping[Asked, Figures], reader: _Reader) -> Figure:
    (measure,) = asks.measures
    rows = shaded(_lines(asks, found, reader, "area"), 1)
    # The map has shapes of the districts; whose places are townships or villages reads bars.
    kind = "map" if any(row.code for row in rows) else "bar"
    made = Figure("", "", kind, _("Area"), (Column(measure.title),), rows, measure.unit)  # type: ignore[arg-type]
    most = listed(made)
    return replace(made, words=_("Most: %(most)s.") % {"most": most} if most else _("None is counted."))


def _table(asks: _Asks, found: Mapping[Asked, Figures], reader: _Reader) -> Figure:
    whole = Row(_("All"), tuple(_cell(found, asks, m) for m in asks.measures))
    rows = _lines(asks, found, reader, asks.tile.by)
    columns = tuple(Column(f"{m.title} ({m.unit})", drawn=False) for m in asks.measures)
    return Figure("", "", "table", _first(asks.tile.by), columns, (whole, *rows))


def _heat(asks: _Asks, found: Mapping[Asked, Figures], reader: _Reader) -> Figure:
    (measure,) = asks.measures
    if not {"area", "industry"} <= measure.dimensions:
        raise _Absent(wording.absent("dimension"))
    branches = _branches(asks, found, reader)

    def row(key: str | None, name: str) -> Row:
        return Row(name, tuple(_cell(found, asks, measure, area=key, industry=code) for code, *_rest in branches))

    rows = shaded([row(key, name) for key, name, _code in _places(asks, found, reader)])
    columns = tuple(Column(name) for _key, name, _code in branches)
    words = _("The stronger the colour, the more.")
    return Figure("", "", "heat", _("Area"), columns, rows, measure.unit, words)


_FIGURES = {"trend": _trend, "ranking": _ranking, "map": _map, "table": _table, "heat": _heat}


def address_of_sheets(board: int) -> Callable[[int], str]:
    """The addresses of the tables of a board that is kept."""
    return lambda place: reverse("boards:sheet", args=(board, place))
