"""Every cell of every row checked at once, column by column, and turned into typed values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from unicodedata import normalize

import polars as pl
from django.db import models
from django.utils.translation import override

from .. import areas
from ..entered import UNSEEN
from ..policies import rule_of
from ..scope import By, Scope, area_prefix
from .problems import LANGUAGES, Problem
from .reading import ROW, Table
from .spec import NUMBERED, RECORD, Column, Sheet

YES = ("true", "1", "yes", "y", "是", "有", "√", "✓")
NO = ("false", "0", "no", "n", "否", "无", "×", "✗")
EXACT_DIGITS = 15
"""What a spreadsheet's numbers hold; further digits are its rounding noise, not the user's."""


LISTED = 10_000
"""Errors of one kind in one column that are listed; further ones are counted."""
_ASKED = 20_000
"""Keys looked up in one query."""
_NUMBERED = re.compile(rf"{NUMBERED}[1-9]\d{{0,17}}", re.ASCII)


class Faults:
    """What is wrong: each error counted and its row marked, the first ones listed."""

    def __init__(self, rows: pl.Series) -> None:
        self.rows, self.bad, self.number = rows, pl.Series([False]).new_from_index(0, len(rows)), 0
        self.listed: list[Problem] = []

    def add(self, wrong: pl.Series, column: str, code: str, params: Params | None = None) -> None:
        """Adds an error for each place where `wrong` is true; `params` may depend on the place."""
        wrong = wrong.fill_null(False)
        if not wrong.any():
            return
        self.bad, self.number = self.bad | wrong, self.number + int(wrong.sum())
        places = wrong.arg_true().head(LISTED).to_list()
        self.listed += [
            Problem(self.rows[n], column, code, params(n) if callable(params) else params or {}) for n in places
        ]


Params = Mapping[str, Any] | Callable[[int], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Checked:
    """Typed values under the columns' keys (None: not given), with `ROW`; and everything that is wrong.

    `derived` are the fields that follow from a column of the sheet.
    """

    frame: pl.DataFrame
    keys: tuple[str, ...]
    derived: tuple[str, ...]
    faults: Faults

    def good(self) -> pl.DataFrame:
        """The rows with which nothing is wrong."""
        return self.frame.filter(~self.faults.bad)

    def wrong(self, sheet: Sheet, table: Table, every: bool = False) -> pl.DataFrame:
        """The rows with which something is wrong (or `every` row), of which it can be told which record is meant.

        That needs a record number, or without one a natural key that is not itself what is wrong.
        """
        nowhere = pl.Series([False]).new_from_index(0, self.frame.height)
        numbered, unnumbered = nowhere, ~nowhere
        if RECORD in self.keys:
            numbered, unnumbered = self.frame[RECORD].is_not_null(), table.frame[RECORD] == ""
        for name in set(sheet.natural_key) & set(self.keys):
            empty = nowhere if sheet.column(name).required else table.frame[name] == ""
            unnumbered &= self.frame[name].is_not_null() | empty
        return self.frame.filter((self.faults.bad | every) & (numbered | unnumbered))


def check(sheet: Sheet, table: Table, scope: Scope, step: Callable[[int, int], None] | None = None) -> Checked:
    """Checks `table` as `scope` would have it kept. References are looked up under the `acting` in force.

    `step(done, of)` is called after each column.
    """
    faults = Faults(table.frame[ROW])
    typed = {ROW: table.frame[ROW]}
    for number, key in enumerate(table.keys, start=1):
        typed[key] = _column(sheet.column(key), table.frame[key], faults, scope)
        if step is not None:
            step(number, len(table.keys))
    follow = _derived(sheet, table.keys)
    for name, (source, follows) in follow.items():
        kept = typed[source]
        typed[name] = _following(kept, follows).alias(name)
    made = pl.DataFrame(typed)
    _twice(sheet, made, table.keys, faults)
    _outside(sheet, made, scope, faults)
    return Checked(made, table.keys, tuple(n for n in follow if n not in table.keys), faults)


def _following(kept: pl.Series, follows: Callable[[list[Any]], list[Any]]) -> pl.Series:
    """What follows from each value; from none follows none."""
    at = kept.is_not_null().arg_true()
    return kept.clone().scatter(at, pl.Series(follows(kept.gather(at).to_list()), dtype=kept.dtype))


def _derived(sheet: Sheet, keys: tuple[str, ...]) -> dict[str, Any]:
    """What the model derives from columns that the sheet has: by field, its source and how it follows."""
    found = getattr(sheet.declared.model, "derived", {}).items()
    return {name: (source, follows) for name, (source, follows) in found if source in keys}


def _column(column: Column, raw: pl.Series, faults: Faults, scope: Scope) -> pl.Series:
    def complain(wrong: pl.Series, code: str, **params: Any) -> None:
        faults.add(wrong, column.key, code, params)

    if column.kind != "text" or column.code:
        raw = raw.str.normalize("NFKC").str.replace(r"^'", "").str.strip_chars()
    given = raw.replace("", None)
    complain(given.str.contains(UNSEEN), "IMP033")
    if column.required:
        complain(given.is_null(), "IMP020")
    unread = given.is_not_null()
    match column.kind:
        case "text":
            values = given.str.replace(r"^(\d+)\.0+$", "$1") if column.code else given
            if column.max_length:
                complain(values.str.len_chars() > column.max_length, "IMP021", limit=column.max_length)
        case "int" | "record":
            plain = given.str.replace_all(r"(\d),(\d{3})", "$1$2").str.replace(r"\.0+$", "")
            values = plain.cast(pl.Int64, strict=False)
            complain(unread & (values.is_null() | ~plain.str.contains(r"^[+-]?\d+$")), "IMP022")
        case "decimal":
            values, bad = _decimal(column, given)
            complain(bad, "IMP023", digits=column.digits, places=column.places)
        case "float":
            values = given.cast(pl.Float64, strict=False)
            finite = values.is_finite().fill_null(False)
            complain(unread & ~finite, "IMP023", digits=17, places=16)
            values = pl.DataFrame({"v": values, "f": finite}).select(pl.when("f").then("v"))[:, 0]
        case "date":
            values = _date(given)
            complain(unread & values.is_null(), "IMP024")
        case "datetime":
            values = _datetime(given)
            complain(unread & values.is_null(), "IMP024")
        case "bool":
            lower = given.str.to_lowercase()
            values = lower.replace_strict(
                dict.fromkeys(YES, True) | dict.fromkeys(NO, False), default=None, return_dtype=pl.Boolean
            )
            complain(unread & values.is_null(), "IMP025")
        case "choice":
            values = _choice(column, given)
            complain(unread & values.is_null(), "IMP026", choices=_Choices(column))
        case "area":
            values = given.str.replace(r"\.0+$", "")
            formed = values.str.contains(r"^\d{12}$")
            complain(unread & ~formed, "IMP031")
            known = _areas(values.filter(formed.fill_null(False)).unique(), scope)
            complain(formed & ~values.is_in(known), "IMP032")
        case "reference":
            values = _reference(column, given)
            faults.add(unread & values.is_null(), column.key, "IMP030", lambda n: {"what": given[n][:60]})
    if column.kind in ("int", "decimal", "float"):
        numbers = values.cast(pl.Float64, strict=False)
        if column.low is not None:
            complain(numbers < float(column.low), "IMP028", limit=column.low)
        if column.high is not None:
            complain(numbers > float(column.high), "IMP029", limit=column.high)
    if column.checks:
        _further(column, values, faults)
    return values.alias(column.key)


class _Choices:
    """The choices in the reader's language, once that is known."""

    def __init__(self, column: Column) -> None:
        self.column = column

    def __str__(self) -> str:
        return "、".join(str(label) for _value, label in self.column.choices)


