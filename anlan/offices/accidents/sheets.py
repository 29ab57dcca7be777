"""The national form and the register of accidents as spreadsheets, from the declaration of the printed form."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import xlsxwriter
from django.utils import translation

from anlan.kernel.clock import BEIJING
from anlan.kernel.sheets.plain import table

from . import draft
from .models import Accident

PIECE = 1000


def form(accident: Accident, made_at: datetime) -> bytes:
    """The reporting form of one accident as a sheet of A4, to be printed, signed and sent."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    page = book.add_worksheet("报告表")
    head = book.add_format({"bold": True, "font_size": 16, "align": "center"})
    title = book.add_format({"bold": True, "border": 1, "text_wrap": True, "valign": "vcenter"})
    text = book.add_format({"border": 1, "text_wrap": True, "valign": "vcenter", "align": "left"})
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.set_column(0, 0, 26)
    page.set_column(1, 1, 64)
    page.merge_range(0, 0, 0, 1, draft.TITLE, head)
    page.write_string(1, 0, f"第{accident.reports_no}次报告")
    page.write_string(1, 1, f"编号：{accident.number}　制表时间：{made_at.astimezone(BEIJING):%Y年%-m月%-d日 %H:%M}")
    row = 2
    for row, (name, value) in enumerate(draft.form(accident), start=2):
        page.write_string(row, 0, name, title)
        if isinstance(value, int | Decimal):
            page.write_number(row, 1, float(value), text)
        else:
            page.write_string(row, 1, value, text)
            # Spreadsheet programs do not grow rows of files that they did not write.
            page.set_row(row, 15 * max(len(name) // 12, sum(len(part) // 30 + 1 for part in value.split("\n"))) + 3)
    page.write_string(row + 2, 0, draft.SIGNED[0])
    page.write_string(row + 2, 1, "　　　　".join(draft.SIGNED[1:]))
    page.write_string(row + 3, 0, draft.basis(accident))
    book.close()
    return file.getvalue()


def register(accidents: Iterable[Accident]) -> Iterator[bytes]:
    """One row for each accident, and the sum of those that count; in pieces, however many there are."""
    headings = ("事故编号", "事故类别", "事故等级", "计入统计", *(line.title for line in draft.FORM))
    with translation.override("zh-hans"):
        yield from table("生产安全事故统计台账", headings, _rows(accidents), "xlsx")


def _rows(accidents: Iterable[Accident]) -> Iterator[list[Any]]:
    number, sums = 0, [Decimal(0)] * len(draft.FIGURES)
    rows = iter(accidents)
    while piece := list(islice(rows, PIECE)):
        for accident, place in zip(piece, draft.places(piece), strict=True):
            counts = accident.in_figures
            figures = [line.tell(accident, place) for line in draft.FIGURES]
            if counts:
                number += 1
                sums = [total + (figure or 0) for total, figure in zip(sums, figures, strict=True)]
            yield [accident.number, accident.category.name, accident.get_grade_display(), "是" if counts else "否",
                   *(line.tell(accident, place) for line in draft.ARTICLE_12), *figures]  # fmt: skip
    yield ["合计（计入统计）", f"{number}起", "", "", *([""] * len(draft.ARTICLE_12)), *sums]
