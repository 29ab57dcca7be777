"""Warnings in a real browser: one shows by itself on the duty officer's page, sounds, and is dealt with to its end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.system.house import House

from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]

OPEN = """
import sys
import django
django.setup()
from anlan.kernel import cases, clock
from anlan.kernel.cases.lifecycle import PRODUCT
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.monitoring import grouping
from anlan.offices.monitoring.models import Device
from anlan.site.installation import set_clock

set_clock()

with acting(Actor("job", "test"), EVERYWHERE):
    coaches = list(Device.objects.filter(programme="coaches").order_by("pk")[:40])

def opened(coach, rule, level, title):
    device = coaches[int(coach)]
    with acting(Actor("job", "test"), EVERYWHERE):
        cause = grouping.cause_of(device, "level")
        head = grouping.heads_of({cause}).get(cause)
        def prepare(made):
            made.cause_key, made.rule_title, made.rule_title_en = cause, title, "Faster than allowed"
            made.lon, made.lat = round(device.lon, 6), round(device.lat, 6)
            if head is not None:
                grouping.put_under(made, head)
        made = cases.open_case(
            "warning", PRODUCT, prepare=prepare, device=device, rule=rule, programme=device.programme, level=level,
            title=f"{device.name}：{title}", value=131.0, rule_source="《道路交通安全法实施条例》",
            measured_at=clock.now(), area_code=device.area_code, enterprise_id=device.enterprise_id,
            industry_id=device.industry_id, place=device.place,
        )
        if head is not None:
            grouping.lift(head, made)
    return made.number

for line in sys.stdin:
    print(opened(*line.rstrip("\\n").split("|")), flush=True)
"""


class Opener:
    """A process of its own that opens warnings of coaches, as the evaluation does."""

    def __init__(self, house: House) -> None:
        env = {**house.env, "DJANGO_SETTINGS_MODULE": "anlan.site.settings"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", OPEN], env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def open(self, coach: int, rule: str, level: str, title: str) -> str:
        """The number of the new warning; when this returns it is in the database."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{coach}|{rule}|{level}|{title}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)


@pytest.fixture
def opener(city: House) -> Iterator[Opener]:
    made = Opener(city)
    yield made
    made.end()


@pytest.mark.parametrize(("language", "width", "first"), [("zh-hans", 1440, 0), ("en", 360, 10)])
def test_a_warning_shows_by_itself_within_a_second_sounds_and_is_dealt_with(
    opener: Opener, sign_in: Callable[..., Person], language: str, width: int, first: int
) -> None:
    duty = sign_in("duty", language, width)
    page = duty.page
    opener.open(first, "warm", "blue", "试运行")  # its process has loaded what it needs
    with page.expect_response(lambda r: r.url.endswith("/live")):
        duty.open("/monitoring/desk/")
    page.evaluate("window.same = true")
    button = page.locator("[data-alarm]")
    expect(button).to_have_attribute("aria-pressed", "false")  # no page sounds that nobody asked to
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    page.mouse.click(5, 300)  # away from what would be read with the keyboard
    took, number = [], ""
    for n in range(1, 6):
        begun = time.perf_counter()
        number = opener.open(first + n, "overspeed", "red", "超速行驶")
        page.wait_for_selector(f"tr[data-alarm-key='{number} red']")
        took.append(time.perf_counter() - begun)
    print("from before the insert to the browser, seconds:", [round(one, 3) for one in took])
    assert sorted(took)[2] < 1.0, took
    assert page.evaluate("window.same") is True, "nobody loaded the page again"
    assert int(page.evaluate("document.body.dataset.alarmed")) >= 1
    assert page.locator(".toast-card").count() <= 3, "however many come, they hide no page"
    # A second rule of the same coach is the same warning.
    opener.open(first + 5, "terminal-fatigue", "orange", "疲劳驾驶")
    row = page.locator("tr", has_text=number)
    expect(row).to_contain_text("同一原因另有 1 条" if language == "zh-hans" else "1 more of the same cause")
    duty.look()
    # The bell counts it, and says it in words.
    expect(page.locator(".toast-card.is-critical").first).to_contain_text(
        "Red warning" if language == "en" else "红色预警"
    )
    row.locator("a.row-link").click()
    page.wait_for_url("**/c/warning/**")
    expect(page.locator("ol.warning-steps li").first).to_be_visible()
    expect(page.locator("[aria-labelledby='duty-title'] a[href^='tel:']").first).to_be_visible()
    expect(page.locator("[aria-labelledby='under-title'] tbody tr")).to_have_count(1)
    page.evaluate("scrollTo(0, 0)")
    duty.look("main")
    page.click("#move-acknowledge")
    page.click("[data-move='acknowledge'] button[type=submit]")
    page.wait_for_load_state()
    page.click("#move-handle")
    page.fill("[data-move='handle'] textarea", "已通知驾驶人减速，停车休息")
    page.click("[data-move='handle'] button[type=submit]")
    page.wait_for_load_state()
    expect(page.locator("#move-acknowledge")).to_have_count(0)
    expect(page.locator("[aria-labelledby='under-title'] tbody tr")).to_contain_text(
        "已处置" if language == "zh-hans" else "Dealt with"
    )
    duty.look("main")
