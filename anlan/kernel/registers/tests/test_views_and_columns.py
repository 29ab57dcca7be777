"""Saved views and chosen columns, for every register: kept, shared, changed, removed, and seen by whom they may."""

from __future__ import annotations

import csv
import io
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from anlan.kernel.registers import Register, all_registers, query
from anlan.kernel.registers.conformance import ELSEWHERE, HERE, sample, seer
from anlan.kernel.registers.models import ListDefault, SavedView
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.kernel.sheets.applying import import_file
from anlan.parties.models import Account, Enterprise, Industry, Person

pytestmark = pytest.mark.django_db
TESTER = Actor("test", "tests")
REGISTERS = all_registers()
every_register = pytest.mark.parametrize(
    "declared",
    [
        pytest.param(d, id=d.name, marks=() if d.name in ("enterprises", "dangers") else pytest.mark.slow)
        for d in REGISTERS
    ],
)
LIST_QUERIES = 40
"""The most queries that a list page takes with every column and pick shown; constant, whatever the rows."""


@pytest.fixture(autouse=True)
def _assets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.site.assets._entry", lambda source: {"file": source})


def somebody(role: str, area: str = HERE, name: str = "") -> Client:
    with acting(TESTER, EVERYWHERE):
        username = name or f"{role}-{area}"
        enterprise = Enterprise.objects.create(name=username, area_code=area) if role == "enterprise" else None
        account = Account.objects.create(
            username=username, name=username, role=role, area_code=area, enterprise=enterprise
        )
        client = Client()
        client.force_login(account, settings.AUTHENTICATION_BACKENDS[-1])
    return client


def keep(client: Client, register: str, do: str, **fields: Any) -> Any:
    return client.post(f"/r/{register}/views/", {"do": do, **fields})


def view_of(name: str) -> SavedView:
    with acting(TESTER, EVERYWHERE):
        return SavedView.objects.get(name=name)


@every_register
def test_a_view_is_saved_opened_renamed_made_the_default_and_removed(declared: type[Register]) -> None:
    client, base = somebody(seer(declared)), f"/r/{declared.name}/"
    column, sort = declared.choosable()[-1], f"-{declared.order.removeprefix('-')}"
    saved = keep(client, declared.name, "save", name="我的", query=f"sort={sort}&cols={column}&cursor=x&nonsense=1")
    view = view_of("我的")
    assert saved.headers["Location"] == f"{base}?{view.query}&view={view.pk}"
    assert parse_qs(view.query) == {"sort": [sort], "cols": [column]}
    page = client.get(saved.headers["Location"])
    assert page.status_code == 200
    assert page.context["views"].current == view
    assert not page.context["views"].changed
    assert [c["key"] for c in page.context["columns"]] == [column]
    assert client.get(f"{base}?view={view.pk}").context["views"].changed

    keep(client, declared.name, "default", view=view.pk)
    assert client.get(base).headers["Location"] == saved.headers["Location"]
    assert client.get(f"{base}?view=all").status_code == 200
    keep(client, declared.name, "rename", view=view.pk, name="我的另一个", shared="on")
    keep(client, declared.name, "update", view=view.pk, query="")
    view = view_of("我的另一个")
    assert (view.query, view.shared) == ("", True)
    keep(client, declared.name, "usual")
    assert client.get(base).status_code == 200
    keep(client, declared.name, "remove", view=view.pk)
    with acting(TESTER, EVERYWHERE):
        assert not SavedView.objects.exists()


@every_register
def test_every_column_can_be_shown_in_a_constant_number_of_queries(declared: type[Register]) -> None:
    client, columns = somebody(seer(declared)), ",".join(reversed(declared.choosable()))
    taken = []
    for many in (2, 12):
        with acting(TESTER, EVERYWHERE):
            for n in range(many):
                sample(declared, 100 * many + n)
        with CaptureQueriesContext(connection) as queries:
            page = client.get(f"/r/{declared.name}/", {"cols": columns})
        assert page.status_code == 200
        assert ",".join(c["key"] for c in page.context["columns"]) == columns
        taken.append(len(queries))
    assert taken[0] == taken[1]
    assert taken[0] <= LIST_QUERIES


