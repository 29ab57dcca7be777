"""One cause is one warning: what stands under which, whatever comes late, twice, or after a crash."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from anlan.engines.telemetry import rules
from anlan.engines.telemetry.journal import batch_of
from anlan.kernel import cases, clock
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.monitoring.evaluation import Evaluation
from anlan.offices.monitoring.models import EarlyWarning
from anlan.parties.models import Account

from .conftest import AT, TESTER, YUBEI, account, device
from .test_warnings import MINUTE, NOON, Desk, history, warnings

pytestmark = pytest.mark.django_db
RULES = rules.parse(
    """
late: 2min
rules:
  - name: fast
    title: {zh: 超速行驶, en: Too fast}
    kind: level
    metric: speed
    source: 试验
    levels: [{level: yellow, more_than: 100}, {level: red, more_than: 120}]
  - name: hot
    title: {zh: 温度高, en: Too hot}
    kind: level
    metric: temp
    source: 试验
    levels: [{level: orange, more_than: 80}]
  - name: quiet
    title: {zh: 无数据, en: Silent}
    kind: silent
    level: blue
    for: 30min
    source: 试验
""".encode()
)
DISTRICT = "500112000000"


class Yard(Desk):
    def begin(self) -> Evaluation:
        return Evaluation(self.folder / "journal", self.folder / "state", RULES)

    def read(self, metric: str, value: float, at: int, *codes: str) -> None:
        """One reading of each of these devices, `at` minutes after noon, and evaluated a minute later."""
        names = codes or ("k1",)
        moment = NOON + at * MINUTE
        batch = batch_of(list(names), [metric] * len(names), [moment] * len(names), [value] * len(names), moment)
        self.journal.append(batch)
        self.step(at + 1)

    def step(self, minutes: int) -> None:
        with clock.frozen(AT + timedelta(minutes=minutes)):
            self.evaluation.step()


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


@pytest.fixture
def officer() -> Account:
    return account("district", DISTRICT)


def move(by: Account, case: EarlyWarning, name: str, at: int = 10, **facts: Any) -> EarlyWarning:
    with clock.frozen(AT + timedelta(minutes=at)), acting(by.actor, by.scope):
        return cases.move(EarlyWarning.objects.get(pk=case.pk), name, by=by, seen_version=_version(case), facts_=facts)


def _version(case: EarlyWarning) -> int:
    return EarlyWarning.objects.get(pk=case.pk).version


def head_and_under() -> tuple[EarlyWarning, list[EarlyWarning]]:
    found = warnings()
    (head,) = [one for one in found if one.head_id is None and one.closed_at is None]
    return head, [one for one in found if one.pk != head.pk]


def test_what_several_rules_say_of_one_device_is_one_warning_with_the_highest_level(yard: Yard) -> None:
    device("k1")
    yard.read("speed", 110, 0)
    yard.read("temp", 90, 1)
    head, (under,) = head_and_under()
    assert (head.rule, head.level, head.state) == ("fast", "orange", "open")
    assert (under.rule, under.level, under.state, under.head_id) == ("hot", "orange", "under", head.pk)
    assert (under.due_at, under.clock) == (None, None), "no time limit runs, and nobody is called"
    assert head.due_at == AT + timedelta(minutes=2 + 15), "in the time of the higher level"
    assert history(head)[-1] == f"并入的{under.number}达到橙色等级：k1：温度高"
    assert (under.get_rule_title(), under.rule_kind) == ("温度高", "level")


def test_what_rises_under_a_warning_lifts_it_and_calls_again_whoever_had_looked_at_less(
    yard: Yard, officer: Account
) -> None:
    device("k1")
    yard.read("temp", 90, 0)
    yard.read("speed", 110, 1)
    head, (under,) = head_and_under()
    assert (head.level, under.level) == ("orange", "yellow"), "what is lower lifts nothing"
    move(officer, head, "acknowledge", at=5)
    yard.read("speed", 130, 8)
    head, (under,) = head_and_under()
    assert (head.level, head.state, under.level, under.state) == ("red", "open", "red", "under")
    assert head.due_at == AT + timedelta(minutes=9 + 5)


def test_a_higher_level_never_gives_more_time_than_was_left(yard: Yard) -> None:
    device("k1")
    yard.read("speed", 110, 0)  # yellow: an hour from 12:01
    for minute in (25, 50):
        yard.read("speed", 110, minute)
    yard.read("speed", 130, 58)
    (one,) = warnings()
    assert (one.level, one.due_at) == ("red", AT + timedelta(minutes=61))
    with acting(TESTER, EVERYWHERE):
        assert cases.recomputed_due(one) == one.due_at


def test_many_devices_of_one_enterprise_that_fall_silent_are_one_warning(yard: Yard) -> None:
    for code in ("a1", "a2", "a3"):
        device(code)
    device("b1", area="500113001000")  # of another enterprise
    yard.read("speed", 50, 0, "a1", "a2", "a3", "b1")
    yard.step(31 + 2)
    found = warnings()
    assert [one.rule for one in found] == ["quiet"] * 4
    heads = [one for one in found if one.head_id is None]
    assert sorted(one.area_code for one in heads) == [YUBEI, "500113001000"]
    assert len({one.head_id for one in found if one.head_id}) == 1


def test_silence_is_no_cause_of_what_the_readings_say(yard: Yard) -> None:
    device("k1")
    yard.read("speed", 130, 0)
    yard.step(40)
    assert [(one.rule, one.head_id) for one in warnings()] == [("fast", None), ("quiet", None)]


def test_dealt_with_all_of_a_cause_are_dealt_with(yard: Yard, officer: Account) -> None:
    device("k1")
    yard.read("speed", 110, 0)
    yard.read("temp", 90, 1)
    head, (under,) = head_and_under()
    move(officer, head, "acknowledge")
    move(officer, head, "handle", findings="水箱缺水，已加注")
    assert [(one.state, one.findings) for one in warnings()] == [("handled", "水箱缺水，已加注")] * 2
    assert history(under)[-1] == "district处置完毕：水箱缺水，已加注"
    # Everything run again from the beginning says nothing new; what comes then is a cause of its own.
    before = [(one.number, one.told, one.version) for one in warnings()]
    yard.evaluation = Evaluation(yard.folder / "journal", yard.folder / "none", RULES)
    yard.step(2)
    assert [(one.number, one.told, one.version) for one in warnings()] == before
    yard.read("temp", 50, 20)
    yard.read("temp", 95, 21)
    assert [(one.rule, one.state) for one in warnings()][-1] == ("hot", "open")


def test_killed_between_database_and_state_nothing_stands_twice(yard: Yard) -> None:
    device("k1")
    yard.read("speed", 110, 0)
    yard.evaluation.keep()
    yard.read("temp", 90, 1)
    yard.read("speed", 130, 2)
    before = [(one.number, one.head_id, one.level, one.told, one.version) for one in warnings()]
    with acting(TESTER, EVERYWHERE):
        entries = CaseEntry.objects.count()
    yard.evaluation = yard.begin()
    yard.step(3)
    assert [(one.number, one.head_id, one.level, one.told, one.version) for one in warnings()] == before
    with acting(TESTER, EVERYWHERE):
        assert CaseEntry.objects.count() == entries


def test_a_head_that_alone_was_false_leaves_the_rest_under_the_gravest(yard: Yard, officer: Account) -> None:
    for code in ("a1", "a2", "a3"):
        device(code)
    yard.read("speed", 50, 0, "a1", "a2", "a3")
    yard.step(33)
    head, (first, second) = head_and_under()
    move(officer, head, "dismiss", at=40, cause="设备检修断电")
    now, others = head_and_under()
    assert (now.pk, now.state, now.due_at) == (first.pk, "open", AT + timedelta(minutes=40, hours=24))
    assert {one.pk: one.head_id for one in others} == {head.pk: None, second.pk: now.pk}
    assert now.cause_key == head.cause_key
    assert history(now)[-1] == "district将其改为单独处理"
    # And what falls silent next stands under that one.
    device("a4")
    yard.read("speed", 50, 41, "a4")
    yard.step(41 + 33)
    assert warnings()[-1].head_id == now.pk


def test_all_of_a_cause_may_be_found_false_at_once(yard: Yard, officer: Account) -> None:
    for code in ("a1", "a2"):
        device(code)
    yard.read("speed", 50, 0, "a1", "a2")
    yard.step(33)
    head, (_under,) = head_and_under()
    move(officer, head, "dismiss_all", at=40, cause="通信中断")
    assert [(one.state, one.cause) for one in warnings()] == [("false", "通信中断")] * 2


def test_one_under_another_may_end_or_be_taken_out_by_itself(yard: Yard, officer: Account) -> None:
    device("k1")
    yard.read("speed", 110, 0)
    yard.read("temp", 90, 1)
    head, (under,) = head_and_under()
    move(officer, under, "apart")
    found = {one.rule: one for one in warnings()}
    assert (found["hot"].head_id, found["hot"].state) == (None, "open")
    assert found["hot"].cause_key != found["fast"].cause_key
    assert found["hot"].due_at == AT + timedelta(minutes=25)
    # Put back by hand, where it is seen to be one cause after all.
    with pytest.raises(cases.FieldError, match="编号"):
        move(officer, found["hot"], "follow", under="无此号")
    move(officer, found["hot"], "follow", under=head.number)
    found = {one.rule: one for one in warnings()}
    assert (found["hot"].head_id, found["hot"].state, found["hot"].due_at) == (head.pk, "under", None)
    move(officer, found["hot"], "dismiss", cause="探头误报")
    assert [(one.rule, one.state) for one in warnings()] == [("fast", "open"), ("hot", "false")]


def test_what_has_others_under_it_goes_under_none_and_none_goes_under_anothers(yard: Yard, officer: Account) -> None:
    device("k1")
    device("k2")
    device("z1", area="500112001000")
    yard.read("speed", 110, 0, "k1", "k2", "z1")
    yard.read("temp", 90, 1, "k1")
    k1, k2, z1 = (next(one for one in warnings() if one.title.startswith(code)) for code in ("k1", "k2", "z1"))
    with pytest.raises(cases.MoveRefused, match="并入本预警"):
        move(officer, k1, "follow", under=k2.number)
    with pytest.raises(cases.FieldError, match="其他企业"):
        move(officer, z1, "follow", under=k1.number)
    move(officer, k2, "follow", under=k1.number)
    assert [one.state for one in warnings() if one.title.startswith("k2")] == ["under"]


def test_the_database_knows_one_open_head_of_a_cause(yard: Yard) -> None:
    device("k1")
    yard.read("speed", 110, 0)
    (one,) = warnings()
    assert one.cause_key
    with acting(TESTER, EVERYWHERE):
        twin = EarlyWarning(
            number="x", title="x", device_id=one.device_id, rule="hot", enterprise_id=one.enterprise_id, value=1,
            area_code=YUBEI, owner_area_code=YUBEI, state="open", measured_at=AT, programme="coaches", level="red",
            cause_key=one.cause_key,
        )  # fmt: skip
        with transaction.atomic(), pytest.raises(IntegrityError, match="one_open_head"):
            twin.save()
        with transaction.atomic(), pytest.raises(IntegrityError, match="under_a_head"):
            EarlyWarning.objects.filter(pk=one.pk).update(state="under")


def test_a_closed_one_is_not_opened_again_beside_another_of_its_cause(yard: Yard, officer: Account) -> None:
    device("k1")
    yard.read("speed", 110, 0)
    (old,) = warnings()
    move(officer, old, "dismiss", cause="测速误差")
    yard.read("temp", 90, 11)
    new = warnings()[-1]
    with pytest.raises(cases.MoveRefused, match=new.number):
        move(officer, old, "reopen", reason="再查")
    move(officer, new, "dismiss", cause="探头误报")
    move(officer, old, "reopen", reason="再查")
    assert {one.rule: one.state for one in warnings()} == {"fast": "open", "hot": "false"}


def test_what_stands_under_another_is_on_nobodys_work_list(yard: Yard, officer: Account) -> None:
    device("k1")
    yard.read("speed", 110, 0)
    yard.read("temp", 90, 1)
    head, _under = head_and_under()
    with acting(officer.actor, officer.scope):
        work = cases.worklist(officer)
    assert [row.number for row in work.rows if row.kind == "warning"] == [head.number]


def test_a_flapping_reading_says_that_it_is_beyond_the_limit_again(yard: Yard) -> None:
    device("k1")
    for minute, speed in enumerate((110, 90, 115)):
        yard.read("speed", speed, minute)
    (one,) = warnings()
    assert history(one)[1:] == ["恢复正常，数值90", "再次超限：黄色，数值115"]


@pytest.mark.slow
def test_thousands_at_once_take_as_many_statements_as_a_few(yard: Yard) -> None:
    """Two rules of a device at once as well: one of them stands by itself, with the higher level."""
    for n in range(60):
        device(f"s{n}")
    names, taken = [f"s{n}" for n in range(60)], []
    for first, count in ((0, 1), (1, 2), (3, 57)):  # what is asked once only is asked with the first
        codes = names[first : first + count]
        at = [NOON + first * MINUTE] * 2 * count
        yard.journal.append(
            batch_of(codes * 2, ["speed"] * count + ["temp"] * count, at, [110.0] * count + [90.0] * count, at[0])
        )
        with CaptureQueriesContext(connection) as asked:
            yard.step(first + 1)
        taken.append(len(asked))
    assert taken[2] - taken[1] <= 4  # one number series is locked for each authority, here one
    with acting(TESTER, EVERYWHERE):
        heads = EarlyWarning.objects.filter(head__isnull=True)
        assert heads.count() == EarlyWarning.objects.filter(head__isnull=False, state="under").count() == 60
        assert set(heads.values_list("level", flat=True)) == {"orange"}
        numbers = set(EarlyWarning.objects.values_list("number", flat=True))
        assert len(numbers) == 120
        assert CaseEntry.objects.filter(move="open").count() == 120


def test_ends_of_many_at_once_take_as_many_statements_as_of_two(yard: Yard) -> None:
    codes, taken = [f"s{n}" for n in range(14)], []
    for code in codes:
        device(code)
    yard.read("speed", 130, 0, *codes)
    for minute, some in ((1, codes[:2]), (2, codes[2:])):
        with CaptureQueriesContext(connection) as asked:
            yard.read("speed", 90, minute, *some)
        taken.append(len(asked))
    assert taken[1] <= taken[0]
    found = warnings()
    assert {one.device.code: one.cleared_at for one in found} == {
        code: AT + timedelta(minutes=1 if code in codes[:2] else 2) for code in codes
    }
    assert [history(one)[1:] for one in found] == [["红色等级解除，数值90", "恢复正常，数值90"]] * 14
    with acting(TESTER, EVERYWHERE):  # each entry names the version that it made
        assert all(list(CaseEntry.of(one).order_by("id").values_list("version", flat=True))[-1] == one.version
                   for one in found)  # fmt: skip
