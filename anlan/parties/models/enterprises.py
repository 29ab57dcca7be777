"""Enterprises."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel.areas import LAT, LON
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By

from .. import validators
from ..names import all_initials
from ..placenames import all_without_place
from .places import Industry, IndustryClass


def own_initials(names: list[str]) -> list[str]:
    """The pinyin initials of names without their place."""
    return all_initials(all_without_place(names))


def as_registered(codes: list[str | None]) -> list[str | None]:
    """Codes as their register writes them: capitals, no blanks; none is null and never empty."""
    return [(code or "").strip().upper() or None for code in codes]


class Enterprise(Kept):
    """A production or business unit (生产经营单位), in its place and under its supervised industry.

    `industry` is what supervision goes by. It follows from the GB/T 4754 code where the table maps it;
    null says "not mapped", and only those whose scope is all industries see it until a person decides.
    """

    STATUSES = (
        ("operating", _("Operating")),
        ("building", _("Under construction")),
        ("suspended", _("Production suspended")),
        ("closed", _("Shut down")),
        ("deregistered", _("Deregistered")),
    )
    scope_rule = By(area="area_code", industry="industry_id", enterprise="id")
    called_by = "name"
    derived: ClassVar = {
        "pinyin": ("name", all_initials),
        "own_name": ("name", all_without_place),
        "own_pinyin": ("name", own_initials),
        "credit_code": ("credit_code", as_registered),
        "registration_number": ("registration_number", as_registered),
    }

    name = models.CharField(_("Name"), max_length=120, db_collation="C")
    pinyin = models.CharField(_("Pinyin initials"), max_length=120, db_collation="C", editable=False, default="")
    own_name = models.CharField(
        _("Name without its place"), max_length=120, db_collation="C", editable=False, blank=True, default=""
    )
    own_pinyin = models.CharField(
        _("Pinyin initials without its place"), max_length=120, db_collation="C", editable=False, blank=True, default=""
    )
    credit_code = models.CharField(
        _("Unified social credit code"), max_length=18, db_collation="C", unique=True, null=True, blank=True,
        validators=[validators.credit_code],
    )  # fmt: skip
    registration_number = models.CharField(
        _("Registration number"), max_length=15, db_collation="C", unique=True, null=True, blank=True,
        validators=[validators.registration_number],
    )  # fmt: skip
    gb4754 = models.CharField(
        _("GB/T 4754 code"), max_length=4, blank=True, default="",
        validators=[RegexValidator(r"\A[0-9]{2,4}\Z", _("A code of GB/T 4754 is two to four digits, like 2610."))],
    )  # fmt: skip
    industry = models.ForeignKey(Industry, models.PROTECT, null=True, blank=True, verbose_name=_("Industry"))
    area_code = AreaCode(_("Area"))
    address = models.CharField(_("Address"), max_length=200, blank=True, default="")
    lon = models.FloatField(
        _("Longitude"), null=True, blank=True, validators=[MinValueValidator(LON[0]), MaxValueValidator(LON[1])],
        help_text=_("Degrees east, CGCS2000"),
    )  # fmt: skip
    lat = models.FloatField(
        _("Latitude"), null=True, blank=True, validators=[MinValueValidator(LAT[0]), MaxValueValidator(LAT[1])],
        help_text=_("Degrees north, CGCS2000"),
    )  # fmt: skip
    staff = models.PositiveIntegerField(_("Staff"), null=True, blank=True)
    revenue = models.DecimalField(
        _("Yearly revenue (10,000 yuan)"), max_digits=14, decimal_places=2, null=True, blank=True,
        validators=[MinValueValidator(0)],
    )  # fmt: skip
    high_hazard = models.BooleanField(_("High hazard"), default=False)
    above_scale = models.BooleanField(_("Above scale"), default=False)
    park = models.CharField(_("Industrial park"), max_length=60, blank=True, default="")
    status = models.CharField(_("Status"), max_length=12, choices=STATUSES, default="operating")
    phone = models.CharField(_("Telephone"), max_length=20, blank=True, default="")

    class Meta:
        verbose_name = _("Enterprise")
        indexes: ClassVar = [
            models.Index(fields=("area_code", "id")),
            models.Index(fields=("industry", "area_code")),
            # Picked out along the sort without a look at the table: names begin with their district's.
            models.Index(fields=("name", "id", "area_code"), name="enterprise_by_name"),
            models.Index(fields=("credit_code", "id", "area_code"), name="enterprise_by_code"),
            models.Index(fields=("pinyin", "id")),
            models.Index(fields=("own_name", "area_code"), name="enterprise_by_own_name"),
            models.Index(fields=("own_pinyin", "area_code"), name="enterprise_by_own_pinyin"),
            models.Index(fields=("staff", "id", "area_code"), name="enterprise_by_staff"),
        ]

    def save(self, *args: object, **kwargs: object) -> None:
        if self.industry_id is None and self.gb4754:
            self.industry_id = IndustryClass.industry_of(self.gb4754)
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return self.name
