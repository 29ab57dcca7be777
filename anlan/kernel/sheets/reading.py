"""From a file to a table of texts, with the row numbers that the sheet shows.

Bounds come first, so that a hostile file costs little: size, what an archive unpacks to, rows, columns.
"""

from __future__ import annotations

import csv
import io
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, zip_longest

import polars as pl

from ..files import BROKEN
from . import workbook
from .problems import Problem, Unreadable
from .spec import Sheet, told_headings

MAX_BYTES = 200 * 2**20
MAX_ROWS = 1_000_000
MAX_UNPACKED = 3 * 2**30
UNPACKED_LEAST, UNPACKED_RATIO = 64 * 2**20, 60
"""A workbook unpacks to ten times its size, or twenty; what unpacks to more than this is made to harm."""
MAX_COLUMNS = 200
MAX_RECORD = 2**20
"""Characters in one row of a text: a row that never ends must not fill the memory."""
PIECE = 5_000
HEADING_WITHIN = 20
ROW, STRANGE = "__row__", "__strange__"
BLANKS = " \t\r\n\u3000\u00a0\ufeff"
DANGEROUS = "=+-@\t\r\n'＝＋－＠"
"""A cell that begins with one of these is a formula to some program, unless marked as text."""
Rows = list[list[str]]


@dataclass(frozen=True, slots=True)
class Table:
    """The user's rows as texts ("" where empty), the column `ROW` numbering them, and the headings found.

    `wrong` is what is wrong with the headings: the rows are checked all the same, but nothing of them is kept. Columns
    that nobody knows, or that stand there twice, are kept for the error workbook: `strange` has what is wrong with
    each, by the name under which it stands in `frame`.
    """

    frame: pl.DataFrame
    keys: tuple[str, ...]
    wrong: tuple[Problem, ...] = ()
    strange: Mapping[str, Problem] = field(default_factory=dict)


def read(sheet: Sheet, data: bytes) -> Table:
    """Reads an .xlsx workbook (its first sheet) or text with separators. Raises `Unreadable`."""
    if len(data) > MAX_BYTES:
        raise _whole("IMP001", limit=f"{MAX_BYTES // 2**20} MB")
    packed = data[:4] == b"PK\x03\x04"
    pieces = _workbook(data) if packed else _text(data)
    first = next(pieces, [])
    while len(first) < HEADING_WITHIN and (more := next(pieces, None)):
        first += more
    at, placed, wrong, strange = _headings(sheet, first)
    keys = tuple(k for k in placed if k not in strange)
    frames, number = [_frame(placed, first[at + 1 :], at + 2)], len(first) + 1
    for piece in pieces:
        frames.append(_frame(placed, piece, number))
        number += len(piece)
        if sum(f.height for f in frames) > MAX_ROWS or number > 2 * MAX_ROWS + HEADING_WITHIN:
            raise _whole("IMP004", limit=MAX_ROWS)
    frame = pl.concat(frames)
    if frame.height > MAX_ROWS:
        raise _whole("IMP004", limit=MAX_ROWS)
    if not frame.height:
        raise Unreadable(*wrong, Problem(0, "", "IMP007"))
    columns = [pl.col(k) for k in placed]
    if not packed:
        # A leading apostrophe is how text with separators says "this is text".
        frame = frame.with_columns(c.str.replace(r"^'([=+\-@\t\r'])", "$1") for c in columns)
    frame = frame.with_columns(c.str.replace_all("\r\n", "\n", literal=True).str.strip_chars(BLANKS) for c in columns)
    return Table(frame, keys, tuple(wrong), strange)


def _frame(placed: dict[str, int], rows: Rows, first: int) -> pl.DataFrame:
    """The wanted columns of a piece of rows, the first of which has the number `first`; empty rows are left out."""
    columns = list(zip_longest(*rows, fillvalue=""))
    kept = {
        key: pl.Series(columns[place] if place < len(columns) else [""] * len(rows), dtype=pl.String)
        for key, place in placed.items()
    }
    frame = pl.DataFrame({ROW: pl.Series(range(first, first + len(rows)), dtype=pl.Int64), **kept})
    full = pl.Series([any(row) for row in rows], dtype=pl.Boolean)
    return frame.filter(full)


def _whole(code: str, **params: object) -> Unreadable:
    return Unreadable(Problem(0, "", code, params))


