"""The demonstration city's accidents: 2011, 2012 and 2013 as its own yearbook has them, and a morning at the desk.

The numbers are the real city's, not scaled down with the two thousand enterprises: the plan's control line of 1,500
deaths only means something beside the 1,539 of the year before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from django.db.models import Max, Min

from anlan.kernel import cases, clock
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.demo import DemoCity
from anlan.parties.models import Enterprise

from . import faults
from .demo_history import Site, generate, known_years, more_years
from .models import Accident, Category
from .reporting import first_report

_SITES = 20_000
"""At so many enterprises accidents happen in a multiplied city."""


def load(city: DemoCity) -> None:
    """Fills the office."""
    sites = [
        Site(e.area_code, e.lon, e.lat, e.address, e.pk, e.name, e.industry_id, city.diligence(e))
        for e in city.enterprises
    ]
    written = generate(known_years(), sites, city.now, city.rng)
    city.say(f"accidents: {written.accidents}, deaths: {written.deaths}")
    city.say(f"faults of reporting: {_faults(city, written.late)}")
    city.say(f"accidents this morning: {_morning(city)}")


def multiply(total: int, now: datetime, rng: Random) -> int:
    """Adds ten years of accidents to the small city's three, so that there are about `total`; returns how many."""
    first, last = Enterprise.objects.aggregate(first=Min("pk"), last=Max("pk")).values()
    drawn = Enterprise.objects.filter(pk__in=[rng.randint(first, last) for _n in range(_SITES)]).order_by("pk")
    rows = drawn.values_list("area_code", "lon", "lat", "address", "pk", "name", "industry_id")
    return generate(more_years(total), [Site(*row) for row in rows], now, rng).accidents


def _faults(city: DemoCity, late: list[int]) -> int:
    """Late reports of this year are found as in life, and some are looked into."""
    found = 0
    since = datetime(city.now.year, 1, 1, tzinfo=clock.BEIJING)
    accidents = Accident.objects.filter(pk__in=late, occurred_at__gte=since).select_related("category")
    for accident in accidents.order_by("occurred_at"):
        at = accident.opened_at + timedelta(hours=11)
        with clock.frozen(min(at, city.now)):
            made = faults.find(accident)
        found += len(made)
        officer: Any = city.accounts["city"]  # what a district is suspected of the city looks into
        for fault in made:
            looked = at + timedelta(days=city.rng.randrange(4, 16))
            if looked < city.now and city.rng.random() < 0.4:
                with clock.frozen(looked):
                    words = "经查，因现场通信中断致报告延误，不构成迟报" if fault.fault == "late" else "经查不属实"
                    cases.move(fault, "clear", by=officer, seen_version=fault.version, findings=words)
    return found


def _morning(city: DemoCity) -> int:
    """What the duty officers have on their desks: limits running, one missed, one accident reported twice."""
    by_code = {c.code: c for c in Category.objects.filter(scheme="national-2012")}
    day = city.now.replace(hour=0, minute=0)

    def at(hour: int, minute: int) -> datetime:
        return day.replace(hour=hour, minute=minute)

    def in_yubei(industry: str) -> Enterprise:
        return next(e for e in city.enterprises if e.industry_id == industry and e.area_code.startswith("500112"))

    def told(who: str, when: datetime, **said: Any) -> Accident:
        account = city.accounts[who]
        with clock.frozen(when), acting(Actor("person", account.username, account.pk), EVERYWHERE):
            made = first_report(account, said).accident
        assert made is not None
        return made

    builder, factory = in_yubei("construction"), in_yubei("machinery")
    neighbour = next(e for e in city.enterprises if e.industry_id == "construction" and e.area_code[:6] == "500113")
    made = [
        told("district", at(8, 24), area_code=builder.area_code, place=builder.address, lon=_six(builder.lon),
             lat=_six(builder.lat), enterprise=builder, category=by_code["construction"], occurred_at=at(7, 40),
             known_at=at(7, 55), deaths=1, injured=2, source="unit",
             course="3号楼外脚手架局部坍塌，3名作业人员坠落，其中1人经抢救无效死亡。",
             measures="已停止作业，疏散现场人员，伤员送医院救治。", caller="周永德", caller_phone="13900000001"),
        told("district", at(8, 31), area_code=factory.area_code, place="国道319线龙兴段K12处", lon=_six(106.795),
             lat=_six(29.703), category=by_code["road"], occurred_at=at(8, 5), deaths=0, injured=3, source="other",
             course="一辆货车与一辆通勤客车追尾，3人重伤。", measures="交警、120已到场。"),
        told("duty", at(8, 43), area_code=factory.area_code, place="龙兴镇319国道12公里附近", lon=_six(106.797),
             lat=_six(29.704), category=by_code["road"], occurred_at=at(8, 10), deaths=0, injured=2, source="other",
             course="群众来电：货车追尾客车，有人受伤被困。", trapped=1, caller="匿名群众", caller_phone="13900000002"),
        told("district-500113", at(6, 12), area_code=neighbour.area_code, place=neighbour.address, enterprise=neighbour,
             category=by_code["construction"], occurred_at=at(5, 30), known_at=at(5, 40), deaths=1, source="unit",
             course="夜间浇筑时泵车臂架折断，1名作业人员死亡。", measures="现场封控，善后处置中。"),
    ]  # fmt: skip
    with clock.frozen(at(8, 15)):
        faults.find(made[-1])  # the district has two hours and let them pass
    return len(made)


def _six(value: float | None) -> Any:
    return None if value is None else Decimal(f"{value:.6f}")
