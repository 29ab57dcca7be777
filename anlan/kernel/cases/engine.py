"""Opening and moving cases: the only code that changes them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from anlan.kernel import calendar, clock, events, files, law, live
from anlan.kernel.clock import BEIJING
from anlan.kernel.deadlines import Interval, Limit, due, due_on
from anlan.kernel.models import Stale as StaleRecord
from anlan.kernel.scope import acting_now, area_prefix

from . import point
from .lifecycle import Clock, Demand, Evidence, Field, Lifecycle, Move, Person, form_field, lifecycle_of, limit_of
from .lifecycle import lifecycle as find_lifecycle
from .models import Case, CaseCounter, CaseEntry, EvidenceFile, Extension, Handler, Pause

AnyCase = TypeVar("AnyCase", bound=Case)
Facts = Mapping[str, Any]
OPENED = "open"
"""The move under which the opening stands in the history."""
_ROWS = 1000
"""Rows of one statement: PostgreSQL takes 65,535 values."""


class MoveRefused(Exception):
    """The move is not possible: `code` is stable, `message` says why in the reader's language."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class FieldError(MoveRefused):
    """What the move demands is missing or wrong: `errors` by field."""

    def __init__(self, errors: Mapping[str, Sequence[str | Promise]]) -> None:
        self.errors = {name: [str(message) for message in messages] for name, messages in errors.items()}
        super().__init__("invalid", "; ".join(f"{name}: {' '.join(e)}" for name, e in self.errors.items()))


class Stale(StaleRecord):
    """Somebody else moved the case since it was read; `changes` are the entries since, oldest first."""

    def __init__(self, case: Case, changes: Sequence[CaseEntry]) -> None:
        super().__init__(case.number)
        self.case, self.changes = case, list(changes)


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that stands in the store already, given as evidence by reference (`cases.opening.Upload`)."""

    name: str
    sha256: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a move is not for this person or not now."""

    code: str
    message: str


# --- Numbers ---------------------------------------------------------------------------------------


def taken(wanted: Mapping[str, int], year: int) -> dict[str, int]:
    """Takes so many numbers of each series; the last of each. The series' rows stay locked until the transaction ends,
    so a number taken in a transaction that fails is given again: no gaps and no doubles."""
    table = CaseCounter._meta.db_table
    with connection.cursor() as cursor:
        # In one order whoever asks: two that lock the same rows never wait for each other.
        cursor.execute(
            f'INSERT INTO "{table}" AS c (series, year, last) '
            "SELECT series, %s, many FROM unnest(%s::text[], %s::int[]) AS t (series, many) ORDER BY series "
            "ON CONFLICT (series, year) DO UPDATE SET last = c.last + excluded.last RETURNING series, last",
            [year, list(wanted), list(wanted.values())],
        )
        return dict(cursor.fetchall())


def next_numbers(lifecycle: Lifecycle, owner_areas: Sequence[str], year: int) -> list[str]:
    """For each authority in charge the next number of its series."""
    marks = {area: lifecycle.mark(area) for area in dict.fromkeys(owner_areas)}
    wanted = Counter(marks[area] for area in owner_areas)
    last = taken({f"{lifecycle.kind}:{mark}": many for mark, many in wanted.items()}, year)
    following = {mark: itertools.count(last[f"{lifecycle.kind}:{mark}"] - many + 1) for mark, many in wanted.items()}
    return [
        lifecycle.number.format(mark=mark, year=year, n=next(following[mark]))
        for mark in (marks[area] for area in owner_areas)
    ]


# --- Time limits -----------------------------------------------------------------------------------


def start_clock(case: Case, started: Clock, at: datetime, facts: Mapping[str, Any]) -> None:
    """Starts a time limit at `at`: writes down what it rests on and when it is over."""
    if started.rule is not None:
        rule = law.value(started.rule.format(case=case), on=at)
        limit = limit_of(rule.value, rule.unit)
        told = {"rule": rule.id, "article": rule.article, "source": rule.source, "certainty": rule.certainty}
    elif started.limit is not None:
        limit, told = started.limit, {}
    else:
        assert started.field is not None
        day = facts.get(started.field) or getattr(case, started.field, None)
        if not isinstance(day, date):
            raise FieldError({started.field: [_("A date is needed here.")]})
        day = day.astimezone(BEIJING).date() if isinstance(day, datetime) else day
        case.clock = {"until": day.isoformat(), "field": started.field}
        _begin(case, at)
        return
    case.clock = {
        "value": limit.value,
        "unit": limit.unit,
        "count_first_day": limit.count_first_day,
        "rolls": limit.rolls,
        **told,
        **({"rises": started.rises.format(case=case)} if started.rises else {}),
    }
    _begin(case, at)


