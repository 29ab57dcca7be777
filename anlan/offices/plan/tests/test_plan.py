"""Plan files, the way to adoption, the lock in the database, and clauses counted from what exists."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils.translation import override

from anlan.kernel.datafiles import BadFile
from anlan.kernel.figures import measured_clauses
from anlan.kernel.models import Notice
from anlan.kernel.scope import acting
from anlan.offices.plan import adoption, duties, planfile
from anlan.offices.plan.drafting import Refused
from anlan.offices.plan.models import Clause, Duty, Plan, Target
from anlan.offices.plan.states import in_force, states
from anlan.parties.models import Account

from .conftest import CITY, NOTICE, YUBEI, body

FILE = settings.ROOT / "plans" / "chongqing-2013.yaml"
Make = Callable[..., Account]


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
        (("targets:", "targets: ["), ("expected", "")),
        (("value: 40,", "value: .nan,"), ("targets.1.value", "not a number")),
        (("value: 40,", "value: .inf,"), ("targets.1.value", "")),
        (("value: 40,", "value: 0x_,"), ("cannot be read", "base 16")),
        (("value: 40,", "value: " + "9" * 5000 + ","), ("number", "")),
        (("duty: [government,", "duty: [government, government,"), ("clauses.0.duty", "twice")),
        (("measure: accidents.larger", "measure: accidents.large"), ("targets.1.measure", "no measure")),
        (("value: 40, unit: 起", 'value: 40, unit: "%"'), ("targets.1.measure", "a number, not per cent")),
        (("zh: 形势持续向好", "at: [1, 2], zh: 形势持续向好"), ("clauses.0.at", "outside of the source")),
    ],
)
def test_a_fault_in_a_plan_file_is_named_by_line_and_field(
    tmp_path: Path, change: tuple[str, str], says: tuple[str, str]
) -> None:
    file = tmp_path / "plan.yaml"
    text = FILE.read_text(encoding="utf-8")
    assert change[0] in text
    file.write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(BadFile) as refused, override("en"):
        planfile.read(file)
    assert re.match(rf"{file}:\d+: ", str(refused.value)) or "cannot be read" in says
    assert all(word in str(refused.value) for word in says)


def test_every_fault_of_a_plan_file_is_named_at_once(tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8")
    for change in (
        ("value: 40,", "valu: 40,"), ("issued_on: 2013-01-07", "issued_on: 2013-02-30"), ('city: "500', 'city: "5000'),
        ("{id: T2, clause: G1.2,", "{id: T1, clause: G9.9,"),
    ):  # fmt: skip
        assert text.count(change[0]) >= 1, change
        text = text.replace(*change, 1)
    with pytest.raises(BadFile) as refused, override("zh-hans"):
        planfile.parse(text.encode(), "plan.yaml")
    told = str(refused.value).splitlines()
    assert [line.split(": ")[:2] for line in told] == [
        ["plan.yaml:3", "plan.city"], ["plan.yaml:3", "plan.issued_on"], ["plan.yaml:69", "targets.1 (T1)"],
        ["plan.yaml:69", "targets.1 (T1)"], ["plan.yaml:69", "targets.1.id (T1)"],
        ["plan.yaml:69", "targets.1.clause (T1)"],
    ]  # fmt: skip
    assert all(re.search("[一-鿿]", line.split(": ", 2)[2]) for line in told)


MANY = b"clauses: [{id: G1, zh: x, proof: [a, " + b"1, " * 20_000 + b"1]}]"
"""Of several types: what compares each with each would take minutes."""


@pytest.mark.parametrize(
    "raw",
    [b"plan: &a [*a]", b"a: &x [1]\nb: [*x, *x]", b"\xff\xfe", b"[" * 4_000_000, b"- " * 2000, b"- 1", b"", MANY,
     b"year: " + b"1:" * 1_000_000 + b"1", b"? [a]\n: b", b"a: " + b"1:" * 15 + b"1.0", b"a: 0x" + b"f" * 4000,
     b"a: !!int abc", b"a: !!bool maybe", b"a: !!timestamp foo", b"!!python/object:os.x {}", b"a: 0b_",
     b'plan: "a\\0b"', b"a: [" + b"1, " * 100_000 + b"1]"],
    ids=lambda raw: repr(raw[:20]),
)  # fmt: skip
def test_a_hostile_plan_file_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(BadFile, match=r"evil\.yaml"):
        planfile.parse(raw, "evil.yaml")


def test_a_draft_written_as_a_plan_file_comes_back_the_same(draft: Plan, account: Make) -> None:
    clause = draft.clauses.get(code="W1.2a")
    clause.industries, clause.proofs, clause.title_en = ["coal"], ["dangers"], "Coal mines"
    clause.save()
    written = planfile.write(draft)
    again = planfile.make(planfile.parse(written.encode(), "again.yaml"), "again.yaml", account("other"))
    assert again.pk != draft.pk
    assert planfile.write(again) == written
    assert again.source.text == NOTICE
    draft.refresh_from_db()
    assert (draft.state, draft.remark) == ("withdrawn", "replaced by the plan file again.yaml")


def test_the_plan_in_force_written_and_read_says_the_same(account: Make) -> None:
    plan = planfile.load(FILE, account("drafter"))
    content = planfile.parse(planfile.write(plan).encode(), "x.yaml")
    before = planfile.read(FILE)
    for clause in before["clauses"]:
        if not clause["proof"]:
            del clause["proof"]  # what is empty is left out
    assert content == before


def test_nobody_adopts_his_own_draft__nor_one_in_which_he_wrote(account: Make) -> None:
    drafter, helper, second = account("drafter"), account("helper"), account("second")
    plan = planfile.load(FILE, drafter)
    assert (plan.clauses.count(), plan.targets.count()) == (61, 19)
    with pytest.raises(Refused):  # a draft is proposed first
        adoption.adopt(plan, second)
    Plan.objects.filter(pk=plan.pk).update(hands=[drafter.pk, helper.pk])
    plan.refresh_from_db()
    adoption.propose(plan, drafter)
    assert {n.account_id for n in Notice.objects.all()} == {second.pk}
    for refused, code in (
        (drafter, "plan.own_draft"),
        (helper, "plan.own_draft"),
        (account("d", "district", YUBEI), "plan.role"),
        (account("dept", "department"), "plan.role"),
    ):
        with pytest.raises(Refused) as error:
            adoption.adopt(plan, refused)
        assert error.value.code == code
        with pytest.raises(IntegrityError), transaction.atomic():  # and the database holds to it by itself
            Plan.objects.filter(pk=plan.pk).update(
                state="adopted", published=True, adopted_by=drafter if refused.role != "city" else refused
            )
    assert Plan.objects.get().state == "proposed"
    adoption.adopt(plan, second)
    assert (Plan.objects.get().state, Plan.objects.get().adopted_by) == ("adopted", second)
    with pytest.raises(BadFile, match="2013年度计划已通过"):
        planfile.load(FILE, drafter)


def adopted(account: Make) -> Plan:
    plan = planfile.load(FILE, account("drafter"))
    adoption.propose(plan, plan.drafted_by)
    adoption.adopt(plan, account("second"))
    return plan


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE plan_plan SET title = 'x'",
        "UPDATE plan_plan SET state = 'draft', published = false, adopted_by_id = NULL",
        "DELETE FROM plan_plan", "UPDATE plan_clause SET title = 'x'", "DELETE FROM plan_target",
        "UPDATE plan_target SET value = 1", "UPDATE plan_plan SET adopted_by_id = drafted_by_id",
        "INSERT INTO plan_clause (created_at, updated_at, version, plan_id, area_code, code, title, title_en, number, "
        "gist, \"order\", duty_kinds, proofs) SELECT now(), now(), 1, id, area_code, 'W99', 'x', '', '', '', 99, "
        "'{}', '{}' FROM plan_plan",
    ],
)  # fmt: skip
def test_an_adopted_plan_is_locked_against_raw_sql_too(account: Make, sql: str) -> None:
    plan = adopted(account)
    with pytest.raises(IntegrityError, match=r"plan\.(locked|state)|plan_"), transaction.atomic():
        connection.cursor().execute(sql)
    plan.refresh_from_db()
    assert plan.state == "adopted"


def test_a_plan_that_waits_is_locked__sent_back_it_opens_again(draft: Plan, account: Make) -> None:
    adoption.propose(draft, draft.drafted_by)
    with pytest.raises(IntegrityError), transaction.atomic():
        Clause.objects.filter(plan=draft).update(gist="x")
    adoption.send_back(draft, account("second"), "第三部分缺内容")
    assert Notice.objects.filter(account_id=draft.drafted_by_id).count() == 1
    assert Clause.objects.filter(plan=draft).update(gist="x") > 20
    with pytest.raises(Refused) as refused:
        adoption.withdraw(draft, draft.drafted_by, " ")
    assert refused.value.code == "plan.reason"
    adoption.withdraw(draft, draft.drafted_by, "另起草案")
    with pytest.raises(IntegrityError), transaction.atomic():
        Target.objects.filter(plan=draft).delete()


def test_what_was_not_read_must_be_settled_before_the_draft_is_proposed(draft: Plan) -> None:
    draft.gaps.create(plan=draft, what="an increase", words="提高5个百分点", start=1, end=2)
    with pytest.raises(Refused) as refused:
        adoption.propose(draft, draft.drafted_by)
    assert refused.value.code == "plan.incomplete"


def test_a_plan_in_force_is_corrected_by_a_further_edition_for_a_reason(account: Make) -> None:
    plan = adopted(account)
    clause = plan.clauses.get(code="W3.2")
    Duty.objects.create(plan=plan, clause=clause, target=plan.targets.get(code="T13"), authority=body("渝北局"))
    with pytest.raises(Refused):
        adoption.amend(plan, plan.drafted_by, "")
    second = adoption.amend(plan, plan.drafted_by, "市政府调整指标")
    assert (second.edition, second.state, second.amends) == (2, "draft", plan)
    assert planfile.write(second).replace("x", "") == planfile.write(plan).replace("x", "")
    duty = second.duties.get()
    assert (duty.clause.plan, duty.target.code, duty.target.plan) == (second, "T13", second)
    with pytest.raises(Refused):  # one amendment at a time
        adoption.amend(plan, plan.drafted_by, "再改")
    Target.objects.filter(plan=second, code="T2").update(value=38)
    assert in_force(dt.date(2013, 6, 1)) == plan
    adoption.propose(second, plan.drafted_by)
    adoption.adopt(second, account("third"))
    assert in_force(dt.date(2013, 6, 1)) == second
    plan.refresh_from_db()
    assert (plan.state, plan.published, plan.targets.get(code="T2").value) == ("superseded", True, 40)


def test_a_clause_is_live_only_with_duty_records_measure_and_warning(account: Make) -> None:
    plan = planfile.load(FILE, account("drafter"))
    plan.clauses.filter(code="G1.2").update(proofs=["kept-by-nobody"])
    by_code = {s.clause.code: s for s in states(plan)}
    assert by_code["G1.2"].records == {"kept-by-nobody": None}
    assert not any(s.live for s in by_code.values())
    Duty.objects.create(plan=plan, clause=plan.clauses.get(code="R1"), authority=body("市政府", "government", 1, CITY))
    r1 = {s.clause.code: s for s in states(plan)}["R1"]
    assert (r1.duty_holders, r1.records, r1.proved, r1.live) == (1, {"plan-duties": 1}, True, False)
    assert {s.clause.code: s for s in states(plan, {"R1"}, {"R1"})}["R1"].live


def test_a_clause_is_measured_where_an_office_s_measure_says_that_it_serves_it(account: Make) -> None:
    plan = planfile.load(FILE, account("drafter"))
    served = measured_clauses()
    assert {s.clause.code for s in states(plan) if s.measured} == served & set(
        plan.clauses.values_list("code", flat=True)
    )
    assert "W3.5" in served


def test_an_industry_s_clause_counts_that_industry_s_records_and_opens_them(account: Make) -> None:
    plan = planfile.load(FILE, account("drafter"))
    proofs = {s.clause.code: s for s in states(plan)}["W3.5e"].proofs
    dangers = [p for p in proofs if p.name == "dangers"]
    assert [p.industry.pk for p in dangers if p.industry] == ["hazchem", "fireworks"]
    assert dangers[0].url == "/r/dangers/?industry=hazchem"


def test_the_clause_table_asks_as_often_for_many_duties_as_for_few(
    account: Make, client: Client, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    plan = adopted(account)
    bodies = [body(f"局{n}") for n in range(30)]
    duties.assign(plan, type(bodies[0]).objects.all(), clauses=plan.clauses.values_list("pk", flat=True))
    client.force_login(Account.objects.get(username="second"))
    with django_assert_max_num_queries(55):  # type: ignore[attr-defined]
        assert client.get("/plan/clauses/").status_code == 200


@pytest.mark.parametrize(("language", "word"), [("zh-hans", "四项标志"), ("en", "Four marks")])
def test_the_clause_table_says_what_is_missing_for_each(
    account: Make, client: Client, language: str, word: str
) -> None:
    adopted(account)
    client.cookies["django_language"] = language
    client.force_login(Account.objects.get(username="second"))
    page = client.get("/plan/clauses/").content.decode()
    assert word in page
    assert "W3.5j" in page
    assert page.count("plan-mark is-there") == page.count("plan-mark") - page.count('plan-mark"') - page.count(
        "plan-marks"
    )


def test_from_proposal_to_adoption_on_the_pages(account: Make, draft: Plan, client: Client) -> None:
    client.force_login(draft.drafted_by)
    assert client.post(f"/plan/{draft.pk}/step/propose/").status_code == 302
    assert client.post(f"/plan/{draft.pk}/step/adopt/").status_code == 403
    client.force_login(account("second"))
    assert client.post(f"/plan/{draft.pk}/step/adopt/").status_code == 302
    assert Plan.objects.get().state == "adopted"
    assert client.post(f"/plan/{draft.pk}/step/burn/").status_code == 404


def test_a_draft_is_hidden_from_those_below_until_it_is_adopted(account: Make, draft: Plan, client: Client) -> None:
    """District and enterprise learn of a plan with its adoption; they read it then and write nothing."""
    second, district = account("second"), account("district", "district", YUBEI)
    addresses = ["", "history/", "plan.yaml", "duties/", "authorities/"]
    client.force_login(district)
    assert all(client.get(f"/plan/{draft.pk}/{a}").status_code == 404 for a in addresses)
    assert client.get(f"/plan/clauses/?plan={draft.pk}").status_code == 404
    assert client.get(f"/r/plans/{draft.pk}/").status_code == 404
    with acting(district.actor, district.scope):
        assert [m.objects.count() for m in (Plan, Clause, Target)] == [0, 0, 0]
    adoption.propose(draft, draft.drafted_by)
    adoption.adopt(draft, second)
    assert all(client.get(f"/plan/{draft.pk}/{a}").status_code == 200 for a in addresses)
    clause = draft.clauses.first()
    assert clause is not None
    for address in (f"clause/{clause.pk}/", "head/", "add/target/", f"clause/{clause.pk}/remove/", "step/amend/",
                    "duties/assign/", "duties/release/"):  # fmt: skip
        assert client.post(f"/plan/{draft.pk}/{address}", {"reason": "x"}).status_code == 403, address
    with acting(district.actor, district.scope):
        assert Clause.objects.filter(plan=draft).exists()
        assert not Plan.objects.filter(pk=draft.pk).update(remark="x")
        with pytest.raises(IntegrityError, match=r"plan\.scope"), transaction.atomic():
            Duty.objects.create(plan=draft, clause=clause, authority=body("我局"))


def test_a_department_of_the_city_reads_the_draft_and_writes_nothing(
    account: Make, draft: Plan, client: Client
) -> None:
    client.force_login(account("road", "department", industries=["road"]))
    assert client.get(f"/plan/{draft.pk}/").status_code == 200
    assert client.post(f"/plan/{draft.pk}/head/", {"title": "x"}).status_code == 403
    assert client.get("/plan/new/").status_code == 403
