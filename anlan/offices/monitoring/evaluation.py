"""From what landed to warnings: the journal's readings through the rules, what they say into the database.

The stream's state and how far the journal was read are kept together, after what followed from them is in the database.
After a crash some readings are run again, and say again what is there already: a warning knows its events.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from django.db import transaction
from django.db.models import Q

from anlan.engines.telemetry import rules as rule_files
from anlan.engines.telemetry.compiled import compiled
from anlan.engines.telemetry.journal import Tail
from anlan.engines.telemetry.rules import Rules
from anlan.engines.telemetry.stream import BadSnapshot, Change, Event, Stream
from anlan.kernel import cases, clock
from anlan.kernel.cases.engine import enter
from anlan.kernel.cases.lifecycle import PRODUCT
from anlan.kernel.scope import EVERYWHERE, Actor, acting

from .models import LEVELS, Device, EarlyWarning

logger = logging.getLogger(__name__)
RULES = Path(__file__).parent / "rules.yaml"
EVALUATOR = Actor("job", "telemetry")
RANK = {level: place for place, (level, _title) in enumerate(LEVELS)}
HEARD_EVERY = timedelta(hours=6)
"""So often a device's latest reading is written down: each time is an entry of the audit."""
ASKED_EVERY = timedelta(minutes=1)
"""So old what is known of devices may be."""
CORRECTED = "迟到数据表明，该预警不成立"


class Evaluation:
    """One process' evaluation of one journal. `step` reads what came; `keep` makes it safe against a restart."""

    def __init__(self, journal: Path, snapshot: Path, rules: Rules | None = None) -> None:
        self._rules, self._snapshot = rules or rule_files.read(RULES), snapshot
        self._said = {rule["name"]: rule for rule in self._rules.rules}
        made, kept = compiled(self._rules), None
        if snapshot.exists():
            try:
                kept = Stream.restored(made, snapshot)
            except BadSnapshot as error:
                # The readings are all there: what they say is found again, and said once.
                logger.warning("the state of the evaluation cannot be read and begins anew: %s", error)
        self.stream = kept or Stream(made)
        self.tail = Tail(journal, self.stream.extra)
        self._heard: dict[str, int] = {}
        self._asked: set[str] = set()
        self._asked_at = clock.now()
        self._know(self.stream.names)
        self.unknown = 0
        """Changes of devices that no register knows."""

    def step(self) -> int:
        """Reads what came since, and puts what follows into the database; returns how many changes there were."""
        changes: list[Change] = []
        for batch in self.tail.read():
            devices = batch.column("device")
            self._know(pc.unique(devices).to_pylist())
            changes += self.stream.feed_arrow(batch)
            self._hear(devices, batch.column("ts").to_numpy(zero_copy_only=False))
        changes += self.stream.advance(int(clock.now().timestamp() * 1000) - self._rules.late)
        self._write(changes)
        return len(changes)

    def keep(self) -> None:
        """Keeps state and place, on disk when this returns."""
        self.stream.taken()  # what is final was told as it came
        self.stream.save(self._snapshot, extra=self.tail.places)

    def _know(self, devices: Iterable[str]) -> None:
        """Tells the stream the programmes of devices; of each again after a while, as somebody may have changed it."""
        if clock.now() - self._asked_at > ASKED_EVERY:
            self._asked, self._asked_at = set(), clock.now()
        if new := set(devices) - self._asked:
            with acting(EVALUATOR, EVERYWHERE):
                self.stream.know(dict(Device.objects.filter(code__in=new).values_list("code", "programme")))
            self._asked |= new

    def _hear(self, devices: Any, ts: Any) -> None:
        encoded = devices.dictionary_encode()
        last = np.zeros(len(encoded.dictionary), np.int64)
        np.maximum.at(last, encoded.indices.to_numpy(zero_copy_only=False), ts)
        there = np.flatnonzero(last)
        for name, at in zip(encoded.dictionary.take(there).to_pylist(), last[there].tolist(), strict=True):
            self._heard[name] = max(at, self._heard.get(name, 0))

    def _write(self, changes: list[Change]) -> None:
        if not changes and not self._heard:
            return
        with acting(EVALUATOR, EVERYWHERE), transaction.atomic():
            self._note_heard()
            if changes:
                known = Device.objects.select_related("enterprise").in_bulk(
                    {change.event.device for change in changes}, field_name="code"
                )
                for change in changes:
                    self._apply(change, known)

    def _note_heard(self) -> None:
        heard, self._heard = self._heard, {}
        if not heard:
            return
        moments = {name: datetime.fromtimestamp(at / 1000, UTC) for name, at in heard.items()}
        old = Q(heard_at__isnull=True) | Q(heard_at__lt=max(moments.values()) - HEARD_EVERY)
        due = [one for one in Device.objects.filter(old, code__in=list(moments)) if _newer(one, moments[one.code])]
        for one in due:
            one.heard_at = moments[one.code]
        Device.objects.bulk_update(due, ["heard_at"])

    def _apply(self, change: Change, known: Mapping[str, Device]) -> None:
        event, device = change.event, known.get(change.event.device)
        if device is None:
            self.unknown += 1
            return
        if event.suppressed:
            return  # under calibration: recorded with the readings, and no warning
        if change.what == "withdrawn":
            _withdraw(device, event)
        elif change.what == "clear":
            _clear(device, event)
        else:
            self._open(device, event)

    def _open(self, device: Device, event: Event) -> None:
        case = EarlyWarning.objects.filter(device=device, rule=event.rule, closed_at__isnull=True).first()
        if case is None:
            if _of(device, event) is not None:
                return  # said before, and dealt with since
            said = self._said[event.rule]

            def prepare(made: EarlyWarning) -> None:
                """What belongs to the warning, and is no news of its history."""
                made.told, made.rule_version = [_told(event)], self._rules.version
                made.lon, made.lat = _six(device.lon), _six(device.lat)

            cases.open_case(
                "warning", PRODUCT, prepare=prepare, device=device, rule=event.rule, programme=device.programme,
                title=f"{device.name}：{said['title']['zh']}"[:200], level=event.level, rule_source=said["source"],
                value=event.value, measured_at=_moment(event), enterprise_id=device.enterprise_id,
                area_code=device.area_code, industry_id=device.industry_id, place=device.place,
            )  # fmt: skip
            return
        if _told(event) in case.told:
            return
        higher = RANK[event.level] > RANK.get(case.level, -1)
        case.told = [*case.told, _told(event)]
        case.cleared_at = None
        if higher:
            case.level, case.value = event.level, event.value
        case.save()
        if higher:
            _note(case, "raised", event)


