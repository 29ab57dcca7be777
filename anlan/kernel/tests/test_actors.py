"""Who acted, as people name each other."""

from __future__ import annotations

import pytest

from anlan.kernel import actors
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.parties.models import Account, Authority

pytestmark = pytest.mark.django_db
TESTER = Actor("test", "tests")


def test_a_person_is_told_with_his_authority_wherever_he_sits_and_a_program_behind_him() -> None:
    with acting(TESTER, EVERYWHERE):
        bureau = Authority.objects.create(name="市安监局", kind="supervisor", tier=2, area_code="500000000000")
        city = Account.objects.create(
            username="wang", name="王敏", role="city", area_code="500000000000", authority=bureau
        )
    with acting(TESTER, Scope("500112")):
        tell = actors.named([city.pk, None])
        assert tell(city.pk, "wang") == "王敏 · 市安监局"
        assert tell(city.pk, "wang · ledger") == "王敏 · 市安监局 · ledger"
        assert tell(None, "migration") == "migration", "a command keeps its name"
        assert tell(city.pk, "wangmin") == "wangmin", "no name of which his is the beginning is cut"
        assert not Account.objects.filter(pk=city.pk).exists(), "the scope in force is what it was"
