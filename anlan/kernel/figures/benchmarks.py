"""How long all measures take for every district and industry and one month, over five million hidden dangers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from django.apps import apps

from anlan.engines.measures import Period
from anlan.site.bench import Measured, benchmark
from anlan.site.bench.standin import standing_in

from .. import clock
from ..scope import EVERYWHERE, Actor, acting
from . import computing
from .declaring import REGISTRY

if TYPE_CHECKING:
    from anlan.engines.measures.backends import Backend, DuckDB

Key = tuple[str, str, str]
"""Measure, district, industry."""
ROWS, CITIES = 5_000_000, 10
_YEARS = 10
_FIELDS = {
    # Ten years of finds, the later the more; one in forty is still open, most of these of late.
    "found_at": "f", "opened_at": "f", "created_at": "f", "updated_at": "f",
    "area_code": "d.codes[1 + n %% array_length(d.codes, 1)]",
    "owner_area_code": "rpad(left(d.codes[1 + n %% array_length(d.codes, 1)], 6), 12, '0')",
    "industry_id": "i.codes[1 + n * 7 %% array_length(i.codes, 1)]",
    "number": "'渝安隐〔2013〕' || n || '号'", "title": "'防护罩缺失，安全警示标志不清'",
    "description": "'现场检查发现冲压设备防护罩缺失，作业区安全警示标志不清，操作人员未按规定佩戴劳动防护用品'",
    "state": "CASE WHEN open THEN 'rectifying' WHEN n %% 50 = 0 THEN 'dismissed' ELSE 'closed' END",
    "source": "(ARRAY['selfcheck', 'inspection', 'report', 'campaign'])[1 + n %% 4]",
    "grade": "CASE WHEN n %% 17 = 0 THEN 'major' ELSE 'general' END",
    "measures": "'更换防护罩并设置联锁装置'", "responsible": "'张三'",
    "contingency": "'整改期间专人值守'", "money": "3000",
    "rectify_by": "(f + interval '20 days')::date", "rectified_at": "CASE WHEN NOT open THEN f + took END",
    "closed_at": "CASE WHEN NOT open THEN f + took + interval '4 days' END", "due_at": "f + interval '20 days'",
    "listed_at": "CASE WHEN n %% 34 = 0 THEN f + interval '2 days' END",
}  # fmt: skip

_ROWS = """(
    SELECT n, %s - make_interval(secs => power(random(), 1.5) * %s) AS f, random() < 0.025 AS open,
           make_interval(secs => -ln(random() + 1e-9) * 15 * 86400) AS took
    FROM generate_series(1, %s) n) g,
    (SELECT array_agg(code ORDER BY md5(code)) AS codes FROM parties_division WHERE tier IN (2, 3)) d,
    (SELECT array_agg(code) AS codes FROM parties_industry) i"""
_INDEXES = (
    "(area_code, due_at) WHERE closed_at IS NULL", "(state)",
    "(area_code, industry_id, found_at) INCLUDE (enterprise_id, state, grade, source, due_at, closed_at, listed_at,"
    " rectify_by, rectified_at)",
)  # fmt: skip


@contextmanager
def five_million() -> Iterator[None]:
    """While it lasts the application reads five million hidden dangers."""
    arguments = (clock.now(), timedelta(days=365 * _YEARS).total_seconds(), ROWS)
    with standing_in(apps.get_model("hazards", "Danger"), _FIELDS, _ROWS, arguments, _INDEXES):
        yield


@cache
def _taken() -> dict[str, float]:
    """Seconds for each back-end and size, the best of three.

    Raises `RuntimeError` where ten cities are not counted as one is, each, on DuckDB and on Spark.
    """
    with TemporaryDirectory(prefix="anlan-bench-") as name:
        folder, seconds = Path(name), {}
        with five_million():
            city = computing.take_snapshot(folder / "city.duckdb")
            seconds["postgres"], _ = timed(None)
        # In a transaction of its own: what stood in goes as the one before ends.
        with acting(Actor("command", "anlan bench"), EVERYWHERE):
            small = made_of(city, folder / "small.duckdb", "hash(rowid) % 100 = 0")
            province = made_of(city, folder / "province.duckdb", cities=CITIES)
            seconds["small"], _ = timed(small, city.taken_at)
            seconds["duckdb"], one = timed(city, city.taken_at)
            seconds["province"], ten = timed(province, city.taken_at)
            with computing.on_spark(province) as spark:
                seconds["spark"], on_spark = timed(spark, city.taken_at)
    as_alone(one, ten)
    if on_spark != ten:
        raise RuntimeError("Spark and DuckDB count a province in two ways")
    return seconds


def made_of(city: DuckDB, path: Path, condition: str = "true", cities: int = 1) -> DuckDB:
    """The city's snapshot as far as the condition holds, so many times, each under the codes of another city."""
    import duckdb

    from anlan.engines.measures.backends import DuckDB

    with duckdb.connect(str(path)) as con:
        con.execute(f"ATTACH '{city.path}' AS city (READ_ONLY)")
        con.execute("CREATE TABLE taken AS FROM city.taken")
        for source in REGISTRY.sources():
            moved = f"REPLACE (({51 - cities} + n) || substr({source.area}, 3) AS {source.area})" if source.area else ""
            con.execute(
                f'CREATE TABLE "{source.table}" AS SELECT * EXCLUDE (n) {moved} '
                f'FROM (SELECT * FROM city."{source.table}" WHERE {condition}), range({cities}) AS own(n)'
            )
    return DuckDB(path)


