"""What will be: monthly counts to the year's end, and which enterprise to inspect next. Knows no Django.

`counts.year_end` forecasts, `ranking.learn` ranks; both say how well they did before. NumPy, SciPy and scikit-learn
are imported when something is computed, not before. See docs/forecast.md.
"""

from .counts import BackTest, Month, Outlook, Running, outlooks, year_end
from .ranking import CannotRank, Part, Quality, Ranking, Trial, Visits, learn

__all__ = [
    "BackTest",
    "CannotRank",
    "Month",
    "Outlook",
    "Part",
    "Quality",
    "Ranking",
    "Running",
    "Trial",
    "Visits",
    "learn",
    "outlooks",
    "year_end",
]
