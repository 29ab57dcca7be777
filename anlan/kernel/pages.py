"""Pages that are not registers, as the menu and the search know them.

An app names its own in `<app>/pages.py`, which is read once all apps are loaded:

    page("plan:clauses", _("Clause table"), icon="list-tree", group="plan")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its URL name (reversed without arguments), its title and for whom it is.

    For the roles `calls` the home page begins with it: `call` says there in a sentence what it is for.
    """

    name: str
    title: str | _StrPromise
    icon: str
    group: str
    roles: frozenset[str] | None
    call: str | _StrPromise = ""
    calls: frozenset[str] = frozenset()

    def open_to(self, role: str) -> bool:
        """Whether the menu of `role` shows it (the view checks its own rights)."""
        return self.roles is None or role in self.roles


_pages: dict[str, Page] = {}


def page(
    name: str, title: str | _StrPromise, *, icon: str, group: str, roles: Iterable[str] | None = None,
    call: str | _StrPromise = "", calls: Iterable[str] = (),
) -> Page:  # fmt: skip
    """Names a page for the menu and the search; `roles` None is for everybody who signed in.

    Raises ValueError where another page has that name already.
    """
    made = Page(name, title, icon, group, None if roles is None else frozenset(roles), call, frozenset(calls))
    if _pages.setdefault(name, made) != made:
        raise ValueError(f"two pages are called {name}")
    return made


def calls(role: str) -> list[Page]:
    """The pages with which the home page of `role` begins."""
    return [one for one in _pages.values() if role in one.calls and one.open_to(role)]


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of a person's own on the home page, which opens the records behind it."""

    title: str | _StrPromise
    number: int
    url: str


_tiles: list[Callable[[Any], Tile | None]] = []


def tile(made: Callable[[Any], Tile | None]) -> Callable[[Any], Tile | None]:
    """Decorator: `made` gives an account's tile for the home page, or None where it has none."""
    _tiles.append(made)
    return made


def tiles(account: Any) -> list[Tile]:
    """The account's tiles, in the order in which the apps declare them."""
    return [shown for made in _tiles if (shown := made(account)) is not None]


def all_pages() -> tuple[Page, ...]:
    """Every page, in the order in which they were named."""
    return tuple(_pages.values())
