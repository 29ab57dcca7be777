"""Keys of client programs: made with the password, shown once, bound to their account, revoked at once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from anlan.kernel import clock
from anlan.kernel.registers.models import ApiToken, TokenUse
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties import tokens
from anlan.parties.models import Account, Enterprise

pytestmark = pytest.mark.django_db
TESTER = Actor("test", "tests")
PASSWORD = "a long enough password"
PAGE = "/account/tokens/"


@pytest.fixture(autouse=True)
def _assets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.site.assets._entry", lambda source: {"file": source})


def somebody(role: str = "district", area: str = "500112000000", name: str = "d") -> Client:
    with acting(TESTER, EVERYWHERE):
        account = Account.objects.create_user(name, PASSWORD, name=name, role=role, area_code=area)
        client = Client()
        client.force_login(account, settings.AUTHENTICATION_BACKENDS[-1])
    return client


def make(client: Client, **changes: Any) -> Any:
    asked = {"name": "月报", "days": "90", "scopes": ["enterprises:read"], "password": PASSWORD} | changes
    return client.post(PAGE, asked)


def secret(answer: Any) -> str:
    found = re.search(r"anlan_[\w-]{43}", answer.content.decode())
    assert found
    return found[0]


def call(token: str, path: str = "enterprises", method: str = "GET") -> Any:
    return Client().generic(
        method,
        f"/api/v1/{path}",
        b'{"name": "x", "area_code": "500112000000"}',
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


def test_a_key_is_shown_once_and_then_never_again() -> None:
    client = somebody()
    key = secret(make(client))
    page = client.get(PAGE).content.decode()
    assert "月报" in page
    assert key not in page
    with acting(TESTER, EVERYWHERE):
        assert not ApiToken.objects.filter(digest=key).exists()


def test_a_key_reads_what_it_names_within_its_accounts_scope_and_says_when_it_was_used() -> None:
    with acting(TESTER, EVERYWHERE):
        Enterprise.objects.create(name="渝北厂", area_code="500112000000")
        Enterprise.objects.create(name="巴南厂", area_code="500113000000")
    client = somebody()
    key = secret(make(client))
    assert [row["name"] for row in call(key).json()["rows"]] == ["渝北厂"]
    assert call(key, "people").status_code == 404
    assert call(key, method="POST").json()["code"] == "not_allowed"
    assert client.get(PAGE).context["rows"][0]["used"] is not None
    with acting(TESTER, EVERYWHERE):
        assert TokenUse.objects.count() == 1


def test_a_revoked_an_expired_and_a_put_out_accounts_key_do_not_work() -> None:
    client = somebody()
    one, two = secret(make(client)), secret(make(client, name="另一个"))
    with acting(TESTER, EVERYWHERE):
        held = ApiToken.objects.get(name="月报")
    assert client.post(PAGE + "revoke/", {"token": held.pk}).status_code == 302
    assert call(one).status_code == 401
    assert call(two).status_code == 200
    assert client.post(PAGE + "revoke/", {"token": held.pk}).status_code == 404
    with clock.frozen(clock.now() + timedelta(days=90)):
        assert call(two).status_code == 401
    with acting(TESTER, EVERYWHERE):
        Account.objects.filter(username="d").update(is_active=False)
    assert call(two).status_code == 401


def test_nobody_revokes_or_sees_anothers_key() -> None:
    key = secret(make(somebody()))
    other = somebody(name="other")
    with acting(TESTER, EVERYWHERE):
        held = ApiToken.objects.get()
    assert other.get(PAGE).context["rows"] == []
    assert other.post(PAGE + "revoke/", {"token": held.pk}).status_code == 404
    assert call(key).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "wrong"},
        {"password": ""},
        {"name": ""},
        {"name": "x" * 61},
        {"days": "9999"},
        {"days": ""},
        {"scopes": []},
        {"scopes": ["accounts:write"]},
        {"scopes": ["nonsense:read"]},
        {"scopes": ["enterprises:read", "\0"]},
    ],
)
def test_what_cannot_be_makes_no_key(changes: dict[str, Any]) -> None:
    answer = make(somebody(), **changes)
    assert answer.status_code == 422
    assert "anlan_" not in answer.content.decode()
    with acting(TESTER, EVERYWHERE):
        assert not ApiToken.objects.exists()


def test_a_role_makes_no_key_for_what_it_does_not_see() -> None:
    answer = make(somebody("village", "500112001001"), scopes=["people:read"])
    assert answer.status_code == 422


@pytest.mark.parametrize("token", ["", "x", "-1", "0", "9" * 30, "１"])
def test_keys_that_are_none_are_not_found(token: str) -> None:
    assert somebody().post(PAGE + "revoke/", {"token": token}).status_code == 404


def test_an_account_has_at_most_twenty_living_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST", 1)
    client = somebody()
    assert make(client).status_code == 200
    assert make(client).status_code == 422


def test_the_page_is_for_who_is_signed_in() -> None:
    assert Client().get(PAGE).status_code == 302
    assert Client().post(PAGE + "revoke/").status_code == 302
