"""Writing checked rows: staged in a temporary table, then set-based, within the scope of whoever acts.

Row security refuses COPY into its tables and lets integrity errors speak of rows that nobody here may
see. So rows are matched by a join (which sees what the person sees) and added with ON CONFLICT DO
NOTHING; what then was not added is reported in words that do not tell why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from django.db import IntegrityError, ProgrammingError, connection, models, transaction

from .. import clock
from ..models import Kept
from ..registers.declaration import Register
from ..scope import Scope, acting_now
from .checking import Checked, check
from .models import Import, ImportedRow
from .problems import Problem, Unreadable
from .reading import BLANKS, ROW, Table, read
from .spec import RECORD, Column, Sheet, sheet_of

STAGE = "anlan_stage"
Pairs = list[tuple[Column, Any]]
"""Columns of the sheet, each with its field of the model."""
Tell = Callable[[int, int], None]


@dataclass
class Outcome:
    """What an import did, or would do: counts of rows, and everything that was wrong."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    problems: list[Problem] = field(default_factory=list)
    applied: bool = False
    record: Import | None = None
    table: Table | None = None


class CannotUndo(Exception):
    """The import cannot be undone: `touched` are the records that others have changed, or need, since."""

    def __init__(self, touched: list[str]) -> None:
        super().__init__(", ".join(touched[:20]))
        self.touched = touched


class _DryRun(Exception):
    """Rolls back what was tried."""


def import_file(
    declared: type[Register],
    data: bytes,
    *,
    name: str = "",
    dry_run: bool = False,
    good_only: bool = False,
    rights: frozenset[str] = frozenset({"add", "change"}),
    tell: Tell | None = None,
) -> Outcome:
    """Imports a file under the `acting` in force: everything, or nothing if any row is wrong.

    With `good_only` the rows that are right are kept and the others reported. `rights` are what whoever
    acts may do. `tell(done, of)` is called as it goes on. A file that cannot be read at all is an outcome
    with problems too. Nothing is kept in a dry run.
    """
    now = acting_now()
    if now is None:
        raise RuntimeError("an import states who acts, and in which scope")
    actor, scope = now
    sheet = sheet_of(declared)
    step = tell or (lambda done, of: None)
    try:
        table = read(sheet, data)
    except Unreadable as error:
        return Outcome(problems=list(error.problems))
    outcome = Outcome(rows=table.frame.height, table=table)
    step(0, outcome.rows)
    checked = check(sheet, table, scope)
    outcome.problems = checked.problems
    try:
        with transaction.atomic():
            _write(sheet, checked, outcome, rights, step)
            outcome.problems.sort(key=lambda p: (p.row, p.column, p.code))
            outcome.refused = len({p.row for p in outcome.problems})
            if dry_run or (outcome.problems and not good_only):
                raise _DryRun
            record = _record(declared, data, name, actor.name, actor.account_id, scope, outcome)
            _remember(sheet, record)
            outcome.record, outcome.applied = record, True
    except _DryRun:
        pass
    step(outcome.rows, outcome.rows)
    return outcome


def _record(
    declared: type[Register], data: bytes, name: str, actor: str, account: int | None, scope: Scope, outcome: Outcome
) -> Import:
    single = scope.industries is not None and len(scope.industries) == 1
    return Import.objects.create(
        register=declared.name, file_name=name[-200:], file_sha256=hashlib.sha256(data).hexdigest(),
        actor=actor, account_id=account, area_code=scope.area.ljust(12, "0"),
        industry_id=next(iter(scope.industries or ())) if single else None, enterprise_id=scope.enterprise,
        added=outcome.added, changed=outcome.changed, unchanged=outcome.unchanged, refused=outcome.refused,
        problems=[{"row": p.row, "column": p.column, "code": p.code} for p in outcome.problems[:10_000]],
    )  # fmt: skip


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _columns(sheet: Sheet, keys: Iterable[str]) -> Pairs:
    pairs = [(c, sheet.declared.field(c.key)) for c in sheet.columns if c.key in set(keys) and c.key != RECORD]
    return [(c, f) for c, f in pairs if f is not None]


