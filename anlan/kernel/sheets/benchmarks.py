"""How fast plain rows go in: read, checked, compared, written, audited."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl
from django.db import transaction

from anlan.site.bench import benchmark

PLAIN, WARM = 40_000, 1_000
AREA = "500112000000"


def plain_file(number: int = PLAIN) -> bytes:
    """Authorities, a plain register, as text with separators."""
    rows = pl.DataFrame({"n": range(number)}).select(
        pl.format("试验机构{}", "n").alias("name"),
        pl.lit("supervisor").alias("kind"),
        pl.lit("2").alias("tier"),
        pl.lit(AREA).alias("area_code"),
        pl.lit("2013-06-14").alias("valid_from"),
    )
    return as_text(rows)


def as_text(frame: pl.DataFrame) -> bytes:
    """The frame as text with separators."""
    file = io.BytesIO()
    frame.write_csv(file)
    return file.getvalue()


@contextmanager
def imported(register: str, data: bytes, rows: int) -> Iterator[tuple[Any, float]]:
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
    """Authorities from text with separators, audit on; the process has read names before."""
    with imported("authorities", plain_file(WARM), WARM):
        pass
    with imported("authorities", plain_file(), PLAIN) as (_declared, spent):
        return PLAIN / spent
