"""Jurisdiction: who acts, over what, enforced by the database.

A scope is a division-code prefix × a set of industries (or all) × one enterprise (for enterprise
users). `acting` opens a transaction and states actor and scope for that transaction only; the
row-level policies made from each model's `scope_rule` (see `kernel.policies`) read what was stated.
Nothing stated: every scoped table reads as empty, and nothing can be written to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from django.db import connection, transaction

from . import clock

ActorKind = Literal["person", "job", "import", "command", "event", "test"]

ANY = "*"
"""Stands in a `By` rule for "this dimension does not narrow the table"."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody may see and touch.

    `area` is a prefix of the 12-digit division code ("" is everywhere, "50" the city, "500112" a
    district); `industries` is None for all; `enterprise` is None for everybody but enterprise users.
    """

    area: str
    industries: frozenset[str] | None = None
    enterprise: int | None = None

    def __post_init__(self) -> None:
        if not (self.area.isascii() and (self.area == "" or self.area.isdigit()) and len(self.area) <= 12):
            raise ValueError(f"not a division-code prefix: {self.area!r}")
        if self.industries is not None and any("," in i or i == ANY or not i for i in self.industries):
            raise ValueError("an industry code is neither empty nor '*', and holds no comma")

    def covers(self, area: str, industry: str | None = ANY, enterprise: int | str | None = ANY) -> bool:
        """Whether a record at `area`, of `industry` and `enterprise`, lies in this scope.

        Pass ANY for a dimension that the record does not have and that does not narrow it.
        """
        return (
            area.startswith(self.area)
            and (self.industries is None or industry == ANY or industry in self.industries)
            and (self.enterprise is None or enterprise in (ANY, self.enterprise))
        )

    def within(self, other: Scope) -> bool:
        """Whether everything in this scope is in `other` too."""
        return (
            self.area.startswith(other.area)
            and (other.industries is None or (self.industries is not None and self.industries <= other.industries))
            and other.enterprise in (None, self.enterprise)
        )

    def settings(self) -> tuple[str, str, str, str, str]:
        """Lower bound, upper bound, industries and enterprise as the policies read them, and below what areas it is
        neither that bind: all of them or none."""
        return (
            self.area,
            upper_bound(self.area),
            ANY if self.industries is None else ",".join(sorted(self.industries)),
            ANY if self.enterprise is None else str(self.enterprise),
            upper_bound("") if self.industries is None and self.enterprise is None else "",
        )

    def __str__(self) -> str:
        industries = "" if self.industries is None else " " + ",".join(sorted(self.industries))
        enterprise = "" if self.enterprise is None else f" enterprise {self.enterprise}"
        return f"{self.area or 'everywhere'}{industries}{enterprise}"


EVERYWHERE = Scope("")


def upper_bound(prefix: str) -> str:
    """The least text (in byte order) above every text that begins with `prefix` of digits."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "~"


