"""MQTT, HTTP and AIS: who is let in, what is answered when, what becomes of nonsense; the real clients' way."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pyarrow as pa
import pytest

from anlan.engines.telemetry.gateways import door
from anlan.engines.telemetry.gateways.ais import RECEIVER, Ships
from anlan.engines.telemetry.gateways.door import Budget, Limits
from anlan.engines.telemetry.gateways.http import Ingest
from anlan.engines.telemetry.gateways.mqtt import Publishers
from anlan.engines.telemetry.protocols import mqtt

from .conftest import until
from .test_other_protocols import POSITION, STATIC

pytestmark = pytest.mark.usefixtures("either_loop")
NOW = 1_371_182_400.0
MS = int(NOW * 1000)
Rows = list[tuple[str, str, int, float]]


class Keys:
    """Two devices, and a program that sends for both."""

    async def speaks_for(self, name: str, key: str) -> Collection[str] | None:
        return {("k1", "one"): {"k1"}, ("k2", "two"): {"k2"}, ("", "both"): {"k1", "k2"}}.get((name, key))

    async def certified(self, name: str) -> Collection[str] | None:
        return {"k1"} if name == "k1" else None


class Disk:
    """What landed; or one that is full."""

    def __init__(self) -> None:
        self.rows: Rows = []
        self.full = False

    async def land(self, *columns: Any) -> None:
        await asyncio.sleep(0.001)
        if self.full:
            raise OSError(28, "No space left on device")
        lists = [c.to_pylist() if isinstance(c, pa.Array) else np.asarray(c).tolist() for c in columns]
        self.rows += list(zip(*lists, strict=True))


def reading(value: float = 0.4, ts: int = MS, **more: Any) -> bytes:
    return json.dumps({"metric": "ch4", "ts": ts, "value": value, **more}).encode()


# -- MQTT ------------------------------------------------------------------------------------------------------------


def listening(talk: Callable[[int, Publishers, Disk], Any], limits: Limits | None = None) -> tuple[Publishers, Disk]:
    """Runs `talk`, which blocks as a device does, against a listener on a port of its own."""
    disk = Disk()

    async def run() -> Publishers:
        listener = Publishers(Keys(), disk.land, limits, now=lambda: NOW)
        server = await listener.serve("127.0.0.1", 0)
        try:
            await asyncio.to_thread(talk, server.sockets[0].getsockname()[1], listener, disk)
        finally:
            server.close()
            await listener.close()
        return listener

    return asyncio.run(asyncio.wait_for(run(), 60)), disk


def device(port: int, version: int, user: str = "k1", key: str = "one") -> paho.Client:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=version)
    client.username_pw_set(user, key)
    client.connect("127.0.0.1", port, 30)
    client.loop_start()
    return client


@pytest.mark.parametrize("version", [paho.MQTTv311, paho.MQTTv5])
def test_a_device_is_answered_when_its_reading_is_on_disk(version: int) -> None:
    def talk(port: int, listener: Publishers, disk: Disk) -> None:
        client = device(port, version)
        for n in range(300):
            sent = client.publish("anlan/v1/k1/readings", reading(n, MS + n), qos=1)
        sent.wait_for_publish(10)
        assert len(disk.rows) == 300
        client.publish("anlan/v1/k1/readings", reading(-1, MS - 1), qos=0).wait_for_publish(10)
        client.publish("anlan/v1/k1/readings", reading(-2, MS - 2), qos=1).wait_for_publish(10)
        assert {v for _d, _m, _t, v in disk.rows} >= {-1.0, -2.0}  # what came before the answered one is there too
        assert listener.online == 1
        client.disconnect()
        client.loop_stop()

    listener, _disk = listening(talk)
    assert (listener.counts["authenticated"], listener.counts["readings"]) == (1, 302)


def test_who_may_speak_for_whom() -> None:
    def talk(port: int, listener: Publishers, disk: Disk) -> None:
        for user, key in (("k1", "two"), ("nobody", "one"), ("token", "one"), ("", "")):
            codes: list[Any] = []
            client = paho.Client(paho.CallbackAPIVersion.VERSION2)
            client.username_pw_set(user, key)
            client.on_connect = lambda _c, _u, _f, reason, _p, codes=codes: codes.append(reason.is_failure)
            client.connect("127.0.0.1", port)
            until = time.monotonic() + 20
            while not codes and time.monotonic() < until:
                client.loop(0.1)
            assert codes == [True]
        one, both = device(port, paho.MQTTv5), device(port, paho.MQTTv5, "token", "both")
        refused: list[Any] = []
        one.on_publish = lambda _c, _u, _m, reason, _p: refused.append(reason.value)
        one.publish("anlan/v1/k2/readings", reading(), qos=1).wait_for_publish(10)
        one.publish("anlan/v1/k1/readings", b"{", qos=1).wait_for_publish(10)
        one.publish("anlan/v1/k1/readings", reading(ts=1), qos=1).wait_for_publish(10)
        both.publish("anlan/v1/k2/readings", reading(7), qos=1).wait_for_publish(10)
        assert refused == [mqtt.NOT_AUTHORIZED, mqtt.INVALID, mqtt.INVALID]
        assert disk.rows == [("k2", "ch4", MS, 7.0)]
        for client in (one, both):
            client.disconnect()
            client.loop_stop()

    listener, _disk = listening(talk)
    assert (listener.counts["refused: code"], listener.counts["refused: device"]) == (4, 1)
    assert (listener.counts["refused: json"], listener.counts["refused: clock"]) == (1, 1)
    remembered = {kind: words for _peer, kind, words, _raw in listener.tally.refused}
    assert set(remembered) == {"code", "device", "json", "clock"}, "whoever looks learns who"
    assert remembered["clock"].startswith("k1: a clock -")


def test_what_the_disk_does_not_take_is_not_answered() -> None:
    def talk(port: int, listener: Publishers, disk: Disk) -> None:
        disk.full = True
        client = device(port, paho.MQTTv311)
        sent = client.publish("anlan/v1/k1/readings", reading(), qos=1)
        time.sleep(1.0)
        assert not sent.is_published()
        disk.full = False
        sent.wait_for_publish(20)  # it comes back by itself, and says it again
        assert sent.is_published()
        assert disk.rows == [("k1", "ch4", MS, 0.4)]
        client.disconnect()
        client.loop_stop()

    listening(talk)


class Revoked(Keys):
    """A key that is made anew after it was used once."""

    def __init__(self) -> None:
        self.asked = 0

    async def speaks_for(self, name: str, key: str) -> Collection[str] | None:
        self.asked += 1
        return {"k1"} if self.asked == 1 else None


def test_who_may_speak_no_more_is_parted_with() -> None:
    disk = Disk()

    async def run() -> Publishers:
        listener = Publishers(Revoked(), disk.land, Limits(again=1.0), now=lambda: NOW)
        server = await listener.serve("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(mqtt.connect("c", "k1", "one"))
        assert (await reader.readexactly(4))[3] == 0
        writer.write(mqtt.publish("anlan/v1/k1/readings", 1, reading()))
        await reader.readexactly(4)
        await asyncio.sleep(1.1)
        writer.write(mqtt.publish("anlan/v1/k1/readings", 2, reading()))
        assert await reader.read() == b""
        server.close()
        await listener.close()
        return listener

    listener = asyncio.run(asyncio.wait_for(run(), 30))
    assert listener.counts["parted: may speak no more"] == 1
    assert len(disk.rows) == 1


def test_a_stranger_says_little() -> None:
    def talk(port: int, listener: Publishers, disk: Disk) -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as peer:
            peer.sendall(b"\x10\x80\x80\x04" + b"x" * 5_000)
            peer.settimeout(20)
            with suppress(ConnectionResetError):
                assert peer.recv(100) == b""

    listener, _disk = listening(talk)
    assert listener.counts["refused: length"] == 1


def test_nothing_is_heard_here_and_nonsense_parts() -> None:
    def talk(port: int, listener: Publishers, disk: Disk) -> None:
        client = device(port, paho.MQTTv5)
        heard: list[Any] = []
        client.on_subscribe = lambda _c, _u, _m, codes, _p: heard.append([c.is_failure for c in codes])
        client.subscribe("#")
        until = time.monotonic() + 20
        while not heard and time.monotonic() < until:
            time.sleep(0.02)
        assert heard == [[True]]
        ended: list[int] = []
        client.on_disconnect = lambda c, _u, _f, reason, _p: (ended.append(reason.value), c.disconnect())
        client.publish("anlan/v1/k1/readings", reading(), qos=2)
        until = time.monotonic() + 20
        while not ended and time.monotonic() < until:
            time.sleep(0.02)
        assert ended == [mqtt.NO_QUALITY], "it learns why"
        client.loop_stop()
        for raw in (b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\x7f", b"\x30\x02\x00\x00", b"\x10\x02\x00\x09"):
            with socket.create_connection(("127.0.0.1", port), 5) as peer:
                peer.sendall(raw)
                peer.settimeout(20)
                while peer.recv(100):
                    pass

    listener, disk = listening(talk)
    assert (listener.counts["parted: nonsense"], listener.counts["refused: quality"]) == (5, 1)
    assert not disk.rows


def test_slow_and_silent_ones_are_parted_with() -> None:
    def talk(port: int, listener: Publishers, disk: Disk) -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as slow:
            for byte in b"\x10\x20\x00\x04MQTT":
                slow.sendall(bytes([byte]))
                time.sleep(0.02)
            slow.settimeout(20)
            assert slow.recv(10) == b""

    listener, _disk = listening(talk, Limits(introduce=0.3))
    assert listener.counts["parted: not introduced"] == 1


# -- HTTP ------------------------------------------------------------------------------------------------------------


def asked(
    body: bytes, who: str = "Bearer both", kind: str = "application/json", disk: Disk | None = None,
    method: str = "POST", path: str = "/ingest/v1/readings", ingest: Ingest | None = None,
) -> tuple[int, dict[str, Any], Rows]:  # fmt: skip
    disk = disk or Disk()
    app = ingest or Ingest(Keys(), disk.land, now=lambda: NOW)
    sent: list[dict[str, Any]] = []
    headers = [(b"authorization", who.encode()), (b"content-type", kind.encode())]
    parts = [body[n : n + 1000] for n in range(0, len(body), 1000)] or [b""]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": headers, "client": ("10.0.0.1", 1)}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"]), disk.rows


def basic(name: str, key: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{key}".encode()).decode()


def test_readings_over_http() -> None:
    rows = [
        {"device": "k1", "metric": "ch4", "ts": MS, "value": 1},
        {"device": "k2", "metric": "co", "ts": MS, "value": 2},
    ]
    assert asked(json.dumps(rows).encode()) == (200, {"taken": 2}, [("k1", "ch4", MS, 1.0), ("k2", "co", MS, 2.0)])
    assert asked(reading(), basic("k1", "one")) == (200, {"taken": 1}, [("k1", "ch4", MS, 0.4)])
    table = pa.table({"device": ["k1", "x", "k2"], "metric": ["a"] * 3, "ts": [MS, MS, 5], "value": [1.0, 2.0, 3.0]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    status, told, landed = asked(sink.getvalue().to_pybytes(), kind="application/vnd.apache.arrow.stream")
    assert (status, landed) == (200, [("k1", "a", MS, 1.0)])
    first = [{"reading": 2, "why": "device"}, {"reading": 3, "why": "clock"}]
    assert told == {"taken": 1, "refused": {"device": 1, "clock": 1}, "first": first}


def arrow(devices: list[str], metrics: list[str]) -> bytes:
    table = pa.table({
        "device": devices, "metric": metrics, "ts": [MS] * len(devices), "value": [0.4] * len(devices),
    })  # fmt: skip
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("way", ["json", "arrow"])
def test_one_key_fills_no_history_with_names_of_metrics(way: str) -> None:
    """Each is a file of every day. What others have told before, and what stays within the bound, goes on."""
    made = Ingest(Keys(), Disk().land, Limits(names=5), lambda: NOW)

    def tell(devices: list[str], metrics: list[str], who: str) -> tuple[int, Any]:
        columns = {"device": devices, "metric": metrics, "ts": [MS] * len(devices), "value": [0.4] * len(devices)}
        body = json.dumps(columns).encode() if way == "json" else arrow(devices, metrics)
        kind = "application/json" if way == "json" else "application/vnd.apache.arrow.stream"
        told = asked(body, who, kind, ingest=made)[1]
        return told["taken"], told.get("refused")

    one, two = (f"Basic {base64.b64encode(said).decode()}" for said in (b"k1:one", b"k2:two"))
    assert tell(["k1"] * 1000, [f"m{n}" for n in range(1000)], one) == (5, {"metric": 995})
    assert tell(["k1"] * 1000, [f"n{n}" for n in range(1000)], one) == (0, {"metric": 1000})
    assert tell(["k2"] * 6, ["m0", "m4", "n1", "n2", "甲烷", "../x"], two) == (4, {"metric": 2})
    assert tell(["k1", "k1", "k3"], ["n1", "n3", "n4"], "Bearer both") == (
        1, {"metric": 1, "device": 1}
    )  # fmt: skip
    assert tell(["k1"] * 3, ["m0"] * 3, one) == (3, None)


def test_nobody_fills_the_disk_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a device kept while it was cut off comes at once, however much; then so many a second and device."""
    at = 1_000.0
    monkeypatch.setattr(door.time, "monotonic", lambda: at)
    limits, budget = Limits(readings=10, kept=100), Budget()
    assert budget.spend("k1", 5_000, 1, limits) == 0  # no payload is too large by itself
    assert budget.spend("k1", 1, 1, limits) == pytest.approx(430.1)  # (5,000 - 100 - 60 s x 10) at 10 a second
    assert budget.spend("k2", 1, 1, limits) == 0
    at += 431
    assert budget.spend("k1", 1, 1, limits) == 0
    at += 86_400
    assert [budget.spend("k1", 350, 1, limits) > 0 for _ in range(4)] == [False, False, True, True]  # no more is saved
    assert [budget.spend("both", 650, 2, limits) > 0 for _ in range(4)] == [False, False, True, True]


