"""Progress: demanded of every duty-holder, written, approved up the tiers, and locked once its month is closed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.kernel import clock
from anlan.kernel.cases import MoveRefused, engine
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.models import Notice
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.plan import adoption, planfile
from anlan.offices.plan.appraisal.models import Hand, Scheme
from anlan.offices.plan.drafting import Refused
from anlan.offices.plan.models import Clause, Duty, Plan
from anlan.offices.plan.progress import closing, reports
from anlan.offices.plan.progress.models import ClosedFigure, ClosedPeriod, PeriodException, ProgressReport
from anlan.offices.plan.registers import SAMPLE
from anlan.offices.plan.targets import standing
from anlan.offices.plan.watch import unproved, watching
from anlan.offices.plan.watch.models import Slip
from anlan.parties.models import Account, Authority

from .conftest import CITY, YUBEI, at_once, body
from .test_standing import BANAN, died, part

Make = Callable[..., Account]
TOWN = "500112101000"
JUNE = datetime(2013, 6, 3, 9, tzinfo=clock.BEIJING)


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(JUNE):
        yield


@pytest.fixture
def bodies(plan: Plan) -> dict[str, Authority]:
    """Five authorities that all bear the plan's one clause."""
    made = {
        "city": body("市安委办", "committee_office", 1, CITY),
        "bureau": body("市交委", "department", 1, CITY, industries=["road"]),
        "district": body("渝北安监局"),
        "transport": body("渝北交委", "department", 2, YUBEI, industries=["road"]),
        "town": body("龙兴镇安办", "station", 3, TOWN),
        "village": body("某村", "village", 4, "500112101200"),
        "neighbour": body("巴南安监局", area=BANAN),
    }
    clause = plan.clauses.get()
    target = plan.targets.get(code="T2")
    for one in made.values():
        Duty.objects.create(plan=plan, clause=clause, authority=one)
    Duty.objects.create(plan=plan, clause=clause, target=target, authority=made["district"])
    return made


@pytest.fixture
def people(bodies: dict[str, Authority], account: Make) -> dict[str, Account]:
    return {
        "city": account("c1", authority=bodies["city"]), "second": account("c2", authority=bodies["city"]),
        "bureau": account("b", "department", authority=bodies["bureau"], industries=["road"]),
        "district": account("d1", "district", YUBEI, authority=bodies["district"]),
        "colleague": account("d2", "district", YUBEI, authority=bodies["district"]),
        "transport": account("t", "department", YUBEI, authority=bodies["transport"], industries=["road"]),
        "town": account("s", "township", TOWN, authority=bodies["town"]),
        "neighbour": account("n", "district", BANAN, authority=bodies["neighbour"]),
    }  # fmt: skip


def of(body: Authority) -> ProgressReport:
    return ProgressReport.objects.get(authority=body)


def go(report: ProgressReport, name: str, who: Account, **facts: Any) -> ProgressReport:
    with acting(who.actor, who.scope):
        report = ProgressReport.objects.get(pk=report.pk)
        return engine.move(report, name, by=who, seen_version=report.version, **facts)


def state(report: ProgressReport) -> str:
    return ProgressReport.objects.values_list("state", flat=True).get(pk=report.pk)


def test_each_duty_holder_is_asked_once__due_by_working_days(
    bodies: dict[str, Authority], people: dict[str, Account]
) -> None:
    # Villages do not report; that the district bears a target of the clause too asks nothing more.
    assert reports.demand() == 6
    assert reports.demand() == 0
    found = of(bodies["district"])
    # Five working days after June: 1 to 5 July 2013, Monday to Friday.
    assert (found.due_at, found.last_day) == (datetime(2013, 7, 5, 23, 59, 59, tzinfo=clock.BEIJING), date(2013, 6, 30))
    assert engine.recomputed_due(found) == found.due_at
    assert found.number.endswith("安进〔2013〕1号")
    with clock.frozen(datetime(2013, 9, 1, tzinfo=clock.BEIJING)):
        reports.demand()
        # September's end is followed by the holidays of 1 to 7 October: the time runs from the 8th to the 13th, a
        # Saturday and a make-up day among them.
        assert ProgressReport.objects.filter(period="2013-09").first().due_at.date() == date(2013, 10, 12)  # type: ignore[union-attr]
    told = [str(n) for n in Notice.objects.filter(account_id=people["town"].pk, url="/plan/progress/?period=2013-06")]
    assert len(told) == 1
    assert not Notice.objects.filter(account_id=people["neighbour"].pk, params__n__gt=1).exists()


