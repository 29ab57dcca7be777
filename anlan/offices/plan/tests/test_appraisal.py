"""The appraisal: a scheme as data, scores from the records, objections, and the committee's word that holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.db.utils import InternalError
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.engines.measures import Period
from anlan.engines.papers import Paper, Paragraph, Table
from anlan.kernel import clock
from anlan.kernel.datafiles import BadFile
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards.models import Danger
from anlan.offices.plan.appraisal import appraising, scheme
from anlan.offices.plan.appraisal.models import Appraisal, Hand, Objection, Scheme, Score
from anlan.offices.plan.bulletins import draft, facts
from anlan.offices.plan.drafting import Refused
from anlan.offices.plan.models import Plan
from anlan.parties.models import Account

from .conftest import CITY, YUBEI, Deed, at_once, body
from .test_standing import BANAN, NOW, died, part

Make = Callable[..., Account]
PLANS = Path(__file__).parents[4] / "plans"
MAY = Period.parse("..2013-05")
TEXT = """
scheme: {year: 2013, city: "500000000000", of: districts, title: 办法, source: 设置}
items:
- {id: A1, zh: 死亡人数, weight: 40, target: T1, each: 1, less: 2}
- {id: A2, zh: 销号率, weight: 40, measure: hazards.closure_rate, from: 50, to: 100}
- {id: A3, zh: 日常工作, weight: 20, manual: true}
deductions:
- {id: D1, zh: 迟报, most: 10, manual: true}
bonus:
- {id: B1, zh: 创新, most: 5, manual: true}
veto:
- {id: V1, zh: 重大事故, measure: accidents.major}
- {id: V2, zh: 突破指标, target: T1}
- {id: V3, zh: 瞒报, manual: true}
grades:
- {zh: 优秀, en: Excellent, at_least: 90}
- {zh: 合格, at_least: 60}
- {zh: 不合格, at_least: 0, despite_veto: true}
"""


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def danger(n: int, closed: bool, area: str = YUBEI, industry: str = "road") -> None:
    found = datetime(2013, 3, 1, 9, tzinfo=clock.BEIJING)
    Danger.objects.create(
        number=f"隐{n}", title="护栏缺失", state="closed" if closed else "rectifying", source="selfcheck",
        area_code=area, industry_id=industry, owner_area_code=area, found_at=found, opened_at=found, grade="general",
        closed_at=datetime(2013, 4, 1, 9, tzinfo=clock.BEIJING) if closed else None, measures="措施", responsible="人",
        contingency="预案", money=Decimal(1), rectify_by=date(2013, 4, 1),
    )  # fmt: skip


@pytest.fixture
def office(account: Make) -> Account:
    return account("office")


@pytest.fixture
def second(account: Make) -> Account:
    return account("second")


@pytest.fixture
def in_force(plan: Plan, office: Account, second: Account) -> Scheme:
    """The scheme, adopted. In 2012 all died in January: the line of every day is the whole number."""
    died(100, "2012-01-01", BANAN)
    made = appraising.load(TEXT.encode(), "办法.yaml", office)
    appraising.adopt_scheme(made, second)
    return made


def hand(found: Scheme, item: str, points: float, area: str = YUBEI, on: date = date(2013, 4, 1)) -> Hand:
    return Hand.objects.create(
        scheme=found,
        item=item,
        points=Decimal(str(points)),
        area_code=area,
        on=on,
        reason="试",
        evidence="渝安〔2013〕1号",
    )


def scores(made: Appraisal) -> dict[str, Score]:
    return {row.area_code: row for row in made.scores.all()}


def test_a_month_is_scored_from_the_records_and_what_was_given_by_hand(
    in_force: Scheme, office: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appraising, "lately", lambda *_, **__: pytest.fail("figures of minutes ago are not kept"))
    part("T1", 10)
    part("T1", 5, BANAN)
    died(4, "2013-03-01")
    died(6, "2013-05-20", BANAN)  # passes its number of five
    for n in range(4):
        danger(n, closed=n < 3)
    hand(in_force, "A3", -5)
    hand(in_force, "B1", 2)
    hand(in_force, "D1", -1, on=date(2013, 6, 3))  # after the month
    hand(in_force, "V3", 0, "500101000000")
    made = appraising.close(in_force, MAY, office)
    found = scores(made)
    assert len(found) == 38
    yubei = found[YUBEI]
    lines = {line["id"]: line for line in yubei.lines}
    # 75 % is half way from 50 to 100.
    assert [lines[i]["points"] for i in ("A1", "A2", "A3", "D1", "B1")] == ["40.00", "20.00", "15.00", "0.00", "2.00"]
    assert (yubei.total, yubei.possible, yubei.grade, yubei.rank) == (Decimal("77.00"), 100, "合格", 36)
    assert lines["A2"]["parts"] == ["3", "4"]
    assert lines["A2"]["url"].startswith(
        "/r/dangers/?counted=hazards.found_and_closed&period=..2013-05&area_code=500112"
    )
    assert (lines["A1"]["actual"], lines["A1"]["against"]) == ("4", "10")
    banan = found[BANAN]
    assert (banan.vetoed, banan.grade, banan.total) == (["V2"], "不合格", Decimal("33.33"))
    # Nobody has a part for it, and no danger: the twenty by hand are all that could be scored.
    other = found["500102000000"]
    assert (other.possible, other.total, other.rank) == (Decimal(20), Decimal(100), 1)
    struck = found["500101000000"]
    assert (struck.vetoed, struck.total, struck.rank) == (["V3"], Decimal(100), 37)
    assert banan.rank == 38


def test_departments_are_scored_by_all_their_industries(plan: Plan, office: Account, second: Account) -> None:
    died(100, "2012-01-01", BANAN)
    text = TEXT.replace("of: districts", "of: departments").replace("accidents.major", "accidents.larger")
    made = appraising.load(text.encode(), "f", office)
    appraising.adopt_scheme(made, second)
    transport = body("市交委", "department", 1, CITY, industries=["road", "water"])
    coal = body("市煤管局", "department", 1, CITY, industries=["coal"])
    for industry, value in (("road", 10), ("water", 3), ("coal", 2)):
        part("T1", value, CITY, industry)
    died(2, "2013-03-01", YUBEI, "road")
    died(2, "2013-03-01", BANAN, "water")
    died(3, "2013-03-02", BANAN, "coal")
    danger(1, True, YUBEI, "water")
    danger(2, False, YUBEI, "road")
    found = {row.authority: row for row in appraising.close(made, MAY, office).scores.all()}
    assert set(found) == {transport, coal}
    lines = {line["id"]: line for line in found[transport].lines}
    assert (lines["A1"]["actual"], lines["A1"]["against"]) == ("4", "13")
    assert lines["A2"]["parts"] == ["1", "2"]
    assert found[coal].vetoed == ["V1", "V2"]
    assert found[coal].industry_id == "coal"


def test_a_department_is_scored_whole_also_to_who_supervises_a_part_of_it(
    plan: Plan, office: Account, second: Account, account: Make, client: Client
) -> None:
    appraising.adopt_scheme(
        appraising.load(TEXT.replace("of: districts", "of: departments").encode(), "f", office), second
    )
    transport = body("市交委", "department", 1, CITY, industries=["road", "water"])
    body("市煤管局", "department", 1, CITY, industries=["coal"])
    for industry, value in (("road", 10), ("water", 3)):
        part("T1", value, CITY, industry)
        died(2, "2013-03-01", YUBEI, industry)
    who = account("road", "department", industries=["road"], authority=transport)
    client.force_login(who)
    page = client.get("/plan/appraisal/").content.decode()
    assert "市交委" in page
    assert "市煤管局" not in page
    sheet = client.get(f"/plan/appraisal/sheet/?of=departments&authority={transport.pk}")
    (line,) = [r["line"] for _head, rows in sheet.context["parts"] for r in rows if r["entry"].id == "A1"]
    assert line["actual"] == "4"
    assert "url" not in line  # the list that he may open counts two


def test_points_to_date_are_each_ones_own(in_force: Scheme, account: Make, client: Client, office: Account) -> None:
    part("T1", 10)
    part("T1", 5, BANAN)
    died(4, "2013-06-13")
    client.force_login(office)
    page = client.get("/plan/appraisal/").content.decode()
    assert "渝北区" in page
    assert "巴南区" in page
    client.force_login(account("yubei", "district", YUBEI))
    page = client.get("/plan/appraisal/").content.decode()
    assert "渝北区" in page
    assert "巴南区" not in page
    page = client.get(f"/plan/appraisal/sheet/?of=districts&area={YUBEI}").content.decode()
    assert "counted=accidents.deaths&amp;period=..2013-06-14&amp;area_code=500112" in page
    for asked in (f"of=districts&area={BANAN}", "of=%00&area=1", "of=villages"):
        assert client.get(f"/plan/appraisal/sheet/?{asked}").status_code == 404
    client.force_login(account("road", "department", industries=["road"]))
    assert "渝北区" not in client.get("/plan/appraisal/?of=districts").content.decode()
    client.force_login(account("village", "village", "500112131201"))
    assert client.get("/plan/appraisal/").status_code == 403


def test_objection_answer_and_adoption(
    in_force: Scheme, account: Make, client: Client, office: Account, second: Account
) -> None:
    part("T1", 10)
    wrong = hand(in_force, "D1", -4)
    made = appraising.close(in_force, MAY, office)
    row = scores(made)[YUBEI]
    district = account("yubei", "district", YUBEI)
    client.force_login(district)
    assert client.get(f"/plan/appraisal/{made.pk}/").content.decode().count("/plan/scores/") == 1
    assert client.get(f"/plan/scores/{scores(made)[BANAN].pk}/").status_code == 404
    assert client.post(f"/plan/scores/{row.pk}/object/", {"item": "X9", "words": "不对"}).status_code == 422
    for words in ("不\0对", "\u202e", "长" * 1001, " "):
        assert client.post(f"/plan/scores/{row.pk}/object/", {"item": "D1", "words": words}).status_code == 422
    given = {"item": "D1", "words": "该起事故按时报告，附接报记录"}
    assert client.post(f"/plan/scores/{row.pk}/object/", given).status_code == 302
    assert client.post(f"/plan/scores/{row.pk}/object/", given).status_code == 422
    objection = Objection.objects.get()
    assert client.post(f"/plan/objections/{objection.pk}/answer/", {"words": "同意", "upheld": "1"}).status_code == 403
    client.force_login(account("banan", "district", BANAN))
    assert client.post(f"/plan/scores/{row.pk}/object/", given).status_code == 404
    # Nobody adopts while it waits, and nobody what he computed.
    with pytest.raises(Refused, match="异议未答复"):
        appraising.adopt(made, second)
    client.force_login(office)
    for words in ("", "属\0实", "\u202e", "长" * 1001):
        assert (
            client.post(f"/plan/objections/{objection.pk}/answer/", {"words": words, "upheld": "1"}).status_code == 422
        )
    assert client.post(f"/plan/objections/{objection.pk}/answer/", {"words": "属实", "upheld": "1"}).status_code == 302
    wrong.delete()
    assert client.post("/plan/appraisal/close/", {"scheme": in_force.pk, "period": "..2013-05"}).status_code == 302
    again = scores(made)[YUBEI]
    assert (again.pk, again.total) == (row.pk, Decimal(100))
    assert client.post(f"/plan/appraisal/{made.pk}/adopt/").status_code == 403
    client.force_login(second)
    assert "office" in client.get(f"/plan/appraisal/{made.pk}/").content.decode()
    assert client.post(f"/plan/appraisal/{made.pk}/adopt/").status_code == 302
    made.refresh_from_db()
    assert (made.state, made.adopted_by) == ("adopted", second)
    # Published: everybody scored reads it now, and nobody changes it any more.
    client.force_login(district)
    assert "巴南区" in client.get(f"/plan/appraisal/{made.pk}/").content.decode()
    assert client.get(f"/plan/scores/{scores(made)[BANAN].pk}/").status_code == 200
    assert client.post(f"/plan/scores/{row.pk}/object/", given).status_code == 403
    with pytest.raises(Refused, match="不得重新计算"):
        appraising.close(in_force, MAY, office)


def test_the_annual_paper_tells_what_the_committee_adopted_and_nothing_that_is_open(
    in_force: Scheme, office: Account, second: Account
) -> None:
    body("重庆市安全生产委员会办公室", "committee_office", 1, CITY, short_name="渝安委办")
    part("T1", 10)
    hand(in_force, "V3", 0, BANAN)
    made = appraising.close(in_force, MAY, office)
    period = facts.period_of("annual", "2013")

    def paper() -> Paper:
        return draft.paper(facts.gather("annual", period, CITY))

    def said(of: Paper) -> str:
        return "".join(block.text for block in of.blocks if isinstance(block, Paragraph) and "考核" in block.text)

    assert said(paper()) == "2013年度考核结果暂无数据。"
    appraising.adopt(made, second)
    found = facts.gather("annual", period, CITY)
    assert "对38个区县（自治县）2013年1至5月安全生产工作进行了考核" in said(draft.paper(found))
    assert "巴南区被一票否决。" in said(draft.paper(found))
    (told,) = (block for block in paper().blocks if isinstance(block, Table) and "考核结果" in block.caption)
    assert len(told.rows) == 38
    assert told.rows[0][0] == "1"
    assert [told.rows[-1][n] for n in (1, 3, 4)] == ["巴南区", "不合格", "一票否决"]
    assert facts.decode(facts.encode(found)) == found
    # What was kept of papers of before is the same bytes: their sum stays what it was.
    before = facts.gather("monthly", facts.period_of("monthly", "2013-05"), CITY)
    assert b"appraised" not in facts.encode(before)
    december = msgspec.structs.replace(found, appraised=(msgspec.structs.replace(found.appraised[0], until=12),))
    assert draft.paper(december).title.endswith("关于2013年度全市安全生产情况和考核结果的通报")


@pytest.mark.parametrize("last", ["办法", "新办法"])
def test_of_a_month_that_two_schemes_adopted_the_annual_paper_tells_what_was_said_last(
    last: str, in_force: Scheme, office: Account, second: Account
) -> None:
    body("重庆市安全生产委员会办公室", "committee_office", 1, CITY, short_name="渝安委办")
    later = appraising.load(TEXT.replace("title: 办法", "title: 新办法").encode(), "f", office)
    first = appraising.close(in_force, MAY, office)
    appraising.adopt_scheme(later, second)
    again = appraising.close(later, MAY, office)

    def told() -> str:
        (found,) = facts.gather("annual", facts.period_of("annual", "2013"), CITY).appraised
        return found.scheme

    pair = (first, again) if last == "新办法" else (again, first)
    for hours, made in enumerate(pair, 1):
        with clock.frozen(NOW + timedelta(hours=hours)):
            appraising.adopt(made, second)
    assert told() == last


def test_what_was_upheld_is_computed_before_it_is_adopted(
    in_force: Scheme, account: Make, office: Account, second: Account
) -> None:
    made = appraising.close(in_force, MAY, office)
    objection = appraising.object_(scores(made)[YUBEI], "A3", "不对", account("yubei", "district", YUBEI))
    with clock.frozen(NOW + timedelta(hours=1)):
        appraising.answer(objection, office, True, "属实")
        with pytest.raises(Refused, match="重新计算"):
            appraising.adopt(made, second)
        appraising.close(in_force, MAY, office)
        appraising.adopt(made, second)


def test_what_is_adopted_is_held_by_the_database(in_force: Scheme, office: Account, second: Account) -> None:
    made = appraising.close(in_force, MAY, office)
    appraising.adopt(made, second)
    for change in (
        lambda: Score.objects.filter(appraisal=made).update(total=100),
        lambda: Score.objects.filter(appraisal=made).delete(),
        lambda: Appraisal.objects.filter(pk=made.pk).update(state="computed", adopted_by=None),
        lambda: Scheme.objects.filter(pk=in_force.pk).update(text="x"),
        lambda: Scheme.objects.filter(pk=in_force.pk).update(state="draft", published=False, adopted_by=None),
    ):
        with pytest.raises((IntegrityError, InternalError), match="locked"), transaction.atomic():
            change()


def test_a_later_record_changes_no_adopted_score(
    in_force: Scheme, office: Account, second: Account, client: Client
) -> None:
    part("T1", 10)
    made = appraising.close(in_force, MAY, office)
    appraising.adopt(made, second)
    before = scores(made)[YUBEI].lines
    died(9, "2013-02-01")
    client.force_login(office)
    row = scores(made)[YUBEI]
    assert row.lines == before
    assert client.get(f"/plan/scores/{row.pk}/").status_code == 200


def test_a_scheme_is_loaded_by_one_and_adopted_by_another(
    plan: Plan,
    account: Make,
    client: Client,
    office: Account,
    second: Account,
) -> None:
    client.force_login(account("yubei", "district", YUBEI))
    assert client.get("/plan/schemes/new/").status_code == 403
    client.force_login(office)
    bad = SimpleUploadedFile("办法.yaml", TEXT.replace("measure: accidents.major", "measure: accidents.mayor").encode())
    answer = client.post("/plan/schemes/new/", {"file": bad})
    assert (answer.status_code, "办法.yaml:12: veto.0.measure (V1)" in answer.content.decode()) == (422, True)
    good = SimpleUploadedFile("办法.yaml", TEXT.encode())
    assert client.post("/plan/schemes/new/", {"file": good}).status_code == 302
    made = Scheme.objects.get()
    assert client.post(f"/plan/schemes/{made.pk}/adopt/").status_code == 403
    client.force_login(second)
    assert client.post(f"/plan/schemes/{made.pk}/adopt/").status_code == 302
    assert f"/plan/schemes/{made.pk}/" in client.get(f"/r/schemes/{made.pk}/").content.decode()
    assert "超出当日进度每 1 扣 2 分" in client.get(f"/plan/schemes/{made.pk}/").content.decode()
    # Its page says what was adopted, whatever the plan and the measures have become.
    with pytest.MonkeyPatch.context() as gone:
        gone.setattr(scheme, "named", lambda: ())
        assert "超出当日进度每 1 扣 2 分" in client.get(f"/plan/schemes/{made.pk}/").content.decode()
    # A new edition supersedes it.
    later = appraising.load(TEXT.replace("weight: 20", "weight: 25").encode(), "f", second)
    appraising.adopt_scheme(later, office)
    assert [s.state for s in Scheme.objects.order_by("pk")] == ["superseded", "adopted"]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "words"),
    [
        ("weight: 40, target", "weight: 0, target", 4, "weight"),
        ("weight: 40, target", "weight: .nan, target", 4, "nan"),
        ("from: 50, to: 100", "from: 50, to: .inf", 5, "inf"),
        ('city: "50', 'city: "51', 2, "500000000000"),
        ("target: T1, each", "target: T77, each", 4, "T77"),
        (", each: 1, less: 2", "", 4, "each"),
        (", each: 1, less: 2", ", each: 1, off: 2", 4, ""),
        ("manual: true}\ndeductions", "manual: true, measure: hazards.found}\ndeductions", 6, "manual"),
        ("measure: hazards.closure_rate", "measure: hazards.overdue", 5, "hazards.overdue"),
        ("measure: hazards.closure_rate", "measure: hazards.nothing", 5, "hazards.nothing"),
        ("from: 50, to: 100", "from: 50", 5, "from"),
        ("from: 50, to: 100", "from: 50, to: 50", 5, "to"),
        ("from: 50, to: 100", "from: 50, to: 100, each: 1, less: 1", 5, "from"),
        ("id: B1", "id: A1", 10, "A1"),
        ("at_least: 60", "at_least: 95", 17, "at_least"),
        ("source: 设置", "", 2, "source"),
        ("of: districts", "of: villages", 2, "villages"),
        ("grades:", "marks:", 2, "marks"),
        ("items:", "items: [", 4, ""),
        ("measure: accidents.major}", "target: T1, above: 3}", 12, "above"),
    ],
)
@pytest.mark.usefixtures("plan")
def test_a_scheme_that_does_not_hold_names_its_line(right: str, wrong: str, line: int, words: str) -> None:
    assert right in TEXT
    with pytest.raises(BadFile) as refused:
        scheme.parse(TEXT.replace(right, wrong).encode(), "f")
    first = str(refused.value).splitlines()
    assert any(one.startswith(f"f:{line}:") and words in one for one in first), refused.value


@pytest.mark.parametrize("name", ["districts", "departments"])
def test_the_schemes_that_come_with_the_product_hold(name: str, plan: Plan) -> None:
    content = scheme.parse((PLANS / f"appraisal-2013-{name}.yaml").read_bytes(), name)
    assert scheme.rules(content).full == 100


def test_points_by_hand_fit_their_entry(in_force: Scheme) -> None:
    for wrong in (
        {"item": "A9", "points": -1}, {"item": "D1", "points": 1}, {"item": "B1", "points": -1},
        {"item": "V3", "points": 2},
        {"item": "A3", "points": -1, "authority": body("市交委", "department", 1, CITY, industries=["road"])},
    ):  # fmt: skip
        row: dict[str, Any] = {"area_code": YUBEI, "on": date(2013, 4, 1), "reason": "试", "evidence": "号", **wrong}
        with pytest.raises(ValidationError):
            Hand(scheme=in_force, **row).full_clean()
    with pytest.raises(ValidationError):
        Hand(
            scheme_id=10**9, item="A3", points=-1, area_code=YUBEI, on=date(2013, 4, 1), reason="试", evidence="号"
        ).full_clean()
    Hand(
        scheme=in_force, item="A3", points=-1, area_code=YUBEI, on=date(2013, 4, 1), reason="试", evidence="号"
    ).full_clean()


@pytest.mark.parametrize("text", ["2013-06", "2012-12", "2013", "..2013-05-20", "2013-Q1x", "May"])
def test_only_a_whole_month_that_is_over_is_closed(in_force: Scheme, text: str) -> None:
    with pytest.raises(Refused):
        appraising.month(2013, text)


def test_queries_do_not_grow_with_what_is_scored(in_force: Scheme, office: Account, client: Client) -> None:
    client.force_login(office)

    def asked() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get("/plan/appraisal/").status_code == 200
        return len(caught)

    part("T1", 3)
    asked()
    before = asked()
    with acting(Actor("test", "tests"), EVERYWHERE):
        for n, code in enumerate((BANAN, "500101000000", "500102000000")):
            part("T1", n, code)
            died(1, "2013-03-01", code)
            danger(n, closed=True, area=code)
            hand(in_force, "A3", -1, code)
    assert asked() == before


def test_scores_and_objections_of_others_stay_theirs(in_force: Scheme, account: Make) -> None:
    """Before adoption a district reads its own score and nobody else's; its objections are its own."""
    made = appraising.close(in_force, MAY, account("office2"))
    row = scores(made)[BANAN]
    appraising.object_(row, "A3", "不对", account("banan", "district", BANAN))
    who = account("yubei", "district", YUBEI)
    with acting(who.actor, who.scope):
        assert [s.area_code for s in Score.objects.all()] == [YUBEI]
        assert not Objection.objects.exists()


