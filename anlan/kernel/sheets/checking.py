"""Every cell of every row checked at once, column by column, and turned into typed values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from django.db import models
from django.utils.translation import override

from .. import areas
from ..policies import rule_of
from ..scope import By, Scope, area_prefix
from .problems import LANGUAGES, Problem
from .reading import ROW, Table
from .spec import RECORD, Column, Sheet

YES = ("true", "1", "yes", "y", "是", "有", "√", "✓")
NO = ("false", "0", "no", "n", "否", "无", "×", "✗")
INT_LIMITS = (-(2**63), 2**63 - 1)
EXACT_DIGITS = 15
"""What a spreadsheet's numbers hold; further digits are its rounding noise, not the user's."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Typed values under the columns' keys (None: not given), with `ROW`; and everything that is wrong."""

    frame: pl.DataFrame
    keys: tuple[str, ...]
    problems: list[Problem]

    def good(self) -> pl.DataFrame:
        """The rows with which nothing is wrong."""
        bad = list({p.row for p in self.problems})
        return self.frame.filter(~pl.col(ROW).is_in(bad)) if bad else self.frame


def check(sheet: Sheet, table: Table, scope: Scope) -> Checked:
    """Checks `table` as `scope` would have it kept. References are looked up under the `acting` in force."""
    frame, problems = table.frame, list[Problem]()
    typed = {ROW: frame[ROW]}
    for key in table.keys:
        column = sheet.column(key)
        values, found = _column(column, frame[key], frame[ROW], scope)
        typed[key] = values
        problems += found
    made = pl.DataFrame(typed)
    problems += _twice(sheet, made, table.keys)
    problems += _outside(sheet, made, scope)
    problems.sort(key=lambda p: (p.row, p.column, p.code))
    return Checked(made, table.keys, problems)


def _column(column: Column, raw: pl.Series, rows: pl.Series, scope: Scope) -> tuple[pl.Series, list[Problem]]:
    problems: list[Problem] = []

    def complain(bad: pl.Series, code: str, **params: Any) -> None:
        problems.extend(Problem(row, column.key, code, params) for row in rows.filter(bad.fill_null(False)))

    if column.kind != "text" or column.code:
        raw = raw.str.normalize("NFKC").str.replace(r"^'", "").str.strip_chars()
    given = raw.replace("", None)
    complain(given.str.contains(r"[\x00-\x08\x0b\x0c\x0e-\x1f]|[\u{fffe}\u{ffff}]"), "IMP033")
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
            for row in rows.filter(unread & values.is_null()):
                problems.append(Problem(row, column.key, "IMP026", {"choices": _Choices(column)}))
        case "area":
            values = given.str.replace(r"\.0+$", "")
            formed = values.str.contains(r"^\d{12}$")
            complain(unread & ~formed, "IMP031")
            known = _areas(values.filter(formed.fill_null(False)).unique(), scope)
            complain(formed & ~values.is_in(known), "IMP032")
        case "reference":
            values, names = _reference(column, given)
            for row, what in zip(rows.filter(unread & values.is_null()), names, strict=True):
                problems.append(Problem(row, column.key, "IMP030", {"what": what[:60]}))
    if column.kind in ("int", "decimal", "float"):
        numbers = values.cast(pl.Float64, strict=False)
        if column.low is not None:
            complain(numbers < float(column.low), "IMP028", limit=column.low)
        if column.high is not None:
            complain(numbers > float(column.high), "IMP029", limit=column.high)
    if column.checks:
        problems += _further(column, values, rows)
    return values.alias(column.key), problems


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


def _further(column: Column, values: pl.Series, rows: pl.Series) -> list[Problem]:
    """The field's own checks, once for each different value."""
    wrong = {v: e for v in values.drop_nulls().unique() if (e := column.complaint(v)) is not None}
    if not wrong:
        return []
    bad = values.is_in(list(wrong)).fill_null(False)
    return [
        Problem(row, column.key, "IMP027", {"message": _Words(wrong[value])})
        for row, value in zip(rows.filter(bad), values.filter(bad), strict=True)
    ]


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


