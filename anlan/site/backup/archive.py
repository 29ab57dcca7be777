"""The archive: back to any moment. `anlan archive`, and `anlan restore ARCHIVE --until TIME`.

With `ANLAN_ARCHIVE` set, the embedded server gives each piece of its write-ahead log to `wal/`, at least once a
minute. `anlan archive`, run every so often, adds new evidence and secrets to `files/` and, once a day, a base
backup to `base/`. A base and the log after it give every moment since. For a server of one's own this is
that server's matter.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import time
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connections

from anlan.engines.telemetry.moves import unmoved
from anlan.kernel import audit
from anlan.site.installation import embedded
from anlan.site.postgres import SUPERUSER, Server, ServerFailed, archive_folder, psycopg_superuser

from .access import Access, running_server
from .common import HEADS, Failed, Refused, Told, kept_files, note_backup, room_for
from .folder import copied, digest_of, each, faults, made_beside, write_sums
from .restoring import add_files, alone, bring_up_to_date_anew, proven, take_over

BASE_EVERY = timedelta(hours=20)
KEEP = 7
SEGMENT = 16 * 2**20
BEIJING = ZoneInfo("Asia/Shanghai")
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Base:
    """A base backup in the archive: moments from `ended` on can be had from it."""

    folder: Path
    ended: datetime
    first_segment: str


@dataclass(frozen=True, slots=True)
class Archived:
    """What one run of `anlan archive` did."""

    new_files: int
    base: str | None
    bases: int
    removed: int


def archive(told: Told, base: bool = False, keep: int = KEEP) -> Archived:
    """Adds to the archive what is new; a base backup if `base` or the last one is a day old."""
    folder = archive_folder()
    if not embedded():
        raise Refused("the archive is for the embedded database; your own server has its own (docs/operating.md)")
    if folder is None:
        raise Refused(
            "ANLAN_ARCHIVE is not set: it says where the archive lies, and the database must be started with it"
        )
    server = Server(settings.HOME)
    if not server.running():
        raise Refused("the database does not run")
    with psycopg_superuser(server) as connection:
        if connection.execute("SHOW archive_mode").fetchone() != ("on",):
            raise Refused("the database was started without ANLAN_ARCHIVE; start it anew with it")
    with told.step("Files"), unmoved(settings.HOME / "telemetry"):
        new = _add(folder / "files", told)
    known = bases(folder)
    made = None
    if base or not known or datetime.now(UTC) - known[-1].ended > BASE_EVERY:
        with told.step("Base backup"):
            made = _base(server, folder)
        known = bases(folder)
    note_backup(folder, known[-1].ended.isoformat())
    removed = _forget(folder, known, keep)
    return Archived(new, made, len(known) - removed, removed)


def bases(folder: Path) -> list[Base]:
    """The base backups of an archive, oldest first."""
    found = []
    for place in sorted((folder / "base").glob("[0-9]*Z")):
        try:
            facts = json.loads((place / "base.json").read_text())
            found.append(Base(place, datetime.fromisoformat(facts["ended"]), str(facts["first_segment"])))
        except (OSError, ValueError, KeyError, TypeError):
            raise Refused(f"{place / 'base.json'} is damaged") from None
    return found


def _add(target: Path, told: Told) -> int:
    """Evidence and history are only ever added; the single files and the journal are those of today."""
    new = 0

    def add(one: tuple[Path, str]) -> int:
        place = target / one[1]
        if one[1].startswith(("evidence/", "telemetry/history/")) and place.exists():
            return 0
        _replace(one[0], place)
        return 1

    for added in each(add, kept_files()):
        new += added
        told.so_far(f"{new:,} new files")
    for gone in (target / "telemetry" / "journal").glob("*"):
        if not (settings.HOME / "telemetry" / "journal" / gone.name).exists():
            gone.unlink()  # its readings are in the history
    if Path(settings.AUDIT_HEADS).exists():
        _replace(Path(settings.AUDIT_HEADS), target / HEADS)
    os.sync()
    return new


def _replace(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = place.with_name(f".{place.name}.half")
    half.unlink(missing_ok=True)
    copied(source, half)
    half.rename(place)


def _base(server: Server, folder: Path) -> str:
    name = datetime.now(UTC).strftime(_STAMP)
    access = Access({"host": str(server.socket), "user": SUPERUSER}, above_row_security=True)
    with made_beside(folder / "base" / name) as half:
        access.run(
            "pg_basebackup", "--pgdata", str(half), "--format=tar", "--compress=client-gzip:1", "--wal-method=fetch",
            "--checkpoint=fast", "--no-sync",
        )  # fmt: skip
        start = json.loads((half / "backup_manifest").read_text())["WAL-Ranges"][0]
        high, low = (int(part, 16) for part in start["Start-LSN"].split("/"))
        facts = {
            "ended": datetime.now(UTC).isoformat(),
            "first_segment": f"{start['Timeline']:08X}{high:08X}{low // SEGMENT:08X}",
        }
        (half / "base.json").write_text(json.dumps(facts) + "\n")
        write_sums(half, {})
    return name


def _forget(folder: Path, known: list[Base], keep: int) -> int:
    """Removes the bases beyond the newest `keep`, and the log that only they need; how many bases."""
    old = known[:-keep]
    for base in old:
        shutil.rmtree(base.folder)
    first = known[len(old)].first_segment
    for path in (folder / "wal").glob("*.gz"):
        if re.match(r"[0-9A-F]{24}", path.name) and path.name[8:24] < first[8:24]:
            path.unlink()
    return len(old)


# --- Back to a moment --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Returned:
    """What stands after the return to a moment; `reached` is the last commit that is in it."""

    reached: str
    files: int
    verdict: audit.Verdict
    missing: list[str]
    set_aside: str | None

    @property
    def whole(self) -> bool:
        """Whether the audit chain holds and no evidence is missing."""
        return self.verdict.whole and not self.missing


def is_archive(folder: Path) -> bool:
    """Whether `folder` is an archive, not a single backup."""
    return (folder / "base").is_dir() and (folder / "wal").is_dir()


def moment(said: str) -> datetime:
    """A time as people write it, in Beijing time unless it says otherwise."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise Refused(f"--until {said!r} is no time; write it like 2013-06-14T08:30 (Beijing time)") from None
    found = found if found.tzinfo else found.replace(tzinfo=BEIJING)
    if found > datetime.now(UTC):
        raise Refused(f"--until {said} lies in the future")
    return found


