"""Readings in any order, twice or late → the events of their order in time; what is known is kept over restarts.

    stream = Stream(compiled(rules.read(path)))
    for change in stream.feed(device, metric, ts, value): …      # told at once
    stream.save(path); stream = Stream.restored(rules, path)     # a restart in between
    for event in stream.finish(): …                              # all that is final

What a device measures is looked at as it comes. A reading that comes late, within the window of lateness, is put in its
place and what followed is looked at anew: an event that it shows to be none is *withdrawn*. When nothing can come any
more inside the window an event is final. So a stream that was shuffled within the window, doubled or stopped in between
ends with the same events as one in order. Time is the readings' own: the window reaches back from the latest reading of
each device.
"""

from __future__ import annotations

import io
import itertools
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial, reduce
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import kernel
from .compiled import ANYTHING, SAMPLES, Compiled
from .kernel import (
    BLOCK,
    CELL,
    COUNTED,
    DEVICE,
    EARLIEST,
    EVENT,
    LACKING,
    METRIC_BITS,
    NEVER,
    NEWEST,
    NIL,
    OPEN,
    PAIRS,
    READING,
    RING,
    ROWS,
    STRETCH,
    VALUE,
    WORD,
    Devices,
    Log,
    Out,
    Scratch,
    State,
)  # fmt: skip
from .snapshot import FORM, UNREADABLE, BadSnapshot, Kept, facts_of, read, write
from .stations import SIGN, Again, Stations, row_of
from .writing import keep

COLUMNS = ("device", "metric", "ts", "value")
What = Literal["open", "clear", "withdrawn"]
_OUT = 1 << 14
_LARGE = 1 << 14
"""Readings or devices from which on it is worth while to wake another processor."""
_FULL = 0.9
"""So full its log is when a device is settled: of many readings each costs less."""
_TIGHT = 8
"""The log is made wider where devices lack this part of it."""
PROCESSORS = min(8, 1 << ((os.cpu_count() or 1).bit_length() - 1))
"""The parts that this machine can work on at once."""
REFUSED = tuple(name for name in COUNTED if name != "taken")
_saver = ThreadPoolExecutor(1, "saver")
"""One after the other, so that what is newer stands in the end."""


class Event(NamedTuple):
    """A rule opens or clears for a device. `ts` is the moment of the reading that makes it so; of silence the moment
    at which it became too long. `value` is the reading, or what the rule made of it (a rate, what is foreseen, metres
    off the route, hours driven). Of a rule over stations `station` is the one of which it is told, and `device` the one
    whose reading the rule judges there."""

    ts: int
    device: str
    rule: str
    level: str
    state: Literal["clear", "open"]
    value: float
    suppressed: bool
    station: str = ""

    def told(self) -> dict[str, Any]:
        """As a plain mapping; `station` only of a rule over stations, `suppressed` only under a calibration."""
        told: dict[str, Any] = {
            "device": self.device, "rule": self.rule, "ts": self.ts, "state": self.state, "level": self.level,
            "value": self.value,
        }  # fmt: skip
        if self.station:
            told["station"] = self.station
        if self.suppressed:
            told["suppressed"] = True
        return told


class Change(NamedTuple):
    """What is new: an event, or that one that was told is none."""

    what: What
    event: Event


