"""The pages that a declaration gives: list, record, changes, form, removal."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from anlan.kernel.registers import Register, all_registers
from anlan.kernel.registers.conformance import ELSEWHERE, HERE, narrowed, sample, seer
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Account, Enterprise, Looked

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
    assert "</b> · district · " in changes, "who changed it is told by his name, not by his sign-in"


def opened(client: Client, address: str) -> dict[str, str]:
    """What a form as it is opened would send."""
    page = client.get(address)
    form = page.context["form"]
    sent = {name: value for name in form.fields if (value := form[name].value()) not in (None, False, "")}
    held = re.findall(r'name="(initial-[^"]+)"(?: value="([^"]*)")?', page.content.decode())
    return {name: str(value) for name, value in sent.items()} | {name: html.unescape(value) for name, value in held}


def two_at_one_form() -> tuple[Client, str, dict[str, str], Enterprise]:
    """A form opened by the district while the city wrote name and staff of the same enterprise."""
    with acting(TESTER, EVERYWHERE):
        row = Enterprise.objects.create(name="渝北厂", area_code=HERE, staff=5, address="旧址")
    here, city = signed_in("district"), signed_in("city")
    address = f"/r/enterprises/{row.pk}/edit/"
    sent = opened(here, address)
    assert city.post(address, opened(city, address) | {"name": "渝北总厂", "staff": "6"}).status_code == 302
    return here, address, sent, row


def test_a_late_save_keeps_what_was_typed_and_shows_what_the_other_wrote() -> None:
    here, address, sent, row = two_at_one_form()
    late = here.post(address, sent | {"staff": "7", "address": "新址"})
    assert late.status_code == 409
    form, page = late.context["form"], late.content.decode()
    assert {field.name: (change.words, change.taken) for field, change in form.meanwhile} == {
        "name": ("渝北总厂", True), "staff": ("6", False),
    }  # fmt: skip
    assert [form[name].value() for name in ("name", "staff", "address")] == ["渝北总厂", "7", "新址"]
    with acting(TESTER, EVERYWHERE):
        city = Account.objects.get(role="city")
        assert Enterprise.objects.get(pk=row.pk).staff == 6, "nothing is overwritten"
    assert f"<b>{city.name}</b>" in page, "who wrote it is told by his name"
    assert 'name="take-staff" value="mine" checked' in page
    assert 'name="take-name"' not in page, "what one has not touched is not asked"


@pytest.mark.parametrize(("take", "staff"), [("mine", 7), ("theirs", 6)])
def test_the_next_save_does_what_was_decided_field_by_field(take: str, staff: int) -> None:
    here, address, sent, row = two_at_one_form()
    late = here.post(address, sent | {"staff": "7", "address": "新址"}).context["form"]
    again = {key: str(value or "") for key, value in late.data.items()} | {"take-staff": take}
    assert here.post(address, again).status_code == 302
    with acting(TESTER, EVERYWHERE):
        now = Enterprise.objects.get(pk=row.pk)
    assert (now.name, now.staff, now.address) == ("渝北总厂", staff, "新址")


@pytest.mark.parametrize("seen", ["", "²", "１", "9" * 30, "9" * 5000, "-1", "x"])
def test_a_version_that_is_none_saves_nothing(seen: str) -> None:
    here, address, sent, row = two_at_one_form()
    assert here.post(address, sent | {"staff": "7", "version": seen}).status_code in (409, 422)
    with acting(TESTER, EVERYWHERE):
        assert Enterprise.objects.get(pk=row.pk).staff == 6


@pytest.mark.parametrize(("verb", "tail"), [("change", "edit/"), ("remove", "remove/")])
def test_a_look_at_personal_data_through_a_form_is_logged(verb: Any, tail: str) -> None:
    declared = next(d for d in REGISTERS if getattr(d.model, "personal", False) and d.rights.roles(verb))
    row, client = kept(declared), signed_in(sorted(declared.rights.roles(verb) - {"enterprise"})[0])
    address = f"/r/{declared.name}/{row.pk}/{tail}"
    late = {"version": row.version + 1, "reason": "重复登记"}
    for answer in (client.get(address), client.post(address, late)):
        assert answer.status_code in (200, 409)
    with acting(TESTER, EVERYWHERE):
        assert Looked.objects.filter(row=str(row.pk), page=address).count() == 2


@pytest.mark.parametrize("role", ["department", "duty"])
def test_nobody_is_asked_for_by_who_may_not_see_the_register_of_accounts(role: str) -> None:
    client = signed_in(role, "500000000000")
    with acting(TESTER, EVERYWHERE):
        other = Account.objects.create(username="somebody", name="某人", role="city", area_code="500000000000")
    for asked in (other.pk, "somebody", "nobody"):
        page = client.get(f"/r/plans/?drafted_by={asked}")
        assert page.status_code == 400
        assert "某人" not in page.content.decode()
    assert signed_in("city", "500000000000").get(f"/r/plans/?drafted_by={other.pk}").status_code == 200


def test_a_save_that_is_late_twice_shows_the_newest_again() -> None:
    here, address, sent, row = two_at_one_form()
    late = here.post(address, sent | {"staff": "7"}).context["form"]
    with acting(TESTER, EVERYWHERE):
        now = Enterprise.objects.get(pk=row.pk)
        now.staff = 8
        now.save()
    again = {key: str(value or "") for key, value in late.data.items()}
    twice = here.post(address, again | {"take-staff": "theirs"})
    assert twice.status_code == 409
    assert [(f.name, c.words, c.taken) for f, c in twice.context["form"].meanwhile] == [("staff", "8", True)]


def test_a_removal_of_what_changed_meanwhile_keeps_its_reason_and_can_be_confirmed() -> None:
    declared = next(d for d in REGISTERS if "district" in d.rights.roles("remove"))
    row = kept(declared)
    with acting(TESTER, EVERYWHERE):
        row.save()
    client, remove = signed_in("district"), f"/r/{declared.name}/{row.pk}/remove/"
    late = client.post(remove, {"reason": "重复登记", "version": row.version - 1})
    assert late.status_code == 409
    form = late.context["form"]
    assert (form["reason"].value(), form["version"].value()) == ("重复登记", row.version)
    assert client.post(remove, {"reason": "重复登记", "version": row.version}).status_code == 302


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
