"""How long all measures take for every district and industry and one month, over five million hidden dangers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.apps import apps

from anlan.engines.measures import Period
from anlan.site.bench import benchmark
from anlan.site.bench.standin import standing_in

from .. import clock
from . import computing

ROWS = 5_000_000
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
_INDEXES = ("(area_code, due_at) WHERE closed_at IS NULL", "(state)")


@contextmanager
def five_million() -> Iterator[None]:
    """While it lasts the application reads five million hidden dangers."""
    arguments = (clock.now(), timedelta(days=365 * _YEARS).total_seconds(), ROWS)
    with standing_in(apps.get_model("hazards", "Danger"), _FIELDS, _ROWS, arguments, _INDEXES):
        yield


@cache
def _taken() -> dict[str, float]:
    """Seconds for each back-end, the best of three."""
    with TemporaryDirectory(prefix="anlan-bench-") as folder, five_million():
        snapshot = computing.take_snapshot(Path(folder) / "city.duckdb")
        return {"postgres": _best(None), "duckdb": _best(snapshot)}


def _best(backend: Any) -> float:
    period = Period.of("month", clock.today())
    times = []
    for _ in range(4):  # the first compiles
        begun = time.perf_counter()
        figures = computing.compute((), period, by=("area", "industry"), compare=False, backend=backend)
        for measure in computing.named():
            for area, industry in figures.keys("area", "industry"):
                figures.at(measure, area=area, industry=industry)
        times.append(time.perf_counter() - begun)
        if not figures.keys("area", "industry"):
            raise RuntimeError("nothing was counted")
    return min(times[1:])


@benchmark("measures_month_postgres_s", unit="s", target=5.0, more_is_better=False)
def month_postgres() -> float:
    """All measures × districts × industries × one month from PostgreSQL at 5,000,000 dangers."""
    return _taken()["postgres"]


@benchmark("measures_month_duckdb_s", unit="s", target=2.0, more_is_better=False)
def month_duckdb() -> float:
    """The same from a snapshot in DuckDB."""
    return _taken()["duckdb"]
