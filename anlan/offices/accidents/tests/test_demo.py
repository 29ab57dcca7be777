"""The demonstration's accidents obey the rules that real ones obey, and its years add up as published."""

from __future__ import annotations

from random import Random

import pytest
from django.db.models import Count, Q, Sum

from anlan.kernel import clock
from anlan.kernel.cases.engine import recomputed_due
from anlan.kernel.cases.models import CaseCounter, CaseEntry
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.accidents import demo, merging, rules
from anlan.offices.accidents.demo_history import SHARES, categories_of, known_years, more_years, sizes
from anlan.offices.accidents.models import Accident, Report, ReportFault
from anlan.offices.accidents.reporting import legs, version
from anlan.parties import demo as parties_demo
from anlan.parties.demo_clock import START

from .conftest import TESTER


def test_the_years_add_up_as_published() -> None:
    found = {y.year: (len([n for n in sizes(y) if n]), sum(sizes(y))) for y in known_years()}
    assert found[2011] == (1444, 1656)
    assert found[2012] == (1374, 1539)
    year = known_years()[-1]
    assert len([n for n in sizes(year) if n >= 3]) == 2
    assert sum(sizes(year)) < 1500 * 164 / 365


def test_the_shares_of_2012_are_those_published_to_the_person() -> None:
    year = known_years()[1]
    deaths = dict.fromkeys(SHARES, 0)
    for size, code in zip(sizes(year), categories_of(year, Random(1)), strict=True):
        deaths[code] += size
    assert (deaths["construction"], deaths["coal"]) == (199, 103)
    assert abs(deaths["road"] / 1539 - 0.684) < 0.001


def test_ten_years_at_the_city_s_scale_are_sixty_thousand() -> None:
    years = known_years(60_000)
    assert sum(len(sizes(y)) for y in years) == 60_000
    assert [y.year for y in years] == list(range(2004, 2014))
    # The small city has the last three already: what is added makes the whole, and changes no published figure.
    more = [sizes(y) for y in more_years(60_000)]
    assert sum(map(len, more)) == 60_000 - sum(len(sizes(y)) for y in known_years())
    assert [sum(one) for one in more[-3:]] == [0, 0, 0]


@pytest.mark.slow
@pytest.mark.django_db
def test_written_in_bulk_they_are_as_the_engine_would_have_made_them() -> None:
    with acting(TESTER, EVERYWHERE), clock.frozen(START):
        city = parties_demo.DemoCity(Random(1), START, "a-long-password", lambda text: None)
        parties_demo.load(city)
        demo.load(city)
        by_year = Accident.objects.filter(occurred_at__year=2012).aggregate(
            died=Sum("deaths"), fatal=Count("pk", filter=Q(deaths__gt=0))
        )
        assert by_year == {"died": 1539, "fatal": 1374}
        some = list(Accident.objects.select_related("category").order_by("-occurred_at")[:400])
        for case in some:
            reports = list(Report.objects.filter(accident=case))
            graded = rules.grade_of([version(r) for r in reports], case.occurred_at, case.category.window)
            assert case.grade == graded.grade
            assert case.state == "closed" or case.due_at == recomputed_due(case)
            assert case.reports_no == len(reports)
            assert case.version == CaseEntry.of(case).count()
            owed = [leg for leg in legs(case, reports) if leg.open]
            assert bool(owed) == (case.clock is not None)
            case.full_clean()
        counted = CaseCounter.objects.filter(series__startswith="accident:").values_list("last", flat=True)
        assert sum(counted) == Accident.objects.count()
        assert ReportFault.objects.filter(fault="late", state="suspected").exists()
        twice = Accident.objects.filter(trapped=1).first()
        assert twice is not None
        assert [s.same[0] for s in merging.similar_to(twice)] == ["place"]