def test_too_many_readings_over_http_come_later() -> None:
    disk, limits = Disk(), Limits(readings=0.1, kept=10)
    made = Ingest(Keys(), disk.land, limits, lambda: NOW)
    body = json.dumps([{"metric": "ch4", "ts": MS + n, "value": 0.4} for n in range(20)]).encode()
    assert asked(body, basic("k1", "one"), ingest=made)[0] == 200
    status, told, _rows = asked(body, basic("k1", "one"), ingest=made)
    assert (status, told["error"]) == (429, "too much")
    assert 30 < int(told["words"].split()[-2]) < 60  # seconds, as `retry-after` says too
    both = json.dumps([{"device": "k1", "metric": "ch4", "ts": MS, "value": 0.4}]).encode()
    assert asked(both, ingest=made)[0] == 200  # the program has its own
    assert (len(disk.rows), made.tally.counts["refused: too much"]) == (21, 1)


def test_too_many_readings_over_mqtt_are_not_answered() -> None:
    def talk(port: int, listener: Publishers, disk: Disk) -> None:
        client = device(port, paho.MQTTv5)
        rows = json.dumps([{"metric": "ch4", "ts": MS + n, "value": 0.4} for n in range(20)]).encode()
        client.publish("anlan/v1/k1/readings", rows, qos=1).wait_for_publish(10)
        last = client.publish("anlan/v1/k1/readings", rows, qos=1)
        deadline = time.monotonic() + 10
        while not listener.counts["parted: too many readings"] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not last.is_published()
        client.loop_stop()

    listener, disk = listening(talk, Limits(readings=0.1, kept=10))
    assert listener.counts["parted: too many readings"] >= 1
    assert len(disk.rows) == 20


