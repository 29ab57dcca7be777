"""Supervision orders: addressed, answered by the addressee alone, decided on by who issued them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from anlan.kernel import cases, clock, events
from anlan.kernel.cases import MoveRefused, queue, reminders
from anlan.kernel.cases.history import read_by
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.clock import BEIJING
from anlan.kernel.models import Notice
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.supervision.models import SupervisionOrder
from anlan.offices.supervision.pages import orders_out
from anlan.parties.models import Enterprise, IssuedPaper

from .conftest import BANAN, NOON, TESTER, YUBEI, as_, cases_of, drafted, go, out, photo, sees

pytestmark = pytest.mark.django_db


def issued(people: Any, *to: Any) -> list[Any]:
    return out(people, drafted(people["city"], *to))


def test_a_draft_is_seen_by_its_authority_alone_and_the_order_by_its_addressee_and_no_neighbour(
    people: Any, bodies: Any
) -> None:
    letter = drafted(people["city"], bodies["yubei"])
    (draft,) = cases_of(letter)
    for one in (draft, letter):
        assert [sees(people[n], one) for n in ("city", "yubei", "banan", "coal")] == [True, False, False, False]
    with pytest.raises(MoveRefused, match="gate"):
        go(people["city"], draft, "issue")
    (order,) = out(people, letter)
    assert not sees(people["yubei"], letter), "the draft of the paper stays where it was"
    with acting(TESTER, EVERYWHERE):
        paper = order.paper
    assert [sees(people[n], paper) for n in ("city", "yubei", "banan", "coal")] == [True, True, False, False]
    assert (order.area_code, order.industry_id, order.owner_area_code) == ("500112000000", None, "500000000000")
    assert [sees(people[n], order) for n in ("city", "yubei", "banan", "coal", "mine")] == [True, True, *[False] * 3]


def test_departments_and_enterprises_see_what_is_addressed_to_them(people: Any, bodies: Any) -> None:
    mine = people["mine"].enterprise
    road, pit = issued(people, bodies["transport"], mine)
    assert [sees(people[n], road) for n in ("city", "transport", "coal", "yubei")] == [True, True, False, False]
    assert [sees(people[n], pit) for n in ("city", "mine", "coal", "yubei", "banan")] == [True, True, True, True, False]
    assert (pit.addressee_role, pit.addressee_name) == ("enterprise", "龙兴煤矿")


def test_from_draft_to_closure_and_back_once(people: Any, bodies: Any) -> None:
    city, yubei = people["city"], people["yubei"]
    (order,) = issued(people, bodies["yubei"])
    assert order.due_at == datetime(2013, 6, 19, 23, 59, 59, tzinfo=BEIJING), "three working days of the city"
    order = go(yubei, order, "receive")
    assert (order.received_by, order.due_at.astimezone(BEIJING).date()) == ("yubei", date(2013, 7, 1))
    with pytest.raises(cases.FieldError):
        go(yubei, order, "report", result="已整改")
    order = go(yubei, order, "report", result="已整改", proof=[photo()])
    order = go(city, order, "send_back", reason="缺少整改清单", answer_by="2013-07-10")
    order = go(city, order, "call_in", interviewed_on="2013-06-14", interview="约谈分管副区长")
    order = go(yubei, order, "report", result="已整改，附清单", proof=[photo()])
    order = go(city, order, "accept")
    assert (order.state, order.closed_at) == ("closed", NOON)
    with acting(TESTER, EVERYWHERE):
        assert [e.move for e in CaseEntry.of(order)] == [
            "open", "issue", "receive", "report", "send_back", "call_in", "report", "accept",
        ]  # fmt: skip


@pytest.mark.parametrize(("who", "move"), [
    ("yubei", "accept"), ("yubei", "revoke"), ("yubei", "send_back"), ("city", "receive"), ("city", "report"),
    ("yubei", "grant_extension"),
])  # fmt: skip
def test_nobody_does_the_others_part(people: Any, bodies: Any, who: str, move: str) -> None:
    (order,) = issued(people, bodies["yubei"])
    go(people["yubei"], order, "receive")
    if move in ("accept", "send_back"):
        go(people["yubei"], order, "report", result="x", proof=[photo()])
    if move == "grant_extension":
        go(people["yubei"], order, "ask_extension", days=5, reason="需协调")
    if move == "receive":
        (order,) = issued(people, bodies["yubei"])
    facts = {"reason": "x", "answer_by": "2013-07-09"} if move == "send_back" else {"reason": "x"}
    with pytest.raises(MoveRefused) as refused:
        go(people[who], order, move, **facts)
    assert refused.value.code in ("not_the_seat", "not_addressed", "not_your_role")


def test_a_department_does_not_answer_for_another_nor_a_district_for_its_enterprise(people: Any, bodies: Any) -> None:
    (pit,) = issued(people, people["mine"].enterprise)
    for who in ("yubei", "coal"):
        with pytest.raises(MoveRefused, match="not_addressed"):
            go(people[who], pit, "receive")
    assert go(people["mine"], pit, "receive").state == "received"


def test_it_waits_for_the_addressee_and_then_for_who_issued_it(people: Any, bodies: Any) -> None:
    def waiting(name: str) -> set[str]:
        with as_(people[name]):
            return {row.number for row in queue.worklist(people[name]).rows if row.mine}

    letter = drafted(people["city"], bodies["yubei"])
    (draft,) = cases_of(letter)
    assert (waiting("city"), waiting("yubei")) == ({letter.number}, set())
    (order,) = out(people, letter)
    assert (waiting("yubei"), waiting("banan")) == ({draft.number}, set())
    assert queue.awaited(order.lifecycle, order) == {"district"}
    go(people["yubei"], order, "receive")
    order = go(people["yubei"], order, "report", result="x", proof=[photo()])
    assert (draft.number in waiting("city"), waiting("yubei")) == (True, set())
    assert queue.awaited(order.lifecycle, order) == {"city"}
    (pit,) = issued(people, people["mine"].enterprise)
    assert (pit.number in waiting("mine"), pit.number in waiting("yubei")) == (True, False)


def test_how_it_was_drafted_is_not_read_by_the_addressee(people: Any, bodies: Any) -> None:
    letter = drafted(people["city"], bodies["yubei"])
    sharp = {"subject": "x", "grounds": "措辞严厉的草稿", "asked": "x", "answer_by": "2013-07-02"}
    letter = go(people["city"], letter, "change", **sharp)
    letter = go(people["city"], letter, "change", **sharp | {"grounds": "定稿"})
    assert "定稿" in letter.machine
    (order,) = out(people, letter)
    assert (order.facts, order.answer_by) == ("定稿", date(2013, 7, 2))
    with as_(people["yubei"]):
        seen = SupervisionOrder.objects.get(pk=order.pk)
        assert [e.move for e in read_by(people["yubei"], seen, CaseEntry.of(seen))] == ["issue"]
    client = Client()
    client.force_login(people["yubei"])
    page = client.get(order.get_absolute_url()).content.decode()
    assert "定稿" in page
    assert "措辞严厉" not in page
    assert "措辞严厉" not in client.get(f"/api/v1/cases/order/{order.number}/history").content.decode()
    with as_(people["city"]):
        seen = SupervisionOrder.objects.get(pk=order.pk)
        told = [e.move for e in read_by(people["city"], seen, CaseEntry.of(seen))]
    assert told == ["open", "changed", "changed", "issue"]


def test_overdue_orders_rise_and_remind_the_addressee(people: Any, bodies: Any) -> None:
    (order,) = issued(people, bodies["yubei"])
    go(people["yubei"], order, "receive")
    with acting(TESTER, EVERYWHERE), clock.frozen(datetime(2013, 7, 1, 23, 59, 59, tzinfo=BEIJING)):
        reminders.notify(reminders.make_new())
        assert {n.account_id for n in Notice.objects.all()} >= {people["yubei"].pk}
    with acting(TESTER, EVERYWHERE), clock.frozen(NOON + timedelta(days=33)):
        reminders.notify(reminders.make_new())
        told = Notice.objects.filter(account_id=people["city"].pk, level="critical")
        assert told.exists(), "fifteen days overdue it rises to the city"
        assert not Notice.objects.filter(account_id=people["banan"].pk).exists()


def test_one_press_drafts_for_many_in_a_constant_number_of_statements(
    people: Any, bodies: Any, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(45):
        letter = drafted(people["city"], *(bodies[n] for n in ("yubei", "banan", "transport", "coal")))
    assert len({one.number for one in cases_of(letter)}) == 4


def test_the_paper_of_an_order_is_laid_out_numbered_and_read_by_all_its_addressees(
    people: Any, bodies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    letter = drafted(people["city"], bodies["yubei"], bodies["transport"])
    home, road = out(people, letter)
    assert home.paper_id == road.paper_id
    with as_(people["transport"]):
        paper = IssuedPaper.objects.get(pk=road.paper_id)
        assert paper.number == "渝安委办〔2013〕1号"
        assert {file.form for file in paper.files.all()} == {"pdf", "docx"}
    assert "渝北区人民政府、重庆市交通委员会" in paper.body
    assert paper.signed_by == "何主任"
    client = Client()
    client.force_login(people["yubei"])
    assert client.get(paper.get_absolute_url()).status_code == 200
    assert client.get(f"{paper.get_absolute_url()}pdf/").headers["Content-Type"] == "application/pdf"
    client.force_login(people["banan"])
    assert client.get(paper.get_absolute_url()).status_code == 404


def test_a_letter_that_comes_to_nothing_takes_its_drafts_along(people: Any, bodies: Any) -> None:
    letter = drafted(people["city"], bodies["yubei"])
    with pytest.raises(MoveRefused, match="gate"):
        go(people["city"], cases_of(letter)[0], "drop", reason="x")
    go(people["city"], letter, "withdraw", reason="合并下达")
    assert [one.state for one in cases_of(letter)] == ["dropped"]


def test_a_paper_that_is_revoked_takes_its_running_orders_along(people: Any, bodies: Any) -> None:
    letter = drafted(people["city"], bodies["yubei"], bodies["banan"])
    home, _other = out(people, letter)
    go(people["yubei"], home, "receive")
    go(people["yubei"], home, "report", result="x", proof=[photo()])
    go(people["city"], home, "accept")
    go(people["head"], letter, "revoke", reason="依据有误")
    assert [one.state for one in cases_of(letter)] == ["closed", "revoked"]


def test_the_home_page_counts_what_is_overdue_and_leads_to_just_that(people: Any, bodies: Any) -> None:
    out(people, drafted(people["city"], bodies["yubei"]))
    with clock.frozen(NOON + timedelta(days=9)):
        out(people, drafted(people["city"], bodies["banan"], answer_by=date(2013, 8, 1)))
        with as_(people["city"]):
            tile = orders_out(people["city"])
        assert tile is not None
        assert tile.number == 1
        client = Client()
        client.force_login(people["city"])
        listed = client.get(tile.url).content.decode()
    assert "渝北区人民政府" in listed
    assert "巴南区人民政府" not in listed.partition("<tbody")[2]


def test_two_enterprises_of_one_name_are_each_sent_the_paper(people: Any, bodies: Any) -> None:
    with acting(TESTER, EVERYWHERE):
        twins = [
            Enterprise.objects.create(name="恒达煤矿", area_code=area, industry_id="coal", credit_code=code)
            for area, code in ((YUBEI, "A"), (BANAN, "B"))
        ]
    home, _other = issued(people, *twins)
    with acting(TESTER, EVERYWHERE):
        assert home.paper.sent_to() == ["恒达煤矿（A）", "恒达煤矿（B）"]


def test_ones_own_authority_is_no_addressee(people: Any, bodies: Any) -> None:
    with pytest.raises(cases.FieldError):
        drafted(people["city"], bodies["city"])


# --- Pages -------------------------------------------------------------------------------------------


def form(client: Client, path: str, **said: Any) -> dict[str, Any]:
    page = client.get(path).content.decode()
    token = page.split('name="token" value="')[1].split('"')[0]
    return {"token": token, "subject": "督办", "grounds": "超进度", "asked": "整改", "answer_by": "2013-07-01", **said}


def test_a_list_of_laggards_arrives_by_the_address_and_one_press_drafts_for_all(people: Any, bodies: Any) -> None:
    client = Client()
    client.force_login(people["city"])
    path = "/supervision/orders/new/?area=500112000000&area=500113000000&subject=超进度区县督办&answer_by=2013-07-05"
    page = client.get(path).content.decode()
    assert "超进度区县督办" in page
    assert page.count(" checked") == 2
    said = form(client, path, to=[bodies["yubei"].pk, bodies["banan"].pk])
    answer = client.post("/supervision/orders/new/", said)
    assert answer.status_code == 302, answer.content.decode()
    again = client.post("/supervision/orders/new/", said)
    assert again["Location"] == answer["Location"], "sent twice it is drafted once"
    with acting(TESTER, EVERYWHERE):
        assert SupervisionOrder.objects.count() == 2
    listed = client.get(answer["Location"]).content.decode()
    assert listed.count("渝安督〔2013〕") >= 2


@pytest.mark.parametrize("said", [
    {"to": []}, {"to": ["0"]}, {"to": ["x\0"]}, {"subject": "x\u202e"}, {"answer_by": "2013-06-13"},
    {"answer_by": "9999-99-99"}, {"answer_by": "0001-01-01"}, {"token": "x"}, {"grounds": "长" * 4001},
    {"enterprise": "999999999999"}, {"other": "\0"},
])  # fmt: skip
def test_what_does_not_fit_is_said_and_nothing_is_drafted(people: Any, bodies: Any, said: dict[str, Any]) -> None:
    client = Client()
    client.force_login(people["city"])
    answer = client.post(
        "/supervision/orders/new/", {**form(client, "/supervision/orders/new/", to=[bodies["yubei"].pk]), **said}
    )
    assert answer.status_code == 422
    with acting(TESTER, EVERYWHERE):
        assert not SupervisionOrder.objects.exists()


@pytest.mark.parametrize("query", [
    "area=x&area=\0&to=-1&to=99999999999999999999", "about=plan-targets:x", "about=nothing:1", "from=danger:x",
    "enterprise=x", "answer_by=yesterday", "subject=" + "长" * 300,
])  # fmt: skip
def test_a_hostile_address_prefills_nothing_and_breaks_nothing(people: Any, bodies: Any, query: str) -> None:
    client = Client()
    client.force_login(people["city"])
    assert client.get(f"/supervision/orders/new/?{query}").status_code == 200


def test_only_safety_committee_offices_press(people: Any) -> None:
    for name in ("transport", "mine"):
        client = Client()
        client.force_login(people[name])
        assert client.get("/supervision/orders/new/").status_code == 403


def test_the_addressee_is_told_when_it_is_issued_and_who_issued_it_when_it_is_reported(
    people: Any, bodies: Any
) -> None:
    def told() -> set[tuple[int, str]]:
        events.deliver_due()
        with acting(TESTER, EVERYWHERE):
            found = Notice.objects.filter(url__startswith="/c/order/")
            return {(n.account_id, n.message.split("%")[0].strip(": ")) for n in found}

    drafted(people["city"], bodies["yubei"])
    assert told() == set()
    (order,) = issued(people, bodies["yubei"])
    assert told() == {(people["yubei"].pk, "To be signed for")}
    go(people["yubei"], order, "receive")
    go(people["yubei"], order, "report", result="x", proof=[photo()])
    office = {(people[n].pk, "Reported, to be accepted") for n in ("city", "reviewer", "head")}
    assert told() == {(people["yubei"].pk, "To be signed for"), *office}
