"""Requests over HTTP, as browsers make them, and how long the answers took."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from .crowd import SEED, Visitor, crowd, day

TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: kind of page, address, status, seconds until its last byte, bytes, and when it was there."""

    kind: str
    address: str
    status: int
    seconds: float
    size: int
    at: float


class Browser:
    """One connection, kept open."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self.headers = {"Cookie": cookie, "Accept-Encoding": "identity"}

    def get(self, address: str, kind: str = "") -> Answer:
        """Asks and reads the whole answer; status 0 where none came."""
        begun = time.perf_counter()
        try:
            self.connection.request("GET", address, headers=self.headers)
            response = self.connection.getresponse()
            size = len(response.read())
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return Answer(kind, address, 0, time.perf_counter() - begun, 0, time.monotonic())
        return Answer(kind, address, response.status, time.perf_counter() - begun, size, time.monotonic())


def one_by_one(port: int, asked: Sequence[tuple[Visitor, str]], kind: str) -> list[Answer]:
    """The requests one after another, so that the time is the server's."""
    browsers: dict[str, Browser] = {}
    return [
        browsers.setdefault(visitor.session, Browser(port, visitor.cookie)).get(address, kind)
        for visitor, address in asked
    ]


def together(port: int, seconds: float, pause_s: float) -> tuple[list[Answer], float]:
    """Everybody at once, each with `pause_s` (on average) between an answer and the next request.

    All answers to what was asked in those seconds, and how many pages a second came in them: a refusal is no page.
    """
    people = crowd()
    answers: list[list[Answer]] = [[] for _ in people]
    begin = time.monotonic() + 1
    end = begin + seconds

    def work(number: int) -> None:
        rng = Random(SEED + number)  # noqa: S311 - no secret
        visits = day(people[number], rng, 200)
        browser = Browser(port, people[number].cookie)
        time.sleep(max(0.0, begin - time.monotonic()) + rng.random() * pause_s)
        at = 0
        while time.monotonic() < end:
            kind, address = visits[at % len(visits)]
            answers[number].append(browser.get(address, kind))
            time.sleep(rng.expovariate(1 / pause_s))
            at += 1

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 2 * TIMEOUT_S)
    found = [one for own in answers for one in own]
    return found, sum(one.status == 200 and one.at <= end for one in found) / seconds


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Milliseconds within which `share` per cent of the answers came."""
    return float(np.percentile([one.seconds for one in answers], share) * 1000)
