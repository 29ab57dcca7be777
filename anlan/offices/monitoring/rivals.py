"""What others do with the same file and the same four rules: a plain loop, Polars, DuckDB, Bytewax.

Each takes a Parquet file of regular readings (one metric, `PERIOD` between two of a device, no late ones, as none of
them puts those in their place) and gives the same events, as (ts, device, rule, state). Polars and DuckDB go by batches
of some minutes and carry the last readings of each device along, as one does with windows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

PERIOD, HOLD, FOR, SPAN, SAMPLES = 10_000, 20_000, 100_000, 110_000, 12
HIGH, HIGH_UNTIL, CUT, CUT_UNTIL, RATE = 1.0, 0.9, 1.4, 1.0, 0.2
RULES = f"""
late: 2min
rules:
  - {{name: high, kind: level, metric: ch4, source: x, hold: 20s,
     levels: [{{level: orange, at_least: {HIGH}, until: {{less_than: {HIGH_UNTIL}}}}}]}}
  - {{name: cut, kind: level, metric: ch4, source: x,
     levels: [{{level: red, at_least: {CUT}, until: {{less_than: {CUT_UNTIL}}}}}]}}
  - {{name: rate, kind: rate, metric: ch4, source: x, per: 1min, over: 110s,
     levels: [{{level: yellow, more_than: {RATE}}}]}}
  - {{name: stuck, kind: stuck, metric: ch4, source: x, level: blue, for: 100s}}
