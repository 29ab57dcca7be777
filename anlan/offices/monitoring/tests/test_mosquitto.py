"""A real Mosquitto with the files made from the register: who signs in, who may write where, what the gateway reads."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from anlan.engines.telemetry.gateways.broker import Address, Subscriber
from anlan.offices.monitoring.keys import key_of
from anlan.offices.monitoring.mosquitto import READER, reader_key, write

from .conftest import AT, device

pytestmark = pytest.mark.django_db(transaction=True)
MS = int(AT.timestamp() * 1000)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    found = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if not found:
        pytest.skip("mosquitto is not installed")
    device("k1", protocol="mqtt")
    device("k2", protocol="mqtt")
    device("13900000001")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    folder = tmp_path / "broker"
    assert write(folder, number) == 2
    folder.chmod(0o777)  # Mosquitto gives root's rights up
    tmp_path.chmod(0o755)
    (folder / "mosquitto.conf").write_text((folder / "mosquitto.conf").read_text() + "user root\n")
    process = subprocess.Popen([found, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.PIPE)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", number), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield number
    process.terminate()
    process.wait(10)


def publish(port: int, user: str, key: str, topic: str, value: float) -> bool:
    """Whether the device was let in."""
    let_in: list[bool] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, key)
    client.on_connect = lambda _c, _u, _f, reason, _p: let_in.append(not reason.is_failure)
    client.connect("127.0.0.1", port)
    client.loop_start()
    until = time.monotonic() + 30
    while not let_in and time.monotonic() < until:
        time.sleep(0.02)
    if let_in[0]:
        said = json.dumps({"metric": "ch4", "ts": MS, "value": value})
        client.publish(topic, said, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    return let_in[0]


def test_a_device_writes_under_its_own_topic_alone(port: int) -> None:
    landed: list[tuple[str, float]] = []

    async def land(devices: Any, _metrics: Any, _ts: Any, values: Any) -> None:
        landed.extend(zip(devices, [float(v) for v in values], strict=True))

    async def run() -> None:
        address = Address("127.0.0.1", port, READER, reader_key())
        subscriber = Subscriber(address, lambda: {"k1", "k2"}, land, now=AT.timestamp)
        task = asyncio.create_task(subscriber.run())
        while not subscriber.connected:
            await asyncio.sleep(0.02)
        key = key_of("k1", 0)
        assert not await asyncio.to_thread(publish, port, "k1", key_of("k2", 0), "anlan/v1/k1/readings", 1.0)
        assert not await asyncio.to_thread(publish, port, "13900000001", key_of("13900000001", 0), "x", 1.0)
        assert await asyncio.to_thread(publish, port, "k1", key, "anlan/v1/k2/readings", 2.0)
        assert await asyncio.to_thread(publish, port, "k1", key, "anlan/v1/k1/readings", 3.0)
        for _ in range(2000):
            if landed:
                break
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), 60))
    assert landed == [("k1", 3.0)]
