"""The demonstration city: believable, the same everywhere, and each sign-in sees its own part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties import codes
from anlan.parties.models import Account, Authority, Enterprise, Person
from anlan.site import demo

TESTER = Actor("test", "tests")
pytestmark = pytest.mark.slow


@pytest.fixture
def city(db: None) -> None:
    """The parties of the city."""
    from random import Random

    from anlan.parties.demo import DemoCity, load

    with acting(TESTER, EVERYWHERE), clock.frozen(demo.START):
        load(DemoCity(Random(demo.SEED), demo.START, "a-long-password", lambda _: None))


@pytest.fixture
def everywhere(city: None, db: None) -> Iterator[None]:
    with acting(TESTER, EVERYWHERE):
        yield


def test_about_2000_enterprises_with_codes_that_check(everywhere: None) -> None:
    rows = Enterprise.objects.values_list("credit_code", "registration_number", "name", "area_code")
    assert 1950 <= len(rows) <= 2100
    for credit_code, number, _name, area in rows:
        assert codes.check_credit_code(credit_code)[2:8] == area[:6]
        assert codes.check_registration_number(number)[:6] == area[:6]
    assert len({r[2] for r in rows}) == len(rows)
    assert Enterprise.objects.filter(industry=None).exists()


def test_every_district_has_a_supervisor_that_becomes_the_emergency_bureau_in_2018(everywhere: None) -> None:
    then = Authority.objects.at(date(2013, 6, 14)).filter(kind="supervisor", tier=2)
    now = Authority.objects.at(date(2020, 1, 1)).filter(kind="supervisor", tier=2)
    assert then.count() == now.count() == 38
    yubei = then.get(area_code="500112000000")
    assert yubei.name == "重庆市渝北区安全生产监督管理局"
    assert yubei.successor.name == "重庆市渝北区应急管理局"
    assert {a.kind for a in yubei.superiors(date(2013, 6, 14))} == {"government", "supervisor"}
    assert "重庆市应急管理局" in [a.name for a in yubei.successor.superiors(date(2020, 1, 1))]


def test_each_sign_in_sees_its_own_part(everywhere: None) -> None:
    seen = {}
    for account in Account.objects.filter(
        username__in=("city", "department", "district", "township", "village", "enterprise")
    ):
        with acting(account.actor, account.scope):
            seen[account.username] = (Enterprise.objects.count(), Person.objects.count())
    counts = [seen[u][0] for u in ("city", "district", "township", "village", "enterprise")]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 1 < counts[-2]
    with acting(TESTER, EVERYWHERE):
        assert seen["department"][0] == Enterprise.objects.filter(industry="road").count()
