"""What a list gives to a person, in a real browser: picking as one types, views, columns, keys for programs, search."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]

expect.set_options(timeout=20_000)  # as long as the page itself waits for an answer
PICKED = ".pick-list.show [role=option]"


def settled(person: Person) -> None:
    person.page.wait_for_function("() => !document.querySelector('.htmx-request')")
    person.look()


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 1440), ("en", 360)])
def test_a_place_is_picked_by_initials_and_taken_off_again(
    sign_in: Callable[..., Person], language: str, width: int
) -> None:
    person = sign_in("district", language, width)
    person.open("/r/enterprises/?view=all")
    page = person.page
    if width < 768:
        page.click("[data-filters-toggle]")
    field = page.get_by_role("combobox").nth(0)
    field.click()
    page.keyboard.type("lx")
    expect(field).to_have_attribute("aria-expanded", "true")
    options = page.locator(PICKED)
    expect(options.first).to_contain_text("渝北区 › 龙")
    person.look()
    first = field.get_attribute("aria-activedescendant")
    page.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") != first
    page.keyboard.press("Escape")
    expect(field).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-expanded", "true")
    with page.expect_response(lambda r: "area_code=500112" in r.url):
        page.keyboard.press("Enter")
    expect(field).to_have_value(re.compile("^渝北区 › 龙"))
    expect(page.locator(".chip")).to_contain_text("渝北区 › 龙")
    settled(person)
    page.click(".chip a")
    page.wait_for_load_state()
    expect(page.locator(".chip")).to_have_count(0)
    person.look()


def test_an_enterprise_is_picked_in_a_form_by_name_and_by_credit_code(sign_in: Callable[..., Person]) -> None:
    person = sign_in("district")
    person.open("/r/people/new/")
    page = person.page
    field = page.locator("#id_enterprise")
    for typed in ("cqyajx", "重庆渝安", "9150011270000001"):
        field.fill("")
        field.press_sequentially(typed)
        expect(page.locator(PICKED).first).to_contain_text("重庆渝安精细化工有限公司")
        page.keyboard.press("Enter")
        expect(field).to_have_value("重庆渝安精细化工有限公司")
    person.look()
    page.fill("#id_name", "测试员")
    area = page.locator("#id_area_code")
    area.press_sequentially("渝北区 龙兴")
    expect(page.locator(PICKED).first).to_contain_text("渝北区 › 龙兴镇")
    page.keyboard.press("Enter")
    page.click(".form-bar .btn-primary")
    page.wait_for_url("**/r/people/*/")
    assert page.locator("a", has_text="重庆渝安精细化工有限公司").count()
    person.look()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_view_with_its_columns_is_saved_chosen_and_made_the_default(
    sign_in: Callable[..., Person], language: str
) -> None:
    person, name = sign_in("district", language), f"重点-{language}"
    person.open("/r/enterprises/?view=all&high_hazard=true")
    page = person.page
    page.click(".columns-menu summary")
    person.look(".columns-menu")
    page.uncheck('.column-list input[value="status"]')
    page.click('.column-list button[name="down"][value="name"]')
    page.click(".columns-menu .btn-primary")
    page.wait_for_url("**cols=**")
    heads = page.locator("thead th").all_inner_texts()
    assert "91" in page.locator("tbody td").first.inner_text()
    page.click("#list-views summary")
    # What an open menu half covers is no target of its own: it is looked at when the menu is shut.
    person.look("#list-views")
    page.fill("#view-name", name)
    page.click('#list-views button[value="save"]')
    page.wait_for_url("**view=**")
    expect(page.locator("#list-views a[aria-current]")).to_contain_text(name)
    person.look()
    page.click("#list-views summary")
    page.click('#list-views button[value="default"]')
    page.wait_for_load_state()
    person.open("/r/enterprises/")
    assert page.locator("thead th").all_inner_texts() == heads
    expect(page.locator(".chip")).to_have_count(1)
    page.click("#list-views summary")
    page.click('#list-views button[value="remove"]')
    page.click("dialog[open] .btn-primary")
    page.wait_for_url("**view=all")
    expect(page.locator("#list-views a", has_text=name)).to_have_count(0)
    person.look()


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 360), ("en", 1440)])
def test_a_key_is_made_shown_once_and_revoked(sign_in: Callable[..., Person], language: str, width: int) -> None:
    person = sign_in("district", language, width)
    person.open("/account/")
    page = person.page
    page.click('a[href="/account/tokens/"]')
    page.wait_for_url("**/account/tokens/")
    person.look()
    page.fill("#id_name", "月报程序")
    page.check('input[value="enterprises:read"]')
    page.fill("#id_password", (person.house.folder / "var/demo-password").read_text().strip())
    page.click(".form-bar .btn-primary")
    secret = page.locator("#secret").inner_text()
    assert secret.startswith("anlan_")
    person.look()
    person.open("/account/tokens/")
    assert secret not in page.content()
    mine = page.locator(".rows tr", has_text="月报程序").locator("form button")
    held = mine.count()
    mine.first.click()
    page.click("dialog[open] .btn-primary")
    page.wait_for_load_state()
    expect(mine).to_have_count(held - 1)
    person.look()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_ctrl_k_and_the_keys_of_a_list(sign_in: Callable[..., Person], language: str) -> None:
    person = sign_in("district", language)
    person.open("/r/enterprises/?view=all")
    page = person.page
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 2
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "list-q"
    page.keyboard.press("Control+k")
    for typed in ("cqyajx", "91500112700000", "重庆渝安"):
        page.keyboard.press("Control+a")
        page.keyboard.type(typed)
        expect(page.locator(".palette [role=option]").first).to_contain_text("重庆渝安精细化工有限公司")
    person.look()
    page.keyboard.press("Enter")
    page.wait_for_url("**/r/enterprises/1/")
    person.look()


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 1440), ("en", 360)])
def test_of_two_at_one_form_the_second_loses_nothing_and_decides(
    sign_in: Callable[..., Person], language: str, width: int
) -> None:
    late = sign_in("district", language, width)
    late.open("/r/enterprises/?view=all")
    address = f"{late.page.locator('a.row-link').first.get_attribute('href')}edit/"
    late.open(address)
    quicker = sign_in("city", language)
    quicker.open(address)
    theirs, typed = str(width), str(width + 1)
    for person, staff in ((quicker, theirs), (late, typed)):
        person.page.fill("[name=staff]", staff)
        person.page.click(".form-bar .btn-primary")
    page = late.page
    expect(page.locator(".meanwhile q")).to_have_text(re.compile(f"^{theirs[0]},?{theirs[1:]}$"))
    expect(page.locator("[name=staff]")).to_have_value(typed)
    late.look_at_refusal()
    # Nothing of it is saved yet: whoever leaves the page is asked, though he has typed nothing since.
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.locator("[name=staff]").click()
    page.evaluate("() => { location.href = '/' }")
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    page.click("[name=take-staff][value=theirs]")
    page.click(".form-bar .btn-primary")
    expect(page).to_have_url(re.compile(r"/r/enterprises/\d+/$"))
    late.open(address)
    expect(page.locator("[name=staff]")).to_have_value(theirs)
