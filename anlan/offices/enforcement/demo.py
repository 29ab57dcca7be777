"""The demonstration city's list of whom to inspect next, from the records of all its offices."""

from __future__ import annotations

from anlan.parties.demo import DemoCity

from . import ranking


def load(city: DemoCity) -> None:
    """Nothing of its own: the list rests on what the other offices load."""


def load_last(city: DemoCity) -> None:
    made = ranking.rank(city.now.date())
    city.say(f"ranked for inspection: {made.enterprises} enterprises, from {made.visits} inspections ({made.state})")
