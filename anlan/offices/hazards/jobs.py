"""What the hidden-danger office does by itself: reminding of returns, before and after the due day."""

from __future__ import annotations

from datetime import date

from django.contrib.auth import get_user_model
from django.db.models import Count, Q
from django.db.models.functions import Substr
from django.urls import reverse
from django.utils.translation import gettext_noop

from anlan.kernel import clock, law, notices
from anlan.kernel.jobs import job
from anlan.kernel.scope import EVERYWHERE, area_prefix

from . import returns
from .models import ReturnReminder
from .rules import Period

PIECE = 1000
SUPERVISING = frozenset({"city", "district", "township"})


# Half past eight in Beijing.
@job("hazards.remind_returns", schedule="30 0 * * *", scope=EVERYWHERE)
def remind_returns() -> None:
    """Reminds whoever has not returned on the days that the city set; and tells the authorities who is missing."""
    remind(clock.today())


def remind(today: date) -> int:
    """The reminders that fall on `today`, and those of the last days that an outage swallowed; how many were told."""
    days = sorted(int(d) for d in law.value("hazards.return_remind_days", on=today).value)
    told = 0
    for period in returns.recent(today, quarters=2, years=1):
        passed = [d for d in days if d <= -returns.days_to_due(period, today)]
        # After an outage only the latest is sent: nobody is told the same thing three times.
        if passed and passed[-1] >= -returns.days_to_due(period, today) - 3:
            told += _once(period, passed[-1], today)
    return told


def _once(period: Period, offset: int, today: date) -> int:
    """Sends one day's reminders unless they went out already; the mark and the notices are one transaction."""
    if ReturnReminder.objects.filter(period=str(period), offset_days=offset).exists():
        return 0
    told = _enterprises(period, today) + (_authorities(period) if offset > 0 else 0)
    # Two workers at the same moment: the second breaks on the constraint, and its notices go with it.
    ReturnReminder.objects.create(period=str(period), offset_days=offset, told=told)
    return told


def _enterprises(period: Period, today: date) -> int:
    left = returns.days_to_due(period, today)
    message, level = (
        (gettext_noop("The return of hidden dangers for %(period)s is due on %(due)s"), "attention") if left >= 0
        else (gettext_noop("No return of hidden dangers for %(period)s: it was due on %(due)s"), "critical")
    )  # fmt: skip
    facts = {"period": str(period), "due": returns.due_on(period).isoformat()}
    url = reverse("hazards:return", args=(str(period),))
    missing = returns.owing(period).filter(returns.IN_STATE["none"]).values("pk")
    accounts = get_user_model()._default_manager.filter(role="enterprise", is_active=True, enterprise__in=missing)
    told, last = 0, 0
    while piece := list(accounts.filter(pk__gt=last).order_by("pk")[:PIECE]):
        told += len(notices.send(piece, message, facts, url=url, level=level))
        last = piece[-1].pk
    return told


def _authorities(period: Period) -> int:
    """Every authority whose area has enterprises without a return is told how many."""
    none = returns.owing(period).filter(returns.IN_STATE["none"]).order_by()
    counts: dict[str, int] = {}
    for digits in (2, 6, 9):
        rows = none.annotate(key_=Substr("area_code", 1, digits)).values_list("key_").annotate(Count("pk"))
        counts |= dict(rows)
    supervisors = get_user_model()._default_manager.filter(
        Q(industries__isnull=True), role__in=SUPERVISING, is_active=True
    )
    told = 0
    for account in supervisors:
        count = counts.get(area_prefix(account.area_code), 0)
        if count:
            url = reverse("hazards:returns-enterprises") + f"?period={period}&state=none"
            told += len(
                notices.send(
                    [account], gettext_noop("%(count)s enterprises without a return for %(period)s"),
                    {"count": count, "period": str(period)}, url=url, level="attention",
                )
            )  # fmt: skip
    return told
