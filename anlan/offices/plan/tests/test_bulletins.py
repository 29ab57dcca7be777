"""Bulletins: every figure is the records', nothing is invented, and the same facts give the same paper."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pypdfium2
import pytest
from click.testing import CliRunner, Result
from django.conf import settings
from docx import Document
from docx.oxml.ns import qn

from anlan.engines.papers import UNKNOWN, Chart, Note, Paper, Paragraph, Table, fonts, pdf
from anlan.kernel import clock
from anlan.kernel.figures.tests.test_figures import fill
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.accidents.models import Accident, Category
from anlan.offices.hazards.models import Danger
from anlan.offices.plan import adoption
from anlan.offices.plan.bulletins import draft, facts, wording
from anlan.offices.plan.bulletins.facts import Cell
from anlan.offices.plan.commands import bulletin
from anlan.offices.plan.models import Clause, Plan, Target

from .conftest import CITY, YUBEI, body

NOW = datetime(2013, 6, 14, 10, 30, tzinfo=clock.BEIJING)
NAME = "重庆市安全生产委员会办公室"
PLANNED: dict[str, Any] = {
    "grade": "general", "measures": "措施", "responsible": "人", "contingency": "预案", "money": Decimal(1),
    "rectify_by": datetime(2013, 6, 30).date(),
}  # fmt: skip


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def accident(n: int, at: datetime, deaths: int = 1, area: str = YUBEI, grade: str = "ordinary") -> Accident:
    category = Category.objects.get(scheme="national-2012", code="coal")
    return Accident.objects.create(
        number=f"试{n}", title="试", state="closed", area_code=area, industry_id="coal", owner_area_code=area,
        category=category, course="试", occurred_at=at, known_at=at, opened_at=at, grade=grade, deaths=deaths,
    )  # fmt: skip


def danger(n: int, found: datetime, closed: datetime | None = None, area: str = YUBEI, **more: Any) -> Danger:
    return Danger.objects.create(
        number=f"患{n}", title="试", state="closed" if closed else "rectifying", source="report", area_code=area,
        industry_id="coal", owner_area_code=area, found_at=found, opened_at=found, closed_at=closed, **PLANNED, **more,
    )  # fmt: skip


def day(month: int, of: int, year: int = 2013) -> datetime:
    return datetime(year, month, of, 9, tzinfo=clock.BEIJING)


def office() -> None:
    body(NAME, "committee_office", 1, CITY, short_name="渝安委办")


def gathered(kind: Any = "monthly", period: str = "2013-05", area: str = CITY) -> facts.Facts:
    return facts.gather(kind, facts.period_of(kind, period), area)


def said(paper: Paper) -> str:
    """All its paragraphs."""
    return "\n".join(block.text for block in paper.blocks if isinstance(block, Paragraph | Note))


def table(paper: Paper, caption: str) -> Table:
    blocks = [*paper.blocks, *(block for annex in paper.annexes for block in annex.blocks)]
    return next(block for block in blocks if isinstance(block, Table) and block.caption == caption)


# --- The manner of officials -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "before", "change", "unit", "words"),
    [
        ("51", "61", "-16.4", "起", "同比减少10起、下降16.4%"),
        ("6", "4", "50.0", "人", "同比增加2人、上升50.0%"),
        ("5", "5", "0.0", "起", "与上年同期持平"),
        ("0", "0", None, "起", "与上年同期持平"),
        ("3", "0", None, "起", "同比增加3起（上年同期为零）"),
        ("11", "1", "1000.0", "起", "同比增加10起、上升1000.0%"),
        ("71", "1", "7000.0", "起", "同比增加70起（上年同期为1起）"),
        ("3", None, None, "起", "上年同期暂无数据"),
        (None, "3", None, "起", ""),
        ("92.6", "90.1", "2.8", "%", "同比提高2.5个百分点"),
        ("90.1", "92.6", "-2.7", "%", "同比下降2.5个百分点"),
    ],
)
def test_a_change_is_said_as_officials_say_it(now: str, before: str, change: str, unit: str, words: str) -> None:
    cell = Cell(*(None if text is None else Decimal(text) for text in (now, before, change)))
    assert wording.compared(cell, unit) == words
    assert wording.said("死亡", cell, unit).startswith("死亡暂无数据" if now is None else f"死亡{now}{unit}")


def test_a_change_in_a_table_is_signed_and_never_invented() -> None:
    def cell(*numbers: str | None) -> Cell:
        return Cell(*(None if text is None else Decimal(text) for text in numbers))

    assert wording.change(cell("51", "61", "-16.4")) == "−16.4"
    assert wording.change(cell("6", "4", "50.0")) == "+50.0"
    assert wording.change(cell("0", "0", None)) == wording.change(cell("5", "5", "0.0")) == "持平"
    assert wording.change(cell("3", "0", None)) == "上年为零"
    assert wording.change(cell("71", "1", "7000.0")) == "基数过小"
    assert wording.change(cell("3", None, None)) == UNKNOWN
    assert wording.change(cell("92.6", "90.1", "2.8"), rate=True) == "+2.5"


def test_equal_values_share_a_place_and_none_is_named_for_its_place_in_the_list_alone() -> None:
    rates = [Decimal(n) if n is not None else None for n in ("90.0", "100.0", None, "90.0", "0.0")]
    assert wording.ranks(rates) == [2, 1, None, 2, 4]
    pairs = [(Decimal(n), f"第{m}区") for m, n in enumerate([9, 8, 7, 7, 6])]
    assert [name for _n, name in wording.foremost(pairs, 3)] == ["第0区", "第1区", "第2区", "第3区"]
    # Nine districts with one rate: none of them is named, the two before them are.
    crowd = [(Decimal(9), "甲"), (Decimal(8), "乙"), *((Decimal(0), f"第{n}区") for n in range(9))]
    assert [name for _n, name in wording.foremost(crowd, 3)] == ["甲", "乙"]
    assert wording.foremost(crowd[2:], 3) == []


# --- Facts -----------------------------------------------------------------------------------------


def test_the_facts_are_the_records(everywhere: None) -> None:
    office()
    for n, (at, deaths) in enumerate([(day(5, 2), 2), (day(5, 31), 1), (day(4, 1), 5), (day(6, 1), 7)]):
        accident(n, at, deaths)
    accident(10, day(5, 20, 2012), 4, grade="larger")
    accident(11, day(1, 20, 2012), 1)
    danger(1, day(5, 1), day(5, 20))
    danger(2, day(5, 1), day(6, 2))
    danger(3, day(5, 3), area="500101000000")
    found = gathered()
    assert found.whole["accidents.number"] == Cell(Decimal(2), Decimal(1), Decimal("100.0"))
    assert found.whole["accidents.deaths"] == Cell(Decimal(3), Decimal(4), Decimal("-25.0"))
    assert found.to_date["accidents.deaths"].now == 8
    assert found.grades["larger"]["accidents.number"].before == 1
    yubei = next(row for row in found.places if row.key == "500112")
    assert yubei.cells["hazards.closure_rate"].now == Decimal("50.0")
    coal = next(row for row in found.industries if row.key == "coal")
    assert coal.cells["accidents.deaths"].now == 3
    assert [month.deaths[0] for month in found.months[:7]] == [0, 0, 0, 5, 3, None, None]
    assert not found.running
    paper = draft.paper(found)
    assert "未发生较大事故、重大事故和特别重大事故。" in said(paper)
    # Nobody's rate of last year is known: there is no column that says so thirty-eight times.
    assert "同比（百分点）" not in table(paper, "各区域按期整改情况").head
    assert "共发生各类生产安全事故2起，同比增加1起、上升100.0%；死亡3人，同比减少1人、下降25.0%。" in said(paper)
    rows = table(paper, "各区域事故隐患整改率排名").rows
    assert rows[0][:5] == ("1", "渝北区", "2", "1", "50.0")
    assert rows[1][:5] == ("2", "万州区", "1", "0", "0.0")
    assert rows[2][0] == "—"
    assert rows[2][4] == UNKNOWN


def test_of_a_time_before_the_first_record_nothing_is_known(everywhere: None) -> None:
    """A city that began to keep records this year had accidents last year; they are not none."""
    office()
    accident(1, day(5, 2), 2)
    danger(1, day(5, 1))
    found = gathered()
    assert found.whole["accidents.deaths"] == Cell(Decimal(2))
    assert all(month.deaths[1] is None for month in found.months)
    paper = draft.paper(found)
    assert "死亡2人，上年同期暂无数据" in said(paper)
    assert "为零" not in said(paper)
    assert table(paper, "事故总体情况").rows[0][2:4] == (UNKNOWN, UNKNOWN)
    chart = next(block for block in paper.blocks if isinstance(block, Chart))
    assert chart.series[0].values == (None,) * 12
    assert f"“–”表示{UNKNOWN}" in said(paper)


def test_records_that_began_in_the_midst_of_last_years_period_are_none_to_compare_it_with(everywhere: None) -> None:
    """Half of a month's dangers is not last year's month; nor are there none, where the first came hours after now."""
    office()
    danger(1, day(6, 14, 2012) + timedelta(hours=3))  # it is half past ten on the 14th
    danger(2, day(6, 2))
    for kind, period in (("monthly", "2013-06"), ("quarterly", "2013-Q2"), ("annual", "2013")):
        assert gathered(kind, period).whole["hazards.found"] == Cell(Decimal(1)), period
    danger(3, day(6, 8, 2012))
    assert gathered(period="2013-06").whole["hazards.found"] == Cell(Decimal(1))
    danger(4, day(6, 1, 2012))
    assert gathered(period="2013-06").whole["hazards.found"].before == 2
    assert gathered("quarterly", "2013-Q2").whole["hazards.found"].before is None
    accident(1, day(4, 3, 2012), 1)
    found = gathered("monthly", "2013-04")
    assert found.whole["accidents.number"].before == 1
    assert found.to_date["accidents.number"].before is None


def test_of_the_years_first_period_the_year_so_far_is_not_told_twice(everywhere: None) -> None:
    office()
    accident(1, day(1, 2), 2)
    for kind, period in (("monthly", "2013-01"), ("quarterly", "2013-Q1")):
        paper = draft.paper(gathered(kind, period))
        assert "今年以来" not in said(paper)
        assert table(paper, "事故总体情况").head == ("指标", "本期", "上年同期", "同比（%）")
    later = draft.paper(gathered("quarterly", "2013-Q2"))
    assert "今年以来，累计发生事故1起" in said(later)
    assert "今年累计" in table(later, "事故总体情况").head


def test_a_year_that_runs_is_not_called_a_whole_one(everywhere: None) -> None:
    office()
    assert table(draft.paper(gathered("annual", "2013")), "事故总体情况").head[1:3] == ("今年以来", "上年同期")
    assert table(draft.paper(gathered("annual", "2012")), "事故总体情况").head[1:3] == ("全年", "上年")


def test_last_years_months_are_known_from_the_first_record_on(everywhere: None) -> None:
    office()
    accident(1, day(3, 2, 2012), 2)
    assert [month.deaths[1] for month in gathered().months] == [None, None, 2, *[0] * 9]
    accident(2, day(3, 2, 2011), 2)
    assert [month.deaths[1] for month in gathered().months] == [0, 0, 2, *[0] * 9]


def test_an_empty_city_has_a_bulletin_without_an_invented_number(everywhere: None) -> None:
    office()
    paper = draft.paper(gathered())
    assert "共发生各类生产安全事故0起，上年同期暂无数据" in said(paper)
    assert "各行业领域均未发生死亡事故" in said(paper)
    assert f"各区域整改率{UNKNOWN}" in said(paper)
    assert f"2013年度目标任务进展{UNKNOWN}" in said(paper)
    assert pdf.render(paper, fonts.faces(settings.PAPER_FONTS)).data.startswith(b"%PDF")


def test_a_running_period_says_until_when(everywhere: None) -> None:
    office()
    found = gathered(period="2013-06")
    assert found.running
    assert "本期尚未结束，数据截至2013年6月14日10:30，上年同期按相同时段统计。" in said(draft.paper(found))
    assert "6月尚未结束" in said(draft.paper(found))


def test_the_last_day_of_a_period_is_not_its_end(everywhere: None) -> None:
    office()
    with clock.frozen(datetime(2013, 5, 31, 18, tzinfo=clock.BEIJING)):
        assert gathered().running
    with clock.frozen(datetime(2013, 6, 1, tzinfo=clock.BEIJING)):
        assert not gathered().running


def test_a_paper_bears_the_year_in_which_it_is_issued(everywhere: None) -> None:
    office()
    assert str(draft.paper(gathered("annual", "2012")).number) == "渝安委办〔2013〕　号"
    issued = draft.paper(gathered("annual", "2012"), serial=3, signed_on=datetime(2014, 1, 5).date())
    assert str(issued.number) == "渝安委办〔2014〕3号"


def test_a_figure_is_rounded_as_its_measure_says__973_of_1050_is_92_7_half_up(everywhere: None) -> None:
    office()
    Danger.objects.bulk_create(
        Danger(
            number=f"患{n}", title="试", state="closed" if n < 973 else "rectifying", source="report", area_code=YUBEI,
            industry_id="coal", owner_area_code=YUBEI, found_at=day(5, 2), opened_at=day(5, 2),
            closed_at=day(5, 20) if n < 973 else None, **PLANNED,
        )
        for n in range(1050)
    )  # fmt: skip
    words = said(draft.paper(gathered()))
    assert "共排查事故隐患1050项" in words
    assert "已验收销号973项，整改率92.7%" in words


def test_targets_stand_against_their_line(everywhere: None, account: Any) -> None:
    office()
    for month in range(1, 13):
        accident(month, day(month, 3, 2012), 10)
    accident(20, day(5, 2), 40)
    plan = Plan.objects.create(
        year=2013, area_code=CITY, title="2013年工作要点", issuer="重庆市人民政府办公厅", issued_on=day(1, 31).date(),
        drafted_by=account("maker"),
    )  # fmt: skip
    clause = Clause.objects.create(plan=plan, order=1, code="G1", title="控制指标")
    Target.objects.create(
        plan=plan, clause=clause, code="1", subject="死亡人数", comparator="down_by", value=Decimal(10), unit="%",
        baseline="2012", baseline_value=Decimal(120), measure="accidents.deaths",
    )  # fmt: skip
    Target.objects.create(
        plan=plan, clause=clause, code="2", subject="整改率", comparator=">=", value=Decimal(95), unit="%",
        measure="hazards.closure_rate",
    )  # fmt: skip
    danger(1, day(5, 1), day(5, 2))
    adoption.propose(plan, plan.drafted_by)
    adoption.adopt(plan, account("adopter"))
    deaths, rate = gathered().goals
    # ⌊120 × 0.9⌋ = 108 for the year; five of twelve like months by the end of May.
    assert (deaths.number, deaths.line, deaths.actual, deaths.standing) == (108, 45, 40, "ahead")
    assert (rate.number, rate.line, rate.actual, rate.standing) == (95, None, Decimal("100.0"), "ahead")
    paper = draft.paper(gathered())
    assert "截至期末，好于进度的2项，为死亡人数（40人）和整改率（100.0%）。" in said(paper)
    notes = [block.text for block in paper.blocks if isinstance(block, Note)]
    assert "注：进度线，死亡人数按上年各月分布推算。" in notes  # a rate has no line through the year
    accident(21, day(5, 3), 70)
    assert gathered().goals[0].standing == "impossible"
    assert "死亡人数未达到进度要求" in said(draft.paper(gathered()))


def test_overdue_cases_are_told_of_the_day_and_by_district(everywhere: None) -> None:
    office()
    danger(1, day(5, 1), due_at=day(6, 1))
    danger(2, day(5, 1), due_at=day(7, 1))
    paper = draft.paper(gathered())
    assert "截至2013年6月14日，逾期未办结隐患1项" in said(paper)
    assert table(paper, "各区域逾期和挂牌督办情况").rows == (("渝北区", "1", "0"),)
    assert "渝北区要对逾期未办结的隐患逐一核查原因" in said(paper)


def test_a_district_has_its_own_bulletin_by_its_townships(everywhere: None) -> None:
    body("重庆市渝北区安全生产委员会办公室", "committee_office", 2, YUBEI, short_name="渝北安委办")
    accident(1, day(5, 2), 2, area="500112131000")
    accident(2, day(5, 2), 9, area="500101002000")
    accident(3, day(5, 3), 1, area=YUBEI)
    paper = draft.paper(gathered(area=YUBEI))
    assert paper.issuer == "重庆市渝北区安全生产委员会办公室"
    assert "全区共发生各类生产安全事故2起" in said(paper)
    rows = {row[0]: row for row in table(paper, "各区域事故情况").rows}
    assert rows["渝北区本级"][1] == "1"
    assert "万州区" not in rows


def test_what_is_kept_of_a_bulletin_makes_it_again(everywhere: None) -> None:
    office()
    fill(3)
    found = gathered()
    again = facts.decode(facts.encode(found))
    assert again == found
    assert facts.digest(again) == facts.digest(found)
    assert draft.paper(again) == draft.paper(found)
    changed = msgspec.structs.replace(found, to_date={})
    assert facts.digest(changed) != facts.digest(found)
    assert {one.version for one in found.definitions} == {1}
    assert table(draft.paper(found), "指标定义和依据").rows[0][0] == "生产安全事故（起）"


@pytest.mark.parametrize(("kind", "period"), [("monthly", "2013-06"), ("quarterly", "2013-Q1"), ("annual", "2012")])
def test_every_sum_of_areas_and_of_industries_is_the_whole(everywhere: None, kind: str, period: str) -> None:
    office()
    fill(5)
    found = gathered(kind, period)
    for name in ("accidents.number", "accidents.deaths", "hazards.found", "hazards.open", "monitoring.warnings"):
        for rows in (found.places, found.industries):
            assert sum(row.cells[name].now or 0 for row in rows) == found.whole[name].now, name
    titles = {"monthly": "2013年6月", "quarterly": "2013年第一季度", "annual": "2012年度"}
    assert f"关于{titles[kind]}全市安全生产情况的通报" in draft.paper(found).title


# --- The command -----------------------------------------------------------------------------------


def asked(*words: object) -> Result:
    return CliRunner().invoke(bulletin, [str(word) for word in words])


@pytest.mark.django_db
def test_the_command_writes_both_forms_and_the_same_bytes_twice(tmp_path: Path) -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        office()
        fill(4)
    issued = ("--number", 5, "--date", "2013-06-14", "--json")
    for ending in ("pdf", "docx"):
        paths = [tmp_path / f"{n}.{ending}" for n in (1, 2)]
        answers = [asked("monthly", "--period", "2013-05", "--out", path, *issued) for path in paths]
        assert [given.exit_code for given in answers] == [0, 0], answers[0].output
        assert paths[0].read_bytes() == paths[1].read_bytes()
        made = [json.loads(given.stdout) for given in answers]
        assert made[0]["sha256"] == made[1]["sha256"]
        assert re.fullmatch("[0-9a-f]{64}", made[0]["facts"])
    pages = pypdfium2.PdfDocument(tmp_path / "1.pdf")
    first = "".join(pages[0].get_textpage().get_text_range().split())
    assert "渝安委办〔2013〕5号" in first
    whole = Document(io.BytesIO((tmp_path / "1.docx").read_bytes())).element
    assert "2013年6月14日印发" in "".join(t.text or "" for t in whole.iter(qn("w:t")))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("monthly", "--period", "2013-Q2"), "2013-Q2：月度通报按月编发，写作 2013-06"),
        (("quarterly", "--period", "June"), "'June' is no period"),
        (("monthly", "--period", "2014-01"), "2014年1月尚未开始。"),
        (("monthly", "--period", "2013-05", "--area", "999"), "--area 999: there is no such division"),
        (("monthly", "--period", "2013-05", "--area", "500112131"), "通报由市和区县编发"),
        (("monthly", "--period", "2013-05", "--number", "0"), "0 is no serial number"),
        (("monthly", "--period", "2013-05", "--out", "x.odt"), "a file that ends in .docx or .pdf"),
        (("monthly", "--period", "2013-05", "--out", "/nowhere/x.pdf"), "there is no folder /nowhere"),
    ],
)
def test_what_cannot_be_is_one_line_and_no_file(tmp_path: Path, words: tuple[str, ...], line: str) -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        office()
    out = tmp_path / "x.pdf"
    given = asked(*words) if "--out" in words else asked(*words, "--out", out)
    assert given.exit_code == 2
    assert line in given.stderr
    assert len(given.stderr.strip().splitlines()) == 1
    assert not out.exists()


@pytest.mark.django_db
def test_an_area_without_an_issuer_says_what_to_enter(tmp_path: Path) -> None:
    given = asked("monthly", "--period", "2013-05", "--out", tmp_path / "x.pdf")
    assert given.exit_code == 2
    assert "请先在监管部门台账中登记" in given.stderr
