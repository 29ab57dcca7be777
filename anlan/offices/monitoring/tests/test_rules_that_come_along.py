from __future__ import annotations

from pathlib import Path

import pytest
from django.utils.translation import override

from anlan.engines.telemetry.compiled import KINDS, compiled
from anlan.engines.telemetry.rules import limits_of, read
from anlan.engines.telemetry.stream import Stream
from anlan.engines.telemetry.tests.conftest import MINUTE, NOON
from anlan.offices import monitoring
from anlan.offices.monitoring import cards, demo, watched, wording
from anlan.offices.monitoring.programmes import MOVING, PROGRAMMES

RULES = read(Path(monitoring.__file__).parent / "rules.yaml")


def test_each_has_a_name_in_both_languages_and_says_on_what_it_rests() -> None:
    for rule in RULES.rules:
        assert set(rule["title"]) == {"zh", "en"}, rule["name"]
        assert rule["source"], rule["name"]
        assert rule["programmes"], rule["name"]


def test_what_it_says_has_words() -> None:
    """Also of a kind that no rule here is of: a city writes its own."""
    assert wording.KINDS.keys() == KINDS.keys()
    for rule in RULES.rules:
        named = {rule.get("metric"), *limits_of(rule), *(one["metric"] for one in rule.get("while", ()))} - {None}
        # Over a station a metric is that of a role.
        assert {name.rpartition(".")[2] for name in named} <= wording.METRICS.keys(), rule["name"]
        assert set(rule["programmes"]) <= dict(PROGRAMMES).keys(), rule["name"]


def test_what_it_minds_has_a_name_on_pages_that_fits_each_of_its_programmes() -> None:
    settings = set().union(*map(limits_of, RULES.rules))
    minds: dict[str, set[str]] = {}
    for rule in RULES.rules:
        for one in (rule, *rule.get("while", ())):
            if "metric" in one:
                minds.setdefault(one["metric"].rpartition(".")[2], set()).update(rule["programmes"])
    assert minds.keys() - settings <= watched.METRICS.keys()
    with override("en"):
        below = {name for name, (title, _unit) in watched.METRICS.items() if "underground" in str(title)}
    assert {p for name in below for p in minds[name]} <= set(demo.MINES)  # people are in lifts too


def test_of_a_sensor_that_is_silent_or_doubted_no_card_speaks_as_if_it_had_measured_something() -> None:
    own = {(programme, level) for programme, level, *_words in cards.cards() if programme}
    for rule in RULES.rules:
        if rule["kind"] in ("silent", *watched.DOUBTING):
            levels = {rule["level"], ""}
            assert not own & {(one, level) for one in rule["programmes"] for level in levels}, rule["name"]


def test_cards_demonstration_and_tracks_speak_of_programmes_that_there_are() -> None:
    named = {programme for programme, *_rest in cards.cards()} - {""}
    named |= {programme for rows in demo.BY_CLASS.values() for programme, *_rest in rows} | demo.YEARLY | MOVING
    assert named <= dict(PROGRAMMES).keys()


@pytest.mark.parametrize(
    ("alarm", "cut", "repower", "values", "levels"),
    [
        # A face of a low-gas mine: alarm 1.0, cut 1.5, power back below 1.0.
        (1.0, 1.5, 1.0, [0.99, 1.0, 1.5, 1.0, 0.99], ["orange open", "red open", "orange clear", "red clear"]),
        # A heading's return: 1.0, 1.0, 1.0.
        (1.0, 1.0, 1.0, [1.0, 0.99], ["orange open", "red open", "orange clear", "red clear"]),
        # A dedicated drain roadway: 2.5, 2.5, 2.5.
        (2.5, 2.5, 2.5, [2.0], []),
    ],
)
def test_methane_by_the_place_of_the_sensor__aq_1029_2007(
    alarm: float, cut: float, repower: float, values: list[float], levels: list[str]
) -> None:
    one = Stream(compiled(RULES), programmes={"t1": "coal-gas"})
    limits = {"ch4_alarm": alarm, "ch4_cut": cut, "ch4_repower": repower}
    one.feed(["t1"] * 3, list(limits), [NOON - 1] * 3, list(limits.values()))
    count = len(values)
    one.feed(["t1"] * count, ["ch4"] * count, [NOON + n * MINUTE for n in range(count)], values)
    assert [f"{e.level} {e.state}" for e in one.finish() if e.rule == "methane"] == levels


def test_methane_while_the_fan_of_the_same_face_another_device_stands_still() -> None:
    stations = {"t1": ("face", "methane"), "f1": ("face", "fan")}
    one = Stream(compiled(RULES), programmes={"#face": "coal-gas"}, stations=stations)
    for n, (ch4, fan) in enumerate([(0.6, 1), (0.6, 0), (0.6, 0), (0.4, 0)]):
        one.feed(["t1", "f1"], ["ch4", "fan"], [NOON + n * MINUTE] * 2, [ch4, fan])
    found = [(e.device, e.station, e.level, e.state, (e.ts - NOON) // MINUTE) for e in one.finish()]
    assert found == [("t1", "face", "red", "open", 2), ("t1", "face", "red", "clear", 3)]
