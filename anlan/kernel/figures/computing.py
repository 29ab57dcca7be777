"""Computing measures: on the application's connection for a person, on a snapshot for the whole city."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection, transaction

from anlan.engines.measures import AnyMeasure, Period, parts

from .. import areas, clock, policies
from ..models import Installation
from ..scope import EVERYWHERE, Actor, By, Scope, acting, acting_now, area_prefix
from .declaring import REGISTRY

if TYPE_CHECKING:
    from anlan.engines.measures.backends import Backend, DuckDB, Postgres, Spark
    from anlan.engines.measures.figures import Figures

logger = logging.getLogger(__name__)
DIGITS = {1: 2, 2: 6, 3: 9, 4: 12}
"""How many digits of the division code tell areas of a tier apart."""


class UnknownMeasure(ValueError):
    """No measure has that name; the text lists those there are."""


def named(names: Iterable[str] = (), on: date | None = None) -> tuple[AnyMeasure, ...]:
    """The measures of these names, or all, in the version for periods that begin on that day."""
    asked = tuple(dict.fromkeys(names))
    if not asked:
        return REGISTRY.all(on)
    try:
        return tuple(REGISTRY.named(name, on) for name in asked)
    except KeyError as error:
        known = ", ".join(sorted(one.name for one in REGISTRY.all()))
        raise UnknownMeasure(f"no measure is called {error.args[0]}; there are {known}") from None


def compute(
    names: Iterable[str],
    period: Period,
    *,
    by: Sequence[str] = (),
    tier: int = 2,
    within: str = "",
    compare: bool = True,
    backend: Backend | None = None,
    as_of: datetime | None = None,
    divisions: date | None = None,
) -> Figures:
    """The figures of these measures (all, for none) in `period`, counting only what the scope in force holds.

    `by` are dimensions: "area" (told apart down to `tier`: 1 city, 2 district, 3 township, 4 village), "industry",
    and the sources' own. `within` is a prefix of the division code. With `divisions` areas are those of that day: a
    record stands where its place belonged to then. Raises `UnknownMeasure`.
    """
    from anlan.engines.measures.figures import compute as computed

    measures = named(names, period.first)
    whole = _whole_area() if any(part.source.stated for one in measures for part in parts(one)) else ""
    moved = areas.moved(divisions) if divisions is not None and ("area" in by or within) else {}
    if moved:
        # Where a record stands by other divisions is known of what is told apart, and narrowed afterwards.
        every = computed(
            measures, period, as_of=as_of or clock.now(), backend=backend or postgres(),
            by=tuple(dict.fromkeys(["area", *by])), digits=max(DIGITS[tier], *map(len, moved)), compare=compare,
            whole=whole,
        )  # fmt: skip
        by_then = every.redrawn(moved, max(DIGITS[tier], len(within)))
        return by_then.narrowed(within, digits=DIGITS[tier]) if within else by_then
    return computed(
        measures, period, as_of=as_of or clock.now(), backend=backend or postgres(), by=by, digits=DIGITS[tier],
        within=within, compare=compare, whole=whole,
    )  # fmt: skip


def _whole_area() -> str:
    """The area of all records in scope: one's own, or the city of this installation."""
    now = acting_now()
    if now is not None and now[1].area:
        return now[1].area
    return area_prefix(Installation.here().city_code)


SLOW_S, KEPT_FOR, KEPT_AT_MOST_S = 0.5, 20, 300
"""Figures that took longer than this are kept for so many times as long as they took, and at most so long."""
SERVED_S = 120
"""For so long after that they still serve, while they are counted again beside the requests."""
WAITED_S = 20.0
"""Who asks first for what takes longer than this is asked to come again: he holds a connection while he waits."""
MOST_WAITING, SEAT_S = 4, 2.0
"""As many wait at once, the one who counts among them; for their turn among these others wait so long."""
WHOLE_TIER = 3
"""The whole is told apart down to the township: for what is smaller, counting it by itself is quick."""
_COUNTER = Actor("job", "figures")


class StillCounting(Exception):
    """Somebody else has asked for the same figures, and they are not counted yet."""


@dataclass
class _Kept:
    """The last figures of one question, until when they are fresh, and the lock of whoever computes them.

    `queued`: they are to be counted again as soon as their turn comes; `seats`: for those who wait.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    figures: Any = None
    until: float = 0.0
    queued: bool = False
    seats: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MOST_WAITING))


_kept: dict[Any, _Kept] = {}
_beside = ThreadPoolExecutor(1, thread_name_prefix="figures")
"""One at a time: what is counted again leaves the other processor to those who wait for a page."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Measures by name, in a period beside the two that it is compared with (if `compare`); or `through` several."""

    names: tuple[str, ...]
    period: Period
    through: tuple[Period, ...] = ()
    compare: bool = True


