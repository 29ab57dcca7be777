"""The pages and the REST address of the first report: rights, errors, scope, queries."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.kernel import clock
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.accidents.models import Accident, Involved
from anlan.parties.models import Account, Looked

from .conftest import BANAN, CITY, NOON, TESTER, VILLAGE, accident, account, category, factory

pytestmark = pytest.mark.django_db


def browser(who: Account) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(who)
    return client


def called_in(**more: str) -> dict[str, str]:
    return {
        "area_code": VILLAGE, "place": "龙兴工业园", "occurred_at": "2013-06-14T11:20", "at": "2013-06-14T11:55",
        "known_at": "2013-06-14T11:30", "category": str(category().pk), "source": "unit", "deaths": "1", "missing": "",
        "course": "脚手架坍塌", "caller": "张三", "caller_phone": "13800000000",
    } | more  # fmt: skip


def test_a_call_becomes_an_accident_on_one_screen() -> None:
    duty = account("duty", CITY)
    client = browser(duty)
    page = client.get("/accidents/intake/")
    assert page.status_code == 200
    assert b"data-since" in page.content
    answer = client.post("/accidents/intake/", called_in())
    assert answer.status_code == 302
    with acting(TESTER, EVERYWHERE):
        case = Accident.objects.get()
        assert (case.deaths, case.missing, case.reached) == (1, 0, "city")
        assert Involved.objects.get().name == "张三"
    shown = client.get(answer.headers["Location"])
    assert shown.status_code == 200
    assert "张三" not in shown.content.decode()


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"occurred_at": "2013-06-14T12:01"}, "occurred_at"), ({"at": "2013-06-15T00:00"}, "at"),
        ({"known_at": "2013-06-14T11:00"}, "known_at"), ({"deaths": "-1"}, "deaths"), ({"deaths": "999999"}, "deaths"),
        ({"at": "2013-06-14T11:25"}, "at"), ({"occurred_at": "yesterday"}, "occurred_at"), ({"course": ""}, "course"),
        ({"area_code": CITY}, "area_code"), ({"area_code": "\0"}, "area_code"), ({"category": "0"}, "category"),
        ({"category": "x"}, "category"), ({"loss_yuan": "-1"}, "loss_yuan"), ({"lon": "200000"}, "lon"),
        ({"caller_phone": "ring me"}, "caller_phone"), ({"enterprise": "99"}, "enterprise"),
        ({"enterprise": "9" * 30}, "enterprise"), ({"lon": "200", "lat": "29.5"}, "lon"),
        ({"lon": "106.5", "lat": "99"}, "lat"), ({"lon": "106.5"}, "lat"), ({"lat": "29.5"}, "lon"),
        ({"hours": "-1"}, "hours"),
    ],
)  # fmt: skip
def test_bad_input_comes_back_with_its_place_and_keeps_nothing(wrong: dict[str, str], name: str) -> None:
    answer = browser(account("duty", CITY)).post("/accidents/intake/", called_in(**wrong))
    assert answer.status_code == 422
    assert name in answer.context["form"].errors
    with acting(TESTER, EVERYWHERE):
        assert not Accident.objects.exists()
        assert not Involved.objects.exists()


def test_the_clock_of_a_call_runs_on_when_the_report_comes_back_with_faults() -> None:
    client = browser(account("duty", CITY))
    opened = client.get("/accidents/intake/").content.decode()
    began = re.search(r'name="began" value="([^"]+)"', opened)
    assert began is not None
    with clock.frozen(NOON + timedelta(minutes=4)):
        again = client.post("/accidents/intake/", called_in(course="", began=began[1]))
        assert again.status_code == 422
        assert f'data-since="{NOON.isoformat()}"' in again.content.decode()
        told = client.post("/accidents/intake/", called_in(began=began[1]))
    assert told.status_code == 302


def test_what_is_wrong_is_listed_in_the_order_of_the_page() -> None:
    answer = browser(account("duty", CITY)).post("/accidents/intake/", called_in(course="", source="", deaths="-1"))
    summary = answer.content.decode().split("data-error-summary", 1)[1]
    assert re.findall(r'href="#id_(\w+)"', summary.split("</ul>", 1)[0]) == ["source", "deaths", "course"]


def test_all_that_is_wrong_is_told_in_one_round() -> None:
    wrong = {"area_code": "", "loss_yuan": "-5", "deaths": "99999", "lon": "200", "lat": "99", "course": "",
             "occurred_at": "2013-06-14T12:30", "at": "2013-06-14T12:40", "source": ""}  # fmt: skip
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(account("duty", CITY))
    errors = client.post("/accidents/intake/", called_in(**wrong)).context["form"].errors
    assert set(errors) == set(wrong)
    assert errors["area_code"] == ["请选择事发地。"]
    assert errors["loss_yuan"] == ["不得小于 0。"]
    assert (errors["lon"], errors["lat"]) == (["不得大于 136。"], ["不得大于 54。"])


def test_the_place_is_told_by_its_path_wherever_it_lies() -> None:
    duty = account("district")
    client = browser(duty)
    page = client.get("/accidents/intake/").content.decode()
    asked = re.search(r'<input[^>]*name="area_code"[^>]*>', page)
    assert asked is not None
    assert 'data-pick="/r/-/division/"' in asked[0]
    assert 'maxlength="12"' not in asked[0]
    rows = client.get("/r/-/division/", {"q": "渝北区 龙兴"}).json()["rows"]
    assert "渝北区 › 龙兴镇" in [row["text"] for row in rows]
    assert client.get("/r/-/division/", {"q": "巴南区"}).json()["rows"][0]["value"] == BANAN
    assert Client().get("/r/-/division/", {"q": "巴南区"}).status_code == 302
    # What was written and not picked is read as a path too.
    answer = client.post("/accidents/intake/", called_in(area_code="渝北区 › 龙兴镇"))
    assert answer.status_code == 302
    with acting(TESTER, EVERYWHERE):
        assert Accident.objects.get().area_code == VILLAGE[:9] + "000"


def test_the_telephone_page_is_for_who_answers_the_telephone() -> None:
    statuses = {
        r: browser(account(r, VILLAGE)).get("/accidents/intake/").status_code for r in ("township", "inspector")
    }
    assert set(statuses.values()) == {403}
    assert Client().get("/accidents/intake/").status_code == 302
    assert Client().post("/accidents/check/").status_code == 302


def test_an_enterprise_reports_its_own_accident_in_few_fields() -> None:
    firm = factory()
    worker = account("enterprise", VILLAGE, firm)
    client = browser(worker)
    page = client.get("/accidents/report/").content.decode()
    assert 'name="caller"' not in page
    assert 'name="enterprise"' not in page
    facts = {k: v for k, v in called_in().items() if k not in ("caller", "caller_phone", "source", "at")}
    answer = client.post("/accidents/report/", facts)
    assert answer.status_code == 302
    with acting(TESTER, EVERYWHERE):
        case = Accident.objects.get()
        assert (case.enterprise, case.unit_name, case.reached) == (firm, firm.name, "district")
    address = answer.headers["Location"]
    follow_up = f'action="{address}follow_up/"'
    # When a unit's own report was made is not for the unit to say; who takes reports says when they came in.
    for who, asked in ((client, False), (browser(account("district")), True)):
        page = who.get(address).content.decode()
        assert follow_up in page
        assert ('id="follow_up-at"' in page) is asked


def test_elsewhere_it_is_passed_on_and_the_reporter_reads_so() -> None:
    client = browser(account("district"))
    answer = client.post("/accidents/intake/", called_in(area_code="500113103000"), follow=True)
    assert answer.status_code == 200
    assert "/r/accident-hand-overs/" in answer.redirect_chain[0][0]


@pytest.mark.parametrize("area", [VILLAGE, "500113103000"])
def test_a_report_that_is_sent_again_is_one_accident_wherever_it_lies(area: str) -> None:
    client = browser(account("district"))
    page = client.get("/accidents/intake/").content.decode()
    token = re.search(r'name="token" value="([0-9a-f-]{36})"', page)
    assert token is not None
    sent = called_in(area_code=area, token=token[1])
    first, again = (client.post("/accidents/intake/", sent) for _n in range(2))
    assert first.status_code == again.status_code == 302
    assert first.headers["Location"] == again.headers["Location"]
    other = client.post("/accidents/intake/", sent | {"deaths": "2"})
    assert other.status_code == 422
    assert "sent already" in other.content.decode()
    with acting(TESTER, EVERYWHERE):
        assert Accident.objects.get().deaths == 1


def test_in_none_of_our_districts_the_page_takes_it_and_says_to_whom_it_went() -> None:
    client = browser(account("district"))
    refused = client.post("/accidents/intake/", called_in(area_code="四川邻水"[:12]))
    assert "Outside our area" in str(refused.context["form"].errors["area_code"])
    typed = called_in(outside="四川省邻水县", area_code="")
    assert "四川省邻水县" in client.post("/accidents/check/", typed).content.decode()
    page = client.post("/accidents/intake/", typed, follow=True).content.decode()
    assert "To be passed on" in page
    assert "pass_outside/" in page
    page = client.post("/accidents/intake/", typed | {"passed_to": "邻水县安监局"}, follow=True).content.decode()
    assert "Passed on to 邻水县安监局 by district" in page
    assert "pass_outside/" not in page
    assert "邻水县安监局" in client.get("/r/accident-hand-overs/").content.decode()
    assert "邻水" not in browser(account("district", BANAN)).get("/r/accidents/").content.decode()


def test_while_it_is_typed_the_page_says_grade_time_limit_and_what_may_be_the_same() -> None:
    district = account("district")
    accident(district, place="龙兴工业园")
    page = browser(district).post("/accidents/check/", called_in(deaths="3")).content.decode()
    assert "Larger accident" in page
    assert "data-countdown" in page
    assert "渝北安事〔2013〕1号" in page
    elsewhere = browser(account("district", BANAN)).post("/accidents/check/", called_in(deaths="3")).content.decode()
    assert "渝北安事" not in elsewhere
    empty = browser(district).post("/accidents/check/", {})
    assert empty.status_code == 200


@pytest.mark.slow
def test_the_page_of_an_accident_takes_as_many_queries_with_twenty_reports_as_with_two() -> None:
    from anlan.kernel import cases

    district = account("district")
    case: Any = accident(district)
    client = browser(district)
    taken = []
    for many in (2, 20):
        with acting(district.actor, district.scope):
            while case.reports_no < many:
                facts = {
                    "deaths": 1, "missing": 0, "injured": 0, "slight": 0, "course": "续报", "source": "unit",
                }  # fmt: skip
                case = cases.move(case, "follow_up", by=district, seen_version=case.version, **facts)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(case.get_absolute_url()).status_code == 200
        taken.append(len(queries))
    assert taken[0] == taken[1]


def test_an_accident_whose_enterprise_lies_elsewhere_opens_and_moves() -> None:
    from anlan.kernel import cases

    there = account("district", BANAN)
    driver = account("enterprise", VILLAGE, factory("road"))
    from .conftest import filed

    done = filed(driver, area_code="500113103000", category=category("road"))
    client = browser(there)
    assert client.get(f"/c/accident/{done.number}/").status_code == 200
    assert client.get(f"/accidents/form/{done.number}/").status_code == 200
    with acting(there.actor, there.scope):
        case = Accident.objects.get()
        facts = {"deaths": 3, "missing": 0, "injured": 0, "slight": 0, "course": "续报", "source": "other"}
        case = cases.move(case, "follow_up", by=there, seen_version=1, **facts)
        assert case.grade == "larger"


def test_the_place_is_picked_on_a_map_or_written_and_shown_where_it_is_known() -> None:
    duty = account("duty", CITY)
    client = browser(duty)
    page = client.get("/accidents/intake/").content.decode()
    assert 'data-place-map data-lon="id_lon" data-lat="id_lat"' in page
    assert 'id="id_lon"' in page
    shown = client.post("/accidents/intake/", called_in(lon="106.551600", lat="29.563"), follow=True).content.decode()
    assert 'data-at="106.551600,29.563000"' in shown
    # In the facts as in the history, however many places the column keeps.
    assert shown.count("106.5516<") == 2
    assert "106.551600<" not in shown
    without = client.post("/accidents/intake/", called_in(place="别处"), follow=True).content.decode()
    assert "data-place-map" not in without


def test_doubles_are_merged_by_a_button_into_the_one_with_more_dead() -> None:
    district = account("district")
    one, two = accident(district, deaths=2), accident(district, deaths=1)
    client = browser(district)
    for case in (one, two):
        page = client.get(case.get_absolute_url()).content.decode()
        assert f'action="/c/accident/{quote(two.number)}/merge/"' in page, "the smaller goes into the greater"
        assert f'name="into" value="{one.number}"' in page
    assert "similar-merge" not in browser(account("township", VILLAGE)).get(one.get_absolute_url()).content.decode()
    facts = {"seen_version": two.version, "into": one.number, "reason": "同一起事故重复报告"}
    assert client.post(f"/c/accident/{two.number}/merge/", facts).status_code == 302
    with acting(TESTER, EVERYWHERE):
        assert Accident.objects.get(pk=two.pk).merged_into == one


def test_the_page_of_a_fault_cites_its_article() -> None:
    from anlan.offices.accidents.faults import open_fault

    district = account("district")
    case = accident(district)
    with acting(TESTER, EVERYWHERE):
        fault = open_fault(case, district, "late", "district", "迟报")
        other = open_fault(case, district, "false", "unit", "谎报")
    page = browser(district).get(fault.get_absolute_url()).content.decode()
    assert "罚款处罚暂行规定》（安监总局令第13号，2011年、2015年修正）第五条" in page
    assert "第493号）第十一条" in page
    assert "第十一条" not in browser(district).get(other.get_absolute_url()).content.decode()


def test_the_national_form_is_for_who_may_see_the_accident() -> None:
    district = account("district")
    case = accident(district)
    assert "第十二条" in browser(district).get(f"/accidents/form/{case.number}/").content.decode()
    assert browser(account("district", BANAN)).get(f"/accidents/form/{case.number}/").status_code == 404


def sheet(answer: Any) -> list[tuple[Any, ...]]:
    assert answer.status_code == 200
    body = answer.getvalue()
    return list(openpyxl.load_workbook(io.BytesIO(body)).active.iter_rows(values_only=True))


def test_the_national_form_is_a_file_too_and_says_the_same() -> None:
    district = account("district")
    case = accident(district, unit_name="=1+1厂", loss_yuan=Decimal(120_000))
    client = browser(district)
    rows = dict(row[:2] for row in sheet(client.get(f"/accidents/form/{case.number}/form.xlsx")))
    page = client.get(f"/accidents/form/{case.number}/").content.decode()
    assert rows["事故发生单位概况"] == "=1+1厂（行业：建筑施工）"
    assert (rows["死亡（人）"], rows["直接经济损失（元）"]) == (1, 120_000)
    assert "第1次：6月14日12时0分" in rows["报告经过"]
    for title in [r for r in rows if r in ("事故发生单位概况", "已经采取的措施", "轻伤（人）", "报告经过")]:
        assert f'<th scope="row">{title}</th>' in page
    there = browser(account("district", BANAN))
    assert there.get(f"/accidents/form/{case.number}/form.xlsx").status_code == 404


def test_the_register_of_accidents_is_the_list_as_filtered_with_the_sum_of_what_counts() -> None:
    district = account("district")
    accident(district, deaths=2)
    accident(district, deaths=4, place="别处")
    accident(district, deaths=5, outside="四川省邻水县")
    client = browser(district)
    head, *rows, total = sheet(client.get("/accidents/register.xlsx?sort=-deaths"))
    assert head[:4] == ("事故编号", "事故类别", "事故等级", "计入统计")
    deaths = head.index("死亡（人）")
    assert [(r[3], r[deaths]) for r in rows] == [("否", 5), ("是", 4), ("是", 2)]
    assert (total[1], total[deaths]) == ("2起", 6)
    assert "四川省邻水县" in rows[0][head.index("事故发生的时间、地点以及现场情况")]
    assert len(sheet(client.get("/accidents/register.xlsx?grade=ordinary"))) == 3
    assert client.get("/accidents/register.xlsx?grade=none").status_code == 400
    assert len(sheet(browser(account("district", BANAN)).get("/accidents/register.xlsx"))) == 2
    assert browser(account("enterprise", VILLAGE, factory())).get("/accidents/register.xlsx").status_code == 403
    assert 'href="/accidents/register.xlsx?grade=larger"' in client.get("/r/accidents/?grade=larger").content.decode()


def test_looks_at_names_are_logged_and_few_may_see_them() -> None:
    accident(account("duty", CITY), caller="张三")
    district = account("district")
    assert "张三" in browser(district).get("/r/accident-people/").content.decode()
    with acting(TESTER, EVERYWHERE):
        assert Looked.objects.get(table="accidents_involved").account_id == district.pk
    assert browser(account("township", VILLAGE)).get("/r/accident-people/").status_code == 404


# --- REST ----------------------------------------------------------------------------------------------


def post(token: str, body: Any, **more: str) -> Any:
    headers = {"Authorization": f"Bearer {token}", "accept-language": "en", **more}
    return Client().post("/api/v1/first-reports", json.dumps(body), content_type="application/json", headers=headers)


def body(**more: Any) -> dict[str, Any]:
    return {
        "area_code": VILLAGE, "occurred_at": "2013-06-14T11:20:00+08:00", "known_at": "2013-06-14T11:30:00+08:00",
        "category": "construction", "course": "脚手架坍塌", "deaths": 3, "source": "unit",
    } | more  # fmt: skip


def test_over_rest_a_first_report_is_taken_here_and_passed_on_elsewhere() -> None:
    district = account("district")
    with acting(TESTER, EVERYWHERE):
        writer, reader = ApiToken.issue(district, "w", ["*:write"]), ApiToken.issue(district, "r", ["accidents:read"])
    made = post(writer, body())
    assert made.status_code == 201
    assert made.json()["grade"] == "larger"
    assert made.json()["due_at"][:16] == (NOON + timedelta(hours=1)).isoformat()[:16]
    away = post(writer, body(area_code="500113103000")).json()
    assert (away["passed_on"], away["grade"]) == (True, None)
    outside = {k: v for k, v in body(outside="四川省邻水县").items() if k != "area_code"}
    assert post(writer, outside).json()["passed_on"] is False
    assert post(reader, body()).status_code == 403
    assert post("", body()).status_code == 401


def test_over_rest_a_report_sent_again_under_its_key_is_one_accident() -> None:
    with acting(TESTER, EVERYWHERE):
        writer = ApiToken.issue(account("district"), "w", ["*:write"])
    for area in (VILLAGE, "500113103000"):
        key = {"Idempotency-Key": f"call-{area}"}
        first, again = (post(writer, body(area_code=area), **key) for _n in range(2))
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        other = post(writer, body(area_code=area, deaths=1), **key)
        assert (other.status_code, other.json()["place"]) == (409, "Idempotency-Key")
    with acting(TESTER, EVERYWHERE):
        assert Accident.objects.count() == 2


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"deaths": -1}, "deaths"), ({"deaths": 10**9}, "deaths"),
        ({"occurred_at": "2013-06-14T11:20:00"}, "occurred_at"),
        ({"occurred_at": "2013-06-14T12:20:00+08:00"}, "occurred_at"), ({"category": "nothing"}, "category"),
        ({"category": "C"}, "category"), ({"colour": 1}, "colour"), ({"area_code": "999999999999"}, "area_code"),
        ({"enterprise": 12345}, "enterprise"), ({"course": ""}, "course"), ({"course": "x\0"}, "course"),
        ({"known_at": "2013-06-14T11:00:00+08:00"}, "known_at"), ({"hours": 1e400}, "hours"),
        ({"passed_to": "邻水县"}, "outside"), ({"area_code": ""}, "area_code"),
        ({"source": None}, "source"), ({"source": "state"}, "source"), ({"loss_yuan": "9000000000000"}, "loss_yuan"),
        ({"evacuated": 2 * 10**9}, "evacuated"), ({"lon": "200", "lat": "29.5"}, "lon"),
        ({"lon": "106.5", "lat": "99"}, "lat"), ({"lon": "106.5"}, "lat"),
    ],
)  # fmt: skip
def test_over_rest_bad_input_names_its_place(wrong: dict[str, Any], place: str) -> None:
    district = account("district")
    with acting(TESTER, EVERYWHERE):
        token = ApiToken.issue(district, "w", ["*:write"])
    answer = post(token, body(**wrong))
    assert answer.status_code in (400, 422), answer.content
    assert place in answer.json()["place"] or answer.status_code == 400
    with acting(TESTER, EVERYWHERE):
        assert not Accident.objects.exists()
