"""The moves that every case knows: more time, pauses, withdrawal, reopening, listed supervision, assignment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock

from .lifecycle import STOP, Decision, Field, Move, Person

if TYPE_CHECKING:
    from .lifecycle import Lifecycle


FARTHEST_DAYS = 3650
"""A time limit further away than ten years is a slip of the hand, and would never be overdue."""


def _reason() -> forms.Field:
    return forms.CharField(label=_("Reason"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))


def _days() -> forms.Field:
    return forms.IntegerField(label=_("Days more"), min_value=1, max_value=FARTHEST_DAYS)


REASON = Field("reason", _reason)


def moves(lifecycle: Lifecycle) -> tuple[Move, ...]:
    """The universal moves of `lifecycle`, for whom its declaration names."""
    may, open_, ended = lifecycle.universal, lifecycle.open_states, lifecycle.end_states
    # What is addressed to somebody he cannot decide on, though it lies in his scope.
    seat: dict[str, Any] = {"relation": "seat"} if lifecycle.addressee else {}
    asks: dict[str, Any] = {"relation": "addressee"} if lifecycle.addressee else {}
    made = []

    def add(who: Any, name: str, title: Any, from_: tuple[str, ...], to: str | None = None, **more: Any) -> None:
        if who:
            made.append(Move(name, title, from_, to, who, **more))

    add(may.ask_extension, "ask_extension", _("Ask for more time"), open_, demands=(Field("days", _days), REASON),
        ready=_can_ask, effect=_ask, words=_("%(actor)s asked for %(days)s days more: %(reason)s"), **asks)  # fmt: skip
    for name, title, effect, words in (
        ("grant_extension", _("Grant more time"), _grant, _("%(actor)s granted more time: %(reason)s")),
        ("refuse_extension", _("Refuse more time"), _refuse, _("%(actor)s refused more time: %(reason)s")),
    ):
        add(may.decide_extension, name, title, open_, demands=(REASON,), ready=_asked, effect=effect, words=words,
            forbid_same_person_as=("ask_extension",) if may.ask_extension else (), **seat)  # fmt: skip
    add(may.pause, "pause", _("Pause the time limit"), open_, demands=(REASON,), ready=_runs, effect=_pause,
        words=_("%(actor)s paused the time limit: %(reason)s"), **seat)  # fmt: skip
    add(may.pause, "resume", _("Let the time limit run on"), open_, ready=_paused, effect=_resume,
        words=_("%(actor)s let the time limit run on"), **seat)  # fmt: skip
    add(may.withdraw, "withdraw", _("Withdraw"), open_, "withdrawn", demands=(REASON,), clock=STOP, tone="critical",
        words=_("%(actor)s withdrew the case: %(reason)s"), **seat)  # fmt: skip
    add(may.reopen, "reopen", _("Reopen"), ended, lifecycle.start, demands=(REASON,),
        clock=lifecycle.start_clock or STOP,
        words=_("%(actor)s reopened the case: %(reason)s"), **seat)  # fmt: skip
    add(may.list_, "list", _("List for supervision"), open_, demands=(REASON,), relation="higher", ready=_not_listed,
        effect=_list, words=_("%(actor)s listed the case for supervision: %(reason)s"))  # fmt: skip
    add(may.list_, "delist", _("Take off the supervision list"), open_ + ended, demands=(REASON,), ready=_listed,
        relation="higher", effect=_delist,
        words=_("%(actor)s took the case off the supervision list: %(reason)s"))  # fmt: skip
    add(may.assign, "take_charge", _("Take charge"), open_, effect=_take_charge,
        words=_("%(actor)s took charge of the case"))  # fmt: skip
    add(may.assign, "join", _("Work on it too"), open_, effect=_join, words=_("%(actor)s joined the case"))
    return tuple(made)


def extension(lifecycle: Lifecycle) -> Decision:
    """More time that was asked for and is not decided yet; nobody decides on what he asked himself."""

    def asked(by: Person) -> Q:
        from .models import Extension

        open_ = Extension.objects.filter(case_kind=lifecycle.kind, decided_at__isnull=True)
        return Q(pk__in=open_.exclude(asked_by_id=by.pk).values("case_id"))

    return Decision(
        "extension", _("More time to be decided on"), lifecycle.universal.decide_extension, asked,
        moves=("grant_extension", "refuse_extension"),
    )  # fmt: skip


def _open_extension(case: Any) -> Any:
    from .models import Extension

    return Extension.of(case).filter(decided_at__isnull=True).first()


def _open_pause(case: Any) -> Any:
    from .models import Pause

    return Pause.of(case).filter(end__isnull=True).first()


def _can_ask(case: Any) -> Any:
    if case.clock is None:
        return _("No time limit runs.")
    return _("More time has been asked for and is not decided yet.") if _open_extension(case) else None


def _ask(case: Any, facts: Mapping[str, Any], by: Any) -> None:
    from .models import Extension

    Extension.objects.create(
        **Extension.keys(case), clock_no=case.clock_no, value=facts["days"], unit="days", reason=facts["reason"],
        asked_by_id=by.pk,
    )  # fmt: skip


def _asked(case: Any) -> Any:
    return None if _open_extension(case) else _("Nobody has asked for more time.")


def _decide(case: Any, by: Any, granted: bool) -> None:
    asked = _open_extension(case)
    asked.decided_at, asked.decided_by_id, asked.granted = clock.now(), by.pk, granted
    asked.save(update_fields=["decided_at", "decided_by_id", "granted"])


def _grant(case: Any, facts: Mapping[str, Any], by: Any) -> None:
    _decide(case, by, True)


def _refuse(case: Any, facts: Mapping[str, Any], by: Any) -> None:
    _decide(case, by, False)


def _runs(case: Any) -> Any:
    if case.clock is None:
        return _("No time limit runs.")
    return _("The time limit is paused already.") if _open_pause(case) else None


def _pause(case: Any, facts: Mapping[str, Any], by: Any) -> None:
    from .models import Pause

    Pause.objects.create(**Pause.keys(case), begin=clock.now(), reason=facts["reason"])


def _paused(case: Any) -> Any:
    return None if _open_pause(case) else _("The time limit is not paused.")


def _resume(case: Any, facts: Mapping[str, Any], by: Any) -> None:
    pause = _open_pause(case)
    pause.end = clock.now()
    pause.save(update_fields=["end"])


def _not_listed(case: Any) -> Any:
    return _("The case is listed for supervision already.") if case.listed_at else None


def _listed(case: Any) -> Any:
    return None if case.listed_at else _("The case is not listed for supervision.")


def _list(case: Any, facts: Mapping[str, Any], by: Any) -> None:
    case.listed_at, case.listed_by, case.listed_by_area = clock.now(), by.name, by.area_code


def _delist(case: Any, facts: Mapping[str, Any], by: Any) -> None:
    case.listed_at, case.listed_by, case.listed_by_area = None, "", ""


def _take_charge(case: Any, facts: Mapping[str, Any], by: Any) -> None:
    case.owner_id, case.owner_name = by.pk, by.name


def _join(case: Any, facts: Mapping[str, Any], by: Any) -> None:
    from .models import Handler

    Handler.objects.get_or_create(
        case_kind=case.kind, case_id=case.pk, account_id=by.pk, defaults={**Handler.keys(case), "name": by.name}
    )
