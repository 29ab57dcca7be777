"""The audit: written by database triggers, so people, jobs, imports and raw SQL leave the same trace.

Each statement's rows go into `audit_entry` in one set-based insert, with the fields that changed.
Entries are sealed in commit order into a hash chain (`audit_seal`); `verify` walks the chain and
names the first entry that was changed, removed or slipped in. The application's role can read the
entries of its scope and nothing else: it can neither write nor seal them.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, models, transaction
from psycopg import sql

from .locks import alone
from .policies import within

GENESIS = hashlib.sha256("安澜 audit chain".encode()).digest()
SEAL_BATCH = 20_000

# What an entry's hash covers, written out so that the text is the same on every server and session.
_CONTENT = """
    concat_ws('|', e.id, extract(epoch from e.at)::text, e.xid, e.table_name, e.row_id, e.op, e.area_code,
      coalesce(e.industry_id, ''), coalesce(e.enterprise_id::text, ''), e.actor_kind, e.actor,
      coalesce(e.account_id::text, ''), e.scope, e.changes::text)
"""
_DIGEST = f"CASE WHEN e.id IS NOT NULL THEN sha256(convert_to({_CONTENT}, 'UTF8')) END"
_UNSEALED = "NOT EXISTS (SELECT FROM audit_seal s WHERE (s.entry_xid, s.entry_id) = (e.xid, e.id))"

# PostgreSQL's binary COPY: 5 fields, each with its length before it.
_SEAL_ROW = struct.Struct(">h iq iq iq i32s i32s")
_BINARY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_BINARY_END = b"\xff\xff"


_KEYS = ("id", "code", "session_key")
_WRITERS = [f"anlan_audit_{op}()" for op in ("insert", "delete", "truncate", *(f"update_{pk}" for pk in _KEYS))]


def tables() -> list[str]:
    """The audit's own tables."""
    return [
        """
        CREATE TABLE IF NOT EXISTS audit_entry (
          id bigint GENERATED ALWAYS AS IDENTITY,
          at timestamptz NOT NULL DEFAULT clock_timestamp(),
          on_clock timestamptz,
          xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
          table_name text COLLATE "C" NOT NULL, row_id text COLLATE "C" NOT NULL,
          op text NOT NULL CHECK (op IN ('insert', 'update', 'delete', 'truncate')),
          area_code text COLLATE "C" NOT NULL DEFAULT '', industry_id text, enterprise_id bigint,
          actor_kind text NOT NULL, actor text NOT NULL, account_id bigint, scope text NOT NULL,
          changes jsonb NOT NULL,
          PRIMARY KEY (xid, id))  -- the order of the chain; each further index is a tenth of the cost of a row
        """,
        "CREATE INDEX IF NOT EXISTS audit_entry_row ON audit_entry (table_name, row_id, id)",
        """
        CREATE TABLE IF NOT EXISTS audit_seal (
          no bigint PRIMARY KEY, entry_id bigint NOT NULL UNIQUE, entry_xid xid8 NOT NULL,
          content bytea NOT NULL, link bytea NOT NULL)
        """,
        # How far this server's transaction numbers lie below those of the server the entries came from (`resumption`).
        """
        CREATE TABLE IF NOT EXISTS audit_shift (
          one boolean PRIMARY KEY DEFAULT true CHECK (one), xids bigint NOT NULL)
        """,
    ]


