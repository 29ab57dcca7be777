"""Pages that are not registers, as the menu and the search know them.

An app names its own in `<app>/pages.py`, which is read once all apps are loaded:

    page("plan:clauses", _("Clause table"), icon="list-tree", group="plan")
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its URL name (reversed without arguments), its title and for whom it is."""

    name: str
    title: str | _StrPromise
    icon: str
    group: str
    roles: frozenset[str] | None

    def open_to(self, role: str) -> bool:
        """Whether the menu of `role` shows it (the view checks its own rights)."""
        return self.roles is None or role in self.roles


_pages: dict[str, Page] = {}


def page(name: str, title: str | _StrPromise, *, icon: str, group: str, roles: Iterable[str] | None = None) -> Page:
    """Names a page for the menu and the search; `roles` None is for everybody who signed in.

    Raises ValueError where another page has that name already.
    """
    made = Page(name, title, icon, group, None if roles is None else frozenset(roles))
    if _pages.setdefault(name, made) != made:
        raise ValueError(f"two pages are called {name}")
    return made


def all_pages() -> tuple[Page, ...]:
    """Every page, in the order in which they were named."""
    return tuple(_pages.values())
