"""The draft: made from a notice's text, corrected by people, one step at a time, each kept in the audit."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, F, Func, Value
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from anlan.kernel.figures import demanded
from anlan.kernel.models import Stale
from anlan.parties.models import Account

from .models import OPEN, Clause, Gap, Plan, Source, Target, parent_code
from .reading import reader

LONGEST_WORDS = 200


class Refused(Exception):
    """The step is not allowed so; nothing was changed. `code` is stable, the text is for people."""

    def __init__(self, code: str, message: str | Promise) -> None:
        super().__init__(str(message))
        self.code = code


def may_draft(account: Any, plan: Plan | None = None) -> bool:
    """Whether the account may write a plan: the city committee's office, within its whole area."""
    return bool(
        getattr(account, "role", "") == "city" and (plan is None or account.scope.covers(plan.area_code))
    )  # fmt: skip


def begin(year: int, area_code: str, by: Account | None, **facts: Any) -> Plan:
    """An empty draft; refused while that year's plan is in the making or in force."""
    earlier = Plan.objects.filter(year=year, area_code=area_code)
    if earlier.filter(state__in=OPEN).exists():
        raise Refused(
            "plan.in_the_making", _("A draft of that year is in the making already. Go on with it, or withdraw it.")
        )
    if earlier.filter(state="adopted").exists():
        raise Refused(
            "plan.adopted", _("That year's plan is adopted. It is corrected by an amendment, not by a new draft.")
        )
    last = earlier.order_by("-edition").values_list("edition", flat=True).first() or 0
    hands = [by.pk] if by else []
    try:
        with transaction.atomic():
            return Plan.objects.create(
                year=year, area_code=area_code, edition=last + 1, drafted_by=by, hands=hands, **facts
            )
    except IntegrityError as error:  # somebody else began one in this very moment
        raise Refused(
            "plan.in_the_making", _("A draft of that year is in the making already. Go on with it, or withdraw it.")
        ) from error


def from_text(name: str, text: str, *, area_code: str, by: Account, year: int | None = None) -> Plan:
    """Reads a notice into a draft and keeps the text beside it.

    Raises `flat.Unreadable` where there is nothing to read, `Refused` where the year is neither in the
    text nor given, or taken.
    """
    draft = reader.read(text)
    year = year or draft.year
    if year is None:
        raise Refused("plan.year", _("The notice's title names no year: say which year the plan is for."))
    plan = begin(
        year, area_code, by, title=(draft.title or name)[:120], issuer=draft.issuer[:80],
        issued_on=date.fromisoformat(draft.issued_on) if draft.issued_on else None,
    )  # fmt: skip
    Source.objects.create(plan=plan, name=name[:120], text=text, sha256=hashlib.sha256(text.encode()).hexdigest())
    common = {"plan": plan, "area_code": area_code}
    clauses = Clause.objects.bulk_create(
        Clause(
            **common, order=order, code=c.id, number=c.number[:12], title=_cut(c.title or c.gist or c.id, 200),
            gist=_cut(c.gist, 400), start=c.start, end=c.end,
        )
        for order, c in enumerate(draft.walk(), 1)
    )  # fmt: skip
    by_code = {c.code: c for c in clauses}
    gaps = [Gap(**common, **_place(u), what=u["what"], settled="page number" in u["what"]) for u in draft.unread]
    gaps += [Gap(**common, **_place(n), what=n["kind"], settled=True) for n in draft.numbers]
    targets: list[Target] = []
    for t in draft.targets:
        why = "the baseline year" if t["comparator"] == "down_by" and not t["baseline"] else ""
        why = why or ("an amount too large" if t["value"] >= 10**11 else "")
        if why:
            gaps.append(Gap(**common, **_place(t), what=why))
            continue
        targets.append(
            Target(
                **common, clause=by_code[t["clause"]], code=f"T{len(targets) + 1}", subject=_cut(t["subject"], 200),
                comparator=t["comparator"], value=Decimal(str(t["value"])).quantize(Decimal("0.0001")), unit=t["unit"],
                baseline=t["baseline"] or "", measure=demanded(t["subject"]), start=t["start"], end=t["end"],
            )
        )  # fmt: skip
    Target.objects.bulk_create(targets)
    Gap.objects.bulk_create(gaps)
    return plan


def _place(found: dict[str, Any]) -> dict[str, Any]:
    return {"words": found["words"][:LONGEST_WORDS], "start": found["start"], "end": found["end"]}


def _cut(words: str, longest: int) -> str:
    return words if len(words) <= longest else words[: longest - 1] + "…"


