"""Devices of a station: kept in the register, looked at together, warned of once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import translation

from anlan.engines.telemetry import history, rules
from anlan.engines.telemetry.journal import Journal, batch_of
from anlan.engines.telemetry.rules import BadRules
from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.monitoring import rulebook, trials, wording
from anlan.offices.monitoring.evaluation import ASKED_EVERY, Evaluation
from anlan.offices.monitoring.models import (
    Calibration,
    Device,
    DeviceSetting,
    EarlyWarning,
    RuleTrial,
    Station,
    Suppressed,
)

from .conftest import AT, BANAN, TESTER, YUBEI, account, device

pytestmark = pytest.mark.django_db
MINUTE = 60_000
NOON = int(AT.timestamp() * 1000)
FACE = """name: face
title: {zh: 停风瓦斯升高, en: Gas while the fan stands}
kind: level
at: station
programmes: [coal-gas]
metric: methane.ch4
while:
  - {metric: fan.fan, at_most: 0, not_older_than: 5min}
source: 试验
levels:
  - {level: red, at_least: {of: methane.ch4_alarm}}
"""
RULES = rules.parse(("rules:\n  - " + FACE.strip().replace("\n", "\n    ")).encode())


@pytest.fixture(autouse=True)
def _home(settings: Any, tmp_path: Path) -> None:
    settings.HOME = tmp_path


@pytest.fixture
def face() -> Station:
    """A face with its sensor, whose alarm is at 1.0, and its fan."""
    sensor = device("t1", programme="coal-gas", protocol="mqtt")
    with acting(TESTER, EVERYWHERE):
        made: Station = Station.objects.create(
            code="face-1", name="1301工作面", programme="coal-gas", enterprise=sensor.enterprise, area_code=YUBEI
        )
        sensor.station, sensor.role = made, "methane"
        sensor.save()
        DeviceSetting.objects.create(
            device=sensor, metric="ch4_alarm", value=1, since=AT.date() - timedelta(days=30), basis="试验"
        )
    device("f1", programme="coal-gas", protocol="mqtt", station=made, role="fan")
    return made


class Mine:
    """A journal, and its evaluation."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.journal = folder, Journal(folder / "journal", "test")
        self.evaluation = self.begin()

    def begin(self) -> Evaluation:
        return Evaluation(self.folder / "journal", self.folder / "state", RULES)

    def say(self, *rows: tuple[str, str, float, float]) -> None:
        """Readings as (device, metric, minutes after noon, value); they come as the last of them is measured."""
        for code, metric, minutes, value in rows:
            at = NOON + round(minutes * MINUTE)
            self.journal.append(batch_of([code], [metric], [at], [value], at))
        with clock.frozen(AT + timedelta(minutes=rows[-1][2])):
            self.evaluation.step()


@pytest.fixture
def mine(face: Station, tmp_path: Path) -> Mine:
    return Mine(tmp_path)


def warnings() -> list[EarlyWarning]:
    with acting(TESTER, EVERYWHERE):
        return list(EarlyWarning.objects.select_related("device", "station").order_by("measured_at"))


def test_gas_at_one_device_while_another_stands_still_is_one_warning_of_the_first(mine: Mine) -> None:
    mine.say(("f1", "fan", 0, 1), ("t1", "ch4", 0, 1.2))
    assert warnings() == []
    mine.say(("f1", "fan", 1, 0))
    mine.say(("t1", "ch4", 2, 1.3), ("f1", "fan", 2, 0))
    (one,) = warnings()
    assert (one.device.code, one.station and one.station.code, one.level, one.value) == ("t1", "face-1", "red", 1.2)
    assert one.title == "1301工作面 t1：停风瓦斯升高"
    assert one.measured_at == AT + timedelta(minutes=1)
    mine.say(("f1", "fan", 3, 1))
    (one,) = warnings()
    assert one.cleared_at == AT + timedelta(minutes=3)


def test_over_a_restart_it_goes_on_where_it_stood_and_says_nothing_twice(mine: Mine) -> None:
    mine.say(("f1", "fan", 0, 0), ("t1", "ch4", 1, 1.2))
    mine.evaluation = mine.begin()  # killed before anything was kept: run again, it says the same
    mine.say(("t1", "ch4", 2, 1.2))
    (one,) = warnings()
    mine.evaluation.keep()
    mine.evaluation = mine.begin()
    mine.say(("f1", "fan", 3, 1))
    (after,) = warnings()
    assert (after.pk, after.cleared_at) == (one.pk, AT + timedelta(minutes=3))
    assert [told["state"] for told in after.told] == ["open", "clear"]


