"""The pages of rules: the list with its numbers, the editor with its faults, two people at once, switching, limits."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from anlan.kernel import cases, clock
from anlan.kernel.cases.lifecycle import PRODUCT
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.monitoring.models import DeviceSetting, EarlyWarning, Rule, RuleTrial
from anlan.parties.models import Account

from .conftest import AT, TESTER, YUBEI, account, device

pytestmark = pytest.mark.django_db
CITY = "500000000000"
LOADED = 2
"""The version of a rule's record after it was put in and pointed at its first version."""


def browser(role: str = "city", area: str = CITY) -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(account(role, area))
    return client


def methane() -> Rule:
    with acting(TESTER, EVERYWHERE):
        return Rule.objects.select_related("current").get(name="methane")


def sent(client: Client, text: str, do: str = "save", seen: int | None = None, reason: str = "收紧限值") -> Any:
    told = {"text": text, "do": do, "days": "30", "reason": reason, "seen": methane().version if seen is None else seen}
    return client.post("/monitoring/rules/of/methane/save/", told)


def text() -> str:
    current = methane().current
    assert current is not None
    return current.text


def warning(number: int, state: str = "open", rule: str = "methane") -> EarlyWarning:
    with acting(TESTER, EVERYWHERE):
        one = device(f"g{number}", programme="coal-gas")
        version = Rule.objects.get(name=rule).current
        made: EarlyWarning = cases.open_case(
            "warning", PRODUCT, device=one, rule=rule, programme="coal-gas", level="red", title="甲烷", value=1.0,
            rule_source="试验", rule_version=version, measured_at=clock.now(), told=[], area_code=one.area_code,
            enterprise_id=one.enterprise_id,
        )  # fmt: skip
        if state == "false":
            made = cases.move(made, "dismiss", by=PRODUCT, seen_version=made.version, cause="试验")
        return made


def test_the_list_says_what_each_rule_says_and_its_numbers_open_their_records() -> None:
    for n in range(3):
        warning(n, "false" if n else "open")
    warning(9, rule="methane-soon")
    client = browser()
    page = client.get("/monitoring/rules/").content.decode()
    row = page[page.index("/monitoring/rules/of/methane/") :]
    row = row[: row.index("</tr>")]
    assert "甲烷浓度（%CH₄）达到或超过该设备甲烷报警浓度" in row
    assert "已启用" in row
    address, count = re.findall(r'href="(/r/warnings/[^"]+)">(\d+)</a>', row)[0]
    assert count == "3"
    assert "100%" in row
    listed = client.get(address.replace("&amp;", "&")).content.decode()
    assert listed.count('class="row-link"') == 3  # methane alone, not what else begins so
    false = re.findall(r'href="(/r/warnings/[^"]+state=false)">', row)[0]
    assert client.get(false.replace("&amp;", "&")).content.decode().count('class="row-link"') == 2


def test_everybody_reads_and_the_city_alone_changes() -> None:
    with acting(TESTER, EVERYWHERE):
        own = Account.objects.create(
            username="e", name="企业", role="enterprise", area_code=YUBEI, enterprise=device("k1").enterprise
        )
    firm = Client()
    firm.force_login(own)
    switch = "/monitoring/rules/of/methane/switch/"
    for client in (browser("district", "500112000000"), browser("duty", CITY), firm):
        for path in ("/monitoring/rules/", "/monitoring/rules/of/methane/", "/monitoring/rules/of/methane/1/"):
            page = client.get(path)
            assert page.status_code == 200
            assert 'action="/monitoring/rules/' not in page.content.decode()
        assert client.get("/monitoring/rules/new/").status_code == 403
        assert sent(client, text()).status_code == 403
        assert client.post(switch, {"do": "off", "reason": "x", "seen": methane().version}).status_code == 403
    assert methane().on


def test_a_rule_is_read_in_both_languages() -> None:
    page = browser().get("/monitoring/rules/of/methane/").content.decode()
    assert "低于该设备甲烷复电浓度时解除" in page
    assert "over when it is below the device&#x27;s methane re-power limit" in page


def test_faults_are_shown_at_their_lines_and_what_was_typed_stays() -> None:
    client = browser()
    wrong = (
        text().replace("metric: ch4", "metric: ch4\nmetrik: x").replace("at_least: {of: ch4_alarm}", "at_least: high")
    )
    answer = sent(client, wrong)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'data-faults="6,9"' in page
    assert "metrik：此处没有这个字段" in page
    assert "&#x27;high&#x27;的类型不是number" in page
    assert "metrik: x" in page
    assert methane().version == LOADED


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("at_least: {of: ch4_alarm}", "at_least: .nan", "不代表任何数值"),
        ("甲烷超限", '"甲烷\\u202e超限"', "不可见的字符"),
        ("甲烷超限", '"甲烷\\0超限"', "不可见的字符"),
        ("metric: ch4", "metric: ch4\n1: 2", "字段名须为普通文字"),
    ],
)
def test_what_yaml_takes_and_no_rule_can_say_is_a_fault_at_its_line(old: str, new: str, words: str) -> None:
    client = browser()
    for do in ("save", "try", "check"):
        answer = sent(client, text().replace(old, new, 1), do=do, reason="试验")
        assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert methane().version == LOADED


