"""`anlan inspect-next`: whom to inspect next, and why."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from django.utils.translation import override


@click.command("inspect-next")
@click.option("--area", "area_code", default="", help="This division; without it the whole city.")
@click.option("--industry", default="", help="The code of an industry.")
@click.option("--top", default=20, show_default=True, type=click.IntRange(1, 10_000), help="So many enterprises.")
@click.option("--again", is_flag=True, help="Learn anew first, from all inspections on record.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON, with the back-test.")
def inspect_next(area_code: str, industry: str, top: int, again: bool, as_json: bool) -> None:
    """List whom to inspect next, the first first, with what speaks for it."""
    from anlan.kernel import areas, clock
    from anlan.kernel.figures.words import chance
    from anlan.kernel.scope import EVERYWHERE, Actor, acting, area_prefix
    from anlan.parties.models import Industry

    from . import ranking
    from .models import InspectNext, latest
    from .wording import reasons

    with acting(Actor("command", "inspect-next"), EVERYWHERE), override("en"):
        try:
            code, _tier = areas.whole(area_code)
        except areas.NoDivision as error:
            click.echo(str(error), err=True)
            sys.exit(2)
        if industry and not Industry.objects.filter(pk=industry).exists():
            known = ", ".join(Industry.objects.values_list("pk", flat=True))
            click.echo(f"--industry: there is no industry {industry}; there are {known}", err=True)
            sys.exit(2)
        made = ranking.rank(clock.today()) if again else latest()
        if made is None:
            click.echo("nothing is ranked yet: --again ranks now", err=True)
            sys.exit(1)
        rows = InspectNext.objects.filter(areas.within(area_prefix(code), "area_code"))
        rows = rows.filter(industry=industry) if industry else rows
        rows = rows.select_related("enterprise", "industry").order_by("place")[:top]
        facts: list[dict[str, Any]] = [
            {"place": row.place, "enterprise": row.enterprise.name, "credit_code": row.enterprise.credit_code,
             "area": row.area_code, "industry": row.industry_id, "chance": row.chance, "level": row.level,
             "waits": row.waits, "factors": dict(zip(row.factors, row.amounts, strict=True)), "why": reasons(row)}
            for row in rows
        ]  # fmt: skip
        order = made.get_state_display()
    if as_json:
        told = {"version": made.pk, "as_of": made.as_of.isoformat(), "state": made.state, "visits": made.visits,
                "found": made.found, "enterprises": made.enterprises, "trials": made.trials, "rows": facts}  # fmt: skip
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(f"{order}; {made.as_of}, version {made.pk}, from {made.visits:,} inspections")
    for one in facts:
        click.echo(f"{one['place']:7} {chance(one['chance']):>12}  {one['enterprise']}  {one['why']}")


COMMANDS = [inspect_next]
