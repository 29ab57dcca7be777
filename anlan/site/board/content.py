"""What stands on the board of whoever looks: measures, held against the year's targets, with the lists behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from anlan.engines.measures import Line, Measure, Period, Progress, Target, progress
from anlan.engines.measures.figures import Figures, Number
from anlan.engines.measures.series import series
from anlan.kernel import areas, clock
from anlan.kernel.cases.lifecycle import lifecycle
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.figures.computing import compute, named, postgres
from anlan.kernel.figures.lists import records_url
from anlan.kernel.scope import Scope, area_prefix
from anlan.offices.plan.models import Plan
from anlan.offices.plan.models import Target as PlanTarget
from anlan.parties.models import Division, Industry

from .figures import Card, Cell, Column, Figure, Row, listed, shaded

LATEST = 12
GRADES = (("G1.2", "accidents.larger"), ("G1.3", "accidents.major"), ("G1.4", "accidents.extraordinary"))
"""The caps of the plan, by the code of their clause, and the measure that each holds."""
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
    cards: tuple[Card, ...]
    figures: tuple[Figure, ...]
    latest: tuple[Happened, ...]


@dataclass(frozen=True, slots=True)
class _View:
    """What everything on the board is computed from: one set of figures, the places and the industries in scope."""

    scope: Scope
    year: Period
    today: date
    figures: Figures
    places: tuple[Division, ...]
    industries: tuple[Industry, ...]

    def cell(self, name: str, **where: str | None) -> Cell:
        """A figure of the year to date with the address of the records that it counts."""
        measure = named((name,))[0]
        value = self.figures.at(measure, **where).now.value
        return Cell(value, records_url(self.figures, measure, **where) if value else "")


def board_of(account: Any) -> Board:
    """The board of `account`, in the scope in force."""
    scope, today = account.scope, clock.today()
    year = Period.of("year", today)
    own = area_prefix(account.area_code)
    # The places that are told apart lie one tier below one's own; below the township there is none but itself.
    tier = {2: 2, 6: 3, 9: 4}.get(len(own), 4)
    names = ("accidents.deaths", "accidents.number", *(name for _code, name in GRADES), *DANGERS)
    figures = compute(names, year, by=("area", "industry"), tier=tier)
    places = tuple(Division.objects.filter(areas.within(own, "code"), tier=tier).order_by("code"))
    industries = Industry.objects.all()
    if scope.industries is not None:
        industries = industries.filter(code__in=scope.industries)
    view = _View(scope, year, today, figures, places, tuple(industries))
    plan = _plan(account, today.year)
    deaths, line = _deaths(view, plan)
    return Board(
        place=areas.names([account.area_code])[account.area_code],
        industries="" if scope.industries is None else str(_(", ")).join(str(i) for i in view.industries),
        cards=(deaths, *_caps(view, plan), *_dangers(view)),
        figures=(_by_place(view), line, _by_industry(view), _matrix(view)),
        latest=tuple(_latest()),
    )


def _plan(account: Any, year: int) -> Plan | None:
    """The adopted plan that binds exactly this scope: a city's caps are no caps of one district or one industry."""
    if account.industries is not None or account.enterprise_id is not None:
        return None
    return Plan.objects.filter(year=year, state="adopted", area_code=account.area_code).first()


def _target(plan: Plan | None, clause: str) -> PlanTarget | None:
    return None if plan is None else plan.targets.filter(clause__code=clause).order_by("id").first()


# --- Accidents and deaths --------------------------------------------------------------------------


def _deaths(view: _View, plan: Plan | None) -> tuple[Card, Figure]:
    """Deaths to date against the control line of the same date, and both through the year."""
    measure = named(("accidents.deaths",))[0]
    assert isinstance(measure, Measure)
    now, clock_now = view.year.first.year, clock.now()
    months = [Period.of("month", date(y, m, 1)) for y in (now - 1, now) for m in range(1, 13)]
    counted = series(measure, months, as_of=clock_now, backend=postgres())
    last, this = counted[:12], counted[12:]
    line = Line([value or 0 for value in last])
    cell, found = view.cell("accidents.deaths"), _target(plan, "G1.1")
    stands = None
    if found is not None and found.baseline_value is not None:
        target = Target("down_by", found.value, found.baseline_value)
        stands = progress(target, cell.value, view.today, line=line)
    card = _deaths_card(view, cell, stands)
    return card, _through_the_year(view, this, last, stands, line)


def _deaths_card(view: _View, cell: Cell, stands: Progress | None) -> Card:
    title, unit = _("Deaths in accidents this year"), _("people")
    if stands is None or stands.line is None:
        before = view.figures.at(named(("accidents.deaths",))[0]).last_year.value
        words = "" if before is None else _("Same period last year: %(n)s") % {"n": f"{before:,}"}
        return Card(title, cell, unit, words=words)
    left = stands.line - int(cell.value)
    if left >= 0:
        words = _("%(n)s fewer than the control line of today") % {"n": f"{left:,}"}
    else:
        words = _("%(n)s more than the control line of today") % {"n": f"{-left:,}"}
    notes = (_("The year may reach %(n)s") % {"n": f"{stands.number:,}"},)
    state = {"over": "over", "impossible": "over", "on_line": "near"}.get(stands.standing, "calm")
    return Card(title, cell, unit, Cell(stands.line), words, state, notes)  # type: ignore[arg-type]


