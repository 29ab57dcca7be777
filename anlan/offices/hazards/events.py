"""What the hidden-danger office hears and passes on: who must know when a danger turns."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from anlan.kernel import events, notices
from anlan.kernel.events import Heard
from anlan.kernel.notices import Holders

from .models import Danger

AUTHORITY = frozenset({"district", "township", "inspector"})


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
