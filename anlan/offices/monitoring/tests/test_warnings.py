"""From readings on disk to warnings: opened, raised, cleared, dealt with; once, whatever is run again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import settings as settings_
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from anlan.engines.telemetry import rules
from anlan.engines.telemetry.journal import Journal, batch_of
from anlan.kernel import cases, clock
from anlan.kernel.cases.conformance import LifecycleMachine, untranslated
from anlan.kernel.cases.history import tell
from anlan.kernel.cases.lifecycle import PRODUCT, Move, lifecycle
from anlan.kernel.cases.models import Case, CaseEntry
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.monitoring.evaluation import CORRECTED, Evaluation
from anlan.offices.monitoring.models import Device, EarlyWarning
from anlan.parties.models import Account

from .conftest import AT, BANAN, TESTER, YUBEI, account, device

pytestmark = pytest.mark.django_db
MINUTE = 60_000
NOON = int(AT.timestamp() * 1000)
RULES = rules.parse(
    """
late: 2min
rules:
  - name: fast
    title: {zh: 超速行驶, en: Too fast}
    kind: level
    metric: speed
    programmes: [coaches]
    source: 试验
    levels: [{level: yellow, more_than: 100}, {level: red, more_than: 120}]
  - name: quiet
    title: {zh: 无数据, en: Silent}
    kind: silent
    level: blue
    for: 30min
    source: 试验
""".encode()
)


class Desk:
    """A journal, and its evaluation that can be killed and begun again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.journal = folder, Journal(folder / "journal", "test")
        self.evaluation = self.begin()

    def begin(self) -> Evaluation:
        return Evaluation(self.folder / "journal", self.folder / "state", RULES)

    def drive(self, *speeds: float, code: str = "k1", begin: float = 0, step: bool = True) -> None:
        """Readings, one a minute; they come as the last of them is measured."""
        at = [NOON + round((begin + n) * MINUTE) for n in range(len(speeds))]
        self.journal.append(batch_of([code] * len(at), ["speed"] * len(at), at, list(speeds), at[-1]))
        if step:
            with clock.frozen(AT + timedelta(minutes=begin + len(speeds))):
                self.evaluation.step()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def warnings() -> list[EarlyWarning]:
    with acting(TESTER, EVERYWHERE):
        return list(EarlyWarning.objects.select_related("device").order_by("measured_at"))


def history(case: EarlyWarning) -> list[str]:
    with acting(TESTER, EVERYWHERE):
        return [one.words for one in tell(case, CaseEntry.of(case).order_by("version"))]


def test_a_rule_opens_one_warning_which_rises_and_clears(desk: Desk) -> None:
    device("k1")
    desk.drive(90, 110, 130, 125, 110, 90)
    (one,) = warnings()
    assert (one.level, one.value, one.rule, one.state) == ("red", 130, "fast", "open")
    assert one.measured_at == AT + timedelta(minutes=1)
    assert one.cleared_at == AT + timedelta(minutes=5)
    assert one.title == "k1：超速行驶"
    assert (one.area_code, one.programme, one.rule_version) == (YUBEI, "coaches", None)
    assert history(one) == [
        "安澜 Anlan按规则发出预警", "达到红色等级，数值130", "红色等级解除，数值110", "恢复正常，数值90",
    ]  # fmt: skip
    with acting(TESTER, EVERYWHERE):
        assert Device.objects.get().heard_at == AT + timedelta(minutes=5)


def test_a_warning_of_a_vehicle_says_where_it_was_and_not_where_it_is_at_home(desk: Desk) -> None:
    for name in ("k1", "k2", "k3"):
        device(name, lon=106.7, lat=29.5, place="车队停车场")
    for code, lon in (("k1", 108.25), ("k2", 0.0)):  # the latter is nowhere near the country
        desk.journal.append(batch_of([code] * 2, ["lat", "lon"], [NOON] * 2, [30.5, lon], NOON))
    desk.drive(110)
    for code in ("k2", "k3"):
        desk.drive(110, code=code)
    desk.drive(30, begin=1)  # as the next one comes its place is written, and no longer waits to be
    desk.drive(30, begin=40)
    told = {(one.device.code, one.rule): (float(one.lon or 0), float(one.lat or 0), one.place) for one in warnings()}
    there, home = (108.25, 30.5, "东经108.25000°，北纬30.50000°"), (106.7, 29.5, "车队停车场")
    assert told == {
        ("k1", "fast"): there, ("k1", "quiet"): there, ("k2", "fast"): home, ("k3", "fast"): home,
        ("k2", "quiet"): home, ("k3", "quiet"): home,
    }  # fmt: skip


