"""The compiled pass: readings into lists by device, ticks of a device into the states of its lanes, events out.

A *tick* is everything a device measured at one moment; it is applied whole before a rule looks. A *lane* is one level
of one rule. Each device has a row in every array; nothing here allocates or knows a name.

A lane is quiet, waiting (its condition holds, not yet long enough), open, or leaving (over, not yet long enough).

What runs for every reading takes records and numbers, or is put in place (`inline`): a call that hands on arrays counts
references for each of them, which costs more than what it does.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .compiled import (
    AT_LEAST,
    AT_MOST,
    DRIVING,
    EQUALS,
    INSIDE,
    LESS_THAN,
    LEVEL,
    MORE_THAN,
    NOISY,
    OFF_ROUTE,
    OUTSIDE,
    RATE,
    SAMPLES,
    SILENT,
    STUCK,
    Lanes,
)

QUIET, WAITING, OPEN, LEAVING = range(4)
NIL = -1
NEVER = np.iinfo(np.int64).min
MOST_WAITING = 20_000
"""Readings of one device inside the window of lateness; more are refused, as no honest device sends them."""
TOO_LATE, TWICE, TOO_MANY, TAKEN = range(4)
_DAY, _MINUTE, _BEIJING = 86_400_000, 60_000, 8 * 3_600_000
_METRES = 111_195.08
"""Metres to a degree of latitude, on a sphere of 6,371 km."""

CELL = np.dtype(
    [("since", np.int64), ("t", np.int64), ("a", np.float64), ("b", np.float64), ("n", np.int32), ("phase", np.int8),
     ("newest", np.int8)],
    align=True,
)  # fmt: skip
"""What one lane knows of one device; `t`, `a`, `b` and `n` are the kind's own, `newest` is the place of its last
sample, behind which the earlier ones follow, around the end."""
VALUE = np.dtype([("at", np.int64), ("value", np.float64)], align=True)
"""A reading: the latest of a metric, or a sample of a lane that looks back."""
NODE = np.dtype(
    [("ts", np.int64), ("value", np.float64), ("metric", np.int32), ("after", np.int32), ("before", np.int32)],
    align=True,
)
"""A reading inside the window of lateness, in the list of its device, in order of time and metric."""
DEVICE = np.dtype(
    [
        ("settled", np.int64), ("seen", np.int64), ("head", np.int32), ("tail", np.int32), ("length", np.int32),
        ("quiet_first", np.int32), ("quiet_end", np.int32), ("programme", np.int8), ("dirty", np.bool_),
        ("touched", np.bool_),
    ],
    align=True,
)  # fmt: skip
"""The ends of a device's list, up to when it is settled and seen, its stretches under calibration, its programme."""
EVENT = np.dtype(
    [
        ("ts", np.int64), ("value", np.float64), ("device", np.int32), ("lane", np.int32), ("opens", np.bool_),
        ("suppressed", np.bool_),
    ],
    align=True,
)  # fmt: skip


class State(NamedTuple):
    """What is known of every device: the latest reading of each metric, its lanes, and their samples."""

    latest: Any
    cells: Any
    samples: Any


class Waiting(NamedTuple):
    """Readings inside the window of lateness. `free` is a stack of places, `count` how many stand in it."""

    nodes: Any
    free: Any
    count: Any


class Devices(NamedTuple):
    """The devices, the stretches (from, to) under calibration, and what was counted of their readings."""

    one: Any
    quiet: Any
    counts: Any


class Out(NamedTuple):
    """Events, as many as fit; `count` is one number."""

    events: Any
    count: Any


