"""Notices: to whom it concerns and nobody else, in the reader's own language."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from anlan.kernel import notices
from anlan.kernel.models import Live, Notice, NoticePreference
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.parties.models import Account, Enterprise

TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db


def account(name: str, role: str, area: str, industries: list[str] | None = None) -> Account:
    with acting(TESTER, EVERYWHERE):
        return Account.objects.create_user(name, None, name=name, role=role, area_code=area, industries=industries)


@pytest.fixture
def people() -> dict[str, Account]:
    return {
        "yubei": account("yubei", "district", "500112000000"),
        "banan": account("banan", "district", "500113000000"),
        "coal": account("coal", "department", "500000000000", ["coal"]),
        "road": account("road", "department", "500000000000", ["road"]),
    }


def received(reader: Account) -> int:
    with acting(reader.actor, reader.scope):
        return Notice.objects.count()


def test_holders_are_those_whose_scope_holds_the_matter(people: dict[str, Account]) -> None:
    holders = notices.Holders(frozenset({"district", "department"}), "500112001000", "coal")
    with acting(TESTER, Scope("500112")):
        assert len(notices.send(holders, "Recorded at")) == 2
    assert {name: received(a) for name, a in people.items()} == {"yubei": 1, "banan": 0, "coal": 1, "road": 0}


def test_many_messages_are_sent_in_as_many_queries_as_one(people: dict[str, Account]) -> None:
    with acting(TESTER, EVERYWHERE):
        works = [
            Enterprise.objects.create(name=f"{n}厂", area_code="500112001000", industry_id="coal") for n in "甲乙丙"
        ]
        own = [
            Account.objects.create(
                username=f"e{e.pk}", name=e.name, role="enterprise", area_code=e.area_code, enterprise=e
            )
            for e in works
        ]
    every = frozenset({"district", "department", "enterprise"})
    to = [notices.Holders(every, "500112001000", "coal", e.pk) for e in works]
    to += [notices.Holders(every, "500113000000", "road"), notices.Holders(frozenset(), "500112001000")]
    taken = []
    for holders in (to[:1], to):
        with acting(TESTER, EVERYWHERE), CaptureQueriesContext(connection) as queries:
            notices.send_all([notices.Message(h, "Recorded at") for h in holders])
        taken.append(len(queries))
    assert taken[0] == taken[1]
    assert [received(a) for a in own] == [2, 1, 1]
    assert {name: received(a) for name, a in people.items()} == {"yubei": 4, "banan": 1, "coal": 4, "road": 1}


def test_a_person_can_send_but_neither_read_nor_count_anothers_notices(people: dict[str, Account]) -> None:
    yubei, banan = people["yubei"], people["banan"]
    with acting(yubei.actor, yubei.scope):
        notices.send([banan], "Recorded at")
        assert Notice.objects.count() == 0
    assert received(banan) == 1


def test_the_words_are_in_the_readers_language(people: dict[str, Account]) -> None:
    with acting(TESTER, EVERYWHERE):
        (number,) = notices.send([people["yubei"]], "Recorded at")
        notice = Notice.objects.get(pk=number)
    with translation.override("en"):
        assert str(notice) == "Recorded at"


def test_a_notice_without_one_of_its_values_is_refused(people: dict[str, Account]) -> None:
    with acting(TESTER, EVERYWHERE), pytest.raises(KeyError):
        notices.send([people["yubei"]], "%(n)s unread notice", {})


def test_a_notice_shows_on_every_open_page_of_its_reader_and_on_nobody_elses(people: dict[str, Account]) -> None:
    with acting(TESTER, EVERYWHERE):
        notices.send([people["yubei"]], "Recorded at")
        notices.send([people["yubei"], people["banan"]], "Recorded at", url="/x", level="critical")
    seen = {}
    for name, account in people.items():
        with acting(account.actor, account.scope):
            seen[name] = [one.payload for one in Live.objects.filter(topic="notices").order_by("id")]
    told = {"text": "登记时间", "url": "/x", "critical": True}
    assert all(datetime.fromisoformat(found[-1].pop("at")).tzinfo for found in (seen["yubei"], seen["banan"]))
    assert seen["yubei"] == [{"count": 1}, {"count": 2} | told]
    assert seen["banan"] == [{"count": 1} | told]
    assert not any(found for name, found in seen.items() if name not in ("yubei", "banan"))


def test_what_goes_out_is_a_job_of_the_same_transaction(
    people: dict[str, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANLAN_NOTICE_URL", "json://127.0.0.1:9/{address}")
    with acting(TESTER, EVERYWHERE):
        NoticePreference.objects.create(account_id=people["yubei"].pk, address="a@example.org", levels=["critical"])
        notices.send([people["yubei"]], "Recorded at", level="neutral")
        (number,) = notices.send([people["yubei"]], "Recorded at", level="critical")
        with connection.cursor() as cursor:
            cursor.execute("SELECT args ->> 'notice' FROM procrastinate_jobs WHERE task_name = 'notices.send_out'")
            assert cursor.fetchall() == [(str(number),)]
        with pytest.raises(notices.NotSent, match="refused"):
            notices.send_out.run(notice=number)
        assert Notice.objects.get(pk=number).outside == "waiting"


@pytest.mark.parametrize("address", ["a b", "x/../y", "http://inside/", "a@b@c", "a?b=c", "a\n"])
def test_an_address_cannot_steer_the_way_out(people: dict[str, Account], address: str) -> None:
    from django.core.exceptions import ValidationError

    with pytest.raises(ValidationError):
        notices.plain_address(address)


def test_reading_anothers_notice_is_as_if_there_were_none(people: dict[str, Account], client: Client) -> None:
    with acting(TESTER, EVERYWHERE):
        (mine, theirs) = notices.send([people["yubei"], people["banan"]], "Recorded at", url="/r/enterprises/")
    client.force_login(people["yubei"])
    assert client.get("/notices/bell/").json()["unread"] == 1
    foreign, missing = client.post(f"/notices/{theirs}/read/"), client.post(f"/notices/{theirs + 10_000}/read/")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    # But for the address itself and the form's one-time token, the two pages are the same.
    own = re.compile(rb'(name="(csrfmiddlewaretoken|next)" value=")[^"]*')
    assert own.sub(rb"\1", foreign.content) == own.sub(rb"\1", missing.content)
    assert client.post(f"/notices/{mine}/read/")["Location"] == "/r/enterprises/"
    assert client.get("/notices/bell/").json()["unread"] == 0
    with acting(TESTER, EVERYWHERE):
        assert Notice.objects.get(pk=theirs).read_at is None
