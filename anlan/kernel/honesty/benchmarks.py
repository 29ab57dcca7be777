"""How long the night's honesty checks take: in the city as it stands, with two photographs for each closed danger."""

from __future__ import annotations

import time

from django.apps import apps
from django.db import connection

from anlan.site.bench import Measured, benchmark
from anlan.site.bench.standin import standing_in

from .. import clock
from ..deadlines import add_months
from . import chance, running
from .declaring import checks

_ROWS = """(
    SELECT row_number() OVER () AS n, d.id, d.area_code, d.industry_id, d.enterprise_id, d.closed_at, shows
    FROM hazards_danger d, (VALUES ('after'), ('on_site')) s (shows) WHERE d.closed_at IS NOT NULL) g"""
_FIELDS = {
    "case_kind": "'danger'", "case_id": "id", "area_code": "area_code", "industry_id": "industry_id",
    "enterprise_id": "enterprise_id", "entry_id": "1", "demand": "shows", "name": "'照片.jpg'",
    "sha256": "md5(n::text) || md5((-n)::text)", "media_type": "'image/jpeg'", "size": "300000",
    "given_at": "closed_at",
}  # fmt: skip


@benchmark("honesty_night_s", unit="s", target=120.0, more_is_better=False)
def night() -> Measured:
    """All checks over last month and the running one; the details say how many dangers there are, and each check."""
    chance.more(1, 2, 0.5)  # SciPy is loaded once in a worker's life, not every night
    this, taken = running.month_of(clock.today()), {}
    with standing_in(apps.get_model("cases", "EvidenceFile"), _FIELDS, _ROWS, (), ("(case_kind, case_id)",)):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM hazards_danger")
            taken["dangers"] = float(cursor.fetchone()[0])
        begun = time.perf_counter()
        for first in (add_months(this, -1), this):
            moments = running.moments(first)
            at = time.perf_counter()
            running.gather(checks(), moments)
            taken["gathered"] = taken.get("gathered", 0.0) + time.perf_counter() - at
            for one in checks():
                at = time.perf_counter()
                running.found(one, first, moments)
                taken[one.name] = taken.get(one.name, 0.0) + time.perf_counter() - at
        return Measured(time.perf_counter() - begun, taken)
