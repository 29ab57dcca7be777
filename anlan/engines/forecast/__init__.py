"""Monthly counts to the year's end, which enterprise to inspect next, and how risky each place and industry is.

`counts.year_end` forecasts, `ranking.learn` ranks; both say how well they did before. NumPy, SciPy and scikit-learn
are imported when something is computed, not before; Django never. `assessment.assess` gives the four colours. See
docs/forecast.md.
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
