"""A rule on history: what it would have told, beside what the present one tells, and how well it foresees."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from anlan.engines.telemetry import history
from anlan.engines.telemetry.journal import Journal, batch_of
from anlan.engines.telemetry.rules import limits_of, parse_one
from anlan.engines.telemetry.trial import _days, trial

from .conftest import HOUR, MINUTE, NOON, SECOND

DAY = 24 * HOUR


def rule(levels: str, more: str = "kind: level") -> Any:
    return parse_one(f"{{name: methane, metric: ch4, source: test, {more}, levels: [{levels}]}}".encode())


ALARM = rule("{level: orange, at_least: 1.0}, {level: red, at_least: 2.0}")
HIGHER = rule("{level: orange, at_least: 1.5}")


class Kept:
    """Readings of which some are in the history and the last still in the journal."""

    def __init__(self, folder: Path) -> None:
        self.history, self.folder = folder / "history", folder / "journal"
        self.journal = Journal(self.folder, "test")

    def write(self, rows: list[tuple[str, int, float]], metric: str = "ch4") -> None:
        devices, ts, values = zip(*rows, strict=True)
        self.journal.append(batch_of(devices, [metric] * len(rows), ts, values, 0))

    def archive(self) -> None:
        self.journal.turn()
        history.archive(self.folder, self.history)

    def tried(self, one: Any, days: int = 3, devices: str = "ab", **more: Any) -> Any:
        told = dict.fromkeys(devices, "coal-gas")
        return trial(self.history, self.folder, one, told, NOON - days * DAY, NOON + DAY, **more)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Two devices: `a` reaches 1.2 three days running, and 2.5 on the last, which is not archived yet; `b` never."""
    one = Kept(tmp_path)
    for day in (-2, -1, 0):
        peak = 2.5 if day == 0 else 1.2
        at = [NOON + day * DAY + n * MINUTE for n in range(60)]
        one.write([("a", ts, peak if 20 <= n < 30 else 0.2) for n, ts in enumerate(at)])
        one.write([("b", ts, 0.4) for ts in at])
        if day < 0:
            one.archive()
    return one


