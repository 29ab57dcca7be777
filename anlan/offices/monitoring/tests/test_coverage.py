"""Devices required, in service, online and calibrated: as they are counted, and as the page shows them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from anlan.engines.measures import Period
from anlan.engines.telemetry.journal import batch_of
from anlan.kernel.figures.computing import compute, named, take_snapshot
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.offices.monitoring.latest import Heard
from anlan.offices.monitoring.models import Quota
from anlan.parties.models import Enterprise

from .conftest import AT, BANAN, TESTER, YUBEI, account, device

pytestmark = pytest.mark.django_db


def quota(number: int, area: str = YUBEI, **more: Any) -> Quota:
    enterprise, _made = Enterprise.objects.get_or_create(name=f"车队{area}", area_code=area)
    facts: dict[str, Any] = {"programme": "coaches", "since": AT.date() - timedelta(days=9), "basis": "要点"}
    return Quota.objects.create(enterprise=enterprise, area_code=area, required=number, **facts | more)


def counted(**where: str) -> list[Any]:
    names = ("required", "installed", "online", "calibrated", "coverage", "online_rate")
    figures = compute([f"monitoring.{n}" for n in names], Period.of("day", AT.date()), by=tuple(where))
    return [figures.at(named((f"monitoring.{n}",))[0], **where).now.value for n in names]


def test_what_counts_as_in_service_online_and_calibrated() -> None:
    day = timedelta(days=1)
    with acting(TESTER, EVERYWHERE):
        quota(5)
        quota(7, programme="lifts", until=AT.date() - day)  # over since yesterday
        device("heard", heard_at=AT - day / 2)
        device("silent", heard_at=AT - 3 * day, calibrated_until=AT.date() + day)
        device("expired", calibrated_until=AT.date() - day)
        device("gone", removed_on=AT.date() - day, heard_at=AT)
        device("to-come", installed_on=AT.date() + day)
        assert [float(v) if v is not None else None for v in counted()] == [5, 3, 1, 2, 60.0, 33.3]
        assert counted(programme="lifts")[0:2] == [0, 0]
        assert counted(programme="lifts")[4] is None  # nothing is required: not 0 %, and not 100 %


def test_online_goes_by_the_reading_itself_in_figure_snapshot_and_list(tmp_path: Path) -> None:
    ago = timedelta(hours=23)
    for code, area in (("just-heard", YUBEI), ("heard-before", BANAN), ("never-heard", YUBEI)):
        device(code, area, heard_at=AT - timedelta(hours=29))  # what was known before the evaluation heard it
    with acting(TESTER, EVERYWHERE):
        for code, at in (("just-heard", AT - ago), ("heard-before", AT - timedelta(hours=25))):
            one = Heard()
            one.hear(batch_of([code], ["speed"], [int(at.timestamp() * 1000)], [1.0], 0))
            one.write(TESTER)
        assert counted()[2] == 1
        assert counted(area="500112")[2] == 1
        assert counted(programme="coaches")[2] == 1
        held = take_snapshot(tmp_path / "measures.duckdb")
        figures = compute(["monitoring.online"], Period.of("day", AT.date()), backend=held)
        assert figures.at(named(("monitoring.online",))[0]).now.value == 1
    listed = browser("city", "500000000000").get("/r/devices/?counted=monitoring.online&period=2013-06-14")
    # Names long enough that no token of a form happens to hold one.
    assert [code in listed.content.decode() for code in ("just-heard", "heard-before", "never-heard")] == [
        True,
        False,
        False,
    ]


def test_each_sees_his_own_area() -> None:
    with acting(TESTER, EVERYWHERE):
        for n, area in enumerate((YUBEI, YUBEI, BANAN)):
            device(f"d{n}", area)
        quota(4)
        quota(9, BANAN)
    with acting(Actor("person", "x", 1), Scope(area="500113", industries=None, enterprise=None)):
        assert counted()[:2] == [9, 1]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"removed_on": AT.date() - timedelta(days=30)}, "removed_on"),
        ({"lon": 106.5}, "lat"),
        ({"code": "a/b"}, "code"),
        ({"code": "a b"}, "code"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], field: str) -> None:
    with acting(TESTER, EVERYWHERE):
        one = device("d1")
        for name, value in wrong.items():
            setattr(one, name, value)
        with pytest.raises(ValidationError) as caught:
            one.full_clean()
        assert field in caught.value.message_dict


def browser(role: str, area: str) -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(account(role, area))
    return client


def test_the_page_opens_what_it_counts() -> None:
    with acting(TESTER, EVERYWHERE):
        quota(3)
        device("heard-1", heard_at=AT - timedelta(hours=1))
        device("silent-1", heard_at=AT - timedelta(days=4))
        device("other-1", BANAN)
    client = browser("district", "500112000000")
    page = client.get("/monitoring/").content.decode()
    assert "66.7%" in page
    assert "尚缺1台" in page
    urls = [part.split('"')[0] for part in page.split('href="/r/devices/')[1:]]
    listed = [
        client.get("/r/devices/" + url.replace("&amp;", "&")).content.decode() for url in urls if url.startswith("?")
    ]
    assert ["heard-1" in one for one in listed].count(True) == len(listed) >= 6
    assert not any("other-1" in one for one in listed)
    assert [("silent-1" in one) for one in listed[:3]] == [True, False, True]  # in service, online, calibrated


def test_with_nothing_on_record_it_says_so() -> None:
    assert "尚未核定应装数" in browser("district", "500112000000").get("/monitoring/").content.decode()
