"""An official paper as plain data: what it says, nothing of how it looks.

It is written to JSON and read back without loss (`encode`, `decode`), so that what was issued can be made again, byte
for byte, by `pdf.render` and `docx.render`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal

import msgspec

UNKNOWN = "暂无数据"
"""What every paper says where there is no figure."""
LARGEST_SERIAL = 99_999


class BadPaper(ValueError):
    """A paper that cannot be laid out; the text says which part and why."""


class Heading(msgspec.Struct, frozen=True, tag="heading"):
    """A heading of level 1 to 4; its number (一、 （一） 1. （1）) is counted, never written."""

    level: Literal[1, 2, 3, 4]
    text: str


class Paragraph(msgspec.Struct, frozen=True, tag="paragraph"):
    text: str


class Note(msgspec.Struct, frozen=True, tag="note"):
    """A remark in small type below a table or a chart."""

    text: str


class Table(msgspec.Struct, frozen=True, tag="table"):
    """Rows of texts under a head that every page repeats.

    `align` has one letter for each column, l, c or r; `widths` their shares of the width of the text.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str = ""
    widths: tuple[float, ...] = ()


class Series(msgspec.Struct, frozen=True):
    """One line or one kind of column; None where there is no figure."""

    name: str
    values: tuple[float | None, ...]


class Chart(msgspec.Struct, frozen=True, tag="chart"):
    """Columns or a line over time, or a bar for each name. Numbers are shown with so many `places`."""

    kind: Literal["column", "line", "bar"]
    caption: str
    names: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str = ""
    places: int = 0


Block = Heading | Paragraph | Note | Table | Chart


class Number(msgspec.Struct, frozen=True):
    """渝安办〔2013〕5号; without a serial number until it is issued."""

    code: str
    year: int
    serial: int | None = None

    def __str__(self) -> str:
        return f"{self.code}〔{self.year}〕{'　' if self.serial is None else self.serial}号"


class Annex(msgspec.Struct, frozen=True):
    title: str
    blocks: tuple[Block, ...]


class Imprint(msgspec.Struct, frozen=True):
    """The end: who gets copies, who printed it and when."""

    copies: tuple[str, ...] = ()
    printer: str = ""
    printed_on: date | None = None


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """`mark` is the red head: the authority's name, with 文件 where `document`. `signer` (签发人) makes it up-going.

    `seal`: a place is left for it. `secrecy` is written like 秘密★1年, `urgency` is 特急 or 加急.
    """

    title: str
    issuer: str
    blocks: tuple[Block, ...]
    mark: str = ""
    document: bool = True
    number: Number | None = None
    signer: str = ""
    copy_number: int | None = None
    secrecy: str = ""
    urgency: str = ""
    addressee: str = ""
    annexes: tuple[Annex, ...] = ()
    signed_on: date | None = None
    seal: bool = True
    imprint: Imprint | None = None

    def check(self) -> None:
        """Raises `BadPaper` where something does not fit."""
        if not self.title.strip():
            raise BadPaper("title: it is empty")
        if not self.issuer.strip():
            raise BadPaper("issuer: it is empty")
        if self.copy_number is not None and not 0 < self.copy_number < 10**6:
            raise BadPaper(f"copy_number: {self.copy_number} is not of six digits")
        serial = None if self.number is None else self.number.serial
        if serial is not None and not 0 < serial <= LARGEST_SERIAL:
            raise BadPaper(f"number: {serial} is no serial number")
        for n, block in enumerate(self.blocks, 1):
            _check(block, f"block {n}")
        for a, annex in enumerate(self.annexes, 1):
            for n, block in enumerate(annex.blocks, 1):
                _check(block, f"annex {a}, block {n}")


def _check(block: Block, place: str) -> None:
    if isinstance(block, Table):
        columns = len(block.head)
        if not columns:
            raise BadPaper(f"{place}: the table {block.caption!r} has no columns")
        for n, row in enumerate(block.rows, 1):
            if len(row) != columns:
                raise BadPaper(f"{place}: row {n} of {block.caption!r} has {len(row)} cells, the head {columns}")
        if block.align and (len(block.align) != columns or set(block.align) - set("lcr")):
            raise BadPaper(f"{place}: align is {columns} letters, each l, c or r, not {block.align!r}")
        if block.widths and (len(block.widths) != columns or min(block.widths) <= 0):
            raise BadPaper(f"{place}: widths are {columns} numbers above zero")
    elif isinstance(block, Chart):
        if not block.names or not block.series:
            raise BadPaper(f"{place}: the chart {block.caption!r} shows nothing")
        if len(block.series) > 4:
            raise BadPaper(f"{place}: the chart {block.caption!r} has more than four series, which print alike")
        for one in block.series:
            if len(one.values) != len(block.names):
                raise BadPaper(f"{place}: {one.name!r} has {len(one.values)} values for {len(block.names)} names")
            if any(value is not None and not -1e12 < value < 1e12 for value in one.values):
                raise BadPaper(f"{place}: {one.name!r} has a value that no chart can show")


def encode(paper: Paper) -> bytes:
    """The paper as JSON, always the same bytes for the same paper, whether a number came as 2 or as 2.0."""
    return msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(paper), type=Paper))


def decode(data: bytes | str) -> Paper:
    """Reads what `encode` wrote. Raises `BadPaper`."""
    try:
        made = msgspec.json.decode(data, type=Paper)
    except msgspec.DecodeError as error:
        raise BadPaper(str(error)) from None
    made.check()
    return made


def digest(paper: Paper) -> str:
    """SHA-256 of the paper's JSON."""
    return hashlib.sha256(encode(paper)).hexdigest()


_DIGITS = "零一二三四五六七八九"


def chinese(n: int) -> str:
    """1 to 999 as headings count: 一, 十, 十一, 二十, 一百零一; what is more in figures."""
    if n > 999:
        return str(n)
    hundreds, rest = divmod(n, 100)
    tens, ones = divmod(rest, 10)
    begin = f"{_DIGITS[hundreds]}百" if hundreds else ""
    if hundreds and rest and not tens:
        begin += "零"
    ten = f"{_DIGITS[tens] if tens > 1 or hundreds else ''}十" if tens else ""
    return begin + ten + (_DIGITS[ones] if ones else "")


def numbered(blocks: Sequence[Block]) -> Iterator[tuple[Block, str]]:
    """Each block with its number: 一、 for a heading, 表1 for a table, 图1 for a chart, "" for the others."""
    counts = [0, 0, 0, 0]
    tables = charts = 0
    for block in blocks:
        mark = ""
        if isinstance(block, Heading):
            level = block.level
            counts[level - 1] += 1
            counts[level:] = [0] * (4 - level)
            n = counts[level - 1]
            mark = (f"{chinese(n)}、", f"（{chinese(n)}）", f"{n}.", f"（{n}）")[level - 1]
        elif isinstance(block, Table):
            tables += 1
            mark = f"表{tables}"
        elif isinstance(block, Chart):
            charts += 1
            mark = f"图{charts}"
        yield block, mark


def closes(last: Paragraph) -> bool:
    """Whether a last paragraph is short enough to stay with the signature, which is not to stand on a page alone."""
    return len(last.text) <= 100


def day(of: date) -> str:
    """2013年6月5日."""
    return f"{of.year}年{of.month}月{of.day}日"
