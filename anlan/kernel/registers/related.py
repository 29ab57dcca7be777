"""Records that point at one record: how many of each kind, and the list that shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .declaration import Register, Text, all_registers
from .query import COUNTED, Count, pointing


@dataclass(frozen=True, slots=True)
class Related:
    """Records of one register that point at the record, by one of their fields (`by`, where it has several)."""

    title: Text
    icon: str
    by: Text
    count: Count
    url: str


def related(declared: type[Register], account: Any, row: Any) -> list[Related]:
    """Everything that points at `row` and that the account may see: one bounded count for each relation."""
    found = []
    for other in all_registers():
        fields = [f for f in pointing(other) if f.related_model is declared.model]
        if not fields or not other.policy.may(account, "see"):
            continue
        for field in fields:
            rows = other.policy.which(account, "see").filter(**{field.name: row.pk}).order_by()
            number = rows[: COUNTED + 1].count()
            by = field.verbose_name if len(fields) > 1 else ""
            count = Count(min(number, COUNTED), number <= COUNTED)
            url = f"/r/{other.name}/?view=all&{field.name}={row.pk}"
            found.append(Related(other.title, other.icon, by, count, url))
    return found
