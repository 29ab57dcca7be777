"""What accidents are held against: an area's output, its people, vehicles and coal, as statistics publish them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By

KINDS = (
    ("output", _("Gross regional product (100 million yuan)")),
    ("employees", _("Employees in industry, mining and commerce (10,000)")),
    ("vehicles", _("Motor vehicles (10,000)")),
    ("coal", _("Raw coal (10,000 tonnes)")),
    ("population", _("Resident population (10,000)")),
)
"""In the units in which yearbooks print them."""
INDUSTRIES = (("road", _("Road transport")), ("coal", _("Coal mines")))
OF_INDUSTRY = {"vehicles": "road", "coal": "coal"}
"""What one industry's department needs to count its own rate. The others hold for the area as a whole."""


def _first_of(year: Any, month: Any) -> models.Func:
    return models.Func(
        Cast(year, models.IntegerField()), Cast(month, models.IntegerField()), models.Value(1),
        function="make_date", output_field=models.DateField(),
    )  # fmt: skip


class BaseFigure(Kept):
    """One number of an area, of a year or of its first months.

    It is the area's own, as published: a city's is not the sum of its districts'. Statistics revise what they first
    gave; the stage says which this is, the history what stood before.
    """

    STAGES = (("preliminary", _("Preliminary")), ("final", _("Final")))
    scope_rule = By(area="area_code", industry="industry_id")
    derived: ClassVar = {"industry_id": ("kind", lambda kinds: [OF_INDUSTRY.get(kind) for kind in kinds])}

    kind = models.CharField(_("Kind"), max_length=12, choices=KINDS)
    area_code = AreaCode(_("Area"))
    industry_id = models.CharField(_("Industry"), max_length=24, choices=INDUSTRIES, null=True, editable=False)
    year = models.PositiveSmallIntegerField(_("Year"), validators=[MinValueValidator(1949), MaxValueValidator(2199)])
    months = models.PositiveSmallIntegerField(
        _("From January to month"), default=12, validators=[MinValueValidator(1), MaxValueValidator(12)],
        help_text=_("12: the whole year"),
    )  # fmt: skip
    value = models.DecimalField(_("Value"), max_digits=18, decimal_places=4, validators=[MinValueValidator(Decimal(0))])
    stage = models.CharField(_("Stage"), max_length=12, choices=STAGES, default="preliminary")
    source = models.CharField(_("Source"), max_length=200)
    begins = models.GeneratedField(
        expression=_first_of(models.F("year"), models.Value(1)), output_field=models.DateField(), db_persist=True
    )
    ends = models.GeneratedField(
        expression=_first_of(
            models.F("year") + models.F("months") / models.Value(12), models.F("months") % models.Value(12) + 1
        ),
        output_field=models.DateField(),
        db_persist=True,
    )
    """The first day that it no longer speaks of."""

    class Meta:
        verbose_name = _("Base figure")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("kind", "area_code", "year", "months"), name="base_figure_once"),
            models.CheckConstraint(condition=models.Q(months__range=(1, 12)), name="base_figure_months"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.year}"
