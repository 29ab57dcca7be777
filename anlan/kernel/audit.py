"""The audit: written by database triggers, so people, jobs, imports and raw SQL leave the same trace.

Each statement's rows go into `audit_entry` in one set-based insert, with the fields that changed.
Entries are sealed in commit order into a hash chain (`audit_seal`); `verify` walks the chain and
names the first entry that was changed, removed or slipped in. The application's role can read the
entries of its scope and nothing else: it can neither write nor seal them.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, models, transaction

GENESIS = hashlib.sha256("安澜 audit chain".encode()).digest()
SEAL_BATCH = 20_000

# What an entry's hash covers, written out so that the text is the same on every server and session.
_CONTENT = """
    concat_ws('|', e.id, extract(epoch from e.at)::text, e.xid, e.table_name, e.row_id, e.op, e.area_code,
      coalesce(e.industry_id, ''), coalesce(e.enterprise_id::text, ''), e.actor_kind, e.actor,
      coalesce(e.account_id::text, ''), e.scope, e.changes::text)
"""


def tables() -> list[str]:
    """The audit's own tables."""
    return [
        """
        CREATE TABLE IF NOT EXISTS audit_entry (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          at timestamptz NOT NULL DEFAULT clock_timestamp(),
          on_clock timestamptz,
          xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
          table_name text COLLATE "C" NOT NULL, row_id text COLLATE "C" NOT NULL,
          op text NOT NULL CHECK (op IN ('insert', 'update', 'delete', 'truncate')),
          area_code text COLLATE "C" NOT NULL DEFAULT '', industry_id text, enterprise_id bigint,
          actor_kind text NOT NULL, actor text NOT NULL, account_id bigint, scope text NOT NULL,
          changes jsonb NOT NULL)
        """,
        "CREATE INDEX IF NOT EXISTS audit_entry_row ON audit_entry (table_name, row_id, id)",
        "CREATE INDEX IF NOT EXISTS audit_entry_area ON audit_entry (area_code, id)",
        "CREATE INDEX IF NOT EXISTS audit_entry_xid ON audit_entry (xid, id)",
        """
        CREATE TABLE IF NOT EXISTS audit_seal (
          no bigint PRIMARY KEY, entry_id bigint NOT NULL UNIQUE, entry_xid xid8 NOT NULL,
          content bytea NOT NULL, link bytea NOT NULL)
        """,
    ]


