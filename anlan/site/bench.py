"""`anlan bench`: each app's `benchmarks.py` declares what it measures; the table and var/bench.json come from here."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from django.utils.module_loading import autodiscover_modules


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A figure to measure: `measure()` gives the value in `unit`; `rival()` what another does."""

    name: str
    unit: str
    target: float
    measure: Callable[[], float]
    more_is_better: bool = True
    rival: Callable[[], float] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One line of var/bench.json. `ratio` says how many times better than the rival."""

    name: str
    value: float
    unit: str
    target: float
    met: bool
    rival: float | None = None
    ratio: float | None = None


_declared: dict[str, Benchmark] = {}


def benchmark(
    name: str, *, unit: str, target: float, more_is_better: bool = True, rival: Callable[[], float] | None = None
) -> Callable[[Callable[[], float]], Callable[[], float]]:
    """Declares the decorated function, which returns the measured value, as the benchmark `name`."""

    def declare(measure: Callable[[], float]) -> Callable[[], float]:
        if name in _declared:
            raise ValueError(f"two benchmarks are called {name}")
        _declared[name] = Benchmark(name, unit, target, measure, more_is_better, rival=rival)
        return measure

    return declare


def measured(one: Benchmark) -> Result:
    """Runs one benchmark."""
    value = one.measure()
    met = value >= one.target if one.more_is_better else value <= one.target
    other = one.rival() if one.rival else None
    ratio = None if other is None else (value / other if one.more_is_better else other / value)
    return Result(one.name, value, one.unit, one.target, met, other, ratio)


def run(names: Sequence[str], out: Path) -> None:
    """Runs all benchmarks, or those named, prints the table and writes `out`."""
    autodiscover_modules("benchmarks")
    unknown = [n for n in names if n not in _declared]
    if unknown:
        raise click.UsageError(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(sorted(_declared))}")
    results = []
    click.echo(f"{'benchmark':<40}{'value':>14} {'unit':<10}{'target':>12}  met  {'rival':>12} {'ratio':>6}")
    for name in names or sorted(_declared):
        result = measured(_declared[name])
        results.append(result)
        rival = f"{result.rival:>12,.2f} {result.ratio:>6.1f}" if result.rival is not None else ""
        met = "yes" if result.met else "NO"
        click.echo(f"{name:<40}{result.value:>14,.2f} {result.unit:<10}{result.target:>12,.2f}  {met:<4} {rival}")
    out.write_text(json.dumps([asdict(r) for r in results], indent=1, ensure_ascii=False) + "\n")
    click.echo(f"written to {out}")
