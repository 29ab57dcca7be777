"""A month of methane in the history of the demonstration, with the two warnings that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from anlan.kernel import cases, clock
from anlan.kernel.cases.lifecycle import PRODUCT
from anlan.parties.demo import DemoCity

from .grouping import cause_of
from .models import Device, EarlyWarning, Rule

SENSORS, DAYS, MINUTE = 3, 30, 60_000
PLACE, ALARM = "t1", 1.0
"""Where these sensors stand (`monitoring.methane_t1`), and at how many percent the alarm is there."""


def load(city: DemoCity, sensors: Sequence[Device]) -> None:
    """One reading a minute: the first gathers gas three nights before, the second does so at this moment."""
    if not sensors:
        return
    end = int(city.now.timestamp() * 1000)
    ts = np.arange(end - DAYS * 86_400_000, end, MINUTE, dtype=np.int64)
    values = [_usual(ts, number) for number in range(len(sensors))]
    values[0] += _swell(ts, end - 81 * 60 * MINUTE, 40, 55, 1.05)
    if len(sensors) > 1:
        values[1] += _swell(ts, end + 8 * MINUTE, 50, 30, 1.0)
    values = [np.round(curve, 2) for curve in values]
    _keep([one.code for one in sensors], ts, values)
    for sensor in sensors:
        sensor.heard_at = city.now - timedelta(minutes=1)
    Device.objects.bulk_update(sensors, ["heard_at"])
    for sensor, curve, over in zip(sensors[:2], values, (True, False), strict=False):
        _warn(city, sensor, ts, curve, over)


def _usual(ts: Any, number: int) -> Any:
    """A mine's day in three shifts, some noise."""
    rng = np.random.default_rng(20130614 + number)
    shift = 0.06 * np.sin(ts / 28_800_000 * 2 * np.pi + number) + 0.04 * np.sin(ts / 86_400_000 * 2 * np.pi)
    return 0.28 + 0.05 * number + shift + rng.normal(0, 0.02, len(ts))


def _swell(ts: Any, middle: int, before: float, after: float, height: float) -> Any:
    """Gas that gathers over `before` minutes and is gone after `after`."""
    away = (ts - middle) / MINUTE
    return height * np.exp(-(np.where(away < 0, away / before, away / after) ** 2) * 3)


def _keep(codes: Sequence[str], ts: Any, values: Sequence[Any]) -> None:
    import pyarrow as pa

    from anlan.engines.telemetry import history

    from .serving import home

    days = (ts + 8 * 3_600_000) // 86_400_000
    for day in np.unique(days):
        rows = days == day
        count = int(rows.sum())
        columns = {
            "device": np.repeat(codes, count), "ts": np.tile(ts[rows], len(codes)),
            "value": np.concatenate([curve[rows] for curve in values]),
        }  # fmt: skip
        on = datetime.fromtimestamp(int(ts[rows][0]) / 1000, clock.BEIJING).date()
        history.keep_part(home() / "history", on, "ch4", "joined-demonstration", pa.table(columns))


def _warn(city: DemoCity, sensor: Device, ts: Any, curve: Any, over: bool) -> None:
    """The warning that the rule would have opened, at the moment at which it would; `over`: dealt with since."""
    version = Rule.objects.select_related("current").get(name="methane").current
    assert version is not None
    rule = version.content
    above = np.flatnonzero(curve >= ALARM)
    opened, peak = int(ts[above[0]]), float(curve[above[0]])
    at = datetime.fromtimestamp(opened / 1000, clock.BEIJING)
    told = [{"level": "orange", "state": "open", "ts": opened}]

    def prepare(made: EarlyWarning) -> None:
        made.told, made.rule_version = told, version
        made.rule_title, made.rule_title_en = rule["title"]["zh"], rule["title"]["en"]
        made.rule_kind, made.cause_key = rule["kind"], cause_of(sensor, rule["kind"])
        made.lon, made.lat = (None if d is None else Decimal(f"{d:.6f}") for d in (sensor.lon, sensor.lat))

    with clock.frozen(at + timedelta(seconds=1)):
        case = cases.open_case(
            "warning", PRODUCT, prepare=prepare, device=sensor, rule=rule["name"], programme=sensor.programme,
            title=f"{sensor.name}：{rule['title']['zh']}", level="orange", rule_source=rule["source"], value=peak,
            measured_at=at, enterprise_id=sensor.enterprise_id, area_code=sensor.area_code,
            industry_id=sensor.industry_id, place=sensor.place,
        )  # fmt: skip
    if not over:
        return
    gone = int(ts[above[-1] + 1])
    case.told = [*told, {"level": "orange", "state": "clear", "ts": gone}]
    case.cleared_at = datetime.fromtimestamp(gone / 1000, clock.BEIJING)
    case.save()
    by = city.accounts["duty"]
    with clock.frozen(at + timedelta(minutes=4)):
        case = cases.move(case, "acknowledge", by=by, seen_version=case.version)
    with clock.frozen(case.cleared_at + timedelta(minutes=20)):
        cases.move(
            case, "handle", by=by, seen_version=case.version, findings="回风流瓦斯积聚，撤出人员并加大风量后恢复正常"
        )
