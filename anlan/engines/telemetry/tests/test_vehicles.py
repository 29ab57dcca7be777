"""Terminals over real sockets: who is let in, what is answered when, what becomes of nonsense."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from anlan.engines.telemetry.gateways.door import Limits
from anlan.engines.telemetry.gateways.jt808 import Vehicles
from anlan.engines.telemetry.protocols import jt808, jt808_many
from anlan.engines.telemetry.protocols.jt808 import BEIJING, Cutter, Frame, Location

from .conftest import until

pytestmark = pytest.mark.usefixtures("either_loop")
PHONE, CODE = "13900000001", "a-code"


class Known:
    """One terminal is registered, and one more may be."""

    async def register(self, phone: str, said: dict[str, Any]) -> tuple[int, str]:
        if phone != PHONE:
            return jt808.NO_TERMINAL, ""
        return (jt808.REGISTERED, CODE) if said["plate"] == "渝A12345" else (jt808.NO_VEHICLE, "")

    async def authenticate(self, phone: str, code: str) -> bool:
        return (phone, code) == (PHONE, CODE)


class Client:
    """A terminal's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.cutter, self.serial = reader, writer, Cutter(), 0

    async def say(self, id_: int, body: bytes = b"", phone: str = PHONE) -> None:
        self.serial += 1
        self.writer.write(jt808.framed(Frame(id_, phone, self.serial, body)))
        await self.writer.drain()

    async def hear(self) -> tuple[Frame, dict[str, Any]] | None:
        while data := await asyncio.wait_for(self.reader.read(4096), 20):
            for raw in self.cutter.feed(data):
                frame = jt808.unframed(raw)
                return frame, jt808.message(frame)
        return None

    async def ask(self, id_: int, body: bytes = b"", phone: str = PHONE) -> dict[str, Any] | None:
        await self.say(id_, body, phone)
        heard = await self.hear()
        return heard and heard[1]


Landed = list[tuple[str, str, int, float]]
Talk = Callable[[Callable[[], Awaitable[Client]], Vehicles, Landed], Awaitable[None]]


