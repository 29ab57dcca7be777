"""What runs by itself: the list of whom to inspect next is made anew every night."""

from __future__ import annotations

import secrets

from anlan.kernel import clock
from anlan.kernel.jobs import job
from anlan.kernel.scope import EVERYWHERE

from . import ranking


# Half past two at night in Beijing.
@job("enforcement.rank", schedule="30 18 * * *", scope=EVERYWHERE)
def rank() -> None:
    """Learns from all inspections on record and ranks every enterprise anew; the lot is not to be known beforehand."""
    ranking.rank(clock.today(), seed=secrets.randbelow(2**31))
