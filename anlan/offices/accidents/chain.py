"""The reporting clock, level by level, and the faults that its times show: pure functions.

Decree 493 Arts. 9-11: the head of the unit reports within the hour of being told; each government within two hours of
receiving; Chongqing's districts report what is larger or graver within one. Who must be reached follows from the grade.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from anlan.kernel import law
from anlan.kernel.clock import BEIJING

from .rules import GRADES, Figures, Grade, ended

Level = Literal["unit", "district", "city", "state"]
OTHER = "other"
"""Who reported was none of the levels: the public, the police, the media."""

Fault = Literal["late", "omission", "false", "concealment"]
"""迟报、漏报、谎报、瞒报: SAWS Decree 13 Art. 5."""


NOBODY = Figures()


@dataclass(frozen=True, slots=True)
class Passed:
    """One report that arrived at a level. `grade` is what it made of the accident.

    `verified`: an authority states what it has found out. `own`: written by the source itself, not by who took it.
    `district`: the six digits of where it said that the accident happened.
    """

    at: datetime
    from_level: str
    to_level: str
    grade: Grade
    figures: Figures = NOBODY
    known_at: datetime | None = None
    verified: bool = False
    own: bool = False
    occurred_at: datetime | None = None
    district: str = ""


@dataclass(frozen=True, slots=True)
class Leg:
    """From one level to the next: since when it runs, until when, and when it was done.

    `started_at` None: the lower level does not know yet. `by`: the level whose report it was. `skipped`: the higher
    level knew before the lower one did, or by the time that it did, from another's report.
    """

    from_level: str
    to_level: str
    started_at: datetime | None
    due_at: datetime | None
    done_at: datetime | None
    rule: law.Rule | None
    by: str = ""

    @property
    def open(self) -> bool:
        """Whether a time limit runs here."""
        return self.due_at is not None and self.done_at is None

    @property
    def skipped(self) -> bool:
        known_before = self.started_at is None or self.done_at == self.started_at
        return self.done_at is not None and self.by != self.from_level and known_before

    def late(self, now: datetime) -> bool:
        """Whether the limit was missed, or is over by `now`."""
        return self.due_at is not None and (self.done_at or now) > self.due_at


def levels(on: datetime) -> tuple[str, ...]:
    """The levels of reporting, lowest first, by the law of that day."""
    return tuple(law.value("accidents.levels", on).value)


def reach(grade: Grade, on: datetime) -> str:
    """The highest level that must be reached: Decree 493 Art. 10."""
    return str(law.value(f"accidents.reach_{grade}", on).value)


def limit(level: str, grade: Grade, on: datetime) -> law.Rule:
    """The limit in which `level` must report an accident of `grade`: one hour for the unit (Art. 9), two for each
    government (Art. 11), one for a Chongqing district where the accident is larger or graver, once that was law."""
    if level == "unit":
        return law.value("accidents.report_unit", on)
    if level == "district" and GRADES.index(grade) >= GRADES.index("larger"):
        try:
            return law.value("accidents.report_district_larger", on)
        except law.NoRuleInForce:
            pass
    return law.value("accidents.report_government", on)


def chain(
    occurred_at: datetime, known_at: datetime | None, reports: Iterable[Passed], *, has_unit: bool = True,
    taken_over_at: datetime | None = None,
) -> tuple[Leg, ...]:  # fmt: skip
    """The legs from the unit to the highest level that must be reached, whatever order the reports came in.

    `known_at`: when the head of the unit was told; where nobody knows, the unit's hour runs from the first report by
    somebody else, for whoever takes that report asks the unit. What a level has received it owes to the next, within
    the limit of the grade received: a graver one that arrives later is owed anew, and is paid by a report of that
    grade only. One that turns out less grave in time is owed no longer as the graver. A level may be skipped
    (Art. 11), but whoever knew owes his own report: what others tell above does not pay it. Without a unit
    (`has_unit`; two private cars) nobody owes the first leg. `taken_over_at`: when the district was handed the
    accident by another; it then came to know what that one had received before, as it stood.
    """
    on = occurred_at.astimezone(BEIJING)
    order = levels(on)
    known = sorted(reports, key=lambda r: r.at)
    if known_at is None and known:
        known_at = known[0].at
    top = max((order.index(reach(r.grade, on)) for r in known), default=order.index(reach("ordinary", on)))
    legs = []
    for i, level in enumerate(order[:top]):
        if level == "unit" and not has_unit:
            continue
        above, below = set(order[i + 1 :]), set(order[: i + 1])
        paid = [(r.at, r.grade, r.from_level) for r in known if r.to_level in above and r.from_level in below]
        if level == "unit":
            # Once it has told of the accident it owes supplements (Art. 13), and they have no hour.
            received = [(known_at, GRADES[0])] if known_at else []
        else:
            received = [(r.at, r.grade) for r in known if r.to_level == level]
        if level == "district" and taken_over_at is not None:
            before = [(taken_over_at, given) for at, given in received if at <= taken_over_at][-1:]
            received = [*before, *((at, given) for at, given in received if at > taken_over_at)]
        debts = []
        for at, given in received:
            grade = given
            while order.index(reach(grade, on)) > i:
                rule = limit(level, grade, on)
                due = ended(at, rule)
                done, by = min(
                    ((max(when, at), own) for when, told, own in paid if _pays(told, when, grade, at, received)),
                    default=(None, ""), key=lambda one: (one[0], one[1] != level),
                )  # fmt: skip
                lesser = next(
                    (
                        less
                        for when, less in received
                        if at < when <= min(done or due, due) and _weighs(less) < _weighs(grade)
                    ),
                    None,
                )
                if lesser is None or level == "unit":
                    debts.append(Leg(level, order[i + 1], at, due, done, rule, by))
                    break
                grade = lesser
        if debts:
            legs.append(min(debts, key=_pressing))
        else:
            done, by = min(((when, own) for when, _grade, own in paid), default=(None, ""))
            legs.append(Leg(level, order[i + 1], None, None, done, None, by))
    return tuple(legs)


def _weighs(grade: Grade) -> int:
    return GRADES.index(grade)


def _pays(
    told: Grade, when: datetime, grade: Grade, since: datetime, received: Sequence[tuple[datetime, Grade]]
) -> bool:
    """Whether a report of `told` pays what is owed as `grade` `since` then, or as what it had turned out to be."""
    last = next((given for at, given in reversed(received) if since <= at <= when), grade)
    return _weighs(told) >= min(_weighs(grade), _weighs(last))


def _pressing(leg: Leg) -> tuple[bool, bool, datetime, datetime]:
    """Of what one level owes the next: first what is still owed, then what was paid late, the earliest due of each."""
    assert leg.due_at is not None
    assert leg.started_at is not None
    return not leg.open, leg.open or not leg.late(leg.done_at or leg.due_at), leg.due_at, leg.started_at


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A fault that the reports show; a person looks into it. `because` is a code, `due_at` and `at` its times.

    `about` is what was left out or misstated, `told` and `found` how it was stated and what it was.
    """

    fault: Fault
    level: str
    because: Literal[
        "passed_late",
        "not_passed",
        "unit_silent",
        "known_before",
        "told_less",
        "time_moved",
        "place_moved",
        "loss_over",
    ]
    due_at: datetime
    at: datetime | None
    about: Literal["", "time", "place", "casualties", "loss"] = ""
    told: datetime | Decimal | str | None = None
    found: datetime | Decimal | str | None = None


