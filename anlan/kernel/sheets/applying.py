"""Writing checked rows: staged in a temporary table, then set-based, within the scope of whoever acts.

Row security refuses COPY into its tables and lets integrity errors speak of rows that nobody here may
see. So rows are matched by a join (which sees what the person sees) and added with ON CONFLICT DO
NOTHING; what then was not added is reported in words that do not tell why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
from django.db import IntegrityError, ProgrammingError, connection, models, transaction

from .. import clock
from ..models import Kept, given_fields
from ..registers.declaration import Register
from ..scope import Actor, Scope, acting_now
from .checking import Checked, check
from .models import Import, ImportedRows
from .problems import WORDS, Problem, Unreadable
from .reading import BLANKS, ROW, Table, read
from .spec import RECORD, Column, Sheet, sheet_of

STAGE, JUDGED, WRITTEN = "anlan_stage", "anlan_judged", "anlan_written"
SLICE = 20_000
"""Rows written by one statement: what the audit holds in memory meanwhile, and how often progress is told."""
LISTED = 50_000
"""Errors kept with their words; further ones are counted."""
BITS = 62
"""Columns of which it is kept which cells are empty: as many as a number has bits for."""
Pairs = list[tuple[Column, Any]]
"""Columns of the sheet, each with its field of the model."""
Tell = Callable[[str, int, int], None]
"""Told the phase (read, check, compare, write), how much of it is done, and of how much."""


@dataclass
class Outcome:
    """What an import did, or would do: counts of rows, and what was wrong (`errors` in all, the first ones listed).

    `emptied`: by column, how many values that are kept are given up for an empty cell.
    """

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    errors: int = 0
    problems: list[Problem] = field(default_factory=list)
    emptied: dict[str, int] = field(default_factory=dict)
    applied: bool = False
    record: Import | None = None
    table: Table | None = None


class CannotUndo(Exception):
    """The import cannot be undone: `touched` are the records that others have `changed` since, or else need."""

    def __init__(self, touched: list[str], changed: bool = False) -> None:
        super().__init__(", ".join(touched[:20]))
        self.touched, self.changed = touched, changed


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
    record: Import | None = None,
) -> Outcome:
    """Imports a file under the `acting` in force: everything, or nothing if any row is wrong.

    With `good_only` the rows that are right are kept and the others reported. `rights` are what whoever
    acts may do. `tell` hears how far it is. A file that cannot be read at all is an outcome with problems
    too. Nothing is kept in a dry run. Without a `record` of the import one is made if anything was kept.
    """
    now = acting_now()
    if now is None:
        raise RuntimeError("an import states who acts, and in which scope")
    actor, scope = now
    sheet = sheet_of(declared)
    step = tell or (lambda phase, done, of: None)
    step("read", 0, 1)
    try:
        table = read(sheet, data)
    except Unreadable as error:
        return Outcome(problems=list(error.problems), errors=len(error.problems))
    outcome = Outcome(rows=table.frame.height, table=table)
    checked = check(sheet, table, scope, lambda done, of: step("check", done, of))
    outcome.problems = [*table.wrong, *checked.faults.listed]
    outcome.errors = len(table.wrong) + checked.faults.number
    try:
        with transaction.atomic():
            # Without a column that is needed no row can be written, even on trial.
            lame = any(p.code == "IMP012" for p in table.wrong)
            _recognise(sheet, checked.wrong(sheet, table, every=lame), checked.keys, outcome, rights)
            bad, written = (0, "") if lame else _write(sheet, checked, outcome, rights, step)
            outcome.refused = int(checked.faults.bad.sum()) + bad
            if table.wrong:
                outcome.refused, outcome.added, outcome.changed, outcome.unchanged = outcome.rows, 0, 0, 0
                outcome.emptied = {}
            kept = outcome.added + outcome.changed + outcome.unchanged
            if outcome.errors and not (good_only and kept):
                raise _DryRun
            if dry_run:
                raise _DryRun
            outcome.record = record or started(declared, name, actor, scope)
            outcome.record.file_sha256 = hashlib.sha256(data).hexdigest()
            if written:
                _remember(outcome.record, written)
            outcome.applied = True
            if record is None:
                concluded(outcome.record, outcome)
    except _DryRun:
        pass
    outcome.problems.sort(key=lambda p: (p.row, p.column, p.code))
    del outcome.problems[LISTED:]
    return outcome


def started(declared: type[Register], name: str, actor: Actor, scope: Scope, **values: Any) -> Import:
    """The record of an import by `actor` over `scope`, which decides who may see it."""
    single = scope.industries is not None and len(scope.industries) == 1
    return Import.objects.create(
        register=declared.name, file_name=name[-200:], actor=actor.name, account_id=actor.account_id,
        area_code=scope.area.ljust(12, "0"), industry_id=next(iter(scope.industries or ())) if single else None,
        enterprise_id=scope.enterprise, **values,
    )  # fmt: skip


def concluded(record: Import, outcome: Outcome) -> None:
    """Writes into the record what the import did."""
    for name in ("rows", "added", "changed", "unchanged", "refused", "errors", "emptied"):
        setattr(record, name, getattr(outcome, name))
    record.state = "done" if outcome.applied else "refused" if outcome.errors else "checked"
    record.save()


def with_values(outcome: Outcome) -> list[Problem]:
    """The problems, each with the text that stands in its cell."""
    if outcome.table is None:
        return outcome.problems
    frame, keys = outcome.table.frame, set(outcome.table.keys)
    wrong = frame.with_row_index("_at").filter(pl.col(ROW).is_in([p.row for p in outcome.problems]))
    at = dict(wrong.select(ROW, "_at").iter_rows())
    return [
        replace(p, value=frame[p.column][at[p.row]][:60]) if p.column in keys and p.row in at else p
        for p in outcome.problems
    ]


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _columns(sheet: Sheet, keys: Iterable[str]) -> Pairs:
    pairs = [(c, sheet.declared.field(c.key)) for c in sheet.columns if c.key in set(keys) and c.key != RECORD]
    return [(c, f) for c, f in pairs if f is not None]


def _write(sheet: Sheet, checked: Checked, outcome: Outcome, rights: frozenset[str], step: Tell) -> tuple[int, str]:
    """Stages the good rows, judges them, changes and adds.

    Returns how many more rows had to be refused, and the SQL of what was written (key, version, before).
    """
    columns = _columns(sheet, checked.keys)
    good = checked.good()
    if RECORD in checked.frame.columns and good[RECORD].null_count() < good.height and not columns:
        outcome.unchanged = good.height
        return 0, ""
    derived = [f for n in checked.derived if (f := sheet.declared.field(n)) is not None]
    with connection.cursor() as cursor:
        found, refused = _matched(cursor, sheet, columns, derived, good, outcome, rights, step)
        outcome.unchanged = found.get("same", 0)
        adding, changing = found.get("add", 0), found.get("change", 0)
        if changing:
            outcome.emptied = _emptied(cursor, columns)
        lacking = [c.key for c in sheet.columns if c.required and c.key not in checked.keys]
        if adding and lacking:
            cursor.execute(f"SELECT _row FROM {JUDGED} WHERE _verdict = 'add' ORDER BY _row LIMIT {LISTED}")
            rows = [row for (row,) in cursor.fetchall()]
            for key in lacking:
                _refuse(outcome, rows, "IMP012", adding, key)
            refused, adding = refused + adding, 0
        total = adding + changing
        told = (lambda done: step("write", done, total)) if total else (lambda done: None)
        code = ""
        for conflicts in ("", "ON CONFLICT DO NOTHING "):
            # To ask before each row whether its key is free takes a third longer, so it is asked only if one is not.
            try:
                with transaction.atomic():
                    cursor.execute(
                        f"CREATE TEMP TABLE {WRITTEN} (key text, version integer, before jsonb) ON COMMIT DROP"
                    )
                    outcome.added = outcome.changed = 0
                    written = f"SELECT key, version, before FROM {WRITTEN}"
                    if changing:
                        outcome.changed = _in_slices(cursor, *_updating(sheet, columns, derived), told, 0)
                    if adding:
                        adds, values = _inserting(sheet, columns, derived, conflicts)
                        outcome.added = _in_slices(cursor, adds, values, told, outcome.changed)
                        if not conflicts:  # then all of them were added, and need not be noted one by one
                            written += (
                                f" UNION ALL SELECT _target::text, {_first_version(sheet)}, NULL "
                                f"FROM {JUDGED} WHERE _verdict = 'add'"
                            )
                    # What the database checks at the end it checks here, where it can still be told.
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                    cursor.execute("SET CONSTRAINTS ALL DEFERRED")
                    code = ""
                    break
            except (IntegrityError, ProgrammingError) as error:
                code = "IMP042"
                if isinstance(error, ProgrammingError):
                    if getattr(error.__cause__, "sqlstate", "") != "42501":
                        raise
                    code = "IMP041"
                    break
        if code:
            # A bound across rows, or row security: one answer that does not tell which.
            outcome.added = outcome.changed = 0
            cursor.execute(
                f"SELECT _row FROM {JUDGED} WHERE _verdict IN ('add', 'change') ORDER BY _row LIMIT {LISTED}"
            )
            _refuse(outcome, [row for (row,) in cursor.fetchall()], code, total)
            return refused + total, ""
        missed = total - outcome.added - outcome.changed
        if missed:
            # Added by nobody who may be named here, or changed by somebody since this began.
            cursor.execute(
                f"SELECT _row, _verdict FROM {JUDGED} s WHERE _verdict IN ('add', 'change') AND NOT EXISTS "
                f"(SELECT FROM ({written}) w WHERE w.key = s._target::text) ORDER BY _row"
            )
            for row, verdict in cursor.fetchall():
                _refuse(outcome, [row], "IMP042" if verdict == "add" else "IMP048", 1)
        return refused + missed, written


def _recognise(
    sheet: Sheet, rows: pl.DataFrame, keys: tuple[str, ...], outcome: Outcome, rights: frozenset[str]
) -> None:
    """Says of rows that are not written, besides what is wrong in their cells, what is wrong with their records."""
    if rows.height:
        columns = _columns(sheet, set(sheet.natural_key) & set(keys))
        with connection.cursor() as cursor:
            _matched(cursor, sheet, columns, [], rows, outcome, rights, lambda phase, done, of: None)


def _matched(
    cursor: Any, sheet: Sheet, columns: Pairs, derived: list[Any], rows: pl.DataFrame, outcome: Outcome,
    rights: frozenset[str], step: Tell,
) -> tuple[dict[str, int], int]:  # fmt: skip
    """Holds rows against the records there are: how many are of each verdict, and how many had to be refused."""
    cursor.execute(f"DROP TABLE IF EXISTS {STAGE}, {JUDGED}, {WRITTEN}")
    # Each statement runs but a few times: compiling it costs more than it saves. What is staged is looked at by a
    # sample of some thousand rows: enough to tell whether its keys are many or few.
    cursor.execute("SET LOCAL jit = off; SET LOCAL default_statistics_target = 10")
    _stage(cursor, columns, derived, rows, step)
    _judge(cursor, sheet, columns, derived, rows, rights)
    step("compare", 2, 2)
    cursor.execute(f"SELECT _verdict, count(*) FROM {JUDGED} GROUP BY _verdict")
    found = dict(cursor.fetchall())
    refused = 0
    for code in found.keys() & WORDS.keys():
        cursor.execute(f"SELECT _row FROM {JUDGED} WHERE _verdict = %s ORDER BY _row LIMIT {LISTED}", [code])
        column, params = (sheet.natural_key[0], {"key": _Key(sheet)}) if code == "IMP044" else ("", None)
        _refuse(outcome, [row for (row,) in cursor.fetchall()], code, found[code], column, params)
        refused += found[code]
    return found, refused


def _emptied(cursor: Any, columns: Pairs) -> dict[str, int]:
    """By column, how many kept values an empty cell does away with, or sets to what is usual."""
    counted = [
        f"count(*) FILTER (WHERE _blank & {2**n} <> 0 AND coalesce(_before ->> '{f.column}', '') <> '' "
        f"AND to_jsonb({_q(f.column)}) IS DISTINCT FROM _before -> '{f.column}')"
        for n, (_c, f) in enumerate(columns[:BITS])
    ]
    cursor.execute(f"SELECT {', '.join(counted)} FROM {JUDGED} WHERE _verdict = 'change'")
    return {c.key: n for (c, _f), n in zip(columns, cursor.fetchone(), strict=False) if n}


class _Key:
    """The headings of the natural key in the reader's language, once that is known."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet

    def __str__(self) -> str:
        return "、".join(str(self.sheet.column(name).heading) for name in self.sheet.natural_key)


