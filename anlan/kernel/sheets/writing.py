"""Sheets written: export (which is itself an import template), the template, and the sheet of errors.

Rows come from a server-side cursor in pieces, so memory does not grow with their number. Texts are
written as texts: no cell can become a formula in the program that opens the file.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO

import polars as pl
import xlsxwriter
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import Case, F, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat, NullIf
from django.utils.translation import gettext as _

from ..clock import BEIJING
from ..entered import UNSEEN
from ..registers import cells
from .problems import Problem
from .reading import DANGEROUS, ROW, Table
from .spec import NUMBERED, Column, Sheet

PIECE = 2_000
BYTES = 2**18
XLSX_ROWS = 1_048_575
"""What a spreadsheet holds under its headings."""
WHOLE_ROWS = 20_000
"""An error workbook shows files up to here whole, and of larger ones the rows with errors."""
_EXACT = 15
_CONTROLS = re.compile(UNSEEN)
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


class TooLong(Exception):
    """More rows than a spreadsheet holds."""


def rows_of(sheet: Sheet, query: models.QuerySet[Any]) -> Iterator[list[Any]]:
    """The rows of a query as the sheet shows them, in pieces; an `acting` must be in force all the while."""
    if any(column.told for column in sheet.columns):
        yield from _told_rows(sheet, query)
        return
    for values in query.values_list(*_paths(sheet)).iterator(chunk_size=PIECE):
        yield [_shown(column, value) for column, value in zip(sheet.columns, values, strict=True)]


def _paths(sheet: Sheet) -> list[Any]:
    """Where each column's value stands, from the register's model; a reference goes by its target's key.

    What has no such key (an enterprise without a credit code) goes by its number, so that the sheet, imported
    without change, does not take the reference away.
    """
    paths: list[Any] = []
    for column in sheet.columns:
        if column.kind == "reference" and column.target is not None:
            field = sheet.declared.field(column.key)
            assert field is not None
            model, key = column.target
            path = f"{field.name}__{key}"
            if model._meta.pk.name == key:
                paths.append(path)
                continue
            number = Concat(Value(NUMBERED, TextField()), Cast(F(field.attname), TextField()))
            named = Coalesce(NullIf(Cast(F(path), TextField()), Value("", TextField())), number)
            paths.append(Case(When(**{f"{field.name}__isnull": False}, then=named), default=None))
        else:
            paths.append(column.attname)
    return paths


def _told_rows(sheet: Sheet, query: models.QuerySet[Any]) -> Iterator[list[Any]]:
    """The same where some columns are told as the list tells them: whole records, few queries a piece."""
    declared = sheet.declared
    told = [c.key for c in sheet.columns if c.told]
    fields = [declared.field(c.key) for c in sheet.columns]
    related = [f.name for f in fields if isinstance(f, models.ForeignKey)]
    rows = query.select_related(*related).iterator(chunk_size=PIECE)
    while piece := list(islice(rows, PIECE)):
        places = cells.area_codes(declared, piece, told)
        shown = {key: cells.column(declared, key, places) for key in told}
        for row in piece:
            values = []
            for column in sheet.columns:
                if column.told:
                    values.append(shown[column.key](row).text or None)
                elif column.kind == "reference" and column.target is not None:
                    values.append(_known_by(column, row))
                else:
                    values.append(_shown(column, getattr(row, column.attname)))
            yield values


def _known_by(column: Column, row: models.Model) -> Any:
    """What a reference of a record goes by: see `_paths`."""
    assert column.target is not None
    model, key = column.target
    number = getattr(row, column.attname)
    if model._meta.pk.name == key or number is None:
        return _shown(column, number)
    target = getattr(row, column.key)
    return _shown(column, getattr(target, key, None)) or f"{NUMBERED}{number}"


def _shown(column: Column, value: Any) -> Any:
    if value is None or value == "":
        return None
    if column.kind == "choice":
        return str(dict(column.choices).get(value, value))
    if column.kind == "bool":
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return value.astimezone(BEIJING).replace(tzinfo=None)
    return value


def export(sheet: Sheet, query: models.QuerySet[Any], form: str) -> Iterator[bytes]:
    """The list `query` as a file of `form` (csv, xlsx, parquet), in pieces, in the language now active."""
    if form == "csv":
        yield from _csv(sheet, query)
        return
    with tempfile.TemporaryFile() as file:
        (_xlsx if form == "xlsx" else _parquet)(sheet, query, file)
        file.seek(0)
        while piece := file.read(2**18):
            yield piece


def _csv(sheet: Sheet, query: models.QuerySet[Any]) -> Iterator[bytes]:
    """The database writes the lines itself, in the scope in force; here they only pass through."""
    head = io.StringIO(newline="")
    # The byte order mark tells spreadsheet programs that this is UTF-8.
    head.write("\ufeff")
    csv.writer(head).writerow([str(c.heading) for c in sheet.columns])
    yield head.getvalue().encode()
    if any(column.told for column in sheet.columns):
        yield from _told_csv(sheet, query)
        return
    try:
        asked, values = query.values_list(*_paths(sheet)).query.sql_with_params()
    except EmptyResultSet:
        return
    names = [f"c{n}" for n in range(len(sheet.columns))]
    shown = [_in_sql(column, name) for column, name in zip(sheet.columns, names, strict=True)]
    sql = f"SELECT {', '.join(text for text, _values in shown)} FROM ({asked}) AS x({', '.join(names)})"
    parameters = [v for _text, given in shown for v in given]
    with connection.cursor() as cursor:
        # COPY takes no parameters: they are put in by the driver, quoted.
        whole = connection.ops.compose_sql(sql, [*parameters, *values])  # type: ignore[attr-defined]
        piece = bytearray()
        with cursor.copy(f"COPY ({whole}) TO STDOUT (FORMAT csv)") as copy:
            for line in copy:
                piece += line
                if len(piece) >= BYTES:
                    yield bytes(piece)
                    piece.clear()
        yield bytes(piece)


def _told_csv(sheet: Sheet, query: models.QuerySet[Any]) -> Iterator[bytes]:
    """The same where some columns are told as the list tells them, which the database cannot."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    for row in rows_of(sheet, query):
        writer.writerow([safe(value) for value in row])
        if buffer.tell() >= BYTES:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def safe(value: Any) -> str:
    """A value in text with separators: a text that looks like a formula gets the apostrophe that marks text."""
    match value:
        case None:
            return ""
        case str():
            return "'" + value if value and value[0] in DANGEROUS else value
        case datetime():
            return value.isoformat(" ")
        case float():
            return repr(value)
    return str(value)


