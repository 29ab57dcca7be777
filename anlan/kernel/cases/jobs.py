"""What runs by itself: reminders and escalation, every quarter of an hour; by the minute what rises by the minute."""

from __future__ import annotations

from datetime import timedelta

from anlan.kernel import clock
from anlan.kernel.jobs import job
from anlan.kernel.scope import EVERYWHERE

from . import reminders
from .models import OpeningKey, Upload

KEPT = timedelta(days=30)
"""How long a client may repeat a request, and how long a file waits for the case that takes it."""


@job("cases.remind", schedule="*/15 * * * *", scope=EVERYWHERE)
def remind() -> None:
    """Makes the reminders that fell due and notifies those whom each reaches."""
    reminders.notify(reminders.make_new())


@job("cases.rise", schedule="* * * * *", scope=EVERYWHERE)
def rise() -> None:
    """Tells the next tier of cases whose limit rises by the minute."""
    reminders.notify(reminders.make_by_minutes())


@job("cases.forget", schedule="17 3 * * *", scope=EVERYWHERE)
def forget() -> None:
    """Forgets requests that nobody will repeat and references to files that no case took."""
    for model in (OpeningKey, Upload):
        model.objects.filter(at__lt=clock.now() - KEPT).delete()
