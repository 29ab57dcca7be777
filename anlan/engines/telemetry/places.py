"""What holds where: the speed limit of a road, a water that is closed, fog on a river.

A terminal says where it is, and not how fast it may go there. So whoever lands a report of a place adds to it what
holds at that place and moment, as readings of the device: rules go by them as by any other, and journal, history,
replay and cluster all see the same. Where nothing holds 0 is told: what a device has left is over.

    places = Places([Held("speed_limit", {"coaches"}, 80.0, begin, end, road, 30.0)], {"speed_limit": {"coaches"}})
    columns = places.told(programmes, devices, metrics, ts, values)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

LEAST = frozenset({"speed_limit"})
"""Of several limits the least counts; of what is told by its degree, as a stage of a flood, the highest."""
_METRES = 111_195.08
"""Metres to a degree of latitude, on a sphere of 6,371 km."""


class Held(NamedTuple):
    """Something that holds for devices of these programmes within a shape, from `begin` until `end` (ms).

    `points` are longitudes and latitudes: of a line with so many `metres` on both sides, or with 0 of an area's border.
    """

    metric: str
    programmes: Collection[str]
    value: float
    begin: int
    end: int
    points: Any
    metres: float


class Places:
    """All that holds anywhere. `metrics` says of which programmes' devices each metric is told, wherever they are."""

    def __init__(self, held: Sequence[Held], metrics: Mapping[str, Collection[str]]) -> None:
        self._held = [one._replace(points=np.asarray(one.points, np.float64).reshape(-1, 2)) for one in held]
        self._metrics = {name: frozenset(programmes) for name, programmes in sorted(metrics.items()) if programmes}
        self._boxes = [_box(one) for one in self._held]

    def told(self, programmes: Mapping[str, str], devices: Any, metrics: Any, ts: Any, values: Any) -> tuple[Any, ...]:
        """Columns of readings, and behind them what holds where they were taken; unchanged where none says a place.

        `programmes` says to which each device belongs; of one that is not there nothing is told.
        """
        device, metric = (
            one if isinstance(one, pa.Array) else pa.array(one, pa.string()) for one in (devices, metrics)
        )
        at, value = np.asarray(ts, np.int64), np.asarray(values, np.float64)
        lat, lon = (np.flatnonzero(pc.equal(metric, name).to_numpy(zero_copy_only=False)) for name in ("lat", "lon"))
        if not self._metrics or not len(lat) or not len(lon):
            return devices, metrics, ts, values
        names = device.take(pa.array(lat)).to_pylist()
        east = dict(zip(zip(device.take(pa.array(lon)).to_pylist(), at[lon].tolist(), strict=True), value[lon].tolist(),
                        strict=True))  # fmt: skip
        found = [
            (name, programmes[name], moment, north, there)
            for name, moment, north in zip(names, at[lat].tolist(), value[lat].tolist(), strict=True)
            if name in programmes and (there := east.get((name, moment))) is not None
        ]
        told = [column for name, minding in self._metrics.items() if (column := self._of(name, minding, found))]
        return tuple(
            pa.chunked_array([first, *more]).combine_chunks() if isinstance(first, pa.Array)
            else np.concatenate([first, *more])
            for first, *more in zip((device, metric, at, value), *told, strict=True)
        )  # fmt: skip

    def _of(self, metric: str, minding: Collection[str], found: Sequence[tuple[Any, ...]]) -> tuple[Any, ...] | None:
        """What is told of one metric, as columns; None where nobody is there who minds."""
        rows = [one for one in found if one[1] in minding]
        if not rows:
            return None
        names, programmes, ts, lat, lon = zip(*rows, strict=True)
        moment, north, east = np.array(ts, np.int64), np.array(lat), np.array(lon)
        value, known = np.zeros(len(rows)), np.zeros(len(rows), bool)
        for one, (west, south, right, upper) in zip(self._held, self._boxes, strict=True):
            if one.metric != metric:
                continue
            near = (east >= west) & (east <= right) & (north >= south) & (north <= upper)
            near &= (moment >= one.begin) & (moment < one.end)
            near[near] = [programmes[n] in one.programmes for n in np.flatnonzero(near)]
            near[near] = _within(one, east[near], north[near])
            stricter = np.minimum if metric in LEAST else np.maximum
            value[near] = np.where(known[near], stricter(value[near], one.value), one.value)
            known |= near
        return pa.array(names, pa.string()), pa.array([metric] * len(rows), pa.string()), moment, value


def _box(one: Held) -> tuple[float, float, float, float]:
    """West, south, east and north of all that lies within it."""
    (west, south), (east, north) = one.points.min(axis=0), one.points.max(axis=0)
    high = one.metres / _METRES
    wide = high / max(0.01, float(np.cos(np.radians(max(abs(south), abs(north))))))
    return west - wide, south - high, east + wide, north + high


def _within(one: Held, x: Any, y: Any) -> Any:
    """Which of the points lie in the area, or on the line with its metres on both sides."""
    if not len(x):
        return np.zeros(0, bool)
    a = one.points
    if not one.metres:
        b, inside = np.roll(a, 1, axis=0), np.zeros(len(x), bool)
        for (ax, ay), (bx, by) in zip(a.tolist(), b.tolist(), strict=True):
            if ay != by:
                inside ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
        return inside
    # On the plane that touches the earth at each point.
    wide = np.cos(np.radians(y)) * _METRES
    least = np.full(len(x), np.inf)
    for (ax, ay), (bx, by) in zip(a[:-1].tolist(), a[1:].tolist(), strict=True):
        px, py, dx, dy = (ax - x) * wide, (ay - y) * _METRES, (bx - ax) * wide, (by - ay) * _METRES
        length = dx * dx + dy * dy
        along = np.clip(-(px * dx + py * dy) / np.where(length == 0, 1, length), 0, 1)
        least = np.minimum(least, np.hypot(px + along * dx, py + along * dy))
    return least <= one.metres
