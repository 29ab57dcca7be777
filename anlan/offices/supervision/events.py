"""Who is told when something is issued, answered or decided."""

from __future__ import annotations

from collections.abc import Callable

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from anlan.kernel import areas, events, notices
from anlan.kernel.clock import BEIJING
from anlan.kernel.events import Heard
from anlan.kernel.notices import Holders, Message

from .models import SEATS, Addressed, Invitation, Meeting

HOLDER, ISSUER = "holder", "issuer"
TOLD: tuple[tuple[str, str, str, str], ...] = (
    ("order.issue", HOLDER, _("To be signed for: %(number)s %(title)s"), "attention"),
    ("order.report", ISSUER, _("Reported, to be accepted: %(number)s %(title)s"), "primary"),
    ("order.send_back", HOLDER, _("Sent back: %(number)s %(title)s"), "critical"),
    ("order.accept", HOLDER, _("Accepted, carried out: %(number)s %(title)s"), "success"),
    ("order.call_in", HOLDER, _("The head was called in: %(number)s %(title)s"), "critical"),
    ("order.revoke", HOLDER, _("Revoked: %(number)s %(title)s"), "attention"),
    ("order.resume", HOLDER, _("Taken up again: %(number)s %(title)s"), "critical"),
    ("order.ask_extension", ISSUER, _("More time asked for: %(number)s %(title)s"), "attention"),
    ("order.grant_extension", HOLDER, _("More time granted: %(number)s %(title)s"), "success"),
    ("order.refuse_extension", HOLDER, _("More time refused: %(number)s %(title)s"), "attention"),
    ("circular.issue", HOLDER, _("You were criticised, you may object: %(number)s %(title)s"), "critical"),
    ("circular.thank", HOLDER, _("You were thanked: %(number)s %(title)s"), "success"),
    ("circular.object", ISSUER, _("Objected to, to be answered: %(number)s %(title)s"), "attention"),
    ("circular.uphold", HOLDER, _("Your objection was answered, it stands: %(number)s %(title)s"), "attention"),
    ("circular.revoke", HOLDER, _("Revoked: %(number)s %(title)s"), "success"),
    ("task.opened", HOLDER, _("A meeting gave you a task: %(number)s %(title)s"), "attention"),
    ("task.report", ISSUER, _("Reported, to be accepted: %(number)s %(title)s"), "primary"),
    ("task.send_back", HOLDER, _("Sent back: %(number)s %(title)s"), "critical"),
    ("task.accept", HOLDER, _("Accepted, carried out: %(number)s %(title)s"), "success"),
    ("task.revoke", HOLDER, _("Revoked: %(number)s %(title)s"), "attention"),
    ("task.ask_extension", ISSUER, _("More time asked for: %(number)s %(title)s"), "attention"),
    ("task.grant_extension", HOLDER, _("More time granted: %(number)s %(title)s"), "success"),
    ("task.refuse_extension", HOLDER, _("More time refused: %(number)s %(title)s"), "attention"),
)  # fmt: skip
"""The event, which of the two is told, the words, and how urgent they are."""


def _told(whom: str, message: str, level: str) -> Callable[[Heard], None]:
    def tell(event: Heard) -> None:
        case = event.record("case")
        assert isinstance(case, Addressed)
        params = {"number": case.number, "title": case.title}
        to = holder(case) if whom == HOLDER else issuer(case)
        notices.send(to, message, params, url=case.get_absolute_url(), level=level)

    return tell


def holder(case: Addressed) -> Holders:
    """The addressee's people: of a district's own place, of a department's industry, of the enterprise."""
    return Holders(frozenset({case.addressee_role}), case.area_code, case.industry_id, case.enterprise_id)


def issuer(case: Addressed) -> Holders:
    """The office that issued it."""
    role = "city" if areas.tier_of(case.owner_area_code) == 1 else "district"
    return Holders(frozenset({role}), case.owner_area_code)


for _event, _whom, _words, _level in TOLD:
    events.hears(_event, handler=f"supervision:{_event}")(_told(_whom, _words, _level))


def _meeting(message: str, level: str) -> Callable[[Heard], None]:
    def tell(event: Heard) -> None:
        meeting = event.record("case")
        assert isinstance(meeting, Meeting)
        notices.send_all([_asked(one, message, level) for one in meeting.invitations.select_related("authority")])

    return tell


def _asked(one: Invitation, message: str, level: str) -> Message:
    role = SEATS.get(one.authority.kind) or "district"
    params = {"number": one.number, "title": one.title, "at": f"{one.held_at.astimezone(BEIJING):%Y-%m-%d %H:%M}"}
    url = reverse("registers:record", args=("meeting-invitations", one.pk))
    return Message(Holders(frozenset({role}), one.area_code, one.industry_id), message, params, url, level)


for _event, _words, _level in (
    ("meeting.opened", _("You are asked to a meeting: %(title)s, %(at)s"), "attention"),
    ("meeting.change", _("A meeting was changed: %(title)s, %(at)s"), "attention"),
    ("meeting.cancel", _("A meeting was cancelled: %(title)s, %(at)s"), "attention"),
):
    events.hears(_event, handler=f"supervision:{_event}")(_meeting(_words, _level))
