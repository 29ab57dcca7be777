"""`anlan measure …`."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from datetime import datetime
from typing import NoReturn

import click

BACKENDS = ("postgres", "duckdb", "spark")


@click.command()
@click.argument("names", nargs=-1)
@click.option("--period", "period_text", help="2013, 2013-Q2, 2013-06, 2013-06-X2, 2013-W24, 2013-06-14, ..2013-06.")
@click.option("--by", help="area or industry.")
@click.option("--area", "area_code", default="", help="Only this division; --by area then gives those below it.")
@click.option("--divisions", type=click.DateTime(["%Y-%m-%d"]), help="Areas as they were on that day; 2011-10-01.")
@click.option("--backend", default="postgres", show_default=True, help="postgres; or duckdb or spark: a snapshot.")
@click.option(
    "--master",
    help="The Spark cluster (spark://…), which sees the snapshot's folder; without it one of two "
    "workers is started for the run.",
)
@click.option("--fresh", is_flag=True, help="Take the snapshot anew first.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
def measure(
    names: tuple[str, ...],
    period_text: str | None,
    by: str | None,
    area_code: str,
    divisions: datetime | None,
    backend: str,
    master: str | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Compute measures, all or those named, for a period, beside the period before and the same of last year."""
    from anlan.engines.clusters import NoSpark
    from anlan.engines.measures import BadPeriod, Period
    from anlan.engines.measures.backends import NoSnapshot

    from .. import areas
    from ..scope import EVERYWHERE, Actor, acting
    from . import computing, report

    if period_text is None:
        _refuse("--period is missing: write 2013-06 for June 2013")
    if by not in (None, "area", "industry"):
        _refuse(f"--by {by}: it is area or industry")
    if backend not in BACKENDS:
        _refuse(f"--backend {backend}: there are {', '.join(BACKENDS)}")
    if fresh and backend == "postgres":
        _refuse("--fresh: only --backend duckdb and spark read a snapshot")
    if master and backend != "spark":
        _refuse("--master: only --backend spark runs on a cluster")
    day = divisions.date() if divisions else None
    with acting(Actor("command", "measure"), EVERYWHERE), ExitStack() as running:
        try:
            period = Period.parse(period_text)
            measures = computing.named(names, period.first)
            within, tier = _area(area_code)
            source, as_of = None, None
            if backend != "postgres":
                source = snapshot = _snapshot(fresh)
                as_of = snapshot.taken_at
                if backend == "spark":
                    source = running.enter_context(computing.on_spark(snapshot, master))
            figures = computing.compute(
                names, period, by=(by,) if by else (), tier=tier, within=within, backend=source, as_of=as_of,
                divisions=day,
            )  # fmt: skip
        except (BadPeriod, NoSpark, areas.NoDivision, computing.UnknownMeasure) as error:
            _refuse(str(error))
        except NoSnapshot as error:
            _refuse(f"{error}; take one with --fresh")
        rows = report.places(figures, tier, within, day)
        answer = report.as_json(figures, measures, rows, backend) if as_json else None
    if answer is not None:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        click.echo(report.as_text(figures, measures, rows))


def _area(code: str) -> tuple[str, int]:
    """The prefix of a division's code, and the tier below it: the districts, if none is given."""
    from .. import areas
    from ..scope import area_prefix

    if not code:
        return "", 2
    whole, tier = areas.whole(code)
    return area_prefix(whole), min(tier + 1, 4)


def _snapshot(fresh: bool):  # type: ignore[no-untyped-def]  # DuckDB, whose module is not loaded before it is needed
    from anlan.engines.measures.backends import DuckDB

    from . import computing

    path = computing.snapshot_path()
    return computing.take_snapshot() if fresh or not path.exists() else DuckDB(path)


def _refuse(text: str) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(2)


COMMANDS = [measure]
