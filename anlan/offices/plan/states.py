"""How far each clause is, counted from what the running system holds within the reader's scope."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.db.models import Count

from anlan.kernel import clock, law
from anlan.kernel.figures import measured_clauses, titles
from anlan.kernel.policy import Policy
from anlan.kernel.registers import register_named
from anlan.kernel.registers.query import Count as Bounded
from anlan.kernel.registers.query import counted
from anlan.parties.models import Industry

from . import proofs
from .models import Clause, Plan, Target


@dataclass(frozen=True, slots=True)
class Proof:
    """The records of one register that prove a clause, of one industry where the clause names some.

    `count` is None where there is no such register yet, or where the reader may not see it (`hidden`).
    """

    name: str
    title: Any = ""
    industry: Industry | None = None
    count: Bounded | None = None
    hidden: bool = False

    @property
    def url(self) -> str:
        """The records behind the number."""
        return f"/r/{self.name}/" + (f"?industry={self.industry.pk}" if self.industry else "")


@dataclass(frozen=True, slots=True)
class ClauseState:
    """A clause is live when it has duty-holders, records that prove it, a measure and a warning."""

    clause: Clause
    targets: list[Target]
    duty_holders: int
    proofs: list[Proof]
    measured: bool
    warned: bool

    @property
    def records(self) -> dict[str, int | None]:
        """Records by register; None where there is no such register yet."""
        found: dict[str, int | None] = {}
        for p in self.proofs:
            found[p.name] = None if p.count is None else (found.get(p.name) or 0) + p.count.number
        return found

    @property
    def proved(self) -> bool:
        """Every register that proves it exists, and one at least holds a record."""
        counts = [p.count for p in self.proofs]
        return bool(counts) and None not in counts and any(c.number for c in counts if c)

    @property
    def live(self) -> bool:
        return self.duty_holders > 0 and self.proved and self.measured and self.warned


def states(
    plan: Plan, measured: Collection[str] | None = None, warned: Collection[str] | None = None, account: Any = None
) -> list[ClauseState]:
    """Each clause's state, in order. `measured`, `warned`: codes of clauses with a measure, with a warning.

    Measures say which clauses they serve. Somebody is warned of a clause where a measured target of it slips, or where
    one who reports of it does not, or lacks the proof (`watch`). Without an `account` every register counts. The
    number of queries depends on the plan, never on the records.
    """
    measured, known = measured_clauses() if measured is None else measured, titles()
    clauses = list(plan.clauses.all())
    targets: dict[int, list[Target]] = {}
    for target in plan.targets.select_related("clause"):
        targets.setdefault(target.clause_id, []).append(target)
    duties = plan.duties.values_list("clause").annotate(n=Count("authority", distinct=True))
    holders: dict[int, int] = dict(duties.order_by())
    if warned is None:
        kinds = law.value("plan.progress_kinds", on=clock.today()).value
        warned = set(plan.duties.filter(authority__kind__in=kinds).values_list("clause__code", flat=True).distinct())
        warned |= {t.clause.code for of in targets.values() for t in of if t.measure in known}
    proved_by = {c.pk: [(name, i) for name in c.proofs for i in _industries(name, c)] for c in clauses}
    proof = _proofs((key for keys in proved_by.values() for key in keys), account)
    return [
        ClauseState(
            c, targets.get(c.pk, []), holders.get(c.pk, 0), [proof[key] for key in proved_by[c.pk]],
            c.code in measured or any(t.measure in known for t in targets.get(c.pk, [])), c.code in warned,
        )
        for c in clauses
    ]  # fmt: skip


def _industries(name: str, clause: Clause) -> list[str | None]:
    """The industries by which the register's records are told apart for this clause."""
    declared = register_named(name)
    if declared is None or not clause.industries or "industry" not in declared.filters:
        return [None]
    return list(clause.industries)


def _proofs(wanted: Iterable[tuple[str, str | None]], account: Any) -> dict[tuple[str, str | None], Proof]:
    """The proofs by register and industry, their records counted in one query."""
    industries = Industry.objects.in_bulk()
    found: dict[tuple[str, str | None], Proof] = {}
    records: dict[tuple[str, str | None], Any] = {}
    for name, code in dict.fromkeys(wanted):
        declared, industry = register_named(name), industries.get(code or "")
        if declared is None:
            found[name, code] = Proof(name, proofs.title(name))
            continue
        policy: Policy = declared.policy
        hidden = account is not None and not policy.may(account, "see")
        found[name, code] = Proof(name, declared.title, industry, hidden=hidden)
        if not hidden:
            rows = declared.model._default_manager.all()
            records[name, code] = rows if industry is None else rows.filter(industry=industry)
    for key, count in zip(records, counted(*records.values()), strict=True):
        found[key] = replace(found[key], count=count)
    return found


def in_force(day: date) -> Plan | None:
    """The adopted plan of that day's year, or else the latest one adopted."""
    adopted = Plan.objects.filter(state="adopted")
    return adopted.filter(year=day.year).order_by("area_code").first() or adopted.order_by("-year", "area_code").first()
