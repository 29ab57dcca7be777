"""Readings for years: Parquet by day and metric, readable by every engine.

    day=2013-06-14/metric=ch4/<name>.parquet          columns device, ts (milliseconds), value

Days are Beijing's. A file is named after what it was made from, so that made twice it is there once; whole or not at
all. Readers take each (device, moment) once, with its larger value, as the stream does: that files overlap while they
are joined, or after a crash, is seen by nobody.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from . import journal
from .protocols.payload import METRIC
from .writing import keep

P = ParamSpec("P")
R = TypeVar("R")
BEIJING = timezone(timedelta(hours=8))
_DAY, _HOUR = 86_400_000, 3_600_000
_SHIFT = 8 * 3_600_000
_COLUMNS = ["device", "ts", "value"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where readings were put into the history: a day and metric, from the first to the last moment (milliseconds)."""

    day: date
    metric: str
    first: int
    last: int


def archive(
    folder: Path, history: Path, tail: journal.Tail | None = None, told: Callable[[list[Stretch]], Any] | None = None
) -> int:
    """Moves finished files of a journal into the history; returns how many readings. Raises `OSError`.

    A file that `tail` has not read to its end stays. Each is removed only when its readings stand in the history, and
    `told` was told of it, so that a crash in between leaves it to be moved again, into files of the same names.
    """
    moved = 0
    for path in journal.finished(folder):
        if tail is not None and tail.behind(path):
            continue
        table = journal.whole(path)
        moved += table.num_rows
        stretches = []
        for day, metric, part in _parts(table):
            keep_part(history, day, metric, path.name.removesuffix(journal.SUFFIX), part)
            ends = pc.min_max(part["ts"]).as_py()
            stretches.append(Stretch(day, metric, ends["min"], ends["max"]))
        if told is not None:
            told(stretches)
        path.unlink()
    return moved


