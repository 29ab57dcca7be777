from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop

from anlan.engines.telemetry import rules
from anlan.engines.telemetry.compiled import compiled
from anlan.engines.telemetry.stream import Stream

NOON = 1_371_182_400_000
"""14 June 2013, 12:00 in Beijing."""
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


def stream(text: str, late: str = "2min", **more: Any) -> Stream:
    """A stream under rules that are given without their source."""
    body = "".join(f"  - {{source: test, {rule}}}\n" for rule in text.strip().splitlines())
    return Stream(compiled(rules.parse(f"late: {late}\nrules:\n{body}".encode())), **more)


def told(events: Any) -> list[tuple[str, str, float]]:
    """Events as rule, state and minutes after noon."""
    return [(e.rule if len({x.rule for x in events}) > 1 else e.level, e.state, (e.ts - NOON) / MINUTE) for e in events]


async def until(done: Callable[[], bool]) -> None:
    """Waits, 20 seconds at most: a machine that has much else to do comes to it, too."""
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, "it did not come to that"
        await asyncio.sleep(0.01)


@pytest.fixture(params=["uvloop", "asyncio"])
def either_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """`asyncio.run` by the loop of the gateway's process, and by Python's own, as whoever uses the engine has it."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy() if request.param == "uvloop" else None)
    yield
    asyncio.set_event_loop_policy(None)


@pytest.fixture(autouse=True, scope="session")
def _compiled_once() -> None:
    """The kernel is compiled before the first test, whose time it would otherwise spoil."""
    one = stream("name: a, kind: level, metric: m, levels: [{level: red, at_least: 1}]")
    one.feed(["d"], ["m"], [NOON], [2.0])
    one.advance(NOON)
    one.finish()
