"""What one test commits never reaches another, whichever of them runs first."""

from __future__ import annotations

import pytest

from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Account, Division

TESTER = Actor("test", "tests")


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.django_db(transaction=True)
def test_a_committing_test_finds_the_database_new(turn: int) -> None:
    with acting(TESTER, EVERYWHERE):
        assert Account.objects.count() == 0
        assert Division.objects.filter(tier=2).count() == 38
        Account.objects.create(username="committed", name="x", role="city", area_code="500000000000")