def _parts(table: Any) -> Iterator[tuple[date, str, Any]]:
    """The readings by day and metric; a metric that can be no name of a folder is none that a rule or page asks for."""
    if not table.num_rows:
        return
    days = (table["ts"].to_numpy() + _SHIFT) // _DAY
    metrics = table["metric"].combine_chunks().dictionary_encode()
    if isinstance(metrics, pa.ChunkedArray):
        metrics = metrics.combine_chunks()
    codes = metrics.indices.to_numpy(zero_copy_only=False)
    order = np.lexsort((table["ts"].to_numpy(), codes, days))
    keys = days[order] * len(metrics.dictionary) + codes[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    plain = table.select(_COLUMNS)
    for begin, end in zip(starts, [*starts[1:], len(order)], strict=True):
        rows = order[begin:end]
        name = metrics.dictionary[int(codes[rows[0]])].as_py()
        day = date(1970, 1, 1) + timedelta(days=int(days[rows[0]]))
        if METRIC.fullmatch(name) and 1970 <= day.year < 2100:
            yield day, name, plain.take(rows)


def keep_part(history: Path, day: date, metric: str, name: str, table: Any) -> Path:
    """Puts readings of one day and metric into the history, on disk when this returns."""
    folder = history / f"day={day}" / f"metric={metric}"
    folder.mkdir(parents=True, exist_ok=True)
    held = io.BytesIO()
    ordered = table.take(pc.sort_indices(table, [("device", "ascending"), ("ts", "ascending")]))
    pq.write_table(ordered, held, compression="zstd", use_dictionary=["device"], row_group_size=1 << 17)
    path = folder / f"{name}.parquet"
    keep(path, held.getvalue())
    return path


def compact(history: Path, before: date, least: int = 2) -> int:
    """Joins the files of each day before `before` and metric into one; returns how many were joined."""
    joined = 0
    for folder in sorted(history.glob("day=*/metric=*")):
        if date.fromisoformat(folder.parent.name.removeprefix("day=")) >= before:
            continue
        parts = sorted(folder.glob("*.parquet"))
        if len(parts) < least and not (parts and not parts[0].name.startswith(_JOINED)):
            continue  # nothing to join, and each moment stands there once already
        with _asked() as db:
            table = db.execute(
                "SELECT device, ts, max(value) AS value FROM read_parquet(?) GROUP BY device, ts",
                [[str(path) for path in parts]],
            ).to_arrow_table()
        made = keep_part(history, date.fromisoformat(folder.parent.name[4:]), folder.name[7:], _joined(parts), table)
        for path in parts:
            if path != made:
                path.unlink()
        joined += len(parts)
    return joined


def _joined(parts: Sequence[Path]) -> str:
    """The name of what was made of some files: made twice it is there once."""
    return _JOINED + hashlib.sha256("".join(path.name for path in parts).encode()).hexdigest()[:24]


def retain(history: Path, today: date, days: Mapping[str, int], otherwise: int) -> int:
    """Removes readings that are older than they are kept; returns how many days were changed.

    `days` says of devices for how many days theirs are kept, `otherwise` of all others. A day that has been gone
    through for an age has a mark of it, and is gone through again when it reaches the next.
    """
    ages, changed = sorted({*days.values(), otherwise}), 0
    for folder in sorted(history.glob("day=*")):
        age = (today - date.fromisoformat(folder.name.removeprefix("day="))).days
        passed = max((limit for limit in ages if limit < age), default=None)
        if passed is None or (mark := folder / f".kept-{passed}").exists():
            continue
        named = pa.table({"device": list(days), "gone": [limit < age for limit in days.values()]})
        for part in sorted(folder.glob("metric=*")):
            _without(part, named, otherwise < age)
        if any(folder.glob("metric=*")):
            mark.touch()
        else:
            for left in folder.iterdir():
                left.unlink()
            folder.rmdir()
        changed += 1
    return changed


def _without(folder: Path, named: Any, others_gone: bool) -> None:
    """Writes a day's readings of one metric anew without those of the devices that are gone."""
    parts = sorted(folder.glob("*.parquet"))
    with _asked() as db:
        db.register("named", named)
        table = db.execute(
            "SELECT r.device, r.ts, max(r.value) AS value FROM read_parquet($files) r "
            "LEFT JOIN named n ON n.device = r.device WHERE NOT coalesce(n.gone, $others) GROUP BY r.device, r.ts",
            {"files": [str(path) for path in parts], "others": others_gone},
        ).to_arrow_table()
    if table.num_rows:
        day = date.fromisoformat(folder.parent.name.removeprefix("day="))
        made = keep_part(folder.parent.parent, day, folder.name[7:], _joined(parts), table)
        parts = [path for path in parts if path != made]
    for path in parts:
        path.unlink()
    if not table.num_rows:
        folder.rmdir()


def hours(history: Path, stretch: Stretch) -> Any:
    """What each device measured in each hour that the stretch touches, from all that is known of it.

    Columns `device`, `hour` (its beginning, milliseconds), `count`, `low`, `high`, `mean`, `last`.
    """
    files = sorted(
        str(path) for path in (history / f"day={stretch.day}" / f"metric={stretch.metric}").glob("*.parquet")
    )
    begin, end = stretch.first // _HOUR * _HOUR, (stretch.last // _HOUR + 1) * _HOUR
    with _asked() as db:
        return db.execute(
            """
            WITH once AS (
                SELECT device, ts, max(value) AS value FROM read_parquet($files)
                WHERE ts >= $begin AND ts < $end GROUP BY device, ts
            )
            SELECT device, ts // $hour * $hour AS hour, count(*) AS count, min(value) AS low, max(value) AS high,
                   avg(value) AS mean, max_by(value, ts) AS last
            FROM once GROUP BY ALL ORDER BY device, hour
            """,
            {"files": files, "begin": begin, "end": end, "hour": _HOUR},
        ).to_arrow_table()


def _listed_anew(read: Callable[P, R]) -> Callable[P, R]:
    """Files that were joined or let go after they were listed, and before they were read, are listed once more."""

    @wraps(read)
    def reading(*args: P.args, **more: P.kwargs) -> R:
        for _try in range(_TRIES):
            with suppress(duckdb.IOException):
                return read(*args, **more)
        return read(*args, **more)

    return reading


@_listed_anew
def curve(
    history: Path, device: str, metric: str, begin: int, end: int, points: int = 800, fresh: Any = None
) -> Any:  # fmt: skip
    """A device's readings in a stretch of time (milliseconds), for a line of at most so many points.

    Columns `ts`, `low`, `high`, `last`, `count`, in order of time. In each step of time the lowest and the highest
    reading stand, so that no peak is lost however long the stretch; where there are fewer readings than points each
    stands for itself. `fresh` holds readings (`journal.of`) that may not have come into the history yet.
    """
    if not METRIC.fullmatch(metric):
        raise ValueError(f"{metric!r} is no name of a metric")
    begin, end = max(begin, 0), min(end, _LAST)
    step = max((end - begin + points - 1) // points, 1)
    asked = {"device": device, "begin": begin, "end": end, "step": step}
    with _asked() as db:
        parts = []
        for number, (files, doubled) in enumerate(_files(history, metric, begin, end)):
            db.execute("SET threads = 1" if len(files) < _MANY else "RESET threads")
            read = f"SELECT ts, value FROM read_parquet($f{number}) WHERE {_WITHIN}"
            parts.append(_once(read) if doubled else read)
            asked[f"f{number}"] = files
        if fresh is not None and (fresh := fresh.filter(pc.equal(fresh["metric"], metric))).num_rows:
            db.register("fresh", fresh)
            # What came late lies on a day that the history has already: seen there too, it counts once.
            parts = [_once(" UNION ALL ".join([*parts, f"SELECT ts, value FROM fresh WHERE {_WITHIN}"]))]
        if not parts:
            return pa.table({n: pa.array([], pa.int64() if n in ("ts", "count") else pa.float64()) for n in _CURVE})
        return db.execute(
            f"""
            SELECT min(ts) AS ts, min(value) AS low, max(value) AS high, max_by(value, ts) AS last, count(*) AS count
            FROM ({" UNION ALL ".join(parts)}) GROUP BY (ts - $begin) // $step ORDER BY 1
            """,
            asked,
        ).to_arrow_table()


@_listed_anew
def track(history: Path, device: str, begin: int, end: int, points: int = 5_000, fresh: Any = None) -> Any:
    """Where a device was in a stretch of time: columns `ts`, `lat`, `lon`, `speed` (null where it told none).

    In order of time, at most so many: of each step of time the last place. `fresh` as for `curve`.
    """
    begin, end = max(begin, 0), min(end, _LAST)
    step = max((end - begin + points - 1) // points, 1)
    asked: dict[str, Any] = {"device": device, "begin": begin, "end": end, "step": step}
    with _asked() as db:
        db.execute("SET threads = 1")
        parts: list[str] = []
        for metric in ("lat", "lon", "speed"):
            for files, _doubled in _files(history, metric, begin, end):
                asked[f"f{len(parts)}"] = files
                parts.append(
                    f"SELECT '{metric}' AS metric, ts, value FROM read_parquet($f{len(parts)}) WHERE {_WITHIN}"
                )
        if fresh is not None and fresh.num_rows:
            db.register("fresh", fresh)
            parts.append(f"SELECT metric, ts, value FROM fresh WHERE {_WITHIN}")
        if not parts:
            return pa.table({n: pa.array([], pa.int64() if n == "ts" else pa.float64()) for n in _TRACK})
        return db.execute(
            f"""
            WITH placed AS (
                SELECT ts, max(value) FILTER (metric = 'lat') AS lat, max(value) FILTER (metric = 'lon') AS lon,
                    max(value) FILTER (metric = 'speed') AS speed
                FROM ({" UNION ALL ".join(parts)}) GROUP BY ts HAVING lat IS NOT NULL AND lon IS NOT NULL
            )
            SELECT max(ts) AS ts, max_by(lat, ts) AS lat, max_by(lon, ts) AS lon, max_by(speed, ts) AS speed
            FROM placed GROUP BY (ts - $begin) // $step ORDER BY 1
            """,
            asked,
        ).to_arrow_table()


@_listed_anew
def latest(history: Path, device: str, until: int, days: int = 7, fresh: Any = None) -> dict[str, tuple[int, float]]:
    """What a device measured last, by metric: moment and value. Looks back so many days from the moment `until`."""
    last = _day(min(max(until, 0), _LAST))
    folders = [history / f"day={last - timedelta(days=back)}" for back in range(days + 1)]
    files = [str(path) for folder in folders for path in folder.glob("metric=*/*.parquet")]
    with _asked() as db:
        db.execute("SET threads = 1")
        asked: dict[str, Any] = {"device": device}
        parts = []
        if files:
            asked["files"] = files
            parts.append("SELECT metric, ts, value FROM read_parquet($files, hive_partitioning=1) WHERE device=$device")
        if fresh is not None and fresh.num_rows:
            db.register("fresh", fresh)
            parts.append("SELECT metric, ts, value FROM fresh WHERE device = $device")
        if not parts:
            return {}
        rows = db.execute(
            f"SELECT metric, max(ts), max_by(value, (ts, value)) FROM ({' UNION ALL '.join(parts)}) "
            "GROUP BY metric ORDER BY metric",
            asked,
        ).fetchall()
    return {metric: (ts, value) for metric, ts, value in rows}


def _once(read: str) -> str:
    return f"SELECT ts, max(value) AS value FROM ({read}) GROUP BY ts"


def _files(history: Path, metric: str, begin: int, end: int) -> Iterator[tuple[list[str], bool]]:
    """The files of a metric's days: those that stand alone for their day, and those that may hold a moment twice."""
    first, last = str(_day(begin)), str(_day(max(begin, end - 1)))
    alone: list[str] = []
    doubled: list[str] = []
    for folder in sorted(history.glob(f"day=*/metric={metric}")):
        if first <= folder.parent.name.removeprefix("day=") <= last:
            files = [str(path) for path in folder.glob("*.parquet")]
            # Joined files hold each moment once; what a journal brought may hold it twice.
            (alone if len(files) == 1 and Path(files[0]).name.startswith(_JOINED) else doubled).extend(files)
    yield from ((files, twice) for files, twice in ((alone, False), (doubled, True)) if files)


def _day(ts: int) -> date:
    return datetime.fromtimestamp(ts / 1000, BEIJING).date()


_CURVE = ("ts", "low", "high", "last", "count")
_TRACK = ("ts", "lat", "lon", "speed")
_WITHIN = "device = $device AND ts >= $begin AND ts < $end"
_LAST = 4_102_444_800_000
_JOINED = "joined-"
_TRIES = 3
_MANY = 30
"""Files from which on several threads are worth their start."""


@contextmanager
def _asked() -> Iterator[Any]:
    db = duckdb.connect()
    try:
        yield db
    finally:
        db.close()
