"""The benchmarks themselves: what is asked for exists, and figures are told as they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from anlan.kernel.models import Installation
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Account, Enterprise
from anlan.site import bench
from anlan.site.bench import Benchmark, Measured, crowd, measured
from anlan.site.bench.http import Answer, percentile


@pytest.mark.parametrize(
    ("more_is_better", "value", "other", "ratio"), [(True, 30.0, 10.0, 3.0), (False, 10.0, 30.0, 3.0)]
)
def test_a_ratio_says_how_many_times_better(more_is_better: bool, value: float, other: float, ratio: float) -> None:
    one = Benchmark("b", "ms", 20.0, lambda: Measured(value, {"p50": 1.0}), more_is_better, rival=lambda: other)
    found = measured(one, baseline=other)
    assert (found.met, found.ratio, found.baseline_ratio, found.details) == (True, ratio, ratio, {"p50": 1.0})


def test_without_rival_and_baseline_there_is_no_ratio() -> None:
    found = measured(Benchmark("b", "ms", 20.0, lambda: 21.0, more_is_better=False))
    assert (found.met, found.rival, found.ratio, found.baseline_ratio) == (False, None, None, None)


def test_a_run_writes_what_was_measured_and_the_ratio_to_the_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "_declared", {"one b": Benchmark("one b", "rows/s", 5.0, lambda: 10.0)})
    monkeypatch.setattr(bench, "autodiscover_modules", lambda _name: None)
    monkeypatch.setattr(bench, "BASELINE", tmp_path / "baseline.json")
    (tmp_path / "baseline.json").write_text(json.dumps([{"name": "one b", "value": 4.0}]))
    bench.run(["one"], tmp_path / "bench.json")
    (line,) = json.loads((tmp_path / "bench.json").read_text())
    assert {"name", "value", "unit", "target", "met", "rival", "ratio"} <= line.keys()
    assert (line["value"], line["met"], line["baseline_ratio"]) == (10.0, True, 2.5)
    assert "one b" in capsys.readouterr().out


def test_percentiles_are_of_all_answers() -> None:
    answers = [Answer("list", "/", 200, n / 1000, 1, 0.0) for n in range(101)]
    assert percentile(answers, 95) == pytest.approx(95.0)


@pytest.mark.slow
@pytest.mark.django_db
def test_everything_that_people_ask_for_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        Installation.objects.update_or_create(pk=1, defaults={"demonstration": True})
        Enterprise.objects.create(name="渝北建材有限公司", area_code="500112131203", industry_id="construction")
    monkeypatch.setattr(crowd, "PEOPLE", 20)
    crowd.crowd.cache_clear()
    try:
        people = crowd.crowd()
        assert {v.account.role for v in people} > {"district", "township", "enterprise"}
        assert {kind for v in people for kind in v.pages} >= {"home", "list", "filter", "record", "search", "board"}
        lists = {address for v in people for address in v.pages["list"]}
        assert {address for _v, address in crowd.of_kind("list", 80)} == lists, "not only the first of each"
        visitor = next(v for v in people if v.account.role == "district")
        browser = Client()
        browser.cookies[settings.SESSION_COOKIE_NAME] = visitor.session
        for address in (a for own in visitor.pages.values() for a in own):
            assert browser.get(address).status_code == 200, address
    finally:
        crowd.crowd.cache_clear()


@pytest.mark.django_db
def test_where_people_work_nobody_is_invented() -> None:
    crowd.crowd.cache_clear()
    with pytest.raises(crowd.RealPeople, match="demonstration"):
        crowd.crowd()
    with acting(Actor("test", "tests"), EVERYWHERE):
        assert not Account.objects.exists()


@pytest.mark.slow
def test_the_rival_is_a_sound_django_project() -> None:
    check = "import django; django.setup(); from django.core.management import call_command; call_command('check')"
    environment: dict[str, Any] = os.environ | {"DJANGO_SETTINGS_MODULE": "anlan.site.bench.rival.settings"}
    command = [sys.executable, "-c", check]
    done = subprocess.run(command, cwd=settings.ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