def served(talk: Talk, limits: Limits | None = None, broken: bool = False) -> Vehicles:
    landed: Landed = []

    async def land(*columns: Sequence[Any]) -> None:
        if broken:
            raise OSError(28, "No space left on device")
        await asyncio.sleep(0.01)
        lists = [one.to_pylist() if isinstance(one, pa.Array) else list(one) for one in columns]
        landed.extend(zip(*lists, strict=True))

    async def run() -> Vehicles:
        gateway = Vehicles(Known(), land, limits)
        server = await gateway.serve("127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def connect() -> Client:
            return Client(*await asyncio.open_connection("127.0.0.1", port))

        try:
            await talk(connect, gateway, landed)
        finally:
            server.close()
            await gateway.close()
        return gateway

    return asyncio.run(asyncio.wait_for(run(), 30))


def where(ago: float = 0, **more: Any) -> bytes:
    at = datetime.fromtimestamp(int(time.time() - ago), BEIJING)
    return jt808.located(Location(0, 0b11, 29.7, 106.6, 300, 62.0, 90, at, True, **more))


def registration(plate: str = "渝A12345") -> bytes:
    body = (50).to_bytes(2) + (100).to_bytes(2) + b"maker" + b"model".ljust(20, b"\0") + b"term001" + b"\x01"
    return body + plate.encode("gbk")


async def introduced(connect: Callable[[], Awaitable[Client]]) -> Client:
    client = await connect()
    assert (await client.ask(jt808.AUTHENTICATE, CODE.encode()) or {})["result"] == jt808.DONE
    return client


def test_registered_authenticated_and_answered_when_it_is_on_disk() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await connect()
        said = await client.ask(jt808.REGISTER, registration())
        assert said == {"reply_serial": 1, "result": jt808.REGISTERED, "code": CODE}
        assert (await client.ask(jt808.AUTHENTICATE, CODE.encode()))["result"] == jt808.DONE
        said = await client.ask(jt808.LOCATION, where())
        assert said == {"reply_serial": 3, "reply_id": jt808.LOCATION, "result": jt808.DONE}
        assert ("13900000001", "lat", 29.7) in {(d, m, v) for d, m, _t, v in landed}  # before the answer
        assert (await client.ask(jt808.HEARTBEAT))["result"] == jt808.DONE
        assert (await client.ask(0x0900, b"x"))["result"] == jt808.UNSUPPORTED
        assert gateway.online == 1

    counts = served(talk).counts
    assert (counts["registered"], counts["authenticated"], counts["readings"]) == (1, 1, 10)


def test_what_is_whole_and_cannot_be_read_is_told_to_be_wrong() -> None:
    """Unanswered, a terminal would send it for ever (JT/T 808: result 2 of the platform's general answer)."""
    kept = struct.pack(">HB", 2, 1) + struct.pack(">H", 28) + where(60) + struct.pack(">H", 10) + where()[:10]

    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await introduced(connect)
        for id_, body in ((jt808.LOCATION, where()[:20]), (jt808.LOCATION, where() + b"\x01\x04"), (0x0704, kept)):
            assert await client.ask(id_, body) == {"reply_serial": client.serial, "reply_id": id_, "result": 2}
        assert (await client.ask(jt808.LOCATION, where()))["result"] == jt808.DONE
        assert {peer.partition(" ")[2] for peer, *_rest in gateway.tally.refused} == {PHONE}, "whose it was"

    assert served(talk).counts["refused: length"] == 2


def test_who_logged_out_says_anew_who_he_is() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await introduced(connect)
        said = await client.ask(jt808.REGISTER, registration())
        assert said == {"reply_serial": 2, "result": jt808.REGISTERED, "code": CODE}, "on the same connection"
        assert (await client.ask(jt808.LOGOUT))["result"] == jt808.DONE
        assert (await client.ask(jt808.LOCATION, where()))["result"] == jt808.FAILED
        assert (gateway.online, landed) == (0, [])
        assert (await client.ask(jt808.AUTHENTICATE, CODE.encode()))["result"] == jt808.DONE
        assert (await client.ask(jt808.LOCATION, where()))["result"] == jt808.DONE

    assert served(talk).counts["readings"] == 10


def test_whoever_looks_learns_which_terminal_was_refused_and_why() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await connect()
        await client.ask(jt808.REGISTER, registration("渝B99999"))
        await client.ask(jt808.REGISTER, registration(), "13911111111")
        await client.ask(jt808.AUTHENTICATE, b"guessed")
        await client.ask(jt808.AUTHENTICATE, CODE.encode())
        for ago in (8 * 365 * 86_400, -7 * 3600):
            await client.ask(jt808.LOCATION, where(ago))

    gateway = served(talk)
    said = [(kind, words) for _peer, kind, words, _raw in gateway.tally.refused]
    assert said == [
        ("registration", f"{PHONE} 渝B99999: not the plate of this number"),
        ("registration", "13911111111 渝A12345: not in the register"),
        ("code", f"{PHONE}: not its code"),
        ("clock", f"{PHONE}: a clock -70,080.0 hours off"),
        ("clock", f"{PHONE}: a clock +7.0 hours off"),
    ]
    assert b"guessed".hex() not in str(gateway.tally.refused), "what was tried may be another one's key"


def test_before_it_is_authenticated_nothing_is_taken() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await connect()
        assert (await client.ask(jt808.LOCATION, where()))["result"] == jt808.FAILED
        assert (await client.ask(jt808.AUTHENTICATE, b"guessed"))["result"] == jt808.FAILED
        assert (await client.ask(jt808.REGISTER, registration("渝B99999")))["result"] == jt808.NO_VEHICLE
        assert (await client.ask(jt808.REGISTER, registration(), "13911111111"))["result"] == jt808.NO_TERMINAL
        assert landed == []

    assert served(talk).counts["refused: code"] == 1


def test_who_guesses_codes_is_parted_with() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await connect()
        for n in range(20):
            if await client.ask(jt808.AUTHENTICATE, b"%d" % n) is None:
                break
        assert n < 5

    assert served(talk).counts["parted: nonsense"] == 1


def test_who_guesses_plates_is_parted_with() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await connect()
        for n in range(30):
            if await client.ask(jt808.REGISTER, registration(f"渝A{n:05d}")) is None:
                break
        assert n < 12

    assert served(talk).counts["parted: nonsense"] == 1


def test_it_speaks_for_itself_alone() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await introduced(connect)
        await client.say(jt808.LOCATION, where(), "13922222222")
        assert (await client.ask(jt808.HEARTBEAT))["reply_id"] == jt808.HEARTBEAT
        assert landed == []

    assert served(talk).counts["refused: phone"] == 1


def test_a_disk_that_is_full_is_no_done() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await introduced(connect)
        assert (await client.ask(jt808.LOCATION, where()))["result"] == jt808.FAILED

    assert served(talk, broken=True).counts["refused: disk"] == 10


@pytest.mark.parametrize("broken", [False, True])
def test_reports_that_come_together_are_taken_together(monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    """And say what they say by themselves: whatever is wrong with one is its own."""
    together: list[int] = []
    read = jt808_many.read
    monkeypatch.setattr(jt808_many, "read", lambda frames: together.append(len(frames)) or read(frames))

    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        clients = [await introduced(connect) for _ in range(40)]
        frames = [jt808.framed(Frame(jt808.LOCATION, PHONE, 7, where(60 * n))) for n in range(40)]
        frames[3] = jt808.framed(Frame(jt808.LOCATION, PHONE, 7, where(10 * 365 * 86_400)))  # a clock that is years off
        frames[5] = jt808.framed(Frame(jt808.LOCATION, "13900000002", 7, where()))  # for somebody else
        frames[7] = frames[7][:-2] + bytes([frames[7][-2] ^ 1]) + b"\x7e"
        frames[9] = frames[9][:20]
        for client, frame in zip(clients, frames, strict=True):
            client.writer.write(frame)
        await asyncio.sleep(0.5)
        clients[9].writer.write(jt808.framed(Frame(jt808.LOCATION, PHONE, 7, where(540)))[20:])
        for n, client in enumerate(clients):
            if n in (5, 7):
                continue
            heard = await client.hear()
            assert heard is not None
            if n != 3 or not broken:
                result = jt808.FAILED if broken else jt808.DONE
                assert heard[1] == {"reply_serial": 7, "reply_id": jt808.LOCATION, "result": result}
        assert len({ts for _d, _m, ts, _v in landed}) == (0 if broken else 37)
        assert Counter(m for _d, m, _t, _v in landed)["speed"] == (0 if broken else 37)

    counts = served(talk, broken=broken).counts
    assert sum(together) > 20
    assert (counts["refused: clock"], counts["refused: phone"], counts["refused: checksum"]) == (1, 1, 1)
    assert counts["readings"] == (0 if broken else 370)
    assert counts["refused: disk"] == (370 if broken else 0)


def together(frames: Sequence[bytes], clients: Sequence[Client]) -> None:
    for client, frame in zip(clients, frames, strict=True):
        client.writer.write(frame)


class Gate:
    """A disk that takes its time: nothing lands before it opens."""

    def __init__(self, gateway: Vehicles) -> None:
        self.open, self._land, self.waits = asyncio.Event(), gateway._land, 0
        gateway._land = self.land

    async def land(self, *columns: Any) -> None:
        self.waits += 1
        await self.open.wait()
        await self._land(*columns)


def test_who_hangs_up_or_is_lost_meanwhile_costs_the_others_nothing() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        clients, gate = [await introduced(connect) for _ in range(40)], Gate(gateway)
        together([jt808.framed(Frame(jt808.LOCATION, PHONE, 7, where(60 * n))) for n in range(40)], clients)
        await until(lambda: sum(session.owed for session in gateway._open) > 20)
        clients[0].writer.write_eof()  # it has said all, and waits for its answer
        linger = struct.pack("ii", 1, 0)
        clients[1].writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        clients[1].writer.transport.abort()
        await until(lambda: len(gateway._open) == 39)
        gate.open.set()
        for client in (clients[0], *clients[2:]):
            heard = await client.hear()
            assert heard is not None
            assert heard[1]["result"] == jt808.DONE
        assert await clients[0].hear() is None
        assert len({ts for _d, _m, ts, _v in landed}) == 40
        assert not any(session.owed for session in gateway._open)

    assert served(talk).counts["parted: connection lost"] == 1


def test_a_terminal_does_not_fill_memory_while_the_disk_stands_still() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        clients, gate = [await introduced(connect) for _ in range(20)], Gate(gateway)
        for n in range(60):
            frames = [jt808.framed(Frame(jt808.LOCATION, PHONE, n, where(60 * n + one))) for one in range(20)]
            together(frames, clients)
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        assert all(session.owed <= 16 and len(session.waits) <= 16 for session in gateway._open)
        assert not any(session.transport.is_reading() for session in gateway._open)
        gate.open.set()
        for client in clients:
            answers = 0
            while answers < 60:
                answers += len(client.cutter.feed(await asyncio.wait_for(client.reader.read(4096), 20)))

    served(talk, Limits(rate=1_000))


@pytest.mark.parametrize("where_", ["read", "land"])
def test_a_mistake_of_ours_is_told_and_who_was_not_answered_comes_again(
    monkeypatch: pytest.MonkeyPatch, where_: str
) -> None:
    told: list[Any] = []

    def mistaken(*_args: Any) -> Any:
        raise ZeroDivisionError

    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context["exception"]))
        clients = [await introduced(connect) for _ in range(40)]
        frames, land = [jt808.framed(Frame(jt808.LOCATION, PHONE, 7, where()))] * 40, gateway._land
        with monkeypatch.context() as broken:
            if where_ == "read":
                broken.setattr(jt808_many, "read", mistaken)
            else:
                gateway._land = mistaken
            together(frames, clients)
            for client in clients:
                with suppress(ConnectionError):
                    assert await client.hear() is None or where_ == "read"  # where few came together, they were heard
            await until(lambda: bool(told))
        gateway._land = land
        assert (await (await introduced(connect)).ask(jt808.LOCATION, where()))["result"] == jt808.DONE

    served(talk)
    assert {type(error) for error in told} == {ZeroDivisionError}