class Stream:
    """The state of many devices under one set of rules.

    `at_once`: tells changes as they come; otherwise only what is final, at less than a third of the cost.
    `calibrations` gives for a device the stretches (from, to) in milliseconds in which what it opens is recorded, and
    is no warning. `programmes` gives the programme of a device; one without is asked only by rules for all. `parts`, a
    power of two, is how many processors work on a large batch at once; what comes out is the same. `stations` says
    which devices rules over stations look at together; their programmes, settings and calibrations are given by the
    names of their rows (`stations.row_of`, `stations.spread`).
    """

    def __init__(
        self,
        rules: Compiled,
        *,
        at_once: bool = True,
        programmes: Mapping[str, str] | None = None,
        calibrations: Mapping[str, Sequence[tuple[int, int]]] | None = None,
        parts: int = 1,
        stations: Stations | None = None,
    ) -> None:
        self.rules, self.at_once, self.parts = rules, at_once, parts
        self._hands = ThreadPoolExecutor(parts - 1) if parts > 1 else None
        self.names: list[str] = []
        self.extra: dict[str, Any] = {}
        """What was kept along with the state that this one was restored from."""
        self.now = self._waited = EARLIEST
        self.counts = dict.fromkeys(("taken", *REFUSED), 0)
        self._before: list[Change] = []
        self._described = 0
        self._codes: dict[str, int] = {}
        self._programmes, self._calibrations = dict(programmes or {}), dict(calibrations or {})
        self._stations: dict[str, tuple[str, str]] = {}
        self._held: dict[tuple[str, str], str] = {}
        """The device of a station and role."""
        self._once_more: tuple[Again, Any, Any] | None = None
        """Which readings are fed to stations too, with the codes of their rows and metrics; None: to be found."""
        self.station(stations or {})
        self._metric = {name: code for code, name in enumerate(rules.metrics)}
        self._coded: dict[str, tuple[Any, Any]] = {}
        """For a column the names that came last, and their codes: batch after batch has the same ones."""
        self._settled, self._seen = self._state(0), self._state(0)
        self._devices = Devices(_devices(0), np.empty((0, 2), np.int64), _bits(0), _counts(parts))
        self._log = _log(0, parts)
        self._found = np.empty(0, np.int32)
        self._outs = [_out(max(_OUT, 4 * len(rules.lanes))) for _ in range(parts)]
        self._scratches = [_scratch(rules) for _ in range(parts)]
        self._final: list[Event] = []
        self._rows: list[Any] = []
        """Final events as the kernel told them, behind those in `_final`."""
        self._told: dict[int, list[Event]] = {}

    # -- what comes in ----------------------------------------------------------------------------------------------

    def code(self, devices: Sequence[str]) -> Any:
        """The rows of devices, which get one where they have none."""
        codes = self._codes
        found = list(map(codes.get, devices))
        if None in found:
            new = dict.fromkeys(name for name, code in zip(devices, found, strict=True) if code is None)
            codes.update(zip(new, itertools.count(len(self.names)), strict=False))
            self.names += new
            self._grow()
            found = list(map(codes.get, devices))
        return np.array(found, np.int32)

    def know(
        self, programmes: Mapping[str, str], calibrations: Mapping[str, Sequence[tuple[int, int]]] | None = None
    ) -> None:
        """Tells the programmes of devices, and their stretches under calibration, from now on."""
        self._programmes.update(programmes)
        self._calibrations.update(calibrations or {})
        self._described = 0
        if len(self._devices.one):
            self._describe()

    def station(self, stations: Mapping[str, tuple[str, str] | None]) -> None:
        """Tells of these devices at which station they are and in what role (None: at none), from now on."""
        for device, place in stations.items():
            if (old := self._stations.pop(device, None)) and self._held.get(old) == device:
                del self._held[old]
            if place:
                self._stations[device] = place
        self._held |= {place: device for device, place in stations.items() if place}
        self._once_more = None

    @property
    def stations(self) -> Stations:
        """The devices that are at a station."""
        return self._stations

    def configure(self, devices: Sequence[str], limits: Sequence[tuple[str, str, int, float]]) -> None:
        """Tells all that is set for these devices: (device, what a rule names with `of`, since when in ms, how much).

        No reading: the window of lateness stays where it is, and no rule looks. What the device itself has measured
        since stands instead. A moment before 1970 marks what was set, so that it is known again when it is set anew.
        """
        asked, lane = self.code(devices), self.rules.arrays.lane
        named = np.concatenate([lane["limit_metric"], lane["until_metric"], self.rules.arrays.guard["limit_metric"]])
        mark, device = np.unique(named[named >= 0]), self.code([row[0] for row in limits])
        metric = np.fromiter((self._metric.get(row[1], NIL) for row in limits), np.int32, len(limits))
        since = np.fromiter((max(row[2], EARLIEST) for row in limits), np.int64, len(limits))
        value = np.fromiter((row[3] for row in limits), np.float64, len(limits))
        for state in (self._settled, self._seen) if self.at_once else (self._settled,):
            at = state.latest["at"]
            before = at[np.ix_(asked, mark)]
            at[np.ix_(asked, mark)] = np.where(before < EARLIEST, NEVER, before)
            good = np.isin(metric, mark)
            good[good] = at[device[good], metric[good]] < since[good]
            at[device[good], metric[good]] = -1 - since[good]
            state.latest["value"][device[good], metric[good]] = value[good]

    def standing(self, device: str) -> list[Event]:
        """What is open of a device, or of a station's row, as it is seen now: each level as an event of the latest
        moment seen."""
        d = self._codes[device]
        phase, latest, seen = self._seen.phase[d], self._seen.latest[d], int(self._devices.one["seen"][d])
        metric = self.rules.arrays.lane["metric"]
        events = [
            Event(seen, device, lane.rule, lane.level, "open", float(latest["value"][metric[n]]), False)
            for n, lane in enumerate(self.rules.lanes)
            if phase[n] >= OPEN
        ]
        return self._by_device(events, self.rules.roles)

    def rows(self, device: str) -> list[str]:
        """The names of the rows in which a device is looked at: its own, and that of its station."""
        names = [device, row_of(self._stations[device][0])] if device in self._stations else [device]
        return [name for name in names if name in self._codes]

    def seen(self, device: str) -> int:
        """The moment of the latest reading of a device; one before 1970 where it has none."""
        return int(self._devices.one["seen"][self._codes[device]]) if device in self._codes else NEVER

    def metric(self, metrics: Sequence[str]) -> Any:
        """The codes of metrics; -1 of those that no rule minds."""
        other = self._metric.get(ANYTHING, NIL)
        return np.fromiter((self._metric.get(name, other) for name in metrics), np.int32, len(metrics))

    def feed(self, devices: Sequence[str], metrics: Sequence[str], ts: Any, values: Any) -> list[Change]:
        """Takes readings, one per row; returns what is new. The order of rows and calls does not matter."""
        return self.feed_coded(self.code(devices), self.metric(metrics), ts, values)

    def feed_coded(self, device: Any, metric: Any, ts: Any, value: Any) -> list[Change]:
        """As `feed`, of codes; `ts` in milliseconds."""
        rows = device, metric, np.asarray(ts, np.int64), np.asarray(value, np.float64)
        self._put(*rows)
        if self._stations and self.rules.stations:
            self._put_again(*self._for_stations(*rows))
        return self._follow()

    def take(self, device: Any, metric: Any, ts: Any, value: Any, *, again: bool) -> list[Change]:
        """As `feed_coded` where something else feeds stations: `again` says that these are the readings for them."""
        (self._put_again if again else self._put)(device, metric, ts, value)
        return self._follow()

    def _for_stations(self, device: Any, metric: Any, ts: Any, value: Any) -> tuple[Any, Any, Any, Any]:
        """The readings that are fed to stations, each once more."""
        if self._once_more is None:
            self.code([row_of(station) for station, _role in self._stations.values()])
            again = Again.of(self._codes, self.rules.metrics, self._stations, self.rules.stations)
            self._once_more = again, self.code(again.rows), self.metric(again.metrics)
        again, rows, metrics = self._once_more
        at, station, code = again.taken(device, metric)
        return rows[station], metrics[code], ts[at], value[at]

    def _put_again(self, device: Any, metric: Any, ts: Any, value: Any) -> None:
        """Puts what was put, and counted, for its device already."""
        counts = dict(self.counts)
        self._put(device, metric, ts, value)
        self.counts = counts

    def _follow(self) -> list[Change]:
        """What is new of the devices that have new readings; where only what is final is told, of those with many."""
        touched = self._found[: kernel.renewed(self._devices, self._found)]
        if not len(touched):
            return []
        changes, self._before = self._before, []
        if self.at_once:
            changes += self._look(touched, touched[self._devices.one["dirty"][touched]].tolist())
        self._settle(touched)
        return changes

    def feed_arrow(self, batch: Any) -> list[Change]:
        """As `feed`, of an Arrow batch with the columns `device` (text or integer), `metric`, `ts` (milliseconds, or a
        timestamp) and `value`; text by a dictionary is taken fastest. Rows without a value in some column are refused
        as no reading."""
        batch, empty = filled(batch)
        self.counts["no_number"] += empty
        return self.feed_coded(*self.coded(batch))

    def coded(self, batch: Any) -> tuple[Any, Any, Any, Any]:
        """The columns of such a batch, of which every row is filled, as `feed_coded` takes them."""
        device, metric, ts, value = (batch.column(name) for name in COLUMNS)
        return (
            self._codes_of("device", device, self.code),
            self._codes_of("metric", metric, self.metric),
            moments(ts),
            value.cast(pa.float64()).to_numpy(zero_copy_only=False),
        )

    def _codes_of(self, name: str, column: Any, code: Callable[[list[str]], Any]) -> Any:
        """Each name of a column by its code; each different one is looked up once."""
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        names, codes = self._coded.get(name, (None, None))
        if names is None or not column.dictionary.equals(names):
            names = column.dictionary
            texts = names.to_numpy(zero_copy_only=False).tolist()
            codes = pa.array(code(texts if pa.types.is_string(names.type) else [str(text) for text in texts]))
            self._coded[name] = names, codes
        return codes.take(column.indices).to_numpy(zero_copy_only=False)

    def advance(self, now: int) -> list[Change]:
        """Tells of silence up to `now` (milliseconds), where no reading has shown that it is so late already."""
        self.now, self._waited = max(self.now, now), max(self._waited, now)
        if not self.at_once:
            return []
        changes, self._before = self._before, []
        return changes + self._new(self._events(self._wait(self._every(), self._seen, self._waited)))

    def finish(self) -> list[Event]:
        """All events that were not taken yet, as if nothing came any more, in order of time, device, rule and level."""
        self._settle(self._every(), least=0, late=-1)
        self._rows += self._wait(self._every(), self._settled, self.now)
        return self._taken()

    def taken(self) -> list[Event]:
        """The events that have become final since they were last taken, in order."""
        self._settle(self._every(), least=0)
        return self._taken()

    @property
    def told(self) -> int:
        """Events that are final and were not taken yet."""
        return len(self._final) + sum(map(len, self._rows))

    def _taken(self) -> list[Event]:
        events = sorted(self._final + self._events(self._rows))
        self._final, self._rows = [], []
        return events

    @property
    def waiting(self) -> int:
        """Readings inside the window of lateness."""
        self._settle(self._every(), least=0)
        return int(self._devices.one["length"].sum())

    def _every(self) -> Any:
        return np.arange(len(self.names), dtype=np.int32)

    # -- how it is done ---------------------------------------------------------------------------------------------

    def _put(self, device: Any, metric: Any, ts: Any, value: Any) -> None:
        """Puts readings in their places."""
        devices, counts, rows = self._devices, self._devices.counts, (device, metric, ts, value)
        at, least = [0] * self.parts, 0.0 if self.at_once else _FULL

        def put(part: int) -> None:
            at[part] = kernel.place(*rows, at[part], self.rules.late, least, part, self._log, devices)

        self._each(put, range(self.parts), len(device))
        while unfinished := [part for part in range(self.parts) if at[part] < len(device)]:
            self._log = self._wider()
            self._each(put, unfinished, len(device))
        for told in counts.tolist():
            self.now = max(self.now, told[NEWEST])
            for name, count in zip(COUNTED, told, strict=False):
                self.counts[name] += count
        counts[:, :LACKING] = 0

    def _wider(self) -> Log:
        """The log with more room in every part; each device keeps what it has."""
        rooms, parts = self._devices.one["room"], self.parts
        most = int(np.bincount((np.arange(len(rooms)) >> BLOCK) & (parts - 1), rooms, parts).max())
        wider = _log(max(1 << 16, parts * max(3 * most // 2, most + 2 * int(rooms.max()))), parts)
        kernel.packed(self._log, self._devices, wider)
        return wider

    def _each(self, work: Callable[[int], None], parts: Sequence[int], size: int) -> None:
        """Does the work of these parts: each by a processor of its own where it is large enough to be worth it."""
        if self._hands is None or size < _LARGE:
            for part in parts:
                work(part)
            return
        others = [self._hands.submit(work, part) for part in parts[1:]]
        work(parts[0])
        for other in others:
            other.result()

    def _look(self, touched: Any, late: Sequence[int]) -> list[Change]:
        rows = self._carry(touched, self._seen)
        if late:  # looked at anew from where no clock had told of silence
            rows += self._wait(np.array(late, np.int32), self._seen, self._waited)
        return self._new(self._events(rows), late)

    def _settle(self, touched: Any, least: float = _FULL, late: int | None = None) -> None:
        rows = self._carry(touched, self._settled, True, least, self.rules.late if late is None else late)
        self._rows += rows
        lacking = self._devices.counts[:, LACKING]
        if _TIGHT * int(lacking.sum()) > len(self._log.readings):
            self._log = self._wider()
            lacking[:] = 0
        if self._told and rows:
            # What is final is none of those any more that a late reading may show to be none.
            final: dict[int, set[tuple[int, str, str, str]]] = {}
            for event in self._events(rows):
                final.setdefault(self._row(event), set()).add(_said(event))
            for d in final.keys() & self._told.keys():
                self._told[d] = [event for event in self._told[d] if _said(event) not in final[d]]
                if not self._told[d]:
                    del self._told[d]

    def _carry(self, some: Any, state: State, final: bool = False, least: float = 0.0, late: int = 0) -> list[Any]:
        parts = range(self.parts)
        shares = [some[(some >> BLOCK) & (self.parts - 1) == part] for part in parts] if self.parts > 1 else [some]
        told: list[list[Any]] = [[] for _ in shares]
        world = self._log, self._devices, self._settled, state, self.rules.arrays

        def carry(part: int) -> None:
            share, out, scratch = shares[part], self._outs[part], self._scratches[part]
            told[part] = _run(
                share, out, lambda at: kernel.carry(share, at, final, float(least), late, *world, out, scratch)
            )

        self._each(carry, parts, len(some))
        return [rows for part in told for rows in part]

    def _wait(self, some: Any, state: State, now: int) -> list[Any]:
        devices, lanes, out = self._devices, self.rules.arrays, self._outs[0]
        return _run(some, out, lambda at: kernel.wait(some, at, now, devices, state, lanes, out))

    def _events(self, rows: Iterable[Any]) -> list[Event]:
        events = _named(rows, self.names, [(lane.rule, lane.level) for lane in self.rules.lanes])
        return self._by_device(events, self.rules.roles)

    def _by_device(self, events: list[Event], roles: Mapping[str, str]) -> list[Event]:
        """Events of stations' rows as those of the device with the role that the rule judges."""
        if not roles:
            return events
        return [
            event._replace(device=self._held.get((station, roles[event.rule]), ""), station=station)
            if event.rule in roles and (station := event.device.removeprefix(SIGN)) else event
            for event in events
        ]  # fmt: skip

    def _row(self, event: Event) -> int:
        return self._codes[row_of(event.station) if event.station else event.device]

    def _new(self, told: list[Event], late: Iterable[int] = ()) -> list[Change]:
        """What is new in events that were just seen; of devices with late readings these are all that stand now."""
        before = {d: self._told.pop(d) for d in late if d in self._told}
        known = {d: set(map(_of_its_row, events)) for d, events in before.items()}
        changes = []
        for event in told:
            d = self._row(event)
            self._told.setdefault(d, []).append(event)
            if _of_its_row(event) not in known.get(d, ()):
                changes.append(Change(event.state, event))
        for d, events in before.items():
            now = set(map(_of_its_row, self._told.get(d, ())))
            changes += [Change("withdrawn", event) for event in events if _of_its_row(event) not in now]
        return sorted(changes, key=lambda change: (change.event, change.what))

    # -- room -------------------------------------------------------------------------------------------------------

    def _grow(self) -> None:
        """A row in every array for each name."""
        had, wanted = len(self._devices.one), len(self.names)
        if wanted > had:
            more = max(1024, 2 * had, wanted) - had
            one = np.concatenate([self._devices.one, _devices(more)])
            touched = _bits(len(one))
            touched[: len(self._devices.touched)] = self._devices.touched
            self._devices = self._devices._replace(one=one, touched=touched)
            self._settled = State(*map(np.concatenate, zip(self._settled, self._state(more), strict=True)))
            if self.at_once:
                self._seen = State(*map(np.concatenate, zip(self._seen, self._state(more), strict=True)))
            self._found = np.empty(len(one), np.int32)
        self._once_more = None
        self._describe()

    def _describe(self) -> None:
        """Programme and calibrations of devices, as the kernel reads them."""
        one = self._devices.one
        known = {name: number for number, name in enumerate(self.rules.programmes)}
        names, ours = self.names[self._described :], self._programmes.get
        numbers = list(map(known.get, map(ours, names, repeat("")), repeat(NIL)))
        # A station's row is, where no rule names its programme, of the stations without one.
        for at in [at for at, name in enumerate(names) if name.startswith(SIGN)]:
            numbers[at] = known.get(SIGN + ours(names[at], ""), known[SIGN])
        one["programme"][self._described : len(self.names)] = numbers
        self._described = len(self.names)
        quiet: list[tuple[int, int]] = []
        for name, stretches in self._calibrations.items():
            if name in self._codes:
                d = self._codes[name]
                one["quiet_first"][d], one["quiet_end"][d] = len(quiet), len(quiet) + len(stretches)
                quiet += stretches
        self._devices = self._devices._replace(quiet=np.array(quiet, np.int64).reshape(-1, 2))

    def _state(self, rows: int) -> State:
        latest = np.zeros((rows, len(self.rules.metrics)), VALUE)
        rings = np.zeros((rows, self.rules.rings), RING)
        latest["at"], rings["at"] = NEVER, NEVER
        lanes = len(self.rules.lanes)
        return State(latest, np.zeros((rows, lanes), np.int8), np.zeros((rows, lanes), CELL), rings)

    # -- over restarts ----------------------------------------------------------------------------------------------

    def save(self, path: Path, extra: Mapping[str, Any] | None = None) -> None:
        """Keeps everything that is known, on disk when this returns; what stood there before stands until then.

        `extra` (what JSON can hold) is kept along with it: how far the readings were read, say.
        """
        keep(path, partial(write, self._kept(extra)))

    def saving(self, path: Path, extra: Mapping[str, Any] | None = None) -> Future[None]:
        """As `save`, of what is known now, while the stream goes on: it is on disk when the future is done."""
        kept = Kept(*(array if array.flags.owndata else array.copy() for array in self._kept(extra)))
        return _saver.submit(keep, path, partial(write, kept))

    def to_bytes(self, extra: Mapping[str, Any] | None = None) -> bytes:
        """What `save` keeps."""
        held = io.BytesIO()
        write(self._kept(extra), held)
        return held.getvalue()

    def _kept(self, extra: Mapping[str, Any] | None) -> Kept:
        rows, lengths = len(self.names), self._devices.one["length"]
        waiting = np.empty(int(lengths.sum()), READING)
        kernel.listed(rows, self._log, self._devices, waiting)
        told = {
            "form": FORM,
            "version": self.rules.version,
            "lanes": [[lane.rule, lane.level, lane.digest] for lane in self.rules.lanes],
            "metrics": self.rules.metrics,
            "names": self.names,
            "now": self.now,
            "waited": self._waited,
            "counts": self.counts,
            "extra": dict(extra or {}),
            "programmes": self._programmes,
            "stations": self._stations,
            "roles": self.rules.roles,
            "events": [*chain(*self._told.values()), *self._final],
            "told_events": sum(map(len, self._told.values())),
        }
        return Kept(
            told=np.frombuffer(json.dumps(told, ensure_ascii=False).encode(), np.uint8),
            settled=self._devices.one["settled"][:rows],
            latest=self._settled.latest[:rows],
            phase=self._settled.phase[:rows],
            cells=self._settled.cells[:rows],
            samples=self._settled.rings[:rows],
            rings=self.rules.arrays.lane["ring"],
            lengths=lengths[:rows],
            waiting=waiting,
            rows=np.concatenate([np.empty(0, EVENT), *self._rows], dtype=EVENT),
        )

    @staticmethod
    def kept_with(path: Path) -> dict[str, Any]:
        """What `save` was given as `extra`, without taking up the rest; raises `BadSnapshot`."""
        try:
            with path.open("rb") as file:
                return dict(facts_of(file)["extra"])
        except UNREADABLE as error:
            raise BadSnapshot(f"{path}: no snapshot of a stream ({error})") from error

    @classmethod
    def restored(cls, rules: Compiled, path: Path, **told: Any) -> Self:
        """The stream as it was saved, under these rules; raises `BadSnapshot`.

        A level of a rule that says the same as then goes on where it stood; one that is new or changed begins anew.
        """
        try:
            with path.open("rb") as file:
                return cls._read(rules, file, told)
        except (BadSnapshot, OSError) as error:
            raise BadSnapshot(f"{path}: {error}") from error

    @classmethod
    def from_bytes(cls, rules: Compiled, content: bytes, **told: Any) -> Self:
        """As `restored`, of what `to_bytes` gave."""
        return cls._read(rules, io.BytesIO(content), told)

    @classmethod
    def _read(cls, rules: Compiled, file: Any, more: Mapping[str, Any]) -> Self:
        stream = cls(rules, **more)
        try:
            stream._take_up(*read(file))
        except UNREADABLE as error:
            if isinstance(error, BadSnapshot):
                raise
            raise BadSnapshot(f"no snapshot of a stream ({error})") from error
        return stream

    def _take_up(self, kept: Kept, facts: Mapping[str, Any]) -> None:
        self._programmes = facts["programmes"] | self._programmes
        if not self._stations:
            self.station({device: tuple(place) for device, place in facts.get("stations", {}).items()})
        self.code(facts["names"])
        rows, rules = len(self.names), self.rules
        state, one = self._settled, self._devices.one
        for name in ("settled", "seen"):
            one[name][:rows] = kept.settled
        for new, name in enumerate(rules.metrics):
            if name in facts["metrics"]:
                state.latest[:rows, new] = kept.latest[:, facts["metrics"].index(name)]
        before = {tuple(lane): number for number, lane in enumerate(facts["lanes"])}
        same = [(n, before.get((lane.rule, lane.level, lane.digest))) for n, lane in enumerate(rules.lanes)]
        for new, old in same:
            if old is not None:
                state.cells[:rows, new], state.phase[:rows, new] = kept.cells[:, old], kept.phase[:, old]
                if (ring := rules.arrays.lane["ring"][new]) >= 0:
                    state.rings[:rows, ring] = kept.samples[:, kept.rings[old]]
        goes_on = {(rules.lanes[new].rule, rules.lanes[new].level) for new, old in same if old is not None}
        events, said = [Event(*event) for event in facts["events"]], facts["told_events"]
        lanes = [(rule, level) for rule, level, _digest in facts["lanes"]]
        final = _named([kept.rows], facts["names"], lanes)
        self._final = events[said:] + self._by_device(final, facts.get("roles", {}))
        for event in events[:said]:
            if (event.rule, event.level) in goes_on:
                self._told.setdefault(self._row(event), []).append(event)
        waiting, device = kept.waiting, np.repeat(np.arange(rows, dtype=np.int32), kept.lengths)
        metric = self.metric(facts["metrics"])[waiting["key"] & ((1 << METRIC_BITS) - 1)]
        self._put(device, metric, waiting["key"] >> METRIC_BITS, waiting["value"].copy())
        self.now, self._waited, self.extra = facts["now"], facts["waited"], facts["extra"]
        self.counts = dict.fromkeys(self.counts, 0) | facts["counts"]
        if self.at_once:
            one["dirty"][:rows] = True
            self._before = self._look(self._every(), range(rows))


def filled(batch: Any) -> tuple[Any, int]:
    """The rows of an Arrow batch that have a value in every column, and how many have not: they are no readings."""
    batch = batch.select(COLUMNS)
    if not any(column.null_count for column in batch.columns):
        return batch, 0
    kept = batch.filter(reduce(pc.and_, (pc.is_valid(column) for column in batch.columns)))
    return kept, batch.num_rows - kept.num_rows


def moments(column: Any) -> Any:
    """Milliseconds, of numbers or timestamps of any width."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms"), safe=False)
    return column.cast(pa.int64()).to_numpy(zero_copy_only=False)


def _named(rows: Iterable[Any], names: Sequence[str], lanes: Sequence[tuple[str, str]]) -> list[Event]:
    """Events as the kernel told them, by the names of devices and of lanes (rule and level)."""
    return [
        Event(ts, names[d], lanes[lane][0], lanes[lane][1], "open" if opens else "clear", value, suppressed)
        for part in rows
        for ts, value, d, lane, opens, suppressed in part.tolist()
    ]


def _said(event: Event) -> tuple[int, str, str, str]:
    return event.ts, event.rule, event.level, event.state


def _of_its_row(event: Event) -> Event:
    """The event as its row said it: the device that a station's rule judges may be another one since."""
    return event._replace(device="") if event.station else event


def _devices(rows: int) -> Any:
    made = np.zeros(rows, DEVICE)
    for name in ("settled", "seen", "newest"):
        made[name] = NEVER
    made["programme"] = NIL
    return made


def _bits(rows: int) -> Any:
    """One for each row."""
    return np.zeros((rows >> WORD) + 1, np.uint64)


def _counts(parts: int) -> Any:
    return np.zeros((parts, LACKING + 1), np.int64)


def _log(places: int, parts: int) -> Log:
    return Log(np.empty(places, READING), np.arange(parts) * (places // parts))


def _out(places: int) -> Out:
    return Out(np.zeros(places, EVENT), np.zeros(1, np.int64))


def _scratch(rules: Compiled) -> Scratch:
    rows, words = len(rules.metrics) + ROWS, rules.arrays.of.shape[1]
    return Scratch(
        at=np.zeros(SAMPLES),
        value=np.zeros(SAMPLES),
        slopes=np.zeros(PAIRS),
        moments=np.zeros((rows, STRETCH), np.int64),
        numbers=np.zeros((rows, STRETCH)),
        count=np.zeros(rows, np.int32),
        least=np.zeros(rows),
        most=np.zeros(rows),
        asked=np.zeros(words, np.uint64),
        all=np.full(words, -1, np.int64).view(np.uint64),
    )


def _run(some: Any, out: Out, step: Callable[[int], int]) -> list[Any]:
    """Calls the kernel until it is through with these devices, emptying what it has told when it stops for room."""
    told: list[Any] = []
    at = 0
    while at < len(some):
        at = step(at)
        if count := int(out.count[0]):
            told.append(out.events[:count].copy())
            out.count[0] = 0
    return told
