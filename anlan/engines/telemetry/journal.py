"""What was acknowledged is on disk: readings in files that only grow, read by whoever evaluates and keeps them.

    journal = Journal(folder, "gateway")
    journal.append(columns)                  # on disk when this returns: only then is a device answered
    for batch, place in Tail(folder).read(): # elsewhere: what was not read yet
        …

Each writer has files of its own, `<writer>-<started>-<number>.journal`; each entry in them is its length, its CRC-32
and an Arrow stream. What a crash cut off in the middle was not acknowledged: whoever reads goes over it. A reader
remembers how far it is (`Tail.places`), so that after a restart it reads what it had not; what it reads twice counts
once, as the stream sees to.
"""

from __future__ import annotations

import asyncio
import fcntl
import math
import os
import struct
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema({
    "device": pa.string(), "metric": pa.string(), "ts": pa.int64(), "value": pa.float64(), "received": pa.int64(),
})  # fmt: skip
"""`ts` and `received` in milliseconds: when it was measured, and when it came."""
FULL = 64 * 1024 * 1024
"""Bytes after which a writer begins another file."""
_HEAD = struct.Struct("<II")
_LARGEST = 1 << 30
SUFFIX = ".journal"


class Journal:
    """One writer's files. Not for several threads at once."""

    def __init__(self, folder: Path, writer: str) -> None:
        self._folder, self._name, self._number = folder, f"{writer}-{time.time_ns():020d}", 0
        folder.mkdir(parents=True, exist_ok=True)
        self._torn = False
        self._room = pa.allocate_buffer(0)
        self._file = self._begun()

    def append(self, *batches: Any) -> int:
        """Adds readings (of `SCHEMA`, text perhaps by dictionaries, which is smaller and quicker; all batches alike),
        on disk when this returns; says how many. Raises `OSError`."""
        content = self._streamed(batches)
        head = _HEAD.pack(content.size, zlib.crc32(content))
        if self._torn:
            self._next()
        try:
            for view in (memoryview(head), memoryview(content)):
                while view:
                    view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            # A disk that was full for a moment leaves half an entry: what follows must not stand behind it.
            self._torn = True
            raise
        if os.lseek(self._file, 0, os.SEEK_CUR) >= FULL:
            self._next()
        return sum(batch.num_rows for batch in batches)

    def _streamed(self, batches: Sequence[Any]) -> Any:
        """The batches as a stream, in memory that is used again the next time."""
        size = pa.MockOutputStream()
        _write(size, batches)
        if self._room.size < size.size():
            self._room = pa.allocate_buffer(size.size())
        _write(pa.FixedSizeBufferWriter(self._room), batches)
        return self._room.slice(0, size.size())

    def turn(self) -> None:
        """Begins another file, so that the last one can be kept and removed."""
        if os.lseek(self._file, 0, os.SEEK_CUR):
            self._next()

    def close(self) -> None:
        os.close(self._file)

    def _next(self) -> None:
        self._number += 1
        new = self._begun()
        os.close(self._file)
        self._file, self._torn = new, False

    def _begun(self) -> int:
        """A new file, locked before it is there under its name: so that nobody takes it for finished."""
        path = self._folder / f"{self._name}-{self._number:06d}{SUFFIX}"
        hidden = path.with_name(f".{path.name}")
        made = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        try:
            fcntl.flock(made, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(path)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError:
            os.close(made)
            raise
        return made


def _write(sink: Any, batches: Sequence[Any]) -> None:
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write(batch)


def batch_of(devices: Any, metrics: Any, ts: Any, values: Any, received: int) -> Any:
    """Readings, in sequences or arrays, as an Arrow batch of `SCHEMA`."""
    count = len(devices)
    columns = (
        pa.array(devices, pa.string()), pa.array(metrics, pa.string()), pa.array(ts, pa.int64()),
        pa.array(values, pa.float64()), pa.array(np.full(count, received, np.int64)),
    )  # fmt: skip
    return pa.record_batch(list(columns), schema=SCHEMA)


@dataclass(slots=True)
class _Waits:
    columns: tuple[Any, ...]
    done: asyncio.Future[None]


class Committer:
    """Lets many sessions share one `fdatasync`: what comes while the disk works, or within `gather` seconds of when it
    began, is put on disk together the next time; what comes after a pause waits for nothing.

    `land` returns when the readings are on disk, and raises what the disk said where they are not.
    """

    def __init__(self, journal: Journal, gather: float = 0.005) -> None:
        self._journal, self._gather = journal, gather
        self._waits: list[_Waits] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._turns = False
        self.landed = 0

    def turn(self) -> None:
        """Lets the journal begin another file, before what comes next."""
        self._turns = True
        self._wake.set()

    async def land(self, devices: Any, metrics: Any, ts: Any, values: Any) -> None:
        """Readings in sequences, or as arrays of many, which stay as they are."""
        if not len(devices):
            return
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        one = _Waits((devices, metrics, ts, values), asyncio.get_running_loop().create_future())
        self._waits.append(one)
        self._wake.set()
        await one.done

    async def close(self) -> None:
        """Puts on disk what waits, and ends."""
        if self._task is not None:
            while self._waits:
                self._wake.set()
                await asyncio.sleep(self._gather)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        begun, moment = -math.inf, asyncio.get_running_loop().time
        while True:
            await self._wake.wait()
            await asyncio.sleep(begun + self._gather - moment())
            begun = moment()
            self._wake.clear()
            if self._turns:
                self._turns = False
                with suppress(OSError):  # the present file goes on; that the disk is full those learn who land readings
                    await asyncio.to_thread(self._journal.turn)
            taken, self._waits = self._waits, []
            if not taken:
                continue
            received = time.time_ns() // 1_000_000
            try:
                batches = _batches([one.columns for one in taken], received)
                # While the disk works, the sessions do.
                self.landed += await asyncio.to_thread(self._journal.append, *batches)
            except Exception as error:  # whatever it was, those who wait learn it, and the next are served
                for one in taken:
                    if not one.done.done():
                        one.done.set_exception(error)
                continue
            for one in taken:
                if not one.done.done():
                    one.done.set_result(None)


def _batches(columns: list[tuple[Any, ...]], received: int) -> list[Any]:
    """What waits as few batches: arrays each by itself, everything else together."""
    batches = [batch_of(*part, received=received) for part in columns if isinstance(part[0], pa.Array)]
    texts = [part for part in columns if not isinstance(part[0], pa.Array)]
    for arrays in (False, True):
        if alike := [part for part in texts if isinstance(part[2], np.ndarray) == arrays]:
            devices, metrics, ts, values = zip(*alike, strict=True)
            joined = np.concatenate if arrays else _joined
            batches.append(batch_of(_joined(devices), _joined(metrics), joined(ts), joined(values), received))
    return batches


def _joined(parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    return parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))


