"""What becomes of a meeting: those asked are told, its decisions are written down, and given as tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q
from django.utils.translation import gettext_lazy as _

from anlan.kernel import areas, cases, clock
from anlan.kernel.cases import engine
from anlan.kernel.cases.engine import Stale
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import area_prefix
from anlan.parties.models import Authority

from . import issuing
from .models import Invitation, Meeting, Resolution, Task

ATTENDED, WRITTEN = "attendance", "written"
"""The notes in a meeting's history: who attended, what was written down."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as it is written down: by whom it is to be done, and until when, where that was said."""

    text: str
    units: tuple[Authority, ...] = ()
    responsible: str = ""
    due_on: date | None = None


def call(by: Any, invited: Iterable[Authority], **fields: Any) -> Meeting:
    """Calls a meeting at one's own authority and asks those invited. Raises `FieldError`."""
    with transaction.atomic():
        made: Meeting = cases.open_case("meeting", by, area_code=by.area_code, **fields)
        invite(made, invited)
    return made


def invite(meeting: Meeting, authorities: Iterable[Authority]) -> None:
    """Asks those that were not asked yet."""
    Invitation.objects.bulk_create(
        [
            Invitation(
                meeting=meeting, authority=body, area_code=body.area_code,
                industry_id=body.first_industry, **_copied(meeting),
            )
            for body in authorities
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def _copied(meeting: Meeting) -> dict[str, Any]:
    """What an invitation says of its meeting."""
    body = Authority.objects.at(clock.today()).filter(area_code=meeting.owner_area_code, kind="committee_office")
    return {
        "number": meeting.number, "title": meeting.title, "held_at": meeting.held_at, "place": meeting.place,
        "agenda": meeting.agenda, "called_by_name": str(body.first() or meeting.owner_area_code),
    }  # fmt: skip


def changed(case: Meeting, facts: Mapping[str, Any], by: Any) -> None:
    _tell_copies(case, **_copied(case))


def cancelled(case: Meeting, facts: Mapping[str, Any], by: Any) -> None:
    _tell_copies(case, cancelled=True)


def _tell_copies(case: Meeting, **values: Any) -> None:
    case.invitations.update(**values, version=F("version") + 1, updated_at=clock.now())


# --- Attendance and minutes ------------------------------------------------------------------------


def record(case: Meeting, by: Any, seen_version: int, said: Mapping[int, tuple[str, str]]) -> Meeting:
    """Who attended: for invitations, by their keys, the state and who came. Raises `Stale` and `MoveRefused`."""
    with transaction.atomic():
        row = _held(case, by, seen_version, ("called", "held"))
        rows = list(row.invitations.filter(pk__in=list(said)))
        for one in rows:
            one.state, one.who = said[one.pk]
            one.full_clean(exclude=("meeting", "authority", "industry"))
            one.version, one.updated_at = one.version + 1, clock.now()
        Invitation.objects.bulk_update(rows, ["state", "who", "version", "updated_at"])
        _noted(row, ATTENDED, by, {})
        issuing.minutes_changed(row, by)
    return row


def write(case: Meeting, by: Any, seen_version: int, summary: str, decided: Sequence[Decided]) -> Meeting:
    """Writes the minutes down, in place of what was written before. Raises `Stale` and `MoveRefused`."""
    with transaction.atomic():
        row = _held(case, by, seen_version, ("held",))
        row.summary = summary
        row.resolutions.all().delete()
        made = Resolution.objects.bulk_create(
            Resolution(meeting=row, order=n, text=one.text, responsible=one.responsible, due_on=one.due_on)
            for n, one in enumerate(decided, 1)
        )
        links = Resolution.units.through
        links._default_manager.bulk_create(
            links(resolution_id=new.pk, authority_id=unit.pk)
            for new, one in zip(made, decided, strict=True) for unit in dict.fromkeys(one.units)
        )  # fmt: skip
        _noted(row, WRITTEN, by, {"number": len(made)})
        issuing.minutes_changed(row, by)
    return row


def _held(case: Meeting, by: Any, seen_version: int, states: Sequence[str]) -> Meeting:
    """The meeting, locked: as it was when it was read, and one's own to write on."""
    row = Meeting.objects.select_for_update(of=("self",)).get(pk=case.pk)
    if row.version != seen_version:
        raise Stale(row, list(CaseEntry.of(row).filter(version__gt=seen_version)))
    if not may_write(row, by) or row.state not in states:
        raise engine.MoveRefused("not_from_here", str(_("The minutes are written while the meeting waits for them, "
                                                        "by the authority that called it.")))  # fmt: skip
    return row


def may_write(case: Meeting, by: Any) -> bool:
    return by.role in case.lifecycle.open_by and by.area_code == case.owner_area_code


def may_answer(found: Invitation, by: Any) -> bool:
    """Those at the authority that was asked, while the meeting lies ahead."""
    if found.cancelled or found.held_at <= clock.now() or by.role not in ("district", "township", "department"):
        return False
    at_home: bool = by.area_code == found.area_code
    return at_home and (by.role != "department" or by.authority_id in (None, found.authority_id))


def _noted(row: Meeting, note: str, by: Any, facts: Mapping[str, Any]) -> None:
    row.save()
    engine.enter(row, note, row.state, by, facts, clock.now())


# --- The tasks -------------------------------------------------------------------------------------


def incomplete(case: Meeting) -> Any:
    """Why the minutes cannot be issued yet, or None."""
    if case.invitations.filter(state__in=("invited", "coming")).exists():
        return _("Say first of everybody who was invited whether he came.")
    found = case.resolutions.annotate(named=Count("units"))
    if not found:
        return _("No decision is written down yet.")
    if open_ := [str(one.order) for one in found if one.named and one.due_on is None]:
        return _("Decision %(numbers)s names who has to do it, and not until when.") % {"numbers": "、".join(open_)}
    return None


def not_out(case: Meeting) -> Any:
    """Why the minutes do not give their tasks yet, or None: their paper goes out first."""
    letter = issuing.live(case)
    if letter is None or letter.issued is None or letter.issued.published_at is None:
        return issuing.WITH_LETTER
    return incomplete(case)


def issue(case: Meeting, facts: Mapping[str, Any], by: Any) -> None:
    """Each authority that a decision names gets it as a task of its own; who was invited reads the minutes."""
    letter = issuing.live(case)
    assert letter is not None
    case.minutes_at, case.paper = clock.now(), letter.issued
    _tell_copies(case, paper=letter.issued)
    day = case.held_at.astimezone(BEIJING).date()
    asked = [(one, unit) for one in case.decisions() for unit in one.units.all()]
    cases.open_cases("task", by, [(_task(case, one, unit, day), None) for one, unit in asked])


def minutes_gone(case: Meeting) -> Any:
    """Why the minutes are not written anew, or None: their paper stands."""
    return issuing.WITH_LETTER if issuing.live(case) is not None else None


def reopened(case: Meeting, facts: Mapping[str, Any], by: Any) -> None:
    """The minutes' paper was taken back: they can be written anew, and no decision is held by a task of before."""
    case.minutes_at = case.paper = None
    _tell_copies(case, paper=None)
    Task.objects.filter(meeting=case).update(resolution=None, version=F("version") + 1, updated_at=clock.now())


def _task(case: Meeting, one: Resolution, unit: Authority, day: date) -> dict[str, Any]:
    return {
        "title": one.text[:200], "area_code": unit.area_code, "owner_area_code": case.owner_area_code,
        "industry_id": unit.first_industry, "addressee": unit, "meeting": case, "resolution": one,
        "paper": case.paper,
        "decided_at": f"{case.number} {case.title}", "decided_on": day, "asked": one.text,
        "responsible": one.responsible, "due_on": one.due_on,
    }  # fmt: skip


def left_over(case: Meeting) -> Any:
    """The tasks that earlier meetings of the same authority gave and that are not done, the most urgent first."""
    return (
        Task.objects.filter(owner_area_code=case.owner_area_code, closed_at__isnull=True)
        .filter(decided_on__lt=case.held_at.astimezone(BEIJING).date())
        .exclude(meeting=case.pk).order_by("due_at", "number_order")
    )  # fmt: skip


def how_it_stands(case: Meeting) -> list[tuple[Resolution, list[Task]]]:
    """Each decision with its tasks, in three queries."""
    return [(one, list(one.tasks.all())) for one in case.decisions().prefetch_related("tasks")]


def candidates(area_code: str) -> Any:
    """Those whom a safety committee's office of that place addresses and invites: the authorities one tier below that
    answer for their places, and the departments beside it."""
    below = Q(tier=2, kind="government") if areas.tier_of(area_code) == 1 else Q(tier=3, kind="station")
    own = Q(area_code=area_code, kind="department")
    within = Q(area_code__startswith=area_prefix(area_code))
    found = Authority.objects.at(clock.today()).filter(below & within | own)
    return found.order_by("-tier", "area_code", "pk")
