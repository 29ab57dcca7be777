"""A supervision order from the press to its closure, by five people, in both languages, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Person
from .test_hidden_danger import act, photo

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 1440), ("en", 360)])
def test_an_order_from_the_press_to_its_closure(
    sign_in: Callable[..., Person], tmp_path: Path, language: str, width: int
) -> None:
    drafter = sign_in("city", language, width)
    drafter.open("/supervision/orders/new/?area=500112000000")
    page = drafter.page
    assert page.locator("input[name=to]:checked").count() == 1
    page.fill("input[name=subject]", "临水临崖路段护栏")
    page.fill("textarea[name=grounds]", "排查进度落后")
    page.fill("textarea[name=asked]", "逐段整改")
    page.fill("input[name=answer_by]", "2013-07-05")
    page.click("main form .form-bar button")
    page.wait_for_url("**/c/letter/**")
    drafter.look()
    letter = page.url.removeprefix(drafter.base)
    act(drafter, "submit", {})
    for username, move in (("reviewer", "pass"), ("leader", "sign")):
        person = sign_in(username, language)
        person.open(letter)
        act(person, move, {})
    for move in ("issue", "publish"):
        drafter.open(letter)
        act(drafter, move, {})

    addressee = sign_in("district", language, width)
    order = page.locator('main a[href^="/c/order/"]').first.get_attribute("href") or ""
    addressee.open(order)
    act(addressee, "receive", {})
    act(addressee, "report", {"result": "已逐段整改"}, {"proof": photo(tmp_path, "proof")})
    paper = addressee.page.locator('.page-actions a[href^="/papers/"]').first
    paper.click()
    addressee.page.wait_for_load_state()
    addressee.look()

    drafter.open(order)
    act(drafter, "accept", {})
    assert drafter.page.locator("text=/已办结|Carried out and closed/").count()


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 1440), ("en", 360)])
def test_every_page_of_the_office_is_in_order(sign_in: Callable[..., Person], language: str, width: int) -> None:
    office = sign_in("city", language, width)
    for path in (
        "/supervision/orders/new/", "/supervision/circulars/new/", "/supervision/meetings/new/",
        "/r/supervision-orders/", "/r/circulars/", "/r/joint-meetings/", "/r/tasks/", "/r/supervision-letters/",
    ):  # fmt: skip
        office.open(path)
    for register in ("joint-meetings", "circulars", "tasks"):
        office.open(f"/r/{register}/")
        office.page.click("tbody a >> nth=0")
        office.page.wait_for_load_state()
        office.look()
    district = sign_in("district", language, width)
    district.open("/r/meeting-invitations/")
    district.page.click("tbody a >> nth=0")
    district.page.wait_for_load_state()
    district.look()
