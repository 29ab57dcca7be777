"""The figures of a bulletin, computed once and kept whole: whoever has them can write it again, word for word."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import override

from anlan.engines.measures import AnyMeasure, Measure, Period
from anlan.kernel import areas, clock
from anlan.kernel.figures import computing, words
from anlan.kernel.scope import area_prefix
from anlan.parties.models import Authority, Division

from ..appraisal.models import Appraisal, Scheme
from ..models import Plan
from ..targets import standing

if TYPE_CHECKING:
    from anlan.engines.measures.figures import Figure, Figures

Kind = Literal["monthly", "quarterly", "annual"]
PERIODS: dict[str, str] = {"monthly": "month", "quarterly": "quarter", "annual": "year"}

ACCIDENTS = ("accidents.number", "accidents.deaths")
GRADES = ("ordinary", "larger", "major", "extraordinary")
FOUND = ("hazards.found", "hazards.found_and_closed", "hazards.closure_rate", "hazards.open")
DUE = ("hazards.due", "hazards.on_time", "hazards.on_time_rate")
PRESENT = ("hazards.overdue", "hazards.listed")
WARNINGS = ("monitoring.warnings", "monitoring.false_alarms")
LEVELS = ("red", "orange", "yellow", "blue")
KNOWN_BY = {"accidents": "accidents.number", "hazards": "hazards.found", "monitoring": "monitoring.warnings"}
"""What an office's records are known by: of the time before the first of them nothing is known."""
LATEST = 0.1
"""The part of a period within which its records begin at the latest, where they count as those of the whole."""


class BadBulletin(ValueError):
    """A bulletin that cannot be drafted; the text says why and what to do."""


class Cell(msgspec.Struct, frozen=True):
    """A figure, that of the same period last year, and the change in per cent; None where there is none."""

    now: Decimal | None
    before: Decimal | None = None
    change: Decimal | None = None


class Row(msgspec.Struct, frozen=True):
    """An area (with what is recorded for itself alone), or an industry, with its figures by name."""

    key: str
    name: str
    cells: dict[str, Cell]
    ranked: bool = True


class Month(msgspec.Struct, frozen=True):
    """A month's figures of this year and of the last; None for what has not begun or is not known."""

    deaths: tuple[Decimal | None, Decimal | None]
    accidents: tuple[Decimal | None, Decimal | None]


class Goal(msgspec.Struct, frozen=True):
    """A target of the plan with how it stands at the end of the period."""

    subject: str
    amount: str
    unit: str
    number: Decimal | None
    line: Decimal | None
    actual: Decimal | None
    standing: str
    shape: str


class Mark(msgspec.Struct, frozen=True):
    """What a district or department came to in the appraisal."""

    name: str
    total: Decimal | None
    rank: int | None
    grade: str
    vetoed: bool


class Appraised(msgspec.Struct, frozen=True):
    """The appraisal of the year by one scheme, as the committee adopted it; `until` is its last month."""

    scheme: str
    of: str
    until: int
    adopted_on: date
    marks: tuple[Mark, ...]


