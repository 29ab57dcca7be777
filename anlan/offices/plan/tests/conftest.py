"""What the plan office's tests share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.plan import adoption, drafting
from anlan.offices.plan.models import Clause, Plan, Target
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


TARGETS: tuple[dict[str, Any], ...] = (
    {"code": "T1", "measure": "accidents.deaths", "comparator": "down_by", "value": 10, "unit": "%",
     "baseline": "2012", "baseline_value": 100},
    {"code": "T2", "measure": "accidents.larger", "comparator": "<=", "value": 4, "unit": "起"},
    {"code": "T4", "measure": "accidents.extraordinary", "comparator": "==", "value": 0, "unit": "起"},
    {"code": "T6", "measure": "", "comparator": ">=", "value": 1100, "unit": "家"},
    {"code": "T9", "measure": "hazards.closure_rate", "comparator": ">=", "value": 95, "unit": "%"},
)  # fmt: skip


@pytest.fixture
def plan(account: Callable[..., Account]) -> Plan:
    """The plan of 2013 in force, with targets of several kinds."""
    drafter, adopter = account("drafter"), account("adopter")
    made = Plan.objects.create(
        year=2013, area_code=CITY, title="2013年工作要点", issuer="市安委会", issued_on=date(2013, 1, 8),
        drafted_by=drafter, hands=[drafter.pk],
    )  # fmt: skip
    clause = Clause.objects.create(plan=made, code="G1.1", title="事故死亡", order=1)
    for row in TARGETS:
        Target.objects.create(plan=made, clause=clause, subject=row["code"], **row)
    adoption.propose(made, drafter)
    adoption.adopt(made, adopter)
    return made


Deed = tuple[Account, Callable[[], object]]


def at_once(first: Deed, second: Deed) -> list[Exception]:
    """Two people at once, each on a connection of his own: the second has to wait until the first is through with it.
    What either was refused."""
    done, free, ended, found = threading.Event(), threading.Event(), threading.Event(), list[Exception]()

    def run(deed: Deed, then: Callable[[], object]) -> None:
        who, do = deed
        try:
            with acting(who.actor, who.scope):
                do()
                then()
        except Exception as error:  # told to the test, which says which may be
            found.append(error)
        finally:
            ended.set()
            connection.close()

    # Each by the clock of the test.
    holder = threading.Thread(target=copy_context().run, args=(run, first, lambda: done.set() or free.wait(20)))
    waiter = threading.Thread(target=copy_context().run, args=(run, second, lambda: None))
    holder.start()
    assert done.wait(20), found
    waiter.start()
    early = ended.wait(0.5)
    free.set()
    for thread in (holder, waiter):
        thread.join(20)
    assert not early, f"the second did not wait: {found}"
    return found