def test_what_came_late_withdraws_it(mine: Mine) -> None:
    mine.say(("f1", "fan", 0, 0), ("t1", "ch4", 1, 1.2))
    mine.say(("f1", "fan", 0.5, 1))
    (one,) = warnings()
    assert (one.told, one.closed_at is not None) == ([], True)


def test_under_calibration_of_the_fan_nothing_is_told_and_what_stands_then_is(mine: Mine) -> None:
    with acting(TESTER, EVERYWHERE):
        Calibration.objects.create(
            device=Device.objects.get(code="f1"), begin=AT, until=AT + timedelta(minutes=9), reason="试", done_by="试"
        )
    mine.say(("f1", "fan", 1, 0), ("t1", "ch4", 1, 1.2))
    assert warnings() == []
    with acting(TESTER, EVERYWHERE):
        assert Suppressed.objects.get().device_id == Device.objects.get(code="t1").pk
    mine.say(("f1", "fan", 4, 0), ("t1", "ch4", 5, 1.2))
    mine.say(("f1", "fan", 8, 0), ("t1", "ch4", 10, 1.2))
    mine.say(("f1", "fan", 11, 0), ("t1", "ch4", 11, 1.2))
    (one,) = warnings()
    assert (one.device.code, one.measured_at) == ("t1", AT + timedelta(minutes=9))


def test_a_device_that_leaves_is_looked_at_no_more_and_another_takes_its_role(mine: Mine, face: Station) -> None:
    mine.say(("f1", "fan", 0, 1), ("t1", "ch4", 0, 0.1))
    with acting(TESTER, EVERYWHERE):
        fan = Device.objects.get(code="f1")
        fan.station, fan.role = None, ""
        fan.save()
    with clock.frozen(AT + timedelta(minutes=1) + ASKED_EVERY):
        mine.evaluation.step()
    mine.say(("f1", "fan", 2, 0), ("t1", "ch4", 2, 1.2))
    assert warnings() == []
    device("f2", programme="coal-gas", station=face, role="fan")
    mine.say(("f2", "fan", 3, 0), ("t1", "ch4", 3, 1.2))
    assert [one.device.code for one in warnings()] == ["t1"]


def replace(code: str, by: str, face: Station) -> None:
    """The sensor leaves its place, and another takes its role there."""
    with acting(TESTER, EVERYWHERE):
        old = Device.objects.get(code=code)
        old.station, role, old.role, old.removed_on = None, old.role, "", AT.date()
        old.save()
    new = device(by, programme="coal-gas", protocol="mqtt", station=face, role=role)
    with acting(TESTER, EVERYWHERE):
        DeviceSetting.objects.create(device=new, metric="ch4_alarm", value=1, since=AT.date(), basis="试验")
        old.replaced_by = new
        old.save()


@pytest.mark.parametrize("restarted", [False, True])
def test_what_a_station_opened_ends_with_the_sensor_that_replaced_the_one_that_was_judged(
    mine: Mine, face: Station, restarted: bool
) -> None:
    mine.say(("f1", "fan", 0, 0), ("t1", "ch4", 1, 1.2))
    (one,) = warnings()
    replace("t1", "t2", face)
    if restarted:
        mine.evaluation.keep()
        mine.evaluation = mine.begin()
    with clock.frozen(AT + timedelta(minutes=2) + ASKED_EVERY):
        mine.evaluation.step()
    mine.say(("t2", "ch4", 3, 1.4), ("f1", "fan", 3, 0))
    (still,) = warnings()  # one cause: the new sensor finds what the old one found
    assert (still.pk, still.cleared_at) == (one.pk, None)
    mine.say(("t2", "ch4", 4, 0.2), ("f1", "fan", 4, 1))
    (over,) = warnings()
    assert (over.device.code, over.cleared_at) == ("t1", AT + timedelta(minutes=4))
    mine.say(("f1", "fan", 5, 0), ("t2", "ch4", 5, 1.5))
    (again,) = warnings()
    assert (again.pk, again.cleared_at, len(again.told)) == (one.pk, None, 3)


def test_without_a_sensor_in_the_role_the_fan_still_ends_it(mine: Mine, face: Station) -> None:
    mine.say(("f1", "fan", 0, 0), ("t1", "ch4", 1, 1.2))
    with acting(TESTER, EVERYWHERE):
        Device.objects.filter(code="t1").update(station=None, role="", removed_on=AT.date(), updated_at=AT)
    with clock.frozen(AT + timedelta(minutes=2) + ASKED_EVERY):
        mine.evaluation.step()
    mine.say(("f1", "fan", 3, 1))
    (one,) = warnings()
    assert one.cleared_at == AT + timedelta(minutes=3)


