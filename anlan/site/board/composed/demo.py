"""The demonstration city's boards: two shared ones and one that its maker keeps to himself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from anlan.kernel import clock
from anlan.parties.demo import DemoCity

from .layout import templates
from .models import Board


def load(city: DemoCity) -> None:
    """The morning meeting of the city's office, road transport for its department, and a district's own."""
    office, transport, district = (city.accounts[name] for name in ("city", "department", "district"))
    begin = templates()
    own: list[dict[str, Any]] = [
        {"kind": "text", "title": "自用", "text": "每周一上午核对一次。"},
        {"kind": "card", "measures": ["hazards.overdue"], "period": "year"},
        {"kind": "ranking", "measures": ["hazards.open"], "by": "area", "height": 2},
    ]
    for title, maker, tiles, share in (
        ("市安委办晨会", office, begin["city"]["tiles"], ("area", "50", ())),
        ("道路运输", transport, begin["industry"]["tiles"], ("authority",)),
        ("渝北区周一核对", district, own, ("private",)),
    ):
        with clock.frozen(datetime(2013, 6, 13, 17, 20, tzinfo=clock.BEIJING)):
            board = Board.begun(maker, title, {"tiles": tiles})
            board.address(share[0], maker, *share[1:])
            board.save()
    city.say("boards: two shared, one private")
