"""Who attacks, with what, and whose things are attacked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from anlan.kernel import clock
from anlan.kernel.clock import BEIJING
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.codes import make_credit_code
from anlan.parties.models import Account, Enterprise, Person

TESTER = Actor("test", "tests")
NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
PASSWORD = "correct horse 12"
MARK = "邻区秘密"


def code(number: int) -> str:
    """A social credit code whose check digit is right."""
    return make_credit_code("500112", number)


@pytest.fixture(autouse=True)
def _still(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.HOME = tmp_path
    with clock.frozen(NOON):
        yield


@pytest.fixture
def theirs() -> Enterprise:
    """An enterprise of the next district, with a danger and a person."""
    with acting(TESTER, EVERYWHERE):
        made = Enterprise.objects.create(
            name=f"{MARK}厂", area_code="500103000000", industry_id="coal", credit_code=code(1)
        )
        Person.objects.create(name=f"{MARK}人", area_code="500103000000", enterprise=made)
        return made


@pytest.fixture
def attacker() -> Account:
    with acting(TESTER, EVERYWHERE):
        return Account.objects.create_user("yubei", PASSWORD, name="渝北", role="district", area_code="500112000000")


@pytest.fixture
def browser(attacker: Account) -> Client:
    client = Client()
    client.force_login(attacker)
    return client


@pytest.fixture
def program(attacker: Account) -> Client:
    with acting(TESTER, EVERYWHERE):
        token = ApiToken.issue(attacker, "attack", ["*:write"])
    return Client(headers={"authorization": f"Bearer {token}"}, raise_request_exception=False)


def send(client: Client, method: str, address: str, what: Any, **headers: str) -> Any:
    return getattr(client, method)(address, json.dumps(what), content_type="application/json", headers=headers)
