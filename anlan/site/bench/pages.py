"""How quick pages are: kind by kind at the server, beside a rival, and with 200 people at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from statistics import mean
from typing import Any
from urllib.parse import urlencode

import click
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from . import Measured, benchmark
from .crowd import MIX, crowd, of_kind
from .http import Answer, Browser, one_by_one, percentile, together
from .rival import served

REQUESTS = 80
"""Different requests for each kind of page."""
PAGE_MS, SEARCH_MS = 100.0, 50.0
LOAD_S, PAUSE_S = 30.0, 0.55
"""With 200 people and this pause some 330 requests a second are asked for."""
READING_S = 10.0
"""So long somebody at work looks at a page, on average: 200 people ask for some 20 pages a second."""


class NotServing(click.ClickException):
    """There is nothing to measure: the product does not serve, or a page failed."""


def _port() -> int:
    from anlan.site.commands import served_port

    port = served_port()
    if Browser(port).get("/healthz").status != 200:
        raise NotServing(f"nothing serves on port {port}: `make bench` starts it, or `anlan start`")
    return port


def _all_well(answers: Sequence[Answer]) -> None:
    bad = [f"{one.status} {one.address}" for one in answers if one.status != 200]
    if bad:
        raise NotServing(f"{len(bad)} of {len(answers)} answers were no pages: {'; '.join(bad[:3])}")


@cache
def _kind(kind: str) -> list[Answer]:
    asked = of_kind(kind, REQUESTS)
    port = _port()
    one_by_one(port, asked[:10], kind)  # the first of a process compiles its templates
    answers = one_by_one(port, asked, kind)
    _all_well(answers)
    return answers


def _queries(kind: str) -> set[int]:
    """How many queries a page of that kind takes, over people and addresses."""
    found = set()
    for visitor, address in of_kind(kind, 12):
        browser = Client(SERVER_NAME="127.0.0.1")
        browser.cookies[settings.SESSION_COOKIE_NAME] = visitor.session
        with CaptureQueriesContext(connection) as queries:
            browser.get(address)
        found.add(len(queries))
    return found


def _declare(kind: str) -> None:
    @benchmark(f"page {kind}", unit="ms", target=SEARCH_MS if kind == "ctrl-k" else PAGE_MS, more_is_better=False)
    def page() -> Measured:
        answers, queries = _kind(kind), _queries(kind)
        return Measured(
            percentile(answers, 95),
            {
                "p50": percentile(answers, 50), "p99": percentile(answers, 99), "bytes": mean(a.size for a in answers),
                "queries_least": min(queries), "queries_most": max(queries),
            },
        )  # fmt: skip


for _name in MIX:
    _declare(_name)


# --- The rival -----------------------------------------------------------------------------------------


def _compared() -> list[tuple[str, str]]:
    """Addresses of the same lists: the product's and the rival's. The whole city's, so that both read the same rows."""
    from anlan.parties.registers import Enterprises

    visitor = next(v for v in crowd() if v.account.role == "city")
    name = visitor.pages["search"][0].partition("q=")[2]
    staff = [c for c in Enterprises.columns if Enterprises.field(c) is not None].index("staff")
    said: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("enterprises", {"sort": "name"}, {}),
        ("enterprises", {"sort": "-staff"}, {"o": f"-{staff}"}),
        ("enterprises", {"status": "suspended"}, {"status__exact": "suspended"}),
        ("enterprises", {"high_hazard": "true"}, {"high_hazard__exact": 1}),
        ("dangers", {}, {}),
        ("dangers", {"grade": "major"}, {"grade__exact": "major"}),
        ("accidents", {}, {}),
    ]
    pairs = [(f"/r/{n}/?{urlencode(own)}", f"/{n}/?{urlencode(rival)}") for n, own, rival in said]
    return [*pairs, (f"/r/enterprises/?q={name}", f"/enterprises/?q={name}")]


@cache
def _rivals() -> tuple[float, float]:
    visitor = next(v for v in crowd() if v.account.role == "city")
    own, other = [], []
    with served() as port:
        mine, theirs = Browser(_port(), visitor.cookie), Browser(port)
        for _turn in range(3):
            for ours, rival in _compared():
                own.append(mine.get(ours))
                other.append(theirs.get(rival))
    _all_well([*own, *other])
    return percentile(own, 95), percentile(other, 95)


@benchmark("lists of the whole city", unit="ms", target=PAGE_MS, more_is_better=False, rival=lambda: _rivals()[1])
def whole_city() -> float:
    """The same lists as in Django's admin over the same tables, in turn; 95th percentile."""
    return _rivals()[0]


# --- Everybody at once ---------------------------------------------------------------------------------


@cache
def _load() -> tuple[list[Answer], float]:
    port = _port()
    together(port, 5, PAUSE_S)
    return together(port, LOAD_S, PAUSE_S)


@benchmark("200 people at work", unit="ms", target=500, more_is_better=False)
def at_work() -> Measured:
    """The same people, each with ten seconds between an answer and the next request; 95th percentile."""
    answers, pages_a_second = together(_port(), LOAD_S, READING_S)
    _all_well(answers)
    return Measured(
        percentile(answers, 95),
        {"p50": percentile(answers, 50), "p99": percentile(answers, 99), "pages_a_second": pages_a_second},
    )


@benchmark("200 people at once", unit="requests/s", target=300)
def rate() -> Measured:
    """A day's mixed requests of 200 signed-in people, web and database and people on this machine."""
    answers, pages_a_second = _load()
    pages = [a for a in answers if a.status == 200]
    return Measured(
        pages_a_second,
        {
            "p50": percentile(pages, 50),
            "p95": percentile(pages, 95),
            "errors": len(answers) - len(pages),
            **dict(_by_kind(pages)),
        },
    )


def _by_kind(answers: Sequence[Answer]) -> Iterator[tuple[str, float]]:
    for kind in MIX:
        if own := [a for a in answers if a.kind == kind]:
            yield f"p95 {kind}", percentile(own, 95)


@benchmark("200 people at once, slowest 1 %", unit="ms", target=500, more_is_better=False)
def slowest() -> float:
    """The 99th percentile of the same requests."""
    return percentile(_load()[0], 99)


@benchmark("200 people at once, errors", unit="answers", target=0, more_is_better=False)
def errors() -> float:
    """Answers of the same requests that were no page."""
    return sum(a.status != 200 for a in _load()[0])
