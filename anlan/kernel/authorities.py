"""What the authority is called at which a role of a division works: the parties know it, the kernel asks.

@sits
def names(asked): ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from . import areas

Seat = tuple[str, str, date]
"""A role, the code of a division, and the day on which it is asked."""
Names = Callable[[Iterable[Seat]], Mapping[Seat, str]]
_known: list[Names] = []


def sits(names: Names) -> Names:
    """Decorator: `names` gives the names of the authorities for seats, of those that it knows."""
    if names not in _known:
        _known.append(names)
    return names


def names(asked: Iterable[Seat]) -> dict[Seat, str]:
    """The name of the authority at each seat on its day; that of the division where no authority is known there."""
    wanted = set(asked)
    found: dict[Seat, str] = {}
    for known in _known:
        found |= known(wanted)
    if missing := wanted - set(found):
        places = areas.names(code for _role, code, _day in missing)
        found |= {seat: places[seat[1]] for seat in missing}
    return found
