"""A figure is the same from PostgreSQL, from a snapshot in DuckDB and from a Spark cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.conf import settings

from anlan.engines import clusters
from anlan.engines.clusters import Cluster, NoSpark, cluster
from anlan.engines.measures.backends import NoSnapshot, Spark
from anlan.kernel import clock
from anlan.kernel.figures import computing
from anlan.kernel.figures.commands import measure
from anlan.kernel.scope import EVERYWHERE, acting

from .test_figures import BY, JUNE, NOW, TESTER, TO_MAY, fill, same

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def master() -> Iterator[Cluster]:
    try:
        clusters.needed()
    except NoSpark as missing:
        pytest.skip(f"left out: {missing}")
    with cluster(workers=2) as made:
        yield made


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def test_a_cluster_gives_the_same_answer(tmp_path: Path, master: Cluster) -> None:
    with acting(TESTER, EVERYWHERE):
        fill(14)
        snapshot = computing.take_snapshot(tmp_path / "city.duckdb")
        here = [computing.compute((), period, by=BY, tier=4) for period in (JUNE, TO_MAY)]
        with computing.on_spark(snapshot, master) as spark:
            assert spark.folder.stat().st_mode & 0o077 == 0
            there = [
                computing.compute((), period, by=BY, tier=4, backend=spark, as_of=snapshot.taken_at)
                for period in (JUNE, TO_MAY)
            ]
            empty = Spark(spark.session.newSession(), tmp_path)
            with pytest.raises(NoSnapshot, match="hazards_danger"):
                computing.compute(("hazards.open",), JUNE, backend=empty, as_of=snapshot.taken_at)
        assert [path.name for path in tmp_path.iterdir()] == ["city.duckdb"]
        for one, other in zip(here, there, strict=True):
            same(one, other)


def test_the_command_gives_one_answer_three_times(
    tmp_path: Path, master: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "HOME", tmp_path)
    with acting(TESTER, EVERYWHERE):
        fill(4)
    told = []
    for words in (["postgres"], ["duckdb"], ["spark", "--master", str(master)]):
        given = CliRunner().invoke(
            measure, ["--period", "2013-06", "--by", "area", "--area", "500112", "--json", "--backend", *words]
        )
        assert given.exit_code == 0, given.output
        told.append(json.loads(given.stdout))
        assert told[-1].pop("backend") == words[0]
    assert told[0] == told[1] == told[2]
