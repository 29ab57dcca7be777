"""Readings from an MQTT broker that is there already (Mosquitto, say): taken over, on disk, and only then answered.

The broker knows its devices and lets each publish under its own topic. It keeps for us what was not answered: the
session outlives this process (`CLIENT`), so that what came while nobody listened, and what was not on disk when it was
killed, comes again. What a device was told is the broker's word: for how long that holds over a crash of the broker is
its own setting (`autosave_interval`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
import paho.mqtt.client as paho

from ..protocols import Malformed, payload
from . import Land
from .door import Limits, Tally

TOPICS = "anlan/v1/+/readings"
CLIENT = "anlan-gateway"
_Came = tuple[int, int, str, bytes]
"""Number, quality, topic and content of a publication: the library's own object holds some two hundred others."""
_AGAIN_S = 5.0
_AT_ONCE = 500
"""Messages that are read before somebody else has his turn."""


class Address(NamedTuple):
    """Where the broker is, and how we introduce ourselves. `ca` is the file of its authority, where that is none of
    those that the system knows."""

    host: str
    port: int = 1883
    user: str = ""
    password: str = ""
    tls: bool = False
    ca: str = ""
    client: str = CLIENT


class Subscriber:
    """One session at one broker, from `run` until it is cancelled."""

    def __init__(
        self, address: Address, devices: Callable[[], Collection[str]], land: Land, limits: Limits | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._address, self._devices, self._land = address, devices, land
        self._limits, self._now = limits or Limits(), now
        self.tally, self.connected = Tally(), False  # where it is, the broker has said that it will send
        self._came: deque[_Came] = deque()
        self._line = 0  # changes with each connection that comes or goes
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Takes over what the broker has; comes back where the connection is lost."""
        client = self._client(asyncio.get_running_loop())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._tend(client))
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    while self._came:
                        await self._take(client, [self._came.popleft() for _ in range(len(self._came))])
        finally:
            client.disconnect()
            client.loop_write()

    async def _tend(self, client: paho.Client) -> None:
        """Connects where there is no connection, later each time, and says now and then that we are there."""
        address, pause = self._address, 1.0
        while True:
            if client.socket() is None:
                try:
                    # The name is looked up and the hand shaken meanwhile: nobody else is to wait for that.
                    await asyncio.to_thread(client.connect, address.host, address.port)
                except OSError as error:
                    self.tally.counts[f"no broker: {type(error).__name__}"] += 1
            else:
                client.loop_misc()
            await asyncio.sleep(pause)
            pause = 1.0 if self.connected else min(30.0, 2 * pause)

    def _client(self, loop: asyncio.AbstractEventLoop) -> paho.Client:
        address = self._address
        client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, address.client, clean_session=False, protocol=paho.MQTTv311,
            manual_ack=True,
        )  # fmt: skip
        if address.user:
            client.username_pw_set(address.user, address.password)
        if address.tls:
            client.tls_set(address.ca or None)

        def came(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
            try:
                topic = message.topic
            except UnicodeDecodeError:
                topic = ""  # which is no device's
            self._came.append((message.mid, message.qos, topic, bytes(message.payload)))

        def connected(client: paho.Client, _data: Any, _flags: Any, reason: Any, _said: Any) -> None:
            self._turn()
            if reason.is_failure:
                self.tally.counts[f"refused by the broker: {reason}"] += 1
            else:
                self.tally.counts["connections"] += 1
                client.subscribe(TOPICS, qos=1)

        def subscribed(_client: paho.Client, _data: Any, _mid: int, reasons: Any, _said: Any) -> None:
            if refused := next((reason for reason in reasons if reason.is_failure), None):
                self.tally.counts[f"refused by the broker: {refused}"] += 1
            else:
                self.connected = True

        def parted(*_said: Any) -> None:
            self._turn()

        client.on_message, client.on_connect, client.on_disconnect = came, connected, parted
        client.on_subscribe = subscribed

        def heard() -> None:
            """One message at a call is what the client reads: until nothing more comes, or enough."""
            for _ in range(_AT_ONCE):
                before = len(self._came)
                client.loop_read()
                if len(self._came) <= before:
                    break
            else:
                loop.call_soon(heard)  # under TLS the rest may be here already, and nothing would wake us
            if self._came:
                self._wake.set()

        def watched(watch: Callable[..., Any], then: Callable[[], Any]) -> Callable[..., None]:
            def begin(_client: paho.Client, _data: Any, sock: Any) -> None:
                # It may be the thread that connects which says so.
                loop.call_soon_threadsafe(lambda: sock.fileno() >= 0 and watch(sock, then))

            return begin

        def unwatched(unwatch: Callable[[Any], bool]) -> Callable[..., None]:
            def end(_client: paho.Client, _data: Any, sock: Any) -> None:
                unwatch(sock)

            return end

        client.on_socket_open = watched(loop.add_reader, heard)
        client.on_socket_close = unwatched(loop.remove_reader)
        client.on_socket_register_write = watched(loop.add_writer, client.loop_write)
        client.on_socket_unregister_write = unwatched(loop.remove_writer)
        return client

    def _turn(self) -> None:
        """Another connection, or none. What came on the one before can be answered on it alone: a broker that lost its
        session gives the same numbers to other messages. It sends again what we did not answer."""
        self.connected, self._line = False, self._line + 1
        self._came.clear()

    async def _take(self, client: paho.Client, taken: list[_Came]) -> None:
        line, known, columns = self._line, self._devices(), []
        for _number, _qos, topic, content in taken:
            if (read := self._understood(topic, content, known)) is not None:
                columns.append(read)
        self.tally.counts["messages"] += len(taken)
        good = []
        for read in _joined(columns):
            found = self.tally.sift(read, known, self._now(), self._limits, "broker")
            if len(found.taken.ts):
                good.append(found.taken)
        for one in good:
            while True:
                try:
                    await self._land(*one)
                    break
                except OSError:
                    # The broker keeps what was not answered; here it waits until the disk takes it.
                    self.tally.counts["waited for the disk"] += 1
                    await asyncio.sleep(_AGAIN_S)
            self.tally.counts["readings"] += len(one.ts)
        if line == self._line:
            for number, qos, _topic, _content in taken:
                client.ack(number, qos)

    def _understood(self, topic: str, content: bytes, known: Collection[str]) -> payload.Columns | None:
        try:
            device = payload.of_topic(topic)
            if device not in known:
                raise Malformed("device", f"{device} is no registered device")
            read = payload.read(content, device)
            if self.tally.budget.spend(device, len(read.ts), 1, self._limits):
                # The broker has answered the device already, and keeps everybody waiting whom we do not answer.
                raise Malformed("too much", f"{device} brings more readings than a device may")
            return read
        except Malformed as error:
            self.tally.refuse("broker", error, content)
            return None


def _joined(columns: list[payload.Columns]) -> Iterator[payload.Columns]:
    """Lists of few readings as one; arrays of many stay by themselves."""
    few = [one for one in columns if isinstance(one.device, list)]
    yield from (one for one in columns if not isinstance(one.device, list))
    if few:
        device, metric = ([name for one in few for name in one[n]] for n in (0, 1))
        yield payload.Columns(device, metric, *(np.concatenate([one[n] for one in few]) for n in (2, 3)))
