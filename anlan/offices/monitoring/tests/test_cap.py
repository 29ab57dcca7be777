"""CAP 1.2: each document against the schema's order, needs and vocabularies; the feed; who reads which."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.kernel import cases, clock
from anlan.kernel.models import Installation
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.monitoring import cap
from anlan.offices.monitoring.models import EarlyWarning
from anlan.parties.models import Account

from .conftest import AT, TESTER, account
from .test_causes import move
from .test_rising import CITY, DISTRICT, warning

pytestmark = pytest.mark.django_db
NS = "{urn:oasis:names:tc:emergency:cap:1.2}"
ATOM = "{http://www.w3.org/2005/Atom}"
MANY = 10**6
PLAIN, MOMENT = r"[^\s,<&]+", r"\d\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d"
# The schema of CAP 1.2 as a table: for each element its children in their order, how often, and what they hold.
Child = tuple[str, int, int, Any]
PAIR: list[Child] = [("valueName", 1, 1, ".+"), ("value", 1, 1, "(?s).*")]
AREA: list[Child] = [
    ("areaDesc", 1, 1, ".+"), ("polygon", 0, MANY, ".+"),
    ("circle", 0, MANY, r"-?\d+(\.\d+)?,-?\d+(\.\d+)? \d+(\.\d+)?"), ("geocode", 0, MANY, PAIR),
    ("altitude", 0, 1, r"-?\d+"), ("ceiling", 0, 1, r"-?\d+"),
]  # fmt: skip
INFO: list[Child] = [
    ("language", 0, 1, r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*"),
    ("category", 1, MANY, "Geo|Met|Safety|Security|Rescue|Fire|Health|Env|Transport|Infra|CBRNE|Other"),
    ("event", 1, 1, ".+"),
    ("responseType", 0, MANY, "Shelter|Evacuate|Prepare|Execute|Avoid|Monitor|Assess|AllClear|None"),
    ("urgency", 1, 1, "Immediate|Expected|Future|Past|Unknown"),
    ("severity", 1, 1, "Extreme|Severe|Moderate|Minor|Unknown"),
    ("certainty", 1, 1, "Observed|Likely|Possible|Unlikely|Unknown"),
    ("audience", 0, 1, ".+"), ("eventCode", 0, MANY, PAIR), ("effective", 0, 1, MOMENT), ("onset", 0, 1, MOMENT),
    ("expires", 0, 1, MOMENT), ("senderName", 0, 1, ".+"), ("headline", 0, 1, ".+"), ("description", 0, 1, "(?s).+"),
    ("instruction", 0, 1, "(?s).+"), ("web", 0, 1, r"https?://\S+"), ("contact", 0, 1, ".+"),
    ("parameter", 0, MANY, PAIR), ("resource", 0, MANY, []), ("area", 0, MANY, AREA),
]  # fmt: skip
ALERT: list[Child] = [
    ("identifier", 1, 1, PLAIN), ("sender", 1, 1, PLAIN), ("sent", 1, 1, MOMENT),
    ("status", 1, 1, "Actual|Exercise|System|Test|Draft"), ("msgType", 1, 1, "Alert|Update|Cancel|Ack|Error"),
    ("source", 0, 1, ".+"), ("scope", 1, 1, "Public|Restricted|Private"), ("restriction", 0, 1, ".+"),
    ("addresses", 0, 1, ".+"), ("code", 0, MANY, ".+"), ("note", 0, 1, ".+"),
    ("references", 0, 1, rf"{PLAIN},{PLAIN},{MOMENT}( {PLAIN},{PLAIN},{MOMENT})*"), ("incidents", 0, 1, ".+"),
    ("info", 0, MANY, INFO),
]  # fmt: skip


def faults(element: ET.Element, schema: list[Child], where: str = "alert") -> list[str]:
    """What is wrong with an element by the schema."""
    names, wrong = [child.tag.removeprefix(NS) for child in element], []
    order = [name for name, *_rest in schema]
    if unknown := set(names) - set(order):
        return [f"{where}: {unknown}"]
    if [order.index(name) for name in names] != sorted(order.index(name) for name in names):
        wrong.append(f"{where}: out of order: {names}")
    for name, least, most, content in schema:
        found = element.findall(f"{NS}{name}")
        if not least <= len(found) <= most:
            wrong.append(f"{where}/{name}: {len(found)} times")
        for one in found:
            if isinstance(content, str):
                wrong += [] if re.fullmatch(content, one.text or "") else [f"{where}/{name}: {one.text!r}"]
            else:
                wrong += faults(one, content, f"{where}/{name}")
    return wrong


def texts(root: ET.Element, path: str) -> list[str]:
    return [one.text or "" for one in root.findall("/".join(f"{NS}{part}" for part in path.split("/")))]


def read(who: Account, case: EarlyWarning) -> ET.Element:
    client = Client()
    client.force_login(who)
    answer = client.get(f"/api/v1/cap/alerts/{case.pk}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/cap+xml; charset=utf-8"
    root = ET.fromstring(answer.content)
    assert root.tag == f"{NS}alert"
    assert faults(root, ALERT) == []
    return root


def test_the_check_finds_what_is_wrong() -> None:
    wrong = ET.fromstring(
        f'<alert xmlns="{cap.CAP}"><sender>a b</sender><identifier>x</identifier><sent>2013-06-14T12:00:00Z</sent>'
        "<status>Real</status><msgType>Alert</msgType><info><category>Road</category></info></alert>"
    )
    assert len(faults(wrong, ALERT)) == 10


@pytest.mark.parametrize(("level", "severity", "urgency"), [
    ("red", "Extreme", "Immediate"), ("orange", "Severe", "Immediate"), ("yellow", "Moderate", "Expected"),
    ("blue", "Minor", "Future"),
])  # fmt: skip
def test_a_new_warning_is_an_alert_in_two_languages(level: str, severity: str, urgency: str) -> None:
    case = warning(level, lon=Decimal("106.55"), lat=Decimal("29.56"), place="G50 12公里")
    with acting(TESTER, EVERYWHERE):
        EarlyWarning.objects.update(rule_title="超速行驶", rule_title_en="Too fast", rule_kind="level")
    root = read(account("district", DISTRICT), case)
    assert texts(root, "msgType") == ["Alert"]
    assert texts(root, "references") == []
    assert texts(root, "scope") == ["Restricted"]
    assert texts(root, "sent") == ["2013-06-14T12:00:00+08:00"]
    assert texts(root, "info/language") == ["zh-CN", "en-US"]
    assert texts(root, "info/event") == ["超速行驶", "Too fast"]
    assert texts(root, "info/severity") == [severity] * 2
    assert texts(root, "info/urgency") == [urgency] * 2
    assert texts(root, "info/certainty") == ["Observed"] * 2
    assert texts(root, "info/category") == ["Transport", "Safety"] * 2
    assert texts(root, "info/area/circle") == ["29.560000,106.550000 0"] * 2, "latitude first"
    assert texts(root, "info/area/areaDesc") == ["渝北区龙兴镇 G50 12公里"] * 2
    assert "随车" in texts(root, "info/instruction")[0] or texts(root, "info/instruction")[0]
    assert texts(root, "info/headline")[1].endswith("warning: Too fast, 渝北区龙兴镇")
    values = dict(zip(texts(root, "info/parameter/valueName"), texts(root, "info/parameter/value"), strict=True))
    assert (values["number"], values["level"], values["value"]) == (case.number, level, "130")


def test_what_changes_is_an_update_that_names_all_before_and_a_false_alarm_cancels() -> None:
    case, by = warning("red"), account("district", DISTRICT)
    first = texts(read(by, case), "identifier") + texts(read(by, case), "sender") + texts(read(by, case), "sent")
    move(by, case, "acknowledge", at=3)
    root = read(by, case)
    assert texts(root, "msgType") == ["Update"]
    assert texts(root, "references") == [",".join([first[1], first[0], first[2]])]
    assert texts(root, "sent") == ["2013-06-14T12:03:00+08:00"]
    assert texts(root, "identifier") != first[:1]
    move(by, case, "dismiss", at=9, cause="误差 & <测速>\x0b")
    root = read(by, case)
    assert texts(root, "msgType") == ["Cancel"]
    assert len(texts(root, "references")[0].split(" ")) == 2
    assert texts(root, "info/certainty") == ["Unlikely"] * 2
    assert texts(root, "info/responseType") == ["AllClear"] * 2
    assert "误差 & <测速>" in texts(root, "info/description")[0]


def test_the_sender_is_the_same_under_every_name_by_which_the_installation_is_called(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*", ".anlan.example", "10.0.0.7"]
    case, by = warning("red"), account("district", DISTRICT)
    client = Client()
    client.force_login(by)
    found = set()
    for name in ("10.0.0.7", "www.anlan.example", "other.example"):
        document = ET.fromstring(client.get(f"/api/v1/cap/alerts/{case.pk}", headers={"host": name}).content)
        feed = ET.fromstring(client.get("/api/v1/cap/alerts", headers={"host": name}).content)
        ids = [one.text for one in feed.iter(f"{ATOM}id")]
        found.add((*texts(document, "sender"), *texts(document, "identifier"), *ids))
    tag = "tag:anlan.example,2013:warning"
    assert found == {("anlan@anlan.example", f"anlan.warning.{case.pk}.1", tag, f"{tag}/{case.pk}")}


def test_what_is_invented_is_a_test_on_which_nobody_acts() -> None:
    case, by = warning("red"), account("district", DISTRICT)
    assert texts(read(by, case), "status") == ["Actual"]
    with acting(TESTER, EVERYWHERE):
        Installation.objects.update_or_create(pk=1, defaults={"demonstration": True})
    root = read(by, case)
    assert texts(root, "status") == ["Test"]
    assert "invented" in texts(root, "note")[0]


def test_what_is_foreseen_is_likely_and_what_is_over_is_past() -> None:
    case, by = warning("yellow"), account("district", DISTRICT)
    with acting(TESTER, EVERYWHERE):
        EarlyWarning.objects.update(rule_kind="soon")
    assert texts(read(by, case), "info/certainty") == ["Likely"] * 2
    with acting(TESTER, EVERYWHERE):
        EarlyWarning.objects.update(cleared_at=AT)
    assert texts(read(by, case), "info/urgency") == ["Past"] * 2


def token(who: Account, *scopes: str) -> dict[str, Any]:
    with acting(TESTER, EVERYWHERE):
        return {"headers": {"authorization": f"Bearer {ApiToken.issue(who, 'reader', list(scopes))}"}}


def test_the_feed_is_for_tokens_that_reach_warnings_within_their_scope() -> None:
    own, under = warning("red"), warning("orange", "k2")
    there = warning("red", "z1")
    with acting(TESTER, EVERYWHERE):
        EarlyWarning.objects.filter(pk=there.pk).update(area_code="500113001000")
        EarlyWarning.objects.filter(pk=under.pk).update(head=own, state="under")
    by = account("district", DISTRICT)
    assert Client().get("/api/v1/cap/alerts").status_code == 401
    assert Client().get("/api/v1/cap/alerts", **token(by, "devices:read")).status_code == 404
    reads = token(by, "warnings:read")
    answer = Client().get("/api/v1/cap/alerts", **reads)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/atom+xml; charset=utf-8")
    root = ET.fromstring(answer.content)
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == 1, "neither what stands under it nor another district's"
    for name in ("id", "title", "updated"):
        assert root.findtext(f"{ATOM}{name}")
        assert entries[0].findtext(f"{ATOM}{name}")
    link = entries[0].find(f"{ATOM}link")
    assert link is not None
    assert link.get("type") == "application/cap+xml"
    document = Client().get(link.get("href", ""), **reads)
    assert faults(ET.fromstring(document.content), ALERT) == []
    assert Client().get(f"/api/v1/cap/alerts/{under.pk}", **reads).status_code == 200
    nowhere = Client().get(f"/api/v1/cap/alerts/{there.pk}", **reads)
    assert (nowhere.status_code, nowhere.content) == (
        404, Client().get("/api/v1/cap/alerts/999999999", **reads).content,
    )  # fmt: skip


def test_what_ended_stays_in_the_feed_for_a_week_in_a_constant_number_of_queries() -> None:
    by = account("duty", CITY)
    client = Client()
    client.force_login(by)

    def listed(at: datetime) -> int:
        with clock.frozen(at):
            return client.get("/api/v1/cap/alerts").content.count(b"<entry>")

    case = warning("red")
    assert listed(AT) == 1
    with CaptureQueriesContext(connection) as few:
        listed(AT)
    with acting(by.actor, by.scope):
        cases.move(case, "dismiss", by=by, seen_version=case.version, cause="误差")
    for n in range(5):
        warning("red", f"m{n}")
    with CaptureQueriesContext(connection) as many:
        listed(AT)
    assert len(many) == len(few)
    assert listed(AT + timedelta(days=6)) == 6
    assert listed(AT + timedelta(days=8)) == 5, "open ones stay"


def test_who_has_it_already_is_told_so_and_reads_it_again_when_it_has_changed() -> None:
    case, by = warning("red"), account("district", DISTRICT)
    reads, seen = token(by, "warnings:read")["headers"], {}
    for address in ("/api/v1/cap/alerts", f"/api/v1/cap/alerts/{case.pk}"):
        first = Client().get(address, headers=reads)
        assert first.headers["Cache-Control"] == "private, no-cache", "kept, and asked for before it is used"
        assert "Authorization" in first.headers["Vary"]
        asked = {"if-none-match": first.headers["ETag"]}, {"if-modified-since": first.headers["Last-Modified"]}
        for same in asked:
            answer = Client().get(address, headers=reads | same)
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["ETag"] == first.headers["ETag"]
        assert Client().get(address, headers=reads | {"if-none-match": '"other"'}).status_code == 200
        assert Client().get(address, headers=asked[0]).status_code == 401, "nothing is told without a key"
        seen[address] = first.headers["ETag"]
    move(by, case, "acknowledge", at=3)
    for address, etag in seen.items():
        assert Client().get(address, headers=reads | {"if-none-match": etag}).status_code == 200


def test_an_empty_feed_does_not_change_with_each_look() -> None:
    reads = token(account("district", DISTRICT), "warnings:read")
    first = Client().get("/api/v1/cap/alerts", **reads)
    with clock.frozen(AT + timedelta(minutes=7)):
        assert Client().get("/api/v1/cap/alerts", **reads).content == first.content


def test_a_feed_of_many_goes_on_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.offices.monitoring.api.MOST", 2)
    made = {warning("red", f"m{n}").pk for n in range(5)}
    reads, address, found, pages = token(account("district", DISTRICT), "warnings:read"), "/api/v1/cap/alerts", [], 0
    while address:
        root = ET.fromstring(Client().get(address, **reads).content)
        found += [int((one.findtext(f"{ATOM}id") or "").rpartition("/")[2]) for one in root.iter(f"{ATOM}entry")]
        address = next((one.get("href", "") for one in root.iter(f"{ATOM}link") if one.get("rel") == "next"), "")
        pages += 1
    assert (pages, len(found), set(found)) == (3, 5, made)
    for wrong in ("x", "1", "1.", "-1.2", "9" * 17 + ".1", "1.1' OR '1'='1"):
        refused = Client().get("/api/v1/cap/alerts", {"before": wrong}, **reads)
        assert (refused.status_code, refused.json()["place"]) == (422, "before")


def test_what_was_told_by_itself_and_put_under_another_is_told_to_its_end() -> None:
    head, other, by = warning("red"), warning("orange", "k2"), account("district", DISTRICT)
    move(by, other, "follow", at=3, under=head.number)
    reads = token(by, "warnings:read")
    root = ET.fromstring(Client().get("/api/v1/cap/alerts", **reads).content)
    assert [one.findtext(f"{ATOM}summary") for one in root.iter(f"{ATOM}entry")] == ["Update", "Alert"]
    document = read(by, other)
    assert texts(document, "msgType") == ["Update"]
    assert texts(document, "incidents") == [f"anlan.warning.{head.pk}"]
    move(by, head, "acknowledge", at=4)
    move(by, head, "handle", at=5, findings="已处置")
    root = ET.fromstring(Client().get("/api/v1/cap/alerts", **reads).content)
    assert len(root.findall(f"{ATOM}entry")) == 2
    assert texts(read(by, other), "info/responseType") == ["AllClear"] * 2
