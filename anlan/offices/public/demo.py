"""The demonstration city's models: about as many in half of the year as half of the notice's numbers."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from anlan.parties.demo import DemoCity
from anlan.parties.models import Division

from .models import ModelEnterprise, SafeCommunity

BY = {
    "international": "世界卫生组织社区安全促进合作中心",
    "national": "中国职业安全健康协会",
    "city": "重庆市安全生产监督管理局",
}
MODELS = (("health", "city", 46), ("culture", "national", 2), ("culture", "city", 41))
COMMUNITIES = (("international", 0), ("national", 3), ("city", 38))
"""So many named since New Year; as many again the year before."""


def load(city: DemoCity) -> None:
    rng, today = Random("models"), city.now.date()  # noqa: S311 (synthetic data)
    good = sorted((e for e in city.enterprises if e.status == "operating"), key=city.diligence, reverse=True)[:600]
    places = rng.sample(list(Division.objects.filter(tier=3).order_by("code")), 300)
    new_year = date(today.year, 1, 1)

    def day(n: int, number: int) -> date:
        """Half of them since New Year, half in the year before."""
        if n < number:
            return new_year + timedelta(days=rng.randrange(1, (today - new_year).days))
        return new_year - timedelta(days=rng.randrange(1, 360))

    models = []
    for kind, level, number in MODELS:
        for n, enterprise in enumerate(rng.sample(good, 2 * number)):
            models.append(ModelEnterprise(
                enterprise=enterprise, area_code=enterprise.area_code, industry_id=enterprise.industry_id, kind=kind,
                level=level, named_on=day(n, number), named_by=BY[level],
            ))  # fmt: skip
    ModelEnterprise.objects.bulk_create(models)
    communities = []
    for level, number in COMMUNITIES:
        for n in range(2 * number):
            place = places.pop()
            communities.append(SafeCommunity(
                name=f"{place.parent}{place.name}安全社区", area_code=place.code, level=level, named_on=day(n, number),
                named_by=BY[level],
            ))  # fmt: skip
    SafeCommunity.objects.bulk_create(communities)
    city.say(f"model enterprises: {len(models)}, safe communities: {len(communities)}")
