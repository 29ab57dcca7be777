"""Where devices are and how they stand, as the live map asks for it: by scope, whole and what changed since."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client

from anlan.engines.telemetry.journal import batch_of
from anlan.kernel import cases, clock
from anlan.kernel.cases.lifecycle import PRODUCT
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.monitoring import live_map
from anlan.offices.monitoring.latest import Heard
from anlan.offices.monitoring.models import LEVELS, Device, EarlyWarning, Latest
from anlan.offices.monitoring.programmes import PROGRAMMES

from .conftest import AT, BANAN, TESTER, account, device

pytestmark = pytest.mark.django_db
NOON = int(AT.timestamp() * 1000)
PROGRAMME = {code: number for number, (code, _title) in enumerate(PROGRAMMES, 1)}
LEVEL = {code: number for number, (code, _title) in enumerate(LEVELS, 1)}


def heard(*readings: tuple[str, str, int, float], batches: int = 1) -> None:
    """Readings (device, metric, seconds after noon, value) as they come, written at once."""
    one = Heard()
    for part in np.array_split(np.arange(len(readings)), batches):
        rows = [readings[n] for n in part]
        columns = ([r[0] for r in rows], [r[1] for r in rows], [NOON + r[2] * 1000 for r in rows], [r[3] for r in rows])
        one.hear(batch_of(*columns, NOON))
    one.write(TESTER)


def at(code: str, seconds: int, lat: float, lon: float, speed: float = 50.0) -> list[tuple[str, str, int, float]]:
    return [(code, "lat", seconds, lat), (code, "lon", seconds, lon), (code, "speed", seconds, speed)]


def shown(answer: bytes) -> dict[int, tuple[float, float, int]]:
    """Longitude, latitude and code by key, as the page's script reads them."""
    count = int(np.frombuffer(answer, "<f8", 1, 8)[0])
    ids = np.frombuffer(answer, "<f8", count, 16)
    lons, lats = (np.frombuffer(answer, "<f4", count, 16 + n * count) for n in (8, 12))
    codes = np.frombuffer(answer, "<u2", count, 16 + 16 * count)
    assert len(answer) == 16 + 18 * count
    return {
        int(i): (round(float(x), 3), round(float(y), 3), int(c))
        for i, x, y, c in zip(ids, lons, lats, codes, strict=True)
    }


def signed_in(role: str = "district", area: str = "500112000000") -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(account(role, area))
    return client


def asked(client: Client, query: str = "") -> dict[int, tuple[float, float, int]]:
    return shown(client.get(f"/monitoring/map/devices?{query}").content)


def warn(one: Device, level: str = "red", rule: str = "overspeed") -> EarlyWarning:
    with acting(TESTER, EVERYWHERE):
        made: EarlyWarning = cases.open_case(
            "warning", PRODUCT, device=one, rule=rule, programme=one.programme, level=level, title=f"{one.name}：超速",
            value=1.0, rule_source="试验", measured_at=clock.now(), told=[],
            enterprise_id=one.enterprise_id, area_code=one.area_code,
        )  # fmt: skip
        return made


def test_latest_is_what_was_measured_last_and_not_what_came_last() -> None:
    one = device("k1")
    heard(*at("k1", 20, 29.7, 106.7), *at("k1", 10, 29.1, 106.1), ("k1", "acc", 30, 1.0), batches=3)
    with acting(TESTER, EVERYWHERE):
        row = Latest.objects.get()
        assert (row.lat, row.lon, row.speed) == (29.7, 106.7, 50.0)
        assert (row.heard_at, row.placed_at) == (AT + timedelta(seconds=30), AT + timedelta(seconds=20))
        heard(*at("k1", 15, 29.2, 106.2))  # what was kept on the way comes when the network is back
        assert (Latest.objects.get().lat, Latest.objects.get().device_id) == (29.7, one.pk)
        heard(("k1", "acc", 40, 0.0))
        assert Latest.objects.get().placed_at == AT + timedelta(seconds=20)
        assert Latest.objects.get().heard_at == AT + timedelta(seconds=40)


def test_half_a_place_is_none() -> None:
    device("k1")
    heard(("k1", "lat", 1, 29.7), ("k1", "lon", 2, 106.7), ("stranger", "lat", 1, 29.0))
    with acting(TESTER, EVERYWHERE):
        assert [(one.lat, one.placed_at) for one in Latest.objects.all()] == [(None, None)]


def test_each_sees_the_devices_of_his_area_where_they_are_now() -> None:
    one, other = device("k1", lat=29.5, lon=106.5), device("k2", BANAN, lat=29.3, lon=106.6)
    heard(*at("k1", 0, 29.72, 106.63), *at("k2", 0, 29.33, 106.61))
    code = 100 * PROGRAMME["coaches"]
    assert asked(signed_in()) == {one.pk: (106.63, 29.72, code)}
    assert asked(signed_in("city", "500000000000")).keys() == {one.pk, other.pk}


