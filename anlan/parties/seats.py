"""At which authority the people of a role work, for the kernel."""

from __future__ import annotations

from collections.abc import Iterable

from anlan.kernel.authorities import Seat, sits

from .models import Authority

KINDS = {"city": "committee_office", "district": "supervisor"}
"""The authority of a role whose people all work at one kind; the others work at several."""


@sits
def names(asked: Iterable[Seat]) -> dict[Seat, str]:
    """The names that the authorities had on the days asked, in one query."""
    seats = [seat for seat in asked if seat[0] in KINDS]
    if not seats:
        return {}
    bodies = list(
        Authority.objects.filter(kind__in=set(KINDS.values()), area_code__in={code for _role, code, _day in seats})
    )
    return {
        (role, code, day): body.name
        for role, code, day in seats
        for body in bodies
        if (body.kind, body.area_code) == (KINDS[role], code)
        and (body.valid_from is None or body.valid_from <= day)
        and (body.valid_to is None or day < body.valid_to)
    }
