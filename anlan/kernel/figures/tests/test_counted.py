"""A record says in which figures it counts by the very conditions by which they count it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.engines.measures import Measure, Period
from anlan.kernel import clock
from anlan.kernel.clock import BEIJING
from anlan.kernel.figures import computing
from anlan.kernel.figures.counted import counted
from anlan.kernel.figures.declaring import REGISTRY
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards.lifecycle import LIFECYCLE
from anlan.offices.hazards.models import Danger
from anlan.offices.plan.tests.conftest import account as account
from anlan.offices.plan.tests.conftest import everywhere as everywhere
from anlan.offices.plan.tests.conftest import plan  # noqa: F401
from anlan.parties.models import Account

NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with clock.frozen(NOON), acting(Actor("test", "tests"), EVERYWHERE):
        yield


def danger(n: int, found: tuple[int, int, int], closed: tuple[int, int, int] | None = None, **more: Any) -> Danger:
    at = datetime(*found, 9, tzinfo=BEIJING)
    facts: dict[str, Any] = {
        "number": f"隐{n}", "title": "x", "description": "x", "source": "inspection", "found_at": at, "opened_at": at,
        "area_code": "500112131000", "industry_id": "coal", "owner_area_code": "500112000000", "grade": "general",
        "state": "closed" if closed else "verified",
        "closed_at": datetime(*closed, 9, tzinfo=BEIJING) if closed else None,
    }  # fmt: skip
    return Danger.objects.create(**facts | more)


def city() -> Account:
    return Account.objects.create(username="c", name="c", role="city", area_code="500000000000")


@pytest.mark.parametrize(
    "facts",
    [
        {"found": (2011, 12, 30), "closed": (2012, 2, 1)},
        {"found": (2013, 6, 1)},
        {"found": (2013, 1, 2), "state": "dismissed", "grade": ""},
        {"found": (2012, 5, 5), "rectify_by": date(2012, 6, 1), "rectified_at": datetime(2012, 5, 30, tzinfo=BEIJING)},
        {"found": (2012, 5, 5), "rectify_by": date(2013, 6, 14), "due_at": datetime(2013, 6, 1, tzinfo=BEIJING)},
    ],
)
def test_what_a_record_says_is_what_the_figures_count(facts: dict[str, Any]) -> None:
    """With one record in the table each figure is one where the record says that it counts, and none elsewhere."""
    said = counted(danger(1, **facts), city())
    assert said is not None
    told = {(of.measure.name, url) for of in said.counts for _title, url in of.figures}
    measures = [m for m in REGISTRY.all() if isinstance(m, Measure) and m.source.table == "hazards_danger"]
    assert len(measures) >= 8
    for measure in measures:
        for year in ("2011", "2012", "2013"):
            count = computing.compute([measure.name], Period.parse(year)).at(measure).now.value
            here = any(name == measure.name and f"period={year}" in url for name, url in told)
            assert bool(count) == here, (measure.name, year)


def test_what_counts_nowhere_says_why() -> None:
    said = counted(danger(1, (2013, 5, 2), state="dismissed", grade=""), city())
    assert said is not None
    assert said.counts == []
    why = {str(title): reason for title, reason in said.others}
    assert len(why) >= 7
    assert str(LIFECYCLE.state("dismissed").title) in why[str(REGISTRY.named("hazards.found").title)]


def test_the_record_s_page_names_the_figures_and_asks_the_same_however_many_records_there_are() -> None:
    browser = Client()
    browser.force_login(city())
    one = danger(1, (2013, 5, 2))
    browser.get(one.get_absolute_url())

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            page = browser.get(one.get_absolute_url()).content.decode()
        assert "/r/dangers/?counted=hazards.found&amp;period=2013" in page
        return len(queries)

    before = asked()
    for n in range(2, 30):
        danger(n, (2013, 5, 2))
    assert asked() == before


def test_the_targets_that_rest_on_a_figure_stand_beside_it(plan: Any, everywhere: None) -> None:  # noqa: F811
    said = counted(danger(1, (2013, 5, 2)), city())
    assert said is not None
    named = {of.measure.name: [words for words, _url in of.targets] for of in said.counts}
    # T9 of the planted plan is the closure rate, of which what was found is the lower part.
    assert any("G1.1" in words for words in named["hazards.found"])
    assert named["hazards.open"] == []


def test_an_enterprise_is_told_nothing_of_the_authorities_figures() -> None:
    from anlan.parties.models import Enterprise

    mine = Enterprise.objects.create(name="厂", area_code="500112131000", industry_id="coal")
    one = danger(1, (2013, 5, 2), enterprise=mine)
    own = Account.objects.create(username="e", name="e", role="enterprise", area_code="500112131000", enterprise=mine)
    browser = Client()
    browser.force_login(own)
    page = browser.get(one.get_absolute_url())
    assert page.status_code == 200
    assert "counted-title" not in page.content.decode()
