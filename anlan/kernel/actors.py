"""Who acted, as people name each other: the audit keeps the name with which one signs in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from .scope import EVERYWHERE, Actor, acting

_READER = Actor("job", "names of actors")


class Telling(Protocol):
    """What is called by account, name and kind of actor, and answers with how that one is told."""

    def __call__(self, account: int | None, actor: str, kind: str = "person", /) -> str: ...


def named(accounts: Iterable[int | None]) -> Telling:
    """How those who acted under these accounts are told: the person and his authority or enterprise.

    What is returned takes an account's key, the name under which was acted, and the kind of actor: what no account
    stands for, a job or a command, is told as what it is. Two queries however many there are. Who changed a record that
    one may see is told wherever his account lies, as the history of a case does: a district reads which city office
    wrote.
    """
    known = signatures(accounts)
    machines = {
        "command": _("Command “%(name)s”"), "job": _("Background work “%(name)s”"),
        "event": _("Background work “%(name)s”"), "sql": _("Database user “%(name)s”"),
    }  # fmt: skip

    def tell(account: int | None, actor: str, kind: str = "person", /) -> str:
        if not account and kind in machines:
            return machines[kind] % {"name": actor}
        username, words = known.get(account or 0, ("", ""))
        # A client program acts as its account and says which one it is: "district · ledger".
        signed_in, dot, program = actor.partition(" · ")
        return words + dot + program if words and signed_in == username else actor

    return tell


def signatures(accounts: Iterable[int | None]) -> dict[int, tuple[str, str]]:
    """By the account's key, the name with which one signs in, and the person with his authority or enterprise."""
    keys = {key for key in accounts if key is not None}
    if not keys:
        return {}
    with acting(_READER, EVERYWHERE, savepoint=False):
        return dict(get_user_model().objects.signatures(keys))
