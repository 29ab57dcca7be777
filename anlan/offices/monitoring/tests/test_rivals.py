"""What is compared with others says the same as they do, event by event."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anlan.engines.telemetry import replay, rules
from anlan.offices.monitoring import benchmarks, rivals


@pytest.mark.parametrize("name", rivals.RIVALS)
def test_a_rival_tells_the_same_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(rivals, "BATCH", 5_000)
    path, out = tmp_path / "readings.parquet", tmp_path / "events.jsonl"
    benchmarks.regular(path, 150, 120)
    replay.replay(path, rules.parse(rivals.RULES.encode()), out)
    ours = {(e["ts"], e["device"], e["rule"], e["state"]) for e in map(json.loads, out.read_text().splitlines())}
    assert {rule for _ts, _device, rule, _state in ours} == {"high", "cut", "rate", "stuck"}
    try:
        theirs = rivals.RIVALS[name][0](path)
    except ImportError:
        pytest.skip(f"{name} does not install on this Python")
    assert theirs == ours