@njit(cache=True)
def take(
    device: Any, metric: Any, ts: Any, value: Any, late: int, waiting: Waiting, devices: Devices, touched: Any
) -> int:
    """Puts readings in their places; returns how many devices stand in `touched`. What is too late is so by the
    readings that came before it, whether they are settled by now or came in the same call."""
    nodes, count = waiting.nodes, 0
    free = waiting.count[0]
    for i in range(len(device)):
        d, t, m = device[i], ts[i], metric[i]
        one = devices.one[d]
        place = one.tail
        if t <= one.settled or (place != NIL and t < nodes[place].ts - late):
            devices.counts[TOO_LATE] += 1
            continue
        while place != NIL and (nodes[place].ts > t or (nodes[place].ts == t and nodes[place].metric > m)):
            place = nodes[place].before
        if place != NIL and nodes[place].ts == t and nodes[place].metric == m:
            devices.counts[TWICE] += 1
            # Of two values for one moment the larger one stands, whichever came first.
            if value[i] <= nodes[place].value:
                continue
            nodes[place].value = value[i]
        else:
            # A long list may be one that can be settled: only what is inside the window is a flood.
            if one.length >= MOST_WAITING and nodes[one.head].ts >= max(t, nodes[one.tail].ts) - late:
                devices.counts[TOO_MANY] += 1
                continue
            free -= 1
            new = waiting.free[free]
            after = one.head if place == NIL else nodes[place].after
            node = nodes[new]
            node.ts, node.value, node.metric, node.before, node.after = t, value[i], m, place, after
            if place == NIL:
                one.head = new
            else:
                nodes[place].after = new
            if after == NIL:
                one.tail = new
            else:
                nodes[after].before = new
            one.length += 1
            devices.counts[TAKEN] += 1
        if t <= one.seen:
            one.dirty = True
        if not one.touched:
            one.touched = True
            touched[count] = d
            count += 1
    waiting.count[0] = free
    return count


@njit(cache=True)
def settle(
    touched: Any, start: int, late: int, waiting: Waiting, devices: Devices, state: State, lanes: Lanes, out: Out
) -> int:
    """Carries devices forward over what can change no more; returns the index at which it stopped for want of room."""
    nodes, free, mark, stamp = waiting.nodes, waiting.count[0], np.zeros(len(lanes.lane), np.int64), 0
    room = len(out.events) - 2 * len(lanes.lane)
    for k in range(start, len(touched)):
        d = touched[k]
        one = devices.one[d]
        if one.tail == NIL:
            continue
        until = nodes[one.tail].ts - late
        node = one.head
        while node != NIL and nodes[node].ts < until:
            if out.count[0] > room:
                waiting.count[0] = free
                return k
            stamp += 1
            first = node
            one.settled = nodes[node].ts
            node = _tick(d, one, node, nodes, devices, state, lanes, mark, stamp, out)
            while first != node:
                waiting.free[free] = first
                free += 1
                one.length -= 1
                first = nodes[first].after
            one.head = node
            if node == NIL:
                one.tail = NIL
            else:
                nodes[node].before = NIL
    waiting.count[0] = free
    return len(touched)


@njit(cache=True)
def look(
    touched: Any, start: int, waiting: Waiting, devices: Devices, settled: State, state: State, lanes: Lanes, out: Out
) -> int:
    """Carries devices forward over all that is there, from where they were seen; where a reading came late, anew from
    where they are settled. Returns the index at which it stopped for want of room."""
    nodes, mark, stamp = waiting.nodes, np.zeros(len(lanes.lane), np.int64), 0
    room = len(out.events) - 2 * len(lanes.lane)
    for k in range(start, len(touched)):
        d = touched[k]
        one = devices.one[d]
        if one.dirty:
            _copy(d, settled, state)
            one.seen, one.dirty = one.settled, False
        node = NIL
        place = one.tail
        while place != NIL and nodes[place].ts > one.seen:
            node, place = place, nodes[place].before
        while node != NIL:
            if out.count[0] > room:
                return k
            stamp += 1
            one.seen = nodes[node].ts
            node = _tick(d, one, node, nodes, devices, state, lanes, mark, stamp, out)
    return len(touched)


