"""The year's scoring: schemes as data, points from figures and by hand, months, objections, adoption."""
