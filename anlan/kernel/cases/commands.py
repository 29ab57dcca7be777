"""`anlan deadlines`."""

from __future__ import annotations

import json as json_
import sys
from dataclasses import asdict

import click


@click.command()
@click.option("--mend", is_flag=True, help="Keep the computed deadlines where they differ.")
@click.option("--json", "as_json", is_flag=True)
def deadlines(mend: bool, as_json: bool) -> None:
    """Compute every open case's deadline anew. Exit 1 if one differs from what is kept (and was not mended)."""
    from ..scope import EVERYWHERE, Actor, acting
    from .recompute import recompute

    with acting(Actor("command", "anlan deadlines"), EVERYWHERE):
        found = list(recompute(mend))
    if as_json:
        click.echo(json_.dumps([asdict(one) for one in found], default=str, ensure_ascii=False))
    else:
        for one in found:
            done = "mended" if mend else "different"
            click.echo(f"{one.kind}: {one.cases} open cases with a time limit, {one.different} {done}")
            for case in one.examples:
                click.echo(f"  {case.number}: kept {case.kept}, computed {case.computed}")
    sys.exit(1 if any(one.different for one in found) and not mend else 0)


COMMANDS = [deadlines]
