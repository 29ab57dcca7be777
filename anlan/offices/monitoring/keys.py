"""Who may send for which devices: each device with its own key, programs of an account for the devices in its scope.

A device's key is made from the installation's secret, the device's code and the number of its key: nothing of it is
kept, and counting the number up makes the old one void. What gateways ask is answered from memory, which is read again
every minute, and at once when somebody unknown knocks.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.models import Q, QuerySet

from anlan.engines.telemetry.gateways import Land, Unsure
from anlan.engines.telemetry.protocols import jt808
from anlan.kernel import clock
from anlan.kernel.policy import OFFICIALS
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, Actor, acting

from .models import Device
from .programmes import MOVING

if TYPE_CHECKING:
    from anlan.engines.telemetry.places import Places

logger = logging.getLogger(__name__)
GATEWAY = Actor("job", "gateway")
READINGS = "readings"
"""What a program's key must allow."""
SENDERS = OFFICIALS | {"enterprise"}
"""Whose programs may send: each for the devices in its own scope."""
BY_ITSELF = frozenset({"mqtt", "http", "file"})
"""Protocols whose devices may send over any of the three; vehicles and ships speak their own alone."""
HAVE_KEYS = frozenset({"jt808", "mqtt", "http"})
"""Protocols in which a device says a key."""
FRESH_S, KNOCKED_S, PROGRAM_S = 60.0, 10.0, 10.0
"""So old may be what is known of devices; where somebody asks for one that is not known; what a program's key opens."""
AWAY_S = 5.0
"""So long the register is not asked again after it could not be: who knocks meanwhile waits for no database."""


def key_of(code: str, number: int) -> str:
    """The key with which a device says who it is: only this installation can make it."""
    return hmac.new(settings.SECRET_KEY.encode(), f"device {number} {code}".encode(), hashlib.sha256).hexdigest()[:32]


def may_hold(account: Any, device: Device) -> bool:
    """Whether somebody may see the key with which the device says who it is: who keeps it, and its enterprise."""
    from .registers import Devices  # whose page shows the way to it

    own = account.role == "enterprise" and device.protocol in BY_ITSELF
    return own or Devices.policy.may(account, "change", device)


def in_service() -> QuerySet[Device]:
    today = clock.today()
    there = Q(removed_on__isnull=True) | Q(removed_on__gt=today)
    return Device.objects.filter(there, installed_on__lte=today)


class Known(NamedTuple):
    """What a gateway asks of a device."""

    protocol: str
    key: int
    name: str
    sender: str
    """The credit code of its enterprise, whose folder its files come from."""


