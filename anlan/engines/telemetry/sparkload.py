"""How many readings a second the Spark runner takes: files land, batches of two million are followed.

    python -m anlan.engines.telemetry.sparkload [--at-once]

A master and two workers of one core, a hundred thousand devices, four rules (hold with hysteresis, cut-off with its own
end, stuck, rate), state and events on disk with each batch. Steady state is the median after the first three batches.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..clusters import cluster
from . import rules, spark

DEVICES, FILE, FILES, BATCHES, WARM = 100_000, 1_000_000, 2, 9, 3
_BEGIN, _STEP = 1_371_182_400_000, 10_000
_RULES = b"""
late: 1min
rules:
  - {name: hold, kind: level, metric: ch4, hold: 30s, source: x,
     levels: [{level: orange, at_least: 1.0, until: {less_than: 0.8}}]}
  - {name: cut-off, kind: level, metric: ch4, source: x, levels: [{level: red, at_least: 1.5, until: {less_than: 1.0}}]}
  - {name: stuck, kind: stuck, metric: ch4, level: blue, for: 10min, tolerance: 0.0001, source: x}
  - {name: rate, kind: rate, metric: ch4, per: 1min, over: 1min, source: x, levels: [{level: yellow, more_than: 0.8}]}
"""


def land(folder: Path, number: int) -> None:
    """A file of readings as a gateway's archive leaves them; one device in two thousand has a build-up of gas."""
    rng = np.random.default_rng(number)
    step = np.repeat(np.arange(FILE // DEVICES), DEVICES) + number * (FILE // DEVICES)
    device = np.tile(np.arange(DEVICES, dtype=np.int32), FILE // DEVICES)
    value = 0.4 + rng.normal(0, 0.02, FILE)
    value += np.where(device % 2_000 == 0, 1.3 * np.clip(np.sin(step / 9 + device), 0, None), 0.0)
    names = pa.array([f"sensor-{n:06d}" for n in range(DEVICES)])
    table = pa.table({
        "device": pa.DictionaryArray.from_arrays(device, names),
        "metric": pa.DictionaryArray.from_arrays(np.zeros(FILE, np.int8), ["ch4"]),
        "ts": _BEGIN + step * _STEP + rng.integers(0, _STEP, FILE), "value": value,
    })  # fmt: skip
    pq.write_table(table, folder / f"{number:06d}.parquet", compression="zstd", row_group_size=FILE)
    os.utime(folder / f"{number:06d}.parquet", (1_400_000_000 + number, 1_400_000_000 + number))


def measured(at_once: bool = False) -> Mapping[str, float]:
    """Readings a second; seconds of a batch, of processor and of wall; events of a batch. Raises `NoSpark`."""
    with TemporaryDirectory(prefix="anlan-sparkload-") as name, cluster(workers=2, cores=1) as master:
        folder, place = Path(name) / "in", Path(name) / "place"
        folder.mkdir()
        for number in range(FILES * BATCHES):
            land(folder, number)
        moments: list[tuple[float, float, int]] = []

        def told(batch: spark.Batch) -> None:
            moments.append((time.perf_counter(), _processor(), batch.events))

        spark.follow(
            folder, rules.parse(_RULES), place, master=master, shards=8, files=FILES, at_once=at_once, told=told
        )
        pairs = list(zip(moments[WARM - 1 :], moments[WARM:], strict=False))
        wall = median(after[0] - before[0] for before, after in pairs)
        return {
            "readings/s": FILES * FILE / wall,
            "s of a batch": wall,
            "processor s of a batch": median(after[1] - before[1] for before, after in pairs),
            "events of a batch": median(after[2] for _before, after in pairs),
            "state MB": sum(path.stat().st_size for path in _last(place).iterdir()) / 1e6,
        }


def _last(place: Path) -> Path:
    return max((place / "state").iterdir())


def _processor() -> float:
    """Processor time that this process and all that it started have used, in seconds."""
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended meanwhile
        pid = int(stat.parent.name)
        parents[pid], spent[pid] = int(fields[1]), sum(map(int, fields[11:15]))
    own = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in own} - own:
        own |= more
    return sum(spent.get(pid, 0) for pid in own) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    for name, value in measured("--at-once" in sys.argv).items():
        print(f"{name:<24}{value:>14,.2f}")
