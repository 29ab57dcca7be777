"""What the life cycles of this office have in common: who presses, who is pressed, what a move demands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.cases.lifecycle import Addressee, Clock, Evidence, Universal
from anlan.kernel.cases.universal import FARTHEST_DAYS
from anlan.kernel.files import ALLOWED
from anlan.kernel.models import pointed

from ..models import addressed_to

OFFICES = frozenset({"city", "district"})
"""Where a safety committee has its office: they press, circulate and call meetings."""
HOLDERS = frozenset({"department", "district", "township", "village", "enterprise"})
"""Who can be addressed."""
ADDRESSEE = Addressee(addressed_to, "addressee_role")
DELIVERED = ~Q(state="draft")
"""What is drafted is work of its letter's."""


def ahead(name: str) -> Any:
    """A gate: the day lies ahead, and not so far that it is a slip of the hand."""

    def gate(case: Any, facts: Mapping[str, Any]) -> Any:
        day = facts.get(name) or getattr(case, name)
        if day < clock.today():
            return {name: [_("The date lies in the past.")]}
        if day > clock.today() + timedelta(days=FARTHEST_DAYS):
            return {name: [_("The date lies more than ten years ahead: check the year.")]}
        return None

    return gate


def shown(name: str, title: Any, at_least: int = 1) -> Evidence:
    return Evidence(name, title, at_least=at_least, types=ALLOWED)


REVIEW = Clock(rule="supervision.review")
MORE_TIME = Universal(ask_extension=HOLDERS, decide_extension=OFFICES, list_=())


def issue(case: Any, facts: Mapping[str, Any], by: Any) -> None:
    """Delivers the case to its addressee."""
    case.issued_at = clock.now()
    case.deliver()


def papers(case: Any) -> list[tuple[Any, str]]:
    """The official paper by which the case was issued, for whoever may read it."""
    paper = pointed(case, "paper")
    return [(paper.number, paper.get_absolute_url())] if paper is not None else []
