"""Rules as arrays for the kernel: a lane for each level of each rule."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .rules import COMPARISONS, STATION, Rules, bound, duration
from .stations import SIGN

LEVEL, RATE, SOON, STUCK, NOISY, SILENT, DRIVING, INSIDE, OUTSIDE, OFF_ROUTE = range(10)
KINDS = {
    "level": LEVEL, "rate": RATE, "soon": SOON, "stuck": STUCK, "noisy": NOISY, "silent": SILENT, "driving": DRIVING,
    "inside": INSIDE, "outside": OUTSIDE, "off-route": OFF_ROUTE,
}  # fmt: skip
AT_LEAST, MORE_THAN, AT_MOST, LESS_THAN, EQUALS, NOTHING = range(6)
OPERATORS = dict(zip(COMPARISONS, range(5), strict=True))
ANYTHING = ""
"""The metric that stands for every one that no rule speaks of: it breaks silence, and nothing else."""
SAMPLES = 12
"""Readings that a trend, a rate and a count of jumps remember at most."""
LONGITUDE, LATITUDE = "lon", "lat"

LANE = np.dtype(
    [
        ("kind", np.int8), ("op", np.int8), ("until_op", np.int8), ("flag", np.int8), ("alone", np.bool_),
        ("day_from", np.int16), ("day_to", np.int16), ("metric", np.int32), ("row", np.int32),
        ("limit_metric", np.int32), ("until_metric", np.int32), ("ring", np.int32), ("limit", np.float64),
        ("limit_times", np.float64), ("until", np.float64), ("until_times", np.float64), ("number", np.float64),
        ("hold", np.int64), ("until_hold", np.int64), ("low", np.float64), ("high", np.float64), ("span", np.int64),
        ("every", np.int64), ("other", np.int64), ("gap", np.int64), ("shape_first", np.int64),
        ("shape_end", np.int64), ("guard_first", np.int64), ("guard_end", np.int64),
    ],
    align=True,
)  # fmt: skip
"""`alone`: minds nothing but its own metric; `row` is where the kernel lists what it goes over then."""
GUARD = np.dtype(
    [
        ("metric", np.int32), ("limit_metric", np.int32), ("op", np.int8), ("limit", np.float64),
        ("limit_times", np.float64), ("age", np.int64),
    ],
    align=True,
)  # fmt: skip


class Lanes(NamedTuple):
    """What the kernel reads of the rules: a record for each lane, what they point at, and who listens to a metric."""

    lane: Any
    guard: Any
    shape: Any
    """Corners, as (longitude, latitude)."""
    heard: Any
    """For each programme (its number + 1; 0 for devices of none) and metric its lanes, as bits of words of 64."""
    of: Any
    """For each programme its lanes."""
    silent: Any
    """The lanes of which the clock can tell."""
    place: Any
    """The codes of latitude and longitude, -1 where no rule minds places."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One level of one rule. `digest` tells whether it says the same as before: then what it knew is still true."""

    rule: str
    level: str
    digest: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """Rules ready to be run."""

    lanes: tuple[Lane, ...]
    arrays: Lanes
    metrics: tuple[str, ...]
    programmes: tuple[str, ...]
    rings: int
    late: int
    version: str
    roles: Mapping[str, str]
    """For a rule over stations the role whose device it judges."""
    stations: frozenset[str]
    """The metrics of which rules over stations speak, each by its role."""


def compiled(rules: Rules) -> Compiled:
    """The rules as arrays. The order of metrics and lanes depends on nothing but the names in them."""
    split = sorted(_lanes(rules), key=lambda one: (one[0]["name"], one[1]))
    names = {name for rule, _level, said in split for name in _heard_by(rule, said)}
    over = [rule for rule in rules.rules if rule.get("at") == STATION]
    stations = frozenset(name for rule, _level, said in split if rule in over for name in _heard_by(rule, said))
    # What a device measures has a code, whether or not a rule on the device itself minds it.
    metrics = tuple(sorted(names | {name.partition(".")[2] for name in stations}))
    code = {name: number for number, name in enumerate(metrics)}
    programmes = tuple(sorted({
        SIGN, *(_sign(rule) + p for rule in rules.rules for p in rule.get("programmes", ()))
    }))  # fmt: skip
    rows = [_row(rule, said, code) for rule, _level, said in split]
    rings = 0
    for row in rows:
        if row["kind"] in (RATE, SOON, NOISY):
            row["ring"], rings = rings, rings + 1
    heard = [_heard(split, metrics, code, programme) for programme in ("", *programmes)]
    lanes = tuple(Lane(rule["name"], level, _digest(rule, said)) for rule, level, said in split)
    roles = {rule["name"]: rule["metric"].partition(".")[0] for rule in over}
    arrays = _arrays(rows, heard, code)
    return Compiled(lanes, arrays, metrics, programmes, rings, rules.late, rules.version, roles, stations)


