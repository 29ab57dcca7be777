"""What runs by itself: reminders and escalation, every quarter of an hour."""

from __future__ import annotations

from anlan.kernel.jobs import job
from anlan.kernel.scope import EVERYWHERE

from . import reminders


@job("cases.remind", schedule="*/15 * * * *", scope=EVERYWHERE)
def remind() -> None:
    """Makes the reminders that fell due and notifies those whom each reaches."""
    reminders.notify(reminders.make_new())
