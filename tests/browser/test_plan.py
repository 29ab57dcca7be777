"""The draft beside its source in a real browser: corrected in place, added to from a selected sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]
SELECT = """words => {
  const part = [...document.querySelectorAll('[data-source] [data-at]')].find(e => e.textContent.includes(words));
  const text = part.firstChild, at = text.data.indexOf(words), range = document.createRange();
  range.setStart(text, at);
  range.setEnd(text, at + words.length);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}"""


def address(person: Person, title: str) -> str:
    person.open("/plan/")
    return person.page.locator("tr", has_text=title).locator("a.row-link").get_attribute("href") or ""


def look(person: Person) -> None:
    """Looks at the page from its top: what lies half under the sticky bar would be judged as too small."""
    settled(person.page)
    person.page.evaluate("scrollTo(0, 0)")
    person.look()


def settled(page: Page) -> None:
    page.wait_for_function("!document.querySelector('.htmx-settling, .htmx-swapping, .htmx-request')")


def test_a_draft_is_held_against_its_source_and_corrected_there(sign_in: Callable[..., Person]) -> None:
    office = sign_in("city", "zh-hans")
    page = office.page
    office.open(address(office, "2014"))
    page.locator('details:has(form[action$="send-back/"]) > summary').click()
    page.fill('form[action$="send-back/"] textarea', "请补充指标")
    page.click('form[action$="send-back/"] button')
    page.wait_for_selector("[data-selected]")
    look(office)

    # Pressed on the left, lit on the right, and the other way round.
    page.locator("[data-source] [data-t]", has_text="重大事故控制在1起").first.click()
    lit = page.locator(".plan-target.is-lit")
    assert lit.count() == 1
    assert "重大事故" in lit.inner_text()
    page.locator(".plan-code.is-t", has_text="T5").click()
    assert page.locator("[data-source] .is-lit", has_text="重大隐患按期整改率").count() == 1

    # A target is corrected in place; a wrong value is shown with its fault, and nothing is kept.
    target = page.locator(".plan-target", has_text="较大事故").first
    target.locator(".plan-tools a").click()
    page.fill(".plan-form [name=value]", "-1")
    page.click(".plan-form button.btn-primary")
    page.wait_for_selector(".plan-form .error-summary")
    assert [f for f in office.faults if "422" not in f] == []  # the browser itself notes the refusal
    office.faults.clear()
    look(office)
    page.fill(".plan-form [name=value]", "36")
    page.click(".plan-form button.btn-primary")
    page.wait_for_selector(".plan-form", state="detached")
    assert "不超过 36 起" in page.locator(".plan-target", has_text="较大事故").first.inner_text()

    # A sentence selected in the source becomes a target under its clause.
    page.evaluate(SELECT, "安全培训覆盖率提高5个百分点")
    page.click("[data-add=target]")
    page.wait_for_selector("#new-target")
    look(office)
    page.fill("#new-target [name=subject]", "安全培训覆盖率")
    page.select_option("#new-target [name=comparator]", ">=")
    page.fill("#new-target [name=value]", "85")
    page.fill("#new-target [name=unit]", "%")
    page.click("#new-target button.btn-primary")
    page.wait_for_selector("#new-target", state="detached")
    made = page.locator(".plan-target", has_text="安全培训覆盖率")
    assert "不低于 85 %" in made.inner_text()
    assert page.locator("[data-source] [data-t]", has_text="安全培训覆盖率提高5个百分点").count() == 1
    look(office)

    # A clause is moved, and a target removed after being asked.
    first = page.locator(".plan-clause .plan-code").nth(1).inner_text()
    page.locator(".plan-clause").nth(0).locator("details summary").click()
    page.locator(".plan-clause").nth(0).locator('form[action$="/down/"] button').click()
    page.wait_for_function("code => document.querySelector('.plan-clause .plan-code').textContent === code", arg=first)
    made.locator("form button").click()
    page.click("dialog button.btn-primary")
    made.wait_for(state="detached")
    look(office)
    office.open(page.url.split("?")[0].split("#")[0].removeprefix(office.base) + "history/")
    assert "36" in page.inner_text("main")


@pytest.mark.parametrize(
    ("username", "width", "language"),
    [("city", 1440, "zh-hans"), ("city", 360, "en"), ("district", 1440, "en"), ("enterprise", 360, "zh-hans")],
)
def test_every_page_of_the_plan_in_force_is_in_order(
    sign_in: Callable[..., Person], username: str, width: int, language: str
) -> None:
    person = sign_in(username, language, width)
    plan = address(person, "2013")
    for path in (
        plan,
        f"{plan}duties/",
        f"{plan}authorities/",
        f"{plan}history/",
        "/plan/clauses/",
        "/plan/clauses/?mine=1",
    ):
        person.open(path)
        assert person.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    person.open("/")
    person.page.locator('a.stat[href$="/plan/clauses/?mine=1"]').click()
    person.page.wait_for_url("**/plan/clauses/?mine=1")
    assert person.page.locator("tbody tr").count() > 0
