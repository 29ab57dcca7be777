"""More cases like those that are there, with their histories: for the demonstration city at scale.

Each new case follows a template case of its own industry at another enterprise, moved back by whole weeks, so that
weekdays, hours and the order of things stay; cases that are still open are not moved. Set-based: a narrow table says
which template, enterprise and week each new case has, the database does the rest.
"""

from __future__ import annotations

from string import Formatter
from typing import Any

import numpy as np
import polars as pl
from django.db import models

from .. import bulk
from ..models import given_fields
from .lifecycle import Lifecycle
from .models import CaseCounter, CaseEntry

_MAP = "anlan_map"
WEEKS = 180
"""How far back cases go at most; the further, the fewer."""


def multiply(cursor: Any, declared: Lifecycle, number: int, rng: np.random.Generator, open_share: float = 0.02) -> int:
    """Adds `number` cases of one kind within `bulk.pouring`; returns how many entries their histories have."""
    model = declared.model
    first = bulk.next_key(cursor, model)
    chosen = _choose(cursor, declared, number, rng, open_share).with_row_index("id", first)
    cursor.execute(
        f"CREATE TEMP TABLE {_MAP} "
        "(id bigint, template bigint, enterprise bigint, weeks int, number text, entry bigint)"
    )
    with cursor.copy(f"COPY {_MAP} FROM STDIN (FORMAT csv)") as copy:
        copy.write(chosen.write_csv(include_header=False).encode())
    cursor.execute(f"ANALYZE {_MAP}")
    with bulk.bare(cursor, (model, CaseEntry)):
        _cases(cursor, model)
        # The planner must know how many there are now: without indexes a guess of few is a loop over all.
        for table in (model, CaseEntry):
            cursor.execute(f"ANALYZE {bulk.quoted(table)}")
        entries = _entries(cursor, declared, bulk.next_key(cursor, CaseEntry))
    cursor.execute(f"DROP TABLE {_MAP}")
    return entries


def _choose(cursor: Any, declared: Lifecycle, number: int, rng: np.random.Generator, open_share: float) -> pl.DataFrame:
    """Columns template, enterprise, weeks, the new case's number as text, and how many entries stand before its own."""
    cursor.execute(
        "SELECT id, coalesce(industry_id, ''), closed_at IS NULL, opened_at::date, version "
        f"FROM {bulk.quoted(declared.model)} ORDER BY id"
    )
    templates = pl.DataFrame(cursor.fetchall(), schema=["id", "industry", "open", "opened", "version"], orient="row")
    enterprises = declared.model._meta.get_field("enterprise").related_model
    cursor.execute(f"SELECT id, coalesce(industry_id, ''), area_code FROM {bulk.quoted(enterprises)} ORDER BY id")
    places = pl.DataFrame(cursor.fetchall(), schema=["id", "industry", "area"], orient="row")
    picked = rng.integers(0, places.height, number)
    still_open = rng.random(number) < open_share
    weeks = np.where(still_open, 0, np.minimum(rng.exponential(WEEKS / 3, number).astype(np.int64), WEEKS))
    template = _templates(templates, places["industry"].to_numpy()[picked], still_open, rng)
    owners = places["area"].str.head(6) + "000000"
    marks = {owner: declared.mark(owner) for owner in owners.unique().to_list()}
    frame = pl.DataFrame(
        {
            "template": template,
            "enterprise": places["id"].to_numpy()[picked],
            "weeks": weeks,
            "mark": owners.replace_strict(marks).gather(picked),
        }
    ).join(
        templates.select(pl.col("id").alias("template"), "opened", "version"),
        on="template",
        how="left",
        maintain_order="left",
    )
    year = (pl.col("opened") - pl.duration(weeks="weeks")).dt.year()
    return _numbered(cursor, declared, frame.with_columns(year.alias("year")))  # fmt: skip


