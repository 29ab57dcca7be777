"""Every target and part looked at in one go: who slipped, who slipped further, who is clear again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from anlan.engines.forecast import Outlook
from anlan.engines.measures import parts
from anlan.kernel import clock, law
from anlan.kernel.cases.lifecycle import lifecycles
from anlan.kernel.figures.ahead import WHOLE
from anlan.kernel.figures.computing import named
from anlan.kernel.locks import alone
from anlan.kernel.models import Event
from anlan.kernel.scope import EVERYWHERE, area_prefix

from ..models import Plan, Target
from ..targets import standing
from ..targets.standing import Held, in_force_in, kept_number
from .models import RANK, Slip

WATCHER: Any = SimpleNamespace(role="city", is_authenticated=True, scope=EVERYWHERE)
"""For whom the figures are told: the city's office, over all there is."""
LEVELS = {"impossible": "impossible", "over": "over", "behind": "over"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A target (`area_code` the city's) or a part of it as it stands today; `level` is "" where all is well."""

    target: Target
    area_code: str
    industry_id: str | None
    held: Held
    outlook: Outlook | None

    @property
    def key(self) -> tuple[str, str, str | None]:
        return (self.target.code, self.area_code, self.industry_id)

    @property
    def chance(self) -> float | None:
        return None if self.outlook is None else self.outlook.chance

    def level(self, warned: bool, at: date) -> str | None:
        """How bad it is, None where it cannot be said. What was warned of once needs a better chance to be well."""
        if self.held.state.standing == "unknown":
            return None
        if found := LEVELS.get(self.held.state.standing):
            return found
        least = law.value("plan.clear_chance" if warned else "plan.warn_chance", on=at).value
        return "risk" if self.chance is not None and self.chance * 100 < float(least) else ""

    def numbers(self) -> dict[str, Any]:
        state = self.held.state
        return {
            **{name: kept_number(getattr(state, name)) for name in ("actual", "line", "number")},
            "median": self.outlook and self.outlook.median, "chance": self.chance,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody is told: `slip` began, or has ended all clear."""

    slip: Slip
    seen: Seen

    @property
    def clear(self) -> bool:
        return self.slip.state == "cleared"


def look() -> list[Turn]:
    """Looks at every target and part of the running year's plan; keeps what changed, tells of it; returns it.

    Looking again finds nothing new. The number of queries depends on the plan's targets, never on districts.
    """
    from .telling import tell

    today = clock.today()
    plan = in_force_in(today.year)
    if plan is None:
        return []
    with transaction.atomic():
        alone("plan.watch")  # two that look at the same time would tell everything twice
        turns = _kept(plan, list(seen(plan, today)), today)
        tell(plan, turns)
    return turns


def seen(plan: Plan, today: date) -> Iterator[Seen]:
    """The targets that something measures, with their parts."""
    for one in standing.told(plan, WATCHER, today):
        ahead = standing.ahead(one)
        if one.whole is not None:
            yield Seen(one.target, plan.area_code, None, one.whole, ahead.get(WHOLE))
        for code, held in one.areas.items():
            yield Seen(one.target, code, None, held, ahead.get(area_prefix(code)))
        for industry, held in one.industries.items():
            yield Seen(one.target, plan.area_code, industry, held, None)


def _kept(plan: Plan, found: list[Seen], today: date) -> list[Turn]:
    """Brings the rows up to today."""
    open_ = Slip.objects.filter(year=plan.year, state="open", authority=None)
    known = {(s.code, s.area_code, s.industry_id): s for s in open_}
    # What an amended plan does not ask any more, and what an earlier year asked, is no warning of today.
    asked = {one.key for one in found}
    gone = [slip.pk for key, slip in known.items() if key not in asked]
    over = Slip.objects.filter(Q(pk__in=gone) | Q(year__lt=plan.year), state="open", authority=None)
    over.update(state="gone", ended=today, version=F("version") + 1, updated_at=clock.now())
    days = int(law.value("plan.clear_days", on=today).value)
    turns, changed, new = [], [], []
    for one in found:
        before = known.get(one.key)
        level = one.level(before is not None, today)
        if level is None or (before is None and not level):
            continue
        if before is not None:
            before.day, before.version, before.updated_at = today, before.version + 1, clock.now()
            changed.append(before)
            rank = RANK.get(level, 0)
            if rank < before.rank:
                before.better_since = before.better_since or today
                if (today - before.better_since).days < days:
                    continue
                before.ended, before.state = today, "eased" if level else "cleared"
                if not level:
                    turns.append(Turn(before, one))
                    continue
            else:
                before.better_since = None
                if rank == before.rank:
                    for name, value in one.numbers().items():
                        setattr(before, name, value)
                    continue
                before.ended, before.state = today, "worse"
        began = Slip(
            year=plan.year, code=one.target.code, area_code=one.area_code, industry_id=one.industry_id, level=level,
            since=today, day=today, **one.numbers(),
        )  # fmt: skip
        new.append(began)
        if before is None or before.state == "worse":
            turns.append(Turn(began, one))
    columns = ("day", "better_since", "ended", "state", "actual", "line", "number", "median", "chance")
    Slip.objects.bulk_update(changed, [*columns, "version", "updated_at"], batch_size=500)
    Slip.objects.bulk_create(new, batch_size=1000)
    return turns


def news(plan: Plan, minutes: int) -> bool:
    """Whether a case of a kind that the plan's targets count was opened or moved in the last minutes."""
    names = {t for t in plan.targets.values_list("measure", flat=True) if t}
    known = [one for one in named(on=date(plan.year, 1, 1)) if one.name in names]
    tables = {part.source.table for one in known for part in parts(one)}
    kinds = [one.kind for one in lifecycles() if one.model._meta.db_table in tables]
    pattern = "|".join(kinds)
    since = clock.now() - timedelta(minutes=minutes)
    return bool(kinds) and Event.objects.filter(at__gte=since, name__regex=rf"^({pattern})\.").exists()
