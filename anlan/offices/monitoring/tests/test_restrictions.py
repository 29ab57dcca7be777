"""Speed limits of roads and restricted waters: entered, told to whoever is there, and warned of by rules."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from anlan.engines.telemetry import rules
from anlan.engines.telemetry.journal import Journal, batch_of
from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, Scope, acting
from anlan.offices import monitoring
from anlan.offices.monitoring import restrictions
from anlan.offices.monitoring.evaluation import Evaluation
from anlan.offices.monitoring.keys import Directory
from anlan.offices.monitoring.models import EarlyWarning, Restriction

from .conftest import AT, BANAN, TESTER, YUBEI, device

RULES = rules.read(Path(monitoring.__file__).parent / "rules.yaml")
ROAD = "106.50,29.50\n106.60,29.50"
WATER = "106.50,29.50 106.52,29.50 106.52,29.52 106.50,29.52"
NOON, MINUTE = int(AT.timestamp() * 1000), 60_000


def entered(**more: Any) -> Restriction:
    facts: dict[str, Any] = {
        "name": "G50 渝北段", "tells": "speed_limit", "value": 80, "shape": ROAD, "metres": 30, "basis": "标志",
        "area_code": YUBEI, "begins": AT - timedelta(days=1),
    }  # fmt: skip
    with acting(TESTER, EVERYWHERE):
        one = Restriction(**facts | more)
        one.full_clean()
        one.save()
    return one


def told(programme: str, lon: float = 106.51, lat: float = 29.5, ts: int = NOON) -> dict[str, float]:
    with acting(TESTER, EVERYWHERE):
        places = restrictions.read()
    assert places is not None
    columns = places.told({"k1": programme}, ["k1"] * 2, ["lat", "lon"], [ts] * 2, [lat, lon])
    return dict(zip(columns[1].to_pylist()[2:], columns[3][2:].tolist(), strict=True))


@pytest.mark.django_db
@pytest.mark.parametrize(("road", "coach", "school_bus"), [
    ("expressway", 100, 80), ("road_single", 70, 60), ("road_undivided", 40, 40), ("street_single", 50, 50),
    ("street_undivided", 30, 30),
])  # fmt: skip
def test_a_limit_follows_from_the_class_of_the_road_and_school_buses_have_their_own(
    road: str, coach: float, school_bus: float
) -> None:
    entered(value=None, road_class=road)
    assert told("coaches") == {"speed_limit": coach}
    assert told("school-buses") == {"speed_limit": school_bus}


@pytest.mark.django_db
def test_what_is_signposted_stands_instead_and_one_programme_may_have_its_own() -> None:
    entered(road_class="expressway")
    entered(name="危货", value=60, programme="dangerous-goods-vehicles")
    assert [told(p)["speed_limit"] for p in ("coaches", "dangerous-goods-vehicles")] == [80, 60]
    assert told("coal-gas") == {}, "what does not move is told nothing"


@pytest.mark.django_db
def test_what_is_over_is_told_as_over() -> None:
    with acting(TESTER, EVERYWHERE):
        assert restrictions.read() is None
    entered(name="雾", tells="fog", value=None, metres=None, shape=WATER, begins=AT, ends=AT + timedelta(hours=2))
    found = [told("passenger-ships", lat=29.51, ts=NOON + n * MINUTE)["fog"] for n in (-1, 0, 119, 120)]
    assert found == [0, 1, 1, 0]
    with clock.frozen(AT + timedelta(days=400)):
        assert told("passenger-ships", lat=29.51)["fog"] == 0, "however long ago"
    assert told("coaches", lat=29.51) == {}, "fog on a river is no vehicle's"


@pytest.mark.django_db
@pytest.mark.parametrize(("field", "more"), [
    ("shape", {"shape": "106.5,29.5"}), ("shape", {"shape": "106.5,29.5 abc"}), ("shape", {"shape": "29.5,106.5 " * 2}),
    ("shape", {"shape": ROAD, "metres": None}), ("shape", {"shape": "106.5,29.5 " * 5_001}),
    ("shape", {"shape": "106.5,29.5 NaN,29"}),
    ("value", {"value": None}), ("value", {"value": 0}), ("value", {"value": float("nan")}), ("value", {"value": -1}),
    ("road_class", {"tells": "fog", "road_class": "expressway"}), ("ends", {"ends": AT - timedelta(days=2)}),
    ("metres", {"metres": 0}), ("programme", {"programme": "coal-gas"}), ("basis", {"basis": ""}),
])  # fmt: skip
def test_what_cannot_be_is_refused_at_its_field(field: str, more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as error:
        entered(**more)
    assert field in error.value.message_dict


@pytest.mark.django_db
def test_a_restriction_from_before_any_law_shuts_no_gateway() -> None:
    entered(value=None, road_class="expressway", begins=datetime(1990, 1, 1, tzinfo=clock.BEIJING))
    assert told("coaches") == {"speed_limit": 100}


@pytest.mark.django_db
def test_whose_area_it_is_enters_it() -> None:
    from django.db import DatabaseError

    with acting(TESTER, Scope(YUBEI[:6])):
        entered()
        assert Restriction.objects.count() == 1
    with acting(TESTER, Scope(BANAN[:6])):
        assert Restriction.objects.count() == 0
        with pytest.raises(DatabaseError):
            Restriction.objects.create(
                name="x", tells="fog", shape=WATER, basis="x", area_code=YUBEI, begins=AT,
            )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_gateways_know_who_moves_and_what_holds_where() -> None:
    device("k1")
    device("k2", programme="lifts", protocol="mqtt")
    entered()
    directory = Directory()
    columns = (["k1", "k1", "k2", "k2"], ["lat", "lon"] * 2, [NOON] * 4, [29.5, 106.51] * 2)
    assert directory.told(*columns) == columns, "nothing was read yet"
    directory.read()
    found = directory.told(*columns)
    assert list(zip(found[0].to_pylist()[4:], found[1].to_pylist()[4:], found[3][4:].tolist(), strict=True)) == [
        ("k1", "speed_limit", 80.0)
    ]


@pytest.mark.django_db
def test_a_coach_too_fast_on_its_road_and_a_ferry_in_fog_are_warned_of(tmp_path: Path) -> None:
    device("k1")
    device("s1", programme="passenger-ships", protocol="ais")
    entered()
    entered(name="雾", tells="fog", value=None, metres=None, shape=WATER, begins=AT, ends=None)
    entered(name="桥区", tells="restricted", value=None, metres=None, shape=WATER, begins=AT + timedelta(minutes=5))
    with acting(TESTER, EVERYWHERE):
        places = restrictions.read()
    assert places is not None
    journal, evaluation = (
        Journal(tmp_path / "journal", "test"),
        Evaluation(tmp_path / "journal", tmp_path / "state", RULES),
    )
    moving = {"k1": "coaches", "s1": "passenger-ships"}
    for n in range(8):
        at, lat = NOON + n * MINUTE, 29.5 if n < 6 else 29.7
        values = [lat, 106.51, 90.0, 29.51, 106.51, 9.0]
        report = (["k1"] * 3 + ["s1"] * 3, ["lat", "lon", "speed"] * 2, [at] * 6, values)
        journal.append(batch_of(*places.told(moving, *report), received=at))
    with clock.frozen(AT + timedelta(minutes=9)):
        evaluation.step()
    with acting(TESTER, EVERYWHERE):
        found = {one.rule: one for one in EarlyWarning.objects.select_related("device")}
    assert {rule: (one.device.code, one.level) for rule, one in found.items()} == {
        "overspeed": ("k1", "yellow"), "ship-sails-in-fog": ("s1", "orange"),
        "ship-in-restricted-water": ("s1", "orange"),
    }  # fmt: skip
    assert found["overspeed"].cleared_at == AT + timedelta(minutes=6), "it has left the road"
    assert found["ship-sails-in-fog"].cleared_at is None