def lately(names: Iterable[str], period: Period, *, by: Sequence[str], tier: int) -> Figures:
    """As `compute`, for the scope in force; but counted for all of the city at once, and each gets his part of it.

    What takes long (a city's figures take seconds, and many look at them) is counted once in some minutes; `as_of` says
    of when it is. Only the first to ask waits; who asks later gets the last figures, and new ones are on their way.
    What is smaller than a district, or seen by another rule than area and industry, is counted by itself. Raises
    `StillCounting` where another is first and takes too long.
    """
    names, scope = tuple(names), _scope()
    if not _parted(scope, tier) or not _adds_up(names, by):
        return compute(names, period, by=by, tier=tier)
    whole = _whole((names, period, tuple(by)), lambda: compute(names, period, by=tuple(by), tier=WHOLE_TIER))
    return whole.narrowed(scope.area, scope.industries, DIGITS[tier])


BY = ("area", "industry")


def lately_together(asked: Mapping[Asked, Collection[str]], *, tier: int) -> dict[Asked, Figures]:
    """As `lately`, for several questions by area and industry, of which some measures are wanted: whatever of them is
    not kept is counted in one query for the whole city, and in one for what is counted by itself.
    """
    scope = _scope()
    parted = [q for q in asked if _parted(scope, tier) and _adds_up(q.names, BY)]
    found = dict(zip(parted, _kept_or_counted(parted), strict=True))
    alone = {q: replace(q, names=tuple(asked[q])) for q in asked if q not in found}
    counted = dict(zip(alone, compute_together(alone.values(), tier=tier), strict=True))
    return {q: figures.narrowed(scope.area, scope.industries, DIGITS[tier], named(asked[q], q.period.first))
            for q, figures in found.items()} | counted  # fmt: skip


def _kept_or_counted(asked: Sequence[Asked]) -> list[Figures]:
    """The city's figures of each question; those that are not kept in one query."""
    last = {q: _last(q, lambda q=q: compute_together([q], tier=WHOLE_TIER)[0]) for q in asked}  # type: ignore[misc]
    if missing := tuple(q for q in asked if last[q] is None):

        def count() -> list[Figures]:
            begun = time.monotonic()
            figures = compute_together(missing, tier=WHOLE_TIER)
            for q, one in zip(missing, figures, strict=True):
                _keep(q, one, time.monotonic() - begun)
            return figures

        last |= zip(missing, _whole(missing, count), strict=True)
    return [figures for figures in last.values() if figures is not None]


def compute_together(
    asked: Iterable[Asked], *, tier: int = 2, within: str = "", as_of: datetime | None = None
) -> list[Figures]:
    """As `compute`, for several questions by area and industry at once: whatever they ask of a source is counted in one
    reading of it.
    """
    from anlan.engines.measures.figures import Question
    from anlan.engines.measures.figures import compute_together as computed

    questions = [Question(named(q.names, q.period.first), q.period, q.compare, q.through) for q in asked]
    if not questions:
        return []
    whole = _whole_area() if any(p.source.stated for q in questions for m in q.measures for p in parts(m)) else ""
    return computed(
        questions, as_of=as_of or clock.now(), backend=postgres(), by=BY, digits=DIGITS[tier], within=within,
        whole=whole,
    )  # fmt: skip


def _scope() -> Scope:
    now = acting_now()
    if now is None:
        raise RuntimeError("figures are counted within a scope")
    return now[1]


def _parted(scope: Scope, tier: int) -> bool:
    """Whether a scope is a part of the city that is large enough to be cut out of its figures."""
    return scope.enterprise is None and len(scope.area) <= DIGITS[2] and tier <= WHOLE_TIER


def _adds_up(names: tuple[str, ...], by: Sequence[str]) -> bool:
    """Whether the records of a scope are those of its areas and industries, and the figures are told apart by both."""
    sources = {part.source for measure in named(names) for part in parts(measure)}
    rules = [policies.rule_of_table(source.table) for source in sources]
    return {"area", "industry"} <= set(by) and all(
        isinstance(rule, By)
        and not rule.account
        and not rule.published
        and {"area", "industry"} <= source.dimensions.keys()
        for rule, source in zip(rules, sources, strict=True)
    )


def _keep(question: Any, figures: Any, took: float) -> None:
    """Keeps what took long; what was quick is counted each time. What serves nobody any more goes."""
    for old, kept in list(_kept.items()):
        if kept.figures is not None and time.monotonic() >= kept.until + SERVED_S and not kept.lock.locked():
            _kept.pop(old, None)
    if took > SLOW_S:
        kept = _kept.setdefault(question, _Kept())
        kept.figures, kept.until = figures, time.monotonic() + min(KEPT_AT_MOST_S, KEPT_FOR * took)
    else:
        _kept.pop(question, None)