def functions() -> list[str]:
    """The trigger function. PostgreSQL compiles it once per table, so the transition tables are typed."""
    insert = """
      INSERT INTO public.audit_entry (on_clock, table_name, row_id, op, area_code, industry_id, enterprise_id,
                                      actor_kind, actor, account_id, scope, changes)
      SELECT nullif(current_setting('anlan.now', true), '')::timestamptz, TG_TABLE_NAME, r.j ->> TG_ARGV[0],
        lower(TG_OP),
        coalesce(r.j ->> nullif(TG_ARGV[1], ''), ''), r.j ->> nullif(TG_ARGV[2], ''),
        (r.j ->> nullif(TG_ARGV[3], ''))::bigint,
        coalesce(nullif(current_setting('anlan.actor_kind', true), ''), 'sql'),
        coalesce(nullif(current_setting('anlan.actor', true), ''), session_user),
        nullif(current_setting('anlan.account', true), '')::bigint,
        coalesce(concat_ws(' ', current_setting('anlan.area_low', true), current_setting('anlan.industries', true),
                           current_setting('anlan.enterprise', true)), ''),
        r.c
      FROM ({rows}) r
    """
    # Secrets are never copied into the audit: the columns named in TG_ARGV[4] appear as changed, not as values.
    hidden = "string_to_array(TG_ARGV[4], ',')"
    # Each row becomes JSON once; taking its values apart one by one costs three times as much.
    one_sided = (
        "SELECT r.j, jsonb_strip_nulls(r.j - " + hidden + ") || CASE WHEN r.j ?| " + hidden + " THEN "
        "(SELECT coalesce(jsonb_object_agg(k, '\"…\"'::jsonb), '{{}}') FROM unnest("
        + hidden
        + ") k WHERE r.j ->> k IS NOT NULL) "
        "ELSE '{{}}'::jsonb END AS c FROM (SELECT to_jsonb({a}) AS j FROM {a} OFFSET 0) r"
    )
    changed = (
        "SELECT to_jsonb(n) AS j, d.c FROM new_rows n JOIN old_rows o ON n.{pk} = o.{pk} "
        "CROSS JOIN LATERAL (SELECT jsonb_object_agg(a.key, CASE WHEN a.key = ANY ("
        + hidden
        + ') THEN \'["…", "…"]\'::jsonb ELSE jsonb_build_array(a.value, b.value) END) AS c '
        "FROM jsonb_each(to_jsonb(o)) a JOIN jsonb_each(to_jsonb(n)) b USING (key) "
        "WHERE a.value IS DISTINCT FROM b.value AND key NOT IN ('version', 'updated_at')) d "
        "WHERE d.c IS NOT NULL"
    )
    made = []
    for op, rows in (
        ("insert", one_sided.format(a="new_rows")),
        ("delete", one_sided.format(a="old_rows")),
    ):
        made.append(_function(f"anlan_audit_{op}", insert.format(rows=rows)))
    made.append(
        _function(
            "anlan_audit_truncate",
            insert.format(rows="SELECT jsonb_build_object(TG_ARGV[0], '*') AS j, '{}'::jsonb AS c"),
        )
    )
    for pk in ("id", "code", "session_key"):
        made.append(_function(f"anlan_audit_update_{pk}", insert.format(rows=changed.replace("{pk}", pk))))
    return made


def _function(name: str, body: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = public, pg_temp AS $fn$ BEGIN {body}; RETURN NULL; END $fn$"
    )


def triggers(model: type[models.Model]) -> list[str]:
    """The statement triggers of one table, or their removal where the model says `audited = False`."""
    from .scope import By

    table = f'"{model._meta.db_table}"'
    drop = [f"DROP TRIGGER IF EXISTS audit_{op} ON {table}" for op in ("insert", "update", "delete", "truncate")]
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
    hidden = ",".join(("password", *getattr(model, "audit_hides", ())))
    args = f"'{pk}', '{area}', '{industry}', '{enterprise}', '{hidden}'"
    return [
        *drop,
        f"CREATE TRIGGER audit_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows "
        f"FOR EACH STATEMENT EXECUTE FUNCTION anlan_audit_insert({args})",
        f"CREATE TRIGGER audit_update AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows "
        f"FOR EACH STATEMENT EXECUTE FUNCTION anlan_audit_update_{pk}({args})",
        f"CREATE TRIGGER audit_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows "
        f"FOR EACH STATEMENT EXECUTE FUNCTION anlan_audit_delete({args})",
        # The rows are gone without being read: what is kept is that it was done, by whom and when.
        f"CREATE TRIGGER audit_truncate AFTER TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION anlan_audit_truncate('{pk}', '', '', '', '')",
    ]


