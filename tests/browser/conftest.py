"""One whole product with the demonstration city, and a real Chromium that fails on what a person would trip over."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import polib
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, sync_playwright

from tests.system.house import ROOT, House

AXE = ROOT / "anlan/site/frontend/node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of its own with the demonstration loaded."""
    house = House(tmp_path_factory.mktemp("city"))
    house.env["ANLAN_DEMO"] = "1"
    house.start()
    yield house
    house.end()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for one file: while Playwright's loop runs, Django takes the process for asynchronous."""
    path = next(p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name)))
    flags = ["--disable-background-networking", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    playwright: Playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@cache
def words() -> tuple[list[str], list[str]]:
    """Messages that are plainly English and, for them, plainly Chinese: what must not stand on the other's page."""
    english, chinese = [], []
    for file in sorted((ROOT / "anlan").rglob("locale/zh_Hans/LC_MESSAGES/django.po")):
        for entry in polib.pofile(str(file)):
            if "%" not in entry.msgid and entry.msgid.count(" ") >= 1 and len(entry.msgid) > 8:
                english.append(entry.msgid)
                if len(re.findall(r"[\u4e00-\u9fff]", entry.msgstr)) >= 6:
                    chinese.append(entry.msgstr)
    return english, chinese


class Person:
    """Somebody at a browser. Every page opened is looked at: console, language, accessibility."""

    def __init__(self, browser: Browser, house: House, username: str, language: str, width: int = 1440) -> None:
        self.house, self.language = house, language
        self.base = f"http://127.0.0.1:{house.port}"
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, locale="zh-CN" if language == "zh-hans" else "en"
        )
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.foreign = words()[0 if language == "zh-hans" else 1]
        self.context.add_cookies([{"name": "django_language", "value": language, "url": self.base}])
        self.open("/sign-in/")
        password = (house.folder / "var/demo-password").read_text().strip()
        self.page.fill("input[name=username]", username)
        self.page.fill("input[name=password]", password)
        self.page.press("input[name=password]", "Enter")
        self.page.wait_for_url(lambda url: "/sign-in/" not in url)
        # The account remembers the language of its last visit; the button offers the other one.
        other = self.page.locator(f'button[name="language"][value="{language}"]')
        if other.count():
            other.first.click()
            self.page.wait_for_load_state()
        self.look()

    def _console(self, message: ConsoleMessage) -> None:
        # What a driver without a graphics card says of its own slowness is no fault of the page.
        if message.type in ("error", "warning") and "GL Driver Message" not in message.text:
            self.faults.append(f"console: {message.text}")

    def open(self, path: str) -> None:
        answer = self.page.goto(self.base + path)
        assert answer is not None
        assert answer.status < 400, f"{path}: {answer.status}"
        self.look()

    def look(self, part: str = "html") -> None:
        """Fails on a console error, a string of the other language, or an axe-core violation (WCAG 2.2 A, AA).

        `part` is the part of the page at which axe-core looks.
        """
        assert not self.faults, f"{self.page.url}: {self.faults}"
        # The name of a law stays Chinese on an English page, and says so (WCAG 3.1.2): it is no untranslated string.
        text = self.page.evaluate(
            """() => {
                const own = document.documentElement.lang;
                const parts = [...document.querySelectorAll("body [lang]")].filter(e => e.lang !== own);
                for (const part of parts) part.hidden = true;
                const text = document.body.innerText;
                for (const part of parts) part.hidden = false;
                return text;
            }"""
        )
        assert not [w for w in self.foreign if w in text], f"{self.page.url}: {[w for w in self.foreign if w in text]}"
        self.page.evaluate(AXE.read_text())
        found: Any = self.page.evaluate(
            "async (part) => (await axe.run(part, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa']}))"
            ".violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join('; '))",
            part,
        )
        assert not found, f"{self.page.url}: {found}"

    def look_at_refusal(self) -> None:
        """As `look`, after a refused form: the browser itself reports the 422, or the 409, on its console."""
        self.page.wait_for_selector("[data-error-summary]")
        self.faults = [fault for fault in self.faults if "422" not in fault and "409" not in fault]
        self.look()

    def picture(self, folder: Path, name: str) -> None:
        self.page.screenshot(path=str(folder / f"{name}.png"), full_page=True)

    def leave(self) -> None:
        self.context.close()


@pytest.fixture
def sign_in(chromium: Browser, city: House) -> Iterator[Callable[..., Person]]:
    """Signs one of the eight users in, in a language and at a width."""
    people: list[Person] = []

    def enter(username: str, language: str = "zh-hans", width: int = 1440) -> Person:
        people.append(Person(chromium, city, username, language, width))
        return people[-1]

    yield enter
    for person in people:
        person.leave()
