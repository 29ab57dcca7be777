"""How fast enterprises go in and out: the register with everything that costs."""

from __future__ import annotations

import io
import time

import polars as pl

from anlan.kernel.sheets.benchmarks import AREA, as_text, imported
from anlan.site.bench import benchmark

from .codes import make_credit_code

RICH = 20_000


def rich_file() -> pl.DataFrame:
    """Enterprises: check characters, pinyin initials, references, choices, numbers of every kind."""
    trades = ["化工", "机械", "矿业", "运输", "建材", "食品", "电子", "商贸"]
    rows = [
        (
            f"重庆渝北{trades[n % 8]}{trades[n // 8 % 8]}有限公司{n}", make_credit_code("500112", 97_000_000 + n),
            "2610", "road", "operating", AREA, f"龙溪街道{n % 999}号", str(106 + n % 1000 / 1000), "29.5",
            str(n % 3000), f"{n % 10000}.25", "是", "否", f"023-{60_000_000 + n}",
        )
        for n in range(RICH)
    ]  # fmt: skip
    names = (
        "name credit_code gb4754 industry status area_code address lon lat staff revenue above_scale high_hazard phone"
    )
    return pl.DataFrame(rows, schema=names.split(), orient="row")


@benchmark("import of enterprises", unit="rows/s", target=20_000)
def rich_rows() -> float:
    """Enterprises from text with separators, audit on."""
    with imported("enterprises", as_text(rich_file()), RICH) as (_declared, spent):
        return RICH / spent


@benchmark("import of enterprises, xlsx", unit="rows/s", target=10_000)
def rich_workbook() -> float:
    """The same from a workbook."""
    file = io.BytesIO()
    rich_file().write_excel(file)
    with imported("enterprises", file.getvalue(), RICH) as (_declared, spent):
        return RICH / spent


@benchmark("export of enterprises", unit="rows/s", target=100_000)
def export_rows() -> float:
    """Enterprises as text with separators, within the scope."""
    from anlan.kernel.sheets.spec import sheet_of
    from anlan.kernel.sheets.writing import export

    with imported("enterprises", as_text(rich_file()), RICH) as (declared, _spent):
        query = declared.model._default_manager.order_by("name", "pk")
        begun = time.perf_counter()
        lines = sum(piece.count(b"\n") for piece in export(sheet_of(declared), query, "csv"))
        return lines / (time.perf_counter() - begun)
