"""Which ways in are open to devices, as the environment says it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import unquote, urlsplit

from anlan.engines.telemetry.gateways.broker import Address

JT808, AIS, MQTT = ("ANLAN_JT808_PORT", 8808), ("ANLAN_AIS_PORT", 10110), ("ANLAN_MQTT_PORT", 1883)
CLOSED = "off"


class Wrong(ValueError):
    """A setting that cannot be; says which one and what it must be."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Ports: 0 for any that is free, None for a way in that stays closed."""

    host: str = "127.0.0.1"
    jt808: int | None = None
    ais: int | None = None
    mqtt: int | None = None
    receivers: Sequence[IPv4Network | IPv6Network] = ()
    """From where receivers of AIS send."""
    broker: Address | None = None
    tls: ssl.SSLContext | None = None
    """For MQTT; with an authority of devices their certificates say who they are."""


def said(environment: Mapping[str, str], host: str, jt808: int | None = None) -> Doors:
    """The doors that the environment asks for; raises `Wrong`. `jt808` comes before what it says."""

    def port(name: str, usual: int) -> int | None:
        text = environment.get(name, str(usual))
        if text == CLOSED:
            return None
        if not (text.isascii() and text.isdigit() and int(text) < 65536):
            raise Wrong(f"{name} is {text!r}; it must be a number from 0 to 65535, or {CLOSED}")
        return int(text)

    return Doors(
        host, port(*JT808) if jt808 is None else jt808, port(*AIS), port(*MQTT),
        _networks(environment.get("ANLAN_AIS_FROM", "127.0.0.0/8,::1")),
        _broker(environment.get("ANLAN_MQTT_BROKER", ""), environment.get("ANLAN_MQTT_BROKER_CA", "")),
        _tls(*(environment.get(name, "") for name in ("ANLAN_MQTT_CERT", "ANLAN_MQTT_KEY", "ANLAN_MQTT_DEVICE_CA"))),
    )  # fmt: skip


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise Wrong(f"ANLAN_AIS_FROM is {text!r}; it must be networks, separated by commas ({error})") from None


def _broker(text: str, ca: str) -> Address | None:
    if not text:
        return None
    try:
        url = urlsplit(text)
        port = url.port or {"mqtt": 1883, "mqtts": 8883}[url.scheme]
    except (KeyError, ValueError):
        url, port = urlsplit(""), 0
    if not url.hostname or (ca and url.scheme != "mqtts"):
        raise Wrong("ANLAN_MQTT_BROKER must be mqtt://user:password@host:port, or mqtts:// where there is TLS")
    return Address(
        url.hostname, port, unquote(url.username or ""), unquote(url.password or ""), url.scheme == "mqtts", ca
    )


def _tls(certificate: str, key: str, authority: str) -> ssl.SSLContext | None:
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key or None)
        if authority:
            context.load_verify_locations(authority)
            context.verify_mode = ssl.CERT_OPTIONAL
    except OSError as error:
        raise Wrong(f"ANLAN_MQTT_CERT, _KEY, _DEVICE_CA: {error.strerror or error}") from None
    return context
