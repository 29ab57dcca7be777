"""What happens, as it happens: published in a transaction, sent to those whose scope holds it.

`publish` keeps a row for a few minutes and notifies with its number after commit. Each web process
holds one listening connection; each stream reads the rows it was told of *in its own reader's scope*,
so the database decides, as everywhere, and no client is trusted to filter.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY, get_user, get_user_model
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from .scope import EVERYWHERE, Actor, acting

CHANNEL = "anlan_live"
HEARTBEAT_S = 15.0
"""How often a quiet stream says that it lives; also how soon an ended session ends its stream."""
KEPT_MINUTES = 15
WAITING_MOST = 256
"""A client that has so many messages waiting is too slow: its stream ends and it connects anew."""
REPLAY_MOST = 500

log = logging.getLogger(__name__)
_T = TypeVar("_T")


def publish(
    topic: str, payload: dict[str, Any], *, area_code: str, industry_id: str | None = None,
    enterprise_id: int | None = None, account_id: int | None = None,
) -> int:  # fmt: skip
    """Publishes to everybody whose scope holds this place, industry and enterprise, and to that account, after commit.

    Returns the message's number, which a stream gives as its event id.
    """
    from .models import Live

    message = Live.objects.create(
        topic=topic, area_code=area_code, industry_id=industry_id, enterprise_id=enterprise_id, account_id=account_id,
        payload=json.loads(json.dumps(payload, cls=DjangoJSONEncoder)),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(message.pk)])
    return int(message.pk)


def publish_to(topic: str, places: Iterable[tuple[str, str | None, int | None]]) -> None:
    """Publishes that something happened in these places (area, industry, enterprise), after commit; two statements."""
    from .models import Live

    if made := Live.objects.bulk_create(
        Live(topic=topic, area_code=area, industry_id=industry, enterprise_id=enterprise, payload={})
        for area, industry, enterprise in places
    ):
        _notify(made)


def _notify(made: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, n::text) FROM unnest(%s::bigint[]) n", [CHANNEL, [m.pk for m in made]])


def publish_all(topic: str, told: Mapping[int, dict[str, Any]]) -> None:
    """Publishes to each of these accounts its own message, and to nobody else, after commit; in two statements."""
    from .models import Live

    if told:
        # Of no area: the account alone decides who reads it.
        made = Live.objects.bulk_create(
            Live(topic=topic, area_code="", account_id=account, payload=payload) for account, payload in told.items()
        )
        _notify(made)


def forget_old() -> int:
    """Deletes what is older than `KEPT_MINUTES`; the worker calls it."""
    from datetime import timedelta

    from .models import Live

    with acting(Actor("job", "live"), EVERYWHERE):
        return Live.objects.filter(at__lt=Now() - timedelta(minutes=KEPT_MINUTES)).delete()[0]


class _Hub:
    """One listening connection of this process and the queues of its streams."""

    def __init__(self) -> None:
        self.queues: set[asyncio.Queue[int | None]] = set()
        self.task: asyncio.Task[None] | None = None
        self.listening = asyncio.Event()

    def join(self) -> asyncio.Queue[int | None]:
        queue: asyncio.Queue[int | None] = asyncio.Queue(WAITING_MOST)
        self.queues.add(queue)
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._listen())
        return queue

    def leave(self, queue: asyncio.Queue[int | None]) -> None:
        self.queues.discard(queue)

    def _hand_out(self, number: int) -> None:
        for queue in list(self.queues):
            if queue.full():
                self._end(queue)
            else:
                queue.put_nowait(number)

    def _end(self, queue: asyncio.Queue[int | None]) -> None:
        self.queues.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    async def _listen(self) -> None:
        from .jobs import connection_parameters

        while self.queues:
            try:
                listening = await psycopg.AsyncConnection.connect(**connection_parameters(), autocommit=True)
                async with listening:
                    await listening.execute(f"LISTEN {CHANNEL}")
                    self.listening.set()
                    while self.queues:
                        async for told in listening.notifies(timeout=HEARTBEAT_S):
                            self._hand_out(int(told.payload))
            except psycopg.OperationalError:
                log.warning("the live connection broke; its streams end and connect anew")
                # What was told meanwhile is not lost: clients come back with the last number they saw.
                for queue in list(self.queues):
                    self._end(queue)
            finally:
                self.listening.clear()


_hubs: dict[int, _Hub] = {}


def _hub() -> _Hub:
    loop = asyncio.get_running_loop()
    return _hubs.setdefault(id(loop), _Hub())


def _apart(read: Callable[..., _T]) -> Callable[..., Any]:
    """Runs `read` in a thread of its own, whose database connection goes back to the pool at once."""

    def run(*arguments: Any) -> _T:
        try:
            return read(*arguments)
        finally:
            connection.close()

    return sync_to_async(run, thread_sensitive=False)


def _account(key: str) -> Any:
    """The account of a session key as it stands in the database now, or None."""
    from importlib import import_module

    from django.conf import settings

    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    holder = request.session.get(SESSION_KEY)
    if not holder:
        return None
    with acting(Actor("job", "live"), EVERYWHERE):
        user = get_user(request)
    return user if user.is_authenticated and isinstance(user, get_user_model()) else None


def _read(key: str, numbers: list[int] | None, after: int | None) -> list[tuple[int, str, str]] | None:
    """The messages in the scope of the session's account as it is now; None when the session has ended."""
    from .models import Live

    account = _account(key)
    if account is None:
        return None
    with acting(account.actor, account.scope):
        rows = Live.objects.order_by("id")
        rows = rows.filter(pk__in=numbers) if numbers is not None else rows.filter(pk__gt=after)[:REPLAY_MOST]
        return [(r.pk, r.topic, json.dumps({"at": r.at.isoformat()} | r.payload, ensure_ascii=False)) for r in rows]


