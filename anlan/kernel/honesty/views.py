"""The finds of a month by check and area, one find with its evidence, and what is said to it."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST, require_safe

from .. import areas, clock, law
from ..astray import Astray
from ..deadlines import add_months
from ..figures.drawing import Cell, Column, Figure, Row
from ..models import Stale
from ..registers import cells, register_named
from ..scope import Scope
from . import jobs, moving, running
from .declaring import Check, checks
from .models import JUDGED, SEVERITIES, STANDING, Find
from .moving import SEERS, Refused

MONTHS = 24
"""So many months can be chosen."""
TONES = {
    "open": "attention", "asked": "primary", "answered": "attention", "explained": "success", "correct": "critical",
    "handed": "critical", "gone": "neutral",
}  # fmt: skip
MARKS = {"grave": "alert-hexagon", "serious": "alert-triangle", "notable": "info-circle"}
COLUMNS = 4
"""So many columns of its register's list tell what a record behind a find is."""


def _reader(request: HttpRequest) -> Any:
    """An authority without an industry of its own: to everybody else these pages do not exist."""
    account: Any = request.user
    if account.role not in SEERS or account.industries is not None:
        raise Http404
    return account


def _months() -> list[dt.date]:
    this = running.month_of(clock.today())
    return [add_months(this, -n) for n in range(MONTHS)]


def _month(text: str | None) -> dt.date | None:
    """The month that an address or a form names, if it can be chosen."""
    found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text or "")
    day = dt.date(int(found[1]), int(found[2]), 1) if found and int(found[1]) else None
    return day if day in _months() else None


@login_required
@require_safe
def finds(request: HttpRequest) -> HttpResponse:
    """A month's finds, areas by checks; what each check looks for and by which thresholds. `month`: 2013-05."""
    account = _reader(request)
    asked = request.GET.get("month")
    month = _month(asked)
    if asked and month is None:
        text = _("“%(text)s” is none of the last %(n)s months, written like 2013-05.")
        raise Astray(text % {"text": asked[:20], "n": MONTHS}, request.path, _("The latest month"))
    if month is None:
        # The latest with anything to look at.
        latest = Find.objects.filter(period__in=_months(), state__in=STANDING).order_by("-period").first()
        month = latest.period if latest else running.month_of(clock.today())
    rows = list(Find.objects.filter(period=month).exclude(state="gone").defer("records", "chart"))
    by_place = {(find.about, find.check_name): find for find in rows}
    there = [one for one in checks() if any(find.check_name == one.name for find in rows)]
    names = areas.names({find.about for find in rows})
    states = Counter(find.state for find in rows)
    context = {
        "month": month, "months": _months(), "columns": there,
        "rows": [
            (names[about], [_shown(by_place.get((about, one.name))) for one in there]) for about in sorted(names)
        ],
        "states": [(state, title, TONES[state], states[state]) for state, title in Find._meta.get_field("state").choices
                   if states[state]],
        "checks": [(one, _rules(one, month), sum(f.check_name == one.name for f in rows)) for one in checks()],
        "rate": law.value("honesty.false_discovery", month), "may_look": account.role == "city",
        "severities": [(title, MARKS[key]) for key, title in SEVERITIES],
    }  # fmt: skip
    return render(request, "honesty/finds.html", context)


def _shown(find: Find | None) -> dict[str, Any] | None:
    if find is None:
        return None
    return {"find": find, "mark": MARKS[find.severity], "tone": TONES[find.state]}


def _rules(one: Check, on: dt.date) -> list[tuple[law.Rule, str]]:
    """The thresholds of a check with their numbers."""
    return [(rule, _number(rule)) for rule in one.rules(on).values()]


def _number(rule: law.Rule) -> str:
    if rule.value is not None:
        return str(rule.value)
    return _(", ").join(str(band.low) for band in rule.bands if band.low is not None)


