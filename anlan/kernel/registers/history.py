"""A record's changes from the audit, in words: who, when, which fields, from what to what."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, models
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from .. import actors, areas
from ..models import AreaCode
from .declaration import Register

LAST = 200


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one entry; `before` is empty in an insert, `after` in a removal."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Last:
    """The last change of a record: when by our clock, and who made it, as people say."""

    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the audit. `at` is what our clock said then, as on every page; `actor` who acted, as people say.

    `through` is what it was part of, an import say: in words, and where it is.
    """

    at: datetime
    actor: str
    kind: str
    words: str
    fields: tuple[FieldChange, ...]
    through: tuple[str, str] | None = None


Parts = Callable[[Sequence[str]], Mapping[str, tuple[str, str]]]
"""Given the numbers of transactions: what those that were part of something larger belonged to."""
parts: list[Parts] = []
"""What floors above know of transactions."""


def of(declared: type[Register], row: Any) -> list[Change]:
    """The last `LAST` changes of a record, newest first. The database gives entries in scope only."""
    words = {"insert": _("Recorded"), "update": _("Changed"), "delete": _("Removed")}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT xid::text, coalesce(on_clock, at), account_id, actor, actor_kind, op, changes::text "
            "FROM audit_entry WHERE table_name = %s AND row_id = %s ORDER BY id DESC LIMIT %s",
            [declared.model._meta.db_table, str(row.pk), LAST],
        )
        entries = cursor.fetchall()
    shown = {f.column: f for n in _names(declared) if (f := declared.field(n)) is not None}
    told = []
    by = actors.named(account for _xid, _at, account, *_rest in entries)
    larger: dict[str, tuple[str, str]] = {}
    for known in parts:
        larger |= known(list(dict.fromkeys(xid for xid, *_rest in entries)))
    for xid, at, account, actor, kind, op, changes in entries:
        pairs, changed = [], json.loads(changes)
        for column in shown:
            if column in changed:
                change = changed[column]
                before, after = change if op == "update" else ("", change) if op == "insert" else (change, "")
                pairs.append((shown[column], before, after))
        told.append((at, by(account, actor, kind), kind, words[op], larger.get(xid), pairs))
    texts = _words([(field, value) for *_entry, pairs in told for field, *both in pairs for value in both])
    return [
        Change(at, actor, kind, word, tuple(
            FieldChange(str(field.verbose_name), texts(field, before), texts(field, after))
            for field, before, after in pairs
        ), through)
        for at, actor, kind, word, through, pairs in told
    ]  # fmt: skip


def last(declared: type[Register], keys: Sequence[str], since: models.Model) -> dict[str, Last]:
    """By key the last change of each record, its removal too, as far as it lies in scope; one query, and the names.

    Only what came after `since`, another record, had been brought to the state "done".
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (row_id) row_id, coalesce(on_clock, at), account_id, actor, actor_kind "
            "FROM audit_entry WHERE table_name = %s AND row_id = ANY (%s) AND id > (SELECT min(id) FROM audit_entry "
            "WHERE table_name = %s AND row_id = %s AND changes -> 'state' ->> 1 = 'done') ORDER BY row_id, id DESC",
            [declared.model._meta.db_table, list(keys), since._meta.db_table, str(since.pk)],
        )
        entries = cursor.fetchall()
    by = actors.named(account for _key, _at, account, *_rest in entries)
    return {key: Last(at, by(*who)) for key, at, *who in entries}


def moment(at: datetime) -> str:
    """A time to the minute, in our time, as lists and histories show it."""
    return formats.date_format(timezone.localtime(at), "Y-m-d H:i")


def _names(declared: type[Register]) -> dict[str, None]:
    return dict.fromkeys([*declared.columns, *(n for _title, fields in declared.sections for n in fields)])


def _words(values: list[tuple[Any, Any]]) -> Callable[[Any, Any], str]:
    """How values of fields are told: divisions and other records by their names, one query for each kind."""
    given = [(f, v) for f, v in values if v not in (None, "")]
    places = areas.names(str(v) for f, v in given if isinstance(f, AreaCode))
    targets: dict[Any, set[Any]] = {}
    for field, value in given:
        if isinstance(field, models.ForeignKey):
            targets.setdefault(field.related_model, set()).add(value)
    names = {model: {str(k): str(row) for k, row in model._default_manager.in_bulk(keys).items()}
             for model, keys in targets.items()}  # fmt: skip

    def tell(field: Any, value: Any) -> str:
        if value is None or value == "":
            return ""
        if isinstance(value, bool):
            return _("Yes") if value else _("No")
        if isinstance(field, AreaCode):
            return places.get(str(value), str(value))
        if isinstance(field, models.ForeignKey):
            return names[field.related_model].get(str(value), _("a record that is gone or not within your area"))
        if isinstance(field, models.DateTimeField) and (at := parse_datetime(str(value))) is not None:
            return moment(at)
        return str(dict(field.flatchoices).get(value, value) if field.choices else value)

    return tell
