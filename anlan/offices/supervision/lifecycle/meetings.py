"""A joint meeting from its call to its minutes, and the tasks that its decisions become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.cases.lifecycle import STOP, Clock, Field, Lifecycle, Move, State, Universal, declare
from anlan.kernel.cases.universal import REASON
from anlan.kernel.registers.forms import MomentInput
from anlan.parties.names import mark

from .. import meetings, page
from ..models import Meeting, Task
from .shared import ADDRESSEE, HOLDERS, MORE_TIME, OFFICES, REVIEW, ahead, papers, shown


def moment() -> forms.Field:
    return forms.DateTimeField(label=Meeting._meta.get_field("held_at").verbose_name, widget=MomentInput())


def to_come(case: Meeting, facts: Mapping[str, Any]) -> Any:
    return {"held_at": [_("This moment has passed.")]} if facts["held_at"] < clock.now() else None


def begun(case: Meeting) -> Any:
    return _("It has not begun yet.") if case.held_at > clock.now() else None


MEETING = declare(
    Lifecycle(
        kind="meeting",
        model=Meeting,
        title=_("Joint meetings"),
        singular=_("Joint meeting"),
        icon="users",
        states=(
            State("called", _("Called, not held yet"), turn=OFFICES),
            State("held", _("Held, minutes to be issued"), turn=OFFICES),
            State("issued", _("Minutes issued"), end=True),
            State("cancelled", _("Cancelled"), end=True),
        ),
        start="called",
        open_by=OFFICES,
        number="{mark}安联〔{year}〕{n}号",
        mark=mark,
        opened_words=_("%(actor)s called the meeting"),
        notes={
            "attendance": _("%(actor)s recorded who attended"),
            "written": _("%(actor)s wrote the minutes: %(number)s decisions"),
        },
        moves=(
            Move(
                "change", _("Change the meeting"), ("called",), None, OFFICES, relation="seat", gate=to_come,
                demands=(Field("title"), Field("held_at", moment), Field("place"), Field("chair", required=False),
                         Field("agenda", rows=3)),
                effect=meetings.changed, words=_("%(actor)s changed the meeting, those invited are told"),
            ),
            Move(
                "hold", _("It was held"), ("called",), "held", OFFICES, relation="seat", ready=begun, tone="primary",
                clock=Clock(rule="supervision.minutes"), words=_("%(actor)s said that the meeting was held"),
            ),
            Move(
                "issue", _("Issue the minutes and give the tasks"), ("held",), "issued", OFFICES, relation="seat",
                ready=meetings.not_out, effect=meetings.issue, clock=STOP, tone="primary",
                words=_("%(actor)s issued the minutes; what was decided is given as tasks"),
            ),
            Move(
                "reopen", _("Write the minutes anew"), ("issued",), "held", OFFICES, relation="seat",
                demands=(REASON,), ready=meetings.minutes_gone, effect=meetings.reopened,
                clock=Clock(rule="supervision.minutes"),
                words=_("%(actor)s took the minutes back, they are written anew: %(reason)s"),
            ),
            Move(
                "cancel", _("Cancel the meeting"), ("called",), "cancelled", OFFICES, relation="seat",
                demands=(REASON,), effect=meetings.cancelled, clock=STOP,
                words=_("%(actor)s cancelled the meeting: %(reason)s"),
            ),
        ),
        universal=Universal(list_=()),
        sections=((_("Meeting"), ("held_at", "place", "chair", "agenda", "summary", "minutes_at")),),
        papers=papers,
        part=page.meeting,
    )
)  # fmt: skip

TASK = declare(
    Lifecycle(
        kind="task",
        model=Task,
        title=_("Tasks of meetings"),
        singular=_("Task of a meeting"),
        icon="checklist",
        states=(
            State("open", _("Being carried out"), turn=HOLDERS, addressed=True),
            State("reported", _("Reported, to be accepted"), turn=OFFICES),
            State("closed", _("Carried out and closed"), end=True),
            State("revoked", _("Revoked"), end=True),
        ),
        start="open",
        open_by=OFFICES,
        number="{mark}安议〔{year}〕{n}号",
        mark=mark,
        addressee=ADDRESSEE,
        start_clock=Clock(field="due_on"),
        opened_words=_("%(actor)s issued the minutes that give this task"),
        moves=(
            Move(
                "progress", _("Say how it stands"), ("open",), None, HOLDERS, relation="addressee",
                demands=(Field("progress", rows=3), shown("shows", _("Evidence of it"), at_least=0)),
                words=_("%(actor)s said how it stands: %(progress)s"),
            ),
            Move(
                "report", _("Report as done"), ("open",), "reported", HOLDERS, relation="addressee", tone="primary",
                demands=(Field("result", rows=3), shown("proof", _("Evidence of it"))), clock=REVIEW,
                words=_("%(actor)s reported it as done: %(result)s"),
            ),
            Move(
                "accept", _("Accept and close"), ("reported",), "closed", OFFICES, relation="seat", tone="primary",
                clock=STOP, words=_("%(actor)s accepted what was reported"),
            ),
            Move(
                "send_back", _("Return the report"), ("reported",), "open", OFFICES, relation="seat",
                demands=(REASON, Field("due_on")), gate=ahead("due_on"), clock=Clock(field="due_on"),
                words=_("%(actor)s sent the report back: %(reason)s"),
            ),
            Move(
                "revoke", _("Take it back"), ("open", "reported"), "revoked", OFFICES, relation="seat",
                demands=(REASON,), clock=STOP, tone="critical",
                words=_("%(actor)s revoked the task: %(reason)s"),
            ),
        ),
        universal=MORE_TIME,
        sections=(
            (_("Task"), ("asked", "addressee_name", "responsible", "due_on", "decided_at", "decided_on", "meeting")),
            (_("How it was carried out"), ("progress", "result")),
        ),
    )
)  # fmt: skip
