"""Keys of devices and programs, the page of the ways in, the setting of doors."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from anlan.engines import telemetry
from anlan.engines.telemetry.gateways import Unsure
from anlan.engines.telemetry.protocols import jt808
from anlan.kernel import clock
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.monitoring import keys, serving, standing
from anlan.offices.monitoring.doors import Wrong, said
from anlan.offices.monitoring.keys import HAVE_KEYS, Directory, key_of
from anlan.offices.monitoring.models import Device
from anlan.offices.monitoring.programmes import PROTOCOLS
from anlan.offices.monitoring.views_intake import HOW, KINDS, WAYS
from anlan.parties.models import Account

from .conftest import BANAN, TESTER, account, device

pytestmark = pytest.mark.django_db(transaction=True)


def speaks(name: str, key: str, directory: Directory | None = None) -> Any:
    return asyncio.run((directory or Directory()).speaks_for(name, key))


def test_a_device_speaks_with_its_own_key_until_that_is_made_anew() -> None:
    made, gone = device("k1", protocol="mqtt"), device("k2", protocol="mqtt", removed_on=clock.today())
    assert speaks(made.code, key_of(made.code, 0)) == {made.code}
    assert speaks(made.code, key_of("other", 0)) is None
    assert speaks(gone.code, key_of(gone.code, 0)) is None
    with acting(TESTER, EVERYWHERE):
        Device.objects.filter(pk=made.pk).update(key_number=1)
    assert speaks(made.code, key_of(made.code, 0)) is None
    assert speaks(made.code, key_of(made.code, 1)) == {made.code}


def test_vehicles_and_ships_speak_their_own_protocol_alone() -> None:
    bus = device("13900000003")
    assert speaks(bus.code, key_of(bus.code, 0)) is None
    directory = Directory()
    assert asyncio.run(directory.authenticate(bus.code, key_of(bus.code, 0)))
    assert not asyncio.run(directory.authenticate(bus.code, key_of(bus.code, 1)))


def test_a_vehicle_is_bound_to_the_terminal_that_registered_first() -> None:
    """Its number and plate stand in the register for many to read."""
    bus = device("13900000007")
    said = {"plate": bus.name, "maker": "m1", "terminal": "t1"}

    def register(**more: str) -> tuple[int, str]:
        return asyncio.run(Directory().register(bus.code, said | more))

    assert register() == (jt808.REGISTERED, key_of(bus.code, 0))
    assert register(terminal="t2") == (jt808.TERMINAL_TAKEN, "")
    assert register(maker="m2") == (jt808.TERMINAL_TAKEN, "")
    assert register()[0] == jt808.REGISTERED
    client = Client()
    client.force_login(account("district", "500112000000"))
    assert "已有终端注册" in client.get(f"/monitoring/keys/{bus.pk}/").content.decode()
    client.post(f"/monitoring/keys/{bus.pk}/", {"what": "anew"})
    assert register(terminal="t2") == (jt808.REGISTERED, key_of(bus.code, 1))


def test_a_program_of_an_enterprise_speaks_for_its_own_devices_alone() -> None:
    own, other = device("k8", protocol="mqtt"), device("k9", BANAN, protocol="mqtt")
    with acting(TESTER, EVERYWHERE):
        boss = Account.objects.create(
            username="boss", name="矿长", role="enterprise", area_code=own.area_code, enterprise=own.enterprise
        )
        key = ApiToken.issue(boss, "collector", ["readings"])
    assert speaks("", key) == {own.code}
    assert other.code not in speaks("", key)


def test_somebody_new_is_known_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "KNOCKED_S", 0.0)
    directory = Directory()
    assert speaks("sample-9", key_of("sample-9", 0), directory) is None
    device("sample-9", protocol="http")
    assert speaks("sample-9", key_of("sample-9", 0), directory) == {"sample-9"}


def test_a_program_speaks_for_the_devices_in_its_account_s_scope() -> None:
    here, there = device("k4", protocol="mqtt"), device("k5", BANAN, protocol="mqtt")
    with acting(TESTER, EVERYWHERE):
        mine = account("district", "500112000000")
        sends = ApiToken.issue(mine, "collector", ["readings"])
        other = ApiToken.issue(mine, "reader", ["*:write"])
    found = speaks("", sends)
    assert here.code in found
    assert there.code not in found
    assert speaks("", other) is None
    assert speaks("", "anlan_nothing") is None


def test_while_the_register_is_away_devices_go_on_and_wait_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made, asked = device("k1", protocol="mqtt"), 0

    def away(_directory: Directory) -> None:
        nonlocal asked
        asked += 1
        raise OperationalError("the database is away")

    known, nothing = Directory(), Directory()
    known.read()
    known._at -= 2 * keys.FRESH_S
    monkeypatch.setattr(Directory, "read", away)

    async def knock() -> None:
        for _ in range(20):
            assert await known.speaks_for(made.code, key_of(made.code, 0)) == {made.code}
            assert await known.speaks_for("nobody", "x") is None
            with pytest.raises(Unsure):
                await nothing.speaks_for(made.code, key_of(made.code, 0))

    asyncio.run(knock())
    assert asked == 2


def test_a_full_disk_ends_no_evaluation(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It would end the gateway's process, and with it ten thousand connections, again and again."""
    ending, steps = threading.Event(), 0

    class Evaluates:
        stream = SimpleNamespace(counts={"taken": 0})

        def __init__(self, *_places: Path) -> None: ...

        def step(self) -> int:
            nonlocal steps
            steps += 1
            if steps > 3:
                ending.set()
            return 0

        def keeping(self) -> Future[None]:
            full: Future[None] = Future()
            full.set_exception(OSError(28, "No space left on device"))
            return full

    monkeypatch.setattr(serving, "Evaluation", Evaluates)
    monkeypatch.setattr(serving, "EVALUATE_S", 0.001)
    monkeypatch.setattr(serving, "KEEP_S", -1.0)
    serving.work(ending, standing.Progress())
    assert steps == 5
    assert "No space left" in caplog.text


