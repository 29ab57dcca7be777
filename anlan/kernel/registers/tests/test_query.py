"""Lists: paging loses nothing and repeats nothing, whatever the sort; addresses that cannot be are refused."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from anlan.kernel import clock
from anlan.kernel.models import pointed
from anlan.kernel.registers import all_registers, query, register_named
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.offices.hazards.models import Danger
from anlan.parties.models import Enterprise

TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db
NAMES = ["甲", "乙", "甲", "丙", "丁", "甲", "戊", "己", "庚", "辛", "壬"]


@pytest.fixture
def enterprises() -> list[int]:
    with acting(TESTER, EVERYWHERE):
        made = [
            Enterprise.objects.create(
                name=f"{name}厂", area_code="500112000000" if n % 3 else "500113000000", staff=None if n % 4 == 0 else n
            )
            for n, name in enumerate(NAMES)
        ]
    return [e.pk for e in made]


def listing(**asked: Any) -> query.Listing:
    declared = register_named("enterprises")
    assert declared is not None
    return query.listing(declared, Enterprise.objects.all(), asked)


@pytest.mark.parametrize("sort", ["name", "-name", "staff", "-staff", "credit_code", "-credit_code"])
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_walking_forward_and_back_meets_every_row_once(enterprises: list[int], sort: str, size: int) -> None:
    with acting(TESTER, EVERYWHERE):
        asked = listing(sort=sort)
        whole = [row.pk for row in asked.page(size=200).rows]
        assert sorted(whole) == sorted(enterprises)
        assert [row.pk for row in asked.whole()] == whole, "an export has the order of its list"
        forward, cursor = [], ""
        for _ in range(40):
            page = asked.page(cursor, size)
            if not page.rows:
                break
            forward += [row.pk for row in page.rows]
            cursor = page.after
            if not cursor:
                break
        assert forward == whole
        back: list[int] = []
        last = asked.page("", 200).rows[-1]
        cursor = query._encode(True, sort.lstrip("-"), last)
        for _ in range(40):
            page = asked.page(cursor, size)
            back = [row.pk for row in page.rows] + back
            cursor = page.before
            if not cursor or not page.rows:
                break
        assert back == whole[:-1]


@pytest.mark.parametrize("sort", ["enterprise", "-enterprise", "number", "-number"])
@pytest.mark.parametrize("size", [1, 2, 50])
def test_a_list_is_sorted_by_what_it_shows_and_walked_so(enterprises: list[int], sort: str, size: int) -> None:
    """By the names of enterprises, not by their keys, and by the place in the series, not by its first digit."""
    with acting(TESTER, EVERYWHERE):
        others = [None, *enterprises]
        for n in range(1, 14):
            Danger.objects.create(
                number=f"渝北安隐〔{2013 + n % 2}〕{n}号", title="x", state="found", source="inspection",
                description="x", found_at=clock.now(), area_code="500113000000", owner_area_code="500113000000",
                enterprise_id=others[n * 7 % len(others)],
            )  # fmt: skip
    declared = register_named("dangers")
    assert declared is not None
    with acting(TESTER, Scope("500113")):  # in which few of the enterprises lie
        asked = query.listing(declared, Danger.objects.all(), {"sort": sort})
        whole = asked.page(size=200).rows
        assert [row.pk for row in asked.whole()] == [row.pk for row in whole]
        key, down = sort.lstrip("-"), sort.startswith("-")
        if key == "number":
            shown: list[Any] = [tuple(map(int, re.findall(r"[0-9]+", row.number))) for row in whole]
        else:
            shown = [found.name if (found := pointed(row, key)) is not None else None for row in whole]
        known = [one for one in shown if one is not None]
        assert known == sorted(known, reverse=down)
        assert len(set(known)) > 1
        assert shown == known + [None] * (13 - len(known)), "what is not seen stands last"
        met, cursor = [], ""
        while True:
            page = asked.page(cursor, size)
            met += [row.pk for row in page.rows]
            cursor = page.after
            if not cursor:
                break
        assert met == [row.pk for row in whole]
        back, cursor = [], query._encode(True, declared.order_of(key), whole[-1])
        while cursor:
            page = asked.page(cursor, size)
            back = [row.pk for row in page.rows] + back
            cursor = page.before
        assert back == met[:-1]


def test_a_column_whose_records_do_not_say_how_they_are_called_is_no_order() -> None:
    """Of an industry there are half a million dangers: by its name no index could sort, by its key nobody would."""
    declared = register_named("dangers")
    assert declared is not None
    assert declared.sortable("enterprise")
    assert not declared.sortable("industry")
    with acting(TESTER, EVERYWHERE), pytest.raises(query.BadQuery) as refused:
        query.listing(declared, Danger.objects.all(), {"sort": "industry"})
    assert refused.value.place == "sort"


def test_a_list_and_its_count_stay_in_scope(enterprises: list[int]) -> None:
    with acting(TESTER, Scope("500113")):
        assert listing().count() == query.Count(4, True)
        assert {row.area_code for row in listing().page().rows} == {"500113000000"}


def test_a_long_list_is_counted_in_part_and_its_length_estimated(
    enterprises: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with acting(TESTER, EVERYWHERE):
        assert listing().count() == query.Count(11, True)  # as the planner itself tells it
        assert query.listing(register_named("enterprises"), Enterprise.objects.none(), QueryDict()).count().number == 0
        monkeypatch.setattr(QuerySet, "explain", lambda rows, format: '[{"Plan": {"Plan Rows": 52749}}]')
        monkeypatch.setattr(query, "COUNTED", 11)
        assert listing().count() == query.Count(11, True)
        monkeypatch.setattr(query, "COUNTED", 3)
        assert listing().count() == query.Count(3, False, 53_000, few=False)
        assert listing(area_code="500112000000").count() == query.Count(3, False, 53_000, few=False)
        assert listing(count="all").count() == query.Count(11, True)
        monkeypatch.setattr(QuerySet, "explain", lambda rows, format: '[{"Plan": {"Plan Rows": 5000}}]')
        assert listing().count() == query.Count(3, False, 5_000, few=True), "sooner sorted than walked to"
        monkeypatch.setattr(QuerySet, "explain", lambda rows, format: '[{"Plan": {"Plan Rows": 52749}}]')
        monkeypatch.setattr(query, "COUNTED", 1)
        for narrower in ({"q": "甲"}, {"high_hazard": "false"}):
            told = listing(**narrower).count()
            assert told == query.Count(1, False, few=False), "how frequent it is elsewhere is not told"
        with acting(TESTER, Scope("500112", frozenset({"road"}))):
            assert not listing().whole_of_area, "nor how the neighbours' industries lie"
        counted = QueryDict("counted=hazards.open&period=2013")
        dangers = register_named("dangers")
        assert dangers is not None
        assert not query.listing(dangers, Danger.objects.all(), counted).whole_of_area


def test_several_lists_are_counted_in_one_query(enterprises: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "COUNTED", 4)
    rows = Enterprise.objects
    with acting(TESTER, EVERYWHERE), CaptureQueriesContext(connection) as queries:
        found = query.counted(rows.all(), rows.filter(area_code="500113000000"), rows.none(), rows.filter(pk__in=[]))
    assert found == [query.Count(4, False, few=False), query.Count(4, True), query.Count(0, True), query.Count(0, True)]
    assert len([q for q in queries if "count(*)" in q["sql"]]) == 1
    assert query.counted() == []


@pytest.mark.parametrize("size", [1, 3, 50])
def test_a_page_is_the_same_by_whichever_way_its_rows_are_found(enterprises: list[int], size: int) -> None:
    with acting(TESTER, EVERYWHERE):
        for asked in ({"sort": "name"}, {"sort": "-staff"}, {"sort": "staff", "q": "甲"}, {"q": "甲"}):
            some = listing(**asked)
            walked, sorted_ = some.page(size=size), some.page(size=size, few=True)
            assert [r.pk for r in walked.rows] == [r.pk for r in sorted_.rows]
            assert (walked.after, walked.before) == (sorted_.after, sorted_.before)
            assert some.page(walked.after, size).rows == some.page(sorted_.after, size, few=True).rows
        with connection.cursor() as cursor:
            cursor.execute("SHOW enable_sort")
            assert cursor.fetchone() == ("on",), "what comes after is planned as usual"


def test_whoever_sees_one_industry_is_told_its_rows_in_order(enterprises: list[int]) -> None:
    with acting(TESTER, EVERYWHERE):
        Enterprise.objects.filter(pk__in=enterprises[::2]).update(industry="road")
        Enterprise.objects.filter(pk__in=enterprises[1::2]).update(industry="fire")
        expected = [r.pk for r in listing(sort="name").page(few=True).rows if r.industry_id == "road"]
    for industries in ({"road"}, {"road", "coal"}):
        with acting(TESTER, Scope("50", frozenset(industries))):
            assert [r.pk for r in listing(sort="name").page().rows] == expected


def test_cases_found_by_their_number_stand_in_its_order() -> None:
    declared = register_named("dangers")
    assert declared is not None

    def opened(**asked: str) -> str:
        return query.listing(declared, Danger.objects.all(), asked).sort

    with acting(TESTER, EVERYWHERE):
        assert opened(q="渝北安隐〔2013〕") == "-number"
        assert opened(q="渝北安隐〔2013〕", sort="due_at") == "due_at"
        assert opened() == declared.order


def test_an_address_asks_for_all_to_be_counted_or_not_at_all(enterprises: list[int]) -> None:
    with acting(TESTER, EVERYWHERE), pytest.raises(query.BadQuery) as refused:
        listing(count="some")
    assert refused.value.place == "count"


@pytest.mark.parametrize("name", ["posts", "looks", "accounts", "plan-duties"])
def test_how_much_there_is_of_what_follows_others_or_is_ones_own_is_not_estimated(name: str) -> None:
    """The planner takes it to be a share of the whole table, and would tell how long that is."""
    declared = register_named(name)
    assert declared is not None
    with acting(TESTER, Scope("500112")):
        assert not query.listing(declared, declared.model._default_manager.all(), {}).whole_of_area
        assert query.listing(register_named("dangers"), Danger.objects.all(), {}).whole_of_area


@pytest.mark.parametrize(
    ("sort", "raw"),
    [
        ("-opened_at", "[" * 20_000),
        ("-opened_at", '{"a":' * 9_000),
        ("-opened_at", json.dumps([0, "9999-12-31T23:59:59-23:59", "1"])),
        ("-opened_at", json.dumps([0, "0001-01-01T00:00:00+23:59", "1"])),
    ],
)
def test_a_cursor_made_by_hand_is_refused(sort: str, raw: str) -> None:
    declared = register_named("dangers")
    assert declared is not None
    cursor = base64.urlsafe_b64encode(raw.encode()).decode()
    with acting(TESTER, EVERYWHERE), pytest.raises(query.BadQuery) as refused:
        query.listing(declared, Danger.objects.all(), {"sort": sort}).page(cursor)
    assert refused.value.place == "cursor"


def test_a_cursor_of_an_amount_beyond_all_amounts_is_refused() -> None:
    declared = register_named("plan-targets")
    assert declared is not None
    cursor = base64.urlsafe_b64encode(json.dumps([0, "1e999999", "1"]).encode()).decode()
    with acting(TESTER, EVERYWHERE), pytest.raises(query.BadQuery):
        query.listing(declared, declared.model._default_manager.all(), {"sort": "value"}).page(cursor)


def test_a_large_list_is_sorted_only_as_an_index_has_it() -> None:
    dangers, enterprises = register_named("dangers"), register_named("enterprises")
    assert dangers is not None
    assert enterprises is not None
    assert [c for c in dangers.columns if dangers.sortable(c)] == ["number", "enterprise", "area_code", "due_at"]
    assert not enterprises.sortable("high_hazard")
    for declared in all_registers():
        assert declared.sortable(declared.order.removeprefix("-")), declared.name


def test_an_area_filter_takes_all_below_it(enterprises: list[int]) -> None:
    with acting(TESTER, EVERYWHERE):
        assert listing(area_code="500112000000").count().number == 7
        assert listing(area_code="500000000000").count().number == 11


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"sort": "password"}, "sort"),
        ({"sort": "--name"}, "sort"),
        ({"area_code": "x"}, "area_code"),
        ({"status": ["nonsense"]}, "status"),
        ({"name": "a\0b"}, "name"),
    ],
)
def test_an_address_that_cannot_be_is_refused_by_place(asked: dict[str, Any], place: str) -> None:
    address = QueryDict(mutable=True)
    for key, value in asked.items():
        address.setlist(key, value if isinstance(value, list) else [value])
    declared = register_named("enterprises")
    assert declared is not None
    with acting(TESTER, EVERYWHERE), pytest.raises(query.BadQuery) as refused:
        query.listing(declared, Enterprise.objects.all(), address)
    assert refused.value.place == place


@pytest.mark.parametrize("cursor", ["x", "W10", "!!!", "WzAsIngiLCI5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ", "é"])
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    with acting(TESTER, EVERYWHERE), pytest.raises(query.BadQuery):
        list(listing(sort="staff").page(cursor).rows)


def test_search_finds_by_the_beginning_in_either_case(enterprises: list[int]) -> None:
    with acting(TESTER, EVERYWHERE):
        assert listing(q="甲").count().number == 3
        assert listing(q="jC").count().number >= 3


def test_registers_are_declared_once_and_fit_their_models() -> None:
    for declared in all_registers():
        declared.check()
