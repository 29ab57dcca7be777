"""What holds for whoever drives or sails somewhere: speed limits of roads, waters that are restricted, fog, floods."""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.kernel.areas import LAT, LON
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import ANY, By

from .programmes import MOVING, PROGRAMMES

SPEED_LIMIT = "speed_limit"
TOLD = (
    (SPEED_LIMIT, _("Speed limit (km/h)")),
    ("restricted", _("Restricted water")),
    ("fog", _("Fog: no sailing")),
    ("flood", _("Flood stage: no sailing")),
)
"""What a device is told where it holds, by the names that rules use."""
ROADS = (
    ("expressway", _("Expressway")),
    ("road_single", _("Road with one lane each way")),
    ("road_undivided", _("Road without a centre line")),
    ("street_single", _("City street with one lane each way")),
    ("street_undivided", _("City street without a centre line")),
)
"""Classes of roads whose limit stands in the law (`monitoring.speed_limit.<class>`)."""
MOST_POINTS = 5_000
_POINT = re.compile(r"(-?\d{1,3}(?:\.\d{1,12})?)[,，](-?\d{1,3}(?:\.\d{1,12})?)")


def points(shape: str) -> list[tuple[float, float]]:
    """The points of a shape as (longitude, latitude). Raises `ValidationError`, which names the one that is none."""
    found = []
    for number, text in enumerate(re.split(r"[\s;；]+", shape.strip()), 1):
        matched = _POINT.fullmatch(text)
        point = (float(matched[1]), float(matched[2])) if matched else None
        if point is None or not (LON[0] <= point[0] <= LON[1] and LAT[0] <= point[1] <= LAT[1]):
            words = _("Point %(n)s is none: %(text)s. Write longitude,latitude in degrees, as 106.55,29.56.")
            raise ValidationError(words, params={"n": number, "text": text[:40] or "–"})
        found.append(point)
    if len(found) > MOST_POINTS:
        raise ValidationError(_("At most %(n)s points."), params={"n": MOST_POINTS})
    return found


class Restriction(Kept):
    """Something that holds on a road or a water from a moment on: who is there is told so, and rules go by it.

    The shape is a line with so many metres on both sides, or without metres an area. A speed limit is a number, or that
    of the road's class by law. A district enters its own; of what several say the strictest counts.
    """

    scope_rule = By(area="area_code", industry=ANY, enterprise=ANY)

    name = models.CharField(_("Name"), max_length=120)
    area_code = AreaCode(_("Area"))
    tells = models.CharField(_("What holds"), max_length=20, choices=TOLD)
    road_class = models.CharField(
        _("Class of the road"), max_length=20, choices=ROADS, blank=True, default="",
        help_text=_("Its limit is that of the law where no number is entered"),
    )  # fmt: skip
    value = models.FloatField(
        pgettext_lazy("restriction", "Value"), null=True, blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1_000)],
        help_text=_("Of a speed limit km/h, of a flood its stage"),
    )  # fmt: skip
    programme = models.CharField(
        _("Programme"), max_length=30, choices=[one for one in PROGRAMMES if one[0] in MOVING], blank=True, default="",
        help_text=_("Empty: all that drive and sail"),
    )  # fmt: skip
    shape = models.TextField(
        _("Points of the line or border"), max_length=200_000,
        help_text=_("longitude,latitude of each, a point to a line; CGCS2000"),
    )  # fmt: skip
    metres = models.PositiveIntegerField(
        _("Metres on both sides of the line"), null=True, blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text=_("Empty: the points surround an area"),
    )  # fmt: skip
    begins = models.DateTimeField(_("Holds from"))
    ends = models.DateTimeField(_("Holds until"), null=True, blank=True, help_text=_("Empty: until further notice"))
    basis = models.CharField(_("Rests on"), max_length=400)

    class Meta:
        verbose_name = _("Speed limit or restricted water")
        indexes: ClassVar = [models.Index(fields=("-begins", "id"), name="restriction_begins")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("name", "tells", "begins"), name="restriction_once"),
            models.CheckConstraint(
                condition=Q(ends__isnull=True) | Q(ends__gt=F("begins")), name="restriction_ends_after_begin"
            ),
        ]

    def clean(self) -> None:
        wrong: dict[str, Any] = {}
        if self.ends and self.begins and self.ends <= self.begins:
            wrong["ends"] = _("Not after its beginning.")
        if self.value is not None and not math.isfinite(self.value):
            wrong["value"] = _("A number that can be measured.")
        if self.tells == SPEED_LIMIT and not self.value and not self.road_class:
            wrong["value"] = _("How fast one may go there, or the class of the road.")
        if self.tells and self.tells != SPEED_LIMIT and self.road_class:
            wrong["road_class"] = _("Roads have classes, waters have none.")
        if self.shape:
            try:
                least, found = (2 if self.metres else 3), points(self.shape)
                if len(found) < least:
                    words = _("A line has two points at least.") if self.metres else _("An area has three at least.")
                    wrong["shape"] = words
            except ValidationError as error:
                wrong["shape"] = error
        if wrong:
            raise ValidationError(wrong)

    def __str__(self) -> str:
        return f"{self.name}"
