"""What the live map shows of devices: where they are and how they stand, as columns for a hundred thousand at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.registers import Register
from anlan.kernel.registers.query import BadQuery

from .models import HEARD, LEVELS
from .programmes import PROGRAMMES
from .watched import doubting, silent_after

STATES = (("online", _("Online")), ("silent", _("Silent")), ("suspect", _("Suspect")), ("never", _("Never heard")))
"""How a device stands besides its warnings. Silent: not heard for as long as a rule of its programme says, else for a
day. Suspect: its calibration is over, or an open warning says that it is stuck or noisy."""
OVERLAP_MS = 5_000
"""By so much two answers overlap: what was being written at the one is in the next."""
_WARNED = """
    SELECT device_id,
        max(array_position(%(levels)s::text[], level::text)) FILTER (WHERE %(level)s IN ('', level)) AS level,
        bool_or(rule = ANY (%(doubting)s) AND cleared_at IS NULL) AS doubted
    FROM monitoring_earlywarning WHERE closed_at IS NULL GROUP BY device_id
"""
_HEARD = HEARD.format(row="d", latest="l.heard_at")
_STATE = f"""
    CASE WHEN {_HEARD} IS NULL THEN 3 WHEN {_HEARD} < %(now)s
              - make_interval(secs => (%(silent)s::float8[])[array_position(%(programmes)s, d.programme::text)])
         THEN 1 WHEN w.doubted OR d.calibrated_until < %(today)s THEN 2 ELSE 0 END
"""
_SHOWN = f"""
    FROM monitoring_device d
    LEFT JOIN monitoring_latest l ON l.device_id = d.id
    LEFT JOIN ({_WARNED}) w ON w.device_id = d.id
    WHERE d.installed_on <= %(today)s AND (d.removed_on IS NULL OR d.removed_on > %(today)s)
        AND coalesce(l.lon, d.lon) BETWEEN -180 AND 180 AND coalesce(l.lat, d.lat) BETWEEN -85 AND 85
"""
_COLUMNS = f"""
COPY (
    SELECT d.id, coalesce(l.lon, d.lon)::float4, coalesce(l.lat, d.lat)::float4, (
        {_STATE} + 10 * coalesce(w.level, 0) + 100 * array_position(%(programmes)s, d.programme::text))::int2
    {_SHOWN} AND (%(programme)s = '' OR d.programme = %(programme)s) {{changed}}
) TO STDOUT (FORMAT BINARY)
"""
_CHANGED = """AND d.id IN (
    SELECT device_id FROM monitoring_latest WHERE changed_at >= %(since)s
    UNION SELECT device_id FROM monitoring_earlywarning WHERE closed_at IS NULL)
"""
_ROW = [
    ("fields", ">i2"), ("l1", ">i4"), ("id", ">i8"), ("l2", ">i4"), ("lon", ">f4"), ("l3", ">i4"), ("lat", ">f4"),
    ("l4", ">i4"), ("code", ">i2"),
]  # fmt: skip
_HEAD, _TAIL = 19, 2
"""Bytes before and after the rows of PostgreSQL's binary form."""


def _asked(**more: Any) -> dict[str, Any]:
    programmes, silent = [code for code, _title in PROGRAMMES], silent_after()
    return {
        "now": clock.now(), "today": clock.today(), "programmes": programmes, "doubting": doubting(),
        "silent": [silent[code] / 1000 for code in programmes], "levels": [level for level, _t in LEVELS],
        "level": "", "programme": "", **more,
    }  # fmt: skip


def columns(programme: str = "", level: str = "", since: float = 0) -> bytes:
    """The devices in service in the scope in force, as columns one after the other, least significant byte first.

    Moment and number of rows (float64 each, the moment in milliseconds: what to ask with as `since` next), then ids
    (float64), longitudes and latitudes (float32), and codes (uint16): programme × 100 + warning's level × 10 + state,
    as in PROGRAMMES and LEVELS from 1 and in STATES from 0. With `since`, those alone that changed, and those that
    have an open warning. `level` leaves the other levels' warnings out.
    """
    import numpy as np  # what begins without a map need not wait for it

    asked = _asked(programme=programme, level=level)
    as_of = asked["now"].timestamp() * 1000 - OVERLAP_MS
    if since:
        asked["since"] = datetime.fromtimestamp(since / 1000, clock.BEIJING)
    with connection.cursor() as cursor, cursor.copy(
        _COLUMNS.format(changed=_CHANGED if since else ""), asked
    ) as copy:  # fmt: skip
        held = b"".join(bytes(part) for part in copy)
    rows = np.frombuffer(held[_HEAD:-_TAIL], _ROW)
    parts = (
        np.array([as_of, len(rows)], "<f8"), rows["id"].astype("<f8"), rows["lon"].astype("<f4"),
        rows["lat"].astype("<f4"), rows["code"].astype("<u2"),
    )  # fmt: skip
    return b"".join(part.tobytes() for part in parts)


def states(keys: list[int]) -> dict[int, str]:
    """How these devices stand, by key."""
    sql = f"""
        SELECT d.id, {_STATE} FROM monitoring_device d LEFT JOIN monitoring_latest l ON l.device_id = d.id
        LEFT JOIN ({_WARNED}) w ON w.device_id = d.id WHERE d.id = ANY (%(keys)s)
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, _asked(keys=keys))
        return {key: STATES[number][0] for key, number in cursor.fetchall()}


class OnTheMap:
    """`on_map=silent`: narrows the list of devices to those that the map shows so, by the map's own condition."""

    parameters: tuple[str, ...] = ("on_map",)

    def rows(self, declared: type[Register], rows: QuerySet[Any], asked: Mapping[str, Any]) -> QuerySet[Any]:
        """The devices that stand so now. Raises `BadQuery`."""
        if not asked.get("on_map"):
            return rows
        names = [name for name, _title in STATES]
        if declared.name != "devices" or asked["on_map"] not in names:
            raise BadQuery("on_map", _("No device stands so on the map."))
        sql, values = f"SELECT d.id {_SHOWN} AND {_STATE} = %(state)s", _asked(state=names.index(asked["on_map"]))
        named = re.findall(r"%\((\w+)\)s", sql)
        found = RawSQL(re.sub(r"%\(\w+\)s", "%s", sql), [values[name] for name in named])  # noqa: S611
        return rows.filter(pk__in=found)

    def chips(
        self, declared: type[Register], asked: Mapping[str, Any], rows: QuerySet[Any]
    ) -> list[tuple[str, str, tuple[str, ...]]]:
        """How they stand, in words."""
        if not asked.get("on_map"):
            return []
        return [(str(_("Live map")), str(dict(STATES)[asked["on_map"]]), self.parameters)]