def test_out_of_service_or_without_a_place_a_device_stands_nowhere() -> None:
    day = timedelta(days=1)
    device("gone", lat=29.5, lon=106.5, removed_on=AT.date())
    device("to-come", lat=29.5, lon=106.5, installed_on=AT.date() + day)
    device("nowhere")
    assert asked(signed_in()) == {}


@pytest.mark.parametrize(
    ("programme", "facts", "state"),
    [
        ("coaches", {"heard_at": AT - timedelta(hours=23)}, 0),
        ("coaches", {"heard_at": AT - timedelta(hours=25)}, 1),
        ("coaches", {}, 3),
        ("coal-gas", {"heard_at": AT - timedelta(minutes=4)}, 0),
        ("coal-gas", {"heard_at": AT - timedelta(minutes=6)}, 1),  # mine-silent: five minutes
        ("coal-gas", {"heard_at": AT, "calibrated_until": AT.date() - timedelta(days=1)}, 2),
        ("coal-gas", {"heard_at": AT, "calibrated_until": AT.date()}, 0),
    ],
)
def test_online_silent_and_suspect(programme: str, facts: dict[str, Any], state: int) -> None:
    one = device("k1", programme=programme, lat=29.5, lon=106.5, **facts)
    assert asked(signed_in())[one.pk][2] == 100 * PROGRAMME[programme] + state


def test_a_stuck_sensor_is_suspect_until_it_is_back_to_normal() -> None:
    one = device("k1", programme="coal-gas", lat=29.5, lon=106.5, heard_at=AT)
    case = warn(one, "blue", "gas-sensor-stuck")
    client = signed_in()
    assert asked(client)[one.pk][2] == 100 * PROGRAMME["coal-gas"] + 10 * LEVEL["blue"] + 2
    with acting(TESTER, EVERYWHERE):
        EarlyWarning.objects.filter(pk=case.pk).update(cleared_at=AT)
    assert asked(client)[one.pk][2] == 100 * PROGRAMME["coal-gas"] + 10 * LEVEL["blue"]


