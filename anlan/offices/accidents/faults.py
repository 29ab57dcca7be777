"""Faults of reporting, found from the reports and opened as cases of their own (迟报漏报谎报瞒报查处跟踪)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from anlan.kernel import areas, cases, clock
from anlan.kernel.cases.lifecycle import PRODUCT
from anlan.kernel.clock import BEIJING

from . import chain
from .draft import money
from .models import Accident, ReportFault
from .reporting import all_reports, legs, passed

CLUE = {
    "passed_late": "应于{due}前上报，实际上报时间{at}。",
    "not_passed": "应于{due}前上报，至今未上报。",
    "unit_silent": "事故经其他渠道获知，事故单位至{due}仍未报告。",
    "known_before": "{at}已知的伤亡人数，未列入{due}的报告。",
    "told_less": "{due}报告的伤亡人数少于此前已掌握的人数，{at}核实为此前人数。",
    "time_moved": "{due}报告的事故发生时间为{told}，{at}核实为{found}。",
    "place_moved": "{due}报告的事故发生地为{told}，{at}核实为{found}。",
    "loss_over": "{due}报告的直接经济损失为{told}，{at}核实为{found}，超过所报等级界限。",
}
"""What points to a fault, in the Chinese of the official file that is opened."""


def find(accident: Accident) -> list[ReportFault]:
    """Opens a case for each fault that the times show and that has none yet; running again opens nothing twice."""
    if accident.outside or accident.state == "handed_over":
        return []  # of what was handed over all was found then, and the unit's went along
    reports = all_reports(accident)
    told = [passed(r) for r in reports]
    suspected = chain.suspicions(legs(accident, reports), told, clock.now(), accident.taken_over_at)
    known = set(ReportFault.objects.filter(accident=accident).values_list("fault", "at_level", "about"))
    # A passing-on that came late was opened as late while it was still missing; silence of a unit that then reports
    # late stays one case, in which a person says what it was. One opened by hand is about the whole of it.
    made = []
    for one in suspected:
        key = one.fault, one.level, one.about
        silent = one.fault == "late" and one.level == "unit" and ("concealment", "unit", "") in known
        if key in known or (one.fault, one.level, "") in known or silent:
            continue
        known.add(key)
        made += _open(accident, one)
    return made


def _open(accident: Accident, one: chain.Suspicion) -> list[ReportFault]:
    words = {n: _said(getattr(one, f)) for n, f in (("due", "due_at"), ("at", "at"), ("told", "told"),
                                                    ("found", "found"))}  # fmt: skip
    limit = one.because in ("passed_late", "not_passed", "unit_silent")
    try:
        with transaction.atomic():
            return [
                open_fault(
                    accident, PRODUCT, one.fault, one.level, CLUE[one.because].format(**words), about=one.about,
                    should_at=one.due_at if limit else None, did_at=one.at,
                )
            ]  # fmt: skip
    except (IntegrityError, cases.FieldError):
        if ReportFault.objects.filter(accident=accident, fault=one.fault, at_level=one.level, about=one.about).exists():
            return []  # another worker was first
        raise


def _said(value: datetime | Decimal | str | None) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(BEIJING):%Y年%-m月%-d日%-H时%-M分}"
    if isinstance(value, Decimal):
        return money(value)
    return areas.names([value.ljust(12, "0")])[value.ljust(12, "0")] if value else ""


def open_fault(accident: Accident, by: Any, fault: str, level: str, clue: str, **more: Any) -> ReportFault:
    """Opens one case about a fault; `cases.FieldError` where there is one already."""
    words = {"late": "迟报", "omission": "漏报", "false": "谎报", "concealment": "瞒报"}[fault]
    made: ReportFault = cases.open_case(
        "report_fault", by, accident=accident, fault=fault, at_level=level, clue=clue, level=fault,
        title=f"涉嫌{words}：{accident.title}"[:200], area_code=accident.area_code, industry_id=accident.industry_id,
        place=accident.place, **more,
    )  # fmt: skip
    return made
