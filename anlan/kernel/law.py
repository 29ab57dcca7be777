"""Law as dated data: which rule held on that date.

Every number that comes from a law, a standard or the city's own decision stands in a table
`<app>/law/*.yaml`: a list of entries

    - id: hazards.resumption_review      # dotted name; the same id again for another period
      value: 10                          # number, text, true/false, a list — or `bands`, see below
      unit: days                         # days | working_days | minutes | hours | months | yuan | persons | % | …
      valid_from: 2008-02-01             # first day in force
      valid_to: 2026-02-01               # first day no longer in force; left out: still in force
      article: 第十八条
      source: 安全生产事故隐患排查治理暂行规定（安监总局令第16号）
      certainty: V2                      # V | V2 | K-H | K-M | K-L | DERIVED | CONFIG
      name: 复产复查期限                  # optional, with name_en, for the page; note is optional too
      name_en: Review before resumption

A table by size has `bands` in place of `value`: each with `value` and at least one of `at_least`
(以上, the number itself included), `above` (超过), `below` (不满; 以下 where the law excludes the number,
as Decree 493 Art. 45 does) and `at_most` (以下 where the law includes it, as the Civil Code Art. 1259 does).
`item` is the item of the article under which the band stands (第（三）项), where it has one of its own.

The loader is strict: an unknown field, a wrong type or two rules for one day is an error that names
file, line and field. The date of the *fact* chooses the rule, never today.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from .clock import BEIJING

CERTAINTIES = ("V", "V2", "K-H", "K-M", "K-L", "DERIVED", "CONFIG")
"""Read in the source; read in a secondary page; from knowledge (high, medium, low); computed; the city's setting."""

Scalar = bool | int | Decimal | str
_REQUIRED = ("id", "unit", "valid_from", "article", "source", "certainty")
_OPTIONAL = ("value", "bands", "valid_to", "name", "name_en", "note")
_BOUNDS = ("at_least", "above", "below", "at_most")


class LawError(ValueError):
    """A rule table that cannot be read: where (`file:line`), which field, and why."""

    def __init__(self, file: Path | str, line: int, field: str, problem: str) -> None:
        super().__init__(f"{file}:{line}: {field}: {problem}")
        self.file, self.line, self.field, self.problem = str(file), line, field, problem


class NoRuleInForce(LookupError):
    """No rule of this id held on this date."""

    def __init__(self, rule_id: str, on: date, known: Sequence[Rule]) -> None:
        periods = ", ".join(f"{r.valid_from} – {r.valid_to or ''}" for r in known)
        why = f"it has rules for {periods}" if known else "there is no such rule"
        super().__init__(f"no rule {rule_id!r} in force on {on}: {why}")
        self.rule_id, self.on = rule_id, on


@dataclass(frozen=True, slots=True)
class Band:
    """One row of a table by size. The lower bound is included unless `above`, the upper excluded unless `at_most`."""

    value: Scalar
    low: Decimal | None = None
    high: Decimal | None = None
    low_included: bool = True
    high_included: bool = False
    item: str = ""

    def holds(self, amount: Decimal | int) -> bool:
        """Whether `amount` lies in this band."""
        above = self.low is None or amount > self.low or (self.low_included and amount == self.low)
        below = self.high is None or amount < self.high or (self.high_included and amount == self.high)
        return above and below

    def _key(self) -> tuple[tuple[Decimal | float, int], tuple[Decimal | float, int]]:
        """Both ends as cuts between numbers: (n, 0) lies just below n, (n, 1) just above it."""
        low = (-math.inf, 0) if self.low is None else (self.low, 0 if self.low_included else 1)
        high = (math.inf, 1) if self.high is None else (self.high, 1 if self.high_included else 0)
        return low, high


def titled(source: str) -> str:
    """A source as a paper cites it: its title within the marks; number and version, which are no part of it, behind."""
    title, bracket, behind = source.partition("（")
    return f"《{title.replace('《', '〈').replace('》', '〉')}》{bracket}{behind}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule during one period of validity, half-open: [`valid_from`, `valid_to`)."""

    id: str
    unit: str
    valid_from: date
    valid_to: date | None
    article: str
    source: str
    certainty: str
    value: Any = None
    bands: tuple[Band, ...] = ()
    name: str = ""
    name_en: str = ""
    note: str = ""
    file: str = ""
    line: int = 0

    def holds_on(self, day: date) -> bool:
        """Whether this rule was in force on `day`."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def band(self, amount: Decimal | int) -> Band:
        """The band in which `amount` lies; `LookupError` where the table has a hole there."""
        for band in self.bands:
            if band.holds(amount):
                return band
        raise LookupError(f"{self.id}: no band for {amount} {self.unit}")

    @property
    def title(self) -> str:
        """The source as a paper cites it; the city's own setting is no law and has no title."""
        return self.source if self.certainty == "CONFIG" else titled(self.source)

    def __str__(self) -> str:
        return f"{self.title}{self.article}"


