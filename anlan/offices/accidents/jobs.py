"""What runs by itself: reports that are owed and were not made are found, every ten minutes."""

from __future__ import annotations

from anlan.kernel import clock
from anlan.kernel.jobs import job
from anlan.kernel.scope import EVERYWHERE

from . import faults, rules
from .models import Accident


@job("accidents.find_faults", schedule="*/10 * * * *", scope=EVERYWHERE)
def find_faults() -> int:
    """Opens cases for the reports that are overdue; returns how many. Only accidents whose limit is over are read."""
    late = Accident.objects.filter(state="reporting", due_at__lt=clock.now())
    late = late.exclude(clock__rule__in=rules.WINDOWS)
    return sum(len(faults.find(accident)) for accident in late.select_related("category", "enterprise").iterator(500))
