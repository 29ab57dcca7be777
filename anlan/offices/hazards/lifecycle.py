"""How a hidden danger is driven to its end: found, verified and graded, planned, rectified, accepted by another.

Numbers stand in `law/hazards.yaml`, the judgements in `rules.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.cases import FieldError
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
from anlan.kernel.cases.universal import FARTHEST_DAYS, REASON
from anlan.kernel.files import IMAGES
from anlan.kernel.policy import OFFICIALS
from anlan.kernel.registers.forms import AreaField
from anlan.parties.models import Enterprise
from anlan.parties.names import mark

from . import publication
from .models import Danger, DangerType, JudgementClause
from .rules import judge, missing_of_five

STANDING = ("verified", "rectifying", "rectified")
"""The states of a danger that is known and not yet removed."""

ORDERING = OFFICIALS - {"village", "duty"}
"""Who may order production to stop and let it resume."""


# --- Opening: what a finder says, and what follows from it ----------------------------------------------


def found(facts: dict[str, Any], by: Any) -> dict[str, Any]:
    """The fields of a danger just found: place and industry are the enterprise's where there is one.

    An enterprise's account reports its own finds, and only those; where neither enterprise nor place is
    said, the danger lies where the finder's own area is.
    """
    enterprise: Enterprise | None = facts.get("enterprise")
    if by.enterprise_id is not None:
        if enterprise is not None and enterprise.pk != by.enterprise_id:
            raise FieldError({"enterprise": [_("An enterprise reports what it finds on its own premises.")]})
        if facts.get("source") not in (None, "", "selfcheck"):
            raise FieldError({"source": [_("What an enterprise finds itself is a self-check.")]})
        enterprise = Enterprise.objects.get(pk=by.enterprise_id)
        facts["source"] = "selfcheck"
    if enterprise is not None:
        for name, own in (("area_code", enterprise.area_code), ("industry", enterprise.industry)):
            if facts.get(name) not in (None, "", own):
                raise FieldError({name: [_("The enterprise has another one: leave this out.")]})
            facts[name] = own
    if (facts.get("found_at") or clock.now()) > clock.now():
        raise FieldError({"found_at": [_("This moment has not come yet.")]})
    kind: DangerType | None = facts.get("type")
    industry = facts.get("industry")
    if kind is not None and kind.industry_id not in (None, industry.pk if industry else None):
        raise FieldError({"type": [_("This type belongs to another industry.")]})
    return facts | {
        "enterprise": enterprise,
        "industry": industry,
        "area_code": facts.get("area_code") or by.area_code,
        "found_at": facts.get("found_at") or clock.now(),
        "source": facts.get("source") or "inspection",
        "description": facts.get("description") or facts["title"],
    }


OPENING = (
    Field("title"),
    Field("enterprise", required=False),
    Field("area_code", lambda: AreaField(required=False), required=False),
    Field("industry", required=False),
    Field("place", required=False),
    Field("lon", required=False),
    Field("lat", required=False),
    Field("type", required=False),
    Field("description", required=False),
    Field("source", required=False),
    Field("found_at", required=False),
    Evidence("before", _("Photographs of the danger"), at_least=0, types=IMAGES),
)


# --- What a field offers in this case -------------------------------------------------------------------


def clauses_in_force(case: Danger, field: forms.Field) -> None:
    """Only clauses of the case's industry that held on the day of the find; where there are none, that is said."""
    assert isinstance(field, forms.ModelChoiceField)
    day = case.found_at.astimezone(clock.BEIJING).date()
    field.queryset = judgement_clauses(case.industry_id, day)
    mapped = field.queryset.exists()
    field.error_messages["invalid_choice"] = str(
        _("The clause belongs to another industry, or was not in force on the day of the find.")
    )
    field.empty_label = str(_("No clause fits")) if mapped else str(_("Not mapped"))
    field.help_text = (
        _("Clauses of this industry in force on the day of the find. You decide; the clause is cited.")
        if mapped
        else _("Not mapped: no judgement standard of this industry for that day is kept here. "
               "Judge by Decree 16, Article 3.")
    )  # fmt: skip


# --- Gates: why a move cannot be made ---------------------------------------------------------------


