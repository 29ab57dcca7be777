"""How long every open case's deadline takes to be computed anew, at five million open cases."""

from __future__ import annotations

import time
from datetime import datetime

from django.apps import apps

from anlan.site.bench import benchmark
from anlan.site.bench.standin import standing_in

from ..clock import BEIJING
from .recompute import recompute

CASES = 5_000_000
NOW = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
_ROWS = """(
    SELECT n, %s - make_interval(secs => random() * 2 * 365 * 86400) AS began, (ARRAY[
      '{"value": 15, "unit": "days"}', '{"value": 30, "unit": "working_days"}', '{"value": 72, "unit": "hours"}',
      '{"value": 3, "unit": "months"}', '{"value": 7, "unit": "days", "rolls": true}', NULL])[1 + n %% 6]::jsonb AS said
    FROM generate_series(1, %s) n) g,
    (SELECT array_agg(code ORDER BY md5(code)) AS codes FROM parties_division WHERE tier IN (2, 3)) d"""
_DAY = "(began AT TIME ZONE 'Asia/Shanghai')::date + 20 + n %% 40"
_FIELDS = {
    "number": "'渝安隐〔2013〕' || n || '号'", "title": "'防护罩缺失，安全警示标志不清'", "state": "'rectifying'",
    "area_code": "d.codes[1 + n %% array_length(d.codes, 1)]", "opened_at": "began", "started_at": "began",
    "created_at": "began", "updated_at": "began", "found_at": "began", "due_at": "began + interval '20 days'",
    "clock": f"coalesce(said, jsonb_build_object('until', ({_DAY})::text, 'field', 'rectify_by'))",
}  # fmt: skip


@benchmark("deadlines of open cases", unit="s", target=60.0, more_is_better=False)
def deadlines() -> float:
    """Five million open hidden dangers with limits in hours, days, working days and months, and named days."""
    danger = apps.get_model("hazards", "Danger")
    with standing_in(danger, _FIELDS, _ROWS, (NOW, CASES)):
        begun = time.perf_counter()
        cases = sum(found.cases for found in recompute())
        spent = time.perf_counter() - begun
        if cases < CASES:
            raise RuntimeError(f"{cases} deadlines were computed")
        return spent
