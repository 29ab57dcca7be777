"""A hidden danger from finding to acceptance, and what cannot be done on the way."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from PIL import Image

from anlan.kernel import cases, clock
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards.models import Danger, JudgementClause
from anlan.parties.models import Account, Enterprise

NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
pytestmark = pytest.mark.django_db


def person(pk: int, role: str, area: str = "500112000000", enterprise: int | None = None) -> Any:
    return SimpleNamespace(pk=pk, name=f"person {pk}", role=role, area_code=area, enterprise_id=enterprise)


DISTRICT, COLLEAGUE, CITY = person(1, "district"), person(2, "inspector"), person(3, "city", "500000000000")
FIVE = {
    "measures": "更换失效的瓦斯传感器", "responsible": "张三", "money": 12000, "rectify_by": date(2013, 6, 28),
    "contingency": "撤人、断电、加强通风",
}  # fmt: skip

APART = {"report_cause": "传感器老化", "report_harm": "瓦斯超限不能及时发现", "report_plan": "月底前全部更换"}


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(autouse=True)
def friday_noon(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.HOME = tmp_path
    with clock.frozen(NOON), acting(Actor("test", "tests"), EVERYWHERE):
        yield


@pytest.fixture
def mine() -> Enterprise:
    return Enterprise.objects.create(name="龙兴煤矿", area_code="500112131000", industry_id="coal")


def opened(mine: Enterprise, by: Any = DISTRICT, source: str = "inspection") -> Danger:
    return cases.open_case(
        "danger", by=by, title="瓦斯传感器失效", description="回风巷传感器无读数", source=source, found_at=NOON,
        area_code=mine.area_code, industry_id="coal", enterprise=mine,
    )  # fmt: skip


def step(case: Danger, move: str, by: Any, **facts: Any) -> Danger:
    return cases.move(case, move, by=by, seen_version=case.version, **facts)


def refused(case: Danger, move: str, by: Any, **facts: Any) -> str:
    with pytest.raises(cases.MoveRefused) as caught:
        step(case, move, by, **facts)
    return f"{caught.value.code}: {caught.value}"


def major(mine: Enterprise) -> Danger:
    clause = JudgementClause.objects.get(code="D446-8-4")
    return step(opened(mine), "verify", DISTRICT, grade="major", judgement=clause.pk, needs_stop=True)


def test_a_major_danger_from_finding_to_acceptance(mine: Enterprise) -> None:
    safety_manager = person(9, "enterprise", mine.area_code, mine.pk)
    case = major(mine)
    assert case.number == "渝北安隐〔2013〕1号"
    case = step(case, "stop_work", DISTRICT, stop_order="回采工作面", reason="瓦斯监控失效")
    assert "invalid" in refused(case, "plan", safety_manager, **FIVE | {"rectify_by": date(9999, 12, 31)})
    case = step(case, "plan", safety_manager, **FIVE)
    assert case.due_at == datetime(2013, 6, 28, 23, 59, 59, tzinfo=BEIJING)
    case = step(case, "rectify", safety_manager, result="已更换并校准", after=[photo()])
    assert refused(case, "accept", COLLEAGUE, on_site=[photo()])  # production is still stopped
    case = step(case, "ask_resumption", safety_manager, application=[photo()])
    assert case.due_at is not None
    assert case.due_at.date() == date(2013, 6, 24)  # ten days from the 14th: Decree 16
    case = step(case, "resume_work", COLLEAGUE, review=[photo()])
    assert "gate" in refused(case, "resume_work", COLLEAGUE, review=[photo()]), "once, until it is asked for again"
    # Decree 16 Art. 14: reported apart, with cause, harm and plan, or it is not closed.
    assert "第十四条" in refused(case, "accept", COLLEAGUE, on_site=[photo()])
    case = step(case, "report_major", safety_manager, **APART)
    case = step(case, "accept", COLLEAGUE, on_site=[photo()])
    assert (case.state, case.closed_at) == ("closed", NOON)
    moves = list(CaseEntry.of(case).values_list("move", flat=True))
    assert moves == [
        "open", "verify", "stop_work", "plan", "rectify", "ask_resumption", "resume_work", "report_major",
        "accept",
    ]  # fmt: skip


def test_nobody_accepts_what_he_rectified(mine: Enterprise) -> None:
    case = step(opened(mine), "verify", DISTRICT, grade="general")
    case = step(case, "fix_now", DISTRICT, result="已扶正", after=[photo()])
    assert refused(case, "accept", DISTRICT, on_site=[photo()]).startswith("same_person")
    assert step(case, "accept", COLLEAGUE, on_site=[photo()]).state == "closed"


@pytest.mark.parametrize("gone", sorted(FIVE))
def test_without_all_five_in_place_no_rectification_begins(mine: Enterprise, gone: str) -> None:
    assert refused(major(mine), "plan", DISTRICT, **{k: v for k, v in FIVE.items() if k != gone})


def test_what_is_wrong_with_the_five_is_told_at_once_each_at_its_field(mine: Enterprise) -> None:
    case = major(mine)
    wrong = FIVE | {"money": -3, "rectify_by": date(2013, 6, 1)}
    with translation.override("zh-hans"), pytest.raises(cases.FieldError) as caught:
        step(case, "plan", DISTRICT, **wrong)
    assert caught.value.errors == {"money": ["不得小于 0。"], "rectify_by": ["日期已过。"]}
    account = Account.objects.create(username="x", name="x", role="district", area_code="500112000000")
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(account)
    page = client.post(f"{case.get_absolute_url()}plan/", wrong | {"seen_version": case.version})
    assert page.status_code == 422
    summary = page.content.decode().split("data-error-summary", 1)[1].split("</ul>", 1)[0]
    assert re.findall(r'href="#([\w-]+)"', summary) == ["plan-money", "plan-rectify_by"]


def test_a_major_danger_is_not_simply_fixed(mine: Enterprise) -> None:
    assert refused(major(mine), "fix_now", DISTRICT, result="x", after=[photo()]).startswith("gate")


def test_the_grade_follows_the_criteria__decree_16_art_3(mine: Enterprise) -> None:
    case = opened(mine)
    assert refused(case, "verify", DISTRICT, grade="general", needs_stop=True).startswith("invalid: invalid: grade")
    assert refused(case, "verify", DISTRICT, grade="major").startswith("invalid: invalid: judgement")


def test_a_clause_must_be_of_the_industry_and_in_force_on_the_day(mine: Enterprise) -> None:
    clause = JudgementClause.objects.get(code="D446-8-2")
    case = opened(mine)
    Danger.objects.filter(pk=case.pk).update(found_at=datetime(2005, 9, 2, tzinfo=BEIJING))
    case.refresh_from_db()
    assert refused(case, "verify", DISTRICT, grade="major", judgement=clause.pk).startswith("invalid")
    other = Enterprise.objects.create(name="龙兴运输", area_code="500112131000", industry_id="road")
    case = cases.open_case(
        "danger", by=DISTRICT, title="x", description="y", source="inspection", found_at=NOON,
        area_code=other.area_code, industry_id="road", enterprise=other,
    )  # fmt: skip
    assert refused(case, "verify", DISTRICT, grade="major", judgement=clause.pk).startswith("invalid")


def test_an_enterprise_grades_and_accepts_only_its_own_general_finds(mine: Enterprise) -> None:
    one, another = (person(n, "enterprise", mine.area_code, mine.pk) for n in (8, 9))
    assert refused(opened(mine), "grade_inside", one, grade="general").startswith("gate")
    case = step(opened(mine, one, "selfcheck"), "grade_inside", one, grade="general")
    case = step(case, "fix_now", one, result="已修复", after=[photo()])
    assert refused(case, "accept_inside", one, on_site=[photo()]).startswith("same_person")
    assert step(case, "accept_inside", another, on_site=[photo()]).state == "closed"


def test_a_higher_tier_lists_a_case_and_the_second_person_to_act_is_told(mine: Enterprise) -> None:
    case = opened(mine)
    listed = step(case, "list", CITY, reason="重点督办")
    assert listed.listed_at is not None
    with pytest.raises(cases.Stale):
        step(case, "verify", DISTRICT, grade="general")
