"""Who is told of a target that slipped, and how: those who bear it, and the tier above them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override

from anlan.kernel import areas, notices
from anlan.kernel.figures.words import chance
from anlan.kernel.notices import Holders, Message
from anlan.parties.models import Account, Industry

from ..models import Duty, Plan
from ..targets.words import STANDINGS
from .watching import Turn

SLIPPED = gettext_noop("%(target)s, %(who)s: %(state)s. To date %(actual)s, line of the day %(line)s%(ahead)s.")
CLEAR = gettext_noop("All clear: %(target)s, %(who)s. To date %(actual)s, line of the day %(line)s%(ahead)s.")
MANY = gettext_noop("%(target)s: %(n)s parts slipped: %(who)s.")
MANY_CLEAR = gettext_noop("All clear: %(target)s, %(n)s parts: %(who)s.")
NAMED = 6
"""So many are named in one message; of the others how many they are."""
LEVEL = {"risk": "attention", "over": "attention", "impossible": "critical", "unproved": "attention"}


def tell(plan: Plan, turns: Sequence[Turn]) -> int:
    """Tells each turn to those who bear the part and to the city's office; how many notices that are.

    The office above gets one message for a target's parts, however many they are. A fixed number of queries.
    """
    if not turns:
        return 0
    words = _Words(plan, turns)
    bearers, office = _bearers(plan, turns), Holders(frozenset({"city"}), plan.area_code)
    holders = {_holders(turn) for turn in turns} | {office}
    accounts = notices.accounts_of(holders)
    messages: list[Message] = []
    for turn in turns:
        to = {a.pk: a for a in (*accounts[_holders(turn)], *bearers.get(turn.slip.pk, ()))}
        messages += words.message(turn, to.values())
    grouped: dict[tuple[str, bool], list[Turn]] = {}
    for turn in turns:
        if turn.slip.area_code != plan.area_code or turn.slip.industry is not None:
            grouped.setdefault((turn.slip.code, turn.clear), []).append(turn)
    for several in grouped.values():
        messages += words.message(several[0], accounts[office]) if len(several) == 1 else words.many(
            several, accounts[office]
        )  # fmt: skip
    return len(notices.send_all(messages))


def _holders(turn: Turn) -> Holders:
    """Those at the part's own place: its district, the industry's departments of the city, or the city's office."""
    slip = turn.slip
    if slip.industry_id:
        return Holders(frozenset({"department"}), slip.area_code, slip.industry_id)
    return Holders(frozenset({"city" if areas.tier_of(slip.area_code) == 1 else "district"}), slip.area_code)


def _bearers(plan: Plan, turns: Sequence[Turn]) -> dict[int, list[Account]]:
    """By slip, the accounts of authorities at its place that bear the target or its clause, and may see it."""
    clauses = {turn.seen.target.pk: turn.seen.target.clause_id for turn in turns}
    places = {turn.slip.area_code for turn in turns}
    borne = Duty.objects.filter(plan=plan, clause__in=clauses.values(), authority__area_code__in=places)
    authorities: dict[int, set[int]] = {}
    for target, clause, authority in borne.values_list("target_id", "clause_id", "authority_id"):
        for key, own in clauses.items():
            if clause == own and target in (None, key):
                authorities.setdefault(authority, set()).add(key)
    found: dict[int, list[Account]] = {}
    for account in Account.objects.filter(authority__in=authorities, is_active=True).order_by("pk"):
        for turn in turns:
            slip = turn.slip
            if (
                slip.area_code == account.area_code and turn.seen.target.pk in authorities[account.authority_id or 0]
                and account.scope.covers(slip.area_code, slip.industry_id)
                and (account.industries is None) == (slip.industry_id is None)
            ):  # fmt: skip
                found.setdefault(slip.pk, []).append(account)
    return found


class _Words:
    """The messages in the language of each reader; names are read once."""

    def __init__(self, plan: Plan, turns: Sequence[Turn]) -> None:
        self.plan = plan
        self.places = areas.names({turn.slip.area_code for turn in turns})
        self.industries = Industry.objects.in_bulk({t.slip.industry_id for t in turns if t.slip.industry_id})

    def message(self, turn: Turn, to: Iterable[Account]) -> list[Message]:
        seen, state = turn.seen, turn.seen.held.state
        url = seen.held.url or self.page(turn)
        text, level = (CLEAR, "success") if turn.clear else (SLIPPED, LEVEL[turn.slip.level])

        def params() -> dict[str, Any]:
            return {
                "target": f"{seen.target.code} {seen.target.name}", "who": self.who(turn),
                "state": self.state(turn), "actual": _number(state.actual), "line": _number(state.line),
                "ahead": self.ahead(turn),
            }  # fmt: skip

        return _by_language(to, text, params, url, level)

    def many(self, turns: Sequence[Turn], to: Iterable[Account]) -> list[Message]:
        first = turns[0]

        def params() -> dict[str, Any]:
            of = [f"{self.who(t)} {_number(t.seen.held.state.actual)}/{_number(t.seen.held.state.line)}" for t in turns]
            more = len(of) - NAMED
            who = str(_(", ")).join(of[:NAMED]) + (str(_(" and %(n)s more")) % {"n": more} if more > 0 else "")
            target = first.seen.target
            return {"target": f"{target.code} {target.name}", "n": len(turns), "who": who}

        worst = "critical" if any(t.slip.level == "impossible" for t in turns) else "attention"
        page = f"/plan/targets/{first.seen.target.pk}/"
        clear = first.clear
        return _by_language(to, MANY_CLEAR if clear else MANY, params, page, "success" if clear else worst)

    def page(self, turn: Turn) -> str:
        here = f"/plan/targets/{turn.seen.target.pk}/"
        part = turn.slip.area_code != self.plan.area_code
        return f"{here}?area={turn.slip.area_code}" if part else here

    def who(self, turn: Turn) -> str:
        slip = turn.slip
        if slip.industry_id:
            return str(self.industries[slip.industry_id])
        return str(_("The whole city")) if slip.area_code == self.plan.area_code else self.places[slip.area_code]

    def state(self, turn: Turn) -> str:
        if turn.slip.level == "risk":
            return str(_("the number will hardly be kept"))
        return str(STANDINGS[turn.seen.held.state.standing]["text"])

    def ahead(self, turn: Turn) -> str:
        """The number of the year and, where there is one, the forecast of its end."""
        number = _number(turn.seen.held.state.number)
        said = str(_(", number of the year %(number)s")) % {"number": number}
        outlook = turn.seen.outlook
        if outlook is None or outlook.median is None:
            return said
        said += str(_("; forecast of the year's end %(median)s (%(low)s–%(high)s)")) % {
            "median": outlook.median, "low": outlook.low, "high": outlook.high,
        }  # fmt: skip
        if outlook.chance is not None:
            said += str(_(", kept: %(chance)s")) % {"chance": chance(outlook.chance)}
        return said


def _by_language(to: Iterable[Account], text: str, params: Any, url: str, level: str) -> list[Message]:
    readers: dict[str, list[Account]] = {}
    for account in to:
        readers.setdefault(account.language, []).append(account)
    made = []
    for language, some in sorted(readers.items()):
        with override(language):
            made.append(Message(some, text, params(), url, level))
    return made


def _number(value: Any) -> str:
    return "–" if value is None else number_format(value, use_l10n=True, force_grouping=True)
