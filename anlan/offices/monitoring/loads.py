"""How much comes in by each way: load for `make bench`, sent from processes of its own as devices would.

    python -m anlan.offices.monitoring.loads http PORT KEY DEVICE NOW SECONDS
    python -m anlan.offices.monitoring.loads steady PORT KEY METRIC VALUE NOW RATE
    python -m anlan.offices.monitoring.loads publish PORT DEVICE NOW MESSAGES READINGS
    python -m anlan.offices.monitoring.loads vehicles PORT SESSIONS SECONDS
    python -m anlan.offices.monitoring.loads gateway FOLDER

NOW is the installation's clock in milliseconds, KEY that of a program. All but the last print how much a second was
answered: `steady`, which reads its devices, a line each, from its input, once that ends. The last one lets any vehicle
in, lands what it says, and prints its port.
"""

from __future__ import annotations

import asyncio
import http.client as http_client
import itertools
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import paho.mqtt.client as paho
import uvloop

from anlan.engines.telemetry.gateways.broker import TOPICS, Address, Subscriber
from anlan.engines.telemetry.gateways.connections import seldom_collected
from anlan.engines.telemetry.gateways.door import Limits
from anlan.engines.telemetry.gateways.jt808 import Vehicles
from anlan.engines.telemetry.journal import Committer, Journal
from anlan.engines.telemetry.protocols import jt808, mqtt
from anlan.engines.telemetry.protocols.jt808 import Frame, Location

BATCH, CONNECTIONS, IN_THE_AIR = 1_000, 8, 200
DEVICE = "load-1"


def _rows(device: str, count: int, now: int) -> bytes:
    """Readings of one device, a second after another, up to now."""
    rows = [
        {"device": device, "metric": "ch4", "ts": now - 1000 * n, "value": 0.25 + n % 7 / 100} for n in range(count)
    ]
    return json.dumps(rows if count > 1 else rows[0]).encode()


