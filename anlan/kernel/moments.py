"""Moments that the database reads out of more than one place."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.expressions import Col


class MomentReadAs(models.DateTimeField):
    """A moment that is read as `sql` says, wherever it is asked for: in lists, filters, sheets, pages and figures.

    In `sql` {row} stands for the row. Its own column is written with a new row, and where a save names it.
    """

    def __init__(self, *args: Any, sql: str = "", **kwargs: Any) -> None:
        self.sql = sql
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs

    def get_col(self, alias: str, output_field: Any = None) -> Any:
        return _ReadAs(alias, self, output_field) if self.sql and alias else super().get_col(alias, output_field)


class _ReadAs(Col):
    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        field: Any = self.target
        return field.sql.format(row=compiler.quote_name_unless_alias(self.alias)), ()