def test_a_sensor_warned_of_at_one_station_is_warned_of_at_another_without_a_second_open_warning(
    mine: Mine, face: Station
) -> None:
    mine.say(("f1", "fan", 0, 0), ("t1", "ch4", 1, 1.2))
    with acting(TESTER, EVERYWHERE):
        sensor = Device.objects.get(code="t1")
        other = Station.objects.create(
            code="face-2", name="1302工作面", programme="coal-gas", enterprise=sensor.enterprise, area_code=YUBEI
        )
        sensor.station = other
        sensor.save()
    device("f2", programme="coal-gas", protocol="mqtt", station=other, role="fan")
    with clock.frozen(AT + timedelta(minutes=2) + ASKED_EVERY):
        mine.evaluation.step()
    mine.say(("f2", "fan", 3, 0), ("t1", "ch4", 3, 1.6))
    (one,) = warnings()
    assert [told["state"] for told in one.told] == ["open", "open"]


# --- The register ------------------------------------------------------------------------------------------


def test_a_role_is_taken_once_and_a_station_is_of_the_devices_own_enterprise(face: Station) -> None:
    other = device("x", BANAN).enterprise
    with acting(TESTER, EVERYWHERE):
        fan = Device.objects.get(code="f1")
        away = Station.objects.create(
            code="face-2", name="别处", programme="coal-gas", enterprise=other, area_code=BANAN
        )  # fmt: skip
        for station, role, field in ((away, "fan", "station"), (face, "", "role"), (None, "fan", "station")):
            fan.station, fan.role = station, role
            with pytest.raises(ValidationError) as error:
                fan.full_clean()
            assert field in error.value.message_dict
        fan.station, fan.role = face, "methane"
        with translation.override("en"), pytest.raises(ValidationError, match="Another device in service"):
            fan.full_clean()
        with pytest.raises(IntegrityError), transaction.atomic():
            fan.save()


def test_a_replaced_device_leaves_its_role_to_the_next(face: Station) -> None:
    with acting(TESTER, EVERYWHERE):
        Device.objects.filter(code="f1").update(removed_on=AT.date())
    device("f2", programme="coal-gas", station=face, role="fan")
    with acting(TESTER, EVERYWHERE):
        assert rulebook.stations(Device.objects.all()) == {"t1": ("face-1", "methane"), "f2": ("face-1", "fan")}


def test_the_station_shows_its_devices_and_the_warning_its_station(mine: Mine, face: Station) -> None:
    mine.say(("f1", "fan", 0, 0), ("t1", "ch4", 1, 1.2))
    client = Client()
    client.force_login(account("city", "500000000000"))
    text = client.get(f"/r/device-stations/{face.pk}/").content.decode()
    assert text.index(">fan<") < text.index(">methane<")
    (one,) = warnings()
    assert f"/r/device-stations/{face.pk}/" in client.get(one.get_absolute_url()).content.decode()


# --- Rules -------------------------------------------------------------------------------------------------


def test_the_editor_refuses_what_cannot_be_and_says_what_is_right(everywhere: None) -> None:
    with pytest.raises(BadRules) as error:
        rulebook.checked(FACE.replace("methane.ch4\n", "ch4\n"))
    (fault,) = error.value.faults
    assert (fault.line, fault.place) == (6, "metric")
    said = rulebook.checked(FACE)
    with translation.override("en"):
        assert "methane.ch4" in wording.fault(fault)
        assert [one.text for one in wording.levels(said)] == [
            "methane (% CH₄) of “methane” is at least the device's methane alarm limit of “methane”"
        ]
        assert list(wording.conditions(said)) == [
            "Looks at the devices of a station together, each by its role",
            "Only while fan (0: stands still) of “fan” is at most 0, by a reading not older than 5 minutes",
        ]


def test_it_is_tried_on_history(face: Station, tmp_path: Path) -> None:
    at = [NOON - (60 - n) * MINUTE for n in range(60)]
    fan = [float(not 20 <= n < 30) for n in range(60)]
    for metric, code, values in (("ch4", "t1", [1.2] * 60), ("fan", "f1", fan)):
        part = pa.table({"device": [code] * 60, "ts": at, "value": values})
        history.keep_part(tmp_path / "telemetry" / "history", AT.date(), metric, "one", part)
    who = account("city", "500000000000")
    with acting(TESTER, EVERYWHERE):
        one = trials.ask(who, FACE, rulebook.checked(FACE), None, 7)
        trials.run.run(one.pk)
        found = RuleTrial.objects.get().found
    assert (found["devices"], found["tried"]["times"], found["rows"][0]["device"]) == (2, 1, "t1")
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(who)
    page = client.get(one.get_absolute_url()).content.decode()
    assert "监测地点过去由哪些设备组成未作留存" in page
    assert "停风瓦斯升高" in page
