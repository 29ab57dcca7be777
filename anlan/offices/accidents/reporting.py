"""Taking reports: the first opens the accident, each makes a version; grade and clock follow from all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from anlan.kernel import cases, clock, law
from anlan.kernel.cases import point
from anlan.kernel.cases.engine import recomputed_due
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import EVERYWHERE, acting, acting_now, area_prefix
from anlan.parties.models import Division, Enterprise

from . import chain, rules
from .models import Accident, Category, HandedOver, Involved, KnownBefore, Report, ReportFault, Stated

STATED = ("deaths", "missing", "injured", "slight", "loss_yuan", "trapped", "endangered", "evacuated", "environment",
          "key_facility", "equipment_event", "capacity_mw", "hours", "course", "measures")  # fmt: skip


def level_of(by: Any) -> str:
    """The level at which somebody stands: the unit, the district with its townships, or the city."""
    if by.role == "enterprise":
        return "unit"
    return "city" if len(area_prefix(by.area_code)) <= 2 else "district"


def source_of(by: Any, said: Mapping[str, Any]) -> tuple[str, str]:
    """From which level a report comes and at which it arrives: the unit's own, or what an officer says of `source`."""
    level = level_of(by)
    if level == "unit":
        return "unit", "district"
    source = said.get("source")
    if not source:
        raise cases.FieldError({"source": [_("Say who reported this: the time limits follow from it.")]})
    return level if source == "own" else str(source), level


# --- From reports to grade and clock -------------------------------------------------------------------


def version(report: Report) -> rules.Version:
    return rules.Version(report.no, report.at, report.figures, report.facts_known_at, report.equipment)


def passed(report: Report, grade: str = "") -> chain.Passed:
    return chain.Passed(
        report.at, report.from_level, report.to_level, grade or report.grade,  # type: ignore[arg-type]
        report.figures, report.facts_known_at, verified=report.kind == "verified", own=report.own_words,
        occurred_at=report.occurred_at, district=report.place_area[:6],
    )  # fmt: skip


def all_reports(accident: Accident) -> list[Report]:
    """The accident's reports and those of accidents merged into it: all of them were reports of one accident.

    Read whole, whoever asks: what one owes follows from all of them, also from one that came in elsewhere. For times
    and figures; nothing of them is shown by this.
    """
    with _whole():
        ids = [accident.pk, *Accident.objects.filter(merged_into=accident).values_list("pk", flat=True)]
        return list(Report.objects.filter(accident_id__in=ids).order_by("at", "id"))


def has_merged(accident: Accident) -> bool:
    """Whether others were merged into the accident, also ones that lie outside of the reader's scope."""
    with _whole():
        return Accident.objects.filter(merged_into=accident).exists()


def _whole() -> AbstractContextManager[None]:
    """The whole of an accident, whoever acts: it may have come in elsewhere too. Nothing read so is shown."""
    now = acting_now()
    if now is None:
        raise RuntimeError("somebody must act to read the whole of an accident")
    return acting(now[0], EVERYWHERE, savepoint=False)


def legs(accident: Accident, reports: Sequence[Report] | None = None) -> tuple[chain.Leg, ...]:
    """The reporting chain of the accident as it stands; none for one outside our area, which is not reported here."""
    if accident.outside:
        return ()
    found = all_reports(accident) if reports is None else reports
    # What is reported when the time for supplements is over changes the grade no more, and so nothing that is owed.
    last = rules.window_end(accident.occurred_at, accident.category.window)
    known = [passed(r, accident.grade if r.at > last else "") for r in found]
    has_unit = bool(accident.unit_name or accident.enterprise_id or accident.known_at)
    has_unit = has_unit or any(r.from_level == "unit" for r in known)
    return chain.chain(
        accident.occurred_at, accident.known_at, known, has_unit=has_unit, taken_over_at=accident.taken_over_at
    )


def owed(accident: Accident, reports: Sequence[Report] | None = None) -> list[chain.Leg]:
    """The reports that are still owed; not the unit's, once an inquiry into its silence has come to its finding.

    An inquiry begun before the unit's hour was over was not about its silence.
    """
    waiting = [leg for leg in legs(accident, reports) if leg.open]
    if accident.pk is None or all(leg.from_level != "unit" for leg in waiting):
        return waiting
    looked_into = ReportFault.objects.filter(accident=accident, at_level="unit").exclude(state="suspected")
    begun = list(looked_into.values_list("opened_at", flat=True))
    return [
        leg for leg in waiting if leg.from_level != "unit" or not any(leg.due_at and at > leg.due_at for at in begun)
    ]


