"""Which enterprise to inspect next: each ranking with what it was learnt from, and the list that it gave."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.kernel.figures.words import chance
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By, Open

STATES = (
    ("ranked", _("By the chance of finding something grave")),
    ("no_better", _("By the time since the last inspection: the ranking found no more")),
    ("too_few", _("By the time since the last inspection: too few inspections are recorded")),
)
LEVELS = (
    ("well_above", pgettext_lazy("chance", "Far above the average")),
    ("above", pgettext_lazy("chance", "Above the average")),
    ("usual", pgettext_lazy("chance", "About the average")),
    ("below", pgettext_lazy("chance", "Below the average")),
)
"""From twice, 1.25 times and 0.8 times the average on."""
LIMITS = (2.0, 1.25, 0.8)


class Ranking(Kept):
    """One learning and its back-test; its key is its version. `method` is the whole of the model as numbers."""

    scope_rule = Open("how enterprises are ranked is no secret; it names none of them")

    as_of = models.DateField(_("As of"))
    state = models.CharField(_("Order"), max_length=12, choices=STATES)
    visits = models.PositiveIntegerField(_("Inspections recorded"))
    found = models.PositiveIntegerField(_("Of these, that found a major danger"))
    learnt_from = models.PositiveIntegerField(_("Inspections learnt from"))
    enterprises = models.PositiveIntegerField(_("Enterprises ranked"))
    average = models.FloatField(_("Average chance"), null=True)
    seed = models.PositiveIntegerField(_("Seed"))
    trials = models.JSONField(default=list)
    method = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("Ranking for inspection")

    def __str__(self) -> str:
        return f"{self.pk} · {self.as_of:%Y-%m-%d}"


class InspectNext(models.Model):
    """One enterprise in the last ranking. Closed to enterprises: who knows when he is visited tidies up before.

    `place` is its place in the order of the whole city, `lot` its place in an order drawn by lot, for the inspections
    that are to be random. `factors` are what speaks for a visit, the strongest first, and `amounts` how much of each.
    """

    scope_rule = By(area="area_code", industry="industry_id")
    audited = False  # made anew every night from records that are audited themselves

    id = models.BigAutoField(primary_key=True)
    enterprise = models.OneToOneField(
        "parties.Enterprise", models.CASCADE, verbose_name=_("Enterprise"), related_name="+"
    )
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, blank=True)
    place = models.PositiveIntegerField(pgettext_lazy("in an order", "Place in the city"))
    lot = models.PositiveIntegerField(_("By lot"))
    level = models.CharField(_("Against the average"), max_length=12, choices=LEVELS, blank=True, default="")
    chance = models.FloatField(_("Chance"), null=True, blank=True)
    visited_on = models.DateField(_("Last inspected on"), null=True, blank=True)
    waits = models.PositiveIntegerField(_("Days since the last inspection"), null=True, blank=True)
    factors = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    amounts = ArrayField(models.FloatField(), default=list, blank=True)

    class Meta:
        verbose_name = _("Enterprise to inspect next")
        indexes: ClassVar = [
            models.Index(fields=("place",), name="inspect_place"),
            models.Index(fields=("lot",), name="inspect_lot"),
            models.Index(fields=("waits",), name="inspect_waits"),
            models.Index(fields=("area_code", "place"), name="inspect_area"),
            models.Index(fields=("industry", "place"), name="inspect_industry"),
        ]

    def get_chance(self) -> str:
        """The chance as it is said: no closer than one in a hundred."""
        return chance(self.chance)

    def why(self) -> str:
        """What speaks for a visit, in one line."""
        from .wording import reasons

        return reasons(self)

    why.short_description = _("What speaks for it")  # type: ignore[attr-defined]

    def __str__(self) -> str:
        return str(self.enterprise)


def latest() -> Any:
    """The ranking from which the list is, or None before the first."""
    return Ranking.objects.order_by("-pk").first()