def _sign(rule: Mapping[str, Any]) -> str:
    """What stands before the programmes whose rows the rule looks at: those of stations are of their own."""
    return SIGN if rule.get("at") == STATION else ""


def _lanes(rules: Rules) -> Iterator[tuple[Mapping[str, Any], str, Mapping[str, Any]]]:
    for rule in rules.rules:
        for said in rule.get("levels") or [{"level": rule["level"]}]:
            yield rule, said["level"], said


def _digest(rule: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    told = {k: v for k, v in rule.items() if k not in ("levels", "title", "source")}
    return hashlib.sha256(json.dumps([told, said], sort_keys=True).encode()).hexdigest()


def _limits(rule: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[Any]:
    for one in (said, said.get("until") or {}, *rule.get("while", ())):
        yield from (one[name] for name in COMPARISONS if name in one)


def _heard_by(rule: Mapping[str, Any], said: Mapping[str, Any]) -> set[str]:
    """The metrics whose readings make the lane look again."""
    if rule["kind"] in ("inside", "outside", "off-route"):
        own = {LATITUDE, LONGITUDE}
    else:
        own = {rule.get("metric", ANYTHING)}
    limits = {limit["of"] for limit in _limits(rule, said) if isinstance(limit, Mapping)}
    return own | limits | {one["metric"] for one in rule.get("while", ())}


def _heard(split: list[Any], metrics: tuple[str, ...], code: Mapping[str, int], programme: str) -> list[list[int]]:
    """For each metric the lanes that look again when it is read of a device (or station) of this programme."""
    heard: list[list[int]] = [[] for _ in metrics]
    sign, plain = programme[: len(SIGN)] if programme.startswith(SIGN) else "", programme.removeprefix(SIGN)
    for number, (rule, _level, said) in enumerate(split):
        if _sign(rule) != sign or plain not in rule.get("programmes", (plain,)):
            continue
        names = _heard_by(rule, said)
        # Silence about everything is broken by everything.
        for name in metrics if ANYTHING in names else sorted(names):
            heard[code[name]].append(number)
    return heard


_EMPTY: dict[str, Any] = {
    "op": NOTHING, "until_op": NOTHING, "day_from": -1, "limit_metric": -1, "limit_times": 1.0, "until_metric": -1,
    "until_times": 1.0, "ring": -1, "low": -math.inf, "high": math.inf,
}  # fmt: skip
"""What a lane has unless its rule says otherwise. A quiet one whose metric is not within `low` and `high` stays so."""


def _row(rule: Mapping[str, Any], said: Mapping[str, Any], code: Mapping[str, int]) -> dict[str, Any]:
    row: dict[str, Any] = dict(_EMPTY, kind=KINDS[rule["kind"]], metric=code.get(rule.get("metric", ANYTHING), 0))
    if said_bound := bound(said):
        row |= dict(zip(("op", "limit", "limit_metric", "limit_times"), _bound(said_bound, code), strict=True))
    if until := bound(said.get("until") or {}):
        row |= dict(zip(("until_op", "until", "until_metric", "until_times"), _bound(until, code), strict=True))
    row["hold"], row["until_hold"] = duration(rule.get("hold", "0s")), duration(rule.get("clear_hold", "0s"))
    if "between" in rule:
        row["day_from"], row["day_to"] = (int(t[:2]) * 60 + int(t[3:]) for t in rule["between"])
    row["guards"] = [
        (code[one["metric"]], *_bound(bound(one), code), duration(one.get("not_older_than", "366d")))
        for one in rule.get("while", ())
    ]
    match rule["kind"]:
        case "level" if row["limit_metric"] < 0:
            row["low"], row["high"] = _band(row["op"], row["limit"])
        case "rate":
            row |= {"span": duration(rule["over"]), "other": duration(rule["per"])}
            row |= {"every": row["span"] // (SAMPLES - 1), "flag": rule.get("either_way", False)}
        case "soon":
            row |= {"span": duration(rule["trend"]), "other": duration(rule["within"])}
            row["every"] = row["span"] // (SAMPLES - 1)
        case "stuck":
            row |= {"span": duration(rule["for"]), "number": rule.get("tolerance", 0.0)}
        case "noisy":
            row |= {"span": duration(rule["in"]), "other": rule["times"], "number": rule["jump"]}
        case "silent":
            row["span"] = duration(rule["for"])
        case "driving":
            row |= {"span": duration(rule["longer_than"]), "other": duration(rule["rest"])}
            row |= {"number": rule.get("faster_than", 5.0), "gap": duration(rule.get("gap", "10min"))}
        case "inside" | "outside":
            rings = [[*ring, ring[0]] for ring in (rule["area"], *rule.get("more_areas", ()))]
            row["shape"] = rings[0] + [corner for ring in rings[1:] for corner in ([math.nan, math.nan], *ring)]
        case "off-route":
            row |= {"shape": rule["route"], "number": rule["metres"]}
    return row


def _band(op: int, limit: float) -> tuple[float, float]:
    """The least and the largest number of which the comparison with the limit holds."""
    return {
        AT_LEAST: (limit, math.inf), MORE_THAN: (math.nextafter(limit, math.inf), math.inf),
        AT_MOST: (-math.inf, limit), LESS_THAN: (-math.inf, math.nextafter(limit, -math.inf)), EQUALS: (limit, limit),
    }[op]  # fmt: skip


def _bound(said: Any, code: Mapping[str, int]) -> tuple[int, float, int, float]:
    name, limit = said
    if isinstance(limit, Mapping):
        return OPERATORS[name], 0.0, code[limit["of"]], float(limit.get("times", 1.0))
    return OPERATORS[name], float(limit), -1, 1.0


def _arrays(rows: list[dict[str, Any]], heard: list[list[list[int]]], code: Mapping[str, int]) -> Lanes:
    lane = np.zeros(len(rows), LANE)
    corners: list[Any] = []
    guards: list[Any] = []
    for number, row in enumerate(rows):
        shape, own = row.pop("shape", ()), row.pop("guards")
        row |= {"shape_first": len(corners), "shape_end": len(corners) + len(shape)}
        row |= {"guard_first": len(guards), "guard_end": len(guards) + len(own)}
        corners += shape
        guards += own
        row["alone"] = not own and row["limit_metric"] < 0 and row["until_metric"] < 0
        row["row"] = _listed(row, code)
        for name, value in row.items():
            lane[name][number] = value
    guard = np.zeros(len(guards), GUARD)
    for number, told in enumerate(guards):
        names = ("metric", "op", "limit", "limit_metric", "limit_times", "age")
        for name, value in zip(names, told, strict=True):
            guard[name][number] = value
    bits = _bits(heard, len(rows))
    return Lanes(
        lane,
        guard,
        np.array(corners, np.float64).reshape(-1, 2),
        bits,
        np.bitwise_or.reduce(bits, axis=1),
        np.array([number for number, row in enumerate(rows) if row["kind"] == SILENT], np.int32),
        np.array([code.get(LATITUDE, -1), code.get(LONGITUDE, -1)], np.int32),
    )


def _listed(row: Mapping[str, Any], code: Mapping[str, int]) -> int:
    """Where the kernel lists what the lane goes over: its metric's readings; behind these every tick; places."""
    if row["kind"] in (INSIDE, OUTSIDE, OFF_ROUTE):
        return len(code) + 1
    everything = row["kind"] == SILENT and row["metric"] == code.get(ANYTHING)
    return len(code) if everything else int(row["metric"])


def _bits(heard: list[list[list[int]]], lanes: int) -> Any:
    """Lists of numbers of lanes as bits of words."""
    bits = np.zeros((len(heard), len(heard[0]), lanes // 64 + 1), np.uint64)
    for row, lists in enumerate(heard):
        for column, numbers in enumerate(lists):
            for number in numbers:
                bits[row, column, number // 64] |= np.uint64(1 << number % 64)
    return bits
