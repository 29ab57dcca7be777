"""The whole demonstration city, every office's part included; and at scale, in little: what is multiplied is as whole
as what was written case by case. It is loaded once: that takes a minute."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from anlan.kernel import clock
from anlan.kernel.audit import seal, verify
from anlan.kernel.cases.models import CaseCounter, CaseEntry
from anlan.kernel.cases.queue import worklist
from anlan.kernel.cases.recompute import recompute
from anlan.kernel.models import Installation
from anlan.kernel.pages import tiles
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards.models import Danger
from anlan.parties import codes
from anlan.parties.demo import USERS
from anlan.parties.models import Account, Enterprise, Person, Post
from anlan.parties.names import initials
from anlan.site.demo import SCALES, START, NotEmpty, Scale, load, multiply


@pytest.fixture
def own_clock() -> Iterator[None]:
    """A load moves the clock of its process."""
    before = clock.shift()
    yield
    clock.set_shift(before)


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
@pytest.mark.usefixtures("own_clock")
@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_a_city_is_loaded_once_has_work_for_everybody_and_multiplied_is_whole() -> None:
    said: list[str] = []
    load("a-long-password", say=said.append)
    assert said
    with acting(Actor("test", "tests"), EVERYWHERE):
        assert Installation.objects.get().demonstration
        before = Enterprise.objects.count(), Danger.objects.count()
    assert abs((clock.now() - START).total_seconds()) < 60
    for name in USERS:
        _finds_work(name)
    with pytest.raises(NotEmpty):
        load("a-long-password")

    told: list[str] = []
    multiply(Scale(enterprises=3000, dangers=9000), told.append)
    assert len(told) == 2
    with acting(Actor("test", "after"), EVERYWHERE), clock.frozen(START):
        assert (Enterprise.objects.count() - before[0], Danger.objects.count() - before[1]) == (3000, 9000)
        new = Enterprise.objects.order_by("-id")[:3000]
        for enterprise in new[:200]:
            assert codes.check_credit_code(enterprise.credit_code) == enterprise.credit_code
        # Read word by word, a character of two readings may differ from the reading in its phrase.
        assert np.mean([e.pinyin == initials(e.name) for e in new[:200]]) > 0.9
        assert Person.objects.filter(enterprise__in=new).count() == 6 * 3000
        assert Post.objects.filter(enterprise__in=new, head=True).count() == 3000
        for danger in Danger.objects.order_by("-id")[:300]:
            entries = list(CaseEntry.of(danger))
            assert [e.version for e in entries] == list(range(1, danger.version + 1))
            assert entries[0].at == danger.opened_at
            assert entries[-1].to_state == danger.state
            assert {(e.area_code, e.industry_id, e.enterprise_id) for e in entries} == {
                (danger.area_code, danger.industry_id, danger.enterprise_id)
            }
        assert [r.different for r in recompute() if r.kind == "danger"] == [0]
        last = {c.series + f"/{c.year}": c.last for c in CaseCounter.objects.filter(series__startswith="danger:")}
        assert sum(last.values()) == Danger.objects.count()
    seal()
    assert verify().whole


def test_every_scale_is_larger_than_the_one_before() -> None:
    sizes = [(s.enterprises, s.dangers) for s in SCALES.values()]
    assert sizes == sorted(sizes)
    assert np.diff([e for e, _d in sizes]).min() > 0