def area_prefix(code: str) -> str:
    """The prefix that a division's 12-digit code stands for: 500112000000 → 500112, 50…0 → 50."""
    for length in (2, 4, 6, 9, 12):
        if set(code[length:]) <= {"0"} and (length != 4):
            return code[:length]
    return code


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person, or a named job, import, command or event handler."""

    kind: ActorKind
    name: str
    account_id: int | None = None


_acting: ContextVar[tuple[Actor, Scope] | None] = ContextVar("acting", default=None)


def acting_now() -> tuple[Actor, Scope] | None:
    """The actor and scope in force here, or None."""
    return _acting.get()


@contextmanager
def acting(actor: Actor, scope: Scope, *, savepoint: bool = True) -> Iterator[None]:
    """One transaction in which `actor` acts within `scope`; nested use restores what was in force.

    Without a `savepoint` a nested use that fails fails the whole transaction: for where nothing is made good after it.
    """
    before = _acting.get()
    # Nothing is stated anew for who acts already, in the transaction that is open here.
    already = before == (actor, scope) and connection.in_atomic_block
    with transaction.atomic(savepoint=savepoint):
        if already:
            yield
            return
        with connection.cursor() as cursor:
            state(cursor, actor, scope)
        token = _acting.set((actor, scope))
        try:
            yield
        finally:
            _acting.reset(token)
    # Settings are the transaction's, not the savepoint's: an outer transaction still open must get
    # back what it had. One that failed takes its settings with it when it rolls back.
    if connection.in_atomic_block and not connection.needs_rollback:
        with connection.cursor() as cursor:
            state(cursor, *(before or (None, None)))


def become(actor: Actor, scope: Scope) -> None:
    """From here on until the innermost `acting` ends, `actor` acts within `scope`: whoever began has said who he is."""
    assert acting_now() is not None
    assert connection.in_atomic_block
    with connection.cursor() as cursor:
        state(cursor, actor, scope)
    _acting.set((actor, scope))


_SETTINGS = ("area_low", "area_high", "industries", "enterprise", "unbound", "account", "actor_kind", "actor", "now")


def state(cursor: Any, actor: Actor | None, scope: Scope | None) -> None:
    """States to the database who acts and within what, until the transaction of `cursor` ends; None: nobody."""
    if actor is None or scope is None:
        values: Iterable[tuple[str, str]] = [(f"anlan.{name}", "") for name in _SETTINGS]
    else:
        account = "" if actor.account_id is None else str(actor.account_id)
        stated = (*scope.settings(), account, actor.kind, actor.name, clock.now().isoformat())
        values = [(f"anlan.{name}", value) for name, value in zip(_SETTINGS, stated, strict=True)]
    flat = [part for pair in values for part in pair]
    sql = "SELECT " + ", ".join(["set_config(%s, %s, true)"] * (len(flat) // 2))
    cursor.execute(sql, flat)


# --- What a model declares -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class By:
    """Rows belong to an area, an industry and an enterprise, named by column.

    A dimension left out (None) closes the table to whoever is narrowed in that dimension: a table
    without an enterprise column is empty for enterprise users unless it says `enterprise=ANY`.
    `account` names a column whose holder always sees the row (one's own account, one's own notice).
    `published` names a true-or-false column: where it is true, everybody may read the row; writing it
    stays with those in whose scope it lies. `sent` names a relation to this table whose rows say who was sent it:
    who sees one of them may read the row, too. `inside` names a column and a value: rows that hold it are not for
    enterprises yet, whosever they are. `at` names a foreign key to a table that is open to all: the row is written only
    by those in whose area the record lies that it points to, so that nobody speaks for another's.
    """

    area: str = "area_code"
    industry: str | None = None
    enterprise: str | None = None
    account: str | None = None
    published: str | None = None
    sent: str | None = None
    inside: tuple[str, str] | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Through:
    """A row is visible if and only if the row that its foreign key `parent` points to is.

    `at` is as in `By`: nobody puts his people into another's place.
    """

    parent: str
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Mine:
    """A row belongs to one account (`account` is the column); jobs and handlers see all of them."""

    account: str


@dataclass(frozen=True, slots=True)
class Addressed:
    """A row belongs to one account and to those named with it, who alone may write it; others read what is addressed
    to them.

    `account` and `editors` (an array of keys) name columns. The others say whom it is addressed to: accounts whose area
    begins with the digits of `area` (NULL: nobody), of one of the `roles` (an array), and of the `authority` where one
    is given.
    """

    account: str
    editors: str
    area: str
    roles: str
    authority: str


@dataclass(frozen=True, slots=True)
class Open:
    """Everybody may read; `why` says why that is right. Writing is for code paths with their own check."""

    why: str


@dataclass(frozen=True, slots=True)
class Machinery:
    """For jobs, imports, commands and handlers only; a person's own request finds the table empty."""


@dataclass(frozen=True, slots=True)
class Shut:
    """The application's role may not touch the table at all; `why` says who needs it then."""

    why: str


ScopeRule = By | Through | Mine | Addressed | Open | Machinery | Shut
