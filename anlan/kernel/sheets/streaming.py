"""A file sent while it is written, so that its length costs no memory.

Django would collect what a plain iterator gives before an asynchronous server sends the first byte. So
the pieces are drawn one by one in a thread of their own, with its own database connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from weakref import WeakKeyDictionary

from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, StreamingHttpResponse

AT_ONCE = 4
"""So many files are drawn at once in a process; the others wait, holding neither a thread nor a connection."""
STALLED_S = 30.0
"""Whoever takes nothing for so long loses the file: it holds a connection to the database."""

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class Stalled(ConnectionError):
    """The reader took nothing for too long; what he has is not the whole file."""


def response(request: HttpRequest, make: Callable[[], Iterator[bytes]], media_type: str) -> StreamingHttpResponse:
    """An answer of the pieces that `make()` gives; drawn only as fast as the client takes them."""
    pieces = _drawn(make) if isinstance(request, ASGIRequest) else make()
    return StreamingHttpResponse(pieces, content_type=media_type)


async def _drawn(make: Callable[[], Iterator[bytes]]) -> AsyncIterator[bytes]:
    context, loop = copy_context(), asyncio.get_running_loop()
    turns = _turns.setdefault(loop, asyncio.Semaphore(AT_ONCE))
    await turns.acquire()
    thread = ThreadPoolExecutor(1, thread_name_prefix="export")
    pieces, over = make(), False

    def draw() -> bytes:
        return context.run(lambda: next(pieces, b""))

    def end() -> None:
        context.run(getattr(pieces, "close", lambda: None))
        connections.close_all()

    def leave() -> None:
        # Also where the client went away: the query ends and the connection goes back.
        nonlocal over
        if not over:
            over = True
            thread.submit(end)
            thread.shutdown(wait=False)
            turns.release()

    try:
        while piece := await loop.run_in_executor(thread, draw):
            cut = loop.call_later(STALLED_S, leave)
            try:
                yield piece
            finally:
                cut.cancel()
            if over:
                raise Stalled(f"nothing was taken for {STALLED_S:g} seconds")
    finally:
        leave()
