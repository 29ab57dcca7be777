"""Finding records of every register by the beginning of a name, code or pinyin initials (Ctrl-K)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import cells
from .declaration import Register, Text, all_registers
from .query import matches
from .shown import shown


@dataclass(frozen=True, slots=True)
class Found:
    """One record found: under which register's title, what it is called, what tells it from its namesakes, where."""

    register: Text
    icon: str
    text: str
    note: str
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
        notes = told_apart(declared, rows)
        answers += [
            Found(declared.title, declared.icon, str(row), note, cells.url_of(row, account))
            for row, note in zip(rows, notes, strict=True)
        ]
    return answers


def told_apart(declared: type[Register], rows: list[Any]) -> list[str]:
    """Beside each row's name what tells it from its namesakes: its key and where it is. At most one query."""
    area = next((f.name for f in declared.model._meta.concrete_fields if f.name == "area_code"), None)
    names = cells.area_codes(declared, rows, [area] if area else [])
    notes = []
    for row in rows:
        called = str(row)
        keys = [str(getattr(row, n) or "") for n in declared.natural_key if isinstance(getattr(row, n), str)]
        parts = [k for k in keys if k not in called] + ([names.get(getattr(row, area), "")] if area else [])
        notes.append(" · ".join(part for part in parts if part))
    return notes
