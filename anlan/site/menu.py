"""The left menu, and the pages that the search finds: registers and named pages, by office."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from anlan.kernel.cases.models import Case
from anlan.kernel.cases.queue import SHOWN
from anlan.kernel.pages import all_pages
from anlan.kernel.registers.declaration import all_registers

from . import assets

GROUPS = {
    "board": pgettext_lazy("menu", "Situation"),
    "plan": _("Safety plan"),
    "papers": _("Official papers"),
    "hazards": pgettext_lazy("menu", "Hidden dangers"),
    "accidents": _("Accidents"),
    "monitoring": _("Monitoring and early warning"),
    "supervision": _("Supervision and coordination"),
    "enforcement": _("Inspection and enforcement"),
    "enterprises": _("Enterprises' own responsibility"),
    "regulators": _("Supervision at the grass roots"),
    "public": _("Safety culture"),
    "parties": _("Organizations and enterprises"),
    "system": _("System"),
}
MOST = 8
"""So many lines of a group stand open; where two or more are left, these fold."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu."""

    title: Any
    url: str
    icon: str
    group: str


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one office."""

    key: str
    title: Any
    entries: tuple[Entry, ...]


def entries(account: Any) -> Iterator[Entry]:
    """Every page that `account` may open: named pages, then cases, then what is kept besides."""
    for page in all_pages():
        if page.open_to(account.role):
            url = reverse(page.name)
            yield Entry(page.title, url, page.icon, page.group)
    for register in sorted(all_registers(), key=lambda one: not issubclass(one.model, Case)):
        if register.policy.may(account, "see"):
            url = f"/r/{register.name}/"
            yield Entry(register.title, url, register.icon, register.group)


def everywhere(account: Any) -> Iterator[Entry]:
    """Every page that `account` may open, those included to which other ways than the menu lead."""
    yield Entry(_("Home"), reverse("home"), "home", "")
    yield from entries(account)
    work = reverse("cases:work")
    for key, title in SHOWN.items():
        yield Entry(title, f"{work}?show={key}", "checks", "")
    yield Entry(_("Notices"), reverse("notices"), "bell", "")
    yield Entry(_("My account"), reverse("account"), "settings", "")
    if account.role == "city":
        yield Entry(_("Background work"), reverse("jobs"), "settings", "")


def html(account: Any, path: str) -> SafeString:
    """The menu of `account` as it stands on every page, with the page at `path` marked."""
    made = _html(account.role, get_language(), len(all_pages()) + len(all_registers()), assets.sprite())
    for url, folded, plain, marked in made.entries:
        if path == url or (url.startswith("/r/") and path.startswith(url)):
            text = made.text.replace(plain, marked, 1)
            return SafeString(text.replace(folded, folded.replace("<details ", "<details open ")) if folded else text)
    return made.text


@dataclass(frozen=True, slots=True)
class _Made:
    """A role's menu with nothing marked; for each entry its address, how the fold begins in which it lies (if it does),
    and how it begins itself, unmarked and marked."""

    text: SafeString
    entries: tuple[tuple[str, str, str, str], ...]


@lru_cache(100)
def _html(role: str, language: str, pages: int, sprite: str) -> _Made:
    # The rights to see are those of a role; a further page or another sprite makes a menu anew.
    parts: list[str] = []
    links: list[tuple[str, str, str, str]] = []
    for group in menu(_Role(role)):
        shown = MOST if len(group.entries) > MOST + 1 else len(group.entries)
        fold = format_html('<details id="menu-more-{}">', group.key)
        lines = []
        for n, entry in enumerate(group.entries):
            plain = format_html('<a href="{}">', entry.url)
            marked = format_html('<a href="{}" aria-current="page">', entry.url)
            links.append((entry.url, fold if n >= shown else "", plain, marked))
            lines.append(format_html("<li>{}{}<span>{}</span></a></li>", plain, assets.icon(entry.icon), entry.title))
        head = format_html('<h2 id="menu-{}">{}</h2><ul aria-labelledby="menu-{}">', group.key, group.title, group.key)
        parts += [head, *lines[:shown]]
        if rest := lines[shown:]:
            more = format_html("<summary>{}</summary>", pgettext_lazy("menu", "More: %(n)s") % {"n": len(rest)})
            parts += ["<li>", fold, more, "<ul>", *rest, "</ul></details></li>"]
        parts.append("</ul>")
    return _Made(SafeString("".join(parts)), tuple(links))


@dataclass(frozen=True, slots=True)
class _Role:
    """Anybody of a role, who has signed in."""

    role: str
    is_authenticated: bool = True


def menu(account: Any) -> list[Group]:
    """The menu of `account`; groups unknown to GROUPS come under System."""
    found = list(entries(account))
    groups = []
    for key, title in GROUPS.items():
        inside = tuple(e for e in found if e.group == key or (key == "system" and e.group not in GROUPS))
        if inside:
            groups.append(Group(key, title, inside))
    return groups
