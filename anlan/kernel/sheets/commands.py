"""`anlan import` and `anlan export`: exit 0 done, 1 refused with every reason, 2 wrongly called."""

from __future__ import annotations

import json as json_
import sys
from pathlib import Path
from typing import Any

import click

FORMS = click.Choice(["xlsx", "csv", "parquet"])


def _register(name: str) -> Any:
    from ..registers.declaration import all_registers, register_named

    declared = register_named(name)
    if declared is None:
        known = ", ".join(sorted(d.name for d in all_registers()))
        raise click.UsageError(f"there is no register {name}; there are {known}")
    return declared


def _who(username: str | None, verb: str) -> tuple[Any, Any, Any]:
    """Actor and scope: the account named, or this command, everywhere."""
    from django.contrib.auth import get_user_model

    from ..scope import EVERYWHERE, Actor, acting

    command = Actor("command", f"anlan {verb}")
    if username is None:
        return command, EVERYWHERE, None
    with acting(command, EVERYWHERE):
        account = get_user_model()._default_manager.filter(username=username, is_active=True).first()
    if account is None:
        raise click.UsageError(f"there is no active account {username}")
    return Actor("import", f"{username}: anlan {verb}", account.pk), account.scope, account


@click.command("import")
@click.argument("register")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check everything, keep nothing.")
@click.option("--good-only", is_flag=True, help="Keep the rows that are right.")
@click.option("--as", "username", metavar="USER", help="Act as this account, in its scope, with its rights.")
@click.option("--errors", type=click.Path(dir_okay=False, path_type=Path), help="Write the error workbook here.")
@click.option("--json", "as_json", is_flag=True)
def import_(
    register: str, file: Path, dry_run: bool, good_only: bool, username: str | None, errors: Path | None, as_json: bool
) -> None:
    """Import FILE (.xlsx or .csv) into REGISTER: all of it, or nothing if any row is wrong."""
    from ..scope import acting
    from .applying import import_file
    from .spec import sheet_of
    from .writing import error_workbook

    declared = _register(register)
    actor, scope, account = _who(username, "import")
    policy = declared.policy
    if account is not None and not policy.may(account, "import"):
        raise click.UsageError(f"{username} may not import into {register}")
    rights = frozenset(v for v in ("add", "change") if account is None or policy.may(account, v))
    with acting(actor, scope):
        outcome = import_file(
            declared, file.read_bytes(), name=file.name, dry_run=dry_run, good_only=good_only, rights=rights
        )
    sheet = sheet_of(declared)
    if outcome.problems and errors is not None:
        errors.write_bytes(error_workbook(sheet, outcome.table, outcome.problems))
    told = ("rows", "added", "changed", "unchanged", "refused", "emptied", "applied")
    counts = {k: getattr(outcome, k) for k in told}
    if as_json:
        found = [p.as_dict(sheet.headings) for p in outcome.problems]
        number = outcome.record.pk if outcome.record else None
        click.echo(json_.dumps({**counts, "dry_run": dry_run, "import": number, "errors": found}, ensure_ascii=False))
    else:
        for problem in outcome.problems:
            heading = sheet.headings.get(problem.column, "")
            click.echo(f"{file.name}:{problem.row}: {heading or '-'}: {problem.code} {problem.words()}", err=True)
        click.echo(" ".join(f"{k}={v}" for k, v in counts.items()))
    sys.exit(1 if outcome.problems else 0)


@click.command()
@click.argument("register")
@click.option("--format", "form", type=FORMS, default="xlsx", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Default: standard output.")
@click.option("--as", "username", metavar="USER", help="Act as this account, in its scope, with its rights.")
def export(register: str, form: str, out: Path | None, username: str | None) -> None:
    """Export REGISTER as a sheet that can be imported again."""
    from ..registers.shown import shown
    from ..scope import acting
    from . import writing
    from .spec import sheet_of

    declared = _register(register)
    actor, scope, account = _who(username, "export")
    if account is not None and not declared.policy.may(account, "export"):
        raise click.UsageError(f"{username} may not export {register}")
    target = out.open("wb") if out is not None else sys.stdout.buffer
    with target, acting(actor, scope):
        query = declared.model._default_manager.order_by(declared.order, "pk")
        shown.send(declared.model, records=query, page="anlan export")
        for piece in writing.export(sheet_of(declared), query, form):
            target.write(piece)


COMMANDS = [import_, export]
