"""One cause is one warning: which warning stands under which, how the head rises, and what follows it to its end.

A warning's cause is its device, whatever rules its readings break; of silence it is the enterprise at that place, as
what falls silent together is a cable or a mast and no hundred sensors. While one of a cause is open by itself, the next
ones are opened under it: they have no time limit and call nobody, they end with it, and it has the highest of their
levels. All of a cause lie in one scope, so that whoever may end the head may end them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from anlan.kernel import cases, clock, events
from anlan.kernel.cases.engine import enter, recomputed_due, start_clock
from anlan.kernel.cases.lifecycle import PRODUCT, Clock

from .models import LEVELS, Device, EarlyWarning

RANK = {level: place for place, (level, _title) in enumerate(LEVELS)}
ACKNOWLEDGE = Clock(rule="monitoring.acknowledge.{case.level}", rises="monitoring.rise.{case.level}")
CORRECTED = "迟到数据表明，该预警不成立"
"""What readings that came late showed to be none was put down to this."""
Facts = Mapping[str, Any]


def cause_of(device: Device, kind: str) -> str:
    """What a rule's warning of this device has in common with others that one deals with as one."""
    if kind == "silent":
        return f"silence:{device.enterprise_id}:{device.area_code}:{device.industry_id or ''}"
    return f"device:{device.pk}"


def heads_of(causes: Collection[str]) -> dict[str, EarlyWarning]:
    """The open warning of each cause that has one, held until the transaction ends: nobody closes it meanwhile."""
    found = held().filter(cause_key__in=causes, head__isnull=True, closed_at__isnull=True).order_by("pk")
    return {head.cause_key: head for head in found}


def put_under(made: EarlyWarning, head: EarlyWarning) -> None:
    """Makes a warning stand under another: no time limit runs, nobody is called. Does not save."""
    made.head, made.state = head, "under"
    made.clock = made.started_at = made.due_at = None


def followers(head: EarlyWarning) -> QuerySet[EarlyWarning]:
    """What stands under a warning and is open."""
    return EarlyWarning.objects.filter(head=head, closed_at__isnull=True).order_by("pk")


def gravest_first(rows: QuerySet[EarlyWarning]) -> QuerySet[EarlyWarning]:
    """In the order in which they call for somebody: the gravest, of these what nobody has looked at, what still stands,
    and whose time is over first."""
    rank = Case(*(When(level=level, then=Value(place)) for level, place in RANK.items()), default=Value(-1))
    looked_at = Case(When(state="open", then=Value(0)), default=Value(1))
    over = Case(When(cleared_at__isnull=True, then=Value(0)), default=Value(1))
    return rows.order_by(rank.desc(), looked_at, over, F("due_at").asc(nulls_last=True), "-measured_at", "-pk")


def held() -> QuerySet[EarlyWarning]:
    """Held until the transaction ends: somebody may be about to move one."""
    return EarlyWarning.objects.select_for_update(of=("self",))


# --- Rising ------------------------------------------------------------------------------------------


def rise(case: EarlyWarning, level: str, value: float) -> None:
    """Its readings reached a higher level; so does the warning under which it stands."""
    case.level, case.value = level, value
    _raise(case, "raised", {"level": level, "value": f"{value:g}"})
    if case.head_id is not None:
        lift(held().get(pk=case.head_id), case)


def lift(head: EarlyWarning, under: EarlyWarning) -> None:
    """The level of what stands under it becomes the head's, where it is higher."""
    if head.closed_at is None and RANK[under.level] > RANK.get(head.level, -1):
        head.level = under.level
        _raise(head, "raised_by", {"level": under.level, "number": under.number, **under.titles()})


def _raise(case: EarlyWarning, note: str, facts: Facts) -> None:
    """Keeps a raised warning. Who has acknowledged less acknowledges anew, in the time of the new level; where less
    than that was left, so it stays."""
    before, at = case.state, clock.now()
    if case.head_id is None and case.closed_at is None:
        ran = case.clock, case.started_at, case.due_at
        case.state = "open"
        start_clock(case, ACKNOWLEDGE, at, {})
        case.due_at = recomputed_due(case)
        if before == "open" and ran[2] is not None and case.due_at is not None and ran[2] < case.due_at:
            case.clock, case.started_at, case.due_at = ran
    case.save()
    enter(case, note, before, PRODUCT, facts, at)
    if case.head_id is None and case.closed_at is None:
        events.tell("warning.raised", case=case)


# --- Moves of the head -------------------------------------------------------------------------------


def take_charge(case: EarlyWarning, facts: Facts, by: Any) -> None:
    """Who looks into it is in charge of it: the others at the desk see that somebody does, and who."""
    if by.pk is not None:
        case.owner_id, case.owner_name = by.pk, by.name


def end_followers(name: str) -> Any:
    """The effect of a move that ends the head: what stands under it ends by the move `name`, in the same words."""

    def effect(case: EarlyWarning, facts: Facts, by: Any) -> None:
        for one in followers(case).select_for_update(of=("self",)):
            cases.move(one, name, by=by, seen_version=one.version, facts_=facts)

    return effect


def pass_on(case: EarlyWarning, facts: Facts, by: Any) -> None:
    """The head alone was false: the gravest of what stands under it stands by itself, and the others under that."""
    left = list(followers(case).select_for_update(of=("self",)))
    if not left:
        return
    first = max(left, key=lambda one: RANK[one.level])
    # One open head of a cause is all that the index lets be: this one leaves it before the next one comes.
    EarlyWarning.objects.filter(pk=case.pk).update(cause_key="")
    followers(case).exclude(pk=first.pk).update(head=first)
    cases.move(first, "apart", by=by, seen_version=first.version)


def stand_apart(case: EarlyWarning, facts: Facts, by: Any) -> None:
    case.head = None
    if EarlyWarning.objects.filter(cause_key=case.cause_key, head__isnull=True, closed_at__isnull=True).exists():
        case.cause_key = f"apart:{case.pk}"


def by_itself(case: EarlyWarning, facts: Facts, by: Any) -> None:
    """What is opened again stands by itself."""
    case.head = None


def follow(case: EarlyWarning, facts: Facts, by: Any) -> None:
    """It has the same cause as another one, says who looked at both."""
    head = held().filter(number=facts["under"].strip()).exclude(pk=case.pk).first()
    if head is None:
        raise cases.FieldError({"under": [_("There is no other warning of this number in your area.")]})
    if head.closed_at is not None or head.head_id is not None:
        raise cases.FieldError({"under": [_("That one is closed, or stands under another itself.")]})
    if _scope(head) != _scope(case):
        raise cases.FieldError({"under": [_("That one belongs to another enterprise, or lies in another place.")]})
    put_under(case, head)
    case.cause_key = head.cause_key
    lift(head, case)


def _scope(case: EarlyWarning) -> tuple[Any, ...]:
    return case.area_code, case.industry_id, case.enterprise_id


def none_under(case: EarlyWarning) -> Any:
    return _("Other warnings stand under this one.") if followers(case).exists() else None


def some_under(case: EarlyWarning) -> Any:
    return None if followers(case).exists() else _("No warning stands under this one.")


def no_other(case: EarlyWarning) -> Any:
    """Whether a closed warning may be opened again: not beside another of its device and rule, or of its cause."""
    same = Q(device=case.device_id, rule=case.rule)
    if case.cause_key:
        same |= Q(cause_key=case.cause_key, head__isnull=True)
    other = EarlyWarning.objects.filter(same, closed_at__isnull=True).exclude(pk=case.pk).first()
    return other and _("Another warning of this cause is open: %(number)s") % {"number": other.number}
