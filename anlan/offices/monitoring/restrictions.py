"""The restrictions of the register as the gateways need them: what they tell of whoever is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from anlan.engines.telemetry.places import Held, Places
from anlan.kernel import clock, law

from .models import Restriction
from .moments import LATEST, milliseconds
from .programmes import MOVING, SHIPS
from .restriction_models import SPEED_LIMIT, points

BACK = timedelta(days=90)
"""So old reports are still taken: what ended since holds for them."""
SCHOOL = "school-buses"


def read() -> Places | None:
    """All that held lately, holds or will hold; None where nothing was ever entered.

    What is over for good is told as 0 for ever: a device has nothing else that says so.
    """
    rows = list(Restriction.objects.values_list("tells", "programme").distinct())
    if not rows:
        return None
    minding: dict[str, set[str]] = {}
    for tells, programme in rows:
        minding.setdefault(tells, set()).update(_concerned(tells, programme))
    since = clock.now() - BACK
    held = [part for one in Restriction.objects.exclude(ends__lte=since).order_by("pk") for part in _held(one)]
    return Places(held, minding)


def _held(one: Restriction) -> Iterator[Held]:
    # By the law of the last day on which it held, today at the latest.
    now = clock.now()
    on = min(one.ends or now, now)
    programmes = _concerned(one.tells, one.programme)
    begin, end = milliseconds(one.begins), milliseconds(one.ends) if one.ends else LATEST
    shape, metres = points(one.shape), float(one.metres or 0)
    yield Held(one.tells, programmes, _value(one, on), begin, end, shape, metres)
    if one.tells == SPEED_LIMIT and one.road_class and SCHOOL in programmes:
        # Of school buses the law asks for less, whatever is signposted for others.
        kind = "expressway" if one.road_class == "expressway" else "road"
        most = float(law.value(f"monitoring.speed_limit.school_bus_{kind}", on).value)
        yield Held(one.tells, frozenset({SCHOOL}), most, begin, end, shape, metres)


def _concerned(tells: str, programme: str) -> frozenset[str]:
    """Whom it concerns: fog on a river is no vehicle's."""
    if programme:
        return frozenset({programme})
    return MOVING if tells == SPEED_LIMIT else SHIPS


def _value(one: Restriction, on: datetime) -> float:
    if one.value is not None:
        return float(one.value)
    if one.tells != SPEED_LIMIT:
        return 1.0
    return float(law.value(f"monitoring.speed_limit.{one.road_class}", on).value)
