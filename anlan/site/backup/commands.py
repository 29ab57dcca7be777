"""`anlan backup`, `anlan restore`, `anlan archive`, `anlan replica …`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click

from .common import Failed, Refused, Told


@contextmanager
def said_plainly() -> Iterator[None]:
    """Refusals and failures as one line on standard error, with the exit code that says which."""
    from anlan.site.postgres import ServerFailed

    try:
        yield
    except Refused as error:
        click.echo(f"anlan: {error}", err=True)
        sys.exit(2)
    except (Failed, ServerFailed) as error:
        click.echo(f"anlan: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"anlan: {error.strerror}: {error.filename or ''}", err=True)
        sys.exit(1)


def answered(as_json: bool, facts: dict[str, Any], words: str) -> None:
    """The answer, for machines or for people."""
    click.echo(json.dumps(facts, ensure_ascii=False) if as_json else words)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="What the backup holds, as JSON.")
def backup(folder: Path, as_json: bool) -> None:
    """Back up everything into FOLDER, a new one, while Anlan runs. Exit 1 if evidence or the audit chain is damaged."""
    from .making import backup as make

    with said_plainly():
        manifest = make(folder, Told(as_json))
    rows = sum(manifest.rows.values())
    answered(
        as_json, {"backup": str(folder), **asdict(manifest)},
        f"{folder}: {rows:,} rows in {len(manifest.rows)} tables, {manifest.evidence:,} evidence files",
    )  # fmt: skip
    for line in manifest.outside:
        click.echo(f"not in the backup: {line}", err=True)
    for line in manifest.damaged:
        click.echo(f"anlan: {line}", err=True)
    sys.exit(1 if manifest.damaged else 0)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Only check every byte of the backup; change nothing.")
@click.option("--until", "until", help="From an archive: the moment to return to, 2013-06-14T08:30 (Beijing time).")
@click.option("--overwrite", is_flag=True, help="Replace the data that this installation holds.")
@click.option("--json", "as_json", is_flag=True, help="What was restored, as JSON.")
def restore(folder: Path, check: bool, until: str | None, overwrite: bool, as_json: bool) -> None:
    """Restore the backup or the archive in FOLDER into this installation, and prove it."""
    from . import archive as archive_
    from . import restoring

    told = Told(as_json)
    with said_plainly():
        if archive_.is_archive(folder) and not check:
            returned = archive_.restore_until(folder, archive_.moment(until) if until else None, told, overwrite)
            words = f"restored: the state of {returned.reached}, {returned.files:,} files"
            if returned.set_aside:
                words += f"; the former database lies in {returned.set_aside}"
            _proved(as_json, {"restored": str(folder), **asdict(returned)}, words, returned.verdict, returned.missing)
        if until:
            raise Refused(f"{folder} is no archive: only an archive has more than one moment")
        if check:
            manifest = restoring.check(folder, told)
            answered(as_json, {"whole": True, **asdict(manifest)}, f"{folder} is whole, made at {manifest.made_at}")
            return
        done = restoring.restore(folder, told, overwrite)
    words = f"restored: {done.rows:,} rows in {done.tables} tables, {done.files:,} files"
    _proved(as_json, {"restored": str(folder), **asdict(done)}, words, done.verdict, done.missing)


def _proved(as_json: bool, facts: dict[str, Any], words: str, verdict: Any, missing: list[str]) -> NoReturn:
    """Tells what stands and whether it was proven: exit 0, or 1 if the chain is broken or evidence is missing."""
    chain = f"whole, {verdict.sealed:,} sealed" if verdict.whole else f"broken: {verdict.fault}: entry {verdict.entry}"
    answered(as_json, facts, f"{words}; audit chain {chain}")
    for digest in missing:
        click.echo(f"anlan: evidence file {digest} is named by a row and is not there whole", err=True)
    sys.exit(0 if verdict.whole and not missing else 1)


@click.command()
@click.option("--base", is_flag=True, help="A base backup now, not only once a day.")
@click.option("--keep", type=click.IntRange(1), default=7, show_default=True, help="Base backups to keep.")
@click.option("--json", "as_json", is_flag=True)
def archive(base: bool, keep: int, as_json: bool) -> None:
    """Add what is new to ANLAN_ARCHIVE, from which any moment can be restored. Run it every few minutes."""
    from .archive import archive as add

    with said_plainly():
        done = add(Told(as_json), base, keep)
    made = f"base {done.base}" if done.base else "no new base"
    answered(as_json, asdict(done), f"{done.new_files:,} new files, {made}, {done.bases} bases")


@click.group()
def replica() -> None:
    """A copy of the database that follows the main one, ready to take over."""


@replica.command("start")
@click.option("--of", "primary", type=click.Path(path_type=Path), help="The main server's socket folder, var/pg.")
@click.option("--slot", default="anlan_replica", show_default=True, help="Name under which the main server knows it.")
@click.option("--json", "as_json", is_flag=True)
def replica_start(primary: Path | None, slot: str, as_json: bool) -> None:
    """Copy the main database, the first time, and follow it."""
    from .replica import start

    with said_plainly():
        stands = start(primary or Path(), slot, Told(as_json))
    answered(as_json, asdict(stands), "the replica runs; anlan replica state tells how it follows")


@replica.command("state")
@click.option("--json", "as_json", is_flag=True)
def replica_state(as_json: bool) -> None:
    """Exit 0 if it follows, 1 if it does not at the moment."""
    from .replica import state

    with said_plainly():
        stands = state()
    how = "follows" if stands.streaming else "does NOT follow"
    answered(
        as_json, asdict(stands),
        f"{how}; {stands.behind_bytes:,} bytes received and not yet applied; last commit {stands.last_commit}",
    )  # fmt: skip
    sys.exit(0 if stands.streaming else 1)


@replica.command("promote")
@click.option("--json", "as_json", is_flag=True)
def replica_promote(as_json: bool) -> None:
    """Make the replica the main database, and prove it. Never start the old one again as it is."""
    from .replica import promote

    with said_plainly():
        verdict, missing = promote(Told(as_json))
    _proved(
        as_json, {"verdict": asdict(verdict), "missing": missing}, "this is now the main database", verdict, missing
    )


COMMANDS = [backup, restore, archive, replica]
