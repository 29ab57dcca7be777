"""A target's number in parts, by what each district or industry had last year."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from anlan.engines.measures import Period, apportioned
from anlan.kernel import areas
from anlan.kernel.figures.computing import lately
from anlan.kernel.locks import alone
from anlan.kernel.scope import area_prefix
from anlan.parties.models import Division, Industry

from ..models import Portion
from .standing import Told


def portions(told: Told, to: str, keep: int, reason: str) -> int:
    """Apportions the city's number, less what is kept, by last year's figures. How many parts; ValueError: why not."""
    target, measure = told.target, told.measure
    assert measure is not None
    assert told.whole is not None
    number = told.whole.state.number
    if not isinstance(number, int):
        raise ValueError(_("Only a count can be apportioned."))
    if keep > number:
        raise ValueError(_("More is kept than there is."))
    year = target.plan.year
    figures = lately((measure.name,), Period.of("year", date(year - 1, 1, 1)), by=("area", "industry"), tier=2)
    if to == "area":
        city = target.plan.area_code
        places = Division.objects.at(date(year, 1, 1)).filter(areas.within(area_prefix(city), "code"), tier=2)
        keys = [(code, None) for code in places.order_by("code").values_list("code", flat=True)]
        weights = [figures.at(measure, area=area_prefix(code)).now.value or 0 for code, _none in keys]
    else:
        keys = [
            (target.plan.area_code, code) for code in Industry.objects.order_by("code").values_list("pk", flat=True)
        ]
        weights = [figures.at(measure, industry=code).now.value or 0 for _city, code in keys]
    if number == keep:
        parts = [0] * len(keys)
    elif any(weights):
        parts = apportioned(number - keep, weights)
    else:
        raise ValueError(_("Last year had none of it anywhere: there is nothing to apportion by."))
    with transaction.atomic():
        # Of two who apportion it at once the second waits, and his parts stand.
        alone(f"plan.portions.{target.code}", year)
        known = {(p.area_code, p.industry_id): p for p in Portion.objects.filter(year=year, code=target.code)}
        for key, value in zip(keys, parts, strict=True):
            part = known.get(key) or Portion(year=year, code=target.code, area_code=key[0], industry_id=key[1])
            if part.pk is None or part.value != value or part.reason != reason:
                part.value, part.reason = Decimal(value), reason
                part.save()
    return len(keys)