def _in_sql(column: Column, name: str) -> tuple[str, list[str]]:
    """The column as text with separators holds it, and the parameters of that expression.

    A text that looks like a formula gets the apostrophe that marks text.
    """
    text = f"{name}::text"
    # By the code of its first character: the cheapest question that tells.
    marks = ", ".join(str(ord(c)) for c in DANGEROUS)
    marked = f"CASE WHEN ascii({text}) IN ({marks}) THEN '''' || {text} ELSE nullif({text}, '') END"
    match column.kind:
        case "bool":
            return f"CASE WHEN {name} THEN %s WHEN NOT {name} THEN %s END", [_("Yes"), _("No")]
        case "datetime":
            return f"({name} AT TIME ZONE '{BEIJING.key}')::text", []
        case "int" | "record" | "decimal" | "float" | "date":
            return name, []
        case "choice" if column.choices:
            cases = " ".join("WHEN %s THEN %s" for _choice in column.choices)
            words = [v for value, label in column.choices for v in (str(value), safe(str(label)))]
            return f"CASE {text} {cases} ELSE {marked} END", words
    return marked, []


def _xlsx(sheet: Sheet, query: models.QuerySet[Any], file: BinaryIO) -> None:
    book = _Book(sheet, file)
    for number, row in enumerate(rows_of(sheet, query), start=1):
        if number > XLSX_ROWS:
            raise TooLong
        for place, value in enumerate(row):
            book.put(number, place, value)
    book.close()


