"""What holds for the connections of every way in: who is cut off, who is waited for, what is heard at the end."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anlan.engines.telemetry.gateways import connections
from anlan.engines.telemetry.gateways.connections import Listener, Session
from anlan.engines.telemetry.gateways.door import Limits
from anlan.engines.telemetry.gateways.mqtt import Publishers
from anlan.engines.telemetry.protocols import mqtt

from .conftest import until
from .test_ways_in import MS, NOW, Disk, Keys, reading

pytestmark = pytest.mark.usefixtures("either_loop")
Talk = Callable[["Echo", int], Awaitable[None]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo(Listener):
    """Says back what it hears once the gate is open, what is no greeting `times` over; at `?` it makes a mistake."""

    def __init__(self, limits: Limits, times: int) -> None:
        async def land(*_columns: Any) -> None: ...

        super().__init__(land, limits)
        self.gate, self.times, self.heard = asyncio.Event(), times, 0
        self.gate.set()

    @property
    def one(self) -> Session:
        (session,) = self._open
        return session

    async def _said(self, session: Session, data: bytes) -> None:
        session.known = session.known or data == b"hello"
        await self.gate.wait()
        if b"?" in data:
            raise ZeroDivisionError("a mistake of ours")
        self.heard += len(data)
        session.answer(data * (1 if data in (b"hello", b"stranger") else self.times))
        session.filled = time.monotonic()
        self._heard(session, False, False, True)


def served(talk: Talk, times: int = 1, tls: ssl.SSLContext | None = None, **limits: Any) -> Echo:
    async def run() -> Echo:
        echo = Echo(Limits(**limits), times)
        server = await echo.serve("127.0.0.1", 0, tls)
        try:
            await talk(echo, server.sockets[0].getsockname()[1])
        finally:
            server.close()
            await echo.close()
        assert not echo._open
        return echo

    return asyncio.run(asyncio.wait_for(run(), 30))


async def met(port: int, said: bytes = b"hello", tls: ssl.SSLContext | None = None) -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(said)
    assert await reader.readexactly(len(said)) == said
    return reader, writer


def lost(writer: asyncio.StreamWriter) -> None:
    """Ends a connection without a word, as a line that breaks."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def gone(reader: asyncio.StreamReader) -> None:
    """Waits until the connection is closed."""
    with suppress(ConnectionError):
        while await asyncio.wait_for(reader.read(1 << 20), 10):
            pass


def test_who_has_said_all_still_gets_his_answers() -> None:
    async def talk(echo: Echo, port: int) -> None:
        reader, writer = await met(port)
        echo.gate.clear()
        writer.write(b"the last word")
        await until(lambda: echo.one.task is not None)
        writer.write_eof()
        await until(lambda: echo.one.over)
        echo.gate.set()
        assert await reader.read() == b"the last word"
        await until(lambda: not echo._open)

    assert not any(name.startswith("parted") for name in served(talk).counts)


def test_who_does_not_read_is_not_listened_to_and_parted_with() -> None:
    async def talk(echo: Echo, port: int) -> None:
        reader, writer = await met(port)
        writer.write(b"x" * 10_000)  # ten megabytes of answers
        await until(lambda: echo.one.unread)
        assert not echo.one.transport.is_reading()
        await until(lambda: not echo._open)
        await gone(reader)

    assert served(talk, 1_000, frame=1.0).counts["parted: does not read"] == 1


def test_who_reads_late_goes_on() -> None:
    async def talk(echo: Echo, port: int) -> None:
        reader, writer = await met(port)
        for _ in range(2):
            writer.write(b"x" * 10_000)
            await until(lambda: echo.one.unread)
            assert len(await reader.readexactly(10_000_000)) == 10_000_000
            await until(lambda: not echo.one.unread)
        assert echo.one.transport.is_reading()
        assert echo.one.why == "silent"

    served(talk, 1_000)


@pytest.mark.parametrize(("said", "pieces"), [(b"hello", connections._WAITING), (b"stranger", 1)])
def test_what_waits_for_us_is_bounded(said: bytes, pieces: int) -> None:
    async def talk(echo: Echo, port: int) -> None:
        _reader, writer = await met(port, said)
        echo.gate.clear()
        total = 24 << 20
        writer.write(b"y" * total)
        await until(lambda: not echo.one.transport.is_reading())
        await asyncio.sleep(0.1)
        assert len(echo.one.waits) <= pieces
        assert echo.heard == len(said)
        echo.gate.set()
        for _ in range(3000):
            if echo.heard == total + len(said):
                break
            await asyncio.sleep(0.01)
        assert echo.heard == total + len(said)
        writer.close()

    served(talk, 0)


def test_no_more_than_so_many_at_once() -> None:
    async def talk(echo: Echo, port: int) -> None:
        (_first, writer), _second = await met(port), await met(port)
        third, _writer = await asyncio.open_connection("127.0.0.1", port)
        assert await third.read() == b""
        writer.close()
        await until(lambda: len(echo._open) == 1)
        await met(port)

    counts = served(talk, sessions=2).counts
    assert (counts["parted: too many sessions"], counts["connections"]) == (1, 3)


def test_a_mistake_of_ours_is_told_and_costs_one_connection() -> None:
    told: list[Any] = []

    async def talk(echo: Echo, port: int) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context["exception"]))
        (one, writer), (other, other_writer) = await met(port), await met(port)
        writer.write(b"?")
        await gone(one)
        other_writer.write(b"well")
        assert await other.readexactly(4) == b"well"
        await until(lambda: bool(told))

    served(talk)
    assert [type(error) for error in told] == [ZeroDivisionError]


