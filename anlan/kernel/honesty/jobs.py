"""What runs by itself: the month that runs and the one before, every night; and a month that somebody asks for."""

from __future__ import annotations

from collections import Counter
from datetime import date

from django.urls import reverse
from django.utils.translation import gettext_noop

from .. import clock, notices
from ..deadlines import add_months
from ..jobs import job
from ..scope import EVERYWHERE
from . import running


# Twenty past two at night in Beijing.
@job("honesty.nightly", schedule="20 18 * * *", scope=EVERYWHERE)
def nightly() -> None:
    """Looks at the month that runs and at the one before, for what is entered late belongs to that."""
    this = running.month_of(clock.today())
    for first in (add_months(this, -1), this):
        look(first.isoformat())


@job("honesty.look", scope=None)
def look_again(first: str) -> None:
    """Looks at one month anew."""
    look(first)


def look(first: str) -> running.Outcome:
    """Runs the checks over the month, and tells the authorities above of what is new."""
    outcome = running.run(date.fromisoformat(first))
    for area, count in Counter(outcome.raised).items():
        notices.send(
            notices.Holders(frozenset({"city", "district"}), area),
            gettext_noop("%(count)s new finds of the honesty checks for %(month)s"),
            {"count": count, "month": first[:7]}, url=f"{reverse('honesty:finds')}?month={first[:7]}",
            level="attention",
        )  # fmt: skip
    return outcome
