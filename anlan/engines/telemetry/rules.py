"""Rules files: YAML, checked against `rules.schema.json`; every fault names its line and field.

    late: 2min
    rules:
      - name: methane-face
        kind: level
        metric: ch4
        source: 煤矿安全规程（2011）
        levels:
          - {level: orange, at_least: 1.0}
          - {level: red, at_least: 1.5, until: {less_than: 1.0}}

A rule is told and cleared for each of its levels. A limit is a number or, as `{of: speed_limit, times: 0.8}`, the
latest reading or setting of the device by that name.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from .. import marks
from ..marks import Place

SCHEMA = Path(__file__).parent / "rules.schema.json"
LARGEST = 4 * 1024 * 1024
"""Bytes of a rules file."""
LATE = "2min"
"""By so much a reading may come late where a file says nothing."""
LONGEST = 366 * 86_400_000
"""Milliseconds; no rule looks back, or ahead, over more than a year."""
_FAULTS = 50
_DEEPEST = 12
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_UNITS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
STATION = "station"
"""What a rule is at that looks at the devices of a station together."""
ROLE = re.compile(r"[a-z][a-z0-9_]{0,29}")
"""What a device is at its station; it stands before what it measures."""
COMPARISONS = ("at_least", "more_than", "at_most", "less_than", "equals")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong in a rule: at which line (from 1), in which field, in words with their values."""

    line: int
    place: str
    words: str
    values: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return self.words % dict(self.values) if self.values else self.words


Words = str | tuple[str, Mapping[str, Any]]
"""Words of a fault, with values for what stands in them as %(name)s."""


