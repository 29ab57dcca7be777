"""The left menu and the pages that the search finds: registers and named pages, by office."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.kernel.pages import all_pages
from anlan.kernel.registers.declaration import all_registers

GROUPS = {
    "board": pgettext_lazy("menu", "Situation"),
    "plan": _("Safety plan"),
    "hazards": pgettext_lazy("menu", "Hidden dangers"),
    "accidents": _("Accidents"),
    "parties": _("Organizations and enterprises"),
    "system": _("System"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu."""

    title: Any
    url: str
    icon: str
    group: str
    current: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one office."""

    key: str
    title: Any
    entries: tuple[Entry, ...]


def entries(account: Any, path: str = "") -> Iterator[Entry]:
    """Every page that `account` may open, named pages before registers."""
    for page in all_pages():
        if page.open_to(account.role):
            url = reverse(page.name)
            yield Entry(page.title, url, page.icon, page.group, path == url)
    for register in all_registers():
        if register.policy.may(account, "see"):
            url = f"/r/{register.name}/"
            yield Entry(register.title, url, register.icon, register.group, path.startswith(url))


def menu(account: Any, path: str) -> list[Group]:
    """The menu of `account`, with the page at `path` marked; groups unknown to GROUPS come under System."""
    found = list(entries(account, path))
    groups = []
    for key, title in GROUPS.items():
        inside = tuple(e for e in found if e.group == key or (key == "system" and e.group not in GROUPS))
        if inside:
            groups.append(Group(key, title, inside))
    return groups
