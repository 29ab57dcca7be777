"""Months of a measure: in one query, the same as asked one by one, and only of what adds up."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from anlan.engines.measures import Period, Target
from anlan.kernel import clock
from anlan.kernel.figures import computing
from anlan.kernel.figures.ahead import WHOLE, YEARS, NoForecast, monthly
from anlan.kernel.scope import EVERYWHERE, Scope, acting
from anlan.offices.hazards.models import Danger

from .test_figures import AREAS, NOW, TESTER, fill

pytestmark = pytest.mark.django_db


def found_over_years(many: int = 900) -> None:
    """Dangers found from March 2009 on, the more the later in the year, in the areas of the tests."""
    rng = Random(7)
    moments = []
    while len(moments) < many:
        at = NOW - timedelta(days=rng.uniform(0, 1560))
        if rng.random() < at.month / 12:
            moments.append(at)
    Danger.objects.bulk_create(
        Danger(number=f"年{n}", title="试", state="found", area_code=rng.choice(AREAS), found_at=at, opened_at=at)
        for n, at in enumerate(moments)
    )


def test_months_of_all_areas_in_one_query() -> None:
    with acting(TESTER, EVERYWHERE), clock.frozen(NOW):
        found_over_years()
        with CaptureQueriesContext(
            connection,
        ) as asked:
            got = monthly("hazards.found")
        assert len(asked) == 1
        assert (got.first, len(got.counts[WHOLE])) == (date(2008, 1, 1), 12 * YEARS + 6)
        assert got.over == pytest.approx((13 + 10.5 / 24) / 30)
        # Before the first record nothing is known; from then on a month without is a zero.
        begun = next(n for n, v in enumerate(got.counts[WHOLE]) if v is not None)
        assert begun > 12
        assert None not in got.counts[WHOLE][begun:]
        assert {key: months[begun - 1] for key, months in got.counts.items()} == dict.fromkeys(got.counts)
        for place in (begun, begun + 7, -2, -1):
            year, month = divmod(2008 * 12 + (place % len(got.counts[WHOLE])), 12)
            figures = computing.compute(["hazards.found"], Period.of("month", date(year, month + 1, 1)), by=("area",))
            (measure,) = computing.named(["hazards.found"])
            for key in got.counts:
                value = figures.at(measure, **({"area": key} if key else {})).now.value
                assert got.counts[key][place] == value, (key, place)


def test_the_year_end_of_every_area_and_a_chance() -> None:
    with acting(TESTER, EVERYWHERE), clock.frozen(NOW):
        found_over_years()
        got = monthly("hazards.found")
        looks = got.outlooks({WHOLE: Target("ceiling", 10_000), "500112": Target("zero")})
        assert looks.keys() == got.counts.keys()
        whole = looks[WHOLE]
        assert whole.actual == sum(got.counts[WHOLE][-6:])
        assert whole.low > whole.actual
        assert whole.chance == 1
        assert looks["500112"].chance == 0
        assert looks["500113"].chance is None
        assert whole.months[0].first == date(2013, 6, 1)
        assert whole.backtest is not None


def test_only_what_is_in_scope_is_counted() -> None:
    with acting(TESTER, EVERYWHERE), clock.frozen(NOW):
        found_over_years()
        yubei = monthly("hazards.found").counts["500112"]
        assert set(monthly("hazards.found", within="500112").counts) == {WHOLE, "500112"}
    with acting(TESTER, Scope(area="500112")), clock.frozen(NOW):
        got = monthly("hazards.found")
        assert set(got.counts) == {WHOLE, "500112"}
        assert [v or 0 for v in got.counts[WHOLE]] == [v or 0 for v in yubei]


@pytest.mark.parametrize(
    ("name", "why"),
    [("hazards.overdue", "present only"), ("hazards.open", "is not the sum of its months'")],
)
def test_what_does_not_add_up_is_refused(name: str, why: str) -> None:
    with acting(TESTER, EVERYWHERE), clock.frozen(NOW):
        fill(1)
        with pytest.raises(NoForecast, match=why):
            monthly(name)


def test_of_what_is_rare_a_month_without_is_a_zero() -> None:
    with acting(TESTER, EVERYWHERE), clock.frozen(NOW):
        fill(2)
        got = monthly("accidents.extraordinary").counts[WHOLE]
        deaths = monthly("accidents.deaths").counts[WHOLE]
        assert [v is None for v in got] == [v is None for v in deaths]


def test_the_new_year_has_its_first_midnight() -> None:
    with acting(TESTER, EVERYWHERE), clock.frozen(NOW):
        found_over_years()
        got = monthly("hazards.found", as_of=NOW.replace(month=6, day=1, hour=0, minute=0))
        assert (len(got.counts[WHOLE]), got.over) == (12 * YEARS + 5, 1.0)
        empty = monthly("accidents.deaths")
        assert set(empty.counts) == {WHOLE}
        assert empty.outlooks()[WHOLE].method == "none"
