"""The rules of the installation: checked, kept version by version, switched, and read by whoever evaluates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from django.db.models import Max, Q, QuerySet

from anlan.engines.telemetry.rules import BadRules, Fault, Rules, made, parse_one
from anlan.kernel import clock, law
from anlan.kernel.models import Stale
from anlan.kernel.scope import Actor

from .models import Calibration, Device, DeviceSetting, Rule, RuleVersion, Station
from .moments import LATEST, milliseconds
from .programmes import PROGRAMMES
from .rule_models import in_force


def late() -> str:
    """The window of lateness, a setting of the city."""
    return f"{law.value('monitoring.late', clock.today()).value}min"


def current() -> tuple[Rules, dict[str, int]]:
    """The rules in force, and by name the version of each."""
    versions = list(in_force())
    return made([one.content for one in versions], late()), {one.content["name"]: one.pk for one in versions}


def checked(text: str, name: str | None = None) -> dict[str, Any]:
    """What the text of a rule says; raises `BadRules`, whose `faults` name the lines.

    Besides what the schema asks it has titles in both languages, names programmes that there are, keeps its `name`
    where it is a rule's next version, and runs beside the others that are in force.
    """
    content: dict[str, Any] = parse_one(text.encode(), lambda said: _demanded(said, name))
    from anlan.engines.telemetry.compiled import compiled

    others = [one.content for one in in_force() if one.content["name"] != content["name"]]
    try:
        compiled(made([*others, content]))
    except ValueError as error:
        fault = Fault(1, "", "cannot run beside the others: %(why)s", (("why", str(error)),))
        raise BadRules(str(fault), (fault,)) from error
    return content


def taken(name: str) -> tuple[Fault, ...]:
    """That a rule of this name is there."""
    return (Fault(1, "name", "is the name of another rule already: %(name)s", (("name", name),)),)


def _demanded(said: Mapping[str, Any], name: str | None) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    for language in ("zh", "en"):
        if not str(said.get("title", {}).get(language, "")).strip():
            yield ("title",), ("a title in both languages is missing: %(name)s", {"name": language})
    known = dict(PROGRAMMES)
    for number, one in enumerate(said.get("programmes", ())):
        if one not in known:
            values = {"given": repr(one), "known": ", ".join(known)}
            yield ("programmes", number), ("%(given)s is none of: %(known)s", values)
    if name is not None and said["name"] != name:
        yield ("name",), ("a rule keeps its name: %(name)s", {"name": name})


def locked(name: str, seen: int) -> Rule:
    """The rule, held until the transaction ends; raises `Stale` where somebody changed it since it was `seen`."""
    rule: Rule = Rule.objects.select_for_update(of=("self",)).select_related("current").get(name=name)
    if rule.version != seen:
        raise Stale(rule.name)
    return rule


def save(rule: Rule, text: str, content: Mapping[str, Any], on: bool, reason: str, actor: Actor) -> RuleVersion:
    """Keeps a text, and whether it is switched on, as the rule's next version: that is in force from now on."""
    last = rule.versions.aggregate(n=Max("number"))["n"] or 0
    version: RuleVersion = RuleVersion.objects.create(
        rule=rule, number=last + 1, text=text, content=content, on=on, origin="city", reason=reason,
        account_id=actor.account_id, actor=actor.name,
    )  # fmt: skip
    rule.current, rule.on = version, on
    rule.save()
    return version


def proposed(rule: Rule, versions: Iterable[RuleVersion]) -> RuleVersion | None:
    """What the product says since, where the city has a version of its own and has not answered yet."""
    newer = (one for one in versions if rule.current and one.number > rule.current.number and one.origin == "product")
    return max(newer, key=lambda one: one.number, default=None)


# --- What is set for devices, and when they are out of service ------------------------------------------------------


def changed(since: datetime, day: date) -> set[str]:
    """The devices of which something was written since, or of which a setting began to hold after that day."""
    written = Q(updated_at__gte=since)
    began = Q(since__gt=day, since__lte=clock.today())
    found = set(Device.objects.filter(written | Q(station__updated_at__gte=since)).values_list("code", flat=True))
    found |= set(DeviceSetting.objects.filter(written | began).values_list("device__code", flat=True))
    heirs = Device.objects.filter(code__in=found, replaced_by__isnull=False)
    found |= set(heirs.values_list("replaced_by__code", flat=True))
    return found | set(Calibration.objects.filter(written).values_list("device__code", flat=True))


