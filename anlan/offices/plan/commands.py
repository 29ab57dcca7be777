"""`anlan plan …`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from django.utils.translation import override

from .flat import Unreadable
from .forecasting import forecast
from .reader import Clause, Draft, read_file
from .risks import risk


@click.group()
def plan() -> None:
    """The year's plan: read a notice, load a plan file."""


@plan.command("read")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def read_(file: Path, as_json: bool) -> None:
    """Read a notice's text into clauses and targets; what cannot be read is listed."""
    try:
        with override("en"):  # as the other words of the command
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


@plan.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--drafted-by", help="user name of who drafted it; another must adopt it")
def load_(file: Path, drafted_by: str | None) -> None:
    """Load a plan file as the draft of its year."""
    from anlan.kernel.scope import EVERYWHERE, Actor, acting
    from anlan.parties.models import Account

    from . import planfile

    try:
        with acting(Actor("command", "plan load"), EVERYWHERE):
            account = Account.objects.filter(username=drafted_by).first() if drafted_by else None
            if drafted_by and account is None:
                raise planfile.BadPlanFile(f"--drafted-by: there is no user {drafted_by}")
            made = planfile.load(file, account)
            click.echo(f"{made.title}: {made.clauses.count()} clauses, {made.targets.count()} targets")
    except planfile.BadPlanFile as error:
        click.echo(str(error), err=True)
        sys.exit(2)


@plan.command("clauses")
@click.argument("year", type=int)
@click.option("--json", "as_json", is_flag=True)
def clauses_(year: int, as_json: bool) -> None:
    """The clause table: duty-holders, records that prove each clause, and what is not there yet."""
    from anlan.kernel.scope import EVERYWHERE, Actor, acting

    from .states import states

    with acting(Actor("command", "plan clauses"), EVERYWHERE):
        found = _of(year)
        rows = states(found) if found else []
    if found is None:
        click.echo(f"there is no plan of {year}", err=True)
        sys.exit(2)
    for s in rows:
        facts = {
            "id": s.clause.code, "title": s.clause.title, "duty_holders": s.duty_holders, "records": s.records,
            "measured": s.measured, "warned": s.warned, "live": s.live,
        }  # fmt: skip
        proofs = ", ".join(f"{k} {'not yet' if v is None else v}" for k, v in s.records.items()) or "not yet"
        words = f"{s.clause.code:6} {s.clause.title}: duty-holders {s.duty_holders}; {proofs}; live: {s.live}"
        click.echo(json.dumps(facts, ensure_ascii=False) if as_json else words)


@plan.command("write")
@click.argument("year", type=int)
def write_(year: int) -> None:
    """Print a year's plan as a plan file: the one in force, or else the draft."""
    from anlan.kernel.scope import EVERYWHERE, Actor, acting

    from . import planfile

    with acting(Actor("command", "plan write"), EVERYWHERE):
        found = _of(year)
        text = planfile.write(found) if found else ""
    if found is None:
        click.echo(f"there is no plan of {year}", err=True)
        sys.exit(2)
    click.echo(text, nl=False)


def _of(year: int) -> Any:
    """That year's plan: the one in force, or else the one in the making."""
    from .models import OPEN, Plan

    of_year = Plan.objects.filter(year=year).order_by("area_code")
    return of_year.filter(state="adopted").first() or of_year.filter(state__in=OPEN).first()


COMMANDS = [plan, forecast, risk]