def test_at_the_end_reports_under_way_are_answered() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        clients, gate = [await introduced(connect) for _ in range(30)], Gate(gateway)
        together([jt808.framed(Frame(jt808.LOCATION, PHONE, 7, where(60 * n))) for n in range(30)], clients)
        await until(lambda: sum(s.owed + (s.task is not None) for s in gateway._open) == 30)
        ending = asyncio.create_task(gateway.close())
        await asyncio.sleep(0.05)
        gate.open.set()
        await ending
        for client in clients:
            heard = await client.hear()
            assert heard is not None
            assert heard[1]["result"] == jt808.DONE
        assert len({ts for _d, _m, ts, _v in landed}) == 30

    served(talk)


def test_a_terminal_that_sends_too_much_sends_it_again_later() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await introduced(connect)
        told = [(await client.ask(jt808.LOCATION, where()))["result"] for _ in range(3)]
        assert told == [jt808.DONE, jt808.FAILED, jt808.FAILED]

    assert served(talk, Limits(readings=0.1, kept=1)).counts["refused: too much"] == 20


def test_clocks_that_are_years_off_make_no_reading() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await introduced(connect)
        for ago in (-3_600, 10 * 365 * 86_400):
            assert (await client.ask(jt808.LOCATION, where(ago)))["result"] == jt808.DONE
        assert landed == []

    assert served(talk).counts["refused: clock"] == 2


