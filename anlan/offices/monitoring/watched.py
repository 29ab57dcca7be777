"""What the rules say of devices to those who look at them: when one is silent, which rules doubt it, its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from anlan.engines.telemetry import rules as rule_files
from anlan.engines.telemetry.rules import COMPARISONS

from .models import LEVELS, Rule, RuleVersion
from .programmes import PROGRAMMES

SILENT_MS = 24 * 3_600_000
"""After so long a device is silent where no rule says it for its programme: as coverage counts who is online."""
DOUBTING = ("stuck", "noisy")
"""Kinds of rules whose open warning says that the sensor itself is at fault."""


METRICS: dict[str, tuple[Any, str]] = {
    "ch4": (_("Methane"), "%"),
    "co_ppm": (_("Carbon monoxide"), "ppm"),
    "fan": (_("Fan running"), ""),
    "people": (_("Number of people"), ""),
    "lel_percent": (_("Flammable gas"), "%LEL"),
    "level": (pgettext_lazy("of a tank", "Level"), ""),
    "temperature": (_("Temperature"), "℃"),
    "pressure": (_("Pressure"), "MPa"),
    "displacement_mm": (_("Displacement"), "mm"),
    "moment_percent": (_("Load moment"), "%"),
    "door_open": (_("Door open"), ""),
    "moving": (_("Moving"), ""),
    "fault": (pgettext_lazy("of a lift", "Fault"), ""),
    "speed": (_("Speed"), "km/h"),
    "speed_limit": (_("Speed limit"), "km/h"),
    "restricted": (_("Restricted water"), ""),
    "fog": (_("Fog: no sailing"), ""),
    "flood": (_("Flood stage: no sailing"), ""),
    "draught": (_("Draught"), "m"),
    "nav_status": (_("Navigational status (AIS)"), ""),
    "altitude": (_("Altitude"), "m"),
    "mileage": (_("Mileage"), "km"),
    "fuel": (_("Fuel"), "L"),
    "acc": (_("Ignition"), ""),
    "emergency": (_("Emergency button"), ""),
    "overspeed": (_("Terminal tells of speeding"), ""),
    "fatigue": (_("Terminal tells of fatigue"), ""),
}
"""What metrics are called, and their units; another one is called as the device calls it."""
NO_CURVE = frozenset({"alarm", "direction", "course", "heading"})
"""A word of bits, and angles: no curve says anything."""


def in_force() -> tuple[Mapping[str, Any], ...]:
    """The rules that are evaluated: read again where another version of one is in force."""
    return _read(tuple(Rule.objects.filter(on=True).order_by("pk").values_list("current", flat=True)))


@lru_cache(maxsize=4)
def _read(versions: tuple[int, ...]) -> tuple[Mapping[str, Any], ...]:
    """The contents of versions, which never change."""
    found = RuleVersion.objects.in_bulk(versions)
    return tuple(found[key].content for key in versions)


def silent_after() -> dict[str, int]:
    """For each programme, after how many milliseconds without a reading a device of it is silent."""
    found = {code: SILENT_MS for code, _title in PROGRAMMES}
    for rule in in_force():
        if rule["kind"] == "silent" and "metric" not in rule:
            for code in rule.get("programmes", found):
                found[code] = min(found[code], rule_files.duration(rule["for"]))
    return found


def doubting() -> list[str]:
    """Names of the rules whose open warning makes a device suspect."""
    return [rule["name"] for rule in in_force() if rule["kind"] in DOUBTING]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of one metric of a device, as a chart draws it."""

    level: str
    level_title: str
    sign: str
    value: float
    rule: str


def of_programme(programme: str) -> Iterator[Mapping[str, Any]]:
    """The rules that mind devices of a programme."""
    return (rule for rule in in_force() if programme in rule.get("programmes", (programme,)))


def title(rule: Mapping[str, Any]) -> str:
    """What the rule is called, in the reader's language."""
    return str(rule["title"]["zh" if (get_language() or "").startswith("zh") else "en"])


_SIGNS = dict(zip(COMPARISONS, ("≥", ">", "≤", "<", "="), strict=True))
_LEVELS = dict(LEVELS)


def limits(programme: str, metric: str, told: Mapping[str, float]) -> list[Limit]:
    """The limits of a metric that always hold; `told` are the device's own settings by name, as limits name them."""
    found = []
    for rule in of_programme(programme):
        if rule["kind"] != "level" or rule["metric"] != metric or "between" in rule:
            continue
        for level in rule["levels"]:
            comparison = next(c for c in COMPARISONS if c in level)
            wanted, named = level[comparison], None
            if isinstance(wanted, Mapping):
                named = wanted["of"]
                wanted = told[named] * wanted.get("times", 1) if named in told else None
            # A limit that holds while something else does is no line through everything.
            if wanted is not None and all(one["metric"] == named for one in rule.get("while", ())):
                title_ = str(_LEVELS[level["level"]])
                found.append(Limit(level["level"], title_, _SIGNS[comparison], round(float(wanted), 6), title(rule)))
    return found


def settings(programme: str) -> set[str]:
    """Metrics that are settings of a device, by which limits go: they are no curve of their own."""

    return {name for rule in of_programme(programme) for name in rule_files.limits_of(rule)}
