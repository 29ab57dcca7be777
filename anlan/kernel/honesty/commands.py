"""`anlan honesty`."""

from __future__ import annotations

import json as json_
import sys
from datetime import datetime

import click


@click.command()
@click.argument("names", nargs=-1)
@click.option("--month", type=click.DateTime(["%Y-%m"]), help="2013-05; without it the month that runs and the last.")
@click.option(
    "--list", "listing", is_flag=True, help="Say what is looked for, and by which thresholds; look at nothing."
)
@click.option("--json", "as_json", is_flag=True)
def honesty(names: tuple[str, ...], month: datetime | None, listing: bool, as_json: bool) -> None:
    """Look for what makes figures lie, by all checks or those named, and keep what is found."""
    from .. import areas, clock
    from ..deadlines import add_months
    from ..scope import EVERYWHERE, Actor, acting
    from . import running
    from .declaring import checks
    from .models import STANDING, Find

    known = {one.name: one for one in checks()}
    for name in names:
        if name not in known:
            click.echo(f"{name}: there is no such check; there are {', '.join(known)}", err=True)
            sys.exit(2)
    this = running.month_of(clock.today())
    months = [month.date()] if month else [add_months(this, -1), this]
    if months[-1] > this:
        click.echo(f"--month {months[-1]:%Y-%m}: this month has not begun", err=True)
        sys.exit(2)
    if listing:
        for one in checks():
            if not names or one.name in names:
                click.echo(f"{one.name} ({one.severity}, version {one.version}): {one.title}\n  {one.looks_for}")
                click.echo(f"  {one.method}")
                for rule in one.rules(this).values():
                    number = rule.value if rule.value is not None else [str(b.low) for b in rule.bands if b.low]
                    click.echo(f"  {rule.id} = {number} {rule.unit} [{rule.certainty}]")
        return
    with acting(Actor("command", "anlan honesty"), EVERYWHERE):
        outcome = running.Outcome()
        for first in months:
            outcome += running.run(first, names)
        finds = Find.objects.filter(period__in=months, state__in=STANDING).order_by("period", "check_name", "about")
        rows = [
            {"month": f"{f.period:%Y-%m}", "check": f.check_name, "version": f.check_version, "severity": f.severity,
             "area": f.about, "state": f.state, "count": f.count, "chance": f.chance, "words": f.words}
            for f in finds if not names or f.check_name in names
        ]  # fmt: skip
        called = areas.names(str(row["area"]) for row in rows)
    if as_json:
        click.echo(json_.dumps({"new": outcome.new, "again": outcome.again, "gone": outcome.gone, "finds": rows},
                               ensure_ascii=False))  # fmt: skip
        return
    for row in rows:
        odds = "" if row["chance"] is None else f"  p={row['chance']:.2g}"
        where = called[str(row["area"])]
        click.echo(f"{row['month']}  {where}  {row['check']}  [{row['state']}]{odds}\n    {row['words']}")
    click.echo(f"{len(rows)} finds stand: {outcome.new} new, {outcome.again} seen again, {outcome.gone} gone")


COMMANDS = [honesty]
