"""Measures: each defined once, as an Ibis expression over the records, and computed for period × area × industry.

Usable by itself: declare a `Source` and measures over it, then `compute` them through a back-end. Ibis is
imported when something is computed, not before.
"""

from .declaration import AnyMeasure, BadMeasure, Measure, Ratio, Registry, Source, parts
from .periods import BadPeriod, Period, Span
from .rounding import Rounding, change, quotient, rounded
from .targets import BadTarget, Line, Progress, Target, apportioned, progress

__all__ = [
    "AnyMeasure",
    "BadMeasure",
    "BadPeriod",
    "BadTarget",
    "Line",
    "Measure",
    "Period",
    "Progress",
    "Ratio",
    "Registry",
    "Rounding",
    "Source",
    "Span",
    "Target",
    "apportioned",
    "change",
    "parts",
    "progress",
    "quotient",
    "rounded",
]
