"""Composing a board in a real browser, with the mouse and by keyboard alone; shared, and taking turns on the wall."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]


def titles(page: Page) -> list[str]:
    return page.locator("#tiles [data-tile] :is(h2.card-title, .board-card h2)").all_inner_texts()


def test_a_board_is_composed_with_mouse_and_keyboard_and_shared(sign_in: Callable[..., Person]) -> None:
    person = sign_in("city", "en")
    page = person.page
    person.open("/boards/")
    person.look()
    page.get_by_role("button", name="An empty board").click()
    page.wait_for_url("**/edit/")
    person.look()
    page.fill("#compose-title", "Board of the test")
    for kind in ("Card", "Trend over months", "Text"):
        page.get_by_text("Add a tile").click()
        page.get_by_role("button", name=kind, exact=True).click()
        expect(page.locator("[data-settings]")).to_be_visible()
        if kind == "Card":
            page.select_option("#tile-measure", "hazards.open")
            page.select_option("#tile-period", "month")
        elif kind == "Text":
            page.fill("#tile-text", "Look here first")
        page.get_by_role("button", name="Done").click()
    tiles = page.locator("#tiles [data-tile]")
    expect(tiles).to_have_count(3)
    expect(tiles.nth(0).locator(".board-card h2")).to_have_text("Hidden dangers open")
    expect(tiles.nth(1).locator("figure canvas")).to_have_count(1)
    expect(tiles.nth(2)).to_contain_text("Look here first")
    # By keyboard: the text goes to the front, grows, and the card opens its settings, where a fixed period is wrong.
    tiles.nth(2).focus()
    page.keyboard.press("Alt+ArrowLeft")
    page.keyboard.press("Alt+ArrowLeft")
    expect(tiles.nth(0)).to_contain_text("Look here first")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    expect(tiles.nth(0)).to_have_class("board-tile tile-text is-w4 is-h2")
    expect(page.locator("[data-compose-said]")).to_have_text("4 twelfths wide, 2 rows high")
    tiles.nth(1).focus()
    page.keyboard.press("Enter")
    page.select_option("#tile-period", "fixed")
    page.fill("[data-fixed]", "2013-99")
    expect(tiles.nth(1)).to_contain_text("2013-99 is no period")
    page.fill("[data-fixed]", "2013-05")
    expect(tiles.nth(1)).to_contain_text("May 2013")
    page.keyboard.press("Escape")
    # With the mouse: the trend is dragged before the card, and the text made wider by its corner.
    grip = tiles.nth(2).locator("[data-tile-grip]").bounding_box()
    onto = tiles.nth(1).bounding_box()
    assert grip
    assert onto
    page.mouse.move(grip["x"] + 8, grip["y"] + 8)
    page.mouse.down()
    page.mouse.move(onto["x"] + 20, onto["y"] + 60, steps=8)
    page.mouse.up()
    expect(tiles.nth(1).locator("figure canvas")).to_have_count(1)
    corner, grid = tiles.nth(0).locator("[data-tile-corner]").bounding_box(), page.locator("#tiles").bounding_box()
    assert corner
    assert grid
    page.mouse.move(corner["x"] + 8, corner["y"] + 8)
    page.mouse.down()
    page.mouse.move(grid["x"] + grid["width"] / 2, corner["y"] + 8, steps=8)
    page.mouse.up()
    expect(tiles.nth(0)).to_have_class("board-tile tile-text is-w6 is-h2")
    person.look()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(lambda url: "/edit/" not in url)
    person.look()
    expect(page.locator("h1")).to_have_text("Board of the test")
    assert page.locator("#tiles [data-tile]").nth(0).inner_text().strip() == "Look here first"
    # Its number opens as many records as it says.
    number = page.locator(".board-number a")
    shown = number.inner_text()
    number.click()
    page.wait_for_url("**/r/dangers/**")
    expect(page.locator(".list-count b")).to_have_text(shown)
    page.go_back()
    page.get_by_role("link", name="Share").click()
    page.get_by_label("Officials of an area").check()
    person.look()
    page.get_by_role("button", name="Share it so").click()
    page.wait_for_url(lambda url: "/share/" not in url)
    address = page.url.replace(person.base, "")
    # A district sees it, with its own numbers, and may not change it.
    other = sign_in("district", "zh-hans", 360)
    other.open(address)
    other.look()
    expect(other.page.locator("h1")).to_have_text("Board of the test")
    expect(other.page.locator("#tiles")).to_contain_text("渝北区")
    expect(other.page.get_by_role("link", name="修改")).to_have_count(0)


def test_an_earlier_state_comes_back(sign_in: Callable[..., Person]) -> None:
    person = sign_in("city", "zh-hans", 360)
    page = person.page
    person.open("/boards/")
    page.get_by_role("button", name="监测预警").click()
    page.wait_for_url("**/edit/")
    person.look()
    before = titles(page)
    page.locator("#tiles [data-tile]").nth(0).focus()
    page.keyboard.press("Delete")
    page.get_by_role("button", name="保存", exact=True).click()
    page.wait_for_url(lambda url: "/edit/" not in url)
    page.get_by_role("link", name="修改").click()
    page.wait_for_url("**/edit/")
    assert titles(page) == before[1:]
    page.get_by_text("历次版本").click()
    page.get_by_role("button", name="恢复到此版").click()
    page.wait_for_load_state()
    assert titles(page) == before


def test_boards_take_turns_on_the_wall_without_leaving_it(sign_in: Callable[..., Person]) -> None:
    person = sign_in("city", "zh-hans", 1920)
    page = person.page
    person.open("/boards/")
    for box in page.locator("input[name=b]").all()[:2]:
        box.check()
    if page.locator("input[name=b]:checked").count() < 2:
        page.get_by_role("button", name="行业情况").click()
        page.wait_for_url("**/edit/")
        person.open("/boards/")
        for box in page.locator("input[name=b]").all()[:2]:
            box.check()
    page.select_option("#wall-seconds", "15")
    page.get_by_role("button", name="将所选看板投到大屏").click()
    page.wait_for_url("**/boards/wall/**")
    person.look()
    first = page.locator("h1").inner_text()
    page.evaluate("window.same = true")
    expect(page.locator("h1")).not_to_have_text(first, timeout=25_000)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("h1")).to_have_text(first)
    assert page.evaluate("window.same") is True
    person.look()