def settle(accident: Accident, own: Sequence[Report], others: Sequence[Report] = ()) -> None:
    """Sets figures, grade, level reached and clock from all reports. Does not save.

    `own` are the accident's versions, of which one counts; `others` those of accidents merged into it, whose times
    count for the chain.
    """
    window = accident.category.window
    stating = [r for r in own if r.kind != "confirmed"]
    last = max(stating, key=lambda r: r.no)
    counted = rules.counting([version(r) for r in stating], accident.occurred_at, window)
    for name, value in next(r for r in stating if r.no == counted.no).stated().items():
        setattr(accident, name, value)
    # The words of the latest report tell most; only figures are frozen when the time for supplements is over.
    accident.course, accident.measures = last.course, last.measures
    day = accident.occurred_at.astimezone(BEIJING).date()
    grading = rules.grade_of([version(r) for r in stating], accident.occurred_at, window)
    accident.grade = accident.level = grading.grade
    accident.grade_basis = f"{grading.source}{grading.article}"[:160]
    accident.risk_event = bool(
        rules.risk_event(
            day, endangered=accident.endangered, trapped=accident.trapped, missing=accident.missing,
            evacuated=accident.evacuated, environment=accident.environment, key_facility=accident.key_facility,
        )
    )  # fmt: skip
    accident.reports_no = len(own)
    accident.time_waits = unconfirmed(own) is not None
    reclock(accident, [*own, *others])


def reclock(accident: Accident, reports: Sequence[Report]) -> None:
    """The time limit that runs: the next report's. One outside our area is to be passed on to where it belongs.

    Once all are made none runs. That changes are to be reported for so many days (Decree 493 Art. 13) is no deadline:
    of what does not change nothing is owed.
    """
    order = chain.levels(accident.occurred_at)
    accident.reached = max((r.to_level for r in reports), key=order.index, default="unit")
    waiting = owed(accident, reports)
    rule: law.Rule | None = None
    started: datetime | None = None
    if accident.outside:
        started = min(r.at for r in reports)
        rule = law.value("accidents.pass_outside", started)
    elif waiting:
        leg = min(waiting, key=lambda one: (one.due_at, order.index(one.from_level)))
        rule, started = leg.rule, leg.started_at
    stated = None if rule is None else {
        "value": rule.value, "unit": rule.unit, "count_first_day": False, "rolls": False, "rule": rule.id,
        "article": rule.article, "source": rule.source, "certainty": rule.certainty,
    }  # fmt: skip
    if (accident.clock, accident.started_at) != (stated, started):
        accident.clock, accident.started_at, accident.clock_no = stated, started, accident.clock_no + 1


def resettle(accident: Accident) -> None:
    """Sets clock and level reached anew after other accidents' reports joined or left; no version of its own."""
    reports = all_reports(accident)
    reclock(accident, reports)
    due = recomputed_due(accident) if accident.closed_at is None else accident.due_at
    Accident.objects.filter(pk=accident.pk).update(
        clock=accident.clock, started_at=accident.started_at, clock_no=accident.clock_no, due_at=due,
        reached=accident.reached,
    )  # fmt: skip


# --- Making a version ----------------------------------------------------------------------------------


def time_faults(
    occurred_at: datetime | None, known_at: datetime | None, at: datetime, from_level: str
) -> dict[str, list[str]]:
    """One clear error for each time that cannot be; nothing is measured against one that is wrong itself."""
    wrong: dict[str, list[str]] = {}
    now = clock.now()
    for name, moment in (("occurred_at", occurred_at), ("known_at", known_at), ("at", at)):
        if moment is not None and moment > now:
            wrong[name] = [_("The time lies in the future.")]
    if occurred_at is not None and "occurred_at" not in wrong:
        if occurred_at.astimezone(BEIJING).date() < law.book().history("accidents.grade_deaths")[0].valid_from:
            wrong["occurred_at"] = [_("No rule on the grade of accidents was in force on that day.")]
        if known_at is not None and known_at < occurred_at:
            wrong["known_at"] = [_("The unit cannot have been told before the accident happened.")]
        if at < occurred_at:
            wrong["at"] = [_("A report cannot be made before the accident happened.")]
    if known_at is not None and from_level == "unit" and at < known_at and not {"known_at", "at"} & set(wrong):
        wrong["at"] = [_("The unit cannot have reported before it was told.")]
    return wrong