def test_the_page_of_a_key() -> None:
    made, other = device("k6", protocol="mqtt"), device("k7", BANAN, protocol="mqtt")
    client = Client()
    client.force_login(account("district", "500112000000"))
    assert key_of(made.code, 0) not in client.get(f"/monitoring/keys/{made.pk}/").content.decode()
    assert key_of(made.code, 0) in client.post(f"/monitoring/keys/{made.pk}/").content.decode()
    assert key_of(made.code, 1) in client.post(f"/monitoring/keys/{made.pk}/", {"what": "anew"}).content.decode()
    log = client.get(f"/monitoring/keys/{made.pk}/").content.decode().split("密钥查看记录")[1]
    said = re.findall(r"<td[^>]*>([^<]*)</td>", log)
    assert said[2::3] == ["重新生成", "查看"]  # the latest first; to open the page is to see no key
    assert all("district" in one for one in said[1::3])
    assert client.post(f"/monitoring/keys/{other.pk}/").status_code == 404
    client.force_login(account("inspector", "500112000000"))
    assert client.post(f"/monitoring/keys/{made.pk}/").status_code == 403


def test_everything_that_is_refused_and_every_way_in_has_its_words() -> None:
    engine = Path(telemetry.__file__).parent
    texts = [path.read_text() for part in ("gateways", "protocols") for path in (engine / part).glob("*.py")
             if path.name != "told.py"]  # fmt: skip
    kinds = set(re.findall(r'(?:Malformed\(\s*"|Refused\(\d+, "|"refused: )([a-z ]+)"', "\n".join(texts)))
    assert {"checksum", "clock", "slow", "registration"} <= kinds
    assert kinds - KINDS.keys() == set()
    assert set(HOW) == HAVE_KEYS
    assert {one for one, _title in PROTOCOLS} - {"file", "none"} <= WAYS.keys()


def test_the_page_of_the_ways_in() -> None:
    client = Client()
    client.force_login(account("district", "500112000000"))
    assert client.get("/monitoring/intake/").status_code == 403
    client.force_login(account("city", "500000000000"))
    assert "当前未运行" in client.get("/monitoring/intake/").content.decode()
    told = {"open": True, "at": "0.0.0.0:1883", "online": 3, "counts": {"readings": 71, "refused: json": 5},
            "refused": [["10.0.0.9:1", "json", "no JSON can be read here", "7b"]]}  # fmt: skip
    progress = standing.Progress()
    progress.stepped(100, 1)
    standing.tell("gateway", {"doors": {"mqtt": told}, "evaluation": progress.told()})
    try:
        page = client.get("/monitoring/intake/").content.decode()
    finally:
        standing.gone("gateway")
    for words in ("0.0.0.0:1883", "71", "不是JSON", "10.0.0.9:1"):
        assert words in page
    assert "当前未运行" not in page


def test_two_processes_of_a_door_are_one_row() -> None:
    one = {"open": True, "at": "a:1", "online": 2, "counts": {"readings": 5}, "refused": []}
    other = {"open": False, "at": "b:1", "why": "taken", "online": 0, "counts": {"readings": 7}, "refused": []}
    standing.tell("gateway", {"doors": {"mqtt": one}})
    standing.tell("web", {"doors": {"mqtt": other}})
    try:
        (door,) = standing.now().doors
        assert standing.heard("gateway", 5)
    finally:
        standing.gone("gateway")
        standing.gone("web")
    assert (door.online, door.counts["readings"], door.at, door.why) == (2, 12, ("a:1", "b:1"), "taken")
    assert not standing.heard("gateway", 5)


def test_doors_by_the_environment() -> None:
    doors = said({"ANLAN_AIS_PORT": "off", "ANLAN_MQTT_BROKER": "mqtts://a%40b:c@mq.example:8883"}, "0.0.0.0")
    assert (doors.jt808, doors.ais, doors.mqtt) == (8808, None, 1883)
    assert doors.broker is not None
    assert (doors.broker.user, doors.broker.port, doors.broker.tls) == ("a@b", 8883, True)


@pytest.mark.parametrize(
    "given",
    [
        {"ANLAN_MQTT_PORT": "70000"},
        {"ANLAN_AIS_FROM": "here"},
        {"ANLAN_MQTT_BROKER": "http://x"},
        {"ANLAN_MQTT_BROKER": "mqtt://x:port"},
        {"ANLAN_MQTT_CERT": os.devnull + "/none"},
    ],
)
def test_a_wrong_setting_of_doors_is_named(given: dict[str, str]) -> None:
    with pytest.raises(Wrong, match=next(iter(given))):
        said(given, "127.0.0.1")
