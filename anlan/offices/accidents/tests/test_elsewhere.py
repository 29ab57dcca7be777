"""Accidents that belong elsewhere, or were told twice: passed on, handed over, merged."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.engines.measures.periods import Period
from anlan.kernel import clock, events
from anlan.kernel.cases.history import tell
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.figures.computing import compute, named
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.accidents import draft, jobs, merging
from anlan.offices.accidents.models import Accident, HandedOver, Report, ReportFault
from anlan.offices.accidents.reporting import legs
from anlan.parties.models import Account

from .conftest import (
    BANAN,
    CITY,
    FIGURES,
    NOON,
    TESTER,
    VILLAGE,
    YUBEI,
    accident,
    account,
    category,
    factory,
    filed,
    refused,
    step,
)

pytestmark = pytest.mark.django_db


def test_a_unit_does_not_flood_the_figures_of_others() -> None:
    works = factory()
    unit = account("enterprise", VILLAGE, enterprise=works)
    for n in range(10):
        filed(unit, area_code="500113103000" if n % 2 else VILLAGE, course=f"第{n}起")
    assert "too_many" in refused(lambda: filed(unit, area_code="500113103000"))
    assert filed(account("district"), course="另一起").accident, "whoever takes calls takes every call"
    with clock.frozen(clock.now() + timedelta(minutes=61)):
        assert filed(unit, course="一小时以后").accident


def test_outside_of_one_s_area_it_is_taken_and_passed_on_and_never_lost() -> None:
    here, there = account("district", name="渝北局"), account("district", BANAN, name="巴南局")
    away = "500113103000"
    done = filed(here, area_code=away)
    assert done.accident is None
    assert done.receipt is not None
    assert done.number.startswith("巴南安事")
    with acting(here.actor, here.scope):
        assert list(HandedOver.objects.values_list("number", "to_area")) == [(done.number, away)]
        assert not Accident.objects.exists()
        assert not Report.objects.exists()
    with acting(there.actor, there.scope):
        case = Accident.objects.get()
        assert (case.number, case.deaths, Report.objects.count()) == (done.number, 1, 1)
        assert CaseEntry.of(case).get().by_name == "渝北局"
        assert not HandedOver.objects.exists()


def test_an_enterprise_s_lorry_crashes_in_another_district() -> None:
    firm = factory("road", name="龙兴运输公司")
    driver = account("enterprise", VILLAGE, firm)
    done = filed(driver, area_code="500113103000", category=category("road"), enterprise=firm)
    assert done.accident is None
    with acting(driver.actor, driver.scope):
        assert HandedOver.objects.count() == 1
    with acting(TESTER, EVERYWHERE):
        assert Accident.objects.get().enterprise == firm


LINSHUI = "四川省广安市邻水县"


def department(industry: str, area: str = CITY) -> Account:
    with acting(TESTER, EVERYWHERE):
        return Account.objects.create(
            username=f"{industry}-{area}", name=industry, role="department", area_code=area, industries=[industry]
        )


def test_in_none_of_our_districts_it_is_taken_and_passed_on_and_counts_for_nobody() -> None:
    here, there, city = account("district"), account("district", BANAN), account("city", CITY)
    case = accident(here, outside=LINSHUI, area_code="", deaths=3)
    assert (case.state, case.area_code, case.counts, case.grade) == ("outside", YUBEI, False, "larger")
    assert case.due_at == NOON + timedelta(hours=1)
    with acting(TESTER, EVERYWHERE):
        assert legs(case) == ()
        assert LINSHUI in case.report_text
    with acting(there.actor, there.scope):
        assert not Accident.objects.exists()
    with acting(city.actor, city.scope):
        assert Accident.objects.get() == case
    step(case, "follow_up", here, NOON + timedelta(minutes=5), **FIGURES | {"deaths": 4})
    assert "gate" in refused(lambda: step(case, "dismiss", here, reason="x"))
    assert "passed_to" in refused(lambda: step(case, "pass_outside", here))
    case = step(case, "pass_outside", here, NOON + timedelta(minutes=20), passed_to="邻水县应急管理局值班室")
    assert (case.state, case.deaths, case.closed_at) == ("passed_outside", 4, NOON + timedelta(minutes=20))
    with acting(here.actor, here.scope):
        receipt = HandedOver.objects.get()
        assert (receipt.number, receipt.to_area, receipt.to_outside, receipt.by_name, receipt.at) == (
            case.number, "", "邻水县应急管理局值班室", "district", NOON + timedelta(minutes=20),
        )  # fmt: skip
    with clock.frozen(NOON + timedelta(days=2)):
        events.deliver_due()
        with acting(TESTER, EVERYWHERE):
            jobs.find_faults.run()
            assert not ReportFault.objects.exists()
    with acting(TESTER, EVERYWHERE), clock.frozen(NOON + timedelta(days=2)):
        assert compute(["accidents.number"], Period.parse("2013-06")).at(*named(["accidents.number"])).now.value == 0


def test_who_takes_it_may_have_passed_it_on_already_and_an_enterprise_s_is_passed_on_by_the_authority() -> None:
    village = accident(account("village", VILLAGE), outside=LINSHUI, passed_to="邻水县安监局")
    assert (village.state, village.passed_to, village.area_code) == ("passed_outside", "邻水县安监局", VILLAGE)
    firm = factory("road")
    mine = accident(account("enterprise", VILLAGE, firm), outside=LINSHUI, enterprise=None, category=category("road"))
    assert (mine.state, mine.enterprise) == ("outside", firm)
    assert step(mine, "pass_outside", account("district"), passed_to="邻水县安监局").state == "passed_outside"
    assert "outside" in refused(lambda: accident(account("duty", CITY), passed_to="邻水县安监局"))


def test_a_department_of_another_industry_passes_it_on_and_keeps_the_receipt() -> None:
    mines = department("coal")
    done = filed(mines, outside=LINSHUI)
    assert done.accident is None
    with acting(mines.actor, mines.scope):
        assert (HandedOver.objects.get().to_area, HandedOver.objects.get().to_outside) == ("", LINSHUI)


def test_a_department_reads_no_receipt_of_another_industry_s_accident() -> None:
    here = account("district")
    filed(here, area_code="500113103000")
    case = accident(here)
    step(case, "hand_over", here, to_area=BANAN, reason="实属巴南")
    step(accident(here, outside=LINSHUI), "pass_outside", here, passed_to="邻水县安监局")
    for industry, number in (("coal", 0), ("construction", 3)):
        reader = department(industry, YUBEI)
        with acting(reader.actor, reader.scope):
            assert HandedOver.objects.count() == number


def test_receipts_of_before_are_given_the_industry_of_their_accident() -> None:
    mines = department("coal")
    number = filed(mines, outside=LINSHUI).number
    with acting(TESTER, EVERYWHERE):
        HandedOver.objects.update(industry_id=None, by_id=None)
        HandedOver.objects.create(number="无此号", title="x", area_code=YUBEI, at=NOON, by_name="x")
        with connection.cursor() as cursor:
            cursor.execute(import_module("anlan.offices.accidents.migrations.0003_followed_scopes").RECEIPTS)
        assert set(HandedOver.objects.values_list("number", "industry_id", "by_id")) == {
            (number, "construction", mines.pk), ("无此号", None, None),
        }  # fmt: skip


def test_what_turns_out_to_lie_outside_leaves_the_numbers_by_the_city_and_comes_back_by_handing_over() -> None:
    district, city = account("district"), account("city", CITY)
    case = accident(district, deaths=1)
    facts = {"outside": LINSHUI, "reason": "事发地在省界以外"}
    assert "gate" in refused(lambda: step(case, "found_outside", district, **facts))
    case = step(case, "found_outside", city, NOON + timedelta(hours=3), **facts)
    assert (case.state, case.counts, case.due_at) == ("outside", False, NOON + timedelta(hours=1))
    with acting(TESTER, EVERYWHERE):
        assert ReportFault.objects.get().at_level == "district", "what was late until then stays a fault"
    back = step(case, "hand_over", city, NOON + timedelta(hours=4), to_area=VILLAGE, reason="实属渝北")
    with acting(TESTER, EVERYWHERE):
        made = Accident.objects.get(number=back.handed_to)
        assert (made.state, made.outside, made.counts) == ("reporting", "", True)


def test_a_wrong_district_is_put_right_by_handing_over_with_every_report() -> None:
    duty, district, there = account("duty", CITY), account("district"), account("district", BANAN)
    case = accident(duty)
    step(case, "follow_up", district, NOON + timedelta(minutes=5), **FIGURES | {"deaths": 3})
    case = step(case, "hand_over", district, NOON + timedelta(minutes=9), to_area="500113103000", reason="实属巴南")
    assert case.state == "handed_over"
    with acting(there.actor, there.scope):
        made = Accident.objects.get()
        assert (made.number, made.grade, made.deaths) == (case.handed_to, "larger", 3)
        assert [r.at for r in Report.objects.filter(accident=made)] == [NOON, NOON + timedelta(minutes=5)]
    with acting(district.actor, district.scope):
        assert Report.objects.filter(accident=case).count() == 2
        assert HandedOver.objects.get().number == made.number


def test_the_receiver_s_clock_runs_from_the_handing_over_and_the_sender_s_debt_stays() -> None:
    sender, receiver = account("district"), account("district", BANAN)
    case = accident(sender)
    at = NOON + timedelta(hours=5)
    case = step(case, "hand_over", sender, at, to_area="500113103000", reason="实属巴南")
    with acting(receiver.actor, receiver.scope):
        made = Accident.objects.get()
        assert (made.taken_over_at, made.due_at) == (at, at + timedelta(hours=2))
        assert ReportFault.objects.count() == 0
    with acting(TESTER, EVERYWHERE):
        assert ReportFault.objects.get(accident=case).at_level == "district", "two hours were over"
        assert next(leg for leg in legs(case) if leg.from_level == "district").due_at == NOON + timedelta(hours=2)
    step(made, "pass_to_city", receiver, at + timedelta(minutes=90), report_text="x")
    with clock.frozen(at + timedelta(hours=3)), acting(TESTER, EVERYWHERE):
        jobs.find_faults.run()
        assert not ReportFault.objects.filter(accident=made).exists()


def test_a_unit_s_fault_is_looked_into_once_by_whoever_has_the_accident() -> None:
    sender, receiver, officer = account("district"), account("district", BANAN), account("inspector")
    case = accident(sender, occurred_at=NOON.replace(hour=10), known_at=NOON.replace(hour=10, minute=30))
    events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        fault = ReportFault.objects.get()
    step(fault, "take_charge", officer)
    step(case, "follow_up", sender, **FIGURES)  # told of below, when the accident is gone already
    case = step(case, "hand_over", sender, to_area="500113103000", reason="实属巴南")
    for _again in range(2):
        events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        jobs.find_faults.run()
        assert ReportFault.objects.get() == fault
    with acting(receiver.actor, receiver.scope):
        fault = ReportFault.objects.get()
        assert (fault.accident.number, fault.owner_area_code, fault.owner_id) == (case.handed_to, BANAN, None)
        assert [e.move for e in CaseEntry.of(fault)] == ["open", "take_charge"]
    with acting(sender.actor, sender.scope):
        assert not ReportFault.objects.exists()
    assert step(fault, "clear", receiver, findings="无法更早得知").state == "cleared"


def test_two_reports_of_one_accident_are_merged_by_a_person_and_can_be_parted_again() -> None:
    district, duty = account("district"), account("duty", CITY)
    one = accident(district, at=NOON - timedelta(minutes=5))
    two = accident(duty, at=NOON - timedelta(minutes=2), source="other", known_at=None)
    merged = step(two, "merge", duty, into=one.number, reason="同一起")
    assert (merged.state, merged.merged_into) == ("merged", one)
    with acting(TESTER, EVERYWHERE):
        one.refresh_from_db()
        # That somebody told the city does not free the district, which knew (Decree 493 Art. 11); nothing was lost.
        assert one.reached == "city"
        assert Report.objects.count() == 2
        assert one.due_at == NOON - timedelta(minutes=5) + timedelta(hours=2)
    assert "into" in refused(lambda: step(one, "merge", duty, into=one.number, reason="x"))
    assert "into" in refused(lambda: step(one, "merge", duty, into=two.number, reason="x"))
    parted = step(two, "unmerge", duty, reason="不是同一起")
    assert (parted.state, parted.merged_into) == ("reporting", None)
    with acting(TESTER, EVERYWHERE):
        one.refresh_from_db()
        assert (one.reached, one.due_at) == ("district", NOON - timedelta(minutes=5) + timedelta(hours=2))
    with acting(TESTER, EVERYWHERE):
        words = list(CaseEntry.of(two).values_list("move", flat=True))
    assert words == ["open", "merge", "unmerge"]


def test_a_crash_on_a_border_called_in_to_both_districts_is_offered_to_the_city() -> None:
    here, there, city = account("district"), account("district", BANAN), account("duty", CITY)
    place = {"source": "other", "known_at": None, "lat": Decimal("29.6"), "category": category("road")}
    one = accident(here, lon=Decimal("106.600"), place="界桩东侧", **place)
    two = accident(there, lon=Decimal("106.601"), place="界桩西侧", area_code="500113103000", **place)
    with acting(city.actor, city.scope):
        assert [s.accident for s in merging.similar_to(two)] == [one]
    with acting(here.actor, here.scope):
        assert merging.similar_to(one) == []


def test_reports_that_came_in_elsewhere_count_whoever_asks() -> None:
    duty, there = account("duty", CITY), account("district", BANAN)
    told = accident(account("district"), source="other", known_at=None, enterprise=factory())
    by_unit = accident(there, area_code="500113103000", place="界石", at=NOON - timedelta(minutes=5))
    step(by_unit, "merge", duty, into=told.number, reason="同一起")
    district = account("district", name="渝北")
    step(told, "follow_up", district, NOON + timedelta(minutes=10), **FIGURES, source="other")
    with clock.frozen(NOON + timedelta(minutes=100)):
        for _again in range(2):
            events.deliver_due()
    with acting(TESTER, EVERYWHERE), clock.frozen(NOON + timedelta(minutes=100)):
        jobs.find_faults.run()
        assert not ReportFault.objects.filter(at_level="unit").exists(), (
            "the unit reported in time, in another district"
        )
    with acting(district.actor, district.scope):
        mine = Accident.objects.get(pk=told.pk)
        assert next(leg for leg in legs(mine) if leg.from_level == "unit").done_at == NOON - timedelta(minutes=5)


def test_what_was_merged_from_another_district_is_asked_for_where_it_cannot_be_seen() -> None:
    here, there, city = account("district"), account("district", BANAN), account("duty", CITY)
    mine, third = accident(here, deaths=0, injured=1), accident(here, deaths=0, injured=1)
    theirs = accident(there, area_code="500113103000", deaths=0, injured=1)
    step(theirs, "merge", city, into=mine.number, reason="同一起")
    with acting(here.actor, here.scope):
        assert not Accident.objects.filter(merged_into=mine).exists(), "it lies outside of his area"
    assert "gate" in refused(lambda: step(mine, "dismiss", here, reason="x"))
    assert "gate" in refused(lambda: step(mine, "hand_over", here, to_area=BANAN, reason="x"))
    assert "gate" in refused(lambda: step(mine, "found_outside", here, outside=LINSHUI, reason="x"))
    assert "into" in refused(lambda: step(mine, "merge", here, into=third.number, reason="x"))
    assert step(theirs, "unmerge", city, reason="不是同一起").state == "reporting"
    assert step(mine, "dismiss", here, reason="疾病").state == "dismissed"


def test_the_other_of_a_merging_is_held_until_it_is_done() -> None:
    duty = account("duty", CITY)
    one, two = accident(duty), accident(duty, source="other", known_at=None)
    with CaptureQueriesContext(connection) as asked:
        step(two, "merge", duty, into=one.number, reason="同一起")
    held = [q["sql"] for q in asked if "FOR UPDATE" in q["sql"]]
    assert any(one.number in sql for sql in held)


def test_a_merged_report_counts_nowhere_and_the_one_that_stays_says_what_it_stated() -> None:
    duty, district = account("duty", CITY), account("district")
    stays = accident(district, deaths=1)
    merged = accident(duty, deaths=0, injured=2, trapped=1, source="other")
    step(merged, "merge", district, into=stays.number, reason="同一起事故")
    with acting(TESTER, EVERYWHERE):
        merged.refresh_from_db()
        stays.refresh_from_db()
        assert (merged.in_figures, stays.in_figures) == (False, True)
        assert merged.due_at is None
        last = CaseEntry.of(stays).order_by("version").last()
        told = f"{district.name}将{merged.number}并入本起事故，该起报告载明：重伤2人、被困1人"
        assert tell(stays, [last])[0].words == told
        lines = dict(draft.form(merged))
        assert lines["说明"] == f"本起报告已并入{stays.number}，此表仅存档，不作统计。"
        assert f"并入的{merged.number}：" in dict(draft.form(stays))["报告经过"]
        assert dict(draft.form(stays))["报告经过"].startswith("第1次：")
