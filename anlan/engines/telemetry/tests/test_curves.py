"""What is read from the history: curves without a lost peak, tracks of whole places, the latest of each metric."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.engines.telemetry import history, journal
from anlan.engines.telemetry.history import BEIJING

NOON = int(datetime(2013, 6, 14, 12, tzinfo=BEIJING).timestamp() * 1000)
DAY = 86_400_000


def keep(folder: Path, metric: str, rows: list[tuple[str, int, float]], name: str = "gateway-1") -> None:
    """Readings (device, moment, value) of one day."""
    day = datetime.fromtimestamp(rows[0][1] / 1000, BEIJING).date()
    columns = dict(zip(("device", "ts", "value"), map(list, zip(*rows, strict=True)), strict=True))
    history.keep_part(folder, day, metric, name, pa.table(columns))


def fresh(folder: Path, *rows: tuple[str, str, int, float]) -> pa.Table:
    one = journal.Journal(folder, "test")
    devices, metrics, ts, values = (list(part) for part in zip(*rows, strict=True))
    one.append(journal.batch_of(devices, metrics, ts, values, NOON))
    one.close()
    return journal.of(folder, "k1")


def test_a_journal_gives_the_readings_of_one_device(tmp_path: Path) -> None:
    found = fresh(tmp_path, ("k1", "ch4", NOON, 0.1), ("k2", "ch4", NOON, 0.2), ("k1", "co", NOON, 3.0))
    assert found.select(["metric", "value"]).to_pylist() == [
        {"metric": "ch4", "value": 0.1}, {"metric": "co", "value": 3.0},
    ]  # fmt: skip
    assert journal.of(tmp_path / "none", "k1").num_rows == 0


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(-5, 5)), min_size=1, max_size=80),
    st.integers(0, 3), st.integers(1, 40),
)  # fmt: skip
def test_a_curve_is_the_readings_each_once_however_they_are_stored(
    tmp_path_factory: pytest.TempPathFactory, readings: list[tuple[int, int]], split: int, points: int
) -> None:
    folder = tmp_path_factory.mktemp("history")
    rows = [("k1", NOON + at * 1000, float(value)) for at, value in readings]
    parts = [rows[n :: split + 1] for n in range(split + 1)]
    for number, part in enumerate(parts[:-1] if split else parts):
        if part:
            keep(folder, "ch4", part, f"gateway-{number}")
    left = None
    if split and parts[-1]:
        left = fresh(folder / "journal", *(("k1", "ch4", ts, value) for _device, ts, value in parts[-1]))
    begin, end = NOON, NOON + 150_000
    once: dict[int, float] = {}
    for _device, ts, value in rows:
        once[ts] = max(value, once.get(ts, value))
    inside = {ts: value for ts, value in once.items() if begin <= ts < end}
    got = history.curve(folder, "k1", "ch4", begin, end, points, left).to_pylist()
    step = max((end - begin + points - 1) // points, 1)
    wanted: dict[int, list[tuple[int, float]]] = {}
    for ts, value in sorted(inside.items()):
        wanted.setdefault((ts - begin) // step, []).append((ts, value))
    assert [(one["ts"], one["low"], one["high"], one["last"], one["count"]) for one in got] == [
        (own[0][0], min(v for _t, v in own), max(v for _t, v in own), own[-1][1], len(own)) for own in wanted.values()
    ]
    history.compact(folder, date(2013, 6, 15))
    assert history.curve(folder, "k1", "ch4", begin, end, points, left).to_pylist() == got


def test_a_day_of_one_file_is_joined_too_and_then_holds_each_moment_once(tmp_path: Path) -> None:
    keep(tmp_path, "ch4", [("k1", NOON, 0.1), ("k1", NOON, 0.3)])
    assert history.compact(tmp_path, date(2013, 6, 15)) == 1
    assert history.compact(tmp_path, date(2013, 6, 15)) == 0
    assert history.curve(tmp_path, "k1", "ch4", NOON, NOON + 1).to_pylist()[0]["count"] == 1


def test_a_track_holds_whole_places_and_of_each_step_the_last(tmp_path: Path) -> None:
    for metric, base in (("lat", 29.0), ("lon", 106.0), ("speed", 0.0)):
        keep(tmp_path, metric, [("k1", NOON + n * 1000, base + n) for n in range(10)])
    keep(tmp_path, "lat", [("k2", NOON, 10.0)], "other")
    left = fresh(tmp_path / "journal", ("k1", "lat", NOON + 10_000, 50.0))
    got = history.track(tmp_path, "k1", NOON, NOON + 10_000, fresh=left).to_pylist()
    assert [one["speed"] for one in got] == list(range(10))
    thin = history.track(tmp_path, "k1", NOON, NOON + 10_000, points=5).to_pylist()
    assert [(one["ts"], one["lat"]) for one in thin] == [(NOON + n * 1000, 29.0 + n) for n in (1, 3, 5, 7, 9)]
    assert history.track(tmp_path, "nobody", NOON, NOON + 1).num_rows == 0
    assert history.track(tmp_path / "none", "k1", NOON, NOON + 1).num_rows == 0


def test_the_latest_is_what_was_measured_last_within_some_days(tmp_path: Path) -> None:
    for back in (0, 3, 9):
        keep(tmp_path, f"m{back}", [("k1", NOON - back * DAY + n, float(n)) for n in (0, 2, 1)])
    left = fresh(tmp_path / "journal", ("k1", "m0", NOON + 5, 5.0), ("k1", "m7", NOON, 7.0))
    assert history.latest(tmp_path, "k1", NOON, fresh=left) == {
        "m0": (NOON + 5, 5.0), "m3": (NOON - 3 * DAY + 2, 2.0), "m7": (NOON, 7.0),
    }  # fmt: skip
    assert history.latest(tmp_path, "k1", NOON - int(timedelta(days=30) / timedelta(milliseconds=1))) == {}


def test_files_that_are_joined_between_their_listing_and_their_reading_are_listed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, "ch4", [("k1", NOON, 0.1)], "gateway-1")
    keep(tmp_path, "ch4", [("k1", NOON + 1000, 0.2)], "gateway-2")
    listed, times = history._files, []

    def joined_meanwhile(*asked: Any) -> list[Any]:
        found = list(listed(*asked))
        if not times:
            history.compact(tmp_path, date(2013, 6, 15))
        times.append(found)
        return found

    monkeypatch.setattr(history, "_files", joined_meanwhile)
    assert history.curve(tmp_path, "k1", "ch4", NOON, NOON + 60_000)["last"].to_pylist() == [0.1, 0.2]
    assert len(times) == 2
