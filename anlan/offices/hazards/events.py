"""What the hidden-danger office hears and passes on: who must know when a danger turns."""

from __future__ import annotations

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


@events.hears("danger.opened", handler="hazards.found")
def found(event: Heard) -> None:
    """Whoever verifies is told of a find."""
    _send(event, AUTHORITY, gettext_noop("New hidden danger %(number)s: %(title)s"), "attention")


@events.hears("danger.list", handler="hazards.listed")
def listed(event: Heard) -> None:
    """A listed danger concerns the enterprise and every tier above it."""
    roles = AUTHORITY | {"enterprise", "department"}
    _send(event, roles, gettext_noop("Listed for supervision: %(number)s %(title)s"), "critical")


@events.hears("hazards.stopped", handler="hazards.stopped")
def stopped(event: Heard) -> None:
    """An order to stop reaches the enterprise at once."""
    _send(event, AUTHORITY | {"enterprise"}, gettext_noop("Production stopped: %(number)s %(title)s"), "critical")


@events.hears("danger.rectify", handler="hazards.rectified")
def rectified(event: Heard) -> None:
    """A rectification waits for its acceptance."""
    _send(event, AUTHORITY, gettext_noop("Rectified, to be accepted: %(number)s %(title)s"), "primary")


@events.hears("hazards.reported", handler="hazards.reported")
def reported(event: Heard) -> None:
    """A major danger's separate report goes to the supervisor at once (Decree 16 Art. 14)."""
    _send(
        event, AUTHORITY | {"department"}, gettext_noop("Major danger reported apart: %(number)s %(title)s"), "critical"
    )


@events.hears("danger.ask_resumption", handler="hazards.resumption_asked")
def resumption_asked(event: Heard) -> None:
    """The review on site has its time limit: who reviews is told at once."""
    _send(event, AUTHORITY, gettext_noop("Asked to resume production: %(number)s %(title)s"), "attention")


@events.hears("danger.propose_publication", handler="hazards.publication_proposed")
def publication_proposed(event: Heard) -> None:
    """A proposed publication waits for another official's approval."""
    _send(event, publication.APPROVE, gettext_noop("To be approved for publication: %(number)s %(title)s"), "attention")


@events.hears("danger.verify", handler="hazards.verified")
def verified(event: Heard) -> None:
    """From the grading on the enterprise's time runs."""
    _send(event, FIRM, gettext_noop("Verified, five to be put in place: %(number)s %(title)s"), "attention")


@events.hears("danger.send_back", handler="hazards.sent_back")
def sent_back(event: Heard) -> None:
    """What was not accepted is to be rectified again."""
    _send(event, FIRM, gettext_noop("Sent back, to be rectified again: %(number)s %(title)s"), "critical")


@events.hears("hazards.closed", handler="hazards.closed")
def closed(event: Heard) -> None:
    """The enterprise learns that its rectification was accepted."""
    _send(event, FIRM, gettext_noop("Accepted and closed: %(number)s %(title)s"), "success")


@events.hears("hazards.resumed", handler="hazards.resumed")
def resumed(event: Heard) -> None:
    """Production may run again."""
    _send(event, FIRM, gettext_noop("Production may resume: %(number)s %(title)s"), "success")


@events.hears("danger.ask_extension", handler="hazards.extension_asked")
def extension_asked(event: Heard) -> None:
    """More time waits for a decision."""
    _send(event, AUTHORITY, gettext_noop("More time asked for: %(number)s %(title)s"), "attention")


@events.hears("danger.grant_extension", handler="hazards.extension_granted")
def extension_granted(event: Heard) -> None:
    """The enterprise learns of its new limit."""
    _send(event, FIRM, gettext_noop("More time granted: %(number)s %(title)s"), "success")


@events.hears("danger.refuse_extension", handler="hazards.extension_refused")
def extension_refused(event: Heard) -> None:
    """The enterprise learns that the old limit holds."""
    _send(event, FIRM, gettext_noop("More time refused: %(number)s %(title)s"), "attention")


def _follow(event: Heard) -> None:
    danger = event.record("case")
    assert isinstance(danger, Danger)
    publication.follow(danger)


# Whatever moves a danger moves its public copy.
for _name in sorted({move.tells or f"danger.{move.name}" for move in LIFECYCLE.moves}):
    events.hears(_name, handler=f"public:{_name}")(_follow)
