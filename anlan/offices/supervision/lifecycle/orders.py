"""A supervision order: drafted, issued, signed for, carried out, reported with evidence, accepted or sent back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.cases.lifecycle import STOP, Clock, Field, Lifecycle, Move, State, declare
from anlan.kernel.cases.universal import REASON
from anlan.parties.names import mark

from .. import issuing, page
from ..models import SupervisionOrder
from .shared import ADDRESSEE, DELIVERED, HOLDERS, MORE_TIME, OFFICES, REVIEW, ahead, issue, papers, shown


def sign_for(case: SupervisionOrder, facts: Mapping[str, Any], by: Any) -> None:
    case.received_at, case.received_by = clock.now(), by.name


def called_in(case: SupervisionOrder, facts: Mapping[str, Any]) -> Any:
    return {"interviewed_on": [_("This day has not come yet.")]} if facts["interviewed_on"] > clock.today() else None


ORDER = declare(
    Lifecycle(
        kind="order",
        model=SupervisionOrder,
        page="supervision:order-new",
        title=_("Supervision orders"),
        singular=_("Supervision order"),
        icon="gavel",
        states=(
            State("draft", _("Drafted"), turn=OFFICES),
            State("issued", _("Issued, to be signed for"), turn=HOLDERS, addressed=True),
            State("received", _("Signed for, being carried out"), turn=HOLDERS, addressed=True),
            State("reported", _("Reported, to be accepted"), turn=OFFICES),
            State("closed", _("Carried out and closed"), end=True),
            State("dropped", _("Draft dropped"), end=True),
            State("revoked", _("Revoked"), end=True),
        ),
        start="draft",
        open_by=OFFICES,
        number="{mark}安督〔{year}〕{n}号",
        mark=mark,
        addressee=ADDRESSEE,
        own_work=DELIVERED,
        inside=("open", issuing.CHANGED, "drop"),
        opened_words=_("%(actor)s drafted the order"),
        notes={issuing.CHANGED: _("%(actor)s changed the draft")},
        moves=(
            Move(
                "issue", _("Issue"), ("draft",), "issued", OFFICES, relation="seat", tone="primary",
                ready=issuing.is_out, effect=issue, clock=Clock(rule="supervision.receive"),
                words=_("%(actor)s issued the supervision order"),
            ),
            Move(
                "drop", _("Drop the draft"), ("draft",), "dropped", OFFICES, relation="seat", demands=(REASON,),
                ready=issuing.is_gone, clock=STOP, words=_("%(actor)s dropped the draft: %(reason)s"),
            ),
            Move(
                "receive", _("Sign for it"), ("issued",), "received", HOLDERS, relation="addressee", tone="primary",
                effect=sign_for, clock=Clock(field="answer_by"), words=_("%(actor)s signed for the order"),
            ),
            Move(
                "report", _("Report what was done"), ("received",), "reported", HOLDERS, relation="addressee",
                demands=(Field("result", rows=3), shown("proof", _("Evidence of it"))), tone="primary",
                clock=REVIEW, words=_("%(actor)s reported what was done: %(result)s"),
            ),
            Move(
                "accept", _("Accept and close"), ("reported",), "closed", OFFICES, relation="seat", tone="primary",
                clock=STOP, words=_("%(actor)s accepted what was reported"),
            ),
            Move(
                "send_back", _("Return the report"), ("reported",), "received", OFFICES, relation="seat",
                demands=(REASON, Field("answer_by")), gate=ahead("answer_by"), clock=Clock(field="answer_by"),
                words=_("%(actor)s sent the report back: %(reason)s"),
            ),
            Move(
                "call_in", _("Record that the head was called in"), ("issued", "received", "reported"), None, OFFICES,
                relation="seat", gate=called_in,
                demands=(Field("interviewed_on"), Field("interview", rows=3),
                         shown("minutes", _("Record of it"), at_least=0)),
                words=_("%(actor)s called the head in on %(interviewed_on)s: %(interview)s"),
            ),
            Move(
                "revoke", _("Take it back"), ("issued", "received", "reported"), "revoked", OFFICES, relation="seat",
                demands=(REASON,), clock=STOP, tone="critical", words=_("%(actor)s revoked the order: %(reason)s"),
            ),
            Move(
                "resume", _("Take it up again"), ("closed",), "received", OFFICES, relation="seat",
                demands=(REASON, Field("answer_by")), gate=ahead("answer_by"), clock=Clock(field="answer_by"),
                words=_("%(actor)s took the order up again: %(reason)s"),
            ),
        ),
        universal=MORE_TIME,
        sections=(
            (_("What was ordered"), ("addressee_name", "facts", "asked", "answer_by", "issued_at")),
            (_("How it was carried out"), ("received_at", "received_by", "result")),
            (_("Called in"), ("interviewed_on", "interview")),
        ),
        papers=papers,
        part=page.addressed,
    )
)  # fmt: skip