def _clear(device: Device, event: Event) -> None:
    opened = _opened_before(device, event)
    if opened is None or _told(event) in opened.told:
        return
    opened.told = [*opened.told, _told(event)]
    over = not _standing(opened.told)
    if over:
        opened.cleared_at = _moment(event)
    opened.save()
    _note(opened, "normal" if over else "lowered", event)


def _withdraw(device: Device, event: Event) -> None:
    case = _of(device, event)
    if case is None:
        return
    case.told = [one for one in case.told if one != _told(event)]
    case.cleared_at = case.cleared_at if not _standing(case.told) else None
    case.save()
    if case.closed_at is None and not any(one["state"] == "open" for one in case.told):
        cases.move(case, "dismiss", by=PRODUCT, seen_version=case.version, cause=CORRECTED)
    elif event.state == "open":
        _note(case, "corrected", event)


def _of(device: Device, event: Event) -> EarlyWarning | None:
    """The warning to which the event belongs."""
    return EarlyWarning.objects.filter(device=device, rule=event.rule, told__contains=[_told(event)]).first()


def _opened_before(device: Device, event: Event) -> EarlyWarning | None:
    """The warning whose level the event clears: the last one that opened before it."""
    return (
        EarlyWarning.objects.filter(device=device, rule=event.rule, measured_at__lte=_moment(event))
        .order_by("-measured_at").first()
    )  # fmt: skip


def _standing(told: Iterable[Mapping[str, Any]]) -> set[str]:
    """The levels that are open after these events."""
    last: dict[str, tuple[int, str]] = {}
    for one in told:
        last[one["level"]] = max(last.get(one["level"], (-1, "")), (one["ts"], one["state"]))
    return {level for level, (_ts, state) in last.items() if state == "open"}


def _told(event: Event) -> dict[str, Any]:
    return {"level": event.level, "state": event.state, "ts": event.ts}


def _note(case: EarlyWarning, name: str, event: Event) -> None:
    level = next(str(title) for code, title in LEVELS if code == event.level)
    enter(case, name, case.state, PRODUCT, {"level": level, "value": f"{event.value:g}"}, clock.now())


def _moment(event: Event) -> datetime:
    return datetime.fromtimestamp(event.ts / 1000, UTC)


def _newer(device: Device, at: datetime) -> bool:
    return device.heard_at is None or device.heard_at < at - HEARD_EVERY


def _six(degrees: float | None) -> Decimal | None:
    return None if degrees is None else Decimal(f"{degrees:.6f}")
