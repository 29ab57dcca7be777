"""What devices measured last: gathered from the readings as they are evaluated, written for all of them at once."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection

from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, Actor, acting

WRITE_S = 1.0
"""So often what changed is written: one statement, whatever the number of devices."""
_SPOKEN = pa.array(["lat", "lon", "speed"])
_NEWER = "coalesce(excluded.placed_at > coalesce(l.placed_at, '-infinity'), false)"
_MOVED = ", ".join(
    f"{name} = CASE WHEN {_NEWER} THEN excluded.{name} ELSE l.{name} END"
    for name in ("placed_at", "lon", "lat", "speed")
)
_UPSERT = f"""
INSERT INTO monitoring_latest AS l
    (device_id, area_code, industry_id, enterprise_id, heard_at, placed_at, lon, lat, speed, changed_at)
SELECT d.id, d.area_code, d.industry_id, d.enterprise_id, to_timestamp(n.heard / 1000.0),
    to_timestamp(n.placed / 1000.0), n.lon, n.lat, n.speed, %s
FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::float8[], %s::float8[], %s::float8[])
    AS n (code, heard, placed, lon, lat, speed)
JOIN monitoring_device d ON d.code = n.code
ON CONFLICT (device_id) DO UPDATE SET
    heard_at = greatest(excluded.heard_at, l.heard_at), changed_at = excluded.changed_at,
    {_MOVED}
WHERE excluded.heard_at > l.heard_at OR {_NEWER}
"""


class Heard:
    """The latest of each device since it was last written. Latest is what was measured last, not what came last."""

    def __init__(self) -> None:
        self._heard: dict[str, int] = {}
        self._placed: dict[str, tuple[int, float, float, float | None]] = {}
        self._written = 0.0

    def hear(self, batch: Any) -> None:
        """Takes note of a batch of the journal."""
        names = batch.column("device").dictionary_encode()
        codes, known = names.indices.to_numpy(zero_copy_only=False), names.dictionary.to_pylist()
        ts = batch.column("ts").to_numpy(zero_copy_only=False)
        for code, at in _last(codes, ts):
            name = known[code]
            self._heard[name] = max(int(ts[at]), self._heard.get(name, 0))
        kinds = pc.index_in(batch.column("metric"), value_set=_SPOKEN).fill_null(9).to_numpy(zero_copy_only=False)
        values = batch.column("value").to_numpy(zero_copy_only=False)
        lats, lons, speeds = ({code: rows[at] for rows in [np.flatnonzero(kinds == kind)]
                               for code, at in _last(codes[rows], ts[rows])} for kind in range(3))  # fmt: skip
        for code, at in lats.items():
            name, on, moment = known[code], lons.get(code), int(ts[at])
            # Both of one report, which stands in one batch.
            if on is None or ts[on] != moment or moment <= self._placed.get(name, (0,))[0]:
                continue
            fast = speeds.get(code)
            speed = float(values[fast]) if fast is not None and ts[fast] == moment else None
            self._placed[name] = (moment, float(values[on]), float(values[at]), speed)

    def place(self, name: str) -> tuple[float, float] | None:
        """Longitude and latitude that the device told since it was last written."""
        told = self._placed.get(name)
        return told and (told[1], told[2])

    def write(self, actor: Actor) -> int:
        """Writes what changed, at most once a second; returns of how many devices."""
        if not self._heard or time.monotonic() - self._written < WRITE_S:
            return 0
        heard, placed = self._heard, self._placed
        where = [placed.get(name, (None, None, None, None)) for name in heard]
        columns: list[Any] = [list(heard), list(heard.values()), *map(list, zip(*where, strict=True))]
        with acting(actor, EVERYWHERE), connection.cursor() as cursor:
            cursor.execute(_UPSERT, [clock.now(), *columns])
        self._heard, self._placed, self._written = {}, {}, time.monotonic()
        return len(heard)


def _last(codes: Any, ts: Any) -> list[tuple[int, int]]:
    """For each code the row with its latest moment."""
    order = np.lexsort((ts, codes))
    ends = np.flatnonzero(np.r_[codes[order][1:] != codes[order][:-1], True]) if len(order) else order
    return [(int(codes[at]), int(at)) for at in order[ends]]
