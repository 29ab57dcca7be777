"""The office's numbers hold on the dates they should."""

from datetime import date

import pytest

from anlan.kernel import law
from anlan.offices.hazards.rules import Period


def test_returns_are_due_by_the_15th_and_31st__decree_16_art_14() -> None:
    on = date(2013, 6, 14)
    assert Period(2013, 2).due(law.value("hazards.return_day_quarterly", on=on).value) == date(2013, 7, 15)
    assert Period(2013).due(law.value("hazards.return_day_yearly", on=on).value) == date(2014, 1, 31)


def test_before_decree_16_no_rule_held() -> None:
    with pytest.raises(law.NoRuleInForce):
        law.value("hazards.return_day_quarterly", on=date(2008, 1, 31))
