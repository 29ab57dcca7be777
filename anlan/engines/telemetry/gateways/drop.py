"""Files that are put into a folder: coal mines' and other systems' exports, CSV or TXT, a folder for each sender.

    drop/<sender>/gas-20130614-1200.csv         put there by SFTP, say; hidden until whole, or under .part or .tmp
    drop/<sender>/taken/…                       moved there when what it says is on disk
    drop/<sender>/refused/…                     could not be read; beside it, and beside a taken one of which some lines
                                                were refused, <name>.why.txt says which and why

The first line names the columns, in English or Chinese: device 设备编号, metric 参数, ts 时间, value 数值. What
separates them is a comma, a semicolon, a tab or a bar; UTF-8 or GB 18030. Moments are milliseconds since 1970, or
written out: with an offset, or in Beijing's time without.
"""

from __future__ import annotations

import io
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from ..protocols import Malformed
from ..protocols.payload import Columns
from .door import Limits, Tally

LARGEST = 256 * 1024 * 1024
"""Bytes of one file."""
QUIET_S = 2.0
"""Seconds for which a file must not have grown."""
AGAIN_S = 60.0
"""Seconds for which a file is left that could not be read or put away."""
SHOWN = 200
"""Refused lines of one file that are named."""
NAMES = {
    "device": ("device", "设备编号", "测点编号", "测点", "设备"), "metric": ("metric", "参数", "指标", "类型"),
    "ts": ("ts", "time", "时间", "采集时间"), "value": ("value", "数值", "测值", "值"),
}  # fmt: skip
_SEPARATORS = ",;\t|"
_HOURS = 8 * 3_600_000


@dataclass(frozen=True, slots=True)
class Read:
    """A file's readings, and its lines that hold none: number (the first line is 1) and why."""

    columns: Columns
    wrong: list[tuple[int, str]]
    lines: Any
    """The line of each reading."""


def read(content: bytes) -> Read:
    """The readings in a file; raises `Malformed` where it is none of the kind."""
    text = _text(content)
    first = text.partition("\n")[0].strip("\r\ufeff")
    separator = max(_SEPARATORS, key=first.count)
    named = [name.strip().strip('"').lower() for name in first.split(separator)]
    places = {}
    for name, called in NAMES.items():
        found = [n for n, one in enumerate(named) if one in called]
        if len(found) != 1:
            raise Malformed("field", f"line 1: one column is called {' or '.join(called[:2])}; here {len(found)} are")
        places[name] = found[0]
    try:
        table = pl.read_csv(
            io.BytesIO(text.encode()), separator=separator, has_header=False, skip_rows=1, infer_schema=False,
            new_columns=[f"c{n}" for n in range(len(named))], truncate_ragged_lines=True, quote_char='"',
            raise_if_empty=False,
        )  # fmt: skip
    except pl.exceptions.PolarsError as error:
        raise Malformed("csv", f"lines cannot be told apart ({str(error).splitlines()[0][:120]})") from None
    if not table.height:
        raise Malformed("length", "no line follows the names of the columns")
    missing = [f"c{n}" for n in places.values() if f"c{n}" not in table.columns]
    if missing:
        raise Malformed("csv", "no line has as many columns as line 1")
    plain = table.select(**{name: pl.col(f"c{n}").str.strip_chars() for name, n in places.items()})
    parsed = plain.with_columns(
        ts=_moments(pl.col("ts")), value=pl.col("value").cast(pl.Float64, strict=False)
    ).with_row_index("line", offset=2)
    faults = {
        "device": _plain(pl.col("device"), 64), "metric": _plain(pl.col("metric"), 60),
        "ts": pl.col("ts").is_not_null() & (pl.col("ts") >= 0), "value": pl.col("value").is_finite(),
    }  # fmt: skip
    why = pl.coalesce(*(pl.when(~good.fill_null(value=False)).then(pl.lit(name)) for name, good in faults.items()))
    judged = parsed.with_columns(why=why)
    bad, good = judged.filter(pl.col("why").is_not_null()), judged.filter(pl.col("why").is_null())
    columns = Columns(
        good["device"].to_arrow().cast("string"), good["metric"].to_arrow().cast("string"),
        good["ts"].to_numpy().astype(np.int64), good["value"].to_numpy(),
    )  # fmt: skip
    return Read(columns, list(bad.select("line", "why").iter_rows()), good["line"].to_numpy())


