"""What law says of an accident's grade and of the time in which its figures may change: pure functions.

Numbers stand in `law/accidents.yaml`. Sources: State Council Decree 493 (2007) Arts. 3, 12, 13; special equipment
regulation (Decree 549) Arts. 61-64; SAWS Decree 21 (2009) for risk events; Chongqing work safety regulation (2015)
Art. 48.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from anlan.kernel import deadlines, law
from anlan.kernel.cases.lifecycle import limit_of
from anlan.kernel.clock import BEIJING

Grade = Literal["ordinary", "larger", "major", "extraordinary"]
GRADES: tuple[Grade, ...] = ("ordinary", "larger", "major", "extraordinary")
"""一般、较大、重大、特别重大, lowest first."""

Criterion = Literal["deaths", "injured", "loss", "equipment"]
EVENTS = ("boiler_explosion", "vessel_explosion", "boiler_outage", "toxic_leak", "crane_overturn", "crane_break",
          "ropeway", "ride", "lift")  # fmt: skip
"""Events of special equipment that Decree 549 names."""


class BadFigures(ValueError):
    """A figure that no accident has: `name` says which, `problem` why."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name, self.problem = name, problem


@dataclass(frozen=True, slots=True)
class Figures:
    """What an accident has cost, as one report states it. `loss` is direct loss in yuan, None where not estimated."""

    deaths: int = 0
    missing: int = 0
    injured: int = 0
    loss: Decimal | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Figures:
        """From what a report or a form says, by field; left empty is none."""
        return cls(said.get("deaths") or 0, said.get("missing") or 0, said.get("injured") or 0, said.get("loss_yuan"))

    def __post_init__(self) -> None:
        for name in ("deaths", "missing", "injured"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise BadFigures(name, "a whole number, not negative")
        if self.loss is not None and (not self.loss.is_finite() or self.loss < 0):
            raise BadFigures("loss", "an amount in yuan, not negative")


@dataclass(frozen=True, slots=True)
class Equipment:
    """What happened to special equipment: the event, and the sizes that Decree 549 weighs.

    `capacity_mw` of a boiler; `evacuated` people; `stranded` people, at height or in a lift; `hours` it lasted.
    """

    event: str
    capacity_mw: int = 0
    evacuated: int = 0
    stranded: int = 0
    hours: Decimal = Decimal(0)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Equipment | None:
        """From what a report or a form says, by field; None where it names no event."""
        if not said.get("equipment_event"):
            return None
        return cls(
            said["equipment_event"], said.get("capacity_mw") or 0, said.get("evacuated") or 0, said.get("trapped") or 0,
            said.get("hours") or Decimal(0),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """One criterion and the grade that it alone gives."""

    criterion: Criterion
    grade: Grade
    article: str
    source: str
    certainty: str


@dataclass(frozen=True, slots=True)
class Grading:
    """The grade, the criterion that decides it, and every criterion with its own grade."""

    grade: Grade
    by: Criterion
    article: str
    source: str
    certainty: str
    reasons: tuple[Reason, ...]


def grade(figures: Figures, on: date, equipment: Equipment | None = None) -> Grading:
    """The grade of an accident that happened `on` a day: Decree 493 Art. 3, any one criterion, the highest wins.

    Missing persons count with the deaths: the report states them among the casualties (Art. 12), and what is
    reported decides who must be reached. Raises `law.NoRuleInForce` for a day before the decree.
    """
    found: list[Reason] = []
    for criterion, rule_id, amount in (
        ("deaths", "accidents.grade_deaths", figures.deaths + figures.missing),
        ("injured", "accidents.grade_injured", figures.injured),
        ("loss", "accidents.grade_loss", figures.loss or 0),
    ):
        try:
            rule = law.value(rule_id, on)
        except law.NoRuleInForce:
            if criterion == "deaths":
                raise
            continue  # a criterion of a later law
        band = rule.band(amount)
        if amount or criterion == "deaths":
            article = f"{rule.article}{band.item}"
            found.append(Reason(criterion, band.value, article, rule.source, rule.certainty))  # type: ignore[arg-type]
    found += special(equipment, on) if equipment else []
    # Of several criteria that give the grade, the one named is the first that says something.
    top = max(GRADES.index(r.grade) for r in found)
    deciding = [r for r in found if GRADES.index(r.grade) == top]
    silent = figures.deaths + figures.missing == 0
    best = next((r for r in deciding if not (silent and r.criterion == "deaths")), deciding[0])
    return Grading(best.grade, best.criterion, best.article, best.source, best.certainty, tuple(found))


def special(equipment: Equipment, on: date) -> list[Reason]:
    """The grades that Decree 549 Arts. 61-64 gives to an accident of special equipment, besides casualties and loss."""
    if equipment.event not in EVENTS:
        raise BadFigures("event", f"one of {', '.join(EVENTS)}")
    found: list[Reason] = []

    def fixed(rule_id: str) -> None:
        rule = law.value(rule_id, on)
        found.append(Reason("equipment", rule.value, rule.article, rule.source, rule.certainty))

    def banded(rule_id: str, amount: int | Decimal) -> None:
        rule = law.value(rule_id, on)
        for band in rule.bands:
            if band.holds(amount):
                own: Grade = band.value  # type: ignore[assignment]
                found.append(Reason("equipment", own, rule.article, rule.source, rule.certainty))

    large = equipment.capacity_mw >= law.value("accidents.se_boiler_mw", on).value
    match equipment.event:
        case "boiler_explosion":
            fixed("accidents.se_boiler_explosion" if large else "accidents.se_explosion")
        case "vessel_explosion":
            fixed("accidents.se_explosion")
        case "boiler_outage" if large:
            banded("accidents.se_outage_hours", equipment.hours)
        case "toxic_leak":
            banded("accidents.se_evacuated", equipment.evacuated)
        case "crane_overturn":
            fixed("accidents.se_crane_overturn")
        case "crane_break":
            fixed("accidents.se_crane_break")
        case "lift":
            banded("accidents.se_lift_hours", equipment.hours)
        case "ropeway" | "ride":
            banded(f"accidents.se_{equipment.event}_hours", equipment.hours)
            if equipment.stranded >= law.value("accidents.se_stranded_people", on).value:
                banded("accidents.se_stranded_many_hours", equipment.hours)
    return found


def risk_event(
    on: date, *, endangered: int = 0, trapped: int = 0, missing: int = 0, evacuated: int = 0,
    environment: bool = False, key_facility: bool = False,
) -> tuple[str, ...]:  # fmt: skip
    """Which conditions of a larger risk event (较大涉险事故) hold: SAWS Decree 21 (2009). Empty: none.

    Before the decree there was no such event.
    """
    try:
        least = {n: law.value(f"accidents.risk_{n}", on).value for n in ("endangered", "trapped", "evacuated")}
    except law.NoRuleInForce:
        return ()
    held = {
        "endangered": endangered >= least["endangered"],
        "trapped": trapped + missing >= least["trapped"],
        "evacuated": evacuated >= least["evacuated"],
        "environment": environment,
        "key_facility": key_facility,
    }
    return tuple(name for name, holds in held.items() if holds)


def ended(at: datetime, rule: law.Rule) -> datetime:
    """When the limit of `rule` that began `at` is over, by the rule's own unit."""
    end = deadlines.due(at, limit_of(rule.value, rule.unit))
    assert end is not None, "nothing pauses it"
    return end


# --- Decree 493 Art. 13: until when a change of casualties counts ---------------------------------------


WINDOWS = ("accidents.supplement", "accidents.supplement_road_fire")
"""The rules of the time for supplements: what runs while nothing is owed."""


SHORT = ("road", "fire")
"""The windows of categories whose supplements end earlier."""


def window_rule(window: str, on: date) -> law.Rule:
    """The rule of the time for supplements: 30 days, 7 for road traffic and fire accidents (`window` road or fire)."""
    usual, road_and_fire = WINDOWS
    return law.value(road_and_fire if window in SHORT else usual, on)


def window_end(occurred_at: datetime, window: str) -> datetime:
    """The last moment at which a change of casualties still counts: the end of the last day."""
    rule = window_rule(window, occurred_at.astimezone(BEIJING).date())
    return ended(occurred_at, rule)


@dataclass(frozen=True, slots=True)
class Version:
    """One report's figures. `at`: when it was made; `known_at`: when what it states became known, if before."""

    no: int
    at: datetime
    figures: Figures
    known_at: datetime | None = None
    equipment: Equipment | None = None

    def known_by(self, end: datetime) -> bool:
        """Whether it states what was known, or was made, by then."""
        return min(self.at, self.known_at or self.at) <= end


def counting(versions: Iterable[Version], occurred_at: datetime, window: str) -> Version:
    """The version whose figures count: the last one stating what was known while supplements ran (Art. 13).

    The first version always stands. ValueError without any.
    """
    end = window_end(occurred_at, window)
    ordered = sorted(versions, key=lambda v: v.no)
    if not ordered:
        raise ValueError("an accident has at least its first report")
    return [v for i, v in enumerate(ordered) if i == 0 or v.known_by(end)][-1]


def grade_of(versions: Iterable[Version], occurred_at: datetime, window: str) -> Grading:
    """The grade from all reports: that of the version whose figures count, by the law of the accident's day."""
    version = counting(versions, occurred_at, window)
    return grade(version.figures, occurred_at.astimezone(BEIJING).date(), version.equipment)


def missing_become_deaths(occurred_at: datetime, window: str, now: datetime) -> law.Rule | None:
    """The rule under which missing persons are now deaths and the grade is set again, or None.

    Chongqing work safety regulation (in force 2016-03-01) Art. 48: after the time for supplements. Before it, none.
    """
    if now <= window_end(occurred_at, window):
        return None
    try:
        return law.value("accidents.missing_as_deaths", occurred_at.astimezone(BEIJING).date())
    except law.NoRuleInForce:
        return None