def graded_by_the_criteria(case: Danger, facts: Mapping[str, Any]) -> Any:
    """The grade must agree with Decree 16 Art. 3."""
    clause: JudgementClause | None = facts.get("judgement")
    proposed = judge(
        clause=clause.code if clause else None,
        needs_stop=bool(facts.get("needs_stop")),
        outside_cause=bool(facts.get("outside_cause")),
    )
    if proposed.grade == "major" and facts["grade"] != "major":
        return {"grade": [_("By what you stated this is a major danger (Decree 16, Article 3).")]}
    if facts["grade"] == "major" and not proposed.why:
        return {"judgement": [_("Say why it is major: a clause, a necessary stop of production, or an outside cause.")]}
    return None


def five_in_place(case: Danger, facts: Mapping[str, Any]) -> Any:
    """整改措施、责任、资金、时限和预案: none may be missing, and the time limit lies ahead."""
    wrong: dict[str, list[Any]] = {name: [_("This is not in place.")] for name in missing_of_five(facts)}
    if facts.get("money") is not None:
        try:
            MinValueValidator(0)(facts["money"])
        except ValidationError as error:
            wrong["money"] = list(error.messages)
    by = facts.get("rectify_by")
    if by is not None and by < clock.today():
        wrong["rectify_by"] = [_("The date lies in the past.")]
    elif by is not None and by > clock.today() + timedelta(days=FARTHEST_DAYS):
        wrong["rectify_by"] = [_("The date lies more than ten years ahead: check the year.")]
    return wrong


def from_self_check(case: Danger) -> Any:
    return None if case.source == "selfcheck" else _("The authority decides, because it was not found by a self-check.")


def general(case: Danger) -> Any:
    return None if case.grade == "general" else _("A major danger needs a plan with the five in place.")


def general_from_self_check(case: Danger) -> Any:
    if case.grade != "general":
        return _("A major danger is accepted by the authority.")
    return from_self_check(case) or production_runs(case)


def production_runs(case: Danger) -> Any:
    stopped = case.stopped_at is not None and case.resumed_at is None
    return _("Production is still stopped: decide on resumption first.") if stopped else None


def not_stopped(case: Danger) -> Any:
    stopped = case.stopped_at is not None and case.resumed_at is None
    return _("Production is stopped already.") if stopped else None


def can_ask_resumption(case: Danger) -> Any:
    if case.stopped_at is None or case.resumed_at is not None:
        return _("Production is not stopped.")
    return _("Resumption has been asked for already.") if case.resumption_asked_at else None


def papers(case: Danger) -> list[tuple[Any, str]]:
    """The papers that the case has by now."""
    made: list[tuple[Any, str]] = []
    if case.stopped_at:
        made.append((_("Order to stop production"), reverse("hazards:order", args=(case.number,))))
    if case.reported_at:
        made.append((_("Separate report"), reverse("hazards:separate-report", args=(case.number,))))
    return made


def can_report_apart(case: Danger) -> Any:
    if case.grade != "major":
        return _("Only a major danger is reported apart.")
    return _("It has been reported apart already.") if case.reported_at else None


def acceptable(case: Danger) -> Any:
    """Neither a stopped production nor a major danger that was never reported apart is closed over."""
    if case.grade == "major" and case.reported_at is None:
        return _("The separate report of the major danger is missing (Decree 16, Article 14).")
    return production_runs(case)


def resumption_asked(case: Danger) -> Any:
    if case.resumed_at is not None:
        return _("Production is not stopped.")
    return None if case.resumption_asked_at else _("Nobody has asked to resume production.")


# --- Effects -----------------------------------------------------------------------------------------


def set_level(case: Danger, facts: Mapping[str, Any], by: Any) -> None:
    case.level = facts["grade"]


def stamp_rectified(case: Danger, facts: Mapping[str, Any], by: Any) -> None:
    case.rectified_at = clock.now()


def unstamp_rectified(case: Danger, facts: Mapping[str, Any], by: Any) -> None:
    case.rectified_at = None
    case.resumption_asked_at = None


def stop_production(case: Danger, facts: Mapping[str, Any], by: Any) -> None:
    case.stopped_at, case.resumption_asked_at, case.resumed_at = clock.now(), None, None


def ask_resumption(case: Danger, facts: Mapping[str, Any], by: Any) -> None:
    case.resumption_asked_at = clock.now()


def resume_production(case: Danger, facts: Mapping[str, Any], by: Any) -> None:
    case.resumed_at = clock.now()


def report_apart(case: Danger, facts: Mapping[str, Any], by: Any) -> None:
    case.reported_at = clock.now()


