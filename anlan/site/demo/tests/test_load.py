"""The whole demonstration city, every office's part included."""

from __future__ import annotations

import pytest

from anlan.kernel import clock
from anlan.kernel.models import Installation
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.site import demo


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
        with pytest.raises(demo.NotEmpty):
            demo.load("a-long-password")
    finally:
        clock.set_shift(before)
