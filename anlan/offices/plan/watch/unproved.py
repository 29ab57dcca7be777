"""Clauses that nothing measures: whoever bears one is told when the proof of a period is due and missing.

A proof is a record, of the period, in one of the registers that the clause names, within the duty-holder's area; or a
file of evidence given with the progress report. A register whose records tell of no period proves by what it holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Left
from django.utils.translation import gettext_noop

from anlan.engines.measures import Measure, Period
from anlan.kernel import clock, notices
from anlan.kernel.cases.models import EvidenceFile
from anlan.kernel.figures import measured_clauses, titles
from anlan.kernel.figures.computing import compute, named
from anlan.kernel.figures.words import period_facts
from anlan.kernel.locks import alone
from anlan.kernel.notices import Holders, Message
from anlan.kernel.policies import rule_of
from anlan.kernel.registers import register_named
from anlan.kernel.scope import By, area_prefix
from anlan.parties.models import Account

from ..models import Plan
from ..progress.models import ProgressReport
from ..progress.reports import due_at, reviewer, writers
from ..targets.standing import in_force_in
from .models import Slip

MISSING = gettext_noop("%(n)s clauses of %(period)s lack the proof that was due: %(codes)s.")
MISSING_BELOW = gettext_noop("%(n)s duty-holders lack the proof that was due for %(period)s.")


def look() -> int:
    """Looks at the periods that ended last and whose reports were due, and at those of which a proof is missing still;
    returns how many clauses slipped anew. Each is held to the plan of its own year: December's is due in January. What
    is missing of the year before last nobody is asked for any more."""
    alone("plan.unproved")
    today = clock.today()
    _end(Slip.objects.filter(level="unproved", state="open", year__lt=today.year - 1), "gone")
    last = [Period.of(kind, today).previous() for kind in ("month", "quarter")]
    missing = Slip.objects.filter(level="unproved", state="open").values_list("period", flat=True).distinct()
    periods = {*(p for p in last if p is not None and due_at(p) < clock.now()), *map(Period.parse, missing)}
    plans = {year: in_force_in(year) for year in {p.first.year for p in periods}}
    pairs = [(plan, p) for p in sorted(periods, key=lambda p: p.end) if (plan := plans[p.first.year]) is not None]
    return sum(_look(plan, period) for plan, period in pairs)


def unmeasured(plan: Plan) -> dict[str, list[str]]:
    """By clause, the registers that are kept and should prove it: of clauses that no measure serves."""
    measured, known = measured_clauses(), titles()
    measured |= set(plan.targets.filter(measure__in=known).values_list("clause__code", flat=True))
    return {
        c.code: names
        for c in plan.clauses.all()
        if c.code not in measured and (names := [name for name in c.proofs if register_named(name)])
    }


def _look(plan: Plan, period: Period) -> int:
    today, clauses = clock.today(), unmeasured(plan)
    proved = {name: _places(name, period) for name in {n for names in clauses.values() for n in names}}
    files = EvidenceFile.objects.filter(case_kind="progress", case_id=OuterRef("pk"))
    bare = ProgressReport.objects.filter(~Exists(files), period=period.name, code__in=clauses)
    missing: dict[tuple[str, int], Any] = {
        (row.code, row.authority_id): row
        for row in bare.only("code", "authority_id", "area_code", "industry_id", "owner_area_code", "period")
        if not any(_proves(proved[name], row.area_code) for name in clauses[row.code])
    }
    with transaction.atomic():
        told: set[tuple[str, int | None]] = set()
        better = []
        of_period = Slip.objects.filter(year=plan.year, period=period.name, level="unproved")
        for key, code, authority, state in of_period.values_list("pk", "code", "authority_id", "state"):
            told.add((code, authority))
            if state == "open" and (code, authority) not in missing:
                better.append(key)
        _end(Slip.objects.filter(pk__in=better), "cleared")
        new = [row for key, row in missing.items() if key not in told]
        Slip.objects.bulk_create(
            (
                Slip(year=plan.year, code=row.code, area_code=row.area_code, industry_id=row.industry_id, since=today,
                     authority_id=row.authority_id, period=period.name, level="unproved", day=today)
                for row in new
            ),
            batch_size=1000,
        )  # fmt: skip
        _tell(plan, period, new)
    return len(new)


def _end(slips: QuerySet[Slip], state: str) -> None:
    today = clock.today()
    slips.update(state=state, ended=today, day=today, version=F("version") + 1, updated_at=clock.now())


def _places(name: str, period: Period) -> set[str] | None:
    """The areas, as prefixes down to townships, that hold a record of the period; None: whatever lies anywhere."""
    declared = register_named(name)
    assert declared is not None
    counts = [
        one
        for one in named(on=period.first)
        if isinstance(one, Measure)
        and one.source.register == name
        and one.value is None
        and one.source.area
        and not one.present_only
    ]
    rows, rule = declared.model._default_manager.order_by(), rule_of(declared.model)
    if counts:
        figures = compute([one.name for one in counts], period, by=("area",), tier=3, compare=False)
        keys = (key for (key,) in figures.keys("area") if key)
        return {key for key in keys if any(figures.at(one, area=key).now.value for one in counts)}
    if isinstance(rule, By):
        return set(rows.values_list(Left(rule.area, 9), flat=True).distinct())
    return None if rows[:1].exists() else set()


def _proves(places: set[str] | None, area_code: str) -> bool:
    area = area_prefix(area_code)
    return places is None or any(place.startswith(area) or area.startswith(place) for place in places)


def _tell(plan: Plan, period: Period, new: Iterable[Any]) -> None:
    """One message to each duty-holder, one to each office above it, however many clauses and authorities."""
    mine: dict[tuple[str, str | None], list[str]] = {}
    above: dict[str, set[int]] = {}
    for row in new:
        mine.setdefault((row.area_code, row.industry_id), []).append(row.code)
        below = reviewer(row.area_code, row.industry_id) == "district"
        office = row.area_code[:6].ljust(12, "0") if below else plan.area_code
        above.setdefault(office, set()).add(row.authority_id)
    page, found = f"/plan/progress/?period={period.name}", writers(mine)
    said_of, messages = period_facts(period), []

    def said(account: Account, text: str, **params: Any) -> None:
        messages.append(Message([account], text, params | said_of, page, "attention"))

    for seat, codes in mine.items():
        for account in found.get(seat, ()):
            said(account, MISSING, n=len(codes), codes=", ".join(sorted(set(codes))[:12]))
    offices = {
        area: Holders(frozenset({"city" if area == plan.area_code else "district"}), area) for area in above
    }  # fmt: skip
    accounts = notices.accounts_of(offices.values())
    for area, holders in offices.items():
        for account in accounts[holders]:
            said(account, MISSING_BELOW, n=len(above[area]))
    notices.send_all(messages)
