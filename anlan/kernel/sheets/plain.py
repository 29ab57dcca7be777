"""A table of words and numbers as a sheet: for pages that are no register, so that what is shown can be taken along."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import xlsxwriter

from .writing import PIECE, _name, safe


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]], form: str) -> Iterator[bytes]:
    """`rows` under `headings` as csv or xlsx, in pieces; texts stay texts, numbers numbers."""
    yield from (_csv(headings, rows) if form == "csv" else _xlsx(title, headings, rows))


def _csv(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    # The byte order mark tells spreadsheet programs that this is UTF-8.
    buffer.write("\ufeff")
    writer.writerow(headings)
    for number, row in enumerate(rows, start=1):
        writer.writerow([safe(value or None) if isinstance(value, str) else safe(value) for value in row])
        if number % PIECE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _xlsx(title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as file:
        book = xlsxwriter.Workbook(file, {"constant_memory": True})
        page = book.add_worksheet(_name(title))
        bold = book.add_format({"bold": True})
        page.set_column(0, len(headings) - 1, 18)
        page.freeze_panes(1, 0)
        for place, heading in enumerate(headings):
            page.write_string(0, place, heading, bold)
        for number, row in enumerate(rows, start=1):
            for place, value in enumerate(row):
                if isinstance(value, bool | str):
                    page.write_string(number, place, str(value))
                elif value is not None:
                    page.write_number(number, place, float(value))
        book.close()
        file.seek(0)
        while piece := file.read(2**18):
            yield piece
