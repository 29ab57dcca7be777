"""A rule in a real browser: a fault at its line, mended, tried on history, switched on; and a reading makes it warn."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from anlan.engines.telemetry.journal import Journal, batch_of
from anlan.kernel.clock import BEIJING
from tests.system.house import ROOT, House, free_port

from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]
TEXT = """name: crane-near
title: {zh: 起重力矩偏高, en: Crane's moment is high}
kind: level
programmes: [cranes]
metric: moment_percent
source: 本市设定
levels:
  - {level: yellow, at_least: eighty}
"""
MORNING = datetime(2013, 6, 14, 8, tzinfo=BEIJING)


@pytest.fixture
def gateway(city: House) -> subprocess.Popen[bytes]:
    """What evaluates the journal of the house; the fixture's user ends it."""
    ports = {"ANLAN_JT808_PORT": str(free_port())}
    return subprocess.Popen([sys.executable, "-m", "anlan", "gateway"], cwd=ROOT, env=city.env | ports)


def measured(city: House, device: str, at: datetime, *values: float) -> None:
    """Readings of a crane in the journal of the house, one a minute."""
    journal = Journal(Path(city.folder) / "var/telemetry/journal", "test")
    ts = [int((at + timedelta(minutes=n)).timestamp() * 1000) for n in range(len(values))]
    journal.append(batch_of([device] * len(ts), ["moment_percent"] * len(ts), ts, values, ts[-1]))
    journal.close()


def test_a_rule_is_written_mended_tried_switched_on_and_warns(
    sign_in: Callable[..., Person], city: House, request: pytest.FixtureRequest
) -> None:
    office = sign_in("city")
    page = office.page
    office.open("/r/devices/?programme=cranes")
    device = page.locator("a.row-link").first.inner_text()
    measured(city, device, MORNING - timedelta(days=2), 50, 85, 86, 50, 50)

    office.open("/monitoring/rules/")
    page.click("a[href='/monitoring/rules/new/']")
    page.fill("#id_text", TEXT)
    page.click("button[value=check]")
    fault = page.locator(".rule-faults a")
    expect(fault).to_have_text("第8行")
    expect(page.locator(".rule-faults")).to_contain_text("'eighty'的类型不是number")
    expect(page.locator(".code-lines li.is-wrong")).to_have_count(1)
    fault.click()
    line = page.evaluate("(t => t.value.slice(t.selectionStart, t.selectionEnd))(document.querySelector('#id_text'))")
    assert "eighty" in line
    office.faults = [one for one in office.faults if "422" not in one]  # the browser itself notes the refusal
    office.look()

    page.fill("#id_text", TEXT.replace("eighty", "80"))
    page.click("button[value=check]")
    expect(page.locator(".note-success")).to_contain_text("达到或超过80")
    page.click("button[value=try]")
    expect(page.locator(".rule-times").first).to_contain_text("将预警1次", timeout=60_000)
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text(device)
    office.look()

    page.click("main .page-header a.btn-primary, a.btn-primary[href*='trial=']")
    page.fill("#id_reason", "塔吊事故后加强监测")
    page.click("button[value=save]")
    page.wait_for_url("**/rules/of/crane-near/")
    page.click(".rule-switch summary")
    page.fill("#reason-on", "试算合理，予以启用")
    page.click("button[value=on]")
    expect(page.locator("main")).to_contain_text("已启用")
    office.look()

    process = request.getfixturevalue("gateway")
    try:
        measured(city, device, MORNING, 50, 88)
        for _second in range(90):
            page.goto(f"{office.base}/r/warnings/?view=all&rule=crane-near")
            if page.locator("a.row-link").count():
                break
            page.wait_for_timeout(1000)
    finally:
        process.terminate()
        process.wait(60)
    page.locator("a.row-link").first.click()
    version = page.locator("a[href='/monitoring/rules/of/crane-near/2/']")
    expect(version).to_have_text(re.compile("起重力矩偏高 第2版"))
    version.click()
    expect(page.locator("main")).to_contain_text("试算合理，予以启用")
    office.look()
