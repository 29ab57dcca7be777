"""How the year's targets stand: the city's own number, and what of it falls to each district and each industry.

Every figure is a measure; every line and state comes from `engines.measures.targets`. Figures are those of the reader's
scope, the season is that of the whole city: a district's own months are too few to tell one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse

from anlan.engines.forecast import Outlook
from anlan.engines.measures import AnyMeasure, Line, Measure, Period, Progress, Ratio, parts, progress
from anlan.engines.measures import Target as Demand
from anlan.engines.measures.figures import Figure, Figures, Number
from anlan.engines.measures.series import Series, series
from anlan.kernel import clock
from anlan.kernel.figures.ahead import WHOLE, NoForecast, monthly
from anlan.kernel.figures.computing import compute, lately, named, postgres
from anlan.kernel.figures.lists import list_url
from anlan.kernel.policy import OFFICIALS
from anlan.kernel.registers import register_named
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting, area_prefix

from ..models import Plan, Portion, Target


@dataclass(frozen=True, slots=True)
class Held:
    """A number, and how it is kept. `url` opens the records of the figure; `portion` is the part that it is."""

    state: Progress
    figure: Figure
    url: str = ""
    portion: Portion | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """What all parts of one kind come to, held against the whole number; `left` is what none of them has."""

    parts: int
    total: Decimal
    left: Decimal | None


@dataclass(frozen=True, slots=True)
class Told:
    """One target with its measure (None: nothing measures it yet), the city's number and the parts in scope.

    `whole` is None for those who see a part of the city: what all of it counts is not theirs to count.
    """

    target: Target
    measure: AnyMeasure | None
    line: Line = field(default_factory=Line)
    whole: Held | None = None
    areas: dict[str, Held] = field(default_factory=dict)
    """By the district's code."""
    industries: dict[str, Held] = field(default_factory=dict)
    sums: dict[str, Sum] = field(default_factory=dict)
    """"area" and "industry", where the city's number is a count."""


def demand(target: Target, measure: AnyMeasure, value: Decimal | None = None) -> Demand | None:
    """What the target asks of its measure; with `value`, what it asks of a part. None: it lacks its base."""
    percent = isinstance(measure, Ratio) and measure.unit == "%"
    places = measure.places if isinstance(measure, Ratio) else 0
    comparator = target.comparator
    if comparator in ("down_by", "up_by"):
        if value is not None:
            comparator = "<=" if comparator == "down_by" else ">="
        elif target.baseline_value is None:
            return None
        elif target.unit not in ("", "%"):  # by so many, not by so many per cent
            change = -target.value if comparator == "down_by" else target.value
            number = max(target.baseline_value + change, Decimal(0))
            return Demand("ceiling" if comparator == "down_by" else "floor", number, places=places)
        elif comparator == "down_by" and target.value > 100:
            return None
        else:
            return Demand(comparator, target.value, target.baseline_value, places=places)  # type: ignore[arg-type]
    number = target.value if value is None else value
    if comparator == "by_date":
        return Demand("milestone", number, due=target.due, places=places)
    if comparator == "==":
        # Exactly so many: of what is bad no more, of what is built no less.
        comparator = "<=" if measure.better == "less" or not number else ">="
    if comparator == "<=":
        return Demand("ceiling" if number or places else "zero", number, places=places)
    if percent and shape(target, measure) != "level":
        return Demand("share", number) if number <= 100 else None
    return Demand("floor", number, places=places)


def kept(wanted: Demand, figure: Figure, day: date, line: Line) -> Progress:
    """How a figure of the year to that day stands to what is demanded."""
    if wanted.kind == "share":
        return progress(wanted, figure.numerator, day, line=line, whole=figure.denominator)
    return progress(wanted, figure.value, day, line=line)