@login_required
@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Looks at a month anew, in the background."""
    account = _reader(request)
    month = _month(request.POST.get("month"))
    if account.role != "city":
        raise PermissionDenied
    if month is None:
        raise Http404
    # Others share the month: it is looked at in the whole of the city, not only where this account may look.
    jobs.look_again.put(scope=Scope(account.scope.area), lock="honesty", first=month.isoformat())
    messages.success(request, _("The month is looked at anew; what is found stands here in some minutes."))
    return redirect(f"{reverse('honesty:finds')}?month={month:%Y-%m}")


@login_required
@require_safe
def find(request: HttpRequest, key: int) -> HttpResponse:
    """One find: what, how strong, by which method, the evidence, the records behind it, and what was said."""
    return _page(request, key)


def _page(request: HttpRequest, key: int, refused: str = "", words: str = "") -> HttpResponse:
    account = _reader(request)
    row = get_object_or_404(Find, pk=key)
    made = row.check_made
    columns, records, hidden = _records(account, row, made)
    context = {
        "find": row, "check": made, "name": areas.names([row.about])[row.about], "mark": MARKS[row.severity],
        "tone": TONES[row.state], "rules": _rules(made, row.period) if made else [], "figure": _drawn(row, made),
        "columns": columns, "records": records, "hidden": hidden, "steps": list(row.steps.all()),
        "may_judge": moving.may_judge(row, account) and row.state not in ("explained", "gone"),
        "may_ask": row.state in moving.WAITING, "may_answer": moving.may_answer(row, account),
        "outcomes": JUDGED, "refused": refused, "said": words,
    }  # fmt: skip
    return render(request, "honesty/find.html", context, status=422 if refused else 200)


def _records(account: Any, row: Find, made: Check | None) -> tuple[list[Any], list[Any], int]:
    """The records behind a find as the reader may see them: columns, rows, and how many lie out of his sight."""
    declared = register_named(made.register) if made else None
    if made is None or declared is None:
        return [], [], len(row.records)
    kept = {key: [part for part in row.records if part[0] == key] for key, *_rest in row.records}
    wanted = declared.policy.which(account, "see").filter(pk__in=kept)
    seen = {one.pk: one for one in wanted.select_related(*declared.related)}
    names = declared.columns[:COLUMNS]
    places, links = cells.area_codes(declared, list(seen.values()), names), cells.Links(account)
    shown = [cells.column(declared, name, places, links) for name in names]
    rows = [
        {"cells": [*(one(seen[key]) for one in shown), cells.Cell(_remark(made, *rest))], "url": links(seen[key])}
        for key, *rest in row.records
        if key in seen
    ]
    columns = [*({"label": declared.label(name)} for name in names), {"label": pgettext("honesty", "Why")}]
    return columns, rows, len(kept.keys() - seen.keys())


def _remark(made: Check, remark: Any = "", code: Any = None) -> str:
    """A record's remark in the language in force."""
    words = str(made.remarks[code]) if code in made.remarks else ""
    return _("%(what)s: %(text)s") % {"what": words, "text": remark} if words and remark else words or str(remark or "")


def _drawn(row: Find, made: Check | None) -> Figure | None:
    """The evidence as a chart."""
    if made is None or made.drawn is None or not row.chart:
        return None
    return Figure(
        "evidence", made.title, "bar", made.drawn[0], (Column(made.drawn[1]),),
        tuple(Row(label, (Cell(number),)) for label, number in row.chart), made.drawn[1], row.words,
    )  # fmt: skip


@login_required
@require_POST
def say(request: HttpRequest, key: int) -> HttpResponse:
    """Asks, answers or judges: `move` is ask, answer, or what is decided; `words` say why."""
    account = _reader(request)
    row = get_object_or_404(Find, pk=key)
    move, words = request.POST.get("move", ""), request.POST.get("words", "")
    try:
        if move == "ask":
            moving.ask(row, account, words)
        elif move == "answer":
            moving.answer(row, account, words)
        else:
            moving.judge(row, account, move, words)
    except Refused as refused:
        return _page(request, key, str(refused), words)
    except Stale:
        return _page(request, key, _("Somebody else said something meanwhile. Look at it before you go on."), words)
    messages.success(request, _("It is kept."))
    return redirect("honesty:find", key)
