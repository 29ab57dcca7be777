"""The audit chain: everything that writes leaves a trace, and tampering is found and named."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction

from anlan.kernel import audit
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.parties.models import Account
from anlan.site import postgres

TESTER = Actor("test", "tests")
pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases=["default", "owner"], transaction=True)]


def tamper(sql: str) -> None:
    """As an attacker with the superuser's rights would: triggers and policies do not stop him."""
    server = postgres.Server(settings.HOME)
    with postgres.psycopg_superuser(server, connection.settings_dict["NAME"]) as root:
        root.execute(sql)


@pytest.fixture(autouse=True)
def fresh_chain(transactional_db: None, settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_HEADS = tmp_path / "audit-heads.log"  # test processes run side by side
    tamper("TRUNCATE audit_entry, audit_seal RESTART IDENTITY")


def three_changes() -> Account:
    with acting(TESTER, EVERYWHERE):
        kept = Account.objects.create_user(
            "w", "a-long-password", name="old", role="district", area_code="500112000000"
        )
    with acting(Actor("job", "night run"), Scope("500112")):
        kept.name = "new"
        kept.save()
    with acting(TESTER, EVERYWHERE), connection.cursor() as cursor:
        cursor.execute("UPDATE parties_account SET role = 'duty'")
    return kept


def seal_all(count: int) -> None:
    """Seals until `count` entries are sealed: older transactions, also of other databases on the server, hold it up."""
    deadline = time.monotonic() + 900  # the other tests' longest transaction
    sealed = audit.seal()
    while sealed < count:
        assert time.monotonic() < deadline, f"{sealed} of {count} entries sealed in a quarter of an hour"
        time.sleep(0.05)
        sealed += audit.seal()
    assert sealed == count


def entries() -> list[tuple[str, str, str, dict[str, object]]]:
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT op, actor_kind, actor, changes FROM audit_entry WHERE table_name = 'parties_account' ORDER BY id"
        )
        import json

        return [(a, b, c, json.loads(d) if isinstance(d, str) else d) for a, b, c, d in cursor.fetchall()]


def test_people_jobs_and_raw_sql_leave_the_same_trace_and_no_secret() -> None:
    three_changes()
    first, second, third = entries()
    assert first[:3] == ("insert", "test", "tests")
    assert first[3]["password"] == "…"
    assert second == ("update", "job", "night run", {"name": ["old", "new"]})
    assert third[3] == {"role": ["district", "duty"]}


def test_the_application_cannot_write_or_read_beyond_its_scope() -> None:
    three_changes()
    with acting(TESTER, Scope("500113")), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_entry")
        assert cursor.fetchone() == (0,)
    for sql in ("DELETE FROM audit_entry", "UPDATE audit_entry SET actor = 'x'", "SELECT * FROM audit_seal"):
        with pytest.raises(ProgrammingError, match="permission denied"), acting(TESTER, EVERYWHERE):
            connection.cursor().execute(sql)


def test_the_application_cannot_forge_an_entry_by_a_table_of_its_own() -> None:
    hang = (
        "CREATE TEMP TABLE parties_account (id bigint, area_code text); CREATE TRIGGER forged AFTER INSERT "
        "ON pg_temp.parties_account REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT "
        "EXECUTE FUNCTION anlan_audit_insert('id', 'area_code', '', '', '')"
    )
    with pytest.raises(ProgrammingError, match="permission denied for function"), acting(TESTER, EVERYWHERE):
        connection.cursor().execute(hang)
    server = postgres.Server(settings.HOME)
    with postgres.psycopg_superuser(server, connection.settings_dict["NAME"]) as root:
        root.execute(hang)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no table of this installation"):
            root.execute("INSERT INTO pg_temp.parties_account VALUES (1, '50')")


def test_a_record_keeps_its_key_so_that_no_change_slips_past_the_audit() -> None:
    three_changes()
    with pytest.raises(IntegrityError, match="does not change"), acting(TESTER, EVERYWHERE):
        connection.cursor().execute("UPDATE parties_account SET id = id + 1000000, role = 'city'")
    with acting(TESTER, EVERYWHERE):
        connection.cursor().execute("UPDATE parties_account SET id = id, role = 'city'")
    assert entries()[-1][3] == {"role": ["duty", "city"]}


def test_the_whole_chain_verifies() -> None:
    three_changes()
    seal_all(3)
    assert audit.verify() == audit.Verdict(True, 3, 0)
    assert audit.seal() == 0


