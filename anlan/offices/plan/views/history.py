"""Every correction of a plan, from the audit, in words."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import connection
from django.db.models import DateTimeField, ForeignKey
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import date as date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from anlan.kernel import actors, clock
from anlan.parties.models import Account

from ..models import KINDS, Clause, Gap, Plan, Source, Target
from .plans import badge
from .sheet import plan_or_404

HISTORY = """
WITH rows AS (
  SELECT 'plan_plan' AS t, %(plan)s::text AS r
  UNION SELECT DISTINCT table_name, row_id FROM audit_entry
  WHERE table_name IN ('plan_clause', 'plan_target', 'plan_gap', 'plan_source') AND op = 'insert'
    AND changes ->> 'plan_id' = %(plan)s::text)
SELECT coalesce(e.on_clock, e.at), e.account_id, e.actor, e.actor_kind, e.table_name, e.row_id, e.op, e.changes::text
FROM audit_entry e JOIN rows ON e.table_name = rows.t AND e.row_id = rows.r
WHERE NOT (e.op = 'insert' AND e.table_name = 'plan_gap')
ORDER BY e.id DESC LIMIT 300
"""


@login_required
@require_safe
def changes(request: HttpRequest, key: int) -> HttpResponse:
    """Every correction, the newest first: who, when, what was and what is."""
    plan = plan_or_404(key)
    with connection.cursor() as cursor:
        cursor.execute(HISTORY, {"plan": plan.pk})
        entries = cursor.fetchall()
    return render(
        request, "plan/history.html", {"plan": plan, "badge": badge(plan), "entries": history_words(plan, entries)}
    )


def history_words(plan: Plan, entries: list[Any]) -> list[dict[str, Any]]:
    """The audit's entries in words. Gone clauses and targets are named as they were when they went."""
    words = {"insert": _("Added"), "update": _("Changed"), "delete": _("Removed")}
    kinds: dict[str, tuple[str, Any]] = {
        "plan_plan": (_("Plan"), Plan), "plan_clause": (_("Clause"), Clause), "plan_target": (_("Target"), Target),
        "plan_gap": (_("Place not read"), Gap), "plan_source": (_("Source"), Source),
    }  # fmt: skip
    names = {("plan_clause", str(c.pk)): str(c) for c in plan.clauses.all()}
    names |= {("plan_target", str(t.pk)): f"{t.code} {t}" for t in plan.targets.all()}
    names |= {("plan_gap", str(g.pk)): g.words for g in plan.gaps.all()}
    for *_who, table, row, op, raw in entries:
        if op != "update":
            gone = json.loads(raw)
            label = " ".join(filter(None, (gone.get("code"), gone.get("title") or gone.get("subject"))))
            names.setdefault((table, row), label or "–")
    by = actors.named(account for _at, account, *_rest in entries)
    people = {str(a.pk): a.name for a in Account.objects.filter(pk__in=plan.hands)} | {
        str(a.pk): a.name for a in (plan.proposed_by, plan.adopted_by) if a
    }
    clauses = {str(c.pk): c.code for c in plan.clauses.all()}
    found = []
    for at, *who, table, row, op, raw in entries:
        title, model = kinds[table]
        fields = []
        if op == "update":
            for column, (before, after) in json.loads(raw).items():
                field = next((f for f in model._meta.concrete_fields if f.column == column), None)
                if field is not None and column not in ("hands", "published", "area_code"):
                    fields.append(
                        {
                            "label": field.verbose_name,
                            "before": _said(field, before, clauses if field.name == "clause" else people),
                            "after": _said(field, after, clauses if field.name == "clause" else people),
                        }
                    )
            if not fields:
                continue
        found.append(
            {
                "at": at,
                "actor": by(*who),
                "words": words[op],
                "kind": title,
                "name": names.get((table, row), ""),
                "fields": fields,
            }
        )
    return found


def _said(field: Any, value: Any, pointed: dict[str, str]) -> str:
    """A value of the audit as people write it; `pointed` names the records that a key points at."""
    if value in (None, "", []):
        return "–"
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(field, ForeignKey):
        return pointed.get(str(value), "–")
    if isinstance(field, DateTimeField):
        return date_format(datetime.fromisoformat(value).astimezone(clock.BEIJING), "Y-m-d H:i")
    if isinstance(value, list):
        words = dict(KINDS)
        return ", ".join(str(words.get(v, v)) for v in value)
    return str(dict(field.flatchoices).get(value, value))
