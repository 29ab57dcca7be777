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

_S = r"[\s()\[\]·.,，、_/\\—–―‐-]{0,3}"
"""What people write between the digits of one number."""
_NUMBERS = re.compile(
    rf"(?<!\d)(?:(?:00{_S})?86{_S})?1{_S}[3-9](?:{_S}\d){{9}}(?!\d)"  # mobile telephones
    rf"|(?<!\d)(?:1\d{{10}}|\d{{15}}|\d{{17}}[\dXx])(?!\d)"
    rf"|(?<!\d)[1-9]\d{{5}}{_S}(?:19|20)\d\d{_S}[01]\d{_S}[0-3]\d{_S}\d{{3}}{_S}[\dXx]"  # identity numbers, parted
    rf"|(?<!\d)(?:(?:00{_S})?86{_S})?0\d{{2,3}}{_S}\d{{3,4}}{_S}\d{{4}}(?!\d)"  # fixed lines
)
"""Telephone and identity numbers, however they are parted; looked for in what `_plain` gives."""
_CHINESE = str.maketrans("〇零○一二三四五六七八九壹贰叁肆伍陆柒捌玖幺", "0001234567891234567891")
"""The figures with which a number is read out."""


def _plain(text: str) -> str:
    """A text without what hides in it: signs that are not seen, other forms of the same sign, other scripts' digits."""
    shown = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Cf", "Mn"))
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in shown)


def _joined(text: str) -> str:
    """For names: without spaces, points and the like, in one case."""
    return "".join(c for c in _plain(text) if c.isalnum()).casefold()


def _names_someone(case: Danger, text: str) -> Any:
    """Why a text must not go out: it tells of a person; None where it does not."""
    plain = _plain(text)
    if _NUMBERS.search(plain) or _NUMBERS.search(plain.translate(_CHINESE)):
        return _("A telephone or identity number stands in the wording for the public.")
    names = {case.responsible, case.owner_name}
    if case.enterprise_id:
        names |= set(Person.objects.filter(enterprise_id=case.enterprise_id).values_list("name", flat=True))
    said = _joined(text)
    if any(len(name) > 1 and name in said for name in map(_joined, names)):
        return _("A person is named in the wording for the public.")
    return None


def can_propose(case: Danger) -> Any:
    if case.grade != "major":
        return _("Only major dangers are published.")
    if case.published_at:
        return _("It is published already.")
    return _("Publication has been proposed already.") if case.publication_asked_at else None


def without_persons(case: Danger, facts: Mapping[str, Any]) -> Any:
    """No personal data goes out: no telephone or identity number, nobody of the enterprise, not who is responsible."""
    why = _names_someone(case, facts["public_text"])
    return {"public_text": [why]} if why else None


def still_without_persons(case: Danger, facts: Mapping[str, Any]) -> Any:
    """The same at the approval: who is responsible may have been named since the wording was proposed."""
    return _names_someone(case, case.public_text)


def reason_without_persons(case: Danger, facts: Mapping[str, Any]) -> Any:
    """Why a publication is taken back is read by the public too."""
    why = _names_someone(case, facts["reason"])
    return {"reason": [why]} if why else None


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
