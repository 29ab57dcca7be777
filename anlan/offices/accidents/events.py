"""Who must know of an accident at once, and the faults that its times show."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from anlan.kernel import events, notices
from anlan.kernel.events import Heard
from anlan.kernel.models import pointed
from anlan.kernel.notices import Holders

from . import faults
from .models import Accident, ReportFault
from .reporting import resettle

AUTHORITY = frozenset({"district", "city", "duty", "department", "township", "inspector"})


def _told(event: Heard) -> Accident:
    accident = event.record("case")
    assert isinstance(accident, Accident)
    return accident


def _send(accident: Accident, message: str) -> None:
    to = Holders(AUTHORITY, accident.area_code, accident.industry_id, accident.enterprise_id or notices.ANY)
    level = "attention" if accident.grade == "ordinary" and not accident.risk_event else "critical"
    params = {"number": accident.number, "title": accident.title}
    notices.send(to, message, params, url=accident.get_absolute_url(), level=level)


@events.hears("accident.opened", handler="accidents.opened")
def opened(event: Heard) -> None:
    """Every tier that answers for the place is told of a first report."""
    accident = _told(event)
    _send(accident, gettext_noop("Accident %(number)s: %(title)s"))
    faults.find(accident)


@events.hears("accident.follow_up", handler="accidents.followed")
def followed(event: Heard) -> None:
    accident = _told(event)
    _send(accident, gettext_noop("Follow-up report on %(number)s: %(title)s"))
    faults.find(accident)


@events.hears("accident.verify_figures", handler="accidents.verified")
def verified(event: Heard) -> None:
    faults.find(_told(event))


@events.hears("accident.correct", handler="accidents.corrected")
def corrected(event: Heard) -> None:
    faults.find(_told(event))


@events.hears("accident.pass_to_city", handler="accidents.passed_to_city")
def passed_to_city(event: Heard) -> None:
    accident = _told(event)
    _send(accident, gettext_noop("Reported to the city: %(number)s %(title)s"))
    faults.find(accident)


@events.hears("accident.settle_missing", handler="accidents.missing_settled")
def missing_settled(event: Heard) -> None:
    faults.find(_told(event))


@events.hears("accident.merge", handler="accidents.merged")
def merged(event: Heard) -> None:
    """Its reports are the other's from now on, and may show what that one's alone did not."""
    other = pointed(_told(event), "merged_into")
    if other is not None:
        faults.find(other)


@events.hears("accident.unmerge", handler="accidents.unmerged")
def unmerged(event: Heard) -> None:
    faults.find(_told(event))


@events.hears("report_fault.prove", handler="accidents.fault_proven")
@events.hears("report_fault.clear", handler="accidents.fault_cleared")
@events.hears("report_fault.reopen", handler="accidents.fault_reopened")
def inquired(event: Heard) -> None:
    """What an inquiry has found about a silent unit is waited for no longer."""
    fault = event.record("case")
    accident = pointed(fault, "accident") if isinstance(fault, ReportFault) else None
    if accident is not None and accident.state == "reporting":
        resettle(accident)


@events.hears("accident.pass_to_state", handler="accidents.passed_to_state")
def passed_to_state(event: Heard) -> None:
    faults.find(_told(event))
