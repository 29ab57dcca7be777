"""A broker that is there already: Mosquitto itself, and one that stumbles."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest

from anlan.engines.telemetry.gateways.broker import Address, Subscriber
from anlan.engines.telemetry.gateways.door import Limits
from anlan.engines.telemetry.protocols import mqtt

from .conftest import until
from .test_ways_in import MS, NOW, Disk, Rows, reading

pytestmark = pytest.mark.usefixtures("either_loop")


# -- a real broker ---------------------------------------------------------------------------------------------------


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[int]:
    found = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if not found:
        pytest.skip("mosquitto is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
    process = subprocess.Popen([found, "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield port
    process.terminate()
    process.wait(10)


def test_readings_from_mosquitto_are_answered_when_on_disk(mosquitto: int) -> None:
    """What was not on disk when the process ended comes again; what is wrong is counted, and in nobody's way."""
    disk = Disk()

    def publish(*payloads: bytes, topic: str = "anlan/v1/k1/readings") -> None:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", mosquitto)
        client.loop_start()
        for one in payloads:
            client.publish(topic, one, qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    async def run() -> None:
        def subscriber() -> Subscriber:
            return Subscriber(Address("127.0.0.1", mosquitto), lambda: {"k1"}, disk.land, now=lambda: NOW)

        first = subscriber()
        task = asyncio.create_task(first.run())
        await until(lambda: first.connected)
        await asyncio.to_thread(publish, *(reading(n, MS + n) for n in range(200)))
        await until(lambda: len(disk.rows) == 200)
        disk.full = True
        await asyncio.to_thread(publish, reading(-1, MS - 1))
        await until(lambda: first.tally.counts["waited for the disk"] > 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        disk.full = False
        await asyncio.to_thread(publish, reading(-2, MS - 2), b"{")  # while nobody listens
        await asyncio.to_thread(publish, reading(), topic="anlan/v1/k7/readings")
        second = subscriber()
        task = asyncio.create_task(second.run())
        await until(lambda: second.tally.counts["messages"] >= 4)
        await until(lambda: {v for *_, v in disk.rows} >= {-1.0, -2.0})
        assert (second.tally.counts["refused: json"], second.tally.counts["refused: device"]) == (1, 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), 60))


# -- a broker that stumbles ------------------------------------------------------------------------------------------


def sent(number: int, raw: bytes, topic: bytes = b"anlan/v1/k1/readings") -> bytes:
    """A PUBLISH of quality 1 as a broker sends it."""
    body = len(topic).to_bytes(2) + topic + number.to_bytes(2) + raw
    return b"\x32" + mqtt._length(len(body)) + body


def test_a_broker_is_answered_when_it_is_on_disk_whatever_happens_to_the_connection() -> None:
    """Half packets wait; nothing is answered before the disk has it; what was on disk and could not be answered, since
    the connection was lost between, comes again on the next one, is answered there, and nothing is lost."""
    heard: list[bytes] = []
    connections: list[asyncio.StreamWriter] = []
    rows: Rows = []
    free, lost = asyncio.Event(), asyncio.Event()

    async def land(*columns: Any) -> None:
        await free.wait()
        rows.extend(zip(*(np.asarray(one).tolist() for one in columns), strict=True))
        if len(heard) == 1:
            await lost.wait()  # on disk, and the connection goes before the answer

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cutter = mqtt.Cutter()
        heard.append(b"")
        connections.append(writer)
        place = len(heard) - 1
        first, second = sent(1, reading(1.0)), sent(2, reading(2.0)) + sent(3, b"{") + sent(4, reading(4.0), b"x")
        while data := await reader.read(1 << 16):
            for packet in cutter.feed(data):
                if packet.kind == mqtt.CONNECT:
                    assert packet.body[7] & 2 == 0  # the session goes on
                    writer.write(b"\x20\x02\x00\x00")
                elif packet.kind == mqtt.SUBSCRIBE:
                    writer.write(b"\x90\x03" + packet.body[:2] + b"\x01" + first[:9])
                    await asyncio.sleep(0.05)
                    writer.write(first[9:] + second)
                elif packet.kind == mqtt.PUBACK:
                    heard[place] += packet.body
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(broker, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        subscriber = Subscriber(Address("127.0.0.1", port), lambda: {"k1"}, land, now=lambda: NOW)
        task = asyncio.create_task(subscriber.run())
        await until(lambda: subscriber.tally.counts["messages"] == 4)
        await asyncio.sleep(0.1)
        assert (heard, rows) == ([b""], [])
        free.set()
        await until(lambda: len(rows) == 2)
        connections[0].transport.abort()
        await until(lambda: len(heard) == 2)
        lost.set()
        await until(lambda: len(heard[1]) == 8)
        assert heard == [b"", bytes([0, 1, 0, 2, 0, 3, 0, 4])]
        assert {value for *_, value in rows} == {1.0, 2.0}
        assert (subscriber.tally.counts["refused: json"], subscriber.tally.counts["refused: topic"]) == (2, 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_device_that_floods_a_broker_keeps_nobody_waiting() -> None:
    """The broker has answered it already: what is too much is refused and counted, and the others go on."""
    rows: Rows = []

    async def land(*columns: Any) -> None:
        rows.extend(zip(*(np.asarray(one).tolist() for one in columns), strict=True))

    subscriber = Subscriber(
        Address("127.0.0.1"), lambda: {"k1", "k2"}, land, Limits(readings=0.01, kept=2), now=lambda: NOW
    )
    came = [(n, 1, f"anlan/v1/{who}/readings", reading(n, MS + n)) for n, who in enumerate(["k1"] * 20 + ["k2"])]
    asyncio.run(subscriber._take(paho.Client(paho.CallbackAPIVersion.VERSION2), came))
    assert Counter(device for device, *_ in rows) == {"k1": 3, "k2": 1}  # 2.6, of which the last was begun
    assert subscriber.tally.counts["refused: too much"] == 17
