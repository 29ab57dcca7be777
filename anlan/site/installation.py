"""What a process must know of its installation before it serves, and how the database is brought to its version."""

from __future__ import annotations

import os

from anlan.kernel import clock

MIGRATE_LOCK = 4_171_908_117  # any number, the same for every process that migrates


def embedded() -> bool:
    """Whether the embedded PostgreSQL is used, not a server of one's own."""
    return not os.environ.get("ANLAN_DATABASE_URL")


def bring_up_to_date() -> None:
    """Brings the database to this version: tables, policies, grants, triggers. Several may ask at once."""
    from django.core.management import call_command
    from django.db import connections

    owner = connections["owner"]
    with owner.cursor() as cursor:  # one at a time, also when several machines start at once
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATE_LOCK])
    try:
        call_command("migrate", database="owner", verbosity=0, interactive=False)
    finally:
        owner.close()


def known_migrations() -> set[tuple[str, str]]:
    """Every migration, (app, name), that this Anlan may find noted in a database, those replaced by others included.

    A fresh database notes a migration and all that it replaces.
    """
    from django.db.migrations.loader import MigrationLoader

    ours = MigrationLoader(None).disk_migrations
    return {*ours, *(old for migration in ours.values() for old in migration.replaces)}


def set_clock() -> None:
    """Moves this process's clock by the installation's shift (zero in a real installation).

    Needs the database; raises `django.db.DatabaseError` where that does not answer or is not migrated.
    """
    from anlan.kernel.models import Installation
    from anlan.kernel.scope import EVERYWHERE, Actor, acting

    with acting(Actor("command", "start"), EVERYWHERE):
        installation = Installation.objects.first()
    if installation is not None and installation.clock_shift is not None:
        clock.set_shift(installation.clock_shift)
