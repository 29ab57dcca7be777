"""Reminders before and after a deadline, until the case is done.

Which days, and who is told on them, is data (`law/cases.yaml`, dated); for a limit that rises by the minute
(`lifecycle.Clock.rises`) the bands of its own rule are the minutes. What fell due since the last run is
inserted in one statement per kind; a reminder exists once per case, deadline and day, so that running
twice, late, or after an outage gives the same reminders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.utils.translation import gettext_noop as _

from anlan.kernel import clock, law, notices
from anlan.kernel.clock import BEIJING

from . import queue
from .lifecycle import Lifecycle, lifecycles
from .models import Case, Reminder

TIERS = {
    "in_charge": None,
    "township": frozenset({"township"}),
    "district": frozenset({"district"}),
    "city": frozenset({"city"}),
    "duty": frozenset({"city", "duty"}),
}
"""Whom each tier of an escalation reaches: the person in charge, or the roles above; `duty` is the city with its duty
officers."""
RULE = "cases.escalation"
"""The rule that says after how many days who is told."""
PIECE = 5_000
"""Reminders told of at once."""


def make(at: datetime | None = None) -> int:
    """Makes every reminder that fell due by `at` (now) in the scope in force; returns how many are new."""
    return len(make_new(at))


def make_new(at: datetime | None = None) -> list[int]:
    """As `make`; returns the keys of the new reminders."""
    at = at or clock.now()
    by_days = [key for lifecycle in lifecycles() for key in _make(lifecycle, at)]
    return by_days + make_by_minutes(at)


def make_by_minutes(at: datetime | None = None) -> list[int]:
    """As `make_new`, of those limits alone that rise by the minute: cheap enough to be asked every minute."""
    at = at or clock.now()
    today = at.astimezone(BEIJING).date()
    rules = [rule for rule in law.rules() if rule.unit == "minutes" and rule.holds_on(today)]
    told = [(r.id, int(band.low), band.value) for r in rules for band in r.bands if band.low is not None]
    return [key for one in lifecycles() if one.by_minutes for key in _make_by_minutes(one, at, told)]


def tier(days: int, at: datetime) -> str:
    """Who is reminded `days` after the deadline (negative: before it)."""
    return str(law.value(RULE, on=at).band(days).value)


def _make(lifecycle: Lifecycle, at: datetime) -> list[int]:
    days = [int(d) for d in law.value("cases.remind_days", on=at).value]
    # A reminder that would lie before the time limit began was never due. Those of one run that lie in the
    # past are all made: the history then shows that they were due while the system was down.
    by_minutes = "AND NOT coalesce(c.clock ? 'rises', false)" if lifecycle.by_minutes else ""
    return _insert(
        lifecycle, at, "d.days, 0, '', c.due_at + make_interval(days => d.days), d.tier",
        "unnest(%s::smallint[], %s::text[]) AS d (days, tier)", [days, [tier(d, at) for d in days]],
        f"c.due_at + make_interval(days => d.days) BETWEEN c.started_at AND %s {by_minutes}",
    )  # fmt: skip


def _make_by_minutes(lifecycle: Lifecycle, at: datetime, told: list[tuple[str, int, Any]]) -> list[int]:
    rules, minutes, tiers = [list(column) for column in zip(*told, strict=True)] if told else ([], [], [])
    return _insert(
        lifecycle, at, "0, d.minutes, d.rule, c.due_at + make_interval(mins => d.minutes), d.tier",
        "unnest(%s::text[], %s::int[], %s::text[]) AS d (rule, minutes, tier)", [rules, minutes, tiers],
        "c.due_at <= %s::timestamptz - make_interval(mins => d.minutes) AND c.clock->>'rises' = d.rule",
    )  # fmt: skip


def _insert(lifecycle: Lifecycle, at: datetime, made: str, told: str, values: list[Any], due: str) -> list[int]:
    """Inserts the reminders `made` of open cases joined with what is `told`, where they are `due` by `at`."""
    case, reminder = lifecycle.model._meta.db_table, Reminder._meta.db_table
    # A kind that is closed to enterprises names none.
    columns = {f.column for f in lifecycle.model._meta.concrete_fields}
    enterprise = "c.enterprise_id" if "enterprise_id" in columns else "NULL::bigint"
    sql = f"""
        INSERT INTO "{reminder}" (case_kind, case_id, area_code, industry_id, enterprise_id, made_at,
                                  due_at, offset_days, offset_minutes, rule, remind_at, tier)
        SELECT %s, c.id, c.area_code, c.industry_id, {enterprise}, %s, c.due_at, {made}
        FROM "{case}" c CROSS JOIN {told}
        WHERE c.closed_at IS NULL AND {due}
        ON CONFLICT DO NOTHING RETURNING id
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [lifecycle.kind, at, *values, at])
        return [key for (key,) in cursor.fetchall()]


