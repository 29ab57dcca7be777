"""A million messages of noise for each protocol: refused by kind, and nothing else; none makes a reading up.

Real messages with bytes changed, cut, doubled and put together anew, half of them with their checksum set right again,
so that what lies behind it is reached. The same every time: what fails can be looked at. Beside them noise that is led
by what it reaches, as much as there is time for.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from anlan.engines.telemetry.protocols import Malformed

from .noise import NOISES, Noise

MILLION = 1_000_000


def changed(noise: Noise, count: int) -> Iterator[bytes]:
    """So many messages."""
    rng, seeds = np.random.default_rng(20130614), noise.seeds
    for _ in range(count // 1000):
        which = rng.integers(0, len(seeds), 1000).tolist()
        ways = rng.integers(0, 8, 1000).tolist()
        numbers = rng.integers(0, 1 << 30, (1000, 4)).tolist()
        for seed, way, (a, b, c, d) in zip(which, ways, numbers, strict=True):
            raw = bytearray(seeds[seed])
            if raw:
                raw[a % len(raw)] = b & 0xFF
            if way & 1 and raw:
                raw[c % len(raw)] ^= 1 << d % 8
            if way == 4:
                del raw[a % (len(raw) + 1) :]
            elif way == 5:
                raw[a % (len(raw) + 1) : a % (len(raw) + 1)] = raw[: c % 40]
            elif way == 6:
                raw += seeds[c % len(seeds)][d % 20 :]
            yield noise.mended(bytes(raw)) if way & 2 else bytes(raw)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NOISES)
def test_noise(name: str) -> None:
    noise = NOISES[name]
    read, understood, refused = noise.reader(), 0, 0
    for raw in changed(noise, MILLION):
        try:
            read(raw)
            understood += 1
        except Malformed:
            refused += 1
            if name == "jt808":  # such a connection is parted with
                read = noise.reader()
    assert understood > 10_000
    assert refused > 100_000


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="Atheris is not made for this machine")
@pytest.mark.parametrize("name", NOISES)
def test_led_noise(name: str, tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "anlan.engines.telemetry.tests.noise", name, "-runs=50000", "-seed=2013"],
        capture_output=True, text=True, cwd=tmp_path, timeout=200,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-3000:]
    assert "Done 50000 runs" in told.stderr
