"""The compiled pass: readings into the logs of devices, ticks of a device into the states of its lanes, events out.

A *tick* is everything a device measured at one moment; it is applied whole before a rule looks. A *lane* is one level
of one rule. Each device has a row in every array; nothing here allocates by the reading or knows a name.

A lane is quiet, waiting (its condition holds, not yet long enough), open, or leaving (over, not yet long enough).

What it costs is memory that is waited for. So a device's log is one stretch in order of time, to which what comes in
order is added; what can change no more is settled only when a log is nearly full, many readings at once; a lane that is
quiet and whose reading is outside of its band is not looked at further; and of the devices that follow memory is asked
ahead.

Devices are dealt out in blocks to *parts*, which are a power of two. Each part has its stretch of the log, its counts
and its room for events, so that each can be worked on by a processor of its own.

The pass is one file, though a long one: Numba keeps what it has compiled as long as the file of the function that is
called stays the same, and does not see that another file from which it took something in has changed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from .compiled import (
    AT_LEAST,
    AT_MOST,
    DRIVING,
    EQUALS,
    INSIDE,
    LESS_THAN,
    MORE_THAN,
    NOISY,
    OFF_ROUTE,
    RATE,
    SAMPLES,
    SILENT,
    SOON,
    STUCK,
    Lanes,
)

QUIET, WAITING, OPEN, LEAVING = range(4)
NIL = -1
NEVER = np.iinfo(np.int64).min
EARLIEST, LATEST = 0, 4_102_444_800_000
"""Milliseconds; moments outside of 1970–2099 are no moments of a reading."""
MOST_WAITING = 20_000
"""Readings of one device inside the window of lateness; more are refused, as no honest device sends them."""
COUNTED = ("late", "twice", "too_many", "taken", "no_number", "no_moment", "no_rule")
"""What becomes of a reading, by its place in `Devices.counts`; behind them the newest moment, and the places in the log
that devices would have used if there had been as many."""
LATE, TWICE, TOO_MANY, TAKEN, NO_NUMBER, NO_MOMENT, NO_RULE, NEWEST, LACKING = range(9)
_LEAST_ROOM, _SETTLED_ROOM = 16, 64
"""For so many readings a device has room in its log when one comes, and when the first ones were settled."""
STRETCH = 256
"""Readings that a device's lanes go over at once, at most."""
_MANY = 12
"""So many at least, for it to be worth it to sort them out by metric."""
ROWS = 3
"""Rows behind those of the metrics: one of every tick, two of places."""
METRIC_BITS = 20
"""So many bits of a key are the metric; above them is room for every moment of a reading."""
BLOCK, WORD = 10, 6
"""Devices that follow each other belong to one part, 2 to the power of BLOCK of them: no two processors want the same
line, nor the same word of bits, nor ask memory for what the other writes. A word has 2 to the power of WORD bits."""
_IN_WORD = (1 << WORD) - 1
PAIRS = SAMPLES * (SAMPLES - 1) // 2
_DAY, _MINUTE, _BEIJING = 86_400_000, 60_000, 8 * 3_600_000
_METRES = 111_195.08
"""Metres to a degree of latitude, on a sphere of 6,371 km."""
_FINE = 1e-6
"""Degrees, in which is told how far a device may go."""

_HOW: Any = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
run: Any = njit(**_HOW)
"""Nothing here allocates, so nothing needs to count who holds it (`_nrt`)."""
inlined: Any = njit(**_HOW, forceinline=True)
"""Put in place: a call would hand on some two hundred words on the stack."""
_LINE = 64
"""Bytes that memory hands over at once."""
_AHEAD = 16
"""So many devices ahead memory is asked for what they need: it answers several questions at once, and late."""

CELL = np.dtype(
    [("since", np.int64), ("t", np.int64), ("a", np.float64), ("b", np.float64), ("n", np.int32)], align=True
)
"""What one lane knows of one device; `t`, `a`, `b` and `n` are the kind's own."""
VALUE = np.dtype([("at", np.int64), ("value", np.float64)], align=True)
"""The latest reading of a metric."""
RING = np.dtype(
    [("at", np.int64, (SAMPLES,)), ("value", np.float64, (SAMPLES,)), ("newest", np.int32), ("far", np.int32)],
    align=True,
)
"""Samples of a lane that looks back: behind `newest` the earlier ones follow, around the end. `far` is how far back the
span reaches."""
READING = np.dtype([("key", np.int64), ("value", np.float64)])
"""`key` is moment and metric in one (`_key`), so that a log is in order of one number."""
_CELL, _RING, _READING = CELL.itemsize, RING.itemsize, READING.itemsize
_IN_LINE = _LINE // _READING
DEVICE = np.dtype(
    [
        ("settled", np.int64), ("seen", np.int64), ("newest", np.int64), ("first", np.int32), ("length", np.int32),
        ("room", np.int32), ("dirty", np.bool_), ("programme", np.int8), ("looked", np.int32),
        ("quiet_first", np.int32), ("quiet_end", np.int32), ("spare", np.int64),
    ],
    align=True,
)  # fmt: skip
"""A device's log: where it stands, how long it is and may become, how many of its readings were looked at, and the key
of its last one. Up to when the device is settled, up to when it was seen; its stretches under calibration, its
programme. `spare` fills the record up to a line of memory."""
EVENT = np.dtype(
    [
        ("ts", np.int64), ("value", np.float64), ("device", np.int32), ("lane", np.int32), ("opens", np.bool_),
        ("suppressed", np.bool_),
    ],
    align=True,
)  # fmt: skip


