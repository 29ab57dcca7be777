"""What somebody has to do: open cases of every kind in scope, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from time import monotonic
from typing import Any

from django.db.models import BooleanField, Case, CharField, Count, F, Q, QuerySet, Value, When
from django.db.models import ForeignKey as Points
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from anlan.kernel import areas, clock
from anlan.kernel.clock import BEIJING
from anlan.kernel.policy import own_industry
from anlan.kernel.scope import acting_now

from .lifecycle import Decision, Lifecycle, Person, lifecycle, seen_by
from .models import Case as CaseModel

SHOWN = {
    "overdue": _("Overdue"),
    "today": _("Due today"),
    "mine": _("Waiting for you"),
    "others": _("Waiting for others"),
    "listed": _("Listed by your authority"),
}
"""The parts of a work list, by the name that they have in an address."""

PAGE = 50
PAGES = 200
"""As far as one turns the pages of a work list; the registers go further, and faster."""


@dataclass(frozen=True, slots=True)
class Row:
    """One open case of a work list. `mine`: it waits for the reader; else for somebody else.

    `wants` names the decision that it waits for besides its state; `where`, `place` and `whose` say where
    it is, by division and exactly, and which enterprise it concerns.
    """

    kind: str
    number: str
    title: str
    state: str
    due_at: datetime | None
    listed: bool
    mine: bool
    overdue: bool
    due_today: bool
    wants: str = ""
    where: str = ""
    whose: str = ""
    place: str = ""

    @property
    def url(self) -> str:
        return reverse("cases:case", args=(self.kind, self.number))

    @property
    def kind_title(self) -> str:
        return str(_known(self.kind).singular)

    @property
    def state_title(self) -> str:
        """What it waits for: a decision that was asked for, else its state."""
        declared = _known(self.kind)
        return str(
            next((d.title for d in declared.decisions if d.name == self.wants), declared.state(self.state).title)
        )


@dataclass(frozen=True, slots=True)
class Worklist:
    """Counts over all of it, and its most urgent rows: mine before others', earliest deadline first.

    `urgent` are rows by their deadline alone, in the order of the parts: those overdue and due today among its first
    ones are those with which these parts begin.
    """

    overdue: int
    due_today: int
    mine: int
    others: int
    rows: tuple[Row, ...]
    listed: int = 0
    urgent: tuple[Row, ...] = ()


def worklist(account: Person, limit: int = 50) -> Worklist:
    """The work list of `account`, within the scope in force."""
    lists = [(k, _open(k, account)) for k in seen_by(account)]
    if not lists:
        return Worklist(0, 0, 0, 0, ())
    overdue, today, listed, every, mine = _counted(account, lists)
    halves = [half for k, q in lists for half in (_mine(q, k, account), q.filter(mine_=False))]
    # The most urgent of all are among the most urgent of the halves: what is read for the one order serves the other.
    urgent = _rows(_urgent(halves, limit).order_by(*_URGENCY))
    rows = tuple(sorted(urgent, key=lambda row: not row.mine)[:limit])
    return Worklist(overdue, today, mine, max(every - mine, 0), rows, listed, urgent[:limit])


def _mine(cases: QuerySet, declared: Lifecycle, account: Person) -> QuerySet:  # type: ignore[type-arg]
    """Those that wait for the reader. At the seat of the whole city they are few among many, and found by whose they
    are; elsewhere many, and found along the index of deadlines."""
    return cases.filter(_turn(declared, account)) if _of_the_city(account) else cases.filter(mine_=True)


def _of_the_city(account: Person) -> bool:
    return account.role in AT_ITS_SEAT and account.area_code.endswith("0" * 10)


SLOW_S, KEPT_FOR = 0.02, 20
"""Counts over all open cases that took longer than this are kept for so many times as long as they took."""
_kept: dict[Any, tuple[float, list[int]]] = {}


def _counted(account: Person, lists: list[tuple[Lifecycle, QuerySet]]) -> list[int]:  # type: ignore[type-arg]
    """How many open cases are overdue, due today, listed by the reader's authority, there at all, and wait for him.

    All but the last are the same for everybody of one place and scope: where counting them takes long, as for a whole
    city, it is done once in some seconds.
    """
    now, tomorrow = _today()
    # The place, which every case has, is counted and not its key: an index holds it along with what is asked.
    counted = {
        "overdue_": Count("area_code", filter=Q(due_at__lt=now)),
        "today_": Count("area_code", filter=Q(due_at__gte=now, due_at__lt=tomorrow)),
        "listed_n": Count("area_code", filter=_listed_by(account)),
        "all_": Count("area_code"),
    }
    if not _of_the_city(account):
        return _sums([q for _kind, q in lists], counted | {"mine_n": Count("area_code", filter=Q(mine_=True))})
    held = acting_now()
    question = (held and held[1], account.area_code, tuple(k.kind for k, _cases in lists))
    until, shared = _kept.get(question, (0.0, []))
    begun = monotonic()
    if begun >= until:
        shared = _sums([q for _kind, q in lists], counted)
        took = monotonic() - begun
        if took > SLOW_S:
            _kept[question] = (monotonic() + KEPT_FOR * took, shared)
    return shared + _sums([_mine(q, k, account) for k, q in lists], {"n": Count("area_code")})


def _sums(lists: list[QuerySet], counted: dict[str, Count]) -> list[int]:  # type: ignore[type-arg]
    """What is counted, over all the lists together; one query."""
    found = [q.order_by().values("kind_").annotate(**counted).values_list(*counted) for q in lists]
    return [sum(numbers) for numbers in zip(*_together(found), strict=True)] or [0] * len(counted)


def forget() -> None:
    """What was kept of counts is counted anew by whoever asks next."""
    _kept.clear()


def part(account: Person, show: str, page: int = 1) -> tuple[tuple[Row, ...], bool]:
    """One page of a part of the work list (a key of `SHOWN`), most urgent first, and whether another follows."""
    now, tomorrow = _today()
    conditions = {
        "overdue": Q(due_at__lt=now),
        "today": Q(due_at__gte=now, due_at__lt=tomorrow),
        "others": Q(mine_=False),
        "listed": _listed_by(account),
    }
    lists = [
        _mine(_open(k, account), k, account) if show == "mine" else _open(k, account).filter(conditions[show])
        for k in seen_by(account)
    ]
    if not lists:
        return (), False
    found = _rows(_urgent(lists, page * PAGE + 1).order_by(*_URGENCY)[(page - 1) * PAGE : page * PAGE + 1])
    return found[:PAGE], len(found) > PAGE


AT_ITS_SEAT = frozenset({"city", "department", "district", "inspector", "duty"})
"""Roles that work for one authority: a case waits for them where that authority is in charge of it."""


def awaited(declared: Lifecycle, case: Any) -> set[str]:
    """The roles that a case waits for: of the offices only those at the seat of the authority in charge.

    While it is addressed it waits for the addressee's role. Besides those whose turn it is, it waits for who decides
    what was asked for; where that is not the seat's to decide, for whoever it is, wherever he sits.
    """
    elsewhere = {"district"} if case.owner_area_code.endswith("0" * 10) else {"city", "department"}
    asked = [one for one in declared.decisions if _undecided(declared, one, case)]
    turn, named = set(declared.turn(case.state)), set()
    if declared.state(case.state).addressed:
        turn, named = set(), {str(getattr(case, declared.addressee.role))}  # type: ignore[union-attr]
    seated = turn.union(*(one.who for one in asked if one.seat))
    return (seated - elsewhere).union(named, *(one.who for one in asked if not one.seat))


def _undecided(declared: Lifecycle, one: Decision, case: Any) -> bool:
    """Whether the case waits for this decision: what decides can be made just then when it was asked for."""
    move = declared.move(one.moves[0]) if one.moves else None
    return move is not None and case.state in move.from_ and move.ready is not None and not move.ready(case)


def _decisions(declared: Lifecycle, account: Person) -> list[Decision]:
    """The decisions that cases may wait for from this person."""
    return [one for one in declared.decisions if account.role in one.who]


def _here(account: Person) -> Q:
    return Q(owner_area_code=account.area_code) if account.role in AT_ITS_SEAT else Q()


def _turn(declared: Lifecycle, account: Person) -> Q:
    """The condition under which an open case waits for this person."""
    waits = declared.waits_for(account.role)
    named = [state for state in waits if declared.state(state).addressed]
    seated = Q(state__in=[state for state in waits if state not in named])
    # Whoever took charge of a case has it on his list while he can move it on.
    others = Q(owner_id=account.pk, state__in=declared.moved_on_by(account.role))
    if named:
        others |= Q(state__in=named) & declared.addressee.who(account)  # type: ignore[union-attr]
    for one in _decisions(declared, account):
        if one.seat:
            seated |= one.when(account)
        else:
            others |= one.when(account)
    # Whose it is stands once, where an index can look for it.
    return (_here(account) & seated) | others


def _open(declared: Lifecycle, account: Person) -> QuerySet:  # type: ignore[type-arg]
    model = declared.model
    wanted = [
        When(one.when(account) & (_here(account) if one.seat else Q()), then=Value(one.name))
        for one in _decisions(declared, account)
    ]
    whose = F("enterprise__name") if _points(model, "enterprise") else Value("")
    return model._default_manager.filter(own_industry(model), declared.own_work, closed_at__isnull=True).annotate(
        kind_=Value(declared.kind),
        mine_=Case(When(_turn(declared, account), then=Value(True)), default=Value(False), output_field=BooleanField()),
        wants_=Case(*wanted, default=Value(""), output_field=CharField()),
        whose_=Case(When(pk__isnull=False, then=whose), output_field=CharField()),
    )


def _points(model: Any, name: str) -> bool:
    return any(f.name == name and isinstance(f, Points) for f in model._meta.concrete_fields)


def _listed_by(account: Person) -> Q:
    return Q(listed_at__isnull=False, listed_by_area=account.area_code)


def _today() -> tuple[datetime, datetime]:
    """Now, and the midnight at which today ends."""
    now = clock.now().astimezone(BEIJING)
    return now, datetime.combine(now.date() + timedelta(days=1), time(0), BEIJING)


_COLUMNS = (
    "kind_",
    "number",
    "number_order",
    "title",
    "state",
    "due_at",
    "listed_at",
    "mine_",
    "wants_",
    "area_code",
    "whose_",
    "place",
)


_URGENCY = (F("due_at").asc(nulls_last=True), "number_order")


def _urgent(lists: list[QuerySet], number: int) -> QuerySet:  # type: ignore[type-arg]
    """Of several lists at most `number` of each, the most urgent; one list whole."""
    found = [q.order_by(*_URGENCY).values_list(*_COLUMNS) for q in lists]
    return found[0] if len(found) == 1 else _together([q[:number] for q in found])


def _rows(found: Iterable[Any]) -> tuple[Row, ...]:
    now, tomorrow = _today()
    cases = list(found)
    places, called = areas.names(case[9] for case in cases), _titles(cases)
    return tuple(
        Row(kind, number, called.get((kind, number), title), state, due, listed is not None, mine,
            due is not None and due < now, due is not None and now <= due < tomorrow,
            wants, places.get(area, ""), whose or "", place)
        for kind, number, _order, title, state, due, listed, mine, wants, area, whose, place in cases
    )  # fmt: skip


def _titles(cases: Iterable[Any]) -> dict[tuple[str, str], str]:
    """What those are called in the language in force whose kind has words for that; one query for each such kind."""
    if (get_language() or "zh").startswith("zh"):
        return {}
    numbers: dict[str, list[str]] = {}
    for kind, number, *_rest in cases:
        if _known(kind).model.get_title is not CaseModel.get_title:
            numbers.setdefault(kind, []).append(number)
    return {
        (kind, case.number): case.get_title()
        for kind, some in numbers.items()
        for case in _known(kind).model._default_manager.filter(number__in=some)
    }


def _together(lists: list[QuerySet]) -> QuerySet:  # type: ignore[type-arg]
    return lists[0].union(*lists[1:], all=True) if len(lists) > 1 else lists[0]


def _known(kind: str) -> Lifecycle:
    found = lifecycle(kind)
    assert found is not None
    return found
