"""Warnings as CAP 1.2 (OASIS Common Alerting Protocol): one document for each, as it stands now.

Colours are the four levels of the law, red above orange above yellow above blue; that they are CAP's Extreme, Severe,
Moderate and Minor is this product's choice. Each change of a warning is a message of its own, named by the warning's
key and version, which refers to those before it: the first is an Alert, later ones an Update, a false alarm a Cancel.
A warning of a device is for those who must act on it: its scope is Restricted. What the public is told is the decision
of the city or the district, and not of a program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from anlan.kernel import areas
from anlan.kernel.cases.history import tell
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.clock import BEIJING
from anlan.kernel.models import pointed

from .models import EarlyWarning
from .page import card_for

CAP = "urn:oasis:names:tc:emergency:cap:1.2"
SEVERITY = {"red": "Extreme", "orange": "Severe", "yellow": "Moderate", "blue": "Minor"}
URGENCY = {"red": "Immediate", "orange": "Immediate", "yellow": "Expected", "blue": "Future"}
ROAD_AND_WATER = ("coaches", "rural-buses", "school-buses", "dangerous-goods-vehicles", "passenger-ships",
                  "dangerous-goods-ships")  # fmt: skip
LANGUAGES = (("zh-hans", "zh-CN"), ("en", "en-US"))


def identifier(case: EarlyWarning, version: int) -> str:
    """The name of a message: no blank, comma or sign of markup in it."""
    return f"anlan.warning.{case.pk}.{version}"


def house() -> str:
    """The first name by which this installation is called: whoever asks, and under whichever of its names, reads of
    the same sender, without which no message could refer to another."""
    return next((name.lstrip(".") for name in settings.ALLOWED_HOSTS if name.strip("*.")), "localhost")


def sender() -> str:
    """Who sends, as CAP names him."""
    return f"anlan@{house()}"


def written(at: datetime) -> str:
    """A moment as CAP has it: to the second, with the zone."""
    return at.astimezone(BEIJING).strftime("%Y-%m-%dT%H:%M:%S+08:00")


def messages(case: EarlyWarning, entries: Iterable[CaseEntry]) -> list[tuple[int, datetime]]:
    """The messages of a warning by version and moment; of one that was taken over without its history there is one."""
    return [(one.version, one.at) for one in entries] or [(case.version, case.opened_at)]


def message_type(case: EarlyWarning, told: list[tuple[int, datetime]]) -> str:
    if case.state == "false":
        return "Cancel"
    return "Alert" if len(told) == 1 else "Update"


def document(case: EarlyWarning, entries: list[CaseEntry], address: str, invented: bool) -> bytes:
    """The CAP message of a warning as it stands; `entries` is its history, `address` its page. What is `invented`, as
    all of a demonstration is, is a Test, that nobody acts on it."""
    alert = Element("alert", {"xmlns": CAP})
    told = messages(case, entries)
    _add(alert, "identifier", identifier(case, told[-1][0]))
    _add(alert, "sender", sender())
    _add(alert, "sent", written(told[-1][1]))
    _add(alert, "status", "Test" if invented else "Actual")
    _add(alert, "msgType", message_type(case, told))
    _add(alert, "scope", "Restricted")
    _add(alert, "restriction", "Work-safety authorities and the enterprise concerned / 安全生产监管部门及有关企业")
    if invented:
        _add(alert, "note", "Demonstration data: all of it is invented / 演示数据，均为虚构")
    if len(told) > 1:
        before = (f"{sender()},{identifier(case, version)},{written(at)}" for version, at in told[:-1])
        _add(alert, "references", " ".join(before))
    if case.head_id is not None:
        _add(alert, "incidents", f"anlan.warning.{case.head_id}")
    for language, name in LANGUAGES:
        with translation.override(language):
            _info(alert, case, entries[-1:], name, address)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(alert, encoding="utf-8")


def _info(alert: Element, case: EarlyWarning, last: list[CaseEntry], language: str, address: str) -> None:
    info, over = SubElement(alert, "info"), case.closed_at is not None or case.cleared_at is not None
    place = areas.names([case.area_code])[case.area_code]
    card = card_for(case)
    _add(info, "language", language)
    if case.programme in ROAD_AND_WATER:
        _add(info, "category", "Transport")
    _add(info, "category", "Safety")
    _add(info, "event", case.get_rule_title())
    _add(info, "responseType", "AllClear" if case.closed_at else "Execute" if card is not None else "Assess")
    _add(info, "urgency", "Past" if over else URGENCY[case.level])
    _add(info, "severity", SEVERITY[case.level])
    _add(
        info, "certainty", "Unlikely" if case.state == "false" else "Likely" if case.rule_kind == "soon" else "Observed"
    )
    _add(info, "effective", written(case.opened_at))
    _add(info, "onset", written(case.measured_at))
    _add(info, "senderName", "安澜 Anlan")
    level, device = case.get_level_display(), pointed(case, "device")
    _add(info, "headline", _("%(level)s warning: %(event)s, %(place)s") % {
        "level": level, "event": case.get_rule_title(), "place": place,
    })  # fmt: skip
    words = [case.state_title, *(one.words for one in tell(case, last))]
    read = f"{device or ''} {case.value:g}".strip()
    said = (str(pointed(case, "enterprise") or ""), read, ": ".join(words))
    _add(info, "description", "\n".join(filter(None, said)))
    if card is not None and not case.closed_at:
        _add(info, "instruction", "\n".join(card.lines()))
    _add(info, "web", address)
    for name, value in (
        ("number", case.number), ("level", case.level), ("programme", case.programme), ("rule", case.rule),
        ("rule-version", str(case.rule_version.number) if case.rule_version else ""),
        ("value", f"{case.value:g}"), ("source", case.rule_source),
    ):  # fmt: skip
        _named(info, "parameter", name, value)
    area = SubElement(info, "area")
    _add(area, "areaDesc", f"{place} {case.place}".strip())
    if case.lon is not None and case.lat is not None:
        _add(area, "circle", f"{case.lat:f},{case.lon:f} 0")  # the point itself: how far it reaches no reading says
    _named(area, "geocode", "GB/T 2260 + GB/T 10114", case.area_code)


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = legal(text)


def _named(parent: Element, kind: str, name: str, value: str) -> None:
    pair = SubElement(parent, kind)
    _add(pair, "valueName", name)
    _add(pair, "value", value)


def legal(text: str) -> str:
    """Text without the control characters that XML cannot hold at all."""
    return "".join(c for c in text if (c >= " " and c not in "\ufffe\uffff") or c in "\t\n\r")


# --- The feed ----------------------------------------------------------------------------------------

ATOM = "http://www.w3.org/2005/Atom"


def feed(
    cases: Iterable[EarlyWarning], histories: Mapping[int, list[CaseEntry]], own: str, link: Any, updated: datetime,
    further: str = "",
) -> bytes:  # fmt: skip
    """Warnings as an Atom feed, newest change first; `link(case)` is where the CAP document of one stands, `further`
    where the feed goes on (RFC 5005). What identifies feed and entries is no address: that may change."""
    tag = f"tag:{house()},2013:warning"  # RFC 4151; the year is part of the name and stays
    root = Element("feed", {"xmlns": ATOM})
    _add(root, "id", tag)
    _add(root, "title", _("Warnings"))
    _add(root, "updated", written(updated))
    author = SubElement(root, "author")
    _add(author, "name", "安澜 Anlan")
    SubElement(root, "link", {"rel": "self", "href": own})
    if further:
        SubElement(root, "link", {"rel": "next", "href": further})
    for case in cases:
        told = messages(case, histories.get(case.pk, []))
        entry = SubElement(root, "entry")
        _add(entry, "id", f"{tag}/{case.pk}")
        _add(entry, "title", f"{case.get_level_display()} {case.title} {case.state_title}")
        _add(entry, "updated", written(told[-1][1]))
        _add(entry, "published", written(case.opened_at))
        _add(entry, "summary", message_type(case, told))
        SubElement(entry, "link", {"rel": "alternate", "type": "application/cap+xml", "href": link(case)})
        SubElement(entry, "category", {"term": case.level})
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="utf-8")