def protection() -> list[str]:
    """Who may touch the audit's own tables: the application reads its scope; only the owner adds."""
    scope = (
        "area_code >= current_setting('anlan.area_low', true) AND area_code < current_setting('anlan.area_high', true) "
        "AND ((SELECT current_setting('anlan.industries', true)) = '*' OR "
        "industry_id = ANY (string_to_array((SELECT current_setting('anlan.industries', true)), ','))) "
        "AND ((SELECT current_setting('anlan.enterprise', true)) = '*' OR "
        "enterprise_id::text = (SELECT current_setting('anlan.enterprise', true)))"
    )
    return [
        "ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE audit_entry FORCE ROW LEVEL SECURITY",
        "REVOKE ALL ON audit_entry, audit_seal FROM anlan_app",
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
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('anlan.audit.seal'))")
            cursor.execute("SELECT no, link, entry_xid, entry_id FROM audit_seal ORDER BY no DESC LIMIT 1")
            last = cursor.fetchone()
            no, link, after_xid, after_id = last if last else (0, GENESIS, "0", 0)
            cursor.execute(
                f"SELECT e.id, e.xid::text, sha256(convert_to({_CONTENT}, 'UTF8')) FROM audit_entry e "
                "WHERE (e.xid, e.id) > (%s::xid8, %s) AND e.xid < pg_snapshot_xmin(pg_current_snapshot()) "
                "ORDER BY e.xid, e.id LIMIT %s",
                [str(after_xid), after_id, SEAL_BATCH],
            )
            rows = cursor.fetchall()
            if not rows:
                return done
            with cursor.copy("COPY audit_seal (no, entry_id, entry_xid, content, link) FROM STDIN") as copy:
                for entry_id, xid, content in rows:
                    no += 1
                    link = hashlib.sha256(bytes(link) + bytes(content)).digest()
                    copy.write_row((no, entry_id, xid, bytes(content), link))
            done += len(rows)
        _anchor(no, bytes(link))


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


def verify(using: str = "owner") -> Verdict:
    """Walks the whole chain against the entries as they stand now."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(
            f"""
            DECLARE chain NO SCROLL CURSOR FOR
            SELECT s.no, s.entry_id, s.content, s.link, e.id, e.table_name, e.row_id,
                   CASE WHEN e.id IS NOT NULL THEN sha256(convert_to({_CONTENT}, 'UTF8')) END
            FROM audit_seal s LEFT JOIN audit_entry e ON e.id = s.entry_id ORDER BY s.no
            """
        )
        anchors = _anchors()
        expected, link, sealed = 1, GENESIS, 0
        while True:
            cursor.execute(f"FETCH {SEAL_BATCH} FROM chain")
            rows = cursor.fetchall()
            if not rows:
                break
            for no, entry_id, content, stored, found, table, row, now in rows:
                where: dict[str, Any] = {"entry": entry_id, "table": table or "", "row": row or ""}
                if no != expected:
                    return Verdict(False, sealed, 0, f"seal {expected} was removed", None)
                if found is None:
                    return Verdict(False, sealed, 0, "entry removed", **where)
                if bytes(now) != bytes(content):
                    return Verdict(False, sealed, 0, "entry changed", **where)
                link = hashlib.sha256(link + bytes(content)).digest()
                if bytes(stored) != link:
                    return Verdict(False, sealed, 0, "seal changed", **where)
                if anchors.get(no, link) != link:
                    return Verdict(False, sealed, 0, f"the chain was rebuilt: its head {no} was another", **where)
                expected, sealed = no + 1, sealed + 1
        cursor.execute("CLOSE chain")
        if anchors and max(anchors) >= expected:
            return Verdict(False, sealed, 0, f"the chain was cut off: it once reached seal {max(anchors)}", None)
        cursor.execute(
            """
            SELECT e.id, e.table_name, e.row_id, coalesce((e.xid, e.id) < (m.entry_xid, m.entry_id), false) AS slipped
            FROM audit_entry e LEFT JOIN audit_seal s ON s.entry_id = e.id
            LEFT JOIN LATERAL (SELECT entry_xid, entry_id FROM audit_seal ORDER BY no DESC LIMIT 1) m ON true
            WHERE s.entry_id IS NULL ORDER BY slipped DESC, e.id
            """
        )
        open_rows = cursor.fetchall()
    if open_rows and open_rows[0][3]:
        entry, table, row, _ = open_rows[0]
        return Verdict(False, sealed, len(open_rows), "entry inserted", entry, table, row)
    return Verdict(True, sealed, len(open_rows))