class _Words:
    """A field's own complaint, in the reader's language."""

    def __init__(self, error: Any) -> None:
        self.error = error

    def __str__(self) -> str:
        return " ".join(str(m) for m in self.error.messages)


def _further(column: Column, values: pl.Series, faults: Faults) -> None:
    """The field's own checks, once for each different value."""
    wrong = {v: e for v in values.drop_nulls().unique().to_list() if (e := column.complaint(v)) is not None}
    if wrong:
        bad = values.is_in(list(wrong))
        faults.add(bad, column.key, "IMP027", lambda n: {"message": _Words(wrong[values[n]])})


def _decimal(column: Column, given: pl.Series) -> tuple[pl.Series, pl.Series]:
    plain = given.str.replace_all(r"(\d),(\d{3})", "$1$2")
    noisy = plain.str.replace_all(r"\D", "").str.len_chars() > EXACT_DIGITS
    if noisy.any():
        frame = pl.DataFrame({"t": plain, "n": noisy})
        rounded = pl.col("t").map_elements(_exact, return_dtype=pl.String)
        plain = frame.select(
            pl.when(pl.col("n") & pl.col("t").str.contains(r"\.\d{6}")).then(rounded).otherwise(pl.col("t"))
        )[:, 0]
    parts = plain.str.extract_groups(r"^[+-]?0*(\d*)(?:\.(\d*?)0*)?$")
    whole, rest = parts.struct.field("1"), parts.struct.field("2").fill_null("")
    formed = plain.str.contains(r"^[+-]?\d+(\.\d+)?$")
    places = column.places or 0
    fits = (whole.str.len_chars() <= (column.digits or 0) - places) & (rest.str.len_chars() <= places)
    good = (formed & fits).fill_null(False)
    value = pl.DataFrame({"t": plain, "g": good}).select(pl.when("g").then(pl.col("t")))[:, 0]
    return value, given.is_not_null() & ~good


