"""What somebody has to do: open cases of every kind in scope, in two queries however many kinds there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import BooleanField, Case, Count, F, Q, QuerySet, Value, When
from django.urls import reverse

from anlan.kernel import clock
from anlan.kernel.clock import BEIJING

from .lifecycle import Lifecycle, Person, lifecycle, lifecycles


@dataclass(frozen=True, slots=True)
class Row:
    """One open case of a work list. `mine`: it waits for the reader's role; else for somebody else."""

    kind: str
    number: str
    title: str
    state: str
    due_at: datetime | None
    listed: bool
    mine: bool
    overdue: bool
    due_today: bool

    @property
    def url(self) -> str:
        return reverse("cases:case", args=(self.kind, self.number))

    @property
    def kind_title(self) -> str:
        return str(_known(self.kind).singular)

    @property
    def state_title(self) -> str:
        return str(_known(self.kind).state(self.state).title)


@dataclass(frozen=True, slots=True)
class Worklist:
    """Counts over all of it, and its most urgent rows: mine before others', earliest deadline first."""

    overdue: int
    due_today: int
    mine: int
    others: int
    rows: tuple[Row, ...]


def worklist(account: Person, limit: int = 50) -> Worklist:
    """The work list of `account`, within the scope in force."""
    known = lifecycles()
    if not known:
        return Worklist(0, 0, 0, 0, ())
    now = clock.now().astimezone(BEIJING)
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(0), BEIJING)
    lists = [_open(k, account) for k in known]
    counts = [
        q.order_by().values("kind_").annotate(
            overdue_=Count("pk", filter=Q(due_at__lt=now)),
            today_=Count("pk", filter=Q(due_at__gte=now, due_at__lt=tomorrow)),
            mine_n=Count("pk", filter=Q(mine_=True)),
            all_=Count("pk"),
        ).values_list("overdue_", "today_", "mine_n", "all_")
        for q in lists
    ]  # fmt: skip
    totals = [sum(column) for column in zip(*_together(counts), strict=True)] or [0, 0, 0, 0]
    columns = ("kind_", "number", "title", "state", "due_at", "listed_at", "mine_")
    found = _together([q.values_list(*columns) for q in lists])
    if len(lists) > 1:
        found = found.order_by("-mine_", F("due_at").asc(nulls_last=True), "number")
    else:
        found = lists[0].order_by("-mine_", F("due_at").asc(nulls_last=True), "number").values_list(*columns)
    rows = tuple(
        Row(kind, number, title, state, due, listed is not None, mine,
            due is not None and due < now, due is not None and now <= due < tomorrow)
        for kind, number, title, state, due, listed, mine in found[:limit]
    )  # fmt: skip
    return Worklist(totals[0], totals[1], totals[2], totals[3] - totals[2], rows)


AT_ITS_SEAT = frozenset({"city", "department", "district", "inspector", "duty"})
"""Roles that work for one authority: a case waits for them where that authority is in charge of it."""


def _open(declared: Lifecycle, account: Person) -> QuerySet:  # type: ignore[type-arg]
    turn = Q(state__in=declared.waits_for(account.role))
    if account.role in AT_ITS_SEAT:
        turn &= Q(owner_area_code=account.area_code)
    mine = Case(
        When(turn, then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )
    model = declared.model
    return model._default_manager.filter(closed_at__isnull=True).annotate(kind_=Value(declared.kind), mine_=mine)


def _together(lists: list[QuerySet]) -> QuerySet:  # type: ignore[type-arg]
    return lists[0].union(*lists[1:], all=True) if len(lists) > 1 else lists[0]


def _known(kind: str) -> Lifecycle:
    found = lifecycle(kind)
    assert found is not None
    return found
