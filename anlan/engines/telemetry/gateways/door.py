"""What all ways in have in common: who may speak for whom, what one sender may bring, what was refused."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..protocols import Malformed
from ..protocols.payload import METRIC, Columns

SAMPLES = 50
"""What was refused, of which so much is remembered for whoever looks what is wrong."""
SHOWN = 20
"""Refused readings of one payload that are named."""


class Keys(Protocol):
    """Where it is known who may speak for which devices. Raises `Unsure`."""

    async def speaks_for(self, name: str, key: str) -> Collection[str] | None:
        """The devices for which the holder of the key speaks: a device's own key under its code, or, without a name,
        that of a program which sends for many. None where the key opens nothing."""

    async def certified(self, name: str) -> Collection[str] | None:
        """The same of a device that has shown a certificate in its name."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may do. Seconds, and messages a second."""

    introduce: float = 30.0
    """From the connection until it is known who speaks."""
    silent: float = 600.0
    """Without a byte; devices send a heartbeat every few minutes at most."""
    frame: float = 30.0
    """From a message's first byte until its last."""
    rate: float = 50.0
    """Messages a second on average, with a burst of twenty seconds' worth."""
    many: float = 5_000.0
    """The same of a program that sends for many devices."""
    nonsense: int = 20
    """Messages that cannot be read, before the connection is closed."""
    again: float = 60.0
    """After so long it is asked anew whether who is connected may still speak."""
    sessions: int = 50_000
    ahead: float = 600.0
    """A moment further in the future than this is no moment: the device's clock is wrong."""
    behind: float = 90 * 86_400.0
    """The same of one that lies further back."""
    readings: float = 20.0
    """Readings a second on average of each device for which a sender speaks; its disk is the others' too."""
    kept: int = 500_000
    """Beyond that a sender may bring so many at once: what a device kept while it was cut off, a whole payload."""
    names: int = 200
    """Metrics that one device may bring that none has told before: each is a file of every day's history."""

    def moments(self, now: float) -> tuple[float, float]:
        """The first and the last moment at which a device's clock can be right, in milliseconds; `now` in seconds."""
        return (now - self.behind) * 1000, (now + self.ahead) * 1000


@dataclass(slots=True)
class Names:
    """The metrics that have come in by one way, and how many of them each device was the first to tell."""

    known: set[str] = field(default_factory=set)
    brought: Counter[str] = field(default_factory=Counter)

    def unheard(self, read: Columns) -> bool:
        """Whether a metric among them has not come in before."""
        arrays = isinstance(read.metric, pa.Array)
        return not self.known.issuperset(pc.unique(read.metric).to_pylist() if arrays else read.metric)

    def refused(self, read: Columns, good: Any, most: int) -> Any:
        """Which of the readings in `good`, a mask, are of a metric that may not be; takes in those that may."""
        metric = read.metric.to_pylist() if isinstance(read.metric, pa.Array) else read.metric
        device = read.device.to_pylist() if isinstance(read.device, pa.Array) else read.device
        wrong = np.zeros(len(read.ts), bool)
        for n in np.flatnonzero(good).tolist():
            if (name := metric[n]) not in self.known:
                if METRIC.fullmatch(name) and self.brought[device[n]] < most:
                    self.known.add(name)
                    self.brought[device[n]] += 1
                else:
                    wrong[n] = True
        return wrong


def sender(name: str, key: str) -> str:
    """What a sender is remembered by: a device's code, or the digest of a program's key; no key outlives its use."""
    return name or hashlib.sha256(key.encode()).hexdigest()


@dataclass(slots=True)
class Budget:
    """How many readings each sender may bring by one way, and since when he has that many."""

    left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def spend(self, sender: str, readings: int, devices: int, limits: Limits) -> float:
        """Takes readings of a sender, who speaks for so many devices, off what he may bring: 0. Where nothing is left
        it is the seconds until there is. The last payload may be larger than what is left, so that one of any size
        comes through; the next one waits the longer."""
        now, rate = time.monotonic(), limits.readings * max(1, devices)
        most = limits.kept + 60 * rate
        left, since = self.left.get(sender, (most, now))
        left = min(most, left + (now - since) * rate)
        if left <= 0:
            return (1 - left) / rate
        self.left[sender] = left - readings, now
        return 0.0


