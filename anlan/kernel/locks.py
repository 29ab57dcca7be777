"""Taking turns: what only one transaction does at a time, in whichever process it runs."""

from __future__ import annotations

from django.db import connections

_LOCK = {False: "pg_advisory_xact_lock", True: "pg_advisory_xact_lock_shared"}


def alone(what: str, number: int = 0, *, shared: bool = False, using: str = "default") -> None:
    """Waits until no other transaction is at `what` with this number, and keeps others waiting until this one ends.

    Those who say `shared` go on beside one another and wait for those alone who do not. Triggers take the same lock by
    `pg_advisory_xact_lock(hashtext('anlan.' || what), number)`.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {_LOCK[shared]}(hashtext(%s), %s)", [f"anlan.{what}", number % 2**31])
