"""Finding records of every register by the beginning of a name, code or pinyin initials, or a number (Ctrl-K)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import TextField, Value
from django.db.models.functions import Cast

from .. import areas
from . import cells
from .declaration import Register, Text, all_registers
from .query import begins_with_any, matches, sought
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
    """Up to `most` rows in the account's scope that `text` may mean."""
    text = text.replace("\0", "").strip()
    if not text or not declared.search:
        return []
    return list(declared.policy.which(account, "see").filter(matches(declared, text)).order_by()[:most])


AMONG = 50
"""Of so many that are found in a register the first few are chosen."""
_STANDS_IN = 0xE000
"""From here on signs stand for the texts asked for while the question is put into SQL: signs of no language, that
nobody types."""
Shape = tuple[tuple[type[Register], tuple[tuple[str, int], ...]], ...]
"""Which registers are asked, by which of their fields, and for the how manieth of the texts each."""


@lru_cache(maxsize=256)
def _question(shape: Shape, most: int) -> tuple[str, tuple[Any, ...]]:
    """The query for the keys of at most `most` rows of each register that begin with one of its texts.

    To put a question to all registers into SQL takes several times as long as to answer it, and a key that is pressed
    changes the texts alone. Row security cuts the answer to the scope in force.
    """
    parts = [
        declared.model._default_manager.filter(begins_with_any((name, chr(_STANDS_IN + n)) for name, n in fields))
        .order_by().values_list(Value(at), Cast("pk", TextField()))[:most]
        for at, (declared, fields) in enumerate(shape)
    ]  # fmt: skip
    sql, parameters = parts[0].union(*parts[1:], all=True).query.sql_with_params()
    return sql, tuple(parameters)


def _hits(account: Any, text: str, most: int) -> list[tuple[type[Register], list[Any]]]:
    """The registers in which something is meant by `text`, with the keys of up to `most` rows each: one query."""
    asked = tuple(d for d in all_registers() if d.search and d.policy.may(account, "see"))
    if not asked:
        return []
    texts: dict[str, int] = {}
    shape = tuple(
        (d, tuple((name, texts.setdefault(begun, len(texts))) for name, begun in sought(d, text))) for d in asked
    )
    sql, parameters = _question(shape, max(most, AMONG))
    put = {_STANDS_IN + n: begun for begun, n in texts.items()}
    keys: dict[int, list[Any]] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, [p.translate(put) if isinstance(p, str) else p for p in parameters])
        for at, key in cursor.fetchall():
            keys.setdefault(at, []).append(asked[at].model._meta.pk.to_python(key))
    # Where the newest come first in the list, so they do here, as far as one has looked.
    for at, own in keys.items():
        if asked[at].order.startswith("-"):
            own.sort(reverse=True)
    return [(asked[at], keys[at][:most]) for at in sorted(keys)]


def find(account: Any, text: str, most: int = 8) -> list[Found]:
    """What Ctrl-K shows: at most `most` of each register that the account may see.

    One query over all registers, one for each of those in which something was found, and one for the places.
    """
    text = text.replace("\0", "").strip()
    if not text:
        return []
    hits = []
    for declared, keys in _hits(account, text, most):
        known = declared.policy.which(account, "see").in_bulk(keys)
        hits.append((declared, [known[key] for key in keys if key in known]))
    places = areas.names(row.area_code for declared, rows in hits if _placed(declared) for row in rows)
    answers, link = [], cells.Links(account)
    for declared, rows in hits:
        shown.send(declared.model, records=rows, page="search")
        answers += [
            Found(declared.title, declared.icon, str(row), note, link(row))
            for row, note in zip(rows, told_apart(declared, rows, places), strict=True)
        ]
    return answers


def _placed(declared: type[Register]) -> bool:
    return any(f.name == "area_code" for f in declared.model._meta.concrete_fields)


def told_apart(declared: type[Register], rows: list[Any], places: dict[str, str] | None = None) -> list[str]:
    """Beside each row's name what tells it from its namesakes: its key and where it is. At most one query, or none
    where the names of the `places` are at hand."""
    placed = _placed(declared)
    if places is None:
        places = areas.names(row.area_code for row in rows) if placed else {}
    notes = []
    for row in rows:
        called = str(row)
        keys = [str(getattr(row, n) or "") for n in declared.natural_key if isinstance(getattr(row, n), str)]
        parts = [k for k in keys if k not in called] + ([places.get(row.area_code, "")] if placed else [])
        notes.append(" · ".join(part for part in parts if part))
    return notes