# --- Two at once -----------------------------------------------------------------------------------

BY_HAND = """
scheme: {year: 2013, city: "500000000000", of: districts, title: 办法, source: 设置}
items:
- {id: A1, zh: 日常工作, weight: 20, manual: true}
grades:
- {zh: 合格, at_least: 0}
"""


@dataclass(frozen=True)
class Open:
    """A month that waits for its adoption, with one objection, and a second scheme that waits for its own."""

    people: dict[str, Account]
    first: Scheme
    draft: Scheme
    month: Appraisal
    row: Score
    objection: Objection

    def object_(self) -> None:
        appraising.object_(Score.objects.get(pk=self.row.pk), "A1", "不对", self.people["district"])

    def answer(self) -> None:
        appraising.answer(Objection.objects.get(pk=self.objection.pk), self.people["second"], False, "不属实")

    def adopt(self) -> None:
        appraising.adopt(self.month, self.people["second"])

    def adopt_first(self) -> None:
        appraising.adopt_scheme(Scheme.objects.get(pk=self.first.pk), self.people["second"])

    def adopt_draft(self) -> None:
        appraising.adopt_scheme(Scheme.objects.get(pk=self.draft.pk), self.people["second"])

    def close(self) -> None:
        appraising.close(self.first, Period.parse("..2013-04"), self.people["office"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("before", "one", "other", "said"),
    [
        ("answer", "object_", "adopt", "objections"),
        ("answer", "adopt", "object_", "objection.who"),
        ("", "object_", "object_", "objection.twice"),
        ("", "answer", "answer", "objection.answered"),
        ("", "adopt_draft", "adopt_draft", "scheme.state"),
        ("", "close", "close", ""),
    ],
)
def test_of_two_who_do_it_at_once_the_second_waits_and_sees_what_the_first_did(
    before: str, one: str, other: str, said: str
) -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        people = {
            name: Account.objects.create_user(name, name=name, role=role, area_code=area)
            for name, role, area in (
                ("office", "city", CITY), ("second", "city", CITY), ("district", "district", YUBEI)
            )
        }  # fmt: skip
        first, later = (appraising.load(BY_HAND.encode(), "f", people["office"]) for _ in range(2))
        appraising.adopt_scheme(first, people["second"])
        month = Appraisal.objects.create(
            scheme=first, period=MAY.name, as_of=clock.now(), closed_by=people["office"]
        )  # fmt: skip
        row = Score.objects.create(appraisal=month, area_code=YUBEI, total=90, possible=100)
        item = "B1" if one == other == "object_" else "A1"
        objection = Objection.objects.create(score=row, area_code=YUBEI, item=item, words="不对", by=people["district"])
        there = Open(people, first, later, month, row, objection)
        if before:
            getattr(there, before)()

    def deed(name: str) -> Deed:
        return people["district" if name == "object_" else "second"], getattr(there, name)

    found = at_once(deed(one), deed(other))
    assert [said in getattr(error, "code", "") for error in found] == [True] * bool(said)


@pytest.mark.django_db(transaction=True)
def test_of_two_schemes_that_are_adopted_at_once_the_second_supersedes_the_first() -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        office, second = (
            Account.objects.create_user(name, name=name, role="city", area_code=CITY) for name in ("office", "second")
        )
        drafts = [appraising.load(BY_HAND.encode(), "f", office) for _ in range(2)]
    first, other = ((second, partial(appraising.adopt_scheme, found, second)) for found in drafts)
    assert at_once(first, other) == []
    with acting(Actor("test", "tests"), EVERYWHERE):
        assert [one.state for one in Scheme.objects.order_by("pk")] == ["superseded", "adopted"]