class Book:
    """All rules of one installation, looked up by id and date."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._by_id: dict[str, list[Rule]] = {}
        for rule in sorted(rules, key=lambda r: (r.id, r.valid_from)):
            known = self._by_id.setdefault(rule.id, [])
            if known and (known[-1].valid_to is None or known[-1].valid_to > rule.valid_from):
                other = known[-1]
                raise LawError(
                    rule.file, rule.line, "valid_from", f"{rule.id} overlaps the rule of {other.file}:{other.line}"
                )
            known.append(rule)

    def value(self, rule_id: str, on: date) -> Rule:
        """The rule `rule_id` that held on `on`; `NoRuleInForce` if none did."""
        day = on.astimezone(BEIJING).date() if isinstance(on, datetime) else on
        known = self._by_id.get(rule_id, [])
        for rule in known:
            if rule.holds_on(day):
                return rule
        raise NoRuleInForce(rule_id, day, known)

    def history(self, rule_id: str) -> tuple[Rule, ...]:
        """Every rule of this id, oldest first."""
        return tuple(self._by_id.get(rule_id, ()))

    def rules(self) -> list[Rule]:
        """Every rule, by id and period: what the page of rules lists."""
        return [rule for known in self._by_id.values() for rule in known]


def read(path: Path) -> list[Rule]:
    """Reads one table; `LawError` names the place of the first thing wrong with it."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise LawError(path, line, "(file)", str(error.problem)) from error
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise LawError(path, root.start_mark.line + 1, "(file)", "must be a list of rules")
    return [_rule(path, node) for node in root.value]


def _fields(path: Path, node: yaml.Node, known: Sequence[str], what: str) -> dict[str, tuple[Any, int, yaml.Node]]:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise LawError(path, line, what, "must be fields and values")
    fields: dict[str, tuple[Any, int, yaml.Node]] = {}
    for key, value in node.value:
        name, at = str(key.value), key.start_mark.line + 1
        if name not in known:
            raise LawError(path, at, name, f"is not a field of {what}; known: {', '.join(known)}")
        if name in fields:
            raise LawError(path, at, name, "is given twice")
        fields[name] = (_plain(path, name, value), at, value)
    return fields


def _plain(path: Path, field: str, node: yaml.Node) -> Any:
    """The value of a node, with decimals kept exact."""
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":float"):
        return Decimal(node.value.replace("_", ""))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(path, field, item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return {str(k.value): _plain(path, field, v) for k, v in node.value}
    try:
        return SafeConstructor().construct_object(node)  # type: ignore[no-untyped-call]
    except (yaml.YAMLError, ValueError) as error:
        raise LawError(path, node.start_mark.line + 1, field, str(error)) from error


def _rule(path: Path, node: yaml.Node) -> Rule:
    line = node.start_mark.line + 1
    fields = _fields(path, node, (*_REQUIRED, *_OPTIONAL), "a rule")
    for name in _REQUIRED:
        if name not in fields:
            raise LawError(path, line, name, "is missing")
    if ("value" in fields) == ("bands" in fields):
        raise LawError(path, line, "value", "a rule has either a value or bands")

    def fail(name: str, problem: str) -> LawError:
        return LawError(path, fields[name][1], name, problem)

    def text(name: str) -> str:
        if name not in fields:
            return ""
        value = fields[name][0]
        if not isinstance(value, str) or not value.strip():
            raise fail(name, "must be text")
        return value

    def day(name: str) -> date | None:
        value = fields[name][0] if name in fields else None
        if value is None and name == "valid_to":
            return None
        if not isinstance(value, date) or isinstance(value, datetime):
            raise fail(name, "must be a date, written 2013-06-14")
        return value

    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_-]+)+", text("id")):
        raise fail("id", "must be a dotted name in small letters, as hazards.resumption_review")
    if text("certainty") not in CERTAINTIES:
        raise fail("certainty", f"must be one of {', '.join(CERTAINTIES)}")
    begins, ends = day("valid_from"), day("valid_to")
    assert begins is not None
    if ends is not None and ends <= begins:
        raise fail("valid_to", "must come after valid_from")
    value = fields["value"][0] if "value" in fields else None
    if "value" in fields and (value is None or isinstance(value, dict | date)):
        raise fail("value", "must be a number, text, true or false, or a list of them")
    return Rule(
        text("id"), text("unit"), begins, ends, text("article"), text("source"), text("certainty"),
        tuple(value) if isinstance(value, list) else value,
        _bands(path, fields["bands"][2]) if "bands" in fields else (),
        text("name"), text("name_en"), text("note"), str(path), line,
    )  # fmt: skip


