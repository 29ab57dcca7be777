"""Records that point at one record: how many of each kind, and the list that shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .declaration import Register, Text, all_registers
from .query import Count, counted, pointing


@dataclass(frozen=True, slots=True)
class Related:
    """Records of one register that point at the record, by one of their fields (`by`, where it has several)."""

    title: Text
    icon: str
    by: Text
    count: Count
    url: str


def related(declared: type[Register], account: Any, row: Any) -> list[Related]:
    """Everything that points at `row` and that the account may see: bounded counts, in one query."""
    found = []
    for other in all_registers():
        fields = [f for f in pointing(other) if f.related_model is declared.model]
        if fields and other.policy.may(account, "see"):
            found += [(other, field, field.verbose_name if len(fields) > 1 else "") for field in fields]
    counts = counted(*(o.policy.which(account, "see").filter(**{field.name: row.pk}) for o, field, _by in found))
    return [
        Related(other.title, other.icon, by, count, f"/r/{other.name}/?view=all&{field.name}={row.pk}")
        for (other, field, by), count in zip(found, counts, strict=True)
    ]
