"""Messages as plain fields, for people and programs that look at single frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from . import Malformed, ais, jt808, payload

_NAMES = {
    "reply_serial": "replyMsgNum", "reply_id": "replyMsgId", "result": "result", "code": "authCode",
    "province": "provinceId", "city": "cityId", "maker": "makerId", "model": "terminalModel", "terminal": "terminalId",
    "colour": "plateColor", "plate": "plateNo", "version": "version", "imei": "imei", "software": "softwareVersion",
}  # fmt: skip

_COUNTED = {0x01: "mileage_raw", 0x02: "oil_raw"}
"""Additional items that are a plain number: tenths of a kilometre, tenths of a litre."""


def decoded(protocol: str, data: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The fields of each frame (JT/T 808, in hexadecimal), message (AIS, of one or more sentences) or payload (MQTT,
    JSON with its topic before it or the device in it). What cannot be read is a mapping with `error` and `words`."""
    yield from {"jt808": _jt808, "ais": _ais, "mqtt": _mqtt}[protocol](data)


def _wrong(error: Malformed) -> dict[str, Any]:
    return {"error": error.kind, "words": str(error)}


def _jt808(data: Iterable[str]) -> Iterator[dict[str, Any]]:
    for text in data:
        try:
            try:
                raw = bytes.fromhex(text)
            except ValueError:
                raise Malformed("hex", f"{text[:40]!r} is not hexadecimal") from None
            frame = jt808.unframed(raw)
            head: dict[str, Any] = {
                "msgId": f"0x{frame.id:04X}", "phone": frame.phone, "msgNum": frame.serial, "v2019": frame.v2019,
                "bodyLen": len(frame.body), "version": 2019 if frame.v2019 else 2013,
            }  # fmt: skip
            if frame.v2019:
                head["protocolVersion"] = frame.version
            if frame.parts > 1:
                # A part alone says nothing.
                yield head | {"parts": frame.parts, "part": frame.part, "body": frame.body.hex()}
            else:
                yield head | _fields(jt808.message(frame))
        except Malformed as error:
            yield _wrong(error)


def _fields(said: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in said.items():
        if name == "location":
            told |= place(value)
        elif name == "locations":
            told |= {"count": len(value), "positions": [place(one) for one in value]}
        elif name == "type":
            told["locationType"] = value
        elif name == "body":
            told["body"] = value.hex()
        else:
            told[_NAMES[name]] = f"0x{value:04X}" if name == "reply_id" else value
    return told


def place(one: jt808.Location) -> dict[str, Any]:
    """A location as plain fields; coordinates as they were sent, also where `valid` says that they are no place."""
    return {
        "valid": one.valid, "alarm": one.alarm, "alarmBits": [bit for bit in range(32) if one.alarm >> bit & 1],
        "alarms": list(one.alarms), "status": one.status, "accOn": bool(one.status & 1),
        "fixed": bool(one.status >> 1 & 1), "lat": one.lat, "lng": one.lon, "altitude": one.altitude,
        "speed_raw": round(one.speed * 10), "speed_kmh": one.speed, "direction": one.direction,
        "time": None if one.time is None else f"{one.time:%Y-%m-%d %H:%M:%S}",
        "attach": {f"0x{item:02X}": value.hex() for item, value in one.items.items()},
        **{name: int.from_bytes(one.items[item]) for item, name in _COUNTED.items() if item in one.items},
    }  # fmt: skip


def _ais(data: Iterable[str]) -> Iterator[dict[str, Any]]:
    joiner, waits = ais.Joiner(), 0
    for text in data:
        try:
            whole = joiner.take(text.encode("ascii", "replace"))
            waits += 1
            if whole is not None:
                waits -= len(whole)
                said = ais.message(whole)
                yield {name: value.hex() if isinstance(value, bytes) else value for name, value in said.items()}
        except Malformed as error:
            yield _wrong(error)
    if waits:
        yield _wrong(Malformed("parts", f"{waits} sentences of messages of which others are missing"))


def _mqtt(data: Iterable[str]) -> Iterator[dict[str, Any]]:
    for text in data:
        try:
            topic, _space, rest = text.partition(" ") if text.startswith("anlan/") else ("", "", text)
            device = payload.of_topic(topic) if topic else ""
            devices, metrics, ts, values = payload.from_json(rest.encode("utf-8", "surrogateescape"), device)
            rows = zip(devices, metrics, ts.tolist(), values.tolist(), strict=True)
            names = ("device", "metric", "ts", "value")
            yield {"topic": topic, "readings": [dict(zip(names, row, strict=True)) for row in rows]}
        except Malformed as error:
            yield _wrong(error)
