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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema
import yaml

SCHEMA = Path(__file__).parent / "rules.schema.json"
LARGEST = 4 * 1024 * 1024
"""Bytes of a rules file."""
LATE = "2min"
"""By so much a reading may come late where a file says nothing."""
LONGEST = 366 * 86_400_000
"""Milliseconds; no rule looks back, or ahead, over more than a year."""
_FAULTS = 50
_DEEPEST = 12
_UNITS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
COMPARISONS = ("at_least", "more_than", "at_most", "less_than", "equals")


class BadRules(ValueError):
    """The file holds no rules that can be run; a line for each fault: file, line, field, reason."""


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
    try:
        text = raw.decode("utf-8")
        for words in _harmful(text):
            raise BadRules(f"{path}:{words}")
        loader = yaml.CSafeLoader(text)
        root = loader.get_single_node()
        lines = dict(_lines(root, ()))
        content = None if root is None else loader.construct_document(root)
    except UnicodeDecodeError as error:
        raise BadRules(f"{path}: byte {error.start}: not UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{mark.line + 1}:" if mark else ""
        raise BadRules(
            f"{path}:{line} no YAML can be read here ({getattr(error, 'problem', None) or error})"
        ) from error
    except (ValueError, OverflowError, TypeError) as error:
        if isinstance(error, BadRules):
            raise
        # YAML takes some words for numbers that Python cannot make of them, as 0x_.
        raise BadRules(f"{path}: a value that cannot be read: {str(error)[:100]}") from error
    faults = list(islice(_faults(content), _FAULTS))
    if faults:
        told = sorted((_line(lines, place), f"{_named(place, content)}: {words}") for place, words in faults)
        raise BadRules("\n".join(f"{path}:{line}: {words}" for line, words in told))
    assert isinstance(content, dict)
    return made(content["rules"], content.get("late", LATE))


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


Place = tuple[str | int, ...]


def _faults(content: Any) -> Iterator[tuple[Place, str]]:
    """What is wrong, as place and words."""
    whole = list(_validator("").iter_errors(content))
    yield from ((tuple(e.absolute_path), _said(e)) for e in whole)
    if not isinstance(content, Mapping) or not isinstance(content.get("rules"), list):
        return
    names: dict[str, int] = {}
    yield from _too_long(("late",), content.get("late"))
    for number, rule in enumerate(content["rules"]):
        place: Place = ("rules", number)
        if any(tuple(e.absolute_path)[:2] == place for e in whole):
            continue
        errors = list(_validator(rule["kind"]).iter_errors(rule))
        yield from ((place + tuple(e.absolute_path), _said(e)) for e in errors)
        if errors:
            continue
        if rule["name"] in names:
            yield (*place, "name"), f"{rule['name']!r} is the name of rule {names[rule['name']]} already"
        names.setdefault(rule["name"], number + 1)
        yield from ((place + inner, words) for inner, words in _contradictions(rule))


def _contradictions(rule: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
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
            yield ("levels", number), f"takes one of: {', '.join(COMPARISONS)}"
        elif rule["kind"] == "soon" and "equals" in one:
            yield ("levels", number, "equals"), "a trend crosses a limit from one side; say at_least or at_most"
        if rule["kind"] == "soon" and "until" in one:
            yield ("levels", number, "until"), "what is foreseen is over when it is foreseen no more"
    for number, one in enumerate(rule.get("while", [])):
        if sum(name in one for name in COMPARISONS) != 1:
            yield ("while", number), f"takes one of: {', '.join(COMPARISONS)}"
        yield from _too_long(("while", number, "not_older_than"), one.get("not_older_than"))


def _too_long(place: Place, value: Any) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str) and place[-1] in _DURATIONS:
        try:
            long = duration(value) > LONGEST
        except (KeyError, ValueError):
            return  # the schema has said so
        if long:
            yield place, f"{value} is longer than a year"


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
    schema = _schema()
    if kind:
        schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{kind}"}
    return jsonschema.Draft202012Validator(schema)


def _harmful(text: str) -> Iterator[str]:
    """What plain values have no need of, and what would cost out of proportion: aliases, tags, depth."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            yield f"{line}: YAML aliases (*name) are not taken"
        elif getattr(event, "tag", None):
            yield f"{line}: YAML tags (!name) are not taken"
        elif depth > _DEEPEST:
            yield f"{line}: nested too deeply"
        elif isinstance(event, yaml.ScalarEvent) and len(event.value) > 1_000:
            yield f"{line}: a value of more than 1000 signs"


def _lines(node: Any, place: Place) -> Iterator[tuple[Place, int]]:
    if node is None:
        return
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*place, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines(value, (*place, number))


def _line(lines: Mapping[Place, int], place: Place) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


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


def _said(error: Any) -> str:
    """What the schema finds wrong, in few words."""
    given = repr(error.instance)[:60]
    match error.validator:
        case "required":
            return f"{error.message.split(chr(39))[1]} is missing"
        case "unevaluatedProperties" | "additionalProperties" | "minProperties":
            return str(error.message)[:200]
        case "enum":
            return f"{given} is none of: {', '.join(map(str, error.validator_value))}"
        case "type":
            return f"{given} is not of type {error.validator_value}"
        case None:
            return "is not said for this kind of rule"
    return str(error.message)[:200]
