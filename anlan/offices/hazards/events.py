"""What the hidden-danger office hears and passes on: who must know when a danger turns."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_noop

from anlan.kernel import events, notices
from anlan.kernel.events import Heard
from anlan.kernel.notices import Holders

from . import publication
from .lifecycle import LIFECYCLE
from .models import Danger

AUTHORITY = frozenset({"district", "township", "inspector"})
FIRM = frozenset({"enterprise"})


def _send(event: Heard, roles: frozenset[str], message: str, level: str) -> None:
    danger = event.record("case")
    assert isinstance(danger, Danger)
    to = Holders(roles, danger.area_code, danger.industry_id, danger.enterprise_id)
    params = {"number": danger.number, "title": danger.title}
    notices.send(to, message, params, url=danger.get_absolute_url(), level=level)


_ = gettext_noop
TOLD: tuple[tuple[str, str, frozenset[str], str, str], ...] = (
    # Whoever verifies is told of a find.
    ("danger.opened", "found", AUTHORITY, _("New hidden danger %(number)s: %(title)s"), "attention"),
    # A listed danger concerns the enterprise and every tier above it.
    ("danger.list", "listed", AUTHORITY | FIRM | {"department"},
     _("Listed for supervision: %(number)s %(title)s"), "critical"),
    # An order to stop reaches the enterprise at once.
    ("hazards.stopped", "stopped", AUTHORITY | FIRM, _("Production stopped: %(number)s %(title)s"), "critical"),
    ("danger.rectify", "rectified", AUTHORITY, _("Rectified, to be accepted: %(number)s %(title)s"), "primary"),
    # A major danger's separate report goes to the supervisor at once (Decree 16 Art. 14).
    ("hazards.reported", "reported", AUTHORITY | {"department"},
     _("Major danger reported apart: %(number)s %(title)s"), "critical"),
    # The review on site has its time limit: who reviews is told at once.
    ("danger.ask_resumption", "resumption_asked", AUTHORITY,
     _("Asked to resume production: %(number)s %(title)s"), "attention"),
    ("danger.propose_publication", "publication_proposed", publication.APPROVE,
     _("To be approved for publication: %(number)s %(title)s"), "attention"),
    # From the grading on the enterprise's time runs.
    ("danger.verify", "verified", FIRM, _("Verified, five to be put in place: %(number)s %(title)s"), "attention"),
    ("danger.send_back", "sent_back", FIRM, _("Sent back, to be rectified again: %(number)s %(title)s"), "critical"),
    ("hazards.closed", "closed", FIRM, _("Accepted and closed: %(number)s %(title)s"), "success"),
    ("hazards.resumed", "resumed", FIRM, _("Production may resume: %(number)s %(title)s"), "success"),
    ("danger.ask_extension", "extension_asked", AUTHORITY, _("More time asked for: %(number)s %(title)s"), "attention"),
    ("danger.grant_extension", "extension_granted", FIRM, _("More time granted: %(number)s %(title)s"), "success"),
    ("danger.refuse_extension", "extension_refused", FIRM, _("More time refused: %(number)s %(title)s"), "attention"),
)  # fmt: skip
"""The event, the handler's lasting name, the roles that are told, the words, and how urgent they are."""


def _told(roles: frozenset[str], message: str, level: str) -> Callable[[Heard], None]:
    return lambda event: _send(event, roles, message, level)


for _event, _handler, _roles, _words, _level in TOLD:
    events.hears(_event, handler=f"hazards.{_handler}")(_told(_roles, _words, _level))


def _follow(event: Heard) -> None:
    danger = event.record("case")
    assert isinstance(danger, Danger)
    publication.follow(danger)


# Whatever moves a danger moves its public copy.
for _name in sorted({move.tells or f"danger.{move.name}" for move in LIFECYCLE.moves}):
    events.hears(_name, handler=f"public:{_name}")(_follow)
