"""The list of all finds."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..policy import Rights
from ..registers import Register, register
from .declaring import checks
from .models import Find
from .moving import SEERS


def sample(number: int) -> Find:
    return Find(
        check_name="hazards.dates", check_version=1, severity="grave", count=1, numbers={"n": 1},
        period=dt.date(2000 + number // 12 % 100, number % 12 + 1, 1), about=f"5001{number % 90 + 10}{number:06d}",
    )  # fmt: skip


@register
class Finds(Register):
    name = "honesty-finds"
    model = Find
    title = _("Finds of the honesty checks")
    singular = pgettext_lazy("honesty", "Find")
    icon = "zoom-question"
    group = "plan"
    columns = ("check_name", "about", "period", "severity", "count", "words", "state", "found_at")
    filters = ("check_name", "state", "severity", "period", "about", "area_code", "found_at")
    choices = {"check_name": lambda: [(one.name, one.title) for one in checks()]}
    exact = ("check_name",)
    labels = {"words": pgettext_lazy("honesty", "What was found")}
    further = ("chance", "check_version", "seen_at")
    order = "-period"
    sample = staticmethod(sample)
    rights = Rights(see=SEERS)