def suspicions(
    legs: Sequence[Leg], reports: Iterable[Passed], now: datetime, taken_over_at: datetime | None = None
) -> tuple[Suspicion, ...]:
    """What the times of knowledge, limits and reports show (SAWS Decree 13 Art. 5).

    Reported after its limit: late. The unit's limit over, the accident known through others, and nothing from the unit:
    concealment, to be verified. Nothing passed on by an authority after its limit: late. More casualties told by
    whomever that were known already when a level made its report: an omission, or, where it was meant, a false report.
    What the district reported that handed the accident over is that one's, and looked into there. What was verified
    shows misstatements: `misstated`.
    """
    known = sorted(reports, key=lambda r: r.at)
    found: list[Suspicion] = []
    for leg in legs:
        if not leg.late(now) or leg.due_at is None:
            continue
        if leg.done_at is not None:
            found.append(Suspicion("late", leg.from_level, "passed_late", leg.due_at, leg.done_at))
        elif leg.from_level == "unit" and known:
            found.append(Suspicion("concealment", "unit", "unit_silent", leg.due_at, None))
        elif leg.from_level != "unit":
            found.append(Suspicion("late", leg.from_level, "not_passed", leg.due_at, None))
    last: dict[str, Passed] = {}
    order = levels(known[0].at.astimezone(BEIJING)) if known else ()
    for after in known:
        for level, before in last.items():
            # What a lower level alone knew, a higher one has not left out.
            knew = level == "unit" if after.from_level == OTHER else order.index(level) <= order.index(after.from_level)
            if not knew or after.known_at is None or after.known_at > before.at:
                continue
            if _more(after.figures, before.figures):
                found.append(Suspicion("omission", level, "known_before", before.at, after.known_at, "casualties"))
        if after.from_level != OTHER and not _anothers(after, taken_over_at):
            last[after.from_level] = after
    for i, one in enumerate(known):
        if one.verified:
            for level in order[: order.index(one.from_level)]:
                mine = [r for r in known[:i] if r.from_level == level and not _anothers(r, taken_over_at)]
                found += misstated(one, level, mine, known[:i])
    return tuple(found)


