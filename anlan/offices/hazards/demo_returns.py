"""The returns of the demonstration city: signed in time by the careful, late or not at all by the careless.

The first quarter of 2013, the quarters of 2012 and the years 2011 and 2012; some are zero returns, some were corrected.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from anlan.kernel import clock
from anlan.parties.demo import DemoCity

from .demo_rows import insert
from .models import SelfCheckReturn
from .returns import OWING, due_on
from .rules import Period

PERIODS = (*(Period(2012, n) for n in (1, 2, 3, 4)), Period(2011), Period(2012), Period(2013, 1))
"""Those that have ended by June 2013. Quarters before 2012 lie before the city's records."""


def load(city: DemoCity) -> int:
    """Signs the returns; how many."""
    rows: list[SelfCheckReturn] = []
    for period in PERIODS:
        due = datetime.combine(due_on(period), time(16), clock.BEIJING)
        opened = datetime.combine(period.next.first, time(9), clock.BEIJING)
        for enterprise in city.enterprises:
            # The enterprise of the sign-in has yet to sign that of the last quarter.
            own_still_owed = enterprise is city.enterprises[0] and period == PERIODS[-1]
            if enterprise.status in OWING and not own_still_owed:
                rows += _signed(city, enterprise, period, opened, due)
    insert(rows)
    return len(rows)


def _signed(city: DemoCity, enterprise: Any, period: Period, opened: datetime, due: datetime) -> list[SelfCheckReturn]:
    """Nothing, one return, or one and its correction."""
    rng, care = city.rng, city.diligence(enterprise)
    if rng.random() > 0.45 + 0.7 * care:
        return []
    late = rng.random() > 0.5 + 0.55 * care
    at = due + timedelta(days=rng.randrange(1, 25)) if late else opened + (due - opened) * rng.random()
    found = (
        0
        if rng.random() < 0.18
        else rng.randrange(1, 4 + (enterprise.staff or 10) // 25) * (4 if not period.number else 1)
    )
    fixed = max(0, found - rng.randrange(0, 3))
    at = at.replace(hour=9 + rng.randrange(8), minute=rng.randrange(60))
    head = city.heads.get(enterprise.pk)

    def row(**more: Any) -> SelfCheckReturn:
        facts = {
            "enterprise": enterprise, "area_code": enterprise.area_code, "industry_id": enterprise.industry_id,
            "period": str(period), "general_found": found, "general_rectified": fixed, "major_found": 0,
            "major_rectified": 0, "money_yuan": Decimal(fixed * rng.randrange(200, 3000)), "held": {},
            "signed_by": head.name if head else enterprise.name, "signer_id": head.pk if head else None,
            "signed_how": "paper", "signed_at": at, "due_on": due.date(), "late": late,
            "submitted_by": city.accounts["enterprise"], "created_at": at, "updated_at": at,
        }  # fmt: skip
        return SelfCheckReturn(**(facts | more))

    first = row()
    if rng.random() > 0.03 or at + timedelta(days=9) > city.now:
        return [first]
    again = at + timedelta(days=rng.randrange(1, 9))
    first.replaced_at = first.updated_at = again
    return [
        first,
        row(
            edition=2,
            general_found=found + 1,
            reason="漏报一项，更正",
            signed_at=again,
            created_at=again,
            updated_at=again,
        ),
    ]