def test_a_reason_that_no_database_keeps_is_refused() -> None:
    client = browser()
    asked = {"do": "off", "seen": LOADED, "reason": "不用\0了"}
    answer = client.post("/monitoring/rules/of/methane/switch/", asked, follow=True)
    assert "不可见的控制字符" in answer.content.decode()
    assert methane().version == LOADED


def test_a_version_needs_a_reason_and_a_change_and_is_in_force_when_kept() -> None:
    client, before = browser(), text()
    assert sent(client, before, reason=" ").status_code == 422
    assert "与现行版本相同" in sent(client, before).content.decode()
    assert sent(client, before.replace("甲烷超限", "甲烷超过限值") + "\n\n").status_code == 302
    now = methane()
    assert now.current is not None
    assert (now.current.number, now.current.reason, now.current.origin, now.on) == (2, "收紧限值", "city", True)
    page = client.get("/monitoring/rules/of/methane/2/").content.decode()
    assert "<del>" in page
    assert "收紧限值" in page
    assert "甲烷超限" in client.get("/monitoring/rules/of/methane/?version=1").content.decode()


def test_of_two_who_write_the_second_sees_what_the_first_wrote() -> None:
    one, seen, before = browser(), methane().version, text()
    sent(one, before.replace("甲烷超限", "甲"), seen=seen)
    answer = sent(one, before.replace("甲烷超限", "乙"), seen=seen)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "他人刚保存了第2版" in page
    assert "乙" in page
    again = re.search(r'name="seen" value="(\d+)"', page)
    assert again
    assert sent(one, before.replace("甲烷超限", "乙"), seen=int(again[1])).status_code == 302
    current = methane().current
    assert current is not None
    assert current.number == 3


def test_checking_keeps_nothing_and_a_trial_waits_for_the_worker() -> None:
    client = browser()
    page = sent(client, text().replace("at_least: {of: ch4_cut}", "at_least: 1.5"), do="check").content.decode()
    assert "文本正确" in page
    assert "达到或超过1.5" in page
    answer = sent(client, text(), do="try")
    assert answer.status_code == 302
    page = client.get(answer["Location"]).content.decode()
    assert "正在用历史数据试算" in page
    assert "历史试算：甲烷超限" in page
    with acting(TESTER, EVERYWHERE):
        one = RuleTrial.objects.get()
    assert (one.rule_name, one.days, one.state) == ("methane", 30, "waiting")
    assert one.present is not None
    assert methane().version == LOADED
    for _more in range(2):
        assert sent(client, text(), "try").status_code == 302
    answer = sent(client, text(), "try")
    assert answer.status_code == 422
    assert "您有3个试算正在等待或者进行" in answer.content.decode()
    with acting(TESTER, EVERYWHERE):
        assert RuleTrial.objects.count() == 3


def test_a_trial_says_what_was_tried_beside_what_is_in_force_and_how_well_it_foresaw() -> None:
    client, who = browser(), Account.objects
    with acting(TESTER, EVERYWHERE):
        rule = Rule.objects.select_related("current").get(name="methane-soon")
        assert rule.current is not None
        content = rule.current.content | {"within": "20min"}
        side = {"times": 3, "devices": 2, "suppressed": 0, "levels": {"yellow": 3}}
        sight = {"told": 3, "right": 2, "crossings": 0, "foreseen": 0, "lead_min": 10.5, "precision": 2 / 3}
        found = {
            "devices": 2, "readings": 9, "until": AT.isoformat(), "whole": True, "rows": [], "more": 0,
            "tried": side | {"foresight": sight | {"recall": None}},
            "present": side | {"foresight": sight | {"recall": 0.5, "foreseen": 1, "crossings": 2}},
        }  # fmt: skip
        one = RuleTrial.objects.create(
            rule_name=rule.name, text="", content=content, present=rule.current, days=7, end=AT, state="done",
            found=found, account_id=who.get(role="city").pk,
        )  # fmt: skip
    page = re.sub(r"<[^>]+>|\s+", " ", client.get(one.get_absolute_url()).content.decode())
    page = re.sub(r" +", " ", page)
    tried, present = page.split("试算文本")[1].split("现行版本")
    assert "20分钟内" in tried
    assert "30分钟内" in present
    assert "67 % 3次中2次" in tried
    assert "67 % 3次中2次" in present
    assert "50 % 2次中1次" in present
    assert "事先预测到 –" in tried
    assert "过去由哪些设备组成" not in page


def test_the_rules_of_warnings_are_chosen_by_their_names() -> None:
    warning(1)
    warning(2, rule="methane-soon")
    client = browser()
    page = client.get("/r/warnings/?view=all").content.decode()
    assert re.search(r'value="methane"[^<]*<[^>]*>\s*甲烷超限|value="methane">甲烷超限', page)
    for asked, count in (("rule=methane", 1), ("rule=methane&rule=methane-soon", 2)):
        assert client.get(f"/r/warnings/?view=all&{asked}").content.decode().count('class="row-link"') == count
    assert client.get("/r/warnings/?rule=no-such-rule").status_code == 400