def restore_until(folder: Path, until: datetime | None, told: Told, overwrite: bool = False) -> Returned:
    """Restores the archive's state at `until`, or its last. Nothing is changed before that state is reached."""
    if not embedded():
        raise Refused("an archive is restored into the embedded database; ANLAN_DATABASE_URL is set")
    base = _base_for(folder, until)
    server = Server(settings.HOME)
    if server.running():
        raise Refused("the database runs; stop Anlan, or the database: anlan database stop")
    if not overwrite and (server.made() or next((settings.HOME / "evidence").rglob("*"), None) is not None):
        raise Refused(
            f"{settings.HOME} holds an installation; restoring would replace it (say --overwrite if that is wanted)"
        )
    with told.step("Checking the archive"):
        _check(folder, base, told)
    room_for((base.folder / "base.tar.gz").stat().st_size * 4, settings.HOME)
    with alone():
        with told.step("Database"):
            reached, staged = _recovered(folder, base, until, told)
        with told.step("Files"):
            files = add_files(folder / "files", told)
        aside = _swap(staged)
        with running_server():
            _cut_heads(folder / "files")
            bring_up_to_date_anew()
            with connections["owner"].cursor() as cursor:
                words = audit.noted("restore", until=until.isoformat() if until else "the end", reached=reached)
                cursor.execute(words.replace("%", "%%"))
            verdict, missing = proven(told)
    return Returned(reached, files, verdict, missing, aside)


def _base_for(folder: Path, until: datetime | None) -> Base:
    known = bases(folder)
    if not known:
        raise Refused(f"{folder} holds no base backup")
    fitting = [b for b in known if until is None or b.ended <= until]
    if not fitting:
        raise Refused(f"the archive begins at {known[0].ended.astimezone(BEIJING):%Y-%m-%d %H:%M:%S} Beijing time")
    return fitting[-1]


def _check(folder: Path, base: Base, told: Told) -> None:
    """`Refused` naming what is damaged: base, log from its start on, evidence files."""
    found = [f"base/{base.folder.name}/{fault}" for fault in faults(base.folder, told)]
    wal = [p for p in _log(folder, base) if not p.name.endswith(".history.gz")]
    for before, after in pairwise(wal):
        if before.name[:8] == after.name[:8] and _number(after) != _number(before) + 1:
            found.append(f"wal/ lacks what follows {before.name}")
    found += [fault for fault in each(_unreadable, wal) if fault]
    evidence = folder / "files" / "evidence"
    files = (p for p in evidence.rglob("*") if p.is_file() and not p.name.startswith("."))
    found += [f"files/evidence/{p.name} is damaged" for p, d in each(lambda p: (p, digest_of(p)), files) if p.name != d]
    if found:
        more = f", and {len(found) - 3} more" if len(found) > 3 else ""
        raise Refused(f"{folder} is damaged: {'; '.join(found[:3])}{more}")


