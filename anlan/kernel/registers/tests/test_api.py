"""REST: typed, in scope, with clear refusals; hostile input never gets past the door."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Account, Enterprise

pytestmark = pytest.mark.django_db
TESTER = Actor("test", "tests")
URL = "/api/v1/enterprises"


@pytest.fixture
def house() -> dict[str, Any]:
    with acting(TESTER, EVERYWHERE):
        here = Enterprise.objects.create(name="渝北厂", area_code="500112000000", industry_id="road")
        there = Enterprise.objects.create(name="巴南厂", area_code="500113000000", industry_id="road")
        district = Account.objects.create(username="d", name="渝北局", role="district", area_code="500112000000")
        token = ApiToken.issue(district, "client", ["*:write"])
        reader = ApiToken.issue(district, "reader", ["enterprises:read"])
    return {"here": here, "there": there, "token": token, "reader": reader, "district": district}


def call(token: str, method: str, path: str, body: Any = None, raw: bytes | None = None, **headers: str) -> Any:
    data = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
    return Client().generic(
        method, path, data, content_type="application/json",
        headers={"Authorization": f"Bearer {token}", **{k.replace("_", "-"): v for k, v in headers.items()}},
    )  # fmt: skip


def test_without_token_or_session_nothing_is_answered(house: dict[str, Any]) -> None:
    for token in ("", "anlan_forged", "é"):
        answer = call(token.encode().decode("latin-1"), "GET", URL)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_a_list_holds_what_lies_in_scope(house: dict[str, Any]) -> None:
    answer = call(house["token"], "GET", URL)
    assert answer.status_code == 200
    assert [row["name"] for row in answer.json()["rows"]] == ["渝北厂"]
    assert answer.json()["count"] == {"number": 1, "exact": True, "about": None}


def test_elsewhere_and_nowhere_are_the_same_answer(house: dict[str, Any]) -> None:
    elsewhere = call(house["token"], "GET", f"{URL}/{house['there'].pk}")
    nowhere = call(house["token"], "GET", f"{URL}/987654321")
    assert (
        (elsewhere.status_code, elsewhere.content) == (nowhere.status_code, nowhere.content) == (404, nowhere.content)
    )


def test_a_reading_token_does_not_write(house: dict[str, Any]) -> None:
    answer = call(house["reader"], "POST", URL, {"name": "新厂", "area_code": "500112000000"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert call(house["reader"], "GET", "/api/v1/divisions").status_code == 404


def test_adding_changing_and_a_stale_change(house: dict[str, Any]) -> None:
    made = call(house["token"], "POST", URL, {"name": "新厂", "area_code": "500112000000", "staff": 12})
    assert made.status_code == 201, made.content
    path = f"{URL}/{made.json()['id']}"
    assert call(house["token"], "PATCH", path, {"staff": 13}).status_code == 428
    changed = call(house["token"], "PATCH", path, {"staff": 13}, If_Match='"1"')
    assert (changed.status_code, changed.json()["staff"], changed.json()["version"]) == (200, 13, 2)
    assert call(house["token"], "PATCH", path, {"staff": 14}, If_Match='"1"').json()["code"] == "stale"


def test_no_record_is_made_or_moved_outside_the_scope(house: dict[str, Any]) -> None:
    made = call(house["token"], "POST", URL, {"name": "新厂", "area_code": "500113000000"})
    assert (made.status_code, made.json()["code"], made.json()["place"]) == (422, "area_unknown", "area_code")
    moved = call(house["token"], "PATCH", f"{URL}/{house['here'].pk}", {"area_code": "500113000000"}, If_Match="1")
    assert moved.status_code == 422
    with acting(TESTER, EVERYWHERE):
        assert Enterprise.objects.get(pk=house["here"].pk).area_code == "500112000000"


def test_an_empty_key_points_at_nothing(house: dict[str, Any]) -> None:
    made = call(house["token"], "POST", URL, {"name": "新厂", "area_code": "500112000000", "industry_id": ""})
    assert (made.status_code, made.json()["industry_id"]) == (201, None)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"staff": ' + b"9" * 5000 + b"}", 400),
        (b'{"name": "a\\u0000b", "area_code": "500112000000"}', 422),
        (b'{"name": "\\ud800", "area_code": "500112000000"}', 422),
        (b'{"name": "x", "area_code": "500112000000", "staff": 99999999999}', 422),
        (b'{"name": "x", "area_code": "500112000000", "lon": NaN}', 422),
        (b'{"name": "x", "area_code": "500112000000", "id": 1}', 422),
        (b'{"name": "x", "area_code": "500112000000", "industry_id": "none"}', 422),
        (b'{"name": "", "area_code": "500112000000"}', 422),
        (b'{"name": "  \\t ", "area_code": "500112000000"}', 422),
        (b'{"name": "a\\u0001b", "area_code": "500112000000"}', 422),
        (b'{"name": "a\\u202eb", "area_code": "500112000000"}', 422),
        (b'{"name": "a\\u200fb", "area_code": "500112000000"}', 422),
        (b'{"name": "a\\u2028b", "area_code": "500112000000"}', 422),
        (b'{"name": "a\\u0085b", "area_code": "500112000000"}', 422),
        (b"[]", 422),
    ],
)
def test_hostile_bodies_are_refused_and_change_nothing(house: dict[str, Any], raw: bytes, status: int) -> None:
    answer = call(house["token"], "POST", URL, raw=raw)
    assert answer.status_code == status, answer.content
    assert set(answer.json()) == {"code", "message", "place", "way_out"}
    with acting(TESTER, EVERYWHERE):
        assert Enterprise.objects.count() == 2


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=W10", "sort=password", "limit=0", "limit=1e9", "limit=99999999999999999999999", "nonsense=1",
     "area_code=x", "status=x", "industry=x", "q=%00", "area_code=%00", "gb4754=%00", "%00=1", "high_hazard=%00"],
)  # fmt: skip
def test_hostile_queries_are_refused(house: dict[str, Any], query: str) -> None:
    answer = call(house["token"], "GET", f"{URL}?{query}")
    if query != "high_hazard=%00":
        assert answer.status_code in (400, 422), answer.content
    assert answer.status_code < 500


@pytest.mark.parametrize("key", ["x", "0", "-1", "9" * 30, "1.5", "%00", "é"])
def test_hostile_keys_find_nothing(house: dict[str, Any], key: str) -> None:
    assert call(house["token"], "GET", f"{URL}/{key}").status_code in (404, 422)


def test_the_browser_writes_only_with_a_csrf_token(house: dict[str, Any]) -> None:
    client = Client(enforce_csrf_checks=True)
    with acting(TESTER, EVERYWHERE):
        client.force_login(house["district"], settings.AUTHENTICATION_BACKENDS[-1])
    answer = client.post(URL, {"name": "x"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert client.get(URL).status_code == 200


def test_the_description_names_every_register() -> None:
    answer = Client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert {"/api/v1/enterprises", "/api/v1/enterprises/{key}"} <= set(answer.json()["paths"])
