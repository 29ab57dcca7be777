"""Duties: to many at once, first responsibility of the head, holes, as of the day, and whose clause it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client

from anlan.kernel import clock
from anlan.offices.plan import adoption, duties
from anlan.offices.plan.models import Duty, Plan
from anlan.parties.models import Account, Authority, Division, Enterprise

from .conftest import CITY, YUBEI, body, post

Make = Callable[..., Account]
DAY = dt.date(2013, 6, 14)


@pytest.fixture
def districts(draft: Plan) -> list[Authority]:
    """A government in each of the 38 districts and counties."""
    return [
        body(f"{d.name}人民政府", "government", 2, d.code) for d in Division.objects.filter(tier=2).order_by("code")
    ]


@pytest.fixture
def city(account: Make, client: Client) -> Client:
    client.force_login(account("office"))
    return client


def test_all_38_districts_bear_a_clause_and_a_single_target_by_one_act(
    draft: Plan, districts: list[Authority], city: Client
) -> None:
    clause, target = draft.clauses.get(code="W1.1"), draft.targets.get(code="T2")
    given = {"to": "district/government", "item": [f"c{clause.pk}", f"t{target.pk}"], "first": "on"}
    assert city.post(f"/plan/{draft.pk}/duties/assign/", given).status_code == 302
    assert len(districts) == 38
    assert draft.duties.filter(clause=clause, target=None, first=True).count() == 38
    assert draft.duties.filter(target=target).count() == 38
    city.post(f"/plan/{draft.pk}/duties/assign/", given)  # once more changes nothing
    assert draft.duties.count() == 76
    city.post(f"/plan/{draft.pk}/duties/release/", {"holders": f"2/government/t{target.pk}"})
    assert draft.duties.count() == 38


def test_duties_follow_the_kinds_that_the_plan_names__departments_by_their_industry(draft: Plan) -> None:
    coal, road = (body(n, "department", 1, CITY, industries=[i]) for n, i in (("煤管局", "coal"), ("交委", "road")))
    office = body("龙兴安办", "station", 3, "500112105000")
    gone = body("旧安办", "station", 3, "500112106000", valid_to=dt.date(2013, 1, 1))
    draft.clauses.filter(code="W1.2a").update(duty_kinds=["department"], industries=["coal"])
    draft.clauses.filter(code="W1.1").update(duty_kinds=["station", "department", "enterprise"])
    draft.targets.filter(code="T2").update(duty_kinds=["station"])
    assert duties.assign_by_kinds(draft, DAY) == 5
    assert {d.authority for d in draft.duties.filter(clause__code="W1.2a")} == {coal}
    assert {d.authority for d in draft.duties.filter(clause__code="W1.1")} == {coal, road, office}
    assert not Duty.objects.filter(authority=gone).exists()
    assert duties.assign_by_kinds(draft, DAY) == 0


def test_the_head_of_the_day_bears_the_first_responsibility(draft: Plan) -> None:
    bureau = body("渝北安监局")
    old = post(bureau, "张三", head=True, valid_from=dt.date(2010, 1, 1), valid_to=dt.date(2013, 5, 1))
    new = post(bureau, "李四", head=True, valid_from=dt.date(2013, 5, 1))
    deputy = post(bureau, "王五", valid_to=dt.date(2013, 6, 1))
    Duty.objects.create(plan=draft, clause=draft.clauses.get(code="W1.1"), authority=bureau, post=deputy)

    def on(*day: int) -> tuple[object, object]:
        [duty] = duties.people(draft.duties.all(), dt.date(*day))
        return duty.head, duty.named

    assert on(2013, 4, 30) == (old, deputy)
    assert on(2013, 5, 1) == (new, deputy)
    assert on(2013, 6, 1) == (new, None)
    assert on(2009, 1, 1) == (None, deputy)


def test_holes_are_clauses_targets_and_authorities_that_nobody_answers_for(draft: Plan, account: Make) -> None:
    office = account("office")
    bureau, empty = body("渝北安监局"), body("巴南安监局")
    post(bureau, "张三", head=True)
    before = duties.holes(draft, DAY, office)
    assert {c.code for c in before.clauses} >= {"G1.2", "W1.1", "W1.2a", "R1"}
    assert not {c.code for c in before.clauses} & {"G", "G1", "W", "W1", "W1.2"}  # these head others
    assert len(before.targets) == 8
    everything = draft.clauses.values_list("pk", flat=True)
    duties.assign(draft, Authority.objects.filter(pk=bureau.pk), clauses=everything)
    assert duties.holes(draft, DAY, office) == duties.Holes([], [], 0)
    duties.assign(draft, Authority.objects.filter(pk=empty.pk), clauses=everything)
    assert duties.holes(draft, DAY, office).authorities == 1
    duties.name_person(draft.duties.filter(authority=empty), post(empty, "李四"), first=False)
    assert duties.holes(draft, DAY, office).authorities == 0


def test_who_sees_not_all_posts_is_not_told_that_names_are_missing(draft: Plan, account: Make) -> None:
    district = account("d", "district", YUBEI)
    assert duties.holes(draft, DAY, district).authorities is None


def test_a_person_is_named_by_a_post_of_that_authority_only(draft: Plan, city: Client) -> None:
    bureau, other = body("渝北安监局"), body("巴南安监局")
    own, foreign = post(bureau, "张三"), post(other, "李四")
    duty = Duty.objects.create(plan=draft, clause=draft.clauses.get(code="W1.1"), authority=bureau)
    address = f"/plan/{draft.pk}/authorities/{bureau.pk}/"
    assert "张三" in city.get(address).content.decode()
    assert city.post(f"{address}name/", {"duty": duty.pk, "post": foreign.pk}).status_code == 422
    assert city.post(f"{address}name/", {"post": own.pk}).status_code == 422  # nothing ticked
    assert city.post(f"{address}name/", {"duty": duty.pk, "post": own.pk, "first": "on"}).status_code == 302
    duty.refresh_from_db()
    assert (duty.post, duty.first) == (own, True)


def test_a_duty_holder_sees_the_clause_as_his(draft: Plan, account: Make, client: Client) -> None:
    bureau, station = body("渝北安监局"), body("龙兴安办", "station", 3, "500112105000")
    w11, t2 = draft.clauses.get(code="W1.1"), draft.targets.get(code="T2")
    duties.assign(draft, Authority.objects.filter(pk__in=[bureau.pk, station.pk]), clauses=[w11.pk])
    duties.assign(draft, Authority.objects.filter(pk=bureau.pk), targets=[t2.pk])
    mine = account("x", "enterprise", "500112105001", enterprise=Enterprise.objects.create(
        name="厂", area_code="500112105001", industry_id="coal"))  # fmt: skip
    draft.clauses.filter(code="W1.2a").update(duty_kinds=["enterprise"], industries=["coal"])
    draft.clauses.filter(code="W1.2b").update(duty_kinds=["enterprise"], industries=["road"])
    draft.clauses.filter(code="W1.2").update(duty_kinds=["enterprise"])
    expected = {
        account("district", "district", YUBEI, authority=bureau): ({"W1.1"}, {"T2"}),
        account("township", "township", "500112105000"): ({"W1.1"}, set()),  # by its place
        account("elsewhere", "township", "500113105000"): (set(), set()),
        mine: ({"W1.2", "W1.2a"}, set()),
    }
    codes = dict(draft.clauses.values_list("pk", "code")) | {("t", t.pk): t.code for t in draft.targets.all()}
    for who, wanted in expected.items():
        clauses, targets = duties.mine(draft, who)
        assert ({codes[c] for c in clauses}, {codes["t", t] for t in targets}) == wanted, who
    adoption.propose(draft, draft.drafted_by)
    adoption.adopt(draft, account("second"))
    client.force_login(Account.objects.get(username="district"))
    page = client.get("/plan/clauses/?mine=1").content.decode()
    assert page.count("<tr>") == 3  # the heading, G1.2 with its target, W1.1


def test_duties_change_in_force_and_no_more_when_the_plan_is_over(draft: Plan, city: Client, account: Make) -> None:
    bureau = body("渝北安监局")
    given = {"authority": bureau.pk, "item": f"c{draft.clauses.get(code='W1.1').pk}"}
    adoption.propose(draft, draft.drafted_by)
    adoption.adopt(draft, account("second"))
    assert city.post(f"/plan/{draft.pk}/duties/assign/", given).status_code == 302
    assert draft.duties.count() == 1
    over = adoption.amend(draft, draft.drafted_by, "调整")
    adoption.withdraw(over, draft.drafted_by, "不改了")
    given["item"] = f"c{over.clauses.get(code='W1.1').pk}"
    assert city.post(f"/plan/{over.pk}/duties/assign/", given).status_code == 403


@pytest.mark.parametrize(
    "given",
    [
        {}, {"item": "c1"}, {"to": "district/government"}, {"to": "nobody", "item": "c1"},
        {"to": "village", "item": "c1"},
        {"to": "station", "authority": "1", "item": "c1"}, {"authority": "x", "item": "c1"},
    ],
)  # fmt: skip
def test_an_assignment_that_cannot_be_is_refused_and_assigns_nothing(
    draft: Plan, city: Client, given: dict[str, str]
) -> None:
    assert city.post(f"/plan/{draft.pk}/duties/assign/", given).status_code == 422
    assert not Duty.objects.exists()


def test_the_table_by_authority_pages_filters_and_holds_a_constant_number_of_queries(
    draft: Plan, districts: list[Authority], city: Client, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    more = [body(f"安办{n}", "station", 3, f"50011{n % 10}1{n:05d}"[:12].ljust(12, "0")) for n in range(30)]
    duties.assign(draft, Authority.objects.all(), clauses=draft.clauses.values_list("pk", flat=True))
    assert len(districts) + len(more) == 68
    with django_assert_max_num_queries(35):  # type: ignore[attr-defined]
        page = city.get(f"/plan/{draft.pk}/authorities/").content.decode()
    assert page.count("row-link") == 50
    assert city.get(f"/plan/{draft.pk}/authorities/?tier=3").content.decode().count("row-link") == 30
    last = sorted(districts + more, key=lambda a: (a.tier, a.area_code, a.pk))[49]
    assert city.get(f"/plan/{draft.pk}/authorities/?after={last.pk}").content.decode().count("row-link") == 18
    for hostile in ("?tier=x", "?after=99999999999999999999", "?clause=999999999", "?q=%00", "?kind=;drop"):
        assert city.get(f"/plan/{draft.pk}/authorities/{hostile}").status_code in (200, 404)
    assert clock.today()