@pytest.mark.parametrize(
    ("given", "status", "kind"),
    [
        ({"body": b"{"}, 400, "json"),
        ({"body": b"[]"}, 413, "length"),
        ({"body": reading(), "who": "Bearer one"}, 401, "key"),
        ({"body": reading(), "who": ""}, 401, "key"),
        ({"body": reading(), "who": "Basic %%%"}, 401, "key"),
        ({"body": reading(), "who": basic("k1", "two")}, 401, "key"),
        ({"body": reading(device="k2"), "who": basic("k1", "one")}, 400, "device"),
        ({"body": reading(), "kind": "text/xml"}, 415, "media"),
        ({"body": b"\0" * 40, "kind": "application/vnd.apache.arrow.stream"}, 400, "arrow"),
        ({"body": reading(), "method": "GET"}, 405, "method"),
        ({"body": reading(), "path": "/ingest/v2/x"}, 404, "path"),
        ({"body": b" " * (17 * 1024 * 1024)}, 413, "length"),
    ],
)
def test_what_is_refused_whole_over_http(given: dict[str, Any], status: int, kind: str) -> None:
    said, told, rows = asked(**given)
    assert (said, told["error"], rows) == (status, kind, [])


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    sent: list[dict[str, Any]] = []

    async def never() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"authorization", b"Bearer both")]
    scope = {"type": "http", "method": "POST", "path": "/ingest/v1/readings", "headers": headers, "client": None}
    asyncio.run(Ingest(Keys(), Disk().land, Limits(frame=0.1), lambda: NOW)(scope, never, send))
    assert sent[0]["status"] == 408


