"""How fast plain rows are imported: read, checked, staged, written, audited."""

from __future__ import annotations

import io
import time

import polars as pl
from django.db import transaction

from anlan.site.bench import benchmark

ROWS = 40_000


@benchmark("import of plain rows", unit="rows/s", target=20_000)
def plain_rows() -> float:
    """Authorities (a plain register) from text with separators, audit on, then rolled back."""
    from ..registers.declaration import register_named
    from ..scope import EVERYWHERE, Actor, acting
    from .applying import import_file

    declared = register_named("authorities")
    assert declared is not None
    file = io.BytesIO()
    pl.DataFrame({"n": range(ROWS)}).select(
        pl.format("试验机构{}", "n").alias("name"),
        pl.lit("supervisor").alias("kind"),
        pl.lit("2").alias("tier"),
        pl.lit("500112000000").alias("area_code"),
        pl.lit("2013-06-14").alias("valid_from"),
    ).write_csv(file)
    with acting(Actor("command", "anlan bench"), EVERYWHERE):
        begun = time.perf_counter()
        outcome = import_file(declared, file.getvalue())
        spent = time.perf_counter() - begun
        if outcome.added != ROWS:
            raise RuntimeError(f"{outcome.added} rows were added: {[p.code for p in outcome.problems[:3]]}")
        transaction.set_rollback(True)
    return ROWS / spent