@pytest.mark.parametrize(
    "declared", [d for d in REGISTERS if d.rights.roles("export") - {"enterprise"}], ids=lambda d: d.name
)
def test_an_export_has_the_columns_shown_in_their_order_and_changes_nothing_when_imported(
    declared: type[Register],
) -> None:
    with acting(TESTER, EVERYWHERE):
        sample(declared, 31)
    client = somebody(next(r for r in ("district", "city") if r in declared.rights.roles("export")))
    for columns in (declared.columns, declared.choosable()):
        answer = client.get(f"/r/{declared.name}/export.csv", {"cols": ",".join(columns)})
        assert answer.status_code == 200
        data = b"".join(answer.streaming_content)
        with translation.override("zh-hans"):
            head = next(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
            wanted = [str(declared.label(c)) for c in columns]
            # What a row is found again by comes first, where it is no column already.
            assert head[-len(wanted) :] == wanted or set(wanted) == set(head)
        with acting(TESTER, EVERYWHERE):
            outcome = import_file(declared, data, name="list.csv", dry_run=True)
            assert not outcome.problems, outcome.problems
            assert (outcome.added, outcome.changed) == (0, 0)


@every_register
def test_columns_are_ticked_and_moved_without_script(declared: type[Register]) -> None:
    client, names = somebody(seer(declared)), declared.choosable()[:3]
    answer = client.get(f"/r/{declared.name}/", {"col": ["", *names], "down": names[0], "view": "all"})
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert asked["cols"] == [",".join([names[1], names[0], *names[2:]])]
    assert asked["choosing"] == ["1"]
    assert client.get(answer.headers["Location"]).status_code == 200
    usual = client.get(f"/r/{declared.name}/", {"col": ["", *declared.columns]})
    assert "cols" not in parse_qs(urlsplit(usual.headers["Location"]).query)


@pytest.mark.parametrize("cols", ["password", "name,name", ",", "name,", "id;drop", "x" * 5000])
def test_columns_that_cannot_be_are_refused_by_name(cols: str) -> None:
    answer = somebody("district").get("/r/enterprises/", {"cols": cols})
    assert answer.status_code == 400
    assert "?view=all" in answer.content.decode()


def test_a_shared_view_is_seen_by_colleagues_and_superiors_and_by_nobody_else() -> None:
    maker = somebody("district")
    keep(maker, "enterprises", "save", name="共享", query="status=operating", shared="on")
    keep(maker, "enterprises", "save", name="私人", query="status=closed")
    for role, area, sees in [
        ("inspector", HERE, True),
        ("city", "500000000000", True),
        ("district", ELSEWHERE, False),
        ("township", "500112001000", False),
        ("enterprise", HERE, False),
    ]:
        client = somebody(role, area, name=f"colleague-{role}-{area}")
        views = client.get("/r/enterprises/?view=all").context["views"]
        assert [v.name for v in views.others] == (["共享"] if sees else []), (role, area)
        assert views.mine == []
        shared = view_of("共享")
        for do in ("update", "rename", "remove"):
            assert keep(client, "enterprises", do, view=shared.pk, name="x", query="").status_code == 404
        chosen = keep(client, "enterprises", "default", view=shared.pk)
        assert chosen.status_code == (302 if sees else 404)
        private = keep(client, "enterprises", "default", view=view_of("私人").pk)
        assert private.status_code == 404
    assert view_of("共享").query == "status=operating"


def test_the_list_opens_with_everything_once_the_shared_view_is_gone() -> None:
    maker, colleague = somebody("district"), somebody("inspector")
    keep(maker, "enterprises", "save", name="共享", query="status=operating", shared="on")
    view = view_of("共享")
    keep(colleague, "enterprises", "default", view=view.pk)
    assert colleague.get("/r/enterprises/").status_code == 302
    keep(maker, "enterprises", "remove", view=view.pk)
    assert colleague.get("/r/enterprises/").status_code == 200
    with acting(TESTER, EVERYWHERE):
        assert ListDefault.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": ""}, 302),
        ({"name": "x" * 61}, 302),
        ({"name": "\0"}, 302),
        ({"name": "a", "query": "status=nonsense"}, 400),
        ({"name": "a", "query": "sort=password"}, 400),
        ({"name": "a", "query": "cols=password"}, 400),
        ({"name": "a", "query": "q=" + "x" * 3000}, 302),
        ({"name": "a", "query": "area_code=%00"}, 400),
    ],
)
def test_views_that_cannot_be_are_not_kept(fields: dict[str, str], status: int) -> None:
    client = somebody("district")
    assert keep(client, "enterprises", "save", **fields).status_code == status
    with acting(TESTER, EVERYWHERE):
        assert not SavedView.objects.exists()


