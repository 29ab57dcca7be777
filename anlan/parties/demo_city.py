"""Hundreds of thousands of enterprises and millions of people more, beside those of the small city.

Made as arrays from the same words and weights as `demo.py`; codes carry right check characters and belong to nobody.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from anlan.kernel import bulk, clock

from . import codes, demo_names
from .demo import weight
from .models import Division, Enterprise, Industry, Person, Post
from .names import initials, short
from .reference import DATA

PEOPLE_PER_ENTERPRISE = 6
STATUSES = ("operating", "building", "suspended", "closed")
POSTS = ("负责人", "安全员")


def multiply(cursor: Any, enterprises: int, rng: np.random.Generator) -> tuple[int, int]:
    """Adds so many enterprises and six people for each, within `bulk.pouring`; returns how many of both."""
    first = bulk.next_key(cursor, Enterprise)
    frame = _enterprises(enterprises, first, rng)
    with bulk.bare(cursor, (Enterprise, Person, Post)):
        bulk.pour(cursor, Enterprise, frame)
        people = _people(frame, bulk.next_key(cursor, Person), rng)
        bulk.pour(cursor, Person, people)
        bulk.pour(cursor, Post, _posts(people, rng))
    return frame.height, people.height


def _words(words: Sequence[str], picked: np.ndarray) -> pl.Series:
    return pl.Series(list(words), dtype=pl.String).gather(picked)


def _letters(words: Sequence[str], picked: np.ndarray) -> pl.Series:
    """The pinyin initials of picked words: each word is read once, however often it is picked."""
    return _words([initials(word) for word in words], picked)


def _enterprises(number: int, first: int, rng: np.random.Generator) -> pl.DataFrame:
    kinds = demo_names.KINDS
    share = np.array([k.count for k in kinds], dtype=float)
    kind = rng.choice(len(kinds), number, p=share / share.sum())
    areas, districts = _villages(kind, rng)
    staff = np.maximum(3, np.array([k.staff for k in kinds])[kind] * np.exp(rng.normal(0, 0.75, number))).astype(int)
    revenue = staff * np.array([k.revenue for k in kinds])[kind] * np.exp(rng.normal(0, 0.35, number))
    industrial = np.array([k.industrial for k in kinds])[kind]
    place, ahead = [short(d.name) for d in districts[0]], districts[1]
    lon, lat = (_seats(districts[0])[:, axis][ahead] + rng.normal(0, 0.05, number) for axis in (0, 1))
    brands = [a + b for a in demo_names.BRAND_FIRST for b in demo_names.BRAND_SECOND]
    brand, third = rng.integers(0, len(brands), number), rng.integers(0, len(demo_names.BRAND_FIRST), number)
    endings = [word for k in kinds for word in k.words]
    begin = np.cumsum([0, *(len(k.words) for k in kinds)])[:-1]
    ending = begin[kind] + rng.integers(0, 1_000_000, number) % np.array([len(k.words) for k in kinds])[kind]
    high = set(Industry.objects.filter(high_hazard=True).values_list("code", flat=True))
    code = pl.Series(areas).str.head(6)
    serial = pl.Series(np.arange(number) + 10_000_000).cast(pl.String)
    return pl.DataFrame(
        {
            "id": np.arange(first, first + number),
            "name": "重庆" + _words(place, ahead) + _words(brands, brand) + _words(list(demo_names.BRAND_FIRST), third)
            + _words(endings, ending),
            "own_name": _words(brands, brand) + _words(list(demo_names.BRAND_FIRST), third) + _words(endings, ending),
            "pinyin": "cq" + _letters(place, ahead) + _letters(brands, brand)
            + _letters(list(demo_names.BRAND_FIRST), third) + _letters(endings, ending),
            "credit_code": codes.make_credit_codes(code, serial),
            "gb4754": _words([k.gb4754 for k in kinds], kind),
            "industry_id": pl.Series([k.industry for k in kinds], dtype=pl.String).gather(kind),
            "area_code": areas,
            "address": "重庆市" + _words([d.name for d in districts[0]], ahead) + "工业路"
            + pl.Series(rng.integers(1, 300, number)).cast(pl.String) + "号",
            "lon": lon.round(5), "lat": lat.round(5),
            "staff": staff, "revenue": pl.Series(revenue.round(2)),
            "high_hazard": np.array([k.industry in high for k in kinds])[kind],
            # 规模以上: industrial enterprises with 20 million yuan of revenue and more (since 2011).
            "above_scale": industrial & (revenue >= 2000),
            "status": _words(STATUSES, rng.choice(4, number, p=(0.92, 0.02, 0.04, 0.02))),
            "phone": "023-0" + pl.Series(rng.integers(0, 10_000_000, number)).cast(pl.String).str.zfill(7),
            "created_at": pl.repeat(clock.now(), number, eager=True),
            "updated_at": pl.repeat(clock.now(), number, eager=True),
        }
    )  # fmt: skip


def _villages(kind: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, tuple[list[Division], np.ndarray]]:
    """A village for each enterprise; the districts, and the position of each enterprise's one among them."""
    districts = list(Division.objects.filter(tier=2).order_by("code"))
    codes_ = np.array(Division.objects.filter(tier=4).order_by("code").values_list("code", flat=True))
    begin = np.searchsorted(codes_, [d.code[:6] for d in districts])
    end = np.searchsorted(codes_, [d.code[:6] + "~" for d in districts])
    chosen = np.empty(len(kind), dtype=np.int64)
    for position, one in enumerate(demo_names.KINDS):
        rows = np.flatnonzero(kind == position)
        share = np.array([weight(one, short(d.name)) for d in districts], dtype=float)
        chosen[rows] = rng.choice(len(districts), rows.size, p=share / share.sum())
    village = begin[chosen] + (rng.random(len(kind)) * (end - begin)[chosen]).astype(np.int64)
    return codes_[village], (districts, chosen)


