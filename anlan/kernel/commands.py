"""`anlan audit …`."""

from __future__ import annotations

import json as json_
import sys
from dataclasses import asdict

import click


@click.group()
def audit() -> None:
    """The audit chain."""


@audit.command("seal")
def seal_() -> None:
    """Seal every finished entry into the chain."""
    from .audit import seal

    click.echo(seal())


@audit.command("verify")
@click.option("--json", "as_json", is_flag=True)
def verify_(as_json: bool) -> None:
    """Exit 0 if the chain is whole, 1 with the first broken link if not."""
    from .audit import verify

    verdict = verify()
    if as_json:
        click.echo(json_.dumps(asdict(verdict), ensure_ascii=False))
    elif verdict.whole:
        click.echo(f"whole: {verdict.sealed} sealed, {verdict.waiting} waiting to be sealed")
    else:
        click.echo(f"broken: {verdict.fault}: entry {verdict.entry}, {verdict.table} {verdict.row}")
    sys.exit(0 if verdict.whole else 1)


COMMANDS = [audit]