class State(NamedTuple):
    """What is known of every device: the latest reading of each metric, its lanes' phases and cells, their samples."""

    latest: Any
    phase: Any
    cells: Any
    rings: Any


class Log(NamedTuple):
    """The readings that are not settled yet, each device's in one stretch by time and metric; up to where each part has
    used its share of the places."""

    readings: Any
    used: Any


class Devices(NamedTuple):
    """The devices, the stretches (from, to) under calibration, a bit for each device that was touched, and for each
    part what was counted of its readings."""

    one: Any
    quiet: Any
    touched: Any
    counts: Any


class Out(NamedTuple):
    """Events, as many as fit; `count` is one number."""

    events: Any
    count: Any


class Scratch(NamedTuple):
    """Of one trend: moments and values of samples, slopes between all pairs of them. Of one stretch: for each metric
    the moments and numbers of its readings, how many they are, the least and the largest; behind the metrics a row of
    ticks and two of places. The lanes that go from tick to tick, and all, as bits."""

    at: Any
    value: Any
    slopes: Any
    moments: Any
    numbers: Any
    count: Any
    least: Any
    most: Any
    asked: Any
    all: Any


def _asked(typing: Any, record: Any, ahead: Any) -> Any:
    """Asks memory for the line so many bytes behind the begin of a record, without waiting for it."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.gep(builder.bitcast(args[0], ir.IntType(8).as_pointer()), [args[1]])
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, *[ir.IntType(32)] * 3])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", (pointer.type,), kind)
        builder.call(fetch, [pointer, *(ir.Constant(ir.IntType(32), n) for n in (1, 3, 1))])
        return context.get_dummy_value()

    return types.void(record, types.int64), code


_fetch: Any = intrinsic(_asked)


def _counted(typing: Any, bits: Any) -> Any:
    """The place of the lowest bit that is set."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), code


_lowest: Any = intrinsic(_counted)


@inlined
def _fetch_row(state: State, d: int) -> None:
    """Asks memory for what is known of a device."""
    _fetch(state.latest[d, 0], 0)
    for line in range(0, state.cells.shape[1] * _CELL, _LINE):
        _fetch(state.cells[d, 0], line)
    for line in range(0, state.rings.shape[1] * _RING, _LINE):
        _fetch(state.rings[d, 0], line)


@run
def place(
    device: Any, metric: Any, ts: Any, value: Any, start: int, late: int, least: float, part: int, log: Log,
    devices: Devices,
) -> int:  # fmt: skip
    """Puts the readings of one part's devices into their logs; returns the row at which it stopped for want of room.

    What is too late is so by the readings that came before it, in this call or an earlier one. Devices whose log has
    filled its room to the share `least` are marked as touched.
    """
    readings, counts, parts = log.readings, devices.counts[part], len(log.used)
    i, end, taken, latest = start, len(device), 0, counts[NEWEST]
    while i < end:
        d = device[i]
        if parts > 1 and _part(d, parts) != part:
            i += 1
            continue
        if i + 2 * _AHEAD < end and _part(device[i + 2 * _AHEAD], parts) == part:
            _fetch(devices.one[device[i + 2 * _AHEAD]], 0)
            coming = devices.one[device[i + _AHEAD]]
            _fetch(readings[coming.first + coming.length], -_READING)
            _fetch(readings[coming.first + coming.length], _LINE)
        one = devices.one[d]
        # What comes in order of time, one behind the other, needs to be compared with nothing but its own tick.
        length, newest, room, dirty = one.length, one.newest, min(one.room, MOST_WAITING), one.dirty
        first, settled, seen, before = one.first, one.settled, one.seen, one.length
        while i < end and device[i] == d and length < room:
            t, v, key = ts[i], value[i], _key(ts[i], metric[i])
            fits = t >= _moment(newest) and t > settled and EARLIEST <= t < LATEST
            if not fits or metric[i] < 0 or not math.isfinite(v):
                break
            at = first + length
            if key <= newest:
                while at > first and readings[at - 1].key > key:
                    at -= 1
                if at > first and readings[at - 1].key == key:
                    break
                for later in range(first + length, at, -1):
                    _put(readings[later], readings[later - 1])
            new = readings[at]
            new.key, new.value = key, v
            newest, dirty = max(newest, key), dirty or t <= seen
            length += 1
            i += 1
        if length > before:
            one.length, one.newest, one.dirty = length, newest, dirty
            taken, latest = taken + length - before, max(latest, _moment(newest))
        elif _admitted(one, metric[i], ts[i], value[i], late, part, counts, log):
            i += 1
        else:
            end = i
        if one.length >= least * one.room:
            devices.touched[d >> WORD] |= np.uint64(1) << np.uint64(d & _IN_WORD)
    counts[TAKEN] += taken
    counts[NEWEST] = max(counts[NEWEST], latest)
    return end


