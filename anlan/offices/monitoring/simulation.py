"""The demonstration's vehicles: coaches of the register that drive over real sockets to the gateway."""

from __future__ import annotations

import asyncio
import time

from anlan.engines.telemetry.simulator import Vehicle, run
from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, Actor, acting

from .models import Device

SIMULATOR = Actor("job", "simulator")


def vehicles(most: int) -> list[Vehicle]:
    """So many vehicles of the register, always the same ones: those with a terminal and a place to start from."""
    with acting(SIMULATOR, EVERYWHERE):
        found = Device.objects.filter(protocol="jt808", lat__isnull=False, lon__isnull=False, removed_on__isnull=True)
        rows = list(found.order_by("code").values_list("code", "name", "lat", "lon")[:most])
    return [Vehicle(code, name, float(lat or 0), float(lon or 0)) for code, name, lat, lon in rows]


def simulate(host: str, port: int, most: int, seed: int) -> None:
    """Lets them drive until the process is ended."""
    while not (driving := vehicles(most)):
        print("no vehicle with a terminal is registered yet", flush=True)
        time.sleep(60)
    asyncio.run(run(driving, host, port, seed=seed, now=clock.now))