def limits(devices: Iterable[str] | None = None, *, past: bool = False) -> list[tuple[str, str, int, float]]:
    """What is set for these devices (or all): device, what, since when in ms, how much; the latest that holds.

    What is not set for a device and was for the one that it replaced holds for it as well: it is a limit of the tank
    or of the face, and a new sensor must not be without it. `past`: every one, as a trial on history needs them.
    """
    asked = None if devices is None else set(devices)
    before = _replaced(asked)
    rows = DeviceSetting.objects.filter(since__lte=clock.today())
    if asked is not None:
        rows = rows.filter(device__code__in=asked.union(*before.values()))
    if not past:
        rows = rows.order_by("device_id", "metric", "-since").distinct("device_id", "metric")
    given: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for code, metric, since, value in rows.values_list("device__code", "metric", "since", "value"):
        given.setdefault(code, {}).setdefault(metric, []).append((milliseconds(midnight(since)), value))

    def holds(code: str, after: frozenset[str] = frozenset()) -> dict[str, list[tuple[int, float]]]:
        found = given.get(code, {})
        for old in before.get(code, ()):
            if old not in after:
                found = holds(old, after | {code}) | found
        return found

    codes = given.keys() | before.keys() if asked is None else asked
    return [(code, name, *one) for code in sorted(codes) for name, several in holds(code).items() for one in several]


def _replaced(devices: set[str] | None) -> dict[str, list[str]]:
    """Which ones each of these devices (or of all) replaced, the last first; and those that they had replaced."""
    found: dict[str, list[str]] = {}
    rows = Device.objects.filter(replaced_by__isnull=False).order_by("-removed_on", "code")
    front = devices
    while front is None or front:
        pairs = rows if front is None else rows.filter(replaced_by__code__in=front)
        olds = set()
        for new, old in pairs.values_list("replaced_by__code", "code"):
            found.setdefault(new, []).append(old)
            olds.add(old)
        front = set() if front is None else olds - found.keys()
    return found


def calibrations(begin: datetime, devices: Sequence[str] | None = None) -> dict[str, list[tuple[int, int]]]:
    """The stretches of devices that are not over before `begin`, in ms."""
    rows = Calibration.objects.filter(Q(until__isnull=True) | Q(until__gte=begin))
    if devices is not None:
        rows = rows.filter(device__code__in=list(devices))
    found: dict[str, list[tuple[int, int]]] = {code: [] for code in devices or ()}
    for code, since, until in rows.order_by("begin").values_list("device__code", "begin", "until"):
        found.setdefault(code, []).append((milliseconds(since), milliseconds(until) if until else LATEST))
    return found


def together(devices: Iterable[str], left: Iterable[str] = ()) -> list[str]:
    """These devices, and the others of their stations and of those that they have `left`."""
    names = set(devices)
    stations = Station.objects.filter(Q(devices__code__in=names) | Q(code__in=list(left)))
    return sorted(names | set(Device.objects.filter(station__in=stations).values_list("code", flat=True)))


def stations(devices: QuerySet[Device]) -> dict[str, tuple[str, str]]:
    """The station and role of each of these devices that has one and is in service."""
    there = devices.filter(station__isnull=False).exclude(removed_on__lte=clock.today())
    return {code: (station, role) for code, station, role in there.values_list("code", "station__code", "role")}


def known(begin: datetime, devices: Sequence[str] | None = None) -> tuple[dict[str, str], Any, Any, Any]:
    """What is evaluated of these devices (or all) besides their readings: programmes, calibrations, limits, stations.

    The first three are of stations' rows as well; of what stands at one station all devices are asked for.
    """
    from anlan.engines.telemetry.stations import row_of, spread

    asked = Device.objects.all() if devices is None else Device.objects.filter(code__in=list(devices))
    at, quiet, told = stations(asked), calibrations(begin, devices), limits(devices)
    found = Station.objects.filter(code__in={station for station, _role in at.values()})
    programmes = dict(asked.values_list("code", "programme"))
    programmes |= {row_of(code): programme for code, programme in found.values_list("code", "programme")}
    rows_quiet, rows_told = spread(at, quiet, told)
    return programmes, quiet | rows_quiet, told + rows_told, at


def midnight(day: date) -> datetime:
    """The beginning of a day in Beijing."""
    return datetime.combine(day, time.min, clock.BEIJING)
