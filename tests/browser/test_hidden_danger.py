"""The hidden-danger case from end to end, by three people, in both languages, in a real browser."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("browser")]
USERS = ("city", "department", "district", "township", "village", "inspector", "enterprise", "duty")


def photo(folder: Path, name: str) -> str:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "PNG")
    (folder / f"{name}.png").write_bytes(out.getvalue())
    return str(folder / f"{name}.png")


def act(person: Person, move: str, fields: dict[str, str], files: dict[str, str] | None = None) -> None:
    """Fills in one move's form on the case page and sends it."""
    form = f'form[action$="/{move}/"]'
    opener = person.page.locator(f"details:has({form})")
    # The form may lie in a step that is folded away among others.
    opener.evaluate_all("folds => folds.forEach(fold => { fold.open = true })")
    for name, value in fields.items():
        control = person.page.locator(f'{form} [name="{name}"]')
        if control.evaluate("e => e.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
    for name, path in (files or {}).items():
        person.page.set_input_files(f'{form} [name="{name}"]', path)
    person.page.click(f"{form} button[type=submit], {form} button:not([type])")
    person.page.wait_for_load_state()
    person.look()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_from_finding_to_acceptance(sign_in: Callable[..., Person], tmp_path: Path, language: str) -> None:
    worker = sign_in("enterprise", language, width=360)
    worker.open("/hazards/report/")
    worker.page.fill("input[name=title]", "配电箱门损坏")
    worker.page.set_input_files("input[name=photo]", photo(tmp_path, "before"))
    worker.page.click("main form button")
    worker.page.wait_for_url("**/hazards/report/sent/**")
    worker.look()
    worker.page.click('main a[href^="/c/danger/"]')
    worker.page.wait_for_url("**/c/danger/**")
    worker.look()
    address = worker.page.url.removeprefix(worker.base)

    officer = sign_in("district", language)
    officer.open(address)
    act(officer, "verify", {"grade": "general"})
    officer.open(address)
    act(
        officer,
        "plan",
        {
            "measures": "更换箱门",
            "responsible": "李四",
            "money": "300",
            "rectify_by": "2013-07-01",
            "contingency": "停电",
        },
    )

    worker.open(address)
    act(worker, "rectify", {"result": "已更换"}, {"after": photo(tmp_path, "after")})

    officer.open(address)
    act(officer, "accept", {}, {"on_site": photo(tmp_path, "site")})
    officer.open(address)
    assert officer.page.locator("text=/验收销号|Accepted and closed/").count()
    officer.open("/r/dangers/")
    officer.page.click("tbody a >> nth=0")
    officer.page.wait_for_url("**/c/danger/**")


@pytest.mark.parametrize(("username", "language"), [*zip(USERS, ("zh-hans", "en") * 4, strict=True)])
def test_each_of_the_eight_finds_home_and_lists_in_order(
    sign_in: Callable[..., Person], username: str, language: str
) -> None:
    person = sign_in(username, language)
    for path in ("/", "/board/", "/r/dangers/", "/r/enterprises/", "/r/divisions/"):
        person.open(path)
