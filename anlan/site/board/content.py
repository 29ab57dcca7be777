"""What stands on the board of whoever looks: measures, held against the year's targets, with the lists behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from anlan.engines.measures import AnyMeasure, Line, Measure, Period, Progress, parts, progress
from anlan.engines.measures.figures import Figures, Number
from anlan.engines.measures.series import series
from anlan.kernel import areas, clock
from anlan.kernel.cases.history import read_by
from anlan.kernel.cases.lifecycle import lifecycle, seen_by
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.figures import words as wording
from anlan.kernel.figures.computing import DIGITS, lately, named, postgres
from anlan.kernel.figures.drawing import Card, Cell, Column, Figure, Row, listed, shaded, through_the_year
from anlan.kernel.figures.lists import list_url
from anlan.kernel.policy import own_industry
from anlan.kernel.registers import register_named
from anlan.kernel.scope import EVERYWHERE, Actor, acting, area_prefix
from anlan.offices.plan.models import Plan
from anlan.offices.plan.models import Target as PlanTarget
from anlan.offices.plan.targets.standing import demand, in_force_in, lines_of, part_of

NAMES = ("places", "deaths", "industries", "matrix")
"""The figures of a board. Whose role may not see what one counts, or who has one place or industry, has fewer."""
LATEST, LATEST_DAYS = 12, 30
"""As many steps of cases at most, and none older: who has few would otherwise look through the whole history."""
GRADES = ("accidents.larger", "accidents.major", "accidents.extraordinary")
"""Of these the plan sets caps."""
ACCIDENTS = ("accidents.deaths", "accidents.number", *GRADES)
DANGERS = ("hazards.open", "hazards.overdue", "hazards.listed", "hazards.closure_rate")


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the latest."""

    words: str
    url: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Board:
    """The board of one scope."""

    place: str
    industries: str
    cards: tuple[tuple[Card, ...], ...]
    """In groups: what the accidents are, what the dangers are."""

    figures: tuple[Figure, ...]
    latest: tuple[Happened, ...]
    as_of: datetime
    """The moment of which the numbers are."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A place or an industry as a line or a column: its key among the figures, its name, the division's code."""

    key: str | None
    name: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class _View:
    """What everything on the board is computed from: one set of figures, the places and the industries in scope."""

    account: Any
    year: Period
    today: date
    figures: Figures
    places: tuple[_Part, ...]
    industries: tuple[_Part, ...]
    known: dict[str, tuple[AnyMeasure, bool]] = field(default_factory=dict, compare=False)

    def measure(self, name: str) -> tuple[AnyMeasure, bool]:
        """The measure of that name, and whether the reader may open its records: found out once, not for each cell."""
        if name not in self.known:
            self.known[name] = (named((name,))[0], may_open(self.account, name))
        return self.known[name]

    def cell(self, name: str, **where: str | None) -> Cell:
        """A figure of the year to date with the address of the records that it counts."""
        value = self.figures.at(self.measure(name)[0], **where).now.value
        return Cell(plain(value), self.url(name, self.year, **where) if value else "")

    def url(self, name: str, period: Period, **where: str | None) -> str:
        """The list of what the measure counts; "" for a role that may not open it."""
        measure, may = self.measure(name)
        return list_url(parts(measure)[0], period, **where) if may else ""


def may_open(account: Any, name: str) -> bool:
    """Whether the role of `account` may see the records of that measure at all."""
    declared = register_named(parts(named((name,))[0])[0].source.register)
    return declared is not None and declared.policy.may(account, "see")


def count_ahead() -> None:
    """Counts what every board shows, that nobody has to wait for it."""
    with acting(Actor("job", "figures"), EVERYWHERE):
        _figures(Period.of("year", clock.today()), tier=2)


def _figures(year: Period, tier: int) -> Figures:
    """What every board shows: asked in one way only, for figures are kept by what is asked."""
    return lately((*DANGERS, *ACCIDENTS), year, by=("area", "industry"), tier=tier)


