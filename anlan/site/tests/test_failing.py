"""What is answered when something fails that nobody foresaw: one clear page, and nothing half done."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import OperationalError
from django.test import AsyncClient, Client
from psycopg_pool import PoolTimeout


@pytest.fixture(params=["wsgi", "asgi"])
def ask(request: pytest.FixtureRequest) -> Any:
    if request.param == "wsgi":
        return Client(raise_request_exception=False).get
    return async_to_sync(AsyncClient(raise_request_exception=False).get)


def fails_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> None:
        raise error

    monkeypatch.setattr(SessionMiddleware, "process_request", failing)


@pytest.fixture
def crowded() -> OperationalError:
    """As Django tells that no connection of the pool came free in time."""
    error = OperationalError("couldn't get a connection after 10.00 sec")
    error.__cause__ = PoolTimeout(*error.args)
    return error


@pytest.mark.parametrize(("language", "says"), [("zh-hans", "当前访问量过大"), ("en", "Too much is asked")])
def test_who_finds_no_connection_free_is_asked_to_come_again(
    ask: Any, crowded: OperationalError, monkeypatch: pytest.MonkeyPatch, language: str, says: str
) -> None:
    fails_with(crowded, monkeypatch)
    from django.utils import translation

    with translation.override(language):
        page = ask("/")
        told = ask("/api/v1/enterprises")
    assert (page.status_code, told.status_code) == (503, 503)
    assert int(page["Retry-After"]) == int(told["Retry-After"]) > 0
    assert says in page.content.decode()
    assert json.loads(told.content)["code"] == "crowded"
    assert "connection" not in page.content.decode()


def test_any_other_fault_is_one_page_that_tells_nothing_of_the_inside(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_with(OperationalError("server closed the connection: secret detail"), monkeypatch)
    words = next(h for h in logging.getLogger("django").handlers if type(h) is logging.StreamHandler)
    recorded = io.StringIO()
    monkeypatch.setattr(words, "stream", recorded)
    page, told = ask("/"), ask("/api/v1/enterprises")
    # As the page says: whoever runs the installation finds what broke, and where.
    assert recorded.getvalue().count("secret detail") >= 2
    assert "Traceback" in recorded.getvalue()
    assert (page.status_code, told.status_code) == (500, 500)
    assert "Retry-After" not in page
    assert "secret" not in page.content.decode() + told.content.decode()
    assert set(json.loads(told.content)) == {"code", "message", "place", "way_out"}