@njit(cache=True)
def wait(some: Any, start: int, now: int, devices: Devices, state: State, lanes: Lanes, out: Out) -> int:
    """Tells of silence up to `now`; returns the index at which it stopped for want of room."""
    for k in range(start, len(some)):
        if out.count[0] + 2 * len(lanes.lane) > len(out.events):
            return k
        d = some[k]
        for number in range(len(lanes.lane)):
            lane, cell = lanes.lane[number], state.cells[d, number]
            if lane.kind != SILENT or cell.n == 0 or cell.phase == OPEN:
                continue
            if now - cell.t > lane.span:
                cell.phase = OPEN
                _tell(d, number, cell.t + lane.span, 0.0, True, devices, out)
                # What was measured before that and comes after it shows that there was no such silence: it is late.
                devices.one[d].seen = max(devices.one[d].seen, cell.t + lane.span)
    return len(some)


@njit(cache=True)
def listed(rows: int, waiting: Waiting, devices: Devices, device: Any, node: Any) -> None:
    """Lists the readings inside the window, by device and in order: row of the device, place of the reading."""
    n = 0
    for d in range(rows):
        place = devices.one[d].head
        while place != NIL:
            device[n], node[n] = d, place
            n, place = n + 1, waiting.nodes[place].after


@njit(cache=True)
def _copy(d: int, source: State, target: State) -> None:
    for metric in range(source.latest.shape[1]):
        target.latest[d, metric] = source.latest[d, metric]
    for lane in range(source.cells.shape[1]):
        target.cells[d, lane] = source.cells[d, lane]
    for ring in range(source.samples.shape[1]):
        for i in range(SAMPLES):
            target.samples[d, ring, i] = source.samples[d, ring, i]


@njit(cache=True)
def _tell(d: int, lane: int, ts: int, value: float, opens: bool, devices: Devices, out: Out) -> None:
    event, one = out.events[out.count[0]], devices.one[d]
    event.device, event.lane, event.ts, event.value, event.opens = d, lane, ts, value, opens
    event.suppressed = False
    for i in range(one.quiet_first, one.quiet_end):
        if devices.quiet[i, 0] <= ts < devices.quiet[i, 1]:
            event.suppressed = True
    out.count[0] += 1


@njit(cache=True, inline="always")
def _tick(
    d: int, one: Any, node: int, nodes: Any, devices: Devices, state: State, lanes: Lanes, mark: Any, stamp: int,
    out: Out,
) -> int:  # fmt: skip
    """Applies what was measured at the moment of `node`, lets the lanes look, and returns the node after it."""
    ts, first = nodes[node].ts, node
    while node != NIL and nodes[node].ts == ts:
        latest = state.latest[d, nodes[node].metric]
        latest.at, latest.value = ts, nodes[node].value
        node = nodes[node].after
    while first != node:
        m = nodes[first].metric
        for i in range(lanes.first[m], lanes.first[m + 1]):
            number = lanes.heard[i]
            if mark[number] == stamp:
                continue
            mark[number] = stamp
            lane, cell = lanes.lane[number], state.cells[d, number]
            if lane.programmes != 0 and (one.programme < 0 or not (lane.programmes >> one.programme) & 1):
                continue
            if lane.kind == SILENT:
                _heard(d, number, ts, cell, lane, devices, out)
                continue
            guarded = True
            if lane.day_from >= 0 or lane.guard_first != lane.guard_end:
                guarded = _guarded(d, lane, ts, state.latest, lanes.guard)
            if lane.kind == LEVEL:
                latest = state.latest[d, lane.metric]
                if latest.at == NEVER:
                    continue
                value = latest.value
                limit, until = lane.limit, lane.until
                if lane.limit_metric != NIL:
                    limit = _limit(d, lane.limit_metric, lane.limit_times, state.latest)
                if lane.until_metric != NIL:
                    until = _limit(d, lane.until_metric, lane.until_times, state.latest)
                said = _compared(value, limit, until, cell, lane)
            else:
                said, value = _looked(d, ts, guarded, cell, lane, state, lanes)
            if not guarded:
                said = _OVER if said != _UNKNOWN else _UNKNOWN
            if said != _UNKNOWN:
                moved = _moved(ts, said, cell, lane)
                if moved != 0:
                    _tell(d, number, ts, value, moved == 1, devices, out)
        first = nodes[first].after
    return node


