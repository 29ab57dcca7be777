"""A hostile workbook is taken apart by a process of its own, bound in memory and time.

A kilobyte of .xlsx can name a cell in the last row of the last column; the reader then asks for half a
terabyte and takes its process down. So this file is also the program of that process: it knows nothing of
the product, reads the workbook from standard input, and writes rows of texts to standard output.
"""

from __future__ import annotations

import marshal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

MEMORY_LEAST, MEMORY_PER_BYTE, MEMORY_MOST = 768 * 2**20, 60, 6 * 2**30
SECONDS_LEAST, SECONDS_PER_MB = 20, 5
PIECE = 5_000
_AS_IT_IS = 2
"""The marshal format without references between values: they would cost more than they save."""


class Damaged(Exception):
    """The workbook cannot be read, or asked for more memory or time than any honest one of its size."""


def rows(data: bytes) -> Iterator[tuple[int, int, list[list[str]]]]:
    """The first sheet's rows as texts, in pieces, each with the sheet's height and width; raises `Damaged`.

    Rows are counted from the sheet's first, so that their numbers are those a program shows.
    """
    memory = min(MEMORY_LEAST + MEMORY_PER_BYTE * len(data), MEMORY_MOST)
    seconds = SECONDS_LEAST + SECONDS_PER_MB * (len(data) >> 20)
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).resolve()), str(memory), str(seconds)],
            stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        assert child.stdout is not None
        try:
            height, width = marshal.load(child.stdout)  # noqa: S302 - written by the program below
            while piece := marshal.load(child.stdout):  # noqa: S302
                yield height, width, piece
        except (EOFError, ValueError, TypeError) as error:
            raise Damaged("the workbook cannot be read") from error
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


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


def _main() -> None:
    import io
    import resource

    from python_calamine import CalamineWorkbook

    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read())).get_sheet_by_index(0)
    down, right = sheet.start or (0, 0)
    out = sys.stdout.buffer
    height, width = down + sheet.height, right + sheet.width
    marshal.dump((height, width), out, _AS_IT_IS)
    piece: list[list[str]] = []
    # Empty rows above the first full one are given too; empty columns before it are not, and need not be.
    for row in sheet.iter_rows():
        piece.append([v if type(v) is str else _cell(v) for v in row])
        if len(piece) >= PIECE:
            marshal.dump(piece, out, _AS_IT_IS)
            piece = []
    if piece:
        marshal.dump(piece, out, _AS_IT_IS)
    marshal.dump([], out, _AS_IT_IS)


if __name__ == "__main__":
    _main()