def _refuse(
    outcome: Outcome, rows: list[int], code: str, number: int, column: str = "", params: dict[str, Any] | None = None
) -> None:
    """Adds the errors of `rows`; there are `number` in all."""
    outcome.errors += number
    outcome.problems += [Problem(row, column, code, params or {}) for row in rows]


def _stage(cursor: Any, columns: Pairs, derived: list[Any], good: pl.DataFrame, step: Tell) -> None:
    """Copies the rows into a temporary table of the columns' own types."""
    fields = [*(f for _c, f in columns), *derived]
    defined = "".join(f", {_q(f.column)} {_type(f)}" for f in fields)
    cursor.execute(f"CREATE TEMP TABLE {STAGE} (_row bigint, _record bigint, _blank bigint{defined}) ON COMMIT DROP")
    record = pl.col(RECORD) if RECORD in good.columns else pl.lit(None, dtype=pl.Int64)
    blank = [pl.col(c.key).is_null().cast(pl.Int64) * 2**n for n, (c, _f) in enumerate(columns[:BITS])]
    chosen = [pl.col(ROW).alias("_row"), record.alias("_record"), pl.sum_horizontal(0, *blank).alias("_blank")]
    for key, f in [*((c.key, f) for c, f in columns), *((f.name, f) for f in derived)]:
        value = pl.col(key)
        if not f.null and f.blank and isinstance(f, models.CharField | models.TextField):
            value = value.fill_null("")
        elif not f.null and f.has_default():
            default = f.get_default()
            value = value.fill_null(str(default) if isinstance(f, models.DecimalField) else default)
        chosen.append(value.alias(f.column))
    names = ", ".join(["_row", "_record", "_blank", *(_q(f.column) for f in fields)])
    with cursor.copy(f"COPY {STAGE} ({names}) FROM STDIN (FORMAT csv, NULL '\\N')") as copy:
        for piece in good.select(chosen).iter_slices(SLICE):
            # Dates and numbers as PostgreSQL reads them; texts quoted, so that none looks like a null.
            body = piece.write_csv(
                include_header=False, null_value="\\N", quote_style="non_numeric",
                datetime_format="%Y-%m-%d %H:%M:%S%.6f%:z",
            )  # fmt: skip
            copy.write(body.encode())
    step("compare", 1, 2)


