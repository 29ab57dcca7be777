"""What the benchmark of a province stands on: ten cities in one snapshot, each counted as it is alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from anlan.kernel import clock
from anlan.kernel.figures import benchmarks, computing
from anlan.kernel.scope import EVERYWHERE, acting

from .test_figures import NOW, TESTER, fill


@pytest.mark.slow
@pytest.mark.django_db
def test_each_city_of_a_province_is_counted_as_it_is_alone(tmp_path: Path) -> None:
    with clock.frozen(NOW), acting(TESTER, EVERYWHERE):
        fill(14)
        city = computing.take_snapshot(tmp_path / "city.duckdb")
        province = benchmarks.made_of(city, tmp_path / "province.duckdb", cities=10)
        _, one = benchmarks.timed(city, city.taken_at)
        _, ten = benchmarks.timed(province, city.taken_at)
        benchmarks.as_alone(one, ten)
        key = next(key for key, value in ten.items() if value)
        with pytest.raises(RuntimeError, match="alone"):
            benchmarks.as_alone(one, ten | {key: 0})
        half = benchmarks.made_of(city, tmp_path / "half.duckdb", "hash(rowid) % 2 = 0")
        _, fewer = benchmarks.timed(half, city.taken_at)
    assert (
        0
        < sum(v.value for (name, *_), v in fewer.items() if name == "hazards.found")
        < sum(v.value for (name, *_), v in one.items() if name == "hazards.found")
    )