def _templates(
    templates: pl.DataFrame, industry: np.ndarray, still_open: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """A template for each new case: of its enterprise's industry where there is one, open or closed as asked."""
    ids, kinds, is_open = (templates[c].to_numpy() for c in ("id", "industry", "open"))
    chosen = np.empty(len(industry), dtype=np.int64)
    for kind in np.unique(industry):
        for wanted in (False, True):
            rows = np.flatnonzero((industry == kind) & (still_open == wanted))
            fitting = ids[(kinds == kind) & (is_open == wanted)]
            chosen[rows] = rng.choice(fitting if fitting.size else ids[is_open == wanted], rows.size)
    return chosen


def _numbered(cursor: Any, declared: Lifecycle, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with each case's number, which goes on after the last one given in its series and year."""
    counter = bulk.quoted(CaseCounter)
    cursor.execute(f"SELECT series, year, last FROM {counter} WHERE series LIKE %s", [f"{declared.kind}:%"])
    given = [(series.partition(":")[2], year, last) for series, year, last in cursor.fetchall()]
    before = pl.DataFrame(given, schema={"mark": pl.String, "year": pl.Int32, "last": pl.Int64}, orient="row")
    n = pl.int_range(1, pl.len() + 1).over("mark", "year") + pl.col("last").fill_null(0)
    frame = frame.join(before, on=["mark", "year"], how="left", maintain_order="left").with_columns(n.alias("n"))
    for mark, year, last in frame.group_by("mark", "year").agg(pl.col("n").max()).iter_rows():
        cursor.execute(
            f"INSERT INTO {counter} (series, year, last) VALUES (%s, %s, %s) "
            "ON CONFLICT (series, year) DO UPDATE SET last = excluded.last",
            [f"{declared.kind}:{mark}", year, last],
        )
    parts = [(text, name) for text, name, _spec, _conversion in Formatter().parse(declared.number)]
    number = pl.concat_str([e for text, name in parts for e in (pl.lit(text), *([pl.col(name)] if name else []))])
    # A case's entries get keys in a row, in their order: so many as its template has.
    entry = pl.col("version").cum_sum() - pl.col("version")
    return frame.select("template", "enterprise", "weeks", number.alias("number"), entry.alias("entry"))


def _moved(alias: str, field: models.Field[Any, Any]) -> str:
    """A column of the template, moved back by the new case's weeks where it is a time."""
    name = f'{alias}."{field.column}"'
    if isinstance(field, models.DateTimeField):
        return f"{name} - make_interval(weeks => m.weeks)"
    if isinstance(field, models.DateField):
        return f"{name} - 7 * m.weeks"
    if isinstance(field, models.JSONField):
        # The dates that stand in facts as text are moved too.
        key = "until" if field.column == "clock" else "rectify_by"
        day = f"(({name} ->> '{key}')::date - 7 * m.weeks)::text"
        moved = f"jsonb_set({name}, '{{{key}}}', to_jsonb({day}))"
        return f"CASE WHEN m.weeks > 0 AND {name} ? '{key}' THEN {moved} ELSE {name} END"
    return name


def _cases(cursor: Any, model: Any) -> None:
    own = {
        "id": "m.id", "number": "m.number", "area_code": "e.area_code", "industry_id": "e.industry_id",
        "enterprise_id": "e.id", "place": "e.address", "lon": "e.lon::numeric(9, 6)", "lat": "e.lat::numeric(8, 6)",
        "owner_area_code": "rpad(left(e.area_code, 6), 12, '0')", "description": "e.name || '：' || t.title",
    }  # fmt: skip
    fields = given_fields(model)
    enterprises = bulk.quoted(model._meta.get_field("enterprise").related_model)
    chosen = [own.get(str(f.column)) or ("NULL" if f.unique and f.null else _moved("t", f)) for f in fields]
    names = ", ".join(f'"{f.column}"' for f in fields)
    cursor.execute(
        f"INSERT INTO {bulk.quoted(model)} ({names}) SELECT {', '.join(chosen)} FROM {_MAP} m "
        f"JOIN {enterprises} e ON e.id = m.enterprise JOIN {bulk.quoted(model)} t ON t.id = m.template"
    )
    bulk.follow(cursor, model)


def _entries(cursor: Any, declared: Lifecycle, first: int) -> int:
    own = {
        "id": f"{first} + m.entry + t.version - 1",
        "case_id": "c.id",
        "area_code": "c.area_code",
        "industry_id": "c.industry_id",
        "enterprise_id": "c.enterprise_id",
    }
    fields = CaseEntry._meta.concrete_fields
    chosen = [own.get(str(f.column)) or _moved("t", f) for f in fields]
    names = ", ".join(f'"{f.column}"' for f in fields)
    entry = bulk.quoted(CaseEntry)
    cursor.execute(
        f"INSERT INTO {entry} ({names}) SELECT {', '.join(chosen)} FROM {_MAP} m "
        f"JOIN {bulk.quoted(declared.model)} c ON c.id = m.id "
        f"JOIN {entry} t ON t.case_kind = %s AND t.case_id = m.template",
        [declared.kind],
    )
    added = int(cursor.rowcount)
    bulk.follow(cursor, CaseEntry)
    return added
