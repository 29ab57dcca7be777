"""The demonstration city's township safety offices: the norm of 2009 asks for three, five or seven full-time staff."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from anlan.parties.demo import DemoCity

from .models import Capacity

NORM = (3, 5, 7)
"""渝办发〔2009〕45号: of less than 30,000 people, of less than 50,000, and from there on. Populations are not known
here, so each township is given one of them."""


def load(city: DemoCity) -> None:
    rng, rows = Random("capacity"), []  # noqa: S311 (synthetic data)
    for (kind, area), authority in city.authorities.items():
        if kind != "station":
            continue
        required = rng.choices(NORM, (55, 30, 15))[0]
        late = area[:6].ljust(12, "0") in city.laggards
        staff = max(0, required - (rng.random() < (0.45 if late else 0.12)) * rng.randrange(1, 3))
        exists = rng.random() < (0.8 if late else 0.98)
        rows.append(Capacity(
            authority=authority, area_code=area, required=required, staff=staff,
            certified=sum(rng.random() < 0.7 for _n in range(staff)), equipped=rng.random() < (0.6 if late else 0.92),
            established_on=date(2009, 6, 1) + timedelta(days=rng.randrange(1200)) if exists else None,
        ))  # fmt: skip
    Capacity.objects.bulk_create(rows, batch_size=1000)
    city.say(f"capacity of supervising bodies: {len(rows)}")
