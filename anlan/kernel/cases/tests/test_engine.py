"""Opening and moving cases."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from anlan.kernel import cases, clock
from anlan.kernel.cases.models import CaseEntry, EvidenceFile, Extension
from anlan.kernel.clock import BEIJING
from anlan.kernel.models import Event
from anlan.kernel.scope import Actor, Scope, acting

from .conftest import NOON, person, png
from .sample import Ticket

pytestmark = pytest.mark.usefixtures("city")

DISTRICT, OTHER, CITY = person(1), person(2), person(3, "city", "500000000000")
ENTERPRISE = person(4, "enterprise", "500112001001", 77)


def opened(**more: object) -> Ticket:
    fields = {"title": "护栏缺失", "area_code": "500112001001", "enterprise_id": 77} | more
    return cases.open_case("ticket", by=DISTRICT, **fields)


def planned() -> Ticket:
    case = opened()
    return cases.move(
        case, "plan", by=ENTERPRISE, seen_version=case.version, rectify_by=date(2013, 6, 30), remedy="装护栏"
    )


def fixed(by: object = ENTERPRISE) -> Ticket:
    case = planned()
    return cases.move(case, "rectify", by=by, seen_version=case.version, after=[png()])


def refused(case: Ticket, move: str, by: object, **facts: object) -> str:
    with pytest.raises(cases.MoveRefused) as caught:
        cases.move(case, move, by=by, seen_version=case.version, **facts)
    case.refresh_from_db()
    return caught.value.code


def test_a_case_opens_with_number_clock_and_first_entry() -> None:
    case = opened()
    assert case.number == "渝北试〔2013〕1号"
    assert (case.state, case.owner_area_code) == ("found", "500112000000")
    assert case.due_at == datetime(2013, 6, 19, 23, 59, 59, tzinfo=BEIJING)  # 14th is a Friday
    (entry,) = CaseEntry.of(case)
    assert (entry.move, entry.to_state, entry.by_name, entry.version) == ("open", "found", "person 1", 1)


def test_numbers_count_by_authority_and_year_without_gaps() -> None:
    numbers = [opened().number for _ in range(2)]
    with pytest.raises(cases.FieldError):
        opened(title="")
    numbers.append(opened().number)
    numbers.append(opened(area_code="500113001001").number)
    with clock.frozen(NOON.replace(year=2014)):
        numbers.append(opened().number)
    assert numbers == [
        "渝北试〔2013〕1号",
        "渝北试〔2013〕2号",
        "渝北试〔2013〕3号",
        "500113试〔2013〕1号",
        "渝北试〔2014〕1号",
    ]


def test_a_move_demands_its_fields_and_its_evidence() -> None:
    case = opened()
    with pytest.raises(cases.FieldError) as caught:
        cases.move(case, "plan", by=ENTERPRISE, seen_version=1, rectify_by="when it suits", colour="red")
    assert set(caught.value.errors) == {"rectify_by", "remedy", "colour"}
    case = planned()
    assert refused(case, "rectify", ENTERPRISE) == "invalid"
    assert refused(case, "rectify", ENTERPRISE, after=[b"<html><script>"]) == "invalid"
    assert refused(case, "rectify", ENTERPRISE, after=[b"%PDF-1.4\n%%EOF"]) == "invalid"
    assert case.state == "planned"
    assert CaseEntry.of(case).count() == 2


def test_facts_stand_in_the_case_and_in_its_history() -> None:
    case = fixed()
    assert case.remedy == "装护栏"
    assert [e.move for e in CaseEntry.of(case)] == ["open", "plan", "rectify"]
    assert CaseEntry.of(case)[1].facts == {"rectify_by": "2013-06-30", "remedy": "装护栏"}
    (file,) = EvidenceFile.of(case)
    assert (file.media_type, file.demand) == ("image/png", "after")


def test_nobody_accepts_what_he_rectified() -> None:
    case = fixed(by=DISTRICT)
    assert refused(case, "accept", DISTRICT) == "same_person"
    assert cases.move(case, "accept", by=OTHER, seen_version=case.version).closed_at == NOON


def test_what_is_not_possible_is_refused_with_its_reason() -> None:
    case = opened()
    assert refused(case, "accept", DISTRICT) == "not_from_here"
    assert refused(case, "plan", CITY) == "not_your_role"
    assert refused(case, "fly", DISTRICT) == "unknown_move"
    assert refused(case, "plan", DISTRICT, rectify_by=date(2013, 6, 30), remedy="nothing") == "gate"
    assert case.version == 1
    with pytest.raises(cases.MoveRefused, match="unknown_kind"):
        cases.open_case("no such", by=DISTRICT)


def test_the_second_of_two_is_told_what_the_first_did() -> None:
    mine = opened()
    yours = Ticket.objects.get(pk=mine.pk)
    cases.move(mine, "plan", by=ENTERPRISE, seen_version=1, rectify_by=date(2013, 6, 30), remedy="装护栏")
    with pytest.raises(cases.Stale) as caught:
        cases.move(yours, "withdraw", by=DISTRICT, seen_version=1, reason="误报")
    assert [(e.move, e.by_name) for e in caught.value.changes] == [("plan", "person 4")]
    yours.refresh_from_db()
    assert yours.state == "planned"


def test_a_named_day_is_the_deadline_and_an_extension_by_another_moves_it() -> None:
    case = planned()
    assert case.due_at == datetime(2013, 6, 30, 23, 59, 59, tzinfo=BEIJING)
    assert refused(case, "grant_extension", DISTRICT, reason="x") == "gate"
    case = cases.move(case, "ask_extension", by=DISTRICT, seen_version=case.version, days=5, reason="暴雨")
    assert refused(case, "grant_extension", DISTRICT, reason="同意") == "same_person"
    assert refused(case, "ask_extension", ENTERPRISE, days=5, reason="再要") == "gate"
    case = cases.move(case, "grant_extension", by=OTHER, seen_version=case.version, reason="同意")
    assert case.due_at == datetime(2013, 7, 5, 23, 59, 59, tzinfo=BEIJING)
    assert cases.recomputed_due(case) == case.due_at


def test_a_refused_extension_moves_nothing() -> None:
    case = planned()
    due = case.due_at
    case = cases.move(case, "ask_extension", by=ENTERPRISE, seen_version=case.version, days=5, reason="暴雨")
    case = cases.move(case, "refuse_extension", by=DISTRICT, seen_version=case.version, reason="不同意")
    assert case.due_at == due
    assert Extension.of(case).get().granted is False


def test_the_database_forbids_deciding_on_ones_own_request() -> None:
    case = opened()
    with pytest.raises(IntegrityError), transaction.atomic():
        Extension.objects.create(
            **Extension.keys(case), clock_no=1, value=1, unit="days", reason="x", asked_by_id=1,
            decided_by_id=1, decided_at=NOON, granted=True,
        )  # fmt: skip


def test_a_paused_case_has_no_deadline_and_runs_on_afterwards() -> None:
    case = cases.move(opened(), "pause", by=DISTRICT, seen_version=1, reason="鉴定")
    assert case.due_at is None
    with clock.frozen(NOON + timedelta(days=5)):
        case = cases.move(case, "resume", by=DISTRICT, seen_version=2)
    assert case.due_at == datetime(2013, 6, 21, 23, 59, 59, tzinfo=BEIJING)


def test_listing_for_supervision_is_for_a_higher_tier() -> None:
    case = opened()
    assert refused(case, "list", DISTRICT, reason="重大") == "not_higher"
    case = cases.move(case, "list", by=CITY, seen_version=1, reason="重大")
    assert case.listed_by == "person 3"
    assert refused(case, "list", CITY, reason="再挂") == "gate"
    assert cases.move(case, "delist", by=CITY, seen_version=2, reason="已销号").listed_at is None


def test_withdrawn_with_a_reason_and_reopened() -> None:
    case = opened()
    assert refused(case, "withdraw", DISTRICT) == "invalid"
    case = cases.move(case, "withdraw", by=DISTRICT, seen_version=1, reason="误报")
    assert (case.state, case.closed_at) == ("withdrawn", NOON)
    case = cases.move(case, "reopen", by=DISTRICT, seen_version=2, reason="确有其事")
    assert (case.state, case.closed_at, case.clock_no) == ("found", None, 2)


def test_history_and_evidence_cannot_be_rewritten() -> None:
    case = fixed()
    for change in (
        lambda: CaseEntry.of(case).update(by_name="nobody"),
        lambda: CaseEntry.of(opened()).delete(),
        lambda: EvidenceFile.of(case).update(name="x"),
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            change()


def test_history_is_seen_where_the_case_is_seen_and_nowhere_else() -> None:
    case = opened()
    with acting(Actor("test", "tests"), Scope("500113")):
        assert (Ticket.objects.count(), CaseEntry.objects.count()) == (0, 0)
    with acting(Actor("test", "tests"), Scope("500112", enterprise=77)):
        assert CaseEntry.of(case).count() == 1
    with acting(Actor("test", "tests"), Scope("500112", enterprise=78)):
        assert CaseEntry.of(case).count() == 0


def test_lateness_is_kept_with_the_move() -> None:
    case = planned()
    with clock.frozen(datetime(2013, 7, 1, 8, tzinfo=BEIJING)):
        assert case.overdue
        case = cases.move(case, "rectify", by=ENTERPRISE, seen_version=case.version, after=[png()])
    assert [e.late for e in CaseEntry.of(case)] == [False, False, True]


def test_every_move_is_told_to_the_offices_in_the_same_transaction() -> None:
    case = opened()
    refused(case, "accept", DISTRICT)
    cases.move(case, "withdraw", by=DISTRICT, seen_version=1, reason="误报")
    told = Event.objects.order_by("id").values_list("name", "area_code", "enterprise_id")
    assert list(told) == [("ticket.opened", case.area_code, 77), ("ticket.withdraw", case.area_code, 77)]
