"""Finding records of every register by the beginning of a name, code or pinyin initials (Ctrl-K)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .declaration import Register, Text, all_registers
from .query import matches
from .shown import shown


@dataclass(frozen=True, slots=True)
class Found:
    """One record found: where it is and under which register's title."""

    register: Text
    icon: str
    text: str
    url: str


def found(declared: type[Register], account: Any, text: str, most: int) -> list[Any]:
    """Up to `most` rows in the account's scope whose search fields begin with `text`."""
    text = text.replace("\0", "").strip()
    if not text or not declared.search:
        return []
    return list(declared.policy.which(account, "see").filter(matches(declared, text)).order_by()[:most])


def find(account: Any, text: str, most: int = 8) -> list[Found]:
    """What Ctrl-K shows: at most `most` of each register that the account may see; one query for each."""
    answers = []
    for declared in all_registers():
        rows = found(declared, account, text, most)
        shown.send(declared.model, records=rows, page="search")
        answers += [Found(declared.title, declared.icon, str(row), f"/r/{declared.name}/{row.pk}/") for row in rows]
    return answers
