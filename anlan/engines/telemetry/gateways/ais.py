"""Ships: receivers of AIS that send what they hear, over TCP connections or as UDP packets.

A sentence says nothing of who sent it, so receivers are known by their address. Of the ships that one hears those of
the register count; of others nothing is kept. AIS asks for no answer: what a receiver sent is on disk some milliseconds
later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from ..protocols import Malformed, Reading, ais
from ..protocols.ais import Joiner
from . import Land
from .connections import Listener, Parted, Session
from .door import Limits

RECEIVER = Limits(rate=2_000.0, silent=3_600.0, nonsense=500)
"""What one receiver may do: it hears hundreds of ships, and some noise."""
_LONGEST = 4_096
"""Bytes without the end of a line, after which nobody sends sentences here."""


@dataclass(slots=True, eq=False)
class _Receiver(Session):
    joiner: Joiner = field(default_factory=Joiner)
    held: bytes = b""
    """The beginning of a line."""


class Ships(Listener):
    """Receivers on TCP; `datagrams` makes the end for UDP, which shares limits and counts."""

    session = _Receiver

    def __init__(
        self, ships: Callable[[], Collection[str]], networks: Sequence[IPv4Network | IPv6Network], land: Land,
        limits: Limits = RECEIVER, now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`ships`: the numbers (MMSI) of those that count; `networks`: from where receivers send."""
        super().__init__(land, limits, now)
        self._ships, self._networks = ships, networks

    def admits(self, host: str) -> bool:
        """Whether receivers send from that address."""
        address = ip_address(host.split("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)

    def _admit(self, session: _Receiver) -> None:
        peer = session.transport.get_extra_info("peername")
        if not peer or not self.admits(peer[0]):
            self.counts["refused: address"] += 1
            raise Parted("from an address without a receiver")
        session.known = True

    async def _said(self, session: _Receiver, data: bytes) -> None:
        *lines, session.held = (session.held + data).split(b"\n")
        if len(session.held) > _LONGEST:
            raise Parted("a line without an end")
        self._spend(session, len(lines))
        await self._take(session.peer, session.joiner, lines, session)
        self._heard(session, bool(session.held), False, bool(lines))

    async def _take(self, peer: str, joiner: Joiner, lines: Sequence[bytes], session: Session | None) -> None:
        """Puts what the sentences say on disk."""
        found: list[Reading] = []
        wrong = 0
        received, ships = int(self._now() * 1000), self._ships()
        for line in lines:
            if not line.strip():
                continue
            self.counts["messages"] += 1
            try:
                if whole := joiner.take(line):
                    read = list(ais.readings(ais.message(whole), received))
                    if read and read[0].device not in ships:
                        self.counts["ships of others"] += 1
                    else:
                        found += read
            except Malformed as error:
                self.tally.refuse(peer, error, line)
                wrong += 1
        if found:
            try:
                await self._land(*zip(*found, strict=True))
                self.counts["readings"] += len(found)
            except OSError:
                self.counts["refused: disk"] += len(found)
        if session is not None:
            self._tired(session, wrong)

    # -- UDP --------------------------------------------------------------------------------------------------------

    async def datagrams(self, host: str, port: int) -> asyncio.DatagramTransport:
        """Listens for packets of one or more sentences."""
        made, _protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(host, port)
        )
        return made

    def packet(self, data: bytes, host: str, joiners: dict[str, tuple[Joiner, float, float]]) -> None:
        """Takes a packet; each receiver has its own half messages and its own rate."""
        if not self.admits(host):
            self.counts["refused: address"] += 1
            return
        lines, now = data[:_LONGEST].split(b"\n"), time.monotonic()
        joiner, allowed, at = joiners.get(host) or (Joiner(), self.limits.rate * 20, now)
        allowed = min(self.limits.rate * 20, allowed + (now - at) * self.limits.rate) - len(lines)
        joiners[host] = joiner, max(allowed, 0.0), now
        if allowed < 0:
            self.counts["refused: too many messages"] += len(lines)
            return
        self._begin(self._take(f"{host} (UDP)", joiner, lines, None))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, ships: Ships) -> None:
        self._to = ships
        self._joiners: dict[str, tuple[Joiner, float, float]] = {}

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._to.packet(data, addr[0], self._joiners)
