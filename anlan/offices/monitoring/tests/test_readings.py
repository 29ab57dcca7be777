"""A device's readings on pages: curves out of history and journal, their export, tracks; whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.test import Client

from anlan.engines.telemetry import history
from anlan.engines.telemetry.journal import Journal, batch_of
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.monitoring import readings, watched
from anlan.offices.monitoring.models import Calibration, Device, DeviceSetting
from anlan.parties.models import Looked

from .conftest import AT, TESTER, account, device
from .test_live_map import warn

pytestmark = pytest.mark.django_db
NOON = int(AT.timestamp() * 1000)
MINUTE = 60_000


@pytest.fixture
def home(settings: Any, tmp_path: Path) -> Path:
    settings.HOME = tmp_path
    return tmp_path / "telemetry"


def stored(home: Path, code: str, metric: str, values: Sequence[float], begin: int = NOON) -> None:
    """Readings in the history, one a minute."""
    ts = [begin + n * MINUTE for n in range(len(values))]
    table = pa.table({"device": [code] * len(ts), "ts": ts, "value": [float(v) for v in values]})
    history.keep_part(home / "history", AT.date(), metric, f"{code}-{metric}", table)


def fresh(home: Path, code: str, metric: str, values: Sequence[float], begin: int) -> None:
    """Readings in the journal."""
    ts = [begin + n * MINUTE for n in range(len(values))]
    journal = Journal(home / "journal", f"{code}-{metric}")
    journal.append(batch_of([code] * len(ts), [metric] * len(ts), ts, [float(v) for v in values], NOON))
    journal.close()


def signed_in(role: str = "district", area: str = "500112000000") -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(account(role, area))
    return client


def sensor(home: Path) -> Device:
    one = device("g1", programme="coal-gas", heard_at=AT)
    stored(home, "g1", "ch4", [0.2, 0.4, 1.2, 0.3])
    for name, value in (("ch4_alarm", 1.0), ("ch4_cut", 1.5)):
        stored(home, "g1", name, [value])
    return one


def curve(client: Client, one: Device, **asked: Any) -> Any:
    query = {"metric": "ch4", "from": NOON, "to": NOON + 60 * MINUTE} | {k.rstrip("_"): v for k, v in asked.items()}
    return client.get(f"/monitoring/devices/{one.pk}/curve", query)


def test_a_curve_joins_what_is_archived_and_what_is_not_and_counts_nothing_twice(home: Path) -> None:
    one = sensor(home)
    fresh(home, "g1", "ch4", [0.3, 0.9], NOON + 3 * MINUTE)  # the first of them is archived already
    fresh(home, "g2", "ch4", [9.0], NOON + 3 * MINUTE)
    said = curve(signed_in(), one).json()
    assert said["ts"] == [NOON + n * MINUTE for n in range(5)]
    assert said["last"] == said["low"] == said["high"] == [0.2, 0.4, 1.2, 0.3, 0.9]
    assert said["count"] == [1] * 5


def test_thinned_out_no_peak_is_lost(home: Path) -> None:
    one = device("g1", programme="coal-gas")
    stored(home, "g1", "ch4", [0.2] * 300 + [1.7] + [0.2] * 300)
    said = curve(signed_in(), one, to=NOON + 601 * MINUTE, points=50).json()
    assert len(said["ts"]) <= 51
    assert max(said["high"]) == 1.7
    assert sum(said["count"]) == 601


def test_limits_are_the_sensors_own_and_conditional_ones_are_no_line(home: Path) -> None:
    one = sensor(home)
    said = curve(signed_in(), one).json()["limits"]
    assert [(limit["level"], limit["level_title"], limit["sign"], limit["value"]) for limit in said] == [
        ("orange", "橙色", "≥", 1.0), ("red", "红色", "≥", 1.5),
    ]  # fmt: skip
    assert watched.limits("coal-gas", "ch4", {}) == []
    assert {"ch4_alarm", "ch4_cut", "ch4_repower"} <= watched.settings("coal-gas")


def test_warnings_of_the_metric_stand_on_its_curve(home: Path) -> None:
    one = sensor(home)
    case = warn(one, "orange", "methane")
    warn(one, "orange", "carbon-monoxide")
    said = curve(signed_in(), one).json()["warnings"]
    assert [(w["number"], w["level_title"], w["at"], w["until"]) for w in said] == [(case.number, "橙色", NOON, None)]
    assert curve(signed_in("city", "500000000000"), one, from_=NOON + 1).json()["warnings"] == []


def test_the_sheet_is_exactly_what_is_shown(home: Path) -> None:
    one = sensor(home)
    client = signed_in()
    said = curve(client, one).json()
    query = {"metric": "ch4", "from": NOON, "to": NOON + 60 * MINUTE}
    lines = client.get(f"/monitoring/devices/{one.pk}/curve.csv", query).content.decode("utf-8-sig").splitlines()
    assert lines[0] == "time,low,high,last,count"
    assert lines[1] == "2013-06-14T12:00:00.000+08:00,0.2,0.2,0.2,1"
    assert [float(line.split(",")[3]) for line in lines[1:]] == said["last"]


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"metric": "../../etc"}, "metric"), ({"metric": ""}, "metric"), ({"from_": "x"}, "from"),
        ({"from_": ""}, "from"), ({"from_": "-1"}, "from"), ({"to": NOON}, "to"),
        ({"to": NOON * 2}, "to"), ({"to": "9" * 40}, "to"),
        ({"points": 49}, "points"), ({"points": 2001}, "points"), ({"points": "1.5"}, "points"),
        ({"from_": "٣"}, "from"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_with_its_place(home: Path, asked: dict[str, Any], place: str) -> None:
    one = sensor(home)
    client = signed_in()
    answer = curve(client, one, **asked)
    assert (answer.status_code, answer.json()["place"]) == (400, place)
    query = {"metric": "ch4", "from": NOON, "to": NOON + MINUTE} | {k.rstrip("_"): v for k, v in asked.items()}
    assert client.get(f"/monitoring/devices/{one.pk}/curve.csv", query).status_code == 400


def test_the_neighbouring_district_finds_nothing_there(home: Path) -> None:
    one = sensor(home)
    client, query = signed_in("district", "500113000000"), {"metric": "ch4", "from": NOON, "to": NOON + MINUTE}
    for address in ("curve", "curve.csv", "track", "way/"):
        assert client.get(f"/monitoring/devices/{one.pk}/{address}", query).status_code == 404
    with acting(TESTER, EVERYWHERE):
        assert not Looked.objects.exists()


def drive(home: Path) -> Device:
    one = device("k1", heard_at=AT)
    stored(home, "k1", "lat", [29.70, 29.71, 29.72])
    stored(home, "k1", "lon", [106.60, 106.61, 106.62])
    stored(home, "k1", "speed", [40, 50])
    for metric, value in (("lat", 29.73), ("lon", 106.63), ("speed", 60)):
        fresh(home, "k1", metric, [value], NOON + 3 * MINUTE)
    fresh(home, "k1", "lat", [29.9], NOON + 4 * MINUTE)  # half a place
    return one


def test_a_track_is_every_whole_place_in_order_and_each_look_is_logged(home: Path) -> None:
    one = drive(home)
    client = signed_in()
    said = client.get(f"/monitoring/devices/{one.pk}/track", {"from": NOON, "to": NOON + 60 * MINUTE}).json()
    assert said["lat"] == [29.70, 29.71, 29.72, 29.73]
    assert said["lon"] == [106.60, 106.61, 106.62, 106.63]
    assert said["speed"] == [40, 50, None, 60]
    with acting(TESTER, EVERYWHERE):
        (look,) = Looked.objects.all()
    assert (look.table, look.row, look.area_code) == ("monitoring_device", str(one.pk), one.area_code)
    assert look.page == f"/monitoring/devices/{one.pk}/track"


def test_the_devices_page_says_how_it_stands_as_the_map_does() -> None:
    sensor = device("g1", programme="coal-gas", calibrated_until=AT.date() - timedelta(days=1), heard_at=AT)
    gone = device("g2", programme="coal-gas", heard_at=AT, removed_on=AT.date())
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(account("district", "500112000000"))
    assert 'state-suspect ms-3">数据存疑<' in client.get(f"/r/devices/{sensor.pk}/").content.decode()
    assert 'class="state ' not in client.get(f"/r/devices/{gone.pk}/").content.decode()


def test_who_looks_at_a_sensor_under_calibration_learns_that_it_warns_nobody() -> None:
    sensor, other = device("g1", programme="coal-gas", heard_at=AT), device("g2", programme="coal-gas", heard_at=AT)
    with acting(TESTER, EVERYWHERE):
        for one, begin, until in ((sensor, -1, 2), (other, -3, 0), (other, 1, None)):
            ends = until if until is None else AT + timedelta(hours=until)
            Calibration.objects.create(device=one, begin=AT + timedelta(hours=begin), until=ends, reason="标校")
    client = signed_in()
    for page, words in ((f"/r/devices/{sensor.pk}/", True), (f"/r/devices/{other.pk}/", False)):
        assert ("标校或者停用中，至2013年6月14日" in client.get(page).content.decode()) is words
    told = client.get(f"/monitoring/map/chosen?id={sensor.pk}&id={other.pk}").content.decode()
    assert told.count("期间数据超限不发预警") == 1


def test_the_devices_page_names_the_rules_that_lack_a_limit_of_it(home: Path) -> None:
    one = device("g9", programme="coal-gas", protocol="mqtt", heard_at=AT)
    stored(home, "g9", "ch4", [0.2])
    assert "缺少限值" in (before := signed_in().get(f"/r/devices/{one.pk}/").content.decode())
    assert "甲烷超限" in before
    assert "一氧化碳超限" not in before, "which the device does not measure, and which needs no limit"
    with acting(TESTER, EVERYWHERE):
        for name in ("ch4_alarm", "ch4_cut", "ch4_repower"):
            DeviceSetting.objects.create(device=one, metric=name, value=1, since=AT.date(), basis="试验")
    assert "缺少限值" not in signed_in("city", "500000000000").get(f"/r/devices/{one.pk}/").content.decode()


def test_a_track_of_more_than_a_week_is_refused(home: Path) -> None:
    one = drive(home)
    client, asked = signed_in(), {"from": NOON, "to": NOON + 8 * 86_400_000}
    assert client.get(f"/monitoring/devices/{one.pk}/track", asked).status_code == 400
    assert client.get(f"/monitoring/devices/{one.pk}/way/", asked).status_code == 400
    assert client.get(f"/monitoring/devices/{one.pk}/way/?hours=0").status_code == 400
    assert "最近4小时" in client.get(f"/monitoring/devices/{one.pk}/way/").content.decode()


def test_the_devices_page_tells_the_latest_of_each_metric_with_its_moment(home: Path) -> None:
    one = sensor(home)
    fresh(home, "g1", "co_ppm", [7], NOON + 5 * MINUTE)
    page = signed_in().get(f"/r/devices/{one.pk}/").content.decode()
    assert page.index('data-metric="ch4"') < page.index('data-metric="co_ppm"')
    assert "最新值 <b>0.3</b> %" in page
    assert "2013年6月14日 12:05" in page
    assert "ch4_alarm" not in page  # a setting is no curve
    with acting(TESTER, EVERYWHERE):
        other = Device.objects.create(
            code="g9", name="g9", programme="coal-gas", protocol="mqtt", enterprise_id=one.enterprise_id,
            area_code=one.area_code, installed_on=AT.date(),
        )  # fmt: skip
    assert "尚无数据" in signed_in("city", "500000000000").get(f"/r/devices/{other.pk}/").content.decode()
    assert "行驶轨迹" in signed_in("township", "500112131000").get(f"/r/devices/{drive(home).pk}/").content.decode()


def test_what_several_ask_for_at_once_is_found_once_and_found_anew_later(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading
    import time

    now, found, held = [0.0], [], threading.Event()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    lately = readings.Lately(1.0, most=3)

    def find() -> int:
        held.wait(5)
        found.append(len(found))
        return found[-1]

    said: list[int] = []
    asking = [threading.Thread(target=lambda: said.append(lately.of("k1", find))) for _ in range(5)]
    for one in asking:
        one.start()
    held.set()
    for one in asking:
        one.join()
    assert (said, found) == ([0] * 5, [0])
    now[0] = 1.5
    assert lately.of("k1", find) == 1
    for key in ("k2", "k3", "k4", "k5"):
        lately.of(key, find)
    assert len(lately._held) == len(lately._locks) == 3
