"""How an accident is reported to the end of the reporting phase, and how a fault of reporting is driven to its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
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
from anlan.kernel.policy import OFFICIALS
from anlan.parties.names import mark

from . import gates as g
from . import rules
from .fields import area, enterprise, known_moment, moment, other_accident, ref_kind, source, text, yes_no
from .models import READ_FAULTS, Accident, ReportFault
from .page import fault_part, part
from .reporting import STATED

TAKING = frozenset({"district", "inspector", "duty", "city", "department", "township", "village"})
"""Who takes reports: 接报. An industry department too, of its industry."""
DECIDING = frozenset({"district", "duty", "city"})
COUNTING = frozenset({"city"})
"""Who decides what counts towards a target: no district by itself of its own accidents."""

OPEN, KNOWN_STATES = ("reporting",), ("reporting", "closed")
ABROAD = ("outside", "passed_outside")
"""In none of our districts: no limit of reporting upwards runs, and it is not counted here."""

FIGURES = tuple(Field(name, required=name in ("deaths", "missing", "injured", "slight", "course")) for name in STATED)
# What a unit sends counts from when it is sent: it is not asked.
AT = Field("at", moment(_("Reported at"), help_text=_("Empty: now")), required=False, asked_of=TAKING)
TOLD_AT = Field(
    "at",
    moment(
        _("Told by telephone at"),
        help_text=_("Empty: now. An earlier time is kept as said; it counts once the city has confirmed it."),
    ),
    required=False,
)
KNOWN = Field("facts_known_at", known_moment, required=False)
TEXT = Field("report_text", text(_("Text of the report"), 14, 8000))


def limit_near(by: Any) -> Q:
    """Accidents whose next report is due within a day, or overdue: the duty officer presses for it."""
    return Q(state="reporting", due_at__lt=clock.now() + timedelta(days=1))


def supplements_over(by: Any) -> Q:
    """Accidents of which all is reported and no change counts any more: the reporting phase can be closed."""
    today = clock.now().astimezone(clock.BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)

    def before(window: str) -> Q:
        return Q(occurred_at__lt=today - timedelta(days=rules.window_rule(window, today.date()).value))

    short = Q(category__window__in=rules.SHORT)
    return Q(state="reporting", due_at__isnull=True) & ((short & before(rules.SHORT[0])) | (~short & before("")))


def time_said(by: Any) -> Q:
    """Accidents whose district says that it reported earlier than it is on record: somebody above it confirms."""
    return Q(time_waits=True) if by.area_code.endswith("0" * 10) else Q(pk__in=())


ACCIDENT = declare(
    Lifecycle(
        kind="accident",
        model=Accident,
        page="accidents:report",
        title=_("Accidents"),
        singular=_("Accident"),
        icon="urgent",
        states=(
            State("reporting", _("Being reported")),
            State("closed", _("Reporting phase closed"), end=True),
            State("merged", _("Merged into another"), end=True),
            State("handed_over", _("Handed over to its area"), end=True),
            State("outside", _("Outside our area, to be passed on")),
            State("passed_outside", _("Passed on outside our area"), end=True),
            State("dismissed", _("No work accident"), end=True),
        ),
        start="reporting",
        open_by=OFFICIALS | {"enterprise"},
        number="{mark}安事〔{year}〕{n}号",
        mark=mark,
        opened_words=_("%(actor)s took the first report"),
        notes={"took_in": _("%(actor)s merged %(merged)s into this; it had stated: %(stated)s")},
        moves=(
            Move(
                "follow_up", _("Follow-up report"), (*OPEN, "outside"), None, TAKING | {"enterprise"},
                demands=(*FIGURES, Field("source", source, required=False), AT, KNOWN), effect=g.follow_up,
                words=_("%(actor)s made a follow-up report: dead %(deaths)s, missing %(missing)s, injured %(injured)s"),
                tone="primary",
            ),
            Move(
                "pass_to_city", _("Report to the city"), OPEN, None, {"district", "inspector", "duty"},
                demands=(TEXT, TOLD_AT), effect=g.pass_to_city, tone="primary",
                words=_("%(actor)s reported the accident to the city"),
            ),
            Move(
                "pass_to_state", _("Report to the State Council department"), OPEN, None, {"city", "duty"},
                demands=(TEXT, TOLD_AT), ready=g.reaches_the_state,
                effect=g.pass_to_state, tone="primary",
                words=_("%(actor)s reported the accident to the State Council department"),
            ),
            Move(
                "confirm_time", _("Confirm the earlier time"), OPEN, None, {"city", "duty"}, relation="higher",
                demands=(REASON,), ready=g.time_to_confirm, effect=g.confirm_time,
                words=_("%(actor)s confirmed that the district had reported when it says: %(reason)s"),
            ),
            Move(
                "verify_figures", _("Verified report"), OPEN, None, DECIDING | {"inspector"},
                demands=(*FIGURES, REASON, AT, KNOWN), effect=g.verify,
                words=_("%(actor)s verified the figures: %(reason)s"),
            ),
            Move(
                "correct", _("Correct time, place, unit or category"), OPEN, None, DECIDING | {"inspector"},
                demands=(
                    Field("occurred_at", moment(_("Happened at"), required=True)),
                    Field("known_at", moment(_("Head of the unit was told at")), required=False),
                    Field("category"), Field("enterprise", enterprise, required=False),
                    Field("unit_name", required=False), Field("place", required=False),
                    Field("lon", required=False), Field("lat", required=False), REASON,
                ),
                effect=g.correct, words=_("%(actor)s corrected the record: %(reason)s"),
            ),
            Move(
                "settle_missing", _("Missing persons as deaths"), OPEN, None, DECIDING,
                demands=(REASON,), ready=g.missing_may_be_settled, effect=g.settle_missing,
                words=_("%(actor)s set the grade anew with missing persons as deaths: %(reason)s"),
            ),
            Move(
                "propose_counting", _("Propose counting or not"), KNOWN_STATES, None, DECIDING | {"inspector"},
                demands=(Field("counted", yes_no(_("Counted towards the target"))), Field("count_target"),
                         Field("count_reason", text(_("Reason for counting or not"), 3))),
                ready=g.no_proposal, effect=g.propose,
                words=_("%(actor)s proposed on counting towards %(count_target)s (%(counted)s): %(count_reason)s"),
            ),
            Move(
                "approve_counting", _("Approve the proposal on counting"), KNOWN_STATES, None, COUNTING,
                ready=g.proposal, effect=g.approve, forbid_same_person_as=("propose_counting",),
                words=_("%(actor)s approved the proposal on counting"),
            ),
            Move(
                "refuse_counting", _("Refuse the proposal on counting"), KNOWN_STATES, None, COUNTING,
                demands=(REASON,), ready=g.proposal, effect=g.refuse, forbid_same_person_as=("propose_counting",),
                words=_("%(actor)s refused the proposal on counting: %(reason)s"),
            ),
            Move(
                "link", _("Link what was known before"), KNOWN_STATES, None, OFFICIALS,
                demands=(Field("ref_kind", ref_kind), Field("ref_number", text(_("Number of the record"), 0, 60)),
                         Field("note", text(_("Note"), 0, 300), required=False)),
                effect=g.link, words=_("%(actor)s linked what was known before: %(ref_kind)s %(ref_number)s"),
            ),
            Move(
                "suspect", _("Suspect a fault of reporting"), KNOWN_STATES, None, DECIDING | {"inspector"},
                demands=(Field("fault", g.fault_choice), Field("at_level", g.level_choice),
                         Field("clue", text(_("What points to it"), 3))),
                effect=g.suspect, readers=READ_FAULTS,
                words=_("%(actor)s opened a case about a fault of reporting: %(fault)s"),
            ),
            Move(
                "merge", _("Merge into another report of this accident"), OPEN, "merged", DECIDING | {"inspector"},
                demands=(Field("into", other_accident), REASON), effect=g.merge,
                words=_("%(actor)s merged this into %(into)s: %(reason)s"),
            ),
            Move(
                "unmerge", _("Undo the merging"), ("merged",), "reporting", DECIDING | {"inspector"},
                demands=(REASON,), effect=g.unmerge, words=_("%(actor)s undid the merging: %(reason)s"),
            ),
            Move(
                "hand_over", _("Hand over to another area"), (*OPEN, *ABROAD), "handed_over", DECIDING | {"inspector"},
                demands=(Field("to_area", area(_("Area to which it belongs"))), REASON), ready=g.nothing_merged,
                effect=g.hand_over,
                words=_("%(actor)s handed the accident over to the area to which it belongs: %(reason)s"),
            ),
            Move(
                "found_outside", _("It lies outside our area"), OPEN, "outside", DECIDING,
                demands=(Field("outside"), REASON), ready=g.nothing_merged, effect=g.found_outside,
                words=_("%(actor)s found that it lies outside our area, at %(outside)s: %(reason)s"),
            ),
            Move(
                "pass_outside", _("Pass on outside our area"), ("outside",), "passed_outside", TAKING,
                demands=(Field("passed_to"),), clock=STOP, effect=g.pass_outside, tone="primary",
                words=_("%(actor)s passed the accident on to %(passed_to)s"),
            ),
            Move(
                "dismiss", _("No work accident"), (*OPEN, "outside"), "dismissed", DECIDING,
                demands=(REASON,), clock=STOP, ready=g.nothing_merged, effect=g.not_by_the_district_alone,
                words=_("%(actor)s found that this is no work accident: %(reason)s"),
            ),
            Move(
                "close", _("Close the reporting phase"), OPEN, "closed", DECIDING,
                ready=g.may_close, clock=STOP, words=_("%(actor)s closed the reporting phase"),
            ),
            Move(
                "resume", _("Take up reporting again"), ("closed", "dismissed"), "reporting", DECIDING,
                demands=(REASON,), effect=g.resume, words=_("%(actor)s took up reporting again: %(reason)s"),
            ),
        ),
        decisions=(
            Decision("time", _("Earlier time to be confirmed"), {"city", "duty"}, time_said, False, ("confirm_time",)),
            Decision(
                "closing", _("The time for supplements is over: close the reporting phase"), DECIDING | {"inspector"},
                supplements_over, moves=("close",),
            ),
            Decision("press", _("A report is owed: press for it"), {"duty"}, limit_near, seat=False),
        ),
        universal=Universal(list_=("city", "district", "department"), assign=OFFICIALS),
        sections=(
            (_("Accident"), ("title", "category", "industry", "enterprise", "unit_name", "place", "lon", "lat",
                             "occurred_at", "known_at", "taken_over_at", "course", "measures")),
            (_("Casualties and loss"), ("deaths", "missing", "injured", "slight", "trapped", "endangered", "evacuated",
                                        "loss_yuan")),
            (_("Accident grade"), ("grade", "grade_basis", "risk_event", "equipment_event", "reached")),
            (_("Statistics"), ("in_figures", "count_target", "count_reason", "count_proposed", "count_approved_by")),
            (_("Where it went"), ("merged_into", "handed_to", "outside", "passed_to")),
        ),
        part=part,
    )
)  # fmt: skip

FINDINGS = Field("findings")
DECISION = Field("decision")

FAULT = declare(
    Lifecycle(
        kind="report_fault",
        model=ReportFault,
        title=_("Late, missed, false and concealed reports"),
        singular=_("Fault of reporting"),
        icon="eye-exclamation",
        states=(
            State("suspected", _("Suspected")),
            State("proven", _("Proven, to be dealt with")),
            State("dealt", _("Dealt with"), end=True),
            State("cleared", _("Not borne out"), end=True),
        ),
        start="suspected",
        open_by=OFFICIALS,
        number="{mark}安查〔{year}〕{n}号",
        mark=mark,
        start_clock=Clock(rule="accidents.fault_verify"),
        moves=(
            Move(
                "prove", _("Proven"), ("suspected",), "proven", DECIDING | {"inspector"},
                demands=(Field("fault"), FINDINGS, Evidence("proof", _("Record of the inquiry"))), effect=g.name_fault,
                clock=Clock(rule="accidents.fault_deal"), tone="primary",
                words=_("%(actor)s found it proven (%(fault)s): %(findings)s"),
            ),
            Move(
                "clear", _("Not borne out"), ("suspected",), "cleared", DECIDING | {"inspector"},
                demands=(FINDINGS,), clock=STOP, effect=g.not_ones_own,
                words=_("%(actor)s found it not borne out: %(findings)s"),
            ),
            Move(
                "deal", _("Dealt with"), ("proven",), "dealt", DECIDING,
                demands=(DECISION, Evidence("paper", _("Paper of the decision"))), clock=STOP, tone="primary",
                effect=g.not_ones_own,
                forbid_same_person_as=("prove",), words=_("%(actor)s recorded how it was dealt with: %(decision)s"),
            ),
        ),
        universal=Universal(
            ask_extension=OFFICIALS, decide_extension=DECIDING, reopen=DECIDING, list_=("city", "district"),
            assign=OFFICIALS,
        ),
        sections=(
            (_("Fault"), ("fault", "at_level", "about", "accident", "clue", "should_at", "did_at")),
            (_("Inquiry"), ("findings",)),
            (_("Decision"), ("decision",)),
        ),
        part=fault_part,
    )
)  # fmt: skip