class Directory:
    """The devices in service, in memory. Also tells terminals of vehicles their codes."""

    def __init__(self) -> None:
        self.devices: dict[str, Known] = {}
        self.ships: frozenset[str] = frozenset()
        self.sending: frozenset[str] = frozenset()
        """Those that may send over MQTT, HTTP and files."""
        self.moving: dict[str, str] = {}
        """The programmes of those that drive and sail."""
        self.places: Places | None = None
        """What holds on roads and waters."""
        self._at = self._failed = float("-inf")
        self._reading = asyncio.Lock()
        self._programs: dict[str, tuple[float, frozenset[str] | None]] = {}

    async def fresh(self, age: float = FRESH_S) -> None:
        """Reads the register where what is known is older than that; raises `Unsure` where nothing is."""
        async with self._reading:
            if time.monotonic() - self._at <= age:
                return
            if time.monotonic() - self._failed > AWAY_S:
                try:
                    await asyncio.to_thread(self.read)
                    return
                except DatabaseError as error:
                    logger.warning("the register of devices cannot be read: %s", str(error).strip())
                    self._failed = time.monotonic()
            if not self.devices:
                raise Unsure

    def read(self) -> None:
        from . import restrictions  # of the gateway alone; pages that ask for a key need none of it

        columns = ("code", "protocol", "key_number", "name", "enterprise__credit_code", "programme")
        try:
            with acting(GATEWAY, EVERYWHERE, savepoint=False):
                rows = list(in_service().values_list(*columns).iterator(20_000))
                places = restrictions.read()
        finally:
            connections.close_all()
        self.devices = {
            code: Known(protocol, key, name, sender or "") for code, protocol, key, name, sender, _programme in rows
        }
        self.moving, self.places = {row[0]: row[-1] for row in rows if row[-1] in MOVING}, places
        self.ships = frozenset(code for code, protocol, *_rest in rows if protocol == "ais")
        self.sending = frozenset(code for code, protocol, *_rest in rows if protocol in BY_ITSELF)
        self._at = time.monotonic()

    def told(self, *columns: Any) -> tuple[Any, ...]:
        """Readings, and what holds where they were taken."""
        return self.places.told(self.moving, *columns) if self.places else columns

    def situated(self, land: Land) -> Land:
        """Lands readings with what holds where they were taken."""

        async def landed(*columns: Any) -> None:
            await land(*self.told(*columns))

        return landed

    async def _of(self, code: str) -> Known | None:
        if code not in self.devices:
            await self.fresh(KNOCKED_S)
        return self.devices.get(code)

    # -- MQTT and HTTP ----------------------------------------------------------------------------------------------

    async def speaks_for(self, name: str, key: str) -> Collection[str] | None:
        """The devices for which a key speaks: a device's own under its code, or a program's without a name."""
        await self.fresh()
        if name:
            known = await self._of(name)
            if known is None or known.protocol not in BY_ITSELF:
                return None
            return frozenset({name}) if _same(key, key_of(name, known.key)) else None
        digest = ApiToken.hashed(key)
        at, found = self._programs.pop(digest, (float("-inf"), None))
        if time.monotonic() - at > PROGRAM_S:
            try:
                found = await asyncio.to_thread(_of_program, key)
            except DatabaseError as error:
                raise Unsure from error
            at = time.monotonic()
        if found is not None:  # of keys that open nothing none is remembered: there is no end of them
            self._programs[digest] = at, found
        return found

    async def certified(self, name: str) -> Collection[str] | None:
        """The same of a device that has shown a certificate in its name."""
        known = await self._of(name)
        return frozenset({name}) if known is not None and known.protocol in BY_ITSELF else None

    # -- files ------------------------------------------------------------------------------------------------------

    def of_sender(self, sender: str) -> frozenset[str]:
        """The devices of the enterprise with that credit code."""
        return frozenset(
            c for c, known in self.devices.items() if known.sender == sender and known.protocol in BY_ITSELF
        )

    # -- JT/T 808 ---------------------------------------------------------------------------------------------------

    async def register(self, phone: str, said: dict[str, Any]) -> tuple[int, str]:
        """A terminal gets its code for the plate under which it is registered; a number that is not there gets none."""
        known = await self._of(phone)
        if known is None or known.protocol != "jt808":
            return jt808.NO_TERMINAL, ""
        if said["plate"] != known.name:
            return jt808.NO_VEHICLE, ""
        try:
            bound = await asyncio.to_thread(_bound, phone, _fingerprint(said))
        except DatabaseError as error:
            raise Unsure from error
        return (jt808.REGISTERED, key_of(phone, known.key)) if bound else (jt808.TERMINAL_TAKEN, "")

    async def authenticate(self, phone: str, code: str) -> bool:
        known = await self._of(phone)
        return known is not None and known.protocol == "jt808" and _same(code, key_of(phone, known.key))


def _fingerprint(said: dict[str, Any]) -> str:
    """Which terminal it is that registers: its maker and the number that this gave it."""
    return hashlib.sha256(f"{said['maker']}\0{said['terminal']}".encode()).hexdigest()


def _bound(code: str, terminal: str) -> bool:
    """Whether the vehicle's terminal is this one: the first that registers is, until its key is made anew.

    Number and plate are known to many; they alone must not give the key.
    """
    try:
        with acting(GATEWAY, EVERYWHERE, savepoint=False):
            device = Device.objects.select_for_update(of=("self",)).filter(code=code).first()
            if device is None:
                return False  # it was there a minute ago
            if not device.terminal:
                device.terminal = terminal
                device.save(update_fields=["terminal"])
            return _same(terminal, device.terminal)
    finally:
        connections.close_all()


def _of_program(key: str) -> frozenset[str] | None:
    """The devices in the scope of the account whose program holds the key; None where it opens nothing."""
    try:
        with acting(GATEWAY, EVERYWHERE, savepoint=False):
            held = ApiToken.holding(key)
        account: Any = held and held.account
        if held is None or READINGS not in held.scopes or not account.is_active or account.role not in SENDERS:
            return None
        with acting(account.actor, account.scope, savepoint=False):
            return frozenset(in_service().filter(protocol__in=BY_ITSELF).values_list("code", flat=True))
    finally:
        connections.close_all()


def _same(said: str, wanted: str) -> bool:
    return hmac.compare_digest(said.encode("utf-8", "surrogatepass"), wanted.encode())
