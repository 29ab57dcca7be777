"""A bus on a real socket: it registers, says where it is, and a warning stands in the database; also over `kill -9`."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from anlan.engines.telemetry.protocols import jt808
from anlan.engines.telemetry.protocols.jt808 import BEIJING, Cutter, Frame, Location
from anlan.offices.monitoring.keys import KNOCKED_S

from .house import House, eventually, free_port

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(600)]
PHONE, PLATE = "13900000001", "渝A12345"
MAKE = f"""
from datetime import date
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.monitoring.models import Device
from anlan.parties.models import Enterprise
with acting(Actor("command", "gateway test"), EVERYWHERE):
    company = Enterprise.objects.create(name="龙兴客运公司", area_code="500112131000", industry_id="road")
    Device.objects.create(code="{PHONE}", name="{PLATE}", programme="coaches", protocol="jt808", enterprise=company,
                          area_code="500112131000", installed_on=date(2013, 1, 1))
"""
TOLD = """
import json
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.monitoring.models import EarlyWarning
with acting(Actor("command", "gateway test"), EVERYWHERE):
    found = EarlyWarning.objects.order_by("id")
    found = [[w.rule, w.level, w.state, len(w.told), w.cleared_at is not None] for w in found]
print("told", json.dumps(found))
"""


@pytest.fixture
def house(tmp_path: Path, migrated: House) -> Iterator[House]:
    one = House(tmp_path).settle(migrated)
    one.env |= {"ANLAN_GATEWAY": "1", "ANLAN_JT808_PORT": str(free_port())}
    one.start()
    yield one
    one.end()


def shell(house: House, code: str) -> str:
    done = house.anlan("shell", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(house: House) -> Any:
    line = next(line for line in shell(house, TOLD).splitlines() if line.startswith("told "))
    return json.loads(line.removeprefix("told "))


class Bus:
    """A terminal that says one thing after another, and hears the answer to each."""

    def __init__(self, house: House) -> None:
        self.address = ("127.0.0.1", int(house.env["ANLAN_JT808_PORT"]))
        self.serial = 0
        eventually("the gateway", self._there)

    def _there(self) -> bool:
        """Somebody answers: what was killed a moment ago may still have taken the connection."""
        try:
            self.socket, self.cutter = socket.create_connection(self.address, 5), Cutter()
            return bool(self.ask(jt808.HEARTBEAT))
        except OSError:
            return False

    def ask(self, id_: int, body: bytes = b"") -> dict[str, Any]:
        self.serial += 1
        self.socket.sendall(jt808.framed(Frame(id_, PHONE, self.serial, body)))
        while data := self.socket.recv(4096):
            for raw in self.cutter.feed(data):
                return jt808.message(jt808.unframed(raw))
        raise ConnectionError("the gateway has gone")

    def drive(self, begin: datetime, minutes: int, speed: float) -> None:
        """Kept locations, one a minute."""
        places = [
            jt808.located(Location(0, 0b11, 29.7, 106.6, 300, speed, 90, begin + timedelta(minutes=n), True))
            for n in range(minutes)
        ]
        body = len(places).to_bytes(2) + b"\x01" + b"".join(len(one).to_bytes(2) + one for one in places)
        assert self.ask(jt808.LOCATIONS, body)["result"] == jt808.DONE


def test_a_bus_at_night_is_a_warning_and_stays_one_over_kill_9(house: House) -> None:
    shell(house, MAKE)
    time.sleep(KNOCKED_S)  # so old is what the gateway knows, at most, when somebody unknown knocks
    bus = Bus(house)
    body = (50).to_bytes(2) + (100).to_bytes(2) + b"maker" + b"model".ljust(20, b"\0") + b"term001" + b"\x01"
    assert bus.ask(jt808.REGISTER, body + "渝B00000".encode("gbk"))["result"] == jt808.NO_VEHICLE
    said = bus.ask(jt808.REGISTER, body + PLATE.encode("gbk"))
    assert said["result"] == jt808.REGISTERED
    assert bus.ask(jt808.AUTHENTICATE, said["code"].encode())["result"] == jt808.DONE
    # Last night, whatever the hour is now: it drove at half past two.
    night = datetime.now(BEIJING).replace(hour=2, minute=30, second=0, microsecond=0) - timedelta(days=1)
    bus.drive(night, 10, 60.0)
    eventually("the warning", lambda: told(house) == [["coach-night-stop", "orange", "open", 1, False]])

    bus.drive(night + timedelta(minutes=10), 3, 0.0)
    house.kill("gateway")  # what it had answered is on disk, whether it was evaluated or not
    bus = Bus(house)
    assert bus.ask(jt808.AUTHENTICATE, said["code"].encode())["result"] == jt808.DONE
    bus.drive(night + timedelta(minutes=13), 20, 0.0)
    eventually("its end", lambda: told(house) == [["coach-night-stop", "orange", "open", 2, True]])
    assert house.stop() == 0
