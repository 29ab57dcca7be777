"""Returns of enterprises: Decree 16 (2007) Art. 14. No return is never zero; a correction never silent."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.kernel import clock
from anlan.kernel.clock import BEIJING
from anlan.kernel.models import Notice
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards import jobs, returns
from anlan.offices.hazards.models import SelfCheckReturn
from anlan.offices.hazards.rules import Period
from anlan.parties.models import Account, Enterprise, Person, Post

from .test_lifecycle import DISTRICT, opened, photo, step

NOON = datetime(2013, 4, 10, 12, tzinfo=BEIJING)
Q1 = Period(2013, 1)
TESTER = Actor("test", "tests")
PASSWORD = "a-long-password-indeed"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def april(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.HOME = tmp_path
    with clock.frozen(NOON):
        yield


@pytest.fixture
def factory() -> Enterprise:
    return enterprise("龙兴厂", "500112131000")


def enterprise(name: str, area: str, industry: str = "coal", **more: Any) -> Enterprise:
    with acting(TESTER, EVERYWHERE):
        made = Enterprise.objects.create(name=name, area_code=area, industry_id=industry, **more)
        head = Person.objects.create(name=f"{name}厂长", area_code=area, industry_id=industry, enterprise=made)
        clerk = Person.objects.create(name=f"{name}科员", area_code=area, industry_id=industry, enterprise=made)
        Post.objects.create(person=head, enterprise=made, title="厂长", head=True, valid_from=date(2010, 1, 1))
        Post.objects.create(person=clerk, enterprise=made, title="安全员", valid_from=date(2010, 1, 1))
        return made


def account(name: str, role: str, area: str, own: Enterprise | None = None) -> Account:
    with acting(TESTER, EVERYWHERE):
        return Account.objects.create_user(name, PASSWORD, name=name, role=role, area_code=area, enterprise=own)


def signed_in(who: Account) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(who, backend="anlan.parties.backend.PasswordBackend")
    return client


def head_of(of: Enterprise) -> Post:
    return Post.objects.get(enterprise=of, head=True)


def signed(
    of: Enterprise, by: Account, found: int = 3, seen: int = 0, period: Period = Q1, **more: Any
) -> SelfCheckReturn:
    counts = {"general_found": found, "general_rectified": found, "major_found": 0, "major_rectified": 0}
    with acting(TESTER, EVERYWHERE):
        post = more.pop("post", None) or head_of(of)
        return returns.sign(of, period, counts | {"money_yuan": Decimal(5)}, post=post, by=by, seen=seen, **more)


def test_due_on_the_15th_of_the_next_quarter_and_on_31_january__decree_16_art_14() -> None:
    assert [returns.due_on(p) for p in (Q1, Period(2012, 4), Period(2012))] == [
        date(2013, 4, 15), date(2013, 1, 15), date(2013, 1, 31),
    ]  # fmt: skip


@pytest.mark.parametrize(("day", "late"), [(15, False), (16, True)])
def test_the_due_day_itself_is_in_time(factory: Enterprise, day: int, late: bool) -> None:
    user = account("e", "enterprise", factory.area_code, factory)
    with clock.frozen(datetime(2013, 4, day, 23, 59, tzinfo=BEIJING)):
        assert signed(factory, user).late is late


def test_prefilled_with_what_the_system_holds_of_the_period(factory: Enterprise) -> None:
    with acting(TESTER, EVERYWHERE):
        with clock.frozen(datetime(2013, 3, 5, 9, tzinfo=BEIJING)):
            case = step(opened_at(factory), "verify", DISTRICT, grade="general")
            step(case, "fix_now", DISTRICT, result="x", after=[photo()])
            opened_at(factory)
        with clock.frozen(datetime(2013, 4, 1, 0, 0, tzinfo=BEIJING)):
            opened_at(factory)  # the next quarter's
        assert returns.held(factory, Q1) == {
            "general_found": 1, "general_rectified": 1, "major_found": 0, "major_rectified": 0, "ungraded": 1,
            "money_yuan": 0,
        }  # fmt: skip
    user = signed_in(account("e", "enterprise", factory.area_code, factory))
    text = user.get("/hazards/returns/2013Q1/").content.decode()
    assert "The system holds 1" in text
    assert "1 danger of this period is not graded yet" in text
    link = re.search(r'href="(/r/dangers/\?enterprise[^"]*)"', text)
    assert link
    rows = user.get(html.unescape(link[1])).content.decode()
    listed = set(re.findall(r'href="(/c/danger/[^"]*%E5%8F%B7/)"', rows))
    assert len(listed) == 2, "the next quarter's is not among them"


def opened_at(factory: Enterprise) -> Any:
    case = opened(factory)
    type(case).objects.filter(pk=case.pk).update(found_at=clock.now())
    case.refresh_from_db()
    return case


def test_only_the_head_signs_and_only_with_the_senders_password(factory: Enterprise) -> None:
    user = account("e", "enterprise", factory.area_code, factory)
    client = signed_in(user)
    with acting(TESTER, EVERYWHERE):
        head, clerk = head_of(factory), Post.objects.get(enterprise=factory, head=False)
    form = {
        "general_found": 2, "general_rectified": 1, "major_found": 0, "major_rectified": 0, "money_yuan": "10",
        "analysis": "", "seen": 0, "signer": head.pk, "signed": "on", "password": PASSWORD,
    }  # fmt: skip
    for wrong in (
        {"password": "guess"}, {"signer": clerk.pk}, {"signed": ""}, {"general_rectified": 3}, {"general_found": -1},
        {"seen": 1},
    ):  # fmt: skip
        assert client.post("/hazards/returns/2013Q1/", form | wrong).status_code == 422, wrong
    assert client.post("/hazards/returns/2013Q2/", form).status_code == 404, "the quarter runs"
    assert client.post("/hazards/returns/2013Q1/", form).status_code == 302
    with acting(TESTER, EVERYWHERE):
        one = SelfCheckReturn.objects.get()
        assert (one.signed_by, one.signed_how, one.late, one.held["general_found"]) == ("龙兴厂厂长", "paper", False, 0)
        with pytest.raises(returns.NotSigned):
            signed(factory, user, seen=1, reason="x", post=clerk)


def test_a_correction_is_a_new_signed_edition_with_a_reason_and_no_later_than_the_first(factory: Enterprise) -> None:
    user = account("e", "enterprise", factory.area_code, factory)
    signed(factory, user, found=3)
    with clock.frozen(datetime(2013, 5, 2, 9, tzinfo=BEIJING)):
        with pytest.raises(returns.NotSigned):
            signed(factory, user, found=4, seen=1)
        second = signed(factory, user, found=4, seen=1, reason="漏报一项")
        assert (second.edition, second.late) == (2, False)
        with pytest.raises(returns.NotSigned):
            signed(factory, user, found=5, seen=1, reason="两人同时")
    with acting(TESTER, EVERYWHERE):
        assert list(SelfCheckReturn.objects.order_by("edition").values_list("general_found", flat=True)) == [3, 4]
        standing = returns.standing(factory, Q1)
        assert standing is not None
        assert standing.edition == 2


def test_no_return_is_not_zero_and_every_number_opens_its_enterprises(factory: Enterprise) -> None:
    silent = enterprise("沉默厂", "500112131000", "machinery")
    nothing = enterprise("无患厂", "500112001000")
    enterprise("关闭厂", "500112001000", status="closed")
    user = account("e", "enterprise", factory.area_code, factory)
    signed(factory, user, found=3)
    signed(nothing, user, found=0)
    district = signed_in(account("d", "district", "500112000000"))
    with acting(TESTER, EVERYWHERE):
        lines, total = returns.overview(Q1, "township")
        assert [(line.key, line.owing, line.in_time, line.none, line.zero) for line in lines] == [
            ("500112001", 1, 1, 0, 1), ("500112131", 2, 1, 1, 0),
        ]  # fmt: skip
        assert (total.owing, total.none, total.zero, total.general_found) == (3, 1, 1, 3)
        by_industry, _sum = returns.overview(Q1, "industry")
        assert {line.key: line.none for line in by_industry} == {"coal": 0, "machinery": 1}
    names = {"none": {silent.name}, "zero": {nothing.name}, "in_time": {factory.name, nothing.name}, "late": set()}
    for state, expected in names.items():
        text = district.get(f"/hazards/returns/enterprises/?period=2013Q1&state={state}").content.decode()
        assert {n for n in (silent.name, nothing.name, factory.name) if n in text} == expected, state
    text = district.get(f"/hazards/returns/2013Q1/{silent.pk}/").content.decode()
    assert "That is not a zero" in text


def test_a_neighbour_sees_nothing_and_an_enterprise_no_other(factory: Enterprise) -> None:
    other = enterprise("邻区厂", "500113001000")
    signed(factory, account("e", "enterprise", factory.area_code, factory))
    neighbour = signed_in(account("n", "district", "500113000000"))
    rival = signed_in(account("r", "enterprise", other.area_code, other))
    assert factory.name not in neighbour.get("/hazards/returns/enterprises/?period=2013Q1").content.decode()
    for client in (neighbour, rival):
        assert client.get(f"/hazards/returns/2013Q1/{factory.pk}/").status_code == 404
        assert client.get("/hazards/returns/2013Q1/999999999/").status_code == 404
    assert rival.get("/hazards/returns/enterprises/").status_code == 403
    assert neighbour.get("/hazards/returns/2013Q1/").status_code == 403
    for wrong in ("period=2013Q9", "period=x", "area=50x", "state=y", "industry=zz"):
        assert neighbour.get(f"/hazards/returns/?{wrong}").status_code == 404, wrong


def test_the_export_is_what_the_page_shows(factory: Enterprise) -> None:
    signed(factory, account("e", "enterprise", factory.area_code, factory))
    city = signed_in(account("c", "city", "500000000000"))
    for path, text in (
        ("/hazards/returns/?period=2013Q1", "渝北区"), ("/hazards/returns/enterprises/?period=2013Q1", factory.name),
    ):  # fmt: skip
        csv = b"".join(city.get(path + "&form=csv").streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
        assert text in csv
        xlsx = b"".join(city.get(path + "&form=xlsx").streaming_content)  # type: ignore[attr-defined]
        sheet = openpyxl.load_workbook(io.BytesIO(xlsx)).active
        assert sheet is not None
        assert any(text in str(cell.value) for row in sheet.iter_rows() for cell in row)


def test_the_pages_take_a_constant_number_of_queries(factory: Enterprise) -> None:
    user = account("e", "enterprise", factory.area_code, factory)
    signed(factory, user)
    city = signed_in(account("c", "city", "500000000000"))
    counts = []
    for turn in range(2):
        for path in ("/hazards/returns/?period=2013Q1&by=township", "/hazards/returns/enterprises/?period=2013Q1"):
            with CaptureQueriesContext(connection) as seen:
                assert city.get(path).status_code == 200
            counts.append(len(seen))
        for m in range(30):
            enterprise(f"厂{turn}-{m}", f"5001120010{m:02d}")
    assert counts[:2] == counts[2:]


def test_reminded_before_and_after_the_due_day_once_and_only_who_has_not_returned(factory: Enterprise) -> None:
    silent = enterprise("沉默厂", "500112131000")
    done, quiet = (
        account("e", "enterprise", factory.area_code, factory), account("s", "enterprise", silent.area_code, silent),
    )  # fmt: skip
    bureau = account("d", "district", "500112000000")
    account("n", "district", "500113000000")
    signed(factory, done)
    with acting(TESTER, EVERYWHERE):
        assert jobs.remind(date(2013, 4, 12)) == 1
        assert jobs.remind(date(2013, 4, 12)) == 0
        assert list(Notice.objects.values_list("account_id", flat=True)) == [quiet.pk]
        assert jobs.remind(date(2013, 4, 16)) == 2
        told = Notice.objects.filter(account_id=bureau.pk).get()
        assert (told.params["count"], told.level) == (1, "attention")
        assert "state=none" in told.url
