"""What an office's `honesty.py` calls: one declaration for each check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from django.utils.functional import Promise

from .. import law

Text = str | Promise
Severity = Literal["grave", "serious", "notable"]
Numbers = Mapping[str, Any]


class BadCheck(ValueError):
    """A check that cannot be declared so."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A narrow temporary table that several checks read, so that a large one is gone through once in a run.

    `sql` may name the moments of a run (see `Check.sql`) and no limits.
    """

    name: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One sign by which figures lie, looked for in a month's records of every area.

    `sql` answers with a row for each area that was looked at, under these names:

        area      the division whose records these are, 12 digits
        n         how many are odd
        records   [[key, remark, code], …] of the register's model, at most `MOST`: what stands behind the find;
                  `remarks` says the codes in words
        chart     [[label, number], …], drawn as the evidence; may be left out
        enough    false where it is too little to be told of; may be left out
        …         whatever `chance` and `words` speak of

    It is given `%(begin)s`, `%(until)s` (moments), `%(before)s` (twelve months before `begin`) and each of `limits`:
    parameter → rule of the law tables. With `chance` every row is judged by how likely it is in honest records, and
    told of at the false-discovery rate that the city set, over all areas together; rows must not be left out for
    what they show, else that rate does not hold. Without it each row is a find: nothing honest looks like that.

    `settled`: looked at only once the month is over. A change of meaning raises `version`.
    """

    name: str
    title: Text
    looks_for: Text
    method: Text
    words: Text
    register: str
    severity: Severity
    sql: str
    limits: Mapping[str, str] = field(default_factory=dict)
    uses: tuple[Gathered, ...] = ()
    chance: Callable[[Numbers], float] | None = None
    settled: bool = False
    drawn: tuple[Text, Text] | None = None
    """What the chart counts: the heading of its labels, and of its numbers."""
    remarks: Mapping[str, Text] = field(default_factory=dict)
    version: int = 1

    def rules(self, on: date) -> dict[str, law.Rule]:
        """The thresholds as they held on that day."""
        return {name: law.value(rule, on) for name, rule in self.limits.items()}

    def parameters(self, on: date) -> dict[str, Any]:
        """The thresholds as the query is given them; of a table by size the lower bounds."""
        return {
            name: rule.value if rule.value is not None else [band.low for band in rule.bands if band.low is not None]
            for name, rule in self.rules(on).items()
        }


MOST = 200
"""So many records at most are kept behind a find; how many there are is kept too."""

_checks: dict[str, Check] = {}


def check(**declaration: Any) -> Check:
    """Declares a check; raises `BadCheck` where there is one of that name."""
    made = Check(**declaration)
    if made.name in _checks:
        raise BadCheck(f"two checks are called {made.name}")
    _checks[made.name] = made
    return made


def checks() -> tuple[Check, ...]:
    """Every check, in the order of declaration."""
    return tuple(_checks.values())


def named(name: str) -> Check | None:
    """The check of that name; None where there is none any more."""
    return _checks.get(name)
