"""The whole demonstration city, every office's part included."""

from __future__ import annotations

import pytest

from anlan.kernel import clock
from anlan.kernel.cases.queue import worklist
from anlan.kernel.models import Installation
from anlan.kernel.pages import tiles
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.demo import USERS
from anlan.parties.models import Account
from anlan.site import demo


def _finds_work(name: str) -> None:
    """Each sign-in has something of its own on its home page."""
    with acting(Actor("test", "tests"), EVERYWHERE):
        account = Account.objects.get(username=name)
    with acting(Actor("person", name, account.pk), account.scope):
        work = worklist(account)
        own = work.mine + work.listed + sum(tile.number for tile in tiles(account) if tile.title == "Plans to approve")
        assert own > 0, name
        assert len(work.rows) > 3, name


@pytest.mark.slow
@pytest.mark.django_db
def test_the_load_marks_the_installation_and_refuses_a_second_time() -> None:
    said: list[str] = []
    before = clock.shift()
    try:
        demo.load("a-long-password", say=said.append)
        assert said
        with acting(Actor("test", "tests"), EVERYWHERE):
            assert Installation.objects.get().demonstration
        assert abs((clock.now() - demo.START).total_seconds()) < 60
        for name in USERS:
            _finds_work(name)
        with pytest.raises(demo.NotEmpty):
            demo.load("a-long-password")
    finally:
        clock.set_shift(before)
