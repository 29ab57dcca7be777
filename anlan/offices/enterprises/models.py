"""What enterprises do of their own duty: standardization (安全生产标准化)."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By

LEVELS = ((1, _("Level one")), (2, _("Level two")), (3, _("Level three")))
"""One is the highest: AQ/T 9006-2010."""


class Standardization(Kept):
    """How far an enterprise is: begun, and with which level attained, valid until when. What was before, its history
    keeps: an enterprise has one level at a time."""

    scope_rule = By(area="area_code", industry="industry_id", enterprise="enterprise_id")

    enterprise = models.ForeignKey("parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"))
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, blank=True)
    aimed = models.PositiveSmallIntegerField(_("Level aimed at"), choices=LEVELS)
    started_on = models.DateField(_("Started on"), help_text=_("The day on which it formally began to build it"))
    level = models.PositiveSmallIntegerField(_("Level attained"), choices=LEVELS, null=True, blank=True)
    score = models.DecimalField(
        _("Score of the review"), max_digits=4, decimal_places=1, null=True, blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )  # fmt: skip
    attained_on = models.DateField(_("Attained on"), null=True, blank=True)
    valid_until = models.DateField(_("Valid until"), null=True, blank=True)
    certificate = models.CharField(_("Certificate number"), max_length=60, blank=True, default="")
    ended_on = models.DateField(_("Given up or revoked on"), null=True, blank=True)

    class Meta:
        verbose_name = _("Standardization")
        indexes: ClassVar = [
            models.Index(fields=("area_code", "industry")), models.Index(fields=("started_on",)),
            models.Index(fields=("valid_until",)),
        ]  # fmt: skip
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("enterprise",), name="standardized_once"),
            models.CheckConstraint(
                condition=Q(level__isnull=True, attained_on__isnull=True, valid_until__isnull=True)
                | Q(level__isnull=False, attained_on__gte=F("started_on"), valid_until__gt=F("attained_on")),
                name="attained_as_a_whole",
            ),
        ]

    def clean(self) -> None:
        super().clean()
        told = (self.level, self.attained_on, self.valid_until)
        if any(one is None for one in told) and any(one is not None for one in told):
            raise ValidationError({"level": _("Level, day and validity are told together, or none of them.")})
        if self.attained_on and self.started_on and self.attained_on < self.started_on:
            raise ValidationError({"attained_on": _("This lies before the start.")})
        if self.attained_on and self.valid_until and self.valid_until <= self.attained_on:
            raise ValidationError({"valid_until": _("This is not after the day on which it was attained.")})

    def __str__(self) -> str:
        return f"{self.enterprise} {self.get_level_display() if self.level else ''}".strip()
