"""A case's history in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.forms import DecimalField
from django.utils import translation

from anlan.kernel.cases.escalation import Rise
from anlan.kernel.cases.history import show, tell_rise
from anlan.kernel.clock import BEIJING

NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("language", "days", "words"),
    [
        ("en", 1, "Overdue by 1 day, risen to the city"), ("en", 2, "Overdue by 2 days, risen to the city"),
        ("zh-hans", 1, "逾期 1 天，已上报the city"),
    ],
)  # fmt: skip
def test_one_day_is_one_day(language: str, days: int, words: str) -> None:
    rule: Any = SimpleNamespace(name="逾期上报", name_en="Escalation")
    after: Any = SimpleNamespace(version=1)
    rise = Rise(NOON, NOON - timedelta(days=days), days, "city", "", "the city", 1, rule, NOON, after)
    with translation.override(language):
        assert tell_rise(rise).words == words


def test_a_number_reads_the_same_from_the_column_and_from_the_history() -> None:
    assert show(Decimal("106.500000")) == show("106.5", DecimalField()) == "106.5"
    assert show(Decimal("12000.00")) == show("12000", DecimalField()) == "12,000"
    assert show(Decimal("0.000001")) == "0.000001"
