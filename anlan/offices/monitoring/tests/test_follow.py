"""What lands followed on a cluster: by the register's programmes, limits and calibrations, as the evaluation does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from anlan.engines import clusters
from anlan.engines.telemetry import rules
from anlan.engines.telemetry.journal import Journal, batch_of
from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.monitoring.commands import telemetry
from anlan.offices.monitoring.evaluation import ASKED_EVERY, Evaluation
from anlan.offices.monitoring.models import Calibration, DeviceSetting, EarlyWarning, Suppressed

from .conftest import AT, TESTER, device

MINUTE = 60_000
NOON = int(AT.timestamp() * 1000)
RULES = """late: 2min
rules:
  - name: methane
    title: {zh: 甲烷超限, en: Methane}
    kind: level
    metric: ch4
    programmes: [coal-gas]
    source: 试验
    levels:
      - {level: red, at_least: {of: ch4_alarm}}
"""


@pytest.fixture
def master() -> Iterator[str]:
    try:
        clusters.needed()
    except clusters.NoSpark as missing:
        pytest.skip(f"left out: {missing}")
    with clusters.cluster(workers=1) as made:
        yield str(made)


def readings(minute: int, *values: float) -> dict[str, list[Any]]:
    """Readings of all four devices, one a minute."""
    rows = [
        (code, "ch4", NOON + (minute + n) * MINUTE, value)
        for n, value in enumerate(values)
        for code in ("quiet", "set", "coach", "unset")
    ]
    return dict(zip(("device", "metric", "ts", "value"), map(list, zip(*rows, strict=True)), strict=True))


def told(folder: Path) -> set[tuple[Any, ...]]:
    lines = [json.loads(line) for path in folder.glob("events/[!.]*") for line in path.read_text().splitlines()]
    assert all(one["what"] == one["state"] for one in lines)
    return {(e["device"], e["level"], e["state"], e["ts"], e.get("suppressed", False)) for e in lines}


def kept() -> set[tuple[Any, ...]]:
    """What the evaluation told: what warned, and what it set aside."""
    with acting(TESTER, EVERYWHERE):
        warned = EarlyWarning.objects.values_list("device__code", "told")
        aside = Suppressed.objects.values_list("device__code", "level", "state", "measured_at")
        return {(code, one["level"], one["state"], one["ts"], False) for code, all_ in warned for one in all_} | {
            (code, level, state, int(at.timestamp() * 1000), True) for code, level, state, at in aside
        }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_what_is_followed_is_told_as_the_evaluation_tells_it(tmp_path: Path, settings: Any, master: str) -> None:
    settings.HOME = tmp_path
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    landing, place = tmp_path / "landing", tmp_path / "place"
    landing.mkdir()
    quiet, limited = (device(code, programme="coal-gas") for code in ("quiet", "set"))
    device("coach")
    device("unset", programme="coal-gas")
    with acting(TESTER, EVERYWHERE):
        rest = Calibration.objects.create(device=quiet, begin=AT - timedelta(hours=1), reason="标校", done_by="队")
        day = AT.date() - timedelta(days=1)
        first, limit = (
            DeviceSetting.objects.create(device=one, metric="ch4_alarm", value=1, since=day, basis="规程")
            for one in (quiet, limited)
        )
    journal = Journal(tmp_path / "journal", "one")
    evaluation = Evaluation(tmp_path / "journal", tmp_path / "snapshot", rules.parse(RULES.encode()))

    def land(number: int, minute: int, *values: float) -> None:
        """The same to both."""
        columns = readings(minute, *values)
        half = tmp_path / "half.parquet"
        pq.write_table(pa.table(columns), half)
        os.utime(half, (1_400_000_000 + number, 1_400_000_000 + number))
        half.rename(landing / f"{number}.parquet")
        journal.append(batch_of(*columns.values(), NOON + minute * MINUTE))
        with clock.frozen(AT + timedelta(minutes=minute + len(values)) + number * 2 * ASKED_EVERY):
            evaluation.step()
        asked = ["follow", str(landing), "--rules", str(tmp_path / "rules.yaml"), "--out", str(place)]
        result = CliRunner().invoke(telemetry, [*asked, "--master", master, "--shards", "2"])
        assert result.exit_code == 0, result.output

    land(0, 0, 0.5, 1.2, 0.5)
    both = {(code, "red", state, NOON + n * MINUTE, code == "quiet")
            for code in ("quiet", "set") for n, state in ((1, "open"), (2, "clear"))}  # fmt: skip
    assert told(place) == kept() == both
    with acting(TESTER, EVERYWHERE):
        rest.until = AT + timedelta(minutes=4)
        rest.save()
        limit.value = 1.5
        limit.save()
        first.delete()  # what nobody has set any more is a limit no more
        DeviceSetting.objects.create(device=quiet, metric="ch4_alarm", value=1.1, since=day, basis="规程")
    land(1, 5, 1.2, 1.6, 0.5)
    both |= {(code, "red", state, NOON + n * MINUTE, False)
             for code, begin in (("quiet", 5), ("set", 6)) for n, state in ((begin, "open"), (7, "clear"))}  # fmt: skip
    assert told(place) == kept() == both
