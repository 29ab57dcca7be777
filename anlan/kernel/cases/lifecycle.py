"""How a kind of case may live: its states, moves, who may, what each demands, and its clocks.

A life cycle is declared once, in an office's `lifecycle.py`, and checked there and then: a move from or to
an unknown state, a state nobody can reach or leave, an unknown role, a demand given twice or a title that
cannot be translated is a `DeclarationError`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from django import forms
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from anlan.kernel import entered
from anlan.kernel.deadlines import UNITS, Limit
from anlan.kernel.policy import EVERY_ROLE
from anlan.kernel.registers.declaration import register_of

if TYPE_CHECKING:
    from .models import Case

Relation = Literal["anybody", "owner", "handler", "higher", "seat", "addressee"]
"""What somebody must be to a case besides having the role: in charge of it, in charge or co-handler, of a tier above
the authority in charge, of that authority itself, or the one to whom the case is addressed."""


class DeclarationError(Exception):
    """A life cycle that contradicts itself."""


class Person(Protocol):
    """What a case needs to know of an account."""

    pk: Any
    name: Any
    role: Any
    area_code: Any
    enterprise_id: Any


PRODUCT: Any = SimpleNamespace(
    pk=None, name="安澜 Anlan", role="duty", area_code="500000000000", enterprise_id=None
)  # fmt: skip
"""The product itself: it opens what times and readings show. Its name is the same in both languages."""


@dataclass(frozen=True, slots=True)
class State:
    """A state of a case; in an `end` state it is closed.

    `turn` names the roles that a case in this state waits for; left out, all that may move it on. An official is
    waited for only at the authority in charge (see `queue`): that a higher tier could act too makes it nobody's work.
    While it is `addressed` it waits for its addressee instead (`Lifecycle.addressee`), wherever he sits.
    """

    name: str
    title: Promise
    end: bool = False
    turn: Collection[str] = ()
    addressed: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """The time limit that a move starts: exactly one of a law rule's id, a limit, or a field with the last day.

    `rises` is the id of a rule that says, in minutes after the limit, to which tier an overdue case rises; left out, it
    rises by days (`cases.escalation`). Both ids may name facts of the case: monitoring.acknowledge.{case.level}.
    """

    rule: str | None = None
    limit: Limit | None = None
    field: str | None = None
    rises: str = ""

    def __post_init__(self) -> None:
        if sum(x is not None for x in (self.rule, self.limit, self.field)) != 1:
            raise DeclarationError("a clock rests on exactly one of rule, limit and field")


STOP: Literal["stop"] = "stop"
"""As a move's clock: from here no time limit runs. None lets the running one run on."""


@dataclass(frozen=True, slots=True)
class Field:
    """A fact that a move demands. Kept in the entry, and in the case where the model has a field of that name.

    `form` makes the form field; left out, the model's own field makes it, in a box of so many `rows` where they are
    said. `narrow(case, field)` fits the field to the case at hand: which choices there are, what its hint says.
    `asked_of` are the roles whose page asks for it, all where it is None; whether it may be said by others is for the
    move to refuse.
    """

    name: str
    form: Callable[[], forms.Field] | None = None
    required: bool = True
    narrow: Callable[[Any, forms.Field], None] | None = None
    asked_of: frozenset[str] | None = None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Files that a move demands: at least so many, of these media types (all allowed ones if None)."""

    name: str
    title: Promise
    at_least: int = 1
    types: Collection[str] | None = None


Demand = Field | Evidence


@dataclass(frozen=True, slots=True)
class Move:
    """One way a case moves on. `to=None` leaves the state as it is.

    `ready(case)` gives, before anything is filled in, why the move cannot be made now, or None;
    `gate(case, facts)` the same once the facts are there, or all that is wrong with them by field;
    `effect(case, facts, by)` changes the case beyond its demanded fields, before it is saved.
    `barred(case, by)` gives why this person may not make it, whatever his role, or None: a leader alone signs.
    `forbid_same_person_as` names moves: who did one of them last since the case was opened or reopened may not do
    this one.
    `words` is how the history tells it: a template with `%(actor)s`, `%(state)s` and the demanded facts.
    """

    name: str
    title: Promise
    from_: tuple[str, ...]
    to: str | None
    who: Collection[str]
    demands: tuple[Demand, ...] = ()
    clock: Clock | Literal["stop"] | None = None
    relation: Relation = "anybody"
    forbid_same_person_as: tuple[str, ...] = ()
    barred: Callable[[Any, Any], Any] | None = None
    ready: Callable[[Any], Any] | None = None
    gate: Callable[[Any, Mapping[str, Any]], Any] | None = None
    effect: Callable[[Any, Mapping[str, Any], Any], None] | None = None
    words: Promise | None = None
    tells: str = ""
    readers: Collection[str] = ()
    """The roles that read of it in the history; left out, everybody who sees the case."""
    in_person: bool = False
    """Made by a person at his screen alone: no program makes it for him with a key."""
    tone: Literal["primary", "neutral", "critical"] = "neutral"

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(d for d in self.demands if isinstance(d, Field))

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return tuple(d for d in self.demands if isinstance(d, Evidence))


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision that was asked for, whatever the state: `when(account)` is the condition under which an open case
    waits for it, and for that person. `title` stands in work lists. With `seat` it waits only for those at the
    authority in charge; otherwise for every one of these roles whose scope holds the case."""

    name: str
    title: Promise
    who: Collection[str]
    when: Callable[[Person], Q]
    seat: bool = True
    moves: tuple[str, ...] = ()
    """The moves that decide it, the consenting one first: the case's page shows them first while they can be made."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """To whom each case of a kind is addressed: `who(account)` is the condition under which it is this person, `role`
    the column that holds the addressee's role."""

    who: Callable[[Person], Q]
    role: str