_DAY = r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"


def _date(given: pl.Series) -> pl.Series:
    """2013-06-14, 2013/6/14, 2013.6.14, 2013年6月14日, 20130614, with a midnight; or a spreadsheet's day number."""
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
            known |= {str(label).casefold(): str(value) for value, label in column.choices}
    known |= {str(value).casefold(): str(value) for value, _label in column.choices}
    return given.str.to_lowercase().replace_strict(known, default=None, return_dtype=pl.String)


def _areas(codes: pl.Series, scope: Scope) -> list[str]:
    inside = [c for c in codes.to_list() if area_prefix(c).startswith(scope.area)]
    return list(areas.divisions().filter(code__in=inside).values_list("code", flat=True))


def _reference(column: Column, given: pl.Series) -> tuple[pl.Series, list[str]]:
    """Keys of the records meant (those that the person may see), and what was meant where there is none."""
    assert column.target is not None
    model, key = column.target
    wanted = given.drop_nulls().unique().to_list()
    known: dict[str, Any] = {}
    names = {f.name for f in model._meta.concrete_fields}
    if isinstance(model._meta.pk, models.CharField) and "name" in names:
        # Small tables known by a code may be written by name too, in either language.
        for field in ("name", "name_en"):
            if field in names:
                known |= dict(model._default_manager.filter(**{f"{field}__in": wanted}).values_list(field, "pk"))
    known |= dict(model._default_manager.filter(**{f"{key}__in": wanted}).values_list(key, "pk"))
    kind = pl.String if isinstance(model._meta.pk, models.CharField) else pl.Int64
    values = (
        given.replace_strict(known, default=None, return_dtype=kind)
        if known
        else pl.Series([None] * len(given), dtype=kind)
    )
    return values, given.filter(given.is_not_null() & values.is_null()).to_list()


def _twice(sheet: Sheet, frame: pl.DataFrame, keys: Iterable[str]) -> list[Problem]:
    """Keys that stand in the file twice: the natural key, the record number, and every unique column."""
    present = set(keys)
    sets: list[tuple[str, ...]] = [
        (c.key,) for c in sheet.columns if c.key in present and (c.unique or c.key == RECORD)
    ]
    if sheet.natural_key and set(sheet.natural_key) <= present and sheet.natural_key not in sets:
        sets.append(sheet.natural_key)
    problems = []
    for names in sets:
        given = frame.filter(pl.all_horizontal(pl.col(n).is_not_null() for n in names))
        first = pl.col(ROW).min().over(names)
        for row, other in (
            given.select(pl.col(ROW), first.alias("other")).filter(pl.col(ROW) != pl.col("other")).iter_rows()
        ):
            problems.append(Problem(row, names[0], "IMP040", {"other": other}))
    return problems


def _outside(sheet: Sheet, frame: pl.DataFrame, scope: Scope) -> list[Problem]:
    """Rows that would be kept outside the industries or the enterprise of whoever imports."""
    rule = rule_of(sheet.declared.model)
    if not isinstance(rule, By):
        return []
    problems = []
    for column in sheet.columns:
        if column.key not in frame.columns:
            continue
        field = sheet.declared.field(column.key)
        assert field is not None
        named = {field.name, field.attname, field.column}
        if rule.industry in named and scope.industries is not None:
            bad = frame.filter(~pl.col(column.key).is_in(list(scope.industries)).fill_null(False))
        elif rule.enterprise in named and scope.enterprise is not None and column.key != RECORD:
            bad = frame.filter((pl.col(column.key) != scope.enterprise).fill_null(True))
        else:
            continue
        problems += [Problem(row, column.key, "IMP041") for row in bad[ROW]]
    return problems