def test_a_clause_may_be_reported_every_quarter(account: Make, everywhere: None) -> None:
    text = planfile.parse(
        """
plan: {year: 2013, city: "500000000000", title: 试, issuer: 试, issued_on: "2013-01-08"}
clauses: [{id: G1, zh: 试, duty: [supervisor], reported: quarter}, {id: G2, zh: 试, duty: [supervisor]}]
targets: []
""".encode(),
        "plan.yaml",
    )
    made = planfile.make(text, "plan.yaml", account("drafter"))
    bearer = body("渝北安监局")
    for clause in made.clauses.all():
        Duty.objects.create(plan=made, clause=clause, authority=bearer)
    assert "reported: quarter" in planfile.write(made)
    adoption.propose(made, made.drafted_by)
    adoption.adopt(made, account("adopter"))
    reports.demand()
    assert set(ProgressReport.objects.values_list("code", "period")) == {("G1", "2013-Q2"), ("G2", "2013-06")}


def test_a_townships_report_goes_up_tier_by_tier_and_may_come_back(
    bodies: dict[str, Authority], people: dict[str, Account]
) -> None:
    reports.demand()
    report = of(bodies["town"])
    for who in ("district", "city", "neighbour", "transport"):
        with pytest.raises((MoveRefused, ProgressReport.DoesNotExist)):
            go(report, "submit", people[who], done="试")
    go(report, "submit", people["town"], done="排查隐患三十处", percent=40, proof=[b"%PDF-1.4\n%%EOF"])
    with pytest.raises(MoveRefused):
        go(report, "approve", people["city"])  # it lies with the district
    go(report, "send_back", people["district"], reason="写明整改数")
    assert ProgressReport.objects.get(pk=report.pk).due_at == datetime(2013, 6, 6, 23, 59, 59, tzinfo=clock.BEIJING)
    go(report, "submit", people["town"], done="排查三十处，整改二十八处")
    go(report, "pass_on", people["district"])
    with pytest.raises(MoveRefused):
        go(report, "send_back", people["district"], reason="试")
    go(report, "approve", people["city"])
    assert state(report) == "approved"
    assert [e.move for e in CaseEntry.of(report)] == [
        "open", "submit", "send_back", "submit", "pass_on", "approve",
    ]  # fmt: skip


def test_departments_report_to_the_office_of_their_tier__nobody_approves_his_own(
    bodies: dict[str, Authority], people: dict[str, Account]
) -> None:
    reports.demand()
    go(of(bodies["bureau"]), "submit_to_city", people["bureau"], done="试")
    assert state(of(bodies["bureau"])) == "at_city"
    go(of(bodies["transport"]), "submit", people["transport"], done="试")
    assert state(of(bodies["transport"])) == "at_district"
    go(of(bodies["district"]), "submit_to_city", people["district"], done="试")
    own = of(bodies["city"])
    with pytest.raises(MoveRefused):
        go(of(bodies["bureau"]), "approve", people["bureau"])
    go(own, "submit_to_city", people["city"], done="试")
    with pytest.raises(MoveRefused) as refused:
        go(own, "approve", people["city"])
    assert refused.value.code == "same_person"
    go(own, "approve", people["second"])


