"""Each look at personal data leaves a trace that only those who supervise there can read."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from anlan.kernel.registers.shown import shown
from anlan.kernel.registers.writing import Refused, store
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.parties.looks import looked
from anlan.parties.models import Authority, Division, Enterprise, Looked, Person, Post

TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db


@pytest.fixture
def head() -> Person:
    with acting(TESTER, EVERYWHERE):
        firm = Enterprise.objects.create(name="重庆甲厂", area_code="500112131001", gb4754="5430")
        return Person.objects.create(
            name="张三", area_code=firm.area_code, industry_id=firm.industry_id, enterprise=firm
        )


def test_a_look_says_who_at_whom_and_where(head: Person) -> None:
    with acting(Actor("person", "yubei", 7), Scope("500112")):
        shown.send(Person, records=[head], page="/r/people/")
        shown.send(Division, records=[Division.objects.get(pk="500112000000")], page="/r/divisions/")
        assert list(Looked.objects.values_list("account_id", "actor", "table", "row", "page", "industry_id")) == [
            (7, "person yubei", "parties_person", str(head.pk), "/r/people/", "road")
        ]
    with acting(TESTER, Scope("500113")):
        assert Looked.objects.count() == 0
    with acting(TESTER, Scope("500112", frozenset({"coal"}))):
        assert Looked.objects.count() == 0


def test_a_look_at_a_post_is_a_look_at_its_holder(head: Person) -> None:
    with acting(TESTER, EVERYWHERE):
        office = Authority.objects.create(name="某局", kind="supervisor", tier=2, area_code="500112000000")
        looked([Post.objects.create(person=head, authority=office, title="局长")], "/r/posts/")
        assert Looked.objects.get().area_code == head.area_code
        with pytest.raises(TypeError):
            looked([Division.objects.get(pk="500112000000")], "/r/divisions/")
    with pytest.raises(RuntimeError):
        looked([head], "/r/people/")


def test_the_trace_can_only_be_added_to(head: Person) -> None:
    with acting(TESTER, EVERYWHERE):
        looked([head], "/r/people/")
        for sql in ("DELETE FROM parties_looked", "UPDATE parties_looked SET actor = 'x'"):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                connection.cursor().execute(sql)


def test_people_are_closed_to_other_districts_industries_and_enterprises(head: Person) -> None:
    for scope, seen in (
        (Scope("500112"), 1),
        (Scope("500112131001"), 1),
        (Scope("500113"), 0),
        (Scope("50", frozenset({"road"})), 1),
        (Scope("50", frozenset({"coal"})), 0),
        (Scope("500112131001", None, head.enterprise_id), 1),
        (Scope("500112131001", None, (head.enterprise_id or 0) + 1), 0),
    ):
        with acting(TESTER, scope):
            assert (Person.objects.count(), Enterprise.objects.count()) == (seen, seen), str(scope)


def test_a_post_at_an_authority_is_given_by_those_in_whose_area_the_authority_is() -> None:
    with acting(TESTER, EVERYWHERE):
        mine = Person.objects.create(name="李四", area_code="500112131000")
        neighbour = Authority.objects.create(name="邻区安监局", kind="supervisor", tier=2, area_code="500113000000")
        township = Authority.objects.create(name="镇安监办", kind="supervisor", tier=3, area_code="500112131000")
    with acting(TESTER, Scope("500112131")):
        with pytest.raises(Refused) as refused:
            store(Post(person=mine, authority=neighbour, title="局长", head=True))
        assert [code for code, _words in refused.value.problems[""]] == ["outside_scope"]
        post = Post(person=mine, authority=township, title="主任", head=True)
        store(post)
        post.authority = neighbour
        with pytest.raises(Refused):
            store(post)
        with pytest.raises(DatabaseError), transaction.atomic():
            Post.objects.update(authority=neighbour)
    with acting(TESTER, Scope("50")):
        store(Post(person=mine, authority=neighbour, title="副局长"))