def test_history_and_journal_are_one__and_what_is_there_twice_counts_once(kept: Kept) -> None:
    kept.write([("a", NOON - DAY + n * MINUTE, 1.2 if 20 <= n < 30 else 0.2) for n in range(60)])  # a day sent again
    found = kept.tried(ALARM, present=HIGHER)
    assert [(f.device, f.level, (f.begin - NOON) % DAY // MINUTE, f.value) for f in found.tried.fired] == [
        ("a", "orange", 20, 1.2), ("a", "orange", 20, 1.2), ("a", "red", 20, 2.5),
    ]  # fmt: skip
    assert [f.end - f.begin for f in found.tried.fired] == [10 * MINUTE] * 3
    assert found.present is not None
    assert [(f.level, f.begin) for f in found.present.fired] == [("orange", NOON + 20 * MINUTE)]
    assert (found.until, found.counts["late"]) == (NOON + DAY, 0)


def test_only_the_devices_and_days_asked_for(kept: Kept) -> None:
    assert kept.tried(ALARM, devices="b").tried.fired == []
    assert len(kept.tried(ALARM, days=1).tried.fired) == 2
    nothing = kept.tried(dict(ALARM, programmes=["coaches"]))
    assert nothing.tried.fired == []


def test_what_still_stands_has_no_end__and_silence_is_seen(kept: Kept) -> None:
    kept.write([("b", NOON + HOUR + n * MINUTE, 3.0) for n in range(5)])
    assert kept.tried(ALARM).tried.fired[-1].end is None
    silent = parse_one(b"{name: quiet, kind: silent, level: blue, for: 2h, source: test}")
    assert {f.device for f in kept.tried(silent).tried.fired} == {"a", "b"}


def test_limits_are_those_that_were_set_then__and_calibration_is_no_warning(kept: Kept) -> None:
    own = rule("{level: orange, at_least: {of: ch4_alarm}}")
    assert limits_of(own) == {"ch4_alarm"}
    assert kept.tried(own).tried.fired == []
    limits = [("a", "ch4_alarm", 0, 1.0), ("a", "ch4_alarm", NOON - HOUR, 5.0), ("zz", "ch4_alarm", 0, 0.1)]
    assert [f.begin // DAY for f in kept.tried(own, limits=limits).tried.fired] == [NOON // DAY - 2, NOON // DAY - 1]
    quiet = {"a": [(NOON - DAY, NOON - DAY + HOUR)]}
    found = kept.tried(own, limits=limits, calibrations=quiet)
    assert (len(found.tried.fired), found.tried.suppressed) == (1, 2)


def test_it_ends_early_where_it_reads_too_much_or_takes_too_long_and_says_so(kept: Kept) -> None:
    told: list[tuple[int, int]] = []
    found = kept.tried(ALARM, most=100, progress=lambda *done: told.append(done))
    assert found.readings < 200
    assert found.until < NOON - DAY
    assert told[-1][0] < told[-1][1]
    assert kept.tried(ALARM, seconds=-1).until < NOON


def test_a_rule_that_tells_of_everything_ends_early(kept: Kept) -> None:
    """Events are held in memory until a trial ends."""
    at = [NOON - DAY + n * SECOND for n in range(40_000)]
    kept.write([("c", ts, 2.0 * (n % 2)) for n, ts in enumerate(at)], "ch4")
    found = kept.tried(ALARM, devices="c", events=1_000)
    assert 1_000 <= 2 * len(found.tried.fired) < 50_000
    assert found.until < NOON
    assert found.readings < 40_000


def test_of_a_device_that_sends_ten_times_a_second_no_reading_is_refused(tmp_path: Path) -> None:
    one = Kept(tmp_path)
    one.write([("a", NOON + n * SECOND // 10, 0.1) for n in range(60_000)])
    one.archive()
    assert one.tried(ALARM).counts == {
        "taken": 60_000, "late": 0, "twice": 0, "too_many": 0, "no_number": 0, "no_moment": 0, "no_rule": 0,
    }  # fmt: skip


def test_foresight_is_judged_by_what_was_reached(tmp_path: Path) -> None:
    """Four ramps: two reach the limit as foreseen, one turns before it; and one leap that nobody could foresee."""
    one = Kept(tmp_path)
    rows: list[tuple[str, int, float]] = []
    for day, (slope, turn) in enumerate([(0.01, 120), (0.01, 120), (0.01, 85)]):
        for n in range(180):
            value = 0.1 + slope * min(n, turn) if n < 150 else 0.1
            rows.append(("a", NOON - (3 - day) * DAY + n * MINUTE, value + 0.001 * math.sin(n)))
    rows += [("a", NOON + n * MINUTE, 1.4 if n == 90 else 0.1) for n in range(180)]
    one.write(rows)
    soon = rule("{level: yellow, at_least: 1.0}", "kind: soon, within: 20min, trend: 20min, hold: 1min")
    found = one.tried(soon, days=4)
    sight = found.tried.foresight
    assert (sight.told, sight.right, sight.crossings, sight.foreseen) == (3, 2, 3, 2)
    assert sight.precision == pytest.approx(2 / 3)
    assert sight.recall == pytest.approx(2 / 3)
    assert 15 * MINUTE < sight.lead <= 20 * MINUTE
    assert found.until == NOON + DAY


def test_the_stretch_is_cut_at_midnight_in_beijing() -> None:
    days = list(_days(NOON, NOON + DAY))
    assert [str(day) for day, _low, _high in days] == ["2013-06-14", "2013-06-15"]
    assert datetime.fromtimestamp(days[0][2] / 1000, UTC) + timedelta(hours=8) == datetime(2013, 6, 15, tzinfo=UTC)
