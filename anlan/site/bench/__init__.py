"""`anlan bench`: each app's `benchmarks.py` declares what it measures; the table and var/bench.json come from here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from django.utils.module_loading import autodiscover_modules

BASELINE = Path(__file__).resolve().parents[3] / "docs" / "bench-baseline.json"
"""What was measured when it was last written down, kept with the project."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with what stands behind it."""

    value: float
    details: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A figure to measure: `measure()` gives the value in `unit`; `rival()` what another does."""

    name: str
    unit: str
    target: float
    measure: Callable[[], float | Measured]
    more_is_better: bool = True
    rival: Callable[[], float] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One line of var/bench.json. `ratio` and `baseline_ratio` say how many times better than the other."""

    name: str
    value: float
    unit: str
    target: float
    met: bool
    rival: float | None = None
    ratio: float | None = None
    baseline: float | None = None
    baseline_ratio: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)


_declared: dict[str, Benchmark] = {}


def benchmark(
    name: str, *, unit: str, target: float, more_is_better: bool = True, rival: Callable[[], float] | None = None
) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Declares the decorated function, which returns the measured value, as the benchmark `name`."""

    def declare(measure: Callable[[], Any]) -> Callable[[], Any]:
        if name in _declared:
            raise ValueError(f"two benchmarks are called {name}")
        _declared[name] = Benchmark(name, unit, target, measure, more_is_better, rival=rival)
        return measure

    return declare


def measured(one: Benchmark, baseline: float | None = None) -> Result:
    """Runs one benchmark."""
    found = one.measure()
    value, details = (found.value, found.details) if isinstance(found, Measured) else (found, {})
    met = value >= one.target if one.more_is_better else value <= one.target
    rival = one.rival() if one.rival else None

    def times_better(other: float | None) -> float | None:
        above, below = (value, other) if one.more_is_better else (other, value)
        return above / below if above is not None and below else None

    return Result(
        one.name,
        value,
        one.unit,
        one.target,
        met,
        rival,
        times_better(rival),
        baseline,
        times_better(baseline),
        details,
    )


def read(path: Path) -> dict[str, Any]:
    """The lines of an earlier run by name; none if there was none."""
    return {line["name"]: line for line in json.loads(path.read_text())} if path.exists() else {}


def run(names: Sequence[str], out: Path) -> None:
    """Runs all benchmarks, or those named (or whose names begin so), prints the table and writes `out`."""
    autodiscover_modules("benchmarks")
    chosen = [n for n in sorted(_declared) if not names or n.startswith(tuple(names))]
    if unknown := [n for n in names if not any(known.startswith(n) for known in _declared)]:
        raise click.UsageError(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(sorted(_declared))}")
    results, before = [], read(BASELINE)
    head = f"{'benchmark':<36}{'value':>14} {'unit':<11}{'target':>12}  met "
    click.echo(f"{head}{'rival':>12} {'ratio':>6} {'baseline':>12} {'ratio':>6}")
    for name in chosen:
        result = measured(_declared[name], before.get(name, {}).get("value"))
        results.append(result)
        rival, baseline = (
            f"{other:>12,.2f} {ratio or 0:>6.2f}" if other is not None else " " * 19
            for other, ratio in ((result.rival, result.ratio), (result.baseline, result.baseline_ratio))
        )
        met = "yes" if result.met else "NO"
        click.echo(
            f"{name:<36}{result.value:>14,.2f} {result.unit:<11}{result.target:>12,.2f}  {met:<3} {rival} {baseline}"
        )
        if result.details:
            click.echo("    " + ", ".join(f"{k} {v:,.4g}" for k, v in result.details.items()))
        out.write_text(json.dumps([asdict(r) for r in results], indent=1, ensure_ascii=False) + "\n")
    click.echo(f"written to {out}")
