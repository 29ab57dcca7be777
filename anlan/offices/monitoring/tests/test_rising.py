"""By the minute: time limits by level, whom a warning calls, to whom it rises that nobody has looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from anlan.kernel import cases, clock, events
from anlan.kernel.cases import escalation, history, reminders
from anlan.kernel.cases.jobs import rise
from anlan.kernel.cases.lifecycle import PRODUCT
from anlan.kernel.cases.models import CaseEntry, Reminder
from anlan.kernel.cases.recompute import recompute
from anlan.kernel.cases.views import deadline
from anlan.kernel.models import Live, Notice
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.monitoring.models import EarlyWarning
from anlan.parties.models import Account, Enterprise

from .conftest import AT, TESTER, YUBEI, account, device

pytestmark = pytest.mark.django_db
CITY, DISTRICT, TOWN = "500000000000", "500112000000", YUBEI


def warning(level: str = "red", code: str = "k1", **more: Any) -> EarlyWarning:
    one = device(code)
    with acting(TESTER, EVERYWHERE):
        made: EarlyWarning = cases.open_case(
            "warning", PRODUCT, device=one, rule="fast", programme=one.programme, level=level, title="k1：超速行驶",
            value=130.0, rule_source="试验", measured_at=clock.now(), area_code=one.area_code,
            enterprise_id=one.enterprise_id, **more,
        )  # fmt: skip
    return made


@pytest.fixture
def seats() -> dict[str, Account]:
    """One of each who may be called, and the neighbours who may not."""
    made = {
        "township": account("township", TOWN), "district": account("district", DISTRICT),
        "city": account("city", CITY), "duty": account("duty", CITY), "department": account("department", CITY),
        "neighbour": account("district", "500113000000"), "other town": account("township", "500112001000"),
    }  # fmt: skip
    with acting(TESTER, EVERYWHERE):
        firm, _new = Enterprise.objects.get_or_create(name=f"车队{YUBEI}", area_code=YUBEI)
        other = Enterprise.objects.create(name="另一车队", area_code=YUBEI)
        for name, enterprise in (("firm", firm), ("other firm", other)):
            made[name] = Account.objects.create(
                username=name, name=name, role="enterprise", area_code=YUBEI, enterprise=enterprise
            )
    return made


def called(seats: dict[str, Account]) -> dict[str, list[str]]:
    """What each was told since it was last asked, in Chinese."""
    with acting(TESTER, EVERYWHERE):
        names = {one.pk: name for name, one in seats.items()}
        told: dict[str, list[str]] = {}
        for notice in Notice.objects.order_by("id"):
            told.setdefault(names[notice.account_id], []).append(str(notice))
        Notice.objects.all().delete()
    return told


def minutes(n: float) -> Any:
    return clock.frozen(AT + timedelta(minutes=n))


@pytest.mark.parametrize(("level", "after"), [("red", 5), ("orange", 15), ("yellow", 60), ("blue", 24 * 60)])
def test_each_level_has_its_time(level: str, after: int) -> None:
    case = warning(level)
    assert case.due_at == AT + timedelta(minutes=after)
    assert case.clock is not None
    assert (case.clock["rule"], case.clock["rises"]) == (f"monitoring.acknowledge.{level}", f"monitoring.rise.{level}")
    with acting(TESTER, EVERYWHERE):
        assert [(found.cases, found.different) for found in recompute() if found.kind == "warning"] == [(1, 0)]
        EarlyWarning.objects.update(due_at=AT)
        assert [found.different for found in recompute(mend=True) if found.kind == "warning"] == [1]
        assert EarlyWarning.objects.get().due_at == case.due_at


def test_it_rises_within_the_minute_tier_by_tier_each_once(seats: dict[str, Account]) -> None:
    case = warning("red")
    events.deliver_due()
    called(seats)
    told = []
    for n in range(20):  # as the worker does, every minute
        with minutes(n), acting(TESTER, EVERYWHERE):
            rise.run()
        told += [(n, sorted(called(seats)))]
    number = case.number
    assert [one for one in told if one[1]] == [(5, ["township"]), (10, ["district"]), (15, ["city", "duty"])]
    with acting(TESTER, EVERYWHERE):
        rows = Reminder.of(case).order_by("remind_at").values_list("offset_minutes", "tier", "offset_days", "rule")
        due = ((0, "township"), (5, "district"), (10, "duty"))
        assert list(rows) == [(n, tier, 0, "monitoring.rise.red") for n, tier in due]
        with minutes(60):
            assert reminders.make() == 0, "the rises are all; nothing comes by days besides"
        with minutes(3 * 24 * 60):
            assert reminders.make() == 0
        entries = list(CaseEntry.of(case))
        rises = escalation.rises(case, entries)
        told_ = [one.words for one in history.tell_all(case, entries, rises)]
    assert told_[1:] == [
        "到期无人处理，已上报渝北区龙兴镇", "逾期 5 分钟，已上报渝北区", "逾期 10 分钟，已上报重庆市",
    ], number  # fmt: skip
    assert rises[1].facts()["minutes"] == 5
    assert rises[1].facts()["from_minute"] == 5
    assert "days" not in rises[1].facts()


def test_an_outage_is_made_up_and_says_how_long_it_really_is(seats: dict[str, Account]) -> None:
    warning("red")
    with acting(TESTER, EVERYWHERE), minutes(45):
        rise.run()
        assert Reminder.objects.count() == 3
    told = called(seats)
    assert sorted(told) == ["city", "duty"], "the highest tier it should have reached by now"
    assert told["duty"][0].endswith("无人处理，已逾期 40 分钟")


def test_what_was_looked_at_in_time_rises_no_more(seats: dict[str, Account]) -> None:
    case, by = warning("red"), seats["township"]
    with minutes(4), acting(by.actor, by.scope):
        case = cases.move(case, "acknowledge", by=by, seen_version=case.version)
    assert case.clock is not None
    assert "rises" not in case.clock
    assert case.due_at == AT + timedelta(minutes=4, hours=24)
    with acting(TESTER, EVERYWHERE), minutes(59):
        assert reminders.make_by_minutes() == []
        assert reminders.make(AT + timedelta(days=2)) > 0, "and dealing with it has its day, and rises by days"


@pytest.mark.parametrize(("level", "who"), [
    ("blue", ["firm", "township"]), ("yellow", ["firm", "township"]),
    ("orange", ["district", "duty", "firm", "township"]),
    ("red", ["city", "department", "district", "duty", "firm", "township"]),
])  # fmt: skip
def test_a_warning_calls_by_its_level_and_nobody_elsewhere(
    seats: dict[str, Account], level: str, who: list[str]
) -> None:
    case = warning(level)
    events.deliver_due()
    told = called(seats)
    assert sorted(told) == who
    words = {"blue": "蓝色", "yellow": "黄色", "orange": "橙色", "red": "红色"}[level]
    assert told["firm"] == [f"{words}预警 {case.number}：k1：超速行驶"]
    with acting(seats["firm"].actor, seats["firm"].scope):
        live = [one.payload for one in Live.objects.filter(topic="notices")]
    assert ("text" in live[0]) == (level in ("orange", "red")), "grave ones come in words on every open page"


def test_the_clock_of_a_page_and_of_a_work_list_shows_minutes() -> None:
    case = warning("red")
    with minutes(0.5):
        shown = deadline(case)
        assert shown is not None
        assert (shown.words, shown.tone, shown.counts_down) == ("还剩 5 分钟", "attention", True)
    with minutes(7.2):
        shown = deadline(case)
        assert shown is not None
        assert (shown.words, shown.tone) == ("逾期 2 分钟", "critical")
        assert shown.basis == "本市自行设定，国家无统一规定"


def test_every_minute_is_when_the_worker_looks() -> None:
    from procrastinate.contrib.django import app

    (found,) = [one for one in app.periodic_registry.periodic_tasks.values() if one.task.name == "cases.rise"]
    assert found.cron == "* * * * *"