def test_a_name_is_used_once_for_a_list_and_a_list_has_at_most_fifty_of_ones_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = somebody("district")
    monkeypatch.setattr("anlan.kernel.registers.saved.MOST", 2)
    for name in ("甲", "甲", "乙", "丙"):
        keep(client, "enterprises", "save", name=name, query="")
    with acting(TESTER, EVERYWHERE):
        assert list(SavedView.objects.order_by("name").values_list("name", flat=True)) == ["乙", "甲"]
    page = client.get("/r/enterprises/", {"view": "all"}).content.decode()
    assert "已保存2个视图" in page
    assert 'value="丙"' in page, "the form comes back open, with what was typed"
    assert 'value="丙"' not in client.get("/r/enterprises/", {"view": "all"}).content.decode()


@pytest.mark.parametrize("view", ["x", "0", "-1", "9" * 40, "１", ""])
def test_views_that_are_none_change_nothing(view: str) -> None:
    client = somebody("district")
    assert client.get("/r/enterprises/", {"view": view, "q": "x"}).status_code == 200
    assert keep(client, "enterprises", "remove", view=view).status_code == 404
    assert keep(client, "enterprises", "nonsense").status_code == 404


def test_filters_by_record_and_place_are_told_by_name_and_written_by_name() -> None:
    with acting(TESTER, EVERYWHERE):
        row = Enterprise.objects.create(name="渝北大厂", area_code=HERE, credit_code="91500112MA5U000000")
    client = somebody("district")
    page = client.get("/r/people/", {"enterprise": row.pk, "area_code": HERE}).context
    assert [c["value"] for c in page["filters"]["chips"]] == ["渝北区", "渝北大厂"]
    assert client.get("/r/people/", {"enterprise": "渝北大厂"}).status_code == 200
    assert client.get("/r/enterprises/", {"area_code": "渝北区"}).context["count"].number == 1
    for wrong in ("巴南区", "没有这个地方", "500113000000000"):
        answer = client.get("/r/enterprises/", {"area_code": wrong})
        assert answer.status_code == 400
    assert client.get("/r/people/", {"enterprise": "没有这家"}).status_code == 400


def test_a_record_shows_how_many_point_at_it_and_opens_them() -> None:
    with acting(TESTER, EVERYWHERE):
        row = Enterprise.objects.create(name="渝北大厂", area_code=HERE)
    client = somebody("district")
    taken = []
    for many in (1, 7):
        with acting(TESTER, EVERYWHERE):
            for n in range(many):
                Person.objects.create(name=f"人{many}-{n}", area_code=HERE, enterprise=row)
        with CaptureQueriesContext(connection) as queries:
            page = client.get(f"/r/enterprises/{row.pk}/")
        taken.append(len(queries))
    people = next(r for r in page.context["related"] if "/r/people/" in r.url)
    assert people.count == query.Count(8, True)
    assert client.get(people.url).context["count"].number == 8
    assert taken[0] == taken[1]


def test_changes_are_told_in_names_not_in_numbers() -> None:
    with acting(TESTER, EVERYWHERE):
        row = Enterprise.objects.create(name="厂", area_code=HERE)
        row.industry_id = "coal"
        row.save()
    text = somebody("district").get(f"/r/enterprises/{row.pk}/?tab=audit").content.decode()
    assert "渝北区" in text
    assert f"<dd>{Industry.objects.get(pk='coal')}</dd>" in text.replace("<del>–</del> → ", "")


def test_a_view_that_was_kept_in_an_order_that_is_gone_opens_in_the_lists_own(db: None) -> None:
    gone = import_module("anlan.kernel.registers.migrations.0002_sorts_gone").GONE
    kept = {
        "sort=industry": "", "sort=-industry&q=x": "q=x", "q=x&sort=industry&cols=title": "q=x&cols=title",
        "sort=enterprise": "sort=enterprise", "q=sort": "q=sort",
    }  # fmt: skip
    with acting(TESTER, EVERYWHERE):
        account = Account.objects.create(username="kept", name="x", role="city", area_code="500000000000")
        for text in kept:
            SavedView.objects.create(account=account, register="dangers", name=text, query=text)
        with connection.cursor() as cursor:
            cursor.execute(gone)
        assert dict(SavedView.objects.filter(account=account).values_list("name", "query")) == kept
