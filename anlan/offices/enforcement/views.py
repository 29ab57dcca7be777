"""How the ranking did on the past: gain against lot and "most overdue first", and whether its chances came true."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from anlan.engines.forecast.ranking import FOUND_LEAST, VISITS_LEAST
from anlan.kernel.figures.drawing import Cell, Column, Figure, Row
from anlan.kernel.policy import OFFICIALS

from .models import Ranking, latest


@login_required
@require_safe
def trial(request: HttpRequest) -> HttpResponse:
    """The last ranking's back-test, and how it was learnt."""
    account: Any = request.user
    if account.role not in OFFICIALS:
        raise PermissionDenied
    made = latest()
    context = {"ranking": made, "visits_least": VISITS_LEAST, "found_least": FOUND_LEAST}
    if made is not None and made.trials:
        figure = drawn(made)
        halves = [cell.text for cell in figure.rows[len(figure.rows) // 2 - 1].cells]
        halved = [
            {"begin": one["begin"]}
            | {order: one[order] | {"half": 100 * one[order]["first_half"]} for order in ("model", "overdue")}
            for one in made.trials
        ]
        context |= {"figure": figure, "stretches": halved, "calibration": calibration(made), "halves": halves,
}  # fmt: skip
    return render(request, "enforcement/trial.html", context)


def mean(made: Ranking, of: Any) -> float:
    """Over the stretches of the past, in per cent."""
    return 100 * sum(of(one) for one in made.trials) / len(made.trials)


def drawn(made: Ranking) -> Figure:
    """What share of the grave findings the first tenths of the visits would have held, by each order."""
    steps = len(made.trials[0]["model"]["gain"])

    def cell(order: str, step: int) -> Cell:
        return Cell(round(mean(made, lambda one: one[order]["gain"][step]), 1))

    rows = tuple(
        Row(f"{100 * (step + 1) // steps}%", (
            cell("model", step), cell("overdue", step), Cell(round(100 * (step + 1) / steps, 1)),
        ))
        for step in range(steps)
    )  # fmt: skip
    columns = (Column(_("By this ranking")), Column(_("Most overdue first")), Column(_("Drawn by lot"), guide=True))
    half = rows[steps // 2 - 1].cells
    return Figure(
        "gain", _("What share of the major dangers the first visits find"), "line", _("First visits"), columns, rows,
        unit="%",
        words=_("The first half of the visits would have found %(model)s%%, with most overdue first %(overdue)s%%.")
        % {"model": half[0].text, "overdue": half[1].text},
        basis=_("Mean of %(n)s stretches of the past, each learnt from what was before it.") % {"n": len(made.trials)},
    )  # fmt: skip


def calibration(made: Ranking) -> list[dict[str, float]]:
    """Over all stretches, from the lowest chances to the highest: visits, what was foretold and what came, in %."""
    parts = [one["calibration"] for one in made.trials]
    found = []
    for of in zip(*parts, strict=True):
        visits = sum(p["visits"] for p in of)
        found.append({
            "visits": visits,
            "chance": 100 * sum(p["chance"] * p["visits"] for p in of) / visits,
            "came": 100 * sum(p["came"] * p["visits"] for p in of) / visits,
        })  # fmt: skip
    return found
