"""Rules as records: every version kept, taken up by the evaluation while it runs, tried before they are switched on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import ProgrammingError, connection, transaction
from django.test import Client

from anlan.engines.telemetry import history
from anlan.engines.telemetry.journal import Journal, batch_of
from anlan.engines.telemetry.rules import BadRules
from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, Scope, acting
from anlan.offices.monitoring import reference, rulebook, trials
from anlan.offices.monitoring.evaluation import ASKED_EVERY, Evaluation
from anlan.offices.monitoring.models import (
    Calibration,
    Device,
    DeviceSetting,
    EarlyWarning,
    Rule,
    RuleTrial,
    RuleVersion,
    Suppressed,
)

from .conftest import AT, BANAN, TESTER, account, device

pytestmark = pytest.mark.django_db
MINUTE = 60_000
NOON = int(AT.timestamp() * 1000)
FAST = """name: fast
title: {zh: 超速行驶, en: Too fast}
kind: level
metric: speed
programmes: [coaches]
source: 试验
levels:
  - {level: yellow, more_than: 100}
"""
CITY = "500000000000"


@pytest.fixture(autouse=True)
def _home(settings: Any, tmp_path: Path) -> None:
    settings.HOME = tmp_path


def made(text: str = FAST, on: bool = True, reason: str = "试验") -> Rule:
    """The rule with this text as its next version."""
    with acting(TESTER, EVERYWHERE):
        content = rulebook.checked(text)
        rule = Rule.objects.filter(name=content["name"]).first() or Rule.objects.create(name=content["name"])
        rulebook.save(rule, text, content, on, reason, TESTER)
    return rule


class Desk:
    """A journal and its evaluation under the rules of the register; time goes on as it drives."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.journal, self.at = folder, Journal(folder / "telemetry/journal", "test"), 0
        self.evaluation = self.begin()

    def begin(self) -> Evaluation:
        return Evaluation(self.folder / "telemetry/journal", self.folder / "telemetry/state")

    def drive(self, *values: float, code: str = "k1", metric: str = "speed") -> None:
        """Readings, one a minute, each looked at as it is measured."""
        for value in values:
            ts = NOON + self.at * MINUTE
            self.journal.append(batch_of([code], [metric], [ts], [value], ts))
            self.at += 1
            with clock.frozen(AT + timedelta(minutes=self.at)):
                self.evaluation.step()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def warnings() -> list[EarlyWarning]:
    with acting(TESTER, EVERYWHERE):
        return list(EarlyWarning.objects.select_related("rule_version").order_by("measured_at"))


# --- What is shipped -----------------------------------------------------------------------------------------------


@pytest.fixture
def everywhere(db: None) -> Iterator[None]:
    with acting(TESTER, EVERYWHERE):
        yield


def test_the_shipped_rules_are_there_as_version_one_and_switched_on(everywhere: None) -> None:
    texts = list(reference.shipped())
    assert Rule.objects.count() == len(texts) == 28
    assert set(RuleVersion.objects.values_list("number", "origin", "on")) == {(1, "product", True)}
    methane = Rule.objects.get(name="methane").current
    assert methane is not None
    assert methane.text.startswith("name: methane\ntitle: {zh: 甲烷超限")
    rules, versions = rulebook.current()
    assert len(rules.rules) == len(versions) == 28
    assert rules.late == 120_000


def test_a_newer_release_changes_what_the_city_left_and_proposes_what_it_changed(
    everywhere: None, tmp_path: Path
) -> None:
    text = reference.RULES.read_text(encoding="utf-8")
    stuck = Rule.objects.get(name="gas-sensor-stuck")
    assert stuck.current is not None
    own = stuck.current.text.replace("24h", "12h")
    rulebook.save(stuck, own, rulebook.checked(own, stuck.name), True, "太长", TESTER)
    newer = tmp_path / "rules.yaml"
    newer.write_text(text.replace("more_than: 24}", "more_than: 20}").replace("for: 24h", "for: 48h") + (
        "  - {name: brand-new, title: {zh: 新, en: New}, kind: silent, level: blue, for: 1h, source: x}\n"
    ))  # fmt: skip
    reference.load("default", newer)
    reference.load("default", newer)  # twice is once
    monoxide, stuck = Rule.objects.get(name="carbon-monoxide"), Rule.objects.get(name="gas-sensor-stuck")
    assert monoxide.current is not None
    assert (monoxide.current.number, monoxide.current.content["levels"][0]["more_than"]) == (2, 20)
    assert stuck.current is not None
    assert (stuck.current.number, stuck.current.content["for"]) == (2, "12h")
    proposal = rulebook.proposed(stuck, stuck.versions.all())
    assert proposal is not None
    assert (proposal.number, proposal.content["for"]) == (3, "48h")
    rulebook.save(stuck, stuck.current.text, stuck.current.content, True, "维持本市规定", TESTER)
    assert rulebook.proposed(stuck, stuck.versions.all()) is None
    assert not Rule.objects.get(name="brand-new").on


