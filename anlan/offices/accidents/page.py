"""What an accident's page shows besides its facts: the chain counting down, every version, and what hangs on it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock, law
from anlan.kernel.models import pointed

from . import chain, draft, merging, references, rules
from .draft import counts_in_time
from .models import LEVELS, READ_FAULTS, Accident, HandedOver, Report, ReportFault
from .reporting import all_reports, legs

_LEVEL = dict(LEVELS)


@dataclass(frozen=True, slots=True)
class Step:
    """One leg of the chain as the page shows it. `state` is done, late, running, over, skipped or waiting."""

    from_title: Any
    to_title: Any
    state: str
    started_at: datetime | None
    due_at: datetime | None
    done_at: datetime | None
    basis: str


def steps(accident: Accident, reports: list[Report]) -> list[Step]:
    """The chain in words; none for an accident of before there was one (a history taken over), and none for what is
    another one's, or no accident at all: there it stands with that one, or nothing is owed."""
    now, found = clock.now(), []
    if accident.state in ("merged", "dismissed"):
        return []
    try:
        chained = legs(accident, reports)
    except law.NoRuleInForce:
        return []
    for leg in chained:
        if leg.done_at is not None:
            state = "skipped" if leg.skipped else "late" if leg.late(now) else "done"
        else:
            state = "waiting" if leg.due_at is None else "over" if leg.late(now) else "running"
        started, due, done, basis = leg.started_at, leg.due_at, leg.done_at, str(leg.rule or "")
        if leg.skipped:  # no report of this level's own, so no time of one
            started, due, done, basis = None, None, None, ""
        found.append(Step(_LEVEL[leg.from_level], _LEVEL[leg.to_level], state, started, due, done, basis))
    return found


def part(case: Accident, account: Any) -> tuple[str, dict[str, Any]]:
    """Template and contents of the accident's part of its case page; a constant number of queries."""
    reports = all_reports(case)
    own = [r for r in reports if r.accident_id == case.pk]
    own.sort(key=lambda r: r.no)
    previous = None
    versions = []
    confirmed = {r.at for r in own if r.kind == "confirmed"}
    ends = None
    if case.state == "reporting" and case.due_at is None:
        with suppress(law.NoRuleInForce):  # a history of before there was such a time
            ends = rules.window_end(case.occurred_at, case.category.window)
    for report in own:
        if report.kind == "confirmed":
            versions.append({"report": report, "regraded": False})
            continue
        if previous is not None and not counts_in_time(case, report):
            # It is kept, and changes nothing: the facts above stand as they were (Art. 13).
            versions.append({"report": report, "regraded": False, "beyond": True})
            continue
        raised = previous is not None and chain.GRADES.index(report.grade) > chain.GRADES.index(previous.grade)
        versions.append(
            {
                "report": report,
                "regraded": previous is not None and report.grade != previous.grade,
                "raised": raised,
                "confirmed": report.said_at in confirmed,
            }
        )
        previous = report
    return "accidents/part.html", {
        "steps": steps(case, reports),
        "versions": versions,
        "similar": merging.offered(case, account) if case.state == "reporting" else [],
        "supplements": ends,
        "supplements_over": ends is not None and ends < clock.now(),
        "into": pointed(case, "merged_into"),
        "merged": [(one, draft.casualties(one)) for one in Accident.objects.filter(merged_into=case)],
        "known_before": references.shown(case.known_before.all(), account),
        "faults": list(ReportFault.objects.filter(accident=case)) if account.role in READ_FAULTS else [],
        "passed_on": HandedOver.objects.filter(number=case.number).order_by("-at").first() if case.passed_to else None,
        "tiles": settings.TILES,
        "now": clock.now(),
    }  # fmt: skip


def fault_part(case: ReportFault, account: Any) -> tuple[str, dict[str, Any]]:
    """Template and contents of a fault's part of its page: what such a fault is, and the limit that was to be kept."""
    on, cited = case.accident.occurred_at, []
    with suppress(law.NoRuleInForce):  # before the first rule there is none to cite
        cited.append((_("What such a fault is"), law.value("accidents.faults", on)))
        if case.fault in ("late", "concealment") and case.at_level in chain.levels(on)[:-1]:
            cited.append((_("The limit that was to be kept"), chain.limit(case.at_level, case.accident.grade, on)))  # type: ignore[arg-type]
    return "accidents/fault.html", {"cited": cited}