def _exact(text: str) -> str:
    try:
        return format(float(text), f".{EXACT_DIGITS}g")
    except ValueError:
        return text


_ISO = r"^\d{4}-\d{2}-\d{2}$"
_DAY = r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"


def _date(given: pl.Series) -> pl.Series:
    """2013-06-14, 2013/6/14, 2013.6.14, 2013年6月14日, 20130614, with a midnight; or a spreadsheet's day number."""
    if (given.str.contains(_ISO) | given.is_null()).all():
        return given.str.to_date("%Y-%m-%d", strict=False)
    text = given.str.replace(r"[ T]0{1,2}:00(:00(\.0+)?)?$", "")
    parts = text.str.extract_groups(_DAY + r"$")
    year, month, day = (parts.struct.field(str(n)) for n in (1, 2, 3))
    spelled = (year + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)).str.to_date("%Y-%m-%d", strict=False)
    compact = text.str.extract(r"^(\d{8})$").str.to_date("%Y%m%d", strict=False)
    serial = text.str.extract(r"^(\d{5})(?:\.0+)?$").cast(pl.Int64) - (date(1970, 1, 1) - date(1899, 12, 30)).days
    return pl.DataFrame({"a": spelled, "b": compact, "c": serial.cast(pl.Int32).cast(pl.Date)}).select(
        pl.coalesce("a", "b", "c")
    )[:, 0]


def _datetime(given: pl.Series) -> pl.Series:
    """A day as in `_date`, with or without a time in Beijing."""
    day = _date(given.str.extract(r"^(.*?)(?:[ T]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$"))
    time = given.str.extract(r"[ T]+(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)$")
    has = given.str.contains(r":")
    full = day.cast(pl.String) + " " + time.fill_null("00:00").str.replace(r"^(\d):", "0$1:")
    text = full.str.replace(r"^(\S+ \d\d:\d\d)$", "$1:00")
    value = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
    value = pl.DataFrame({"v": value, "bad": has & time.is_null()}).select(pl.when(~pl.col("bad")).then("v"))[:, 0]
    return value.dt.replace_time_zone("Asia/Shanghai", ambiguous="earliest", non_existent="null")


