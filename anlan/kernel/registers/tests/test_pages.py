"""The pages that a declaration gives: list, record, changes, form, removal."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from anlan.kernel.registers import Register, all_registers
from anlan.kernel.registers.conformance import ELSEWHERE, HERE, narrowed, sample, seer
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Account, Enterprise

pytestmark = pytest.mark.django_db
TESTER = Actor("test", "tests")
REGISTERS = all_registers()
every_register = pytest.mark.parametrize("declared", REGISTERS, ids=[d.name for d in REGISTERS])


@pytest.fixture(autouse=True)
def _assets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are tested without the built front end, which the browser tests build."""
    monkeypatch.setattr("anlan.site.assets._entry", lambda source: {"file": source})


def signed_in(role: str, area: str = HERE) -> Client:
    with acting(TESTER, EVERYWHERE):
        account = Account.objects.create(username=f"{role}-{area}", name=role, role=role, area_code=area)
        client = Client()
        client.force_login(account, settings.AUTHENTICATION_BACKENDS[-1])
    return client


def kept(declared: type[Register]) -> Any:
    with acting(TESTER, EVERYWHERE):
        return sample(declared, 77)


@every_register
def test_list_record_and_changes_are_shown(declared: type[Register]) -> None:
    row = kept(declared)
    client = signed_in(seer(declared))
    assert client.get(f"/r/{declared.name}/").status_code == 200
    record = client.get(f"/r/{declared.name}/{row.pk}/")
    if declared.sections:
        assert record.status_code == 200
    else:
        assert record.headers["Location"] == row.get_absolute_url()
    assert client.get(f"/r/{declared.name}/{row.pk}/?tab=audit").status_code == 200


@pytest.mark.parametrize("declared", [d for d in REGISTERS if narrowed(d)], ids=lambda d: d.name)
def test_a_page_elsewhere_is_as_if_it_did_not_exist(declared: type[Register]) -> None:
    row = kept(declared)
    client = signed_in(seer(declared), ELSEWHERE)
    for tail in ("", "edit/", "remove/", "?tab=audit"):
        there, nowhere = (client.get(f"/r/{declared.name}/{key}/{tail}") for key in (row.pk, 987654321))
        assert there.status_code == nowhere.status_code == 404


@pytest.mark.parametrize("declared", [d for d in REGISTERS if d.rights.roles("change")], ids=lambda d: d.name)
def test_the_form_opens_for_who_may_change_and_for_nobody_else(declared: type[Register]) -> None:
    row = kept(declared)
    may = declared.rights.roles("change") - {"enterprise"}
    role = "district" if "district" in may else sorted(may)[0]
    assert signed_in(role).get(f"/r/{declared.name}/{row.pk}/edit/").status_code == 200
    for other in sorted(declared.rights.roles("see") - may - {"enterprise"})[:1]:
        assert signed_in(other).get(f"/r/{declared.name}/{row.pk}/edit/").status_code == 403


@pytest.mark.parametrize("key", ["0", "-1", "9" * 30, "x", "%00", "1.5"])
def test_keys_that_cannot_be_are_not_found(key: str) -> None:
    assert signed_in("district").get(f"/r/enterprises/{key}/").status_code == 404


def test_a_stale_save_shows_what_changed_and_keeps_it() -> None:
    with acting(TESTER, EVERYWHERE):
        row = Enterprise.objects.create(name="渝北厂", area_code=HERE, staff=5)
    client = signed_in("district")
    sent = {"name": "渝北厂", "area_code": HERE, "status": "operating", "staff": "6", "version": "1"}
    assert client.post(f"/r/enterprises/{row.pk}/edit/", sent).status_code == 302
    again = client.post(f"/r/enterprises/{row.pk}/edit/", sent | {"staff": "7"})
    assert again.status_code == 409
    with acting(TESTER, EVERYWHERE):
        assert Enterprise.objects.get(pk=row.pk).staff == 6
    changes = client.get(f"/r/enterprises/{row.pk}/?tab=audit").content.decode()
    assert "<del>5</del> → 6" in changes


def test_a_key_taken_elsewhere_is_refused_without_a_word_about_where() -> None:
    with acting(TESTER, EVERYWHERE):
        Enterprise.objects.create(name="甲", area_code=ELSEWHERE, registration_number="500112000000017")
    client = signed_in("district")
    answer = client.post(
        "/r/enterprises/new/",
        {"name": "乙", "area_code": ELSEWHERE, "status": "operating"},
    )
    assert answer.status_code == 422


def test_areas_and_records_are_picked_within_scope() -> None:
    with acting(TESTER, EVERYWHERE):
        Enterprise.objects.create(name="渝北厂", area_code=HERE)
        Enterprise.objects.create(name="渝北另厂", area_code=ELSEWHERE)
    client = signed_in("district")
    found = client.get("/r/enterprises/pick/", {"q": "渝北"}).json()["rows"]
    assert [one["text"] for one in found] == ["渝北厂"]
    areas = client.get("/r/-/area/", {"q": "50011"}).json()["rows"]
    assert areas
    assert all(one["value"].startswith("500112") for one in areas)
