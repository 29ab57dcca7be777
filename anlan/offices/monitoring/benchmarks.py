"""How fast readings go through the rules."""

from __future__ import annotations

from anlan.site.bench import Measured, benchmark


@benchmark("telemetry spark", unit="readings/s", target=1_000_000)
def on_spark() -> Measured:
    """A master and two workers of one core, batches of two million, steady state, final events."""
    from anlan.engines.telemetry import sparkload

    found = dict(sparkload.measured())
    return Measured(found.pop("readings/s"), found)
