"""Who acted, as people name each other: the audit keeps the name with which one signs in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.contrib.auth import get_user_model

from .scope import EVERYWHERE, Actor, acting

_READER = Actor("job", "names of actors")


def named(accounts: Iterable[int | None]) -> Callable[[int | None, str], str]:
    """How those who acted under these accounts are told: the person and his authority or enterprise.

    What is returned takes an account's key and the name under which was acted; what no account stands for, a job or
    a command, keeps that name. Two queries however many there are. Who changed a record that one may see is told
    wherever his account lies, as the history of a case does: a district reads which city office wrote.
    """
    keys = {key for key in accounts if key is not None}
    known: dict[int, tuple[str, str]] = {}
    if keys:
        with acting(_READER, EVERYWHERE, savepoint=False):
            known = get_user_model().objects.signatures(keys)

    def tell(account: int | None, actor: str) -> str:
        username, words = known.get(account or 0, ("", ""))
        # A client program acts as its account and says which one it is: "district · ledger".
        signed_in, dot, program = actor.partition(" · ")
        return words + dot + program if words and signed_in == username else actor

    return tell
