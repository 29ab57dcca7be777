"""Why a move of an accident cannot be made, and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from anlan.kernel import cases, clock
from anlan.kernel.cases.engine import enter
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.models import pointed
from anlan.kernel.scope import EVERYWHERE, acting, acting_now
from anlan.parties.models import Division

from . import chain, draft, faults, references, rules
from .merging import similar_to
from .models import FAULTS, LEVELS, Accident, KnownBefore, Report, ReportFault
from .reporting import (
    add,
    all_reports,
    copy_to,
    has_merged,
    industry_of,
    legs,
    level_of,
    owed,
    receipt,
    reclock,
    report_of,
    resettle,
    source_of,
    unconfirmed,
)

Facts = Mapping[str, Any]


def fault_choice() -> forms.Field:
    return forms.ChoiceField(label=gettext_lazy("Fault"), choices=FAULTS)


def level_choice() -> forms.Field:
    return forms.ChoiceField(label=gettext_lazy("At the level"), choices=LEVELS)


# --- Reports -------------------------------------------------------------------------------------------


def follow_up(case: Accident, facts: Facts, by: Any) -> None:
    from_level, to_level = source_of(by, facts)
    if by.role == "enterprise":
        _not_below_what_was_verified(case)
        last = rules.window_end(case.occurred_at, case.category.window)
        if facts.get("facts_known_at") and clock.now() > last:
            words = _("The time for supplements is over: ask the authority to verify what was known before.")
            raise cases.FieldError({"facts_known_at": [words]})
    _add(case, by, "follow_up", from_level, to_level, facts)


def _not_below_what_was_verified(case: Accident) -> None:
    """A unit adds to what the authority verified (Decree 493 Art. 13); it does not take anybody out of it again."""
    last = Report.objects.filter(accident=case, kind="verified").order_by("-no").first()
    if last is None:
        return
    sums = (("deaths",), ("deaths", "missing"), ("deaths", "missing", "injured"))
    for names in sums:
        if sum(getattr(case, n) for n in names) < sum(getattr(last, n) for n in names):
            words = _("The authority has verified a higher number: ask it to verify anew.")
            raise cases.FieldError({names[-1]: [words]})
    if (case.loss_yuan or 0) < (last.loss_yuan or 0):
        raise cases.FieldError({"loss_yuan": [_("The authority has verified a higher number: ask it to verify anew.")]})
    if last.equipment_event and case.equipment != last.equipment:
        raise cases.FieldError({"equipment_event": [_("The authority has verified this: ask it to verify anew.")]})


def verify(case: Accident, facts: Facts, by: Any) -> None:
    level = level_of(by)
    _add(case, by, "verified", level, level, facts, reason=facts["reason"])


def pass_to_city(case: Accident, facts: Facts, by: Any) -> None:
    if level_of(by) != "district":
        raise cases.MoveRefused(
            "gate", _("The district reports to the city; at the city itself, take it as a follow-up.")
        )
    _pass(case, facts, by, "district", "city")


def pass_to_state(case: Accident, facts: Facts, by: Any) -> None:
    if level_of(by) != "city":
        raise cases.MoveRefused("gate", _("The city reports to the State Council department."))
    _pass(case, facts, by, "city", "state")


def reaches_the_state(case: Accident) -> Any:
    owes = any(leg.open and leg.to_level == "state" for leg in legs(case))
    if owes or chain.reach(case.grade, case.occurred_at) == "state":  # type: ignore[arg-type]
        return None
    return _("An accident of this grade is reported as far as the city.")


def _pass(case: Accident, facts: Facts, by: Any, from_level: str, to_level: str) -> None:
    first = not Report.objects.filter(accident=case, to_level=to_level).exists()
    kind = "first" if first else "follow_up"
    _add(case, by, kind, from_level, to_level, facts, text=facts["report_text"])


def _add(case: Accident, by: Any, kind: str, from_level: str, to_level: str, facts: Facts, **more: Any) -> None:
    for name in ("trapped", "endangered", "evacuated", "capacity_mw", "hours"):
        if getattr(case, name) is None:  # left empty on the page
            setattr(case, name, 0)
    report = report_of(
        case, by, kind, from_level, to_level, facts.get("at"), facts_known_at=facts.get("facts_known_at"), **more
    )
    add(case, report)


def correct(case: Accident, facts: Facts, by: Any) -> None:
    """The times follow; a correction makes a version, so that the grade of the day of the accident holds."""
    case.clean()
    for report in Report.objects.filter(accident=case):
        if report.at < case.occurred_at:
            raise cases.FieldError({"occurred_at": [_("A report of this accident was made before that.")]})
    if case.enterprise is not None:
        case.unit_name = case.enterprise.name
    # What is counted under which industry follows; whatever hangs on the accident comes along when it is saved.
    case.industry_id = industry_of(case.category, case.enterprise)
    now = acting_now()
    assert now is not None
    if not now[1].covers(case.area_code, case.industry_id):
        raise cases.FieldError({"category": [_("This would take it out of your area of work: ask the city.")]})
    level = level_of(by)
    add(case, report_of(case, by, "verified", level, level, None, reason=facts["reason"]))


def time_to_confirm(case: Accident) -> Any:
    return None if case.time_waits else _("No earlier time waits to be confirmed.")


def confirm_time(case: Accident, facts: Facts, by: Any) -> None:
    """What the district had told by telephone counts from then: the same statement once more, with that time."""
    told = unconfirmed(Report.objects.filter(accident=case))
    assert told is not None
    kept = {f.attname: getattr(told, f.attname) for f in Report._meta.concrete_fields if f.attname != "id"}
    kept |= {"no": case.reports_no + 1, "kind": "confirmed", "at": told.said_at, "said_at": None, "text": ""}
    kept |= {"kept_at": clock.now(), "reason": facts["reason"], "by_id": by.pk, "by_name": by.name}
    add(case, Report(**kept))


def missing_may_be_settled(case: Accident) -> Any:
    if not case.missing:
        return _("Nobody is missing.")
    if clock.now() <= rules.window_end(case.occurred_at, case.category.window):
        return _("The time for supplements still runs.")
    if rules.missing_become_deaths(case.occurred_at, case.category.window, clock.now()) is None:
        return _("No rule in force on the day of the accident says that missing persons become deaths.")
    return None


def settle_missing(case: Accident, facts: Facts, by: Any) -> None:
    """Chongqing work safety regulation Art. 48. What counts is what was known while supplements ran."""
    last = rules.window_end(case.occurred_at, case.category.window)
    case.deaths, case.missing = case.deaths + case.missing, 0
    level = level_of(by)
    add(case, report_of(case, by, "verified", level, level, None, facts_known_at=last, reason=facts["reason"]))


def may_close(case: Accident) -> Any:
    if owed(case):
        return _("A report to the next level is still owed.")
    if clock.now() <= rules.window_end(case.occurred_at, case.category.window):
        return _("The time for supplements still runs.")
    if case.missing and missing_may_be_settled(case) is None:
        return _("Missing persons must first be counted as deaths.")
    return None


def resume(case: Accident, facts: Facts, by: Any) -> None:
    resettle(case)


# --- Counting ------------------------------------------------------------------------------------------


def no_proposal(case: Accident) -> Any:
    return None if case.count_proposed is None else _("A proposal waits for its decision.")


def proposal(case: Accident) -> Any:
    return _("Nothing has been proposed.") if case.count_proposed is None else None


def propose(case: Accident, facts: Facts, by: Any) -> None:
    case.count_proposed = facts["counted"] == "yes"


def approve(case: Accident, facts: Facts, by: Any) -> None:
    assert case.count_proposed is not None
    case.counts, case.count_proposed, case.count_approved_by = case.count_proposed, None, by.name


def refuse(case: Accident, facts: Facts, by: Any) -> None:
    """Target and reason are again those of the last proposal that was approved."""
    case.count_proposed = None
    proposed = approved = ("", "")
    steps = CaseEntry.of(case).filter(move__in=("propose_counting", "approve_counting")).order_by("version")
    for move, said in steps.values_list("move", "facts"):
        if move == "propose_counting":
            proposed = (said.get("count_target") or "", said.get("count_reason") or "")
        else:
            approved = proposed
    case.count_target, case.count_reason = approved


def not_by_the_district_alone(case: Accident, facts: Facts, by: Any) -> None:
    """What cost a life, or was graver than ordinary, is not for the district to take out of its own numbers.

    As any report stated it: what was verified to be less is for the city to judge too.
    """
    if level_of(by) != "city" and any(r.deaths or r.missing or r.grade != "ordinary" for r in all_reports(case)):
        raise cases.MoveRefused(
            "gate", _("A report stated dead or missing, or it was above ordinary: the city decides whether it is one.")
        )


def nothing_merged(case: Accident) -> Any:
    """Whoever asks: one that was merged from another district would be left counted nowhere."""
    if has_merged(case):
        return _("Others were merged into this one: undo that first; where they lie elsewhere, the city does.")
    return None


# --- What hangs on it ----------------------------------------------------------------------------------


def link(case: Accident, facts: Facts, by: Any) -> None:
    found = references.find(facts["ref_kind"], facts["ref_number"])
    if found is None:
        raise cases.FieldError({"ref_number": [_("There is no such record in your area.")]})
    KnownBefore.objects.get_or_create(
        accident=case, ref_kind=facts["ref_kind"], ref_number=facts["ref_number"],
        defaults={"area_code": case.area_code, "industry_id": case.industry_id, "enterprise_id": case.enterprise_id,
                  "note": facts.get("note") or ""},
    )  # fmt: skip


def suspect(case: Accident, facts: Facts, by: Any) -> None:
    if ReportFault.objects.filter(accident=case, fault=facts["fault"], at_level=facts["at_level"], about="").exists():
        raise cases.FieldError({"fault": [_("There is a case about this already.")]})
    faults.open_fault(case, by, facts["fault"], facts["at_level"], facts["clue"])


def not_ones_own(case: ReportFault, facts: Facts, by: Any) -> None:
    """No district looks into, or deals with, what it is itself suspected of; above the city nobody works here."""
    if case.at_level == "district" and level_of(by) != "city":
        raise cases.MoveRefused("gate", _("The district itself is suspected: the city looks into it."))


def name_fault(case: ReportFault, facts: Facts, by: Any) -> None:
    """Whether it was an omission or a false report, late or concealed, is what the inquiry finds."""
    not_ones_own(case, facts, by)
    same = {"accident": case.accident, "fault": case.fault, "at_level": case.at_level, "about": case.about}
    if ReportFault.objects.filter(**same).exclude(pk=case.pk):
        raise cases.FieldError({"fault": [_("There is a case about this already.")]})
    case.level = case.fault


# --- Merging and handing over --------------------------------------------------------------------------


def most_lost(case: Accident) -> int:
    """The most dead and missing that any report of the accident stated."""
    return max((r.deaths + r.missing for r in all_reports(case)), default=0)


def takes_a_death_out(case: Accident, other: Accident) -> bool:
    """Whether merging hides dead or missing: more than the other ever had, or of what shows no sign of being it."""
    lost = most_lost(case)
    return lost > most_lost(other) or (lost > 0 and other not in [s.accident for s in similar_to(case)])


def merge(case: Accident, facts: Facts, by: Any) -> None:
    # Held, so that it is not itself merged, dismissed or handed over meanwhile.
    other = Accident.objects.select_for_update(of=("self",)).filter(number=facts["into"].strip()).first()
    if other is None or other.pk == case.pk:
        raise cases.FieldError({"into": [_("There is no other accident of this number in your area.")]})
    if other.state != "reporting":
        raise cases.FieldError({"into": [_("That one is not being reported any more.")]})
    if case.deaths + case.missing > other.deaths + other.missing:
        words = _("The other states fewer dead and missing: have it verified first, that nobody is lost.")
        raise cases.FieldError({"into": [words]})
    if level_of(by) != "city" and takes_a_death_out(case, other):
        words = _("This would take dead or missing out of the count: the city decides whether it is one accident.")
        raise cases.FieldError({"into": [words]})
    if has_merged(case):
        raise cases.FieldError({"into": [_("Others were merged into this one: merge that one into this instead.")]})
    case.merged_into = other
    case.clock, case.started_at, case.due_at = None, None, None  # what is owed is owed there
    # Its reports count for the other's chain from now on; set before this row is saved, all in one transaction.
    Accident.objects.filter(pk=case.pk).update(merged_into=other, state="merged")
    resettle(other)
    other.refresh_from_db()
    other.save()  # a version of its own, for its history
    # Where the one that stays has less (somebody trapped, say), who reads it must see that more was said.
    enter(other, "took_in", other.state, by, {"merged": case.number, "stated": draft.casualties(case)}, clock.now())


def unmerge(case: Accident, facts: Facts, by: Any) -> None:
    other = pointed(case, "merged_into")
    if other is None:
        raise cases.MoveRefused("gate", _("It was merged into one outside of your area: a higher tier undoes it."))
    case.merged_into = None
    Accident.objects.filter(pk=case.pk).update(merged_into=None, state="reporting")
    resettle(case)
    resettle(other)


def hand_over(case: Accident, facts: Facts, by: Any) -> None:
    """Opens it where it belongs, with every report and its times, and leaves this record as the trace."""
    area = facts["to_area"]
    now = acting_now()
    assert now is not None
    if not Division.objects.filter(pk=area).exists() or area.endswith("0" * 10):
        raise cases.FieldError({"to_area": [_("There is no such division.")]})
    if area[:6] == case.area_code[:6] and not case.outside:
        raise cases.FieldError({"to_area": [_("It lies in this district already.")]})
    faults.find(case)  # what was late here stays here
    # The same narrow path as for a first report: one accident is written where it belongs, and its number comes back.
    with acting(now[0], EVERYWHERE):
        made = copy_to(case, by, area)
    receipt(made, by, case.area_code, case.enterprise_id, to_area=area)
    case.handed_to = made.number


# --- Outside our area ----------------------------------------------------------------------------------


def found_outside(case: Accident, facts: Facts, by: Any) -> None:
    """It counts for none of our districts; what was late until here stays a fault, and nothing more is owed upwards."""
    not_by_the_district_alone(case, facts, by)
    faults.find(Accident.objects.get(pk=case.pk))
    case.counts = False
    reclock(case, all_reports(case))


def pass_outside(case: Accident, facts: Facts, by: Any) -> None:
    """To whom it concerns, told by a person; the receipt says by whom, when and to whom."""
    receipt(case, by, case.area_code, case.enterprise_id, to_outside=case.passed_to)