def _anothers(report: Passed, taken_over_at: datetime | None) -> bool:
    """Whether it is a report of the district that handed the accident over."""
    return report.from_level == "district" and taken_over_at is not None and report.at <= taken_over_at


def misstated(verified: Passed, level: str, mine: Sequence[Passed], before: Sequence[Passed]) -> tuple[Suspicion, ...]:
    """What an authority verified, held against what a lower `level` had last told (`mine`, of all `before` it).

    Time, place and loss only where the level wrote them itself: a word misheard on the telephone is nobody's false
    report. Who corrects himself is not suspected. Time moved by more than `accidents.suspect_time`, and a place in
    another district, may be a false report; a loss beyond the told grade and by more than `accidents.suspect_loss`,
    and fewer casualties than the level had known or told before, an omission (SAWS Decree 13 Art. 5).
    """
    found: list[Suspicion] = []
    own = [r for r in mine if r.own]
    if own:
        told, on = own[-1], verified.at.astimezone(BEIJING)
        moved = timedelta(minutes=law.value("accidents.suspect_time", on).value)
        if told.occurred_at and verified.occurred_at and abs(verified.occurred_at - told.occurred_at) > moved:
            times = told.occurred_at, verified.occurred_at
            found.append(Suspicion("false", level, "time_moved", told.at, verified.at, "time", *times))
        if told.district and verified.district and told.district != verified.district:
            places = told.district, verified.district
            found.append(Suspicion("false", level, "place_moved", told.at, verified.at, "place", *places))
        was, is_ = told.figures.loss, verified.figures.loss
        if was is not None and is_ is not None:
            lines = law.value("accidents.grade_loss", on)
            over = is_ * 100 > was * (100 + law.value("accidents.suspect_loss", on).value)
            if over and _weighs(lines.band(is_).value) > _weighs(lines.band(was).value):  # type: ignore[arg-type]
                found.append(Suspicion("omission", level, "loss_over", told.at, verified.at, "loss", was, is_))
    if mine and _more(verified.figures, mine[-1].figures):
        earlier = [r for r in before if level in (r.from_level, r.to_level) and r.at <= mine[-1].at]
        if any(not _more(verified.figures, r.figures) for r in earlier):
            found.append(Suspicion("omission", level, "told_less", mine[-1].at, verified.at, "casualties"))
    return tuple(found)


def _more(now: Figures, before: Figures) -> bool:
    """More dead, more dead and missing together (a body found is no new casualty), or more injured."""
    return (
        now.deaths > before.deaths
        or now.deaths + now.missing > before.deaths + before.missing
        or now.injured > before.injured
    )
