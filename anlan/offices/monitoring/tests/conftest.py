from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from anlan.kernel import clock
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.monitoring.models import Device
from anlan.parties.models import Account, Enterprise

TESTER = Actor("job", "test")
AT = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
YUBEI, BANAN = "500112131000", "500113001000"


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with clock.frozen(AT):
        yield


@pytest.fixture
def everywhere(db: None) -> Iterator[None]:
    with acting(TESTER, EVERYWHERE):
        yield


def device(code: str, area: str = YUBEI, **more: Any) -> Device:
    """A coach of the area's one company."""
    with acting(TESTER, EVERYWHERE):
        enterprise, _made = Enterprise.objects.get_or_create(name=f"车队{area}", area_code=area)
        facts: dict[str, Any] = {
            "programme": "coaches", "protocol": "jt808", "installed_on": AT.date() - timedelta(days=9), "name": code,
        }  # fmt: skip
        return Device.objects.create(code=code, enterprise=enterprise, area_code=area, **facts | more)


def account(role: str, area: str) -> Account:
    with acting(TESTER, EVERYWHERE):
        return Account.objects.create(username=f"{role}-{area}", name=role, role=role, area_code=area)