@run
def _admitted(one: Any, metric: int, t: int, v: float, late: int, part: int, counts: Any, log: Log) -> bool:
    """Puts a reading where it belongs, or counts why it is none; whether there was room for it."""
    readings = log.readings
    if not math.isfinite(v):
        counts[NO_NUMBER] += 1
        return True
    if t < EARLIEST or t >= LATEST:
        counts[NO_MOMENT] += 1
        return True
    if metric < 0:
        counts[NO_RULE] += 1
        return True
    key, newest = _key(t, metric), _moment(one.newest)
    if t <= one.settled or newest - t > late:
        counts[LATE] += 1
        return True
    # A long log may be one that can be settled: only what is inside the window is a flood.
    flood = one.length >= MOST_WAITING and _moment(readings[one.first].key) >= max(t, newest) - late
    if one.length == one.room and not flood and not _widened(one, 2 * one.room, part, log):
        return False
    if key <= one.newest:
        counts[_inserted(one, key, v, flood, readings)] += 1
    elif flood:
        counts[TOO_MANY] += 1
    else:
        new = readings[one.first + one.length]
        new.key, new.value = key, v
        one.newest = key
        one.length += 1
        one.dirty = one.dirty or t <= one.seen
        counts[TAKEN] += 1
    counts[NEWEST] = max(counts[NEWEST], t)
    return True


@run
def renewed(devices: Devices, found: Any) -> int:
    """Lists the devices that were touched since the last time, in order, as memory is read faster so; how many."""
    n = 0
    for block in range(len(devices.touched)):
        bits = devices.touched[block]
        devices.touched[block] = 0
        while bits:
            found[n] = (block << WORD) + _lowest(bits)
            bits &= bits - np.uint64(1)
            n += 1
    return n


@inlined
def _part(d: int, parts: int) -> int:
    """The part to which a device belongs."""
    return (d >> BLOCK) & (parts - 1)


@inlined
def _inserted(one: Any, key: int, v: float, flood: bool, readings: Any) -> int:
    """Puts a reading that comes after later ones in its place; returns what became of it."""
    begin, end = one.first, one.first + one.length
    place = end
    while place > begin and readings[place - 1].key > key:
        place -= 1
    if place > begin and readings[place - 1].key == key:
        # Of two values for one moment the larger one stands, whichever came first.
        if v > readings[place - 1].value:
            readings[place - 1].value = v
            one.dirty = one.dirty or _moment(key) <= one.seen
        return TWICE
    if flood:
        return TOO_MANY
    for i in range(end, place, -1):
        _put(readings[i], readings[i - 1])
    new = readings[place]
    new.key, new.value = key, v
    one.length += 1
    one.dirty = one.dirty or _moment(key) <= one.seen
    return TAKEN


@inlined
def _put(target: Any, source: Any) -> None:
    target.key, target.value = source.key, source.value


@inlined
def _key(ts: int, metric: int) -> int:
    return (ts << METRIC_BITS) | metric


@inlined
def _moment(key: int) -> int:
    return key >> METRIC_BITS


@inlined
def _metric(key: int) -> int:
    return key & ((1 << METRIC_BITS) - 1)


