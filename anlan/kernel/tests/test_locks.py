"""What only one transaction does at a time."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from anlan.kernel.locks import alone


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("other", "number", "shared", "waits"),
    [("work", 1, False, True), ("work", 2, False, False), ("play", 1, False, False), ("work", 1, True, True)],
)
def test_who_is_at_it_alone_keeps_the_others_waiting(other: str, number: int, shared: bool, waits: bool) -> None:
    through = threading.Event()

    def follow() -> None:
        try:
            with transaction.atomic():
                alone(other, number, shared=shared)
                through.set()
        finally:
            connection.close()

    thread = threading.Thread(target=follow)
    with transaction.atomic():
        alone("work", 1)
        thread.start()
        assert through.wait(0.5 if waits else 20) != waits
    assert through.wait(20)
    thread.join(20)


@pytest.mark.django_db(transaction=True)
def test_those_who_share_go_on_beside_one_another() -> None:
    through = threading.Event()

    def beside() -> None:
        try:
            with transaction.atomic():
                alone("work", shared=True)
                through.set()
        finally:
            connection.close()

    thread = threading.Thread(target=beside)
    with transaction.atomic():
        alone("work", shared=True)
        thread.start()
        assert through.wait(20)
    thread.join(20)
