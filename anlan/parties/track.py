"""What is on record of enterprises, day by day: offices declare it in their `track.py`, without knowing each other.

    track("hazards.major", Danger, at="found_at", where=Q(grade="major"), words=_("… %(n)s …"))
    visits(Danger, at="found_at", where=Q(source="inspection"), found=Q(grade="major"))

A track is a kind of thing that happens at an enterprise on a day, or lasts from a day until another; visits are the
inspections, and whether each found something grave. Whoever ranks enterprises reads both as arrays.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Case, DateField, F, IntegerField, Max, Model, Q, QuerySet, Value, When
from django.db.models.functions import TruncDate
from django.utils.functional import Promise

from anlan.kernel.clock import BEIJING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Track:
    """One kind of happening: the records of `model` for which `where` holds, on the day `at`, or from that day until
    `until` (null: it lasts). `words` tell it with its number `n`."""

    name: str
    model: type[Model]
    at: str
    words: str | Promise
    where: Q
    until: str | None


@dataclass(frozen=True, slots=True)
class Visited:
    """Inspections: each enterprise and day of the records for which `where` holds, and whether one of them is `found`
    to be grave."""

    model: type[Model]
    at: str
    where: Q
    found: Q


_tracks: dict[str, Track] = {}
_visits: list[Visited] = []


def track(
    name: str, model: type[Model], *, at: str, words: str | Promise, where: Q | None = None, until: str | None = None
) -> None:
    """Declares a kind of happening. Raises ValueError where there is another of that name."""
    if _tracks.setdefault(name, made := Track(name, model, at, words, where or Q(), until)) != made:
        raise ValueError(f"two tracks are called {name}")


def visits(model: type[Model], *, at: str, where: Q, found: Q) -> None:
    """Declares what counts as an inspection."""
    _visits.append(Visited(model, at, where, found))


def tracks() -> dict[str, Track]:
    """Every kind of happening by name, in the order of declaration."""
    return dict(_tracks)


def happened(of: Track) -> pl.DataFrame:
    """All of it within the scope in force: enterprise, day, and until when (null: still)."""
    lasts = {"until": _day(of.model, of.until)} if of.until else {}
    rows = of.model._default_manager.filter(of.where, enterprise__isnull=False, **{f"{of.at}__isnull": False})
    rows = rows.order_by().values_list("enterprise_id", _day(of.model, of.at), *lasts.values())
    return poured(rows, {"enterprise": "Int64", "day": "Date"} | dict.fromkeys(lasts, "Date"))


def visited() -> pl.DataFrame:
    """All inspections within the scope in force: enterprise, day, and whether something grave was found."""
    import polars as pl

    kinds = {"enterprise": "Int64", "day": "Date", "found": "Int64"}
    frames = []
    for one in _visits:
        rows = one.model._default_manager.filter(one.where, enterprise__isnull=False).order_by()
        grave = Max(Case(When(one.found, then=Value(1)), default=Value(0), output_field=IntegerField()))
        days = rows.annotate(day_=_day(one.model, one.at)).values("enterprise_id", "day_").annotate(grave_=grave)
        frames.append(poured(days.values_list("enterprise_id", "day_", "grave_"), kinds))
    if not frames:
        return pl.DataFrame(schema={name: getattr(pl, kind) for name, kind in kinds.items()})
    return pl.concat(frames).group_by("enterprise", "day").agg(pl.col("found").max()).sort("day", "enterprise")


def poured(rows: QuerySet[Any, Any], kinds: dict[str, str]) -> pl.DataFrame:
    """The rows of a query of values as a frame with these columns and Polars types: by COPY, within the scope."""
    import polars as pl

    operations: Any = connection.ops
    sql = operations.compose_sql(*rows.query.sql_with_params())
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)") as copy:
        body = b"".join(bytes(block) for block in copy)
    schema = {name: getattr(pl, kind) for name, kind in kinds.items()}
    return pl.read_csv(io.BytesIO(body), has_header=False, schema=schema) if body else pl.DataFrame(schema=schema)


def _day(model: type[Model], name: str) -> Any:
    field = model._meta.get_field(name)
    return F(name) if type(field) is DateField else TruncDate(name, tzinfo=BEIJING)


def registers_of(names: Sequence[str]) -> dict[str, str]:
    """By a track's name, the list in which its records stand by enterprise, as far as there is one."""
    from anlan.kernel.registers.declaration import register_of

    found = {name: register_of(_tracks[name].model) for name in names if name in _tracks}
    return {name: of.name for name, of in found.items() if of is not None and "enterprise" in of.filters}