_UNKNOWN, _ON, _BETWEEN, _OVER = range(4)
"""What a lane says of a moment: it cannot tell, its condition holds, neither it nor its end does, it is over."""


@njit(cache=True)
def _moved(ts: int, said: int, cell: Any, lane: Any) -> int:
    """Carries a lane forward; 1 where it opens, 2 where it clears, else 0."""
    on, over = said == _ON, said == _OVER
    if cell.phase == QUIET and on:
        cell.phase, cell.since = WAITING, ts
    if cell.phase == WAITING:
        if not on:
            cell.phase = QUIET
        elif ts - cell.since >= lane.hold:
            cell.phase = OPEN
            return 1
        return 0
    if cell.phase == OPEN and over:
        cell.phase, cell.since = LEAVING, ts
    if cell.phase == LEAVING:
        if not over:
            cell.phase = OPEN
        elif ts - cell.since >= lane.until_hold:
            cell.phase = QUIET
            return 2
    return 0


@njit(cache=True)
def _heard(d: int, number: int, ts: int, cell: Any, lane: Any, devices: Devices, out: Out) -> None:
    """A reading breaks the silence: what was too long before it is told now, if no clock told it."""
    if cell.n != 0 and cell.phase != OPEN and ts - cell.t > lane.span:
        cell.phase = OPEN
        _tell(d, number, cell.t + lane.span, 0.0, True, devices, out)
    if cell.phase == OPEN:
        cell.phase = QUIET
        _tell(d, number, ts, 0.0, False, devices, out)
    cell.n, cell.t = 1, ts


@njit(cache=True)
def _holds(op: int, value: float, limit: float) -> bool:
    if op == AT_LEAST:
        return value >= limit
    if op == MORE_THAN:
        return value > limit
    if op == AT_MOST:
        return value <= limit
    if op == LESS_THAN:
        return value < limit
    return op == EQUALS and value == limit


@njit(cache=True)
def _limit(d: int, metric: int, times: float, latest: Any) -> float:
    """The limit that the device tells; NaN, with which nothing compares, where it has not told it yet."""
    told = latest[d, metric]
    return math.nan if told.at == NEVER else told.value * times


@njit(cache=True)
def _compared(value: float, limit: float, until: float, cell: Any, lane: Any) -> int:
    """Whether the value is beyond the limit, or back behind it (behind `until`, where there is one)."""
    if _holds(lane.op, value, limit):
        return _ON
    if lane.until_op > EQUALS or cell.phase < OPEN:
        return _OVER
    return _OVER if _holds(lane.until_op, value, until) else _BETWEEN


@njit(cache=True)
def _guarded(d: int, lane: Any, ts: int, latest: Any, guards: Any) -> bool:
    """Whether time of day and the device's other readings are such that the rule is in force."""
    begin, end = lane.day_from, lane.day_to
    if begin >= 0:
        minute = ((ts + _BEIJING) % _DAY) // _MINUTE
        if begin <= end:
            if not begin <= minute < end:
                return False
        elif end <= minute < begin:
            return False
    for i in range(lane.guard_first, lane.guard_end):
        guard = guards[i]
        told = latest[d, guard.metric]
        if told.at == NEVER or ts - told.at > guard.age:
            return False
        limit = guard.limit
        if guard.limit_metric != NIL:
            limit = _limit(d, guard.limit_metric, guard.limit_times, latest)
        if not _holds(guard.op, told.value, limit):
            return False
    return True


