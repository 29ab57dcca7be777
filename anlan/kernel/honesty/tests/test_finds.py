"""Finds are kept, seen by the authority above, explained when asked for, and never judged by those they are about."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.kernel import clock
from anlan.kernel.honesty import chance, check, jobs, moving, running
from anlan.kernel.honesty.commands import honesty
from anlan.kernel.honesty.declaring import BadCheck
from anlan.kernel.honesty.models import Find, FindStep
from anlan.kernel.models import Notice
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.offices.hazards.models import Danger
from anlan.parties.models import Account

pytestmark = pytest.mark.django_db
NOW = datetime(2013, 6, 14, 9, tzinfo=clock.BEIJING)
MAY = date(2013, 5, 1)
CITY, YUBEI, BANAN = "500000000000", "500112000000", "500113000000"
TESTER = Actor("test", "tests")


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


@pytest.fixture
def account() -> Callable[..., Account]:
    def make(name: str, role: str = "city", area: str = CITY, **facts: Any) -> Account:
        with acting(TESTER, EVERYWHERE):
            return Account.objects.create_user(name, name=name, role=role, area_code=area, **facts)

    return make


def danger(n: int, area: str = YUBEI, limit: datetime | None = None) -> Danger:
    at = datetime(2013, 5, 3, 9, n, tzinfo=clock.BEIJING)
    return Danger.objects.create(
        number=f"疑{n}", title=f"护栏缺失{n}", state="found", source="inspection", area_code=area, owner_area_code=area,
        found_at=at, opened_at=at, due_at=limit,
    )  # fmt: skip


def look(*, lies: int = 2, area: str = YUBEI) -> Find:
    """A kept find: so many dangers of May without a time limit."""
    with acting(TESTER, EVERYWHERE):
        for _n in range(lies):
            danger(Danger.objects.count(), area)
        running.run(MAY, ("hazards.no_time_limit",))
        return Find.objects.get(about=area)


def seen_by(who: Account) -> list[Find]:
    with acting(who.actor, who.scope):
        return list(Find.objects.all())


def client(who: Account) -> Client:
    made = Client()
    with acting(TESTER, EVERYWHERE):
        made.force_login(who)
    return made


def test_a_find_is_kept_once_and_seen_again() -> None:
    find = look()
    assert (find.count, find.state, find.area_code, find.chance) == (2, "open", CITY, None)
    with acting(TESTER, EVERYWHERE):
        assert running.run(MAY, ("hazards.no_time_limit",)) == running.Outcome((), 1, 0)
        danger(50)
        running.run(MAY)
        find.refresh_from_db()
        assert (find.count, len(find.records), Find.objects.count()) == (3, 3, 1)


@pytest.mark.django_db(transaction=True)
def test_the_night_and_who_asks_at_the_same_time_keep_a_find_once() -> None:
    with acting(TESTER, EVERYWHERE):
        danger(1)
    begin, told = threading.Barrier(2), []

    def run() -> None:
        try:
            with acting(TESTER, EVERYWHERE):
                begin.wait(20)
                told.append(running.run(MAY, ("hazards.no_time_limit",)))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted((one.new, one.again) for one in told) == [(0, 1), (1, 0)]


def test_what_is_no_longer_there_is_gone_and_comes_back() -> None:
    find = look()
    with acting(TESTER, EVERYWHERE):
        Danger.objects.update(due_at=NOW)
        assert running.run(MAY, ("hazards.no_time_limit",)).gone == 1
        find.refresh_from_db()
        assert find.state == "gone"
        Danger.objects.update(due_at=None)
        running.run(MAY, ("hazards.no_time_limit",))
        find.refresh_from_db()
        assert find.state == "open"
        assert [step.move for step in find.steps.all()] == ["found", "gone", "found"]


def test_what_was_judged_stands_until_there_is_more(account: Callable[..., Account]) -> None:
    find, city = look(), account("city")
    with acting(city.actor, city.scope):
        moving.judge(find, city, "explained", "系统迁移时漏填，已补")
    with acting(TESTER, EVERYWHERE):
        running.run(MAY)
        find.refresh_from_db()
        assert find.state == "explained"
    assert look(lies=1).state == "open"
    with acting(TESTER, EVERYWHERE):
        assert [step.move for step in find.steps.all()] == ["found", "explained", "more"]


def test_a_month_that_runs_is_not_judged_by_chance() -> None:
    with acting(TESTER, EVERYWHERE):
        for n in range(240):
            at = datetime(2012, 6 + n % 7, 3 + n % 20, 9, tzinfo=clock.BEIJING)
            Danger.objects.create(
                number=f"静{n}", title="护栏缺失", state="found", source="inspection", area_code=YUBEI,
                owner_area_code=YUBEI, found_at=at, opened_at=at,
            )  # fmt: skip
        assert running.run(MAY, ("hazards.silent",)).new == 1
        assert running.run(date(2013, 6, 1), ("hazards.silent",)).new == 0


def test_the_area_sees_only_what_it_is_asked_to_explain(account: Callable[..., Account]) -> None:
    find, city = look(), account("city")
    own, other = account("own", "district", YUBEI), account("other", "district", BANAN)
    industry = account("dept", "department", industries=["coal"])
    assert seen_by(city) == [find]
    assert seen_by(own) == seen_by(other) == seen_by(industry) == []
    with acting(city.actor, city.scope):
        moving.ask(find, city, "请说明")
    assert seen_by(own) == seen_by(city) == [find]
    assert seen_by(other) == seen_by(industry) == []
    with acting(own.actor, own.scope):
        moving.answer(find, own, "漏填，三日内补齐")
        assert [step.move for step in find.steps.all()] == ["found", "ask", "answer"]
    with acting(city.actor, city.scope):
        moving.judge(find, city, "correct", "限三日内补填期限")


def test_nobody_judges_a_find_about_himself(account: Callable[..., Account]) -> None:
    find, city, own = look(), account("city"), account("own", "district", YUBEI)
    with acting(city.actor, city.scope):
        moving.ask(find, city, "请说明")
    with acting(own.actor, own.scope):
        for outcome in ("explained", "correct", "handed"):
            with pytest.raises(moving.Refused):
                moving.judge(find, own, outcome, "没有问题")
        # Not even past the code that asks: the database refuses.
        for facts in ({"state": "explained"}, {"state": "gone"}, {"about": BANAN}):
            with pytest.raises(DatabaseError), transaction.atomic():
                Find.objects.filter(pk=find.pk).update(**facts)


@pytest.mark.parametrize("words", ["", "   ", "字" * 1001, "看\u202e不见"])
def test_a_reason_is_given_in_plain_words(account: Callable[..., Account], words: str) -> None:
    find, city = look(), account("city")
    with acting(city.actor, city.scope):
        for move in (lambda: moving.ask(find, city, words), lambda: moving.judge(find, city, "explained", words)):
            with pytest.raises(moving.Refused):
                move()
        assert FindStep.objects.count() == 1


def test_the_pages_show_the_find_its_records_and_what_may_be_said(account: Callable[..., Account]) -> None:
    find, city, own = look(), account("city"), account("own", "district", YUBEI)
    page = client(city).get("/honesty/?month=2013-05")
    assert f"/honesty/{find.pk}/" in page.content.decode()
    one = client(city).get(f"/honesty/{find.pk}/").content.decode()
    with acting(TESTER, EVERYWHERE):
        assert all(f"/c/danger/{case.number}/" in one or case.number in one for case in Danger.objects.all())
    assert 'value="explained"' in one
    assert client(own).get(f"/honesty/{find.pk}/").status_code == 404
    assert client(own).post(f"/honesty/{find.pk}/say/", {"move": "explained", "words": "好"}).status_code == 404
    assert client(city).post(f"/honesty/{find.pk}/say/", {"move": "ask", "words": ""}).status_code == 422
    assert client(city).post(f"/honesty/{find.pk}/say/", {"move": "ask", "words": "请说明"}).status_code == 302
    asked = client(own).get(f"/honesty/{find.pk}/").content.decode()
    assert 'value="answer"' in asked
    assert 'value="explained"' not in asked
    assert client(own).post(f"/honesty/{find.pk}/say/", {"move": "handed", "words": "好"}).status_code == 422
    assert client(own).post(f"/honesty/{find.pk}/say/", {"move": "answer", "words": "漏填"}).status_code == 302
    wrong = client(city).get("/honesty/?month=2013-13")
    assert wrong.status_code == 404
    assert 'href="/honesty/">最近一个月</a>' in wrong.content.decode()
    assert client(account("dept", "department")).get("/honesty/").status_code == 404


def test_so_many_finds_take_so_many_queries_as_few(account: Callable[..., Account]) -> None:
    city = client(account("city"))
    counts = []
    for areas in ((YUBEI,), (BANAN, "500115000000", "500116000000", "500117000000")):
        for area in areas:
            look(area=area)
        city.get("/honesty/?month=2013-05")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert city.get("/honesty/?month=2013-05").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_what_is_new_is_told_to_the_authority_above_alone(account: Callable[..., Account]) -> None:
    city, own = account("city"), account("own", "district", YUBEI)
    with acting(TESTER, EVERYWHERE):
        danger(1)
        assert jobs.look("2013-05-01").new == 1
        assert jobs.look("2013-05-01").new == 0
        assert [n.account_id for n in Notice.objects.all()] == [city.pk]
        assert own.pk != city.pk


def test_the_city_alone_has_a_month_looked_at_anew(account: Callable[..., Account]) -> None:
    city, own = account("city"), account("own", "district", YUBEI)
    assert client(own).post("/honesty/look/", {"month": "2013-05"}).status_code == 403
    assert client(city).post("/honesty/look/", {"month": "1913-05"}).status_code == 404
    assert client(city).post("/honesty/look/", {"month": "2013-05"}).status_code == 302


def test_the_command_looks_and_lists() -> None:
    with acting(TESTER, EVERYWHERE):
        danger(1)
    answer = CliRunner().invoke(honesty, ["--month", "2013-05", "--json"])
    told = json.loads(answer.output)
    assert told["new"] == 1
    assert [(f["check"], f["area"], f["count"]) for f in told["finds"]] == [("hazards.no_time_limit", YUBEI, 1)]
    assert "hazards.no_time_limit" in CliRunner().invoke(honesty, ["--month", "2013-05"]).output
    assert "CONFIG" in CliRunner().invoke(honesty, ["--list"]).output
    for wrong in (["--month", "2013-07"], ["no.such"], ["--month", "Mai"]):
        assert CliRunner().invoke(honesty, wrong).exit_code == 2


def test_standing_finds_for_a_paper_are_those_that_the_writer_may_see(account: Callable[..., Account]) -> None:
    find, city, own = look(), account("city"), account("own", "district", YUBEI)
    june = date(2013, 6, 1)
    with acting(city.actor, city.scope):
        assert running.standing(MAY, june) == running.standing(MAY, june, "500112") == [find]
        assert running.standing(june, date(2013, 7, 1)) == running.standing(MAY, june, "500113") == []
    with acting(own.actor, Scope("500112")):
        assert running.standing(MAY, june) == []


def test_a_check_is_declared_once() -> None:
    with pytest.raises(BadCheck):
        check(name="hazards.dates", title="", looks_for="", method="", words="", register="dangers", severity="grave",
              sql="", chance=lambda row: chance.none(1, 1))  # fmt: skip
