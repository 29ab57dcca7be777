"""Who is told when a danger turns: those in whose scope it lies, nobody else."""

from __future__ import annotations

from datetime import datetime

import pytest

from anlan.kernel import cases, clock, events
from anlan.kernel.clock import BEIJING
from anlan.kernel.models import Notice
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Account

NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)


@pytest.mark.django_db
def test_a_find_reaches_its_own_district_and_no_neighbour() -> None:
    with clock.frozen(NOON), acting(Actor("test", "tests"), EVERYWHERE):
        own, neighbour = (
            Account.objects.create_user(name, None, name=name, role="district", area_code=area)
            for name, area in (("own", "500112000000"), ("neighbour", "500113000000"))
        )
        cases.open_case(
            "danger", by=own, title="护栏缺失", description="护栏缺失", source="inspection", found_at=NOON,
            area_code="500112131000", industry_id="road",
        )  # fmt: skip
        events.deliver_due()
        told = Account.objects.filter(pk__in=Notice.objects.values_list("account_id", flat=True))
        assert own in told
        assert neighbour not in told
        assert all(account.scope.covers("500112131000", "road") for account in told)
