"""`anlan doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from django.db import DatabaseError

from .finding import Finding

__all__ = ["Finding", "examine"]


def examine(deep: bool = False) -> list[Finding]:
    """Looks at everything; never raises for what it finds.

    `deep` reads every evidence file and the whole audit chain; otherwise samples and the newest part.
    """
    from anlan.site.backup.access import owner
    from anlan.site.backup.common import Refused

    from . import database, keeping, place

    found = [finding for look in place.LOOKS for finding in _looked(look)]
    try:
        with owner().connect() as connection:
            connection.read_only = True
            for look in database.FIRST:
                found += _looked(look, connection, deep)
            # Without its tables and roles there is nothing more to look at.
            if all(f.well for f in found if f.subject in ("database", "migrations", "version", "Migrations")):
                for look in (*database.LOOKS, *keeping.LOOKS):
                    found += _looked(look, connection, deep)
    except Refused as error:
        start = "start it: make run, or `anlan database start` for the embedded one; see var/log/postgres"
        found.append(Finding("database", False, str(error), start))
    return found


def _looked(look: Callable[..., Iterator[Finding]], *given: Any) -> list[Finding]:
    """The findings of one look; that it could not be done is a finding too."""
    found: list[Finding] = []
    try:
        found.extend(look(*given))
    except (DatabaseError, psycopg.Error, OSError) as error:
        subject = (look.__doc__ or look.__name__).rstrip(".")
        found.append(Finding(subject, False, str(error).strip().splitlines()[0], "mend this first, then look again"))
    for connection in given[:1]:
        connection.rollback()
    return found