def _begin(case: Case, at: datetime) -> None:
    case.started_at = at
    case.clock_no += 1


def recomputed_due(case: Case) -> datetime | None:
    """When the case is due, computed from its facts alone: the same whenever it is asked."""
    if case.clock is None or case.started_at is None:
        return None
    pauses, more = [], []
    if case.pk is not None:
        pauses = [Interval(p.begin, p.end) for p in Pause.of(case)]
        more = [Limit(e.value, e.unit) for e in Extension.of(case).filter(clock_no=case.clock_no, granted=True)]
    days = calendar.installed()
    if "until" in case.clock:
        return due_on(date.fromisoformat(case.clock["until"]), pauses, more, days, started=case.started_at)
    return due(case.started_at, running_limit(case.clock), pauses, more, days)


def running_limit(clock: Mapping[str, Any]) -> Limit:
    """The time limit as a case's `clock` keeps it, one that does not run until a named day."""
    return Limit(clock["value"], clock["unit"], clock.get("count_first_day", False), clock.get("rolls", False))


# --- Who may ---------------------------------------------------------------------------------------


def refusal(case: Case, move: Move, by: Person, history: Sequence[CaseEntry] | None = None) -> Refusal | None:
    """Why `by` may not make `move` on `case` as it stands, or None. Demanded facts are not looked at.

    `history` saves the query where the caller has the case's entries at hand.
    """
    if case.state not in move.from_:
        return Refusal(
            "not_from_here", _("This is not possible while the case is: %(state)s.") % {"state": case.state_title}
        )
    if by.role not in move.who:
        return Refusal("not_your_role", _("This is not for your role."))
    if move.relation == "owner" and by.pk != case.owner_id:
        return Refusal("not_in_charge", _("Only the person in charge may do this."))
    joined = by.pk == case.owner_id or move.relation != "handler" or Handler.of(case).filter(account_id=by.pk).exists()
    if not joined:
        return Refusal("not_handler", _("Only who works on this case may do this."))
    if move.relation == "higher" and len(area_prefix(by.area_code)) >= len(area_prefix(case.owner_area_code)):
        return Refusal("not_higher", _("Only a higher tier may do this."))
    if move.relation == "seat" and by.area_code != case.owner_area_code:
        return Refusal("not_the_seat", _("Only the authority in charge may do this."))
    if move.relation == "addressee" and not _addressed(case, by):
        return Refusal("not_addressed", _("Only the one to whom it is addressed may do this."))
    if move.barred is not None and (why := move.barred(case, by)):
        return Refusal("barred", str(why))
    if move.forbid_same_person_as:
        entries = list(CaseEntry.of(case)) if history is None else history
        for name in move.forbid_same_person_as:
            last = next((e for e in reversed(entries) if e.move == name), None)
            if last is not None and last.by_id == by.pk:
                return Refusal("same_person", _("Nobody decides on what he did himself; another person must do this."))
    why = move.ready(case) if move.ready is not None else None
    return Refusal("gate", str(why)) if why else None


def _addressed(case: Case, by: Person) -> bool:
    return type(case)._default_manager.filter(case.lifecycle.addressee.who(by), pk=case.pk).exists()


# --- Opening and moving ----------------------------------------------------------------------------


