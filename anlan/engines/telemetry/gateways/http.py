"""Readings over HTTP: `POST /ingest/v1/readings` with JSON or an Arrow stream, answered when they are on disk.

An ASGI application by itself, so that a thousand readings do not wait for what a page needs. `Authorization` is
`Bearer` with the key of a program that sends for many devices, or `Basic` with a device's code and its own key. The
answer says how many readings were taken, and which of the others not and why; what cannot be read at all is refused
whole, with one error that names the place.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import math
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

from ..protocols import Malformed, payload
from . import Land, Unsure
from .door import Keys, Limits, Sifted, Tally, sender

PATH = "/ingest/v1/readings"
ARROW = frozenset({"application/vnd.apache.arrow.stream", "application/octet-stream"})
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_STATUS = {"length": 413, "media": 415}


class Refused(Exception):
    """The answer to a request that is refused whole."""

    def __init__(self, status: int, kind: str, words: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(words)
        self.status, self.kind, self.headers = status, kind, list(headers)


class Ingest:
    """The application. `counts` and `refused` of its tally as of every way in."""

    def __init__(
        self, keys: Keys, land: Land, limits: Limits | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._keys, self._land, self._limits, self._now = keys, land, limits or Limits(), now
        self.tally = Tally()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._done(scope, receive)
            await answer(send, 200, body)
        except Refused as refused:
            self.tally.counts[f"refused: {refused.kind}"] += 1
            told = {"error": refused.kind, "words": str(refused)}
            await answer(send, refused.status, told, refused.headers)

    async def _done(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        if scope["path"] != PATH:
            raise Refused(404, "path", f"readings are sent to {PATH}")
        if scope["method"] != "POST":
            raise Refused(405, "method", "readings are sent with POST", [(b"allow", b"POST")])
        headers = dict(scope["headers"])
        who, device, speaks_for = await self._speaker(headers.get(b"authorization", b"").decode("latin-1"))
        kind = headers.get(b"content-type", b"application/json").decode("latin-1").partition(";")[0].strip().lower()
        try:
            async with asyncio.timeout(self._limits.frame):
                raw = await _body(headers, receive)
        except TimeoutError:
            raise Refused(408, "slow", "the body did not come in time") from None
        peer = f"{(scope.get('client') or ('?',))[0]} (HTTP)"
        try:
            if kind in ARROW:
                read = payload.from_arrow(raw, device)
            elif kind == "application/json":
                read = payload.from_json(raw, device)
            else:
                raise Malformed("media", f"{kind[:60]}: neither application/json nor a stream of Arrow")
        except Malformed as error:
            self.tally.remember(peer, error, raw)
            raise Refused(_STATUS.get(error.kind, 400), error.kind, str(error)) from None
        if wait := self.tally.budget.spend(who, len(read.ts), len(speaks_for), self._limits):
            words = f"more readings than {len(speaks_for)} devices may bring: send it again in {math.ceil(wait)} s"
            raise Refused(429, "too much", words, [(b"retry-after", b"%d" % math.ceil(wait))])
        found = self.tally.sift(read, speaks_for, self._now(), self._limits, peer)
        if len(found.taken.ts):
            try:
                await self._land(*found.taken)
            except OSError:
                raise Refused(503, "disk", "not on disk, so not taken: send it again", [LATER]) from None
        self.tally.counts["messages"] += 1
        self.tally.counts["readings"] += len(found.taken.ts)
        return _told(found)

    async def _speaker(self, said: str) -> tuple[str, str, Collection[str]]:
        """What the sender is known by, the device if it is one that speaks for itself, and for whom he speaks; raises
        `Refused`."""
        way, _space, rest = said.partition(" ")
        name, key = "", rest.strip()
        if way.lower() == "basic":
            try:
                name, _colon, key = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
            except (binascii.Error, UnicodeDecodeError):
                name = key = ""
        elif way.lower() != "bearer":
            key = ""
        try:
            found = await self._keys.speaks_for(name, key) if key else None
        except Unsure:
            words = "who may send cannot be asked at present: send it again"
            raise Refused(503, "database", words, [LATER]) from None
        if found is None:
            words = "say who you are: Bearer with a program's key, or Basic with a device's code and its key"
            raise Refused(401, "key", words, [(b"www-authenticate", b'Bearer, Basic realm="readings"')])
        return sender(name, key), name, found


def _told(found: Sifted) -> dict[str, Any]:
    said: dict[str, Any] = {"taken": len(found.taken.ts)}
    if found.kinds:
        said |= {"refused": dict(found.kinds), "first": [{"reading": n, "why": why} for n, why in found.refused]}
    return said


async def _body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    too_long = Refused(413, "length", f"a payload has at most {payload.LARGEST} bytes")
    if int(_digits(headers.get(b"content-length", b"0"))) > payload.LARGEST:
        raise too_long
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "cut off", "the request ended before its body")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > payload.LARGEST:
            raise too_long
        if not message.get("more_body"):
            return b"".join(parts)


def _digits(said: bytes) -> bytes:
    return said if said.isdigit() and len(said) < 19 else b"0"


LATER = (b"retry-after", b"5")


async def answer(send: Send, status: int, told: dict[str, Any], headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    body = json.dumps(told, ensure_ascii=False).encode()
    said = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"), *headers]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": said})
    await send({"type": "http.response.body", "body": body})
