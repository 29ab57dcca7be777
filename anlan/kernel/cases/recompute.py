"""Every open case's deadline computed anew from its facts, and compared with the one that is kept.

Millions of cases share a few thousand different facts (the day the limit began and what it rests on), so the
pure functions of `kernel.deadlines` run once for each of those and the database joins the answers. Cases with
pauses or granted extensions, which are few, are computed one by one. Needed after an outage, a correction of
the calendar, or a restore.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from anlan.kernel import calendar, clock
from anlan.kernel.clock import BEIJING
from anlan.kernel.deadlines import MINUTES, due, due_on

from .engine import recomputed_due, running_limit
from .lifecycle import Lifecycle, lifecycles
from .models import Case, Extension, Pause

_ANSWERS = "anlan_answers"
# What a deadline in days rests on besides `clock`: equal facts, equal deadline.
_DAY = "(c.started_at AT TIME ZONE 'Asia/Shanghai')::date"
_COMPUTED = "coalesce(a.due_at, c.started_at + make_interval(mins => a.minutes))"
_RUNNING = "c.closed_at IS NULL AND c.started_at IS NOT NULL AND jsonb_typeof(c.clock) = 'object'"


@dataclass(frozen=True, slots=True)
class Difference:
    """A case whose kept deadline is not the computed one."""

    kind: str
    number: str
    kept: datetime | None
    computed: datetime | None


@dataclass(frozen=True, slots=True)
class Recomputed:
    """How many open cases of one kind have a running limit, how many differ, and the first hundred that do."""

    kind: str
    cases: int
    different: int
    examples: tuple[Difference, ...]


def recompute(mend: bool = False) -> Iterator[Recomputed]:
    """Each kind of case in the scope in force; with `mend` the kept deadlines become the computed ones."""
    for declared in lifecycles():
        with transaction.atomic():
            yield _recompute(declared, mend)


def _recompute(declared: Lifecycle, mend: bool) -> Recomputed:
    table = f'"{declared.model._meta.db_table}"'
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {_ANSWERS}")
        # Nobody keeps statistics of these facts, so the planner would sort millions of rows to find a few thousand.
        cursor.execute("SET LOCAL enable_sort = off")
        # One pass over the table; what follows touches only what differs.
        cursor.execute(f"SELECT {_DAY}, c.clock::text, count(*) FROM {table} c WHERE {_RUNNING} GROUP BY 1, c.clock")
        facts = cursor.fetchall()
        cursor.execute(
            f"CREATE TEMP TABLE {_ANSWERS} (day date, clock jsonb, due_at timestamptz, minutes int) ON COMMIT DROP"
        )
        with cursor.copy(f"COPY {_ANSWERS} FROM STDIN") as copy:
            for day, said, _cases in facts:
                rests_on = json.loads(said)
                each = MINUTES.get(rests_on.get("unit"))
                if each is None:
                    copy.write_row((day, said, _by_days(day, rests_on), None))
                else:
                    copy.write_row((day, said, None, rests_on["value"] * each))
        cursor.execute(f"ANALYZE {_ANSWERS}")
        singly = _one_by_one(declared)
        cursor.execute(
            f"CREATE TEMP TABLE anlan_different ON COMMIT DROP AS "
            f"SELECT c.id, c.number, c.due_at AS kept, {_COMPUTED} AS computed "
            f"FROM {table} c JOIN {_ANSWERS} a ON a.day = {_DAY} AND a.clock = c.clock "
            f"WHERE {_RUNNING} AND c.due_at IS DISTINCT FROM {_COMPUTED} AND NOT c.id = ANY (%s)",
            [list(singly)],
        )
        with cursor.copy("COPY anlan_different FROM STDIN") as copy:
            for case, computed in singly.values():
                if case.due_at != computed:
                    copy.write_row((case.pk, case.number, case.due_at, computed))
        cursor.execute("SET LOCAL enable_sort = on")
        cursor.execute("SELECT count(*) FROM anlan_different")
        different = int(cursor.fetchone()[0])
        cursor.execute("SELECT number, kept, computed FROM anlan_different ORDER BY number LIMIT 100")
        examples = tuple(Difference(declared.kind, *row) for row in cursor.fetchall())
        if mend and different:
            cursor.execute(
                f"UPDATE {table} c SET due_at = d.computed, version = c.version + 1, updated_at = %s "
                "FROM anlan_different d WHERE d.id = c.id",
                [clock.now()],
            )
        cursor.execute(f"DROP TABLE {_ANSWERS}, anlan_different")
    return Recomputed(declared.kind, sum(row[-1] for row in facts), different, examples)


def _by_days(day: date, rests_on: dict[str, Any]) -> datetime | None:
    days = calendar.installed()
    # Any moment of the day: limits in days count from the next one.
    started = datetime(day.year, day.month, day.day, 12, tzinfo=BEIJING)
    if "until" in rests_on:
        return due_on(date.fromisoformat(rests_on["until"]), calendar=days, started=started)
    return due(started, running_limit(rests_on), calendar=days)


def _one_by_one(declared: Lifecycle) -> dict[int, tuple[Case, datetime | None]]:
    """The cases that were paused or given more time, each with its deadline."""
    keys = set(Pause.objects.filter(case_kind=declared.kind).values_list("case_id", flat=True))
    more = Extension.objects.filter(case_kind=declared.kind, granted=True)
    keys |= set(more.values_list("case_id", flat=True))
    running = declared.model._default_manager.filter(pk__in=keys, closed_at__isnull=True, clock__isnull=False)
    return {case.pk: (case, recomputed_due(case)) for case in running}