def test_who_is_waited_for__the_city_is_not_for_its_departments(
    bodies: dict[str, Authority], people: dict[str, Account]
) -> None:
    from anlan.kernel.cases.queue import worklist

    reports.demand()

    def mine(name: str) -> list[str]:
        who = people[name]
        with acting(who.actor, who.scope):
            return sorted(of.title for of in worklist(who).rows if of.mine)

    assert len(mine("city")) == len(mine("bureau")) == len(mine("district")) == len(mine("transport")) == 1
    assert len(mine("town")) == 1
    go(of(bodies["town"]), "submit", people["town"], done="试")
    assert (len(mine("town")), len(mine("district")), len(mine("neighbour"))) == (0, 2, 1)


def test_the_page_says_who_has_not_reported__each_sees_his_own_area(
    bodies: dict[str, Authority], people: dict[str, Account], client: Client
) -> None:
    reports.demand()
    go(of(bodies["town"]), "submit", people["town"], done="检查三十处", proof=[b"%PDF-1.4\n%%EOF"])

    def page(name: str, path: str = "/plan/progress/") -> Any:
        client.force_login(people[name])
        return client.get(path)

    seen = page("city").context
    assert [(line.key, line.asked, line.missing, line.at_district) for line in seen["districts"]] == [
        (YUBEI, 3, 2, 1), (BANAN, 1, 1, 0),
    ]  # fmt: skip
    assert {line.name for line in seen["bodies"]} == {"市安委办", "市交委"}
    district = page("district").context
    assert district["districts"] == []
    assert {line.name for line in district["bodies"]} == {"渝北安监局", "渝北交委", "龙兴镇安办"}
    assert [r.authority.name for r in district["waiting"]] == ["龙兴镇安办"]
    assert {line.name for line in page("neighbour").context["bodies"]} == {"巴南安监局"}
    page("city")
    with CaptureQueriesContext(connection) as few:
        client.get("/plan/progress/")
    for n in range(20):
        one = body(f"机关{n}", area=f"5001{n + 30:02}000000")
        Duty.objects.create(plan=Plan.objects.get(), clause=Clause.objects.get(), authority=one)
    reports.demand()
    with CaptureQueriesContext(connection) as many:
        client.get("/plan/progress/")
    assert len(many) == len(few)
    for never in ("2200-01", "2013-13", "1949-10", "2013-07"):
        assert client.get(f"/plan/progress/?period={never}").status_code == 404
    clause = f"/plan/progress/clauses/{Clause.objects.get().pk}/"
    assert "三十处" in page("district", clause).content.decode()
    assert f"/c/progress/{of(bodies['town']).number}/evidence/" in unquote(page("district", clause).content.decode())
    assert "三十处" not in page("neighbour", clause).content.decode()
    client.force_login(people["district"])
    ticked = [str(of(bodies[name]).pk) for name in ("town", "neighbour")]
    client.post("/plan/progress/approve/", {"report": ticked})
    assert (state(of(bodies["town"])), state(of(bodies["neighbour"]))) == ("at_city", "due")


def test_the_page_of_a_report_offers_its_form_to_its_duty_holder_alone(
    bodies: dict[str, Authority], people: dict[str, Account], client: Client
) -> None:
    reports.demand()
    path = of(bodies["district"]).get_absolute_url()
    for name, status, form in (("district", 200, True), ("city", 200, False), ("neighbour", 404, False)):
        client.force_login(people[name])
        page = client.get(path)
        assert (page.status_code, 'name="done"' in page.content.decode()) == (status, form), name


def test_a_period_that_cannot_be_is_said_so_with_the_way_on(people: dict[str, Account], client: Client) -> None:
    client.force_login(people["city"])
    for asked, words in (
        ("period=2013-13", "“2013-13”不是统计期"), ("period=2013", "2013年：报告按月或按季度填报。"),
        ("period=2013-07", "2013年7月尚未开始。"), ("period=1999-01", "1999年1月：当时尚未要求填报。"),
        ("area=50", "“50”不是行政区划代码。"),
    ):  # fmt: skip
        page = client.get(f"/plan/progress/?{asked}")
        assert page.status_code == 404
        assert words in page.content.decode(), asked
        assert 'href="/plan/progress/"' in page.content.decode()


