"""From what landed to warnings: the journal's readings through the rules, what they say into the database.

The stream's state and how far the journal was read are kept together, after what followed from them is in the database.
After a crash some readings are run again, and say again what is there already: a warning knows its events.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from django.db import connection
from django.db.models import Case, F, Q, QuerySet, When

from anlan.engines.telemetry.compiled import Compiled, compiled
from anlan.engines.telemetry.journal import Tail
from anlan.engines.telemetry.rules import Rules
from anlan.engines.telemetry.snapshot import BadSnapshot
from anlan.engines.telemetry.stations import SIGN, row_of
from anlan.engines.telemetry.stream import PROCESSORS, Change, Event, Stream
from anlan.kernel import cases, clock
from anlan.kernel.areas import LAT, LON
from anlan.kernel.cases.engine import enter, enter_each, news
from anlan.kernel.cases.lifecycle import PRODUCT
from anlan.kernel.scope import EVERYWHERE, Actor, acting

from . import grouping, rulebook
from .grouping import CORRECTED, RANK, held
from .latest import Heard
from .models import Device, EarlyWarning, Station, Suppressed
from .moments import milliseconds, moment
from .programmes import MOVING

logger = logging.getLogger(__name__)
EVALUATOR = Actor("job", "telemetry")
ASKED_EVERY = timedelta(seconds=30)
"""So old what is known of rules and devices may be."""
COMMITTED_WITHIN = timedelta(hours=1)
"""So long a transaction may last that changes devices: what it wrote is seen when it ends."""
QUIET_BEFORE = timedelta(days=1)
"""So long a calibration is remembered: what comes late is told of it."""
BURST = 12
"""So many changes of one device and rule are told as they come, and one more each time the state is kept. Of what a
sensor says beyond that, jumping about its limit, only how it stands is told, whenever the state is kept: whoever has
one key must not keep the warnings of a whole city waiting."""


class Evaluation:
    """One process' evaluation of one journal. `step` reads what came; `keep` makes it safe against a restart."""

    def __init__(self, journal: Path, snapshot: Path, rules: Rules | None = None) -> None:
        self._snapshot, self._fixed = snapshot, rules
        with acting(EVALUATOR, EVERYWHERE):
            self._take_rules(*((rules, {}) if rules else rulebook.current()))
        made, kept = compiled(self._rules), None
        if snapshot.exists():
            try:
                kept = self._restored(made)
            except BadSnapshot as error:
                # The readings are all there: what they say is found again, and said once.
                logger.warning("the state of the evaluation cannot be read and begins anew: %s", error)
        self.stream = kept or Stream(made, parts=PROCESSORS)
        self.tail = Tail(journal, self.stream.extra)
        self._now = Heard()
        self._asked: set[str] = set()
        self._asked_at = clock.now()
        self._stretches: dict[str, list[tuple[int, int]]] = {}
        self._quiet: dict[str, int] = {}
        """Devices under calibration, until when in ms: what stands then is told."""
        self._spent: dict[tuple[str, str], list[str]] = {}
        """Levels of the changes of a device and rule that were told lately."""
        self._jumping: dict[tuple[str, str], dict[tuple[str, str], Event]] = {}
        """Of devices and rules beyond that, the last event of each level and state."""
        self._know(self.stream.names)
        self.unknown = 0
        """Changes of devices that no register knows."""

    def _restored(self, rules: Compiled) -> Stream:
        """The stream as it was kept. What waits in the window is looked at anew at once, and must know which devices
        are under calibration, lest what they show be told as a warning."""
        with acting(EVALUATOR, EVERYWHERE):
            quiet = rulebook.calibrations(clock.now() - QUIET_BEFORE)
        return Stream.restored(rules, self._snapshot, calibrations=quiet, parts=PROCESSORS)

    def _take_rules(self, rules: Rules, versions: Mapping[str, int]) -> None:
        self._rules, self._versions = rules, versions
        self._said = {rule["name"]: rule for rule in rules.rules}

    def step(self) -> int:
        """Reads what came since, and puts what follows into the database; returns how many changes there were."""
        if clock.now() - self._asked_at > ASKED_EVERY:
            self._ask_anew()
        changes: list[Change] = []
        for batch in self.tail.read():
            devices = batch.column("device")
            self._know(pc.unique(devices).to_pylist())
            changes += self.stream.feed_arrow(batch)
            self._now.hear(batch)
        changes += self.stream.advance(milliseconds(clock.now()) - self._rules.late)
        self._write(changes)
        self._now.write(EVALUATOR)
        return len(changes)

    def keep(self) -> None:
        """Keeps state and place, on disk when this returns; tells how that stands which changes too often."""
        self.keeping().result()

    def keeping(self) -> Future[None]:
        """As `keep`, but the evaluation may go on while the disk works: the future is done when it is on disk."""
        self._tell_jumping()
        self.stream.taken()  # what is final was told as it came
        return self.stream.saving(self._snapshot, extra=self.tail.places)

    def _ask_anew(self) -> None:
        """Takes up what was changed of rules and devices since, and tells what stands after a calibration."""
        before, self._asked_at = self._asked_at, clock.now()
        if not self._fixed:
            with acting(EVALUATOR, EVERYWHERE):
                rules, versions = rulebook.current()
            if rules.version != self._rules.version:
                logger.info("the rules have changed: %d in force", len(versions))
                # As over a restart: a level that says the same goes on where it stood.
                self.keep()
                self.stream = self._restored(compiled(rules))
                self._asked = set()
                self._know(self.stream.names)
            self._take_rules(rules, versions)
        with acting(EVALUATOR, EVERYWHERE):
            changed = rulebook.changed(before - COMMITTED_WITHIN, before.date()) & self._asked
        self._asked -= changed
        self._know(changed)
        self._tell_what_stands()

    def _tell_what_stands(self) -> None:
        """What opened under a calibration that is over, and still stands as the device goes on, is a warning now."""
        now = milliseconds(clock.now())
        for name, stretches in self._stretches.items():
            begun = [until for begin, until in stretches if begin <= now]
            if begun and self.stream.seen(name) < max(begun):
                self._quiet[name] = max(begun)
            elif name in self._quiet:  # over, ended early, or taken back
                self._quiet[name] = min(self._quiet[name], max(begun, default=now))
        over = {name: until for name, until in self._quiet.items() if self.stream.seen(name) >= until}
        self._quiet = {name: until for name, until in self._quiet.items() if name not in over}
        stands = [e._replace(ts=until) for name, until in over.items() for e in self.stream.standing(name)]
        if not stands:
            return
        with acting(EVALUATOR, EVERYWHERE):
            latest = Suppressed.objects.filter(device__code__in={event.device for event in stands}).order_by(
                "device", "rule", "level", "-measured_at"
            ).distinct("device", "rule", "level")  # fmt: skip
            rows = latest.values_list("device__code", "rule", "level", "state")
            opened = {tuple(row) for *row, state in rows if state == "open"}
        self._write([Change("open", event) for event in stands if (event.device, event.rule, event.level) in opened])

    def _know(self, devices: Iterable[str]) -> None:
        """Tells the stream the programmes, settings, calibrations and stations of devices that were not asked for
        yet."""
        if new := {name for name in set(devices) - self._asked if not name.startswith(SIGN)}:
            left = {self.stream.stations[name][0] for name in new if name in self.stream.stations}
            with acting(EVALUATOR, EVERYWHERE):
                asked = rulebook.together(new, left)
                programmes, quiet, limits, stations = rulebook.known(clock.now() - QUIET_BEFORE, asked)
            self.stream.station(dict.fromkeys(asked) | stations)
            self.stream.know(programmes, quiet)
            self.stream.configure([*asked, *{row_of(station) for station, _role in stations.values()}], limits)
            self._stretches |= {name: rows for name, rows in quiet.items() if rows or name in self._stretches}
            self._asked |= set(asked)

    def _write(self, changes: list[Change]) -> None:
        if not changes:
            return
        with acting(EVALUATOR, EVERYWHERE):
            known = _registered({change.event.device for change in changes})
            changes = [change for change in changes if not _after_service(change, known.get(change.event.device))]
            self._set_aside([change for change in changes if change.event.suppressed], known)
            self._tell([change for change in changes if not change.event.suppressed and self._may_tell(change)], known)

    def _tell(self, told: Sequence[Change], known: Mapping[str, Device]) -> None:
        taken = self._open_new(told, known)
        taken |= _clear_alone(told, taken, known)
        for place, change in enumerate(told):
            if place not in taken:
                self._apply(change, known)

    def _may_tell(self, change: Change) -> bool:
        """Whether a change is told as it comes: of each device and rule so many. A level that was not reached lately
        is never kept back."""
        event, key = change.event, (change.event.device, change.event.rule)
        spent = self._spent.setdefault(key, [])
        if (key not in self._jumping and len(spent) < BURST) or (change.what == "open" and event.level not in spent):
            spent.append(event.level)
            return True
        last, place = self._jumping.setdefault(key, {}), (event.level, event.state)
        if change.what != "withdrawn":
            last[place] = event
        elif place in last and last[place].ts == event.ts:
            del last[place]
        return False

    def _tell_jumping(self) -> None:
        """Tells how each device and rule stands of which changes were kept back, as far as its warning does not say
        so."""
        if self._jumping:
            with acting(EVALUATOR, EVERYWHERE):
                known = _registered({device for device, _rule in self._jumping})
                for (name, rule), last in self._jumping.items():
                    if (device := known.get(name)) is not None:
                        self._tell(list(self._stands(device, rule, last)), known)
        self._jumping = {}
        self._spent = {key: levels[1:] for key, levels in self._spent.items() if len(levels) > 1}

    def _stands(self, device: Device, rule: str, last: Mapping[tuple[str, str], Event]) -> Iterable[Change]:
        """What must be told of a rule so that its warning says what was last, and how its levels stand."""
        own = held().filter(device=device, rule=rule)
        case = own.order_by(F("closed_at").desc(nulls_first=True), "-measured_at").first()
        said = _standing(case.told) if case else set()
        rows = self.stream.rows(device.code)
        standing = {e.level: e for row in rows for e in self.stream.standing(row) if e.rule == rule}
        for level in RANK:
            opened, over = last.get((level, "open")), last.get((level, "clear"))
            if opened is None and level not in said and not self._quiet.keys() & set(rows):
                opened = standing.get(level)
            if opened is not None:
                yield Change("open", opened)
            if level not in standing and (opened is not None or level in said):
                if over is None or (opened is not None and over.ts < opened.ts):
                    seen, value = self.stream.seen(device.code), case.value if case else 0.0
                    over = Event(seen, device.code, rule, level, "clear", value, suppressed=False)
                yield Change("clear", over)

    def _set_aside(self, changes: list[Change], known: Mapping[str, Device]) -> None:
        """Keeps what devices under calibration show; no warning comes of it."""
        ends: dict[tuple[str, str, str], list[Change]] = {}
        for one in changes:
            if one.what != "withdrawn" and one.event.device in known:
                ends.setdefault((one.event.device, one.event.rule, one.event.level), []).append(one)
        told = [
            Suppressed(
                device=known[one.event.device], rule=one.event.rule, level=one.event.level, state=one.event.state,
                rule_version_id=self._versions.get(one.event.rule), value=one.event.value,
                measured_at=moment(one.event.ts),
            )
            for several in ends.values()
            for one in (several if len(several) <= BURST else [*several[: BURST - 1], several[-1]])
        ]  # fmt: skip
        Suppressed.objects.bulk_create(told, ignore_conflicts=True)

    def _apply(self, change: Change, known: Mapping[str, Device]) -> None:
        event, device = change.event, known.get(change.event.device)
        if change.what == "open" and device is not None:
            self._open(device, event)
        elif device is None and not (event.station and change.what != "open"):
            self.unknown += 1
        elif change.what == "withdrawn":
            _withdraw(event)
        else:
            _clear(event)

    def _open_new(self, changes: Sequence[Change], known: Mapping[str, Device]) -> set[int]:
        """Opens the warnings of devices and rules that have none, in a number of statements that does not grow with
        how many there are: a power cut silences thousands at once. Returns the places of the changes that it took.

        Levels that one reading opens are one warning of the highest of them.
        """
        groups: dict[tuple[int, str], list[int]] = {}
        ended = set()
        for place, change in enumerate(changes):
            if (device := known.get(change.event.device)) is not None:
                key = device.pk, change.event.rule
                begun = groups.get(key)
                if change.what != "open" or (begun and changes[begun[0]].event.ts != change.event.ts):
                    ended.add(key)
                elif key not in ended:
                    groups.setdefault(key, []).append(place)
        if not groups:
            return set()
        at = {key: changes[places[0]].event.station for key, places in groups.items()}
        whose = Q(device__in={device for device, _rule in groups}) | Q(station__code__in=set(filter(None, at.values())))
        standing = held().filter(whose, closed_at__isnull=True).values_list("device_id", "station__code", "rule")
        busy = {key for device, station, rule in standing for key in ((device, rule), (station, rule))}
        new = {key: places for key, places in groups.items() if not {key, (at[key] or key[0], key[1])} & busy}
        if not new:
            return set()
        first = [changes[places[0]].event for places in new.values()]
        told = [json.dumps([_told(event)]) for event in first]
        table = EarlyWarning._meta.db_table
        said = f'EXISTS (SELECT FROM "{table}" w WHERE w.rule = t.rule AND w.told @> t.told AND '
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT t.device, t.rule FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::jsonb[]) "
                f"AS t (device, rule, station, told) WHERE {said} w.device_id = t.device) "
                f"OR t.station <> '' AND {said} "
                f'w.station_id = (SELECT id FROM "{Station._meta.db_table}" s WHERE s.code = t.station))',
                [*map(list, zip(*new, strict=True)), [event.station for event in first], told],
            )
            for key in cursor.fetchall():  # said before, and dealt with since
                del new[key]
        self._begin([[changes[place].event for place in places] for places in new.values()], known)
        return {place for places in new.values() for place in places}

    def _begin(self, several: Sequence[Sequence[Event]], known: Mapping[str, Device]) -> None:
        """A warning for each of these runs of events, each of one device and rule. Of each cause the gravest stands by
        itself."""
        causes = [grouping.cause_of(known[one[0].device], self._said[one[0].rule]["kind"]) for one in several]
        heads = grouping.heads_of(set(causes))
        alone: dict[str, int] = {}
        for n, run in enumerate(several):
            if causes[n] not in heads and _rank(run) > _rank(several[alone.setdefault(causes[n], n)]):
                alone[causes[n]] = n
        firsts = sorted(alone.values())
        made = cases.open_cases("warning", PRODUCT, [self._warning(several[n], known, causes[n]) for n in firsts])
        heads |= {causes[n]: case for n, case in zip(firsts, made, strict=True)}
        others = [n for n, cause in enumerate(causes) if alone.get(cause) != n]
        under = cases.open_cases(
            "warning", PRODUCT, [self._warning(several[n], known, causes[n], heads[causes[n]]) for n in others]
        )
        gravest: dict[str, EarlyWarning] = {}
        for n, case in zip(others, under, strict=True):
            if RANK[case.level] > RANK[gravest.setdefault(causes[n], case).level]:
                gravest[causes[n]] = case
        for cause, case in gravest.items():
            grouping.lift(heads[cause], case)

    def _warning(
        self, run: Sequence[Event], known: Mapping[str, Device], cause: str, head: EarlyWarning | None = None
    ) -> tuple[dict[str, Any], Callable[[EarlyWarning], None]]:
        """What a warning says of these events, and what belongs to it that is no news of its history."""
        device, said = known[run[0].device], self._said[run[0].rule]
        highest = max(run, key=lambda event: RANK[event.level])
        station = device.station if device.station and device.station.code == run[0].station else None
        called = f"{station.name} {device.name}" if station else device.name
        lon, lat, place = self._where(device)

        def prepare(made: EarlyWarning) -> None:
            made.told, made.rule_version_id = [_told(event) for event in run], self._versions.get(run[0].rule)
            made.lon, made.lat = _six(lon), _six(lat)
            made.rule_title, made.rule_title_en = said["title"]["zh"], said["title"]["en"]
            made.rule_kind, made.cause_key = said["kind"], cause
            if head is not None:
                grouping.put_under(made, head)

        facts = {
            "device": device, "rule": run[0].rule, "programme": device.programme,
            "title": f"{called}：{said['title']['zh']}"[:200], "level": highest.level,
            "rule_source": said["source"], "value": highest.value, "measured_at": moment(run[0].ts),
            "enterprise_id": device.enterprise_id, "area_code": device.area_code,
            "industry_id": device.industry_id, "place": place, "station": station,
        }  # fmt: skip
        return facts, prepare

    def _where(self, device: Device) -> tuple[float | None, float | None, str]:
        """Longitude, latitude and place of a device: of one that drives or sails where it was last, and not where it
        is at home."""
        if device.programme in MOVING:
            row = getattr(device, "latest", None)
            lon, lat = self._now.place(device.code) or (row and (row.lon, row.lat)) or (None, None)
            if lon is not None and lat is not None and LON[0] <= lon <= LON[1] and LAT[0] <= lat <= LAT[1]:
                return lon, lat, f"东经{lon:.5f}°，北纬{lat:.5f}°"
        return device.lon, device.lat, device.place

    def _open(self, device: Device, event: Event) -> None:
        case = _own(event, closed_at__isnull=True).first()
        if case is None:
            if _of(event) is None:  # or it was said before, and dealt with since
                self._begin([[event]], {event.device: device})
            return
        if _told(event) in case.told:
            return
        higher = RANK[event.level] > RANK.get(case.level, -1)
        case.told = [*case.told, _told(event)]
        case.measured_at = min(case.measured_at, moment(event.ts))  # late readings show that it began before
        again, case.cleared_at = case.cleared_at is not None, None
        if higher:
            grouping.rise(case, event.level, event.value)
        else:
            case.save()
            if again:
                _note(case, "again", event)


