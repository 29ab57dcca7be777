"""How a progress report goes: demanded, written by its duty-holder, reviewed by each tier above, approved last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from anlan.kernel import areas, clock, law
from anlan.kernel.cases import MoveRefused
from anlan.kernel.cases.lifecycle import (
    STOP,
    Clock,
    Decision,
    Evidence,
    Field,
    Lifecycle,
    Move,
    State,
    Universal,
    declare,
)
from anlan.kernel.cases.universal import REASON
from anlan.kernel.scope import acting_now, area_prefix
from anlan.parties.names import mark as mark_of

from . import closing
from .models import ProgressReport
from .reports import reviewer

WRITERS = frozenset({"city", "department", "district", "township", "village"})
"""Who reports: each for its own authority."""


def mark(area: str) -> str:
    """The series of a report's number: its district's, or the city's."""
    return mark_of(area[:6].ljust(12, "0"))


def at_seat(case: Any) -> bool:
    """Whether who acts sits where the report lies now; while it is written that is the duty-holder himself."""
    now = acting_now()
    if now is None or now[1].area != area_prefix(case.owner_area_code):
        return False
    own = now[1].industries
    if case.state == "due" and case.industry_id is not None:
        return own is not None and case.industry_id in own
    return own is None


def _ready(tier: str) -> Any:
    def asked(case: Any) -> Any:
        if not at_seat(case) or reviewer(case.area_code, case.industry_id) != tier:
            return _("Only the duty-holder writes it.")
        return closing.why_not(case)

    return asked


def _reviews(last: bool | None = None) -> Any:
    """Ready for who reviews it now; `last` says whether a district's word must be the last one, or must not."""

    def asked(case: Any) -> Any:
        if not at_seat(case):
            return _("Only the tier that reviews it does this.")
        if last is not None and last != ends_here(case):
            return _("This report goes another way.")
        return closing.why_not(case)

    return asked


def ends_here(case: Any) -> bool:
    """Whether the district's approval is the last: of a township's report, where the city has set it so."""
    return areas.tier_of(case.area_code) > 2 and law.value("plan.progress_ends", on=case.last_day).value == "district"


def _goes(to: str) -> Any:
    """The report lies with the tier `to` from now on; "" is the duty-holder's own."""

    def effect(case: Any, facts: Mapping[str, Any], by: Any) -> None:
        _held(case)
        if case.state == "due" and case.submitted_at is None:
            case.submitted_at = clock.now()
            case.late = case.due_at is not None and case.submitted_at > case.due_at
        digits = {"district": 6, "city": 2, "": 12}[to]
        case.owner_area_code = case.area_code[:digits].ljust(12, "0")

    return effect


def _held(case: Any, *_rest: Any) -> None:
    """Refuses where the month was closed meanwhile; who closes it waits for this move, or this move for him."""
    closing.wait(case.last_day)
    if why := closing.why_not(case):
        raise MoveRefused("gate", why)


def mine_to_write(by: Any) -> Q:
    """Reports that wait for this person's pen: of his own authority's, or of his department's."""
    industries = getattr(by, "industries", None)
    return Q(state="due") & (Q(industry=None) if industries is None else Q(industry__in=industries))


WRITTEN = (
    Field("done", rows=6), Field("figures", rows=2, required=False),
    Field("percent", required=False), Field("trouble", rows=2, required=False),
    Evidence("proof", _("Evidence"), at_least=0),
)  # fmt: skip
REVIEWED = Clock(rule="plan.progress_review")

PROGRESS = declare(
    Lifecycle(
        kind="progress",
        model=ProgressReport,
        title=_("Progress reports"),
        singular=_("Progress report"),
        icon="report",
        states=(
            # Who sits at the authority is waited for as `mine_to_write` says: a city's office not for its departments.
            State("due", _("To be written"), turn=("township", "village")),
            State("at_district", _("With the district")),
            State("at_city", _("With the city")),
            State("approved", _("Approved"), end=True),
        ),
        start="due",
        open_by={"duty"},
        number="{mark}安进〔{year}〕{n}号",
        mark=mark,
        moves=(
            Move(
                "submit", _("Submit to the district"), ("due",), "at_district", WRITERS - {"city", "district"},
                demands=WRITTEN, ready=_ready("district"), effect=_goes("district"), clock=REVIEWED, tone="primary",
                words=_("%(actor)s submitted the report to the district"),
            ),
            Move(
                "submit_to_city", _("Submit to the city"), ("due",), "at_city", WRITERS - {"township", "village"},
                demands=WRITTEN, ready=_ready("city"), effect=_goes("city"), clock=REVIEWED, tone="primary",
                words=_("%(actor)s submitted the report to the city"),
            ),
            Move(
                "pass_on", _("Approve and pass on to the city"), ("at_district",), "at_city", {"district"},
                ready=_reviews(last=False), effect=_goes("city"), clock=REVIEWED, tone="primary",
                forbid_same_person_as=("submit", "submit_to_city"),
                words=_("%(actor)s approved the report and passed it on to the city"),
            ),
            Move(
                "accept", _("Approve"), ("at_district",), "approved", {"district"},
                ready=_reviews(last=True), effect=_held, clock=STOP, tone="primary",
                forbid_same_person_as=("submit", "submit_to_city"),
                words=_("%(actor)s approved the report"),
            ),
            Move(
                "approve", _("Approve"), ("at_city",), "approved", {"city"},
                ready=_reviews(), effect=_held, clock=STOP, tone="primary",
                forbid_same_person_as=("submit", "submit_to_city"),
                words=_("%(actor)s approved the report"),
            ),
            Move(
                "send_back", _("Return"), ("at_district", "at_city", "approved"), "due", {"district", "city"},
                demands=(REASON,), ready=_reviews(), effect=_goes(""), clock=Clock(rule="plan.progress_redo"),
                words=_("%(actor)s returned the report: %(reason)s"),
            ),
        ),
        decisions=(
            Decision(
                "write", _("Progress to be reported"), {"city", "department", "district"}, mine_to_write,
                moves=("submit_to_city", "submit"),
            ),
        ),
        universal=Universal(list_=()),
        sections=(
            (_("What was reported"), ("done", "figures", "percent", "trouble")),
            (_("Report"), ("code", "authority", "period", "submitted_at", "late")),
        ),
        part=closing.part,
    )
)  # fmt: skip