def notify(keys: Iterable[int]) -> int:
    """Sends one notice per case for its latest new reminder, to whom that tier reaches; returns how many.

    After an outage nobody is told the same thing five times: the missed reminders stand in the record, and
    the notice speaks of the latest.
    """
    new = Reminder.objects.filter(pk__in=list(keys)).order_by("case_kind", "case_id", "-remind_at")
    latest = list(new.distinct("case_kind", "case_id"))
    pieces = (latest[start : start + PIECE] for start in range(0, len(latest), PIECE))
    return sum(len(notices.send_all(_messages(piece))) for piece in pieces)


def _messages(reminders: list[Reminder]) -> list[notices.Message]:
    cases: dict[tuple[str, int], Case] = {}
    for declared in lifecycles():
        ids = [r.case_id for r in reminders if r.case_kind == declared.kind]
        cases |= {(declared.kind, k): c for k, c in declared.model._default_manager.in_bulk(ids).items()} if ids else {}
    owners = get_user_model()._default_manager.in_bulk({c.owner_id for c in cases.values() if c.owner_id is not None})
    return [
        _message(case, reminder, owners)
        for reminder in reminders
        if (case := cases.get((reminder.case_kind, reminder.case_id))) is not None
    ]


def _message(case: Case, reminder: Reminder, owners: Mapping[int, Any]) -> notices.Message:
    roles, late = TIERS[reminder.tier], reminder.offset_days
    to: notices.Holders | list[Any]
    owner = None if case.owner_id is None else owners.get(case.owner_id)
    # Who took charge may since have left, or answer for another place: then the case waits for those whose turn it is.
    if owner is not None and not (
        owner.is_active and owner.scope.covers(case.area_code, case.industry_id, reminder.enterprise_id)
    ):
        owner = None
    if roles is not None:
        to = notices.Holders(roles, case.area_code, case.industry_id)
    elif owner is not None:
        to = [owner]
    else:
        # Nobody has taken charge: those whose turn it is are reminded.
        declared = case.lifecycle
        waits = {r for r in ("enterprise", "township", "district") if case.state in declared.waits_for(r)}
        if declared.addressee is not None:
            waits = queue.awaited(declared, case)
        # Of no enterprise is no enterprise's: its neighbours are not told.
        to = notices.Holders(frozenset(waits), case.area_code, case.industry_id, reminder.enterprise_id)
    if reminder.rule:
        minutes = max(reminder.offset_minutes, int((clock.now() - reminder.due_at).total_seconds() // 60))
        facts = {"number": case.number, **case.titles(), "minutes": minutes}
        text = _("%(number)s %(title)s: nobody has done it, overdue by %(minutes)s minutes")
        return notices.Message(to, text, facts, case.get_absolute_url(), "critical")
    text = (
        _("%(number)s %(title)s: overdue by %(days)s days") if late > 0
        else _("%(number)s %(title)s: due today") if late == 0
        else _("%(number)s %(title)s: due in %(days)s days")
    )  # fmt: skip
    days = abs(late)
    if late > 0 and case.due_at is not None:  # the last of the reminders may come long after its own day
        days = max(days, (clock.today() - case.due_at.astimezone(BEIJING).date()).days)
    facts = {"number": case.number, **case.titles(), "days": days}
    return notices.Message(to, text, facts, case.get_absolute_url(), "critical" if late > 0 else "attention")