@dataclass(slots=True)
class Tally:
    """What came in by one way, and what was refused."""

    counts: Counter[str] = field(default_factory=Counter)
    names: Names = field(default_factory=Names)
    budget: Budget = field(default_factory=Budget)
    refused: deque[tuple[str, str, str, str]] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    """From where, kind, why, and the beginning of what came, in hexadecimal."""

    def sift(self, read: Columns, speaks_for: Collection[str], now: float, limits: Limits, peer: str) -> Sifted:
        """What may be taken of a payload; what may not is counted, and the first of each kind remembered."""
        found = sifted(read, speaks_for, now, limits, self.names)
        self.counts.update({f"refused: {kind}": count for kind, count in found.kinds.items()})
        for kind, number in {kind: number for number, kind in reversed(found.refused)}.items():
            device, metric = (str(column[number - 1])[:64] for column in (read.device, read.metric))
            clock = astray(read.ts[number - 1], now)
            self.remember(peer, Malformed(kind, f"{device}: {clock if kind == 'clock' else metric}"), b"")
        return found

    def refuse(self, peer: str, error: Malformed, raw: bytes) -> None:
        self.counts[f"refused: {error.kind}"] += 1
        self.remember(peer, error, raw)

    def remember(self, peer: str, error: Malformed, raw: bytes) -> None:
        """Keeps it for whoever looks, of what says the same the latest; a name of a file may hold what is no text."""
        said = (text.encode("utf-8", "replace").decode() for text in (peer, error.kind, str(error)))
        where, kind, words = said
        if (same := next((one for one in self.refused if one[:3] == (where, kind, words)), None)) is not None:
            self.refused.remove(same)
        self.refused.append((where, kind, words, raw[:256].hex()))


def astray(ts: float, now: float) -> str:
    """How far a device's moment (milliseconds) lies from the clock (seconds), in words."""
    return f"a clock {(ts / 1000 - now) / 3600:+,.1f} hours off"


@dataclass(frozen=True, slots=True)
class Sifted:
    """What may be taken of a payload, and the readings that may not: number (from 1) and why."""

    taken: Columns
    refused: tuple[tuple[int, str], ...]
    kinds: Counter[str]


def sifted(read: Columns, speaks_for: Collection[str], now: float, limits: Limits, names: Names) -> Sifted:
    """Parts with readings of devices for which the sender does not speak, of moments that are none, and of metrics
    that cannot be kept.

    `now` in seconds since 1970.
    """
    early, late = limits.moments(now)
    arrays = isinstance(read.device, pa.Array)
    named = set(pc.unique(read.device).to_pylist()) if arrays else set(read.device)
    strangers = named.difference(speaks_for)
    wrong_clock, unheard = (read.ts < early) | (read.ts > late), names.unheard(read)
    if not strangers and not unheard and not wrong_clock.any():
        return Sifted(read, (), Counter())
    if arrays:
        strange = pc.is_in(read.device, pa.array(sorted(strangers), pa.string())).to_numpy(zero_copy_only=False)
    else:
        strange = np.fromiter((name in strangers for name in read.device), bool, len(read.device))
    wrong_clock &= ~strange
    wrong = strange | wrong_clock
    if unheard:
        wrong |= names.refused(read, ~wrong, limits.names)
    if not wrong.any():
        return Sifted(read, (), Counter())
    good = np.flatnonzero(~wrong)
    kinds = Counter({"device": int(strange.sum()), "clock": int(wrong_clock.sum())})
    kinds["metric"] = len(wrong) - len(good) - kinds.total()
    first = np.flatnonzero(wrong)[:SHOWN].tolist()
    refused = tuple((n + 1, "device" if strange[n] else "clock" if wrong_clock[n] else "metric") for n in first)
    if arrays:
        taken = Columns(read.device.take(pa.array(good)), read.metric.take(pa.array(good)), read.ts[good],
                        read.value[good])  # fmt: skip
    else:
        rows = good.tolist()
        taken = Columns([read.device[n] for n in rows], [read.metric[n] for n in rows], read.ts[good],
                        read.value[good])  # fmt: skip
    return Sifted(taken, refused, +kinds)