def functions() -> list[str]:
    """The trigger functions. What is the same for all rows of a statement is computed once, before them."""
    # A row becomes JSON once and its columns are read from that; taking it apart value by value costs
    # three times as much. Secrets are never copied: the columns of TG_ARGV[4] appear as changed, not as values.
    one_sided = (
        "SELECT r.j, jsonb_strip_nulls(CASE WHEN hidden = '{{}}' THEN r.j ELSE r.j - hidden || "
        "(SELECT jsonb_object_agg(k, CASE WHEN r.j ->> k IS NOT NULL THEN '\"…\"'::jsonb END) "
        "FROM unnest(hidden) k) END) AS c FROM (SELECT to_jsonb({a}) AS j FROM {a} OFFSET 0) r"
    )
    changed = (
        "SELECT r.n AS j, d.c FROM (SELECT to_jsonb(n) AS n, to_jsonb(o) AS o FROM new_rows n "
        "JOIN old_rows o ON n.{pk} = o.{pk} OFFSET 0) r CROSS JOIN LATERAL ("
        'SELECT jsonb_object_agg(a.key, CASE WHEN a.key = ANY (hidden) THEN \'["…", "…"]\'::jsonb '
        "ELSE jsonb_build_array(a.value, r.n -> a.key) END) AS c FROM jsonb_each(r.o) a "
        "WHERE a.value IS DISTINCT FROM r.n -> a.key AND a.key NOT IN ('version', 'updated_at')) d "
        "WHERE d.c IS NOT NULL"
    )
    made = [
        _function("anlan_audit_insert", one_sided.format(a="new_rows")),
        _function("anlan_audit_delete", one_sided.format(a="old_rows")),
        _function("anlan_audit_truncate", "SELECT jsonb_build_object(row_key, '*') AS j, '{}'::jsonb AS c"),
    ]
    for pk in _KEYS:
        made.append(_function(f"anlan_audit_update_{pk}", changed.format(pk=pk)))
    # What was changed is found by the key before and after, and everything else names records by it.
    made.append("""
    CREATE OR REPLACE FUNCTION anlan_key_held() RETURNS trigger LANGUAGE plpgsql AS $fn$
    BEGIN
      RAISE EXCEPTION 'audit: the key of a record of % does not change', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
    END $fn$
    """)
    return made


def _shifted(xid: str) -> str:
    """The SQL of a transaction number of this server in the row of numbers that the entries follow."""
    return f"(({xid})::text::bigint + coalesce((SELECT xids FROM public.audit_shift), 0))::text::xid8"


def _function(name: str, rows: str) -> str:
    """A trigger function that keeps an entry for each of `rows` (j: the row, c: what changed)."""
    return f"""
    CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $fn$
    DECLARE
      clock timestamptz := nullif(current_setting('anlan.now', true), '');
      kind text := coalesce(nullif(current_setting('anlan.actor_kind', true), ''), 'sql');
      who text := coalesce(nullif(current_setting('anlan.actor', true), ''), session_user);
      account bigint := nullif(current_setting('anlan.account', true), '');
      over text := coalesce(concat_ws(' ', current_setting('anlan.area_low', true),
        current_setting('anlan.industries', true), current_setting('anlan.enterprise', true)), '');
      done text := lower(TG_OP);
      number xid8 := {_shifted("pg_current_xact_id()")};
      row_key text := TG_ARGV[0];
      area text := nullif(TG_ARGV[1], '');
      industry text := nullif(TG_ARGV[2], '');
      enterprise text := nullif(TG_ARGV[3], '');
      hidden text[] := coalesce(string_to_array(nullif(TG_ARGV[4], ''), ','), '{{}}');
    BEGIN
      IF TG_TABLE_SCHEMA <> 'public' THEN
        RAISE EXCEPTION 'audit: %.% is no table of this installation', TG_TABLE_SCHEMA, TG_TABLE_NAME
          USING ERRCODE = 'insufficient_privilege';
      END IF;
      INSERT INTO public.audit_entry (xid, on_clock, table_name, row_id, op, area_code, industry_id, enterprise_id,
                                      actor_kind, actor, account_id, scope, changes)
      SELECT number, clock, TG_TABLE_NAME, r.j ->> row_key, done, coalesce(r.j ->> area, ''), r.j ->> industry,
        (r.j ->> enterprise)::bigint, kind, who, account, over, r.c
      FROM ({rows}) r;
      RETURN NULL;
    END $fn$
    """


