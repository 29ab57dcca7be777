"""A Mosquitto in front of many devices: its settings, passwords and rights, made from the register of devices.

Each device signs in with its code and its own key, as at the gateway itself, and may write under its own topic alone.
The gateway signs in as `anlan-gateway` and reads them all (`ANLAN_MQTT_BROKER`). Made again after devices came or went;
Mosquitto reads the files again on SIGHUP.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

from django.conf import settings

from anlan.engines.telemetry.writing import keep
from anlan.kernel.scope import EVERYWHERE, acting

from .keys import GATEWAY, in_service, key_of

READER = "anlan-gateway"
_ITERATIONS = 101
"""Mosquitto's own: the keys are 128 random bits, which no number of rounds makes safer."""


def reader_key() -> str:
    """The password with which the gateway signs in."""
    return hmac.new(settings.SECRET_KEY.encode(), READER.encode(), hashlib.sha256).hexdigest()[:32]


def write(folder: Path, port: int = 1883) -> int:
    """Writes `mosquitto.conf`, `passwords` and `rights` into the folder; returns how many devices may sign in."""
    with acting(GATEWAY, EVERYWHERE):
        devices = list(in_service().filter(protocol="mqtt").order_by("code").values_list("code", "key_number"))
    lines = [_line(READER, reader_key()), *(_line(code, key_of(code, number)) for code, number in devices)]
    folder.mkdir(parents=True, exist_ok=True)
    keep(folder / "passwords", "".join(lines).encode())
    (folder / "passwords").chmod(0o640)
    rights = f"pattern write anlan/v1/%u/readings\n\nuser {READER}\ntopic read anlan/v1/+/readings\n"
    keep(folder / "rights", rights.encode())
    keep(folder / "mosquitto.conf", _conf(folder, port).encode())
    return len(devices)


def _conf(folder: Path, port: int) -> str:
    return f"""# Made by `anlan telemetry mosquitto`. For TLS: certfile, keyfile, and tls_version tlsv1.2 or later.
listener {port}
allow_anonymous false
password_file {folder / "passwords"}
acl_file {folder / "rights"}
# What the gateway has not answered outlives a restart; what a crash may take is what came in the last second.
persistence true
persistence_location {folder}/
autosave_interval 1
max_inflight_messages 0
max_queued_messages 1000000
"""


def _line(user: str, key: str) -> str:
    """A line of Mosquitto's password file: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", key.encode(), salt, _ITERATIONS)
    return f"{user}:$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"
