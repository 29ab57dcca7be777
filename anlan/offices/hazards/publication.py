"""Publication 公示 of major dangers: proposed by one official, approved by another, followed to the end.

What the public sees is a copy of its own (`PublishedDanger`), never the case: nothing can slip out by a new column.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from anlan.kernel import areas, clock
from anlan.parties.models import Person

from .models import Danger, PublishedDanger

APPROVE = frozenset({"city", "district", "department"})
"""Who may let a major danger out to the public."""

_NUMBERS = re.compile(r"(?<!\d)(1\d{10}|\d{15}|\d{17}[\dXx]|0\d{2,3}[- ]?\d{7,8})(?!\d)")
"""Mobile telephones, identity numbers of either length, fixed lines."""


def can_propose(case: Danger) -> Any:
    if case.grade != "major":
        return _("Only major dangers are published.")
    if case.published_at:
        return _("It is published already.")
    return _("Publication has been proposed already.") if case.publication_asked_at else None


def without_persons(case: Danger, facts: Mapping[str, Any]) -> Any:
    """No personal data goes out: no telephone or identity number, nobody of the enterprise, not who is responsible."""
    text = unicodedata.normalize("NFKC", facts["public_text"])
    if _NUMBERS.search(text):
        return _("A telephone or identity number stands in the wording for the public.")
    names = {case.responsible, case.owner_name}
    if case.enterprise_id:
        names |= set(Person.objects.filter(enterprise_id=case.enterprise_id).values_list("name", flat=True))
    if any(len(name) > 1 and name in text for name in names):
        return _("A person is named in the wording for the public.")
    return None


def proposed(case: Danger) -> Any:
    return None if case.publication_asked_at and not case.published_at else _("Nobody has proposed its publication.")


def waiting(by: Any) -> Q:
    """Dangers whose publication was proposed and waits for an approval."""
    return Q(publication_asked_at__isnull=False, published_at__isnull=True)


def published(case: Danger) -> Any:
    return None if case.published_at else _("It is not published.")


def propose(case: Danger, facts: Mapping[str, Any], by: Any) -> None:
    case.publication_asked_at = clock.now()


def refuse(case: Danger, facts: Mapping[str, Any], by: Any) -> None:
    case.publication_asked_at = None


def publish(case: Danger, facts: Mapping[str, Any], by: Any) -> None:
    """Lets out the copy, in the transaction of the approval."""
    case.published_at = clock.now()
    district = case.area_code[:6].ljust(12, "0")
    # An account may bear a person's name, so the publishing body is named by its authority or its division.
    body = getattr(by, "authority", None) or areas.names([by.area_code])[by.area_code]
    row = PublishedDanger(
        number=case.number, area_code=case.area_code, place=areas.names([district])[district],
        industry_id=case.industry_id, enterprise_name=case.enterprise.name if case.enterprise else "",
        text=case.public_text, published_on=clock.today(), published_by=str(body)[:60],
    )  # fmt: skip
    copy_to(case, row)
    row.save()


def withdraw(case: Danger, facts: Mapping[str, Any], by: Any) -> None:
    """Takes the publication back; that it was there, and why it no longer is, stays to be read."""
    case.published_at = case.publication_asked_at = None
    _take_back(case, facts["reason"])


def follow(case: Danger) -> None:
    """Brings the public copy to where the case stands: treated, accepted and removed, dismissed, reopened."""
    row = PublishedDanger.objects.filter(number=case.number, withdrawn_on__isnull=True).first()
    if row is None:
        return
    if case.state in ("dismissed", "withdrawn"):
        _take_back(case, str(case.state_title))
        return
    copy_to(case, row)
    row.save()


def _take_back(case: Danger, why: str) -> None:
    for row in PublishedDanger.objects.filter(number=case.number, withdrawn_on__isnull=True):
        row.state, row.withdrawn_on, row.withdrawn_why = "withdrawn", clock.today(), why[:300]
        row.save()


def copy_to(case: Danger, row: PublishedDanger) -> None:
    """What of the public copy follows the case."""
    row.rectify_by = case.rectify_by
    row.stopped = case.stopped_at is not None and case.resumed_at is None
    row.listed_by = areas.names([case.listed_by_area])[case.listed_by_area] if case.listed_at else ""
    row.state = {"closed": "removed", "rectified": "accepting"}.get(case.state, "treating")
    closed = case.closed_at if case.state == "closed" else None
    row.removed_on = closed.astimezone(clock.BEIJING).date() if closed else None
