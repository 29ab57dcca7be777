"""`anlan plan …`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from .flat import Unreadable
from .reader import Clause, Draft, read_file


@click.group()
def plan() -> None:
    """The year's plan: read a notice, load a plan file."""


@plan.command("read")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def read_(file: Path, as_json: bool) -> None:
    """Read a notice's text into clauses and targets; what cannot be read is listed."""
    try:
        draft = read_file(file)
    except Unreadable as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo(json.dumps(draft.json(), ensure_ascii=False, indent=1) if as_json else _words(draft))


def _words(draft: Draft) -> str:
    lines = [draft.title or "?", f"{draft.issuer} {draft.issued_on or '?'}", ""]
    for clause in draft.clauses:
        _clause(clause, 0, lines)
    lines.append("")
    for t in draft.targets:
        baseline = f" [{t['baseline']}]" if t["baseline"] else ""
        lines.append(f"{t['clause']:6} {t['comparator']:7} {t['value']:g}{t['unit']}{baseline}  {t['subject']}")
    lines += ["", f"unread: {len(draft.unread)}"]
    lines += [f"  {u['start']}: {u['what']}: {u['words']}" for u in draft.unread]
    return "\n".join(lines)


def _clause(clause: Clause, depth: int, lines: list[str]) -> None:
    lines.append(f"{'  ' * depth}{clause.id} {clause.number}{clause.title}")
    for child in clause.children:
        _clause(child, depth + 1, lines)


COMMANDS = [plan]
