"""`anlan backup`, `anlan restore`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

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
    """Back up everything into FOLDER, a new one, while Anlan runs. Exit 1 if evidence is damaged or missing."""
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
@click.option("--overwrite", is_flag=True, help="Replace the data that this installation holds.")
@click.option("--json", "as_json", is_flag=True, help="What was restored, as JSON.")
def restore(folder: Path, check: bool, overwrite: bool, as_json: bool) -> None:
    """Restore the backup in FOLDER into this installation, and prove it."""
    from . import restoring

    told = Told(as_json)
    with said_plainly():
        if check:
            manifest = restoring.check(folder, told)
            answered(as_json, {"whole": True, **asdict(manifest)}, f"{folder} is whole, made at {manifest.made_at}")
            return
        done = restoring.restore(folder, told, overwrite)
    verdict = done.verdict
    chain = f"whole, {verdict.sealed:,} sealed" if verdict.whole else f"broken: {verdict.fault}: entry {verdict.entry}"
    answered(
        as_json, {"restored": str(folder), **asdict(done)},
        f"restored: {done.rows:,} rows in {done.tables} tables, {done.files:,} files; audit chain {chain}",
    )  # fmt: skip
    for digest in done.missing:
        click.echo(f"anlan: evidence file {digest} is named by a row and is not there", err=True)
    sys.exit(0 if done.whole else 1)


COMMANDS = [backup, restore]
