"""Devices that watch and report, and how many of them there must be."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.kernel.areas import LAT, LON
from anlan.kernel.cases.models import Case
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By

from .programmes import PROGRAMMES, PROTOCOLS
from .rule_models import LEVELS, Calibration, DeviceSetting, Rule, RuleTrial, RuleVersion, Suppressed

__all__ = [
    "LEVELS", "Calibration", "Device", "DeviceSetting", "EarlyWarning", "Quota", "Rule", "RuleTrial", "RuleVersion",
    "Suppressed",
]  # fmt: skip

_SCOPED = By(area="area_code", industry="industry_id", enterprise="enterprise_id")


def trimmed(codes: list[str | None]) -> list[str | None]:
    """Codes without what stands around them."""
    return [(code or "").strip() for code in codes]


class Device(Kept):
    """One device: a vehicle's terminal, a sensor, a lift's gateway. `code` is what it calls itself on the wire.

    In service from `installed_on` until `removed_on`. `calibrated_until` is the last day on which its calibration, or
    its test, is valid; null for what needs none. `heard_at` is the moment of its latest reading.
    """

    scope_rule = _SCOPED
    called_by = "code"
    derived: ClassVar = {"code": ("code", trimmed)}

    code = models.CharField(
        _("Device code"), max_length=64, db_collation="C", unique=True,
        help_text=_("What it calls itself: terminal number, MMSI, topic"),
        validators=[RegexValidator(r"\A[^\s/+#]+\Z", _("Without blanks, and without / + and #."))],
    )  # fmt: skip
    name = models.CharField(_("Name"), max_length=120)
    programme = models.CharField(_("Programme"), max_length=30, choices=PROGRAMMES)
    protocol = models.CharField(_("Protocol"), max_length=8, choices=PROTOCOLS)
    enterprise = models.ForeignKey("parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"))
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, blank=True)
    place = models.CharField(_("Place of installation"), max_length=200, blank=True, default="")
    lon = models.FloatField(
        _("Longitude"), null=True, blank=True, validators=[MinValueValidator(LON[0]), MaxValueValidator(LON[1])],
        help_text=_("Degrees east, CGCS2000"),
    )  # fmt: skip
    lat = models.FloatField(
        _("Latitude"), null=True, blank=True, validators=[MinValueValidator(LAT[0]), MaxValueValidator(LAT[1])],
        help_text=_("Degrees north, CGCS2000"),
    )  # fmt: skip
    maker = models.CharField(_("Maker and model"), max_length=120, blank=True, default="")
    installed_on = models.DateField(_("In service since"))
    removed_on = models.DateField(_("Out of service since"), null=True, blank=True)
    calibrated_until = models.DateField(
        _("Calibration valid until"), null=True, blank=True, help_text=_("Empty: needs none")
    )
    replaced_by = models.ForeignKey("self", models.PROTECT, verbose_name=_("Replaced by"), null=True, blank=True)
    heard_at = models.DateTimeField(_("Latest reading"), null=True, editable=False)

    class Meta:
        verbose_name = _("Device")
        indexes: ClassVar = [
            models.Index(fields=("area_code", "programme")),
            models.Index(fields=("enterprise", "programme")),
            models.Index(fields=("heard_at",)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(removed_on__isnull=True) | Q(removed_on__gte=F("installed_on")),
                name="device_ends_after_begin",
            ),
            models.CheckConstraint(condition=~Q(replaced_by=F("id")), name="device_not_by_itself"),
        ]

    def clean(self) -> None:
        wrong: dict[str, Any] = {}
        if self.removed_on and self.installed_on and self.removed_on < self.installed_on:
            wrong["removed_on"] = _("Before it was in service.")
        if self.replaced_by_id and self.replaced_by_id == self.pk:
            wrong["replaced_by"] = _("A device is not replaced by itself.")
        if (self.lon is None) != (self.lat is None):
            wrong["lon" if self.lon is None else "lat"] = _("A place on the map has both coordinates.")
        if wrong:
            raise ValidationError(wrong)

    def __str__(self) -> str:
        return f"{self.name} {self.code}"


class Quota(Kept):
    """How many devices of a programme an enterprise must have, from a day on, and on what that rests."""

    scope_rule = _SCOPED

    enterprise = models.ForeignKey("parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"))
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, blank=True)
    programme = models.CharField(_("Programme"), max_length=30, choices=PROGRAMMES)
    required = models.PositiveIntegerField(_("Devices required"), validators=[MaxValueValidator(100_000)])
    since = models.DateField(_("Required since"))
    until = models.DateField(_("Required until"), null=True, blank=True, help_text=_("Empty: until further notice"))
    basis = models.CharField(_("Rests on"), max_length=200)

    class Meta:
        verbose_name = _("Devices required")
        indexes: ClassVar = [models.Index(fields=("area_code", "programme"))]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("enterprise", "programme", "since"), name="quota_once_a_day"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="quota_ends_after_begin"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_programme_display()} {self.required}"


class EarlyWarning(Case):
    """What a rule told of a device, driven to its end: looked at, dealt with or found false.

    One for a device and a rule at a time: the database holds to it. `told` keeps each event of the rule that belongs to
    it, so that what the evaluation says twice (after a crash) counts once. `measured_at` is the moment of the reading
    that opened it, `cleared_at` that of the one with which all of it was over; both are the device's time.
    """

    scope_rule = _SCOPED

    enterprise = models.ForeignKey("parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"))
    device = models.ForeignKey(Device, models.PROTECT, verbose_name=_("Device"), related_name="warnings")
    level = models.CharField(_("Level"), max_length=24, choices=LEVELS)
    programme = models.CharField(_("Programme"), max_length=30, choices=PROGRAMMES)
    rule = models.CharField(_("Rule"), max_length=60)
    rule_source = models.CharField(_("Rule rests on"), max_length=400)
    rule_version = models.ForeignKey(
        RuleVersion, models.PROTECT, verbose_name=_("Version of the rule"), null=True, blank=True, related_name="+"
    )
    value = models.FloatField(_("Reading"))
    measured_at = models.DateTimeField(_("Measured at"))
    cleared_at = models.DateTimeField(_("Back to normal at"), null=True, blank=True, editable=False)
    told = models.JSONField(_("Events"), default=list, blank=True, editable=False)
    findings = models.TextField(pgettext_lazy("warning", "What was done"), max_length=4000, blank=True, default="")
    cause = models.TextField(_("Cause of the false alarm"), max_length=1000, blank=True, default="")

    class Meta(Case.Meta):
        abstract = False
        verbose_name = _("Warning")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("device", "rule"), condition=Q(closed_at__isnull=True), name="one_open_warning"
            )
        ]
        indexes: ClassVar = [
            *Case.Meta.indexes,
            models.Index(fields=("area_code", "measured_at"), name="earlywarning_area"),
            models.Index(fields=("device", "rule", "measured_at"), name="earlywarning_device"),
        ]
