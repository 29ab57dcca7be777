"""What the scope matrix must know of an address, said beside it in `urls.py` (or beside the operation of the API).

An address without keys needs no word: it is asked as it stands. One with keys does, or the matrix fails:

    keyed("plan:adopt", of="plan.Plan", keys=lambda plan: {"key": plan.pk}, record="key")
    spelled("registers:list", values=lambda: [{"name": r.name} for r in all_registers()])
    public("sign-in", "where one signs in")

Names are URL names with their namespace, or operation ids of the API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models

Models = str | Callable[[], Iterable[type[models.Model]]]
Keys = Callable[[Any], Mapping[str, Any] | Iterable[Mapping[str, Any]]]
Spellings = Callable[[], Iterable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Keyed:
    """An address of a record. `record` is the parameter that names the record, the others are vocabulary."""

    of: Models
    keys: Keys
    record: str
    send: Mapping[str, Any] = field(default_factory=dict)
    """What a POST to it must carry to be looked at."""

    roles: frozenset[str] = frozenset()
    """Roles that see all of these records whatever their scope: the machinery's, shown to the city."""

    def kinds(self) -> list[type[models.Model]]:
        """The kinds of records that have such an address."""
        return [apps.get_model(self.of)] if isinstance(self.of, str) else list(self.of())

    def filled(self, row: models.Model) -> list[dict[str, Any]]:
        """The address's parameters for `row`, one mapping for each of its addresses."""
        found = self.keys(row)
        return [dict(found)] if isinstance(found, Mapping) else [dict(one) for one in found]


_keyed: dict[str, Keyed] = {}
_spelled: dict[str, Spellings] = {}
_public: dict[str, str] = {}


def keyed(
    *names: str, of: Models, keys: Keys, record: str, send: Mapping[str, Any] | None = None, roles: Iterable[str] = ()
) -> None:
    """Addresses by the key of a record: what is out of scope must answer like what does not exist."""
    for name in names:
        _keyed[name] = Keyed(of, keys, record, send or {}, frozenset(roles))


def spelled(*names: str, values: Spellings) -> None:
    """Addresses whose parameters are words of the product (a register's name), not keys of records."""
    for name in names:
        _spelled[name] = values


def public(name: str, why: str) -> None:
    """An address that answers strangers too."""
    _public[name] = why


def keyed_addresses() -> Mapping[str, Keyed]:
    """Every address by the key of a record."""
    return _keyed


def spelled_addresses() -> Mapping[str, Spellings]:
    """Every address with words for parameters."""
    return _spelled


def public_addresses() -> Mapping[str, str]:
    """Every address that answers strangers, and why."""
    return _public
