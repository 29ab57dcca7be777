"""What the demonstration city has to hide: a district that closes its cases of May in a rush on the last three days.

The texts of what was done are copied and two cases show the photographs of a third, so that the honesty checks find it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from anlan.kernel import clock
from anlan.kernel.cases.lifecycle import Clock
from anlan.parties.demo import DemoCity
from anlan.parties.models import Enterprise

from .models import Danger

if TYPE_CHECKING:
    from .demo import Story

DISTRICT, CASES = "500115", 22
RESULT = "已按照要求组织人员对存在的问题进行了全面整改，并举一反三开展了自查，隐患已消除"


def moments() -> list[datetime]:
    """When the dangers were found: in the first half of May."""
    return [datetime(2013, 5, 2 + n // 2, 9 + n % 7, n * 7 % 60, tzinfo=clock.BEIJING) for n in range(CASES)]


class Rush:
    """The district's cases, one after the other."""

    lender: Danger | None = None

    def __init__(self, city: DemoCity) -> None:
        self.city, self.done = city, 0
        there = [e for e in city.enterprises if e.area_code.startswith(DISTRICT)]
        # Of its own, so that the rest of the city stays as it is without.
        self.places = Random(DISTRICT).sample(there, min(CASES, len(there)))  # noqa: S311 (synthetic data)

    def enterprise(self) -> Enterprise:
        """Where the next one is found."""
        return self.places[self.done % len(self.places)]

    def through(self, story: Story) -> Story:
        """Driven to its end on the last days of the month."""
        from .demo import people, rectified

        case = story.case
        assert case.enterprise is not None
        firm, officer = people(self.city, case.enterprise)
        graded = case.opened_at + timedelta(days=1)
        case.grade = case.level = "general"
        story.add(graded, "verify", "verified", officer, Clock(rule="hazards.plan"), grade="general")
        rectified(story, graded + timedelta(days=9), firm, "fix_now", RESULT)
        closed = datetime(2013, 5, 29 + self.done % 3, 9 + self.done % 8, self.done * 11 % 60, tzinfo=clock.BEIJING)
        case.updated_at = case.closed_at = closed
        story.add(closed, "accept", "closed", officer, None)
        story.photographs.append((len(story.entries) - 1, "on_site"))
        if self.lender is None:
            self.lender = case
        elif self.done in (3, 7):
            story.lent, case.title = self.lender.number, self.lender.title
        self.done += 1
        return story