def _registered(codes: Collection[str]) -> dict[str, Device]:
    """What the register knows of these devices, by code, with what a warning says of them."""
    return Device.objects.select_related("enterprise", "station", "latest").in_bulk(codes, field_name="code")


def _clear(event: Event) -> None:
    opened = _opened_before(event)
    if opened is not None and (how := _cleared(opened, event)):
        opened.save()
        _note(opened, how, event)


def _cleared(opened: EarlyWarning, event: Event) -> str:
    """Adds the end to what a warning was told; how that is called in its history, nothing where it is no end of it."""
    # A level that opened under calibration has no warning: its end is none of an older one.
    if _told(event) in opened.told or event.level not in _standing(opened.told):
        return ""
    opened.told = [*opened.told, _told(event)]
    if _standing(opened.told):
        return "lowered"
    opened.cleared_at = moment(event.ts)
    return "normal"


def _clear_alone(changes: Sequence[Change], taken: Collection[int], known: Collection[str]) -> set[int]:
    """Tells the ends of those devices and rules of which nothing else is left to tell, in a number of statements that
    does not grow with how many there are: when the power comes back thousands are heard again. Returns their places.

    Those of rules over stations are told one by one: whose they are is more than a device and a rule.
    """
    left: dict[tuple[str, str], list[int]] = {}
    for place, change in enumerate(changes):
        if place not in taken and change.event.device in known:
            left.setdefault((change.event.device, change.event.rule), []).append(place)
    alone = {key: places for key, places in left.items() if _is_an_end([changes[place] for place in places])}
    if len(alone) < 2:
        return set()
    ends = {key: [changes[place].event for place in places] for key, places in alone.items()}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT t.device, t.rule, w.id FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS t (device, rule, at)
            JOIN "{Device._meta.db_table}" d ON d.code = t.device
            CROSS JOIN LATERAL (
              SELECT id FROM "{EarlyWarning._meta.db_table}" w
              WHERE w.device_id = d.id AND w.rule = t.rule AND w.measured_at <= t.at
              ORDER BY w.measured_at DESC LIMIT 1) w
            """,
            [*map(list, zip(*ends, strict=True)), [moment(events[0].ts) for events in ends.values()]],
        )
        whose = {(device, rule): key for device, rule, key in cursor.fetchall()}
    opened, now = held().in_bulk(whose.values()), clock.now()
    changed, told = set(), []
    for key, number in whose.items():
        case = opened[number]
        for event in ends[key]:
            if how := _cleared(case, event):
                case.version, case.updated_at = case.version + 1, now
                changed.add(case)
                told.append(news(case, how, PRODUCT, _facts(event), now))
    EarlyWarning.objects.bulk_update(changed, ["told", "cleared_at", "version", "updated_at"], batch_size=200)
    enter_each(told)
    return {place for places in alone.values() for place in places}


def _is_an_end(changes: Sequence[Change]) -> bool:
    """Whether this is all that one reading of a device ended of a rule."""
    return not any(c.what != "clear" or c.event.station or c.event.ts != changes[0].event.ts for c in changes)


def _withdraw(event: Event) -> None:
    case = _of(event)
    if case is None:
        return
    case.told = [one for one in case.told if one != _told(event)]
    opened = [one for one in case.told if one["state"] == "open"]
    case.measured_at = min((moment(one["ts"]) for one in opened), default=case.measured_at)
    case.cleared_at = case.cleared_at if not _standing(case.told) else None
    case.save()
    if case.closed_at is None and not opened:
        cases.move(case, "dismiss", by=PRODUCT, seen_version=case.version, cause=CORRECTED)
    elif event.state == "open" and all(one["level"] != event.level for one in opened):
        _note(case, "corrected", event)  # else it opened at another moment only


def _own(event: Event, **more: Any) -> QuerySet[EarlyWarning]:
    """The warnings of the event's device and rule. Of a rule over stations those of the station come first: the device
    that was judged there may have been replaced, and nobody else would ever end what it opened."""
    own = held().filter(rule=event.rule, **more)
    if not event.station:
        return own.filter(device__code=event.device)
    there = Q(station__code=event.station)
    return own.filter(there | Q(device__code=event.device)).order_by(Case(When(there, then=0), default=1))


def _of(event: Event) -> EarlyWarning | None:
    """The warning to which the event belongs."""
    return _own(event, told__contains=[_told(event)]).first()


def _opened_before(event: Event) -> EarlyWarning | None:
    """The warning whose level the event clears: the last one that opened before it."""
    own = _own(event, measured_at__lte=moment(event.ts))
    return own.order_by(*own.query.order_by, "-measured_at").first()


def _after_service(change: Change, device: Device | None) -> bool:
    """Whether it opens after its device was taken out of service: one that was replaced is silent for ever. A station
    goes on without it."""
    removed = device.removed_on if device is not None and not change.event.station else None
    return change.what == "open" and removed is not None and removed <= moment(change.event.ts).date()


def _rank(run: Iterable[Event]) -> int:
    return max(RANK[event.level] for event in run)


def _standing(told: Iterable[Mapping[str, Any]]) -> set[str]:
    """The levels that are open after these events."""
    last: dict[str, tuple[int, str]] = {}
    for one in told:
        last[one["level"]] = max(last.get(one["level"], (-1, "")), (one["ts"], one["state"]))
    return {level for level, (_ts, state) in last.items() if state == "open"}


def _told(event: Event) -> dict[str, Any]:
    return {"level": event.level, "state": event.state, "ts": event.ts}


def _note(case: EarlyWarning, name: str, event: Event) -> None:
    enter(case, name, case.state, PRODUCT, _facts(event), clock.now())


def _facts(event: Event) -> dict[str, str]:
    """What the history of a warning says of an event."""
    return {"level": event.level, "value": f"{event.value:g}"}


def _six(degrees: float | None) -> Decimal | None:
    return None if degrees is None else Decimal(f"{degrees:.6f}")
