"""Secrets of this installation: made at its first start, kept in `var/`, readable for its user only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

# Without the letters and digits that are mistaken for one another when read aloud or copied by hand.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def kept(path: Path, value: str) -> str:
    """The secret in `path`; where there is none yet, `value` becomes it. Two processes at once agree on one."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(half, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
        file.write(value)
    try:
        os.link(half, path)
    except FileExistsError:
        pass
    finally:
        half.unlink()
    return path.read_text().strip()


def demo_password() -> str:
    """The password of the eight demonstration users, the same for all of them."""
    from django.conf import settings

    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))
    return kept(settings.HOME / "demo-password", "-".join(groups))
