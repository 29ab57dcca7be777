"""Cases that came out of one another: a warning that became a hidden danger, an accident that a warning foretold.

Offices do not know each other. A kind says by `becomes` what may come out of it, another by `page` where one of it is
opened; the case's page leads there with `?from=kind:number`, and the page links what it opened. Each of the two knows
the other, in its own scope; who may not see the other one reads nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.urls import reverse

from anlan.kernel import clock

from . import engine
from .lifecycle import Person, lifecycle, may_see
from .models import BECAME, Case, CaseLink


@dataclass(frozen=True, slots=True)
class Linked:
    """A case that this one came out of (`came_from`), or that came out of this one."""

    singular: Any
    number: str
    title: str
    state: str
    url: str
    came_from: bool


@dataclass(frozen=True, slots=True)
class Way:
    """A page on which something is opened out of a case."""

    singular: Any
    icon: str
    url: str


def origin(said: Any, account: Person) -> Case | None:
    """The case that `kind:number` names, as an address or a hidden field says it; None where the reader sees none."""
    kind, _sep, number = str(said or "").partition(":")
    declared = lifecycle(kind)
    if declared is None or not declared.becomes or not may_see(account, declared):
        return None
    return declared.model.numbered(number[:60])


def named(case: Case) -> str:
    """A case as `origin` reads it."""
    return f"{case.kind}:{case.number}"


def link(came_from: Case, made: Case, by: Person) -> None:
    """Ties the two together, once, and says so in the history of the first."""
    with transaction.atomic():
        source = type(came_from)._default_manager.select_for_update(of=("self",)).get(pk=came_from.pk)
        if CaseLink.of(source).filter(other_kind=made.kind, other_id=made.pk).exists():
            return
        for one, other, came in ((source, made, False), (made, source, True)):
            CaseLink.objects.create(
                **CaseLink.keys(one), other_kind=other.kind, other_id=other.pk, came_from=came, by_id=by.pk
            )
        source.save()
        facts = {"number": made.number, **made.titles()}
        engine.enter(source, BECAME, source.state, by, facts, clock.now())


def ways(case: Case, account: Any) -> list[Way]:
    """What the reader may open out of the case."""
    kinds = [found for name in case.lifecycle.becomes if (found := lifecycle(name)) is not None]
    asked = urlencode({"from": named(case)})
    return [
        Way(one.singular, one.icon, f"{reverse(one.page)}?{asked}")
        for one in kinds if one.page and account.role in one.open_by
    ]  # fmt: skip


def shown(case: Case, account: Person) -> list[Linked]:
    """What the case is linked with, as far as the reader sees it; one query for each kind."""
    by_kind: dict[str, dict[int, CaseLink]] = {}
    for one in CaseLink.of(case).order_by("id"):
        by_kind.setdefault(one.other_kind, {})[one.other_id] = one
    found = []
    for kind, links in by_kind.items():
        declared = lifecycle(kind)
        if declared is None or not may_see(account, declared):
            continue
        for pk, other in declared.model._default_manager.in_bulk(list(links)).items():
            url = other.get_absolute_url()
            made = Linked(
                declared.singular, other.number, other.get_title(), other.state_title, url, links[pk].came_from
            )
            found.append(made)
    return sorted(found, key=lambda one: not one.came_from)