def test_the_highest_open_warning_counts_and_filters_narrow() -> None:
    one, two = (device(f"k{n}", lat=29.5, lon=106.5, heard_at=AT) for n in (1, 2))
    lift = device("k3", programme="lifts", lat=29.5, lon=106.5, heard_at=AT)
    warn(one, "yellow", "overspeed")
    warn(one, "red", "coach-fatigue")
    client = signed_in()
    level = {key: code % 100 // 10 for key, (_x, _y, code) in asked(client).items()}
    assert level == {one.pk: LEVEL["red"], two.pk: 0, lift.pk: 0}
    assert asked(client, "programme=lifts").keys() == {lift.pk}
    assert asked(client, "level=yellow")[one.pk][2] % 100 // 10 == LEVEL["yellow"]
    assert asked(client, "programme=nonsense&level=nonsense").keys() == {one.pk, two.pk, lift.pk}


def test_only_what_changed_comes_again_and_whatever_has_a_warning() -> None:
    one, two, three = (device(f"k{n}", lat=29.5, lon=106.5) for n in (1, 2, 3))
    with clock.frozen(AT - timedelta(minutes=1)):
        heard(*at("k1", -60, 29.6, 106.6), *at("k2", -60, 29.6, 106.6))
    client = signed_in()
    since = int(np.frombuffer(client.get("/monitoring/map/devices").content, "<f8", 1)[0])
    assert since == NOON - live_map.OVERLAP_MS
    assert asked(client, f"since={since}") == {}
    heard(*at("k2", 0, 29.7, 106.7))
    warn(three)
    assert asked(client, f"since={since}").keys() == {two.pk, three.pk}
    assert one.pk not in asked(client, f"since={since}")


@pytest.mark.parametrize("since", ["-1", "x", "1e9", "9" * 30, "٣", "0"])
def test_a_moment_that_is_none_is_refused(since: str) -> None:
    assert signed_in().get("/monitoring/map/devices", {"since": since}).status_code == 400


def test_what_follows_a_device_to_another_area() -> None:
    one = device("k1", lat=29.5, lon=106.5)
    heard(*at("k1", 0, 29.7, 106.7))
    with acting(TESTER, EVERYWHERE):
        one.area_code = BANAN
        one.save()
        assert Latest.objects.get().area_code == BANAN
    assert asked(signed_in()) == {}
    assert asked(signed_in("city", "500000000000")).keys() == {one.pk}
    with acting(TESTER, EVERYWHERE):
        one.delete()
        assert not Latest.objects.exists()


def test_the_page_lists_what_is_open_and_each_number_opens_it() -> None:
    warn(device("k1"), "red")
    warn(device("k2", programme="lifts"), "blue")
    warn(device("far", BANAN), "red")
    client = signed_in()
    page = client.get("/monitoring/map/").content.decode()
    assert page.count("<li data-device=") == 2
    assert "far：超速" not in page
    for url in {
        part.split('"')[0].replace("&amp;", "&") for part in page.split('href="')[1:] if "r/warnings/?" in part
    }:
        listed = client.get(url).content.decode()
        assert "far：超速" not in listed
        assert ("k1：超速" in listed) == ("level=blue" not in url)
    narrowed = client.get("/monitoring/map/?programme=lifts&level=blue").content.decode()
    assert narrowed.count("<li data-device=") == 1
    assert client.get("/monitoring/map/wall/").status_code == 200
    assert "没有未办结的预警" in signed_in("district", "500114000000").get("/monitoring/map/").content.decode()


def test_devices_in_words_are_those_in_scope() -> None:
    one, far = device("k1", lat=29.5, lon=106.5), device("far", BANAN)
    warn(one)
    heard(*at("k1", 0, 29.7, 106.7, 62.0))
    told = signed_in().get(f"/monitoring/map/chosen?id={one.pk}&id={far.pk}&id=x&id={10**30}").content.decode()
    assert "62" in told
    assert "k1：超速" in told
    assert f"/r/devices/{far.pk}/" not in told
    assert f"/monitoring/devices/{one.pk}/way/" in told


def test_the_number_of_questions_does_not_grow(django_assert_max_num_queries: Any) -> None:
    keys = [device(f"k{n}", lat=29.5, lon=106.5) for n in range(12)]
    for one in keys:
        warn(one)
    client = signed_in()
    client.get("/monitoring/map/")
    for address in ("/monitoring/map/", "/monitoring/map/chosen?" + "&".join(f"id={one.pk}" for one in keys)):
        with django_assert_max_num_queries(26):
            client.get(address)


def test_each_number_of_the_legend_opens_the_devices_that_it_counts() -> None:
    day = timedelta(days=1)
    place = {"lat": 29.5, "lon": 106.5}
    device("told", **place, heard_at=AT - 3 * day)  # which the evaluation has heard since
    heard(("told", "speed", -60, 1.0))
    device("gone", **place, heard_at=AT - 2 * day)
    device("mute", **place)
    device("stuck", programme="coal-gas", **place, heard_at=AT)
    warn(device("odd", programme="coal-gas", **place, heard_at=AT), "blue", "gas-sensor-stuck")
    device("nowhere", heard_at=AT)
    device("removed", **place, heard_at=AT, removed_on=AT.date())
    device("far", BANAN, **place, heard_at=AT)
    client = signed_in()
    for programme in ("", "coal-gas"):
        codes = [code % 10 for _x, _y, code in asked(client, f"programme={programme}").values()]
        page = client.get(f"/monitoring/map/?programme={programme}").content.decode()
        found: dict[str, set[str]] = {}
        for number, (state, _title) in enumerate(live_map.STATES):
            url = page.split(f'data-count="{state}" href="')[1].split('"')[0].replace("&amp;", "&")
            listed = client.get(url).content.decode()
            found[state] = {code for code in ("told", "gone", "mute", "stuck", "odd", "nowhere", "removed", "far")
                            if f">{code}<" in listed}  # fmt: skip
            assert len(found[state]) == codes.count(number)
        assert found == (
            {"online": {"stuck"}, "silent": set(), "suspect": {"odd"}, "never": set()} if programme
            else {"online": {"told", "stuck"}, "silent": {"gone"}, "suspect": {"odd"}, "never": {"mute"}}
        )  # fmt: skip
    assert "实时监控地图" in listed
    assert "从未收到数据" in listed
    assert client.get("/r/devices/?on_map=x").status_code == 400
    assert client.get("/r/warnings/?on_map=silent").status_code == 400


def test_when_a_device_was_heard_is_one_moment_wherever_it_is_read() -> None:
    one = device("k1", heard_at=AT - timedelta(days=2))
    heard(("k1", "speed", -60, 1.0))
    client = signed_in()
    assert "2013-06-14 11:59" in client.get("/r/devices/").content.decode()
    assert "2013-06-14 11:59" in client.get(f"/r/devices/{one.pk}/").content.decode()
    assert "k1" in client.get("/r/devices/?heard_at_from=2013-06-14").content.decode()
    with acting(TESTER, EVERYWHERE):
        assert Device.objects.get().heard_at == AT - timedelta(minutes=1)
        assert Device.objects.filter(heard_at__lt=AT - timedelta(days=1)).count() == 0
        assert list(Device.objects.values_list("heard_at", flat=True)) == [AT - timedelta(minutes=1)]
        assert EarlyWarning.objects.filter(device__heard_at__lt=AT).count() == 0
        Device.objects.get().save()  # what was measured is no change of the register's
        Latest.objects.all().delete()
        assert Device.objects.get().heard_at == AT - timedelta(days=2)