def test_while_one_is_open_the_next_event_is_the_same_warning(desk: Desk) -> None:
    device("k1")
    desk.drive(110, 90, 110, 90, 110)
    (one,) = warnings()
    assert one.cleared_at is None
    assert [e["state"] for e in one.told] == ["open", "clear", "open", "clear", "open"]
    with acting(TESTER, EVERYWHERE):
        twin = EarlyWarning(
            number="x", title="x", device_id=one.device_id, rule="fast", enterprise_id=one.enterprise_id, value=1,
            area_code=YUBEI, owner_area_code=YUBEI, state="open", measured_at=AT, programme="coaches", level="red",
        )  # fmt: skip
        with transaction.atomic(), pytest.raises(IntegrityError, match="one_open_warning"):
            twin.save()


def test_killed_after_the_database_and_before_the_state_was_kept_nothing_is_said_twice(desk: Desk) -> None:
    device("k1")
    desk.drive(110, 130)
    desk.evaluation.keep()
    desk.drive(90, 90, begin=2)
    before = [(w.number, w.told, w.version) for w in warnings()]
    desk.evaluation = desk.begin()  # the state is the one before the last readings
    with clock.frozen(AT + timedelta(minutes=4)):
        desk.evaluation.step()
    assert [(w.number, w.told, w.version) for w in warnings()] == before
    desk.evaluation = Evaluation(desk.folder / "journal", desk.folder / "none", RULES)  # and with no state at all
    with clock.frozen(AT + timedelta(minutes=4)):
        desk.evaluation.step()
    assert [(w.number, w.told, w.version) for w in warnings()] == before


def test_killed_before_the_database_nothing_is_missing(desk: Desk) -> None:
    device("k1")
    desk.drive(90)
    desk.evaluation.keep()
    desk.drive(110, begin=1, step=False)  # acknowledged, and then the power failed
    desk.evaluation = desk.begin()
    with clock.frozen(AT + timedelta(minutes=2)):
        desk.evaluation.step()
    assert [w.level for w in warnings()] == ["yellow"]


def test_dealt_with_it_stays_closed_when_everything_is_run_again(desk: Desk) -> None:
    device("k1")
    desk.drive(110, 90)
    by = account("district", "500112000000")
    (one,) = warnings()
    with acting(by.actor, by.scope):
        one = cases.move(one, "acknowledge", by=by, seen_version=one.version)
        one = cases.move(one, "handle", by=by, seen_version=one.version, findings="已联系驾驶人减速")
    desk.evaluation = Evaluation(desk.folder / "journal", desk.folder / "none", RULES)
    with clock.frozen(AT + timedelta(minutes=2)):
        desk.evaluation.step()
    assert [w.state for w in warnings()] == ["handled"]
    desk.drive(110, begin=5)
    assert [w.state for w in warnings()] == ["handled", "open"]


def test_a_late_reading_that_shows_it_was_none_ends_it(desk: Desk) -> None:
    device("k1")
    desk.drive(90)
    with clock.frozen(AT + timedelta(minutes=33)):
        desk.evaluation.step()
    (one,) = warnings()
    assert (one.rule, one.level, one.state) == ("quiet", "blue", "open")
    # It had been underground: what it measured comes now, one reading inside the window of each other.
    desk.drive(*[90.0] * 34, begin=0)
    assert [(w.state, w.cause) for w in warnings()] == [("false", CORRECTED)]


def test_a_device_that_no_register_knows_warns_nobody(desk: Desk) -> None:
    desk.drive(130, code="stranger")
    assert warnings() == []
    assert desk.evaluation.unknown == 0  # it is of no programme, so the rule does not even ask it