@dataclass(frozen=True, slots=True)
class Universal:
    """Who may make the moves that every case knows; an empty set leaves a move out."""

    ask_extension: Collection[str] = ()
    decide_extension: Collection[str] = ()
    pause: Collection[str] = ()
    withdraw: Collection[str] = ()
    reopen: Collection[str] = ()
    list_: Collection[str] = ("city", "district")
    assign: Collection[str] = ()


@dataclass
class Lifecycle:
    """The declared life of one kind of case.

    `number` is the form of a case's number, with `{mark}` (the authority in charge, from `mark`),
    `{year}` and `{n}`: 渝安隐〔{year}〕{n}号. Each distinct mark counts by itself, from 1 every year.
    `owner_area(area_code)` names the division whose authority is in charge; by default the district.
    `opening` is what somebody who opens a case says (REST serves it as `POST /api/v1/cases/{kind}`);
    `complete(facts, by)` turns it into the model's fields, or raises a `FieldError`. `papers(case)` names the
    papers that the case has by now, with their addresses.
    """

    kind: str
    model: type[Case]
    title: Promise
    singular: Promise
    states: tuple[State, ...]
    moves: tuple[Move, ...]
    start: str
    open_by: Collection[str]
    number: str
    mark: Callable[[str], str] = lambda area: area
    owner_area: Callable[[str], str] = lambda area: (area[:6] + "000000") if len(area) >= 6 else area
    start_clock: Clock | None = None
    opened_words: Promise | None = None
    notes: Mapping[str, Promise] = field(default_factory=dict)
    """What stands in a history besides moves, as the move of another case left it there: by name, its words."""
    opening: tuple[Demand, ...] = ()
    complete: Callable[[dict[str, Any], Any], dict[str, Any]] | None = None
    universal: Universal = field(default_factory=Universal)
    sections: tuple[tuple[Promise, tuple[str, ...]], ...] = ()
    undecided: Callable[[Any], Collection[str]] | None = None
    """The fields of a case on which nobody has decided yet: what they hold is a default, and no page claims it."""
    papers: Callable[[Any], list[tuple[Promise, str]]] | None = None
    icon: str = "folder"
    decisions: tuple[Decision, ...] = ()
    page: str = ""
    """The name of the address where one is opened; with `?from=kind:number` out of another case (see `links`)."""
    becomes: tuple[str, ...] = ()
    """The kinds that may be opened out of one."""
    own_work: Q = field(default_factory=Q)
    """Which of its open cases are somebody's work by themselves: the others are left out of work lists."""
    addressee: Addressee | None = None
    """Where cases are addressed to somebody: he alone asks for more time, and the authority in charge alone decides."""
    inside: Collection[str] = ()
    """The moves (`open` among them) of which only those read who may open such cases at or above the authority in
    charge: how a paper was drafted is not for its addressee."""
    part: Callable[[Any, Person], tuple[str, dict[str, Any]]] | None = None
    """What the case's page shows a person besides: the template and what it is filled with, for a case. It is
    shown twice, above the facts with `where` "lead" and below them with "rest"."""

    def __post_init__(self) -> None:
        from . import universal

        if self.universal.withdraw:
            self.states = (*self.states, State("withdrawn", _("Withdrawn"), end=True))
        if self.universal.decide_extension:
            self.decisions = (*self.decisions, universal.extension(self))
        self._states = {state.name: state for state in self.states}
        if len(self._states) != len(self.states):
            raise DeclarationError(f"{self.kind}: a state is declared twice")
        self.moves = (*self.moves, *universal.moves(self))
        self._moves = {move.name: move for move in self.moves}
        if len(self._moves) != len(self.moves):
            raise DeclarationError(f"{self.kind}: a move is declared twice")
        self._check()

    def state(self, name: str) -> State:
        return self._states[name]

    def move(self, name: str) -> Move | None:
        return self._moves.get(name)

    @property
    def open_states(self) -> tuple[str, ...]:
        return tuple(state.name for state in self.states if not state.end)

    @property
    def end_states(self) -> tuple[str, ...]:
        return tuple(state.name for state in self.states if state.end)

    def moves_from(self, state: str) -> tuple[Move, ...]:
        return tuple(move for move in self.moves if state in move.from_)

    def turn(self, state: str) -> frozenset[str]:
        """The roles that a case in `state` waits for."""
        if self._states[state].turn:
            return frozenset(self._states[state].turn)
        return frozenset(r for m in self.moves_from(state) if m.to not in (None, "withdrawn") for r in m.who)

    def waits_for(self, role: str) -> tuple[str, ...]:
        """The open states in which a case waits for `role`."""
        return tuple(name for name in self.open_states if role in self.turn(name))

    def choices(self) -> list[tuple[str, Promise]]:
        """The states to choose from, as a list's filter offers them."""
        return [(state.name, state.title) for state in self.states]

    def moved_on_by(self, role: str) -> tuple[str, ...]:
        """The open states out of which `role` may move a case, whoever's turn it is."""
        leave = {s for m in self.moves if m.to not in (None, "withdrawn") and role in m.who for s in m.from_}
        return tuple(name for name in self.open_states if name in leave)

    def _check(self) -> None:
        def wrong(what: str) -> DeclarationError:
            return DeclarationError(f"{self.kind}: {what}")

        if self.start not in self._states:
            raise wrong(f"starts in unknown state {self.start}")
        _roles(self.kind, "open", self.open_by)
        if not ("{n}" in self.number and "{year}" in self.number):
            raise wrong("its number names neither year nor place in the series")
        self._check_demands("opening", self.opening, wrong)
        titles: list[tuple[str, object]] = [("title", self.title), ("singular", self.singular)]
        titles += [(f"state {s.name}", s.title) for s in self.states]
        for state in self.states:
            if state.turn:
                _roles(self.kind, f"the turn in {state.name}", state.turn)
            if state.addressed and self.addressee is None:
                raise wrong(f"{state.name} waits for an addressee, and nothing says who that is")
        for move in self.moves:
            titles.append((f"move {move.name}", move.title))
            titles += [(f"evidence {e.name}", e.title) for e in move.evidence]
            if move.words is not None:
                titles.append((f"words of {move.name}", move.words))
            _roles(self.kind, move.name, move.who)
            if move.readers:
                _roles(self.kind, f"the readers of {move.name}", move.readers)
            if move.relation == "addressee" and self.addressee is None:
                raise wrong(f"{move.name} is for an addressee, and nothing says who that is")
            if not move.from_:
                raise wrong(f"{move.name} begins nowhere")
            for name in (*move.from_, *((move.to,) if move.to else ())):
                if name not in self._states:
                    raise wrong(f"{move.name} names unknown state {name}")
            if set(move.forbid_same_person_as) - set(self._moves):
                raise wrong(f"{move.name} forbids who made a move that does not exist")
            self._check_demands(move.name, move.demands, wrong)
            day = move.clock.field if isinstance(move.clock, Clock) else None
            if day and day not in self._columns | {f.name for f in move.fields}:
                raise wrong(f"{move.name} starts a clock from unknown field {day}")
        titles += [(f"words of {name}", words) for name, words in self.notes.items()]
        if set(self.notes) & set(self._moves):
            raise wrong("a note bears the name of a move")
        for decision in self.decisions:
            if set(decision.moves) - set(self._moves):
                raise wrong(f"decision {decision.name} names a move that does not exist")
            titles.append((f"decision {decision.name}", decision.title))
            _roles(self.kind, f"the decision {decision.name}", decision.who)
        for name, title in titles:
            if not isinstance(title, Promise):
                raise wrong(f"{name} cannot be translated: {title!r} is not lazy text")
        reached, grows = {self.start}, True
        while grows:
            more = {m.to for m in self.moves if m.to and reached & set(m.from_)} - reached
            reached |= more
            grows = bool(more)
        if lost := [name for name in self._states if name not in reached]:
            raise wrong(f"no move reaches {', '.join(lost)}")
        for name in self.open_states:
            if not any(m.to not in (None, name) for m in self.moves_from(name)):
                raise wrong(f"no move leaves {name}, which is no end")

    @property
    def by_minutes(self) -> bool:
        """Whether any of its time limits rises by the minute."""
        clocks = (self.start_clock, *(move.clock for move in self.moves))
        return any(isinstance(one, Clock) and one.rises for one in clocks)

    @property
    def _columns(self) -> set[str]:
        return {f.name for f in self.model._meta.get_fields()}

    def _check_demands(self, what: str, demands: tuple[Demand, ...], wrong: Callable[[str], DeclarationError]) -> None:
        names = [d.name for d in demands]
        if len(set(names)) != len(names):
            raise wrong(f"{what} demands something twice")
        for demand in demands:
            if isinstance(demand, Field) and demand.form is None and demand.name not in self._columns:
                raise wrong(f"{what} demands {demand.name}, which has neither form nor column")


