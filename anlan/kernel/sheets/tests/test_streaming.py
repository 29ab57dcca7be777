"""A reader who takes nothing keeps nobody else from his file, and no connection for long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from anlan.kernel.sheets import streaming

pytestmark = pytest.mark.django_db(transaction=True)


def pieces(closed: list[int]) -> Iterator[bytes]:
    try:
        while True:
            yield b"row\n"
    finally:
        closed.append(1)


def test_whoever_takes_nothing_loses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "STALLED_S", 0.05)
    closed: list[int] = []

    async def read() -> None:
        drawn = streaming._drawn(lambda: pieces(closed))
        assert await anext(drawn) == b"row\n"
        for _ in range(1000):
            if closed:
                break
            await asyncio.sleep(0.01)
        assert closed == [1], "the query has ended before the reader comes back"
        with pytest.raises(streaming.Stalled):
            await anext(drawn)

    asyncio.run(read())


def test_so_many_are_drawn_at_once_and_the_next_when_one_ends() -> None:
    closed: list[int] = []

    async def read() -> None:
        slow = [streaming._drawn(lambda: pieces(closed)) for _ in range(streaming.AT_ONCE)]
        for one in slow:
            await anext(one)
        late = streaming._drawn(lambda: pieces(closed))
        waiting = asyncio.ensure_future(anext(late))
        done, _pending = await asyncio.wait([waiting], timeout=0.2)
        assert not done, "it waits"
        await slow[0].aclose()
        assert await asyncio.wait_for(waiting, 5) == b"row\n"
        for one in (*slow[1:], late):
            await one.aclose()

    asyncio.run(read())
