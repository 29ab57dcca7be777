"""A case that comes under another area, industry or enterprise takes along what hangs on it, and nothing else moves."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import ProgrammingError, connection, transaction

from anlan.kernel import cases
from anlan.kernel.cases.models import CaseEntry, CaseLink, CasePart, EvidenceFile, Handler, Reminder
from anlan.kernel.policies import our_models
from anlan.kernel.scope import Actor, Scope, acting

from .conftest import NOON, person, png
from .sample import Ticket

pytestmark = pytest.mark.usefixtures("city")

DISTRICT, OTHER = person(1), person(2)
TESTER = Actor("test", "tests")
PARTS = [m for m in our_models() if issubclass(m, CasePart)]
HERE, THERE = ("500112001001", None, 77), ("500113001001", "coal", 78)


def lived() -> Ticket:
    """A case with something in each of the tables that hang on cases, more time granted and a pause over."""
    case = cases.open_case("ticket", by=DISTRICT, title="护栏缺失", area_code=HERE[0], enterprise_id=HERE[2])
    for name, by, facts in (
        ("plan", DISTRICT, {"rectify_by": date(2013, 6, 30), "remedy": "装护栏"}),
        ("rectify", DISTRICT, {"after": [png()]}),
        ("ask_extension", DISTRICT, {"days": 5, "reason": "暴雨"}),
        ("grant_extension", OTHER, {"reason": "同意"}),
        ("pause", DISTRICT, {"reason": "鉴定"}),
        ("resume", DISTRICT, {}),
        ("join", OTHER, {}),
    ):
        case = cases.move(case, name, by=by, seen_version=case.version, **facts)
    CaseLink.objects.create(**CaseLink.keys(case), other_kind="ticket", other_id=1, came_from=True)
    Reminder.objects.create(**Reminder.keys(case), due_at=NOON, offset_days=0, remind_at=NOON, tier="district")
    return case


def bring(case: Ticket, to: tuple[str, str | None, int]) -> None:
    case.area_code, case.industry_id, case.enterprise_id = to
    case.save()


def scopes(case: Ticket) -> dict[str, set[tuple[str, str | None, int]]]:
    found = {m.__name__: set(m.of(case).values_list("area_code", "industry_id", "enterprise_id")) for m in PARTS}
    assert all(found.values()), found
    return found


def test_everything_that_hangs_on_it_comes_along_and_nothing_of_another_case() -> None:
    case, other = lived(), lived()
    bring(case, THERE)
    assert scopes(case) == {m.__name__: {THERE} for m in PARTS}
    assert scopes(other) == {m.__name__: {HERE} for m in PARTS}


def test_the_history_is_read_there_and_no_longer_here_and_granted_time_is_kept() -> None:
    case = lived()
    due = case.due_at
    bring(case, THERE)
    with acting(TESTER, Scope("500113", frozenset({"coal"}))):
        there = Ticket.objects.get()
        assert [e.move for e in CaseEntry.of(there)][:3] == ["open", "plan", "rectify"]
        assert (EvidenceFile.of(there).count(), Handler.of(there).get().account_id) == (1, OTHER.pk)
        assert cases.recomputed_due(there) == due == NOON.replace(hour=23, minute=59, second=59) + timedelta(days=15)
    for left in (Scope("500112"), Scope("500113", frozenset({"road"})), Scope("", enterprise=77)):
        with acting(TESTER, left):
            assert not any(m.objects.exists() for m in (Ticket, *PARTS))


def test_a_case_is_brought_only_where_one_may_act_oneself() -> None:
    case = lived()
    with acting(TESTER, Scope("500112")), pytest.raises(ProgrammingError, match="row-level"), transaction.atomic():
        bring(Ticket.objects.get(), THERE)
    assert scopes(case) == {m.__name__: {HERE} for m in PARTS}


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE cases_caseentry SET area_code = '500113001001'",
        "SELECT anlan_rescope_tests_ticket()",
        "CREATE TEMP TABLE mine (LIKE tests_ticket); CREATE TRIGGER mine AFTER UPDATE ON mine FOR EACH ROW "
        "EXECUTE FUNCTION anlan_rescope_tests_ticket()",
    ],
)
def test_nobody_moves_the_history_of_a_case_by_itself(forged: str) -> None:
    lived()
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(forged)
