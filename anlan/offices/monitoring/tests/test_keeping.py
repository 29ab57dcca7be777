"""Hours counted from what is in the history; readings and hours let go when their time is over."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anlan.engines.telemetry import history
from anlan.engines.telemetry.journal import Journal, batch_of
from anlan.engines.telemetry.moves import unmoved
from anlan.kernel import law
from anlan.kernel.scope import EVERYWHERE, Scope, acting
from anlan.offices.monitoring.evaluation import Evaluation
from anlan.offices.monitoring.keeping import archive, count_hours, let_go
from anlan.offices.monitoring.models import HourlyReading
from anlan.offices.monitoring.programmes import PROGRAMMES

from .conftest import AT, TESTER, device
from .test_warnings import RULES

pytestmark = pytest.mark.django_db
MS, MINUTE, HOUR = int(AT.timestamp() * 1000), 60_000, 3_600_000


def test_an_hour_is_counted_once_however_often_it_is_moved(tmp_path: Path) -> None:
    device("d1")
    journal, kept = Journal(tmp_path / "journal", "a"), tmp_path / "history"

    def land(metric: str, *rows: tuple[str, int, float]) -> None:
        names, ts, values = zip(*rows, strict=True)
        journal.append(batch_of(list(names), [metric] * len(rows), list(ts), list(values), 0))
        journal.turn()
        history.archive(tmp_path / "journal", kept, told=lambda stretches: count_hours(kept, stretches))

    land("ch4", ("d1", MS, 0.2), ("d1", MS + MINUTE, 0.6), ("d1", MS + HOUR, 9.0), ("stranger", MS, 5.0))
    land("ch4", ("d1", MS, 0.2), ("d1", MS + 2 * MINUTE, 0.1))  # one of them again, one later one
    land("lat", ("d1", MS, 29.5))
    with acting(TESTER, EVERYWHERE):
        found = HourlyReading.objects.order_by("hour").values_list("hour", "count", "low", "high", "mean", "last")
        first, second = list(found)
    assert first == (AT, 3, 0.1, 0.6, pytest.approx(0.3), 0.1)
    assert second[:4] == (AT + timedelta(hours=1), 1, 9.0, 9.0)
    with acting(TESTER, Scope(area="500103", industries=None, enterprise=None)):
        assert not HourlyReading.objects.exists()


def test_what_was_evaluated_is_archived_while_the_evaluation_goes_on(tmp_path: Path) -> None:
    """Only what the kept state knows of is moved; what is read afterwards, and the journal's own file, stay."""
    device("d1")
    journal = Journal(tmp_path / "journal", "a")

    def land(ts: int) -> None:
        journal.append(batch_of(["d1"], ["ch4"], [ts], [0.2], 0))
        journal.turn()

    land(MS)
    assert archive(tmp_path) == 0  # nobody has evaluated anything
    evaluation = Evaluation(tmp_path / "journal", tmp_path / "state", RULES)
    evaluation.step()
    evaluation.keep()
    land(MS + MINUTE)
    evaluation.step()  # read, and not kept
    assert archive(tmp_path) == 1
    with acting(TESTER, EVERYWHERE):
        assert HourlyReading.objects.values_list("count", flat=True).get() == 1
    land(MS + 2 * MINUTE)
    evaluation.step()
    assert evaluation.stream.counts["taken"] == 3
    evaluation.keep()
    with unmoved(tmp_path):
        assert archive(tmp_path) is None
    assert archive(tmp_path) == 2
    with acting(TESTER, EVERYWHERE):
        assert HourlyReading.objects.values_list("count", flat=True).get() == 3


def test_what_is_kept_for_how_long(tmp_path: Path) -> None:
    coach = device("coach")
    device("tank", programme="chemicals", protocol="mqtt")
    table = pa.table({"device": ["coach", "tank"], "ts": [0, 0], "value": [1.0, 2.0]})

    def days_ago(days: int) -> date:
        return AT.date() - timedelta(days=days)

    for days in (183, 184, 731):
        history.keep_part(tmp_path, days_ago(days), "speed", "x", table)
    with acting(TESTER, EVERYWHERE):
        for d in (61, 63):
            HourlyReading.objects.create(device=coach, metric="m", hour=AT - timedelta(days=d), count=1, low=0, high=0,
                                         mean=0, last=0)  # fmt: skip
    let_go(tmp_path)

    def left(days: int) -> list[str]:
        files = list((tmp_path / f"day={days_ago(days)}").rglob("*.parquet"))
        return [name for path in files for name in pq.read_table(path)["device"].to_pylist()]

    assert (left(183), left(184), left(731)) == (["coach", "tank"], ["tank"], [])
    with acting(TESTER, EVERYWHERE):
        assert HourlyReading.objects.count() == 1


def test_a_city_keeps_the_readings_of_each_programme_as_long_as_it_says(
    settings: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings.HOME, kept = tmp_path, tmp_path / "history"
    programmes = [code for code, _title in PROGRAMMES]
    says = (
        f"- {{id: monitoring.keep.{code}, name: 天数, name_en: Days, value: {5 + n}, unit: days, "
        "valid_from: 2007-01-01, article: 本市设定, source: 试验, certainty: CONFIG}\n"
        for n, code in enumerate(programmes)
    )
    (tmp_path / "law").mkdir()
    (tmp_path / "law" / "keep.yaml").write_text("".join(says))
    law.book.cache_clear()
    request.addfinalizer(law.book.cache_clear)
    for code in programmes:
        device(code, programme=code)
    table = pa.table({"device": programmes, "ts": [0] * len(programmes), "value": [1.0] * len(programmes)})
    history.keep_part(kept, AT.date() - timedelta(days=8), "m", "x", table)
    let_go(kept)
    (file,) = kept.rglob("*.parquet")
    assert sorted(pq.read_table(file)["device"].to_pylist()) == sorted(programmes[3:])