def triggers(model: type[models.Model]) -> list[str]:
    """The statement triggers of one table, or their removal where the model says `audited = False`."""
    from .scope import By

    table = f'"{model._meta.db_table}"'
    drop = [f"DROP TRIGGER IF EXISTS audit_{op} ON {table}" for op in ("insert", "update", "delete", "truncate")]
    drop.append(f"DROP TRIGGER IF EXISTS key_held ON {table}")
    if not getattr(model, "audited", True):
        return drop
    rule = getattr(model, "scope_rule", None)
    columns = {f.column for f in model._meta.concrete_fields}
    by_name = {f.name: f.column for f in model._meta.concrete_fields}

    def column(name: str | None, usual: str) -> str:
        wanted = name if name and name != "*" else usual
        found = by_name.get(wanted) or wanted
        return found if found in columns else ""

    area = column(rule.area if isinstance(rule, By) else None, "area_code")
    industry = column(rule.industry if isinstance(rule, By) else None, "industry_id")
    enterprise = column(rule.enterprise if isinstance(rule, By) else None, "enterprise_id")
    pk = model._meta.pk.column
    hidden = ",".join(c for c in ("password", *getattr(model, "audit_hides", ())) if c in columns)
    args = f"'{pk}', '{area}', '{industry}', '{enterprise}', '{hidden}'"
    return [
        *drop,
        f"CREATE TRIGGER audit_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows "
        f"FOR EACH STATEMENT EXECUTE FUNCTION anlan_audit_insert({args})",
        f"CREATE TRIGGER audit_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows "
        f"FOR EACH STATEMENT EXECUTE FUNCTION anlan_audit_update_{pk}({args})",
        f"CREATE TRIGGER audit_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows "
        f"FOR EACH STATEMENT EXECUTE FUNCTION anlan_audit_delete({args})",
        f'CREATE TRIGGER key_held BEFORE UPDATE OF "{pk}" ON {table} FOR EACH ROW '
        f'WHEN (OLD."{pk}" IS DISTINCT FROM NEW."{pk}") EXECUTE FUNCTION anlan_key_held()',
        # The rows are gone without being read: what is kept is that it was done, by whom and when.
        f"CREATE TRIGGER audit_truncate AFTER TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION anlan_audit_truncate('{pk}', '', '', '', '')",
    ]


