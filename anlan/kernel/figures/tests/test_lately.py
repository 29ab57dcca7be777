"""What all boards show is counted once for the whole city; each gets his part of it, and nothing of another's."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.engines.measures import Measure, Period
from anlan.kernel import clock
from anlan.kernel.figures import computing
from anlan.kernel.figures.declaring import REGISTRY
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting

from .test_figures import NOW, TESTER, fill

BY = ("area", "industry")
NAMES = ("hazards.found", "hazards.open", "hazards.overdue", "hazards.closure_rate", "accidents.deaths")
pytestmark = pytest.mark.django_db


class Counted:
    """Stands for figures: says for which scope they were counted, and gives out parts."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def narrowed(self, *part: Any) -> Any:
        return self, *part


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Scope]:
    """The scopes for which something was counted, in turn."""
    done: list[Scope] = []

    def compute(names: Any, period: Any, **_asked: Any) -> Any:
        now = computing.acting_now()
        assert now is not None
        done.append(now[1])
        return Counted(now[1])

    monkeypatch.setattr(computing, "compute", compute)
    monkeypatch.setattr(computing, "SLOW_S", -1.0)
    monkeypatch.setattr(computing, "KEPT_FOR", 10**9)
    return done


def ask(scope: Scope, tier: int = 2) -> Any:
    with acting(Actor("person", "somebody", 1), scope):
        return computing.lately(("hazards.open",), Period.of("year", clock.today()), by=BY, tier=tier)


def beside() -> None:
    """Waits for what is counted beside."""
    computing._beside.submit(int).result(20)


@pytest.mark.parametrize(
    "scope",
    [Scope("50"), Scope("500112"), Scope("500113", frozenset({"fire"})), Scope("50", frozenset({"coal", "road"})),
     Scope("50", frozenset()), Scope("510"), Scope("500112131"), Scope("500112131201", frozenset({"fire"})),
     Scope("50", None, 1)],
    ids=str,
)  # fmt: skip
def test_a_part_of_the_whole_is_what_is_counted_within_the_scope(scope: Scope) -> None:
    with clock.frozen(NOW):
        with acting(TESTER, EVERYWHERE):
            fill(21)
        period = Period.of("year", NOW.date())
        tier = {2: 2, 3: 2, 6: 3}.get(len(scope.area), 4)
        with acting(Actor("person", "某人"), scope):
            part = computing.lately(NAMES, period, by=BY, tier=tier)
            own = computing.compute(NAMES, period, by=BY, tier=tier)
        assert part.keys(*BY) == own.keys(*BY)
        assert part.digits == own.digits
        for name in NAMES:
            measure = REGISTRY.named(name)
            assert part.at(measure) == own.at(measure), name
            for area, industry in own.keys(*BY):
                where = {"area": area, "industry": industry}
                assert part.at(measure, **where) == own.at(measure, **where), (name, where)


def test_what_took_long_is_counted_once_for_everybody(counted: list[Scope]) -> None:
    whole, part = ask(Scope("50")), ask(Scope("500112", frozenset({"coal"})), tier=3)
    assert whole[0] is part[0]
    assert counted == [EVERYWHERE]
    assert whole[1:] == ("50", None, 6)
    assert part[1:] == ("500112", frozenset({"coal"}), 9)