def _seats(districts: list[Division]) -> np.ndarray:
    with (DATA / "seats-50.csv").open() as file:
        seats = {row["code"]: (float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)}
    return np.array([seats[d.code] for d in districts])


def _people(enterprises: pl.DataFrame, first: int, rng: np.random.Generator) -> pl.DataFrame:
    number = enterprises.height * PEOPLE_PER_ENTERPRISE
    at = np.repeat(np.arange(enterprises.height), PEOPLE_PER_ENTERPRISE)
    surname = rng.integers(0, len(demo_names.SURNAMES), number)
    middle = rng.integers(0, len(demo_names.GIVEN_FIRST), number)
    last = rng.integers(0, len(demo_names.GIVEN_SECOND), number)
    parts = ((demo_names.SURNAMES, surname), (demo_names.GIVEN_FIRST, middle), (demo_names.GIVEN_SECOND, last))
    return pl.DataFrame({
        "id": np.arange(first, first + number),
        "name": pl.select(pl.concat_str([_words(list(w), p) for w, p in parts])).to_series(),
        "pinyin": pl.select(pl.concat_str([_letters(list(w), p) for w, p in parts])).to_series(),
        "phone": "023-0" + pl.Series(rng.integers(0, 10_000_000, number)).cast(pl.String).str.zfill(7),
        "area_code": enterprises["area_code"].gather(at), "industry_id": enterprises["industry_id"].gather(at),
        "enterprise_id": enterprises["id"].gather(at),
        "created_at": pl.repeat(clock.now(), number, eager=True),
        "updated_at": pl.repeat(clock.now(), number, eager=True),
    })  # fmt: skip


def _posts(people: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The first person of an enterprise heads it, the second is its safety officer; the others hold no post."""
    place = np.arange(people.height) % PEOPLE_PER_ENTERPRISE
    held = people.with_columns(pl.Series("place", place)).filter(pl.col("place") < len(POSTS))
    days = rng.integers(0, 3000, held.height)
    return held.select(
        pl.col("id").alias("person_id"),
        "enterprise_id",
        pl.col("place").replace_strict(dict(enumerate(POSTS))).alias("title"),
        (pl.col("place") == 0).alias("head"),
        (pl.lit(date(2004, 1, 1)) + pl.duration(days=pl.lit(pl.Series(days)))).alias("valid_from"),
        "created_at", "updated_at",
    )  # fmt: skip
