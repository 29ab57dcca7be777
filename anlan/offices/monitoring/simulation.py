"""The demonstration's devices: of the register, and over real sockets to the gateway."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from anlan.engines.telemetry.simulator import Sensor, Ship, Vehicle, run, sail, sense
from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, Actor, acting

from .doors import Doors
from .keys import in_service, key_of

SIMULATOR = Actor("job", "simulator")


def _devices(protocol: str, most: int, *columns: str) -> list[Any]:
    """So many devices of the register with that protocol, always the same ones, and from every programme some."""
    with acting(SIMULATOR, EVERYWHERE):
        rows = list(in_service().filter(protocol=protocol).order_by("code").values_list("programme", *columns))
    by_programme: dict[str, list[Any]] = {}
    for row in rows:
        by_programme.setdefault(row[0], []).append(row)
    share = most // max(len(by_programme), 1)
    return [row for part in by_programme.values() for row in part[:share]]


def vehicles(most: int) -> list[Vehicle]:
    """Those with a terminal and a place to start from."""
    rows = _devices("jt808", most, "code", "name", "lat", "lon")
    return [Vehicle(code, name, lat, lon) for _programme, code, name, lat, lon in rows if lat is not None]


def sensors(most: int) -> list[Sensor]:
    rows = _devices("mqtt", most, "code", "key_number", "station__code", "role")
    return [
        Sensor(code, key_of(code, number), programme, station or "", role)
        for programme, code, number, station, role in rows
    ]


def ships(most: int) -> list[Ship]:
    rows = _devices("ais", most, "code", "lat", "lon")
    return [Ship(code, lat, lon) for _programme, code, lat, lon in rows if lat is not None]


def simulate(doors: Doors, most: tuple[int, int, int], seed: int) -> None:
    """Lets so many vehicles, sensors and ships go on until the process is ended."""
    while not (driving := vehicles(most[0])):
        print("no vehicle with a terminal is registered yet", flush=True)
        time.sleep(60)
    measuring, sailing = sensors(most[1]), ships(most[2])

    async def all_() -> None:
        async with asyncio.TaskGroup() as group:
            if doors.jt808:
                group.create_task(run(driving, doors.host, doors.jt808, seed=seed, now=clock.now))
            if doors.mqtt and measuring:
                group.create_task(sense(measuring, doors.host, doors.mqtt, seed=seed, now=clock.now))
            if doors.ais and sailing:
                group.create_task(sail(sailing, doors.host, doors.ais, seed=seed))

    asyncio.run(all_())
