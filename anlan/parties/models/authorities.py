"""Authorities of the four tiers, and who answers to whom, with dates."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import Open

from ..names import all_initials
from .places import Dated, Division


class Authority(Kept):
    """A government, a safety committee's office, the comprehensive supervisor, an industry department.

    What an authority is called and whom it answers to changes: the comprehensive supervisor was the
    安监局 in 2013 and is the 应急管理局 since the reform of 2018. A reform ends one row and begins
    another, linked by `successor`; papers of before keep the name of before.
    """

    KINDS = (
        ("government", _("Government")),
        ("committee_office", _("Safety committee office")),
        ("supervisor", _("Comprehensive supervisor")),
        ("department", _("Industry department")),
        ("station", _("Township safety office")),
        ("village", _("Village committee")),
    )
    scope_rule = Open("who is in charge of what is published")
    called_by = "name"
    derived: ClassVar = {"pinyin": ("name", all_initials)}

    name = models.CharField(_("Name"), max_length=80, db_collation="C")
    short_name = models.CharField(_("Short name in document numbers"), max_length=20, blank=True)
    pinyin = models.CharField(_("Pinyin initials"), max_length=80, db_collation="C", editable=False, default="")
    kind = models.CharField(_("Kind"), max_length=20, choices=KINDS)
    tier = models.PositiveSmallIntegerField(_("Tier"), choices=Division.TIERS)
    area_code = AreaCode(_("Area"))
    industries = ArrayField(models.CharField(max_length=24), verbose_name=_("Industries"), null=True, blank=True)
    valid_from = models.DateField(_("In force from"), null=True, blank=True)
    valid_to = models.DateField(_("In force until (not included)"), null=True, blank=True)
    successor = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="predecessors", verbose_name=_("Succeeded by")
    )

    objects = Dated.as_manager()

    class Meta:
        verbose_name = _("Authority")
        indexes: ClassVar = [models.Index(fields=("area_code", "kind")), models.Index(fields=("pinyin",))]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("name", "valid_from"), name="authority_once", nulls_distinct=False)
        ]

    @property
    def first_industry(self) -> str | None:
        """Under which of its industries that which concerns the whole authority lies; None: it has none of its own."""
        return next(iter(self.industries or ()), None)

    def superiors(self, on: date) -> models.QuerySet[Authority]:
        """Those it answered to on that day."""
        links = Answering.objects.at(on).filter(authority=self)
        return Authority.objects.filter(pk__in=links.values("to"))

    def __str__(self) -> str:
        return self.name


class Answering(Kept):
    """One authority answers to another, from a day and until a day."""

    BONDS = (("leads", _("Leads")), ("guides", _("Guides in its field")))
    scope_rule = Open("who answers to whom is published")

    authority = models.ForeignKey(Authority, models.CASCADE, related_name="answers", verbose_name=_("Authority"))
    to = models.ForeignKey(Authority, models.CASCADE, related_name="answered_by", verbose_name=_("Answers to"))
    bond = models.CharField(_("Bond"), max_length=8, choices=BONDS, default="leads")
    valid_from = models.DateField(_("In force from"), null=True, blank=True)
    valid_to = models.DateField(_("In force until (not included)"), null=True, blank=True)

    objects = Dated.as_manager()

    class Meta:
        verbose_name = _("Who answers to whom")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(authority=models.F("to")), name="answers_to_another"),
            models.UniqueConstraint(
                fields=("authority", "to", "bond", "valid_from"), name="answering_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority} → {self.to}"
