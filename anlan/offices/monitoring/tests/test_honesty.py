"""Each check of warnings finds the lie that was planted for it, and nothing in records that are honest."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.honesty import running
from anlan.kernel.honesty.declaring import named
from anlan.offices.monitoring.models import EarlyWarning

from .conftest import BANAN, BEIJING, YUBEI, device

pytestmark = pytest.mark.usefixtures("everywhere")
MAY = date(2013, 5, 1)
AT = datetime(2013, 5, 9, 10, tzinfo=BEIJING)
DISTRICT = "500112000000"
_numbers = count(1)


def warning(area: str = YUBEI, **facts: Any) -> EarlyWarning:
    n = next(_numbers)
    coach = device(f"k{n}", area)
    told = {"opened_at": AT, "measured_at": AT, "closed_at": AT + timedelta(minutes=20), "state": "handled"} | facts
    return EarlyWarning.objects.create(
        number=f"样警〔2013〕{n}号", title="样本预警", device=coach, rule="overspeed", programme="coaches",
        rule_source="样本", value=1, level="red", enterprise=coach.enterprise, area_code=area, owner_area_code=area,
        **told,
    )  # fmt: skip


def ended(of: EarlyWarning, at: datetime, by: int) -> None:
    CaseEntry.objects.create(
        **CaseEntry.keys(of), move="dismiss", from_state="open", to_state="false", at=at, version=2, by_id=by,
        by_name=f"值班员{by}",
    )  # fmt: skip


def found(name: str) -> dict[str, running.Odd]:
    one = named(name)
    assert one is not None
    return {odd.area: odd for odd in running.found(one, MAY, running.moments(MAY))}


def test_a_warning_that_ends_before_it_begins_is_found() -> None:
    before = warning(closed_at=AT - timedelta(minutes=1))
    ahead = warning(measured_at=AT + timedelta(minutes=30))
    warning(BANAN)
    warning(BANAN, measured_at=AT + timedelta(minutes=24))  # the device's clock is some minutes ahead
    odd = found("monitoring.dates")
    assert {area: one.n for area, one in odd.items()} == {DISTRICT: 2}
    assert {key for key, *_rest in odd[DISTRICT].records} == {before.pk, ahead.pk}


def test_warnings_clicked_away_in_a_row_are_found_and_handling_with_a_look_is_not() -> None:
    for n in range(5):
        ended(warning(), AT + timedelta(seconds=8 * n), by=1)
        ended(warning(BANAN), AT + timedelta(minutes=3 * n), by=2)
        ended(warning(BANAN), AT + timedelta(seconds=8 * n), by=10 + n)  # five people at once
    odd = found("monitoring.in_a_row")
    assert {area: (one.n, one.numbers["people"]) for area, one in odd.items()} == {DISTRICT: (5, 1)}
    assert odd[DISTRICT].records[0][1].startswith("值班员1 2013-05-09 10:00")
