"""From the first report to the end of the reporting phase, and what cannot be done on the way."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from anlan.kernel import cases, clock, events
from anlan.kernel.cases.engine import recomputed_due
from anlan.kernel.cases.models import CaseEntry, Extension
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import EVERYWHERE, Scope, acting
from anlan.offices.accidents import draft, gates, jobs, rules
from anlan.offices.accidents.models import Accident, Involved, KnownBefore, Report, ReportFault
from anlan.offices.accidents.reporting import legs, owed, version

from .conftest import (
    BANAN,
    CITY,
    FIGURES,
    NOON,
    TESTER,
    VILLAGE,
    accident,
    account,
    category,
    factory,
    filed,
    refused,
    reports,
    step,
    wanted,
    whose_turn,
)

pytestmark = pytest.mark.django_db


def test_the_unit_s_hour_and_the_district_s_two__decree_493_arts_9_and_11() -> None:
    case = accident(account("enterprise", VILLAGE, factory()), enterprise=None)
    assert case.number == "渝北安事〔2013〕1号"
    assert (case.grade, case.reached, case.state) == ("ordinary", "district", "reporting")
    assert case.due_at == NOON + timedelta(hours=2)
    assert case.clock is not None
    assert case.clock["article"] == "第十一条"
    district = account("district")
    case = step(case, "pass_to_city", district, NOON + timedelta(minutes=50), report_text=case.report_text)
    assert case.reached == "city"
    assert case.due_at is None  # changes count for thirty days (Art. 13), and of what does not change nothing is owed
    with acting(TESTER, EVERYWHERE):
        assert [leg.late(clock.now()) for leg in legs(case)] == [False, False]


def test_nobody_is_in_time_by_what_he_says_of_himself__the_city_confirms_a_telephone_report() -> None:
    district, city = account("district"), account("duty", CITY)
    case = accident(district)
    late = NOON + timedelta(hours=3)
    told = NOON + timedelta(hours=1)
    case = step(case, "pass_to_city", district, late, report_text="x", at=told)
    passing = reports(case)[-1]
    assert (passing.at, passing.said_at) == (late, told)
    with acting(TESTER, EVERYWHERE):
        assert next(leg for leg in legs(case) if leg.from_level == "district").late(late)
    here = account("duty", name="渝北值班")
    assert (wanted(city, case), wanted(here, case)) == ("time", "")
    office = account("city", CITY)
    assert "City safety committee office" in whose_turn(office, case)
    assert "not_higher" in refused(lambda: step(case, "confirm_time", here, late, reason="x"))
    case = step(case, "follow_up", district, late, **FIGURES | {"deaths": 2})
    case = step(case, "confirm_time", city, late + timedelta(hours=1), reason="有接电话记录")
    assert (case.deaths, case.reports_no) == (2, 4), "it states nothing new"
    assert wanted(city, case) == ""
    assert "City safety committee office" not in whose_turn(office, case)
    with acting(TESTER, EVERYWHERE):
        assert not any(leg.late(late) for leg in legs(case))
    assert "gate" in refused(lambda: step(case, "confirm_time", city, late, reason="x"))


def test_a_few_minutes_are_believed_and_what_binds_oneself_counts_as_said() -> None:
    district = account("district")
    case = accident(district)
    just = NOON + timedelta(minutes=58)
    case = step(case, "pass_to_city", district, NOON + timedelta(minutes=62), report_text="x", at=just)
    assert (reports(case)[-1].at, reports(case)[-1].said_at) == (just, None)
    facts = FIGURES | {"deaths": 3, "source": "own", "at": NOON + timedelta(hours=1)}
    case = step(case, "follow_up", district, NOON + timedelta(hours=4), **facts)
    assert reports(case)[-1].at == NOON + timedelta(hours=1), "known to be larger since then, and owed since then"
    facts = FIGURES | {"reason": "核实", "at": NOON + timedelta(minutes=70)}
    case = step(case, "verify_figures", district, NOON + timedelta(hours=5), **facts)
    assert reports(case)[-1].said_at == NOON + timedelta(minutes=70), "less grave: counts when it was recorded"
    with acting(TESTER, EVERYWHERE):
        assert next(leg for leg in legs(case) if leg.from_level == "district").late(NOON + timedelta(hours=5))


def test_a_larger_accident_gives_the_district_one_hour__chongqing_art_28() -> None:
    case = accident(account("district"), deaths=3)
    assert (case.grade, case.due_at) == ("larger", NOON + timedelta(hours=1))
    assert case.grade_basis.endswith("第三条第（三）项")


def test_the_duty_officer_s_clock_runs_from_the_call_not_from_the_saving() -> None:
    case = accident(account("district"), at=NOON - timedelta(minutes=12))
    assert case.due_at == NOON - timedelta(minutes=12) + timedelta(hours=2)
    assert reports(case)[0].kept_at == NOON


def test_the_next_report_is_drafted_with_the_fields_of_the_law__decree_493_art_12() -> None:
    unit = factory()
    case = accident(account("district"), enterprise=unit, missing=2, loss_yuan=Decimal(1_250_000))
    with acting(TESTER, EVERYWHERE):
        text = case.report_text
    for words in (
        "龙兴建筑公司",
        "2013年6月14日11时20分",
        "渝北区",
        "脚手架坍塌",
        "死亡1人、下落不明2人",
        "125万元",
        "较大事故",
    ):
        assert words in text


def test_who_dies_later_raises_the_grade_and_every_version_stays() -> None:
    district = account("district")
    case = accident(district, injured=2)
    case = step(case, "follow_up", district, NOON + timedelta(minutes=30), **FIGURES | {"deaths": 3})
    assert (case.grade, case.deaths, case.reports_no) == ("larger", 3, 2)
    assert [(r.no, r.kind, r.deaths, r.grade) for r in reports(case)] == [
        (1, "first", 1, "ordinary"), (2, "follow_up", 3, "larger"),
    ]  # fmt: skip
    assert case.due_at == NOON + timedelta(minutes=90)
    case = step(
        case, "verify_figures", district, NOON + timedelta(days=2), **FIGURES | {"deaths": 2}, reason="一人抢救脱险"
    )
    assert (case.grade, len(reports(case))) == ("ordinary", 3)


def test_a_death_after_seven_days_does_not_count_in_road_traffic__decree_493_art_13() -> None:
    district = account("district")
    case = accident(district, category=category("road"), deaths=2)
    late = step(case, "follow_up", district, NOON + timedelta(days=9), **FIGURES | {"deaths": 3})
    assert (late.grade, late.deaths, late.reports_no) == ("ordinary", 2, 2)
    assert reports(case)[1].deaths == 3


def test_a_major_accident_goes_on_to_the_state_council_department() -> None:
    district, city = account("district"), account("duty", CITY)
    case = accident(district, deaths=10)
    assert "gate" in refused(lambda: step(accident(district, place="别处"), "pass_to_state", city, report_text="x"))
    case = step(case, "pass_to_city", district, NOON + timedelta(minutes=20), report_text="x")
    assert case.due_at == NOON + timedelta(minutes=140)
    assert "gate" in refused(lambda: step(case, "pass_to_city", city, report_text="x"))
    case = step(case, "pass_to_state", city, NOON + timedelta(minutes=60), report_text="x")
    assert case.reached == "state"
    assert case.clock is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"occurred_at": NOON + timedelta(minutes=1)}, "occurred_at"),
        ({"occurred_at": datetime(2007, 5, 31, tzinfo=BEIJING), "known_at": None}, "occurred_at"),
        ({"known_at": NOON + timedelta(minutes=1)}, "known_at"),
        ({"known_at": NOON.replace(hour=11, minute=19)}, "known_at"),
        ({"at": NOON + timedelta(minutes=1)}, "at"),
        ({"at": NOON.replace(hour=11, minute=19)}, "at"),
        ({"at": NOON.replace(hour=11, minute=25)}, "at"),
        ({"deaths": -1}, "deaths"),
        ({"deaths": 20001}, "deaths"),
        ({"loss_yuan": Decimal(-1)}, "loss_yuan"),
        ({"area_code": "999999999999"}, "area_code"),
        ({"area_code": CITY}, "area_code"),
        ({"category": None}, "category"),
        ({"category": "2016"}, "category"),
    ],
)
def test_what_cannot_be_is_one_clear_error_and_nothing_is_kept(wrong: dict[str, Any], field: str) -> None:
    if wrong.get("category") == "2016":
        wrong = {"category": category("C", "national-2016")}
    district = account("district")
    errors = refused(lambda: filed(district, **wrong))
    assert list(errors) == [field]
    with acting(TESTER, EVERYWHERE):
        assert not Accident.objects.exists()
        assert not Report.objects.exists()


def test_counting_or_not_needs_a_reason_and_a_second_person() -> None:
    district, other = account("district"), account("city", CITY)
    case = accident(district)
    assert case.counts
    facts = {"counted": "no", "count_target": "G1.1", "count_reason": "自然灾害引发，非生产安全事故"}
    assert "count_reason" in refused(lambda: step(case, "propose_counting", district, **facts | {"count_reason": ""}))
    assert step(case, "propose_counting", district, **facts).counts
    assert "not_your_role" in refused(lambda: step(case, "approve_counting", district))
    case = step(case, "approve_counting", other)
    assert (case.counts, case.count_target, case.count_approved_by) == (False, "G1.1", "city")
    step(case, "propose_counting", district, **facts | {"counted": "yes", "count_reason": "复核后应计入"})
    assert "not_your_role" in refused(lambda: step(case, "approve_counting", account("duty")))
    case = step(case, "refuse_counting", other, reason="维持原决定")
    assert (case.counts, case.count_proposed, case.count_reason) == (False, None, facts["count_reason"])


def test_an_officer_says_who_reported_and_nobody_is_taken_for_it_unsaid() -> None:
    district = account("district")
    assert "source" in refused(lambda: accident(district, source=""))
    case = accident(district, source="other", known_at=None, enterprise=factory())
    assert "source" in refused(lambda: step(case, "follow_up", district, **FIGURES, source=""))
    case = step(case, "follow_up", district, NOON + timedelta(minutes=30), **FIGURES | {"deaths": 2}, source="own")
    with acting(TESTER, EVERYWHERE):
        assert list(case.reports.values_list("from_level", "to_level")) == [
            ("other", "district"), ("district", "district"),
        ]  # fmt: skip
        unit, _district = legs(case)
    assert unit.open, "what the authority found out itself is no report of the unit"


def test_a_unit_that_never_reports_hinders_nothing_once_its_silence_has_been_looked_into() -> None:
    district, inspector = account("district"), account("inspector", name="执法大队")
    case = accident(district, source="other", known_at=None, enterprise=factory())
    step(case, "pass_to_city", district, report_text="x")
    last = NOON + timedelta(days=31)
    assert "gate" in refused(lambda: step(case, "close", district, last))
    with acting(TESTER, EVERYWHERE), clock.frozen(NOON + timedelta(hours=2)):
        assert jobs.find_faults.run() == 1
    with acting(TESTER, EVERYWHERE):
        fault = ReportFault.objects.get(at_level="unit")
    step(fault, "clear", inspector, NOON + timedelta(days=2), findings="单位负责人在事故中死亡，无人报告")
    with clock.frozen(NOON + timedelta(days=2)):
        events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        case.refresh_from_db()
        assert case.due_at is None
    assert step(case, "close", district, last).state == "closed"


def test_an_inquiry_begun_before_the_hour_was_over_is_not_about_the_silence() -> None:
    district, inspector = account("district"), account("inspector", name="执法大队")
    case = accident(district, source="other", known_at=None, enterprise=factory())
    step(case, "suspect", district, fault="false", at_level="unit", clue="先行立案")
    with acting(TESTER, EVERYWHERE):
        fault = ReportFault.objects.get()
    step(fault, "clear", inspector, NOON + timedelta(minutes=5), findings="x")
    with clock.frozen(NOON + timedelta(minutes=6)):
        events.deliver_due()
    with acting(TESTER, EVERYWHERE), clock.frozen(NOON + timedelta(hours=2)):
        case.refresh_from_db()
        assert [leg.from_level for leg in owed(case)] == ["unit", "district"]


def test_nobody_looks_into_what_his_own_level_is_suspected_of() -> None:
    district, city = account("district"), account("city", CITY)
    accident(district)
    with acting(TESTER, EVERYWHERE), clock.frozen(NOON + timedelta(hours=3)):
        assert jobs.find_faults.run() == 1
        fault = ReportFault.objects.get()
    assert fault.at_level == "district"
    assert "gate" in refused(lambda: step(fault, "clear", district, NOON + timedelta(hours=4), findings="x"))
    assert step(fault, "clear", city, NOON + timedelta(hours=4), findings="x").state == "cleared"


def test_a_district_takes_no_death_out_of_its_numbers_by_itself() -> None:
    district, city = account("district"), account("city", CITY)
    grave, small = accident(district, deaths=3), accident(district, place="别处", deaths=1)
    assert "gate" in refused(lambda: step(grave, "dismiss", district, reason="x"))
    assert "into" in refused(lambda: step(grave, "merge", district, into=small.number, reason="x"))
    step(small, "merge", district, into=grave.number, reason="同一起")
    assert "gate" in refused(lambda: step(grave, "dismiss", city, reason="x")), "another was merged into it"
    assert "gate" in refused(lambda: step(grave, "hand_over", district, to_area="500113000000", reason="x"))
    alone = accident(district, place="他处", deaths=0, injured=1)
    assert step(alone, "dismiss", district, reason="疾病").state == "dismissed"


def test_a_district_takes_no_death_out_in_two_moves__what_any_report_stated_counts() -> None:
    district, city = account("district"), account("city", CITY)
    none = FIGURES | {"deaths": 0, "injured": 1, "reason": "核实"}
    outside = {"outside": "四川省广安市邻水县", "reason": "x"}
    for facts in ({"deaths": 1}, {"deaths": 0, "missing": 1}, {"deaths": 0, "injured": 10}):
        case = accident(district, **facts)
        step(case, "verify_figures", district, **none)
        assert "gate" in refused(lambda case=case: step(case, "dismiss", district, reason="x"))
        assert "gate" in refused(lambda case=case: step(case, "found_outside", district, **outside))
        assert step(case, "dismiss", city, reason="疾病").state == "dismissed"


def test_what_a_merged_report_stated_is_the_accident_s_too() -> None:
    district, city = account("district"), account("duty", CITY)
    slight, grave = (accident(district, deaths=n, injured=1) for n in (0, 1))
    step(grave, "verify_figures", district, **FIGURES | {"deaths": 0, "injured": 1, "reason": "核实"})
    step(grave, "merge", city, into=slight.number, reason="同一起")
    with acting(district.actor, district.scope):
        assert gates.nothing_merged(slight)
        with pytest.raises(cases.MoveRefused):
            gates.not_by_the_district_alone(slight, {}, district)


def test_no_death_is_merged_away_by_the_district_alone() -> None:
    district, city = account("district"), account("duty", CITY)
    away = {"place": "统景", "area_code": "500112133000", "known_at": None}
    grave, small = accident(district, deaths=3), accident(district, deaths=1, **away)
    assert "into" in refused(lambda: step(small, "merge", district, into=grave.number, reason="x")), "nothing in common"
    harmless = accident(district, deaths=0)
    step(grave, "verify_figures", district, **FIGURES | {"deaths": 0, "reason": "核实"})
    assert "into" in refused(lambda: step(grave, "merge", district, into=harmless.number, reason="x")), "it had three"
    assert step(harmless, "merge", district, into=small.number, reason="同一起").state == "merged"
    assert step(grave, "merge", city, into=small.number, reason="同一起").state == "merged"


def test_a_unit_takes_back_neither_loss_nor_event_that_was_verified() -> None:
    firm = factory()
    unit, district = account("enterprise", VILLAGE, firm), account("district")
    case = accident(unit, enterprise=None)
    worse = FIGURES | {"loss_yuan": Decimal(60_000_000), "equipment_event": "crane_overturn"}
    case = step(case, "verify_figures", district, reason="核实", **worse)
    assert case.grade == "major"
    assert "loss_yuan" in refused(lambda: step(case, "follow_up", unit, **FIGURES | {"loss_yuan": None}))
    less = worse | {"equipment_event": ""}
    assert "equipment_event" in refused(lambda: step(case, "follow_up", unit, **less))
    late = {"facts_known_at": NOON}
    assert "facts_known_at" in refused(lambda: step(case, "follow_up", unit, NOON + timedelta(days=31), **worse | late))


def test_one_that_was_major_for_hours_can_still_be_told_to_the_state_and_closed() -> None:
    city = account("city", CITY)
    case = accident(city, deaths=0, missing=12, source="unit")
    assert case.grade == "major"
    case = step(case, "verify_figures", city, NOON + timedelta(hours=3), **FIGURES, reason="11人脱险")
    assert case.grade == "ordinary"
    assert "gate" in refused(lambda: step(case, "close", city, NOON + timedelta(days=31)))
    step(case, "pass_to_state", city, NOON + timedelta(days=31), report_text="x")
    assert step(case, "close", city, NOON + timedelta(days=31)).state == "closed"


def test_a_corrected_category_brings_the_accident_under_its_industry_with_all_its_reports() -> None:
    district = account("district")
    case = accident(district, caller="张三")
    case = step(case, "suspect", district, fault="late", at_level="unit", clue="群众举报")
    with acting(TESTER, EVERYWHERE):
        fault = ReportFault.objects.get()
    step(fault, "ask_extension", account("inspector"), days=5, reason="涉及两地")
    due = step(fault, "grant_extension", district, reason="同意").due_at
    road = category("road")
    assert case.industry_id == "construction" != road.industry_id
    facts = {"occurred_at": case.occurred_at, "known_at": case.known_at, "category": road, "unit_name": "",
             "enterprise": factory("machinery")}  # fmt: skip
    case = step(case, "correct", district, reason="系道路交通事故", **facts)
    assert (case.industry_id, case.unit_name) == (road.industry_id, "龙兴建筑公司")
    road_police, builders = (Scope("500112", frozenset({i})) for i in (road.industry_id, "construction"))
    with acting(TESTER, road_police):
        assert Report.objects.filter(accident=case).count() == 2
        assert Involved.objects.get(accident=case).name == "张三"
        assert [e.move for e in CaseEntry.of(case)] == ["open", "suspect", "correct"]
        fault = ReportFault.objects.get(accident=case)
        assert [e.move for e in CaseEntry.of(fault)] == ["open", "ask_extension", "grant_extension"]
        assert recomputed_due(fault) == due
    with acting(TESTER, builders):
        assert not any(m.objects.exists() for m in (Accident, Report, Involved, ReportFault, CaseEntry, Extension))


def test_a_late_report_opens_a_case_of_its_own_once() -> None:
    district = account("district")
    case = accident(
        district,
        known_at=NOON.replace(hour=11, minute=20),
        occurred_at=NOON.replace(hour=10),
        at=NOON.replace(hour=11, minute=20),
    )
    late = accident(
        district, place="别处", occurred_at=NOON.replace(hour=10), known_at=NOON.replace(hour=10, minute=30)
    )
    for _again in range(2):
        events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        fault = ReportFault.objects.get()
        assert (fault.accident, fault.fault, fault.at_level, fault.state) == (late, "late", "unit", "suspected")
        assert fault.should_at == NOON.replace(hour=11, minute=30)
        assert fault.did_at == NOON
        assert fault.number == "渝北安查〔2013〕1号"
        with clock.frozen(NOON + timedelta(hours=3)):
            assert jobs.find_faults.run() == 2  # the district has passed neither on
            assert jobs.find_faults.run() == 0
        found = ReportFault.objects.filter(at_level="district").values_list("accident_id", flat=True)
        assert sorted(found) == [case.pk, late.pk]


def test_a_false_time_and_place_of_the_unit_s_own_report_open_a_case_each_and_an_honest_one_none() -> None:
    unit, district, there = account("enterprise", VILLAGE, factory()), account("district"), account("district", BANAN)
    case = accident(unit, enterprise=None)
    case = step(case, "hand_over", district, to_area="500113103000", reason="实属巴南")
    with acting(there.actor, there.scope):
        made = Accident.objects.get()
    facts = {"occurred_at": NOON.replace(hour=10), "known_at": NOON.replace(hour=10, minute=5), "category": category(),
             "unit_name": "龙兴建筑公司", "enterprise": None}  # fmt: skip
    at = NOON + timedelta(minutes=30)
    step(made, "correct", there, at, reason="现场核实", **facts)
    for _again in range(3):
        with clock.frozen(at):
            events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        found = {f.about: f for f in ReportFault.objects.filter(accident=made, fault="false")}
        assert sorted(found) == ["place", "time"]
        assert "11时20分" in found["time"].clue
        assert "10时0分" in found["time"].clue
        assert "渝北区" in found["place"].clue
        assert "巴南区" in found["place"].clue
        assert {f.state for f in found.values()} == {"suspected"}
    assert step(found["time"], "clear", there, at, findings="时钟不准").state == "cleared"
    honest = accident(account("enterprise", VILLAGE, factory(), name="另一家"), enterprise=None, place="别处")
    step(honest, "verify_figures", district, at, reason="核实", **FIGURES)
    with clock.frozen(at):
        events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        assert not ReportFault.objects.filter(accident=honest).exists()


def test_a_silent_unit_is_suspected_of_concealment_until_somebody_proves_or_clears_it() -> None:
    district, inspector = account("district"), account("inspector", name="执法大队")
    case = accident(district, source="other", known_at=None, enterprise=factory())
    with acting(TESTER, EVERYWHERE), clock.frozen(NOON + timedelta(minutes=61)):
        jobs.find_faults.run()
        fault = ReportFault.objects.get()
        assert (fault.fault, fault.at_level, fault.accident) == ("concealment", "unit", case)
    proof = b"%PDF-1.4\n%%EOF\n"
    fault = step(fault, "prove", inspector, fault="concealment", findings="单位负责人隐瞒", proof=[proof])
    assert "not_your_role" in refused(lambda: step(fault, "deal", inspector, decision="x", paper=[proof]))
    fault = step(fault, "deal", district, decision="依法处罚", paper=[proof])
    assert fault.state == "dealt"


def test_the_suspected_enterprise_does_not_read_of_the_case() -> None:
    firm = factory()
    worker = account("enterprise", VILLAGE, firm)
    accident(account("district"), source="other", known_at=None, enterprise=firm)
    with acting(TESTER, EVERYWHERE), clock.frozen(NOON + timedelta(minutes=61)):
        jobs.find_faults.run()
    with acting(worker.actor, worker.scope):
        assert Accident.objects.count() == 1
        assert not ReportFault.objects.exists()
        assert not CaseEntry.objects.filter(case_kind="report_fault").exists()


def test_what_was_known_before_is_linked_by_kind_and_number() -> None:
    district = account("district")
    case = accident(district)
    with acting(TESTER, EVERYWHERE):
        danger = cases.open_case(
            "danger", by=district, title="脚手架连墙件缺失", description="x", source="inspection", found_at=NOON,
            area_code=VILLAGE, industry_id="construction",
        )  # fmt: skip
    facts = {"ref_kind": "danger", "ref_number": danger.number}
    assert "ref_number" in refused(lambda: step(case, "link", district, **facts | {"ref_number": "无此号"}))
    step(case, "link", district, **facts, note="曾责令整改")
    with acting(TESTER, EVERYWHERE):
        assert KnownBefore.objects.get().note == "曾责令整改"


def test_the_phase_closes_when_all_is_reported_and_the_time_for_supplements_is_over() -> None:
    district = account("district")
    case = accident(district)
    assert "gate" in refused(lambda: step(case, "close", district))
    step(case, "pass_to_city", district, report_text="x")
    assert "gate" in refused(lambda: step(case, "close", district, NOON + timedelta(days=30)))
    case = step(case, "close", district, NOON + timedelta(days=31))
    assert case.state == "closed"
    again = step(case, "resume", district, NOON + timedelta(days=32), reason="补充情况")
    assert again.state == "reporting"


def test_missing_persons_become_deaths_where_the_law_of_the_day_says_so__chongqing_2015_art_48() -> None:
    district = account("district")
    case = accident(district, deaths=2, missing=1)
    assert case.grade == "larger"
    assert "gate" in refused(lambda: step(case, "settle_missing", district, NOON + timedelta(days=40), reason="x"))
    day = datetime(2017, 3, 1, 12, tzinfo=BEIJING)
    with clock.frozen(day):
        case = accident(
            district, occurred_at=day - timedelta(hours=1), known_at=None, category=category("G54", "national-2016"),
            deaths=2, missing=1, title="渡船事故",
        )  # fmt: skip
    case = step(case, "settle_missing", district, day + timedelta(days=8), reason="补报期满")
    assert (case.deaths, case.missing, case.grade) == (3, 0, "larger")


def test_the_caller_s_name_is_personal_data_in_a_table_of_its_own() -> None:
    case = accident(account("duty", CITY), caller="张三", caller_phone="13800000000")
    with acting(TESTER, EVERYWHERE):
        person = Involved.objects.get()
        assert (person.accident, person.role, person.area_code) == (case, "caller", VILLAGE)
        assert "张三" not in str(CaseEntry.of(case).get().facts)


@pytest.mark.slow
def test_grade_from_all_reports_is_the_grade_kept_whatever_was_reported_when() -> None:
    from random import Random

    district = account("district")
    rng = Random(493)
    for run in range(4):
        case = accident(district, category=category(rng.choice(("road", "construction"))), place=f"第{run}处")
        at = NOON
        for _report in range(6):
            at += timedelta(hours=rng.randrange(1, 200))
            move = rng.choice(("follow_up", "verify_figures"))
            facts = FIGURES | {"deaths": rng.randrange(0, 12), "injured": rng.randrange(0, 60)}
            case = step(case, move, district, at, **facts | ({"reason": "核实"} if move == "verify_figures" else {}))
            with acting(TESTER, EVERYWHERE):
                versions = [version(r) for r in Report.objects.filter(accident=case)]
                scratch = rules.grade_of(versions, case.occurred_at, case.category.window)
            assert case.grade == scratch.grade


def test_who_must_know_is_told_at_once() -> None:
    from anlan.kernel.models import Notice

    people = [account("district"), account("duty", CITY), account("district", BANAN), account("township", VILLAGE)]
    accident(people[0])
    events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        told = set(Notice.objects.values_list("account_id", flat=True))
    assert told == {people[0].pk, people[1].pk, people[3].pk}


def test_when_the_supplements_are_over_the_phase_waits_to_be_closed_and_nothing_is_overdue() -> None:
    district = account("district")
    case = accident(district)
    case = step(case, "pass_to_city", district, NOON + timedelta(minutes=20), report_text="x")
    thirty = datetime(2013, 7, 14, 23, 59, tzinfo=BEIJING)
    with clock.frozen(thirty):
        assert wanted(district, case) == ""
    with clock.frozen(thirty + timedelta(minutes=2)):
        assert wanted(district, case) == "closing"
        with acting(TESTER, EVERYWHERE):
            assert cases.worklist(district).overdue == 0
    assert step(case, "close", district, thirty + timedelta(days=3)).state == "closed"


def test_a_death_within_thirty_days_counts_whenever_it_is_told__decree_493_art_13() -> None:
    district = account("district")
    case = accident(district, deaths=1)
    told = {"missing": 0, "injured": 0, "slight": 0, "course": "伤员经抢救无效死亡"}
    late = NOON + timedelta(days=35)
    within = step(case, "follow_up", district, late, deaths=2, facts_known_at=NOON + timedelta(days=20), **told)
    assert within.deaths == 2
    beyond = step(case, "follow_up", district, late + timedelta(hours=1), deaths=3, **told)
    assert beyond.deaths == 2
    with acting(TESTER, EVERYWHERE):
        lines = dict(draft.form(beyond))
        assert lines["死亡（人）"] == 2
        assert lines["报告经过"].count("补报期满后报告") == 1