def _type(f: models.Field[Any, Any]) -> str:
    """The column's plain type; a collation must be the table's own, or the join could not use its index."""
    kind = f.rel_db_type(connection) or "text"
    collation = getattr(f, "db_collation", None) or getattr(getattr(f, "target_field", None), "db_collation", None)
    return f'{kind} COLLATE "{collation}"' if collation and "COLLATE" not in kind else kind


def _judge(
    cursor: Any, sheet: Sheet, columns: Pairs, derived: list[Any], good: pl.DataFrame, rights: frozenset[str]
) -> None:
    """Finds each row's record, by its number or else by the natural key, and says in one pass what is to be done.

    The verdict is add, change, same or the code of an error; `target` the record's key, `before` what it held.
    """
    model: Any = sheet.declared.model
    table, pk = _q(model._meta.db_table), model._meta.pk
    key = f"t.{_q(pk.column)}"
    fields = {f.column for _c, f in columns}
    if pk.column in fields:
        new = f"j.{_q(pk.column)}"
    else:
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [table, pk.column])
        new = f"nextval('{cursor.fetchone()[0]}'::regclass)"
    by = [_q(f.column) for c, f in columns if c.key in sheet.natural_key]
    known = sheet.natural_key and len(by) == len(sheet.natural_key)
    same = " AND ".join(f"{_normal('t', f)} IS NOT DISTINCT FROM {_normal('s', f)}" for _c, f in columns) or "true"
    empty = " AND ".join(f"coalesce(s.{k}::text, '') = ''" for k in by)
    verdict = (
        f"CASE WHEN {key} IS NOT NULL THEN CASE WHEN {same} THEN 'same' "
        f"ELSE '{'change' if 'change' in rights else 'IMP046'}' END WHEN s._record IS NOT NULL THEN 'IMP043' "
        + (f"WHEN {empty} THEN 'IMP044' " if empty else "")
        + f"ELSE '{'add' if 'add' in rights and not sheet.missing else 'IMP045'}' END"
    )
    numbered = good.height - good[RECORD].null_count() if RECORD in good.columns else 0
    joins = []
    if numbered:
        joins.append((f"s._record = {key}", "s._record IS NOT NULL"))
    if numbered < good.height or not numbered:
        joins.append((_joined(sheet, columns) if known else "false", "s._record IS NULL"))
    judged = " UNION ALL ".join(
        f"SELECT s.*, {key} AS _found, {verdict} AS _verdict, CASE WHEN NOT ({same}) THEN to_jsonb(t) END AS _before "
        f"FROM {STAGE} s LEFT JOIN {table} t ON {on} WHERE {which}"
        for on, which in joins
    )
    watched = ", ".join(["_row", "_record", *(by if known else ())])
    cursor.execute(f"ANALYZE {STAGE} ({watched})")
    cursor.execute(
        f"CREATE TEMP TABLE {JUDGED} ON COMMIT DROP AS SELECT j.*, "
        f"CASE WHEN _verdict = 'add' THEN {new} ELSE _found END AS _target FROM "
        f"({judged}) j"
    )
    if cursor.rowcount > good.height:
        # A name may be borne by several (an authority before and after a reform): the number must decide.
        cursor.execute(
            f"WITH several AS (SELECT _row, min(ctid) AS kept FROM {JUDGED} GROUP BY _row HAVING count(*) > 1), "
            f"gone AS (DELETE FROM {JUDGED} j USING several m WHERE j._row = m._row AND j.ctid <> m.kept) "
            f"UPDATE {JUDGED} j SET _verdict = 'IMP047', _target = NULL FROM several m WHERE j.ctid = m.kept"
        )


