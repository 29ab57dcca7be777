"""The demonstration city's standardization: high hazard is nearly all begun, half of the rest, a third has a level."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from anlan.parties.demo import DemoCity

from .models import Standardization

YEARS = 3
"""So long a certificate is valid."""


def load(city: DemoCity) -> None:
    rng, today = Random("standardization"), city.now.date()  # noqa: S311 (synthetic data)
    rows: list[Standardization] = []
    for enterprise in city.enterprises:
        begins = 0.95 if enterprise.high_hazard else 0.85 if enterprise.above_scale else 0.5
        if enterprise.status == "closed" or rng.random() > begins:
            continue
        started = today - timedelta(days=rng.randrange(20, 1400))
        row = Standardization(
            enterprise=enterprise, area_code=enterprise.area_code, industry_id=enterprise.industry_id, aimed=3,
            started_on=started,
        )  # fmt: skip
        attained = started + timedelta(days=rng.randrange(200, 500))
        if attained <= today and rng.random() < 0.25 + 0.5 * city.diligence(enterprise):
            row.level = rng.choices((3, 2, 1), (88, 11, 1))[0]
            row.aimed, row.attained_on = row.level, attained
            row.valid_until = attained + timedelta(days=YEARS * 365)
            row.score = {3: 60, 2: 75, 1: 90}[row.level] + rng.randrange(100) / 10
            row.certificate = f"渝AQB{row.level}-{attained.year}{len(rows) + 1:05}"
        rows.append(row)
    Standardization.objects.bulk_create(rows, batch_size=2000)
    city.say(f"standardization: {len(rows)} begun, {sum(row.level is not None for row in rows)} with a level")