def test_a_full_disk_is_said_over_http() -> None:
    disk = Disk()
    disk.full = True
    status, told, rows = asked(reading(), basic("k1", "one"), disk=disk)
    assert (status, told["error"], rows) == (503, "disk", [])


# -- AIS -------------------------------------------------------------------------------------------------------------


def heard(
    talk: Callable[[Ships, int, Disk], Awaitable[None]], networks: Sequence[str] = ("127.0.0.0/8",), **limits: Any
) -> tuple[Ships, Disk]:
    disk = Disk()

    async def run() -> Ships:
        made = Limits(**{"rate": RECEIVER.rate, "nonsense": RECEIVER.nonsense, **limits})
        ships = Ships(lambda: {"366053209"}, [ip_network(n) for n in networks], disk.land, made, lambda: NOW)
        server = await ships.serve("127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        udp = await ships.datagrams("127.0.0.1", port)
        try:
            await talk(ships, port, disk)
        finally:
            udp.close()
            server.close()
            await ships.close()
        return ships

    return asyncio.run(asyncio.wait_for(run(), 30)), disk


OTHER = "!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24"


def test_ships_over_tcp_and_udp() -> None:
    async def talk(ships: Ships, port: int, disk: Disk) -> None:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write("\r\n".join([POSITION, *STATIC, "nonsense", OTHER, ""]).encode())
        await until(lambda: ships.counts["messages"] == 5)
        writer.close()
        await until(lambda: len(disk.rows) > 4)
        tcp = len(disk.rows)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(POSITION.encode(), ("127.0.0.1", port))
            udp.sendto(STATIC[0].encode(), ("127.0.0.1", port))
            udp.sendto(STATIC[1].encode(), ("127.0.0.1", port))
        await until(lambda: ships.counts["messages"] == 8)
        await until(lambda: len(disk.rows) == 2 * tcp)

    ships, disk = heard(talk)
    assert {d for d, *_ in disk.rows} == {"366053209"}
    # The voyage is that of a ship which nobody registered; it came twice.
    assert (ships.counts["ships of others"], ships.counts["refused: sentence"]) == (3, 1)


def test_receivers_send_from_their_own_network() -> None:
    async def talk(ships: Ships, port: int, disk: Disk) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POSITION.encode() + b"\n")
        with suppress(ConnectionResetError):  # what it sent was not even read
            assert await reader.read() == b""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(POSITION.encode(), ("127.0.0.1", port))
        await until(lambda: ships.counts["refused: address"] == 2)

    _ships, disk = heard(talk, ("10.0.0.0/8",))
    assert not disk.rows