@njit(cache=True)
def _looked(d: int, ts: int, guarded: bool, cell: Any, lane: Any, state: State, lanes: Lanes) -> tuple[int, float]:
    """What a lane of any kind but level and silence says of this moment, and the value it goes by."""
    if lane.kind in (INSIDE, OUTSIDE, OFF_ROUTE):
        lat, lon = state.latest[d, lanes.place[0]], state.latest[d, lanes.place[1]]
        if lat.at == NEVER or lat.at != lon.at:
            return _UNKNOWN, 0.0
        if lane.kind == OFF_ROUTE:
            far = _distance(lon.value, lat.value, lane, lanes.shape)
            return (_ON if far > lane.number else _OVER), far
        inside = _inside(lon.value, lat.value, lane, lanes.shape)
        return (_ON if inside == (lane.kind == INSIDE) else _OVER), lat.value
    latest = state.latest[d, lane.metric]
    if latest.at == NEVER:
        return _UNKNOWN, 0.0
    value, fresh = latest.value, latest.at == ts
    if lane.kind == STUCK:
        if fresh and (cell.n == 0 or abs(value - cell.a) > lane.number):
            cell.n, cell.a, cell.t = 1, value, ts
        return (_ON if latest.at - cell.t >= lane.span else _OVER), value
    if lane.kind == DRIVING:
        return _driven(ts, value, fresh, guarded, cell, lane)
    samples = state.samples[d, lane.ring]
    if lane.kind == NOISY:
        return (_ON if _jumped(ts, value, fresh, cell, lane, samples) else _OVER), value
    limit, until = lane.limit, lane.until
    if lane.limit_metric != NIL:
        limit = _limit(d, lane.limit_metric, lane.limit_times, state.latest)
    if lane.until_metric != NIL:
        until = _limit(d, lane.until_metric, lane.until_times, state.latest)
    if lane.kind == RATE:
        value = _rate(latest.at, value, fresh, cell, lane, samples)
        # Where the rate is not known nothing begins, and nothing ends.
        return (_BETWEEN if math.isnan(value) else _compared(value, limit, until, cell, lane)), value
    return _soon(ts, value, limit, fresh, cell, lane, samples)


@njit(cache=True)
def _sample(cell: Any, samples: Any, back: int) -> Any:
    """The sample so many back from the newest."""
    return samples[(cell.newest + back) % SAMPLES]


@njit(cache=True)
def _remember(ts: int, value: float, cell: Any, lane: Any, samples: Any) -> bool:
    """Keeps the reading as a sample where the last one is far enough back; whether it did."""
    last = _sample(cell, samples, 0).at
    if last != NEVER and ts - last < lane.span // (SAMPLES - 1):
        return False
    cell.newest = (cell.newest + SAMPLES - 1) % SAMPLES
    new = _sample(cell, samples, 0)
    new.at, new.value = ts, value
    return True


@njit(cache=True)
def _rate(at: int, value: float, fresh: bool, cell: Any, lane: Any, samples: Any) -> float:
    """The change per unit of time over the span, NaN where less than half of it is known."""
    if fresh:
        _remember(at, value, cell, lane, samples)
    for back in range(SAMPLES - 1, 0, -1):
        then = _sample(cell, samples, back)
        if then.at != NEVER and at - then.at <= lane.span:
            if 2 * (at - then.at) < lane.span:
                return math.nan
            change = (value - then.value) / (at - then.at) * lane.other
            return abs(change) if lane.flag else change
    return math.nan


@njit(cache=True)
def _soon(ts: int, value: float, limit: float, fresh: bool, cell: Any, lane: Any, samples: Any) -> tuple[int, float]:
    """Whether the trend of the span crosses the limit soon, and what it foresees then.

    The slope is the median of the slopes between all pairs of samples, the level the median of what they leave (Theil
    and Sen): a quarter of the samples may be wild without moving either much.
    """
    if fresh and _remember(ts, value, cell, lane, samples):
        cell.n, cell.t = _trend(samples, lane.span, cell), ts
    if cell.n == 0:
        return _OVER, value
    if cell.phase < OPEN and _holds(lane.op, value, limit):
        return _OVER, value  # it is there already; a rule on the level itself tells that
    ahead = cell.b + cell.a * (ts + lane.other - cell.t)
    towards = cell.a > 0 if lane.op <= MORE_THAN else cell.a < 0
    return (_ON if towards and _holds(lane.op, ahead, limit) else _OVER), ahead


