"""A record's changes from the audit, in words: who, when, which fields, from what to what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from .declaration import Register

LAST = 200


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one entry; `before` is empty in an insert, `after` in a removal."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the audit. `at` is real time; `actor` the name under which was acted."""

    at: datetime
    actor: str
    kind: str
    words: str
    fields: tuple[FieldChange, ...]


def of(declared: type[Register], row: Any) -> list[Change]:
    """The last `LAST` changes of a record, newest first. The database gives entries in scope only."""
    words = {"insert": _("Recorded"), "update": _("Changed"), "delete": _("Removed")}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT at, actor, actor_kind, op, changes::text FROM audit_entry "
            "WHERE table_name = %s AND row_id = %s ORDER BY id DESC LIMIT %s",
            [declared.model._meta.db_table, str(row.pk), LAST],
        )
        entries = cursor.fetchall()
    shown = {f.column: f for n in _names(declared) if (f := declared.field(n)) is not None}
    found = []
    for at, actor, kind, op, changes in entries:
        fields = []
        for column, change in json.loads(changes).items():
            if column in shown:
                before, after = change if op == "update" else ("", change) if op == "insert" else (change, "")
                label = str(shown[column].verbose_name)
                fields.append(FieldChange(label, _text(shown[column], before), _text(shown[column], after)))
        found.append(Change(at, actor, kind, words[op], tuple(fields)))
    return found


def _names(declared: type[Register]) -> dict[str, None]:
    return dict.fromkeys([*declared.columns, *(n for _title, fields in declared.sections for n in fields)])


def _text(field: Any, value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return str(dict(field.flatchoices).get(value, value))
