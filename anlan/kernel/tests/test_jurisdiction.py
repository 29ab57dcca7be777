"""Jurisdiction in the database: closed by default, whatever the query."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from anlan.kernel import policies
from anlan.kernel.models import Stale
from anlan.kernel.registers import register_named
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting, area_prefix, upper_bound
from anlan.parties.models import Account, Authority, Enterprise, Person, Post

TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db


def account(username: str, area: str, **more: object) -> Account:
    return Account.objects.create_user(username, None, name=username, role="district", area_code=area, **more)


@pytest.fixture
def two_districts() -> tuple[Account, Account]:
    with acting(TESTER, EVERYWHERE):
        return account("yubei", "500112000000"), account("banan", "500113000000")


def test_without_a_scope_everything_reads_as_empty(two_districts: object) -> None:
    assert Account.objects.count() == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), max(username) FROM parties_account")
        assert cursor.fetchone() == (0, None)


def test_a_district_sees_itself_and_not_its_neighbour(two_districts: object) -> None:
    with acting(TESTER, Scope("500112")):
        assert [a.username for a in Account.objects.all()] == ["yubei"]


def test_an_industry_and_an_enterprise_bind_what_an_area_alone_leaves_open() -> None:
    """Also a scope of before there was a setting for those that are bound by their area alone."""
    with acting(TESTER, EVERYWHERE):
        one, other = (
            Enterprise.objects.create(name=f"{name}厂", area_code="500112001001", industry_id=name)
            for name in ("road", "coal")
        )  # fmt: skip

    def seen(**bound: Any) -> set[int]:
        with acting(TESTER, Scope("500112", **bound)):
            return set(Enterprise.objects.values_list("pk", flat=True))

    assert seen() == {one.pk, other.pk}
    assert seen(industries=frozenset({"coal"})) == seen(enterprise=other.pk) == {other.pk}
    assert seen(industries=frozenset({"coal"}), enterprise=one.pk) == seen(industries=frozenset()) == set()
    with acting(TESTER, Scope("500112")), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('anlan.unbound', '', true)")
        assert Enterprise.objects.count() == 2
        cursor.execute("SELECT set_config('anlan.industries', 'coal', true)")
        assert Enterprise.objects.count() == 1


def test_writing_outside_the_scope_is_refused_by_the_database(two_districts: object) -> None:
    with acting(TESTER, Scope("500112")):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            account("intruder", "500113000000")
        assert Account.objects.filter(username="banan").update(name="x") == 0


def test_nested_scopes_restore_the_outer_one(two_districts: object) -> None:
    with acting(TESTER, Scope("500112")):
        with acting(TESTER, EVERYWHERE):
            assert Account.objects.count() == 2
        assert Account.objects.count() == 1
        with pytest.raises(IntegrityError), acting(TESTER, EVERYWHERE):
            account("banan", "500113000000")
        assert Account.objects.count() == 1


def test_who_acts_already_is_not_stated_again_but_in_another_transaction(
    two_districts: object, django_assert_num_queries: Any
) -> None:
    with acting(TESTER, Scope("500112")):
        with django_assert_num_queries(1), acting(TESTER, Scope("500112"), savepoint=False):
            assert Account.objects.count() == 1
        with pytest.raises(IntegrityError), acting(TESTER, Scope("500112")):
            account("banan", "500112000000")
        assert Account.objects.count() == 1

    def elsewhere() -> str:
        """In a thread that knows who acts, on a connection of its own to which nobody has stated it."""
        try:
            with acting(TESTER, Scope("500112")), connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('anlan.area_low')")
                return str(cursor.fetchone()[0])
        finally:
            connection.close()

    with acting(TESTER, Scope("500112")), ThreadPoolExecutor() as pool:
        assert pool.submit(copy_context().run, elsewhere).result() == "500112"


def test_the_application_owns_no_table_and_cannot_bypass() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT rolbypassrls, rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)


@pytest.mark.parametrize("model", policies.our_models(), ids=lambda m: m._meta.label)
def test_every_table_declares_its_scope_and_has_it_forced(model: type) -> None:
    policies.condition(model)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relrowsecurity, relforcerowsecurity, (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) > 0 "
            "FROM pg_class c WHERE relname = %s",
            [model._meta.db_table],
        )
        assert cursor.fetchone() == (True, True, True)


def test_two_people_saving_the_same_record_the_second_is_told(two_districts: object) -> None:
    with acting(TESTER, EVERYWHERE):
        first, second = Account.objects.get(username="yubei"), Account.objects.get(username="yubei")
        first.name = "a"
        first.save()
        second.name = "b"
        with pytest.raises(Stale):
            second.save()
        assert Account.objects.get(username="yubei").name == "a"


@pytest.mark.parametrize(
    ("code", "prefix"),
    [
        ("500000000000", "50"),
        ("500112000000", "500112"),
        ("500112001000", "500112001"),
        ("500112001001", "500112001001"),
    ],
)
def test_a_division_code_stands_for_its_prefix(code: str, prefix: str) -> None:
    assert area_prefix(code) == prefix
    assert prefix <= code < upper_bound(prefix)


def test_rows_that_follow_others_are_asked_for_one_by_one() -> None:
    """A hash of all rows that are followed would be made before the first row of a list is found."""
    posts = register_named("posts")
    assert posts is not None
    with acting(TESTER, EVERYWHERE):
        here = Person.objects.create(name="张三", area_code="500112000000")
        there = Person.objects.create(name="李四", area_code="500113000000")
        body = Authority.objects.create(name="渝北区安监局", kind="supervisor", tier=2, area_code="500112000000")
        other = Authority.objects.create(name="巴南区安监局", kind="supervisor", tier=2, area_code="500113000000")
        Post.objects.create(person=here, authority=body, title="局长")
        Post.objects.create(person=there, authority=other, title="局长")
        of_yubei = account("yubei", "500112000000")
    with acting(of_yubei.actor, of_yubei.scope):
        rows = posts.policy.which(of_yubei, "see")
        assert [post.person.name for post in rows] == ["张三"]
        assert "parties_person" in rows.order_by().values("pk").query.get_compiler("default").as_sql()[0]
        assert "hashed" not in rows.explain()
