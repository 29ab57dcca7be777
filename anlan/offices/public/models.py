"""Who is named a model to others: enterprises of occupational health and of safety culture, and safe communities."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import ANY, By

KINDS = (("health", _("Occupational health")), ("culture", _("Safety culture")))
LEVELS = (("international", _("International")), ("national", _("National")), ("city", _("City level")))


class Named(Kept):
    """Named on a day by a document, until that is withdrawn."""

    named_on = models.DateField(_("Named on"))
    named_by = models.CharField(_("Named by"), max_length=80)
    document = models.CharField(_("Document"), max_length=80, blank=True, default="")
    withdrawn_on = models.DateField(_("Name withdrawn on"), null=True, blank=True)

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        if self.named_on and self.withdrawn_on and self.withdrawn_on < self.named_on:
            raise ValidationError({"withdrawn_on": _("This lies before the day on which it was named.")})


_IN_ORDER: Any = Q(withdrawn_on__isnull=True) | Q(withdrawn_on__gte=F("named_on"))


class ModelEnterprise(Named):
    """A model enterprise (示范企业): of occupational health (职业健康规范化企业) or of safety culture."""

    scope_rule = By(area="area_code", industry="industry_id", enterprise="enterprise_id")

    enterprise = models.ForeignKey("parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"))
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, blank=True)
    kind = models.CharField(_("Kind"), max_length=12, choices=KINDS)
    level = models.CharField(_("Level"), max_length=14, choices=LEVELS[1:])

    class Meta:
        verbose_name = _("Model enterprise")
        indexes: ClassVar = [models.Index(fields=("area_code", "kind")), models.Index(fields=("named_on",))]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("enterprise", "kind", "level"), name="model_enterprise_once"),
            models.CheckConstraint(condition=_IN_ORDER, name="model_enterprise_days"),
        ]

    def __str__(self) -> str:
        return f"{self.enterprise} {self.get_kind_display()}"


class SafeCommunity(Named):
    """A safe community (安全社区): a township, a village, an enterprise's quarter or a park."""

    scope_rule = By(area="area_code", industry=ANY, enterprise=ANY)
    called_by = "name"

    name = models.CharField(_("Name"), max_length=80)
    area_code = AreaCode(_("Area"))
    level = models.CharField(_("Level"), max_length=14, choices=LEVELS)

    class Meta:
        verbose_name = _("Safe community")
        indexes: ClassVar = [models.Index(fields=("area_code", "level")), models.Index(fields=("named_on",))]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("name", "level"), name="safe_community_once"),
            models.CheckConstraint(condition=_IN_ORDER, name="safe_community_days"),
        ]

    def __str__(self) -> str:
        return self.name