def _through_the_year(
    view: _View, this: Sequence[Number | None], last: Sequence[Number | None], stands: Progress | None, line: Line
) -> Figure:
    year = view.year.first.year
    sums = list(accumulate((value or 0 for value in this), initial=0))[1:]
    before = list(accumulate((value or 0 for value in last), initial=0))[1:]
    columns = [Column(_("%(year)s, to date") % {"year": year})]
    if stands is not None and stands.number is not None:
        columns.append(Column(_("Control line"), guide=True))
    columns.append(Column(str(year - 1)))
    rows = []
    for month in range(1, 13):
        end = Period.of("month", date(year, month, 1)).end
        cells = [Cell(None if this[month - 1] is None else sums[month - 1])]
        if stands is not None and stands.number is not None:
            share = line.share(date.fromordinal(end.toordinal() - 1))
            cells.append(Cell(int(stands.number * share)))
        rows.append(Row(_("Month %(n)s") % {"n": month}, (*cells, Cell(before[month - 1]))))
    shape = {
        "season": _("The control line follows last year's months."), "uniform": _("The control line is uniform."),
    }[line.shape]  # fmt: skip
    words = _("To date %(this)s deaths; the whole of last year %(last)s.") % {
        "this": f"{view.cell('accidents.deaths').value or 0:,}", "last": f"{before[-1]:,}"
    }  # fmt: skip
    title = _("Deaths since January")
    return Figure(
        "deaths", title, "line", _("Month"), tuple(columns), tuple(rows), _("people"), words,
        shape if stands is not None else "",
    )  # fmt: skip


def _caps(view: _View, plan: Plan | None) -> list[Card]:
    cards = []
    for code, name in GRADES:
        cell, found = view.cell(name), _target(plan, code)
        title = str(named((name,))[0].title)
        if found is None:
            cards.append(Card(title, cell, _("accidents")))
            continue
        left = int(found.value) - int(cell.value or 0)
        if left < 0:
            words, state = _("%(n)s over the cap") % {"n": -left}, "over"
        elif not found.value:
            words, state = _("Zero is the target"), "calm"
        elif not left:
            words, state = _("The cap is used up"), "near"
        else:
            words, state = _("%(n)s left of the cap") % {"n": left}, "calm"
        cards.append(Card(title, cell, _("accidents"), Cell(int(found.value)), words, state))  # type: ignore[arg-type]
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
        Card(_("Closure rate"), Cell(_plain(rate.value), view.cell("hazards.closure_rate").url), "%", words=made),
    ]


def _plain(value: Number | None) -> Number | None:
    return value.normalize() if isinstance(value, Decimal) and value == value.to_integral_value() else value


def _by_place(view: _View) -> Figure:
    rows = tuple(
        Row(place.name, tuple(view.cell(name, area=area_prefix(place.code)) for name in DANGERS[:2]), place.code[:6])
        for place in view.places
    )
    city = len(area_prefix(view.places[0].code)) == 6 if view.places else False
    figure = Figure(
        "places", _("Hidden dangers open, by area"), "map" if city else "bar", _("Area"),
        (Column(_("Open")), Column(_("Overdue"))), rows, _("dangers"),
    )  # fmt: skip
    return _told(figure)


def _by_industry(view: _View) -> Figure:
    rows = tuple(
        Row(str(industry), tuple(view.cell(name, industry=industry.pk) for name in DANGERS[:2]))
        for industry in view.industries
    )
    figure = Figure(
        "industries", _("Hidden dangers open, by industry"), "bar", _("Industry"),
        (Column(_("Open")), Column(_("Overdue"))), rows, _("dangers"),
    )  # fmt: skip
    return _told(figure)


def _told(figure: Figure) -> Figure:
    """The figure with its sentence: where most of it lies."""
    most = listed(figure)
    words = _("Most: %(most)s.") % {"most": most} if most else _("None is open.")
    return Figure(
        figure.name, figure.title, figure.kind, figure.first, figure.columns, figure.rows, figure.unit, words
    )  # fmt: skip


def _matrix(view: _View) -> Figure:
    rows = shaded(
        [
            Row(
                place.name,
                tuple(
                    view.cell("hazards.open", area=area_prefix(place.code), industry=industry.pk)
                    for industry in view.industries
                ),
            )
            for place in view.places
        ]
    )
    return Figure(
        "matrix", _("Hidden dangers open, area by industry"), "heat", _("Area"),
        tuple(Column(str(industry)) for industry in view.industries), rows, _("dangers"),
        _("The darker, the more."),
    )  # fmt: skip


# --- The latest ------------------------------------------------------------------------------------


def _latest() -> list[Happened]:
    """The last steps of cases of every kind in scope, in one query for the steps and one for each kind of case."""
    entries = list(CaseEntry.objects.order_by("-at", "-id")[:LATEST])
    cases: dict[tuple[str, int], Any] = {}
    for kind in {entry.case_kind for entry in entries}:
        declared = lifecycle(kind)
        if declared is not None:
            keys = {entry.case_id for entry in entries if entry.case_kind == kind}
            cases |= {(kind, case.pk): case for case in declared.model._default_manager.filter(pk__in=keys)}
    told = []
    for entry in entries:
        case, declared = cases.get((entry.case_kind, entry.case_id)), lifecycle(entry.case_kind)
        if case is None or declared is None:
            continue
        state = str(declared.state(entry.to_state).title)
        words = _("%(title)s: %(state)s") % {"title": case.title, "state": state}
        url = reverse("cases:case", args=(entry.case_kind, case.number))
        told.append(Happened(words, url, entry.at))
    return told
