"""A circular of criticism or thanks: issued, objected to in time or not, answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.cases.lifecycle import STOP, Clock, Field, Lifecycle, Move, State, Universal, declare
from anlan.kernel.cases.universal import REASON
from anlan.parties.names import mark

from .. import issuing, page
from ..models import Circular
from .shared import ADDRESSEE, DELIVERED, HOLDERS, OFFICES, issue, papers, shown


def object_(case: Circular, facts: Mapping[str, Any], by: Any) -> None:
    case.objected_at = clock.now()


def of_genre(genre: str) -> Any:
    """Out with its paper, and of that kind: thanks are at an end with it, criticism may be objected to."""
    return lambda case: issuing.is_out(case) if case.genre == genre else _("This is for the other kind of circular.")


def in_time(case: Circular) -> Any:
    return _("The time to object is over.") if case.overdue else None


def out_of_time(case: Circular) -> Any:
    return None if case.overdue else _("The time to object still runs.")


CIRCULAR = declare(
    Lifecycle(
        kind="circular",
        model=Circular,
        title=_("Circulars of criticism and thanks"),
        singular=_("Circular"),
        icon="speakerphone",
        states=(
            State("draft", _("Drafted"), turn=OFFICES),
            State("issued", _("Issued, open to objection"), turn=HOLDERS, addressed=True),
            State("objected", _("Objected to, to be answered"), turn=OFFICES),
            State("stands", _("Stands"), end=True),
            State("dropped", _("Draft dropped"), end=True),
            State("revoked", _("Revoked"), end=True),
        ),
        start="draft",
        open_by=OFFICES,
        number="{mark}安通〔{year}〕{n}号",
        mark=mark,
        addressee=ADDRESSEE,
        own_work=DELIVERED,
        inside=("open", issuing.CHANGED, "drop"),
        opened_words=_("%(actor)s drafted the circular"),
        notes={issuing.CHANGED: _("%(actor)s changed the draft")},
        moves=(
            Move(
                "prove", _("Add evidence"), ("draft",), None, OFFICES, relation="seat",
                demands=(shown("evidence", _("Evidence")),), words=_("%(actor)s added evidence"),
            ),
            Move(
                "issue", _("Issue"), ("draft",), "issued", OFFICES, relation="seat", tone="primary",
                ready=of_genre("criticism"), effect=issue, clock=Clock(rule="supervision.object"),
                words=_("%(actor)s issued the circular of criticism"),
            ),
            Move(
                "thank", _("Issue"), ("draft",), "stands", OFFICES, relation="seat", tone="primary",
                ready=of_genre("thanks"), effect=issue, clock=STOP, words=_("%(actor)s issued the circular of thanks"),
            ),
            Move(
                "drop", _("Drop the draft"), ("draft",), "dropped", OFFICES, relation="seat", demands=(REASON,),
                ready=issuing.is_gone, clock=STOP, words=_("%(actor)s dropped the draft: %(reason)s"),
            ),
            Move(
                "object", _("Object"), ("issued",), "objected", HOLDERS, relation="addressee", ready=in_time,
                demands=(Field("objection", rows=3), shown("grounds", _("Evidence for it"), at_least=0)),
                effect=object_, clock=Clock(rule="supervision.answer"),
                words=_("%(actor)s objected: %(objection)s"),
            ),
            Move(
                "consent", _("Take note, no objection"), ("issued",), "stands", HOLDERS, relation="addressee",
                clock=STOP, words=_("%(actor)s took note and does not object"),
            ),
            Move(
                "expire", _("The time to object is over"), ("issued",), "stands", OFFICES, relation="seat",
                ready=out_of_time, clock=STOP, words=_("%(actor)s established that nobody objected in time"),
            ),
            Move(
                "uphold", _("Let it stand"), ("objected",), "stands", OFFICES, relation="seat", tone="primary",
                demands=(Field("answer", rows=3),), clock=STOP,
                words=_("%(actor)s answered the objection, the circular stands: %(answer)s"),
            ),
            Move(
                "revoke", _("Take it back"), ("issued", "objected"), "revoked", OFFICES, relation="seat",
                demands=(Field("answer", rows=3),), clock=STOP, tone="critical",
                words=_("%(actor)s revoked the circular: %(answer)s"),
            ),
        ),
        universal=Universal(list_=()),
        sections=(
            (_("Circular"), ("genre", "addressee_name", "facts", "measure", "asked", "issued_at")),
            (_("Objection"), ("objected_at", "objection", "answer")),
        ),
        papers=papers,
        part=page.addressed,
    )
)  # fmt: skip