def board_of(account: Any) -> Board:
    """The board of `account`, in the scope in force."""
    today, own = clock.today(), area_prefix(account.area_code)
    year = Period.of("year", today)
    # The places that are told apart lie one tier below one's own; below the township there is none but itself.
    tier = {2: 2, 6: 3}.get(len(own), 4)
    dangers, accidents = may_open(account, DANGERS[0]), may_open(account, "accidents.deaths")
    figures = _figures(year, tier)
    view = _View(account, year, today, figures, _places(figures, own, tier), _industries(figures, account.industries))
    limits = limits_of(account, today.year)
    cards: list[tuple[Card, ...]] = []
    shown: list[Figure] = []
    # What is one place, or one industry, is not cut by it.
    many_places, many_industries = len(view.places) > 1, len(view.industries) > 1
    if dangers and many_places:
        shown.append(_by_place(view, accidents))
    if accidents:
        deaths, line = _deaths(view, limits.get("accidents.deaths"))
        cards.append((deaths, *_caps(view, limits)))
        shown.append(line)
    if dangers:
        cards.append(tuple(_dangers(view)))
        if many_industries:
            shown.append(_by_industry(view, accidents))
        if many_places and many_industries:
            shown.append(_matrix(view))
    return Board(
        place=account.enterprise.name if account.enterprise_id else areas.names([account.area_code])[account.area_code],
        industries="" if account.industries is None else str(_(", ")).join(i.name for i in view.industries),
        cards=tuple(cards), latest=tuple(_latest(account)), as_of=figures.as_of,
        figures=tuple(replace(f, sheet_url=reverse("board-sheet", args=(f.name,))) for f in shown),
    )  # fmt: skip


def _places(figures: Figures, own: str, tier: int) -> tuple[_Part, ...]:
    """The areas of a tier in one's own, and last whatever lies in an area above them alone."""
    digits = DIGITS[tier]
    below = areas.divisions().filter(areas.within(own, "code"), tier=tier).order_by("code")
    made = [_Part(code[:digits], name, code[:6]) for code, name in below.values_list("code", "name")]
    above = sorted({key for (key,) in figures.keys("area") if key is not None} - {part.key for part in made})
    names = areas.names(key.ljust(12, "0") for key in above)
    made += [_Part(key, wording.itself(names[key.ljust(12, "0")])) for key in above]
    return tuple(made)


def _industries(figures: Figures, own: Sequence[str] | None) -> tuple[_Part, ...]:
    """The industries in scope, and last what is assigned to none where there is such."""
    named_ = wording.industries()
    found = [_Part(key, name) for key, name in named_.items() if key is not None and (own is None or key in own)]
    return (*found, _Part(None, named_[None])) if (None,) in figures.keys("industry") else tuple(found)


@dataclass(frozen=True, slots=True)
class Limit:
    """What holds a figure: a target of the plan, or `part` of it where the reader sees a part of the city."""

    plan: Plan
    target: PlanTarget
    part: Decimal | None = None


def limits_of(account: Any, year: int) -> dict[str, Limit]:
    """By measure, what exactly this scope is held to: a city's caps are no caps of one district or one industry.

    A district or a department of one industry is held to its part of them, once the city has given it one.
    """
    plan = in_force_in(year)
    if plan is None or account.enterprise_id is not None:
        return {}
    targets: dict[str, PlanTarget] = {}
    for target in plan.targets.exclude(measure="").order_by("id"):
        targets.setdefault(target.measure, target)
    if account.area_code == plan.area_code and account.industries is None:
        return {name: Limit(plan, target) for name, target in targets.items()}
    parts = part_of(account, plan)
    return {name: Limit(plan, t, parts[t.code]) for name, t in targets.items() if t.code in parts}


def _stands(limit: Limit | None, cell: Cell, today: date, line: Line | None = None) -> Progress | None:
    """How a figure stands to the limit that it is held to; None where there is none."""
    if limit is None:
        return None
    wanted = demand(limit.target, named((limit.target.measure,))[0], limit.part)
    return progress(wanted, cell.value, today, line=line) if wanted is not None and wanted.is_limit else None


# --- Accidents and deaths --------------------------------------------------------------------------