def _count(question: Any, count: Callable[[], Any]) -> Any:
    begun = time.monotonic()
    with acting(_COUNTER, EVERYWHERE, savepoint=False):
        figures = count()
    _keep(question, figures, time.monotonic() - begun)
    return figures


def _last(question: Any, count: Callable[[], Any]) -> Any:
    """The last figures while they serve, or None; where they are no longer fresh, new ones are on their way."""
    kept = _kept.get(question)
    if kept is None or kept.figures is None or time.monotonic() >= kept.until + SERVED_S:
        return None

    def count_beside() -> None:
        try:
            with kept.lock:
                if time.monotonic() >= kept.until:
                    _count(question, count)
        except Exception:
            logger.exception("figures could not be counted again; the last ones serve on")
        finally:
            kept.queued = False
            connection.close()

    last = kept.figures
    if time.monotonic() >= kept.until and not kept.queued:
        kept.queued = True
        _beside.submit(count_beside)
    return last


def _whole(question: Any, count: Callable[[], Any]) -> Any:
    """What `count` gives for the whole city: kept, or counted while others wait for it."""
    if (last := _last(question, count)) is not None:
        return last
    kept = _kept.setdefault(question, _Kept())
    # Each who waits holds a connection: they are not to take them all. Where counting is quick a seat is soon free.
    if not kept.seats.acquire(timeout=SEAT_S):
        raise StillCounting
    try:
        if not kept.lock.acquire(timeout=WAITED_S):
            raise StillCounting
        try:
            fresh = kept.figures if time.monotonic() < kept.until else None
            return fresh or _count(question, count)
        finally:
            kept.lock.release()
    finally:
        kept.seats.release()


def forget() -> None:
    """What `lately` has kept is counted anew by whoever asks next."""
    _kept.clear()


def postgres() -> Postgres:
    """The application's own connection, in the transaction and the scope that are in force."""
    from anlan.engines.measures.backends import Postgres

    def run(sql: str, arguments: list[Any]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return list(cursor.fetchall())

    return Postgres(run)


def snapshot_path() -> Path:
    """Where the snapshot of this installation lies."""
    return Path(settings.HOME) / "measures.duckdb"


def take_snapshot(path: Path | None = None) -> DuckDB:
    """Writes what the measures read, of the whole city and of one moment, into a DuckDB file."""
    from anlan.engines.measures import backends, expressions

    tables = {s.table: (s, expressions.columns_read(REGISTRY.of_source(s), s)) for s in REGISTRY.sources()}

    def csv_of(table: str) -> Iterator[bytes]:
        of, columns = tables[table]
        read = {c: f'"{c}"' for c in columns} | {c: sql.format(row=f'"{table}"') for c, sql in of.computed.items()}
        utc = {c: " AT TIME ZONE 'UTC'" if of.columns[c].startswith("timestamp") else "" for c in columns}
        listed = ", ".join(f"{read[c]}{utc[c]}" for c in columns)
        with connection.cursor() as cursor, cursor.copy(
            f'COPY (SELECT {listed} FROM "{table}") TO STDOUT (FORMAT csv)'
        ) as copy:  # fmt: skip
            yield from (bytes(block) for block in copy)

    alone = not connection.in_atomic_block
    with transaction.atomic():
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        with acting(Actor("job", "snapshot of measures"), EVERYWHERE):
            types = {table: {c: of.columns[c] for c in columns} for table, (of, columns) in tables.items()}
            return backends.take_snapshot(path or snapshot_path(), clock.now(), types, csv_of)


@contextmanager
def on_spark(snapshot: DuckDB, master: str | None = None) -> Iterator[Spark]:
    """A snapshot on the cluster of `master`, or on one of two workers that is started for it. Raises `NoSpark`."""
    from anlan.engines.clusters import cluster, session
    from anlan.engines.measures.backends import Spark

    # In the installation's own folder, which a cluster of several machines is to see; nobody else may enter it.
    with ExitStack() as running:
        folder = Path(running.enter_context(TemporaryDirectory(prefix="measures-", dir=snapshot.path.parent)))
        snapshot.to_parquet(folder)
        yield Spark(running.enter_context(session(master or running.enter_context(cluster()))), folder)


def warm(*then: Callable[[], object]) -> threading.Thread:
    """Loads Ibis beside whatever else goes on and does each of `then`, so that the first board of a process need not
    wait."""

    def load() -> None:
        import importlib

        for name in ("ibis.backends.sql.compilers", "anlan.engines.measures.figures", "pyarrow.compute"):
            importlib.import_module(name)
        try:
            for one in then:
                one()
        except Exception:
            logger.exception("figures could not be counted ahead; whoever asks first waits for them")
        finally:
            connection.close()

    thread = threading.Thread(target=load, name="warm-measures", daemon=True)
    thread.start()
    return thread
