"""`anlan risk`: the annual safety-risk assessment of every district and industry (R3), with its method."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import click
import yaml
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from anlan.engines.forecast.assessment import Assessed, Scheme, assess
from anlan.engines.measures import Period
from anlan.kernel import areas, clock
from anlan.kernel.figures import computing, words
from anlan.kernel.scope import EVERYWHERE, Actor, acting

COLOURS = {
    "red": _("Red: major"), "orange": _("Orange: larger"), "yellow": _("Yellow: general"), "blue": _("Blue: low"),
}  # fmt: skip
READERS = ("city", "department", "district", "duty")
"""Whose area is a district at least: of a part of one the assessment says nothing."""
Place = tuple[str, str | None]
"""A district's first six digits and an industry's code, None for what is assigned to none."""


@cache
def scheme() -> Scheme:
    """The method, as `risk.yaml` says it."""
    return Scheme.of(yaml.load(Path(__file__).with_name("risk.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader))


def assessed() -> tuple[dict[Place, Assessed[Place]], datetime]:
    """Every district and industry of which anything is recorded, by the year to date, and of what moment it is.

    Counted for the whole city, one query for each table: a colour compares a cell with all others, and is not to
    depend on who looks. What of it somebody may see is for the caller to say.
    """
    names, year = scheme().measures, Period.of("year", clock.today())
    with acting(Actor("job", "risk"), EVERYWHERE, savepoint=False):
        figures = computing.lately(names, year, by=("area", "industry"), tier=2)
    measures = computing.named(names, year.first)
    # What lies in the city itself is of no district, and is compared with none.
    cells = [(area, industry) for area, industry in figures.keys("area", "industry") if area and area[2:] != "0000"]
    counts = {
        (area, industry): {
            one.name: float(figures.at(one, area=area, industry=industry).now.value or 0) for one in measures
        }
        for area, industry in cells
    }
    return assess(counts, scheme()), figures.as_of


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON, with every factor.")
def risk(as_json: bool) -> None:
    """Assess every district and industry by the year to date, in four colours, and print the method."""
    with acting(Actor("command", "risk"), EVERYWHERE), override("en"):
        found, _as_of = assessed()
        industries = words.industries()
        names = areas.names({area.ljust(12, "0") for area, _industry in found})
        rows = [(names[area.ljust(12, "0")], industries[ind], of) for (area, ind), of in found.items()]
        method, lines = _method(), _words(rows)
    if as_json:
        made = [
            {"area": a[0], "industry": a[1], "area_title": row[0], **asdict(row[2])}
            for a, row in zip(found, rows, strict=True)
        ]
        click.echo(json.dumps({"method": asdict(scheme()), "cells": made}, ensure_ascii=False))
    else:
        click.echo("\n".join([*method, "", *lines]))


def _method() -> list[str]:
    lines = ["Method (anlan/offices/plan/risk/risk.yaml; weights and limits are the city's to set):"]
    lines += [
        f"  {f.weight:g} points: {f.measure} against what is usual for so many {f.per}, {f.low:g} to {f.high:g} times"
        for f in scheme().factors
    ]
    lines.append(f"  {scheme().steadied:g} events are added to what was counted and to what is usual")
    lines += [f"  {COLOURS[colour]} from {points:g} points" for colour, points in scheme().levels.items()]
    held = scheme().at_least.items()
    return lines + [f"  at least {COLOURS[colour]} where there is: {name}" for name, colour in held]


def _words(rows: list[tuple[str, str, Assessed[Any]]]) -> list[str]:
    made = []
    for area, industry, of in sorted(rows, key=lambda row: (list(COLOURS).index(row[2].colour), -row[2].points)):
        parts = ", ".join(
            f"{p.factor.measure} {p.count:g} (usual {p.expected:.1f}): {p.points:.0f}"
            for p in of.parts
            if p.points >= 0.5
        )
        held = f"; held by {of.held_by}" if of.held_by else ""
        made.append(f"{COLOURS[of.colour]!s:15} {of.points:5.1f}  {area} {industry}  {parts}{held}")
    return made
