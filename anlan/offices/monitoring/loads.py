"""How much comes in by HTTP and MQTT: load for `make bench`, sent from a process of its own as devices would.

    python -m anlan.offices.monitoring.loads http ADDRESS KEY DEVICE NOW SECONDS
    python -m anlan.offices.monitoring.loads mqtt ADDRESS KEY DEVICE NOW SECONDS READINGS

NOW is the installation's clock in milliseconds, KEY that of a program. It prints the readings a second that were
answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence

BATCH, CONNECTIONS, IN_THE_AIR = 1_000, 8, 200


def _rows(device: str, count: int, now: int) -> bytes:
    """Readings of one device, a second after another, up to now."""
    rows = [
        {"device": device, "metric": "ch4", "ts": now - 1000 * n, "value": 0.25 + n % 7 / 100} for n in range(count)
    ]
    return json.dumps(rows).encode()


async def http(host: str, port: int, key: str, device: str, now: int, seconds: float) -> float:
    """Batches of a thousand readings as JSON, over connections that stay open; readings a second."""
    body = _rows(device, BATCH, now)
    head = (
        f"POST /ingest/v1/readings HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    done, until = 0, time.perf_counter() + seconds

    async def one() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(host, port)
        while time.perf_counter() < until:
            writer.write(head + body)
            said = await reader.readuntil(b"}")
            if b" 200 " not in said[:16] or b'"taken": 1000' not in said:
                raise RuntimeError(said.decode())
            done += BATCH
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return done / (time.perf_counter() - began)


async def mqtt(host: str, port: int, key: str, device: str, now: int, seconds: float, readings: int) -> float:
    """Publications of quality 1 with so many readings each; readings a second that were answered."""
    topic = f"anlan/v1/{device}/readings".encode()
    payload = _rows(device, readings, now)

    def length(number: int) -> bytes:
        out = bytearray()
        while True:
            number, byte = number >> 7, number & 0x7F
            out.append(byte | (0x80 if number else 0))
            if not number:
                return bytes(out)

    def text(said: str) -> bytes:
        return len(said.encode()).to_bytes(2) + said.encode()

    size = length(2 + len(topic) + 2 + len(payload))
    begin = b"\x32" + size + len(topic).to_bytes(2) + topic
    done, until = 0, time.perf_counter() + seconds

    async def one(number: int) -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(host, port)
        body = text("MQTT") + b"\x04\xc2\x00\x3c" + text(f"load{number}") + text("token") + text(key)
        writer.write(b"\x10" + length(len(body)) + body)
        said = await reader.readexactly(4)
        if said[3]:
            raise RuntimeError(f"not let in: {said[3]}")
        air = packet = held = 0
        while time.perf_counter() < until or air:
            out = bytearray()
            while air < IN_THE_AIR and time.perf_counter() < until:
                packet = packet % 65_000 + 1
                out += begin + packet.to_bytes(2) + payload
                air += 1
            if out:
                writer.write(out)
            heard = await reader.read(1 << 16)
            if not heard:
                raise RuntimeError("parted with")
            held += len(heard)
            answers, held = divmod(held, 4)  # each is four bytes long
            air -= answers
            done += answers * readings
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one(n) for n in range(2)))
    return done / (time.perf_counter() - began)


def main(said: Sequence[str]) -> None:
    way, address, *rest = said
    host, _colon, port = address.partition(":")
    if way == "http":
        key, device, now, seconds = rest
        print(asyncio.run(http(host, int(port), key, device, int(now), float(seconds))))
    else:
        key, device, now, seconds, readings = rest
        print(asyncio.run(mqtt(host, int(port), key, device, int(now), float(seconds), int(readings))))


if __name__ == "__main__":
    main(sys.argv[1:])
