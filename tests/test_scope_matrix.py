"""Every role × every address × inside and outside of its scope: what is out of scope does not exist.

The matrix is read from the URL resolver and the registers, so it grows with the product. An address
that takes a key and that the matrix does not know how to fill fails the test: whoever adds such an
address says here how it is probed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from anlan.kernel import clock, policies
from anlan.kernel.registers.declaration import all_registers
from anlan.kernel.scope import EVERYWHERE, Actor, By, Mine, Scope, Through, acting
from anlan.parties.demo import DemoCity, load
from anlan.parties.models import ROLES, Account, Enterprise
from anlan.site import demo

TESTER = Actor("test", "tests")
ABSENT = 999_999_999_999
pytestmark = [pytest.mark.slow]

BY_REGISTER = {"list", "new", "pick", "record", "edit", "remove", "export", "template", "import", "audit",
               "views"}  # fmt: skip
"""Names of addresses that take a register and perhaps a key: probed once per register and role."""
OWN = {
    "undo", "retry-job",
    "return", "return-of", "sent", "order", "separate-report",  # offices/hazards/tests
    "plan", "history", "plan-file", "step", "save-head", "save-clause", "save-target", "add", "change", "duties",
    "assign", "release", "authorities", "authority", "name-person",  # the plan office probes its own
    "retry-delivery", "progress", "read-notice", "end-session", "case", "evidence", "move",
}  # fmt: skip
"""Addresses by a key of another kind: known, but not probed by this matrix yet."""


@pytest.fixture
def city(db: None) -> None:
    """The parties of the demonstration city."""
    with acting(TESTER, EVERYWHERE), clock.frozen(demo.START):
        load(DemoCity(Random(demo.SEED), demo.START, "a-long-password", lambda _: None))


def addresses(resolver: URLResolver | None = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in (resolver or get_resolver()).url_patterns:
        text = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from addresses(entry, text)
        else:
            yield text, entry


def out_of_scope(register: Any, account: Account) -> list[int]:
    """Up to three keys of the register's rows that exist and that this account's scope does not hold."""
    with acting(TESTER, EVERYWHERE):
        every = list(register.model._default_manager.order_by("pk").values_list("pk", flat=True)[:5000])
    with acting(account.actor, account.scope):
        seen = set(register.model._default_manager.filter(pk__in=every).values_list("pk", flat=True))
    return [pk for pk in every if pk not in seen][:3]


def same(client: Client, method: str, foreign: str, absent: str) -> None:
    """The two addresses answer alike: status, and the page but for the address itself."""
    one, two = getattr(client, method)(foreign), getattr(client, method)(absent)
    assert one.status_code == two.status_code, (foreign, one.status_code, two.status_code)
    assert one.status_code in (403, 404, 405, 422), (foreign, one.status_code)
    token = re.compile(rb'(value|content)="[A-Za-z0-9]{64}"')
    texts = [
        token.sub(b"", r.content).replace(path.encode(), b"") for r, path in ((one, foreign), (two, absent))
    ]  # fmt: skip
    assert texts[0] == texts[1], foreign


def test_every_address_is_known_to_the_matrix() -> None:
    unknown = [
        text
        for text, entry in addresses()
        if ("<" in text or "(?P" in text)
        and entry.name not in BY_REGISTER | OWN
        and not text.startswith(("static/", "api/v1/", "^api/v1/"))
    ]
    assert unknown == []


@pytest.mark.parametrize("role", [r for r, _ in ROLES])
@pytest.mark.django_db
def test_what_is_out_of_scope_answers_like_what_does_not_exist(city: None, role: str) -> None:
    with acting(TESTER, EVERYWHERE):
        account = Account.objects.get(username=role)
    client = Client()
    client.force_login(account)
    probed = 0
    for register in all_registers():
        if not isinstance(register.model._meta.pk.to_python("1"), int):
            continue
        for key in out_of_scope(register, account):
            for tail in ("", "edit/", "remove/"):
                for method in ("get", "post"):
                    same(client, method, f"/r/{register.name}/{key}/{tail}", f"/r/{register.name}/{ABSENT}/{tail}")
            for method in ("get", "patch", "delete"):
                same(client, method, f"/api/v1/{register.name}/{key}", f"/api/v1/{register.name}/{ABSENT}")
            probed += 1
    whole = account.scope == Scope("50")
    assert whole or probed, "nothing was out of this role's scope: the matrix proved nothing"


@pytest.mark.parametrize("role", [r for r, _ in ROLES])
@pytest.mark.django_db
def test_lists_and_counts_hold_the_scope_and_nothing_else(city: None, role: str) -> None:
    with acting(TESTER, EVERYWHERE):
        account = Account.objects.get(username=role)
        every = Enterprise.objects.all()
        expected = {e.pk for e in every if account.scope.covers(e.area_code, e.industry_id, e.pk)}
    with acting(account.actor, account.scope):
        assert set(Enterprise.objects.values_list("pk", flat=True)) == expected
        assert Enterprise.objects.count() == len(expected)


@pytest.mark.django_db
def test_raw_sql_without_a_scope_finds_no_row_in_any_scoped_table(city: None) -> None:
    leaked, looked = {}, 0
    with connection.cursor() as cursor:
        for model in policies.our_models():
            rule = policies.rule_of(model)
            if isinstance(rule, By | Through | Mine) and model._meta.db_table.split("_")[0] != "test":
                cursor.execute(f'SELECT count(*) FROM "{model._meta.db_table}"')
                looked += 1
                if count := cursor.fetchone()[0]:
                    leaked[model._meta.label] = count
    assert leaked == {}
    assert looked > 10
