"""A rule tried on the readings that are kept: asked for by a person, run by the worker, kept with what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from anlan.kernel import clock
from anlan.kernel.jobs import Report, job
from anlan.kernel.models import Progress

from . import rulebook
from .models import Device, RuleTrial, RuleVersion, Station
from .moments import milliseconds, moment

if TYPE_CHECKING:
    from anlan.engines.telemetry.trial import Fired, Told

DAYS = (7, 30, 90)
WAITING, WITHIN = 3, timedelta(hours=1)
"""So many trials of one person may wait for the worker, which runs one after the other, of those asked for lately."""
SHOWN = 300
"""Devices and days that are kept of a trial; of more it is said how many."""


def may_ask(account: Any) -> bool:
    """Whether somebody may put one more trial."""
    waiting = RuleTrial.objects.filter(account_id=account.pk, state="waiting", end__gt=clock.now() - WITHIN)
    return bool(waiting.count() < WAITING)


def ask(account: Any, text: str, content: Mapping[str, Any], present: RuleVersion | None, days: int) -> RuleTrial:
    """Puts a trial of the text, beside the version in force (None: there is none), over so many days up to now."""
    made: RuleTrial = RuleTrial.objects.create(
        rule_name=content["name"], present=present, text=text, content=content, days=days, end=clock.now(),
        account_id=account.pk,
    )  # fmt: skip
    made.progress = Progress.objects.create(
        title=content["name"], area_code=account.area_code, account_id=account.pk, result_url=made.get_absolute_url()
    )
    made.save()
    run.put(scope=account.scope, account_id=account.pk, lock="monitoring.trial", number=made.pk)
    return made


@job("monitoring.trial", attempts=2, after_failure=lambda number: _failed(number))
def run(number: int) -> None:
    """Runs a trial over the devices of whoever asked for it."""
    from anlan.engines.telemetry.stations import row_of, spread
    from anlan.engines.telemetry.trial import trial

    from .serving import home

    one = RuleTrial.objects.select_related("present").filter(pk=number, state="waiting").first()
    if one is None or one.progress_id is None:
        return
    report = Report(one.progress_id)
    report.begin()
    devices = Device.objects.all()
    if wanted := one.content.get("programmes"):
        devices = devices.filter(Q(programme__in=wanted) | Q(station__programme__in=wanted))
    begin = one.end - timedelta(days=one.days)
    stations = rulebook.stations(devices)
    quiet, limits = rulebook.calibrations(begin), rulebook.limits(past=True)
    rows_quiet, rows_limits = spread(stations, quiet, limits)
    known = dict(devices.values_list("code", "programme"))
    count = len(known)
    found_at = Station.objects.filter(devices__in=devices).values_list("code", "programme")
    known |= {row_of(code): programme for code, programme in found_at}
    found = trial(
        home() / "history", home() / "journal", one.content, known, milliseconds(begin), milliseconds(one.end),
        present=one.present.content if one.present else None,
        limits=[row for row in (*limits, *rows_limits) if row[0] in known],
        calibrations={code: row for code, row in (quiet | rows_quiet).items() if code in known},
        stations=stations, late=rulebook.late(), progress=lambda done, total: report.tell("days", done, total),
    )  # fmt: skip
    rows = _by_day(found.tried.fired, found.present.fired if found.present else [])
    one.found = {
        "devices": count, "readings": found.readings, "until": moment(found.until).isoformat(),
        "whole": found.until >= milliseconds(one.end), "tried": _summed(found.tried),
        "present": _summed(found.present) if found.present else None, "rows": rows[:SHOWN],
        "more": max(len(rows) - SHOWN, 0),
    }  # fmt: skip
    one.state = "done"
    one.save()
    transaction.on_commit(lambda: report.say(state="done"))


def _failed(number: int) -> None:
    one = RuleTrial.objects.select_related("progress").filter(pk=number, state="waiting").first()
    if one is not None and one.progress is not None and one.progress.attempts >= 2:
        one.state, progress = "failed", one.progress.pk
        one.save()
        transaction.on_commit(lambda: Report(progress).say(state="failed"))


def _summed(told: Told) -> dict[str, Any]:
    sight = told.foresight
    return {
        "times": len(told.fired), "devices": len({one.device for one in told.fired}), "suppressed": told.suppressed,
        "levels": Counter(one.level for one in told.fired),
        "foresight": sight and {
            "told": sight.told, "right": sight.right, "crossings": sight.crossings, "foreseen": sight.foreseen,
            "lead_min": None if sight.lead is None else round(sight.lead / 60_000, 1), "precision": sight.precision,
            "recall": sight.recall,
        },
    }  # fmt: skip


def _by_day(tried: list[Fired], present: list[Fired]) -> list[dict[str, Any]]:
    """How often each device would have been warned of on each day in Beijing, the latest first."""
    days: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, fired in (("tried", tried), ("present", present)):
        for one in fired:
            day = moment(one.begin).date().isoformat()
            row = days.setdefault(
                (day, one.device), {"device": one.device, "day": day, "tried": 0, "present": 0, "levels": []}
            )
            row[kind] += 1
            if kind == "tried" and one.level not in row["levels"]:
                row["levels"].append(one.level)
    return [days[key] for key in sorted(days, key=lambda key: (key[0], key[1]), reverse=True)]
