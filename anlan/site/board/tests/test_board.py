"""The board: its numbers are those counted by hand, each opens its records, and nobody sees beyond his scope."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.kernel import cases, clock
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.figures.drawing import SHADES, Card, Cell, Column, Figure, Row, shaded
from anlan.kernel.models import Live
from anlan.kernel.registers import query, register_named
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.accidents.models import Accident, Category
from anlan.offices.hazards.models import Danger
from anlan.offices.plan.models import Clause, Plan, Portion, Target
from anlan.parties.models import Account, Division, Enterprise
from anlan.site.board.content import Board, Limit, _stands, board_of

pytestmark = pytest.mark.django_db

TESTER = Actor("test", "tests")
NOW = datetime(2013, 6, 14, 10, 30, tzinfo=clock.BEIJING)
CITY, YUBEI, BANAN, LONGXING = "500000000000", "500112000000", "500113000000", "500112131000"
AREAS = (CITY, YUBEI, LONGXING, "500112131201", BANAN, "500101002000")
INDUSTRIES = ("coal", "fire", "hazchem", None)


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def fill(seed: int, many: int = 120) -> None:
    rng = Random(seed)
    category = Category.objects.filter(scheme="national-2012").first()
    dangers, accidents = [], []
    for n in range(many):
        found = NOW - timedelta(days=rng.random() * 300)
        closed = found + timedelta(days=rng.random() * 60) if rng.random() < 0.5 else None
        closed = closed if closed and closed < NOW else None
        dangers.append(Danger(
            number=f"隐{seed}-{n}", title="护栏缺失", state="closed" if closed else "rectifying", source="selfcheck",
            area_code=rng.choice(AREAS), industry_id=rng.choice(INDUSTRIES), owner_area_code=YUBEI, grade="major",
            found_at=found, opened_at=found, closed_at=closed, measures="措施", responsible="人", contingency="预案",
            money=Decimal(1), rectify_by=found.date(), due_at=found + timedelta(days=rng.random() * 400),
            listed_at=found if rng.random() < 0.3 else None,
        ))  # fmt: skip
        at = NOW - timedelta(days=rng.random() * 500)
        deaths = rng.choice((0, 1, 1, 2, 3, 10))
        accidents.append(Accident(
            number=f"事{seed}-{n}", title="坠落", state=rng.choice(("reporting", "closed", "handed_over", "dismissed")),
            area_code=rng.choice(AREAS), industry_id=rng.choice(INDUSTRIES), owner_area_code=YUBEI, place="工地",
            opened_at=at, occurred_at=at, category=category, deaths=deaths, counts=rng.random() < 0.9, course="坠落",
            grade="major" if deaths == 10 else "larger" if deaths == 3 else "ordinary",
        ))  # fmt: skip
    Danger.objects.bulk_create(dangers)
    Accident.objects.bulk_create(accidents)


def plan(base: int = 1539) -> None:
    drafter, adopter = (Account.objects.create(username=n, name=n, role="city", area_code=CITY) for n in ("d", "a"))
    made = Plan.objects.create(year=2013, area_code=CITY, title="2013年工作要点", issuer="市安委会", drafted_by=drafter)
    # Under whichever clauses a city demands them: the measure ties a cap to its figure.
    for code, measure, comparator, value in (
        ("W7.1", "deaths", "down_by", "2.5"),
        ("W7.2", "larger", "<=", 40),
        ("W7.3", "major", "<=", 1),
        ("W7.4", "extraordinary", "==", 0),
    ):
        clause = Clause.objects.create(plan=made, code=code, number=code, title=code, order=int(code[-1]))
        Target.objects.create(
            plan=made, clause=clause, code=code, subject=code, measure=f"accidents.{measure}", comparator=comparator,
            value=Decimal(value),
            **({"baseline": "2012", "baseline_value": Decimal(base)} if comparator == "down_by" else {}),
        )  # fmt: skip
    Plan.objects.filter(pk=made.pk).update(state="proposed")
    Plan.objects.filter(pk=made.pk).update(state="adopted", published=True, adopted_by=adopter)


def account(role: str = "city", area: str = CITY, **more: Any) -> Account:
    with acting(TESTER, EVERYWHERE):
        return Account.objects.create(username=f"{role}-{area}", name=role, role=role, area_code=area, **more)


def seen(by: Account) -> Board:
    with acting(by.actor, by.scope):
        return board_of(by)


def card(board: Board, title: str) -> Card:
    return next(c for group in board.cards for c in group if str(c.title) == title)


def figure(board: Board, name: str) -> Figure:
    return next(f for f in board.figures if f.name == name)


def by_hand(model: Any, test: Callable[[Any], bool]) -> int:
    with acting(TESTER, EVERYWHERE):
        return sum(test(row) for row in model.objects.all())


def fatal_this_year(a: Accident) -> int:
    ours = a.counts and a.state in ("reporting", "closed") and a.occurred_at.astimezone(clock.BEIJING).year == 2013
    return a.deaths if ours else 0


def records(url: str) -> Any:
    """The rows of the list at that address, in the scope in force."""
    path, _, asked = url.partition("?")
    declared = register_named(path.strip("/").split("/")[-1])
    assert declared is not None
    return query.listing(declared, declared.model._default_manager.all(), QueryDict(asked)).rows


@pytest.mark.parametrize("seed", [1, 2])
def test_numbers_are_those_counted_by_hand(seed: int) -> None:
    with acting(TESTER, EVERYWHERE):
        fill(seed)
    board = seen(account())
    assert card(board, "未销号隐患数").cell.value == by_hand(Danger, lambda d: d.closed_at is None)
    late = by_hand(Danger, lambda d: d.closed_at is None and d.due_at < NOW)
    assert card(board, "已逾期").cell.value == late
    assert card(board, "挂牌督办").cell.value == by_hand(
        Danger, lambda d: d.closed_at is None and d.listed_at is not None
    )
    assert card(board, "本年事故死亡人数").cell.value == by_hand(Accident, fatal_this_year)
    larger = by_hand(Accident, lambda a: bool(fatal_this_year(a)) and a.grade == "larger")
    assert card(board, "较大事故").cell.value == larger
    for row in figure(board, "places").rows:
        if row.code == YUBEI[:6]:
            assert row.cells[0].value == by_hand(
                Danger, lambda d: d.closed_at is None and d.area_code.startswith("500112")
            )


def test_tables_add_up_to_the_cards_even_what_lies_in_no_district_and_no_industry() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(3)
    board = seen(account())
    whole = card(board, "未销号隐患数").cell.value
    assert whole
    for name in ("places", "industries"):
        assert sum(row.cells[0].value for row in figure(board, name).rows) == whole
    assert sum(cell.value for row in figure(board, "matrix").rows for cell in row.cells) == whole
    labels = [str(row.label) for row in figure(board, "places").rows]
    assert labels[-1] == "重庆市本级"
    assert len(labels) == Division.objects.filter(tier=2).count() + 1


def test_every_figure_opens_exactly_the_records_that_it_counts() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(4)
    who = account("district", YUBEI)
    board = seen(who)
    cells = [c.cell for group in board.cards for c in group if c.unit != "%"]
    cells += [cell for f in board.figures for row in f.rows for cell in row.cells]
    opened = {cell.url: cell.value for cell in cells if cell.url}
    assert len(opened) > 30
    assert all(cell.url or not cell.value for cell in cells)
    with acting(who.actor, who.scope):
        for url, value in opened.items():
            rows = records(url)
            deaths = "counted=accidents.deaths" in url
            assert (sum(r.deaths for r in rows) if deaths else rows.count()) == value, url


def test_the_board_is_cut_to_the_scope() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(5)
        factory = Enterprise.objects.create(name="厂", area_code="500112131201", industry_id="coal")
        other = Enterprise.objects.create(name="厂二", area_code="500112131201", industry_id="coal")
        mine = list(Danger.objects.filter(area_code="500112131201", industry_id="coal", closed_at=None))[:3]
        Danger.objects.filter(pk__in=[d.pk for d in mine[:2]]).update(enterprise=factory)
        Danger.objects.filter(pk=mine[2].pk).update(enterprise=other)
    district = seen(account("district", YUBEI))
    assert district.place == "渝北区"
    assert card(district, "未销号隐患数").cell.value == by_hand(
        Danger, lambda d: d.closed_at is None and d.area_code.startswith("500112")
    )
    assert figure(district, "places").kind == "bar"
    department = seen(account("department", industries=["coal"]))
    coal = by_hand(Danger, lambda d: d.closed_at is None and d.industry_id == "coal")
    assert card(department, "未销号隐患数").cell.value == coal
    assert [f.name for f in department.figures] == ["places", "deaths"]
    assert department.industries == "煤矿"
    owner = seen(account("enterprise", "500112131201", enterprise=factory))
    assert card(owner, "未销号隐患数").cell.value == 2
    village = seen(account("village", "500112131201"))
    assert "places" not in [f.name for f in village.figures]


def test_deaths_stand_against_the_control_line_of_the_same_date__notice_g1_1() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(6)
        plan()
    board = seen(account())
    deaths, line = card(board, "本年事故死亡人数"), figure(board, "deaths")
    assert deaths.notes == ("全年控制指标 1,500 人",)
    assert [str(c.label) for c in line.columns] == ["2013年累计", "控制进度", "2012年"]
    assert line.rows[11].cells[1].value == 1500
    may, june = line.rows[4].cells[1].value, line.rows[5].cells[1].value
    assert deaths.limit is not None
    assert may <= deaths.limit.value <= june
    # The line has last year's season, and says so.
    assert line.basis == "控制进度按上年各月分布推算。"
    assert [r.cells[0].value is None for r in line.rows] == [False] * 6 + [True] * 6
    assert line.rows[5].cells[0].value == deaths.cell.value


def test_caps_by_grade_say_what_is_left__notice_g1_2_to_g1_4() -> None:
    with acting(TESTER, EVERYWHERE):
        plan()
        category = Category.objects.filter(scheme="national-2012").first()
        for n in range(2):
            Accident.objects.create(
                number=f"事{n}", title="火灾", state="closed", area_code=YUBEI, owner_area_code=YUBEI, place="厂",
                opened_at=NOW, occurred_at=NOW - timedelta(days=1), category=category, deaths=10, course="火灾",
                grade="major",
            )  # fmt: skip
    board = seen(account())
    assert (card(board, "较大事故").words, card(board, "较大事故").state) == ("距控制指标 40 起", "calm")
    assert (card(board, "重大事故").words, card(board, "重大事故").state) == ("超出控制指标 1 起", "over")
    assert card(board, "特别重大事故").words == "指标为零"
    # A city's cap is no district's.
    assert card(seen(account("district", YUBEI)), "重大事故").limit is None


def test_a_district_and_a_department_are_held_to_their_parts_of_the_citys_targets() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(6)
        plan()
        for code, value, of in (
            ("W7.1", 60, {"area_code": YUBEI}),
            ("W7.3", 0, {"area_code": YUBEI}),
            ("W7.1", 100, {"area_code": CITY, "industry_id": "coal"}),
        ):
            Portion.objects.create(year=2013, code=code, value=value, reason="按上年实绩分解", **of)
    city, district = seen(account()), seen(account("district", YUBEI))
    whole, part = figure(city, "deaths"), figure(district, "deaths")
    assert card(district, "本年事故死亡人数").notes == ("全年控制指标 60 人",)
    assert part.rows[11].cells[1].value == 60
    # Its line has the city's season: its own months are too few to tell one.
    for month in range(12):
        exact = Fraction(whole.rows[month].cells[1].value, 1500)
        assert abs(part.rows[month].cells[1].value - exact * 60) <= 1
    assert card(district, "重大事故").limit == Cell(0)
    assert card(district, "较大事故").limit is None
    assert card(seen(account("district", BANAN)), "本年事故死亡人数").limit is None
    department = account("department", industries=["coal"])
    assert card(seen(department), "本年事故死亡人数").notes == ("全年控制指标 100 人",)


def test_an_empty_installation_has_a_board() -> None:
    board = seen(account())
    assert all(f.empty for f in board.figures)
    assert not board.latest
    assert {c.cell.value for group in board.cards for c in group} == {0, None}


def test_queries_do_not_grow_with_records() -> None:
    who = account()

    def asked() -> int:
        with acting(who.actor, who.scope), CaptureQueriesContext(connection) as caught:
            board_of(who)
        return len(caught)

    with acting(TESTER, EVERYWHERE):
        fill(7, 40)
        plan()
        case = Danger.objects.first()
        assert case is not None
        CaseEntry.objects.create(**CaseEntry.keys(case), at=NOW, move="found", to_state="rectifying", version=1)
    before = asked()
    with acting(TESTER, EVERYWHERE):
        fill(8, 200)
    assert asked() == before <= 16


def test_a_sheet_holds_the_figures_table_and_there_is_no_other(client: Client) -> None:
    with acting(TESTER, EVERYWHERE):
        fill(9)
    who = account()
    client.force_login(who, settings.AUTHENTICATION_BACKENDS[-1])
    answer = client.get("/board/sheets/places.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    shown = figure(seen(who), "places")
    assert rows[0] == ["区域", "未销号 (项)", "已逾期 (项)", "挂牌督办", "本年死亡"]
    assert [row[1] for row in rows[1:]] == [str(row.cells[0].value) for row in shown.rows]
    assert client.get("/board/sheets/secrets.csv").status_code == 404
    assert client.post("/board/").status_code == 405
    client.logout()
    assert client.get("/board/").status_code == 302


@pytest.mark.parametrize(
    ("comparator", "value", "base", "limit"),
    [("down_by", "2.5", "1539", 1500), ("<=", "1500", "1539", 1500), ("<=", "1500", None, 1500), ("==", "0", None, 0),
     ("down_by", "5", "40", 38), (">=", "100", None, None), ("down_by", "5", None, None),
     ("down_by", "120", "40", None)],
)  # fmt: skip
def test_a_limit_is_what_the_plan_s_comparator_makes_of_it(
    comparator: str, value: str, base: str | None, limit: int | None
) -> None:
    target = Target(
        comparator=comparator, value=Decimal(value), baseline_value=base and Decimal(base), measure="accidents.larger"
    )
    stands = _stands(Limit(Plan(year=2013), target), Cell(7), date(2013, 6, 14))
    assert (stands and stands.number) == limit


def test_text_that_a_spreadsheet_would_run_stays_text() -> None:
    made = Figure("x", "x", "bar", "地区", (Column("n"),), (Row("=1+1", (Cell(3),)), Row("-2", (Cell(-4),))))
    assert made.sheet().splitlines()[1:] == ["'=1+1,3", "'-2,-4"]


def test_shades_tell_few_numbers_apart_and_one_large_one_does_not_whiten_the_rest() -> None:
    few = shaded([Row("", tuple(Cell(v) for v in (0, 1, 2, 3, None)))])
    assert [c.shade for c in few[0].cells] == [0, 1, 2, 3, 0]
    many = shaded([Row("", tuple(Cell(v) for v in (*range(1, 21), 100_000)))])
    shades = [c.shade for c in many[0].cells]
    assert (shades[0], shades[-1]) == (1, SHADES)
    assert all(3 <= shades.count(step) <= 5 for step in range(1, SHADES + 1))


def test_a_step_of_a_case_is_told_live_within_its_scope() -> None:
    who, stranger = account("district", YUBEI), account("district", BANAN)
    with acting(TESTER, EVERYWHERE):
        cases.open_case(
            "danger", by=who, title="护栏缺失", description="护栏缺失", source="inspection", found_at=NOW,
            area_code=LONGXING, industry_id="road",
        )  # fmt: skip
    assert [(h.words, h.url[:10]) for h in seen(who).latest] == [("护栏缺失：待核实", "/c/danger/")]
    assert not seen(stranger).latest
    with acting(who.actor, who.scope):
        assert Live.objects.filter(topic="cases").exists()
    with acting(stranger.actor, stranger.scope):
        assert not Live.objects.filter(topic="cases").exists()