def _deaths(view: _View, limit: Limit | None) -> tuple[Card, Figure]:
    """Deaths to date against the control line of the same date, and both through the year."""
    measure = named(("accidents.deaths",))[0]
    assert isinstance(measure, Measure)
    now = view.year.first.year
    months = [Period.of("month", date(y, m, 1)) for y in (now - 1, now) for m in range(1, 13)]
    counted = series([measure], months, as_of=view.figures.as_of, backend=postgres())[measure]
    last, this = counted[:12], counted[12:]
    cell = view.cell("accidents.deaths")
    # Who sees all of the city has its months at hand already.
    known = {measure.name: [value or 0 for value in last]} if limit is not None and limit.part is None else None
    line = Line() if limit is None else lines_of(limit.plan, [(limit.target, measure)], known)[limit.target.pk]
    stands = _stands(limit, cell, view.today, line)
    card = _deaths_card(view, cell, stands)
    return card, _through_the_year(view, this, last, stands, line)


def _deaths_card(view: _View, cell: Cell, stands: Progress | None) -> Card:
    title, unit = _("Deaths in accidents this year"), _("people")
    if stands is None or stands.line is None:
        return Card(title, cell, unit, words=_before(view, "accidents.deaths"))
    left = stands.line - int(cell.value)
    if not left:
        words = _("As many as the control line of today")
    elif left > 0:
        words = _("%(n)s fewer than the control line of today") % {"n": f"{left:,}"}
    else:
        words = _("%(n)s more than the control line of today") % {"n": f"{-left:,}"}
    notes = (_("Cap for the year: %(n)s") % {"n": f"{stands.number:,}"},)
    state = {"over": "over", "impossible": "over", "on_line": "near"}.get(stands.standing, "calm")
    return Card(title, cell, unit, Cell(stands.line), words, state, notes)  # type: ignore[arg-type]


def _before(view: _View, name: str) -> str:
    before = view.figures.at(named((name,))[0]).last_year.value
    return "" if before is None else _("Same period last year: %(n)s") % {"n": f"{before:,}"}


def _through_the_year(
    view: _View, this: Sequence[Number | None], last: Sequence[Number | None], stands: Progress | None, line: Line
) -> Figure:
    number = None if stands is None else stands.number
    columns, rows, shape = through_the_year(
        view.year.first.year, this, last, lambda to_date: view.url("accidents.deaths", to_date),
        None if number is None else (number, line),
    )  # fmt: skip
    words = _("To date %(this)s deaths; the whole of last year %(last)s.") % {
        "this": f"{view.cell('accidents.deaths').value or 0:,}", "last": rows[-1].cells[-1].text
    }  # fmt: skip
    title = _("Deaths since January")
    return Figure("deaths", title, "line", _("Month"), columns, rows, _("people"), words, shape)


def _caps(view: _View, limits: dict[str, Limit]) -> list[Card]:
    cards = [Card(_("Accidents this year"), view.cell("accidents.number"), _("accidents"),
                  words=_before(view, "accidents.number"))]  # fmt: skip
    for name in GRADES:
        cell = view.cell(name)
        title = str(named((name,))[0].title)
        stands = _stands(limits.get(name), cell, view.today)
        if stands is None or stands.number is None:
            cards.append(Card(title, cell, _("accidents")))
            continue
        left = stands.number - int(cell.value or 0)
        if left < 0:
            words, state = _("%(n)s over the cap") % {"n": -left}, "over"
        elif not stands.number:
            words, state = _("Zero is the target"), "calm"
        elif not left:
            words, state = _("The cap is used up"), "near"
        else:
            words, state = _("%(n)s left of the cap") % {"n": left}, "calm"
        cards.append(Card(title, cell, _("accidents"), Cell(stands.number), words, state))  # type: ignore[arg-type]
    return cards


# --- Hidden dangers --------------------------------------------------------------------------------


