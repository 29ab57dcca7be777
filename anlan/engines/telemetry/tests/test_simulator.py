"""What is simulated is the same every time, has its scenes, and comes in by the real ways."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from anlan.engines.telemetry.gateways.ais import Ships
from anlan.engines.telemetry.gateways.mqtt import Publishers
from anlan.engines.telemetry.simulator import Course, Sensor, Ship, sail, sense

NOW = datetime(2013, 6, 14, 4, tzinfo=UTC)


def test_a_course_is_the_same_every_time_and_has_its_scenes() -> None:
    def day(seed: int) -> list[dict[str, float]]:
        course = Course(Sensor("k1", "", "coal-gas"), seed)
        return [course.measured(20) for _ in range(8_000)]

    assert day(1) == day(1) != day(2)
    gas = [one["ch4"] for one in day(1) if one]
    assert max(gas) >= 1.0 > 0.6 > sorted(gas)[len(gas) // 2]  # it gathers, and mostly does not
    assert any(not one for seed in range(5) for one in day(seed))  # some fall silent


def test_one_that_is_mute_falls_silent_after_three_minutes_for_longer_than_the_rules_wait() -> None:
    course = Course(Sensor("k1", "", "coal-gas"), 1, mute=True)
    heard = [bool(course.measured(20)) for _ in range(60)]
    assert all(heard[:8])
    assert not any(heard[9:50])
    assert all(heard[55:])


def test_at_a_station_the_fan_stands_still_while_gas_gathers() -> None:
    both = [Course(Sensor(code, "", "coal-gas", "face", role), 1) for code, role in (("t1", "methane"), ("f1", "fan"))]
    seen = [(gas["ch4"], fan["fan"]) for gas, fan in ([one.measured(20) for one in both] for _ in range(8_000)) if gas]
    assert max(ch4 for ch4, fan in seen if not fan) >= 1.0
    assert max(ch4 for ch4, fan in seen if fan) < 0.6


class Keys:
    async def speaks_for(self, name: str, key: str) -> Collection[str] | None:
        return {name} if key == "key" else None

    async def certified(self, name: str) -> Collection[str] | None:
        return None


def test_sensors_and_ships_come_in_by_the_real_ways() -> None:
    landed: list[tuple[str, str]] = []

    async def land(devices: Any, metrics: Any, _ts: Any, _values: Any) -> None:
        landed.extend(zip(devices, metrics, strict=True))

    async def run() -> None:
        said: list[str] = []
        publishers = Publishers(Keys(), land, now=NOW.timestamp)
        ships = Ships(lambda: {"413000001"}, [ip_network("127.0.0.0/8")], land, now=NOW.timestamp)
        mqtt, ais = await publishers.serve("127.0.0.1", 0), await ships.serve("127.0.0.1", 0)
        ports = [server.sockets[0].getsockname()[1] for server in (mqtt, ais)]
        sensors = [Sensor(f"k{n}", "key", programme) for n, programme in enumerate(
            ("coal-gas", "mine-people", "chemicals", "slopes", "cranes", "lifts"))]  # fmt: skip
        sensors.append(Sensor("stranger", "no key", "cranes"))
        tasks = [
            asyncio.create_task(sense(sensors, "127.0.0.1", ports[0], every=0.05, now=lambda: NOW, told=said.append)),
            asyncio.create_task(sail([Ship("413000001", 29.5, 106.5)], "127.0.0.1", ports[1], every=0.05)),
        ]
        for _ in range(600):
            await asyncio.sleep(0.02)
            came = {device for device, _metric in landed}
            if len(said) > 1 and came >= {"k0", "k1", "k2", "k3", "k4", "k5", "413000001"}:
                break
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        mqtt.close()
        ais.close()
        await publishers.close()
        await ships.close()
        assert "stranger: not let in" in said

    asyncio.run(asyncio.wait_for(run(), 30))
    assert {("k0", "ch4"), ("k2", "level"), ("413000001", "lat")} <= set(landed)
    assert not any(device == "stranger" for device, _metric in landed)
