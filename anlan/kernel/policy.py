"""One policy object answers both "may this person do this to that" and "to which".

Rights say which roles may do what with a kind of record; the scope, held by the database, says to which
rows. Both questions are answered from these two facts, so a list and a check cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from django.db import models

from .areas import within
from .policies import rule_of
from .scope import ANY, By, Scope, Through, acting_now

Verb = Literal["see", "add", "change", "remove", "import", "export"]
VERBS: tuple[Verb, ...] = ("see", "add", "change", "remove", "import", "export")
EVERY_ROLE = frozenset({"city", "department", "district", "township", "village", "inspector", "enterprise", "duty"})
OFFICIALS = EVERY_ROLE - {"enterprise"}


class Account(Protocol):
    """What the kernel needs to know of an account; `parties.Account` is one."""

    role: str
    is_authenticated: bool

    @property
    def scope(self) -> Scope: ...


@dataclass(frozen=True, slots=True)
class Rights:
    """Which roles may do what. `export` follows `see`, `import_` follows `add` and `change`, unless said."""

    see: Iterable[str] = EVERY_ROLE
    add: Iterable[str] = frozenset()
    change: Iterable[str] = frozenset()
    remove: Iterable[str] = frozenset()
    import_: Iterable[str] | None = None
    export: Iterable[str] | None = None
    _by_verb: dict[str, frozenset[str]] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        see, add, change = frozenset(self.see), frozenset(self.add), frozenset(self.change)
        by_verb = {
            "see": see,
            "add": add,
            "change": change,
            "remove": frozenset(self.remove),
            "import": add & change if self.import_ is None else frozenset(self.import_),
            "export": see if self.export is None else frozenset(self.export),
        }
        for verb, roles in by_verb.items():
            if roles - EVERY_ROLE:
                raise ValueError(f"rights to {verb} name unknown roles: {', '.join(sorted(roles - EVERY_ROLE))}")
            if roles - see:
                raise ValueError(f"rights to {verb} go to roles that may not see: {', '.join(sorted(roles - see))}")
        object.__setattr__(self, "_by_verb", by_verb)

    def roles(self, verb: Verb) -> frozenset[str]:
        """The roles that may do `verb`."""
        return self._by_verb[verb]


def own_industry(model: type[models.Model]) -> models.Q:
    """For whoever sees one industry: that the row is of it, as row security has it.

    Row security asks for that industry, or that the reader sees all, and no index serves an "or" along with an order.
    The planner then takes the rows to be fewer than they are, so it is said only where an index begins with it.
    """
    rule, now = rule_of(model), acting_now()
    narrow = isinstance(rule, By) and rule.industry not in (None, ANY) and not rule.account and not rule.published
    industries = now[1].industries if now and narrow else None
    return models.Q((rule.industry, *industries)) if industries and len(industries) == 1 else models.Q()  # type: ignore[union-attr]


@dataclass(frozen=True, slots=True)
class Policy:
    """The rights over one model."""

    model: type[models.Model]
    rights: Rights

    def may(self, account: Any, verb: Verb, obj: models.Model | None = None) -> bool:
        """Whether `account` may do `verb`, to `obj` if one is given (or to none in particular)."""
        if not account.is_authenticated or account.role not in self.rights.roles(verb):
            return False
        return obj is None or self._covers(account.scope, obj, verb)

    def which(self, account: Any, verb: Verb) -> models.QuerySet[Any]:
        """The rows to which `account` may do `verb`; the database narrows them to its scope."""
        rows = self.model._default_manager.all()
        return rows.filter(self._followed()) if self.may(account, verb) else rows.none()

    def _followed(self) -> models.Q:
        """Where the row lies that these follow: as row security has it, but so that a narrow scope is begun with it."""
        rule, now = rule_of(self.model), acting_now()
        if now is None or not isinstance(rule, Through):
            return models.Q()
        parent = self.model._meta.get_field(rule.parent).related_model
        assert isinstance(parent, type)
        theirs = rule_of(parent)
        if not isinstance(theirs, By) or theirs.account or theirs.published:
            return models.Q()
        return within(now[1].area, f"{rule.parent}__{theirs.area}")

    def _covers(self, scope: Scope, obj: models.Model, verb: Verb) -> bool:
        rule = rule_of(type(obj))
        if not isinstance(rule, By):
            # Read under the account's own scope, a row of a table that follows another row is in scope.
            return True
        if rule.published and verb in ("see", "export"):
            if getattr(obj, self._attname(rule.published)):
                return True
            if rule.sent and getattr(obj, rule.sent).exists():  # as row security has it
                return True

        def value(name: str | None) -> Any:
            return None if name is None else "*" if name == "*" else getattr(obj, self._attname(name))

        return scope.covers(getattr(obj, self._attname(rule.area)), value(rule.industry), value(rule.enterprise))

    def _attname(self, name: str) -> str:
        return next(f.attname for f in self.model._meta.concrete_fields if name in (f.name, f.attname, f.column))
