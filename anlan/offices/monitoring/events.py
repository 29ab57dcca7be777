"""Who must know of a warning at once, and what its false alarms say of its rule."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from anlan.kernel import events, notices
from anlan.kernel.events import Heard
from anlan.kernel.notices import Holders
from anlan.kernel.scope import EVERYWHERE

from . import reviews
from .models import EarlyWarning, RuleReview

NEAR = frozenset({"enterprise", "township", "village"})
TOLD = {
    "blue": NEAR,
    "yellow": NEAR,
    "orange": NEAR | {"district", "duty"},
    "red": NEAR | {"district", "department", "city", "duty"},
}
"""Whom a warning calls when it comes; higher ones are told as it rises (`law/monitoring.yaml`)."""
WORDS = {
    "blue": _("Blue warning %(number)s: %(title)s"),
    "yellow": _("Yellow warning %(number)s: %(title)s"),
    "orange": _("Orange warning %(number)s: %(title)s"),
    "red": _("Red warning %(number)s: %(title)s"),
}
RAISED = {
    "blue": _("Risen to blue: %(number)s %(title)s"),
    "yellow": _("Risen to yellow: %(number)s %(title)s"),
    "orange": _("Risen to orange: %(number)s %(title)s"),
    "red": _("Risen to red: %(number)s %(title)s"),
}


def _call(event: Heard, words: dict[str, str]) -> None:
    case = event.record("case")
    assert isinstance(case, EarlyWarning)
    if case.head_id is not None or case.closed_at is not None:
        return  # what stands under another calls nobody
    to = Holders(TOLD[case.level], case.area_code, case.industry_id, case.enterprise_id)
    level = "critical" if case.level in ("red", "orange") else "attention"
    facts = {"number": case.number, **case.titles()}
    notices.send(to, words[case.level], facts, url=case.get_absolute_url(), level=level)


@events.hears("warning.opened", handler="monitoring.opened")
@events.hears("warning.apart", handler="monitoring.apart")
@events.hears("warning.reopen", handler="monitoring.reopened")
def opened(event: Heard) -> None:
    """One that stands by itself calls those who must look at it."""
    _call(event, WORDS)


@events.hears("warning.raised", handler="monitoring.raised")
def raised(event: Heard) -> None:
    """As graver it calls those who had not to be called before, and the others again."""
    _call(event, RAISED)


@events.hears("warning.dismiss", handler="monitoring.dismissed", scope=EVERYWHERE)
@events.hears("warning.dismiss_all", handler="monitoring.all_dismissed", scope=EVERYWHERE)
def dismissed(event: Heard) -> None:
    """One false alarm more may be one too many of its rule."""
    case = event.record("case")
    assert isinstance(case, EarlyWarning)
    reviews.propose(case.rule)


@events.hears("rule_review.opened", handler="monitoring.review_proposed")
def proposed(event: Heard) -> None:
    case = event.record("case")
    assert isinstance(case, RuleReview)
    reviews.tell(case)
