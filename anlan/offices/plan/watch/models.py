"""What has slipped, since when, and until when: the warnings as a history."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By
from anlan.parties.models import Authority, Industry

RANK = {"risk": 1, "over": 2, "impossible": 3, "unproved": 1}
"""The levels, the worse the higher."""


class Slip(Kept):
    """A target, or a district's or industry's part of it, that stands worse than it should; or a clause unproved.

    One row as long as it stands at one level. `better_since` is the day since which it has stood better: only after
    some days is it over, so that a figure that swings about its line tells nobody anything new. Targets are named by
    year and number, clauses by year and id, so that both hold on when the plan is amended. Numbers are those of the
    day last looked at, `day`. `authority` and `period` belong to clauses.
    """

    LEVELS = (
        ("risk", _("In danger")),
        ("over", _("Beyond its line")),
        ("impossible", _("Number passed")),
        ("unproved", _("Proof is missing")),
    )
    STATES = (
        ("open", pgettext_lazy("warning", "Stands")),
        ("worse", pgettext_lazy("warning", "Became worse")),
        ("eased", pgettext_lazy("warning", "Became better")),
        ("cleared", pgettext_lazy("warning", "All clear")),
        ("gone", pgettext_lazy("warning", "No longer demanded")),
    )
    scope_rule = By(area="area_code", industry="industry_id")

    year = models.PositiveSmallIntegerField(_("Year"))
    code = models.CharField(_("Target or clause"), max_length=24, db_collation="C")
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey(Industry, models.PROTECT, null=True, blank=True, verbose_name=_("Industry"))
    authority = models.ForeignKey(
        Authority, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Duty-holder")
    )
    period = models.CharField(_("Period"), max_length=12, db_collation="C", blank=True, default="")
    level = models.CharField(pgettext_lazy("warning", "Level"), max_length=10, choices=LEVELS)
    state = models.CharField(_("State"), max_length=8, choices=STATES, default="open")
    since = models.DateField(_("Since"))
    day = models.DateField(_("Last looked at"))
    better_since = models.DateField(_("Better since"), null=True)
    ended = models.DateField(pgettext_lazy("warning", "Until"), null=True)
    actual = models.DecimalField(_("To date"), max_digits=18, decimal_places=4, null=True)
    line = models.DecimalField(_("Line of the day"), max_digits=18, decimal_places=4, null=True)
    number = models.DecimalField(_("Number of the year"), max_digits=18, decimal_places=4, null=True)
    median = models.IntegerField(_("Forecast of the year's end"), null=True)
    chance = models.FloatField(_("Chance that it is kept"), null=True)

    class Meta:
        verbose_name = pgettext_lazy("target", "Warning")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("year", "code", "area_code", "industry", "authority", "period"), condition=Q(state="open"),
                name="slip_one_open", nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(state="open", ended=None) | (~Q(state="open") & Q(ended__isnull=False)),
                name="slip_ended_has_day",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [models.Index(fields=("area_code", "state"))]

    @property
    def rank(self) -> int:
        return RANK[self.level]

    def __str__(self) -> str:
        return f"{self.year} {self.code} {self.get_level_display()}"
