"""Many rows in one statement: what `bulk_create` does, at a fraction of its work in Python.

The rows travel as one JSON text and become records in the database, under the same policies and triggers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

from anlan.kernel.models import given_fields

PIECE = 2000


def insert(rows: Sequence[models.Model]) -> None:
    """Inserts `rows` of one model, each with its key set beforehand so that others can refer to it."""
    if not rows:
        return
    meta = rows[0]._meta
    columns = [(f.attname, f.column) for f in given_fields(type(rows[0]))]
    names = ", ".join(f'"{column}"' for _attname, column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [meta.db_table, meta.pk.column, len(rows)],
        )
        for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = key
        for start in range(0, len(rows), PIECE):
            piece: list[dict[str, Any]] = [
                {column: getattr(row, attname) for attname, column in columns} for row in rows[start : start + PIECE]
            ]
            cursor.execute(
                f'INSERT INTO "{meta.db_table}" ({names}) '
                f'SELECT {names} FROM jsonb_populate_recordset(NULL::"{meta.db_table}", %s::jsonb)',
                [json.dumps(piece, cls=DjangoJSONEncoder, ensure_ascii=False)],
            )
