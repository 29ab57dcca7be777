"""Devices that are none: terminals that speak JT/T 808, sensors on MQTT, ships on AIS, by scenarios drawn from a seed.

Everything goes over real sockets, as devices would: a simulated bus registers, authenticates, sends where it is and
waits for the answer. Most drive quietly; some, one after another, speed or drive too long for a while.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import pyais

from .protocols import Malformed, jt808, mqtt
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


# -- sensors over MQTT -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sensor:
    """What a simulated sensor says of itself; by its programme, or its role at a station, it is known what it
    measures. The sensors of a station have their scenes together."""

    code: str
    key: str
    programme: str
    station: str = ""
    role: str = ""


class Course:
    """What one sensor measures, the same for the same sensor and seed: quiet for most of the time, now and then with a
    scene: gas that gathers, a tank that is filled too far, a crane that lifts too much, a sensor that falls silent."""

    def __init__(self, sensor: Sensor, seed: int, mute: bool = False) -> None:
        """`mute`: it falls silent after three minutes first."""
        self.sensor, self._rng = sensor, Random(f"{seed} {sensor.station or sensor.code}")  # noqa: S311 (synthetic data)
        self._own, self._passed = self._rng.random(), self._rng.uniform(0, 10_000)
        self._turns, self._scene, self._begun = self._passed + self._rng.uniform(120, 2 * _QUIET[1]), "", 0.0
        self._next = "silent" if mute else ""
        if mute:
            self._turns = self._passed + 180

    def measured(self, seconds: float) -> dict[str, float]:
        """What it measures so many seconds later; nothing while it is silent."""
        self._passed += seconds
        if self._passed >= self._turns:
            self._begun = self._passed
            self._scene = "" if self._scene else self._next or ("silent" if self._rng.random() < 0.1 else "swell")
            self._next = ""
            self._turns = self._passed + (_SWELL if self._scene else self._rng.uniform(*_QUIET) * 3)
        if self._scene == "silent":
            return {}
        away = (self._passed - self._begun) / _SWELL if self._scene else 0.0
        swell = math.sin(math.pi * min(1.0, away)) if self._scene else 0.0
        slow, noise = math.sin(self._passed / 900 + 6 * self._own), self._rng.gauss(0, 1)
        match self.sensor.programme:
            case "coal-gas" if self.sensor.role == "fan":
                return {"fan": float(self._scene != "swell")}  # it stands still, and gas gathers
            case "coal-gas":
                ch4 = 0.25 + 0.15 * self._own + 0.05 * slow + 0.01 * noise + 1.1 * swell
                return {"ch4": round(max(0.0, ch4), 2), "co_ppm": round(max(0.0, 4 + 2 * slow + 0.3 * noise)), "fan": 1}
            case "mine-people":
                return {"people": round(40 + 10 * slow)}
            case "chemicals":
                level = 55 + 12 * slow + 0.1 * noise + 30 * swell
                pressure, temperature = 1.1 + 0.1 * slow + 0.01 * noise, 26 + 4 * slow + 0.1 * noise
                return {
                    "level": round(level, 1), "lel_percent": round(max(0.0, 1 + 0.5 * noise), 1),
                    "pressure": round(pressure, 2), "temperature": round(temperature, 1),
                }  # fmt: skip
            case "slopes":
                return {"displacement_mm": round(40 * self._own + 0.3 * slow + 0.05 * noise, 2)}
            case "cranes":
                return {"moment_percent": round(max(0.0, 45 + 20 * slow + 3 * noise + 45 * swell), 1)}
        return {"alive": 1}


_SWELL = 900.0
"""Seconds of a scene."""


async def sense(
    sensors: Sequence[Sensor], host: str, port: int, *, seed: int = 1, every: float = 20.0,
    now: Callable[[], datetime] = lambda: datetime.now(UTC), told: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Lets all sensors measure until it is cancelled, each on a connection of its own. The first of each programme,
    with its whole station, falls silent after three minutes."""
    told(f"{len(sensors)} sensors measure")
    mute = set({sensor.programme: sensor.station or sensor.code for sensor in reversed(sensors)}.values())
    async with asyncio.TaskGroup() as group:
        for number, sensor in enumerate(sensors):
            wait = every * number / max(len(sensors), 1)
            course = Course(sensor, seed, (sensor.station or sensor.code) in mute)
            group.create_task(_measures(course, host, port, every, wait, now, told))


async def _measures(
    course: Course, host: str, port: int, every: float, wait: float, now: Callable[[], datetime],
    told: Callable[[str], None],
) -> None:  # fmt: skip
    await asyncio.sleep(wait)
    sensor, pause, packet = course.sensor, 1.0, 0
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)
            continue
        try:
            writer.write(mqtt.connect(sensor.code, sensor.code, sensor.key, 600))
            if (await reader.readexactly(4))[3]:
                told(f"{sensor.code}: not let in")
                await asyncio.sleep(60.0)  # it may be registered by then
                continue
            pause = 1.0
            while True:
                if found := course.measured(every):
                    ts, packet = round(now().timestamp() * 1000), packet % 65_000 + 1
                    rows = [{"metric": metric, "ts": ts, "value": value} for metric, value in found.items()]
                    topic = f"anlan/v1/{sensor.code}/readings"
                    writer.write(mqtt.publish(topic, packet, json.dumps(rows).encode()))
                    await reader.readexactly(4)
                await asyncio.sleep(every)
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(5.0)
        finally:
            writer.close()


# -- ships over AIS --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ship:
    """A simulated ship and where it ferries."""

    mmsi: str
    lat: float
    lon: float


WATER, STRAYED = (0.004, 0.006), 3.0
"""Half a ferry's water in degrees of latitude and longitude, and so many times as far it strays."""


async def sail(
    ships: Sequence[Ship], host: str, port: int, *, seed: int = 1, every: float = 10.0,
    told: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """One receiver that hears all ships, until it is cancelled. Of four one leaves its water for a while each hour,
    after three minutes first."""
    told(f"{len(ships)} ships sail")
    rng, passed, pause = Random(seed), 0.0, 1.0  # noqa: S311 (synthetic data)
    strays = {ship.mmsi for ship in ships[::4]}
    own = {ship.mmsi: -0.3 if ship.mmsi in strays else rng.uniform(0, 2 * math.pi) for ship in ships}
    while True:
        try:
            _reader, writer = await asyncio.open_connection(host, port)
            pause = 1.0
            while True:
                passed += every
                for ship in ships:
                    angle = passed / 600 + own[ship.mmsi]  # across the river and back, in an hour
                    far = STRAYED if ship.mmsi in strays and (angle / 2 / math.pi) % 1 < 0.1 else 1.0
                    said: dict[str, Any] = {
                        "msg_type": 1, "mmsi": ship.mmsi, "lat": ship.lat + far * WATER[0] * math.sin(angle),
                        "lon": ship.lon + far * WATER[1] * math.cos(angle), "course": round(math.degrees(-angle)) % 360,
                        "speed": 6.0, "heading": round(math.degrees(-angle)) % 360, "second": 60, "status": 0,
                    }  # fmt: skip
                    writer.writelines(
                        line.encode() + b"\r\n" for line in pyais.encode_dict(said, talker_id="AI", radio_channel="A")
                    )
                await writer.drain()
                await asyncio.sleep(every)
        except OSError:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)
