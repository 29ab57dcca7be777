"""To whom an overdue case rose, tier by tier: what its reminders say, told as part of its history.

Nothing is kept besides: `cases.escalation` says which tier is told after how many days, and the reminder that fell due
on the first of them is the rise. It belongs to the day on which it fell due, also where it was told later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from anlan.kernel import authorities, law
from anlan.kernel.clock import BEIJING

from .models import Case, CaseEntry, Reminder
from .reminders import RULE

SEATS = {"township": ("township", 9), "district": ("district", 6), "city": ("city", 2), "duty": ("city", 2)}
"""Whose authority a tier is: the role that sits there, and of how many digits of a case's division its own is."""
ROSE = "escalated"
"""The move under which a rise stands in the history."""


@dataclass(frozen=True, slots=True)
class Rise:
    """An overdue case rose to a higher authority: `at` when it fell due, `days` (or `minutes`) after the deadline
    `due_at`, which is `since` the first of the tier's by `rule`; `told_at` when it was told. `after` is the entry
    before it."""

    at: datetime
    due_at: datetime
    days: int
    tier: str
    area_code: str
    authority: str
    since: int
    rule: law.Rule
    told_at: datetime
    after: CaseEntry
    minutes: int | None = None

    def facts(self) -> dict[str, Any]:
        """The rise in fields, as programs read it."""
        return {
            "authority": self.authority, "tier": self.tier, "area_code": self.area_code,
            "due_at": self.due_at, "told_at": self.told_at, "rule": self.rule.id,
            "source": self.rule.source, "article": self.rule.article,
            **({"days": self.days, "from_day": self.since} if self.minutes is None
               else {"minutes": self.minutes, "from_minute": self.since}),
        }  # fmt: skip


def rises(case: Case, entries: Iterable[CaseEntry]) -> list[Rise]:
    """The rises of a case with these entries, in the order of time: one for each deadline and tier."""
    first: dict[tuple[datetime, str], Reminder] = {}
    for reminder in Reminder.of(case).filter(tier__in=SEATS).order_by("remind_at"):
        first.setdefault((reminder.due_at, reminder.tier), reminder)
    if not first:
        return []
    seats = {key: _seat(case, reminder) for key, reminder in first.items()}
    names, history = authorities.names(seats.values()), list(entries)
    made = []
    for key, reminder in first.items():
        before = [entry for entry in history if entry.at <= reminder.remind_at]
        if not before:
            continue  # What came before it is not for the reader's eyes.
        rule = law.value(reminder.rule or RULE, on=reminder.remind_at)
        since = rule.band(reminder.offset_minutes if reminder.rule else reminder.offset_days).low
        made.append(
            Rise(
                reminder.remind_at, reminder.due_at, reminder.offset_days, reminder.tier, seats[key][1],
                names[seats[key]], int(since or 0), rule, reminder.made_at, before[-1],
                reminder.offset_minutes if reminder.rule else None,
            )
        )  # fmt: skip
    return made


def _seat(case: Case, reminder: Reminder) -> tuple[str, str, date]:
    role, digits = SEATS[reminder.tier]
    code = case.area_code[:digits].ljust(12, "0")
    return role, code, reminder.remind_at.astimezone(BEIJING).date()