def shape(target: Target, measure: AnyMeasure) -> str:
    """How the line runs: as the plan says, or as fits the figure."""
    if target.line:
        return target.line
    if isinstance(measure, Ratio):
        return "level"
    limit = target.comparator in ("<=", "down_by") or (target.comparator == "==" and measure.better == "less")
    return "season" if limit else "uniform"


def kept_number(n: Number | None) -> Decimal | None:
    """A figure as the tables of this office keep it: to four places."""
    return None if n is None else Decimal(str(n)).quantize(Decimal("0.0001"))


def lines_of(
    plan: Plan, targets: Iterable[tuple[Target, AnyMeasure]], known: Mapping[str, Sequence[Number]] | None = None
) -> dict[int, Line]:
    """By the target's key the line through the year of each and of all its parts.

    A season is that of the city's months of last year: of all measures of a table in one query, but for those that are
    `known` by the measure's name.
    """
    known, made = known or {}, {}
    seasonal: dict[Measure, list[int]] = {}
    for target, measure in targets:
        how = shape(target, measure)
        made[target.pk] = Line(level=how == "level")
        if how == "season" and isinstance(measure, Measure):
            seasonal.setdefault(measure, []).append(target.pk)
    counted: Series = {}
    if asked := [measure for measure in seasonal if measure.name not in known]:
        with acting(Actor("job", "figures"), EVERYWHERE, savepoint=False):
            counted = by_month(asked, plan.year - 1, within=area_prefix(plan.area_code))
    for measure, keys in seasonal.items():
        months = counted[measure] if measure in counted else known[measure.name]
        made |= dict.fromkeys(keys, Line([value or 0 for value in months]))
    return made


def by_month(measures: Iterable[Measure], *years: int, within: str = "") -> Series:
    """The figures of each month of these years in the scope in force; None for those to come."""
    months = [Period.of("month", date(year, month, 1)) for year in years for month in range(1, 13)]
    return series(measures, months, as_of=clock.now(), backend=postgres(), within=within)


def in_force_in(year: int) -> Plan | None:
    """The adopted plan of just that year."""
    return Plan.objects.filter(year=year, state="adopted").order_by("area_code").first()


def part_of(account: Any, plan: Plan) -> dict[str, Decimal]:
    """By the target's number, what of the plan falls to the district or the one industry that is the account's."""
    own: Scope = account.scope
    of = Portion.objects.filter(year=plan.year)
    if own.industries is None:
        of = of.filter(area_code=account.area_code, industry=None)
    elif len(own.industries) == 1 and account.area_code == plan.area_code:
        of = of.filter(industry__in=own.industries)
    else:
        return {}
    return dict(of.values_list("code", "value"))


