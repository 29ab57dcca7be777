"""What is tried on cases: to read, move, time or hush up what is not one's own."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from anlan.kernel import cases
from anlan.kernel.cases import reminders
from anlan.kernel.models import Live, Notice
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.kernel.sheets.applying import import_file
from anlan.offices.accidents.models import Category, ReportFault
from anlan.offices.accidents.reporting import first_report
from anlan.offices.hazards.models import Danger
from anlan.offices.hazards.registers import sample_danger
from anlan.parties.models import Account, Enterprise, Person
from anlan.parties.registers import People

from .conftest import MARK, NOON, PASSWORD, TESTER, send

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


# --- Notices -----------------------------------------------------------------------------------------


def _danger(number: int, **fields: Any) -> Danger:
    row = sample_danger(number)
    row.area_code, row.industry_id = "500112000000", "coal"
    for name, value in fields.items():
        setattr(row, name, value)
    row.clock = {"value": 15, "unit": "days"}
    row.started_at, row.due_at = NOON - timedelta(days=9), NOON + timedelta(hours=1)
    row.save()
    return row


def _told(account: Account) -> list[str]:
    with acting(TESTER, EVERYWHERE):
        return [str(n.params.get("title")) for n in Notice.objects.filter(account_id=account.pk)]


def test_no_enterprise_is_reminded_of_what_is_no_enterprise_s() -> None:
    """A danger on public ground in a state in which enterprises act: the enterprises around are not told."""
    with acting(TESTER, EVERYWHERE):
        near = Enterprise.objects.create(name="近旁厂", area_code="500112000000", industry_id="coal")
        worker = Account.objects.create(
            username="near", name="近", role="enterprise", area_code="500112000000", enterprise=near
        )
        _danger(1, state="verified", grade="general", enterprise=None, title=MARK)
        own = _danger(2, state="verified", grade="general", enterprise=near)
        reminders.notify(reminders.make_new())
    assert _told(worker) == [own.title]


@pytest.mark.parametrize("gone", [{"area_code": "500103000000"}, {"is_active": False}, {"industries": ["fire"]}])
def test_who_took_charge_and_left_is_not_reminded_any_more(attacker: Account, gone: dict[str, Any]) -> None:
    with acting(TESTER, EVERYWHERE):
        after = Account.objects.create(username="b", name="继任", role="district", area_code="500112000000")
        _danger(1, owner_id=attacker.pk, owner_name=attacker.name, title=MARK)
        for name, value in gone.items():
            setattr(attacker, name, value)
        attacker.save()
        reminders.notify(reminders.make_new())
    assert _told(attacker) == []
    assert _told(after) == [MARK]


# --- Accidents ---------------------------------------------------------------------------------------


@pytest.fixture
def firm() -> Account:
    with acting(TESTER, EVERYWHERE):
        mine = Enterprise.objects.create(name="本区厂", area_code="500112131000", industry_id="construction")
        return Account.objects.create_user(
            "firm", PASSWORD, name="厂", role="enterprise", area_code="500112131000", enterprise=mine
        )


def _by(account: Account, call: Any) -> Any:
    with acting(account.actor, account.scope):
        return call()


def _accident(by: Account, **more: Any) -> Any:
    said = {
        "area_code": "500112131000", "occurred_at": NOON - timedelta(hours=5), "known_at": NOON - timedelta(hours=5),
        "category": Category.objects.get(scheme="national-2012", code="construction"), "course": "坍塌", "deaths": 1,
        "source": "unit",
    } | more  # fmt: skip
    return _by(by, lambda: first_report(by, said).accident)


def _moved(case: Any, name: str, by: Account, **facts: Any) -> Any:
    def go() -> Any:
        fresh = type(case).objects.get(pk=case.pk)
        return cases.move(fresh, name, by=by, seen_version=fresh.version, facts_=facts)

    return _by(by, go)


def _client(account: Account) -> Client:
    with acting(TESTER, EVERYWHERE):
        token = ApiToken.issue(account, "t", ["*:write"])
    return Client(headers={"authorization": f"Bearer {token}"}, raise_request_exception=False)


def test_a_unit_cannot_say_that_it_reported_in_time(firm: Account) -> None:
    """Five hours late, by its own clock within the hour (Decree 493 Art. 9): neither at first nor afterwards."""
    backdated = (NOON - timedelta(hours=4, minutes=30)).isoformat()
    new = {
        "area_code": "500112131000", "occurred_at": (NOON - timedelta(hours=5)).isoformat(), "at": backdated,
        "category": "construction", "course": "坍塌", "deaths": 1,
    }  # fmt: skip
    refused = send(_client(firm), "post", "/api/v1/first-reports", new)
    assert (refused.status_code, refused.json()["place"]) == (422, "at")
    case = _accident(firm)
    figures = {"deaths": 1, "missing": 0, "injured": 0, "slight": 0, "course": "坍塌", "at": backdated}
    address = f"/api/v1/cases/accident/{case.number}/moves/follow_up"
    refused = send(_client(firm), "post", address, {"seen_version": case.version, "facts": figures})
    assert (refused.status_code, refused.json()["place"]) == (422, "facts.at")


def test_a_unit_does_not_undo_what_the_authority_verified(firm: Account, attacker: Account) -> None:
    figures = {"deaths": 3, "missing": 1, "injured": 2, "slight": 0, "course": "坍塌"}
    case = _moved(_accident(firm), "verify_figures", attacker, reason="现场核实", **figures)
    for less in ({"deaths": 0}, {"missing": 0}, {"injured": 1}, {"deaths": 2, "injured": 9}):
        with pytest.raises(cases.FieldError):
            _moved(case, "follow_up", firm, **figures | less)
    case = _moved(case, "follow_up", firm, **figures | {"deaths": 4, "injured": 1})
    assert (case.deaths, case.grade, case.reports_no) == (4, "larger", 3)
    case = _moved(case, "verify_figures", attacker, reason="一人误报", **figures | {"deaths": 2, "missing": 0})
    assert (case.deaths, case.grade) == (2, "ordinary")


def test_a_suspicion_is_read_by_those_alone_who_look_into_it(firm: Account, attacker: Account) -> None:
    """瞒报: neither the unit nor the township reads of it, on no page and by no address."""
    with acting(TESTER, EVERYWHERE):
        town = Account.objects.create(username="t", name="镇", role="township", area_code="500112131000")
    accident = _accident(firm)

    def heard(account: Account) -> list[Any]:
        with acting(account.actor, account.scope):
            return list(Live.objects.filter(topic="cases").values_list("payload", flat=True))

    before = heard(firm)
    case = _moved(accident, "suspect", attacker, fault="concealment", at_level="unit", clue=f"{MARK}举报")
    # The stream gives the unit no sign at all, and nobody the kind of what happened.
    assert heard(firm) == before
    assert all(payload == {} for payload in heard(attacker))
    with acting(TESTER, EVERYWHERE):
        fault = ReportFault.objects.get()
    for account, sees in ((firm, False), (town, False), (attacker, True)):
        browser = Client(raise_request_exception=False)
        browser.force_login(account)
        accident = browser.get(case.get_absolute_url())
        assert accident.status_code == 200
        said = accident.content.decode()
        said += browser.get("/").content.decode() + browser.get("/board/").content.decode()
        said += "".join(browser.get("/c/", {"show": part}).content.decode() for part in ("mine", "others"))
        told = _client(account).get(f"/api/v1/cases/accident/{case.number}/history").json()
        told = json.dumps(told, ensure_ascii=False)
        assert (fault.number in said, MARK in said, MARK in told, "suspect" in told) == (sees,) * 4
        assert (browser.get(fault.get_absolute_url()).status_code == 200) == sees
        stale = send(
            _client(account), "post", f"/api/v1/cases/accident/{case.number}/moves/follow_up",
            {"seen_version": 1, "facts": {}},
        )  # fmt: skip
        assert stale.status_code == 409
        assert (fault.get_fault_display() in stale.json()["message"]) == sees


def test_what_was_merged_beyond_ones_area_is_not_unmerged_from_within(attacker: Account) -> None:
    with acting(TESTER, EVERYWHERE):
        city = Account.objects.create(username="city", name="市", role="city", area_code="500000000000")
    mine, other = _accident(attacker), _accident(city, area_code="500103000000", title=MARK)
    _moved(mine, "merge", city, into=other.number, reason="同一事故")
    address = f"/api/v1/cases/accident/{mine.number}/moves/unmerge"
    with acting(TESTER, EVERYWHERE):
        version = type(mine).objects.get(pk=mine.pk).version
    answer = send(_client(attacker), "post", address, {"seen_version": version, "facts": {"reason": "x"}})
    assert (answer.status_code, answer.json()["code"]) == (422, "gate")
    browser = Client()
    browser.force_login(attacker)
    page = browser.get(mine.get_absolute_url())
    assert page.status_code == 200
    assert MARK not in page.content.decode()


# --- Moves by REST, numbers of records ---------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        {"state": "closed"}, {"owner_id": 1}, {"closed_at": "2013-01-01"}, {"enterprise": 1},
        {"grade": "general", "judgement": "\0"}, {"grade": "general", "judgement": [1]}, {"grade": {"a": 1}},
        {"grade": "general", "judgement": 2**200}, {"grade": ["general"]}, {"grade": "general", "level": "major"},
    ],
)  # fmt: skip
def test_a_move_takes_what_it_asks_for_and_nothing_else(program: Client, facts: dict[str, Any]) -> None:
    with acting(TESTER, EVERYWHERE):
        case = _danger(1)
    answer = send(
        program, "post", f"/api/v1/cases/danger/{case.number}/moves/verify", {"seen_version": 1, "facts": facts}
    )
    assert answer.status_code == 422, answer.content
    with acting(TESTER, EVERYWHERE):
        case.refresh_from_db()
    assert (case.state, case.version) == ("found", 1)


def test_a_number_in_an_import_does_not_tell_what_exists_elsewhere(theirs: Enterprise, attacker: Account) -> None:
    said = []
    with translation.override("en"):
        heads = ",".join(str(Person._meta.get_field(n).verbose_name) for n in ("name", "area_code", "enterprise"))
    for key in (f"#{theirs.pk}", "#999999999", "#0", f"#0{theirs.pk}", "#" + "9" * 18):
        with acting(attacker.actor, attacker.scope):
            outcome = import_file(People, f"{heads}\n李四,500112000000,{key}\n".encode(), name="a.csv")
        assert not outcome.applied
        assert MARK not in " ".join(problem.words() for problem in outcome.problems)
        said.append([problem.code for problem in outcome.problems])
    assert said == [["IMP030"]] * len(said)
