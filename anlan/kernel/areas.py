"""Division codes and their names, for the kernel: the table itself belongs to the parties."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Q

from .scope import area_prefix, upper_bound

LON, LAT = (73, 136), (3, 54)
"""Degrees of longitude and latitude between which the country lies."""


def tier_of(code: str) -> int:
    """The tier that a 12-digit code says: 1 city, 2 district, 3 township, 4 village."""
    if code.endswith("0" * 10):
        return 1
    return 2 if code.endswith("0" * 6) else 3 if code.endswith("000") else 4


def divisions() -> models.QuerySet[Any]:
    """The table of divisions (setting `ANLAN_DIVISION_MODEL`): `code`, `name`, `tier`, `pinyin`."""
    return apps.get_model(settings.ANLAN_DIVISION_MODEL)._default_manager.all()


def names(codes: Iterable[str], between: str = "") -> dict[str, str]:
    """Names of divisions in one query, with the district before a township or village: 渝北区龙兴镇.

    `between` stands between the parts.
    """
    wanted = {code for code in codes if code}
    ancestors = {code[:n].ljust(12, "0") for code in wanted for n in (6, 9)}
    known = dict(divisions().filter(code__in=wanted | ancestors).values_list("code", "name"))

    def whole(code: str) -> str:
        parts = dict.fromkeys([code[:6].ljust(12, "0"), code[:9].ljust(12, "0"), code])
        # The city itself is the beginning of everything and says nothing.
        return between.join(known[p] for p in parts if p in known and not (p.endswith("0" * 10) and p != code)) or code

    return {code: whole(code) for code in wanted}


class NoDivision(ValueError):
    """No division has that code; the text says which."""


def whole(given: str = "") -> tuple[str, int]:
    """The code of a division as it is typed, with or without the zeros at its end, and the tier; without one the
    city's. Raises `NoDivision`."""
    asked = divisions().filter(code=given.ljust(12, "0")) if given else divisions().filter(tier=1).order_by("code")
    found: tuple[str, int] | None = asked.values_list("code", "tier").first()
    if found is None:
        raise NoDivision(f"--area {given}: there is no such division" if given else "there are no divisions yet")
    return found


def there(on: date) -> models.QuerySet[Any]:
    """The divisions that were in force on that day."""
    known: Any = divisions()
    found: models.QuerySet[Any] = known.at(on)
    return found


def moved(on: date) -> dict[str, str]:
    """How codes of any time become those of the divisions of that day, by prefix: what was merged by then is its
    successor, what was not yet there its predecessor. What was made of several stays: nobody can tell them apart in it.
    """
    ends: dict[str, tuple[date | None, str]] = {}
    came: dict[str, set[str]] = {}
    begins: dict[str, date] = {}
    rows = divisions().filter(Q(successor__isnull=False) | Q(predecessors__isnull=False)).distinct()
    for code, begun, ended, successor in rows.values_list("code", "valid_from", "valid_to", "successor_id"):
        if begun is not None:
            begins[code] = begun
        if successor is not None:
            ends[code] = ended, successor
            came.setdefault(successor, set()).add(code)
    found = {}
    for code in ends.keys() | came.keys():
        now, seen = code, {code}
        while now in ends and (ended := ends[now][0]) is not None and ended <= on and ends[now][1] not in seen:
            now = ends[now][1]
            seen.add(now)
        while now in begins and begins[now] > on and len(before := came.get(now, set()) - seen) == 1:
            (now,) = before
            seen.add(now)
        if now != code:
            found[area_prefix(code)] = area_prefix(now)
    return found


def within(prefix: str, field: str = "area_code") -> models.Q:
    """Rows whose code in `field` begins with `prefix`, as an index range."""
    return models.Q(**{f"{field}__gte": prefix, f"{field}__lt": upper_bound(prefix)})