def open_case(
    kind: str,
    by: Person,
    *,
    evidence: Mapping[str, Sequence[Any]] | None = None,
    prepare: Callable[[Any], None] | None = None,
    **fields: Any,
) -> Any:
    """Opens a case of `kind` with the model's fields; gives it number, clock and first entry.

    `evidence` holds uploaded files by what they show. `prepare` sets what follows from the fields before anything
    is checked and kept: a grade, or a time limit that began before the case was opened.
    Errors: `MoveRefused` (`unknown_kind`, `not_your_role`, `invalid` with the fields).
    """
    lifecycle, at = _opens(kind, by), clock.now()
    with transaction.atomic():
        case = _begun(lifecycle, fields, prepare, at)
        _check(case, {"number"}, point.faults(case.lon, case.lat))
        (case.number,) = next_numbers(lifecycle, [case.owner_area_code], at.astimezone(BEIJING).year)
        case.save()
        entry = enter(case, OPENED, "", by, _plainly(fields), at)
        types = {d.name: d.types for d in lifecycle.opening if isinstance(d, Evidence)}
        for name, uploads in (evidence or {}).items():
            _keep(case, entry, name, uploads, types.get(name))
    events.tell(f"{kind}.opened", case=case, by=by.pk, entry=entry.pk)
    return case


def open_cases(kind: str, by: Person, many: Sequence[tuple[Facts, Callable[[Any], None] | None]]) -> list[Any]:
    """Opens many cases of `kind`, each from its fields and its `prepare`, as `open_case` does; all or none.

    It takes as many statements for a thousand as for one. What points at another record and what must be unique is
    looked at by the database alone: its `IntegrityError` is not caught here.
    """
    if not many:
        return []
    lifecycle, at = _opens(kind, by), clock.now()
    links = {"number"} | {f.name for f in lifecycle.model._meta.concrete_fields if f.is_relation}
    with transaction.atomic():
        made = []
        for fields, prepare in many:
            case = _begun(lifecycle, fields, prepare, at)
            _check(case, links, point.faults(case.lon, case.lat), alone=True)
            case.prepare()
            made.append(case)
        numbers = next_numbers(lifecycle, [case.owner_area_code for case in made], at.astimezone(BEIJING).year)
        for case, number in zip(made, numbers, strict=True):
            case.number = number
        lifecycle.model._default_manager.bulk_create(made, batch_size=_ROWS)
        entries = CaseEntry.objects.bulk_create(
            [_entry(case, OPENED, "", by, _plainly(fields), at) for case, (fields, _p) in zip(made, many, strict=True)],
            batch_size=_ROWS,
        )
        live.publish_to("cases", {(e.area_code, e.industry_id, e.enterprise_id) for e in entries})
        told = [{"case": case, "by": by.pk, "entry": entry.pk} for case, entry in zip(made, entries, strict=True)]
        events.tell_each(f"{kind}.opened", told)
    return made


def _opens(kind: str, by: Person) -> Lifecycle:
    lifecycle = find_lifecycle(kind)
    if lifecycle is None:
        raise MoveRefused("unknown_kind", _("There is no such kind of case."))
    if by.role not in lifecycle.open_by:
        raise MoveRefused("not_your_role", _("This is not for your role."))
    return lifecycle


def _begun(lifecycle: Lifecycle, fields: Facts, prepare: Callable[[Any], None] | None, at: datetime) -> Case:
    """A case of these fields as it stands when it is opened, not yet checked, numbered and kept."""
    columns = lifecycle.model._meta.concrete_fields
    if unknown := set(fields) - {f.name for f in columns} - {f.attname for f in columns}:
        raise FieldError({name: [_("There is no such field.")] for name in sorted(unknown)})
    case: Case = lifecycle.model(**fields)
    case.state, case.opened_at = lifecycle.start, at
    case.owner_area_code = fields.get("owner_area_code") or lifecycle.owner_area(case.area_code)
    acting = acting_now()
    if acting is not None and not acting[1].covers(
        case.area_code, case.industry_id, getattr(case, "enterprise_id", None)
    ):
        raise FieldError({"area_code": [_("This lies outside your area, your industries or your enterprise.")]})
    if lifecycle.start_clock:
        start_clock(case, lifecycle.start_clock, at, fields)
    if prepare is not None:
        prepare(case)
    case.due_at = recomputed_due(case)
    return case


def _plainly(fields: Facts) -> dict[str, Any]:
    return {name: _plain(value) for name, value in fields.items() if value not in (None, "")}


