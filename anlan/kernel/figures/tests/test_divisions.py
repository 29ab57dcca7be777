"""Figures by the divisions of any day: nothing is lost, and what cannot be told apart is not invented."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from anlan.engines.measures import Period
from anlan.kernel import areas, clock
from anlan.kernel.figures import computing
from anlan.kernel.figures.commands import measure as command
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Division, Enterprise

TESTER = Actor("test", "tests")
NOW = datetime(2013, 6, 14, 10, 30, tzinfo=clock.BEIJING)
TODAY = Period.of("day", NOW.date())
BEFORE, AFTER = date(2011, 1, 1), date(2012, 1, 1)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _divisions() -> Iterator[None]:
    """On one day: two districts become a third that is new; one gets another code; one takes a township over."""
    day = date(2011, 10, 22)
    with clock.frozen(NOW), acting(TESTER, EVERYWHERE):
        city = Division.objects.get(pk="500000000000")
        for code, name, begins in (
            ("500801000000", "甲区", None), ("500802000000", "乙区", None), ("500803000000", "甲乙区", day),
            ("500804000000", "丙县", None), ("500805000000", "丙区", day), ("500806000000", "丁区", None),
        ):  # fmt: skip
            Division.objects.create(code=code, name=name, tier=2, parent=city, valid_from=begins)
        for code, parent in (("500801001000", "500801000000"), ("500806001000", "500806000000")):
            Division.objects.create(code=code, name="镇", tier=3, parent_id=parent)
        for old, new in (
            ("500801", "500803"), ("500802", "500803"), ("500804", "500805"), ("500806001", "500802"),
        ):  # fmt: skip
            gone, successor = (Division.objects.get(pk=code.ljust(12, "0")) for code in (old, new))
            if new == "500802":  # the township went to a district before that was merged
                Division.objects.filter(pk=gone.pk).update(valid_to=date(2009, 5, 1), successor=successor)
            else:
                gone.merge_into(successor, day)
        Enterprise.objects.bulk_create(
            Enterprise(name=f"{code}厂{n}", area_code=code, status="operating")
            for n, code in enumerate(
                ["500801001000"] * 3 + ["500802000000"] * 5 + ["500803000000"] * 7 + ["500804000000"] * 11
                + ["500805000000"] * 13 + ["500806001000"] * 17 + ["500806000000"] * 19 + ["500112000000"] * 23
            )
        )  # fmt: skip
        yield


def counted(day: date | None, within: str = "", **how: object) -> dict[str, int]:
    figures = computing.compute(
        ["parties.operating"], TODAY, by=("area",), within=within, divisions=day, compare=False, **how
    )  # type: ignore[arg-type]
    (one,) = computing.named(["parties.operating"])
    found = {area: figures.at(one, area=area).now.value for (area,) in figures.keys("area") if area.startswith("5008")}
    return {area[3:]: int(value) for area, value in found.items() if value}


def test_areas_of_today_and_of_then() -> None:
    as_recorded = {"801": 3, "802": 5, "803": 7, "804": 11, "805": 13, "806": 36}
    assert counted(None) == as_recorded
    # Merged into the new one; the old code of the third with its new one; the township left its district.
    assert counted(AFTER) == {"803": 3 + 5 + 7 + 17, "805": 24, "806": 19}
    # Nobody can tell what of the new one belonged to which; what was merely recoded has its old code.
    assert counted(BEFORE) == {"801": 3, "802": 5 + 17, "803": 7, "804": 24, "806": 19}
    assert counted(date(2008, 1, 1)) == {"801": 3, "802": 5, "803": 7, "804": 24, "806": 36}
    assert {sum(counted(day).values()) for day in (None, BEFORE, AFTER)} == {sum(as_recorded.values())}


def test_within_a_district_of_then() -> None:
    assert counted(AFTER, within="500803") == {"803": 32}
    assert counted(BEFORE, within="500802") == {"802": 22}
    assert counted(AFTER, within="500801") == {}


def test_from_a_snapshot_it_is_the_same(tmp_path: Path) -> None:
    snapshot = computing.take_snapshot(tmp_path / "snapshot.duckdb")
    for day in (BEFORE, AFTER):
        assert counted(day, backend=snapshot) == counted(day)


def test_the_command_names_the_areas_of_that_day() -> None:
    from click.testing import CliRunner

    def names(day: str) -> str:
        words = ["parties.operating", "--period", TODAY.name, "--by", "area", "--divisions", day]
        done = CliRunner().invoke(command, words)
        assert done.exit_code == 0, done.output
        return done.output

    assert "甲区" in names("2011-01-01")
    assert "甲乙区 " in names("2008-01-01")  # what was recorded under it cannot be told apart
    assert "丙县" not in names("2012-01-01")
    assert "甲乙区本级" not in names("2008-01-01") + names("2012-01-01")


def test_a_circle_of_successors_ends() -> None:
    Division.objects.filter(pk="500803000000").update(valid_to=date(2011, 12, 1), successor_id="500801000000")
    assert set(areas.moved(AFTER).values()) <= {"500801", "500802", "500803", "500805", "500806"}