def _normal(alias: str, f: models.Field[Any, Any]) -> str:
    """A column as the sheet would show it: a text without blanks around it, with plain line ends."""
    name = f"{alias}.{_q(str(f.column))}"
    if isinstance(f, models.CharField | models.TextField) and not f.choices:
        blanks = "".join(f"\\{ord(c):04X}" for c in BLANKS)
        return f"btrim(replace({name}, E'\\r\\n', E'\\n'), U&'{blanks}')"
    return name


def _joined(sheet: Sheet, columns: Pairs) -> str:
    """Which record a row's natural key names. An empty part is one like another where the database has it so."""
    key = {f.name: f for c, f in columns if c.key in sheet.natural_key}
    empty = any(
        isinstance(one, models.UniqueConstraint) and one.nulls_distinct is False and set(one.fields) == set(key)
        for one in sheet.declared.model._meta.constraints
    )
    return " AND ".join(
        f"s.{_q(f.column)} {'IS NOT DISTINCT FROM' if f.null and empty else '='} t.{_q(f.column)}" for f in key.values()
    )


def _updating(sheet: Sheet, columns: Pairs, derived: list[Any]) -> tuple[str, list[Any]]:
    """The statement that changes the rows of one slice, and its parameters."""
    model: Any = sheet.declared.model
    table, key = _q(model._meta.db_table), _q(model._meta.pk.column)
    fields = [*(f for _c, f in columns if not f.primary_key), *derived]
    sets = [f"{_q(f.column)} = s.{_q(f.column)}" for f in fields]
    kept, unseen = issubclass(model, Kept), ""
    if kept:
        # Whoever changed the record since it was compared is not overwritten.
        unseen = "AND t.version = (s._before ->> 'version')::integer "
        sets += ['"version" = t."version" + 1', '"updated_at" = %s']
    version = "t.version" if kept else "NULL::integer"
    return _noted(
        f"UPDATE {table} t SET {', '.join(sets)} FROM {JUDGED} s WHERE s._verdict = 'change' AND {{slice}} "
        f"AND t.{key} = s._target {unseen}RETURNING t.{key}::text, {version}, s._before"
    ), [clock.now()] if kept else []