"""
"""The span of the rate holds twelve readings, so that each is a sample."""
BATCH = 1_000_000
Told = set[tuple[int, str, str, str]]


class One:
    """One device in a plain loop: `tell` gives the events of a reading, as rule and state."""

    def __init__(self) -> None:
        self.high_since: int | None = None
        self.open = {"high": False, "cut": False, "rate": False, "stuck": False}
        self.same: tuple[float, int] | None = None
        self.last: deque[tuple[int, float]] = deque(maxlen=SAMPLES)

    def tell(self, ts: int, value: float) -> list[tuple[str, str]]:
        if value < HIGH:
            self.high_since = None
        elif self.high_since is None:
            self.high_since = ts
        if self.same is None or value != self.same[0]:
            self.same = (value, ts)
        self.last.append((ts, value))
        then, past = self.last[0]
        rate = (value - past) / (ts - then) * 60_000 if 2 * (ts - then) >= SPAN else None
        says = (
            ("high", self.high_since is not None and ts - self.high_since >= HOLD, value < HIGH_UNTIL),
            ("cut", value >= CUT, value < CUT_UNTIL),
            ("rate", rate is not None and rate > RATE, rate is not None and rate <= RATE),
            ("stuck", ts - self.same[1] >= FOR, ts - self.same[1] < FOR),
        )
        found = []
        for rule, begins, ends in says:
            if begins and not self.open[rule]:
                self.open[rule] = True
                found.append((rule, "open"))
            elif ends and self.open[rule]:
                self.open[rule] = False
                found.append((rule, "clear"))
        return found


def plain(path: Path) -> Told:
    """A plain Python loop, a device an object."""
    ones: dict[str, One] = {}
    told: Told = set()
    for batch in pq.ParquetFile(path).iter_batches(1 << 16, columns=["device", "ts", "value"]):
        columns = (batch.column(name).to_pylist() for name in ("device", "ts", "value"))
        for device, ts, value in zip(*columns, strict=True):
            one = ones.get(device)
            if one is None:
                one = ones[device] = One()
            told.update((ts, device, rule, state) for rule, state in one.tell(ts, value))
    return told


def bytewax(path: Path) -> Told:
    """A dataflow of Bytewax, keyed by device. Raises `ImportError` where it does not install."""
    import bytewax.operators as op
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSink, TestingSource, run_main

    def rows() -> Iterator[tuple[str, tuple[int, float]]]:
        for batch in pq.ParquetFile(path).iter_batches(1 << 16, columns=["device", "ts", "value"]):
            device, ts, value = (batch.column(name).to_pylist() for name in ("device", "ts", "value"))
            yield from zip(device, zip(ts, value, strict=True), strict=True)

    def look(one: One | None, reading: tuple[int, float]) -> tuple[One, list[tuple[int, str, str]]]:
        one = one or One()
        return one, [(reading[0], rule, state) for rule, state in one.tell(*reading)]

    found: list[Any] = []
    flow = Dataflow("rules")
    read = op.input("read", flow, TestingSource(rows(), batch_size=10_000))
    op.output("told", op.stateful_map("look", read, look), TestingSink(found))
    run_main(flow)
    return {(ts, device, rule, state) for device, events in found for ts, rule, state in events}


_NAMES = ("high", "cut", "rate", "stuck")
_CARRIED = ["device", "ts", "value", *(f"was_{name}" for name in _NAMES)]


def in_polars(path: Path) -> Told:
    """Micro-batches in Polars: windows over each device, behind its last twelve readings."""
    device, ts, value = pl.col("device"), pl.col("ts"), pl.col("value")

    def since(begins: pl.Expr) -> pl.Expr:
        """When the stretch began in which a reading stands, of those that begin where `begins` holds."""
        return pl.when(begins).then(ts).forward_fill().over("device")

    told: Told = set()
    carried: pl.DataFrame | None = None
    for part in _parts(path):
        new = part.with_columns(*(pl.lit(None, pl.Boolean).alias(f"was_{name}") for name in _NAMES), new=pl.lit(True))
        whole = new
        if carried is not None:
            whole = pl.concat([carried.with_columns(new=pl.lit(False)), new])
        place = pl.int_range(pl.len()).over("device")
        past, then = value.shift(SAMPLES - 1).over("device"), ts.shift(SAMPLES - 1).over("device")
        past = pl.when(place < SAMPLES - 1).then(value.first().over("device")).otherwise(past)
        then = pl.when(place < SAMPLES - 1).then(ts.first().over("device")).otherwise(then)
        rate = pl.when(2 * (ts - then) >= SPAN).then((value - past) / (ts - then) * 60_000)
        before = value.shift(1).over("device")
        whole = whole.with_columns(
            rate=rate,
            same=ts - since(before.is_null() | (before != value)),
            over=ts - since((value >= HIGH) & (before.is_null() | (before < HIGH))),
        )
        says = {
            "high": ((value >= HIGH) & (pl.col("over") >= HOLD), value < HIGH_UNTIL),
            "cut": (value >= CUT, value < CUT_UNTIL),
            "rate": (pl.col("rate") > RATE, pl.col("rate") <= RATE),
            "stuck": (pl.col("same") >= FOR, pl.col("same") < FOR),
        }
        # Of readings that were looked at before it is known what was open then; of the others the signals say it.
        whole = whole.with_columns(
            pl.when(pl.col("new")).then(pl.when(on).then(True).when(off).then(False)).otherwise(pl.col(f"was_{name}"))
            .forward_fill().over("device").fill_null(False).alias(f"was_{name}")
            for name, (on, off) in says.items()
        )  # fmt: skip
        for name in _NAMES:
            is_open = pl.col(f"was_{name}")
            turned = whole.filter(pl.col("new") & (is_open != is_open.shift(1).over("device").fill_null(False)))
            told.update(
                (at, which, name, "open" if opened else "clear")
                for at, which, opened in turned.select(ts, device, is_open).iter_rows()
            )
        carried = whole.filter(pl.int_range(pl.len(), 0, -1).over("device") <= SAMPLES).select(_CARRIED)
    return told


def in_duckdb(path: Path) -> Told:
    """The same in SQL of DuckDB."""
    import duckdb

    says = {
        "high": (f"value >= {HIGH} AND ts - over_since >= {HOLD}", f"value < {HIGH_UNTIL}"),
        "cut": (f"value >= {CUT}", f"value < {CUT_UNTIL}"),
        "rate": (f"rate > {RATE}", f"rate <= {RATE}"),
        "stuck": (f"ts - same_since >= {FOR}", f"ts - same_since < {FOR}"),
    }
    signals = ", ".join(
        f"CASE WHEN NOT new THEN was_{n} WHEN {on} THEN true WHEN {off} THEN false END AS signal_{n}"
        for n, (on, off) in says.items()
    )
    states = ", ".join(f"coalesce(last_value(signal_{n} IGNORE NULLS) OVER w, false) AS was_{n}" for n in _NAMES)
    befores = ", ".join(f"coalesce(lag(was_{n}) OVER w, false) AS before_{n}" for n in _NAMES)
    back = SAMPLES - 1
    query = f"""
        CREATE OR REPLACE TABLE looked AS
        WITH known AS (
            SELECT *, lag(value) OVER w AS before,
                coalesce(lag(value, {back}) OVER w, first_value(value) OVER w) AS past,
                coalesce(lag(ts, {back}) OVER w, first_value(ts) OVER w) AS since, row_number() OVER v AS from_end
            FROM (SELECT *, true AS new FROM part UNION ALL BY NAME SELECT *, false AS new FROM carried)
            WINDOW w AS (PARTITION BY device ORDER BY ts), v AS (PARTITION BY device ORDER BY ts DESC)
        ), begun AS (
            SELECT *, CASE WHEN 2 * (ts - since) >= {SPAN} THEN (value - past) / (ts - since) * 60000 END AS rate,
                last_value(CASE WHEN before IS NULL OR before <> value THEN ts END IGNORE NULLS) OVER w AS same_since,
                last_value(CASE WHEN value >= {HIGH} AND (before IS NULL OR before < {HIGH}) THEN ts END IGNORE NULLS)
                    OVER w AS over_since
            FROM known WINDOW w AS (PARTITION BY device ORDER BY ts)
        ), said AS (SELECT device, ts, value, new, from_end, {signals} FROM begun),
        standing AS (
            SELECT device, ts, value, new, from_end, {states} FROM said
            WINDOW w AS (PARTITION BY device ORDER BY ts)
        )
        SELECT *, {befores} FROM standing WINDOW w AS (PARTITION BY device ORDER BY ts)
    """
    told: Told = set()
    with duckdb.connect() as db:
        none = ", ".join(f"NULL::BOOLEAN AS was_{n}" for n in _NAMES)
        db.execute(f"CREATE TABLE carried AS SELECT NULL::VARCHAR AS device, 0::BIGINT AS ts, 0.0::DOUBLE AS value, "
                   f"{none} LIMIT 0")  # fmt: skip
        for frame in _parts(path):
            db.register("part", frame.to_arrow())
            db.execute(query)
            for name in _NAMES:
                db.execute(f"SELECT ts, device, was_{name} FROM looked WHERE new AND was_{name} <> before_{name}")
                told.update((ts, device, name, "open" if is_open else "clear") for ts, device, is_open in db.fetchall())
            db.execute(f"CREATE OR REPLACE TABLE carried AS SELECT {', '.join(_CARRIED)} FROM looked "
                       f"WHERE from_end <= {SAMPLES}")  # fmt: skip
            db.unregister("part")
    return told


def _parts(path: Path) -> Iterator[pl.DataFrame]:
    for batch in pq.ParquetFile(path).iter_batches(BATCH, columns=["device", "ts", "value"]):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        yield frame


RIVALS: dict[str, tuple[Callable[[Path], Told], int]] = {
    "Polars": (in_polars, 1), "DuckDB": (in_duckdb, 1), "plain loop": (plain, 4), "Bytewax": (bytewax, 40),
}  # fmt: skip
"""Who, and which part of the devices it gets: the slow ones fewer, so that somebody waits for the end."""