async def _messages(key: str, after: int | None) -> AsyncIterator[str]:
    read = _apart(_read)
    hub = _hub()
    queue = hub.join()
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hub.listening.wait(), 5)
        yield f"retry: 2000\n: {'again' if after is not None else 'welcome'}\n\n"
        sent: set[int] = set()
        if after is not None:
            past = await read(key, None, after)
            if past is None:
                return
            for number, topic, data in past:
                sent.add(number)
                yield f"id: {number}\nevent: {topic}\ndata: {data}\n\n"
        loop = asyncio.get_running_loop()
        # By a clock of its own: a beat that stays away would tell that something happened elsewhere.
        beat_at = loop.time() + HEARTBEAT_S
        while True:
            numbers: list[int] = []
            try:
                first = await asyncio.wait_for(queue.get(), max(beat_at - loop.time(), 0.001))
            except TimeoutError:
                first = 0
            while first is not None and not queue.empty():
                numbers.append(first)
                first = queue.get_nowait()
            if first is None:
                return
            numbers = [n for n in [*numbers, first] if n and n not in sent]
            sent.clear()
            found = await read(key, numbers, None)
            if found is None:
                return
            if loop.time() >= beat_at:
                beat_at = loop.time() + HEARTBEAT_S
                yield ": alive\n\n"
            for number, topic, data in found:
                yield f"id: {number}\nevent: {topic}\ndata: {data}\n\n"
    finally:
        hub.leave(queue)


async def stream(request: HttpRequest) -> HttpResponseBase:
    """GET /live: server-sent events of what the signed-in account may see."""
    if request.method != "GET":
        return HttpResponse(status=405, headers={"Allow": "GET"})
    key = request.session.session_key or ""
    if not key or await _apart(_account)(key) is None:
        return HttpResponse(status=401)
    last = request.headers.get("Last-Event-ID", "")
    after = int(last) if last.isascii() and last.isdigit() and len(last) < 19 else None
    response = StreamingHttpResponse(_messages(key, after), content_type="text/event-stream; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response
