"""Faults of reporting, found from the times and opened as cases of their own (迟报漏报谎报瞒报查处跟踪)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.db import IntegrityError, transaction

from anlan.kernel import cases, clock
from anlan.kernel.clock import BEIJING

from . import chain
from .models import Accident, ReportFault
from .reporting import all_reports, legs, passed

FINDER: Any = SimpleNamespace(
    pk=None, name="安澜 Anlan", role="duty", area_code="500000000000", enterprise_id=None
)  # fmt: skip
"""The product itself opens what the times show; its name is the same in both languages."""

CLUE = {
    "passed_late": "应于{due}前上报，实际上报时间{at}。",
    "not_passed": "应于{due}前上报，至今未上报。",
    "unit_silent": "事故经其他渠道获知，事故单位至{due}仍未报告。",
    "known_before": "{at}已知的伤亡人数，未列入{due}的报告。",
}
"""What points to a fault, in the Chinese of the official file that is opened."""


def find(accident: Accident) -> list[ReportFault]:
    """Opens a case for each fault that the times show and that has none yet; running again opens nothing twice."""
    if accident.outside:
        return []
    reports = all_reports(accident)
    told = [passed(r) for r in reports]
    suspected = chain.suspicions(legs(accident, reports), told, clock.now(), accident.taken_over_at)
    known = set(ReportFault.objects.filter(accident=accident).values_list("fault", "at_level"))
    # A passing-on that came late was opened as late while it was still missing; silence of a unit that then reports
    # late stays one case, in which a person says what it was.
    made = []
    for one in suspected:
        if (one.fault, one.level) in known or (
            one.fault == "late" and one.level == "unit" and ("concealment", "unit") in known
        ):
            continue
        made += _open(accident, one)
    return made


def _open(accident: Accident, one: chain.Suspicion) -> list[ReportFault]:
    times = {n: f"{t.astimezone(BEIJING):%Y年%-m月%-d日%-H时%-M分}" if t else "" for n, t in
             (("due", one.due_at), ("at", one.at))}  # fmt: skip
    try:
        with transaction.atomic():
            return [
                open_fault(
                    accident, FINDER, one.fault, one.level, CLUE[one.because].format(**times),
                    should_at=one.due_at if one.because != "known_before" else None, did_at=one.at,
                )
            ]  # fmt: skip
    except (IntegrityError, cases.FieldError):
        if ReportFault.objects.filter(accident=accident, fault=one.fault, at_level=one.level).exists():
            return []  # another worker was first
        raise


def open_fault(accident: Accident, by: Any, fault: str, level: str, clue: str, **more: Any) -> ReportFault:
    """Opens one case about a fault; `cases.FieldError` where there is one already."""
    words = {"late": "迟报", "omission": "漏报", "false": "谎报", "concealment": "瞒报"}[fault]
    made: ReportFault = cases.open_case(
        "report_fault", by, accident=accident, fault=fault, at_level=level, clue=clue, level=fault,
        title=f"涉嫌{words}：{accident.title}"[:200], area_code=accident.area_code, industry_id=accident.industry_id,
        place=accident.place, **more,
    )  # fmt: skip
    return made
