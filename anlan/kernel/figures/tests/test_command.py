"""`anlan measure`: the answer, and one clear line for what cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from django.conf import settings
from django.test import Client
from django.urls import reverse

from anlan.kernel import clock
from anlan.kernel.figures.commands import measure
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.hazards.models import Danger
from anlan.parties.models import Account

from .test_figures import NOW, TESTER, fill


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def asked(*words: str) -> Result:
    return CliRunner().invoke(measure, list(words))


def answer(*words: str) -> dict[str, Any]:
    given = asked(*words, "--json")
    assert given.exit_code == 0, given.output
    return json.loads(given.stdout)


@pytest.mark.django_db
def test_by_area_names_every_district_and_adds_up_to_the_city() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(4)
    whole = answer("hazards.found", "hazards.closure_rate", "--period", "2013-06")
    found, rate = (m["rows"][0] for m in whole["measures"])
    assert found["value"] == rate["denominator"] > 0
    assert whole["measures"][0]["title"] == {"zh": "排查隐患数", "en": "Hidden dangers found"}
    districts = answer("hazards.found", "--period", "2013-06", "--by", "area")["measures"][0]["rows"]
    assert sum(r["value"] for r in districts) == found["value"]
    assert {len(r["area"]) for r in districts} == {6}
    assert len([r for r in districts if not r["area"].endswith("0000")]) == 38
    industries = answer("hazards.found", "--period", "2013-06", "--by", "industry")["measures"][0]["rows"]
    assert sum(r["value"] for r in industries) == found["value"]
    assert industries[-1]["industry"] is None
    townships = answer("hazards.found", "--period", "2013-06", "--by", "area", "--area", "500112")
    yubei = next(r for r in districts if r["area"] == "500112")
    assert sum(r["value"] for r in townships["measures"][0]["rows"]) == yubei["value"]
    assert "渝北区" in asked("hazards.found", "--period", "2013-06", "--by", "area").stdout


@pytest.mark.django_db
def test_both_back_ends_give_one_answer(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "HOME", tmp_path)
    with acting(TESTER, EVERYWHERE):
        fill(4)
    here, there = (answer("--period", "2013-06", "--by", "area", "--backend", b) for b in ("postgres", "duckdb"))
    assert here.pop("backend") != there.pop("backend")
    assert here == there
    with acting(TESTER, EVERYWHERE):
        Danger.objects.all().delete()
    assert answer("--period", "2013-06", "--by", "area", "--backend", "duckdb")["measures"] == there["measures"]
    fresh = answer("hazards.open", "--period", "2013-06", "--backend", "duckdb", "--fresh")
    assert fresh["measures"][0]["rows"][0]["value"] == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["hazards.lost", "--period", "2013-06"], "no measure is called hazards.lost; there are accidents.deaths, "),
        (["--period", "June"], "'June' is no period: write 2013, "),
        (["hazards.found"], "--period is missing"),
        (["--period", "2013-06", "--by", "colour"], "--by colour: it is area or industry"),
        (["--period", "2013-06", "--backend", "oracle"], "--backend oracle: there are postgres, duckdb, spark"),
        (["--period", "2013-06", "--master", "spark://a:7077"], "--master: only --backend spark"),
        (["--period", "2013-06", "--area", "990000"], "--area 990000: there is no such division"),
        (["--period", "2013-06", "--fresh"], "--fresh: only --backend duckdb and spark"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(words: list[str], line: str) -> None:
    given = asked(*words)
    assert given.exit_code == 2
    assert given.stdout == ""
    assert given.stderr.startswith(line)
    assert given.stderr.count("\n") == 1


@pytest.mark.django_db
def test_a_snapshot_that_is_none_is_refused(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "HOME", tmp_path)
    (tmp_path / "measures.duckdb").write_bytes(b"no database" * 100)
    given = asked("--period", "2013-06", "--backend", "duckdb")
    assert (given.exit_code, given.stderr.count("\n")) == (2, 1)
    assert "--fresh" in given.stderr


@pytest.mark.django_db
def test_a_cluster_that_is_none_is_said_so(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "HOME", tmp_path)
    given = asked("--period", "2013-06", "--backend", "spark", "--master", "spark:/7077")
    assert (given.exit_code, given.stderr.count("\n")) == (2, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["measures.duckdb"]


@pytest.mark.slow
def test_nothing_loads_ibis_before_something_is_computed() -> None:
    code = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'anlan.site.settings'; django.setup(); "
        "from anlan.cli import commands; commands(); import anlan.site.urls; "
        "print({'ibis', 'duckdb', 'pandas', 'sqlglot'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=settings.ROOT)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "set()", "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "chip"),
    [("zh-hans", "2013年6月·排查隐患数"), ("en", "Hidden dangers found, June 2013")],
)
def test_the_list_says_in_words_what_it_counts_and_keeps_it_when_filtered(
    language: str, chip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anlan.site.assets._entry", lambda source: {"file": source})
    with acting(TESTER, EVERYWHERE):
        fill(4)
        account = Account.objects.create(username="district", name="区", role="district", area_code="500112000000")
        client = Client(headers={"accept-language": language})
        client.force_login(account, settings.AUTHENTICATION_BACKENDS[-1])
    address = "/r/dangers/?counted=hazards.found&period=2013-06&without=industry&area_begins=500112000"
    page = client.get(address)
    assert page.status_code == 200
    chips = [c["value"] for c in page.context["filters"]["chips"]]
    assert chips[0] == chip
    assert len(chips) == 3
    text = page.content.decode()
    for name, value in (("counted", "hazards.found"), ("period", "2013-06"), ("without", "industry")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in text
    assert client.get("/r/dangers/?counted=hazards.found&period=%22%3E%3Cb%3E").status_code == 400
    assert page.context["count"].number == len(page.context["rows"]) > 0
    sheet = client.get(reverse("sheets:export", args=("dangers", "csv")) + address.removeprefix("/r/dangers/"))
    lines = b"".join(sheet.streaming_content).decode().splitlines()
    assert len(lines) == 1 + len(page.context["rows"])
