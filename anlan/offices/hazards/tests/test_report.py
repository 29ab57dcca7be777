"""Reporting from a phone: once however often it is sent, with a receipt; fixed on the spot in the same act."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from anlan.kernel import clock
from anlan.kernel.cases import reminders
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards.models import Danger, DangerType
from anlan.offices.hazards.rules import guess_type
from anlan.parties.models import Account, Enterprise

from .test_lifecycle import APART, COLLEAGUE, DISTRICT, FIVE, major, opened, photo, step

TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.HOME = tmp_path
    with clock.frozen(datetime(2013, 6, 14, 12, tzinfo=BEIJING)):
        yield


@pytest.fixture
def firm() -> Enterprise:
    with acting(TESTER, EVERYWHERE):
        return Enterprise.objects.create(name="龙兴客运", area_code="500112131000", industry_id="road")


def client(role: str, area: str = "500112000000", own: Enterprise | None = None) -> Client:
    with acting(TESTER, EVERYWHERE):
        user = Account.objects.create(username=f"{role}{area}", name=role, role=role, area_code=area, enterprise=own)
    made = Client(headers={"accept-language": "en"})
    made.force_login(user, backend="anlan.parties.backend.PasswordBackend")
    return made


def png(name: str = "p.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, photo())


def test_sent_twice_it_is_one_danger_and_the_same_receipt(firm: Enterprise) -> None:
    worker, token = client("enterprise", firm.area_code, firm), str(uuid.uuid4())
    form = {"token": token, "title": "临水路段护栏缺失"}
    answers = [worker.post("/hazards/report/", form | {"photo": png()}) for _n in range(2)]
    assert [a.status_code for a in answers] == [302, 302]
    assert answers[0]["Location"] == answers[1]["Location"]
    receipt = worker.get(answers[0]["Location"]).content.decode()
    with acting(TESTER, EVERYWHERE):
        case = Danger.objects.get()
        assert (case.source, case.type and case.type.code) == ("selfcheck", "barrier")
    assert case.number in receipt
    assert "What happens next" in receipt
    other = worker.post("/hazards/report/", {"token": token, "title": "另一处"})
    assert other.status_code == 422
    assert "sent already" in other.content.decode()


def test_fixed_on_the_spot_in_one_act_and_accepted_by_another(firm: Enterprise) -> None:
    officer = client("inspector")
    form = {"token": str(uuid.uuid4()), "title": "灭火器过期", "enterprise": firm.pk, "result": "已更换"}
    assert officer.post("/hazards/report/", form).status_code == 422, "no photograph of it"
    assert officer.post("/hazards/report/", form | {"after": png(), "photo": png()}).status_code == 302
    with acting(TESTER, EVERYWHERE):
        case = Danger.objects.get()
        assert (case.state, case.grade, case.industry_id) == ("rectified", "general", "road")
        assert list(CaseEntry.of(case).values_list("move", flat=True)) == ["open", "verify", "fix_now"]
    moved = officer.post(f"/c/danger/{case.number}/accept/", {"seen_version": 3, "on_site": png()})
    assert moved.status_code == 403, "nobody accepts what he rectified"
    other = client("district")
    assert other.post(f"/c/danger/{case.number}/accept/", {"seen_version": 3, "on_site": png()}).status_code == 302


def test_what_is_wrong_with_a_photograph_opens_nothing(firm: Enterprise) -> None:
    worker = client("enterprise", firm.area_code, firm)
    form = {"token": str(uuid.uuid4()), "title": "x", "photo": SimpleUploadedFile("a.png", b"<script>")}
    assert worker.post("/hazards/report/", form).status_code == 422
    assert worker.post("/hazards/report/", {"title": "x"}).status_code == 422, "no form token"
    with acting(TESTER, EVERYWHERE):
        assert not Danger.objects.exists()


def test_before_grading_the_page_claims_nothing_that_grading_decides() -> None:
    with acting(TESTER, EVERYWHERE):
        mine = Enterprise.objects.create(name="龙兴煤矿", area_code="500112131000", industry_id="coal")
        found = opened(mine)
    here = client("district")
    facts = re.compile(r"<dt>Production must stop while it is treated</dt><dd>(\w+)</dd>")
    assert not facts.search(here.get(found.get_absolute_url()).content.decode())
    with acting(TESTER, EVERYWHERE):
        step(found, "verify", DISTRICT, grade="general")
    graded = facts.search(here.get(found.get_absolute_url()).content.decode())
    assert graded is not None
    assert graded[1] == "No"


def test_a_neighbour_sees_neither_receipt_nor_papers(firm: Enterprise) -> None:
    with acting(TESTER, EVERYWHERE):
        mine = Enterprise.objects.create(name="龙兴煤矿", area_code="500112131000", industry_id="coal")
        case = step(major(mine), "stop_work", DISTRICT, stop_order="回采工作面", reason="瓦斯监控失效")
        case = step(step(case, "plan", DISTRICT, **FIVE), "report_major", COLLEAGUE, **APART)
    here, there = client("district"), client("district", "500113000000")
    for paper, words in (("order", "Article"), ("separate-report", "传感器老化"), ("report/sent", case.number)):
        assert here.get(f"/hazards/{paper}/{case.number}/").status_code == 200
        assert words in here.get(f"/hazards/{paper}/{case.number}/").content.decode() or paper == "order"
        missing = there.get(f"/hazards/{paper}/{case.number}/"), there.get(f"/hazards/{paper}/none/")
        assert [a.status_code for a in missing] == [404, 404]
    order = here.get(f"/hazards/order/{case.number}/").content.decode()
    assert "《中华人民共和国安全生产法》（2002年）第五十六条" in order
    for path in (
        "/hazards/majors/",
        "/hazards/listed/",
        "/hazards/majors/?only=unreported",
        "/hazards/majors/?after=x/y",
    ):
        assert here.get(path).status_code == 200
        assert case.number not in there.get(path).content.decode()
    assert case.number in here.get("/hazards/majors/").content.decode()
    assert here.get("/hazards/majors/?only=wrong").status_code == 404


def test_the_basis_of_a_stop_is_the_law_of_its_day() -> None:
    from anlan.kernel import law

    days = (date(2013, 6, 14), date(2014, 12, 1), date(2021, 9, 1))
    assert [law.value("hazards.stop_basis", day).article[:5] for day in days] == [
        "第五十六条",
        "第六十二条",
        "第六十五条",
    ]


def test_a_grade_offers_only_clauses_in_force_and_says_where_none_is_mapped(firm: Enterprise) -> None:
    officer = client("inspector")
    form = {"token": str(uuid.uuid4()), "title": "灭火器过期", "enterprise": firm.pk}
    officer.post("/hazards/report/", form)
    with acting(TESTER, EVERYWHERE):
        case = Danger.objects.get()
    assert "Not mapped: no judgement standard" in officer.get(case.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    ("said", "code"), [("临水路段护栏缺失", "barrier"), ("校车未年检", "school_bus"), ("xyz", None), ("", None)]
)
def test_the_type_is_guessed_from_the_words_or_left_open(said: str, code: str | None) -> None:
    types = [(t.code, t.name) for t in DangerType.objects.filter(industry="road").order_by("pk")]
    assert guess_type(said, types) == code


def test_every_clause_of_the_notice_has_its_types_in_both_languages() -> None:
    clauses = set(DangerType.objects.values_list("clause", flat=True))
    assert clauses == {f"W3.5{letter}" for letter in "abcdefghij"}
    assert not DangerType.objects.filter(name_en="").exists()


def test_page_and_interface_say_to_whom_an_overdue_danger_rose(firm: Enterprise) -> None:
    client("enterprise", firm.area_code, firm).post(
        "/hazards/report/", {"token": str(uuid.uuid4()), "title": "临水路段护栏缺失"}
    )
    with acting(TESTER, EVERYWHERE):
        case = Danger.objects.get()
        Danger.objects.filter(pk=case.pk).update(due_at=clock.now(), started_at=clock.now())
        reminders.make(clock.now() + timedelta(days=16))
    district = client("district")
    told = district.get(f"/api/v1/cases/danger/{quote(case.number)}/history").json()
    assert [entry["move"] for entry in told] == ["open", "escalated", "escalated"]
    facts = told[2]["facts"]
    assert (facts["tier"], facts["area_code"], facts["days"], facts["from_day"]) == ("city", "500000000000", 15, 15)
    assert facts["rule"] == "cases.escalation"
    assert facts["authority"] in told[2]["words"]
    assert told[2]["words"] in district.get(case.get_absolute_url()).content.decode()