def number_faults(said: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with the figures that are stated, each by its own bounds."""
    stated = {name: said[name] for name in STATED if said.get(name) not in (None, "")}
    try:
        Accident(**stated).clean_fields(exclude={f.name for f in Accident._meta.concrete_fields} - set(stated))
    except ValidationError as error:
        return error.message_dict
    return {}


def checked_times(
    occurred_at: datetime, known_at: datetime | None, at: datetime, from_level: str, facts_known_at: datetime | None
) -> None:
    """`cases.FieldError` with each order of times that cannot be."""
    wrong = time_faults(occurred_at, known_at, at, from_level)
    if facts_known_at is not None and not occurred_at <= facts_known_at <= at:
        wrong["facts_known_at"] = [_("This must lie between the accident and the report.")]
    if wrong:
        raise cases.FieldError(wrong)


def report_of(
    accident: Accident, by: Any, kind: str, from_level: str, to_level: str, at: datetime | None = None, **more: Any
) -> Report:
    """The next version from what the accident's fields now state: unsaved, its times checked, its grade set."""
    if at is not None and by.role == "enterprise":
        # Whether the unit kept its hour (Decree 493 Art. 9) is not for the unit to say: what it sends, it sends now.
        raise cases.FieldError({"at": [_("Leave this empty: your own report counts from when it is sent.")]})
    at = at or clock.now()
    checked_times(accident.occurred_at, accident.known_at, at, from_level, more.get("facts_known_at"))
    if wrong := number_faults(accident.stated()):
        raise cases.FieldError(wrong)
    report = Report(
        accident=accident, area_code=accident.area_code, industry_id=accident.industry_id,
        enterprise_id=accident.enterprise_id, no=accident.reports_no + 1, kind=kind, from_level=from_level,
        to_level=to_level, at=at, by_id=by.pk, by_name=by.name, own_words=from_level == level_of(by),
        occurred_at=accident.occurred_at, place_area=accident.area_code, **accident.stated(), **more,
    )  # fmt: skip
    try:
        day = accident.occurred_at.astimezone(BEIJING).date()
        graded = rules.grade(report.figures, day, report.equipment)
    except rules.BadFigures as bad:
        raise cases.FieldError(
            {"loss_yuan" if bad.name == "loss" else bad.name: [_("This number cannot be.")]}
        ) from bad
    report.grade, report.article = graded.grade, f"{graded.source}{graded.article}"[:160]
    earlier = clock.now() - timedelta(minutes=law.value("accidents.own_act_tolerance", clock.now()).value)
    if report.at < earlier and from_level == level_of(by) and _eases(report, accident):
        # Nobody puts himself in time by what he says of himself: what was recorded counts until the city confirms.
        report.said_at, report.at = report.at, clock.now()
    return report


def _eases(report: Report, accident: Accident) -> bool:
    """Whether an earlier time would be to the good of who reports: it pays what he owes, or makes it less."""
    lesser = chain.GRADES.index(report.grade) < chain.GRADES.index(accident.grade)  # type: ignore[arg-type]
    return report.to_level != report.from_level or lesser


def unconfirmed(own: Iterable[Report]) -> Report | None:
    """Of the reports of one accident the district's first whose earlier time nobody at the city has confirmed."""
    own = list(own)
    confirmed = {r.at for r in own if r.kind == "confirmed"}
    told = (r for r in own if r.kind != "confirmed" and r.from_level == "district" and r.said_at is not None)
    return next((r for r in told if r.said_at not in confirmed), None)


def add(accident: Accident, report: Report) -> None:
    """Keeps a version of an accident that is kept already, and lets everything follow from it."""
    report.save()
    others = [r for r in all_reports(accident) if r.accident_id != accident.pk]
    settle(accident, list(Report.objects.filter(accident=accident)), others)


# --- The first report ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a first report: the accident, or, where it happened elsewhere, the receipt for it."""

    number: str
    accident: Accident | None
    receipt: HandedOver | None


def first_report_once(by: Any, key: str, said: Mapping[str, Any]) -> tuple[Filed, bool]:
    """A first report, and whether it is new: sent again under the same `key` it is the first one, wherever that went.

    Errors: those of `first_report`; `MoveRefused` `key_reused` if something else was said under the key.
    """
    filed: list[Filed] = []

    def open_() -> Accident | HandedOver:
        filed.append(first_report(by, said))
        made = filed[0].accident or filed[0].receipt
        assert made is not None
        return made

    made, new = cases.once(by, key, said, open_)
    if filed:
        return filed[0], new
    accident = made if isinstance(made, Accident) else None
    return Filed(made.number, accident, None if accident else made), new


def first_report(by: Any, said: Mapping[str, Any]) -> Filed:
    """Takes the first report (首报) of an accident, wherever it happened: nobody who calls is turned away.

    `said` are fields of `Accident`, and `source` (unit, district, other, own; not asked of a unit), `at` (when it was
    told; now if left out), `caller`, `caller_phone`. `outside` names in words a place in none of our divisions: the
    accident is kept with who took it, until it is passed on (`passed_to`, where that was done already). One that
    happened outside of the reporter's scope is opened where it belongs, and the reporter keeps a receipt: never lost,
    and nothing of that place is shown to him. Errors: `cases.MoveRefused`, `cases.FieldError` with all that is wrong;
    then nothing has been kept.
    """
    now = acting_now()
    if now is None:
        raise RuntimeError("somebody must act to report an accident")
    actor, scope = now
    if by.role == "enterprise":
        _not_too_many(by)
        said = {**said, "enterprise": Enterprise.objects.get(pk=by.enterprise_id)}
    fields = _complete(by, said)
    enterprise_id = fields["enterprise"].pk if fields.get("enterprise") else None
    with transaction.atomic():
        if scope.covers(fields["area_code"], fields["industry_id"], enterprise_id):
            case = _open(by, said, fields)
            return Filed(case.number, case, None)
        # The narrow path beyond one's own scope: it writes one accident where it happened, under the name of who
        # reports, and gives back its number and nothing else. Everywhere, because the enterprise may lie elsewhere too.
        with acting(actor, EVERYWHERE):
            case = _open(by, said, fields)
        to_area = "" if case.outside else case.area_code
        kept = receipt(case, by, by.area_code, by.enterprise_id, to_area=to_area, to_outside=case.outside)
        return Filed(case.number, None, kept)


def _not_too_many(by: Any) -> None:
    """What a unit reports counts at once, wherever it is said to have happened: nobody floods others' figures."""
    now = clock.now()
    most, since = law.value("accidents.unit_reports_an_hour", now).value, now - timedelta(hours=1)
    own = Report.objects.filter(by_id=by.pk, kind="first", kept_at__gte=since).count()
    if own + HandedOver.objects.filter(by_id=by.pk, at__gte=since).count() >= most:
        words = _("You have reported %(most)s accidents within an hour. Telephone the duty officer for a further one.")
        raise cases.MoveRefused("too_many", words % {"most": most})


def receipt(
    passed_on: Accident, by: Any, area_code: str, enterprise_id: int | None, *, to_area: str = "", to_outside: str = ""
) -> HandedOver:
    """Keeps at `area_code` that `by` passed the accident on, under its number where it is now."""
    return HandedOver.objects.create(
        number=passed_on.number, title=passed_on.title, industry_id=passed_on.industry_id, area_code=area_code,
        enterprise_id=enterprise_id, to_area=to_area, to_outside=to_outside, at=clock.now(), by_id=by.pk,
        by_name=by.name,
    )  # fmt: skip


def faults(by: Any, said: Mapping[str, Any]) -> dict[str, list[str]]:
    """All that is wrong with what a first report says, by field, so that it can be put right in one round."""
    wrong: dict[str, list[str]] = {}
    area, from_level = str(said.get("area_code") or ""), ""
    if said.get("outside"):
        pass
    elif said.get("passed_to"):
        wrong["outside"] = [_("Say where it lies, if it is for another authority.")]
    elif not area:
        wrong["area_code"] = [_("Choose where it happened.")]
    elif not Division.objects.filter(pk=area).exists():
        words = _(
            "There is no such division here. If it lies in none of our districts, say where under “Outside our area”."
        )
        wrong["area_code"] = [words]
    elif area.endswith("0" * 10):
        wrong["area_code"] = [_("Name the district at least, so that the report reaches who is responsible.")]
    if said.get("category") is None:
        wrong["category"] = [_("This is needed.")]
    try:
        from_level = source_of(by, said)[0]
    except cases.FieldError as error:
        wrong |= error.errors
    wrong |= number_faults(said) | point.faults(said.get("lon"), said.get("lat"))
    return wrong | time_faults(said.get("occurred_at"), said.get("known_at"), said.get("at") or clock.now(), from_level)


def _complete(by: Any, said: Mapping[str, Any]) -> dict[str, Any]:
    """The accident's own fields from what was said; industry and title follow where they were left out."""
    if wrong := faults(by, said):
        raise cases.FieldError(wrong)
    area = by.area_code if said.get("outside") else str(said["area_code"])
    own = {*STATED, "place", "lon", "lat", "title", "occurred_at", "known_at", "enterprise", "unit_name", "category",
           "outside"}  # fmt: skip
    fields = {k: v for k, v in said.items() if k in own and v is not None} | {"area_code": area}
    enterprise, category = fields.get("enterprise"), fields["category"]
    fields["industry_id"] = industry_of(category, enterprise)
    if enterprise:
        fields["unit_name"] = enterprise.name
    if not fields.get("title"):
        unit = fields.get("unit_name") or fields.get("outside", "") + fields.get("place", "")
        fields["title"] = f"{unit}“{fields['occurred_at'].astimezone(BEIJING):%-m·%-d}”{category.name}事故"[:200]
    return fields


def industry_of(category: Category, enterprise: Enterprise | None) -> str | None:
    """Under which industry an accident is counted: its category says so, or else the enterprise's own."""
    return category.industry_id or (enterprise.industry_id if enterprise else None)


def _open(by: Any, said: Mapping[str, Any], fields: dict[str, Any]) -> Accident:
    from_level, to_level = source_of(by, said)
    kept: list[Report] = []

    def prepare(case: Accident) -> None:
        kept.append(report_of(case, by, "first", from_level, to_level, said.get("at")))
        settle(case, kept)
        if case.outside:
            case.state, case.counts = "outside", False

    case: Accident = cases.open_case("accident", by, prepare=prepare, **fields)
    kept[0].accident = case
    kept[0].save()
    if said.get("caller"):
        Involved.objects.create(
            accident=case, name=said["caller"], phone=said.get("caller_phone") or "", role="caller"
        )  # fmt: skip
    if said.get("passed_to"):
        case = cases.move(case, "pass_outside", by=by, seen_version=case.version, passed_to=said["passed_to"])
    return case


def copy_to(accident: Accident, by: Any, area_code: str) -> Accident:
    """Opens the same accident at another place with every report it had: for handing over. Its clock runs from now.

    Whoever acts must see both places.
    """
    fields = {n: getattr(accident, n) for n in (*STATED, "place", "title", "occurred_at", "known_at", "enterprise",
              "unit_name", "category", "lon", "lat", "industry_id")}  # fmt: skip
    fields |= {"area_code": area_code, "taken_over_at": clock.now()}
    kept = [f.attname for f in Report._meta.concrete_fields if f.attname not in ("id", "accident_id", "area_code")]
    made = [
        Report(**{name: getattr(report, name) for name in kept}, area_code=area_code)
        for report in Report.objects.filter(accident=accident)
    ]

    def prepare(case: Accident) -> None:
        settle(case, made)

    case: Accident = cases.open_case("accident", by, prepare=prepare, **fields)
    for report in made:
        report.accident = case
    Report.objects.bulk_create(made)
    # Whom it hurt, who called it in and what was known before are needed where it is now.
    for model in (Involved, KnownBefore):
        model.objects.filter(accident=accident).update(accident=case, area_code=area_code)
    # So are the inquiries into how it was reported, with their history: who looks into the accident looks into the
    # unit's reporting too. Only what the district is itself suspected of stays, and is looked into where it was.
    ReportFault.objects.filter(accident=accident).exclude(at_level="district").update(
        accident=case, area_code=area_code, owner_area_code=case.owner_area_code, owner_id=None, owner_name=""
    )
    return case


assert set(STATED) == set(Stated.stated_fields())