def _parquet(sheet: Sheet, query: models.QuerySet[Any], file: BinaryIO) -> None:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet  # type: ignore[import-untyped]

    kinds = {
        "int": pa.int64(), "record": pa.int64(), "float": pa.float64(), "date": pa.date32(),
        "datetime": pa.timestamp("us"),
    }  # fmt: skip
    fields = []
    for column in sheet.columns:
        kind = kinds.get(column.kind, pa.string())
        if column.kind == "decimal":
            kind = pa.decimal128(column.digits or 38, column.places or 0)
        fields.append(pa.field(column.key, kind))
    schema = pa.schema(fields)
    with parquet.ParquetWriter(file, schema) as writer:
        piece: list[list[Any]] = []

        def flush() -> None:
            if piece:
                arrays = [pa.array([r[i] for r in piece], type=f.type) for i, f in enumerate(schema)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
                piece.clear()

        for row in rows_of(sheet, query):
            piece.append(row)
            if len(piece) >= PIECE:
                flush()
        flush()


class _Book:
    """A workbook whose first sheet has the columns' headings, widths, notes and drop-downs."""

    def __init__(self, sheet: Sheet, file: BinaryIO, notes: bool = True) -> None:
        self.sheet = sheet
        self.book = xlsxwriter.Workbook(
            file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        self.page = self.book.add_worksheet(_name(str(sheet.declared.title)))
        head = self.book.add_format({"bold": True, "bottom": 1, "bg_color": "#e6efee"})
        needed = self.book.add_format({"bold": True, "bottom": 1, "bg_color": "#cfe3e0"})
        self.formats: dict[str, Any] = {
            "date": self.book.add_format({"num_format": "yyyy-mm-dd"}),
            "datetime": self.book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            "text": self.book.add_format({"num_format": "@"}),
        }
        self.wrong = self.book.add_format({"bg_color": "#f6dfe9", "num_format": "@"})
        for place, column in enumerate(sheet.columns):
            form = self.formats.get(column.kind) if column.kind in ("date", "datetime") else None
            if column.kind in ("text", "area", "reference"):
                form = self.formats["text"]
            self.page.set_column(place, place, min(max(len(str(column.heading)) * 2 + 2, 12), 40), form)
            offered = [_("Yes"), _("No")] if column.kind == "bool" else [str(label) for _v, label in column.choices]
            # A spreadsheet holds a list of at most 255 characters; a longer one stands in the notes.
            if offered and len(",".join(offered)) <= 255:
                self.page.data_validation(
                    1, place, 1_048_575, place, {"validate": "list", "source": offered, "ignore_blank": True}
                )
        self.page.freeze_panes(1, 0)
        for place, column in enumerate(sheet.columns):
            self.page.write_string(0, place, str(column.heading), needed if column.required else head)
            if notes:
                self.page.write_comment(0, place, note(column, column.key in sheet.natural_key))

    def put(self, row: int, place: int, value: Any, form: Any = None) -> None:
        match value:
            case None:
                return
            case datetime():
                self.page.write_datetime(row, place, value, form or self.formats["datetime"])
            case date():
                self.page.write_datetime(row, place, value, form or self.formats["date"])
            case bool():
                self.page.write_boolean(row, place, value, form)
            case int() | Decimal() | float() if _fits(value):
                self.page.write_number(row, place, float(value), form)
            case _:
                self.page.write_string(row, place, _CONTROLS.sub("", str(value)), form or self.formats["text"])

    def close(self) -> None:
        self.book.close()


def _fits(value: int | Decimal | float) -> bool:
    """Whether a spreadsheet's number holds the value exactly as its digits stand."""
    digits = re.sub(r"\D", "", str(value)).strip("0")
    return len(digits) <= _EXACT


def _name(title: str) -> str:
    return re.sub(r"[\[\]:*?/\\]", " ", title)[:31].strip("' ") or "Sheet"


def note(column: Column, key: bool = False) -> str:
    """What may stand in a column, in the language now active; `key`: a new record is told apart by it."""
    if column.told:
        return _("Filled by the product; an import passes over it")
    words = {
        "int": _("A whole number"),
        "decimal": _("A number"),
        "float": _("A number"),
        "date": _("A date, such as 2013-06-14"),
        "datetime": _("A date and time, such as 2013-06-14 09:30"),
        "bool": _("Yes or no"),
        "choice": _("One of the choices"),
        "reference": _("The code or name by which the record is known, or # and its number"),
        "area": _("A division code of 12 digits"),
        "record": _("Leave as it is for a record that exists; leave empty for a new one"),
    }
    parts = [words.get(column.kind, _("Text"))]
    if column.max_length and column.kind == "text":
        parts.append(_("at most %(n)s characters") % {"n": column.max_length})
    if column.low is not None:
        parts.append(_("at least %(n)s") % {"n": column.low})
    if column.high is not None:
        parts.append(_("at most %(n)s") % {"n": column.high})
    if column.choices:
        parts.append(" / ".join(str(label) for _value, label in column.choices))
    if column.help:
        parts.append(str(column.help))
    parts.append(_("required") if column.required else _("needed for a new record") if key else _("may be empty"))
    return "; ".join(parts)


def template(sheet: Sheet) -> bytes:
    """An empty workbook to fill in: headings, drop-downs, and a second sheet that explains each column."""
    file = io.BytesIO()
    book = _Book(sheet, file)
    _explain(book)
    book.close()
    return file.getvalue()


def _explain(book: _Book) -> None:
    page = book.book.add_worksheet(_name(_("Notes")))
    bold = book.book.add_format({"bold": True})
    page.set_column(0, 1, 24)
    page.set_column(2, 2, 80)
    for place, heading in enumerate((_("Column"), _("Name in data files"), _("What it holds"))):
        page.write_string(0, place, heading, bold)
    for row, column in enumerate(book.sheet.columns, start=1):
        page.write_string(row, 0, str(column.heading))
        page.write_string(row, 1, column.key)
        page.write_string(row, 2, note(column, column.key in book.sheet.natural_key))
    told = _("An empty cell empties what is kept. A column that is not to be changed is deleted from the sheet.")
    page.write_string(len(book.sheet.columns) + 2, 0, told, bold)


def error_workbook(sheet: Sheet, table: Table | None, problems: list[Problem]) -> bytes:
    """The user's own rows with the wrong cells marked and explained, and a sheet that lists every error.

    It can be corrected and imported as it is: only its first sheet is read, what lacked a column gets an empty one,
    and columns that cannot be taken stand at the end. Of a large file it holds the rows with errors, at most
    `WHOLE_ROWS`.
    """
    given = table.keys if table is not None else ()
    lacking = {p.column for p in table.wrong if p.code == "IMP012"} if table is not None else set()
    strange = table.strange if table is not None else {}
    known = [c for c in sheet.columns if c.key in {*given, *lacking}]
    unknown = [Column(key, str(p.params["heading"]), "text", key) for key, p in strange.items()]
    shown = Sheet(sheet.declared, (*known, *unknown), sheet.natural_key)
    file = io.BytesIO()
    book = _Book(shown, file, notes=False)
    wrong: dict[tuple[int, str], list[str]] = {}
    for problem in problems:
        wrong.setdefault((problem.row, problem.column), []).append(f"{problem.code} {problem.words()}")
    at: dict[int, int] = {}
    if table is not None:
        frame = table.frame.with_columns(pl.lit("").alias(key) for key in lacking)
        at_heading = {p.column: p for p in table.wrong if p.code == "IMP012"} | dict(strange)
        for place, column in enumerate(shown.columns):
            if (fault := at_heading.get(column.key)) is not None:
                said = [f"{fault.code} {fault.words()}"]
                book.page.write_string(0, place, str(column.heading), book.wrong)
                book.page.write_comment(0, place, "\n".join(said))
        if frame.height > WHOLE_ROWS:
            frame = frame.filter(frame[ROW].is_in(list({p.row for p in problems}))).head(WHOLE_ROWS)
        for number, row in enumerate(frame.select(ROW, *(c.key for c in shown.columns)).iter_rows(), start=1):
            at[row[0]] = number + 1
            for place, column in enumerate(shown.columns):
                # What is wrong with the row as a whole is marked in its first cell.
                said = wrong.get((row[0], column.key), []) + (wrong.get((row[0], ""), []) if place == 0 else [])
                text = row[place + 1]
                if said:
                    book.page.write_string(number, place, _CONTROLS.sub("", text) or " ", book.wrong)
                    book.page.write_comment(number, place, "\n".join(said))
                elif text:
                    book.put(number, place, text)
    page = book.book.add_worksheet(_name(_("Errors")))
    bold = book.book.add_format({"bold": True})
    page.set_column(0, 1, 10)
    page.set_column(2, 3, 16)
    page.set_column(4, 4, 80)
    headings = (_("Row"), _("Row in this workbook"), _("Column"), _("Code"), _("Reason"))
    for place, heading in enumerate(headings):
        page.write_string(0, place, heading, bold)
    for number, problem in enumerate(problems, start=1):
        page.write_number(number, 0, problem.row)
        if problem.row in at:
            page.write_url(number, 1, f"internal:'{book.page.name}'!A{at[problem.row]}", string=str(at[problem.row]))
        page.write_string(number, 2, str(sheet.headings.get(problem.column, problem.column)))
        page.write_string(number, 3, problem.code)
        page.write_string(number, 4, _CONTROLS.sub("", problem.words()))
    book.close()
    return file.getvalue()
