"""What a warning's page shows besides its facts: what to do, who is on duty, and what stands under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from anlan.engines.telemetry.rules import judged
from anlan.kernel import areas, authorities, clock, law
from anlan.kernel.models import pointed
from anlan.kernel.policy import OFFICIALS
from anlan.kernel.registers.declaration import register_of
from anlan.kernel.scope import EVERYWHERE, acting, acting_now
from anlan.parties.looks import looked
from anlan.parties.registers import WITH_PEOPLE

from . import watched
from .models import DutyShift, EarlyWarning, ResponseCard, Rule, RuleReview
from .programmes import MOVING

TIERS = (("city", 2), ("district", 6), ("township", 9))
"""Whose duty concerns a warning, from above: the role that sits there, and how many digits of its area its own has."""
MOST = 100
"""So many of what stands under a warning are shown; the list has them all."""


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Who is on duty at one place now: its telephone for all, the persons for whom the reader may know."""

    body: str
    room: str
    people: tuple[tuple[str, str, str], ...]
    """Name, telephone, on duty as."""

    hidden: int
    """How many are on duty of whom the reader may not know."""


def card_for(case: EarlyWarning) -> ResponseCard | None:
    """The nearest card in force: by programme, then by level, then by area; perhaps one of an area above the reader."""
    codes = {case.area_code[:n].ljust(12, "0") for n in (2, 6, 9, 12)}
    held = acting_now()
    assert held is not None, "somebody must act to read"
    with acting(held[0], EVERYWHERE, savepoint=False):
        fits = {"programme__in": ("", case.programme), "level__in": ("", case.level), "area_code__in": codes}
        found = list(ResponseCard.objects.filter(in_force=True, **fits))
    return max(found, key=lambda one: (one.programme, one.level, one.area_code.rstrip("0")), default=None)


def on_duty(case: EarlyWarning, account: Any) -> list[OnDuty]:
    """Who is on duty now for the warning's enterprise and at each tier above it, the nearest first.

    That a duty room exists, and its telephone, everybody may know whom the warning reaches. Persons only those whose
    scope holds them and whose role may see people; that they were shown is logged.
    """
    now, codes = clock.now(), {case.area_code[:digits].ljust(12, "0"): role for role, digits in TIERS}
    held = acting_now()
    assert held is not None, "somebody must act to look"
    shifts = DutyShift.objects.filter(begins__lte=now, ends__gt=now).order_by("post", "begins", "pk")
    with acting(held[0], EVERYWHERE, savepoint=False):
        there = list(
            shifts.filter(Q(enterprise=case.enterprise_id) | Q(enterprise__isnull=True, area_code__in=codes))
            .values_list("pk", "enterprise_id", "area_code", "room")
        )  # fmt: skip
    mine: dict[int, DutyShift] = {}
    if account.role in WITH_PEOPLE:
        known = shifts.filter(pk__in=[pk for pk, *_rest in there]).select_related("person")
        mine = {one.pk: one for one in known if pointed(one, "person") is not None}
        looked(list(mine.values()), f"{_('Warning')} {case.number}")
    seats = {(role, code, clock.today()): code for code, role in codes.items()}
    names = {seats[seat]: name for seat, name in authorities.names(seats).items()}
    bodies: dict[Any, str] = {case.enterprise_id: str(pointed(case, "enterprise") or _("Enterprise"))}
    bodies |= {code: names[code] for code in sorted(codes, reverse=True)}
    found = []
    for key, body in bodies.items():
        own = [(pk, room) for pk, enterprise, area, room in there if key == (enterprise or area)]
        people = tuple(
            (one.person.name, one.person.phone, str(one.get_post_display()))
            for pk, _room in own
            if (one := mine.get(pk))
        )
        room = next((room for _pk, room in own if room), "")
        found.append(OnDuty(body, room, people, len(own) - len(people)))
    return found


def part(case: EarlyWarning, account: Any) -> tuple[str, dict[str, Any]]:
    """Template and contents of a warning's part of its page; a constant number of queries."""
    under = list(EarlyWarning.objects.filter(head=case).select_related("device").order_by("closed_at", "-pk")[:MOST])
    open_, device = case.closed_at is None, pointed(case, "device")
    retired = device if device is not None and device.removed_on and device.removed_on <= clock.today() else None
    shifts, cards = register_of(DutyShift), register_of(ResponseCard)
    card = card_for(case) if open_ else None
    return "monitoring/part.html", {
        "under": under,
        "read": _read(case),
        "firm": pointed(case, "enterprise"),
        "moves": case.programme in MOVING,
        "head": pointed(case, "head"),
        "retired": retired,
        "replaced_by": retired and pointed(retired, "replaced_by"),
        "card": card,
        "may_open_card": card is not None and cards is not None and cards.policy.may(account, "see", card),
        "duty": on_duty(case, account) if open_ else [],
        "may_enter_duty": shifts is not None and shifts.policy.may(account, "add"),
        "area_name": areas.names([case.area_code])[case.area_code],
        "official": account.role in OFFICIALS,
        "now": clock.now(),
    }  # fmt: skip


def _read(case: EarlyWarning) -> str:
    """What was measured, by its name and unit, where a rule compares a reading; nothing of what is yes or no."""
    if case.rule_kind != "level" or case.rule_version is None:
        return ""
    metric = judged(case.rule_version.content) or ""
    called, unit = watched.METRICS.get(metric, (metric, ""))
    return f"{called} {case.value:g} {unit}".strip() if unit or case.value not in (0, 1) else ""


def review_part(case: RuleReview, account: Any) -> tuple[str, dict[str, Any]]:
    """Template and contents of a review's part: the false alarms behind its numbers, and what they were put down to."""
    counted = {"closed_at__gt": case.since, "closed_at__lte": case.opened_at}
    false = EarlyWarning.objects.filter(rule=case.rule, state="false", **counted)
    rules = [law.value(f"monitoring.false_alarms.{name}", on=case.opened_at) for name in ("days", "number", "share")]
    chinese = (get_language() or "").startswith("zh")
    unit = {"days": _("days"), "%": "%"}
    return "monitoring/review.html", {
        "false": false.order_by("-closed_at")[:MOST],
        "settings": [(r.name if chinese else r.name_en, r.value, unit.get(r.unit, "")) for r in rules],
        "list_url": f"{reverse('registers:list', args=('warnings',))}?rule={case.rule}&state=false",
        "rule": Rule.objects.select_related("current").filter(name=case.rule, current__isnull=False).first(),
        "share": round(100 * case.false_alarms / case.warnings) if case.warnings else 0,
    }  # fmt: skip