def _log(folder: Path, base: Base) -> list[Path]:
    """The pieces of the write-ahead log from the start of `base` on, and the histories of its branches."""
    pieces = (p for p in (folder / "wal").glob("*.gz") if re.fullmatch(r"[0-9A-F]{24}\.gz", p.name))
    return sorted((folder / "wal").glob("*.history.gz")) + sorted(
        p for p in pieces if p.name[8:24] >= base.first_segment[8:24]
    )


def _number(segment: Path) -> int:
    return int(segment.name[8:16], 16) * (2**32 // SEGMENT) + int(segment.name[16:24], 16)


def _unreadable(segment: Path) -> str | None:
    try:
        with gzip.open(segment) as file:
            size = sum(len(chunk) for chunk in iter(lambda: file.read(1 << 20), b""))
    except (OSError, EOFError, zlib.error):
        size = 0
    return None if size == SEGMENT else f"wal/{segment.name} is damaged"


def _recovered(folder: Path, base: Base, until: datetime | None, told: Told) -> tuple[str, Server]:
    """The database at that moment, in a place of its own beside the present one, and its last commit's time."""
    place = settings.HOME / "restoring"
    staged = Server(place)
    if staged.running():
        staged.stop()
    if place.exists():
        shutil.rmtree(staged.data, ignore_errors=True)
        shutil.rmtree(place)
    try:
        staged.unpack(base.folder / "base.tar.gz")
        # Beside the data, where the server's user can read it whoever owns the archive.
        log = staged.data / "archived"
        for path in _log(folder, base):
            copied(path, log / path.name)
            staged.give(log / path.name)
        staged.give(log)
        staged.more = {"restore_command": f'\'gzip -dc "{log}/%f.gz" >"%p"\'', "archive_mode": "off"}
        if until:
            staged.more |= {"recovery_target_time": f"'{until.isoformat()}'", "recovery_target_action": "promote"}
        (staged.data / "recovery.signal").touch()
        try:
            staged.start(patience_s=24 * 3600)
            reached = _await_end(staged, told)
        except (ServerFailed, Gone):
            raise _why(staged, until) from None
        staged.stop()
        shutil.rmtree(log)
    except BaseException:
        staged.stop()
        shutil.rmtree(staged.data, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
        raise
    return reached, staged


class Gone(RuntimeError):
    """The recovering server ended by itself."""


def _await_end(staged: Server, told: Told) -> str:
    import psycopg

    while staged.running():
        try:
            with psycopg_superuser(staged) as connection:
                recovering, reached = connection.execute(
                    "SELECT pg_is_in_recovery(), coalesce(pg_last_xact_replay_timestamp()::text, '')"
                ).fetchone()
        except psycopg.OperationalError:
            break
        if not recovering:
            return str(reached)
        told.so_far(f"at {reached}")
        time.sleep(0.2)
    raise Gone


def _why(staged: Server, until: datetime | None) -> Exception:
    said = "\n".join(p.read_text(errors="replace") for p in staged.logs.glob("*.log"))
    if "before configured recovery target was reached" in said and until:
        last = re.findall(r"last completed transaction was at log time (\S+ \S+)", said)
        ends = f": it ends at {last[-1][:19]}" if last else ""
        return Refused(f"the archive does not reach {until.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}{ends} (Beijing time)")
    reason = re.findall(r"(?:FATAL|PANIC): +(.*)", said)
    return Failed(f"the database could not be recovered, nothing was changed: {reason[-1] if reason else said[-300:]}")


def _swap(staged: Server) -> str | None:
    """Puts the recovered data in the place of the present ones, which are set aside; where."""
    place, aside = settings.HOME / "pg", None
    if place.exists() or place.is_symlink():
        aside = place.with_name(f"pg.before-{datetime.now(UTC):{_STAMP}}")
        place.rename(aside)
    (staged.home / "pg").rename(place)
    shutil.rmtree(staged.home)
    return str(aside) if aside else None


def _cut_heads(files: Path) -> None:
    """Takes secrets and heads over; of the heads those that the recovered chain has reached."""
    take_over(files)
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT coalesce(max(no), 0) FROM audit_seal")
        (reached,) = cursor.fetchone()
    heads = Path(settings.AUDIT_HEADS)
    lines: list[Any] = heads.read_text().splitlines(keepends=True) if heads.exists() else []
    kept = [line for line in lines if len(line.split()) == 3 and int(line.split()[1]) <= reached]
    half = heads.with_name(f".{heads.name}.half")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.writelines(kept)
    half.rename(heads)
