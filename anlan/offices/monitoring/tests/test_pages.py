"""A warning's page: what to do, who is on duty, what it became; the desk; rules that are proposed for change."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from anlan.kernel import cases, clock, events
from anlan.kernel.cases import links
from anlan.kernel.cases.history import tell
from anlan.kernel.cases.lifecycle import PRODUCT
from anlan.kernel.cases.models import CaseEntry, CaseLink
from anlan.kernel.models import Notice
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.accidents.models import Accident, Category
from anlan.offices.hazards.models import Danger
from anlan.offices.monitoring import page as pages
from anlan.offices.monitoring import rulebook
from anlan.offices.monitoring.cards import cards, load
from anlan.offices.monitoring.grouping import CORRECTED
from anlan.offices.monitoring.models import Device, DutyShift, EarlyWarning, ResponseCard, Rule, RuleReview, RuleVersion
from anlan.parties.models import Account, Enterprise, Looked, Person

from .conftest import AT, TESTER, YUBEI, account, device
from .test_rising import CITY, DISTRICT, warning

pytestmark = pytest.mark.django_db


def browser(who: Account, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(who)
    return client


def page(who: Account, case: EarlyWarning, language: str = "zh-hans") -> str:
    with acting(TESTER, EVERYWHERE):
        Account.objects.filter(pk=who.pk).update(language=language)
    answer = browser(who, language).get(case.get_absolute_url())
    assert answer.status_code == 200
    return answer.content.decode()


def card(area: str = CITY, programme: str = "", level: str = "", **more: Any) -> ResponseCard:
    with acting(TESTER, EVERYWHERE):
        return ResponseCard.objects.create(
            area_code=area, programme=programme, level=level, title=more.pop("title", f"{area}{programme}{level}"),
            steps=more.pop("steps", "先撤人\n再查原因"), **more,
        )  # fmt: skip


# --- What to do --------------------------------------------------------------------------------------


def test_the_cards_that_come_along_are_whole_in_both_languages_and_there() -> None:
    rows = cards()
    assert len({(programme, level) for programme, level, *_rest in rows}) == len(rows)
    assert all(all(row[2:]) for row in rows)
    assert all(len(row[4].splitlines()) == len(row[5].splitlines()) for row in rows)
    assert {level for programme, level, *_rest in rows if not programme} == {"red", "orange", "yellow", "blue"}
    with acting(TESTER, EVERYWHERE):
        assert ResponseCard.objects.filter(area_code=CITY).count() == len(rows)


def test_the_nearest_card_is_shown_and_no_other() -> None:
    case, by = warning("red"), account("township", YUBEI)
    with acting(TESTER, EVERYWHERE):
        ResponseCard.objects.all().delete()
    assert "没有适用于该项目和等级的处置卡" in page(by, case)
    for area, programme, level, title in (
        (CITY, "", "", "通用卡"), (CITY, "", "red", "红色卡"), (DISTRICT, "", "red", "渝北红色卡"),
        (CITY, "coaches", "", "客车卡"), (DISTRICT, "coaches", "", "渝北客车卡"),
        (CITY, "coaches", "red", "客车红色卡"),
    ):  # fmt: skip
        card(area, programme, level, title=title, plan="《渝北区道路客运应急预案》第3.2节")
        shown = page(by, case)
        assert title in shown
        assert "先撤人</li><li>再查原因" in shown
        assert "应急预案：《渝北区道路客运应急预案》第3.2节" in shown
    card("500113000000", "coaches", "red", title="巴南卡")
    card(YUBEI, "coaches", "red", title="失效卡", in_force=False)
    card(CITY, "lifts", "red", title="电梯卡")
    assert "客车红色卡" in page(by, case)


def test_what_a_city_wrote_stays_when_the_product_is_updated() -> None:
    with acting(TESTER, EVERYWHERE):
        one = ResponseCard.objects.get(area_code=CITY, programme="", level="red")
        one.title, one.in_force = "本市自定", False
        one.save()
        before = ResponseCard.objects.count()
    load("default")
    with acting(TESTER, EVERYWHERE):
        assert ResponseCard.objects.count() == before
        assert ResponseCard.objects.filter(title="本市自定").count() == 1


def test_a_district_writes_its_own_card_and_not_the_citys() -> None:
    by = browser(account("district", DISTRICT))
    with acting(TESTER, EVERYWHERE):
        citys = ResponseCard.objects.filter(area_code=CITY).order_by("pk").first()
    assert citys is not None
    assert by.get(f"/r/response-cards/{citys.pk}/").status_code == 404
    facts = {"area_code": DISTRICT, "programme": "coaches", "level": "red", "title": "渝北卡", "steps": "停车"}
    assert by.post("/r/response-cards/new/", facts | {"in_force": "on"}).status_code == 302
    changed = by.post(f"/r/response-cards/{citys.pk}/edit/", facts | {"version": citys.version})
    assert changed.status_code in (403, 404)
    with acting(TESTER, EVERYWHERE):
        assert ResponseCard.objects.get(pk=citys.pk).title == citys.title


# --- Who is on duty ----------------------------------------------------------------------------------


def shift(area: str, name: str, phone: str = "13800000001", **more: Any) -> DutyShift:
    with acting(TESTER, EVERYWHERE):
        person = Person.objects.create(name=name, phone=phone, area_code=area, enterprise=more.get("enterprise"))
        times = {"begins": AT - timedelta(hours=4), "ends": AT + timedelta(hours=8)}
        return DutyShift.objects.create(area_code=area, person=person, **times | more)


def test_who_is_on_duty_is_shown_by_tier_persons_to_those_entitled_alone_and_each_look_is_logged() -> None:
    case = warning("red")
    with acting(TESTER, EVERYWHERE):
        firm = Enterprise.objects.get(pk=case.enterprise_id)
    shift(YUBEI, "赵企", "13800000002", enterprise=firm, room="023-1")
    shift(YUBEI, "钱镇", "13800000003", room="023-22")
    shift(DISTRICT, "孙区", "13800000004", room="023-333", post="leader")
    shift(CITY, "李市", "13800000005", room="023-4444")
    shift("500113000000", "周巴南", "13800000006", room="023-55555")
    shift(DISTRICT, "吴昨夜", begins=AT - timedelta(hours=16), ends=AT - timedelta(hours=4))
    shift(DISTRICT, "郑今夜", begins=AT + timedelta(hours=8), ends=AT + timedelta(hours=20))

    shown = page(account("district", DISTRICT), case)
    assert all(text in shown for text in ("赵企", "13800000002", "钱镇", "孙区", "带班领导", "023-4444"))
    assert not any(text in shown for text in ("李市", "周巴南", "吴昨夜", "郑今夜", "023-55555"))
    with acting(TESTER, EVERYWHERE):
        looks = Looked.objects.filter(page__contains=case.number)
        assert looks.count() == 3
        assert {one.actor for one in looks} == {f"person district-{DISTRICT}"}

    shown = page(account("township", YUBEI), case, "en")
    assert all(text in shown for text in ("赵企", "钱镇", "023-333", "023-4444"))
    assert not any(text in shown for text in ("孙区", "李市", "13800000004"))
    with acting(TESTER, EVERYWHERE):
        of_firm = Account.objects.create(
            username="firm", name="firm", role="enterprise", area_code=YUBEI, enterprise=firm
        )
    shown = page(of_firm, case)
    assert all(text in shown for text in ("赵企", "023-22", "023-333", "023-4444"))
    assert not any(text in shown for text in ("钱镇", "孙区"))
    # A role that may not see people reads the duty rooms, and no name.
    village = page(account("village", YUBEI), case)
    assert "023-22" in village
    assert not any(text in village for text in ("赵企", "钱镇"))
    assert page(account("city", CITY), case).count("李市") == 1


def test_where_nobody_is_entered_the_page_says_so_and_where_to_enter_him() -> None:
    shown = page(account("district", DISTRICT), warning("red"))
    assert shown.count("未登记当前值班人员") == 4
    assert "/r/duty-shifts/" in shown
    shift(DISTRICT, "孙区")
    assert "有人值班，姓名不对您显示" in page(account("township", YUBEI), warning("red", "k2"))


# --- What it becomes ---------------------------------------------------------------------------------


def test_a_warning_becomes_a_hidden_danger_with_what_is_known_linked_both_ways_once() -> None:
    case = warning("red", lon=Decimal("106.55"), lat=Decimal("29.56"), place="G50 12公里")
    by = account("district", DISTRICT)
    client, origin = browser(by), links.named(case)
    assert f"/hazards/report/?from={quote(origin, safe='')}" in page(by, case)
    form = client.get("/hazards/report/", {"from": origin}).content.decode()
    assert 'value="k1：超速行驶"' in form
    assert f'来自：预警 <a href="{case.get_absolute_url()}">{case.number}</a> k1：超速行驶' in form
    assert f'data-text="车队{YUBEI}"' in form
    said = {
        "token": str(uuid.uuid4()), "origin": origin, "title": "限速装置失效", "enterprise": str(case.enterprise_id),
        "place": "G50 12公里", "description": str(case), "type": "", "result": "",
    }  # fmt: skip
    for _again in range(2):
        assert client.post("/hazards/report/", said).status_code == 302
    with acting(TESTER, EVERYWHERE):
        danger = Danger.objects.get()
        assert (danger.source, danger.enterprise_id, f"{danger.lon:.2f}") == ("telemetry", case.enterprise_id, "106.55")
        assert CaseLink.objects.count() == 2
        words = [one.words for one in tell(case, CaseEntry.of(case))]
    assert words[-1] == f"district由此新建{danger.number}：限速装置失效"
    assert f'由此产生：隐患 <a href="{danger.get_absolute_url()}">{danger.number}</a>' in page(by, case)
    back = client.get(danger.get_absolute_url()).content.decode()
    assert f'来自：预警 <a href="{case.get_absolute_url()}">{case.number}</a>' in back
    # Whose scope holds the warning and not what came of it reads nothing of that.
    with acting(TESTER, EVERYWHERE):
        Danger.objects.filter(pk=danger.pk).update(area_code="500113000000", enterprise_id=None)
    assert "由此产生" not in page(by, case)


def test_an_enterprise_makes_it_a_self_check_and_a_foreign_origin_is_none() -> None:
    case = warning("orange")
    with acting(TESTER, EVERYWHERE):
        firm = Account.objects.create(
            username="firm", name="firm", role="enterprise", area_code=YUBEI, enterprise_id=case.enterprise_id
        )
        other = Account.objects.create(
            username="other", name="other", role="enterprise", area_code=YUBEI,
            enterprise=Enterprise.objects.create(name="另一车队", area_code=YUBEI),
        )  # fmt: skip
    for by, linked in ((other, 0), (firm, 2)):
        said = {
            "token": str(uuid.uuid4()),
            "origin": links.named(case),
            "title": "限速装置失效",
            "place": "",
            "type": "",
        }
        assert browser(by).post("/hazards/report/", said).status_code == 302
        with acting(TESTER, EVERYWHERE):
            assert CaseLink.objects.count() == linked
            assert Danger.objects.latest("pk").source == "selfcheck"


@pytest.mark.parametrize("said", ["", "warning", "warning:", "nothing:1", "danger:1", "warning:\0", "x" * 5000])
def test_an_origin_that_is_none_leaves_the_form_empty(said: str) -> None:
    client = browser(account("district", DISTRICT))
    for address in ("/hazards/report/", "/accidents/report/"):
        assert client.get(address, {"from": said}).status_code == 200


def test_a_warning_becomes_an_accident() -> None:
    case, by = warning("red", place="G50 12公里"), account("duty", CITY)
    client, origin = browser(by), links.named(case)
    assert f"/accidents/report/?from={quote(origin, safe='')}" in page(by, case)
    form = client.get("/accidents/report/", {"from": origin}).content.decode()
    assert "G50 12公里" in form
    assert f'data-text="车队{YUBEI}"' in form
    assert f'来自：预警 <a href="{case.get_absolute_url()}">{case.number}</a>' in form
    with acting(TESTER, EVERYWHERE):
        road = Category.objects.at(AT.date()).filter(code__contains="road").first() or Category.objects.at(AT.date())[0]
    said = {
        "area_code": YUBEI, "place": "G50 12公里", "occurred_at": "2013-06-14T11:20", "at": "2013-06-14T11:55",
        "category": str(road.pk), "source": "unit", "deaths": "0", "missing": "0", "injured": "1", "course": "追尾",
        "enterprise": str(case.enterprise_id), "origin": origin, "token": str(uuid.uuid4()),
    }  # fmt: skip
    for _again in range(2):
        answer = client.post("/accidents/report/", said)
        assert answer.status_code == 302, re.sub(r"<[^>]+>", "", answer.content.decode())[-1500:]
    with acting(TESTER, EVERYWHERE):
        accident = Accident.objects.get()
        assert CaseLink.objects.count() == 2
    assert accident.number in page(by, case)
    assert case.number in client.get(accident.get_absolute_url()).content.decode()


def test_the_page_says_that_the_device_was_replaced_and_by_which() -> None:
    case, by, new = warning("red"), account("district", DISTRICT), device("k2", name="新终端")
    assert "停用" not in page(by, case).split("处置步骤")[0].split("预警等级")[1]
    with acting(TESTER, EVERYWHERE):
        Device.objects.filter(code="k1").update(removed_on=AT.date(), replaced_by=new)
    lead = page(by, case).split("处置步骤")[0]
    assert "该设备自2013年6月14日起停用" in lead
    assert f'已更换为 <a href="/r/devices/{new.pk}/">新终端 k2</a>' in lead


# --- Rules proposed for change -----------------------------------------------------------------------


def ended(n: int, state: str = "false", begin: int = 0, **more: Any) -> None:
    """So many warnings of one rule that ended so."""
    for i in range(begin, begin + n):
        case = warning("yellow", f"d{state}{i}")
        by = account_once()
        name = {"false": "dismiss", "handled": "acknowledge"}[state]
        with acting(by.actor, by.scope):
            case = cases.move(case, name, by=by, seen_version=case.version,
                              facts_={"cause": more.get("cause", "误差")} if state == "false" else {})  # fmt: skip
            if state == "handled":
                cases.move(case, "handle", by=by, seen_version=case.version, findings="已处置")


def account_once() -> Account:
    with acting(TESTER, EVERYWHERE):
        found = Account.objects.filter(role="city").first()
    return found or account("city", CITY)


def reviews() -> list[RuleReview]:
    events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        return list(RuleReview.objects.order_by("pk"))


@pytest.mark.slow
def test_five_false_alarms_in_a_month_and_a_third_of_all_propose_a_change_once() -> None:
    keeper = account_once()
    ended(4)
    ended(11, "handled")
    assert reviews() == []
    ended(1, begin=4)  # 5 of 16: 31 %
    (one,) = reviews()
    assert (one.rule, one.false_alarms, one.warnings, one.area_code, one.state) == ("fast", 5, 16, CITY, "open")
    assert one.due_at is not None
    ended(1, begin=5)
    assert reviews() == [one], "one open proposal for a rule"
    events.deliver_due()
    with acting(keeper.actor, keeper.scope):
        told = [str(n) for n in Notice.objects.filter(url=one.get_absolute_url())]
        assert told == [f"{one.number} {one.title}：16条预警中误报5条"]
        assert one.number in [row.number for row in cases.worklist(keeper).rows]
    shown = browser(keeper).get(one.get_absolute_url())
    assert shown.status_code == 200
    text = shown.content.decode()
    assert "16条预警中误报5条（31%）" in text
    assert "误差" in text
    with acting(keeper.actor, keeper.scope):
        cases.move(one, "keep", by=keeper, seen_version=one.version, reason="限速值本月已更正")
    # What was counted then is not held against the rule again.
    ended(3, begin=6)
    assert len(reviews()) == 1
    with clock.frozen(AT + timedelta(hours=1)):
        ended(5, begin=9)
        assert [one.false_alarms for one in reviews()] == [5, 5]
    with clock.frozen(AT + timedelta(hours=2)):
        ended(1, begin=20, cause="后来的一次")
        text = browser(keeper).get(reviews()[1].get_absolute_url()).content.decode()
        assert text.count('data-label="误报原因"') == 5, "those behind its number"
        assert "后来的一次" not in text


def test_a_rule_was_changed_when_it_has_another_version() -> None:
    keeper = account_once()
    with acting(TESTER, EVERYWHERE):
        text = Rule.objects.select_related("current").get(name="overspeed").current.text
        review = cases.open_case(
            "rule_review", PRODUCT, title="误报偏多", rule="overspeed", warnings=12, since=AT, false_alarms=6,
            area_code=CITY, owner_area_code=CITY,
        )  # fmt: skip
    assert "该规则尚无新版本" in browser(keeper).get(review.get_absolute_url()).content.decode()
    with acting(keeper.actor, keeper.scope), clock.frozen(AT + timedelta(minutes=5)):
        with pytest.raises(cases.MoveRefused):
            cases.move(review, "change", by=keeper, seen_version=review.version, findings="保持时间延长")
        text = text.replace("hold: 30s", "hold: 60s")
        rule = Rule.objects.get(name="overspeed")
        rulebook.save(rule, text, rulebook.checked(text, rule.name), True, "误报偏多", keeper.actor)
    with acting(keeper.actor, keeper.scope), clock.frozen(AT + timedelta(minutes=6)):
        moved = cases.move(review, "change", by=keeper, seen_version=review.version, findings="保持时间延长")
    assert moved.state == "changed"


def test_rare_false_alarms_and_those_that_late_readings_corrected_propose_nothing() -> None:
    account_once()
    ended(12, "handled")
    ended(5)  # 5 of 17: 29 %
    ended(6, begin=5, cause=CORRECTED)
    assert reviews() == []


def test_only_the_city_reads_and_decides_on_rules() -> None:
    account_once()
    ended(5)
    (one,) = reviews()
    assert browser(account("district", DISTRICT)).get(one.get_absolute_url()).status_code == 404
    duty = account("duty", CITY)
    assert browser(duty).get(one.get_absolute_url()).status_code == 200
    with acting(duty.actor, duty.scope), pytest.raises(cases.MoveRefused):
        cases.move(one, "keep", by=duty, seen_version=one.version, reason="x")


def test_a_review_leads_to_the_rule_by_its_name() -> None:
    city = account("city", CITY)
    with acting(TESTER, EVERYWHERE):
        review = cases.open_case(
            "rule_review", PRODUCT, title="误报偏多", rule="flammable-gas", warnings=12, since=AT, false_alarms=6,
            area_code=CITY, owner_area_code=CITY,
        )  # fmt: skip
        rule = Rule.objects.select_related("current").get(name="flammable-gas")
    link = f'<a href="{rule.get_absolute_url()}">可燃气体泄漏</a>'
    assert link in browser(city).get(review.get_absolute_url()).content.decode()


# --- The desk ----------------------------------------------------------------------------------------


def test_in_english_the_rule_of_a_warning_is_called_in_english() -> None:
    with acting(TESTER, EVERYWHERE):
        one = warning("red")
        one.rule_title, one.rule_title_en, one.title = "超速行驶", "Faster than allowed", "k1：超速行驶"
        one.save()
    chinese, english = browser(account("duty", CITY)), browser(account("city", CITY), "en")
    for address in ("/monitoring/desk/", "/monitoring/map/"):
        assert ">k1：超速行驶</a>" in chinese.get(address).content.decode()
        assert ">k1: Faster than allowed</a>" in english.get(address).content.decode()
    with acting(TESTER, EVERYWHERE):  # one whose title was cut, or entered otherwise, stays as it is
        EarlyWarning.objects.filter(pk=one.pk).update(title="k1：超速")
    assert ">k1：超速</a>" in english.get("/monitoring/desk/").content.decode()


def test_what_calls_for_somebody_comes_first_and_says_who_looks_into_it() -> None:
    by = account("duty", CITY)
    seen = warning("red", "seen")
    for code, level, more in (
        ("late", "orange", {}), ("over", "orange", {"cleared_at": AT}), ("later", "orange", {}), ("low", "blue", {}),
        ("fresh", "red", {}),
    ):  # fmt: skip
        with clock.frozen(AT + timedelta(minutes=1 if code == "later" else 0)):
            case = warning(level, code)
        with acting(TESTER, EVERYWHERE):
            EarlyWarning.objects.filter(pk=case.pk).update(title=code, **more)
    with acting(by.actor, by.scope):
        taken = cases.move(seen, "acknowledge", by=by, seen_version=seen.version)
    assert (taken.owner_id, taken.owner_name) == (by.pk, by.name)
    for path, row in (
        ("desk/", r'row-link" href="[^"]*">([^<]*)<'),
        ("map/", r'<a href="/c/warning/[^"]*">([^<]*)</a>'),
    ):
        page = browser(by).get(f"/monitoring/{path}").content.decode()
        assert re.findall(row, page) == ["fresh", "k1：超速行驶", "late", "later", "over", "low"]
        assert page.count("tone-attention") == 5 + page.count("演示")  # nobody has looked at those yet
    desk = browser(by).get("/monitoring/desk/").content.decode()
    assert f'<div class="text-secondary">{by.name}</div>' in desk
    assert "The latest" not in desk


def test_the_desk_shows_the_gravest_first_in_a_constant_number_of_queries() -> None:
    by = account("duty", CITY)
    client = browser(by)
    empty = client.get("/monitoring/desk/").content.decode()
    assert "本辖区没有未办结的预警" in empty
    for n, level in enumerate(("blue", "red", "yellow", "orange")):
        warning(level, f"k{n}")
    with CaptureQueriesContext(
        connection,
    ) as few:
        shown = client.get("/monitoring/desk/").content.decode()
    assert re.findall(r'<td[^>]*><span class="level level-(\w+)">', shown) == ["red", "orange", "yellow", "blue"]
    assert len(re.findall("data-alarm-key", shown)) == 2
    for n in range(4, 10):
        warning("red", f"k{n}")
    with CaptureQueriesContext(connection) as many:
        client.get("/monitoring/desk/")
    assert len(many) == len(few)
    assert browser(account("district", "500113000000")).get("/monitoring/desk/").content.decode().count("row-link") == 0
    assert Client().get("/monitoring/desk/").status_code == 302


@pytest.mark.parametrize(
    ("content", "value", "words"),
    [
        ({"metric": "speed"}, 92.0, "速度 92 km/h"),
        ({"metric": "wind_ms"}, 0.2, "wind_ms 0.2"),  # of a rule that the city wrote for a metric of its own
        ({"metric": "methane.ch4", "at": "station"}, 1.25, "甲烷 1.25 %"),
        ({"metric": "restricted"}, 1.0, ""),
    ],
)
def test_what_was_read_stands_beside_the_title(content: dict[str, Any], value: float, words: str) -> None:
    case = EarlyWarning(rule_kind="level", rule_version=RuleVersion(content=content), value=value)
    with translation.override("zh-hans"):
        assert pages._read(case) == words
