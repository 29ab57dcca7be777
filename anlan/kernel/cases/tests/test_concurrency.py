"""Two people at once, on two real connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections

from anlan.kernel import cases, clock
from anlan.kernel.cases.models import CaseCounter, CaseEntry
from anlan.kernel.scope import EVERYWHERE, Actor, acting

from .conftest import NOON, person
from .sample import Ticket

TESTER = Actor("test", "tests")


@pytest.fixture
def committed(ticket_table: None, tickets: None, django_db_blocker: Any) -> Iterator[None]:
    """Really commits; what was written is removed by the tables' owner."""
    with django_db_blocker.unblock():
        yield
        with connections["owner"].cursor() as cursor:
            tables = ("cases_caseentry", Ticket._meta.db_table, CaseCounter._meta.db_table)
            cursor.execute("TRUNCATE " + ", ".join(tables) + " CASCADE")
        connections["owner"].close()
        connection.close()


def at_once(*work: Callable[[], Any]) -> list[Any]:
    gate = Barrier(len(work))

    def run(one: Callable[[], Any]) -> Any:
        try:
            with clock.frozen(NOON):
                gate.wait(10)
                with acting(TESTER, EVERYWHERE):
                    return one()
        except cases.MoveRefused as refused:
            return refused
        except cases.Stale as stale:
            return stale
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def open_one(n: int = 0) -> Ticket:
    return cases.open_case("ticket", by=person(1), title=f"x{n}", area_code="500112001001")


@pytest.mark.usefixtures("committed")
def test_of_two_at_once_one_moves_and_the_other_is_told() -> None:
    for _ in range(5):
        (case,) = at_once(open_one)
        with acting(TESTER, EVERYWHERE):
            both = [Ticket.objects.get(pk=case.pk), Ticket.objects.get(pk=case.pk)]
        results = at_once(
            lambda both=both: cases.move(both[0], "withdraw", by=person(1), seen_version=1, reason="first"),
            lambda both=both: cases.move(both[1], "withdraw", by=person(2), seen_version=1, reason="second"),
        )
        won = [r for r in results if isinstance(r, Ticket)]
        told = [r for r in results if isinstance(r, cases.Stale)]
        assert (len(won), len(told)) == (1, 1)
        with acting(TESTER, EVERYWHERE):
            entries = list(CaseEntry.of(case))
        assert [e.move for e in entries] == ["open", "withdraw"]
        assert [c.by_id for c in told[0].changes] == [entries[1].by_id]


@pytest.mark.usefixtures("committed")
def test_numbers_given_at_once_are_unique_and_without_gaps() -> None:
    def fails() -> None:
        open_one()
        raise cases.MoveRefused("test", "undo")

    made = at_once(*[(lambda n=n: open_one(n)) if n % 3 else fails for n in range(12)])
    numbers = sorted(int(c.number.split("〕")[1][:-1]) for c in made if isinstance(c, Ticket))
    assert numbers == list(range(1, 9))