def test_what_is_smaller_or_seen_by_another_rule_is_counted_by_itself(
    counted: list[Scope], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [Scope("500112131"), Scope("500112", None, 7)]
    for scope in own:
        assert ask(scope).scope == scope
    monkeypatch.setattr(computing, "_adds_up", lambda *_: False)
    assert ask(Scope("50")).scope == Scope("50")
    assert counted == [*own, Scope("50")]


def test_only_what_is_cut_by_area_and_industry_alone_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from anlan.kernel import policies
    from anlan.kernel.scope import By, Through

    assert computing._adds_up(NAMES, BY)
    assert not computing._adds_up(NAMES, ("area",))
    for rule in (Through("case"), By(industry="industry_id", account="by_id"), By(industry="i", published="p"), None):
        monkeypatch.setattr(policies, "rule_of_table", lambda _table, rule=rule: rule)
        assert not computing._adds_up(NAMES, BY)


def test_figures_are_not_told_apart_by_what_they_were_not_computed_by() -> None:
    with clock.frozen(NOW), acting(TESTER, EVERYWHERE):
        made = computing.compute(("hazards.found",), Period.of("year", NOW.date()), by=("area",))
        for asked in ({"area": "500112131"}, {"digits": 9}, {"industries": {"coal"}}):
            with pytest.raises(LookupError):
                made.narrowed(**asked)
        assert isinstance(REGISTRY.named("hazards.found"), Measure)


def test_what_is_quick_is_counted_each_time(counted: list[Scope], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computing, "SLOW_S", 10**9)
    assert ask(Scope("50"))[0] is not ask(Scope("50"))[0]
    assert computing._kept == {}


def test_figures_no_longer_fresh_serve_while_new_ones_are_counted_beside(
    counted: list[Scope], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "KEPT_FOR", 0)
    first = ask(Scope("50"))[0]
    assert ask(Scope("50"))[0] is first
    beside()
    second = ask(Scope("50"))[0]
    assert second is not first
    beside()
    assert counted == [EVERYWHERE] * 3


def test_figures_that_cannot_be_counted_again_serve_on_and_it_is_told(
    counted: list[Scope], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(computing, "KEPT_FOR", 0)
    first = ask(Scope("50"))[0]

    def broken(*_: Any, **_asked: Any) -> Any:
        raise ValueError("broken")

    monkeypatch.setattr(computing, "compute", broken)
    for _ in range(2):
        assert ask(Scope("50"))[0] is first
        beside()
    assert [r.exc_info and str(r.exc_info[1]) for r in caplog.records] == ["broken", "broken"]


def test_kept_figures_grow_old(counted: list[Scope], monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask(Scope("50"))[0]
    later = time.monotonic() + computing.KEPT_AT_MOST_S + computing.SERVED_S + 1
    monkeypatch.setattr(computing.time, "monotonic", lambda: later)
    assert ask(Scope("50"))[0] is not first


def test_who_waits_too_long_for_anothers_counting_is_asked_to_come_again(
    counted: list[Scope], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(Scope("50"))
    (kept,) = computing._kept.values()
    kept.figures = None
    monkeypatch.setattr(computing, "WAITED_S", 0.01)
    with kept.lock, pytest.raises(computing.StillCounting):
        ask(Scope("50"))


def test_outside_of_a_scope_nothing_is_counted(counted: list[Scope]) -> None:
    with pytest.raises(RuntimeError, match="within a scope"):
        computing.lately(("hazards.open",), Period.of("year", clock.today()), by=(), tier=2)
    assert counted == []


def test_many_at_once_are_all_served_where_counting_is_quick(
    counted: list[Scope], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "SLOW_S", 10**9)
    monkeypatch.setattr(computing, "SEAT_S", 0.01)
    held = computing._kept.setdefault((("hazards.open",), Period.of("year", clock.today()), BY), computing._Kept())
    for _ in range(computing.MOST_WAITING):
        held.seats.acquire()
    with pytest.raises(computing.StillCounting):
        ask(Scope("50"))
    threading.Timer(0.05, held.seats.release).start()
    monkeypatch.setattr(computing, "SEAT_S", 2.0)
    assert ask(Scope("50"))[0].scope == EVERYWHERE


def test_what_is_asked_together_is_read_once_and_is_what_each_gives_alone() -> None:
    month = Period.parse("2013-05")
    day = Period.of("day", NOW.date())
    asked = [
        computing.Asked(("hazards.found", "hazards.closure_rate", "accidents.deaths"), month),
        computing.Asked(("hazards.overdue", "hazards.listed"), day, compare=False),
        computing.Asked(("hazards.found", "accidents.deaths"), month.previous() or month),
    ]
    with clock.frozen(NOW), acting(TESTER, EVERYWHERE):
        fill(21)
        with CaptureQueriesContext(connection) as queries:
            together = computing.compute_together(asked, within="50")
        read = [query["sql"].count('"hazards_danger"') for query in queries if "hazards_danger" in query["sql"]]
        alone = [
            computing.compute(one.names, one.period, by=BY, within="50", compare=one.compare) for one in asked
        ]  # fmt: skip
    assert read == [1]
    for one, made, wanted in zip(asked, together, alone, strict=True):
        for name in BY:
            assert made.keys(name) == wanted.keys(name)
        for measure in computing.named(one.names, one.period.first):
            assert made.at(measure) == wanted.at(measure)
            for (area,) in wanted.keys("area"):
                assert made.at(measure, area=area) == wanted.at(measure, area=area)
            for (industry,) in wanted.keys("industry"):
                assert made.at(measure, industry=industry) == wanted.at(measure, industry=industry)
    found = computing.named(("hazards.found",), month.first)[0]
    assert together[0].at(found).now.value, "the records of the test hold some of the month"


def test_who_asks_without_comparison_leaves_the_others_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computing, "SLOW_S", 0)
    alone = computing.Asked(("hazards.found",), Period.parse("2013-05"), compare=False)
    compared = replace(alone, compare=True)
    with clock.frozen(NOW), acting(TESTER, EVERYWHERE):
        fill(3)
        for asked in (alone, compared):
            (made,) = computing.lately_together({asked: asked.names}, tier=2).values()
            assert made.compared == asked.compare
    computing.forget()