def as_alone(one: dict[Key, Any], ten: dict[Key, Any]) -> None:
    """Raises `RuntimeError` unless each city of the province has the figures of the one it was made of."""
    if len(ten) != CITIES * len(one) or any(one[m, f"50{area[2:]}", i] != value for (m, area, i), value in ten.items()):
        raise RuntimeError("a city of the province is counted in another way than it is alone")


def timed(backend: Backend | None, as_of: datetime | None = None) -> tuple[float, dict[Key, Any]]:
    """Seconds, and the figures by measure, district and industry."""
    period, times = Period.of("month", clock.today()), []
    for _ in range(4):  # the first compiles
        begun = time.perf_counter()
        figures = computing.compute(
            (), period, by=("area", "industry"), compare=False, backend=backend, as_of=as_of
        )  # fmt: skip
        found = {
            (measure.name, area, industry): figures.at(measure, area=area, industry=industry).now
            for area, industry in figures.keys("area", "industry")
            for measure in computing.named()
        }
        times.append(time.perf_counter() - begun)
    if not found:
        raise RuntimeError("nothing was counted")
    return min(times[1:]), found


@benchmark("measures_month_postgres_s", unit="s", target=5.0, more_is_better=False)
def month_postgres() -> float:
    """All measures × districts × industries × one month from PostgreSQL at 5,000,000 dangers."""
    return _taken()["postgres"]


@benchmark("measures_month_duckdb_s", unit="s", target=2.0, more_is_better=False)
def month_duckdb() -> float:
    """The same from a snapshot in DuckDB."""
    return _taken()["duckdb"]


@benchmark("measures_month_growth", unit="times", target=12.0, more_is_better=False)
def month_growth() -> Measured:
    """Ten cities in DuckDB against one, all measures: near ten times is linear; the details are seconds by size."""
    seconds = _taken()
    by_size = {"small": seconds["small"], "city": seconds["duckdb"], "province": seconds["province"]}
    return Measured(seconds["province"] / seconds["duckdb"], by_size)


@benchmark("measures_month_province_spark_s", unit="s", target=60.0, more_is_better=False)
def month_province() -> float:
    """Ten cities on Spark, a master and two workers of one core: the figures that DuckDB has, of each city."""
    return _taken()["spark"]
