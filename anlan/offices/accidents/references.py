"""Records of other offices by kind and number: offices do not know each other, the kernel knows them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from anlan.kernel.cases.lifecycle import lifecycle
from anlan.kernel.registers.cells import url_of
from anlan.kernel.registers.declaration import register_named

from .models import KnownBefore


@dataclass(frozen=True, slots=True)
class Reference:
    """A record known before: its kind in words, number, title and address; `url` empty where it is out of scope."""

    kind: str
    number: str
    title: str
    url: str
    note: str


def find(kind: str, number: str) -> Any:
    """The record of that kind and number in the scope in force, or None."""
    return _rows(kind, [number]).get(number)


def _rows(kind: str, numbers: list[str]) -> dict[str, Any]:
    declared, register = lifecycle(kind), register_named(kind)
    if declared is not None:
        key, model = "number", declared.model
    elif register is not None and len(register.natural_key) == 1:
        key, model = register.natural_key[0], register.model  # type: ignore[assignment]
    else:
        return {}
    return {str(getattr(r, key)): r for r in model._default_manager.filter(**{f"{key}__in": numbers})}


def shown(links: Iterable[KnownBefore], account: Any) -> list[Reference]:
    """The links as a page shows them to `account`; one query for each kind."""
    by_kind: dict[str, list[KnownBefore]] = {}
    for one in links:
        by_kind.setdefault(one.ref_kind, []).append(one)
    found = []
    for kind, rows in by_kind.items():
        declared, register = lifecycle(kind), register_named(kind)
        singular = str(declared.singular if declared else register.singular if register else kind)
        records = _rows(kind, [r.ref_number for r in rows])
        for row in rows:
            record = records.get(row.ref_number)
            title = str(getattr(record, "title", record or ""))
            url = url_of(record, account) if record else ""
            found.append(Reference(singular, row.ref_number, title, url, row.note))
    return found