@run
def _widened(one: Any, room: int, part: int, log: Log) -> bool:
    """Gives a device more room, whole lines, at the end of what its part has used; whether there was so much."""
    room, at = max(_LEAST_ROOM, (room + _IN_LINE - 1) // _IN_LINE * _IN_LINE), log.used[part]
    if at + room > (part + 1) * (len(log.readings) // len(log.used)):
        return False
    for i in range(one.length):
        _put(log.readings[at + i], log.readings[one.first + i])
    one.first, one.room = at, room
    log.used[part] = at + room
    return True


@run
def packed(log: Log, devices: Devices, target: Log) -> None:
    """Moves the logs of all devices, in their order, into another place; each keeps the room that it has."""
    for d in range(len(devices.one)):
        one, part = devices.one[d], _part(d, len(target.used))
        at = target.used[part]
        for i in range(one.length):
            _put(target.readings[at + i], log.readings[one.first + i])
        one.first = at
        target.used[part] += one.room


@run
def listed(rows: int, log: Log, devices: Devices, target: Any) -> None:
    """Lists the readings of all logs, by device and in order."""
    n = 0
    for d in range(rows):
        one = devices.one[d]
        for i in range(one.first, one.first + one.length):
            _put(target[n], log.readings[i])
            n += 1


@run
def carry(
    some: Any, start: int, final: bool, least: float, late: int, log: Log, devices: Devices, settled: State,
    state: State, lanes: Lanes, out: Out, scratch: Scratch,
) -> int:  # fmt: skip
    """Carries devices forward; returns the index at which it stopped for want of room for events.

    `final`: over what can change no more (all more than `late` behind the device's latest), which then leaves the log;
    this waits until the log has filled its room to the share `least`, as of many readings each costs less. Otherwise
    over all that was not looked at, and where a reading came late, anew from where the device is settled.
    """
    readings = log.readings
    enough = len(out.events) - 2 * len(lanes.lane)
    for k in range(start, len(some)):
        d = some[k]
        one = devices.one[d]
        if k + 2 * _AHEAD < len(some):
            _fetch(devices.one[some[k + 2 * _AHEAD]], 0)
            ahead = some[k + _AHEAD]
            coming = devices.one[ahead]
            if not final or coming.length >= least * coming.room:
                _fetch_row(state, ahead)
                if not final and coming.dirty:
                    _fetch_row(settled, ahead)
                if final or coming.dirty:
                    for line in range(0, coming.length * _READING, _LINE):
                        _fetch(readings[coming.first], line)
        if final:
            if one.length == 0 or one.length < least * one.room:
                continue
            at, until = one.first, _moment(one.newest) - late - 1
        else:
            if one.dirty:
                _copy(d, settled, state)
                one.seen, one.looked, one.dirty = one.settled, 0, False
            at, until = one.first + one.looked, _moment(one.newest)
        end = one.first + one.length
        while at < end and _moment(readings[at].key) <= until and out.count[0] <= enough:
            if end - at >= _MANY:
                room = (len(out.events) - out.count[0]) // (2 * len(lanes.lane))
                stop = _whole(at, end, until, min(room, STRETCH), readings)
                if stop - at >= _MANY:
                    _stretch(d, one, at, stop, readings, devices, state, lanes, out, scratch)
                    at = stop
                    continue
            at = _tick(d, one, at, end, readings, devices, state, lanes, out, scratch, scratch.all)
        stopped = at < end and _moment(readings[at].key) <= until
        done = at - one.first
        if not final:
            one.looked = done
            one.seen = max(one.seen, _moment(readings[at - 1].key)) if done else one.seen
        elif done:
            one.settled = _moment(readings[at - 1].key)
            one.length -= done
            one.looked = max(0, one.looked - done)
            for i in range(one.first, one.first + one.length):
                _put(readings[i], readings[i + done])
            # Who waits for more than half of its room would be settled again too soon.
            part = _part(d, len(log.used))
            wanted = max(_SETTLED_ROOM, 2 * one.length)
            if wanted > one.room and not _widened(one, wanted, part, log):
                devices.counts[part, LACKING] += wanted
        if stopped:
            return k
    return len(some)


@run
def wait(some: Any, start: int, now: int, devices: Devices, state: State, lanes: Lanes, out: Out) -> int:
    """Tells of silence up to `now`; returns the index at which it stopped for want of room."""
    for k in range(start, len(some)):
        if out.count[0] + len(lanes.silent) > len(out.events):
            return k
        d = some[k]
        for number in lanes.silent:
            cell, span = state.cells[d, number], lanes.lane[number].span
            if cell.n != 0 and state.phase[d, number] != OPEN and now - cell.t > span:
                state.phase[d, number] = OPEN
                _tell(d, number, cell.t + span, 0.0, True, devices, out)
                # What was measured before that and comes after it shows that there was no such silence: it is late.
                devices.one[d].seen = max(devices.one[d].seen, cell.t + span)
    return len(some)


@run
def _copy(d: int, source: State, target: State) -> None:
    for metric in range(source.latest.shape[1]):
        target.latest[d, metric] = source.latest[d, metric]
    for lane in range(source.cells.shape[1]):
        target.phase[d, lane], target.cells[d, lane] = source.phase[d, lane], source.cells[d, lane]
    for ring in range(source.rings.shape[1]):
        target.rings[d, ring] = source.rings[d, ring]


@run
def _tell(d: int, lane: int, ts: int, value: float, opens: bool, devices: Devices, out: Out) -> None:
    event, one = out.events[out.count[0]], devices.one[d]
    event.device, event.lane, event.ts, event.value, event.opens = d, lane, ts, value, opens
    event.suppressed = False
    for i in range(one.quiet_first, one.quiet_end):
        if devices.quiet[i, 0] <= ts < devices.quiet[i, 1]:
            event.suppressed = True
    out.count[0] += 1


@inlined
def _whole(at: int, end: int, until: int, most: int, readings: Any) -> int:
    """The place behind the last whole tick that is not after `until`, at most so many readings on."""
    stop = min(end, at + most)
    while stop > at and _moment(readings[stop - 1].key) > until:
        stop -= 1
    if stop < end:
        cut = _moment(readings[stop].key)
        while stop > at and _moment(readings[stop - 1].key) == cut:
            stop -= 1
    return stop


@inlined
def _sort_out(at: int, stop: int, readings: Any, lanes: Lanes, scratch: Scratch) -> None:
    """Lists these readings by metric, the moments of their ticks, and the places where both coordinates were told."""
    metrics = len(scratch.count) - ROWS
    ticks, places = metrics, metrics + 1
    for row in range(metrics + ROWS):
        scratch.count[row], scratch.least[row], scratch.most[row] = 0, math.inf, -math.inf
    before, n = NEVER, 0
    for i in range(at, stop):
        key, value = readings[i].key, readings[i].value
        ts, row = _moment(key), _metric(key)
        here = scratch.count[row]
        scratch.moments[row, here], scratch.numbers[row, here] = ts, value
        scratch.count[row] = here + 1
        scratch.least[row] = min(scratch.least[row], value)
        scratch.most[row] = max(scratch.most[row], value)
        if ts != before:
            scratch.moments[ticks, n] = before = ts
            n += 1
    scratch.count[ticks] = n
    lat, lon = lanes.place[0], lanes.place[1]
    if lat >= 0:
        i, j, n = 0, 0, 0
        while i < scratch.count[lat] and j < scratch.count[lon]:
            ts, other = scratch.moments[lat, i], scratch.moments[lon, j]
            if ts == other:
                scratch.moments[places, n] = ts
                scratch.numbers[places, n] = scratch.numbers[lat, i]
                scratch.numbers[places + 1, n] = scratch.numbers[lon, j]
                n += 1
            i += ts <= other
            j += other <= ts
        scratch.count[places] = n
    for row in range(ticks, ticks + ROWS):
        scratch.least[row], scratch.most[row] = -math.inf, math.inf


@inlined
def _stretch(
    d: int, one: Any, at: int, stop: int, readings: Any, devices: Devices, state: State, lanes: Lanes, out: Out,
    scratch: Scratch,
) -> None:  # fmt: skip
    """As `_tick` for each tick between these places, of which there are many.

    A lane that minds nothing but its own metric goes over the readings of that by itself, and over none where it is
    quiet and none is inside of its band; only the others go from tick to tick.
    """
    _sort_out(at, stop, readings, lanes, scratch)
    latest, walk = state.latest, False
    for word in range(lanes.of.shape[1]):
        some, together = lanes.of[one.programme + 1, word], np.uint64(0)
        while some:
            bit = some & (~some + np.uint64(1))
            number = 64 * word + _lowest(some)
            some ^= bit
            lane = lanes.lane[number]
            least, most = scratch.least[lane.row], scratch.most[lane.row]
            if not lane.alone:
                before = latest[d, lane.metric].value
                least, most = min(least, before), max(most, before)
            if state.phase[d, number] == QUIET and (most < lane.low or least > lane.high):
                continue
            if lane.alone:
                _go_over(d, number, lane, devices, state, lanes, out, scratch)
            else:
                together |= bit
        scratch.asked[word] = together
        walk = walk or together != 0
    if walk:
        while at < stop:
            at = _tick(d, one, at, stop, readings, devices, state, lanes, out, scratch, scratch.asked)
        return
    for metric in range(latest.shape[1]):
        last = scratch.count[metric] - 1
        if last >= 0:
            told = latest[d, metric]
            told.at, told.value = scratch.moments[metric, last], scratch.numbers[metric, last]


@inlined
def _go_over(
    d: int, number: int, lane: Any, devices: Devices, state: State, lanes: Lanes, out: Out, scratch: Scratch
) -> None:
    """Lets a lane look at all that was sorted out for it."""
    moments, numbers, cell = scratch.moments[lane.row], scratch.numbers[lane.row], state.cells[d, number]
    phase, guarded = state.phase[d, number], True
    for i in range(scratch.count[lane.row]):
        ts = moments[i]
        if lane.kind == SILENT:
            phase = _heard(d, number, ts, phase, cell, lane, devices, out)
            continue
        if lane.day_from >= 0:
            guarded = _by_day(ts, lane)
        if lane.kind >= INSIDE:
            lat, lon = numbers[i], scratch.numbers[lane.row + 1, i]
            if phase == QUIET and _far(lat, lon, cell):
                continue
            said, value = _placed(lon, lat, cell, lane, lanes.shape)
        else:
            said, value = _says(d, ts, ts, numbers[i], guarded, phase, cell, lane, state, scratch)
        phase = _moved(d, number, ts, said if guarded else _OVER, value, phase, cell, lane, devices, out)
    state.phase[d, number] = phase


@inlined
def _tick(
    d: int, one: Any, at: int, end: int, readings: Any, devices: Devices, state: State, lanes: Lanes, out: Out,
    scratch: Scratch, asked: Any,
) -> int:  # fmt: skip
    """Applies what was measured at the moment of the reading `at`, lets those of the lanes look that are asked; returns
    the place behind it."""
    ts, first, programme = _moment(readings[at].key), at, one.programme + 1
    while at < end and _moment(readings[at].key) == ts:
        latest = state.latest[d, _metric(readings[at].key)]
        latest.at, latest.value = ts, readings[at].value
        at += 1
    for word in range(lanes.heard.shape[2]):
        listening = np.uint64(0)
        for place in range(first, at):
            listening |= lanes.heard[programme, _metric(readings[place].key), word]
        listening &= asked[word]
        while listening:
            number = 64 * word + _lowest(listening)
            listening &= listening - np.uint64(1)
            lane, phase = lanes.lane[number], state.phase[d, number]
            if phase == QUIET and not lane.low <= state.latest[d, lane.metric].value <= lane.high:
                continue
            cell = state.cells[d, number]
            if lane.kind == SILENT:
                state.phase[d, number] = _heard(d, number, ts, phase, cell, lane, devices, out)
                continue
            guarded = True
            if lane.day_from >= 0 or lane.guard_first != lane.guard_end:
                guarded = _by_day(ts, lane) and _guarded(d, lane, ts, state.latest, lanes.guard)
            if lane.kind >= INSIDE:
                lat, lon = state.latest[d, lanes.place[0]], state.latest[d, lanes.place[1]]
                if lat.at == NEVER or lat.at != lon.at or (phase == QUIET and _far(lat.value, lon.value, cell)):
                    continue
                said, value = _placed(lon.value, lat.value, cell, lane, lanes.shape)
            else:
                latest = state.latest[d, lane.metric]
                if latest.at == NEVER:
                    continue
                said, value = _says(d, ts, latest.at, latest.value, guarded, phase, cell, lane, state, scratch)
            said = said if guarded else _OVER
            state.phase[d, number] = _moved(d, number, ts, said, value, phase, cell, lane, devices, out)
    return at


@inlined
def _heard(d: int, number: int, ts: int, phase: int, cell: Any, lane: Any, devices: Devices, out: Out) -> int:
    """The phase of a lane that minds silence, at a moment at which something came."""
    if cell.n != 0 and phase != OPEN and ts - cell.t > lane.span:
        # What was too long before it is told now, if no clock told it.
        phase = OPEN
        _tell(d, number, cell.t + lane.span, 0.0, True, devices, out)
    if phase == OPEN:
        phase = QUIET
        _tell(d, number, ts, 0.0, False, devices, out)
    cell.n, cell.t = 1, ts
    return phase


@inlined
def _says(
    d: int, ts: int, at: int, value: float, guarded: bool, phase: int, cell: Any, lane: Any, state: State,
    scratch: Scratch,
) -> tuple[int, float]:  # fmt: skip
    """What a lane says at a moment of the latest reading, which is of the moment `at`, and what it made of it."""
    kind, fresh, limit, until = lane.kind, at == ts, lane.limit, lane.until
    if kind == STUCK:
        if fresh and (cell.n == 0 or abs(value - cell.a) > lane.number):
            cell.n, cell.a, cell.t = 1, value, ts
        return (_ON if at - cell.t >= lane.span else _OVER), value
    if kind == DRIVING:
        return _driven(ts, value, fresh, guarded, cell, lane)
    if kind == NOISY:
        return (_ON if _jumped(ts, value, fresh, cell, lane, state.rings[d, lane.ring]) else _OVER), value
    if lane.limit_metric != NIL:
        limit = _limit(state.latest[d, lane.limit_metric], lane.limit_times)
    if lane.until_metric != NIL:
        until = _limit(state.latest[d, lane.until_metric], lane.until_times)
    if kind == SOON:
        return _soon(ts, value, limit, fresh, phase, cell, lane, state.rings[d, lane.ring], scratch)
    if kind == RATE:
        value = _rate(at, value, fresh, lane, state.rings[d, lane.ring])
        if math.isnan(value):  # where the rate is not known nothing begins, and nothing ends
            return _BETWEEN, value
    return _compared(value, limit, until, phase, lane), value


_ON, _BETWEEN, _OVER = range(3)
"""What a lane says of a moment: its condition holds, neither it nor its end does, it is over."""


@inlined
def _moved(
    d: int, number: int, ts: int, said: int, value: float, before: int, cell: Any, lane: Any, devices: Devices, out: Out
) -> int:
    """The phase that follows; a lane opens when it comes to be open, and clears when it is quiet again."""
    if before == QUIET and said != _ON:
        return before
    phase = _next(ts, said, before, cell, lane)
    if (phase >= OPEN) != (before >= OPEN):
        _tell(d, number, ts, value, phase == OPEN, devices, out)
    return phase


@run
def _next(ts: int, said: int, phase: int, cell: Any, lane: Any) -> int:
    """The phase that follows on what a lane says."""
    if phase == QUIET and said == _ON:
        phase, cell.since = WAITING, ts
    if phase == WAITING:
        if said != _ON:
            return QUIET
        return OPEN if ts - cell.since >= lane.hold else WAITING
    if phase == OPEN and said == _OVER:
        phase, cell.since = LEAVING, ts
    if phase == LEAVING:
        if said != _OVER:
            return OPEN
        return QUIET if ts - cell.since >= lane.until_hold else LEAVING
    return phase


@run
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


@run
def _limit(told: Any, times: float) -> float:
    """The limit that the device tells; NaN, with which nothing compares, where it has not told it yet."""
    return math.nan if told.at == NEVER else told.value * times


@run
def _compared(value: float, limit: float, until: float, phase: int, lane: Any) -> int:
    """Whether the value is beyond the limit, or back behind it (behind `until`, where there is one)."""
    if _holds(lane.op, value, limit):
        return _ON
    if lane.until_op > EQUALS or phase < OPEN:
        return _OVER
    return _OVER if _holds(lane.until_op, value, until) else _BETWEEN


@run
def _by_day(ts: int, lane: Any) -> bool:
    """Whether it is the time of day in which the rule is in force."""
    begin, end = lane.day_from, lane.day_to
    if begin < 0:
        return True
    minute = ((ts + _BEIJING) % _DAY) // _MINUTE
    return begin <= minute < end if begin <= end else not end <= minute < begin


@run
def _guarded(d: int, lane: Any, ts: int, latest: Any, guards: Any) -> bool:
    """Whether the device's other readings are such that the rule is in force."""
    for i in range(lane.guard_first, lane.guard_end):
        guard = guards[i]
        told = latest[d, guard.metric]
        if told.at == NEVER or ts - told.at > guard.age:
            return False
        limit = guard.limit
        if guard.limit_metric != NIL:
            limit = _limit(latest[d, guard.limit_metric], guard.limit_times)
        if not _holds(guard.op, told.value, limit):
            return False
    return True


@run
def _place(ring: Any, back: int) -> int:
    """Where the sample stands that is so many back from the newest."""
    place = ring.newest + back
    return place if place < SAMPLES else place - SAMPLES


@run
def _push(ring: Any, at: int, value: float) -> None:
    ring.newest = _place(ring, SAMPLES - 1)
    ring.at[ring.newest], ring.value[ring.newest] = at, value


@run
def _remember(ts: int, value: float, lane: Any, ring: Any) -> bool:
    """Keeps the reading as a sample where the last one is far enough back; whether it did."""
    last = ring.at[ring.newest]
    if last != NEVER and ts - last < lane.every:
        return False
    _push(ring, ts, value)
    return True


@run
def _rate(at: int, value: float, fresh: bool, lane: Any, ring: Any) -> float:
    """The change per unit of time over the span, NaN where less than half of it is known."""
    if fresh and _remember(at, value, lane, ring):
        ring.far = min(ring.far + 1, SAMPLES - 1)
    # The earliest sample within the span; as time goes on it is one that was nearer.
    then = _place(ring, ring.far)
    while ring.far > 0 and (ring.at[then] == NEVER or at - ring.at[then] > lane.span):
        ring.far -= 1
        then = _place(ring, ring.far)
    passed = at - ring.at[then]
    if ring.far == 0 or 2 * passed < lane.span:
        return math.nan
    change = (value - ring.value[then]) / passed * lane.other
    return abs(change) if lane.flag else change


@run
def _soon(
    ts: int,
    value: float,
    limit: float,
    fresh: bool,
    phase: int,
    cell: Any,
    lane: Any,
    ring: Any,
    scratch: Scratch,
) -> tuple[int, float]:
    """Whether the trend of the span crosses the limit soon, and what it foresees then.

    The slope is the median of the slopes between all pairs of samples, the level the median of what they leave (Theil
    and Sen): a quarter of the samples may be wild without moving either much.
    """
    if fresh and _remember(ts, value, lane, ring):
        n = _samples(ring, lane.span, scratch)
        cell.n, cell.t = (_BOUNDED if n else 0), ts
        if n:
            _bound(n, lane.op <= MORE_THAN, cell, scratch)
    if cell.n == 0:
        return _OVER, value
    if phase < OPEN and _holds(lane.op, value, limit):
        return _OVER, value  # it is there already; a rule on the level itself tells that
    ahead = cell.b + cell.a * (ts + lane.other - cell.t)
    if cell.n == _BOUNDED:
        if phase == QUIET and lane.op < EQUALS and not _holds(lane.op, ahead, limit):
            return _OVER, value
        _trend(_samples(ring, lane.span, scratch), cell, scratch)
        cell.n, ahead = 1, cell.b + cell.a * (ts + lane.other - cell.t)
    towards = cell.a > 0 if lane.op <= MORE_THAN else cell.a < 0
    return (_ON if towards and _holds(lane.op, ahead, limit) else _OVER), ahead


_BOUNDED = 2
"""The cell of a trend holds what slope and level do not go beyond, not yet these themselves."""


@run
def _samples(ring: Any, span: int, scratch: Scratch) -> int:
    """Lists the samples of the span, the newest first, moments counted from it; 0 where they do not tell a trend."""
    at, value, now, n = scratch.at, scratch.value, ring.at[ring.newest], 0
    while n < SAMPLES:
        place = _place(ring, n)
        if ring.at[place] == NEVER or now - ring.at[place] > span:
            break
        at[n], value[n] = ring.at[place] - now, ring.value[place]
        n += 1
    return 0 if n < 6 or -2 * at[n - 1] < span else n


@run
def _bound(n: int, rises: bool, cell: Any, scratch: Scratch) -> None:
    """Puts a slope and a level into the cell of which those of the trend are no farther on the way to the limit.

    More than half of the pairs are at least so many samples apart that their slopes differ little; the median lies not
    beyond the outermost of these. Rounding moves nothing past something else.
    """
    at, value, apart = scratch.at, scratch.value, 1
    while (n - apart) * (n - apart - 1) // 2 > n * (n - 1) // 4:
        apart += 1
    slope = -math.inf if rises else math.inf
    for lag in range(apart, n):
        for i in range(n - lag):
            here = (value[i] - value[i + lag]) / (at[i] - at[i + lag])
            slope = max(slope, here) if rises else min(slope, here)
    level = value[0]
    for i in range(1, n):
        here = value[i] - slope * at[i]
        level = max(level, here) if rises else min(level, here)
    cell.a, cell.b = slope, level


@run
def _trend(n: int, cell: Any, scratch: Scratch) -> None:
    """Puts slope (per ms) and level at the latest sample into the cell."""
    slopes, at, value, count = scratch.slopes, scratch.at, scratch.value, 0
    for i in range(n - 1):
        for j in range(i + 1, n):
            slopes[count + j - i - 1] = (value[i] - value[j]) / (at[i] - at[j])
        count += n - 1 - i
    cell.a = _median(slopes, count)
    for i in range(n):
        slopes[i] = value[i] - cell.a * at[i]
    cell.b = _median(slopes, n)


@run
def _median(numbers: Any, count: int) -> float:
    """The median of the first `count` numbers, whose order it changes."""
    half = count // 2
    upper = _smallest(numbers, count, half)
    if count % 2:
        return upper
    lower = numbers[0]  # what stands before `half` now is not larger
    for i in range(1, half):
        lower = max(lower, numbers[i])
    return (lower + upper) / 2


@run
def _smallest(numbers: Any, count: int, k: int) -> float:
    """The number that stands at `k` in order; those before it are then not larger, those behind it not smaller.

    What is smaller than one of them is moved before it by exchanges that depend on no condition: a processor that
    guesses at random numbers guesses wrong.
    """
    low, high = 0, count
    while True:
        pivot, smaller = numbers[(low + high) // 2], low
        for i in range(low, high):
            x = numbers[i]
            numbers[i], numbers[smaller] = numbers[smaller], x
            smaller += x < pivot
        if k < smaller:
            high = smaller
            continue
        equal = smaller
        for i in range(smaller, high):
            x = numbers[i]
            numbers[i], numbers[equal] = numbers[equal], x
            equal += x <= pivot
        if k < equal:
            return pivot
        low = equal


@run
def _jumped(ts: int, value: float, fresh: bool, cell: Any, lane: Any, ring: Any) -> bool:
    """Whether the reading jumped so many times in the span."""
    if fresh:
        if cell.n != 0 and abs(value - cell.a) >= lane.number:
            _push(ring, ts, value)
        cell.n, cell.a = 1, value
    oldest = ring.at[_place(ring, lane.other - 1)]
    return oldest != NEVER and ts - oldest <= lane.span


@run
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


@inlined
def _far(lat: float, lon: float, cell: Any) -> bool:
    """Whether a device is still nearer to where it was last looked at than what it may go (`_placed`)."""
    return abs(lat - cell.a) + abs(lon - cell.b) < cell.n * _FINE


@run
def _placed(x: float, y: float, cell: Any, lane: Any, shape: Any) -> tuple[int, float]:
    """Whether the place is where the lane does not want it, and the latitude, or how far off the route it is.

    Where it is not, `n` says how far it may go from there (`a`, `b`) until it can be (sum of both ways, in `_FINE`):
    half of what is left, as degrees of longitude are shorter and a border has many digits.
    """
    if lane.kind == OFF_ROUTE:
        value = _distance(x, y, lane, shape)
        on, left = value > lane.number, lane.number - value
    else:
        value, on = y, _inside(x, y, lane, shape) == (lane.kind == INSIDE)
        left = 0.0 if on else _distance(x, y, lane, shape)
    cell.a, cell.b, cell.n = y, x, (min(left / _METRES, 90.0) / (2 * _FINE) if left > 0 else 0)
    return _ON if on else _OVER, value


@run
def _inside(x: float, y: float, lane: Any, shape: Any) -> bool:
    """Whether the point lies in one of the polygons: a ray from it crosses the border an odd number of times."""
    inside = False
    for i in range(lane.shape_first + 1, lane.shape_end):
        j = i - 1
        if math.isnan(shape[i, 1]):  # between two polygons
            if inside:
                return True
        elif (shape[i, 1] > y) != (shape[j, 1] > y) and not math.isnan(shape[j, 1]):
            across = (shape[j, 0] - shape[i, 0]) * (y - shape[i, 1])
            if x < across / (shape[j, 1] - shape[i, 1]) + shape[i, 0]:
                inside = not inside
    return inside


@run
def _distance(x: float, y: float, lane: Any, shape: Any) -> float:
    """Metres from the point to the line (or the borders), on the plane that touches the earth at the point."""
    wide = math.cos(math.radians(y)) * _METRES
    least = math.inf
    for i in range(lane.shape_first, lane.shape_end - 1):
        ax, ay = (shape[i, 0] - x) * wide, (shape[i, 1] - y) * _METRES
        bx, by = (shape[i + 1, 0] - x) * wide, (shape[i + 1, 1] - y) * _METRES
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        along = 0.0 if length == 0.0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / length))
        away = math.hypot(ax + along * dx, ay + along * dy)
        if away < least:  # between two borders it is no number
            least = away
    return least
