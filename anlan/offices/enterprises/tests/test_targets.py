"""The notice's targets that registers of the offices prove, on records whose figures are known because planted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from anlan.engines.measures import Period
from anlan.kernel import clock
from anlan.kernel.clock import BEIJING
from anlan.kernel.figures import computing, demanded
from anlan.kernel.figures.counted import counted
from anlan.kernel.figures.lists import CountedIn, records_url
from anlan.kernel.registers import register_named
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.offices.enterprises.models import Standardization
from anlan.offices.plan import planfile
from anlan.offices.public.models import ModelEnterprise, SafeCommunity
from anlan.offices.regulators.models import Capacity
from anlan.parties.models import Account, Authority, Enterprise

NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
TODAY = NOON.date()
YUBEI, BANAN = "500112131000", "500113001000"
TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with clock.frozen(NOON), acting(TESTER, EVERYWHERE):
        yield


def standing(n: int, area: str = YUBEI, started: int | None = 100, attained: int | None = None, **more: Any) -> None:
    """An enterprise; `started` and `attained` so many days ago."""
    ended = more.pop("ended_on", None)
    facts: dict[str, Any] = {"name": f"厂{n}", "area_code": area, "industry_id": "trade", "status": "operating"}
    one = Enterprise.objects.create(**facts | more)
    if started is None:
        return
    row = Standardization(
        enterprise=one, area_code=area, industry_id=one.industry_id, aimed=3, ended_on=ended,
        started_on=TODAY - timedelta(days=started),
    )  # fmt: skip
    if attained is not None:
        row.level, row.attained_on = 3, TODAY - timedelta(days=attained)
        row.valid_until = row.attained_on + timedelta(days=3 * 365)
    row.full_clean()
    row.save()


def figure(name: str, period: str = "2013", **where: str) -> Any:
    (measure,) = computing.named([name])
    by = tuple(where)
    return computing.compute([name], Period.parse(period), by=by).at(measure, **where).now.value


def test_rates_are_of_the_enterprises_in_operation_and_only_of_them() -> None:
    coal: dict[str, Any] = {"industry_id": "coal", "high_hazard": True}
    standing(1, **coal)
    standing(2, started=None, **coal)
    standing(3, area=BANAN, **coal)
    standing(4, status="closed", **coal)
    standing(5, started=400, attained=10, ended_on=TODAY - timedelta(days=1), **coal)  # gave it up yesterday
    standing(6)  # of no high hazard
    assert figure("enterprises.high_hazard") == 4
    assert figure("enterprises.high_hazard_started") == 2
    assert round(figure("enterprises.high_hazard_start_rate"), 1) == 50
    assert figure("enterprises.high_hazard_start_rate", area="500113") == 100
    # A district's officer counts his own, through the enterprise's row as well as the record's.
    with acting(TESTER, Scope("500113")):
        assert figure("enterprises.high_hazard_started") == 1
    assert figure("enterprises.high_hazard_started", "2012") is None  # the registers say it of the present only


def test_who_attained_holds_a_valid_level_today() -> None:
    standing(1, started=500, attained=10)
    standing(2, started=1500, attained=1200)  # run out
    standing(3)
    standing(4, started=500, attained=10, industry_id="coal")
    standing(5, started=500, attained=10, industry_id="machinery", park="空港工业园区")
    standing(6, started=None, park="空港工业园区")
    standing(7, above_scale=True)
    assert figure("enterprises.trade_attained") == 2
    assert figure("enterprises.park_attain_rate") == 50
    assert figure("enterprises.above_scale_start_rate") == 100


def test_a_figure_opens_the_records_that_it_counts() -> None:
    standing(1, industry_id="coal", high_hazard=True)
    standing(2, industry_id="coal")
    measure = computing.named(["enterprises.high_hazard_started"])[0]
    figures = computing.compute([measure.name], Period.parse("2013"))
    declared = register_named("standardization")
    assert declared is not None
    url = records_url(figures, measure)
    asked = dict(part.split("=") for part in url.partition("?")[2].split("&"))
    rows = CountedIn().rows(declared, Standardization.objects.all(), asked)
    assert [row.enterprise.name for row in rows] == ["厂1"]


def test_a_record_says_in_which_rates_it_counts_and_which_fact_of_the_enterprise_stands_against_it() -> None:
    standing(1, industry_id="coal", high_hazard=True)
    reader = Account.objects.create(username="c", name="c", role="city", area_code="500000000000")
    said = counted(Standardization.objects.get(), reader)
    assert said is not None
    assert [(of.measure.name, of.adds) for of in said.counts] == [("enterprises.high_hazard_started", "+1")]
    why = {str(title): reason for title, reason in said.others}
    scale = str(computing.named(["enterprises.above_scale_started"])[0].title)
    assert str(Enterprise._meta.get_field("above_scale").verbose_name) in why[scale]
    said = counted(Enterprise.objects.get(), reader)
    assert said is not None
    assert {"parties.operating", "enterprises.high_hazard"} == {of.measure.name for of in said.counts}
    assert said.counts[-1].rates


def test_a_level_without_its_day_is_refused() -> None:
    one = Enterprise.objects.create(name="厂", area_code=YUBEI)
    row = Standardization(enterprise=one, area_code=YUBEI, aimed=3, level=3, started_on=TODAY)
    with pytest.raises(ValidationError, match="level"):
        row.full_clean()


def test_models_count_in_the_year_in_which_they_are_named() -> None:
    one = Enterprise.objects.create(name="厂", area_code=YUBEI)
    for n, (kind, level, day) in enumerate([
        ("culture", "city", date(2013, 3, 1)), ("culture", "city", date(2012, 3, 1)),
        ("culture", "national", date(2013, 4, 1)), ("health", "city", date(2013, 6, 13)),
        ("health", "city", date(2013, 6, 14)),
    ]):  # fmt: skip
        each = Enterprise.objects.create(name=f"厂{n}", area_code=YUBEI)
        ModelEnterprise.objects.create(
            enterprise=each, area_code=YUBEI, kind=kind, level=level, named_on=day, named_by="市安监局"
        )
    ModelEnterprise.objects.create(
        enterprise=one, area_code=YUBEI, kind="culture", level="city", named_on=date(2013, 2, 1), named_by="市安监局",
        withdrawn_on=date(2013, 5, 1),
    )  # fmt: skip
    SafeCommunity.objects.create(name="甲", area_code=YUBEI, level="city", named_on=date(2013, 2, 1), named_by="市")
    SafeCommunity.objects.create(
        name="甲", area_code=YUBEI, level="international", named_on=date(2013, 2, 1), named_by="市"
    )
    assert figure("public.city_culture_models") == 1
    assert figure("public.city_culture_models", "2012") == 1
    assert figure("public.national_culture_models") == 1
    assert figure("public.health_models") == 1, "today is not over"
    assert figure("public.city_communities") == figure("public.international_communities") == 1
    assert figure("public.national_communities") == 0


def test_a_township_is_built_with_body_staff_and_equipment() -> None:
    for n, (kind, established, required, staff, equipped) in enumerate([
        ("station", True, 3, 3, True), ("station", True, 3, 2, True), ("station", False, 3, 3, True),
        ("station", True, 3, 4, False), ("supervisor", True, 3, 3, True),
    ]):  # fmt: skip
        body = Authority.objects.create(name=f"所{n}", kind=kind, tier=3, area_code=YUBEI)
        Capacity.objects.create(
            authority=body, area_code=YUBEI, required=required, staff=staff, certified=staff - 1, equipped=equipped,
            established_on=date(2010, 1, 1) if established else None,
        )  # fmt: skip
    assert figure("regulators.built_rate") == 25
    assert str(figure("regulators.certified_rate")) == "66.7", "10 of 15"


def test_the_plan_of_2013_has_sixteen_targets_that_are_measured() -> None:
    from django.conf import settings

    made = planfile.load(settings.ROOT / "plans/chongqing-2013.yaml")
    known = {one.name for one in computing.named()}
    assert {t.code for t in made.targets.all() if t.measure not in known} == {"T17", "T18", "T19"}


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("高危行业领域企业三级以上标准化达标启动率", "enterprises.high_hazard_start_rate"),
        ("工贸企业达标数量", "enterprises.trade_attained"),
        ("规模以上工贸企业标准化启动率", "enterprises.above_scale_start_rate"),
        ("园区工贸企业标准化达标率", "enterprises.park_attain_rate"),
        ("市级职业健康规范化企业", "public.health_models"),
        ("国际安全社区", "public.international_communities"),
        ("国家级安全文化示范企业", "public.national_culture_models"),
        ("市级安全社区", "public.city_communities"),
    ],
)
def test_what_a_notice_demands_finds_its_measure(subject: str, name: str) -> None:
    assert demanded(subject) == name
