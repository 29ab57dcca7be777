"""How far each clause is, counted from what the running system holds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from anlan.kernel.registers import register_named

from .models import Clause, Plan


@dataclass(frozen=True)
class ClauseState:
    """A clause is live when it has duty-holders, records that prove it, a measure and a warning."""

    clause: Clause
    duty_holders: int
    records: dict[str, int | None]
    """Records by register within the reader's scope; None where there is no such register yet."""
    measured: bool
    warned: bool

    @property
    def proved(self) -> bool:
        """Every register that proves it exists, and one at least holds a record."""
        counts = self.records.values()
        return bool(counts) and None not in counts and any(counts)

    @property
    def live(self) -> bool:
        return self.duty_holders > 0 and self.proved and self.measured and self.warned


def states(plan: Plan, measured: Collection[str] = (), warned: Collection[str] = ()) -> list[ClauseState]:
    """Each clause's state, in order. `measured`, `warned`: codes of clauses with a measure, with a warning.

    No measure and no warning is registered by any office so far, hence the empty defaults: no clause is
    called live before there is one.
    """
    clauses = list(plan.clauses.prefetch_related("duties"))
    counts: dict[str, int | None] = {}
    for name in {proof for clause in clauses for proof in clause.proofs}:
        declared = register_named(name)
        counts[name] = None if declared is None else declared.model._default_manager.count()
    return [
        ClauseState(
            clause, len(clause.duties.all()), {name: counts[name] for name in clause.proofs},
            clause.code in measured, clause.code in warned,
        )
        for clause in clauses
    ]  # fmt: skip