def targets_of(account: Any, measures: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """By the measure's name, this year's targets that are held against it: in words, and where they stand."""
    plan = in_force_in(clock.today().year) if account.role in OFFICIALS else None
    made: dict[str, list[tuple[str, str]]] = {}
    if plan is not None:
        rows = plan.targets.filter(measure__in=list(measures)).select_related("clause").order_by("pk")
        for one in rows:
            words = f"{one.clause.code} {one}"
            made.setdefault(one.measure, []).append((words, reverse("plan:target", args=(one.pk,))))
    return made


def day_of(plan: Plan, today: date) -> date:
    """The day on which the plan's year is looked at: today, or its last."""
    return min(today, date(plan.year, 12, 31))


def told(
    plan: Plan, account: Any, today: date, only: Iterable[Target] | None = None, period: Period | None = None, *,
    anew: bool = False,
) -> list[Told]:  # fmt: skip
    """Every target of the plan (or those of `only`), with its parts in the reader's scope, in the plan's order.

    `period` from New Year on looks at the year as it stood at the end of that. `anew`: by figures of this moment, where
    a page takes those of some minutes ago.
    """
    targets = list(plan.targets.select_related("clause") if only is None else only)
    known: dict[str, AnyMeasure] = {one.name: one for one in named(on=date(plan.year, 1, 1))}
    names = tuple(dict.fromkeys(t.measure for t in targets if t.measure in known))
    if not names:
        return [Told(t, None) for t in targets]
    year, day = Period.of("year", date(plan.year, 1, 1)), day_of(plan, today)
    if period is not None:
        year, day = period, min(day, period.end - timedelta(days=1))
    figures = (compute if anew else lately)(names, year, by=("area", "industry"), tier=2)
    parts: dict[str, list[Portion]] = {}
    for part in Portion.objects.filter(year=plan.year, code__in=[t.code for t in targets]).select_related("industry"):
        parts.setdefault(part.code, []).append(part)
    whole = sees_all(account, plan)
    lines = lines_of(plan, [(t, known[t.measure]) for t in targets if t.measure in known])
    made = []
    for target in targets:
        measure = known.get(target.measure)
        if measure is None:
            made.append(Told(target, None))
            continue
        found = _Told(target, measure, lines[target.pk], figures, year, day, may_open(account, measure))
        made.append(found.told(parts.get(target.code, []), whole))
    return made


def ahead(told: Told) -> dict[str, Outlook]:
    """By the area's prefix, what the running year will end with and the chance of its number; of counts alone."""
    target, measure = told.target, told.measure
    if not isinstance(measure, Measure) or target.plan.year != clock.today().year or not (told.whole or told.areas):
        return {}
    wanted = {
        area_prefix(code): made
        for code, held in told.areas.items()
        if held.portion and (made := demand(target, measure, held.portion.value))
    }
    if told.whole and (own := demand(target, measure)):
        wanted[WHOLE] = own
    try:
        return monthly(measure.name, within=area_prefix(target.plan.area_code)).outlooks(wanted)
    except NoForecast:
        return {}


def sees_all(account: Any, plan: Plan) -> bool:
    """Whether all that the plan's figures count lies in the account's scope."""
    scope: Scope = account.scope
    return scope.covers(plan.area_code) and scope.industries is None and scope.enterprise is None


def may_open(account: Any, measure: AnyMeasure) -> bool:
    """Whether the role of `account` may see the records of that measure at all."""
    declared = register_named(parts(measure)[0].source.register)
    return declared is not None and declared.policy.may(account, "see")


@dataclass(frozen=True, slots=True)
class _Told:
    """One target on its way to be told."""

    target: Target
    measure: AnyMeasure
    line: Line
    figures: Figures
    year: Period
    day: date
    opens: bool

    def told(self, parts: Sequence[Portion], whole: bool) -> Told:
        own = demand(self.target, self.measure)
        city = self._held(own) if whole else None
        areas: dict[str, Held] = {}
        industries: dict[str, Held] = {}
        for part in parts:
            wanted = demand(self.target, self.measure, part.value)
            if part.industry_id is None:
                place, key, into = {"area": area_prefix(part.area_code)}, part.area_code, areas
            else:
                place, key, into = {"industry": part.industry_id}, part.industry_id, industries
            if (made := self._held(wanted, part, **place)) is not None:
                into[key] = made
        sums = {}
        if whole and own is not None and isinstance(self.measure, Measure):
            number = own.number()
            for name, kept in (("area", areas), ("industry", industries)):
                total = sum((h.portion.value for h in kept.values() if h.portion), Decimal(0))
                left = None if number is None else Decimal(str(number)) - total
                sums[name] = Sum(len(kept), total, left)
        return Told(self.target, self.measure, self.line, city, areas, industries, sums)

    def _held(self, wanted: Demand | None, part: Portion | None = None, **where: str | None) -> Held | None:
        if wanted is None:
            return None
        figure = self.figures.at(self.measure, **where).now
        above = parts(self.measure)[0]
        counted = figure.value if above is self.measure else figure.numerator
        url = list_url(above, self.year, **where) if self.opens and counted else ""
        return Held(kept(wanted, figure, self.day, self.line), figure, url, part)
