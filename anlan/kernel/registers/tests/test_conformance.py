"""Every register, by being declared: who may what, nothing leaks, constant queries, filters filter, Chinese."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import django_filters
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from django.utils.translation import trans_real

from anlan.kernel.clock import BEIJING
from anlan.kernel.policy import EVERY_ROLE
from anlan.kernel.registers import Register, all_registers, query, schemas, search
from anlan.kernel.registers.conformance import ELSEWHERE, HERE, narrowed, sample, seer
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.parties.models import Account

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
TESTER = Actor("test", "tests")
REGISTERS = all_registers()
every_register = pytest.mark.parametrize("declared", REGISTERS, ids=[d.name for d in REGISTERS])
QUERIES = 24
"""The most queries that one API list takes, sign-in, counting and logging of looks included."""


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    from anlan.site.translations import compile_all

    if compile_all():
        trans_real._translations.clear()


def somebody(role: str, area: str) -> tuple[Account, str]:
    """An account of that role at that place, and its token."""
    with acting(TESTER, EVERYWHERE):
        account = Account.objects.create(username=f"{role}-{area}", name=role, role=role, area_code=area)
        return account, ApiToken.issue(account, "tests", ["*:write"])


def rows(declared: type[Register], many: int, area: str = HERE) -> list[Any]:
    with acting(TESTER, EVERYWHERE):
        start = 1000 if area == HERE else 5000
        return [sample(declared, start + n, area) for n in range(many)]


def call(token: str, method: str, path: str, body: Any = None) -> Any:
    data = b"" if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "If-Match": "1"} if token else {}
    return Client().generic(method, f"/api/v1/{path}", data, content_type="application/json", headers=headers)


def listed(token: str, declared: type[Register], **asked: str) -> Any:
    return Client().get(f"/api/v1/{declared.name}", asked, headers={"Authorization": f"Bearer {token}"})


def served(declared: type[Register], method: str) -> bool:
    verb: Any = {"POST": "add", "PATCH": "change", "DELETE": "remove"}[method]
    return bool(declared.rights.roles(verb)) and hasattr(declared.model, "version") and bool(declared.editable())


@every_register
def test_nobody_sees_nothing(declared: type[Register]) -> None:
    row = rows(declared, 1)[0]
    assert call("", "GET", declared.name).status_code == 401
    assert call("", "GET", f"{declared.name}/{row.pk}").status_code == 401
    page = Client().get(f"/r/{declared.name}/")
    assert page.status_code == 302
    assert page.headers["Location"].startswith("/sign-in/")


@every_register
def test_without_the_right_to_see_a_register_does_not_exist(declared: type[Register]) -> None:
    for role in sorted(EVERY_ROLE - declared.rights.roles("see") - {"enterprise"}):
        account, token = somebody(role, HERE)
        row = rows(declared, 1)[0] if role == "duty" else None
        assert call(token, "GET", declared.name).status_code == 404
        assert call(token, "GET", f"{declared.name}/{row.pk if row else 1}").status_code in (404, 422)
        with acting(account.actor, account.scope):
            assert not declared.policy.which(account, "see").exists()


@every_register
def test_with_the_right_a_record_in_scope_is_listed_answered_and_counted(declared: type[Register]) -> None:
    row = rows(declared, 1)[0]
    _account, token = somebody(seer(declared), HERE)
    one = call(token, "GET", f"{declared.name}/{row.pk}")
    assert one.status_code == 200, one.content
    assert str(one.json()["id"]) == str(row.pk)
    assert listed(token, declared).json()["count"]["number"] >= 1


@pytest.mark.parametrize("declared", [d for d in REGISTERS if narrowed(d)], ids=lambda d: d.name)
def test_the_same_right_elsewhere_shows_nothing(declared: type[Register]) -> None:
    row = rows(declared, 1)[0]
    account, token = somebody(seer(declared), ELSEWHERE)
    there, nowhere = (call(token, "GET", f"{declared.name}/{key}") for key in (row.pk, 987654321))
    assert (there.status_code, there.content) == (nowhere.status_code, nowhere.content)
    assert there.status_code == 404
    answer = listed(token, declared).json()
    assert str(row.pk) not in {str(r["id"]) for r in answer["rows"]}
    with acting(account.actor, account.scope):
        assert not declared.policy.which(account, "see").filter(pk=row.pk).exists()
        assert not declared.policy.may(account, "see", row)
        for name in declared.search:
            found = search.found(declared, account, str(getattr(row, name) or ""), 50)
            assert row.pk not in {r.pk for r in found}
    for method in ("PATCH", "DELETE"):
        if served(declared, method):
            answer = call(token, method, f"{declared.name}/{row.pk}?reason=x", {} if method == "PATCH" else None)
            assert answer.status_code in (403, 404)


@every_register
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_writing_needs_its_own_right(declared: type[Register], method: str) -> None:
    row = rows(declared, 1)[0]
    verb: Any = {"POST": "add", "PATCH": "change", "DELETE": "remove"}[method]
    without = sorted(declared.rights.roles("see") - declared.rights.roles(verb) - {"enterprise"})
    for role in without[:2]:
        account, token = somebody(role, HERE)
        path = declared.name if method == "POST" else f"{declared.name}/{row.pk}"
        with acting(TESTER, EVERYWHERE):  # a whole record: that it may not be added is the only thing wrong with it
            asked = {f.attname for n in declared.editable() if (f := declared.field(n)) is not None}
            whole = {k: v for k, v in schemas.values(declared, row).items() if k in asked}
        body = {"POST": json.loads(json.dumps(whole, default=str)), "PATCH": {}, "DELETE": None}[method]
        answer = call(token, method, f"{path}?reason=x", body)
        if served(declared, method):
            assert answer.status_code in ((403,) if method == "POST" else (403, 404)), answer.content
        else:
            assert answer.status_code == 405
        with acting(account.actor, account.scope):
            assert not declared.policy.may(account, verb, row)
            assert not declared.policy.which(account, verb).exists()
    with acting(TESTER, EVERYWHERE):
        assert declared.model._default_manager.filter(pk=row.pk).exists()


@every_register
def test_a_list_of_fifty_takes_as_many_queries_as_one_of_five(declared: type[Register]) -> None:
    _account, token = somebody(seer(declared), HERE)
    listed(token, declared)  # that the token was used is noted every five minutes
    taken = []
    for many in (5, 45):
        start = 100 * (many + 1)
        with acting(TESTER, EVERYWHERE):
            for n in range(many):
                sample(declared, start + n)
        with CaptureQueriesContext(connection) as queries:
            assert listed(token, declared).status_code == 200
        taken.append(len(queries))
    assert taken[0] == taken[1]
    assert taken[0] <= QUERIES


@every_register
def test_whoever_sees_one_industry_walks_along_the_sort(declared: type[Register]) -> None:
    with acting(TESTER, Scope("50", frozenset({"coal"}))):
        query.listing(declared, declared.model._default_manager.all(), {}).page(few=False)


@every_register
def test_a_caller_with_a_key_asks_by_the_records_that_he_may_see(declared: type[Register]) -> None:
    row = rows(declared, 1)[0]
    account, token = somebody(seer(declared), HERE)
    for name, one in query.filterset(declared).base_filters.items():
        if not isinstance(one, query.RecordFilter):
            continue
        field = declared.model._meta.get_field(str(one.field_name))
        named, value = query.register_of(field.related_model), getattr(row, field.attname)
        if value and named is not None and named.policy.may(account, "see"):
            answer = listed(token, declared, **{name: str(value)})
            assert answer.status_code == 200, (name, answer.content)


@every_register
def test_every_filter_filters(declared: type[Register]) -> None:
    row = rows(declared, 2)[0]
    with acting(TESTER, EVERYWHERE):
        every = declared.model._default_manager.all()
        row.refresh_from_db()
        for name, one in query.filterset(declared).base_filters.items():
            field = declared.model._meta.get_field(str(one.field_name))
            value = getattr(row, field.attname)
            if value in (None, ""):
                continue
            if isinstance(value, dt.datetime):
                value = value.astimezone(BEIJING).date()
            asked = {name: [value] if isinstance(one, django_filters.MultipleChoiceFilter) else value}
            with_it = query.listing(declared, every, _address(asked)).rows
            assert with_it.filter(pk=row.pk).exists(), name
            assert with_it.query.where, f"{name} asks for nothing"
            assert not with_it.query.distinct, f"{name}: the whole list would be sorted to show its first page"
            if isinstance(one, django_filters.DateFilter):
                days = 1 if name.endswith("_from") else -1
                asked = {name: value + dt.timedelta(days=days)}
                assert not query.listing(declared, every, _address(asked)).rows.filter(pk=row.pk).exists(), name
            elif isinstance(one, query.PrefixFilter | query.AreaFilter):
                away = {name: "999999999999"}
                assert not query.listing(declared, every, _address(away)).rows.filter(pk=row.pk).exists(), name
            else:
                assert set(with_it.values_list(field.attname, flat=True)) == {value}, name


def _address(asked: dict[str, Any]) -> Any:
    from django.http import QueryDict

    address = QueryDict(mutable=True)
    for key, value in asked.items():
        address.setlist(key, [str(v) for v in (value if isinstance(value, list) else [value])])
    return address


@every_register
def test_every_title_and_label_is_in_chinese(declared: type[Register]) -> None:
    with translation.override("zh-hans"):
        words = [declared.title, declared.singular, *(title for title, _fields in declared.sections)]
        names = [
            *declared.choosable(),
            *declared.filters,
            *(f.name for f in query.pointing(declared)),
            *(n for _title, fields in declared.sections for n in fields),
        ]
        words += [declared.label(name) for name in names]
        untranslated = sorted({str(w) for w in words if not re.search(r"[\u4e00-\u9fff]", str(w))})
    assert not untranslated
