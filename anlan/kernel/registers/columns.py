"""Which columns a list shows, and in what order: `cols=name,staff` in its address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from .declaration import Register
from .problems import BadQuery


def chosen(declared: type[Register], asked: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that an address asks for; the declared ones where it asks for none. Raises `BadQuery`."""
    text = str(asked.get("cols") or "")
    if not text:
        return tuple(declared.columns)
    names, known = text.split(","), set(declared.choosable())
    if len(set(names)) < len(names) or not known.issuperset(names):
        raise BadQuery("cols", _("The list has no such columns."))
    return tuple(names)


def picked(declared: type[Register], asked: QueryDict) -> str:
    """The value of `cols` after the form of columns was sent: ticked ones in their order, one moved up or down.

    Empty where the choice is the declared one, or nothing is ticked.
    """
    known = set(declared.choosable())
    names = list(dict.fromkeys(n for n in asked.getlist("col") if n in known))
    for parameter, step in (("up", -1), ("down", 1)):
        name = asked.get(parameter)
        if name in names:
            at = names.index(name)
            to = min(max(at + step, 0), len(names) - 1)
            names.insert(to, names.pop(at))
    return "" if names == list(declared.columns) else ",".join(names)