def test_a_version_is_for_ever(everywhere: None) -> None:
    for change in ("UPDATE monitoring_ruleversion SET text = 'x'", "DELETE FROM monitoring_ruleversion"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            connection.cursor().execute(change)


def test_the_city_demands_more_than_the_schema(everywhere: None) -> None:
    def faults(text: str, name: str | None = None) -> list[tuple[int, str]]:
        with pytest.raises(BadRules) as caught:
            rulebook.checked(text, name)
        return [(one.line, str(one)) for one in caught.value.faults]

    assert faults(FAST.replace(", en: Too fast", "")) == [(2, "a title in both languages is missing: en")]
    assert faults(FAST.replace("[coaches]", "[coaches, trams]"))[0][0] == 5
    assert faults(FAST, "slow") == [(1, "a rule keeps its name: slow")]


# --- The evaluation ------------------------------------------------------------------------------------------------


def test_a_change_is_taken_up_while_it_runs_and_the_warning_names_its_version(desk: Desk) -> None:
    device("k1")
    desk.drive(105)
    assert warnings() == []
    made()
    assert timedelta(minutes=1) > ASKED_EVERY
    desk.drive(105)
    (one,) = warnings()
    assert one.rule_version is not None
    assert (one.rule, one.rule_version.number, one.rule_version.rule.name) == ("fast", 1, "fast")
    made(FAST + "  - {level: red, more_than: 120}\n")
    desk.drive(105, 130, 110, 90)
    (one,) = warnings()  # the level that says the same went on where it stood
    assert [(e["level"], e["state"]) for e in one.told] == [
        ("yellow", "open"), ("red", "open"), ("red", "clear"), ("yellow", "clear"),
    ]  # fmt: skip
    assert one.rule_version is not None
    assert one.rule_version.number == 1
    made(on=False)
    desk.drive(130)
    assert len(warnings()) == 1
    assert warnings()[0].cleared_at == AT + timedelta(minutes=5)


def test_over_a_restart_too(desk: Desk) -> None:
    device("k1")
    made()
    desk.drive(90, 105)
    desk.evaluation.keep()
    made(FAST.replace("100", "110"))
    desk.evaluation = desk.begin()
    desk.drive(105, 115)
    (one,) = warnings()
    assert [e["ts"] for e in one.told if e["state"] == "open"] == [NOON + MINUTE, NOON + 3 * MINUTE]


def test_with_every_rule_off_it_goes_on(desk: Desk) -> None:
    with acting(TESTER, EVERYWHERE):
        Rule.objects.update(on=False)
    desk.drive(105, 130)
    assert warnings() == []


def test_a_limit_that_is_set_for_a_device_is_its_limit_from_that_day(desk: Desk) -> None:
    one = device("m1", programme="coal-gas", protocol="mqtt")
    with acting(TESTER, EVERYWHERE):
        for value, days in ((1.0, 9), (5.0, -1)):
            DeviceSetting.objects.create(
                device=one, metric="ch4_alarm", value=value, since=AT.date() - timedelta(days=days), basis="试验"
            )
    desk.drive(0.5, 1.1, code="m1", metric="ch4")
    assert [(w.rule, w.level) for w in warnings()] == [("methane", "orange")]


def test_what_was_set_for_a_sensor_holds_for_the_one_that_replaces_it(desk: Desk) -> None:
    """A new sensor at the same face is not without its limits, nor without what is changed of them later."""
    first, second, third = (device(f"m{n}", programme="coal-gas", protocol="mqtt") for n in (1, 2, 3))
    desk.drive(1.1, code="m3", metric="ch4")  # nobody has set anything for it, nor said what it replaces
    assert warnings() == []
    with acting(TESTER, EVERYWHERE):
        for one, name, value in ((first, "ch4_alarm", 1.0), (first, "ch4_cut", 1.5), (second, "ch4_cut", 2.0)):
            DeviceSetting.objects.create(device=one, metric=name, value=value, since=AT.date(), basis="试验")
        for old, new in ((first, second), (second, third), (third, first)):  # and a circle ends
            Device.objects.filter(pk=old.pk).update(replaced_by=new)
    with acting(TESTER, EVERYWHERE), clock.frozen(AT + timedelta(minutes=2)):
        Device.objects.get(pk=second.pk).save()
        told = {(code, name): value for code, name, _since, value in rulebook.limits(["m3"])}
        assert told == {("m3", "ch4_alarm"): 1.0, ("m3", "ch4_cut"): 2.0}, "of two the nearest"
        assert told.items() <= {(c, n): value for c, n, _since, value in rulebook.limits(past=True)}.items()
    desk.drive(1.1, code="m3", metric="ch4")
    assert [(w.rule, w.level, w.device_id) for w in warnings()] == [("methane", "orange", third.pk)]


def test_what_is_changed_of_a_device_is_taken_up_and_a_limit_begins_at_midnight(desk: Desk) -> None:
    one = device("m1", programme="coal-gas", protocol="mqtt")
    desk.drive(1.1, code="m1", metric="ch4")
    with acting(TESTER, EVERYWHERE):
        row = DeviceSetting.objects.create(device=one, metric="ch4_alarm", value=5, since=AT.date(), basis="试验")
        tomorrow = AT.date() + timedelta(days=1)
        DeviceSetting.objects.create(device=one, metric="ch4_alarm", value=0.5, since=tomorrow, basis="试验")
    desk.drive(1.1, code="m1", metric="ch4")
    assert warnings() == []
    with acting(TESTER, EVERYWHERE), clock.frozen(AT + timedelta(minutes=2)):
        row.value = 1
        row.save()
    desk.drive(1.1, 0.6, code="m1", metric="ch4")
    (case,) = warnings()
    assert (case.measured_at, case.cleared_at) == (AT + timedelta(minutes=2), AT + timedelta(minutes=3))
    desk.at = 13 * 60  # past midnight, and past the hour in which what was written is asked for again
    desk.drive(0.6, 0.6, code="m1", metric="ch4")
    assert [e["state"] for e in warnings()[0].told] == ["open", "clear", "open"]


def test_what_shows_under_calibration_warns_nobody_and_is_kept(desk: Desk) -> None:
    made()
    one = device("k1")
    with acting(TESTER, EVERYWHERE):
        Calibration.objects.create(
            device=one, begin=AT - timedelta(hours=1), until=AT + timedelta(minutes=5), reason="标校", done_by="队"
        )
    desk.drive(130, 90, 130, 90)
    assert warnings() == []
    with acting(TESTER, EVERYWHERE):
        kept = list(Suppressed.objects.order_by("measured_at").values_list("rule", "state", "rule_version__number"))
    assert kept == [("fast", state, 1) for state in ("open", "clear", "open", "clear")]
    desk.drive(90, 90, 130)
    assert [w.measured_at for w in warnings()] == [AT + timedelta(minutes=6)]


@pytest.mark.parametrize(
    ("begin", "until", "field"),
    [
        (timedelta(minutes=-30), timedelta(hours=20), ""),
        (timedelta(hours=-2), timedelta(hours=1), "begin"),
        (timedelta(hours=30), timedelta(hours=31), "begin"),
        (timedelta(0), timedelta(hours=25), "until"),
        (timedelta(0), None, "until"),
    ],
)
def test_an_enterprise_silences_its_own_devices_for_no_longer_than_such_work_takes(
    begin: timedelta, until: timedelta | None, field: str
) -> None:
    one = device("k1")
    row = Calibration(device=one, begin=AT + begin, until=until and AT + until, reason="标校", done_by="队")
    with acting(TESTER, EVERYWHERE):
        row.clean()  # its supervisor may
    with acting(TESTER, Scope(area="500112131000", industries=None, enterprise=one.enterprise_id)):
        if not field:
            row.clean()
            return
        with pytest.raises(ValidationError) as refused:
            row.clean()
    assert list(refused.value.message_dict) == [field]


def test_nor_one_after_the_other_for_ever() -> None:
    one = device("k1")

    def entered(hours: float, length: float = 12) -> None:
        begin = AT + timedelta(hours=hours)
        with clock.frozen(begin), acting(TESTER, Scope("500112131000", None, one.enterprise_id)):
            row = Calibration(
                device=one, begin=begin, until=begin + timedelta(hours=length), reason="标校", done_by="队"
            )
            row.full_clean()
            row.save()

    with acting(TESTER, EVERYWHERE):  # what its supervisor entered is its own matter
        Calibration.objects.create(device=one, begin=AT - timedelta(days=40), until=AT, reason="停产", done_by="区局")
    entered(0)
    entered(4)  # counts from the end of the other on
    entered(16)
    with pytest.raises(ValidationError) as refused:
        entered(28)
    assert "36" in str(refused.value.message_dict["until"])
    entered(29, 7)
    for hours in (37, 100, 160):
        with pytest.raises(ValidationError):
            entered(hours, 2)
    entered(8 * 24)


def test_a_restart_under_calibration_warns_of_nothing_that_was_suppressed(desk: Desk) -> None:
    made()
    one = device("k1")
    with acting(TESTER, EVERYWHERE):
        Calibration.objects.create(device=one, begin=AT - timedelta(hours=1), reason="标校", done_by="队")
    desk.drive(90, 130)
    with clock.frozen(AT + timedelta(minutes=2)):
        desk.evaluation.keep()
        desk.evaluation = desk.begin()  # what waits in the window is looked at anew
    desk.drive(130)
    assert warnings() == []


def test_what_opened_under_calibration_and_still_stands_after_it_is_a_warning(desk: Desk) -> None:
    made()
    one = device("k1")
    with acting(TESTER, EVERYWHERE):
        row = Calibration.objects.create(device=one, begin=AT - timedelta(hours=1), reason="标校", done_by="队")
    desk.drive(90, 130, 130)
    assert warnings() == []
    with acting(TESTER, EVERYWHERE):
        row.until = AT + timedelta(minutes=3)  # ended, when nobody had said before until when
        row.save()
    desk.drive(130, 131, 132)
    (case,) = warnings()
    assert (case.measured_at, case.state) == (AT + timedelta(minutes=3), "open")
    desk.drive(90)
    assert warnings()[0].cleared_at == AT + timedelta(minutes=6)
    assert len(warnings()) == 1


# --- Trying on history ---------------------------------------------------------------------------------------------


def test_a_trial_reads_history_and_journal_of_the_devices_it_speaks_of(desk: Desk, tmp_path: Path) -> None:
    rule, office = made(), account("city", CITY)
    device("k1")
    device("k2", BANAN, programme="rural-buses")
    for days in (3, 2, 1, 0):
        at = [NOON - days * 86_400_000 + n * MINUTE for n in range(10)]
        for code in ("k1", "k2", "stranger"):
            desk.journal.append(
                batch_of([code] * 10, ["speed"] * 10, at, [95.0] * 5 + [115.0, 90.0, 120.0] * 1 + [90.0] * 2, at[-1])
            )
        if days == 1:
            desk.journal.turn()
            history.archive(tmp_path / "telemetry/journal", tmp_path / "telemetry/history")
    text = FAST.replace("100", "117")
    with acting(office.actor, office.scope), clock.frozen(AT + timedelta(hours=1)):
        one = trials.ask(office, text, rulebook.checked(text, "fast"), rule.current, 30)
    with acting(TESTER, EVERYWHERE):
        trials.run.run(one.pk)
        one = RuleTrial.objects.get(pk=one.pk)
    assert one.state == "done"
    assert (one.found["tried"]["times"], one.found["tried"]["devices"]) == (4, 1)
    assert one.found["present"]["times"] == 8
    assert one.found["rows"][0] == {
        "device": "k1", "day": "2013-06-14", "tried": 1, "present": 2, "levels": ["yellow"],
    }  # fmt: skip
    assert one.found["whole"]
    client = Client()
    client.force_login(office)
    page = client.get(one.get_absolute_url()).content.decode()
    assert "k1" in page
    assert client.get(f"{rule.get_absolute_url()}?trial={one.pk}").content.decode().count("more_than: 117") == 1
    other = Client()
    other.force_login(account("district", "500112000000"))
    assert other.get(one.get_absolute_url()).status_code == 403