def _workbook(data: bytes) -> Iterator[Rows]:
    allowed = min(MAX_UNPACKED, UNPACKED_LEAST + UNPACKED_RATIO * len(data))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if "[Content_Types].xml" not in archive.namelist():
                raise _whole("IMP002")
            # What the archive says of its sizes may be a lie: they are measured.
            for info in archive.infolist():
                with archive.open(info) as part:
                    while chunk := part.read(2**20):
                        allowed -= len(chunk)
                        if allowed < 0:
                            raise _whole("IMP006")
        for height, width, piece in workbook.rows(data):
            if width > MAX_COLUMNS:
                raise _whole("IMP005", limit=MAX_COLUMNS)
            if height > MAX_ROWS + HEADING_WITHIN:
                raise _whole("IMP004", limit=MAX_ROWS)
            yield piece
    except (workbook.Damaged, *BROKEN) as error:
        raise _whole("IMP006") from error


class _Lines:
    """The lines of a text; a row (`row_done` says where one ended) may not be endless."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self.file, self.left = file, MAX_RECORD

    def row_done(self) -> None:
        self.left = MAX_RECORD

    def __iter__(self) -> Iterator[str]:
        while line := self.file.readline(MAX_RECORD):
            self.left -= len(line)
            if self.left < 0:
                raise _whole("IMP005", limit=MAX_COLUMNS)
            yield line


def _text(data: bytes) -> Iterator[Rows]:
    if data[:4] == b"\xd0\xcf\x11\xe0" or b"\0" in data:
        raise _whole("IMP002")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise _whole("IMP003")
    file = io.TextIOWrapper(io.BytesIO(data), encoding, newline="")
    first = data[:MAX_RECORD].split(b"\n", 1)[0].decode(encoding, "replace")
    separator = max(",\t;|", key=first.count)
    # Where nothing is quoted a line is a row, which is read in a third of the time.
    yield from _quoted(file, separator) if b'"' in data else _unquoted(file, separator)


def _quoted(file: io.TextIOWrapper, separator: str) -> Iterator[Rows]:
    lines, piece = _Lines(file), Rows()
    try:
        for row in csv.reader(iter(lines), delimiter=separator, strict=True):
            lines.row_done()
            if len(row) > MAX_COLUMNS:
                raise _whole("IMP005", limit=MAX_COLUMNS)
            piece.append(row)
            if len(piece) >= PIECE:
                yield piece
                piece = []
    except csv.Error as error:
        raise _whole("IMP002") from error
    yield piece


def _unquoted(file: io.TextIOWrapper, separator: str) -> Iterator[Rows]:
    while lines := list(islice(file, PIECE)):
        # Before they are taken apart: a file of separators alone would fill the memory.
        if len(max(lines, key=len)) > MAX_RECORD or max(line.count(separator) for line in lines) >= MAX_COLUMNS:
            raise _whole("IMP005", limit=MAX_COLUMNS)
        yield [line.rstrip("\r\n").split(separator) for line in lines]


def _plain(heading: str) -> str:
    return unicodedata.normalize("NFKC", heading).strip(BLANKS + "*").casefold()


def _headings(sheet: Sheet, rows: Iterable[list[str]]) -> tuple[int, dict[str, int], list[Problem], dict[str, Problem]]:
    """Which row holds the headings, where each column stands, every fault of the headings, and those of columns that
    cannot be taken (which are placed too).

    Raises `Unreadable` where there are none.
    """
    known = {_plain(name): c.key for c in sheet.columns for name in c.headings()}
    told = {_plain(name) for name in told_headings(sheet.declared)} - known.keys()
    top = list(rows)[:HEADING_WITHIN]
    best = max(range(len(top)), key=lambda i: (sum(_plain(h) in known for h in top[i]), -i), default=None)
    if best is None or not any(_plain(h) in known for h in top[best]):
        raise _whole("IMP010", limit=HEADING_WITHIN)
    placed, strange = dict[str, int](), dict[str, Problem]()
    for place, heading in enumerate(top[best]):
        if not _plain(heading) or _plain(heading) in told:
            continue
        key = known.get(_plain(heading))
        if key is None or key in placed:
            code, column = ("IMP011", "") if key is None else ("IMP013", key)
            strange[f"{STRANGE}{place}"] = Problem(best + 1, column, code, {"heading": heading[:60]})
            placed[f"{STRANGE}{place}"] = place
        else:
            placed[key] = place
    # With record numbers every column may be left out; without, the natural key and what is required may not.
    wanted = {c.key for c in sheet.columns if c.required} | set(sheet.natural_key) if "id" not in placed else set()
    lacking = [Problem(best + 1, c.key, "IMP012") for c in sheet.columns if c.key in wanted and c.key not in placed]
    return best, placed, [*strange.values(), *lacking], strange