GRADING = (
    Field("grade"),
    Field("judgement", required=False, narrow=clauses_in_force),
    Field("needs_stop", required=False),
    Field("outside_cause", required=False),
)
FIVE = tuple(Field(name) for name in ("measures", "responsible", "money", "rectify_by", "contingency"))
AFTER = Evidence("after", _("Photographs after rectification"), types=IMAGES)
ON_SITE = Evidence("on_site", _("Photographs of the acceptance on site"), types=IMAGES)
PLAN_CLOCK = Clock(rule="hazards.plan")
ACCEPT_CLOCK = Clock(rule="hazards.accept")

LIFECYCLE = declare(
    Lifecycle(
        kind="danger",
        model=Danger,
        page="hazards:report",
        becomes=("order",),
        title=_("Hidden dangers"),
        singular=_("Hidden danger"),
        icon="alert-triangle",
        states=(
            State("found", _("Found"), turn=OFFICIALS - {"village", "duty"}),
            State("verified", _("Verified"), turn={"enterprise"}),
            State("rectifying", _("Being rectified"), turn={"enterprise"}),
            State("rectified", _("Rectified, to be accepted"), turn=OFFICIALS - {"village", "duty"}),
            State("closed", _("Accepted and closed"), end=True),
            State("dismissed", _("No danger"), end=True),
        ),
        start="found",
        open_by=OFFICIALS | {"enterprise"},
        number="{mark}安隐〔{year}〕{n}号",
        mark=mark,
        start_clock=Clock(rule="hazards.verify"),
        opening=OPENING,
        papers=papers,
        complete=found,
        moves=(
            Move(
                "verify", _("Verify and grade"), ("found",), "verified", OFFICIALS,
                demands=GRADING, gate=graded_by_the_criteria, effect=set_level, clock=PLAN_CLOCK,
                words=_("%(actor)s verified the danger and graded it: %(grade)s"), tone="primary",
            ),
            Move(
                "grade_inside", _("Grade (own find)"), ("found",), "verified", {"enterprise"},
                demands=GRADING, ready=from_self_check, gate=graded_by_the_criteria, effect=set_level, clock=PLAN_CLOCK,
                words=_("%(actor)s graded the danger found by self-check: %(grade)s"), tone="primary",
                tells="hazards.graded_inside",
            ),
            Move(
                "dismiss", _("No danger"), ("found",), "dismissed", OFFICIALS,
                demands=(REASON,), clock=STOP,
                words=_("%(actor)s found that there is no danger: %(reason)s"),
            ),
            Move(
                "fix_now", _("Rectified at once"), ("verified",), "rectified", OFFICIALS | {"enterprise"},
                demands=(Field("result"), AFTER), ready=general, effect=stamp_rectified, clock=ACCEPT_CLOCK,
                words=_("%(actor)s had the danger rectified at once: %(result)s"),
            ),
            Move(
                "plan", _("Put the five in place"), ("verified",), "rectifying", OFFICIALS | {"enterprise"},
                demands=FIVE, gate=five_in_place, clock=Clock(field="rectify_by"), tone="primary",
                words=_("%(actor)s put measures, responsibility, money, time limit and contingency plan in place"),
            ),
            Move(
                "report_major", _("Report the major danger apart"), ("verified", "rectifying", "rectified"), None,
                OFFICIALS | {"enterprise"},
                demands=tuple(Field(n, rows=3) for n in ("report_cause", "report_harm", "report_plan")),
                ready=can_report_apart, effect=report_apart,
                words=_("%(actor)s reported the major danger apart: cause, harm and treatment plan"),
                tells="hazards.reported",
            ),
            Move(
                "replan", _("Change the plan"), ("rectifying",), None, OFFICIALS,
                demands=(*FIVE, REASON), gate=five_in_place, clock=Clock(field="rectify_by"),
                words=_("%(actor)s changed the plan: %(reason)s"),
            ),
            Move(
                "rectify", _("Report as rectified"), ("rectifying",), "rectified", OFFICIALS | {"enterprise"},
                demands=(Field("result"), AFTER), effect=stamp_rectified, clock=ACCEPT_CLOCK, tone="primary",
                words=_("%(actor)s reported the danger as rectified: %(result)s"),
            ),
            Move(
                "accept", _("Accept on site"), ("rectified",), "closed", OFFICIALS,
                demands=(ON_SITE,), ready=acceptable, clock=STOP, tone="primary",
                forbid_same_person_as=("rectify", "fix_now"),
                words=_("%(actor)s accepted the rectification on site"), tells="hazards.closed",
            ),
            Move(
                "accept_inside", _("Accept on site (own find)"), ("rectified",), "closed", {"enterprise"},
                demands=(ON_SITE,), ready=general_from_self_check, clock=STOP,
                forbid_same_person_as=("rectify", "fix_now"),
                words=_("%(actor)s accepted the rectification on site"), tells="hazards.closed",
            ),
            Move(
                "send_back", _("Send back"), ("rectified",), "rectifying", OFFICIALS,
                demands=(*FIVE, REASON), gate=five_in_place, effect=unstamp_rectified,
                clock=Clock(field="rectify_by"), forbid_same_person_as=("rectify", "fix_now"),
                words=_("%(actor)s sent the case back: %(reason)s"),
            ),
            Move(
                "stop_work", _("Order production to stop"), ("found", "verified", "rectifying"), None, ORDERING,
                demands=(Field("stop_order"), REASON), ready=not_stopped, effect=stop_production,
                words=_("%(actor)s ordered production to stop: %(stop_order)s"), tells="hazards.stopped",
                tone="critical",
            ),
            Move(
                "propose_publication", _("Propose publication"), STANDING, None, ORDERING,
                demands=(Field("public_text", rows=3),), ready=publication.can_propose,
                gate=publication.without_persons, effect=publication.propose,
                words=_("%(actor)s proposed to publish the major danger: %(public_text)s"),
            ),
            Move(
                "publish", _("Approve and publish"), STANDING, None, publication.APPROVE,
                ready=publication.proposed, gate=publication.still_without_persons, effect=publication.publish,
                forbid_same_person_as=("propose_publication",),
                words=_("%(actor)s approved the publication"), tells="hazards.published",
            ),
            Move(
                "refuse_publication", _("Refuse publication"), STANDING, None, publication.APPROVE,
                demands=(REASON,), ready=publication.proposed, effect=publication.refuse,
                words=_("%(actor)s refused the publication: %(reason)s"),
            ),
            Move(
                "unpublish", _("Withdraw the publication"), (*STANDING, "closed"), None, publication.APPROVE,
                demands=(REASON,), ready=publication.published,
                gate=publication.reason_without_persons, effect=publication.withdraw,
                words=_("%(actor)s withdrew the publication: %(reason)s"), tone="critical",
            ),
            Move(
                "ask_resumption", _("Ask to resume production"), ("rectified",), None, {"enterprise", *ORDERING},
                demands=(Evidence("application", _("Written application")),), ready=can_ask_resumption,
                effect=ask_resumption, clock=Clock(rule="hazards.resumption_review"),
                words=_("%(actor)s asked to resume production"),
            ),
            Move(
                "resume_work", _("Let production resume"), ("rectified",), None, ORDERING,
                demands=(Evidence("review", _("Record of the review on site")),), ready=resumption_asked,
                effect=resume_production, clock=ACCEPT_CLOCK, forbid_same_person_as=("ask_resumption",),
                words=_("%(actor)s reviewed the site and let production resume"), tells="hazards.resumed",
            ),
        ),
        decisions=(
            Decision("publication", _("Publication to be approved"), publication.APPROVE, publication.waiting,
                     moves=("publish", "refuse_publication")),
        ),
        universal=Universal(
            ask_extension=OFFICIALS | {"enterprise"},
            decide_extension=ORDERING,
            pause=ORDERING,
            withdraw=ORDERING,
            reopen=ORDERING,
            list_=("city", "district", "department"),
            assign=OFFICIALS,
        ),
        undecided=lambda case: () if case.grade else ("needs_stop", "outside_cause"),
        sections=(
            (_("What was found"), ("title", "description", "type", "source", "found_at", "enterprise", "place")),
            (_("Grade"), ("grade", "judgement", "needs_stop", "outside_cause")),
            (_("Five in place"), ("measures", "responsible", "money", "rectify_by", "contingency")),
            (_("Rectification"), ("result", "rectified_at")),
            (_("Production"), ("stopped_at", "stop_order", "resumption_asked_at", "resumed_at")),
            (_("Separate report"), ("reported_at", "report_cause", "report_harm", "report_plan")),
            (_("Publication"), ("public_text", "publication_asked_at", "published_at")),
        ),
    )
)  # fmt: skip


def judgement_clauses(industry: str | None, on: Any) -> Any:
    """The judgement clauses of an industry that were in force on a day."""
    return JudgementClause.objects.filter(industry_id=industry, valid_from__lte=on).filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=on)
    )
