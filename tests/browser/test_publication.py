"""A quarterly publication in a real browser: drafted by one press, edited, reviewed, signed, issued, read by all."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("browser")]


def step(person: Person, address: str, name: str, **choices: str) -> None:
    """Makes a move on the case's page."""
    person.open(address)
    page = person.page
    page.locator(f'details[data-move="{name}"] > summary').click()
    for field, value in choices.items():
        page.locator(f'details[data-move="{name}"] [name="{field}"][value="{value}"]').check()
    page.locator(f'details[data-move="{name}"] button[type=submit]').click()
    page.wait_for_load_state()


def state(page: Page) -> str:
    return page.locator(".case-head .tone").first.inner_text()


def test_from_one_press_to_the_public(sign_in: Callable[..., Person]) -> None:
    office = sign_in("city", "zh-hans")
    page = office.page
    office.open("/plan/bulletins/")
    page.locator('li:has(input[name="period"][value="2013-Q1"]) button').click()
    page.wait_for_url("**/c/publication/**")
    address = page.url.removeprefix(office.base)
    page.wait_for_selector(".sheet-title", timeout=120_000)
    page.wait_for_selector("#drafting", state="detached")
    office.look()
    assert "2013年第一季度" in page.locator(".sheet-title").first.inner_text()

    # Another number than the facts have is marked as it is saved, and for whoever reviews and signs.
    page.get_by_text("编辑文稿").click()
    page.wait_for_url("**/edit/")
    office.look()
    words = page.locator("textarea[name^=t-]", has_text="共发生各类生产安全事故").first
    name, text = words.get_attribute("name"), words.input_value()
    words.fill(re.sub(r"事故\d+起", "事故9999起", text, count=1))
    page.click('.edit-bar button[value="save"]')
    page.wait_for_load_state()
    assert "9999" in page.locator(".edit-odd").inner_text()
    office.look()
    page.fill(f'textarea[name="{name}"]', text)
    page.locator('button[value^="paragraph:"]').last.click()
    page.wait_for_load_state()
    page.locator("textarea[name^=t-p]").fill("请各地区抓好落实。")
    page.click('.edit-bar button[value="close"]')
    page.wait_for_url(f"**{address}*")  # the part edited last stays in the address
    office.look()
    assert page.locator(".note-attention").count() == 0

    step(office, address, "submit")
    assert page.locator('details[data-move="pass"]').count() == 0  # who wrote it does not review it
    reviewer = sign_in("reviewer", "zh-hans")
    step(reviewer, address, "pass")
    assert state(reviewer.page) == "待签发"
    assert reviewer.page.locator('details[data-move="sign"]').count() == 0
    leader = sign_in("leader", "zh-hans", 360)
    step(leader, address, "sign")
    assert state(leader.page) == "已签发，待印发"
    leader.look()

    step(office, address, "issue")
    assert state(page) == "已印发"
    step(office, address, "publish", audience="public")
    assert state(page) == "已发布"
    page.locator('.sheet-actions a[href^="/papers/"]').click()
    page.wait_for_url("**/papers/*/")
    number = page.locator("h1").inner_text()
    assert re.fullmatch(r"渝安委办〔2013〕\d+号", number)
    page.locator('a[href="?again=1"]').click()
    page.wait_for_selector("text=与原文件逐字节一致")
    office.look()

    public = page.url.partition("?")[0].replace("/papers/", "/public/papers/")
    with urllib.request.urlopen(public) as answer:
        body = answer.read().decode()
    assert number in body
    assert "请各地区抓好落实。" in body
    with urllib.request.urlopen(f"{public}pdf/") as answer:
        assert answer.read(5) == b"%PDF-"

    # What has its number is compared with the records, which tell the same.
    office.open(address)
    page.get_by_text("与现有记录比对").click()
    page.wait_for_selector("text=现有记录与已公布数据一致", timeout=120_000)
    office.look()
