"""What a rule says, in the reader's language; and what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from anlan.engines.telemetry.rules import STATION, Fault, bound

from .programmes import PROGRAMMES
from .rule_models import LEVELS

METRICS = {
    "ch4": gettext_lazy("methane (% CH₄)"),
    "ch4_alarm": gettext_lazy("methane alarm limit"),
    "ch4_cut": gettext_lazy("methane power-cut limit"),
    "ch4_repower": gettext_lazy("methane re-power limit"),
    "co_ppm": gettext_lazy("carbon monoxide (ppm)"),
    "fan": gettext_lazy("fan (0: stands still)"),
    "people": gettext_lazy("number of people"),
    "people_permitted": gettext_lazy("permitted number of people"),
    "lel_percent": gettext_lazy("flammable gas (% LEL)"),
    "level": gettext_lazy("liquid level"),
    "level_high": gettext_lazy("high level"),
    "level_high_high": gettext_lazy("high-high level"),
    "pressure": gettext_lazy("pressure (MPa)"),
    "pressure_high": gettext_lazy("high pressure"),
    "pressure_high_high": gettext_lazy("high-high pressure"),
    "temperature": gettext_lazy("temperature (℃)"),
    "temperature_high": gettext_lazy("high temperature"),
    "temperature_high_high": gettext_lazy("high-high temperature"),
    "draught": gettext_lazy("draught (m)"),
    "restricted": gettext_lazy("restricted water (1: in it)"),
    "fog": gettext_lazy("fog, no sailing (1: yes)"),
    "flood": gettext_lazy("stage of the flood"),
    "speed": gettext_lazy("speed (km/h)"),
    "speed_limit": gettext_lazy("speed limit"),
    "emergency": gettext_lazy("emergency button (1: pressed)"),
    "overspeed": gettext_lazy("terminal's speeding alarm (1: on)"),
    "fatigue": gettext_lazy("terminal's fatigue alarm (1: on)"),
    "displacement_mm": gettext_lazy("displacement (mm)"),
    "moving": gettext_lazy("moving (0: no)"),
    "door_open": gettext_lazy("door open (0: no)"),
    "fault": gettext_lazy("fault (1: yes)"),
    "moment_percent": gettext_lazy("moment, of the rated one (%)"),
}
"""What devices measure and what is set for them, by the names that rules use; others are called by that name."""
_BOUNDS = {
    "at_least": gettext_noop("is at least %(limit)s"),
    "more_than": gettext_noop("is above %(limit)s"),
    "at_most": gettext_noop("is at most %(limit)s"),
    "less_than": gettext_noop("is below %(limit)s"),
    "equals": gettext_noop("is %(limit)s"),
}
FAULTS = (
    gettext_noop("a rule is made of fields, as `name: methane`"),
    gettext_noop("stands here twice"),
    gettext_noop("not UTF-8"),
    gettext_noop("no YAML can be read here (%(problem)s)"),
    gettext_noop("a value that cannot be read: %(problem)s"),
    gettext_noop("%(name)s is the name of rule %(number)s already"),
    gettext_noop("must be longer than nothing"),
    gettext_noop("begins and ends at the same time; leave it out for the whole day"),
    gettext_noop("a level stands here twice"),
    gettext_noop("takes one of: %(known)s"),
    gettext_noop("a trend crosses a limit from one side; say at_least or at_most"),
    gettext_noop("what is foreseen is over when it is foreseen no more"),
    gettext_noop("%(given)s is longer than a year"),
    gettext_noop("over a station %(given)s has a role before it, as in methane.ch4"),
    gettext_noop("YAML aliases (*name) are not taken"),
    gettext_noop("YAML tags (!name) are not taken"),
    gettext_noop("nested too deeply"),
    gettext_noop("a value of more than 1000 signs"),
    gettext_noop("a value with a break of line or another sign that nobody sees"),
    gettext_noop("a field is named by a plain text"),
    gettext_noop("stands for no number"),
    gettext_noop("is no field that is said here"),
    gettext_noop("%(name)s is missing"),
    gettext_noop("%(given)s is none of: %(known)s"),
    gettext_noop("%(given)s is not of type %(type)s"),
    gettext_noop("%(given)s is not written as %(pattern)s"),
    gettext_noop("%(given)s is less than %(limit)s"),
    gettext_noop("%(given)s is more than %(limit)s"),
    gettext_noop("holds too little: at least %(least)s"),
    gettext_noop("holds too much: at most %(most)s"),
    gettext_noop("is not said for this kind of rule"),
    gettext_noop("cannot run beside the others: %(why)s"),
    gettext_noop("a title in both languages is missing: %(name)s"),
    gettext_noop("a rule keeps its name: %(name)s"),
    gettext_noop("is the name of another rule already: %(name)s"),
)
"""What the engine finds wrong, as it says it."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a rule: its code, and when it is reached."""

    code: str
    title: str
    text: str


def fault(one: Fault) -> str:
    """What is wrong, with the field in which it is."""
    text = _(one.words)
    words = text % dict(one.values) if one.values else text
    return _("%(field)s: %(words)s") % {"field": one.place, "words": words} if one.place else words


def metric(name: str) -> str:
    """What is measured, in words; over a station whose it is."""
    role, _dot, own = name.partition(".")
    if own in METRICS and name not in METRICS:
        return _("%(metric)s of “%(role)s”") % {"metric": METRICS[own], "role": role}
    return str(METRICS.get(name, name))


def programmes(said: Mapping[str, Any]) -> list[str]:
    """The programmes to which a rule is confined; none where it is for all."""
    titles = dict(PROGRAMMES)
    return [str(titles.get(one, one)) for one in said.get("programmes", ())]


