"""Files made to harm cost little and are one clear error; real workbooks by another program are read."""

from __future__ import annotations

import io
import time
import zipfile

import pytest
import xlsxwriter

from anlan.kernel.registers import register_named
from anlan.kernel.sheets import workbook
from anlan.kernel.sheets.problems import Unreadable
from anlan.kernel.sheets.reading import read
from anlan.kernel.sheets.spec import sheet_of

OFFICE = "http://schemas.openxmlformats.org"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{OFFICE}/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{OFFICE}/package/2006/relationships"><Relationship Id="rId1" '
    f'Type="{OFFICE}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{OFFICE}/spreadsheetml/2006/main" '
    f'xmlns:r="{OFFICE}/officeDocument/2006/relationships"><sheets><sheet name="a" sheetId="1" r:id="rId1"/></sheets>'
    "</workbook>",
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{OFFICE}/package/2006/relationships"><Relationship Id="rId1" '
    f'Type="{OFFICE}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def crafted(cells: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in PARTS.items():
            archive.writestr(name, content)
        sheet = f'<worksheet xmlns="{OFFICE}/spreadsheetml/2006/main"><sheetData>{cells}</sheetData></worksheet>'
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return out.getvalue()


def refusal(data: bytes) -> str:
    declared = register_named("enterprises")
    assert declared is not None
    with pytest.raises(Unreadable) as refused:
        read(sheet_of(declared), data)
    (problem,) = refused.value.problems
    return problem.code


@pytest.mark.parametrize("last", ["XFD1048576", "GR1048576", "XFD3"])
def test_one_far_cell_neither_takes_the_process_down_nor_its_memory(last: str) -> None:
    row = last.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    cells = f'<row r="1"><c r="A1"><v>1</v></c></row><row r="{row}"><c r="{last}"><v>1</v></c></row>'
    begun = time.monotonic()
    assert refusal(crafted(cells)) in ("IMP004", "IMP005", "IMP006")
    assert time.monotonic() - begun < workbook.SECONDS_LEAST + 10


def test_a_workbook_that_is_none_inside() -> None:
    assert refusal(crafted("<row><c><v>1</v>")) in ("IMP006", "IMP010")
    assert refusal(crafted("")) == "IMP010"


def test_a_row_of_text_without_end() -> None:
    assert refusal(b"name,credit_code\n" + b"," * 3_000_000) == "IMP005"
    assert refusal(b"name,credit_code\n" + b'"a\n",' * 600_000) == "IMP005"


def test_a_real_workbook_of_thousands_of_rows_keeps_each_rows_number_and_text() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    page = book.add_worksheet()
    page.write_row(1, 2, ["name", "credit_code", "area_code", "staff"])
    for n in range(12_000):
        if n % 1000 != 999:  # some rows are empty
            page.write_row(n + 2, 2, [f"甲厂{n}", f"X{n}", 500112000000, n])
    book.close()
    declared = register_named("enterprises")
    assert declared is not None
    frame = read(sheet_of(declared), out.getvalue()).frame
    assert frame.height == 11_988
    last = frame.row(-1, named=True)
    assert (last["__row__"], last["name"], last["area_code"], last["staff"]) == (
        12_001, "甲厂11998", "500112000000", "11998"
    )  # fmt: skip