def _choice(column: Column, given: pl.Series) -> pl.Series:
    known: dict[str, str] = {}
    for language in LANGUAGES:
        with override(language):
            # As what is given has been read: a full-width bracket is a bracket.
            known |= {normalize("NFKC", str(label)).casefold(): str(value) for value, label in column.choices}
    known |= {str(value).casefold(): str(value) for value, _label in column.choices}
    return given.str.to_lowercase().replace_strict(known, default=None, return_dtype=pl.String)


def _parts(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), _ASKED):
        yield values[start : start + _ASKED]


def _areas(codes: pl.Series, scope: Scope) -> list[str]:
    inside = [c for c in codes.to_list() if area_prefix(c).startswith(scope.area)]
    found: list[str] = []
    for part in _parts(inside):
        found += areas.divisions().filter(code__in=part).values_list("code", flat=True)
    return found


def _reference(column: Column, given: pl.Series) -> pl.Series:
    """Keys of the records meant: those that the person may see; None where there is none."""
    assert column.target is not None
    model, key = column.target
    known: dict[str, Any] = {}
    names = {f.name for f in model._meta.concrete_fields}
    fields = [key]
    if isinstance(model._meta.pk, models.CharField) and "name" in names:
        # Small tables known by a code may be written by name too, in either language.
        fields = [f for f in ("name", "name_en") if f in names] + fields
    texts = given.drop_nulls().unique().to_list()
    if not isinstance(model._meta.pk, models.CharField):
        numbers = {int(t[1:]): t for t in texts if _NUMBERED.fullmatch(t)}
        for part in _parts(list(numbers)):
            known |= {numbers[pk]: pk for pk in model._default_manager.filter(pk__in=part).values_list("pk", flat=True)}
    for part in _parts(texts):
        for field in fields:
            known |= dict(model._default_manager.filter(**{f"{field}__in": part}).values_list(field, "pk"))
    kind = pl.String if isinstance(model._meta.pk, models.CharField) else pl.Int64
    if not known:
        return pl.Series([None], dtype=kind).new_from_index(0, len(given))
    return given.replace_strict(known, default=None, return_dtype=kind)


def _twice(sheet: Sheet, frame: pl.DataFrame, keys: Iterable[str], faults: Faults) -> None:
    """Keys that stand in the file twice: the natural key, the record number, and every unique column."""
    present = set(keys)
    sets: list[tuple[str, ...]] = [
        (c.key,) for c in sheet.columns if c.key in present and (c.unique or c.key == RECORD)
    ]
    if sheet.natural_key and set(sheet.natural_key) <= present and sheet.natural_key not in sets:
        sets.append(sheet.natural_key)
    for names in sets:
        given = pl.all_horizontal(pl.col(n).is_not_null() for n in names)
        # Most files have no key twice: that is seen without asking which row was the first.
        if not frame.select((given & pl.struct(names).is_duplicated()).any())[0, 0]:
            continue
        first = frame.select(pl.when(given).then(pl.col(ROW).min().over(names)))[:, 0]
        faults.add(first != frame[ROW], names[0], "IMP040", lambda n, first=first: {"other": first[n]})


def _outside(sheet: Sheet, frame: pl.DataFrame, scope: Scope, faults: Faults) -> None:
    """Rows that would be kept outside the industries or the enterprise of whoever imports."""
    rule = rule_of(sheet.declared.model)
    if not isinstance(rule, By):
        return
    for column in sheet.columns:
        if column.key not in frame.columns:
            continue
        field = sheet.declared.field(column.key)
        assert field is not None
        named = {field.name, field.attname, field.column}
        if rule.industry in named and scope.industries is not None:
            faults.add(~frame[column.key].is_in(list(scope.industries)).fill_null(False), column.key, "IMP041")
        elif rule.enterprise in named and scope.enterprise is not None and column.key != RECORD:
            faults.add((frame[column.key] != scope.enterprise).fill_null(True), column.key, "IMP041")