def _roles(kind: str, what: str, roles: Iterable[str]) -> None:
    roles = frozenset(roles)
    if not roles or roles - EVERY_ROLE:
        raise DeclarationError(
            f"{kind}: {what} is for no role, or an unknown one: {', '.join(sorted(roles - EVERY_ROLE))}"
        )


_declared: dict[str, Lifecycle] = {}


def declare(lifecycle: Lifecycle) -> Lifecycle:
    """Makes a life cycle known; the kind and the model are taken once."""
    known = _declared.get(lifecycle.kind)
    if known is not None and known.model is not lifecycle.model:
        raise DeclarationError(f"{lifecycle.kind} is declared twice")
    _declared[lifecycle.kind] = lifecycle
    return lifecycle


def lifecycles() -> tuple[Lifecycle, ...]:
    """Every declared life cycle, by kind."""
    return tuple(_declared[kind] for kind in sorted(_declared))


def seen_by(account: Person) -> tuple[Lifecycle, ...]:
    """The life cycles whose cases the account's role may see at all."""
    return tuple(one for one in lifecycles() if may_see(account, one))


def may_see(account: Person, declared: Lifecycle) -> bool:
    """Whether the account's role may see cases of that kind: as their register says, wherever they are shown."""
    register = register_of(declared.model)
    return register is None or account.role in register.rights.roles("see")