def _inserting(sheet: Sheet, columns: Pairs, derived: list[Any], conflicts: str) -> tuple[str, list[Any]]:
    """The statement that adds the rows of one slice, and its parameters; `conflicts` says what of keys in use."""
    model: Any = sheet.declared.model
    table, pk = _q(model._meta.db_table), model._meta.pk
    fields = [*(f for _c, f in columns if not f.primary_key), *derived]
    given = {f.column for f in fields} | {pk.column}
    defaults = [f for f in given_fields(model) if f.column not in given]
    names = ", ".join(_q(f.column) for f in (pk, *fields, *defaults))
    chosen = ", ".join(["s._target", *(f"s.{_q(f.column)}" for f in fields), *(["%s"] * len(defaults))])
    statement = f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {JUDGED} s WHERE s._verdict = 'add' AND {{slice}}"
    if conflicts:
        statement = _noted(
            f"{statement} {conflicts} RETURNING {_q(pk.column)}::text, {_first_version(sheet)}, NULL::jsonb"
        )
    return statement, [f.get_db_prep_save(f.get_default(), connection) for f in defaults]


def _first_version(sheet: Sheet) -> str:
    """The version of a record that was just added, as SQL."""
    return "1" if issubclass(sheet.declared.model, Kept) else "NULL::integer"


