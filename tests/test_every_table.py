"""Every table of the database, our own and the libraries': guarded by forced row security, or shut, or said why not.

The list is the database's, not the program's: a table that a new library brings fails until somebody declares it.
"""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, connections, transaction

from anlan.kernel import files, policies, sealing
from anlan.kernel.middleware import NOBODY
from anlan.kernel.scope import EVERYWHERE, Actor, Addressed, Open, Scope, Shut, acting
from anlan.offices.plan.models import Plan, Source
from anlan.parties.models import Account, Authenticator, Recovery
from anlan.site.backup.making import named_evidence

TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db(databases=["default", "owner"])
EVERY = (
    "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, "
    "(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid), "
    "ARRAY(SELECT v FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) v "
    "WHERE has_table_privilege('anlan_app', c.oid, v) OR (v <> 'DELETE' AND v <> 'TRUNCATE' AND v <> 'TRIGGER' "
    "AND has_any_column_privilege('anlan_app', c.oid, v))) "
    "FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
    "ORDER BY 1"
)
Row = tuple[str, bool, int, list[str]]


def tables() -> list[Row]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(EVERY)
        return [r for r in cursor.fetchall() if r[0] not in policies.OWN_PROTECTION and not r[0].startswith("tests_")]


def test_every_table_is_declared_and_guarded_as_declared() -> None:
    found = tables()
    wrong = []
    for table, forced, number, may in found:
        rule = policies.rule_of_table(table)
        if rule is None:
            wrong.append(f"{table}: nobody says who may see it (policies.of_others)")
        elif isinstance(rule, Shut):
            if may:
                wrong.append(f"{table}: shut, but the application may {may}")
        elif not (forced and number == 1 + bool(getattr(rule, "published", None) or isinstance(rule, Addressed))):
            wrong.append(f"{table}: row security is not forced by the policies that it declares")
        elif not set(may) <= {"SELECT", "INSERT", "UPDATE", "DELETE"}:
            wrong.append(f"{table}: the application may {may}")
    assert wrong == []
    assert len(found) > 40


def test_a_declaration_without_a_table_is_out_of_date() -> None:
    assert set(policies._of_others) - {t for t, *_ in tables()} == set()


def test_the_audit_is_read_in_scope_and_written_by_nobody() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(EVERY)
        own = {r[0]: r for r in cursor.fetchall() if r[0] in policies.OWN_PROTECTION}
    assert own["audit_entry"][1]
    assert own["audit_entry"][3] == ["SELECT"]
    assert own["audit_seal"][3] == []


def test_the_application_owns_nothing_and_cannot_step_round_row_security() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relowner = 'anlan_app'::regrole")
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'anlan_app'"
        )
        assert cursor.fetchone() == (False, False, False, False)
        cursor.execute("SELECT has_schema_privilege('anlan_app', 'public', 'CREATE')")
        assert cursor.fetchone() == (False,)
        cursor.execute("SELECT count(*) FROM pg_auth_members WHERE member = 'anlan_app'::regrole")
        assert cursor.fetchone() == (0,)


def test_without_a_scope_and_in_a_strangers_request_no_guarded_table_has_a_row() -> None:
    """Raw SQL under the application's role, as an injection would run it."""
    with acting(TESTER, EVERYWHERE):
        account = Account.objects.create(username="x", name="x", role="city", area_code="500000000000")
        Authenticator.begin(account)
        Recovery.renew(account)
    stranger = Actor("person", "stranger", account.pk + 1)
    leaked = {}
    for table, *_rest in tables():
        rule = policies.rule_of_table(table)
        if isinstance(rule, Open | Shut):
            continue
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            if number := cursor.fetchone()[0]:
                leaked[table] = f"{number} without a scope"
        for who, scope in ((stranger, Scope("500103")), (Actor("person", "anonymous"), NOBODY)):
            with acting(who, scope), connection.cursor() as cursor:
                cursor.execute(f'SELECT count(*) FROM "{table}"')
                if number := cursor.fetchone()[0]:
                    leaked[table] = f"{number} for {who.name}"
    assert leaked == {}


@pytest.mark.parametrize("table", ["auth_group", "django_session", "django_migrations", "axes_accesslog", "audit_seal"])
def test_a_shut_table_refuses_even_everywhere(table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), acting(TESTER, EVERYWHERE):  # noqa: SIM117
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f'SELECT 1 FROM "{table}"')


def test_second_factors_are_their_holders_and_no_secret_stands_in_the_table() -> None:
    with acting(TESTER, EVERYWHERE):
        mine = Account.objects.create(username="a", name="a", role="district", area_code="500112000000")
        other = Account.objects.create(username="b", name="b", role="district", area_code="500112000000")
        device = Authenticator.begin(mine)
        codes = Recovery.renew(mine)
        secret = device.bin_key
        with connection.cursor() as cursor:
            cursor.execute("SELECT key FROM otp_totp_totpdevice")
            (kept,) = cursor.fetchone()
            cursor.execute("SELECT token FROM otp_static_statictoken")
            marks = {m for (m,) in cursor.fetchall()}
    assert secret.hex() not in kept
    assert len(secret) == 20
    assert len(marks) == 10
    assert not marks & {c.upper() for c in codes}
    assert not marks & set(codes)
    with acting(mine.actor, mine.scope):
        assert Authenticator.objects.count() == 1
    with acting(other.actor, other.scope):
        assert Authenticator.objects.count() == 0
        assert Recovery.objects.count() == 0
        # Put under another account's name, the sealed secret opens nothing.
        moved = Authenticator(user=other, key=kept)
        with pytest.raises(sealing.CannotOpen):
            _ = moved.bin_key


def test_a_key_is_replaced_without_locking_anybody_out(settings: object) -> None:
    settings.SECRETS_KEYS = ["old"]  # type: ignore[attr-defined]
    sealed, mark = sealing.seal(b"secret", "p"), sealing.marks("code", "p")[0]
    settings.SECRETS_KEYS = ["new", "old"]  # type: ignore[attr-defined]
    assert sealing.unseal(sealed, "p") == b"secret"
    assert mark in sealing.marks("code", "p")
    settings.SECRETS_KEYS = ["new"]  # type: ignore[attr-defined]
    for text in (sealed, sealed[:-4], "1.", "", "deadbeef", "1.é"):
        with pytest.raises(sealing.CannotOpen):
            sealing.unseal(text, "p")


def test_every_table_with_a_digest_says_whether_it_is_a_files() -> None:
    naming = {m._meta.db_table for m in policies.our_models() if files.names_files(m)}
    assert naming == {"cases_evidencefile", "cases_upload", "parties_paperfile"}


@pytest.mark.django_db
def test_the_text_of_a_plan_is_no_evidence_that_could_be_missing() -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        plan = Plan.objects.create(year=2013, area_code="500000000000", edition=1, title="要点")
        Source.objects.create(plan=plan, name="要点.md", text="原文", sha256="7f" * 32)
        assert Source.objects.exists()
        assert list(named_evidence(connection.connection)) == []
