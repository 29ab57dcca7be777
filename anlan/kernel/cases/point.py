"""Where a case lies on the map: within the country's bounds, and never half a point."""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext as _

from anlan.kernel.areas import LAT, LON


def faults(lon: Decimal | None, lat: Decimal | None) -> dict[str, list[str]]:
    """What is wrong with a point, by field; nothing where there is none."""
    said = {"lon": lon, "lat": lat}
    if lon is None and lat is None:
        return {}
    if missing := [name for name, degrees in said.items() if degrees is None]:
        return {missing[0]: [_("Longitude and latitude belong together: give both, or neither.")]}
    wrong = {}
    for name, (least, most) in {"lon": LON, "lat": LAT}.items():
        try:
            MinValueValidator(least)(said[name])
            MaxValueValidator(most)(said[name])
        except ValidationError as error:
            wrong[name] = list(error.messages)
    return wrong