class Tail:
    """Reads all writers' files of a folder, each from where it was read to.

    `places` says how far: bytes by the name of the file. Kept and handed in again, it goes on there. Entries in which
    `holding` does not stand, a device's name perhaps, are gone over unread: text lies in them as it is.
    """

    def __init__(self, folder: Path, places: Mapping[str, int] | None = None, holding: bytes = b"") -> None:
        self.folder, self.places, self._holding = folder, dict(places or {}), holding

    def read(self) -> Iterator[Any]:
        """The batches that are whole by now; `places` stands behind each as it is handed out."""
        files = sorted(self.folder.glob(f"[!.]*{SUFFIX}")) if self.folder.is_dir() else []
        there = {path.name for path in files}
        for gone in self.places.keys() - there:
            del self.places[gone]
        for path in files:
            yield from self._of(path)

    def _of(self, path: Path) -> Iterator[Any]:
        at = self.places.get(path.name, 0)
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size <= at:
                    return
                file.seek(at)
                for content in _entries(file):
                    at += _HEAD.size + len(content)
                    if self._holding not in content:
                        self.places[path.name] = at
                        continue
                    with pa.ipc.open_stream(content) as reader:
                        batches = list(reader)
                    self.places[path.name] = at
                    yield from batches
        except FileNotFoundError:
            return  # kept and removed between listing and opening

    def behind(self, path: Path) -> bool:
        """Whether a file holds whole entries that were not read yet."""
        at = self.places.get(path.name, 0)
        with path.open("rb") as file:
            file.seek(at)
            return next(_entries(file), None) is not None


def _entries(file: Any) -> Iterator[bytes]:
    """The whole entries from here on; ends before one that is cut off or does not fit its checksum."""
    while True:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        length, check = _HEAD.unpack(head)
        if length > _LARGEST:
            return
        content = file.read(length)
        if len(content) < length or zlib.crc32(content) != check:
            return
        yield content


def finished(folder: Path) -> list[Path]:
    """Files to which nothing will be added: their writer has begun another, or is no more. It locks its own."""
    return [path for path in sorted(folder.glob(f"[!.]*{SUFFIX}")) if not _held(path)] if folder.is_dir() else []


def _held(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def whole(path: Path) -> Any:
    """All readings of a file as one table of `SCHEMA`."""
    with path.open("rb") as file:
        batches = []
        for content in _entries(file):
            with pa.ipc.open_stream(content) as reader:
                batches += [batch.cast(SCHEMA) for batch in reader]
    return pa.Table.from_batches(batches, SCHEMA)


def of(folder: Path, device: str) -> Any:
    """All readings of one device that stand in a folder's journals: those that came in the last minutes.

    Read before the history, so that what is moved there meanwhile is seen at least once.
    """
    found = []
    for batch in Tail(folder, holding=device.encode()).read():
        mine = batch.filter(pc.equal(batch.column("device"), device))
        if mine.num_rows:
            found.append(mine.cast(SCHEMA))
    return pa.Table.from_batches(found, SCHEMA)