def test_switching_is_a_version_with_its_reason() -> None:
    client, told = browser(), {"do": "off", "seen": methane().version}
    client.post("/monitoring/rules/of/methane/switch/", told)
    assert methane().on  # no reason, no change
    client.post("/monitoring/rules/of/methane/switch/", told | {"reason": "传感器更换期间"})
    now = methane()
    assert now.current is not None
    assert (now.on, now.current.on, now.current.number, now.current.reason) == (False, False, 2, "传感器更换期间")
    client.post("/monitoring/rules/of/methane/switch/", told | {"do": "on", "reason": "恢复"})
    assert not methane().on  # the record had been seen before it changed
    client.post("/monitoring/rules/of/methane/switch/", {"do": "on", "reason": "恢复", "seen": now.version})
    assert methane().on
    assert "已停用" in client.get("/monitoring/rules/of/methane/").content.decode()


def test_a_new_rule_begins_switched_off_and_keeps_its_name_for_itself() -> None:
    client = browser()
    assert "my-rule" in client.get("/monitoring/rules/new/").content.decode()
    told = {"text": text(), "do": "save", "days": "30", "reason": "试验", "seen": 0}
    assert "已有同代号的规则：methane" in client.post("/monitoring/rules/new/save/", told).content.decode()
    told["text"] = text().replace("name: methane", "name: methane-high")
    assert client.post("/monitoring/rules/new/save/", told)["Location"] == "/monitoring/rules/of/methane-high/"
    with acting(TESTER, EVERYWHERE):
        made = Rule.objects.get(name="methane-high")
    assert not made.on
    assert "methane-high" in client.get("/monitoring/rules/of/methane-high/").content.decode()


def test_the_schema_is_served() -> None:
    answer = browser().get("/monitoring/rules/schema.json")
    assert answer["Content-Type"] == "application/schema+json"
    assert answer.json()["title"] == "Rules on readings"


def test_a_warning_leads_to_the_version_that_made_it() -> None:
    one = warning(1)
    page = browser().get(one.get_absolute_url()).content.decode()
    assert '<a href="/monitoring/rules/of/methane/1/">' in page


def test_the_numbers_of_queries_do_not_grow_with_warnings_and_versions(django_assert_max_num_queries: Any) -> None:
    client = browser()
    client.get("/monitoring/rules/")
    for n in range(4):
        warning(n)
        sent(client, text().replace("甲烷超限", "甲烷超限了"))
    with django_assert_max_num_queries(20):
        client.get("/monitoring/rules/")
    with django_assert_max_num_queries(24):
        client.get("/monitoring/rules/of/methane/")


# --- Limits by the place of the sensor -----------------------------------------------------------------------------


def test_the_limits_of_a_place_are_entered_for_each_sensor__aq_1029_2007() -> None:
    device("g1", programme="coal-gas")
    device("k1")
    client = browser("district", "500112000000")
    told = {"codes": "g1\n", "place": "monitoring.methane_t1", "since": "2013-06-01"}
    assert "g9" in client.post("/monitoring/limits/", told | {"codes": "g1 k1 g9"}).content.decode()
    for _time in range(2):  # entered again it is the same
        assert client.post("/monitoring/limits/", told).status_code == 302
    with acting(TESTER, EVERYWHERE):
        rows = list(DeviceSetting.objects.order_by("metric").values_list("metric", "value", "since"))
    day = AT.date().replace(day=1)
    assert rows == [("ch4_alarm", 1.0, day), ("ch4_cut", 1.5, day), ("ch4_repower", 1.0, day)]
    assert browser("duty", CITY).get("/monitoring/limits/").status_code == 403


def test_a_warning_says_first_what_happened_and_leads_to_map_and_curve_in_the_readers_language() -> None:
    one = warning(1)
    with acting(TESTER, EVERYWHERE):
        EarlyWarning.objects.filter(pk=one.pk).update(
            title="井下1号：甲烷超限", rule_title="甲烷超限", rule_title_en="Methane above the limit",
            rule_kind="level", value=1.2, lon=106.5, lat=29.5,
        )  # fmt: skip
    client = browser()
    head = client.get(one.get_absolute_url()).content.decode()
    assert "井下1号：甲烷超限 · 甲烷 1.2 %" in head
    assert 'href="/monitoring/map/#14/29.5' in head
    assert f'href="/r/devices/{one.device_id}/#readings"' in head
    client.cookies["django_language"] = "en"
    for address in (one.get_absolute_url(), "/r/warnings/"):
        assert "井下1号: Methane above the limit" in client.get(address).content.decode()


def test_a_calibration_is_entered_with_moments_that_are_chosen_until_its_end() -> None:
    page = browser().get("/r/calibrations/new/").content.decode()
    assert page.count('type="datetime-local"') == 2
    assert "结束时间" in page
    assert "整改期限" not in page


def test_an_empty_list_that_nobody_enters_says_what_fills_it() -> None:
    assert "误报偏多的规则由系统自动列入" in browser().get("/r/rule-reviews/").content.decode()