# --- Closing ---------------------------------------------------------------------------------------


def scheme() -> Scheme:
    return Scheme.objects.create(year=2013, area_code=CITY, of="districts", title="试", text=SAMPLE)


def shut(who: Account, period: str = "2013-06", area: str = "") -> ClosedPeriod:
    with acting(who.actor, who.scope):
        return closing.close(period, area or who.area_code, who)


def excepting(by: Account, whom: Account, closed: ClosedPeriod, area: str = YUBEI, **more: Any) -> PeriodException:
    with acting(by.actor, by.scope):
        made = PeriodException(
            closing=closed, account=whom, area_code=area, until=clock.today() + timedelta(days=3), reason="补报", **more
        )
        made.full_clean()
        made.save()
        return made


@pytest.fixture
def july(bodies: dict[str, Authority], people: dict[str, Account]) -> Iterator[None]:
    reports.demand()
    with clock.frozen(datetime(2013, 7, 8, 10, tzinfo=clock.BEIJING)):
        yield


def test_what_lies_in_a_closed_month_is_changed_by_nobody_but_by_name(
    july: None, bodies: dict[str, Authority], people: dict[str, Account]
) -> None:
    hand = Hand.objects.create(
        scheme=scheme(), area_code=YUBEI, item="A1", on=date(2013, 6, 20), points=-1, reason="试", evidence="试"
    )
    report = of(bodies["district"])
    closed = shut(people["city"])
    for who in (people["district"], people["colleague"]):
        with pytest.raises(MoveRefused):
            go(report, "submit_to_city", who, done="试")
    # The database itself refuses, whoever asks, and whatever the program forgot to look at.
    for change in (
        lambda: ProgressReport.objects.filter(pk=report.pk).update(done="试"),
        lambda: Hand.objects.filter(pk=hand.pk).update(points=0),
        lambda: Hand.objects.filter(pk=hand.pk).update(on=date(2013, 7, 1)),
        lambda: Hand.objects.filter(pk=hand.pk).delete(),
        lambda: Hand.objects.create(
            scheme=hand.scheme, area_code=BANAN, item="A1", on=date(2013, 6, 30), points=0, reason="试", evidence="试"
        ),
        lambda: ProgressReport.objects.filter(pk=report.pk).delete(),
    ):
        with pytest.raises(IntegrityError, match=r"period\.closed"), transaction.atomic():
            change()
    with pytest.raises(ValidationError, match="2013"):
        Hand(
            scheme=hand.scheme, area_code=YUBEI, item="A1", on=date(2013, 6, 3), points=-1, reason="试", evidence="试"
        ).full_clean()
    Hand.objects.create(
        scheme=hand.scheme, area_code=YUBEI, item="A1", on=date(2013, 7, 1), points=0, reason="试", evidence="试"
    )
    excepting(people["city"], people["district"], closed, code="G1.1")
    with pytest.raises(MoveRefused):
        go(report, "submit_to_city", people["colleague"], done="试")
    with pytest.raises(MoveRefused):
        go(of(bodies["neighbour"]), "submit_to_city", people["neighbour"], done="试")
    go(report, "submit_to_city", people["district"], done="补报")
    assert state(report) == "at_city"
    district = people["district"]
    with acting(district.actor, district.scope), pytest.raises(IntegrityError), transaction.atomic():
        Hand.objects.filter(pk=hand.pk).update(points=0)  # of one clause only
    assert Notice.objects.filter(account_id=district.pk, message=closing.OPENED).count() == 1


