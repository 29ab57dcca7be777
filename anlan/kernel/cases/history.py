"""A case's history in words, in the reader's language, from what the entries keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.forms import ChoiceField, DecimalField, Field
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from anlan.kernel import areas
from anlan.kernel.bilingual import in_language
from anlan.kernel.models import AreaCode
from anlan.kernel.scope import area_prefix

from . import links
from .escalation import ROSE, Rise
from .lifecycle import Lifecycle, form_field
from .models import BECAME, Case, CaseEntry, EvidenceFile


@dataclass(frozen=True, slots=True)
class Told:
    """One entry as a reader sees it."""

    at: datetime
    words: str
    role: str
    state: str
    facts: tuple[tuple[str, str], ...]
    files: tuple[EvidenceFile, ...]
    late: bool
    move: str
    version: int


def read_by(account: Any, case: Case, entries: Iterable[CaseEntry]) -> list[CaseEntry]:
    """Those of the case's entries that are for the account's eyes, by its role and its seat; and that another case came
    out of it only to who sees that one."""
    declared = case.lifecycle
    closed = {m.name for m in declared.moves if m.readers and account.role not in m.readers}
    if not (account.role in declared.open_by and case.owner_area_code.startswith(area_prefix(account.area_code))):
        closed |= set(declared.inside)
    read = [entry for entry in entries if entry.move not in closed]
    if not any(entry.move == BECAME for entry in read):
        return read
    seen = {one.number for one in links.shown(case, account)}
    return [entry for entry in read if entry.move != BECAME or entry.facts.get("number") in seen]


def tell(case: Case, entries: Iterable[CaseEntry], files: Iterable[EvidenceFile] = ()) -> list[Told]:
    """The entries in words, in the order given."""
    lifecycle: Lifecycle = case.lifecycle
    by_entry: dict[int, list[EvidenceFile]] = defaultdict(list)
    for file in files:
        by_entry[file.entry_id].append(file)
    return [_tell(case, lifecycle, entry, tuple(by_entry[entry.pk])) for entry in entries]


def tell_all(
    case: Case, entries: Sequence[CaseEntry], rises: Iterable[Rise], files: Iterable[EvidenceFile] = ()
) -> list[Told]:
    """The entries and to whom the overdue case rose, in words, in the order of time."""
    told = [*tell(case, entries, files), *(tell_rise(rise) for rise in rises)]
    return sorted(told, key=lambda one: one.at)


def tell_rise(rise: Rise) -> Told:
    """A rise in words."""
    if rise.minutes is None:
        words = ngettext(
            "Overdue by %(days)s day, risen to %(authority)s", "Overdue by %(days)s days, risen to %(authority)s",
            rise.days,
        )  # fmt: skip
        overdue = (_("Days overdue"), str(rise.days))
        since = ngettext("%(rule)s: from %(n)s day overdue", "%(rule)s: from %(n)s days overdue", rise.since)
    else:
        words = ngettext(
            "Overdue by %(minutes)s minute, risen to %(authority)s",
            "Overdue by %(minutes)s minutes, risen to %(authority)s", rise.minutes,
        )  # fmt: skip
        overdue = (_("Minutes overdue"), str(rise.minutes))
        since = ngettext("%(rule)s: from %(n)s minute overdue", "%(rule)s: from %(n)s minutes overdue", rise.since)
        if not rise.minutes:
            words = _("Not done in time, risen to %(authority)s")
    words %= {"days": rise.days, "minutes": rise.minutes, "authority": rise.authority}
    name = rise.rule.name if (get_language() or "").startswith("zh") else rise.rule.name_en
    facts = (
        (_("Risen to"), rise.authority),
        overdue,
        (_("Due"), date_format(localtime(rise.due_at), "DATETIME_FORMAT")),
        (_("Risen by rule"), since % {"rule": name, "n": rise.since}),
        (_("Told at"), date_format(localtime(rise.told_at), "DATETIME_FORMAT")),
    )
    return Told(rise.at, words, "", "", facts, (), False, ROSE, rise.after.version)


def in_minutes(due: datetime, now: datetime) -> str:
    """How a deadline within the hour stands: 5 minutes left, overdue by 12 minutes."""
    if due >= now:
        n = -int((now - due).total_seconds() // 60)  # the minute that runs counts
        return ngettext("%(n)s minute left", "%(n)s minutes left", n) % {"n": n}
    n = int((now - due).total_seconds() // 60)
    if not n:
        return _("Overdue since this minute")
    return ngettext("Overdue by %(n)s minute", "Overdue by %(n)s minutes", n) % {"n": n}


def _tell(case: Case, lifecycle: Lifecycle, entry: CaseEntry, files: tuple[EvidenceFile, ...]) -> Told:
    move, kept = lifecycle.move(entry.move), in_language(entry.facts)
    shown = dict(_facts(case, lifecycle, entry))
    known: defaultdict[str, str] = defaultdict(str, {name: value for name, (_label, value) in shown.items()})
    known |= {"actor": entry.by_name, "state": str(lifecycle.state(entry.to_state).title)}
    if entry.move in lifecycle.notes:
        words = str(lifecycle.notes[entry.move]) % {**kept, **known}
    elif entry.move == BECAME:
        words = _("%(actor)s opened %(number)s out of it: %(title)s") % {**kept, **known}
        shown = {}
    elif move is None:
        words = str(lifecycle.opened_words or _("%(actor)s opened the case")) % known
    elif move.words is not None:
        words = str(move.words) % known
    else:
        words = _("%(actor)s: %(move)s") % {"actor": entry.by_name, "move": move.title}
    state = known["state"] if entry.from_state != entry.to_state else ""
    template = lifecycle.notes.get(entry.move) or (move.words if move is not None else None) or ""
    told_already = {name for name in shown if f"%({name})s" in str(template)}
    facts = tuple(pair for name, pair in shown.items() if name not in told_already)
    return Told(entry.at, words, entry.by_role, state, facts, files, entry.late, entry.move, entry.version)


def _facts(case: Case, lifecycle: Lifecycle, entry: CaseEntry) -> Iterable[tuple[str, tuple[str, str]]]:
    move = lifecycle.move(entry.move)
    demands = {d.name: form_field(lifecycle, d) for d in move.fields} if move else {}
    columns = {f.name: f for f in lifecycle.model._meta.concrete_fields}
    order = {name: place for place, name in enumerate((*demands, *columns))}
    # The database gives a mapping back in an order of its own.
    for name, value in sorted(in_language(entry.facts).items(), key=lambda fact: order.get(fact[0], len(order))):
        field = demands.get(name)
        if field is None and name in columns:
            made = columns[name].formfield()
            field = made if isinstance(made, Field) else None
        if field is None or value in (None, "", [], {}):
            continue
        if isinstance(columns.get(name), AreaCode):
            value = areas.names([value])[value]
        elif (said := getattr(case, f"get_{name}", None)) is not None and value == getattr(case, name):
            value = said()
        yield name, (str(field.label or name), show(value, field))


def show(value: Any, field: Field | None = None) -> str:
    """A kept fact for reading: choices and records by their words, dates as the language writes them."""
    if isinstance(value, Mapping):
        return str(value.get("name", ""))
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, list | tuple):
        return str(_(", ")).join(show(v, field) for v in value)
    if isinstance(value, Decimal):
        # As kept in a column (106.500000) and as once typed (106.5) it reads the same.
        return number_format(Decimal(f"{value.normalize():f}"), force_grouping=True)
    if isinstance(field, DecimalField) and isinstance(value, str):
        return show(Decimal(value))
    if isinstance(field, ChoiceField) and not hasattr(field, "queryset"):
        for key, words in list(field.choices):  # type: ignore[arg-type]
            if str(key) == str(value):
                return str(words)
    if isinstance(value, str) and value[10:11] == "T" and (at := parse_datetime(value)) is not None and at.tzinfo:
        return date_format(localtime(at), "DATETIME_FORMAT")
    if isinstance(value, str) and len(value) == 10 and (day := parse_date(value) if value[4:5] == "-" else None):
        return date_format(day, "DATE_FORMAT")
    return str(value)
