"""Reminders before and after a deadline, until the case is done.

Which days, and who is told on them, is data (`law/cases.yaml`, dated). What fell due since the last run is
inserted in one statement per kind; a reminder exists once per case, deadline and day, so that running
twice, late, or after an outage gives the same reminders.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth import get_user_model
from django.db import connection
from django.utils.translation import gettext_noop as _

from anlan.kernel import clock, law, notices

from .lifecycle import Lifecycle, lifecycle, lifecycles
from .models import Case, Reminder

TIERS = {"in_charge": None, "district": frozenset({"district"}), "city": frozenset({"city"})}
"""Whom each tier of `cases.escalation` reaches: the person in charge, or the roles above."""


def make(at: datetime | None = None) -> int:
    """Makes every reminder that fell due by `at` (now) in the scope in force; returns how many are new."""
    return len(make_new(at))


def make_new(at: datetime | None = None) -> list[int]:
    """As `make`; returns the keys of the new reminders."""
    at = at or clock.now()
    return [key for lifecycle in lifecycles() for key in _make(lifecycle, at)]


def tier(days: int, at: datetime) -> str:
    """Who is reminded `days` after the deadline (negative: before it)."""
    return str(law.value("cases.escalation", on=at).band(days).value)


def _make(lifecycle: Lifecycle, at: datetime) -> list[int]:
    days = [int(d) for d in law.value(lifecycle.reminders, on=at).value]
    case, reminder = lifecycle.model._meta.db_table, Reminder._meta.db_table
    # A kind that is closed to enterprises names none.
    columns = {f.column for f in lifecycle.model._meta.concrete_fields}
    enterprise = "c.enterprise_id" if "enterprise_id" in columns else "NULL::bigint"
    # A reminder that would lie before the time limit began was never due. Those of one run that lie in the
    # past are all made: the history then shows that they were due while the system was down.
    sql = f"""
        INSERT INTO "{reminder}" (case_kind, case_id, area_code, industry_id, enterprise_id,
                                  due_at, offset_days, remind_at, tier, made_at)
        SELECT %s, c.id, c.area_code, c.industry_id, {enterprise},
               c.due_at, d.days, c.due_at + make_interval(days => d.days), d.tier, %s
        FROM "{case}" c CROSS JOIN unnest(%s::smallint[], %s::text[]) AS d (days, tier)
        WHERE c.closed_at IS NULL AND c.due_at + make_interval(days => d.days) BETWEEN c.started_at AND %s
        ON CONFLICT DO NOTHING RETURNING id
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [lifecycle.kind, at, days, [tier(d, at) for d in days], at])
        return [key for (key,) in cursor.fetchall()]


def notify(keys: Iterable[int]) -> int:
    """Sends one notice per case for its latest new reminder, to whom that tier reaches; returns how many.

    After an outage nobody is told the same thing five times: the missed reminders stand in the record, and
    the notice speaks of the latest.
    """
    latest: dict[tuple[str, int], Reminder] = {}
    for reminder in Reminder.objects.filter(pk__in=list(keys)).order_by("offset_days"):
        latest[reminder.case_kind, reminder.case_id] = reminder
    sent = 0
    for (kind, _key), reminder in latest.items():
        declared = lifecycle(kind)
        assert declared is not None
        case = declared.model._default_manager.filter(pk=reminder.case_id).first()
        if case is not None:
            sent += _send(declared, case, reminder)
    return sent


def _send(declared: Lifecycle, case: Case, reminder: Reminder) -> int:
    roles = TIERS[reminder.tier]
    if roles is not None:
        to: object = notices.Holders(roles, case.area_code, case.industry_id)
    elif case.owner_id is not None:
        to = get_user_model()._default_manager.filter(pk=case.owner_id)
    else:
        # Nobody has taken charge: those whose turn it is are reminded.
        waits = frozenset(r for r in ("enterprise", "township", "district") if case.state in declared.waits_for(r))
        to = notices.Holders(waits, case.area_code, case.industry_id, reminder.enterprise_id or notices.ANY)
    late = reminder.offset_days
    message = (
        _("%(number)s %(title)s: overdue by %(days)s days") if late > 0
        else _("%(number)s %(title)s: due today") if late == 0
        else _("%(number)s %(title)s: due in %(days)s days")
    )  # fmt: skip
    facts = {"number": case.number, "title": case.title, "days": abs(late)}
    level = "critical" if late > 0 else "attention"
    return len(notices.send(to, message, facts, url=case.get_absolute_url(), level=level))  # type: ignore[arg-type]
