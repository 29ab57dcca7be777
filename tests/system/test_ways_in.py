"""HTTP, MQTT, files and AIS over real sockets into a running installation: warnings stand, over `kill -9` too."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from anlan.offices.monitoring.keys import KNOCKED_S

from .house import House, eventually, free_port

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(600)]
SHIP, POSITION = "366053209", "!AIVDM,1,1,,B,15M67FC000G?ufbE`FepT@3n00Sa,0*5C"
MAKE = f"""
from datetime import date
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.kernel.registers.models import ApiToken
from anlan.offices.monitoring.keys import key_of
from anlan.offices.monitoring.models import Device
from anlan.parties.codes import make_credit_code
from anlan.parties.models import Account, Enterprise
with acting(Actor("command", "test"), EVERYWHERE):
    code = make_credit_code("500112", 7)
    mine = Enterprise.objects.create(name="打通煤矿", area_code="500112131000", industry_id="coal", credit_code=code)
    by = {{"k-http": "http", "k-mqtt": "mqtt", "k-file": "file", "k-two": "http", "{SHIP}": "ais"}}
    for name, protocol in by.items():
        Device.objects.create(code=name, name=name, programme="coal-gas" if protocol != "ais" else "passenger-ships",
                              protocol=protocol, enterprise=mine, area_code=mine.area_code,
                              installed_on=date(2013, 1, 1))
    boss = Account.objects.create(username="mine", name="矿长", role="enterprise", area_code=mine.area_code,
                                  enterprise=mine)
    print("made", code, key_of("k-http", 0), key_of("k-mqtt", 0), ApiToken.issue(boss, "collector", ["readings"]))
"""
TOLD = """
import json
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.monitoring.models import EarlyWarning
with acting(Actor("command", "test"), EVERYWHERE):
    print("told", json.dumps(sorted(EarlyWarning.objects.values_list("device__code", "rule", "level"))))
"""


@pytest.fixture
def house(tmp_path: Path, migrated: House) -> Iterator[House]:
    one = House(tmp_path).settle(migrated)
    ports = {f"ANLAN_{name}_PORT": str(free_port()) for name in ("JT808", "AIS", "MQTT")}
    one.env |= {"ANLAN_GATEWAY": "1", "ANLAN_METRICS_TOKEN": "watch", **ports}
    one.start()
    yield one
    one.end()


def shell(house: House, code: str, begins: str) -> str:
    done = house.anlan("shell", "-c", code)
    assert done.returncode == 0, done.stderr
    return next(line for line in done.stdout.splitlines() if line.startswith(begins)).removeprefix(begins)


def post(house: House, who: str, *rows: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{house.port}/ingest/v1/readings", json.dumps(rows).encode(),
        {"Authorization": who, "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=20) as answer:
        return dict(json.load(answer))


def reading(device: str, ppm: float = 30.0, ago: float = 0) -> dict[str, Any]:
    return {"device": device, "metric": "co_ppm", "ts": int((time.time() - ago) * 1000), "value": ppm}


def mqtt(house: House, key: str, said: dict[str, Any]) -> None:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set("k-mqtt", key)
    client.connect("127.0.0.1", int(house.env["ANLAN_MQTT_PORT"]))
    client.loop_start()
    try:
        client.publish("anlan/v1/k-mqtt/readings", json.dumps(said), qos=1).wait_for_publish(20)
    finally:
        client.disconnect()
        client.loop_stop()


def told(house: House) -> list[list[str]]:
    return list(json.loads(shell(house, TOLD, "told ")))


def metrics(house: House) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{house.port}/metrics", headers={"Authorization": "Bearer watch"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.read().decode())


def test_every_way_in_leads_to_a_desk(house: House) -> None:
    credit, http, key, token = shell(house, MAKE, "made ").split()
    time.sleep(KNOCKED_S)  # so old is what the gateway knows, at most, when somebody unknown knocks
    assert house.health()[1]["gateway"] == "ok"
    basic = "Basic " + base64.b64encode(f"k-http:{http}".encode()).decode()
    assert post(house, basic, reading("k-http")) == {"taken": 1}
    assert post(house, f"Bearer {token}", reading("k-two")) == {"taken": 1}
    assert post(house, f"Bearer {token}", reading("k-two"), reading("nobody"))["refused"] == {"device": 1}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        post(house, "Bearer anlan_x", reading("k-http"))
    mqtt(house, key, reading("k-mqtt"))
    drop = house.folder / "var" / "telemetry" / "drop" / credit
    drop.mkdir()
    row = reading("k-file")
    (drop / "now.csv").write_text(f"device,metric,ts,value\nk-file,co_ppm,{row['ts']},30\n")
    with socket.create_connection(("127.0.0.1", int(house.env["ANLAN_AIS_PORT"])), 5) as ais:
        ais.sendall(POSITION.encode() + b"\r\n")
        wanted = [[f"k-{way}", "carbon-monoxide", "orange"] for way in ("file", "http", "mqtt", "two")]
        eventually("the warnings", lambda: told(house) == wanted)
        eventually("the ship", lambda: re.search(r'readings_total\{way="ais"\} [1-9]', metrics(house)) is not None)
    refused = 'anlan_refused_total{kind="device",way="http"} 1.0'
    eventually("what was refused", lambda: refused in metrics(house))  # each process says so every five seconds
    assert os.listdir(drop / "taken")

    # What was answered is on disk: it is evaluated, whatever dies then.
    post(house, basic, reading("k-http", 1.0))
    house.kill("web")
    mqtt(house, key, reading("k-mqtt", 1.0))
    house.kill("gateway")
    over = """
import json
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.monitoring.models import EarlyWarning
with acting(Actor("command", "test"), EVERYWHERE):
    print("over", EarlyWarning.objects.filter(cleared_at__isnull=False).count(), EarlyWarning.objects.count())
"""
    eventually("their ends", lambda: shell(house, over, "over ") == "2 4")
    eventually("all parts", lambda: house.health()[0] == 200)
    assert house.stop() == 0