def ran(*said: Any) -> float:
    """What a load in a process of its own prints."""
    command = [sys.executable, "-m", __name__, *map(str, said)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    return float(done.stdout.split()[-1])


# -- HTTP ------------------------------------------------------------------------------------------------------------


async def http(port: int, key: str, device: str, now: int, seconds: float) -> float:
    """Batches of a thousand readings as JSON, over connections that stay open; readings a second."""
    body = _rows(device, BATCH, now)
    head = (
        f"POST /ingest/v1/readings HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    done, until = 0, 0.0

    async def one() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            writer.write(head + body)
            said = await reader.readuntil(b"}")
            if b" 200 " not in said[:16] or b'"taken": 1000' not in said:
                raise RuntimeError(said.decode())
            done += BATCH
        writer.close()

    async def all_(length: float) -> float:
        nonlocal done, until
        done, begun = 0, time.perf_counter()
        until = begun + length
        await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
        return done / (time.perf_counter() - begun)

    await all_(2.0)  # each process of the web server has learnt who may send
    return await all_(seconds)


def steady(port: int, key: str, metric: str, value: float, now: int, rate: float) -> float:
    """Readings of the devices in the input, by columns of a thousand, so many a second until it ends; how many a second
    were answered."""
    begun, ended = time.perf_counter(), threading.Event()
    devices = list(itertools.takewhile(bool, map(str.strip, iter(sys.stdin.readline, ""))))

    def listen() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    connection, done = http_client.HTTPConnection("127.0.0.1", port, timeout=30), 0
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    names = [devices[n % len(devices)] for n in range(BATCH)]
    first = time.perf_counter()
    while not ended.wait(max(0.0, first + done / rate - time.perf_counter())):
        moment = now + int(1000 * (time.perf_counter() - begun))
        columns = {"device": names, "metric": [metric] * BATCH, "value": [value] * BATCH,
                   "ts": [moment - n // len(devices) for n in range(BATCH)]}  # fmt: skip
        connection.request("POST", "/ingest/v1/readings", json.dumps(columns), head)
        answer = connection.getresponse()
        if (said := answer.read()) and answer.status != 200:
            raise RuntimeError(said.decode())
        done += BATCH
    return done / (time.perf_counter() - first)


@contextmanager
def steadily(
    key: str, metric: str, value: float, now: int, rate: float, devices: Sequence[str]
) -> Iterator[Callable[[], float]]:
    """So many readings a second come in meanwhile; gives what tells, once called, how many it were, and ends it."""
    command = [sys.executable, "-m", __name__, "steady", os.environ["ANLAN_PORT"], key, metric, value, now, rate]
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write("\n".join([*devices, "", ""]))
    process.stdin.flush()
    try:
        yield lambda: float(process.communicate()[0])
    finally:
        process.kill()
        process.wait()


@contextmanager
def evaluated() -> Iterator[None]:
    """A gateway evaluates what the installation takes in meanwhile; no way in of its own is open."""
    closed = dict.fromkeys(("ANLAN_JT808_PORT", "ANLAN_MQTT_PORT", "ANLAN_AIS_PORT"), "off")
    process = subprocess.Popen([sys.executable, "-m", "anlan", "gateway"], env={**os.environ, **closed})
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


# -- vehicles --------------------------------------------------------------------------------------------------------


class _AnyVehicle:
    async def register(self, phone: str, said: dict[str, Any]) -> tuple[int, str]:
        return jt808.REGISTERED, phone

    async def authenticate(self, phone: str, code: str) -> bool:
        return phone == code


async def gateway(folder: Path) -> None:
    """Vehicles' gateway and its journal, until this process is ended."""
    seldom_collected()
    listener = Vehicles(
        _AnyVehicle(), Committer(Journal(folder, "load")).land, Limits(rate=1_000, introduce=300, readings=10_000)
    )
    server = await listener.serve("127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


class _Drives(asyncio.Protocol):
    """A terminal that says where it is as soon as it was answered, while `going`."""

    going, answers = False, 0

    def __init__(self, number: int, body: bytes) -> None:
        phone = str(13_000_000_000 + number)
        self._hello = jt808.framed(Frame(jt808.AUTHENTICATE, phone, 1, phone.encode()))
        self._says, self._marks = jt808.framed(Frame(jt808.LOCATION, phone, 2, body)), 0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        self._marks += data.count(b"\x7e")  # a frame begins and ends with it
        if self._marks == 2:
            self._marks = 0
            _Drives.answers += 1
            self.drive()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(RuntimeError("parted with"))

    def drive(self) -> None:
        if _Drives.going:
            self._transport.write(self._says)
        elif _Drives.answers and not self.ended.done():
            self.ended.set_result(None)


async def vehicles(port: int, sessions: int, seconds: float) -> float:
    """So many terminals that each say where they are as soon as they were answered; reports answered a second."""
    here = Location(0, 3, 29.7, 106.6, 300, 62.0, 90, datetime.now(UTC).replace(microsecond=0), True)
    body, loop, ends = jt808.located(here), asyncio.get_running_loop(), []
    for number in range(sessions):
        ends.append((await loop.create_connection(lambda n=number: _Drives(n, body), "127.0.0.1", port))[1])  # type: ignore[misc]
    await asyncio.gather(*(end.ended for end in ends))  # each was let in
    for end in ends:
        end.ended = loop.create_future()
    _Drives.going, _Drives.answers, begun = True, 0, time.perf_counter()
    for end in ends:
        end.drive()
    await asyncio.sleep(seconds)
    _Drives.going = False
    await asyncio.gather(*(end.ended for end in ends))
    return _Drives.answers / (time.perf_counter() - begun)


def vehicles_a_second(sessions: int, seconds: float = 10) -> float:
    """Reports a second that a gateway answers on so many sessions, each on disk before; both on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", __name__, "gateway", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            return ran("vehicles", process.stdout.readline().strip(), sessions, seconds)
        finally:
            process.kill()
            process.wait()


# -- MQTT through Mosquitto ------------------------------------------------------------------------------------------


async def publish(port: int, device: str, now: int, messages: int, readings: int) -> float:
    """So many publications of quality 1 with so many readings each to a broker; readings a second that it answered."""
    topic, payload = f"anlan/v1/{device}/readings", _rows(device, readings, now)
    packets = [mqtt.publish(topic, number, payload) for number in range(1, IN_THE_AIR + 1)]
    left = messages

    async def one(number: int) -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(mqtt.connect(f"load{number}"))
        if (await reader.readexactly(4))[3]:
            raise RuntimeError("not let in")
        air = sent = held = 0
        while left or air:
            out = bytearray()
            while air < IN_THE_AIR and left:
                out += packets[sent % IN_THE_AIR]
                sent, air, left = sent + 1, air + 1, left - 1
            writer.write(out)
            heard = await reader.read(1 << 16)
            if not heard:
                raise RuntimeError("parted with")
            answers, held = divmod(held + len(heard), 4)  # each is four bytes long
            air -= answers
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one(n) for n in range(2)))
    return messages * readings / (time.perf_counter() - begun)


@contextmanager
def mosquitto() -> Iterator[int]:
    """A broker of our own; its port. Raises `FileNotFoundError` where there is no Mosquitto."""
    found = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if not found:
        raise FileNotFoundError("mosquitto is not installed")
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
        free.close()
        conf = Path(folder) / "mosquitto.conf"
        conf.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
        )
        process = subprocess.Popen([found, "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def counted(port: int, readings: int, messages: int) -> float:
    """Readings a second that come to a subscriber which only counts, while they are published."""
    came = 0

    def heard(*_said: Any) -> None:
        nonlocal came
        came += readings

    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "counter")
    client.on_message = heard
    client.connect("127.0.0.1", port)
    client.subscribe(TOPICS, qos=1)
    client.loop_start()
    time.sleep(0.5)
    rate = _over(lambda: came, port, readings, messages)
    client.disconnect()
    client.loop_stop()
    return rate


def landed(port: int, readings: int, messages: int) -> float:
    """Readings a second that a subscriber has on disk and answers, while they are published."""

    async def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            journal = Journal(Path(folder), "load")
            committer = Committer(journal)
            known = {DEVICE}
            address, limits = Address("127.0.0.1", port, client="lander"), Limits(readings=10_000_000)
            subscriber = Subscriber(address, lambda: known, committer.land, limits)
            task = asyncio.create_task(subscriber.run())
            await asyncio.sleep(1)
            rate = await asyncio.to_thread(_over, lambda: committer.landed, port, readings, messages)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await committer.close()
            journal.close()
            return rate

    return uvloop.run(run())  # as `anlan gateway` does


def _over(count: Callable[[], int], port: int, readings: int, messages: int) -> float:
    """How much a second is counted from the first publication until the last has come."""
    command = [sys.executable, "-m", __name__, "publish", str(port), DEVICE, str(time.time_ns() // 1_000_000),
               str(messages), str(readings)]  # fmt: skip
    publisher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while not (had := count()) and publisher.poll() is None:
        time.sleep(0.001)
    begun = last = time.perf_counter()
    while had < messages * readings and time.perf_counter() - last < 10:
        time.sleep(0.01)
        if (now := count()) != had:
            had, last = now, time.perf_counter()
    return had / max(last - begun, 1e-9)


def main(said: Sequence[str]) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    match said:
        case "http", port, key, device, now, seconds:
            print(uvloop.run(http(int(port), key, device, int(now), float(seconds))))
        case "steady", *rest:
            port, key, metric, value, now, rate = rest
            print(steady(int(port), key, metric, float(value), int(now), float(rate)))
        case "publish", port, device, now, messages, readings:
            print(uvloop.run(publish(int(port), device, int(now), int(messages), int(readings))))
        case "vehicles", port, sessions, seconds:
            seldom_collected()
            print(uvloop.run(vehicles(int(port), int(sessions), float(seconds))))
        case "gateway", folder:
            uvloop.run(gateway(Path(folder)))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