class Definition(msgspec.Struct, frozen=True):
    """What a figure means, and the version of the definition that was in force."""

    name: str
    version: int
    title: str
    definition: str
    source: str
    unit: str
    rounding: str


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that a bulletin rests on. `whole` are the figures of the area, `to_date` those since New Year's Day.

    What was kept before there was `appraised` is the same bytes without it.
    """

    kind: Kind
    period: str
    area: str
    area_name: str
    tier: int
    issuer: str
    short_name: str
    as_of: datetime
    running: bool
    whole: dict[str, Cell]
    to_date: dict[str, Cell]
    grades: dict[str, dict[str, Cell]]
    levels: dict[str, Cell]
    places: tuple[Row, ...]
    industries: tuple[Row, ...]
    months: tuple[Month, ...]
    goals: tuple[Goal, ...]
    plan: str
    definitions: tuple[Definition, ...]
    appraised: tuple[Appraised, ...] = ()


def encode(facts: Facts) -> bytes:
    """The facts as JSON, always the same bytes for the same facts."""
    return msgspec.json.encode(facts, order="sorted")


def decode(data: bytes | str) -> Facts:
    return msgspec.json.decode(data, type=Facts)


def digest(facts: Facts) -> str:
    """SHA-256 of what the bulletin rests on."""
    return hashlib.sha256(encode(facts)).hexdigest()


def period_of(kind: str, text: str) -> Period:
    """Reads the period of a bulletin of that kind. Raises `BadBulletin` and `BadPeriod`."""
    period = Period.parse(text)
    if PERIODS.get(kind) != period.kind:
        wrong = {
            "monthly": _("%(period)s: a monthly bulletin is of a month, written 2013-06"),
            "quarterly": _("%(period)s: a quarterly bulletin is of a quarter, written 2013-Q2"),
            "annual": _("%(period)s: an annual bulletin is of a year, written 2013"),
        }.get(kind, _("A bulletin is monthly, quarterly or annual."))
        raise BadBulletin(wrong % {"period": text})
    return period


STEPS = 11
"""So many times the records are asked, about."""


def gather(kind: Kind, period: Period, area_code: str, tell: Callable[[int], None] | None = None) -> Facts:
    """The figures of `period` in the area, in the scope in force; `tell` hears how many of `STEPS` are done.

    Raises `BadBulletin`.
    """
    now = clock.now()
    span = period.span(now)
    if span is None:
        raise BadBulletin(_("%(period)s has not begun.") % {"period": words.period_title(period)})
    division = Division.objects.filter(code=area_code).first()
    if division is None:
        raise BadBulletin(_("There is no division %(code)s.") % {"code": area_code})
    if division.tier > 2:
        raise BadBulletin(_("%(place)s: bulletins are issued by cities and districts.") % {"place": division.name})
    body = issuer(division, _last_day(period, now))
    with override("zh-hans"):
        return _gather(kind, period, division, body, now, tell)


def _gather(
    kind: Kind, period: Period, division: Division, body: Authority, now: datetime, tell: Callable[[int], None] | None
) -> Facts:
    within, tier = area_prefix(division.code), division.tier + 1
    names = (*ACCIDENTS, *FOUND, *DUE, *WARNINGS)
    day = _last_day(period, now)
    to_date = Period.of("to_date", day)
    look = _Look(within, now, tell)
    # What records say of the moment alone is of the day on which the bulletin is drafted.
    present = computing.Asked(PRESENT, Period.of("day", now.astimezone(clock.BEIJING).date()), compare=False)
    figures, today = look.together([computing.Asked(names, period), present], tier)
    year = look.compute(ACCIDENTS, to_date)
    grades = look.compute(ACCIDENTS, period, ("grade",))
    levels = look.compute(("monitoring.warnings",), period, ("level",))
    known = _known(look, KNOWN_BY, period, day)
    known_to_date = known if to_date.first == period.first else _known(look, ("accidents",), to_date, day)
    place = Division.objects.filter(areas.within(within, "code"), tier=tier).order_by("code")
    places = [(code[: computing.DIGITS[tier]], name, True) for code, name in place.values_list("code", "name")]
    itself = within.ljust(computing.DIGITS[tier], "0")
    if (itself,) in figures.keys("area"):
        places.append((itself, words.itself(division.name), False))
    plan = Plan.objects.filter(year=day.year, state__in=("adopted", "superseded"), area_code=division.code)
    in_force = plan.filter(state="adopted").first() or plan.order_by("-edition").first()
    used = computing.named((*names, *PRESENT), period.first)
    months = _months(look, period, day)
    return Facts(
        kind=kind, period=period.name, area=division.code, area_name=division.name, tier=division.tier,
        issuer=body.name, short_name=body.short_name or body.name,
        as_of=now, running=now < datetime.combine(period.end, time.min, clock.BEIJING),
        whole={**_cells(figures, names, known), **_cells(today, PRESENT, set())},
        to_date=_cells(year, ACCIDENTS, known_to_date),
        grades={grade: _cells(grades, ACCIDENTS, known, grade=grade) for grade in GRADES},
        levels={level: _cells(levels, WARNINGS[:1], known, level=level)[WARNINGS[0]] for level in LEVELS},
        places=tuple(
            Row(
                key, name, {**_cells(figures, names, known, area=key), **_cells(today, PRESENT, set(), area=key)},
                ranked,
            )
            for key, name, ranked in places
        ),
        industries=tuple(
            Row(key or "", name, _cells(figures, names, known, industry=key))
            for key, name in words.industries().items()
            if key is not None or (None,) in figures.keys("industry")
        ),
        months=months,
        goals=_goals(look, in_force, to_date, day, months) if in_force else (),
        plan=in_force.title if in_force else "",
        definitions=tuple(_definition(one) for one in used),
        appraised=_appraised(division, day) if kind == "annual" else (),
    )  # fmt: skip


def _appraised(division: Division, day: date) -> tuple[Appraised, ...]:
    """For districts and for departments the latest appraisal of the year that is adopted, the best first.

    Of a month that was adopted by one scheme and again by the next one, what the committee said last.
    """
    found: dict[str, Appraised] = {}
    adopted = Appraisal.objects.filter(scheme__year=day.year, scheme__area_code=division.code, state="adopted")
    for made in adopted.select_related("scheme").order_by("scheme__of", "-period", "-adopted_at"):
        if made.scheme.of in found:
            continue
        scores = made.scores.select_related("authority").order_by("rank", "-total", "area_code", "authority__name")
        names = dict(Division.objects.filter(code__in=scores.values("area_code")).values_list("code", "name"))
        marks = tuple(
            Mark(
                one.authority.name if one.authority else names[one.area_code], one.total, one.rank, one.grade,
                bool(one.vetoed),
            )
            for one in scores
        )  # fmt: skip
        assert made.adopted_at is not None
        found[made.scheme.of] = Appraised(
            made.scheme.title, made.scheme.of, (Period.parse(made.period).end - _DAY).month,
            made.adopted_at.astimezone(clock.BEIJING).date(), marks,
        )  # fmt: skip
    return tuple(found[of] for of, _title in Scheme.OF if of in found)


_DAY = date.resolution


def _last_day(period: Period, now: datetime) -> date:
    """The last day that the figures count."""
    return min(period.end - _DAY, now.astimezone(clock.BEIJING).date())


class _Look:
    """Computes within one area, as of one moment."""

    def __init__(self, within: str, as_of: datetime, tell: Callable[[int], None] | None = None) -> None:
        self.within, self.as_of, self._tell, self._asked = within, as_of, tell, 0

    def _step(self) -> None:
        self._asked += 1
        if self._tell is not None:
            self._tell(min(self._asked, STEPS))

    def compute(
        self, names: Iterable[str], period: Period, by: tuple[str, ...] = (), tier: int = 2, compare: bool = True
    ) -> Figures:
        self._step()
        return computing.compute(
            names, period, by=by, tier=tier, within=self.within, as_of=self.as_of, compare=compare
        )  # fmt: skip

    def together(self, asked: list[computing.Asked], tier: int) -> list[Figures]:
        """By area and industry."""
        self._step()
        return computing.compute_together(asked, tier=tier, within=self.within, as_of=self.as_of)

    def any_in(self, name: str, period: Period) -> bool:
        from anlan.engines.measures.series import any_in

        self._step()
        return any_in(_plain(name, period), period, as_of=self.as_of, backend=computing.postgres(), within=self.within)

    def series(self, names: Iterable[str], periods: list[Period]) -> list[list[Decimal | None]]:
        from anlan.engines.measures.series import series

        self._step()
        wanted = [_plain(name, periods[-1]) for name in names]
        found = series(wanted, periods, as_of=self.as_of, backend=computing.postgres(), within=self.within)
        return [[None if value is None else Decimal(value) for value in found[one]] for one in wanted]


def _plain(name: str, period: Period) -> Measure:
    (one,) = computing.named((name,), period.first)
    assert isinstance(one, Measure)
    return one


def _known(look: _Look, offices: Iterable[str], period: Period, day: date) -> set[str]:
    """Those of the offices whose records go back to the beginning of the same period of last year.

    Of the others nobody can say whether there was nothing, or whether nothing was kept; and what was kept of a part of
    that period alone is nothing to compare the whole with. Records that begin within the first `LATEST` of it may be
    those of the whole: not every day has an accident.
    """
    last = period.last_year()
    assert last is not None
    begun_by = last.first + timedelta(days=max(int(((day - period.first).days + 1) * LATEST), 1))
    span = Period("to_date", last.first - timedelta(days=366), begun_by)
    return {office for office in offices if look.any_in(KNOWN_BY[office], span)}


def _number(figure: Figure) -> Decimal | None:
    return None if figure.value is None else Decimal(figure.value)


def _cells(figures: Figures, names: Iterable[str], known: set[str], **where: str | None) -> dict[str, Cell]:
    made = {}
    for one in computing.named(names, figures.period.first):
        found = figures.at(one, **where)
        if one.name.partition(".")[0] in known:
            made[one.name] = Cell(_number(found.now), _number(found.last_year), found.change("last_year"))
        else:
            made[one.name] = Cell(_number(found.now))
    return made


def _months(look: _Look, period: Period, day: date) -> tuple[Month, ...]:
    """January to December of this year and of the last."""
    year = period.first.year
    periods = [Period.of("month", date(y, m, 1)) for y in (year - 1, year) for m in range(1, 13)]
    accidents, deaths = look.series(ACCIDENTS, periods)
    first = 0
    if not look.any_in("accidents.number", Period.of("year", date(year - 2, 1, 1))):
        first = next((n for n in range(12) if accidents[n]), 12)
    deaths[:first] = accidents[:first] = [None] * first
    # What comes after the period is not told, though it may be known by now.
    over = [one.first <= day for one in periods[12:]]
    return tuple(
        Month((deaths[12 + n] if over[n] else None, deaths[n]), (accidents[12 + n] if over[n] else None, accidents[n]))
        for n in range(12)
    )


def _goals(look: _Look, plan: Plan, to_date: Period, day: date, months: tuple[Month, ...]) -> tuple[Goal, ...]:
    """The plan's targets that are measured, each against its line of the same date."""
    targets = list(plan.targets.exclude(measure=""))
    figures = look.compute([target.measure for target in targets] or ACCIDENTS, to_date, compare=False)
    last = [value for month in months if (value := month.deaths[1]) is not None]
    pairs = [(target, computing.named((target.measure,), to_date.first)[0]) for target in targets]
    lines = standing.lines_of(plan, pairs, {"accidents.deaths": last} if len(last) == len(months) else None)
    made = []
    for target, measure in pairs:
        found, wanted, line = figures.at(measure).now, standing.demand(target, measure), lines[target.pk]
        number = due = None
        stands, shape = "unknown", str(line.shape)
        if wanted is not None:
            state = standing.kept(wanted, found, day, line)
            stands, shape = state.standing, state.shape
            # Of a share the per cent are told, not how many they are; a rate has no line through the year.
            number = _exact(target.value if wanted.kind == "share" else state.number)
            due = None if wanted.kind == "share" or line.level else _exact(state.line)
        made.append(Goal(
            target.subject, target.amount.replace(" ", ""), str(measure.unit), number, due, _number(found), stands,
            shape,
        ))  # fmt: skip
    return tuple(made)


def _exact(value: Any) -> Decimal | None:
    """Without zeros at its end."""
    return None if value is None else Decimal(f"{Decimal(str(value)).normalize():f}")


def issuer(division: Division, day: date) -> Authority:
    """Who issues the bulletins of a division on that day. Raises `BadBulletin`."""
    bodies = Authority.objects.at(day).filter(area_code=division.code)
    found = bodies.filter(kind="committee_office").first() or bodies.filter(kind="supervisor").first()
    if found is None:
        raise BadBulletin(
            _(
                "%(place)s has no safety committee office and no comprehensive supervisor on %(day)s: enter it in the "
                "register of authorities."
            )
            % {"place": division.name, "day": day}
        )
    return found


def _definition(one: AnyMeasure) -> Definition:
    return Definition(
        one.name, one.version, str(one.title), str(one.definition), str(one.source_of_law), str(one.unit),
        one.rounding.value,
    )  # fmt: skip
