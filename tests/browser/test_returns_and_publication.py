"""Returns signed and seen as missing, majors published and read by anybody: in a real browser, both languages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]
PAGES = ("/hazards/returns/", "/hazards/returns/?by=industry", "/hazards/returns/enterprises/?state=none",
         "/hazards/majors/", "/hazards/majors/?only=published", "/hazards/listed/", "/hazards/report/")  # fmt: skip


@pytest.mark.parametrize(("width", "language"), [(360, "zh-hans"), (1440, "en")])
def test_lists_and_papers_of_the_office_are_in_order(sign_in: Callable[..., Person], language: str, width: int) -> None:
    person = sign_in("city", language, width=width)
    for path in PAGES:
        person.open(path)
    for path in ("/hazards/majors/?only=stopped", "/hazards/majors/?only=listed"):
        person.open(path)
        for paper in ("order", "separate-report"):
            link = person.page.locator(f'main a[href*="/hazards/{paper}/"]')
            if link.count():
                person.open(str(link.first.get_attribute("href")))
                person.open(path)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_an_enterprise_corrects_its_return_with_its_password(sign_in: Callable[..., Person], language: str) -> None:
    person = sign_in("enterprise", language, width=360)
    person.open("/hazards/returns/")
    person.open("/hazards/returns/2013Q1/?correct")
    page = person.page
    if page.locator("[name=reason]").count():
        page.fill("[name=reason]", "漏报一项")
    page.fill("[name=general_found]", "7")
    page.check("[name=signed]")
    page.fill("[name=password]", "wrong")
    page.click("main form button:not([type])")
    person.look_at_refusal()
    page.fill("[name=password]", (person.house.folder / "var/demo-password").read_text().strip())
    page.check("[name=signed]")
    page.click("main form button:not([type])")
    page.wait_for_url(lambda url: url.endswith("/2013Q1/"))
    person.look()
    assert page.locator("table td", has_text="7").count()


@pytest.mark.parametrize(("path", "language"), [("/public/dangers/", "zh-hans"), ("/public/dangers/en/", "en")])
def test_anybody_reads_the_published_dangers(
    chromium: Browser, sign_in: Callable[..., Person], path: str, language: str
) -> None:
    person = sign_in("city", language)  # brings the house and the words of either language
    person.context.clear_cookies()
    person.open(path)
    assert person.page.locator("table.rows tbody tr").count() > 3
