"""A file of readings through the command: the same events however it was shuffled; one clear line where it is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from anlan.engines import clusters
from anlan.engines.telemetry.tests.conftest import NOON
from anlan.offices.monitoring.commands import telemetry

RULES = """late: 2min
rules:
  - name: ch4
    kind: level
    metric: ch4
    source: x
    hold: 10s
    levels: [{level: orange, at_least: 1.0}, {level: red, at_least: 1.5, until: {less_than: 1.0}}]
  - {name: silent, kind: silent, level: blue, for: 5min, source: x}
"""


def table(devices: Any = int) -> pa.Table:
    """Six hours of fifty sensors, every thirty seconds, in order of time."""
    rng = np.random.default_rng(7)
    ts = np.repeat(NOON + np.arange(720) * 30_000, 50)
    device = np.tile(np.arange(50), 720)
    value = 0.8 + 0.6 * np.sin(ts / 3e6 + device) + rng.normal(0, 0.05, len(ts))
    there = rng.random(len(ts)) < np.where(device % 7 == 0, 0.08, 0.99)
    kept = pa.table({"device": device, "metric": ["ch4"] * len(ts), "ts": ts, "value": value}).filter(pa.array(there))
    return kept if devices is int else kept.set_column(0, "device", kept["device"].cast(pa.string()))


def replayed(folder: Path, readings: pa.Table, *more: str) -> tuple[Result, bytes]:
    pq.write_table(readings, folder / "in.parquet", row_group_size=5_000)
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    out = folder / "out.jsonl"
    asked = ["replay", str(folder / "in.parquet"), "--rules", str(folder / "rules.yaml"), "--out", str(out), *more]
    result = CliRunner().invoke(telemetry, asked)
    return result, out.read_bytes() if out.exists() else b""


def test_shuffled_doubled_and_delayed_the_events_are_the_same_to_the_byte(tmp_path: Path) -> None:
    plain = table()
    result, wanted = replayed(tmp_path, plain)
    assert result.exit_code == 0, result.output
    events = [json.loads(line) for line in wanted.splitlines()]
    assert len(events) > 100
    assert {e["rule"] for e in events} == {"ch4", "silent"}
    assert [e["ts"] for e in events] == sorted(e["ts"] for e in events)
    assert isinstance(events[0]["device"], int)
    rng = np.random.default_rng(3)
    twice = pa.concat_tables([plain, plain.take(rng.choice(len(plain), 5_000, replace=False))])
    arrival = twice["ts"].to_numpy() + rng.integers(0, 120_000, len(twice))
    other = twice.take(np.argsort(arrival, kind="stable"))
    assert not other.equals(twice)
    assert replayed(tmp_path, other)[1] == wanted


@pytest.mark.slow
def test_both_engines_give_the_same_events_to_the_byte(tmp_path: Path) -> None:
    try:
        clusters.needed()
    except clusters.NoSpark as missing:
        pytest.skip(f"left out: {missing}")
    result, wanted = replayed(tmp_path, table(), "--json")
    other, found = replayed(tmp_path, table(), "--json", "--engine", "spark")
    assert (other.exit_code, other.stdout, other.stderr) == (0, result.stdout, "")
    assert found == wanted


def test_without_java_spark_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    result, out = replayed(tmp_path, table(), "--engine", "spark")
    assert (result.exit_code, out, len(result.stderr.splitlines())) == (2, b"", 1)
    assert result.stderr.startswith(("Spark needs Java", "Spark is not installed here"))


def test_text_and_integers_name_devices(tmp_path: Path) -> None:
    first = replayed(tmp_path, table())[1]
    second = replayed(tmp_path, table(str))[1]
    as_text = [e | {"device": str(e["device"])} for e in map(json.loads, first.splitlines())]
    assert sorted(as_text, key=str) == sorted(map(json.loads, second.splitlines()), key=str)


def test_moments_of_any_width_and_what_was_refused(tmp_path: Path) -> None:
    plain = table().slice(0, 3)
    wide = plain.set_column(2, "ts", plain["ts"].cast(pa.timestamp("ms", "UTC")).cast(pa.timestamp("ns", "UTC")))
    odd = pa.concat_tables([wide, pa.table({"device": [1, None, 2], "metric": ["ch4", "ch4", "other"],
        "ts": wide["ts"].slice(0, 3), "value": [float("nan"), 1.0, 1.0]}, schema=wide.schema)])  # fmt: skip
    result, _out = replayed(tmp_path, odd, "--json")
    # The rule on silence minds every metric.
    assert json.loads(result.output) == {"readings": 6, "events": 0, "refused": {"no_number": 2}}


def test_large_integers_are_no_moments(tmp_path: Path) -> None:
    odd = pa.table({"device": ["a"], "metric": ["ch4"], "ts": [2**62], "value": [1.0]})
    assert json.loads(replayed(tmp_path, odd, "--json")[0].output)["refused"] == {"no_moment": 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop_columns(["ts"]), "column ts is missing"),
        (
            lambda t: t.set_column(3, "value", t["value"].cast(pa.string())),
            "column value is of type string, not number",
        ),
        (lambda t: t.set_column(0, "device", t["value"]), "column device is of type double, not text or integer"),
    ],
)
def test_a_file_without_its_columns_is_refused(tmp_path: Path, change: Any, words: str) -> None:
    result, out = replayed(tmp_path, change(table()))
    assert (result.exit_code, out) == (2, b"")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_is_no_file_of_readings_leaves_the_old_events(tmp_path: Path) -> None:
    wanted = replayed(tmp_path, table())[1]
    for content in (b"", b"PAR1 nothing PAR1", (tmp_path / "in.parquet").read_bytes()[:9_000]):
        (tmp_path / "bad.parquet").write_bytes(content)
        asked = [
            str(tmp_path / "bad.parquet"),
            "--rules",
            str(tmp_path / "rules.yaml"),
            "--out",
            str(tmp_path / "out.jsonl"),
        ]
        result = CliRunner().invoke(telemetry, ["replay", *asked])
        assert result.exit_code == 2, result.output
        assert "bad.parquet" in result.stderr
    assert (tmp_path / "out.jsonl").read_bytes() == wanted
    asked = ["replay", str(tmp_path / "none"), "--rules", str(tmp_path / "rules.yaml"), "--out", str(tmp_path / "o")]
    result = CliRunner().invoke(telemetry, asked)
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path / 'none'}: no such file\n")
    result = CliRunner().invoke(telemetry, [*asked[:-1], str(tmp_path / "nowhere" / "o")])
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path / 'nowhere'}: no such folder; make it first\n")
    (tmp_path / "rules.yaml").write_bytes(b"")
    result = CliRunner().invoke(telemetry, asked)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "a file of rules begins with `rules:`" in result.stderr


def test_single_frames() -> None:
    frame = "7E00020000012345678900000A817E"
    result = CliRunner().invoke(telemetry, ["decode", "jt808", frame, "--json"])
    assert json.loads(result.stdout)["msgId"] == "0x0002"
    result = CliRunner().invoke(telemetry, ["decode", "jt808", frame, frame[:-4] + "FF7E"])
    assert result.exit_code == 2
    assert result.stderr == "jt808: 2: checksum: the check byte does not fit\n"
    assert "msgId" in result.stdout