def _plain(text: Any, longest: int) -> Any:
    """Whether a text is of so many signs, none of them one that nobody sees."""
    return text.str.len_chars().is_between(1, longest) & ~text.str.contains(r"[\p{C}\p{Zl}\p{Zp}]")


def _text(content: bytes) -> str:
    if b"\0" in content:
        raise Malformed("text", "no text: it holds bytes of zero")
    for coding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(coding).replace("\r\n", "\n")
        except UnicodeDecodeError:
            continue
    raise Malformed("text", "neither UTF-8 nor GB 18030")


def _moments(said: Any) -> Any:
    """Milliseconds since 1970 of numbers, of moments with their offset, and of Beijing's without."""
    plain = said.str.replace_all("/", "-").str.replace("T", " ")
    local = pl.coalesce(
        *(plain.str.to_datetime(form, time_unit="ms", strict=False) for form in (
            "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M",
        ))
    )  # fmt: skip
    with_offset = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="ms", strict=False)
    return pl.coalesce(said.cast(pl.Int64, strict=False), local.dt.epoch("ms") - _HOURS, with_offset.dt.epoch("ms"))


class _Waits(OSError):
    """A file of a sender who has brought too much lately: it is left where it is for a while."""


class NotLanded(OSError):
    """The disk on which readings land took none: nobody's files are taken in until it does."""


class Drop:
    """The folders of all senders. `step` takes in what is whole by now; not for several threads at once.

    A sender may do in his folder what he likes: everything in it is reached from its open folder and through no link,
    and what cannot be read or put away is left for a while, without keeping the others waiting.
    """

    def __init__(
        self, folder: Path, devices_of: Callable[[str], Collection[str]], land: Callable[[Columns], None],
        limits: Limits | None = None, now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`devices_of`: for which devices a sender speaks; `land`: puts readings on disk, raises `OSError`."""
        self._folder, self._devices_of, self._land = folder, devices_of, land
        self._limits, self._now = limits or Limits(), now
        self.tally = Tally()
        self._left: dict[_File, float] = {}
        """Files with which something was wrong, and until when they are left."""
        self._landed: dict[_File, list[str]] = {}
        """Files whose readings are on disk, and that could not be put away yet; with what is to be said of them."""

    def step(self) -> int:
        """Takes in files; returns how many. Raises `NotLanded`: what the disk does not take stays for the next time."""
        done = 0
        for sender in sorted(os.listdir(self._folder)) if self._folder.is_dir() else ():
            try:
                with _place(self._folder / sender) as place:
                    for name in sorted(os.listdir(place)):
                        if (file := _whole(sender, place, name)) and self._left.get(file, 0) < time.monotonic():
                            done += self._tried(file, place)
            except NotLanded:
                raise
            except OSError as error:
                self._wrong(sender, error)
        return done

    def _tried(self, file: _File, place: int) -> bool:
        try:
            self._take(file, place)
        except NotLanded:
            raise
        except OSError as error:
            self._left[file] = time.monotonic() + AGAIN_S
            self._wrong(f"{file.sender}/{file.name}", error)
            return False
        self._left.pop(file, None)
        return True

    def _wrong(self, where: str, error: OSError) -> None:
        kind = "too much" if isinstance(error, _Waits) else "folder"
        self.tally.refuse(where, Malformed(kind, error.strerror or str(error)), b"")

    def _take(self, file: _File, place: int) -> None:
        if (said := self._landed.get(file)) is None:
            said = list[str]()
            wrong: list[tuple[int, str]] = []
            try:
                found = read(_content(file.name, place))
                wrong = found.wrong
                devices = self._devices_of(file.sender)
                if self.tally.budget.spend(file.sender, len(found.columns.ts), len(devices), self._limits):
                    raise _Waits("more readings than this sender's devices may bring; the file is taken later")
                where = f"{file.sender}/{file.name}"
                kept = self.tally.sift(found.columns, devices, self._now(), self._limits, where)
                wrong += [(int(found.lines[number - 1]), kind) for number, kind in kept.refused]
                if not len(kept.taken.ts):
                    raise Malformed("none", "no line holds a reading of this sender's devices")
            except Malformed as error:
                with _place("refused", place) as away:
                    _put_away(file.name, place, away, [_refusal(error), *_words(wrong)])
                self.tally.refuse(f"{file.sender}/{file.name}", error, b"")
                return
            with _place("taken", place):  # there is where to put it, before its readings land
                try:
                    self._land(kept.taken)
                except OSError as error:
                    raise NotLanded(*error.args) from error
            self.tally.counts["files"] += 1
            self.tally.counts["readings"] += len(kept.taken.ts)
            if found.wrong:
                self.tally.counts["refused: line"] += len(found.wrong)
            self._landed[file] = said = _words(wrong)
        with _place("taken", place) as away:
            _put_away(file.name, place, away, said)
        del self._landed[file]


class _File(NamedTuple):
    """A file as it stands in a sender's folder; written anew it is another one."""

    sender: str
    name: str
    node: int
    changed: int


@contextmanager
def _place(name: str | Path, within: int | None = None) -> Iterator[int]:
    """A folder, opened; within another one it is made where it is missing. A link is none. Raises `OSError`."""
    if within is not None:
        with suppress(FileExistsError):
            os.mkdir(name, 0o770, dir_fd=within)
    opened = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=within)
    try:
        yield opened
    finally:
        os.close(opened)


