"""An accident called in, taken by keyboard, passed on while its clock runs, in a real browser in both languages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .conftest import Person
from .test_hidden_danger import act

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("browser")]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_call_is_taken_by_keyboard_and_the_next_report_is_drafted(
    sign_in: Callable[..., Person], language: str
) -> None:
    officer = sign_in("district", language)
    officer.open("/accidents/intake/")
    page = officer.page
    assert page.locator("[data-since]").inner_text()[:2] in ("0 ", "1 ")
    area = page.locator('div.pick:has(input[name="area_code"]) input[role=combobox]')
    area.fill("龙兴镇")
    area.press("Enter")  # before the list is there: nothing is sent
    page.locator('div.pick:has(input[name="area_code"]) [role=option]').first.wait_for()
    assert area.input_value() == "龙兴镇"
    area.press("Enter")
    assert area.input_value() == "渝北区 › 龙兴镇"
    page.select_option('select[name="category"]', index=5)
    assert page.input_value('select[name="source"]') == ""
    page.select_option('select[name="source"]', "unit")
    page.fill('input[name="unit_name"]', "渝北某工地")
    page.click(".place-pick > summary")
    expect(page.locator("[data-place-map][data-ready]")).to_have_count(1, timeout=60_000)
    page.focus(".place-map canvas")
    page.keyboard.press("Enter")  # what lies in the middle of the map
    assert page.input_value('input[name="lon"]').startswith("10")
    page.fill('input[name="deaths"]', "3")
    page.fill('textarea[name="course"]', "基坑坍塌，3人死亡。")
    page.locator(".check-grade b", has_text="较大事故" if language == "zh-hans" else "Larger accident").wait_for()
    page.locator(".intake-check [data-countdown]").first.wait_for()
    officer.look()
    page.locator('textarea[name="course"]').press("Control+Enter")
    page.wait_for_url("**/c/accident/**")
    officer.look()
    expect(page.locator("[data-place-map][data-ready]")).to_have_count(1, timeout=60_000)
    address = page.url.removeprefix(officer.base)
    running = page.locator(".chain-running [data-countdown]").first
    before = running.inner_text()
    changed = "old => document.querySelector('.chain-running [data-countdown]').innerText !== old"
    page.wait_for_function(changed, arg=before)
    draft = page.locator('form[action$="/pass_to_city/"] textarea[name="report_text"]').input_value()
    assert "事故发生单位概况：渝北某工地" in draft
    act(officer, "pass_to_city", {})
    assert page.locator(".chain-done").count() == 2
    number = address.rstrip("/").split("/")[-1]
    officer.open(f"/accidents/form/{number}/")

    clerk = sign_in("duty", language, width=360)
    clerk.open(address)
    clerk.open("/accidents/intake/")
    clerk.open("/r/accidents/?grade=larger")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_an_enterprise_reports_from_a_phone(sign_in: Callable[..., Person], language: str) -> None:
    worker = sign_in("enterprise", language, width=360)
    worker.open("/accidents/report/")
    worker.page.fill('textarea[name="course"]', "叉车挤压")
    worker.page.click("form.intake button.btn-primary")
    worker.page.locator("[data-error-summary]").wait_for()
    refused = [fault for fault in worker.faults if "422" in fault]
    worker.faults = [fault for fault in worker.faults if fault not in refused]  # Chromium notes the answer itself
    worker.look()  # the category is missing: it says so, in its place
    worker.page.select_option('select[name="category"]', index=6)
    worker.page.click("form.intake button.btn-primary")
    worker.page.wait_for_url("**/c/accident/**")
    worker.look()
