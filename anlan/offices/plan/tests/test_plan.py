"""Plan files, adoption by a second person, and the state of clauses counted from what exists."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.plan import planfile
from anlan.offices.plan.models import AdoptionRefused, Duty, Plan
from anlan.offices.plan.states import states
from anlan.parties.models import Account, Authority

FILE = settings.ROOT / "plans" / "chongqing-2013.yaml"
CITY = "500000000000"


@pytest.fixture
def everywhere(db: None) -> Iterator[None]:
    with acting(Actor("test", "tests"), EVERYWHERE):
        yield


def account(name: str, role: str = "city") -> Account:
    return Account.objects.create_user(name, name=name, role=role, area_code=CITY)


def test_the_plan_of_2013_holds_the_notice_s_clauses_and_targets() -> None:
    content = planfile.read(FILE)
    ids = [clause["id"] for clause in content["clauses"]]
    assert {"G1.1", "G5.3", "W1", "W2.4", "W3.5a", "W3.5j", "W8.3", "R3"} <= set(ids)
    deaths = content["targets"][0]
    assert (deaths["comparator"], deaths["value"], deaths["baseline_value"]) == ("down_by", 2.5, 1539)
    assert int(deaths["baseline_value"] * (1 - deaths["value"] / 100)) == 1500


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("value: 40,", "value: forty,"), ("targets.1.value", "forty")),
        (("clause: G1.2,", "clause: G9.9,"), ("targets.1.clause", "G9.9")),
        (("id: G1.3,", "id: G1.2,"), ("clauses.3.id", "twice")),
        (("2013-01-07", "2013-02-30"), ("plan.issued_on", "no such day")),
        (("unit: 家", "units: 家"), ("targets.5", "units")),
        (("targets:", "targets: ["), ("line", "")),
    ],
)
def test_a_fault_in_a_plan_file_is_named_by_line_and_field(
    tmp_path: Path, change: tuple[str, str], says: tuple[str, str]
) -> None:
    file = tmp_path / "plan.yaml"
    text = FILE.read_text(encoding="utf-8")
    assert change[0] in text
    file.write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(planfile.BadPlanFile) as refused:
        planfile.read(file)
    assert "line " in str(refused.value)
    assert all(word in str(refused.value) for word in says)


@pytest.mark.usefixtures("everywhere")
def test_nobody_adopts_his_own_draft_and_an_adopted_plan_is_not_rewritten() -> None:
    drafter, second = account("drafter"), account("second")
    plan = planfile.load(FILE, drafter)
    assert (plan.clauses.count(), plan.targets.count()) == (61, 19)
    for refused, code in ((drafter, "plan.own_draft"), (account("d", "district"), "plan.role")):
        with pytest.raises(AdoptionRefused) as error:
            plan.adopt(refused)
        assert error.value.code == code
    assert Plan.objects.get().state == "draft"
    plan = planfile.load(FILE, drafter)  # a draft may be loaded again
    plan.adopt(second)
    assert Plan.objects.get().state == "adopted"
    with pytest.raises(planfile.BadPlanFile, match="is adopted"):
        planfile.load(FILE, drafter)


@pytest.mark.usefixtures("everywhere")
def test_a_clause_is_live_only_with_duty_records_measure_and_warning() -> None:
    plan = planfile.load(FILE, account("drafter"))
    by_code = {s.clause.code: s for s in states(plan)}
    assert by_code["G1.2"].records == {"accidents": None}
    assert not any(s.live for s in by_code.values())
    body = Authority.objects.create(name="市政府", kind="government", tier=1, area_code=CITY)
    Duty.objects.create(clause=plan.clauses.get(code="R1"), authority=body)
    r1 = {s.clause.code: s for s in states(plan)}["R1"]
    assert (r1.duty_holders, r1.records, r1.proved, r1.live) == (1, {"plan-duties": 1}, True, False)
    assert {s.clause.code: s for s in states(plan, {"R1"}, {"R1"})}["R1"].live


@pytest.mark.parametrize(("language", "word"), [("zh-hans", "条款"), ("en", "Clause table")])
def test_the_clause_table_is_shown_and_the_drafter_may_not_adopt(
    everywhere: None, client: Client, language: str, word: str
) -> None:
    drafter, second = account("drafter"), account("second")
    plan = planfile.load(FILE, drafter)
    client.cookies["django_language"] = language
    client.force_login(drafter)
    page = client.get("/plan/clauses/")
    assert page.status_code == 200
    assert word in page.content.decode()
    assert "W3.5j" in page.content.decode()
    assert client.post(f"/plan/{plan.pk}/adopt/").status_code == 403
    client.force_login(second)
    assert client.post(f"/plan/{plan.pk}/adopt/").status_code == 302
    assert Plan.objects.get().adopted_by == second
