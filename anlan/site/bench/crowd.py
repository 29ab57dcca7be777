"""Two hundred people of every role and tier, signed in, and what each of them looks at in a day.

They are made in a demonstration only, as `make bench` has one of its own: where people work they would be strangers
with a key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import click
from django.conf import settings
from django.test import Client

from anlan.kernel import areas
from anlan.kernel.models import Installation
from anlan.kernel.scope import EVERYWHERE, Actor, acting, area_prefix

PEOPLE = 200
SEED = 20130614
_ACTOR = Actor("command", "anlan bench")
# How many of each hundred, and at which tier of division they sit.
SHARES = {"city": 3, "duty": 3, "department": 6, "district": 32, "inspector": 16, "township": 20, "village": 8}
TIERS = {"city": 1, "duty": 1, "department": 1, "district": 2, "inspector": 2, "township": 3, "village": 4}


class RealPeople(click.ClickException):
    """The installation is no demonstration: nobody is invented there, and nobody signed in."""


@dataclass
class Visitor:
    """A signed-in person: the session, and by kind of page the addresses that lie in the person's scope."""

    account: Any
    session: str
    pages: dict[str, list[str]] = field(default_factory=dict)

    @property
    def cookie(self) -> str:
        """What the browser sends."""
        return f"{settings.SESSION_COOKIE_NAME}={self.session}; {settings.LANGUAGE_COOKIE_NAME}=zh-hans"


@cache
def crowd() -> list[Visitor]:
    """The people, the same at every run."""
    rng = Random(SEED)  # noqa: S311 - no secret
    with acting(_ACTOR, EVERYWHERE):
        if not Installation.objects.filter(demonstration=True).exists():
            raise RealPeople("pages are measured in a demonstration only, for which people are made; say `make bench`")
        visitors = [_signed_in(account) for account in _accounts(rng)]
    for visitor in visitors:
        with acting(visitor.account.actor, visitor.account.scope):
            visitor.pages = _pages(visitor.account, rng)
    return visitors