def _bands(path: Path, node: yaml.Node) -> tuple[Band, ...]:
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise LawError(path, node.start_mark.line + 1, "bands", "must be a list of bands")
    bands: list[Band] = []
    for item in node.value:
        line = item.start_mark.line + 1
        fields = _fields(path, item, ("value", "item", *_BOUNDS), "a band")
        bounds = {name: fields[name][0] for name in _BOUNDS if name in fields}
        if "value" not in fields or not bounds:
            raise LawError(path, line, "bands", "a band has a value and at least one bound")
        for name, bound in bounds.items():
            if isinstance(bound, bool) or not isinstance(bound, int | Decimal):
                raise LawError(path, line, name, "must be a number")
        if {"at_least", "above"} <= bounds.keys() or {"below", "at_most"} <= bounds.keys():
            raise LawError(path, line, "bands", "a band has one lower and one upper bound at most")
        named = fields["item"][0] if "item" in fields else ""
        if not isinstance(named, str):
            raise LawError(path, line, "item", "must be text")
        low, high = bounds.get("at_least", bounds.get("above")), bounds.get("below", bounds.get("at_most"))
        band = Band(
            fields["value"][0],
            None if low is None else Decimal(low),
            None if high is None else Decimal(high),
            "above" not in bounds,
            "at_most" in bounds,
            named,
        )
        lower, upper = band._key()
        if lower >= upper:
            raise LawError(path, line, "bands", "the band holds no number")
        for other in bands:
            if lower < other._key()[1] and other._key()[0] < upper:
                raise LawError(path, line, "bands", "overlaps the band before")
        bands.append(band)
    return tuple(bands)


def load(folders: Iterable[Path], own: Path | None = None) -> Book:
    """The book of every `*.yaml` in these folders, and in `own`, the city's settings.

    A rule there takes the place of the product's for its period, where that is a setting (certainty CONFIG) and no law.
    """
    settings = _all([own] if own else [])
    shipped = [piece for rule in _all(folders) for piece in _left_of(rule, [s for s in settings if s.id == rule.id])]
    return Book([*shipped, *settings])


def _all(folders: Iterable[Path]) -> list[Rule]:
    return [rule for folder in folders for path in sorted(folder.glob("*.yaml")) for rule in read(path)]


def _left_of(rule: Rule, settings: Iterable[Rule]) -> Iterator[Rule]:
    """What is left of a setting of the product, in time, beside the city's own of the same id."""
    begins: date | None = rule.valid_from
    for own in sorted(settings, key=lambda r: r.valid_from) if rule.certainty == "CONFIG" else ():
        ends = rule.valid_to or date.max
        if begins is None or own.valid_from >= ends or (own.valid_to or date.max) <= begins:
            continue
        if begins < own.valid_from:
            yield replace(rule, valid_from=begins, valid_to=own.valid_from)
        begins = own.valid_to
    if begins is not None and (rule.valid_to is None or begins < rule.valid_to):
        yield replace(rule, valid_from=begins)


@cache
def book() -> Book:
    """This installation's book: every app's `law/` folder and `var/law/` for the city's own settings."""
    from django.apps import apps
    from django.conf import settings

    folders = [Path(config.path) / "law" for config in apps.get_app_configs() if config.name.startswith("anlan.")]
    return load(folders, settings.HOME / "law")


def value(rule_id: str, on: date) -> Rule:
    """The rule that held on the date of the fact; `NoRuleInForce` if none did."""
    return book().value(rule_id, on)


def rules() -> list[Rule]:
    """Every rule this installation knows."""
    return book().rules()


def numbers(rule: Rule) -> Mapping[str, Any]:
    """What other systems and pages are told of a rule."""
    return {name: getattr(rule, name) for name in (*_REQUIRED, "value", "valid_to", "name", "name_en", "note")}
