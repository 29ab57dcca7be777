"""The situation board in a real browser: map, charts, tables, pictures and sheets, live steps, the command room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import Person
from .test_hidden_danger import photo

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]

PNG = b"\x89PNG"


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 1440), ("en", 360)])
def test_the_board_draws_tells_and_gives_away_its_figures(
    sign_in: Callable[..., Person], tmp_path: Path, language: str, width: int
) -> None:
    person = sign_in("city", language, width)
    person.open("/board/")
    page = person.page
    expect(page.locator("[data-map][data-ready]")).to_have_count(1, timeout=30_000)
    expect(page.locator("figure[data-chart] canvas")).to_have_count(2)
    person.look()
    for name in ("places", "deaths", "industries", "matrix"):
        with page.expect_download() as told:
            page.click(f"#figure-{name} [data-picture]")
        told.value.save_as(tmp_path / "picture")
        drawn = (tmp_path / "picture").read_bytes()
        assert drawn.startswith(PNG)
        assert len(drawn) > 8_000, name
        with page.expect_download() as told:
            page.click(f"#figure-{name} a[download]")
        assert told.value.suggested_filename == f"{name}.csv"
    page.click("#figure-deaths summary")
    expect(page.locator("#table-deaths tbody tr")).to_have_count(12)
    # What the bar at the top half covers is no target of its own: the page is looked at from its top.
    page.evaluate("scrollTo(0, 0)")
    person.look()
    # A number of the map's table opens as many records as it says.
    cell = page.locator("#table-places tr[data-code='500112'] td a").first
    number = cell.inner_text()
    cell.click()
    page.wait_for_url("**/r/dangers/**")
    expect(page.locator("tbody tr")).to_have_count(int(number))
    person.look()


def test_a_step_of_a_case_arrives_without_loading_the_page_again(
    sign_in: Callable[..., Person], tmp_path: Path
) -> None:
    person = sign_in("district")
    with person.page.expect_response(lambda r: r.url.endswith("/live")):
        person.open("/board/")
    page = person.page
    page.evaluate("window.same = true")
    worker = sign_in("enterprise", width=360)
    worker.open("/hazards/report/")
    worker.page.fill("input[name=title]", "消防通道堵塞")
    worker.page.set_input_files("input[name=photo]", photo(tmp_path, "blocked"))
    worker.page.click("main form button")
    worker.page.wait_for_url("**/hazards/report/sent/**")
    expect(page.locator("#board-latest li").first).to_contain_text("消防通道堵塞", timeout=30_000)
    assert page.evaluate("window.same") is True
    person.look()


def test_the_command_room_fits_the_wall(sign_in: Callable[..., Person]) -> None:
    person = sign_in("city", "zh-hans", 3840)
    person.page.set_viewport_size({"width": 3840, "height": 2160})
    person.open("/board/wall/")
    page = person.page
    expect(page.locator("[data-map][data-ready]")).to_have_count(1, timeout=60_000)
    assert page.evaluate("document.documentElement.scrollHeight") <= 2160
    person.look()
