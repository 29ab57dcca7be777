"""The live stream over a real server: two districts, and not one message in the wrong one."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module

import httpx
import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection

from anlan.kernel import live
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Account

TESTER = Actor("test", "tests")
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SERVER = """
import sys
import django
django.setup()
from django.db import connections
for alias in connections:
    connections[alias].settings_dict["NAME"] = sys.argv[1]
from anlan.kernel import live
live.HEARTBEAT_S = 1.0
from granian.server.embed import Server
from granian.constants import Interfaces
import asyncio
from django.core.asgi import get_asgi_application
asyncio.run(Server(get_asgi_application(), address="127.0.0.1", port=int(sys.argv[2]),
                   interface=Interfaces.ASGINL).serve())
"""


@pytest.fixture
def address(transactional_db: None) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVER, connection.settings_dict["NAME"], str(port)])
    base = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 40
    while True:
        try:
            httpx.get(f"{base}/sign-in/")
            break
        except httpx.TransportError:
            assert process.poll() is None, "the server did not start"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.1)
    yield base
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def sign_in(name: str, area: str, industries: list[str] | None = None) -> str:
    """An account and a session of it; returns the session's key."""
    with acting(TESTER, EVERYWHERE):
        account = Account.objects.filter(username=name).first() or Account.objects.create_user(
            name, None, name=name, role="district", area_code=area, industries=industries
        )
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(account.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = account.get_session_auth_hash()
    session.create()
    return str(session.session_key)


class Stream(threading.Thread):
    """A client of the stream that keeps what came."""

    def __init__(self, base: str, key: str, last: int | None = None) -> None:
        super().__init__(daemon=True)
        self.base, self.key, self.last = base, key, last
        self.came: list[tuple[int, str, dict[str, object]]] = []
        self.open, self.ended, self.beats = threading.Event(), threading.Event(), 0
        self.start()
        assert self.open.wait(20), "the stream did not open"

    def run(self) -> None:
        # At the end of a test the server is stopped in the middle of the streams.
        with contextlib.suppress(httpx.RemoteProtocolError):
            self._read()

    def _read(self) -> None:
        headers = {} if self.last is None else {"Last-Event-ID": str(self.last)}
        cookies = {settings.SESSION_COOKIE_NAME: self.key}
        with httpx.stream("GET", f"{self.base}/live", headers=headers, cookies=cookies, timeout=30) as answer:
            assert answer.status_code == 200
            number, topic = 0, ""
            for line in answer.iter_lines():
                self.open.set()
                name, _, value = line.partition(": ")
                if name == "id":
                    number = int(value)
                elif name == "event":
                    topic = value
                elif name == "data":
                    self.came.append((number, topic, json.loads(value)))
                elif value == "alive":
                    self.beats += 1
        self.ended.set()

    def marks(self) -> list[object]:
        return [data["mark"] for _, _, data in self.came]


def publish(mark: str, area: str, industry: str | None = "coal", enterprise: int | None = None) -> int:
    with acting(TESTER, EVERYWHERE):
        return live.publish(
            "test.happened", {"mark": mark}, area_code=area, industry_id=industry, enterprise_id=enterprise
        )


def until(what: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, "did not come about in time"
        time.sleep(0.02)


def test_each_district_and_industry_gets_its_own_and_nothing_else(address: str) -> None:
    yubei = Stream(address, sign_in("yubei", "500112000000"))
    banan = Stream(address, sign_in("banan", "500113000000"))
    coal = Stream(address, sign_in("coal", "500000000000", ["coal"]))
    city = Stream(address, sign_in("city", "500000000000"))
    began = time.monotonic()
    for n in range(100):
        publish(f"yubei-{n}", "500112001000", "coal" if n % 2 else "road")
        publish(f"banan-{n}", "500113002000", None)
    until(lambda: len(city.came) == 200)
    took = time.monotonic() - began
    until(lambda: (len(yubei.came), len(banan.came), len(coal.came)) == (100, 100, 50))
    # Whatever else would come has come when each stream beats again.
    beats = [(one, one.beats) for one in (yubei, banan, coal, city)]
    until(lambda: all(one.beats > before for one, before in beats))
    assert yubei.marks() == [f"yubei-{n}" for n in range(100)]
    assert banan.marks() == [f"banan-{n}" for n in range(100)]
    assert coal.marks() == [f"yubei-{n}" for n in range(1, 100, 2)]
    assert took < 15


def test_a_quiet_stream_beats_on_while_much_happens_elsewhere(address: str) -> None:
    quiet = Stream(address, sign_in("yubei", "500112000000"))
    published = 0
    while quiet.beats < 2:
        assert published < 60
        publish(f"banan-{published}", "500113002000")
        published += 1
        time.sleep(0.25)  # four in each beat
    assert quiet.came == []


def test_a_stream_cut_off_is_taken_up_where_it_ended(address: str) -> None:
    key = sign_in("yubei", "500112000000")
    first = publish("first", "500112000000")
    publish("second", "500112000000")
    publish("other", "500113000000")
    again = Stream(address, key, last=first)
    publish("third", "500112000000")
    until(lambda: len(again.came) == 2)
    assert again.marks() == ["second", "third"]


def test_an_ended_session_ends_its_stream_and_nobody_gets_one_without(address: str) -> None:
    assert httpx.get(f"{address}/live").status_code == 401
    assert httpx.get(f"{address}/live", cookies={settings.SESSION_COOKIE_NAME: "x" * 32}).status_code == 401
    key = sign_in("yubei", "500112000000")
    stream = Stream(address, key)
    import_module(settings.SESSION_ENGINE).SessionStore(key).delete()
    assert stream.ended.wait(10)


def test_more_streams_than_connections_hold_nobody_up(address: str) -> None:
    key = sign_in("yubei", "500112000000")
    streams = [Stream(address, key) for _n in range(30)]
    began = time.monotonic()
    for _n in range(3):
        page = httpx.get(f"{address}/r/industries/", cookies={settings.SESSION_COOKIE_NAME: key}, timeout=30)
        assert page.status_code == 200
    assert time.monotonic() - began < 8, "a request waits 10 s for a connection before it is refused"
    publish("told", "500112000000")
    until(lambda: all(stream.marks() == ["told"] for stream in streams))


def test_what_was_rolled_back_was_never_sent(address: str) -> None:
    stream = Stream(address, sign_in("yubei", "500112000000"))

    def publish_and_fail() -> None:
        with acting(TESTER, EVERYWHERE):
            live.publish("test.happened", {"mark": "never"}, area_code="500112000000")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish_and_fail()
    publish("kept", "500112000000")
    until(lambda: stream.came)
    assert stream.marks() == ["kept"]