def lifecycle(kind: str) -> Lifecycle | None:
    return _declared.get(kind)


def lifecycle_of(model: type[Case]) -> Lifecycle:
    """The life cycle of a model; `LookupError` if none is declared."""
    for declared in _declared.values():
        if issubclass(model, declared.model):
            return declared
    raise LookupError(f"{model.__name__} has no life cycle")


def form_field(lifecycle: Lifecycle, demand: Field, case: Any = None) -> forms.Field:
    """The form field that reads and checks what `demand` asks for, fitted to `case` where there is one."""
    made = demand.form() if demand.form else _own_field(lifecycle.model, demand)
    assert made is not None, f"{demand.name} has no form field"
    made.required = demand.required
    entered.guard(made)
    if demand.narrow is not None and case is not None:
        demand.narrow(case, made)
    return made


def _own_field(model: type[Case], demand: Field) -> forms.Field | None:
    own: Any = model._meta.get_field(demand.name)
    box = {"widget": forms.Textarea(attrs={"rows": demand.rows})} if demand.rows else {}
    made: forms.Field | None = own.formfield(**box)
    return made


def limit_of(value: object, unit: str) -> Limit:
    """A rule's value and unit as a limit; `ValueError` where the rule is no time limit."""
    if unit not in UNITS or isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value} {unit} is no time limit")
    return Limit(value, unit)  # type: ignore[arg-type]
