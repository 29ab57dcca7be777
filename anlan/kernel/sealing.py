"""Secrets at rest: what must be read again is encrypted, what must only be recognised is hashed, under a key that
is not in the database.

The key is `settings.SECRETS_KEYS`: texts of any length, the first seals, all open, so that a key can be
replaced without locking anybody out. Whoever has a copy of the database alone has no secret.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_FORM = "1."
_NONCE = 12


class CannotOpen(Exception):
    """The text was sealed with another key or for another purpose, was altered, or was never sealed."""


def _key(secret: str, use: str) -> bytes:
    return hmac.digest(secret.encode(), f"anlan {use}".encode(), "sha256")


def seal(secret: bytes, purpose: str) -> str:
    """`secret` encrypted (AES-256-GCM). Only the same `purpose` opens it: a row's secret is of no use in another."""
    nonce = os.urandom(_NONCE)
    sealed = AESGCM(_key(settings.SECRETS_KEYS[0], "seal")).encrypt(nonce, secret, purpose.encode())
    return _FORM + urlsafe_b64encode(nonce + sealed).decode().rstrip("=")


def unseal(text: str, purpose: str) -> bytes:
    """What `seal` was given. Raises `CannotOpen`."""
    if not text.startswith(_FORM):
        raise CannotOpen("not a sealed secret")
    body = text.removeprefix(_FORM)
    try:
        raw = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError as error:
        raise CannotOpen("not a sealed secret") from error
    for known in settings.SECRETS_KEYS:
        try:
            return AESGCM(_key(known, "seal")).decrypt(raw[:_NONCE], raw[_NONCE:], purpose.encode())
        except (InvalidTag, ValueError):
            continue
    raise CannotOpen("sealed with another key, or altered")


def marks(text: str, purpose: str, length: int = 16) -> list[str]:
    """What a secret is recognised by (HMAC-SHA256, base 32): under the present key first, then under older ones."""
    return [
        b32encode(hmac.digest(_key(known, "mark"), f"{purpose}:{text}".encode(), hashlib.sha256)).decode()[:length]
        for known in settings.SECRETS_KEYS
    ]
