"""The demonstration's dangers obey the rules that real ones obey."""

from __future__ import annotations

from random import Random

import pytest

from anlan.kernel import clock
from anlan.kernel.cases.engine import recomputed_due
from anlan.kernel.cases.models import CaseCounter
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards import demo
from anlan.offices.hazards.models import Danger
from anlan.parties import demo as parties_demo
from anlan.parties.demo_clock import START


@pytest.mark.slow
@pytest.mark.django_db
def test_deadlines_recompute_and_numbers_have_no_gaps() -> None:
    with acting(Actor("test", "tests"), EVERYWHERE), clock.frozen(START):
        city = parties_demo.DemoCity(Random(1), START, "a-long-password", lambda text: None)
        parties_demo.load(city)
        demo.load(city)
        cases = list(Danger.objects.all())
        assert {c.state for c in cases} == {"found", "verified", "rectifying", "rectified", "closed"}
        assert any(c.overdue for c in cases)
        assert any(c.listed_at for c in cases)
        for case in cases[:200]:
            assert case.state == "closed" or case.due_at == recomputed_due(case)
            assert case.opened_at <= START
        counted = CaseCounter.objects.filter(series__startswith="danger:").values_list("last", flat=True)
        assert sum(counted) == len(cases)
