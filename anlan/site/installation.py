"""What a process must know of its installation before it serves: so far, where its clock stands."""

from __future__ import annotations

from anlan.kernel import clock


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
