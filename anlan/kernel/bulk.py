"""Millions of rows poured into tables at once: for the demonstration city at scale, and for nothing that people did.

Rows come from Polars frames by COPY. While they pour in, the tables stand without their secondary indexes, foreign
keys and audit triggers, and row security does not hold their owner, for whom alone the transaction is; all of it is
made again before the transaction ends, so that a row which breaks a key undoes everything. What was poured in is noted
in the audit as one entry per table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
from django.db import connections, models, transaction
from django.utils.connection import ConnectionProxy

from . import clock
from .models import given_fields
from .scope import Actor, Scope, state

_PIECE = 100_000
"""Rows that stand as text in memory at a time."""
OWNER: Any = ConnectionProxy(connections, "owner")


@contextmanager
def pouring(actor: Actor, scope: Scope) -> Iterator[Any]:
    """A cursor of the owner's connection in one transaction that states actor and scope."""
    with transaction.atomic(using="owner"), OWNER.cursor() as cursor:
        state(cursor, actor, scope)
        cursor.execute(
            "SELECT set_config('maintenance_work_mem', '1GB', true), set_config('synchronous_commit', 'off', true)"
        )
        yield cursor


def quoted(model: type[models.Model]) -> str:
    """The model's table as SQL writes it."""
    return f'"{model._meta.db_table}"'


@contextmanager
def bare(cursor: Any, tables: Sequence[type[models.Model]]) -> Iterator[None]:
    """The tables without secondary indexes, foreign keys and audit triggers, until the block ends."""
    remade: list[str] = []
    # A foreign key is proved by joining the tables; with their policies in it, that takes minutes instead of seconds.
    pointed = [f.related_model for model in tables for f in model._meta.concrete_fields if f.many_to_one]
    forced = _forced(cursor, [*tables, *pointed])
    for table in forced:
        cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    before = {model: _count(cursor, model) for model in tables}
    for model in tables:
        table = quoted(model)
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass "
            "AND contype IN ('f', 'u') ORDER BY contype DESC",
            [table],
        )
        for name, definition in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
            remade.append(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        cursor.execute(
            "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i "
            "WHERE i.indrelid = %s::regclass AND NOT i.indisprimary",
            [table],
        )
        for name, definition in cursor.fetchall():
            cursor.execute(f"DROP INDEX {name}")
            remade.insert(0, definition)
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    for model in tables:
        # The planner must know how many there are now, for the proof of the keys too.
        cursor.execute(f"ANALYZE {quoted(model)}")
    for statement in remade:
        cursor.execute(statement)
    for model in tables:
        cursor.execute(f"ALTER TABLE {quoted(model)} ENABLE TRIGGER USER")
        _note(cursor, model, _count(cursor, model) - before[model])
    for table in forced:
        cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _forced(cursor: Any, models_: Sequence[Any]) -> list[str]:
    """Those of the tables in which row security holds even the owner."""
    tables = list(dict.fromkeys(quoted(model) for model in models_))
    cursor.execute(
        "SELECT t FROM unnest(%s::text[]) t JOIN pg_class c ON c.oid = t::regclass WHERE c.relforcerowsecurity",
        [tables],
    )
    return [table for (table,) in cursor.fetchall()]


def _count(cursor: Any, model: type[models.Model]) -> int:
    cursor.execute(f"SELECT count(*) FROM {quoted(model)}")
    return int(cursor.fetchone()[0])


def _note(cursor: Any, model: type[models.Model], rows: int) -> None:
    if getattr(model, "audited", True) and rows:
        cursor.execute(
            "INSERT INTO audit_entry (on_clock, table_name, row_id, op, actor_kind, actor, scope, changes) "
            "SELECT %s, %s, '*', 'insert', current_setting('anlan.actor_kind'), current_setting('anlan.actor'), '', %s",
            [clock.now(), model._meta.db_table, json.dumps({"rows": rows})],
        )


def next_key(cursor: Any, model: type[models.Model]) -> int:
    """The first key that no row has."""
    cursor.execute(f"SELECT coalesce(max({model._meta.pk.column}), 0) + 1 FROM {quoted(model)}")
    return int(cursor.fetchone()[0])


def pour(cursor: Any, model: type[models.Model], frame: pl.DataFrame) -> None:
    """Adds the frame's rows within `bare`; columns are named as in the table, others take their default."""
    given = set(frame.columns)
    constants = [
        pl.lit(str(default) if isinstance(f, models.DecimalField) else default).alias(str(f.column))
        for f in given_fields(model)
        if f.column not in given and not f.primary_key and (default := f.get_default()) is not None
    ]
    whole = frame.with_columns(constants)
    names = ", ".join(f'"{name}"' for name in whole.columns)
    with cursor.copy(f"COPY {quoted(model)} ({names}) FROM STDIN (FORMAT csv, NULL '\\N')") as copy:
        for piece in whole.iter_slices(_PIECE):
            body = piece.write_csv(
                include_header=False, null_value="\\N", quote_style="non_numeric",
                datetime_format="%Y-%m-%d %H:%M:%S%.6f%:z",
            )  # fmt: skip
            copy.write(body.encode())
    follow(cursor, model)


def follow(cursor: Any, model: type[models.Model]) -> None:
    """Lets the table's own keys go on after the highest one that was given."""
    cursor.execute(
        f"SELECT setval(pg_get_serial_sequence('{quoted(model)}', '{model._meta.pk.column}'), "
        f"(SELECT max({model._meta.pk.column}) FROM {quoted(model)}))"
    )