@pytest.mark.parametrize(
    ("sql", "fault", "entry"),
    [
        ("UPDATE audit_entry SET actor = 'somebody else' WHERE id = 2", "entry changed", 2),
        ("DELETE FROM audit_entry WHERE id = 1", "entry removed", 1),
        ("DELETE FROM audit_seal WHERE no = 2", "seal 2 was removed", None),
        ("UPDATE audit_seal SET link = content WHERE no = 3", "seal changed", 3),
        (
            "INSERT INTO audit_entry (xid, table_name, row_id, op, actor_kind, actor, scope, changes) "
            "VALUES ('5', 't', '77', 'insert', 'sql', 'x', '', '{}')",
            "entry inserted",
            4,
        ),
        (
            "INSERT INTO audit_entry (id, xid, table_name, row_id, op, actor_kind, actor, scope, changes) "
            "OVERRIDING SYSTEM VALUE VALUES (2, '5', 't', '77', 'insert', 'sql', 'x', '', '{}')",
            "entry inserted",
            2,
        ),
        ("UPDATE audit_entry SET xid = '5' WHERE id = 2", "entry changed", 2),
    ],
)
def test_what_was_changed_removed_or_slipped_in_is_named(sql: str, fault: str, entry: int | None) -> None:
    three_changes()
    seal_all(3)
    tamper(sql)
    verdict = audit.verify()
    assert (verdict.whole, verdict.fault, verdict.entry) == (False, fault, entry)


def test_a_chain_cut_at_its_end_is_found_by_the_heads_noted_outside() -> None:
    three_changes()
    seal_all(3)
    tamper("DELETE FROM audit_seal WHERE no = 3; DELETE FROM audit_entry WHERE id = 3")
    assert (audit.verify().whole, audit.verify().fault) == (False, "the chain was cut off: it once reached seal 3")


def test_what_is_sealed_while_the_chain_is_looked_at_is_no_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    three_changes()
    noted = audit._anchors

    def after_the_worker_sealed() -> dict[int, bytes]:
        with ThreadPoolExecutor(1) as worker:
            worker.submit(seal_all, 3).result()
            worker.submit(connections.close_all).result()
        return noted()

    monkeypatch.setattr(audit, "_anchors", after_the_worker_sealed)
    assert audit.verify().whole


def test_a_chain_wholly_rebuilt_is_found_by_the_heads_noted_outside() -> None:
    three_changes()
    seal_all(3)
    tamper("UPDATE audit_entry SET actor = 'somebody else' WHERE id = 2; TRUNCATE audit_seal")
    heads = settings.AUDIT_HEADS.read_bytes()
    seal_all(3)
    settings.AUDIT_HEADS.write_bytes(heads)
    assert (audit.verify().whole, audit.verify().fault) == (False, "the chain was rebuilt: its head 3 was another")


def test_a_line_cut_short_by_a_crash_is_no_head() -> None:
    three_changes()
    seal_all(3)
    with settings.AUDIT_HEADS.open("a") as file:
        file.write("2013-06-14T00:00:00+00:00 9 ab")
    assert audit.verify().whole


def test_copied_rows_and_a_truncated_table_leave_their_trace() -> None:
    columns = "id, created_at, updated_at, version, account_id, address, levels"
    server = postgres.Server(settings.HOME)
    with (
        postgres.psycopg_superuser(server, connection.settings_dict["NAME"]) as root,
        root.cursor().copy(f"COPY kernel_noticepreference ({columns}) FROM STDIN") as rows,
    ):
        rows.write_row((1, "2013-06-14", "2013-06-14", 1, 7, "a@example.org", []))
    tamper("TRUNCATE kernel_noticepreference")
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT op, row_id, actor_kind, actor FROM audit_entry "
            "WHERE table_name = 'kernel_noticepreference' ORDER BY id"
        )
        assert cursor.fetchall() == [("insert", "1", "sql", "postgres"), ("truncate", "*", "sql", "postgres")]


def test_the_chain_goes_on_on_another_server_that_counts_its_transactions_from_lower_down() -> None:
    three_changes()
    tamper("UPDATE audit_entry SET xid = (xid::text::bigint + 1000000000)::text::xid8")  # as restored from elsewhere
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        for statement in audit.resumption("restore", taken_at="2013-06-14"):
            cursor.execute(statement.replace("%", "%%"))
    with acting(TESTER, EVERYWHERE), connection.cursor() as cursor:
        cursor.execute("UPDATE parties_account SET role = 'city'")
    seal_all(5)
    assert audit.verify() == audit.Verdict(True, 5, 0)
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT table_name FROM audit_entry JOIN audit_seal ON entry_id = id ORDER BY no")
        assert [table for (table,) in cursor.fetchall()][3:] == ["installation", "parties_account"]
    tamper("DELETE FROM audit_shift")  # without it the next entry would seem slipped in


def test_a_seal_removed_together_with_its_neighbour_names_the_first() -> None:
    three_changes()
    seal_all(3)
    tamper("DELETE FROM audit_seal WHERE no IN (1, 2)")
    assert audit.verify() == audit.Verdict(False, 0, 0, "seal 1 was removed")
