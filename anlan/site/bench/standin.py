"""A table that looks like the real one, row security too, in a schema of its own: for what needs millions of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections, models

from anlan.kernel import policies
from anlan.kernel.scope import EVERYWHERE, Actor, acting

SCHEMA = "bench"


@contextmanager
def standing_in(
    model: type[models.Model],
    values: Mapping[str, str],
    rows: str,
    arguments: Sequence[Any],
    indexes: Sequence[str] = (),
) -> Iterator[None]:
    """While it lasts the application reads, everywhere, a table of `rows` (SQL) in place of the model's own.

    `values` says by column what stands in it, as SQL over `rows`, whose `n` is the key; other columns are empty.
    """
    table, fields = model._meta.db_table, model._meta.concrete_fields
    try:
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            cursor.execute(f"CREATE SCHEMA {SCHEMA}")
            cursor.execute(f"CREATE UNLOGGED TABLE {SCHEMA}.{table} (LIKE public.{table} INCLUDING DEFAULTS)")
            cursor.execute(
                f"INSERT INTO {SCHEMA}.{table} ({', '.join(f.column for f in fields)}) "
                f"SELECT {', '.join(values.get(str(f.column)) or _empty(f) for f in fields)} FROM {rows}",
                list(arguments),
            )
            for index in indexes:
                cursor.execute(f"CREATE INDEX ON {SCHEMA}.{table} {index}")
            cursor.execute(f"VACUUM ANALYZE {SCHEMA}.{table}")
            cursor.execute(f"ALTER TABLE {SCHEMA}.{table} ENABLE ROW LEVEL SECURITY")
            cursor.execute(
                f"CREATE POLICY in_scope ON {SCHEMA}.{table} TO {policies.APP_ROLE} USING ({policies.condition(model)})"
            )
            cursor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {policies.APP_ROLE}")
            cursor.execute(f"GRANT SELECT ON {SCHEMA}.{table} TO {policies.APP_ROLE}")
        with acting(Actor("command", "anlan bench"), EVERYWHERE):
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL search_path = {SCHEMA}, public")
            yield
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute("SET lock_timeout = '30s'")  # whoever still reads it in a transaction around us is told
            cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            cursor.execute("RESET lock_timeout")


def _empty(field: models.Field[Any, Any]) -> str:
    if field.primary_key:
        return "n"
    if field.null:
        return "NULL"
    if isinstance(field, models.BooleanField):
        return "false"
    return "''" if isinstance(field, models.CharField | models.TextField) else "0"
