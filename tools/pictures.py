"""`make pictures`: the pictures of the README, taken from the demonstration city that is running here.

make run        # in one terminal
make pictures   # in another: writes docs/pictures/NAME.LANGUAGE.png
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
VAR = Path(os.environ.get("ANLAN_HOME") or ROOT) / "var"
OUT = ROOT / "docs" / "pictures"
BASE = f"http://127.0.0.1:{os.environ.get('ANLAN_PORT', '8000')}"
LANGUAGES = ("zh-hans", "en")


@dataclass(frozen=True)
class Picture:
    """One page as one user sees it. `click` is followed first, for pages without a lasting address."""

    name: str
    user: str
    path: str
    width: int = 1360
    height: int = 850
    wait: int = 600
    """Milliseconds until charts, fonts and maps have settled."""
    click: str = ""


PICTURES = (
    Picture("home", "district", "/"),
    Picture("case", "district", "/hazards/majors/", click='a:text("防火堤")'),
    Picture("accident", "duty", "/c/?show=mine", click='.work a:has-text("6·14")'),
    Picture("clauses", "city", "/plan/clauses/"),
    Picture("map", "duty", "/monitoring/map/wall/", wait=6_000),
    Picture("phone", "enterprise", "/", width=390, height=844),
)


def take(browser: Browser, picture: Picture, language: str, password: str) -> bytes:
    """The picture as PNG."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        locale="zh-CN" if language == "zh-hans" else "en",
        device_scale_factor=2 if picture.width < 600 else 1,
    )
    page = context.new_page()
    page.goto(f"{BASE}/sign-in/")
    page.fill("input[name=username]", picture.user)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    other = page.locator(f'button[name="language"][value="{language}"]')
    if other.count():
        with page.expect_navigation():
            other.first.evaluate("button => button.click()")
    page.goto(BASE + picture.path)
    if picture.click:
        with page.expect_navigation():
            page.locator(picture.click).first.click()
    page.wait_for_load_state()
    page.wait_for_timeout(picture.wait)
    made = page.screenshot()
    context.close()
    return made


def main() -> int:
    chromium = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
    if chromium is None:
        print("no Chromium on this machine", file=sys.stderr)
        return 2
    password = (VAR / "demo-password").read_text().strip()
    OUT.mkdir(parents=True, exist_ok=True)
    flags = ["--disable-background-networking", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    wanted = set(sys.argv[1:])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for picture in PICTURES:
            if wanted and picture.name not in wanted:
                continue
            for language in LANGUAGES:
                image = Image.open(BytesIO(take(browser, picture, language, password))).convert("RGB")
                target = OUT / f"{picture.name}.{language}.png"
                # Few colours, so a palette loses nothing that one sees and saves two thirds.
                image.quantize(192, dither=Image.Dither.NONE).save(target, optimize=True)
                print(f"{target.relative_to(ROOT)} {target.stat().st_size // 1024} KB")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
