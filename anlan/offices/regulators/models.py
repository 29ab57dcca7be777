"""The supervising bodies themselves: whether each has the body, the staff and the equipment that it should have."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import ANY, By

MOST = [MaxValueValidator(10_000)]


class Capacity(Kept):
    """What one authority has against what it should have; so much staff is `required` by the norm for its size."""

    scope_rule = By(area="area_code", industry=ANY, enterprise=ANY, at="authority")

    authority = models.ForeignKey("parties.Authority", models.PROTECT, verbose_name=_("Authority"))
    area_code = AreaCode(_("Area"))
    established_on = models.DateField(
        _("Body established on"), null=True, blank=True, help_text=_("Empty: there is none yet")
    )
    document = models.CharField(_("Document of establishment"), max_length=60, blank=True, default="")
    required = models.PositiveIntegerField(
        _("Full-time staff required"), validators=MOST, help_text=_("By the city's norm for the population")
    )
    staff = models.PositiveIntegerField(_("Full-time staff"), validators=MOST, default=0)
    certified = models.PositiveIntegerField(_("Of these, with a post certificate"), validators=MOST, default=0)
    equipped = models.BooleanField(_("Equipment complete"), default=False)

    class Meta:
        verbose_name = _("Capacity of a supervising body")
        indexes: ClassVar = [models.Index(fields=("area_code", "established_on"))]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("authority",), name="capacity_once"),
            models.CheckConstraint(condition=Q(certified__lte=F("staff")), name="certified_among_staff"),
        ]

    def clean(self) -> None:
        super().clean()
        if self.certified is not None and self.staff is not None and self.certified > self.staff:
            raise ValidationError({"certified": _("More than there are staff.")})

    def __str__(self) -> str:
        return str(self.authority)
