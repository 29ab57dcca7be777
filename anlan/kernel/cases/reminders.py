"""Reminders before and after a deadline, until the case is done.

Which days, and who is told on them, is data (`law/cases.yaml`, dated). What fell due since the last run is
inserted in one statement per kind; a reminder exists once per case, deadline and day, so that running
twice, late, or after an outage gives the same reminders.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from anlan.kernel import clock, law

from .lifecycle import Lifecycle, lifecycles
from .models import Reminder


def make(at: datetime | None = None) -> int:
    """Makes every reminder that fell due by `at` (now) in the scope in force; returns how many are new."""
    at = at or clock.now()
    return sum(_make(lifecycle, at) for lifecycle in lifecycles())


def tier(days: int, at: datetime) -> str:
    """Who is reminded `days` after the deadline (negative: before it)."""
    return str(law.value("cases.escalation", on=at).band(days).value)


def _make(lifecycle: Lifecycle, at: datetime) -> int:
    days = [int(d) for d in law.value(lifecycle.reminders, on=at).value]
    case, reminder = lifecycle.model._meta.db_table, Reminder._meta.db_table
    # A reminder that would lie before the time limit began was never due. Those of one run that lie in the
    # past are all made: the history then shows that they were due while the system was down.
    sql = f"""
        INSERT INTO "{reminder}" (case_kind, case_id, area_code, industry_id, enterprise_id,
                                  due_at, offset_days, remind_at, tier, made_at)
        SELECT %s, c.id, c.area_code, c.industry_id, c.enterprise_id,
               c.due_at, d.days, c.due_at + make_interval(days => d.days), d.tier, %s
        FROM "{case}" c CROSS JOIN unnest(%s::smallint[], %s::text[]) AS d (days, tier)
        WHERE c.closed_at IS NULL AND c.due_at + make_interval(days => d.days) BETWEEN c.started_at AND %s
        ON CONFLICT DO NOTHING
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [lifecycle.kind, at, days, [tier(d, at) for d in days], at])
        return int(cursor.rowcount)