def test_an_exception_ends_by_itself_or_by_hand_and_stays_on_record(
    july: None, bodies: dict[str, Authority], people: dict[str, Account]
) -> None:
    report, district, city = of(bodies["district"]), people["district"], people["city"]
    closed = shut(city)
    first = excepting(city, district, closed)
    with clock.frozen(datetime(2013, 7, 11, 23, tzinfo=clock.BEIJING)):
        assert first.open
    with clock.frozen(datetime(2013, 7, 12, 0, 5, tzinfo=clock.BEIJING)):
        assert not first.open
        with pytest.raises(MoveRefused):
            go(report, "submit_to_city", district, done="试")
        with acting(district.actor, district.scope), pytest.raises(IntegrityError), transaction.atomic():
            ProgressReport.objects.filter(pk=report.pk).update(done="试")
        assert (closing.end_due(), closing.end_due()) == (1, 0)
        assert Notice.objects.filter(account_id=district.pk, message=closing.ENDED).count() == 1
    second = excepting(city, district, closed)
    with acting(district.actor, district.scope), pytest.raises(Refused):
        closing.end(second, district)
    with acting(city.actor, city.scope):
        closing.end(second, city)
    with pytest.raises(MoveRefused):
        go(report, "submit_to_city", district, done="试")
    for change in (
        lambda: PeriodException.objects.filter(pk=first.pk).update(until=date(2014, 1, 1)),
        lambda: PeriodException.objects.filter(pk=second.pk).update(closed_at=None),
        lambda: PeriodException.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError, match=r"exception\."), transaction.atomic():
            change()
    assert len({e.state for e in PeriodException.objects.order_by("pk")}) == 2


def test_only_the_authority_above_opens_one(july: None, people: dict[str, Account]) -> None:
    closed, own = shut(people["city"]), shut(people["district"])
    city, district, town = people["city"], people["district"], people["town"]
    for by, whom, of_, area in (
        (district, people["colleague"], closed, YUBEI),  # of itself
        (district, town, closed, TOWN),  # below who closed it
        (district, people["colleague"], own, YUBEI),  # not above
        (city, city, closed, CITY),  # for himself
        (city, people["neighbour"], closed, YUBEI),  # who has nothing to do with it
        (city, people["neighbour"], own, BANAN),  # closed elsewhere
    ):
        with pytest.raises(ValidationError):
            excepting(by, whom, of_, area)
    with acting(district.actor, district.scope), pytest.raises(IntegrityError, match=r"exception\.above"):
        PeriodException.objects.create(
            closing=closed, account=town, area_code=TOWN, until=clock.today(), reason="试", opened_by_id=district.pk
        )


def test_a_districts_own_closing_gives_way_to_its_own_exceptions_only_where_the_city_has_not_closed(
    july: None, bodies: dict[str, Authority], people: dict[str, Account]
) -> None:
    own, report = shut(people["district"]), of(bodies["town"])
    with pytest.raises(MoveRefused):
        go(report, "submit", people["town"], done="试")
    excepting(people["district"], people["town"], own, TOWN)
    go(report, "submit", people["town"], done="试")
    shut(people["city"])
    with pytest.raises(MoveRefused):
        go(report, "pass_on", people["district"])


