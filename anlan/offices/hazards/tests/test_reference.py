"""The reference tables say what the notice and the law say."""

from __future__ import annotations

from datetime import date

import pytest

from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards.models import DangerType, JudgementClause
from anlan.parties.models import Industry


@pytest.mark.django_db
def test_coal_has_fifteen_situations_in_force_in_2013__decree_446_art_8() -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        in_force = JudgementClause.objects.filter(industry_id="coal", valid_from__lte=date(2013, 6, 14))
        assert in_force.count() == 15


@pytest.mark.django_db
def test_every_item_of_w3_5_has_types_and_names_a_known_industry() -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        assert set(DangerType.objects.values_list("clause", flat=True)) == {f"W3.5{letter}" for letter in "abcdefghij"}
        known = set(Industry.objects.values_list("code", flat=True))
        assert set(DangerType.objects.exclude(industry=None).values_list("industry_id", flat=True)) <= known