def test_a_receiver_of_noise_is_parted_with() -> None:
    async def talk(ships: Ships, port: int, disk: Disk) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POSITION.encode() + b"\n" + b"nonsense\n" * 40)
        with suppress(ConnectionResetError):  # what it sent was not even read
            assert await reader.read() == b""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x" * 9_000)
        with suppress(ConnectionResetError):  # what it sent was not even read
            assert await reader.read() == b""

    ships, disk = heard(talk, nonsense=30)
    assert disk.rows  # what it had said in sense: nobody says it again
    assert (ships.counts["parted: nonsense"], ships.counts["parted: a line without an end"]) == (1, 1)


# -- nonsense --------------------------------------------------------------------------------------------------------


def test_packets_of_noise_are_refused_and_nothing_else_happens() -> None:
    rng = random.Random(5)
    good = bytes.fromhex("101000044d5154540402003c00046b310000")
    for _ in range(20_000):
        raw = bytearray(good if rng.random() < 0.5 else rng.randbytes(rng.randrange(1, 40)))
        for _change in range(rng.randrange(3)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        cutter = mqtt.Cutter()
        try:
            for packet in cutter.feed(bytes(raw)):
                for look in (mqtt.connection, lambda p: mqtt.publication(p, 5), lambda p: mqtt.topics(p, 4)):
                    try:
                        look(packet)
                    except mqtt.Malformed:
                        continue
        except mqtt.Malformed:
            continue