class BadRules(ValueError):
    """The file holds no rules that can be run; a line for each fault: file, line, field, reason."""

    def __init__(self, text: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(text)
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a file, as they were written and checked.

    `late` is in milliseconds. `version` is the SHA-256 of what the rules say, the same for files that say the same.
    """

    rules: tuple[Mapping[str, Any], ...]
    late: int
    version: str


def read(path: Path) -> Rules:
    """The rules in a file; raises `BadRules`."""
    try:
        if path.stat().st_size > LARGEST:
            raise BadRules(f"{path}: more than {LARGEST} bytes; a rules file is smaller")
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise BadRules(f"{path}: {error.strerror}") from error


def parse(raw: bytes, path: str = "rules") -> Rules:
    """The rules in the bytes of the file called `path`; raises `BadRules`."""
    content, lines = _loaded(raw, path)
    found = list(islice(_faults(content), _FAULTS))
    _refuse(path, [_fault(marks.line(lines, place), _named(place, content), words) for place, words in found])
    assert isinstance(content, dict)
    return made(content["rules"], content.get("late", LATE))


def parse_one(raw: bytes, demands: Callable[[Mapping[str, Any]], Iterable[tuple[Place, Words]]] | None = None) -> Any:
    """One rule that stands by itself, as a register keeps it; raises `BadRules`, whose `faults` say the lines.

    `demands` tells what else is wrong with a rule that the schema takes: places within it, and words.
    """
    content, lines = _loaded(raw, "rule")
    if not isinstance(content, Mapping):
        _refuse("rule", [Fault(1, "", "a rule is made of fields, as `name: methane`")])
    found = [(place[2:], words) for place, words in islice(_faults({"rules": [content]}), _FAULTS)]
    if not found and demands:
        found = list(demands(content))
    _refuse("rule", [_fault(marks.line(lines, place), _named(place, content), words) for place, words in found])
    return content


def _refuse(path: str, faults: list[Fault]) -> None:
    if faults := sorted(faults):
        told = (f"{path}:{one.line}: {one.place and f'{one.place}: '}{one}" for one in faults)
        raise BadRules("\n".join(told), tuple(faults))


def _fault(line: int, place: str, words: Words) -> Fault:
    text, values = (words, {}) if isinstance(words, str) else words
    return Fault(line, place, text, tuple((name, str(value)) for name, value in values.items()))


def _loaded(raw: bytes, path: str) -> tuple[Any, dict[Place, int]]:
    """What stands in the YAML, and at which line each part of it begins."""
    try:
        text = raw.decode("utf-8")
        _refuse(path, [_fault(line, "", words) for line, words in islice(_harmful(text), 1)])
        loader = yaml.CSafeLoader(text)
        root = loader.get_single_node()
        _refuse(path, [_fault(line, key, words) for line, key, words in _unfit(root)])
        lines = dict(marks.lines(root))
        return (None if root is None else loader.construct_document(root)), lines
    except UnicodeDecodeError as error:
        raise BadRules(f"{path}: byte {error.start}: not UTF-8", (Fault(1, "", "not UTF-8"),)) from error
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or error
        words = ("no YAML can be read here (%(problem)s)", {"problem": str(problem)[:200]})
        fault = _fault(mark.line + 1 if mark else 1, "", words)
        raise BadRules(f"{path}:{f'{fault.line}:' if mark else ''} {fault}", (fault,)) from error
    except (ValueError, OverflowError, TypeError) as error:
        if isinstance(error, BadRules):
            raise
        # YAML takes some words for numbers that Python cannot make of them, as 0x_.
        fault = _fault(1, "", ("a value that cannot be read: %(problem)s", {"problem": str(error)[:100]}))
        raise BadRules(f"{path}: {fault}", (fault,)) from error


def made(rules: list[Mapping[str, Any]], late: str = LATE) -> Rules:
    """Rules that have been checked."""
    said = json.dumps([late, rules], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Rules(tuple(rules), duration(late), hashlib.sha256(said.encode()).hexdigest())


def duration(text: str) -> int:
    """Milliseconds: 90s, 20min, 4h, 1d."""
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits) * _UNITS[text[len(digits) :]]


def bound(said: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The comparison and its limit, of something that holds one."""
    return next(((name, said[name]) for name in COMPARISONS if name in said), None)


def _faults(content: Any) -> Iterator[tuple[Place, Words]]:
    """What is wrong, as place and words."""
    if content is None:
        yield (), "nothing stands here; a file of rules begins with `rules:`"
        return
    whole = list(_validator("").iter_errors(content))
    yield from (told for e in whole for told in _told(e))
    if not isinstance(content, Mapping) or not isinstance(content.get("rules"), list):
        return
    names: dict[str, int] = {}
    yield from _too_long(("late",), content.get("late"))
    for number, rule in enumerate(content["rules"]):
        place: Place = ("rules", number)
        if any(tuple(e.absolute_path)[:2] == place for e in whole):
            continue
        errors = list(_validator(rule["kind"]).iter_errors(rule))
        yield from ((place + at, words) for e in errors for at, words in _told(e))
        if errors:
            continue
        if rule["name"] in names:
            values = {"name": repr(rule["name"]), "number": names[rule["name"]]}
            yield (*place, "name"), ("%(name)s is the name of rule %(number)s already", values)
        names.setdefault(rule["name"], number + 1)
        yield from ((place + inner, words) for inner, words in _contradictions(rule))


def _contradictions(rule: Mapping[str, Any]) -> Iterator[tuple[Place, Words]]:
    for field, value in rule.items():
        yield from _too_long((field,), value)
    for field in ("for", "over", "per", "within", "trend", "in", "longer_than", "rest"):
        if field in rule and not duration(rule[field]):
            yield (field,), "must be longer than nothing"
    if rule.get("between") and rule["between"][0] == rule["between"][1]:
        yield ("between",), "begins and ends at the same time; leave it out for the whole day"
    levels = rule.get("levels", [])
    if len({one["level"] for one in levels}) < len(levels):
        yield ("levels",), "a level stands here twice"
    for number, one in enumerate(levels):
        if sum(name in one for name in COMPARISONS) != 1:
            yield ("levels", number), _ONE_OF
        elif rule["kind"] == "soon" and "equals" in one:
            yield ("levels", number, "equals"), "a trend crosses a limit from one side; say at_least or at_most"
        if rule["kind"] == "soon" and "until" in one:
            yield ("levels", number, "until"), "what is foreseen is over when it is foreseen no more"
    if rule.get("at") == STATION:
        yield from _without_role(rule)
    for number, one in enumerate(rule.get("while", [])):
        if sum(name in one for name in COMPARISONS) != 1:
            yield ("while", number), _ONE_OF
        yield from _too_long(("while", number, "not_older_than"), one.get("not_older_than"))


def _without_role(rule: Mapping[str, Any]) -> Iterator[tuple[Place, Words]]:
    """Metrics of a rule over stations that do not say whose they are."""
    said: list[tuple[Place, str]] = [(("metric",), rule["metric"])]
    for field in ("levels", "while"):
        for number, one in enumerate(rule.get(field, ())):
            at: Place = (field, number)
            said += [((*at, "metric"), one["metric"])] if field == "while" else []
            limits = [((*at, name), one[name]) for name in COMPARISONS if name in one]
            limits += [((*at, "until", name), limit) for name, limit in one.get("until", {}).items()]
            said += [((*where, "of"), limit["of"]) for where, limit in limits if isinstance(limit, Mapping)]
    for place, name in said:
        role, dot, metric = name.partition(".")
        if not (dot and metric[:1].isalpha() and ROLE.fullmatch(role)):
            yield place, ("over a station %(given)s has a role before it, as in methane.ch4", {"given": repr(name)})


_ONE_OF = ("takes one of: %(known)s", {"known": ", ".join(COMPARISONS)})


def _too_long(place: Place, value: Any) -> Iterator[tuple[Place, Words]]:
    if isinstance(value, str) and place[-1] in _DURATIONS:
        try:
            long = duration(value) > LONGEST
        except (KeyError, ValueError):
            return  # the schema has said so
        if long:
            yield place, ("%(given)s is longer than a year", {"given": value})


_DURATIONS = frozenset({
    "late", "hold", "clear_hold", "for", "over", "per", "within", "trend", "in", "longer_than", "rest", "gap",
    "not_older_than",
})  # fmt: skip


@cache
def _schema() -> dict[str, Any]:
    return dict(json.loads(SCHEMA.read_text(encoding="utf-8")))


@cache
def _validator(kind: str) -> Any:
    """Of a rule of that kind; of the whole file for none."""
    import jsonschema

    schema = _schema()
    if kind:
        schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{kind}"}
    return jsonschema.Draft202012Validator(schema)


def _harmful(text: str) -> Iterator[tuple[int, str]]:
    """What plain values have no need of, and what would cost out of proportion: aliases, tags, depth."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            yield line, "YAML aliases (*name) are not taken"
        elif getattr(event, "tag", None):
            yield line, "YAML tags (!name) are not taken"
        elif depth > _DEEPEST:
            yield line, "nested too deeply"
        elif isinstance(event, yaml.ScalarEvent) and len(event.value) > 1_000:
            yield line, "a value of more than 1000 signs"
        elif isinstance(event, yaml.ScalarEvent) and any(unicodedata.category(c) in _UNSEEN for c in event.value):
            yield line, "a value with a break of line or another sign that nobody sees"


def _unfit(node: Any) -> Iterator[tuple[int, str, str]]:
    """What YAML takes and no rule can say, as line, field and words: fields that one mapping names twice, of which
    the last would count and nothing be said; fields that are no texts; numbers that are none."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag != _TEXT:
                yield line, str(key.value)[:60], "a field is named by a plain text"
                continue
            if key.value in seen:
                yield line, key.value, "stands here twice"
            seen.add(key.value)
            yield from _unfit(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _unfit(value)
    elif node is not None and node.tag == _FLOAT and node.value.lower().endswith("nan"):
        yield node.start_mark.line + 1, node.value, "stands for no number"


_TEXT, _FLOAT = "tag:yaml.org,2002:str", "tag:yaml.org,2002:float"


def _named(place: Place, content: Any) -> str:
    """A place in the reader's words: rule methane-face, levels 2, at_least."""
    words: list[str] = []
    at: Any = content
    for step in place:
        try:
            at = at[step]
        except (KeyError, IndexError, TypeError):  # what is missing has no value to go on from
            at = None
        if isinstance(step, int):
            named = at.get("name") if isinstance(at, dict) else None
            words[-1] = f"{words[-1].removesuffix('s')} {named if isinstance(named, str) else step + 1}"
        else:
            words.append(step)
    return ", ".join(words) or "file"


def _told(error: Any) -> Iterator[tuple[Place, Words]]:
    """Where the schema finds something wrong, and in what words; of fields that do not belong there, each."""
    place = tuple(error.absolute_path)
    if error.validator in ("unevaluatedProperties", "additionalProperties"):
        names = [name for name in error.instance if f"{name!r}" in error.message]
        yield from (((*place, name), "is no field that is said here") for name in names)
        if names:
            return
    yield place, _said(error)


def _said(error: Any) -> Words:
    """What the schema finds wrong, in few words."""
    given, rule = repr(error.instance)[:60], error.validator_value
    match error.validator:
        case "required":
            return "%(name)s is missing", {"name": error.message.split(chr(39))[1]}
        case "enum":
            return "%(given)s is none of: %(known)s", {"given": given, "known": ", ".join(map(str, rule))}
        case "type":
            return "%(given)s is not of type %(type)s", {"given": given, "type": rule}
        case "pattern":
            return "%(given)s is not written as %(pattern)s", {"given": given, "pattern": rule}
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            side = "less" if error.validator.lower().endswith("minimum") else "more"
            return f"%(given)s is {side} than %(limit)s", {"given": given, "limit": rule}
        case "minItems" | "minProperties" | "minLength":
            return "holds too little: at least %(least)s", {"least": rule}
        case "maxItems" | "maxProperties" | "maxLength":
            return "holds too much: at most %(most)s", {"most": rule}
        case "not":
            return "is not said for this kind of rule"
    return str(error.message)[:200]


def judged(rule: Mapping[str, Any]) -> str | None:
    """The metric that a rule judges, as its device calls it; None of one that judges none or any."""
    metric: str | None = rule.get("metric")
    return metric.partition(".")[2] if metric and rule.get("at") == STATION else metric


def limits_of(rule: Mapping[str, Any]) -> set[str]:
    """What a rule names with `of`: limits that the device tells, or that are set for it."""
    named = [*rule.get("levels", ()), *(one.get("until", {}) for one in rule.get("levels", ())), *rule.get("while", ())]
    given = [one[name] for one in named for name in COMPARISONS if name in one]
    return {limit["of"] for limit in given if isinstance(limit, Mapping)}
