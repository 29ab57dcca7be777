"""What the plan office does by itself: targets looked at, progress demanded, exceptions closed; bulletins drafted."""

from __future__ import annotations

from anlan.kernel import clock
from anlan.kernel.jobs import job
from anlan.kernel.scope import EVERYWHERE

from .bulletins import jobs as bulletins  # noqa: F401
from .progress import closing, reports
from .targets.standing import in_force_in
from .watch import unproved, watching

LOOKED_MINUTES = 15


@job("plan.watch", schedule="40 17 * * *", scope=EVERYWHERE)
def watch() -> int:
    """Every night: who slipped, and which clauses lack the proof that is due."""
    return len(watching.look()) + unproved.look()


@job("plan.watch_news", schedule=f"*/{LOOKED_MINUTES} * * * *", scope=EVERYWHERE)
def watch_news() -> int:
    """Between the nights: looks again once a case that the targets count was opened or moved.

    News are looked for twice as far back as they must be.
    """
    plan = in_force_in(clock.today().year)
    return len(watching.look()) if plan and watching.news(plan, 2 * LOOKED_MINUTES) else 0


@job("plan.progress", schedule="10 16 * * *", scope=EVERYWHERE)
def demand_progress() -> int:
    """Just after midnight in Beijing: demands the reports of the periods that run, closes exceptions that are over."""
    closing.end_due()
    return reports.demand()