def test_kept_locations_in_parts_are_one_message() -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await introduced(connect)
        places = [where(60 * n) for n in range(40)]
        body = (40).to_bytes(2) + b"\x01" + b"".join(len(p).to_bytes(2) + p for p in places)
        parts = [body[:800], body[800:]]
        for number, part in enumerate(parts, 1):
            client.serial += 1
            frame = Frame(jt808.LOCATIONS, PHONE, client.serial, part, parts=2, part=number)
            client.writer.write(jt808.framed(frame))
            if number == 1:  # it is in memory alone, and so not answered yet
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(client.reader.read(4096), 0.3)
        heard = 0
        while heard < 2:
            data = await asyncio.wait_for(client.reader.read(4096), 20)
            heard += len(client.cutter.feed(data))
        assert len({ts for _d, _m, ts, _v in landed}) == 40

    served(talk)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"\x7e" + b"\x00" * 5000, "parted: a frame without an end"),
        (b"\x7e" + b"\x01" * 21 + b"\x7e", "refused: checksum"),
        (b"GET / HTTP/1.1\r\n\r\n", ""),
    ],
)
def test_nonsense_is_counted_by_kind(sent: bytes, why: str) -> None:
    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        client = await connect()
        client.writer.write(sent)
        if why:
            await until(lambda: gateway.counts[why] == 1)
        await introduced(connect)  # the others are served

    served(talk)


def test_who_is_slow_or_silent_or_floods_is_parted_with() -> None:
    limits = Limits(introduce=2.0, silent=1.0, frame=0.5, rate=1)

    async def talk(connect: Any, gateway: Vehicles, landed: Landed) -> None:
        stranger, quiet, slow, flood = await connect(), *[await introduced(connect) for _ in range(3)]
        slow.writer.write(b"\x7e\x00")
        for _ in range(30):
            await flood.say(jt808.HEARTBEAT)
        for _ in range(100):
            await asyncio.sleep(0.1)
            if gateway.counts["parted: a frame without an end"]:
                break
            slow.writer.write(b"\x01")
        for client in (stranger, quiet, slow):
            with suppress(ConnectionError):  # it is closed while something is still written
                assert await client.hear() is None

    counts = served(talk, limits).counts
    for why in ("not introduced", "silent", "a frame without an end", "too many messages"):
        assert counts[f"parted: {why}"] == 1, why