def held(key: int, by: Any) -> Plan:
    """The plan, held against others for this transaction.

    Raises `Plan.DoesNotExist` (also outside one's scope), and `Refused` to whoever may only read it.
    """
    if not may_draft(by, Plan.objects.get(pk=key)):
        raise Refused("plan.role", _("Only the city's safety committee office writes a plan."))
    return Plan.objects.select_for_update().get(pk=key)


def opened(key: int, by: Account) -> Plan:
    """The draft, held against others for this transaction, with `by` among those who wrote in it.

    Raises `Plan.DoesNotExist` (also outside one's scope) and `Refused` where it is not to be written.
    """
    plan = held(key, by)
    if plan.state != "draft":
        raise Refused(
            "plan.locked",
            _("This plan is no longer a draft. It is corrected by an amendment, or after being sent back."),
        )  # fmt: skip
    if by.pk not in plan.hands:
        added = Func(
            F("hands"),
            Value(by.pk, BigIntegerField()),
            function="array_append",
            output_field=Plan._meta.get_field("hands"),
        )
        Plan.objects.filter(pk=plan.pk).update(hands=added)
        plan.hands.append(by.pk)
    return plan


def add_clause(plan: Plan, code: str, title: str, **facts: Any) -> Clause:
    """A further clause, after the last one that lies under the same clause."""
    clauses = list(plan.clauses.all())
    if any(c.code == code for c in clauses):
        raise Refused("plan.clause_taken", _("There is a clause with this id already."))
    parent = parent_code(code, (c.code for c in clauses))
    inside = [i for i, c in enumerate(clauses) if under(c.code, parent, clauses) or c.code == parent]
    at = (inside[-1] + 1) if inside else len(clauses)
    made = Clause.objects.create(plan=plan, order=0, code=code, title=title, **facts)
    _reorder([*clauses[:at], made, *clauses[at:]])
    return made


def next_code(plan: Plan, parent: str) -> str:
    """A free id for a new clause under `parent` ("" for a new part)."""
    codes = set(plan.clauses.values_list("code", flat=True))
    if not parent:
        return next(f"P{n}" for n in range(1, 1000) if f"P{n}" not in codes)
    joined = "" if len(parent) == 1 else "."
    return next(f"{parent}{joined}{n}" for n in range(1, 10_000) if f"{parent}{joined}{n}" not in codes)


def next_target(plan: Plan) -> str:
    """The next free number of a target."""
    taken = {int(c[1:]) for c in plan.targets.values_list("code", flat=True) if c[1:].isdigit()}
    return f"T{max(taken, default=0) + 1}"


def under(code: str, parent: str, clauses: list[Clause]) -> bool:
    """Whether the clause `code` lies somewhere below `parent`; everything lies below ""."""
    known = {c.code for c in clauses}
    while code:
        code = parent_code(code, known)
        if code == parent:
            return True
    return False


def move(clause: Clause, down: bool) -> None:
    """Changes place with the neighbour under the same clause, each with everything below it."""
    clauses = list(clause.plan.clauses.all())
    known = [c.code for c in clauses]
    parent = parent_code(clause.code, known)
    siblings = [c for c in clauses if parent_code(c.code, known) == parent]
    here = siblings.index(clause)
    there = here + (1 if down else -1)
    if not 0 <= there < len(siblings):
        raise Refused("plan.no_further", _("It stands at the end already."))
    siblings[here], siblings[there] = siblings[there], siblings[here]
    branches = {s.code: [c for c in clauses if c.code == s.code or under(c.code, s.code, clauses)] for s in siblings}
    inside = {c.pk for branch in branches.values() for c in branch}
    first = next(i for i, c in enumerate(clauses) if c.pk in inside)
    ordered = [c for s in siblings for c in branches[s.code]]
    rest = [c for c in clauses if c.pk not in inside]
    _reorder([*rest[:first], *ordered, *rest[first:]])


def _reorder(clauses: list[Clause]) -> None:
    moved = []
    for order, clause in enumerate(clauses, 1):
        if clause.order != order:
            clause.order = order
            moved.append(clause)
    Clause.objects.bulk_update(moved, ["order"])


def remove(row: Clause | Target, version: int) -> int:
    """Removes a target, or a clause with everything below it; returns how many rows. `Stale` if changed since."""
    if row.version != version:
        raise Stale(row._meta.label)
    if isinstance(row, Target):
        return int(row.delete()[0])
    clauses = list(row.plan.clauses.all())
    gone = [c.pk for c in clauses if c.pk == row.pk or under(c.code, row.code, clauses)]
    return int(Clause.objects.filter(pk__in=gone).delete()[0])


def settle(plan: Plan, start: int | None, end: int | None) -> None:
    """Places not read that a new clause or target was read from are settled with it."""
    if start is not None and end is not None:
        plan.gaps.filter(settled=False, start__lt=end, end__gt=start).update(settled=True)
