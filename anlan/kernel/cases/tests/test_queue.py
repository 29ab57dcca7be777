"""Work lists and reminders."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from anlan.kernel import cases, clock
from anlan.kernel.cases import escalation, history, queue, reminders
from anlan.kernel.cases import lifecycle as declared
from anlan.kernel.cases.models import CaseEntry, Reminder
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import Actor, Scope, acting
from anlan.parties.models import Authority

from .conftest import NOON, person
from .sample import Ticket, lifecycle

pytestmark = pytest.mark.usefixtures("city")
DISTRICT, ENTERPRISE = person(1), person(4, "enterprise", "500112001001", 77)
CITY = person(5, "district", "500000000000")


def ticket(title: str, area: str = "500112001001") -> Ticket:
    return cases.open_case("ticket", by=DISTRICT, title=title, area_code=area, enterprise_id=77)


def test_the_work_list_says_what_is_due_overdue_mine_and_others() -> None:
    ticket("a")
    waiting = ticket("b")
    cases.move(waiting, "plan", by=ENTERPRISE, seen_version=1, rectify_by=date(2013, 6, 25), remedy="x")
    with clock.frozen(NOON + timedelta(days=5)):  # the 19th, on which a is due
        assert [(r.title, r.due_today, r.overdue) for r in cases.worklist(DISTRICT).rows] == [
            ("a", True, False), ("b", False, False)
        ]  # fmt: skip
    with clock.frozen(NOON + timedelta(days=6)):
        mine = cases.worklist(person(9, "township", "500112001000"))
        assert (mine.overdue, mine.due_today, mine.mine, mine.others) == (1, 0, 0, 2)
        assert cases.worklist(ENTERPRISE).mine == 2
    done = ticket("c")
    cases.move(done, "withdraw", by=DISTRICT, seen_version=1, reason="x")
    assert "c" not in [r.title for r in cases.worklist(DISTRICT).rows]


def test_the_work_list_keeps_to_the_scope() -> None:
    ticket("here")
    ticket("elsewhere", "500113001001")
    with acting(Actor("test", "tests"), Scope("500112")):
        mine = cases.worklist(DISTRICT)
    assert ([r.title for r in mine.rows], mine.mine + mine.others) == (["here"], 1)


def test_the_number_of_queries_does_not_grow_with_kinds_or_cases() -> None:
    ticket("a")
    declared._declared["ticket2"] = lifecycle()
    try:
        ticket("b")
        with CaptureQueriesContext(
            connection,
        ) as asked:
            cases.worklist(DISTRICT)
    finally:
        del declared._declared["ticket2"]
    assert len(asked) == 3


def test_whoever_took_charge_of_a_case_has_it_on_his_list_and_what_was_asked_for_waits_for_who_decides() -> None:
    elsewhere = person(8, "district", "500113000000")
    waiting = ticket("a")
    assert cases.worklist(elsewhere).mine == 0
    cases.move(waiting, "take_charge", by=elsewhere, seen_version=1)
    assert cases.worklist(elsewhere).mine == 1
    planned = ticket("b")
    planned = cases.move(planned, "plan", by=ENTERPRISE, seen_version=1, rectify_by=date(2013, 6, 25), remedy="x")
    cases.move(planned, "ask_extension", by=ENTERPRISE, seen_version=planned.version, days=5, reason="x")
    assert {r.title: r.wants for r in cases.worklist(DISTRICT).rows} == {"a": "", "b": "extension"}
    assert {r.title: r.wants for r in cases.worklist(ENTERPRISE).rows} == {"a": "", "b": ""}


def test_each_part_of_the_work_list_holds_what_its_number_counts() -> None:
    for title in "abc":
        ticket(title)
    with clock.frozen(NOON + timedelta(days=6)):
        work = cases.worklist(DISTRICT)
        for show, number in (("overdue", work.overdue), ("mine", work.mine), ("others", work.others), ("listed", 0)):
            rows, more = queue.part(DISTRICT, show)
            assert (len(rows), more) == (number, False)


def test_the_most_urgent_stand_in_the_order_of_the_parts_whoever_they_wait_for() -> None:
    with clock.frozen(NOON - timedelta(days=1)):
        others = ticket("first due, of others")
    Ticket.objects.filter(pk=others.pk).update(state="fixed")
    ticket("mine")
    ticket("mine too")
    with clock.frozen(NOON + timedelta(days=9)):
        work, (part, _more) = cases.worklist(ENTERPRISE, 2), queue.part(ENTERPRISE, "overdue")
        assert [r.title for r in part] == ["first due, of others", "mine", "mine too"]
        assert work.urgent == part[:2]
        assert [r.title for r in work.rows] == ["mine", "mine too"], "mine before others'"


def test_a_case_waits_for_who_decides_what_was_asked_for_besides_those_whose_turn_it_is() -> None:
    case = ticket("a")
    case = cases.move(case, "plan", by=ENTERPRISE, seen_version=1, rectify_by=date(2013, 6, 25), remedy="x")
    known = case.lifecycle
    alone = queue.awaited(known, case)
    known.decisions = tuple(replace(one, who={"township"}) for one in known.decisions)
    assert queue.awaited(known, case) == alone
    case = cases.move(case, "ask_extension", by=ENTERPRISE, seen_version=case.version, days=5, reason="x")
    assert queue.awaited(known, case) == alone | {"township"}


def test_what_takes_long_to_count_of_a_city_is_kept_but_not_what_waits_for_the_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "SLOW_S", 0.0)
    monkeypatch.setattr(queue, "KEPT_FOR", 1_000_000)
    ticket("a")
    before = cases.worklist(CITY)
    own = ticket("b")
    Ticket.objects.filter(pk=own.pk).update(owner_area_code=CITY.area_code)
    after = cases.worklist(CITY)
    assert (before.mine, after.mine) == (0, 1)
    assert after.mine + after.others == before.mine + before.others == 1
    assert [r.title for r in after.rows if r.mine] == ["b"]
    with acting(Actor("test", "tests"), Scope("500112")):
        district = cases.worklist(DISTRICT)
    assert (district.mine, district.others) == (1, 1), "smaller places are counted as they stand"
    queue.forget()
    assert cases.worklist(CITY).others == 1


def test_reminders_exist_once_however_often_and_late_they_are_computed() -> None:
    ticket("a")
    assert reminders.make(NOON) == 0
    with clock.frozen(NOON + timedelta(days=9)):  # the system was down from day 0 to day 9
        assert reminders.make() > 0
        once = list(Reminder.objects.order_by("offset_days").values_list("offset_days", "tier"))
        assert reminders.make() == 0
    # Due on the 19th; 7 days before lies before the case was opened; 3 days after is the 22nd.
    assert once == [(-3, "in_charge"), (-1, "in_charge"), (0, "in_charge"), (1, "district"), (3, "district")]


def test_a_reminder_says_how_long_a_case_is_overdue_and_not_which_reminder_it_is() -> None:
    case = ticket("a")
    with clock.frozen(NOON + timedelta(days=129)):  # due on the 19th of June; the last reminder is that of 90 days
        assert reminders.make() > 0
        latest = Reminder.objects.order_by("-offset_days")[0]
        assert latest.offset_days == 90
        assert reminders._message(case, latest, {}).params["days"] == 124


def test_what_is_done_is_reminded_of_no_more() -> None:
    case = ticket("a")
    cases.move(case, "withdraw", by=DISTRICT, seen_version=1, reason="x")
    assert reminders.make(NOON + timedelta(days=30)) == 0


def test_escalation_rises_tier_by_tier() -> None:
    assert [reminders.tier(d, NOON) for d in (-3, 0, 1, 14, 15, 90)] == [
        "in_charge", "in_charge", "district", "district", "city", "city",
    ]  # fmt: skip


def test_the_history_names_the_authority_to_which_an_overdue_case_rose__tier_by_tier() -> None:
    case = ticket("a")  # due on the 19th
    supervisor = {"kind": "supervisor", "tier": 2, "area_code": "500112000000"}
    Authority.objects.create(name="从前的渝北安监局", valid_to=NOON, **supervisor)
    Authority.objects.create(name="渝北安监局", valid_from=NOON, **supervisor)
    Authority.objects.create(name="巴南安监局", **supervisor | {"area_code": "500113000000"})
    Authority.objects.create(name="市安委办", kind="committee_office", tier=1, area_code="500000000000")
    for day in (6, 21, 30):
        with clock.frozen(NOON + timedelta(days=day)):
            reminders.make()
    with clock.frozen(NOON + timedelta(days=31)):
        case = cases.move(case, "plan", by=ENTERPRISE, seen_version=1, rectify_by=date(2013, 8, 1), remedy="x")
    entries = list(CaseEntry.of(case))
    rises = escalation.rises(case, entries)
    assert [(r.authority, r.days, r.tier, r.since) for r in rises] == [
        ("渝北安监局", 1, "district", 1), ("市安委办", 15, "city", 15),
    ]  # fmt: skip
    assert [(r.at.astimezone(BEIJING).day, r.at.month) for r in rises] == [(20, 6), (4, 7)]
    assert rises[1].told_at == NOON + timedelta(days=21)
    with translation.override("zh-hans"):
        told = history.tell_all(case, entries, rises)
    assert [t.move for t in told] == ["open", "escalated", "escalated", "plan"]
    assert told[2].words == "逾期 15 天，已上报市安委办"
    facts = dict(told[2].facts)
    assert (facts["上报至"], facts["逾期天数"]) == ("市安委办", "15")
    assert facts["上报依据"] == "逾期逐级上报：逾期满 15 天起"


def test_where_no_authority_is_known_the_history_names_the_division() -> None:
    case = ticket("a", "500113001001")
    reminders.make(NOON + timedelta(days=7))
    (rise,) = escalation.rises(case, CaseEntry.of(case))
    assert (rise.authority, rise.area_code) == ("巴南区", "500113000000")