def test_figures_are_kept_as_they_stood(
    july: None, plan: Plan, people: dict[str, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "lately", lambda *_, **__: pytest.fail("figures of minutes ago are not kept"))
    died(4, "2013-06-02")
    died(1, "2013-07-02")
    part("T1", 40)
    part("T1", 45, BANAN)
    closed = shut(people["city"])
    died(7, "2013-06-05")  # told later
    kept = {(f.code, f.area_code): f.actual for f in ClosedFigure.objects.filter(closing=closed)}
    assert (kept["T1", CITY], kept["T1", YUBEI], kept["T1", BANAN]) == (4, 4, 0)
    with acting(people["neighbour"].actor, people["neighbour"].scope):
        assert {f.area_code for f in ClosedFigure.objects.all()} == {BANAN}
    for bad in ("2013-07", "2013-Q2", "2013-6", "x"):
        with pytest.raises(ValidationError):
            shut(people["city"], bad)
    with pytest.raises(Refused):
        shut(people["city"])
    with pytest.raises(Refused):
        shut(people["town"])
    with pytest.raises(Refused):
        shut(people["district"], area=BANAN)


# --- Proofs ----------------------------------------------------------------------------------------


def test_a_missing_proof_is_told_once__a_record_or_a_file_is_one(
    july: None, bodies: dict[str, Authority], people: dict[str, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The one clause is measured; its proof is looked at as if it were not.
    monkeypatch.setattr(unproved, "unmeasured", lambda plan: {"G1.1": ["accidents"]})
    died(1, "2013-06-10", BANAN)
    died(1, "2013-07-05", YUBEI)  # of another month
    go(of(bodies["city"]), "submit_to_city", people["city"], done="试", proof=[b"%PDF-1.4\n%%EOF"])
    # Due on 5 July: looked at on the 8th. The city department has the accident in Banan, which lies in the city.
    assert unproved.look() == 3
    assert {(s.authority.name, s.level) for s in Slip.objects.all() if s.authority} == {
        ("渝北安监局", "unproved"), ("渝北交委", "unproved"), ("龙兴镇安办", "unproved"),
    }  # fmt: skip
    assert unproved.look() == 0
    told = Notice.objects.filter(message=unproved.MISSING)
    assert set(told.values_list("account_id", flat=True)) == {
        people[name].pk for name in ("district", "colleague", "transport", "town")
    }
    above = Notice.objects.filter(message=unproved.MISSING_BELOW)
    told_above = set(above.values_list("account_id", flat=True))
    assert {people[n].pk for n in people if people[n].pk in told_above} == {
        people[n].pk for n in ("city", "second", "district", "colleague")
    }
    go(of(bodies["town"]), "submit", people["town"], done="试", proof=[b"%PDF-1.4\n%%EOF"])
    assert unproved.look() == 0
    assert set(Slip.objects.filter(state="cleared").values_list("authority__name", flat=True)) == {"龙兴镇安办"}


def test_decembers_proof_is_due_in_january__and_is_looked_for_until_it_is_there(
    bodies: dict[str, Authority], people: dict[str, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unproved, "unmeasured", lambda plan: {"G1.1": ["accidents"]})
    with clock.frozen(datetime(2013, 12, 2, 9, tzinfo=clock.BEIJING)):
        reports.demand()
    with clock.frozen(datetime(2014, 1, 20, 9, tzinfo=clock.BEIJING)):
        assert unproved.look() == 6
        watching.look()
    assert set(Slip.objects.values_list("year", "period", "state")) == {(2013, "2013-12", "open")}
    died(1, "2013-12-10")
    # Months later the record of December is there; of the township and of the other district there is none.
    with clock.frozen(datetime(2014, 4, 20, 9, tzinfo=clock.BEIJING)):
        assert unproved.look() == 0
    left = set(Slip.objects.filter(state="open").values_list("authority__name", flat=True))
    assert left == {"巴南安监局", "龙兴镇安办"}
    with clock.frozen(datetime(2015, 1, 20, 9, tzinfo=clock.BEIJING)):
        unproved.look()
    assert set(Slip.objects.values_list("state", flat=True)) == {"cleared", "gone"}


def test_december_is_closed_in_january(bodies: dict[str, Authority], people: dict[str, Account]) -> None:
    client = Client()
    client.force_login(people["city"])
    with clock.frozen(datetime(2014, 1, 8, 9, tzinfo=clock.BEIJING)):
        assert '<option value="2013-12">' in _closing_form(client)
        client.post("/plan/progress/close/", {"period": "2013-12"})
        assert ClosedPeriod.objects.filter(period="2013-12").exists()
        assert '<option value="2013-12">' not in _closing_form(client)


def _closing_form(client: Client) -> str:
    page = client.get("/plan/progress/").content.decode()
    return page.partition('id="close-period"')[2].partition("</select>")[0]


def test_before_the_reports_are_due_no_proof_is_missing(
    bodies: dict[str, Authority], people: dict[str, Account]
) -> None:
    reports.demand()
    with clock.frozen(datetime(2013, 7, 4, 10, tzinfo=clock.BEIJING)):
        assert unproved.look() == 0
    assert "G1.1" not in unproved.unmeasured(Plan.objects.get())  # measured: it is watched by its figures


@pytest.mark.django_db(transaction=True)
def test_who_closes_waits_for_who_writes_and_the_other_way_round() -> None:
    """At the database, on two connections: a change that began before the closing is in it, one after is refused."""
    with acting(Actor("test", "tests"), EVERYWHERE):
        by = Account.objects.create_user("closer", name="试", role="city", area_code=CITY)
        row = scheme()
    started, free, seen = threading.Event(), threading.Event(), []

    def write() -> None:
        try:
            with acting(Actor("test", "writer"), EVERYWHERE):
                Hand.objects.create(
                    scheme=row, area_code=YUBEI, item="A1", on=date(2013, 5, 20), points=-1, reason="试", evidence="试"
                )
                started.set()
                free.wait(20)
        finally:
            connection.close()

    def close() -> None:
        try:
            with acting(Actor("test", "closer"), EVERYWHERE):
                ClosedPeriod.objects.create(period="2013-05", area_code=CITY, closed_by_id=by.pk)
                seen.append(Hand.objects.count())
        finally:
            connection.close()

    writer, closer = threading.Thread(target=write), threading.Thread(target=close)
    writer.start()
    assert started.wait(20)
    closer.start()
    closer.join(1)
    assert closer.is_alive()  # it waits for the writer
    free.set()
    for thread in (writer, closer):
        thread.join(20)
    assert seen == [1]
    with acting(Actor("test", "tests"), EVERYWHERE), pytest.raises(IntegrityError, match=r"period\.closed"):
        Hand.objects.update(points=0)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_close_an_exception_at_once_the_second_finds_it_closed() -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        by, whom = (
            Account.objects.create_user(name, name="试", role=role, area_code=area)
            for name, role, area in (("opener", "city", CITY), ("yubei", "district", YUBEI))
        )
        closed = ClosedPeriod.objects.create(period="2013-05", area_code=CITY, closed_by_id=by.pk)
    made = excepting(by, whom, closed)

    def end() -> None:
        closing.end(PeriodException.objects.select_related("closing", "account").get(pk=made.pk), by)

    (refused,) = at_once((by, end), (by, end))
    assert isinstance(refused, Refused)
    assert refused.code == "exception.closed"


def test_what_waits_in_a_closed_month_stands_apart_until_an_exception_opens_it(
    july: None, bodies: dict[str, Authority], people: dict[str, Account], client: Client
) -> None:
    report = of(bodies["district"])
    go(report, "submit_to_city", people["district"], done="试")
    client.force_login(people["city"])

    def seen() -> tuple[list[str], list[str]]:
        context = client.get("/plan/progress/?period=2013-06").context
        return [r.code for r in context["waiting"]], [r.code for r in context["locked"]]

    assert seen() == (["G1.1"], [])
    closed = shut(people["city"])
    assert seen() == ([], ["G1.1"])
    page = client.get("/plan/progress/?period=2013-06").content.decode()
    assert "已锁定月份的待审报告" in page
    assert 'name="report"' not in page
    excepting(people["second"], people["city"], closed, code="G2")
    assert seen() == ([], ["G1.1"])
    excepting(people["second"], people["city"], closed, code="G1.1")
    assert seen() == (["G1.1"], [])
    # What is one's own to write there says so on its row.
    client.force_login(people["neighbour"])
    mine = client.get("/plan/progress/?period=2013-06").content.decode()
    assert "月份已锁定" in mine
