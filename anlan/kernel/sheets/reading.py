"""From a file to a table of texts, with the row numbers that the sheet shows.

Bounds come first, so that a hostile file costs little: size, what an archive unpacks to, rows, columns.
"""

from __future__ import annotations

import csv
import io
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from python_calamine import CalamineError, CalamineWorkbook

from .problems import Problem, Unreadable
from .spec import Sheet, told_headings

MAX_BYTES = 50 * 2**20
MAX_UNPACKED = 500 * 2**20
MAX_ROWS = 200_000
MAX_COLUMNS = 200
HEADING_WITHIN = 20
ROW = "__row__"
BLANKS = " \t\r\n\u3000\u00a0\ufeff"
DANGEROUS = "=+-@\t\r'"
"""A cell that begins with one of these is a formula to some program, unless marked as text."""


@dataclass(frozen=True, slots=True)
class Table:
    """The user's rows as texts ("" where empty), the column `ROW` numbering them, and the headings found."""

    frame: pl.DataFrame
    keys: tuple[str, ...]


def read(sheet: Sheet, data: bytes) -> Table:
    """Reads an .xlsx workbook (its first sheet) or text with separators. Raises `Unreadable`."""
    if len(data) > MAX_BYTES:
        raise _whole("IMP001", limit=f"{MAX_BYTES // 2**20} MB")
    packed = data[:4] == b"PK\x03\x04"
    rows = _workbook(data) if packed else _text(data)
    if len(rows) > MAX_ROWS + HEADING_WITHIN:
        raise _whole("IMP004", limit=MAX_ROWS)
    at, placed = _headings(sheet, rows)
    body, numbers = [], []
    for number, row in enumerate(rows[at + 1 :], start=at + 2):
        if any(row):
            body.append(row)
            numbers.append(number)
    if not body:
        raise _whole("IMP007")
    if len(body) > MAX_ROWS:
        raise _whole("IMP004", limit=MAX_ROWS)
    columns: dict[str, list[Any]] = {ROW: numbers}
    for key, place in placed.items():
        columns[key] = [row[place] if place < len(row) else "" for row in body]
    schema = {ROW: pl.Int64} | dict.fromkeys(placed, pl.String)
    frame = pl.DataFrame(columns, schema=schema)
    if not packed:
        # A leading apostrophe is how text with separators says "this is text".
        frame = frame.with_columns(pl.col(k).str.replace(r"^'([=+\-@\t\r'])", "$1") for k in placed)
    frame = frame.with_columns(pl.col(k).str.replace_all("\r\n", "\n", literal=True) for k in placed)
    frame = frame.with_columns(pl.col(k).str.strip_chars(BLANKS) for k in placed)
    return Table(frame, tuple(placed))


def _whole(code: str, **params: Any) -> Unreadable:
    return Unreadable(Problem(0, "", code, params))


def _workbook(data: bytes) -> list[list[str]]:
    try:
        unpacked = 0
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if "[Content_Types].xml" not in archive.namelist():
                raise _whole("IMP002")
            for info in archive.infolist():
                with archive.open(info) as part:
                    while chunk := part.read(2**20):
                        unpacked += len(chunk)
                        if unpacked > MAX_UNPACKED:
                            raise _whole("IMP006")
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        first = book.get_sheet_by_index(0)
        if first.width > MAX_COLUMNS:
            raise _whole("IMP005", limit=MAX_COLUMNS)
        if first.height > MAX_ROWS + HEADING_WITHIN:
            raise _whole("IMP004", limit=MAX_ROWS)
        # The area is kept whole, so that row numbers are those which the program shows.
        return [[_cell(value) for value in row] for row in first.to_python(skip_empty_area=False)]
    except (zipfile.BadZipFile, CalamineError, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise _whole("IMP006") from error


def _cell(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            if value.is_integer() and abs(value) < 1e15:
                return str(int(value))
            text = repr(value)
            return format(Decimal(text), "f") if "e" in text else text
        case datetime():
            # A spreadsheet has no dates apart from times: midnight is a date.
            return value.isoformat(" ") if value.time() != datetime.min.time() else value.date().isoformat()
        case date():
            return value.isoformat()
        case None:
            return ""
    return str(value)


def _text(data: bytes) -> list[list[str]]:
    if data[:4] == b"\xd0\xcf\x11\xe0" or b"\0" in data:
        raise _whole("IMP002")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise _whole("IMP003")
    first = text.split("\n", 1)[0]
    separator = max(",\t;|", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise _whole("IMP002") from error
    if any(len(row) > MAX_COLUMNS for row in rows):
        raise _whole("IMP005", limit=MAX_COLUMNS)
    return rows


def _plain(heading: str) -> str:
    return unicodedata.normalize("NFKC", heading).strip(BLANKS + "*").casefold()


def _headings(sheet: Sheet, rows: Iterable[list[str]]) -> tuple[int, dict[str, int]]:
    """Which row holds the headings, and where each column stands. Raises `Unreadable` with every fault."""
    known = {_plain(name): c.key for c in sheet.columns for name in c.headings()}
    told = {_plain(name) for name in told_headings(sheet.declared)} - known.keys()
    top = list(rows)[:HEADING_WITHIN]
    best = max(range(len(top)), key=lambda i: (sum(_plain(h) in known for h in top[i]), -i), default=None)
    if best is None or not any(_plain(h) in known for h in top[best]):
        raise _whole("IMP010", limit=HEADING_WITHIN)
    problems, placed = [], dict[str, int]()
    for place, heading in enumerate(top[best]):
        if not _plain(heading) or _plain(heading) in told:
            continue
        key = known.get(_plain(heading))
        if key is None:
            problems.append(Problem(best + 1, "", "IMP011", {"heading": heading[:60]}))
        elif key in placed:
            problems.append(Problem(best + 1, key, "IMP013"))
        else:
            placed[key] = place
    # With record numbers every column may be left out; without, the natural key and what is required may not.
    wanted = {c.key for c in sheet.columns if c.required} | set(sheet.natural_key) if "id" not in placed else set()
    problems += [Problem(best + 1, c.key, "IMP012") for c in sheet.columns if c.key in wanted and c.key not in placed]
    if problems:
        raise Unreadable(*problems)
    return best, placed
