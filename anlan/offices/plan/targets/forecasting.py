"""`anlan forecast …`: what the year will end with, and the chance that it meets the adopted plan's target."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

import click
from django.utils.translation import override

from anlan.engines.forecast import Outlook
from anlan.engines.measures import AnyMeasure, Measure, Target

if TYPE_CHECKING:
    from ..models import Target as PlanTarget

METHODS = {
    "none": "no forecast", "naive": "as the same months of last year", "rate": "the plain rate of all months",
    "recent": "the level of late", "season": "level and season", "trend": "level, season and trend",
}  # fmt: skip
WHY = {
    "": "", "too_few_months": "too few months are known", "gap": "months that are needed are not known",
    "not_counts": "the figures are no counts",
}  # fmt: skip


def asked(of: PlanTarget, measure: AnyMeasure) -> Target | None:
    """What the plan's target asks of a year's counts. Of a rate only that it is so many per cent or more of a whole can
    be told from counts."""
    from .standing import demand

    wanted = demand(of, measure)
    if wanted is None or isinstance(measure, Measure) or wanted.kind == "share":
        return wanted
    return Target("share", wanted.value) if wanted.kind == "floor" and wanted.value <= 100 else None


@click.command()
@click.argument("measure")
@click.option("--area", "area_code", default="", help="This division; without it the whole city.")
@click.option("--by", help="area: each area of the next tier, too.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same answer.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
def forecast(measure: str, area_code: str, by: str | None, seed: int, as_json: bool) -> None:
    """Forecast a measure to the year's end, with interval, chance of the plan's target, and back-test."""
    from anlan.kernel import areas, clock
    from anlan.kernel.figures.ahead import WHOLE, NoForecast, monthly
    from anlan.kernel.figures.computing import DIGITS, UnknownMeasure
    from anlan.kernel.scope import EVERYWHERE, Actor, acting, area_prefix

    from ..models import Plan

    if by not in (None, "area"):
        _refuse(f"--by {by}: it is area")
    with acting(Actor("command", "forecast"), EVERYWHERE), override("en"):
        try:
            whole, tier = areas.whole(area_code)
            below = min(tier + 1, 4)
            months = monthly(measure, within=area_prefix(whole), tier=below)
        except (NoForecast, UnknownMeasure, areas.NoDivision) as error:
            _refuse(str(error))
        year = clock.today().year
        plan = Plan.objects.filter(year=year, state="adopted", area_code=whole).first()
        demanded = None if plan is None else plan.targets.filter(measure=measure).order_by("id").first()
        target = None if demanded is None else asked(demanded, months.measure)
        # Only a plan of exactly this area gives a target: a city's caps are no district's.
        found = months.outlooks({} if target is None else {WHOLE: target}, seed)
        names = {WHOLE: areas.names([whole])[whole]}
        if by:
            known = areas.divisions().filter(areas.within(area_prefix(whole), "code"), tier=below).order_by("code")
            names |= {code[: DIGITS[below]]: name for code, name in known.values_list("code", "name")}
        rows = [(name, found[key]) for key, name in names.items() if key in found]
        title = f"{measure}  {months.measure.title} ({months.measure.unit})"
        said = None if demanded is None or target is None else f"{demanded.code} {demanded.amount}"
    if as_json:
        click.echo(json.dumps(_json(measure, year, said, rows), ensure_ascii=False))
        return
    with override("en"):
        click.echo("\n".join([f"{year}  {title}", *(line for name, of in rows for line in _words(name, of, said))]))


def _json(measure: str, year: int, target: str | None, rows: list[tuple[str, Outlook]]) -> dict[str, Any]:
    def plain(of: Any) -> Any:
        return of.isoformat() if isinstance(of, date) else str(of)

    made = [{"title": name, **asdict(of)} for name, of in rows]
    return json.loads(json.dumps({"measure": measure, "year": year, "target": target, "rows": made}, default=plain))  # type: ignore[no-any-return]


def _words(name: str, of: Outlook, target: str | None) -> list[str]:
    from anlan.kernel.figures.words import chance

    lines = ["", f"{name}: {'not available' if of.actual is None else f'{of.actual:,}'} to date"]
    why = f": {WHY[of.why]}" if of.why else ""
    lines.append(f"  {METHODS[of.method]}{why}; {of.known} months known")
    if of.median is None:
        return lines
    lines.append(f"  year's end {of.median:,}, in 4 of 5 cases {of.low:,} to {of.high:,}")
    lines += [f"    {m.first:%Y-%m}  {m.mean:,.1f}  ({m.low:,} to {m.high:,})" for m in of.months]
    if of.chance is not None:
        lines.append(f"  target {target}: met with a probability of {chance(of.chance)}")
    if test := of.backtest:
        lines.append(
            f"  back-test, {test.origins} times {test.h} months ahead: off by {test.mae:,.1f}"
            f" (last year's months: {test.naive_mae:,.1f}); interval held {test.covered:.0%};"
            f" log score {test.score:.2f} ({test.naive_score:.2f})"
        )
    else:
        lines.append("  no back-test: too few months")
    return lines


def _refuse(text: str) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(2)
