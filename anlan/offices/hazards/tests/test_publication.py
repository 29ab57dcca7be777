"""Publication 公示: proposed by one, approved by another, no person in it, followed to the end, taken back visibly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from anlan.kernel import clock, events
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards.models import Danger, PublishedDanger
from anlan.parties.models import Enterprise, Person

from .test_lifecycle import APART, COLLEAGUE, DISTRICT, FIVE, major, photo, refused, step

NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.HOME = tmp_path
    with clock.frozen(NOON), acting(Actor("test", "tests"), EVERYWHERE):
        yield


@pytest.fixture
def danger() -> Danger:
    mine = Enterprise.objects.create(name="龙兴煤矿", area_code="500112131000", industry_id="coal")
    Person.objects.create(name="王建国", area_code=mine.area_code, industry_id="coal", enterprise=mine)
    return step(step(major(mine), "plan", DISTRICT, **FIVE), "report_major", DISTRICT, **APART)


def published(danger: Danger) -> Danger:
    case = step(danger, "propose_publication", COLLEAGUE, public_text="回风巷瓦斯监控失效，限期整改")
    return step(case, "publish", DISTRICT)


def page(path: str = "/public/dangers/") -> str:
    answer = Client().get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_nothing_is_public_before_another_official_approved(danger: Danger) -> None:
    case = step(danger, "propose_publication", DISTRICT, public_text="回风巷瓦斯监控失效")
    assert "回风巷" not in page()
    assert refused(case, "publish", DISTRICT).startswith("same_person")
    step(case, "publish", COLLEAGUE_DISTRICT)
    assert "回风巷瓦斯监控失效" in page()
    assert "龙兴煤矿" in page("/public/dangers/en/")


COLLEAGUE_DISTRICT = type(DISTRICT)(**(vars(DISTRICT) | {"pk": 77}))


@pytest.mark.parametrize(
    "text",
    [
        "请联系13812345678",
        "责任人王建国",
        "整改责任人张三",
        "身份证500112198001011234",
        "电话023-67891234",
        "１３８１２３４５６７８",
        "138 1234 5678",
        "138-1234-5678",
        "1 3 8 1 2 3 4 5 6 7 8",
        "+8613812345678",
        "0086 138 1234 5678",
        "138\u200b1234\u200b5678",
        "①③⑧①②③④⑤⑥⑦⑧",
        "١٣٨١٢٣٤٥٦٧٨",
        "一三八一二三四五六七八",
        "幺三八幺二三四五六七八",
        "500112 19800101 1234",
        "（023）6789 1234",
        "王 建 国",
        "王\u200b建国",
        "王·建国",
    ],
)
def test_no_person_goes_out(danger: Danger, text: str) -> None:
    assert refused(danger, "propose_publication", DISTRICT, public_text=text).startswith("invalid")


@pytest.mark.parametrize(
    "text",
    [
        "2013年6月14日至2013年12月31日整改，投入资金1250000元，涉及15个采煤工作面",
        "2013-06-14 08:30 至 2013-12-31 18:00",
        "回风巷瓦斯浓度1.35%，超限 3 次，渝北安隐〔2013〕12号",
    ],
)
def test_dates_and_sums_are_no_telephones(danger: Danger, text: str) -> None:
    assert step(danger, "propose_publication", DISTRICT, public_text=text).publication_asked_at


def test_who_is_named_responsible_after_the_proposal_does_not_go_out_either(danger: Danger) -> None:
    case = step(danger, "propose_publication", COLLEAGUE, public_text="由李卫东督促整改")
    case = step(case, "replan", COLLEAGUE, **FIVE | {"responsible": "李卫东"}, reason="换人")
    assert refused(case, "publish", DISTRICT).startswith("gate")


@pytest.mark.parametrize("reason", ["举报人电话138 1234 5678", "王建国要求撤下"])
def test_no_person_goes_out_with_the_reason_of_a_withdrawal(danger: Danger, reason: str) -> None:
    case = published(danger)
    assert refused(case, "unpublish", DISTRICT, reason=reason).startswith("invalid")
    assert reason not in page()


def test_only_a_major_danger_is_published(danger: Danger) -> None:
    Danger.objects.filter(pk=danger.pk).update(grade="general")
    danger.refresh_from_db()
    assert refused(danger, "propose_publication", DISTRICT, public_text="x").startswith("gate")


def test_the_public_copy_follows_the_case_until_it_is_removed(danger: Danger) -> None:
    case = published(danger)
    row = PublishedDanger.objects.get()
    assert (row.state, row.rectify_by, row.place) == ("treating", FIVE["rectify_by"], "渝北区")
    case = step(case, "rectify", DISTRICT, result="已更换", after=[photo()])
    step(case, "accept", COLLEAGUE, on_site=[photo()])
    events.deliver_due()
    row.refresh_from_db()
    assert (row.state, row.removed_on) == ("removed", NOON.date())
    assert "已销号" in page()
    with clock.frozen(NOON + timedelta(days=366)):
        assert "回风巷" not in page()


def test_what_was_withdrawn_leaves_a_trace_without_its_content(danger: Danger) -> None:
    case = step(published(danger), "unpublish", DISTRICT, reason="表述有误")
    text = page()
    assert "回风巷" not in text
    assert "龙兴煤矿" not in text
    assert "表述有误" in text
    assert case.number in text
    published(case)  # and once more, with the first row still there
    assert PublishedDanger.objects.filter(number=case.number).count() == 2


def test_the_page_needs_no_sign_in_and_any_cache_may_keep_it(
    danger: Danger, django_assert_max_num_queries: Any
) -> None:
    published(danger)
    client = Client()
    with django_assert_max_num_queries(12):
        answer = client.get("/public/dangers/")
    assert answer["Cache-Control"] == "public, max-age=300"
    assert not answer.cookies
    assert client.get("/public/dangers/", headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert answer["ETag"] != client.get("/public/dangers/en/")["ETag"]
    assert "张三" not in answer.content.decode()
