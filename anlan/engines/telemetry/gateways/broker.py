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
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ..protocols import Malformed, payload
from .door import Land, Limits, Tally, sifted

TOPICS = "anlan/v1/+/readings"
CLIENT = "anlan-gateway"
IN_THE_AIR = 10_000
"""Publications that the broker may send before the first is answered."""
_FOREVER = 0xFFFFFFFF
_AGAIN_S = 5.0


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
        self.tally, self.connected = Tally(), False
        self._came: deque[paho.MQTTMessage] = deque()

    async def run(self) -> None:
        """Takes over what the broker has; comes back where the connection is lost."""
        loop, wake = asyncio.get_running_loop(), asyncio.Event()
        client = self._client(lambda: loop.call_soon_threadsafe(wake.set))
        client.loop_start()
        try:
            while True:
                await wake.wait()
                wake.clear()
                while self._came:
                    await self._take(client, [self._came.popleft() for _ in range(len(self._came))])
        finally:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    def _client(self, woken: Callable[[], Any]) -> paho.Client:
        address = self._address
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, address.client, protocol=paho.MQTTv5, manual_ack=True)
        if address.user:
            client.username_pw_set(address.user, address.password)
        if address.tls:
            client.tls_set(address.ca or None)
        said = Properties(PacketTypes.CONNECT)
        said.SessionExpiryInterval, said.ReceiveMaximum = _FOREVER, IN_THE_AIR

        def came(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
            self._came.append(message)
            if len(self._came) == 1:  # whoever takes them goes on until none is left
                woken()

        def connected(client: paho.Client, _data: Any, _flags: Any, reason: Any, _said: Any) -> None:
            self.connected = not reason.is_failure
            if reason.is_failure:
                self.tally.counts[f"refused by the broker: {reason}"] += 1
            else:
                # What came on an earlier connection can be answered on it alone: the broker sends it again.
                self._came.clear()
                self.tally.counts["connections"] += 1
                client.subscribe(TOPICS, qos=1)

        def parted(*_said: Any) -> None:
            self.connected = False

        client.on_message, client.on_connect, client.on_disconnect = came, connected, parted
        client.reconnect_delay_set(1, 30)
        client.connect_async(address.host, address.port, clean_start=False, properties=said)
        return client

    async def _take(self, client: paho.Client, taken: list[paho.MQTTMessage]) -> None:
        columns = []
        for message in taken:
            self.tally.counts["messages"] += 1
            if (read := self._understood(message)) is not None:
                columns.append(read)
        while columns:
            try:
                for one in _joined(columns):
                    await self._land(*one)
                    self.tally.counts["readings"] += len(one.ts)
                break
            except OSError:
                # The broker keeps what was not answered; here it waits until the disk takes it.
                self.tally.counts["waited for the disk"] += 1
                await asyncio.sleep(_AGAIN_S)
        for message in taken:
            client.ack(message.mid, message.qos)

    def _understood(self, message: paho.MQTTMessage) -> payload.Columns | None:
        try:
            device = payload.of_topic(message.topic)
            known = self._devices()
            if device not in known:
                raise Malformed("device", f"{device} is no registered device")
            read = payload.read(bytes(message.payload), device)
        except (Malformed, UnicodeDecodeError) as error:
            wrong = error if isinstance(error, Malformed) else Malformed("topic", "the topic is not UTF-8")
            self.tally.refuse("broker", wrong, bytes(message.payload))
            return None
        found = sifted(read, known, self._now(), self._limits)
        for kind, count in found.kinds.items():
            self.tally.counts[f"refused: {kind}"] += count
        return found.taken if len(found.taken.ts) else None


def _joined(columns: list[payload.Columns]) -> Iterator[payload.Columns]:
    """Lists of few readings as one; arrays of many stay by themselves."""
    few = [one for one in columns if isinstance(one.device, list)]
    yield from (one for one in columns if not isinstance(one.device, list))
    if few:
        device, metric = ([name for one in few for name in one[n]] for n in (0, 1))
        yield payload.Columns(device, metric, *(np.concatenate([one[n] for one in few]) for n in (2, 3)))