@pytest.mark.parametrize("over", ["", "TLS"])
def test_a_connection_lost_meanwhile_is_worked_off(authority: Any, over: str) -> None:
    server, client = authority() if over else (None, None)

    async def talk(echo: Echo, port: int) -> None:
        _reader, writer = await met(port, tls=client)
        echo.gate.clear()
        writer.write(b"some words")
        await until(lambda: echo.one.task is not None and not echo.one.waits)
        writer.write(b", and more")
        await until(lambda: len(echo.one.waits) == 1)
        lost(writer)
        await until(lambda: not echo._open)
        assert len(echo._working) == 1
        echo.gate.set()
        await until(lambda: not echo._working)

    echo = served(talk, tls=server)
    assert (echo.heard, echo.counts["parted: connection lost"]) == (len(b"hellosome words, and more"), 1)


def test_at_the_end_what_was_said_is_answered_and_nobody_is_heard_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(echo: Echo, port: int) -> None:
        (one, writer), (_lost, lost_writer), (idle, idle_writer) = await met(port), await met(port), await met(port)
        echo.gate.clear()
        writer.write(b"answer me")
        lost_writer.write(b"or not")
        await until(lambda: len(echo._working) == 2)
        lost(lost_writer)
        await until(lambda: len(echo._open) == 2)
        ending = asyncio.create_task(echo.close())
        await asyncio.sleep(0.05)
        idle_writer.write(b"too late")
        late, _writer = await asyncio.open_connection("127.0.0.1", port)
        assert await late.read() == b""
        echo.gate.set()
        await ending
        assert await one.readexactly(9) == b"answer me"
        for reader in (one, idle):
            await gone(reader)

    assert served(talk).heard == 3 * len(b"hello") + len(b"answer meor not")
    monkeypatch.setattr(connections, "_LAST_S", 0.1)

    async def hangs(echo: Echo, port: int) -> None:
        reader, writer = await met(port)
        echo.gate.clear()
        writer.write(b"for ever")
        await until(lambda: bool(echo._working))
        await echo.close()
        assert not echo._working
        await gone(reader)

    served(hangs)


# -- TLS -------------------------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str, by: tuple[Any, Any] | None = None) -> tuple[Any, Any, Path]:
    """Key, certificate and the file of both: of an authority, or of a server and a device called `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(by[1].subject if by else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )  # fmt: skip
    if by:
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        made = made.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    signed = made.sign(by[0] if by else key, hashes.SHA256())
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + signed.public_bytes(serialization.Encoding.PEM)
    )  # fmt: skip
    return key, signed, path


@pytest.fixture
def authority(tmp_path: Path) -> Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]:
    """Makes the contexts of a server and of a device with a certificate in that name."""
    key, own, ca = certificate(tmp_path, "authority")
    _key, _made, served = certificate(tmp_path, "server", (key, own))

    def made(device: str = "") -> tuple[ssl.SSLContext, ssl.SSLContext]:
        server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context(cafile=str(ca))
        server.load_cert_chain(served)
        server.load_verify_locations(ca)
        server.verify_mode = ssl.CERT_OPTIONAL
        if device:
            client.load_cert_chain(certificate(tmp_path, device, (key, own))[2])
        return server, client

    return made


def test_over_tls_too_who_is_silent_or_shakes_no_hand_is_parted_with(authority: Any) -> None:
    server, client = authority()

    async def talk(echo: Echo, port: int) -> None:
        silent, _writer = await met(port, tls=client)
        begins = time.monotonic()
        no_hand, _other = await asyncio.open_connection("127.0.0.1", port)
        await gone(no_hand)
        await gone(silent)
        assert time.monotonic() - begins < 10  # Python itself waits for a minute

    assert served(talk, tls=server, introduce=1.5, silent=1.5).counts["parted: silent"] == 1


def test_over_tls_what_waits_for_us_is_bounded_and_nothing_is_lost(authority: Any) -> None:
    server, client = authority()

    async def talk(echo: Echo, port: int) -> None:
        _reader, writer = await met(port, tls=client)
        echo.gate.clear()
        writer.write(b"y" * (24 << 20))
        await until(lambda: len(echo.one.waits) >= connections._WAITING)
        await asyncio.sleep(0.1)
        assert len(echo.one.waits) <= 2 * connections._WAITING
        echo.gate.set()
        for _ in range(3000):
            if echo.heard == (24 << 20) + 5:
                break
            await asyncio.sleep(0.01)
        assert echo.heard == (24 << 20) + 5
        writer.close()

    served(talk, 0, tls=server)


@pytest.mark.parametrize(("device", "code"), [("k1", 0), ("k9", 4)])
def test_a_certificate_in_the_devices_name_lets_it_in(authority: Any, device: str, code: int) -> None:
    """And for itself alone: what it says beside it of a user is not asked."""
    (server, client), disk = authority(device), Disk()

    async def run() -> Publishers:
        listener = Publishers(Keys(), disk.land, now=lambda: NOW)
        serving = await listener.serve("127.0.0.1", 0, server)
        port = serving.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        writer.write(mqtt.connect("c", "k2", "guessed"))
        assert (await reader.readexactly(4))[3] == code
        if not code:
            writer.write(mqtt.publish("anlan/v1/k1/readings", 1, reading()))
            assert len(await reader.readexactly(4)) == 4
            writer.write(mqtt.publish("anlan/v1/k2/readings", 2, reading()))
            assert len(await reader.readexactly(4)) == 4
        serving.close()
        await listener.close()
        return listener

    listener = asyncio.run(asyncio.wait_for(run(), 30))
    assert disk.rows == ([] if code else [("k1", "ch4", MS, 0.4)])
    assert listener.counts["refused: device"] == (0 if code else 1)
