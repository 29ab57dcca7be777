"""What holds for every life cycle, as a property test that any office can run on its own.

    class DangerLives(LifecycleMachine):
        kind = "danger"
        people = (district_one, district_two, enterprise, city)
        def open(self) -> Case: ...
        def facts(self, draw, move, case) -> dict[str, Any]: ...

    TestDangerLives = DangerLives.TestCase

Random people make random moves, possible and not, while time passes. After each step: no illegal move has
succeeded, the deadline recomputed from the facts is the one kept, and the history is complete.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from anlan.kernel import clock
from anlan.kernel.clock import BEIJING

from . import engine
from .lifecycle import STOP, Lifecycle, Move, Person, lifecycle
from .models import Case, CaseEntry

Draw = Callable[[st.SearchStrategy[Any]], Any]


class LifecycleMachine(RuleBasedStateMachine):
    """One case of `kind`, lived at random by `people` from `begins` on. Needs a database and a scope in force.

    An office's test says how: `kind`, `people`, `open` and `facts`. Hypothesis brings a metaclass of its own, which
    forbids abstract methods, so those left out raise.
    """

    kind: ClassVar[str]
    people: ClassVar[tuple[Person, ...]]
    begins: ClassVar[datetime] = datetime(2013, 6, 3, 9, tzinfo=BEIJING)

    def open(self) -> Case:
        """Opens the case (through `engine.open_case`)."""
        raise NotImplementedError

    def facts(self, draw: Draw, move: Move, case: Case) -> dict[str, Any]:
        """Facts and files that satisfy `move`'s demands (its gate may still refuse)."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self._savepoint = transaction.atomic()
        self._savepoint.__enter__()
        self.now = self.begins
        self.done: list[tuple[str, Any]] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._savepoint.__exit__(None, None, None)

    @property
    def lifecycle(self) -> Lifecycle:
        found = lifecycle(self.kind)
        assert found is not None
        return found

    @initialize()
    def opened(self) -> None:
        with clock.frozen(self.now):
            self.case = self.open()
        self.done.append((engine.OPENED, None))

    @rule(hours=st.integers(1, 24 * 40))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(data=st.data())
    def somebody_tries(self, data: st.DataObject) -> None:
        move = data.draw(st.sampled_from(self.lifecycle.moves), label="move")
        who = data.draw(st.sampled_from(self.people), label="who")
        bare = data.draw(st.integers(0, 5), label="without what it demands") == 0
        self._try(move, who, {} if bare else self.facts(data.draw, move, self.case))

    @rule(data=st.data())
    def somebody_goes_on(self, data: st.DataObject) -> None:
        """A likely move, so that lives get long."""
        moves = [m for m in self.lifecycle.moves_from(self.case.state) if m.to]
        if moves:
            move = data.draw(st.sampled_from(moves), label="move")
            may = [p for p in self.people if p.role in move.who]
            if may:
                self._try(move, data.draw(st.sampled_from(may), label="who"), self.facts(data.draw, move, self.case))

    @rule(data=st.data())
    def somebody_acts_on_an_old_page(self, data: st.DataObject) -> None:
        if self.case.version > 1:
            before = self._kept()
            move = data.draw(st.sampled_from(self.lifecycle.moves), label="move")
            try:
                engine.move(self.case, move.name, by=self.people[0], seen_version=self.case.version - 1)
            except engine.Stale as stale:
                told = [e.version for e in stale.changes]
            else:
                raise AssertionError("a move made on an old page was taken")
            assert told == [self.case.version]
            assert self._kept() == before

    def _try(self, move: Move, who: Person, facts: dict[str, Any]) -> None:
        before = self._kept()
        last = dict(self.done)
        legal = (
            self.case.state in move.from_
            and who.role in move.who
            and not any(last.get(name) == who.pk for name in move.forbid_same_person_as)
            and all(facts.get(f.name) not in (None, "") for f in move.fields if f.required)
            and all(len(facts.get(e.name, ())) >= e.at_least for e in move.evidence)
        )
        try:
            with clock.frozen(self.now):
                self.case = engine.move(self.case, move.name, by=who, seen_version=self.case.version, **facts)
        except engine.MoveRefused:
            assert self._kept() == before, "a refused move changed something"
        else:
            assert legal, f"{move.name} by {who.role} from {before[0]} was taken"
            self.done.append((move.name, who.pk))
            assert self.case.state == (move.to or before[0])
            if move.clock == STOP:
                assert self.case.closed_at is not None or self.case.due_at is None

    def _kept(self) -> tuple[Any, ...]:
        row = type(self.case)._default_manager.get(pk=self.case.pk)
        return row.state, row.version, row.due_at, row.closed_at, row.listed_at, CaseEntry.of(row).count()

    @invariant()
    def the_deadline_recomputed_is_the_same(self) -> None:
        if hasattr(self, "case") and self.case.closed_at is None:
            row = type(self.case)._default_manager.get(pk=self.case.pk)
            assert engine.recomputed_due(row) == row.due_at

    @invariant()
    def the_history_is_complete(self) -> None:
        if hasattr(self, "case"):
            entries = list(CaseEntry.of(self.case))
            assert [(e.move, e.by_id) for e in entries][1:] == self.done[1:]
            assert [e.version for e in entries] == list(range(1, len(self.done) + 1))
            assert all(a.to_state == b.from_state for a, b in pairwise(entries))
            assert entries[-1].to_state == self.case.state

    @invariant()
    def closed_is_closed_and_open_is_open(self) -> None:
        if hasattr(self, "case"):
            assert self.lifecycle.state(self.case.state).end == (self.case.closed_at is not None)


def untranslated(declared: Lifecycle, language: str = "zh-hans") -> list[str]:
    """Titles and words of a life cycle that have no translation into `language` (empty when all have)."""
    from django.utils import translation

    texts: list[Any] = [declared.title, declared.singular, *(s.title for s in declared.states)]
    texts += declared.notes.values()
    for move in declared.moves:
        texts += [move.title, *(e.title for e in move.evidence), *((move.words,) if move.words else ())]
    missing = []
    for text in texts:
        with translation.override(None, deactivate=True), translation.override("en"):
            english = str(text)
        with translation.override(language):
            if str(text) == english:
                missing.append(english)
    return missing
