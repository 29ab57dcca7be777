"""`anlan accidents …`."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import NoReturn

import click
from django.utils import translation

from anlan.kernel import clock, law

from . import chain, rules
from .models import GRADES, MOST


@click.group()
def accidents() -> None:
    """Accidents: grades and reporting."""


def _bad(words: str) -> NoReturn:
    click.echo(words, err=True)
    sys.exit(2)


def _whole(option: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > MOST:
        _bad(f"--{option}: a whole number from 0 to {MOST}, not {text!r}")
    return int(text)


def _yuan(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 <= value < Decimal(10) ** 13:
        _bad(f"--loss: an amount in yuan, not negative, not {text!r}")
    return value


@accidents.command("grade")
@click.option("--deaths", default="0", help="how many died")
@click.option("--injured", default="0", help="how many were seriously injured, acute poisoning included")
@click.option("--loss", default="0", help="direct economic loss in yuan")
@click.option("--missing", default="0", help="how many are missing; they count with the deaths")
@click.option("--on", "day", default=None, help="day of the accident, 2013-06-14; today if left out")
@click.option("--json", "as_json", is_flag=True)
def grade_(deaths: str, injured: str, loss: str, missing: str, day: str | None, as_json: bool) -> None:
    """The grade of an accident by Decree 493, and the article that decides it."""
    figures = rules.Figures(
        _whole("deaths", deaths), _whole("missing", missing), _whole("injured", injured), _yuan(loss)
    )
    try:
        on = date.fromisoformat(day) if day else clock.today()
    except ValueError:
        _bad(f"--on: a day written 2013-06-14, not {day!r}")
    try:
        found = rules.grade(figures, on)
    except law.NoRuleInForce as error:
        _bad(f"--on: {error}")
    with translation.override("zh-hans"):
        name = str(dict(GRADES)[found.grade])
    with translation.override("en"):
        name_en = str(dict(GRADES)[found.grade])
    facts = {
        "grade": found.grade,
        "name": name,
        "name_en": name_en,
        "by": found.by,
        "article": found.article,
        "source": found.source,
        "certainty": found.certainty,
        "on": on.isoformat(),
        "criteria": [{"by": r.criterion, "grade": r.grade, "article": r.article} for r in found.reasons],
        "reported_as_far_as": chain.reach(found.grade, datetime(on.year, on.month, on.day, tzinfo=clock.BEIJING)),
    }
    click.echo(
        json.dumps(facts, ensure_ascii=False) if as_json else f"{name} ({name_en}): {found.source}{found.article}"
    )


COMMANDS = [accidents]