def levels(said: Mapping[str, Any]) -> list[Level]:
    """When each level of a rule is reached, in a sentence."""
    titles = dict(LEVELS)
    found = said.get("levels") or [{"level": said["level"]}]
    return [Level(one["level"], str(titles[one["level"]]), _reached(said, one)) for one in found]


def _reached(said: Mapping[str, Any], level: Mapping[str, Any]) -> str:
    text = KINDS[said["kind"]](said)
    if bound(level):
        text = _("%(what)s %(bound)s") % {"what": text, "bound": _bound(level)}
    if until := level.get("until"):
        text = _("%(reached)s; over when it %(bound)s") % {"reached": text, "bound": _bound(until)}
    return text


def _level(said: Mapping[str, Any]) -> str:
    return metric(said["metric"])


def _rate(said: Mapping[str, Any]) -> str:
    words = (
        _("change of %(metric)s in %(per)s, either way (taken over %(over)s)")
        if said.get("either_way")
        else _("rise of %(metric)s in %(per)s (taken over %(over)s)")
    )
    told = {"metric": metric(said["metric"]), "per": time(said["per"]), "over": time(said["over"])}
    return words % told


def _soon(said: Mapping[str, Any]) -> str:
    words = _("by the trend of the last %(trend)s, in %(within)s %(metric)s")
    told = {"metric": metric(said["metric"]), "trend": time(said["trend"]), "within": time(said["within"])}
    return words % told


def _stuck(said: Mapping[str, Any]) -> str:
    words = _("%(metric)s has not changed for %(for)s")
    if said.get("tolerance"):
        words = _("%(metric)s has changed by no more than %(tolerance)s for %(for)s")
    told = {"metric": metric(said["metric"]), "for": time(said["for"]), "tolerance": said.get("tolerance")}
    return words % told


def _noisy(said: Mapping[str, Any]) -> str:
    words = _("%(metric)s jumps by %(jump)s or more, %(times)s times in %(in)s")
    told = {"metric": metric(said["metric"]), "jump": f"{said['jump']:g}", "times": said["times"]}
    return words % (told | {"in": time(said["in"])})


def _silent(said: Mapping[str, Any]) -> str:
    if "metric" in said:
        return _("no reading of %(metric)s for %(for)s") % {"metric": metric(said["metric"]), "for": time(said["for"])}
    return _("no reading at all for %(for)s") % {"for": time(said["for"])}


def _driving(said: Mapping[str, Any]) -> str:
    words = _("driven for more than %(longer)s without a rest of %(rest)s (driving: faster than %(faster)s km/h)")
    told = {"longer": time(said["longer_than"]), "rest": time(said["rest"])}
    return words % (told | {"faster": f"{said.get('faster_than', 5.0):g}"})


KINDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "level": _level, "rate": _rate, "soon": _soon, "stuck": _stuck, "noisy": _noisy, "silent": _silent,
    "driving": _driving,
    "inside": lambda said: (
        _("in one of %(n)s areas") % {"n": 1 + len(said["more_areas"])} if "more_areas" in said
        else _("in the area (%(n)s corners)") % {"n": len(said["area"])}
    ),
    "outside": lambda said: (
        _("outside of all %(n)s areas") % {"n": 1 + len(said["more_areas"])} if "more_areas" in said
        else _("outside of the area (%(n)s corners)") % {"n": len(said["area"])}
    ),
    "off-route": lambda said: _("more than %(metres)s m off the route") % {"metres": f"{said['metres']:g}"},
}  # fmt: skip


def conditions(said: Mapping[str, Any]) -> Iterator[str]:
    """What else must be so, each in a sentence."""
    if said.get("at") == STATION:
        yield _("Looks at the devices of a station together, each by its role")
    for one in said.get("while", ()):
        text = _("Only while %(metric)s %(bound)s") % {"metric": metric(one["metric"]), "bound": _bound(one)}
        if age := one.get("not_older_than"):
            text = _("%(text)s, by a reading not older than %(age)s") % {"text": text, "age": time(age)}
        yield text
    if "between" in said:
        begin, end = said["between"]
        yield _("Only between %(begin)s and %(end)s in Beijing") % {"begin": begin, "end": end}
    if "hold" in said:
        yield _("Told when it has been so for %(time)s") % {"time": time(said["hold"])}
    if "clear_hold" in said:
        yield _("Over when it has not been so for %(time)s") % {"time": time(said["clear_hold"])}


def _bound(said: Mapping[str, Any]) -> str:
    found = bound(said)
    assert found is not None
    name, limit = found
    return _(_BOUNDS[name]) % {"limit": _limit(limit)}


def _limit(limit: Any) -> str:
    if not isinstance(limit, Mapping):
        return f"{limit:g}"
    if limit.get("times", 1) == 1:
        return _("the device's %(name)s") % {"name": metric(limit["of"])}
    share = f"{limit['times'] * 100:g}%"
    return _("%(share)s of the device's %(name)s") % {"share": share, "name": metric(limit["of"])}


def time(text: str) -> str:
    """A stretch of time: 30 minutes."""
    matched = re.fullmatch(r"(\d+)([a-z]+)", text)
    assert matched is not None
    n, unit = int(matched[1]), matched[2]
    words = {
        "ms": ngettext("%(n)s millisecond", "%(n)s milliseconds", n), "s": ngettext("%(n)s second", "%(n)s seconds", n),
        "min": ngettext("%(n)s minute", "%(n)s minutes", n), "h": ngettext("%(n)s hour", "%(n)s hours", n),
        "d": ngettext("%(n)s day", "%(n)s days", n),
    }  # fmt: skip
    return words[unit] % {"n": n}