@njit(cache=True)
def _trend(samples: Any, span: int, cell: Any) -> int:
    """Puts slope (per ms) and level at the latest sample into the cell; 1 where there is enough to tell, else 0."""
    now, n = _sample(cell, samples, 0).at, 0
    while n < SAMPLES and _sample(cell, samples, n).at != NEVER and now - _sample(cell, samples, n).at <= span:
        n += 1
    if n < 6 or 2 * (now - _sample(cell, samples, n - 1).at) < span:
        return 0
    slopes, count = np.empty(SAMPLES * (SAMPLES - 1) // 2, np.float64), 0
    for i in range(n):
        for j in range(i + 1, n):
            a, b = _sample(cell, samples, i), _sample(cell, samples, j)
            slopes[count] = (a.value - b.value) / (a.at - b.at)
            count += 1
    slope = _median(slopes, count)
    for i in range(n):
        a = _sample(cell, samples, i)
        slopes[i] = a.value - slope * (a.at - now)
    cell.a, cell.b = slope, _median(slopes, n)
    return 1


@njit(cache=True)
def _median(numbers: Any, count: int) -> float:
    """The median of the first `count` numbers, which it leaves in order."""
    for i in range(1, count):
        x, j = numbers[i], i - 1
        while j >= 0 and numbers[j] > x:
            numbers[j + 1] = numbers[j]
            j -= 1
        numbers[j + 1] = x
    half = count // 2
    return numbers[half] if count % 2 else (numbers[half - 1] + numbers[half]) / 2


@njit(cache=True)
def _jumped(ts: int, value: float, fresh: bool, cell: Any, lane: Any, samples: Any) -> bool:
    """Whether the reading jumped so many times in the span."""
    if fresh:
        if cell.n != 0 and abs(value - cell.a) >= lane.number:
            cell.newest = (cell.newest + SAMPLES - 1) % SAMPLES
            _sample(cell, samples, 0).at = ts
        cell.n, cell.a = 1, value
    oldest = _sample(cell, samples, lane.other - 1).at
    return oldest != NEVER and ts - oldest <= lane.span


@njit(cache=True)
def _driven(ts: int, speed: float, fresh: bool, guarded: bool, cell: Any, lane: Any) -> tuple[int, float]:
    """Whether it drove for longer than allowed without a rest, or has rested; and the hours driven.

    `a` is the time driven in ms, `b` since when it stands, `n` whether nothing is known (0), it stood (1) or drove (2).
    Of a silence longer than `gap` while driving nobody knows what it was: it is neither driving nor rest.
    """
    if fresh:
        drives, passed = speed > lane.number, ts - cell.t
        if cell.n == 2 and passed <= lane.gap:
            cell.a += passed
        if not guarded or (cell.n == 1 and ts - cell.b >= lane.other):
            cell.a = 0.0
        if not drives and cell.n != 1:
            cell.b = ts
        cell.n, cell.t = (2 if drives else 1), ts
    if cell.a > lane.span:
        return _ON, cell.a / 3_600_000
    return (_OVER if cell.a == 0.0 else _BETWEEN), cell.a / 3_600_000


@njit(cache=True)
def _inside(x: float, y: float, lane: Any, shape: Any) -> bool:
    """Whether the point lies in the polygon: a ray from it crosses the border an odd number of times."""
    inside, j = False, lane.shape_end - 1
    for i in range(lane.shape_first, lane.shape_end):
        if (shape[i, 1] > y) != (shape[j, 1] > y):
            across = (shape[j, 0] - shape[i, 0]) * (y - shape[i, 1])
            if x < across / (shape[j, 1] - shape[i, 1]) + shape[i, 0]:
                inside = not inside
        j = i
    return inside


@njit(cache=True)
def _distance(x: float, y: float, lane: Any, shape: Any) -> float:
    """Metres from the point to the line, on the plane that touches the earth at the point."""
    wide = math.cos(math.radians(y)) * _METRES
    least = math.inf
    for i in range(lane.shape_first, lane.shape_end - 1):
        ax, ay = (shape[i, 0] - x) * wide, (shape[i, 1] - y) * _METRES
        bx, by = (shape[i + 1, 0] - x) * wide, (shape[i + 1, 1] - y) * _METRES
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        along = 0.0 if length == 0.0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / length))
        least = min(least, math.hypot(ax + along * dx, ay + along * dy))
    return least
