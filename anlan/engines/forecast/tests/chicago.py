"""The 18,712 real inspections of a city's kitchens as `Visits`: only what was known on the morning of the visit."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np

from anlan.engines.forecast.ranking import Visits, history

FILE = Path(__file__).parents[5] / "shared/data/chicago-inspections.csv.gz"
BEFORE = (
    "pastFail", "pastCritical", "pastSerious", "pastMinor", "timeSinceLast", "firstRecord", "ageAtInspection",
    "consumption_on_premises_incidental_activity", "tobacco_retail_over_counter", "package_goods",
    "limited_business_license", "outdoor_patio", "public_place_of_amusement", "tavern", "regulated_business_license",
    "filling_station", "caterers_liquor_license", "mobile_food_license", "childrens_services_facility_license",
    "heat_burglary", "heat_garbage", "heat_sanitation", "precipIntensity", "temperatureMax", "windSpeed", "humidity",
)  # fmt: skip
"""Taken from the table. Not taken: what the visit itself found (counts, pass and fail), the inspector, the city's own
score, and the numbers of inspection and licence."""


def read() -> tuple[Visits, Visits, np.ndarray]:
    """Visits of the training months, those of the test months, and the city's own scores of the latter."""
    with gzip.open(FILE, "rt") as lines:
        rows = list(csv.DictReader(lines))
    train = np.array([row["Train"] == "1.0" for row in rows])

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in rows])

    day = np.array([row["Inspection_Date"] for row in rows], "datetime64[D]")
    subject = np.array([row["License"] for row in rows])
    factors = {name: column(name) for name in BEFORE}
    kinds = np.array([row["Facility_Type"] for row in rows])
    factors |= {f"is_{kind.lower()}": (kinds == kind).astype(float) for kind in ("Restaurant", "Grocery_Store")}
    # What the same kitchen's earlier visits found; of the test months' own findings nothing is known.
    past = history(day, subject, day[train], subject[train], {
        "critical_visits": column("criticalFound")[train], "serious_visits": (column("seriousCount") > 0)[train],
    })  # fmt: skip
    factors |= {f"earlier_{name}": values for name, values in past.items() if name != "since"}
    whole = Visits(factors, day, subject, column("criticalFound") > 0)
    return whole.part(train), whole.part(~train), column("score")[~train]
