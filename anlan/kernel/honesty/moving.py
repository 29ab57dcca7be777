"""What is said to a find: the authority above asks and judges, the area concerned explains itself."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from .. import entered
from ..actors import signatures
from ..scope import area_prefix
from .models import JUDGED, Find, FindStep

SEERS = frozenset({"city", "district", "township"})
"""Who reads finds: authorities without an industry of their own, in whose area they lie."""
LONGEST = 1000
WAITING = ("open", "asked", "answered")


class Refused(ValueError):
    """It cannot be said so; the text says why, in the reader's language."""


def may_judge(find: Find, account: Any) -> bool:
    """Whether the account is of an authority above the area concerned, never of that area itself."""
    own = area_prefix(account.area_code)
    return (
        account.role in ("city", "district") and account.industries is None
        and find.about.startswith(own) and own != area_prefix(find.about)
    )  # fmt: skip


def may_answer(find: Find, account: Any) -> bool:
    """Whether the account is of the area concerned, and was asked."""
    own = area_prefix(account.area_code)
    return account.role in ("city", "district") and find.state == "asked" and own == area_prefix(find.about)


def ask(find: Find, account: Any, words: str) -> None:
    """Asks the area concerned to explain; from then on it sees the find."""
    _judging(find, account, WAITING)
    find.state, find.area_code = "asked", find.about
    _said(find, account, "ask", words)


def answer(find: Find, account: Any, words: str) -> None:
    """The area concerned explains itself."""
    if not may_answer(find, account):
        raise Refused(_("You were not asked to explain this."))
    find.state = "answered"
    _said(find, account, "answer", words)


def judge(find: Find, account: Any, outcome: str, words: str) -> None:
    """The authority above decides: explained, to be corrected, or handed to supervision; always with its reason."""
    if outcome not in dict(JUDGED):
        raise Refused(_("Say what you decide."))
    _judging(find, account, (*WAITING, "correct", "handed"))
    find.state = outcome
    _said(find, account, outcome, words)


def _judging(find: Find, account: Any, states: tuple[str, ...]) -> None:
    if not may_judge(find, account):
        raise Refused(_("A find is judged by the authority above, not by those whom it is about."))
    if find.state not in states:
        raise Refused(_("This find is settled."))


def _said(find: Find, account: Any, move: str, words: str) -> None:
    try:
        words = entered.words(words, LONGEST)
    except ValidationError as error:
        raise Refused(error.messages[0]) from error
    find.save()
    signed = signatures([account.pk]).get(account.pk, ("", account.name))[1] or account.name
    FindStep.objects.create(find=find, move=move, words=words, count=find.count, by_id=account.pk, by_name=signed[:60])
