"""Acknowledged is on disk; what a crash cut off is gone over; the history shows each reading once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from anlan.engines.telemetry import history, journal
from anlan.engines.telemetry.journal import Committer, Journal, Tail, batch_of
from anlan.engines.telemetry.moves import moving, unmoved

from .conftest import HOUR, MINUTE, NOON


def batch(*values: float, device: str = "d", metric: str = "m", begin: int = NOON) -> object:
    count = len(values)
    return batch_of([device] * count, [metric] * count, [begin + n for n in range(count)], list(values), NOON)


def values(tail: Tail) -> list[float]:
    return [v for one in tail.read() for v in one.column("value").to_pylist()]


def test_what_was_written_is_read_once_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    one, two, tail = Journal(tmp_path, "a"), Journal(tmp_path, "b"), Tail(tmp_path)
    assert one.append(batch(1, 2)) == 2
    two.append(batch(3))
    assert sorted(values(tail)) == [1, 2, 3]
    assert values(tail) == []
    one.append(batch(4))
    again = Tail(tmp_path, tail.places)
    assert values(again) == [4]


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 100])
def test_an_entry_that_was_cut_off_is_gone_over(tmp_path: Path, cut: int) -> None:
    one = Journal(tmp_path, "a")
    one.append(batch(1))
    one.append(batch(2))
    (path,) = tmp_path.glob("*.journal")
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    tail = Tail(tmp_path)
    assert values(tail) == [1]
    path.write_bytes(whole)  # it was only not there yet
    assert values(tail) == [2]
    broken = bytearray(whole)
    broken[-1] ^= 1
    path.write_bytes(broken)
    assert values(Tail(tmp_path)) == [1]


WRITER = """
import sys
from pathlib import Path
from anlan.engines.telemetry.journal import Journal, batch_of
one, n = Journal(Path(sys.argv[1]), "child"), 0
while True:
    one.append(batch_of(["d"] * 50, ["m"] * 50, list(range(n, n + 50)), [float(i) for i in range(n, n + 50)], 0))
    n += 50
    print(n, flush=True)
