"""The built front end: which hashed file stands for which source.

`make run` and `make test` build it (`npm run build` in `anlan/site/frontend`); Vite writes
`static/dist/manifest.json`, which is read here once, or again whenever it changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString

DIST = Path(__file__).resolve().parent / "static" / "dist"


class NotBuilt(RuntimeError):
    """The front end has not been built, or does not hold what a page asks for."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a page needs for one entry: URLs of its script and of its style sheets."""

    script: str
    styles: tuple[str, ...]


@lru_cache(maxsize=4)
def _read(path: Path, changed_ns: int) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest


@lru_cache(maxsize=1)
def _lately(path: Path, second: int) -> dict[str, Any]:
    return _read(path, path.stat().st_mtime_ns)


def manifest() -> dict[str, Any]:
    """Vite's manifest, as it was at most a second ago; raises NotBuilt where there is none."""
    # A page asks for some sixty icons: each need not look at the file again.
    path = DIST / "manifest.json"
    try:
        return _lately(path, int(monotonic()))
    except FileNotFoundError:
        raise NotBuilt(
            "the front end is not built: run `make run`, or `npm ci && npm run build` in anlan/site/frontend"
        ) from None


def _entry(source: str) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = manifest()[source]
    except KeyError:
        raise NotBuilt(f"the front end has no {source}: build it again") from None
    return entry


def _url(file: str) -> str:
    return f"{settings.STATIC_URL}dist/{file}"


def bundle(source: str) -> Bundle:
    """The hashed files of an entry such as `src/main.ts`, its imports' style sheets included."""
    styles: list[str] = []
    seen: set[str] = set()

    def collect(key: str) -> None:
        if key in seen:
            return
        seen.add(key)
        entry = _entry(key)
        for imported in entry.get("imports", ()):
            collect(imported)
        styles.extend(entry.get("css", ()))

    collect(source)
    return Bundle(_url(_entry(source)["file"]), tuple(_url(file) for file in dict.fromkeys(styles)))


def sprite() -> str:
    """The URL of the icon sprite."""
    return _url(_entry("icons")["file"])


def icon(name: str, css: str = "") -> SafeString:
    """The element that shows an icon of the sprite."""
    return _icon(name, css, sprite())


@lru_cache(1000)
def _icon(name: str, css: str, sprite: str) -> SafeString:
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>', css, sprite, name
    )
