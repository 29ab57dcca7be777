"""A folder that is made beside its place and gets its name only when whole, and whose every byte can be checked.

`SHA256SUMS` names each file of the folder with its digest, in the form that `sha256sum -c` reads too.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

from .common import Refused, Told

SUMS = "SHA256SUMS"
_CHUNK = 1 << 20
T = TypeVar("T")
R = TypeVar("R")


def _half(target: Path) -> Path:
    return target.with_name(f".{target.name}.half")


def free_place(target: Path) -> None:
    """`Refused` unless a whole new folder can be put at `target`."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise Refused(f"{target} is not a folder; name a new one")
    if target.exists() and any(target.iterdir()):
        raise Refused(f"{target} is not empty; name a new folder")
    if os.path.ismount(target):
        raise Refused(f"{target} is a disk of its own; name a new folder on it, such as {target / 'anlan'}")


@contextmanager
def made_beside(target: Path) -> Iterator[Path]:
    """A folder beside `target` to write in; renamed to it at the end, removed if anything fails.

    What a killed run has left beside is removed by the next one. `Refused` if another is writing there.
    """
    free_place(target)
    half = _half(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        half.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(half, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise Refused(f"{target.parent} cannot be written: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another backup is writing to {target}") from None
        for left in half.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield half
            os.sync()  # every file at once: one call each takes minutes for a million small files
            free_place(target)
            half.rename(target)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise
        parent = os.open(target.parent, os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)
    finally:
        os.close(handle)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copied(source: Path, target: Path) -> str:
    """Copies a file, readable for its owner only; the SHA-256 of what was written."""
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (
        source.open("rb") as read,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out,
    ):
        while chunk := read.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def each(do: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
    """`do` of each thing, in order, on as many threads as there are cores; takes what it needs of an endless row."""
    waiting = iter(things)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        while batch := list(islice(waiting, 512)):
            yield from pool.map(do, batch)


def write_sums(folder: Path, known: dict[str, str]) -> None:
    """Writes `SHA256SUMS` over every file of `folder`; those in `known` are not read again."""
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    with (folder / SUMS).open("w") as out:
        for name, digest in zip(names, each(lambda n: known.get(n) or digest_of(folder / n), names), strict=True):
            out.write(f"{digest}  {name}\n")


def faults(folder: Path, told: Told) -> list[str]:
    """What is damaged in `folder`, in words: every byte of every file is read. Empty if it is whole."""
    try:
        lines = (folder / SUMS).read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return [f"{SUMS} is missing or cannot be read"]
    expected: dict[str, str] = {}
    found = []
    for number, line in enumerate(lines, 1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or name.startswith("/") or ".." in Path(name).parts:
            found.append(f"{SUMS} line {number} is damaged")
        expected[name] = digest
    present = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {SUMS}
    found += [f"{name} is missing" for name in sorted(expected.keys() - present) if name]
    found += [f"{name} does not belong to it" for name in sorted(present - expected.keys())]
    both = sorted(present & expected.keys())

    def examined(name: str) -> str | None:
        try:
            return None if digest_of(folder / name) == expected[name] else f"{name} is damaged"
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"

    for done, fault in enumerate(each(examined, both), 1):
        told.so_far(f"{done:,} of {len(both):,} files")
        if fault:
            found.append(fault)
    return found