def move(
    case: AnyCase,
    name: str,
    *,
    by: Person,
    seen_version: int,
    facts_: Mapping[str, Any] | None = None,
    **facts: Any,
) -> AnyCase:
    """Makes the move `name` on `case`; returns the case as it then stands.

    `facts` are what the move demands, by name (`facts_` the same as a mapping, whatever the names);
    evidence as a list of uploaded files. Errors: `MoveRefused` with
    code `unknown_move`, `not_from_here`, `not_your_role`, `not_in_charge`, `not_handler`, `not_higher`, `not_the_seat`,
    `not_addressed`, `barred`, `same_person`, `gate` or `invalid` (a `FieldError`); `Stale` where somebody moved the
    case after `seen_version`. On any error nothing has changed.
    """
    lifecycle = lifecycle_of(type(case))
    wanted = lifecycle.move(name)
    if wanted is None:
        raise MoveRefused("unknown_move", _("There is no such move."))
    with transaction.atomic():
        now_case: AnyCase = type(case)._default_manager.select_for_update(of=("self",)).get(pk=case.pk)  # type: ignore[assignment]
        if now_case.version != seen_version:
            raise Stale(now_case, list(CaseEntry.of(now_case).filter(version__gt=seen_version)))
        refused = refusal(now_case, wanted, by)
        if refused is not None:
            raise MoveRefused(refused.code, refused.message)
        clean, uploads = checked(lifecycle, wanted.demands, {**(facts_ or {}), **facts}, now_case)
        if wanted.gate is not None and (why := wanted.gate(now_case, clean)):
            raise FieldError(why) if isinstance(why, Mapping) else MoveRefused("gate", str(why))
        return _make(lifecycle, now_case, wanted, by, clean, uploads)


def _make(
    lifecycle: Lifecycle,
    case: AnyCase,
    wanted: Move,
    by: Person,
    facts: Mapping[str, Any],
    uploads: Mapping[str, Sequence[Any]],
) -> AnyCase:
    at, before, was_due = clock.now(), case.state, case.due_at
    pointed = {f.name: getattr(case, f.attname) for f in case._meta.concrete_fields if f.remote_field}
    columns = {f.name for f in case._meta.concrete_fields}
    for key, value in facts.items():
        if key in columns:
            setattr(case, key, value)
    if wanted.effect is not None:
        wanted.effect(case, facts, by)
    if wanted.to is not None:
        case.state = wanted.to
    ends = lifecycle.state(case.state).end
    if isinstance(wanted.clock, Clock):
        _end_pauses(case, at)
        start_clock(case, wanted.clock, at, facts)
    elif wanted.clock == "stop" and not ends:
        case.clock, case.started_at, case.due_at = None, None, None
    case.closed_at = (case.closed_at or at) if ends else None
    if not ends:
        # A closed case keeps the deadline that it met or missed.
        case.due_at = recomputed_due(case)
    # What the case points at already was checked when it was set; who moves it now need not have it in scope.
    untouched = {name for name, key in pointed.items() if getattr(case, case._meta.get_field(name).attname) == key}
    # Nor does a point of before hinder a move that does not speak of it.
    _check(case, untouched, point.faults(case.lon, case.lat) if {"lon", "lat"} & set(facts) else {})
    case.save()
    late = bool(was_due and at > was_due)
    entry = enter(case, wanted.name, before, by, {k: _plain(v) for k, v in facts.items()}, at, late)
    for demand, given in uploads.items():
        types = next(e.types for e in wanted.evidence if e.name == demand)
        _keep(case, entry, demand, given, types)
    events.tell(wanted.tells or f"{lifecycle.kind}.{wanted.name}", case=case, by=by.pk, entry=entry.pk)
    return case


def _check(case: Case, exclude: Collection[str], besides: Mapping[str, Sequence[str]], alone: bool = False) -> None:
    """`FieldError` with all that the model finds wrong, and what was found besides. `alone`: without asking the
    database what else there is."""
    wrong = dict(besides)
    try:
        case.full_clean(exclude=exclude, validate_unique=not alone, validate_constraints=not alone)
    except ValidationError as error:
        wrong |= error.message_dict
    if wrong:
        raise FieldError(wrong)


def _end_pauses(case: Case, at: datetime) -> None:
    """A new limit does not inherit the pause of the one before."""
    Pause.of(case).filter(end__isnull=True).update(end=at)


