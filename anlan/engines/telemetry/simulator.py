"""Vehicles that are none: terminals that speak JT/T 808 to a gateway, by scenarios drawn from a seed.

Everything goes over real sockets, as devices would: a simulated bus registers, authenticates, sends where it is and
waits for the answer. Most drive quietly; some, one after another, speed or drive too long for a while.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from .protocols import Malformed, jt808
from .protocols.jt808 import Cutter, Frame, Location

OVERSPEED, FATIGUE = 1 << 1, 1 << 2
_LOCATED = 0b11
_QUIET = (900.0, 3_600.0)
_SCENE = (60.0, 180.0)
"""Seconds between two scenes of one bus, and how long a scene is."""
_SCENES = ((OVERSPEED, 25.0), (FATIGUE, 0.0))
"""Alarm bits, and how much faster than usual it then drives (km/h)."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """What a simulated terminal says of itself, and where it drives about."""

    phone: str
    plate: str
    lat: float
    lon: float


class Bus:
    """One terminal. Its drive is the same for the same vehicle and seed, whenever it is asked."""

    def __init__(self, vehicle: Vehicle, seed: int) -> None:
        self.vehicle, self._rng = vehicle, Random(f"{seed} {vehicle.phone}")  # noqa: S311 (synthetic data)
        self._angle, self._serial = self._rng.uniform(0, 2 * math.pi), 0
        self._usual = self._rng.uniform(35, 70)
        self._turns = self._rng.uniform(60.0, _QUIET[1])
        self._scene: tuple[int, float] | None = None
        self._passed = 0.0

    def drive(self, seconds: float, at: datetime) -> Location:
        """Drives on for so long; where it is then."""
        self._passed += seconds
        if self._passed >= self._turns:
            self._scene = None if self._scene else self._rng.choice(_SCENES)
            self._turns = self._passed + self._rng.uniform(*(_SCENE if self._scene else _QUIET))
        alarm, faster = self._scene or (0, 0.0)
        speed = round(max(0.0, self._usual + faster + self._rng.gauss(0, 3)), 1)
        # Around its place, four kilometres across.
        self._angle += speed / 3.6 * seconds / 4_000
        lat = self.vehicle.lat + 0.036 * math.sin(self._angle)
        lon = self.vehicle.lon + 0.041 * math.cos(self._angle)
        direction = round(math.degrees(-self._angle)) % 360
        return Location(alarm, _LOCATED, lat, lon, 300, speed, direction, at, True)

    def next(self) -> int:
        self._serial = (self._serial + 1) & 0xFFFF
        return self._serial


async def run(
    vehicles: Sequence[Vehicle], host: str, port: int, *, seed: int = 1, every: float = 10.0,
    now: Callable[[], datetime] = lambda: datetime.now(UTC), told: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Lets all vehicles drive until it is cancelled; each says every so many seconds where it is."""
    told(f"{len(vehicles)} vehicles drive")
    async with asyncio.TaskGroup() as group:
        for number, vehicle in enumerate(vehicles):
            wait = every * number / max(len(vehicles), 1)  # not all at the same moment
            group.create_task(_drives(Bus(vehicle, seed), host, port, every, wait, now, told))


async def _drives(
    bus: Bus, host: str, port: int, every: float, wait: float, now: Callable[[], datetime], told: Callable[[str], None]
) -> None:
    await asyncio.sleep(wait)
    pause = 1.0
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)
            continue
        try:
            pause = 1.0
            await _introduce(bus, reader, writer)
            while True:
                body = jt808.located(bus.drive(every, now()))
                await _ask(bus, reader, writer, jt808.LOCATION, body)
                await asyncio.sleep(every)
        except (OSError, asyncio.IncompleteReadError, Malformed):
            await asyncio.sleep(5.0)  # the gateway has gone, or begins anew: as a terminal would, it comes back
        except _Refused as refused:
            told(f"{bus.vehicle.phone}: {refused}")
            return
        finally:
            writer.close()


class _Refused(Exception):
    """The gateway knows no such vehicle."""


async def _introduce(bus: Bus, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    body = (50).to_bytes(2) + (100).to_bytes(2) + b"anlan" + b"simulator".ljust(20, b"\0") + b"demo001" + b"\x02"
    said = await _ask(bus, reader, writer, jt808.REGISTER, body + bus.vehicle.plate.encode("gbk"))
    if said["result"] != jt808.REGISTERED:
        raise _Refused(f"registration answered with {said['result']}")
    said = await _ask(bus, reader, writer, jt808.AUTHENTICATE, str(said["code"]).encode())
    if said["result"] != jt808.DONE:
        raise _Refused(f"authentication answered with {said['result']}")


async def _ask(
    bus: Bus, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, id_: int, body: bytes
) -> dict[str, object]:
    writer.write(jt808.framed(Frame(id_, bus.vehicle.phone, bus.next(), body)))
    await writer.drain()
    cutter = Cutter()
    while True:
        data = await reader.readuntil(b"\x7e")
        for raw in cutter.feed(data):
            return jt808.message(jt808.unframed(raw))