"""


def test_killed_at_any_moment_nothing_acknowledged_is_missing(tmp_path: Path) -> None:
    for round_ in range(3):
        folder = tmp_path / str(round_)
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(20 + 17 * round_):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read().split()
        child.wait()
        acknowledged = int(rest[-1]) if rest else 50 * (20 + 17 * round_)
        found = values(Tail(folder))
        assert found == [float(n) for n in range(len(found))]
        assert len(found) >= acknowledged


def test_what_somebody_writes_is_never_taken_for_finished(tmp_path: Path) -> None:
    first, second = Journal(tmp_path, "gateway"), Journal(tmp_path, "gateway")  # two processes of one name
    first.append(batch(1))
    second.append(batch(2))
    assert journal.finished(tmp_path) == []
    first.turn()
    assert len(journal.finished(tmp_path)) == 1
    second.close()  # it is no more
    assert len(journal.finished(tmp_path)) == 2


def test_after_a_full_disk_the_next_entry_stands_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Journal(tmp_path, "a")
    one.append(batch(1))
    write = os.write

    def half(file: int, data: object) -> int:
        write(file, bytes(data)[:20])  # type: ignore[call-overload]
        raise OSError(28, "No space left on device")

    for _ in range(3):
        monkeypatch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space"):
            one.append(batch(2))
        monkeypatch.setattr(os, "write", write)
    one.append(batch(3))
    assert values(Tail(tmp_path)) == [1, 3]


def test_many_share_one_write_and_learn_when_it_failed(tmp_path: Path) -> None:
    one = Journal(tmp_path, "a")
    written = 0

    class Counting:
        full = False

        def append(self, content: object) -> int:
            nonlocal written
            written += 1
            if self.full:
                raise OSError(28, "No space left on device")
            return one.append(content)

    async def run() -> list[object]:
        counting = Counting()
        committer = Committer(counting)  # type: ignore[arg-type]
        await asyncio.gather(*(committer.land([f"d{n}"], ["m"], [NOON], [float(n)]) for n in range(200)))
        assert written < 20
        counting.full = True
        told = await asyncio.gather(committer.land(["x"], ["m"], [NOON], [1.0]), return_exceptions=True)
        counting.full = False
        await committer.land(["y"], ["m"], [NOON], [1.0])
        await committer.close()
        return told

    (error,) = asyncio.run(run())
    assert isinstance(error, OSError)
    assert len(values(Tail(tmp_path))) == 201


def test_what_comes_alone_waits_for_no_others_and_what_follows_at_once_goes_together(tmp_path: Path) -> None:
    begun: list[float] = []

    class Timed(Journal):
        def append(self, *batches: object) -> int:
            begun.append(time.monotonic())
            return super().append(*batches)

    async def run() -> None:
        committer = Committer(Timed(tmp_path, "a"), gather=0.5)
        come = time.monotonic()
        await committer.land(["d"], ["m"], [NOON], [1.0])
        assert begun[0] - come < 0.4
        await asyncio.gather(*(committer.land(["d"], ["m"], [NOON + n], [1.0]) for n in range(1, 9)))
        await committer.close()

    asyncio.run(run())
    assert len(begun) == 2
    assert begun[1] - begun[0] > 0.4
    assert len(values(Tail(tmp_path))) == 9


def test_a_disk_that_is_full_when_the_next_file_begins_keeps_nobody_waiting_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, opened = Journal(tmp_path, "a"), os.open

    def full(path: object, flags: int, *more: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(28, "No space left on device")
        return opened(path, flags, *more)  # type: ignore[arg-type]

    async def run() -> None:
        committer = Committer(one)
        await committer.land(["d"], ["m"], [NOON], [1.0])
        monkeypatch.setattr(os, "open", full)
        for number in (2.0, 3.0):
            committer.turn()
            await asyncio.wait_for(committer.land(["d"], ["m"], [NOON], [number]), 5)
        monkeypatch.undo()
        committer.turn()
        await committer.land(["d"], ["m"], [NOON], [4.0])
        await committer.close()

    asyncio.run(run())
    assert values(Tail(tmp_path)) == [1, 2, 3, 4]
    assert len(list(tmp_path.glob("*.journal"))) == 2


def test_of_one_device_only_the_entries_are_read_in_which_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Journal(tmp_path, "a")
    for n in range(50):
        one.append(batch_of([f"d{n}-", "other"], ["m", "m"], [NOON, NOON + n], [float(n), 0.0], NOON))
    plain = batch_of(["d7-", "d77-"], ["m", "m"], [NOON + 1] * 2, [8.0, 0.0], NOON)
    coded = [plain.column(n).dictionary_encode() if n < 2 else plain.column(n) for n in range(plain.num_columns)]
    one.append(journal.pa.record_batch(coded, names=plain.schema.names))
    opened, really = [], journal.pa.ipc.open_stream
    monkeypatch.setattr(journal.pa.ipc, "open_stream", lambda content: opened.append(1) or really(content))
    assert journal.of(tmp_path, "d7-")["value"].to_pylist() == [7.0, 8.0]
    assert len(opened) == 2
    assert journal.of(tmp_path, "d9")["value"].to_pylist() == []  # only a part of a name


def test_archived_it_stands_by_day_and_metric_and_each_reading_once(tmp_path: Path) -> None:
    folder, kept = tmp_path / "journal", tmp_path / "history"
    one, tail = Journal(folder, "a"), Tail(folder)
    midnight = NOON + 12 * HOUR
    one.append(batch(1, 2, 3, begin=midnight - 2))
    one.append(batch(9, metric="other"))
    one.append(batch(2, 7, begin=midnight - 1))  # the same moments once more, one with another value
    assert history.archive(folder, kept, tail) == 0  # its writer still adds to it
    one.turn()
    assert history.archive(folder, kept, tail) == 0  # and nobody has evaluated it
    list(tail.read())
    assert history.archive(folder, kept, tail) == 6
    assert len(list(folder.glob("*.journal"))) == 1
    assert sorted(str(p.parent.relative_to(kept)) for p in kept.rglob("*.parquet")) == [
        "day=2013-06-14/metric=m", "day=2013-06-14/metric=other", "day=2013-06-15/metric=m",
    ]  # fmt: skip
    found = history.curve(kept, "d", "m", midnight - HOUR, midnight + HOUR, points=10**7)
    assert found.column("ts").to_pylist() == [midnight - 2, midnight - 1, midnight]
    assert found.column("high").to_pylist() == [1, 2, 7]
    assert history.curve(kept, "other", "m", 0, NOON * 2).num_rows == 0
    assert history.curve(kept, "d", "none", 0, NOON * 2).num_rows == 0


def test_archived_twice_after_a_crash_it_is_there_once(tmp_path: Path) -> None:
    folder, kept = tmp_path / "journal", tmp_path / "history"
    one = Journal(folder, "a")
    one.append(batch(1, 2))
    one.turn()
    (path,) = journal.finished(folder)
    content = path.read_bytes()
    history.archive(folder, kept)
    path.write_bytes(content)  # the crash came before the file was removed
    history.archive(folder, kept)
    assert len(list(kept.rglob("*.parquet"))) == 1


def test_joined_dropped_and_thinned_out(tmp_path: Path) -> None:
    folder, kept = tmp_path / "journal", tmp_path / "history"
    one = Journal(folder, "a")
    for minute in range(6):
        one.append(batch(*[float(n % 100) for n in range(1000)], begin=NOON + minute * MINUTE))
        one.turn()
    history.archive(folder, kept)
    before = history.curve(kept, "d", "m", NOON, NOON + HOUR, 50)
    assert history.compact(kept, date(2013, 6, 14)) == 0
    assert history.compact(kept, date(2013, 6, 15)) == 6
    assert len(list(kept.rglob("*.parquet"))) == 1
    after = history.curve(kept, "d", "m", NOON, NOON + HOUR, 50)
    assert after.equals(before)
    assert after.num_rows <= 50
    assert (min(after["low"].to_pylist()), max(after["high"].to_pylist())) == (0, 99)  # no peak is lost
    assert sum(after["count"].to_pylist()) == 6000
    assert history.retain(kept, date(2013, 6, 24), {"d": 10}, 5) == 1  # younger than its own age: it stays
    assert history.curve(kept, "d", "m", NOON, NOON + HOUR).num_rows > 0
    assert history.retain(kept, date(2013, 6, 24), {"d": 10}, 5) == 0  # gone through for this age
    assert history.retain(kept, date(2013, 6, 25), {"d": 10}, 5) == 1
    assert history.curve(kept, "d", "m", NOON, NOON + HOUR).num_rows == 0
    assert not list(kept.iterdir())


def test_nothing_is_moved_while_somebody_copies(tmp_path: Path) -> None:
    with moving(tmp_path) as free:
        assert free
    with unmoved(tmp_path), unmoved(tmp_path), moving(tmp_path) as free:
        assert not free
    with moving(tmp_path) as free:
        assert free
    with unmoved(tmp_path / "none"):
        assert not (tmp_path / "none").exists()