def _accounts(rng: Random) -> list[Any]:
    from anlan.parties.models import Account, Division, Enterprise, Industry

    names = [f"bench-{number:03}" for number in range(PEOPLE)]
    known = {a.username: a for a in Account.objects.filter(username__in=names).select_related("enterprise")}
    codes = {tier: list(Division.objects.filter(tier=tier).order_by("code")) for tier in (1, 2, 3, 4)}
    industries = list(Industry.objects.order_by("code"))
    first = Enterprise.objects.order_by("pk").values_list("pk", flat=True)[0]
    last = Enterprise.objects.order_by("-pk").values_list("pk", flat=True)[0]
    roles = [role for role, share in SHARES.items() for _ in range(share * PEOPLE // 100)]
    made = []
    for number, name in enumerate(names):
        if name in known:
            made.append(known[name])
            continue
        role = roles[number] if number < len(roles) else "enterprise"
        if role == "enterprise":
            own = Enterprise.objects.filter(pk__gte=rng.randint(first, last)).order_by("pk")[0]
            account = Account(username=name, name=name, role=role, area_code=own.area_code, enterprise=own)
        else:
            division = rng.choice(codes[TIERS[role]])
            own_industry = [rng.choice(industries).code] if role == "department" else None
            account = Account(username=name, name=name, role=role, area_code=division.code, industries=own_industry)
        account.set_unusable_password()
        account.save()
        made.append(account)
    return made


def _signed_in(account: Any) -> Visitor:
    browser = Client()
    browser.force_login(account)
    assert browser.session.session_key
    return Visitor(account, browser.session.session_key)


def _pages(account: Any, rng: Random) -> dict[str, list[str]]:
    """By kind of page, addresses in the account's scope; kinds for which it holds nothing are left out."""
    from anlan.offices.accidents.models import Accident
    from anlan.offices.hazards.models import Danger
    from anlan.parties.models import Enterprise, Industry

    def some(model: Any, number: int = 12, **narrowed: Any) -> list[Any]:
        rows = model.objects.filter(areas.within(area_prefix(account.area_code), "area_code"), **narrowed)
        found = list(rows.order_by()[: number * 8])
        return rng.sample(found, min(number, len(found)))

    enterprises, dangers, accidents = some(Enterprise), some(Danger), some(Accident, 4)
    below = areas.divisions().filter(areas.within(area_prefix(account.area_code), "code"))
    codes = list(below.order_by("code").values_list("code", flat=True)[:2000])
    within = rng.sample(codes, min(4, len(codes)))
    industry = [one.code for one in Industry.objects.order_by("code")]

    def addresses(register: str, *queries: dict[str, Any]) -> list[str]:
        return [f"/r/{register}/?{urlencode(query)}" for query in queries]

    pages: dict[str, list[str]] = {
        "home": ["/"],
        "work": ["/c/?show=mine", "/c/?show=overdue", "/c/?show=others"],
        "list": addresses(
            "enterprises", {"sort": "name"}, {"sort": "-staff"}, {"sort": "credit_code"},
        ) + addresses("dangers", {"sort": "-opened_at"}, {"sort": "due_at"}, {"sort": "number"})
        + addresses("accidents", {"sort": "-occurred_at"}, {"sort": "-deaths"}),
        "filter": addresses(
            "enterprises",
            *({"area_code": code, "status": "operating"} for code in within),
            {"industry": rng.choice(industry), "high_hazard": "true"},
            {"above_scale": "true", "sort": "-staff"},
        ) + addresses(
            "dangers",
            *({"area_code": code, "state": "rectifying"} for code in within),
            {"grade": "major", "sort": "due_at"},
            {"source": "selfcheck", "found_at_from": "2013-01-01"},
            {"industry": rng.choice(industry), "found_at_from": "2012-01-01", "found_at_to": "2012-12-31"},
        ),
        "record": [f"/r/enterprises/{one.pk}/" for one in enterprises],
        "case": [f"/c/danger/{quote(one.number)}/" for one in dangers]
        + [f"/c/accident/{quote(one.number)}/" for one in accidents],
        "search": [f"/r/enterprises/?{urlencode({'q': one.name[:6]})}" for one in enterprises[:4]]
        + [f"/r/dangers/?{urlencode({'q': one.number[:8]})}" for one in dangers[:4]],
        "ctrl-k": [f"/search?{urlencode({'q': q})}" for one in enterprises[:6] for q in (one.name[:5], one.pinyin[:4])],
        "board": ["/board/"] if account.role not in ("village", "enterprise") else [],
        "api": ["/api/v1/dangers?limit=50&sort=-opened_at", "/api/v1/enterprises?limit=50"],
    }  # fmt: skip
    return {kind: found for kind, found in pages.items() if found}


MIX = {"home": 12, "work": 14, "list": 12, "filter": 14, "record": 10, "case": 16, "search": 6, "ctrl-k": 8, "board": 4,
       "api": 4}  # fmt: skip
"""Of a hundred requests in a working day, how many are for each kind of page."""


def day(visitor: Visitor, rng: Random, number: int) -> list[tuple[str, str]]:
    """So many requests of the visitor's day: kind and address."""
    kinds = [kind for kind in MIX if kind in visitor.pages]
    chosen = rng.choices(kinds, [MIX[kind] for kind in kinds], k=number)
    return [(kind, rng.choice(visitor.pages[kind])) for kind in chosen]


def of_kind(kind: str, number: int) -> list[tuple[Visitor, str]]:
    """So many different requests for one kind of page, spread over roles and tiers; the same at every run."""
    rng = Random(SEED)  # noqa: S311 - no secret
    having = [v for v in crowd() if kind in v.pages]
    rng.shuffle(having)
    return [(v := having[n % len(having)], v.pages[kind][n % len(v.pages[kind])]) for n in range(number)]