def _dangers(view: _View) -> list[Card]:
    late = view.cell("hazards.overdue")
    words = _("Past the time limit of their step") if late.value else _("None is past its time limit")
    rate = view.figures.at(named(("hazards.closure_rate",))[0]).now
    made = _("%(a)s of %(b)s found this year") % {"a": f"{rate.numerator or 0:,}", "b": f"{rate.denominator or 0:,}"}
    return [
        Card(_("Hidden dangers open"), view.cell("hazards.open"), _("dangers")),
        Card(_("Overdue"), late, _("dangers"), words=words, state="over" if late.value else "calm"),
        Card(_("Under listed supervision"), view.cell("hazards.listed"), _("dangers")),
        Card(_("Closure rate"), view.cell("hazards.closure_rate"), "%", words=made),
    ]


def plain(value: Number | None) -> Number | None:
    """A whole number as one, however it was counted."""
    return int(value) if isinstance(value, Decimal) and value == int(value) else value


def _by_place(view: _View, accidents: bool) -> Figure:
    # The map has shapes of the districts; whose places are townships or villages reads bars.
    city = any(part.key == part.code for part in view.places)
    rows = [Row(p.name, _lines(view, accidents, area=p.key), p.code if city else "") for p in view.places]
    return _told(Figure(
        "places", _("Hidden dangers open, by area"), "map" if city else "bar", _("Area"),
        _columns(accidents), shaded(rows, 1), _("dangers"),
    ))  # fmt: skip


def _by_industry(view: _View, accidents: bool) -> Figure:
    rows = [Row(p.name, _lines(view, accidents, industry=p.key)) for p in view.industries]
    return _told(Figure(
        "industries", _("Hidden dangers open, by industry"), "bar", _("Industry"),
        _columns(accidents), tuple(rows), _("dangers"),
    ))  # fmt: skip


def _columns(accidents: bool) -> tuple[Column, ...]:
    drawn = (
        Column(pgettext("hidden dangers", "Open")), Column(_("Overdue")),
        Column(_("Under listed supervision"), drawn=False),
    )  # fmt: skip
    return (*drawn, Column(_("Deaths this year"), drawn=False)) if accidents else drawn


def _lines(view: _View, accidents: bool, **where: str | None) -> tuple[Cell, ...]:
    names = (*DANGERS[:3], "accidents.deaths") if accidents else DANGERS[:3]
    return tuple(view.cell(name, **where) for name in names)


def _told(figure: Figure) -> Figure:
    """The figure with its sentence: where most of it lies."""
    most = listed(figure)
    words = _("Most: %(most)s.") % {"most": most} if most else _("None is open.")
    return replace(figure, words=words)


def _matrix(view: _View) -> Figure:
    def line(place: _Part) -> tuple[Cell, ...]:
        return tuple(view.cell("hazards.open", area=place.key, industry=part.key) for part in view.industries)

    rows = shaded([Row(place.name, line(place)) for place in view.places])
    return Figure(
        "matrix", _("Hidden dangers open, area by industry"), "heat", _("Area"),
        tuple(Column(part.name) for part in view.industries), rows, _("dangers"),
        _("The stronger the colour, the more."),
    )  # fmt: skip


# --- The latest ------------------------------------------------------------------------------------


def _latest(account: Any) -> list[Happened]:
    """The last steps of cases of every kind in scope, in one query for the steps and one for each kind of case."""
    kinds = [declared.kind for declared in seen_by(account)]
    since = clock.now() - timedelta(days=LATEST_DAYS)
    steps = CaseEntry.objects.filter(own_industry(CaseEntry), case_kind__in=kinds, at__gte=since)
    entries = list(steps.order_by("-at", "-id")[:LATEST])
    cases: dict[tuple[str, int], Any] = {}
    for kind in {entry.case_kind for entry in entries}:
        declared = lifecycle(kind)
        if declared is not None:
            keys = {entry.case_id for entry in entries if entry.case_kind == kind}
            cases |= {(kind, case.pk): case for case in declared.model._default_manager.filter(pk__in=keys)}
    told = []
    for entry in entries:
        case, declared = cases.get((entry.case_kind, entry.case_id)), lifecycle(entry.case_kind)
        if case is None or declared is None or not read_by(account, case, [entry]):
            continue
        state = str(declared.state(entry.to_state).title)
        words = _("%(title)s: %(state)s") % {"title": case.get_title(), "state": state}
        url = reverse("cases:case", args=(entry.case_kind, case.number))
        told.append(Happened(words, url, entry.at))
    return told
