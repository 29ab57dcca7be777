"""How fast rows go in and out: read, checked, compared, written, audited; and exported."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl
from django.db import transaction

from anlan.site.bench import benchmark

PLAIN, RICH = 40_000, 20_000
AREA = "500112000000"


def plain_file() -> bytes:
    """Authorities, a plain register, as text with separators."""
    rows = pl.DataFrame({"n": range(PLAIN)}).select(
        pl.format("试验机构{}", "n").alias("name"),
        pl.lit("supervisor").alias("kind"),
        pl.lit("2").alias("tier"),
        pl.lit(AREA).alias("area_code"),
        pl.lit("2013-06-14").alias("valid_from"),
    )
    return _text(rows)


def rich_file() -> pl.DataFrame:
    """Enterprises: check characters, pinyin initials, references, choices, numbers of every kind."""
    from anlan.parties.codes import make_credit_code

    trades = ["化工", "机械", "矿业", "运输", "建材", "食品", "电子", "商贸"]
    rows = [
        (
            f"重庆渝北{trades[n % 8]}{trades[n // 8 % 8]}有限公司{n}", make_credit_code("500112", 70_000_000 + n),
            "2610", "road", "operating", AREA, f"龙溪街道{n % 999}号", str(106 + n % 1000 / 1000), "29.5",
            str(n % 3000), f"{n % 10000}.25", "是", "否", f"023-{60_000_000 + n}",
        )
        for n in range(RICH)
    ]  # fmt: skip
    names = (
        "name credit_code gb4754 industry status area_code address lon lat staff revenue above_scale high_hazard phone"
    )
    return pl.DataFrame(rows, schema=names.split(), orient="row")


def _text(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_csv(file)
    return file.getvalue()


@contextmanager
def _imported(register: str, data: bytes, rows: int) -> Iterator[tuple[Any, float]]:
    """The register after the import and the seconds that took; rolled back in the end."""
    from ..registers.declaration import register_named
    from ..scope import EVERYWHERE, Actor, acting
    from .applying import import_file

    declared = register_named(register)
    assert declared is not None
    with acting(Actor("command", "anlan bench"), EVERYWHERE):
        begun = time.perf_counter()
        outcome = import_file(declared, data)
        spent = time.perf_counter() - begun
        if outcome.added != rows:
            raise RuntimeError(f"{outcome.added} rows were added: {[p.code for p in outcome.problems[:3]]}")
        yield declared, spent
        transaction.set_rollback(True)


@benchmark("import of plain rows", unit="rows/s", target=20_000)
def plain_rows() -> float:
    """Authorities from text with separators, audit on."""
    with _imported("authorities", plain_file(), PLAIN) as (_declared, spent):
        return PLAIN / spent


@benchmark("import of enterprises", unit="rows/s", target=20_000)
def rich_rows() -> float:
    """Enterprises from text with separators, audit on."""
    with _imported("enterprises", _text(rich_file()), RICH) as (_declared, spent):
        return RICH / spent


@benchmark("import of enterprises, xlsx", unit="rows/s", target=10_000)
def rich_workbook() -> float:
    """The same from a workbook."""
    file = io.BytesIO()
    rich_file().write_excel(file)
    with _imported("enterprises", file.getvalue(), RICH) as (_declared, spent):
        return RICH / spent


@benchmark("export of enterprises", unit="rows/s", target=100_000)
def export_rows() -> float:
    """Enterprises as text with separators, within the scope."""
    from .spec import sheet_of
    from .writing import export

    with _imported("enterprises", _text(rich_file()), RICH) as (declared, _spent):
        query = declared.model._default_manager.order_by("name", "pk")
        begun = time.perf_counter()
        lines = sum(piece.count(b"\n") for piece in export(sheet_of(declared), query, "csv"))
        return lines / (time.perf_counter() - begun)