def protection() -> list[str]:
    """Who may touch the audit's own tables: the application reads its scope; only the owner adds."""
    scope = within("area_code", "industry_id", "enterprise_id")
    return [
        "ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE audit_entry FORCE ROW LEVEL SECURITY",
        "REVOKE ALL ON audit_entry, audit_seal, audit_shift FROM anlan_app",
        # They write with the owner's rights: whoever may run them could hang them on a table of his own.
        f"REVOKE EXECUTE ON FUNCTION {', '.join(_WRITERS)} FROM PUBLIC, anlan_app",
        "DROP POLICY IF EXISTS keep ON audit_entry",
        "CREATE POLICY keep ON audit_entry FOR INSERT TO anlan_owner WITH CHECK (true)",
        "DROP POLICY IF EXISTS seal ON audit_entry",
        "CREATE POLICY seal ON audit_entry FOR SELECT TO anlan_owner USING (true)",
        "GRANT SELECT ON audit_entry TO anlan_app",
        "DROP POLICY IF EXISTS in_scope ON audit_entry",
        f"CREATE POLICY in_scope ON audit_entry FOR SELECT TO anlan_app USING ({scope})",
    ]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What walking the chain found: `whole`, how many entries are sealed and waiting, and the first fault."""

    whole: bool
    sealed: int
    waiting: int
    fault: str = ""
    entry: int | None = None
    table: str = ""
    row: str = ""


def seal(using: str = "owner") -> int:
    """Seals every entry whose transaction is surely over, in commit-safe order; returns how many.

    An entry is sealed once no transaction older than it can still be running, so an entry that
    appears later with an older transaction number was slipped in by hand.
    """
    done = 0
    while True:
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            alone("audit.seal", using=using)
            cursor.execute("SELECT no, link, entry_xid, entry_id FROM audit_seal ORDER BY no DESC LIMIT 1")
            last = cursor.fetchone()
            no, link, after_xid, after_id = last if last else (0, GENESIS, "0", 0)
            cursor.execute(
                f"SELECT e.id, e.xid::text::bigint, {_DIGEST} FROM audit_entry e WHERE (e.xid, e.id) > (%s::xid8, %s) "
                f"AND e.xid < {_shifted('pg_snapshot_xmin(pg_current_snapshot())')} ORDER BY e.xid, e.id LIMIT %s",
                [str(after_xid), after_id, SEAL_BATCH],
            )
            rows = cursor.fetchall()
            if not rows:
                return done
            link, written = bytes(link), []
            for entry_id, xid, content in rows:
                no += 1
                link = hashlib.sha256(link + content).digest()
                written.append(_SEAL_ROW.pack(5, 8, no, 8, entry_id, 8, xid, 32, content, 32, link))
            copied = "COPY audit_seal (no, entry_id, entry_xid, content, link) FROM STDIN (FORMAT binary)"
            with cursor.copy(copied) as copy:
                copy.write(b"".join([_BINARY_HEAD, *written, _BINARY_END]))
            done += len(rows)
        _anchor(no, link)


def resumption(actor: str, **facts: Any) -> list[str]:
    """The statements that let the chain go on after its entries were restored onto another server.

    That server counts its transactions from where it happens to stand; entries made from now on are
    numbered above those that came along, so that the order of the chain stays the order of the facts.
    The restore itself, by `actor` and with `facts`, becomes the first of them.
    """
    return [
        "DELETE FROM public.audit_shift",
        "INSERT INTO public.audit_shift (xids) SELECT greatest(0, max(n) + 1 - pg_current_xact_id()::text::bigint) "
        "FROM ((SELECT xid::text::bigint AS n FROM public.audit_entry ORDER BY xid DESC LIMIT 1) UNION ALL "
        "(SELECT entry_xid::text::bigint FROM public.audit_seal ORDER BY no DESC LIMIT 1) UNION ALL SELECT 0) numbers",
        noted(actor, **facts),
    ]


def noted(actor: str, **facts: Any) -> str:
    """The statement, for the owner, that writes into the audit what was done to the installation as a whole."""
    who, what = (sql.Literal(text).as_string() for text in (actor, json.dumps(facts, ensure_ascii=False)))
    return (
        "INSERT INTO public.audit_entry (xid, table_name, row_id, op, actor_kind, actor, scope, changes) "
        f"SELECT {_shifted('pg_current_xact_id()')}, 'installation', '*', 'update', 'command', {who}, '', {what}::jsonb"
    )


def _anchor(no: int, link: bytes) -> None:
    """Writes the chain's head outside of the database, where whoever rewrites the database does not reach.

    Written after the commit, so a line always names a head that was real. A line: time, number, link.
    """
    line = f"{datetime.now(UTC).isoformat(timespec='seconds')} {no} {link.hex()}\n".encode()
    file = os.open(settings.AUDIT_HEADS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line)
        os.fsync(file)
    finally:
        os.close(file)


def _anchors() -> dict[int, bytes]:
    """The heads noted outside of the database; a last line cut short by a crash does not count."""
    path = Path(settings.AUDIT_HEADS)
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text().splitlines(keepends=True):
        parts = line.split()
        if line.endswith("\n") and len(parts) == 3:
            found[int(parts[1])] = bytes.fromhex(parts[2])
    return found


def verify(using: str = "owner", newest: int | None = None) -> Verdict:
    """Checks the whole chain against the entries as they stand now, in one pass inside the database.

    Each link is checked against its stored predecessor. If all agree, the first stands on `GENESIS`
    and none is missing, that is the same as walking the chain, without having to walk it in order.
    With `newest`, only so many seals at the chain's end: quick, and no proof of the rest.
    """
    heads = _anchors()  # before the snapshot is taken: what is sealed meanwhile is noted outside and not seen inside
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT coalesce(max(no), 0) FROM audit_seal")
        (last,) = cursor.fetchone()
        after = 0 if newest is None else max(0, last - newest)
        cursor.execute(
            f"""
            SELECT count(*), min(s.no) FILTER (
              WHERE s.content IS DISTINCT FROM {_DIGEST}
                 OR s.link IS DISTINCT FROM sha256(coalesce(p.link, CASE s.no WHEN 1 THEN %s::bytea END) || s.content))
            FROM audit_seal s LEFT JOIN audit_seal p ON p.no = s.no - 1
              LEFT JOIN audit_entry e ON (e.xid, e.id) = (s.entry_xid, s.entry_id)
            WHERE s.no > %s
            """,
            [GENESIS, after],
        )
        seen, broken = cursor.fetchone()
        sealed = after + seen
        rebuilt = _rebuilt(cursor, heads, after, before=broken or last + 1)
        if rebuilt is not None:
            return Verdict(False, rebuilt - 1, 0, f"the chain was rebuilt: its head {rebuilt} was another")
        if broken is not None:
            return _named(cursor, broken)
        reached = max(heads, default=0)
        if reached > last:
            return Verdict(False, sealed, 0, f"the chain was cut off: it once reached seal {reached}")
        cursor.execute(
            f"""
            WITH last AS (SELECT entry_xid, entry_id FROM audit_seal ORDER BY no DESC LIMIT 1)
            SELECT count(*), min(e.id) FILTER (WHERE (e.xid, e.id) < (SELECT entry_xid, entry_id FROM last))
            FROM audit_entry e WHERE (e.xid, e.id) > (
              coalesce((SELECT entry_xid FROM audit_seal WHERE no = %s), '0'::xid8),
              coalesce((SELECT entry_id FROM audit_seal WHERE no = %s), 0))
              AND {_UNSEALED}
            """,
            [after, after],
        )
        waiting, slipped = cursor.fetchone()
        if slipped is not None:
            cursor.execute(f"SELECT table_name, row_id FROM audit_entry e WHERE id = %s AND {_UNSEALED}", [slipped])
            return Verdict(False, sealed, waiting, "entry inserted", slipped, *cursor.fetchone())
    return Verdict(True, sealed, waiting)


def _rebuilt(cursor: Any, heads: dict[int, bytes], after: int, before: int) -> int | None:
    """The first seal between `after` and `before` that is not the one whose link `heads` notes."""
    anchors = sorted((no, link) for no, link in heads.items() if after < no < before)
    for start in range(0, len(anchors), 10_000):
        noted = dict(anchors[start : start + 10_000])
        cursor.execute("SELECT no, link FROM audit_seal WHERE no = ANY (%s) ORDER BY no", [list(noted)])
        for no, link in cursor.fetchall():
            if bytes(link) != noted[no]:
                return int(no)
    return None


def _named(cursor: Any, no: int) -> Verdict:
    """What is wrong with seal `no`, the first that does not hold."""
    cursor.execute("SELECT coalesce(max(no), 0) + 1 FROM audit_seal WHERE no < %s", [no])
    (missing,) = cursor.fetchone()
    if missing < no:
        return Verdict(False, missing - 1, 0, f"seal {missing} was removed")
    cursor.execute(
        f"SELECT s.entry_id, e.id IS NULL, s.content IS DISTINCT FROM {_DIGEST}, "
        "coalesce(e.table_name, ''), coalesce(e.row_id, '') "
        "FROM audit_seal s LEFT JOIN audit_entry e ON e.id = s.entry_id WHERE s.no = %s "
        "ORDER BY e.xid IS DISTINCT FROM s.entry_xid LIMIT 1",
        [no],
    )
    entry, gone, changed, table, row = cursor.fetchone()
    fault = "entry removed" if gone else "entry changed" if changed else "seal changed"
    return Verdict(False, no - 1, 0, fault, entry, table, row)
