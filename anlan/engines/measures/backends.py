"""Where measures are computed: PostgreSQL through the application's own connection, a snapshot in DuckDB, and the
same snapshot on a Spark cluster.

A back-end runs a statement and gives rows; the same expression is compiled for its dialect.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from .expressions import Statement
from .periods import BEIJING, Span

Rows = Sequence[tuple[Any, ...]]


class Backend(Protocol):
    """Runs statements of one dialect of Ibis."""

    @property
    def dialect(self) -> str: ...

    def rows(self, statement: Statement, spans: Sequence[Span], within: str) -> Rows:
        """The rows of the statement for these spans."""
        ...


@dataclass(frozen=True, slots=True)
class Postgres:
    """PostgreSQL. `run` executes on a connection of the caller's, so the caller's transaction, rights and scope hold.

    The session must run on UTC, as Django's does.
    """

    run: Callable[[str, list[Any]], Rows]
    dialect: str = "postgres"

    def rows(self, statement: Statement, spans: Sequence[Span], within: str) -> Rows:
        return self.run(statement.text("%s"), statement.arguments(spans, within))


class NoSnapshot(Exception):
    """There is no snapshot at that place, or it lacks a table that is asked for."""


@dataclass(frozen=True, slots=True)
class DuckDB:
    """A snapshot: one DuckDB file with the columns that measures read. It knows no scope: whole or not at all."""

    path: Path
    dialect: str = "duckdb"

    def rows(self, statement: Statement, spans: Sequence[Span], within: str) -> Rows:
        import duckdb

        # Moments stand in the file in UTC without a zone, so nothing rests on the session's.
        values = [v.replace(tzinfo=None) if isinstance(v, datetime) else v for v in statement.arguments(spans, within)]
        with self._open() as con:
            try:
                return con.execute(statement.text("?"), values).fetchall()
            except (duckdb.CatalogException, duckdb.BinderException) as error:
                raise NoSnapshot(f"{self.path}: {str(error).splitlines()[0]}") from error

    @property
    def taken_at(self) -> datetime:
        """The moment whose records it holds, in Beijing time. Raises `NoSnapshot`."""
        with self._open() as con:
            (at,) = con.execute("SELECT moment FROM taken").fetchall()[0]
        return at.replace(tzinfo=UTC).astimezone(BEIJING)

    def to_parquet(self, folder: Path) -> None:
        """Writes each table to `<folder>/<table>.parquet`. Raises `NoSnapshot`."""
        with self._open() as con:
            for (table,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                path = str(folder / f"{table}.parquet").replace("'", "''")
                con.execute(f"COPY \"{table}\" TO '{path}' (FORMAT parquet, COMPRESSION zstd)")

    @contextmanager
    def _open(self) -> Iterator[Any]:
        import duckdb

        try:
            con = duckdb.connect(str(self.path), read_only=True)
        except duckdb.IOException as error:
            raise NoSnapshot(f"{self.path}: no snapshot") from error
        try:
            yield con
        finally:
            con.close()


@dataclass(frozen=True, slots=True)
class Spark:
    """A snapshot as `DuckDB.to_parquet` writes it, in a folder that every worker of the cluster sees at this path.

    `session` is a session of Spark that runs on UTC. It knows no scope: whole or not at all.
    """

    session: Any
    folder: Path
    dialect: str = "pyspark"

    def rows(self, statement: Statement, spans: Sequence[Span], within: str) -> Rows:
        from pyspark.errors import AnalysisException

        for path in self.folder.glob("*.parquet"):
            self.session.read.parquet(str(path)).createOrReplaceTempView(path.stem)
        try:
            found = self.session.sql(statement.text("?"), args=statement.arguments(spans, within)).collect()
        except AnalysisException as error:
            raise NoSnapshot(f"{self.folder}: {str(error).splitlines()[0]}") from error
        return [tuple(row) for row in found]


def take_snapshot(
    path: Path, at: datetime, tables: Mapping[str, Mapping[str, str]], csv_of: Callable[[str], Iterable[bytes]]
) -> DuckDB:
    """Writes the snapshot of moment `at` to `path`, whole or not at all.

    `tables` gives for each table its columns' Ibis types; `csv_of(table)` its rows as CSV in that order, moments
    as ISO 8601 in UTC without zone, an empty unquoted field for null.
    """
    import duckdb

    # In a folder that nobody else may enter: others on this machine have no business in a whole city's records.
    with TemporaryDirectory(prefix="measures-", dir=path.parent) as folder:
        half, csv = Path(folder) / "half", Path(folder) / "rows.csv"
        with duckdb.connect(str(half)) as con:
            con.execute("CREATE TABLE taken (moment TIMESTAMP)")
            con.execute("INSERT INTO taken VALUES (?)", [at.astimezone(UTC).replace(tzinfo=None)])
            for table, columns in tables.items():
                with csv.open("wb") as out:
                    out.writelines(csv_of(table))
                listed = ", ".join(f"'{name}': '{_duck_type(kind)}'" for name, kind in columns.items())
                con.execute(
                    f'CREATE TABLE "{table}" AS SELECT * FROM read_csv(?, header=false, auto_detect=false, '
                    f"delim=',', quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false, columns={{{listed}}})",
                    [str(csv)],
                )
        half.chmod(0o600)
        os.replace(half, path)
    return DuckDB(path)


def _duck_type(kind: str) -> str:
    if kind.startswith("timestamp"):
        return "TIMESTAMP"
    if kind.startswith("decimal"):
        return kind.upper()
    return {
        "string": "VARCHAR", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "boolean": "BOOLEAN",
        "date": "DATE",
    }[kind]  # fmt: skip
