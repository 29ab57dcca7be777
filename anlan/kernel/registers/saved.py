"""Saved views: a list's filters, sort and columns under a name, and with which one a person opens the list.

The address holds everything: a view's link is its whole query with `view=ID` beside it, so that a link
sent to somebody who cannot see the view still shows the same list. `view=all` is the list without a view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from . import query
from .declaration import Register
from .models import ListDefault, SavedView

MOST = 50
"""Views that one person may keep of one list, and others' views that are offered there."""
LONGEST = 2000
ALL = "all"


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, where there is no request at hand."""

    user: Any


@dataclass(frozen=True, slots=True)
class Views:
    """What stands above a list: `mine` and `others` are the views offered, `current` is the chosen one.

    With `default` the person opens the list. `state` is the list as it now stands; `changed` says that it is no longer
    what `current` keeps.
    """

    mine: list[SavedView]
    others: list[SavedView]
    current: SavedView | None
    default: SavedView | None
    state: str
    changed: bool


def state_of(declared: type[Register], asked: QueryDict) -> str:
    """What of an address makes a view, in one order: filters, search, sort, columns; no page, nothing empty."""
    narrowed = (name for narrowing in query.narrowings for name in narrowing.parameters)
    names = dict.fromkeys((*query.parameters(declared), *narrowed, "q", "sort", "cols"))
    return urlencode([(name, value) for name in names for value in asked.getlist(name) if value])


def address(register: str, view: SavedView) -> str:
    """Where a view's list is."""
    return f"/r/{register}/?" + "&".join(filter(None, (view.query, f"view={view.pk}")))


def offered(declared: type[Register], account: Any, asked: QueryDict) -> Views:
    """The views of a list that the person may choose; one query."""
    rows = SavedView.objects.filter(register=declared.name).filter(Q(account=account.pk) | Q(shared=True))
    opens = ListDefault.objects.filter(account=account.pk, register=declared.name, view=OuterRef("pk"))
    some = rows.annotate(opens=Exists(opens)).order_by("-opens", "name", "pk")[: 2 * MOST]
    found = sorted(some, key=lambda view: (view.name, view.pk))
    state, chosen = state_of(declared, asked), asked.get("view", "")
    current = next((v for v in found if str(v.pk) == chosen), None)
    return Views(
        [v for v in found if v.account_id == account.pk],
        [v for v in found if v.account_id != account.pk],
        current,
        next((v for v in found if v.opens), None),
        state,
        current is not None and current.query != state,
    )


def _named(name: str) -> str:
    name = " ".join(name.replace("\0", "").split())
    if not 1 <= len(name) <= 60:
        raise ValidationError(_("A view's name has 1 to 60 characters."))
    return name


def _keeps(declared: type[Register], account: Any, text: str) -> str:
    """The state that `text` asks for. Raises `BadQuery` for one that cannot be."""
    asked = QueryDict(text[: 2 * LONGEST])
    query.listing(declared, declared.policy.which(account, "see"), asked, Asking(account))
    state = state_of(declared, asked)
    if len(state) > LONGEST:
        raise ValidationError(_("There are too many filters to keep as a view."))
    return state


def _free(declared: type[Register], account: Any, name: str, but: int | None = None) -> None:
    own = SavedView.objects.filter(account=account.pk, register=declared.name)
    if own.filter(name=name).exclude(pk=but).exists():
        words = _("You have a view of this name already. Take another name, or open that view and keep the list in it.")
        raise ValidationError(words)
    if but is None and own.count() >= MOST:
        raise ValidationError(_("You have %(most)s views of this list; remove one first.") % {"most": MOST})


def save(declared: type[Register], account: Any, name: str, text: str, shared: bool) -> SavedView:
    """A new view of one's own. Raises `ValidationError` or `BadQuery`."""
    name, state = _named(name), _keeps(declared, account, text)
    _free(declared, account, name)
    with transaction.atomic():
        return SavedView.objects.create(
            account=account, register=declared.name, name=name, query=state, shared=shared,
            area_code=account.area_code, enterprise_id=account.scope.enterprise,
        )  # fmt: skip


def update(declared: type[Register], account: Any, view: SavedView, text: str) -> None:
    """Lets one's own view keep the list as it now stands."""
    view.query = _keeps(declared, account, text)
    view.save()


def rename(declared: type[Register], account: Any, view: SavedView, name: str, shared: bool) -> None:
    """Another name for one's own view, and whether it is shared."""
    view.name, view.shared = _named(name), shared
    _free(declared, account, view.name, view.pk)
    view.save()


def open_with(declared: type[Register], account: Any, view: SavedView | None) -> None:
    """From now on the person's list opens with `view`, or with everything."""
    mine = {"account": account, "register": declared.name}
    if view is None:
        ListDefault.objects.filter(**mine).delete()
    else:
        ListDefault.objects.update_or_create(**mine, defaults={"view": view})
