"""The case page: what is shown, what is offered, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import translation

from anlan.kernel import cases, clock
from anlan.kernel.cases.models import EvidenceFile
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Account

from .conftest import NOON, png
from .sample import Ticket

TESTER = Actor("test", "tests")


def account(username: str, role: str, area: str) -> Account:
    return Account.objects.create_user(username, None, name=username, role=role, area_code=area)


@pytest.fixture
def district(city: None) -> Iterator[Client]:
    with translation.override("zh-hans"):
        yield signed_in(account("yubei", "district", "500112000000"))


def signed_in(user: Account) -> Client:
    client = Client()
    client.force_login(user, backend="anlan.parties.backend.PasswordBackend")
    return client


def ticket(area: str = "500112001001") -> Ticket:
    opener = Account.objects.get(username="yubei")
    return cases.open_case("ticket", by=opener, title="护栏缺失", area_code=area)


def post(client: Client, case: Ticket, move: str, version: int, **data: object) -> object:
    return client.post(reverse("cases:move", args=("ticket", case.number, move)), {"seen_version": version, **data})


def test_the_page_shows_facts_deadline_history_and_what_can_be_done(district: Client) -> None:
    page = district.get(ticket().get_absolute_url())
    text = page.content.decode()
    assert page.status_code == 200
    assert "护栏缺失" in text
    assert "剩余 5 天" in text
    assert "yubei登记了本事项" in text
    assert "撤销" in text
    assert "解除挂牌督办" not in text, "a district is not above itself"


def test_the_page_speaks_english_too(district: Client) -> None:
    case = ticket()
    with translation.override("en"):
        text = district.get(case.get_absolute_url(), headers={"accept-language": "en"}).content.decode()
    assert "5 days left" in text
    assert "yubei opened the case" in text


def test_a_case_outside_the_scope_cannot_be_told_from_none(district: Client) -> None:
    case = ticket()
    neighbour = signed_in(account("banan", "district", "500113000000"))
    gone = [neighbour.get(case.get_absolute_url()), neighbour.get(reverse("cases:case", args=("ticket", "无此编号")))]
    assert [a.status_code for a in gone] == [404, 404]
    assert post(neighbour, case, "withdraw", 1, reason="x").status_code == 404


def test_a_move_is_made_with_exactly_what_it_demands(district: Client) -> None:
    case = ticket()
    missing = post(district, case, "plan", 1, remedy="x")
    text = missing.content.decode()
    assert text.index("data-error-summary") < text.index("case-title"), "what is wrong stands first, with links to it"
    assert 'href="#plan-rectify_by"' in text
    assert missing.status_code == 422
    assert "rectify_by" in missing.content.decode()
    case.refresh_from_db()
    assert case.version == 1
    assert post(district, case, "plan", 1, remedy="装护栏", rectify_by="2013-06-30").status_code == 302
    case.refresh_from_db()
    assert (case.state, case.rectify_by) == ("planned", date(2013, 6, 30))


def test_the_second_of_two_gets_409_and_what_happened(district: Client) -> None:
    case = ticket()
    post(district, case, "plan", 1, remedy="装护栏", rectify_by="2013-06-30")
    late = post(district, case, "plan", 1, remedy="拆除", rectify_by="2013-07-30")
    assert late.status_code == 409
    page = late.content.decode()
    assert "装护栏" in page
    assert "现已不能办理此步骤" in page
    assert "<dd>拆除</dd>" in page, "what was typed can be taken over elsewhere"


def test_a_step_that_can_still_be_made_keeps_its_form_and_shows_what_changed(district: Client) -> None:
    case = ticket()
    move = Ticket.objects.get(pk=case.pk)
    colleague = account("liang", "district", "500112000000")
    cases.move(move, "take_charge", by=colleague, seen_version=1)
    with acting(TESTER, EVERYWHERE):
        Ticket.objects.filter(pk=case.pk).update(remedy="设警示牌")
    held = {"initial-remedy": "", "initial-rectify_by": ""}
    sent = {"remedy": "装护栏", "rectify_by": "2013-06-30"}
    late = post(district, case, "plan", 1, **sent, **held)
    assert late.status_code == 409
    form, page = late.context["tried"], late.content.decode()
    assert [form[name].value() for name in ("remedy", "rectify_by", "seen_version")] == ["装护栏", "2013-06-30", "2"]
    assert [(f.name, c.words, c.taken) for f, c in form.meanwhile] == [("remedy", "设警示牌", False)]
    assert page.index("late-title") < page.index("case-title")
    case.refresh_from_db()
    assert case.state == "found", "nothing was done"
    again = {key: str(value or "") for key, value in form.data.items()}
    assert post(district, case, "plan", 2, **again | {"take-remedy": "mine"}).status_code == 302
    case.refresh_from_db()
    assert (case.state, case.remedy) == ("planned", "装护栏")


def test_what_the_role_may_not_do_is_403_with_a_reason(district: Client) -> None:
    case = ticket()
    village = signed_in(account("village", "village", "500112001001"))
    answer = post(village, case, "withdraw", 1, reason="x")
    assert answer.status_code == 403


def test_evidence_is_served_safely_and_within_scope_only(district: Client) -> None:
    case = ticket()
    post(district, case, "plan", 1, remedy="装护栏", rectify_by="2013-06-30")
    page = SimpleUploadedFile("../../<b>x.png", b"<html><script>alert(1)</script>", "image/png")
    assert post(district, case, "rectify", 2, after=page).status_code == 422
    good = SimpleUploadedFile("后.png", png(), "text/html")
    assert post(district, case, "rectify", 2, after=good).status_code == 302
    file = EvidenceFile.of(case).get()
    address = reverse("cases:evidence", args=("ticket", case.number, file.pk))
    answer = district.get(address)
    assert b"".join(answer) == png()
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    with acting(TESTER, EVERYWHERE):
        neighbour = signed_in(account("banan", "district", "500113000000"))
    assert neighbour.get(address).status_code == 404


def test_the_page_takes_a_constant_number_of_queries(district: Client, django_assert_max_num_queries: object) -> None:
    case = ticket()
    for n in range(1, 9, 2):
        case = cases.move(case, "pause", by=Account.objects.get(username="yubei"), seen_version=n, reason="x")
        case = cases.move(case, "resume", by=Account.objects.get(username="yubei"), seen_version=n + 1)
    with clock.frozen(NOON), django_assert_max_num_queries(30):  # type: ignore[operator]
        assert district.get(case.get_absolute_url()).status_code == 200
