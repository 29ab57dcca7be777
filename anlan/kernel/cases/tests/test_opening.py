"""Opening a case over REST: as declared and nothing else, with evidence by reference, and once per key."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test import Client

from anlan.kernel import cases, clock
from anlan.kernel.cases import jobs
from anlan.kernel.cases.models import CaseEntry, EvidenceFile, OpeningKey, Upload
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards.models import Danger
from anlan.parties.models import Account, Enterprise

from .conftest import NOON, png

TESTER = Actor("test", "tests")
URL = "/api/v1/cases/danger"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.HOME = tmp_path
    with clock.frozen(NOON):
        yield


@pytest.fixture
def people() -> dict[str, Any]:
    with acting(TESTER, EVERYWHERE):
        mine = Enterprise.objects.create(name="龙兴煤矿", area_code="500112131000", industry_id="coal")
        far = Enterprise.objects.create(name="巴南厂", area_code="500113001000", industry_id="machinery")
        district = Account.objects.create(username="d", name="渝北局", role="district", area_code="500112000000")
        other = Account.objects.create(username="o", name="渝北局二", role="district", area_code="500112000000")
        firm = Account.objects.create(
            username="e", name="矿", role="enterprise", area_code=mine.area_code, enterprise=mine
        )
        tokens = {a.username: ApiToken.issue(a, "client", ["*:write"]) for a in (district, other, firm)}
        tokens["reader"] = ApiToken.issue(district, "reader", ["*:read"])
        return tokens | {"mine": mine, "far": far}


def call(token: str, body: Any, key: str = "", path: str = URL) -> Any:
    headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
    return Client().post(path, json.dumps(body), content_type="application/json", headers=headers)


def upload(token: str, content: bytes, name: str = "p.png", **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return Client().post("/api/v1/uploads", {"file": SimpleUploadedFile(name, content)} | more, headers=headers)


def test_place_and_industry_follow_the_enterprise_and_the_opener_gets_the_moves(people: dict[str, Any]) -> None:
    answer = call(people["d"], {"title": "瓦斯传感器失效", "enterprise": people["mine"].pk, "source": "inspection"})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["area_code"], made["industry"], made["state"]) == ("500112131000", "coal", "found")
    assert "verify" in made["moves"]
    own = call(people["e"], {"title": "护栏松动"}).json()
    assert own["enterprise"] == people["mine"].pk
    with acting(TESTER, EVERYWHERE):
        assert Danger.objects.get(number=own["number"]).source == "selfcheck"


def test_what_is_wrong_is_refused_with_its_place_and_opens_nothing(people: dict[str, Any]) -> None:
    mine, far = people["mine"].pk, people["far"].pk
    for token, body, place in (
        ("d", {}, "title"), ("d", {"title": "x", "colour": 1}, "colour"),
        ("d", {"title": "x", "state": "closed"}, "state"), ("d", {"title": "x", "enterprise": far}, "enterprise"),
        ("d", {"title": "x", "area_code": "500113000000"}, "area_code"),
        ("d", {"title": "x", "enterprise": mine, "area_code": "500112001000"}, "area_code"),
        ("d", {"title": "x", "enterprise": mine, "industry": "road"}, "industry"),
        ("e", {"title": "x", "enterprise": far}, "enterprise"), ("e", {"title": "x", "source": "inspection"}, "source"),
        ("d", {"title": "x", "found_at": "2013-06-15T00:00:00+08:00"}, "found_at"),
        ("d", {"title": "x", "before": [99]}, "before"), ("d", {"title": "x", "before": ["x"]}, "before.0"),
        ("d", {"title": " "}, "title"), ("d", {"title": "x" * 201}, "title"),
    ):  # fmt: skip
        answer = call(people[token], body)
        assert answer.status_code == 422, (body, answer.content)
        assert answer.json()["place"].endswith(place), (body, answer.json())
    assert call(people["reader"], {"title": "x"}).status_code == 403
    assert call("anlan_none", {"title": "x"}).status_code == 401
    assert call(people["d"], {"title": "x"}, path="/api/v1/cases/dragon").status_code == 404
    with acting(TESTER, EVERYWHERE):
        assert not Danger.objects.exists()


def test_sent_again_under_its_key_it_is_the_same_case(people: dict[str, Any]) -> None:
    body = {"title": "瓦斯传感器失效", "enterprise": people["mine"].pk}
    first, again = call(people["d"], body, "k-1"), call(people["d"], body, "k-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["number"] == again.json()["number"]
    other = call(people["d"], body | {"title": "别的"}, "k-1")
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    assert call(people["o"], body, "k-1").status_code == 201, "a key is its account's own"
    assert call(people["d"], {"title": ""}, "k-2").status_code == 422
    assert call(people["d"], body, "k-2").status_code == 201, "what was refused has used no key"
    with acting(TESTER, EVERYWHERE):
        assert Danger.objects.count() == 3


def test_keys_and_uploads_are_forgotten_after_thirty_days(people: dict[str, Any]) -> None:
    call(people["d"], {"title": "x"}, "k")
    upload(people["d"], png())
    with acting(TESTER, EVERYWHERE):
        jobs.forget.run()
        assert (OpeningKey.objects.count(), Upload.objects.count()) == (1, 1)
        with clock.frozen(NOON + jobs.KEPT * 1.1):
            jobs.forget.run()
        assert (OpeningKey.objects.count(), Upload.objects.count()) == (0, 0)


def test_evidence_is_uploaded_first_and_named_by_its_sender_only(people: dict[str, Any]) -> None:
    sent = upload(people["d"], png())
    assert sent.status_code == 201, sent.content
    assert sent.json()["media_type"] == "image/png"
    key = sent.json()["id"]
    assert call(people["o"], {"title": "x", "before": [key]}).status_code == 422
    made = call(people["d"], {"title": "x", "before": [key]}).json()
    url = f"{URL}/{made['number']}/moves"
    verify = {"seen_version": 1, "facts": {"grade": "general"}}
    assert call(people["d"], verify, path=f"{url}/verify").status_code == 200
    after = {"seen_version": 2, "facts": {"result": "已扶正", "after": [key]}}
    assert call(people["o"], after, path=f"{url}/fix_now").status_code == 422
    assert call(people["d"], after, path=f"{url}/fix_now").json()["state"] == "rectified"
    with acting(TESTER, EVERYWHERE):
        assert sorted(EvidenceFile.objects.values_list("demand", flat=True)) == ["after", "before"]
        assert CaseEntry.objects.count() == 3


def test_an_upload_is_what_its_bytes_are(people: dict[str, Any]) -> None:
    for content, more in ((b"<html><script>", {}), (b"", {}), (png(), {"other": "1"}), (b"%PDF-1.4 broken", {})):
        answer = upload(people["d"], content, "a.png", **more)
        ok = content.startswith(b"%PDF")
        assert answer.status_code == (201 if ok else 422), (content, answer.content)
    pdf = upload(people["d"], b"%PDF-1.4 paper", "a.pdf").json()["id"]
    wrong = call(people["d"], {"title": "x", "before": [pdf]})
    assert (wrong.status_code, wrong.json()["place"]) == (422, "before")
    assert upload(people["reader"], png()).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_opens_and_the_other_gets_its_case() -> None:
    with acting(TESTER, EVERYWHERE):
        user = Account.objects.create(username="d", name="渝北局", role="district", area_code="500112000000")
    got: list[Any] = []
    barrier = threading.Barrier(2)

    def send() -> None:
        with clock.frozen(NOON), acting(Actor("person", "d", user.pk), EVERYWHERE):
            barrier.wait()
            said = {"title": "x", "photo": io.BytesIO(b"1")}
            facts = {"title": "x"}
            got.append(cases.once(user, "k", said, lambda: cases.open_declared("danger", by=user, facts=facts)))
        connections.close_all()

    threads = [threading.Thread(target=send) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new for _case, new in got) == [False, True]
    assert len({case.number for case, _new in got}) == 1
    assert connection.is_usable()
