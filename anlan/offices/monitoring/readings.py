"""A device's readings as pages show them: curves and tracks from the history and what is not archived yet.

Telemetry's engine is loaded where it is asked: no page waits for DuckDB that shows no reading.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import pgettext_lazy

from anlan.engines.telemetry.rules import STATION, judged, limits_of
from anlan.kernel import clock
from anlan.parties.looks import looked

from . import live_map, rulebook, watched
from .keys import HAVE_KEYS, may_hold
from .models import Calibration, Device, EarlyWarning, Station
from .moments import LATEST, milliseconds, moment
from .programmes import MOVING

LONGEST_MS, LONGEST_TRACK_MS = 3 * 366 * 86_400_000, 7 * 86_400_000
"""The longest stretch of a curve and of a track."""
FEWEST, MOST = 50, 2_000
"""Points of a curve."""
WARNINGS = 200
_HOUR = 3_600_000
SPANS = (
    (_HOUR, pgettext_lazy("stretch of time", "Hour")), (24 * _HOUR, pgettext_lazy("stretch of time", "Day")),
    (7 * 24 * _HOUR, pgettext_lazy("stretch of time", "Week")),
    (30 * 24 * _HOUR, pgettext_lazy("stretch of time", "Month")),
    (366 * 24 * _HOUR, pgettext_lazy("stretch of time", "Year")),
)  # fmt: skip
"""Stretches that are offered, in milliseconds."""


class BadStretch(ValueError):
    """What was asked for cannot be: `place` names the parameter, `why` is a stable word."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}")
        self.place, self.why = place, why


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one moment to another, in milliseconds; the second is not in it."""

    begin: int
    end: int

    @classmethod
    def of(cls, asked: Any, longest: int) -> Stretch:
        """As `from` and `to` say it."""
        begin, end = number(asked, "from", 0, LATEST), number(asked, "to", 0, LATEST)
        if end <= begin:
            raise BadStretch("to", "not after from")
        if end - begin > longest:
            raise BadStretch("to", f"more than {longest} ms after from")
        return cls(begin, end)


def number(asked: Any, name: str, least: int, most: int, default: int | None = None) -> int:
    """A whole number among the parameters of an address; raises `BadStretch`."""
    text = asked.get(name, "")
    if not text and default is not None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16 and least <= int(text) <= most):
        raise BadStretch(name, f"a whole number from {least} to {most}")
    return int(text)


class Lately:
    """What was found out for a key a moment ago. A device's page asks for each of its curves by itself, and all of them
    rest on the same journal: the first who asks reads it, and the others wait for him."""

    def __init__(self, seconds: float, most: int = 200) -> None:
        self._seconds, self._most = seconds, most
        self._held: dict[Any, tuple[float, Any]] = {}
        self._locks: dict[Any, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, key: Any, find: Callable[[], Any]) -> Any:
        """What is known of the key since no more than so many seconds, or else is found now."""
        with self._lock:
            own = self._locks.setdefault(key, threading.Lock())
        with own:
            at, found = self._held.get(key, (float("-inf"), None))
            if time.monotonic() - at > self._seconds:
                found = find()
                with self._lock:
                    while len(self._held) >= self._most:
                        oldest = next(iter(self._held))
                        del self._held[oldest], self._locks[oldest]
                    self._held[key] = time.monotonic(), found
                    self._locks[key] = own
            return found


_stored_lately, _latest_lately = Lately(1.0), Lately(1.0)


def _stored(device: Device) -> tuple[Any, Any]:
    """Where the history is, and the readings that may not have come there yet."""
    from anlan.engines.telemetry import journal

    from .serving import home

    folder = home()
    waiting = _stored_lately.of((folder, device.code), lambda: journal.of(folder / "journal", device.code))
    return folder / "history", waiting


def latest(device: Device) -> dict[str, tuple[int, float]]:
    """What the device measured last, by metric: moment and value."""
    from anlan.engines.telemetry import history

    folder, fresh = _stored(device)
    heard = device.heard_at or clock.now()
    until = milliseconds(max(heard, clock.now()) if fresh.num_rows else heard)

    def find() -> dict[str, tuple[int, float]]:
        return history.latest(folder, device.code, until, fresh=fresh)

    found: dict[str, tuple[int, float]] = _latest_lately.of((folder, device.code), find)
    return found


def curve(device: Device, metric: str, stretch: Stretch, points: int) -> dict[str, Any]:
    """A metric in a stretch: columns `ts`, `low`, `high`, `last` and `count`."""
    from anlan.engines.telemetry import history

    folder, fresh = _stored(device)
    try:
        found = history.curve(folder, device.code, metric, stretch.begin, stretch.end, points, fresh)
    except ValueError as error:
        raise BadStretch("metric", "no name of a metric") from error
    return {name: found[name].to_pylist() for name in found.column_names}


def limits(device: Device, metric: str) -> list[dict[str, Any]]:
    """The limits of a metric, with the device's own settings where rules name them."""
    return [asdict(one) for one in watched.limits(device.programme, metric, _settings(device))]


