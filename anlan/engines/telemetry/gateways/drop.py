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
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..protocols import Malformed
from ..protocols.payload import Columns
from .door import Limits, Tally, sifted

LARGEST = 256 * 1024 * 1024
"""Bytes of one file."""
QUIET_S = 2.0
"""Seconds for which a file must not have grown."""
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
        "device": pl.col("device").str.len_chars().is_between(1, 64),
        "metric": pl.col("metric").str.len_chars().is_between(1, 60),
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


class Drop:
    """The folders of all senders. `step` takes in what is whole by now; not for several threads at once."""

    def __init__(
        self, folder: Path, devices_of: Callable[[str], Collection[str]], land: Callable[[Columns], None],
        limits: Limits | None = None, now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`devices_of`: for which devices a sender speaks; `land`: puts readings on disk, raises `OSError`."""
        self._folder, self._devices_of, self._land = folder, devices_of, land
        self._limits, self._now = limits or Limits(), now
        self.tally = Tally()

    def step(self) -> int:
        """Takes in files; returns how many. One that the disk does not take stays for the next time."""
        done = 0
        for path in sorted(self._folder.glob("*/*")) if self._folder.is_dir() else ():
            if _whole(path):
                self._take(path)
                done += 1
        return done

    def _take(self, path: Path) -> None:
        sender, wrong = path.parent.name, list[tuple[int, str]]()
        try:
            if path.stat().st_size > LARGEST:
                raise Malformed("length", f"more than {LARGEST} bytes")
            found = read(path.read_bytes())
            wrong = found.wrong
            kept = sifted(found.columns, self._devices_of(sender), self._now(), self._limits)
            self.tally.counts.update({f"refused: {kind}": count for kind, count in kept.kinds.items()})
            wrong += [(int(found.lines[number - 1]), kind) for number, kind in kept.refused]
            if not len(kept.taken.ts):
                raise Malformed("length", "no line holds a reading of this sender's devices")
            self._land(kept.taken)
        except Malformed as error:
            self.tally.refuse(f"{sender}/{path.name}", error, b"")
            _put_away(path, "refused", [str(error), *_words(wrong)])
            return
        self.tally.counts["files"] += 1
        self.tally.counts["readings"] += len(kept.taken.ts)
        if found.wrong:
            self.tally.counts["refused: line"] += len(found.wrong)
        _put_away(path, "taken", _words(wrong))


_WORDS = {
    "device": "the device is no text of 1 to 64 signs, or none of this sender's registered devices",
    "metric": "the metric is no text of 1 to 60 signs", "ts": "the moment cannot be read",
    "value": "the value is no number", "clock": "the moment lies more than ten minutes ahead or ninety days behind",
}  # fmt: skip


def _words(wrong: list[tuple[int, str]]) -> list[str]:
    told = [f"line {line}: {_WORDS[why]}" for line, why in sorted(wrong)[:SHOWN]]
    return told + ([f"and {len(wrong) - SHOWN} more lines"] if len(wrong) > SHOWN else [])


def _whole(path: Path) -> bool:
    """Whether it is a file that nobody writes any more. A link is none: it could point at what is no sender's."""
    if path.name.startswith(".") or path.suffix.lower() not in (".csv", ".txt") or path.name.endswith(".why.txt"):
        return False
    try:
        said = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.isfile(path) and not path.is_symlink() and time.time() - said.st_mtime > QUIET_S


def _put_away(path: Path, where: str, words: list[str]) -> None:
    """Moves the file under its name and the moment, and says beside it what was wrong."""
    folder = path.parent / where
    folder.mkdir(exist_ok=True)
    moved = folder / f"{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 1_000_000:06d}-{path.name}"
    if words:
        moved.with_name(moved.name + ".why.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    path.rename(moved)