def _whole(sender: str, place: int, name: str) -> _File | None:
    """The file, if it is one that nobody writes any more. A link is none: it could point at what is no sender's."""
    if name.startswith(".") or not name.lower().endswith((".csv", ".txt")) or name.endswith(".why.txt"):
        return None
    try:
        said = os.stat(name, dir_fd=place, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(said.st_mode) or time.time() - said.st_mtime <= QUIET_S:
        return None
    return _File(sender, name, said.st_ino, said.st_mtime_ns)


def _content(name: str, place: int) -> bytes:
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place), "rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST:
            raise Malformed("length", f"more than {LARGEST} bytes")
        return file.read(LARGEST + 1)


def _put_away(name: str, place: int, away: int, words: list[str]) -> None:
    """Moves the file under its name and the moment, and says beside it what was wrong."""
    short = os.fsdecode(os.fsencode(name)[-_NAME:])
    moved = f"{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 1_000_000_000:09d}-{short}"
    if words:
        made = os.open(f"{moved}.why.txt", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o660, dir_fd=away)
        with os.fdopen(made, "w", encoding="utf-8") as file:
            file.write("\n".join(words) + "\n")
    os.rename(name, moved, src_dir_fd=place, dst_dir_fd=away)


_NAME = 180
"""Bytes of a name that stay when the moment is put before it."""
_WORDS = {
    "device": ("设备编号不是1至64个字符，或者不是本单位登记的设备",
               "the device is no text of 1 to 64 signs, or none of this sender's registered devices"),
    "metric": ("参数名不是以字母开头的1至60个字母、数字和_.:-，或者一台设备新增的参数过多",
               "the metric is not 1 to 60 letters, digits and _.:- from a letter on, or one too many of a device"),
    "ts": ("时间无法解析", "the moment cannot be read"), "value": ("数值无法解析", "the value is no number"),
    "clock": ("时间超前10分钟以上或者滞后90日以上",
              "the moment lies more than ten minutes ahead or ninety days behind"),
}  # fmt: skip
_REFUSALS = {
    "csv": "各行无法解析", "field": "第1行的列名不符", "length": "文件为空或者过大", "none": "没有本单位登记设备的数据",
    "text": "不是UTF-8或者GB 18030编码的文本",
}  # fmt: skip


def _refusal(error: Malformed) -> str:
    return f"{_REFUSALS.get(error.kind, '')} · {error}"


def _words(wrong: list[tuple[int, str]]) -> list[str]:
    """What is wrong with lines, in Chinese and English: a file is read by whoever happens to."""
    told = [f"第{n}行：{_WORDS[why][0]} · line {n}: {_WORDS[why][1]}" for n, why in sorted(wrong)[:SHOWN]]
    more = len(wrong) - SHOWN
    return told + ([f"另有{more}行 · and {more} more lines"] if more > 0 else [])