def _settings(device: Device) -> dict[str, float]:
    """What rules name with `of`, as it is set for the device, or as it has told it since."""
    values: dict[str, float] = {}
    if named := watched.settings(device.programme):
        told = latest(device)
        for _code, name, since, value in rulebook.limits([device.code]):
            values[name] = told[name][1] if name in told and told[name][0] >= since else value
        values |= {name: told[name][1] for name in named & told.keys() - values.keys()}
    return values


def unlimited(device: Device) -> list[str]:
    """The rules that would judge what the device measures and lack a limit of it: they warn nobody."""
    told, given = latest(device).keys(), _settings(device).keys()
    lacking = (rule for rule in watched.of_programme(device.programme) if limits_of(rule) - given)
    return [watched.title(rule) for rule in lacking if judged(rule) in told and rule.get("at") != STATION]


def warnings(device: Device, stretch: Stretch, metric: str = "") -> list[dict[str, Any]]:
    """Warnings of the device in a stretch, the newest first; of a metric those whose rule minds it, or none."""
    at = [moment(ts) for ts in (stretch.begin, stretch.end)]
    found = EarlyWarning.objects.filter(device=device, measured_at__gte=at[0], measured_at__lt=at[1])
    minding = {rule["name"]: judged(rule) for rule in watched.in_force()}
    return [
        {
            "number": one.number, "title": one.get_title(), "level": one.level, "level_title": one.get_level_display(),
            "value": one.value, "at": milliseconds(one.measured_at), "moment": one.measured_at,
            "until": None if one.cleared_at is None else milliseconds(one.cleared_at),
            "url": reverse("cases:case", args=("warning", one.number)),
        }
        for one in found.order_by("-measured_at")[:WARNINGS]
        if not metric or minding.get(one.rule) in (None, metric)
    ]  # fmt: skip


def track(device: Device, stretch: Stretch, page: str) -> dict[str, Any]:
    """Where a device was: columns `ts`, `lat`, `lon` and `speed`. Who looks is logged: it says where people were."""
    from anlan.engines.telemetry import history

    folder, fresh = _stored(device)
    looked([device], page)
    found = history.track(folder, device.code, stretch.begin, stretch.end, fresh=fresh)
    return {name: found[name].to_pylist() for name in found.column_names}


def part(device: Device, account: Any) -> tuple[str, dict[str, Any]]:
    """Template and contents of the readings on the device's page."""
    from .registers import Devices, DeviceSettings  # which names this part

    told = latest(device)
    hidden = watched.settings(device.programme) | watched.NO_CURVE
    hidden |= {"lat", "lon"} if {"lat", "lon"} <= told.keys() else set()
    minded = {judged(rule) for rule in watched.of_programme(device.programme)}

    def place(one: tuple[str, Any]) -> tuple[bool, bool, str]:
        """What is measured stands before what is yes or no, what a rule minds before what none does."""
        return not watched.METRICS.get(one[0], ("", "?"))[1], one[0] not in minded, one[0]

    rows = []
    for metric, (ts, value) in sorted(told.items(), key=place):
        if metric not in hidden:
            called, unit = watched.METRICS.get(metric, (metric, ""))
            at = moment(ts)
            rows.append({"metric": metric, "title": called, "unit": unit, "value": f"{value:g}", "at": at})
    moments = [row["at"] for row in rows]
    state = live_map.states([device.pk]).get(device.pk, "") if device.removed_on is None else ""
    return "monitoring/readings.html", {
        "rows": rows, "last": milliseconds(max(moments)) if moments else 0, "spans": SPANS,
        "track": device.programme in MOVING and {"lat", "lon"} <= told.keys(),
        "key": device.protocol in HAVE_KEYS and may_hold(account, device),
        "may_export": Devices.policy.may(account, "export", device),
        "silenced": Calibration.running([device.pk]).get(device.pk),
        "unlimited": unlimited(device) if device.removed_on is None else [],
        "may_limit": DeviceSettings.policy.may(account, "add"),
        "state": state, "state_title": dict(live_map.STATES).get(state, ""),
    }  # fmt: skip


def together(station: Station, account: Any) -> tuple[str, dict[str, Any]]:
    """Template and contents of the devices on a station's page."""
    rows = Device.objects.filter(station=station).order_by("removed_on", "role")
    return "monitoring/station.html", {"rows": rows}


def csv(curve_: dict[str, Any]) -> Iterable[str]:
    """The points of a curve as lines of text, the moments in Beijing time."""
    yield "\ufefftime,low,high,last,count\r\n"
    for ts, *rest in zip(*(curve_[name] for name in ("ts", "low", "high", "last", "count")), strict=True):
        at = moment(ts).isoformat(timespec="milliseconds")
        yield ",".join([at, *(f"{value!r}" for value in rest)]) + "\r\n"
