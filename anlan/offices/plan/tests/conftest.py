"""What the plan office's tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.plan import drafting
from anlan.offices.plan.models import Plan
from anlan.parties.models import Account, Authority, Person, Post

CITY = "500000000000"
YUBEI = "500112000000"
NOTICE = (Path(__file__).parent / "notice.txt").read_text(encoding="utf-8")


@pytest.fixture
def everywhere(db: None) -> Iterator[None]:
    with acting(Actor("test", "tests"), EVERYWHERE):
        yield


@pytest.fixture
def account(everywhere: None) -> Callable[..., Account]:
    def make(name: str, role: str = "city", area: str = CITY, **facts: object) -> Account:
        return Account.objects.create_user(name, name=name, role=role, area_code=area, **facts)

    return make


@pytest.fixture
def draft(account: Callable[..., Account]) -> Plan:
    """A draft read from the small notice by `drafter`."""
    return drafting.from_text("notice.txt", NOTICE, area_code=CITY, by=account("drafter"))


def body(name: str, kind: str = "supervisor", tier: int = 2, area: str = YUBEI, **facts: object) -> Authority:
    return Authority.objects.create(name=name, kind=kind, tier=tier, area_code=area, **facts)


def post(authority: Authority, name: str, head: bool = False, **facts: object) -> Post:
    person = Person.objects.create(name=name, area_code=authority.area_code)
    return Post.objects.create(person=person, authority=authority, title="局长" if head else "科长", head=head, **facts)
