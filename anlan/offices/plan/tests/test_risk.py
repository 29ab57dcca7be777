"""The risk assessment: the same colour whoever looks, only one's own cells, each factor opening its records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from click.testing import CliRunner
from django.test import Client
from django.urls import reverse

from anlan.kernel import clock
from anlan.kernel.figures import computing
from anlan.kernel.figures.declaring import titles
from anlan.offices.accidents.models import Accident, Category
from anlan.offices.plan.risk.assessment import risk, scheme
from anlan.parties.models import Account, Enterprise

from .conftest import CITY, YUBEI

NOW = datetime(2013, 6, 14, 10, 30, tzinfo=clock.BEIJING)
BEIBEI = "500109000000"
URL = reverse("plan:risk")
Make = Callable[..., Account]


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOW):
        computing.forget()
        yield
        computing.forget()


@pytest.fixture
def city(everywhere: None) -> None:
    """Coal kills in Yubei; in Beibei as many work without; one fire of grade larger in Beibei."""
    category = Category.objects.get(scheme="national-2012", code="coal")
    Enterprise.objects.bulk_create(
        Enterprise(name=f"{area}{industry}{n}", area_code=area, industry_id=industry, status="operating")
        for area in (YUBEI, BEIBEI) for industry in ("coal", "fire", "hazchem") for n in range(50)
    )  # fmt: skip

    def accident(n: int, area: str, industry: str, deaths: int, grade: str) -> Accident:
        return Accident(
            number=f"试{n}", title="试", state="closed", area_code=area, owner_area_code=area, industry_id=industry,
            category=category, course="试", place="井", grade=grade, deaths=deaths, opened_at=NOW,
            occurred_at=NOW.replace(month=1 + n % 5),
        )  # fmt: skip

    Accident.objects.bulk_create(
        [*(accident(n, YUBEI, "coal", 2, "ordinary") for n in range(24)), accident(99, BEIBEI, "fire", 3, "larger")]
    )


def test_the_method_is_that_of_measures_there_are() -> None:
    assert set(scheme().measures) <= set(titles())


def test_the_command_prints_method_and_cells(city: None) -> None:
    made = json.loads(CliRunner().invoke(risk, ["--json"], catch_exceptions=False).stdout)
    cells = {(cell["area"], cell["industry"]): cell for cell in made["cells"]}
    coal = cells["500112", "coal"]
    assert (coal["colour"], coal["parts"][0]["count"], coal["parts"][0]["expected"]) == ("red", 48, 51 / 6)
    assert (cells["500109", "coal"]["colour"], cells["500109", "coal"]["points"]) == ("blue", 0)
    assert (cells["500109", "fire"]["colour"], cells["500109", "fire"]["held_by"]) == ("orange", "accidents.larger")
    assert made["method"]["factors"][0]["measure"] == "accidents.deaths"
    said = CliRunner().invoke(risk, [], catch_exceptions=False).stdout
    assert "Red: major from 60 points" in said
    assert "held by accidents.larger" in said


def page(client: Client, account: Account, **asked: str) -> str:
    client.force_login(account)
    answer = client.get(URL, asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_district_sees_its_own_cells_in_the_city_s_colours(city: None, account: Make, client: Client) -> None:
    whole = page(client, account("whole"))
    own = page(client, account("own", "district", YUBEI))
    assert "北碚区" in whole
    assert "北碚区" not in own
    assert own.count("level-red") > 2  # the legend's and the cell's
    cell = 'class="level level-red" href="?area=500112&amp;industry=coal#why"'
    assert cell in whole
    assert cell in own
    fire = page(client, account("fire", "department", CITY, industries=["fire"]))
    assert "industry=fire" in fire
    assert "industry=coal" not in fire


def test_a_cell_opens_its_factors_and_they_their_records(city: None, account: Make, client: Client) -> None:
    text = page(client, account("whole"), area="500112", industry="coal")
    assert "40.0 / 40" in text
    assert "counted=accidents.deaths" in text
    held = page(client, account("other"), area="500109", industry="fire")
    assert "不低于此" in held


@pytest.mark.parametrize("asked", [{"area": "500109"}, {"area": "500109", "industry": "coal"}, {"area": "x\0"}])
def test_a_cell_of_others_is_not_there(city: None, account: Make, client: Client, asked: dict[str, str]) -> None:
    client.force_login(account("own", "district", YUBEI))
    assert client.get(URL, asked).status_code == 404


@pytest.mark.parametrize("role", ["enterprise", "township", "inspector", "village"])
def test_who_has_a_part_of_a_district_is_not_shown_it(
    city: None, account: Make, client: Client, role: str
) -> None:  # fmt: skip
    extra = {"enterprise": Enterprise.objects.first()} if role == "enterprise" else {}
    client.force_login(account(role, role, "500112131000" if role != "enterprise" else YUBEI, **extra))
    assert client.get(URL).status_code == 403


def test_without_records_it_says_so(account: Make, client: Client) -> None:
    assert "暂无可评估内容" in page(client, account("whole"))