def test_a_late_reading_that_shows_it_began_before_moves_its_beginning_and_denies_nothing(desk: Desk) -> None:
    device("k1")
    desk.drive(90, 110)
    desk.drive(110, begin=0.5)
    (one,) = warnings()
    assert one.told == [{"level": "yellow", "state": "open", "ts": NOON + MINUTE // 2}]
    assert one.measured_at == AT + timedelta(seconds=30)
    assert history(one) == ["安澜 Anlan按规则发出预警"]


def test_a_device_is_replaced_by_one_of_its_own_programme_and_enterprise(everywhere: None) -> None:
    old = device("k1", removed_on=AT.date())
    for other in (device("tag", programme="cylinders", protocol="mqtt"), device("k2", BANAN)):
        old.replaced_by = other
        with pytest.raises(ValidationError, match="replaced_by"):
            old.full_clean()
    old.replaced_by = device("k3")
    old.full_clean()


def test_a_device_out_of_service_is_not_warned_of_as_silent_and_what_it_opened_before_still_ends(desk: Desk) -> None:
    device("k1")
    device("k2")
    desk.drive(90)
    desk.drive(110, code="k2")
    with acting(TESTER, EVERYWHERE):
        Device.objects.update(removed_on=AT.date(), updated_at=AT)
    desk.drive(90, code="k2", begin=1)
    for minutes in (2, 40, 60):
        with clock.frozen(AT + timedelta(minutes=minutes)):
            desk.evaluation.step()
    assert [(one.device.code, one.rule, one.cleared_at) for one in warnings()] == [
        ("k2", "fast", AT + timedelta(minutes=1))
    ]


def test_each_sees_the_warnings_of_his_area(desk: Desk) -> None:
    device("k1")
    desk.drive(130)
    for area, seen in (("500112000000", 1), ("500113000000", 0)):
        by = account("district", area)
        with acting(by.actor, by.scope):
            assert EarlyWarning.objects.count() == seen


class WarningLives(LifecycleMachine):
    kind = "warning"
    people = (
        Account(pk=1, username="duty", name="值班员", role="duty", area_code="500000000000"),
        Account(pk=2, username="district", name="渝北", role="district", area_code="500112000000"),
        Account(pk=3, username="city", name="市安委办", role="city", area_code="500000000000"),
    )

    def open(self) -> Case:
        one = device(f"m{self.begins.timestamp()}")
        made: EarlyWarning = cases.open_case(
            "warning", PRODUCT, device=one, rule="fast", programme=one.programme, level="red", title="超速", value=1.0,
            rule_source="试验", measured_at=clock.now(), told=[], enterprise_id=one.enterprise_id,
            area_code=one.area_code,
        )  # fmt: skip
        return made

    def facts(self, draw: Any, move: Move, case: Case) -> dict[str, Any]:
        draw(st.none())
        return {f.name: "说明" for f in move.fields}


@pytest.mark.slow
def test_no_illegal_move_no_other_deadline_no_gap_in_history(everywhere: None) -> None:
    run_state_machine_as_test(WarningLives, settings=settings_(max_examples=10, deadline=None, stateful_step_count=12))


def test_every_state_and_move_is_said_in_chinese() -> None:
    declared = lifecycle("warning")
    assert declared is not None
    assert untranslated(declared) == []


@pytest.mark.slow
def test_a_sensor_that_jumps_about_its_limit_keeps_nobody_waiting(desk: Desk) -> None:
    """Ten thousand crossings in one go: some are told, then how it stands; others are told beside it at once."""
    device("k1")
    device("k2")
    count = 10_000
    at = [NOON + n * 10 for n in range(count)]
    desk.journal.append(batch_of(["k1"] * count, ["speed"] * count, at, [110.0, 90.0] * (count // 2), at[-1]))
    desk.journal.append(batch_of(["k2"], ["speed"], [at[-1]], [130.0], at[-1]))
    with clock.frozen(AT + timedelta(minutes=5)), CaptureQueriesContext(connection) as asked:
        desk.evaluation.step()
        desk.evaluation.keep()
    assert len(asked) < 400
    other, jumping = sorted(warnings(), key=lambda one: one.level)
    assert (other.level, other.title[:2], other.value) == ("red", "k2", 130)
    assert len(jumping.told) < 20
    assert jumping.told[-1] == {"level": "yellow", "state": "clear", "ts": at[-1]}
    assert jumping.cleared_at is not None
    assert len(history(jumping)) < 20


def test_of_what_jumps_a_graver_level_is_told_at_once_and_the_rest_when_the_state_is_kept(desk: Desk) -> None:
    device("k1")
    desk.drive(*[110, 90] * 20)
    desk.drive(130, begin=40)
    (one,) = warnings()
    assert (one.level, one.told[-1]["level"]) == ("red", "red")
    desk.drive(90, begin=41)
    desk.evaluation.keep()
    (one,) = warnings()
    assert one.cleared_at == AT + timedelta(minutes=41)
    desk.drive(110, begin=42)
    desk.drive(90, 110, begin=43)
    desk.evaluation.keep()
    (one,) = warnings()
    assert one.cleared_at is None
    assert one.told[-1]["ts"] == NOON + 44 * MINUTE
    before = len(one.told)
    desk.evaluation.keep()
    assert len(warnings()[0].told) == before


def test_what_was_dealt_with_while_it_jumps_is_warned_of_anew(desk: Desk) -> None:
    device("k1")
    desk.drive(*[110, 90] * 20)
    with acting(TESTER, EVERYWHERE):
        case = EarlyWarning.objects.get()
        officer = account("district", YUBEI)
        for name, facts in (("acknowledge", {}), ("handle", {"findings": "已处置"})):
            case = cases.move(case, name, by=officer, seen_version=case.version, **facts)
    desk.drive(110, 90, 110, begin=40)
    desk.evaluation.keep()
    first, second = warnings()
    assert (first.state, second.state, second.cleared_at) == ("handled", "open", None)
    assert second.measured_at == AT + timedelta(minutes=42)
