"""The demonstration's bulletins: five months published, one of them corrected, June in draft."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.apps import apps

from anlan.engines.measures import Period
from anlan.kernel import clock
from anlan.kernel.cases import move
from anlan.parties.demo import DemoCity

from . import jobs
from .models import BulletinRun, Publication

CORRECTED = 4
"""The month whose notice is corrected: something of it was known only after it was issued."""


def load(city: DemoCity) -> None:
    """The notices of the months that are over, each in its time, the correction of one, and a draft that still runs."""
    made = {}
    for month in range(1, 6):
        with clock.frozen(datetime(2013, month + 1, 5, 10, 0, tzinfo=clock.BEIJING)):
            known = _a_death_not_known_yet(f"2013-{month:02}") if month == CORRECTED else None
            made[month] = _drafted(city, f"2013-{month:02}")
            if known is not None:
                known()
            made[month] = _signed(city, made[month])
    with clock.frozen(datetime(2013, 6, 8, 9, 20, tzinfo=clock.BEIJING)):
        run = BulletinRun.objects.create(publication=made[CORRECTED], what="compare")
        jobs.carry_out(run, city.accounts["city-planning"])
        _signed(city, jobs.correct(made[CORRECTED], run, city.accounts["city-planning"]))
    _drafted(city, "2013-06")
    city.say("bulletins: five months published, one corrected, June in draft")


def _a_death_not_known_yet(month: str) -> Callable[[], Any]:
    """Puts the gravest accident of the month as the records had it then, one of its dead still among the injured.

    What is given back puts it as it stands.
    """
    accidents = apps.get_model("accidents", "Accident")._default_manager
    period = Period.parse(month)
    found = accidents.filter(occurred_at__date__gte=period.first, occurred_at__date__lt=period.end, deaths__gt=0)
    one = found.order_by("-deaths", "pk").first()
    row = accidents.filter(pk=one.pk)
    row.update(deaths=one.deaths - 1)
    return partial(row.update, deaths=one.deaths)


def _drafted(city: DemoCity, period: str) -> Publication:
    drafter = city.accounts["city-planning"]
    case = jobs.begin("monthly", Period.parse(period), drafter, by_job=False)
    jobs.carry_out(BulletinRun.objects.create(publication=case, what="draft"), drafter)
    return Publication.objects.get(pk=case.pk)


def _signed(city: DemoCity, case: Publication) -> Publication:
    """Through the whole chain on one day."""
    steps = (("submit", "city-planning", 0), ("pass", "reviewer", 2), ("sign", "leader", 4),
             ("issue", "city-planning", 5), ("publish", "city-planning", 6))  # fmt: skip
    begun = clock.now()
    for name, who, hours in steps:
        with clock.frozen(begun + timedelta(hours=hours)):
            facts = {"audience": "public"} if name == "publish" else {}
            case = move(case, name, by=city.accounts[who], seen_version=case.version, facts_=facts)
    return case