def _noted(statement: str) -> str:
    """The statement, with what it returns (key, version, before) kept in `WRITTEN`."""
    return f"WITH done (key, version, before) AS ({statement}) INSERT INTO {WRITTEN} SELECT * FROM done"


def _in_slices(cursor: Any, statement: str, values: list[Any], told: Callable[[int], None], before: int) -> int:
    """Runs `statement` over the judged rows, some pages of the table at a time; returns how many it wrote."""
    cursor.execute(
        f"SELECT pg_relation_size('{JUDGED}') / current_setting('block_size')::bigint, count(*) FROM {JUDGED}"
    )
    pages, rows = cursor.fetchone()
    each = max(1, pages * SLICE // max(rows, 1))
    written = 0
    for first in range(0, pages, each):
        piece = f"s.ctid >= '({first},0)'::tid AND s.ctid < '({first + each},0)'::tid"
        cursor.execute(statement.replace("{slice}", piece), values)
        written += int(cursor.rowcount)
        told(before + written)
    return written


def _remember(record: Import, written: str) -> None:
    """Keeps what is needed to undo the import, a thousand records to a row."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_q(ImportedRows._meta.db_table)} (imported_id, records, versions, befores) "
            "SELECT %s, array_agg(key), array_agg(version), array_agg(before) FROM "
            f"(SELECT *, row_number() OVER () / 1000 AS part FROM ({written}) w) x GROUP BY part",
            [record.pk],
        )


def undo(declared: type[Register], record: Import, tell: Tell | None = None) -> int:
    """Takes a whole import back and returns how many rows. Raises `CannotUndo` if others touched any.

    Added rows are deleted, changed ones get back what they held. The rows' versions tell who was last.
    """
    model: Any = declared.model
    if record.state not in ("done", "undoing") or not issubclass(model, Kept):
        raise CannotUndo([])
    table, pk = _q(model._meta.db_table), _q(str(model._meta.pk.column))
    kind, step = model._meta.pk.rel_db_type(connection), tell or (lambda phase, done, of: None)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {WRITTEN}")
        cursor.execute(
            f"CREATE TEMP TABLE {WRITTEN} ON COMMIT DROP AS SELECT r.id, u.key::{kind} AS key, u.version, u.before "
            f"FROM {_q(ImportedRows._meta.db_table)} r, unnest(r.records, r.versions, r.befores) "
            "AS u(key, version, before) WHERE r.imported_id = %s",
            [record.pk],
        )
        cursor.execute(f"ANALYZE {WRITTEN}")
        cursor.execute(f"SELECT count(*) FROM {WRITTEN}")
        total = cursor.fetchone()[0]
        step("undo", 0, total)
        cursor.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {table} t JOIN {WRITTEN} w ON t.{pk} = w.key FOR UPDATE OF t) x"
        )
        cursor.execute(
            f"SELECT w.key::text FROM {WRITTEN} w LEFT JOIN {table} t ON t.{pk} = w.key "
            f"WHERE t.version IS DISTINCT FROM w.version ORDER BY w.id LIMIT {LISTED}"
        )
        touched = [key for (key,) in cursor.fetchall()]
        if touched:
            raise CannotUndo(touched, changed=True)
        _completed(cursor, model)
        fixed = {"id", "version", "updated_at", model._meta.pk.column}
        columns = [_q(str(f.column)) for f in given_fields(model) if f.column not in fixed]
        sets = ", ".join(f"{column} = o.{column}" for column in columns)
        cursor.execute(
            f"UPDATE {table} t SET {sets}, version = t.version + 1, updated_at = %s FROM {WRITTEN} w "
            f"JOIN {table} n ON n.{pk} = w.key, LATERAL jsonb_populate_record(n, w.before) o "
            f"WHERE w.before IS NOT NULL AND t.{pk} = w.key",
            [clock.now()],
        )
        number = int(cursor.rowcount)
        step("undo", number, total)
        try:
            with transaction.atomic():
                cursor.execute(f"DELETE FROM {table} t USING {WRITTEN} w WHERE w.before IS NULL AND t.{pk} = w.key")
                number += int(cursor.rowcount)
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        except IntegrityError:
            cursor.execute(f"SELECT key::text FROM {WRITTEN} WHERE before IS NULL LIMIT {LISTED}")
            raise CannotUndo([str(key) for (key,) in cursor.fetchall()]) from None
        record.state = "undone"
        record.save()
    return number


def _completed(cursor: Any, model: Any) -> None:
    """What records held before there was a column that follows from another one: it follows from what that one held.

    A column of another kind that has come since keeps what it holds now.
    """
    for name, (source, made) in model.derived.items():
        column, of = (str(model._meta.get_field(one).column) for one in (name, source))
        cursor.execute(
            f"SELECT key::text, before ->> %s FROM {WRITTEN} WHERE before IS NOT NULL AND NOT jsonb_exists(before, %s)",
            [of, column],
        )
        if rows := cursor.fetchall():
            keys, values = [key for key, _held in rows], made([held for _key, held in rows])
            cursor.execute(
                f"UPDATE {WRITTEN} w SET before = w.before || jsonb_build_object(%s::text, m.made) "
                "FROM unnest(%s::text[], %s::text[]) AS m(key, made) WHERE w.key::text = m.key",
                [column, keys, values],
            )