def checked(
    lifecycle: Lifecycle, demands: Sequence[Demand], facts: Mapping[str, Any], case: Any = None
) -> tuple[dict[str, Any], dict[str, Sequence[Any]]]:
    """The facts as the fields demanded read them, and the files; `FieldError` with all that is wrong."""
    errors: dict[str, list[str]] = {}
    known = {d.name for d in demands}
    for name in sorted(set(facts) - known):
        errors[name] = [_("This move does not ask for this.")]
    clean: dict[str, Any] = {}
    for demand in (d for d in demands if isinstance(d, Field)):
        field = form_field(lifecycle, demand, case)
        raw = facts.get(demand.name)
        raw = getattr(raw, "pk", raw)
        if isinstance(field, forms.DateField | forms.DateTimeField | forms.TimeField) and not isinstance(raw, date):
            raw = raw if raw is None else str(raw)  # these fields can read nothing but text
        try:
            value = field.clean(raw)
        except ValidationError as error:
            errors[demand.name] = list(error.messages)
        else:
            if value not in (None, "") or demand.name in facts:
                clean[demand.name] = value
    uploads: dict[str, Sequence[Any]] = {}
    for evidence in (d for d in demands if isinstance(d, Evidence)):
        given = facts.get(evidence.name) or ()
        uploads[evidence.name] = given if isinstance(given, list | tuple) else [given]
        if not all(isinstance(one, bytes | Stored) or hasattr(one, "read") for one in uploads[evidence.name]):
            errors[evidence.name] = [_("A file is needed here.")]
        elif len(uploads[evidence.name]) < evidence.at_least:
            errors[evidence.name] = [_("At least %(n)s file is needed here.") % {"n": evidence.at_least}]
    if errors:
        raise FieldError(errors)
    return clean, uploads


def enter(
    case: Case, name: str, before: str, by: Person, facts: Mapping[str, Any], at: datetime, late: bool = False
) -> CaseEntry:
    entry = _entry(case, name, before, by, facts, at, late)
    entry.save()
    move = case.lifecycle.move(name)
    if move is None or not move.readers:
        # That something happened, and where, but not what: whoever shows cases reads them again in his own scope. What
        # is not for all to read is not hinted at either.
        live.publish(
            "cases", {}, area_code=entry.area_code, industry_id=entry.industry_id, enterprise_id=entry.enterprise_id
        )
    return entry


def news(case: Case, name: str, by: Person, facts: Mapping[str, Any], at: datetime) -> CaseEntry:
    """What is new of a case as it is now and whose state stays, for `enter_each`. For what is no move: moves have
    readers of their own."""
    return _entry(case, name, case.state, by, facts, at)


def enter_each(entries: Sequence[CaseEntry]) -> None:
    """As `enter`, these news of many cases, in three statements."""
    CaseEntry.objects.bulk_create(entries, batch_size=_ROWS)
    live.publish_to("cases", {(e.area_code, e.industry_id, e.enterprise_id) for e in entries})


def _entry(
    case: Case, name: str, before: str, by: Person, facts: Mapping[str, Any], at: datetime, late: bool = False
) -> CaseEntry:
    return CaseEntry(
        **CaseEntry.keys(case), at=at, move=name, from_state=before, to_state=case.state, version=case.version,
        due_at=case.due_at, late=late, by_id=by.pk, by_name=by.name, by_role=by.role, facts=dict(facts),
    )  # fmt: skip


def _keep(case: Case, entry: CaseEntry, demand: str, uploads: Sequence[Any], types: Collection[str] | None) -> None:
    for upload in uploads:
        try:
            kept = upload if isinstance(upload, Stored) else files.put(upload, types=types)
            files.of_type(kept.media_type, types)
        except files.Refused as error:
            raise FieldError({demand: [error.message]}) from error
        EvidenceFile.objects.create(
            **EvidenceFile.keys(case), entry=entry, demand=demand, name=files.safe_name(getattr(upload, "name", "")),
            sha256=kept.sha256, media_type=kept.media_type, size=kept.size, given_at=entry.at,
        )  # fmt: skip


def _plain(value: Any) -> Any:
    """A fact as JSON keeps it: a record by its words and key."""
    return {"id": value.pk, "name": str(value)} if hasattr(value, "pk") else value
