"""Each check of accidents finds the lie that was planted for it, and nothing in records that are honest."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from anlan.kernel.clock import BEIJING
from anlan.kernel.deadlines import add_months
from anlan.kernel.honesty import running
from anlan.kernel.honesty.declaring import named
from anlan.offices.accidents.models import Accident, Report
from anlan.offices.accidents.registers import sample_accident

from .conftest import BANAN, YUBEI

pytestmark = pytest.mark.usefixtures("everywhere")
MAY = date(2013, 5, 1)
AT = datetime(2013, 5, 9, 10, tzinfo=BEIJING)
_numbers = count(1)


def accident(at: datetime = AT, area: str = YUBEI, **facts: Any) -> Accident:
    made = sample_accident(next(_numbers))
    made.occurred_at, made.area_code = at, area
    for name, value in facts.items():
        setattr(made, name, value)
    made.save()
    return made


def report(of: Accident, no: int = 1, after: timedelta = timedelta(minutes=30), **facts: Any) -> None:
    said = {"deaths": of.deaths, "missing": 0, "said_at": None} | facts
    Report.objects.create(
        accident=of, area_code=of.area_code, no=no, kind="first", from_level="unit", to_level="district",
        at=of.occurred_at + after, grade="ordinary", article="样本", by_name="值班员", course="坍塌", **said,
    )  # fmt: skip


def found(name: str) -> dict[str, running.Odd]:
    one = named(name)
    assert one is not None
    return {odd.area: odd for odd in running.found(one, MAY, running.moments(MAY))}


def test_deaths_that_fall_below_the_line_of_a_grade_are_found() -> None:
    fell = accident(deaths=2)
    report(fell, deaths=2, missing=1)  # three: a larger accident by Decree 493, Article 3
    report(fell, no=2, deaths=2)
    same = accident(area=BANAN, deaths=3)
    report(same, deaths=3)
    fewer = accident(area=BANAN, deaths=1)  # within its grade
    report(fewer, deaths=2)
    odd = found("accidents.under_the_line")
    assert {area: one.n for area, one in odd.items()} == {YUBEI: 1}
    assert odd[YUBEI].records == [[fell.pk, "3 → 2", None]]


def test_a_report_before_the_accident_is_found() -> None:
    early, honest = accident(), accident(area=BANAN)
    report(early, after=timedelta(minutes=-5))
    report(honest, said_at=AT + timedelta(minutes=10))
    told = accident()
    report(told, said_at=AT - timedelta(minutes=10))
    odd = found("accidents.dates")
    assert {area: one.n for area, one in odd.items()} == {YUBEI: 2}
    assert {(key, code) for key, _said, code in odd[YUBEI].records} == {(early.pk, "reported"), (told.pk, "said")}


def test_silence_after_many_is_found_and_few_say_nothing() -> None:
    for n in range(72):  # six a month: an empty one has a chance of 0.3 %
        accident(datetime.combine(add_months(MAY, -1 - n % 12), AT.timetz()))
    for n in range(6):
        accident(datetime.combine(add_months(MAY, -1 - n), AT.timetz()), BANAN)
    odd = found("accidents.silent")
    assert list(odd) == [YUBEI]
    assert odd[YUBEI].chance is not None
    assert odd[YUBEI].chance < 0.01
    assert odd[YUBEI].chart[-1] == ["2013-05", 0]
    accident()
    assert found("accidents.silent") == {}