def _write(sheet: Sheet, checked: Checked, outcome: Outcome, rights: frozenset[str], step: Tell) -> None:
    """Stages the good rows, matches them, changes and adds; problems found on the way join the outcome."""
    model: Any = sheet.declared.model
    table, pk = _q(model._meta.db_table), model._meta.pk
    columns = _columns(sheet, checked.keys)
    good = checked.good()
    if RECORD in checked.frame.columns and good[RECORD].null_count() < good.height and not columns:
        outcome.unchanged = good.height
        return
    with connection.cursor() as cursor:
        _stage(cursor, sheet, columns, good)
        step(outcome.rows // 4, outcome.rows)
        _match(cursor, sheet, columns, checked)
        _sort_out(cursor, sheet, columns, outcome, rights)
        derived = _derive(cursor, sheet, columns)
        step(outcome.rows // 2, outcome.rows)
        try:
            with transaction.atomic():
                outcome.changed = _update(cursor, model, table, pk, columns, derived)
                step(outcome.rows * 5 // 8, outcome.rows)
                outcome.added = _insert(cursor, model, table, pk, columns, derived)
        except (IntegrityError, ProgrammingError) as error:
            if isinstance(error, ProgrammingError) and getattr(error.__cause__, "sqlstate", "") != "42501":
                raise
            # A bound across rows, or row security: one answer that does not tell which.
            code = "IMP041" if isinstance(error, ProgrammingError) else "IMP042"
            cursor.execute(f"SELECT row_no FROM {STAGE} WHERE verdict IN ('add', 'change') ORDER BY row_no")
            outcome.problems += [Problem(row, "", code) for (row,) in cursor.fetchall()]
            outcome.added = outcome.changed = 0
            cursor.execute(f"UPDATE {STAGE} SET verdict = 'refused', target = NULL WHERE verdict IN ('add', 'change')")
        else:
            cursor.execute(f"SELECT row_no FROM {STAGE} WHERE verdict = 'add' AND target IS NULL ORDER BY row_no")
            outcome.problems += [Problem(row, "", "IMP042") for (row,) in cursor.fetchall()]
        cursor.execute(f"SELECT count(*) FROM {STAGE} WHERE verdict = 'same'")
        outcome.unchanged = cursor.fetchone()[0]


def _stage(cursor: Any, sheet: Sheet, columns: Pairs, good: pl.DataFrame) -> None:
    pk = sheet.declared.model._meta.pk
    kind = pk.rel_db_type(connection)
    defined = ", ".join(f"{_q(f.column)} {_type(f)}" for _c, f in columns)
    derived = _derived(sheet, columns)
    extra = "".join(f", {_q(f.column)} {_type(f)}" for f in derived)
    cursor.execute(f"DROP TABLE IF EXISTS {STAGE}")
    cursor.execute(
        f"CREATE TEMP TABLE {STAGE} (row_no bigint, record bigint, {defined}{extra}, target {kind}, "
        "verdict text NOT NULL DEFAULT 'add', before jsonb, after_version integer) ON COMMIT DROP"
    )
    record = pl.col(RECORD) if RECORD in good.columns else pl.lit(None, dtype=pl.Int64)
    chosen = [pl.col(ROW).alias("row_no"), record.alias("record")]
    for column, f in columns:
        value = pl.col(column.key)
        if not f.null and column.kind in ("text", "choice", "area") and f.blank:
            value = value.fill_null("")
        elif not f.null and f.has_default():
            default = f.get_default()
            value = value.fill_null(str(default) if column.kind == "decimal" else default)
        chosen.append(value.alias(f.column))
    # Dates and numbers are written as PostgreSQL reads them; texts are quoted, so that none looks like a null.
    body = good.select(chosen).write_csv(
        include_header=False, null_value="\\N", quote_style="non_numeric", datetime_format="%Y-%m-%d %H:%M:%S%.6f%:z"
    )
    names = ", ".join(["row_no", "record", *(_q(f.column) for _c, f in columns)])
    with cursor.copy(f"COPY {STAGE} ({names}) FROM STDIN (FORMAT csv, NULL '\\N')") as copy:
        copy.write(body.encode())
    cursor.execute(f"ANALYZE {STAGE}")


def _type(f: models.Field[Any, Any]) -> str:
    """The column's plain type; a collation must be the table's own, or the join could not use its index."""
    kind = f.rel_db_type(connection) or "text"
    collation = getattr(f, "db_collation", None) or getattr(getattr(f, "target_field", None), "db_collation", None)
    return f'{kind} COLLATE "{collation}"' if collation and "COLLATE" not in kind else kind


def _derived(sheet: Sheet, columns: Pairs) -> list[Any]:
    """Columns that the model's `prepare` fills from others, such as pinyin initials."""
    if not hasattr(sheet.declared.model, "prepare"):
        return []
    kept = {f.column for f in Kept._meta.fields} | {f.column for _c, f in columns}
    return [
        f
        for f in sheet.declared.model._meta.concrete_fields
        if not f.editable and not f.primary_key and f.column not in kept
    ]


def _match(cursor: Any, sheet: Sheet, columns: Pairs, checked: Checked) -> None:
    """Finds each row's record: by its number, else by the natural key; marks the same and the different."""
    model: Any = sheet.declared.model
    table, pk = _q(model._meta.db_table), _q(str(model._meta.pk.column))
    if RECORD in checked.keys:
        cursor.execute(f"UPDATE {STAGE} s SET target = t.{pk} FROM {table} t WHERE s.record = t.{pk}")
        cursor.execute(f"UPDATE {STAGE} SET verdict = 'IMP043' WHERE record IS NOT NULL AND target IS NULL")
    if sheet.natural_key and set(sheet.natural_key) <= set(checked.keys):
        keys = [f.column for c, f in columns if c.key in sheet.natural_key]
        same = " AND ".join(f"s.{_q(k)} = t.{_q(k)}" for k in keys)
        cursor.execute(f"UPDATE {STAGE} s SET target = t.{pk} FROM {table} t WHERE s.record IS NULL AND {same}")
        if not any(f.unique for c, f in columns if c.key in sheet.natural_key):
            # A name may be borne by several (an authority before and after a reform): the number must decide.
            cursor.execute(
                f"UPDATE {STAGE} s SET target = NULL, verdict = 'IMP047' WHERE s.record IS NULL "
                f"AND (SELECT count(*) FROM {table} t WHERE {same}) > 1"
            )
    compared = " AND ".join(f"{_normal('t', f)} IS NOT DISTINCT FROM {_normal('s', f)}" for _c, f in columns) or "true"
    cursor.execute(
        f"UPDATE {STAGE} s SET verdict = CASE WHEN {compared} THEN 'same' ELSE 'change' END, before = to_jsonb(t) "
        f"FROM {table} t WHERE s.target = t.{pk}"
    )


def _normal(alias: str, f: models.Field[Any, Any]) -> str:
    """A column as the sheet would show it: a text without blanks around it, with plain line ends."""
    name = f"{alias}.{_q(str(f.column))}"
    if isinstance(f, models.CharField | models.TextField) and not f.choices:
        blanks = "".join(f"\\{ord(c):04X}" for c in BLANKS)
        return f"btrim(replace({name}, E'\\r\\n', E'\\n'), U&'{blanks}')"
    return name


def _sort_out(
    cursor: Any,
    sheet: Sheet,
    columns: Pairs,
    outcome: Outcome,
    rights: frozenset[str],
) -> None:
    """Rows that cannot be matched, or that the person's role may not write, become problems."""
    if sheet.natural_key:
        keys = [f.column for c, f in columns if c.key in sheet.natural_key]
        empty = " AND ".join(f"coalesce({_q(k)}::text, '') = ''" for k in keys)
        if keys:
            cursor.execute(f"UPDATE {STAGE} SET verdict = 'IMP044' WHERE verdict = 'add' AND {empty}")
    if "add" not in rights or sheet.missing:
        cursor.execute(f"UPDATE {STAGE} SET verdict = 'IMP045' WHERE verdict = 'add'")
    if "change" not in rights:
        cursor.execute(f"UPDATE {STAGE} SET verdict = 'IMP046' WHERE verdict = 'change'")
    # Two rows may lead to one record, one by number and one by key.
    cursor.execute(
        f"SELECT row_no, first FROM (SELECT row_no, min(row_no) OVER (PARTITION BY target) AS first FROM {STAGE} "
        "WHERE target IS NOT NULL) x WHERE row_no <> first"
    )
    for row, first in cursor.fetchall():
        outcome.problems.append(Problem(row, "", "IMP040", {"other": first}))
    cursor.execute(
        f"UPDATE {STAGE} s SET verdict = 'refused' FROM "
        f"(SELECT row_no, min(row_no) OVER (PARTITION BY target) AS first FROM {STAGE} WHERE target IS NOT NULL) x "
        "WHERE x.row_no = s.row_no AND x.row_no <> x.first"
    )
    wanted = {c.key for c in sheet.columns if c.required}
    present = {c.key for c, _f in columns}
    cursor.execute(f"SELECT row_no, verdict FROM {STAGE} WHERE verdict LIKE 'IMP%' ORDER BY row_no")
    outcome.problems += [Problem(row, "", code) for row, code in cursor.fetchall()]
    if wanted - present:
        cursor.execute(f"SELECT row_no FROM {STAGE} WHERE verdict = 'add'")
        rows = [row for (row,) in cursor.fetchall()]
        outcome.problems += [Problem(row, key, "IMP012") for row in rows for key in sorted(wanted - present)]
        cursor.execute(f"UPDATE {STAGE} SET verdict = 'refused' WHERE verdict = 'add'")


def _derive(cursor: Any, sheet: Sheet, columns: Pairs) -> list[Any]:
    """Lets the model's own `prepare` fill what follows from other columns, for rows that will be written."""
    derived = _derived(sheet, columns)
    if not derived:
        return []
    model: Any = sheet.declared.model
    fields = [f for _c, f in columns]
    names = ", ".join(_q(f.column) for f in fields)
    cursor.execute(f"SELECT row_no, {names} FROM {STAGE} WHERE verdict IN ('add', 'change')")
    lines: list[tuple[Any, ...]] = []
    for row, *values in cursor.fetchall():
        one = model(**{f.attname: v for f, v in zip(fields, values, strict=True)})
        one.prepare()
        lines.append((row, *(getattr(one, f.attname) for f in derived)))
    if lines:
        made = ", ".join(f"{_q(f.column)} {_type(f)}" for f in derived)
        cursor.execute(f"CREATE TEMP TABLE {STAGE}_derived (row_no bigint, {made}) ON COMMIT DROP")
        with cursor.copy(f"COPY {STAGE}_derived FROM STDIN") as copy:
            for line in lines:
                copy.write_row(line)
        sets = ", ".join(f"{_q(f.column)} = d.{_q(f.column)}" for f in derived)
        cursor.execute(f"UPDATE {STAGE} s SET {sets} FROM {STAGE}_derived d WHERE d.row_no = s.row_no")
        cursor.execute(f"DROP TABLE {STAGE}_derived")
    return derived


def _update(cursor: Any, model: Any, table: str, pk: Any, columns: Any, derived: Any) -> int:
    fields = [*(f for _c, f in columns if not f.primary_key), *derived]
    sets = [f"{_q(f.column)} = s.{_q(f.column)}" for f in fields]
    params: list[Any] = []
    version = "NULL::integer"
    if issubclass(model, Kept):
        sets += ['"version" = t."version" + 1', '"updated_at" = %s']
        params.append(clock.now())
        version = 't."version"'
    cursor.execute(
        f"WITH done AS (UPDATE {table} t SET {', '.join(sets)} FROM {STAGE} s WHERE s.verdict = 'change' "
        f"AND t.{_q(pk.column)} = s.target RETURNING t.{_q(pk.column)} AS key, {version} AS version) "
        f"UPDATE {STAGE} s SET after_version = d.version FROM done d WHERE s.target = d.key",
        params,
    )
    return int(cursor.rowcount)


def _insert(cursor: Any, model: Any, table: str, pk: Any, columns: Any, derived: Any) -> int:
    fields = [*(f for _c, f in columns), *derived]
    given = {f.column for f in fields}
    defaults = [
        f for f in model._meta.concrete_fields
        if f.column not in given and not (f.primary_key and isinstance(f, models.AutoField | models.BigAutoField))
    ]  # fmt: skip
    values = [f.get_db_prep_save(f.get_default(), connection) for f in defaults]
    names = ", ".join(_q(f.column) for f in (*fields, *defaults))
    chosen = ", ".join([*(f"s.{_q(f.column)}" for f in fields), *(["%s"] * len(defaults))])
    if pk.column in given:
        cursor.execute(f"UPDATE {STAGE} SET target = {_q(pk.column)} WHERE verdict = 'add'")
    else:
        # Numbers are drawn first, so that each staged row knows its record.
        sequence = f"pg_get_serial_sequence('{table}', '{pk.column}')"
        cursor.execute(f"UPDATE {STAGE} SET target = nextval({sequence}) WHERE verdict = 'add'")
        names, chosen = f"{names}, {_q(pk.column)}", f"{chosen}, s.target"
    cursor.execute(
        f"WITH done AS (INSERT INTO {table} ({names}) SELECT {chosen} FROM {STAGE} s WHERE s.verdict = 'add' "
        f"ORDER BY s.row_no ON CONFLICT DO NOTHING RETURNING {_q(pk.column)} AS key) "
        f"UPDATE {STAGE} s SET after_version = 1 FROM done d WHERE s.verdict = 'add' AND s.target = d.key",
        values,
    )
    added = int(cursor.rowcount)
    cursor.execute(f"UPDATE {STAGE} SET target = NULL WHERE verdict = 'add' AND after_version IS NULL")
    return added


def _remember(sheet: Sheet, record: Import) -> None:
    kept = issubclass(sheet.declared.model, Kept)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_q(ImportedRow._meta.db_table)} (imported_id, record, version, before) "
            f"SELECT %s, target::text, {'after_version' if kept else 'NULL'}, "
            f"CASE WHEN verdict = 'change' THEN before END FROM {STAGE} "
            "WHERE verdict IN ('add', 'change') AND target IS NOT NULL",
            [record.pk],
        )


def undo(declared: type[Register], record: Import) -> int:
    """Takes a whole import back and returns how many rows. Raises `CannotUndo` if others touched any.

    Added rows are deleted, changed ones get back what they held. The rows' versions tell who was last.
    """
    model: Any = declared.model
    if record.state != "done" or not issubclass(model, Kept):
        raise CannotUndo([])
    table, pk, rows = _q(model._meta.db_table), _q(str(model._meta.pk.column)), _q(ImportedRow._meta.db_table)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM {table} WHERE {pk}::text IN (SELECT record FROM {rows} WHERE imported_id = %s) FOR UPDATE",
            [record.pk],
        )
        cursor.execute(
            f"SELECT r.record FROM {rows} r LEFT JOIN {table} t ON t.{pk}::text = r.record "
            "WHERE r.imported_id = %s AND t.version IS DISTINCT FROM r.version ORDER BY r.id",
            [record.pk],
        )
        touched = [key for (key,) in cursor.fetchall()]
        if touched:
            raise CannotUndo(touched)
        fixed = {"id", "version", "updated_at", model._meta.pk.column}
        sets = ", ".join(
            f"{_q(f.column)} = o.{_q(f.column)}" for f in model._meta.concrete_fields if f.column not in fixed
        )
        kind = model._meta.pk.rel_db_type(connection)
        cursor.execute(
            f"UPDATE {table} t SET {sets}, version = t.version + 1, updated_at = %s FROM {rows} r, "
            f"LATERAL jsonb_populate_record(NULL::{table}, r.before) o "
            f"WHERE r.imported_id = %s AND r.before IS NOT NULL AND t.{pk} = r.record::{kind}",
            [clock.now(), record.pk],
        )
        number = int(cursor.rowcount)
        added = f"SELECT record::{kind} FROM {rows} WHERE imported_id = %s AND before IS NULL"
        try:
            with transaction.atomic():
                cursor.execute(f"DELETE FROM {table} WHERE {pk} IN ({added})", [record.pk])
                number += int(cursor.rowcount)
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except IntegrityError:
            cursor.execute(added, [record.pk])
            raise CannotUndo([str(key) for (key,) in cursor.fetchall()]) from None
        record.state = "undone"
        record.save()
    return number
