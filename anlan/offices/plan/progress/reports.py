"""Progress demanded of every duty-holder, and who has reported: set by set, whatever the city's size."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Substr
from django.utils.translation import gettext_noop

from anlan.engines.measures import Period
from anlan.kernel import areas, calendar, clock, deadlines, law, notices
from anlan.kernel.cases import engine
from anlan.kernel.cases.lifecycle import PRODUCT, Clock, limit_of
from anlan.kernel.figures.words import period_facts
from anlan.parties.models import Account, Authority

from ..models import Duty, Plan
from ..targets.standing import in_force_in
from .models import ProgressReport

ASKED = gettext_noop("%(n)s progress reports are asked for %(period)s, due %(due)s.")
ROLES = {1: "city", 2: "district", 3: "township", 4: "village"}
"""Who writes for a government, its safety office or its supervisor, by tier."""


def reviewer(area_code: str, industry_id: str | None) -> str:
    """The tier that looks first at what a duty-holder of that place writes: a district's office at its departments and
    townships, the city's at all others."""
    tier = areas.tier_of(area_code)
    return "district" if tier > 2 or (tier == 2 and industry_id) else "city"


def ends(period: Period) -> datetime:
    """The last second of a period."""
    return datetime.combine(period.end, time(0), clock.BEIJING) - timedelta(seconds=1)


def due_at(period: Period) -> datetime:
    """When the reports of a period are due."""
    rule = law.value("plan.progress_due", on=period.end - timedelta(days=1))
    found = deadlines.due(ends(period), limit_of(rule.value, rule.unit), calendar=calendar.installed())
    assert found is not None
    return found


def demand(kinds: Collection[str] | None = None) -> int:
    """Demands the reports of the running month and quarter that are not demanded yet; returns how many.

    One of each authority for each clause that it bears, as a whole or one target of it; of the kinds that the city has
    set, or of `kinds`.
    """
    today = clock.today()
    plan = in_force_in(today.year)
    if plan is None:
        return 0
    periods = {"": Period.of("month", today), "quarter": Period.of("quarter", today)}
    kinds = law.value("plan.progress_kinds", on=today).value if kinds is None else kinds
    asked = list(_asked(plan, periods, Authority.objects.at(today).filter(kind__in=kinds)))
    engine.open_cases("progress", PRODUCT, asked)
    _tell([fields for fields, _prepare in asked])
    return len(asked)


def _asked(plan: Plan, periods: dict[str, Period], bodies: Any) -> Iterable[tuple[dict[str, Any], Any]]:
    pairs = Duty.objects.filter(plan=plan, authority__in=bodies).values_list("clause_id", "authority_id").distinct()
    clauses, authorities = plan.clauses.in_bulk(), bodies.in_bulk()
    there = ProgressReport.objects.filter(period__in=[p.name for p in periods.values()])
    known = set(there.values_list("period", "code", "authority_id"))
    names = {period.name: period_facts(period) for period in periods.values()}
    started = {name: ends(period) for name, period in ((p.name, p) for p in periods.values())}

    def begun(at: datetime) -> Any:
        return lambda case: engine.start_clock(case, Clock(rule="plan.progress_due"), at, {})

    for clause_key, authority_key in sorted(pairs):
        clause, body = clauses[clause_key], authorities[authority_key]
        period = periods[clause.reported]
        if (period.name, clause.code, body.pk) in known:
            continue
        zh, en = clause.title, clause.title_en or clause.title
        yield (
            {
                "title": f"{clause.code} {zh}（{names[period.name]['period']}）"[:200],
                "title_en": f"{clause.code} {en} ({names[period.name]['period_en']})"[:250],
                "area_code": body.area_code, "owner_area_code": body.area_code, "authority": body,
                "industry_id": body.first_industry if body.kind == "department" else None,
                "period": period.name, "last_day": period.end - timedelta(days=1), "code": clause.code,
            },
            begun(started[period.name]),
        )  # fmt: skip


def _tell(asked: list[dict[str, Any]]) -> None:
    """Tells each duty-holder once how much is asked of it."""
    count: dict[tuple[str, str, str | None], int] = {}
    for fields in asked:
        key = (fields["period"], fields["area_code"], fields["industry_id"])
        count[key] = count.get(key, 0) + 1
    found = writers({(area, industry) for _period, area, industry in count})
    messages = []
    for (name, area, industry), n in count.items():
        period = Period.parse(name)
        params = {"n": n, **period_facts(period), "due": due_at(period).date().isoformat()}
        if people := found.get((area, industry)):
            messages.append(notices.Message(people, ASKED, params, f"/plan/progress/?period={name}"))
    notices.send_all(messages)


def writers(seats: Iterable[tuple[str, str | None]]) -> dict[tuple[str, str | None], list[Account]]:
    """By area and industry (None: no department's), the accounts that write there; one query."""
    seats = set(seats)
    places = {area for area, _industry in seats}
    found: dict[tuple[str, str | None], list[Account]] = {}
    roles = ("department", *ROLES.values())
    for account in Account.objects.filter(is_active=True, role__in=roles, area_code__in=places).order_by("pk"):
        for industry in (None,) if account.industries is None else account.industries:
            if (account.area_code, industry) in seats and (industry is None) == (account.role != "department"):
                found.setdefault((account.area_code, industry), []).append(account)
    return found


# --- Who has reported ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """How many reports somebody owes, and how far they are. `key` is a district's code or an authority's number."""

    key: Any
    name: str
    asked: int
    missing: int
    overdue: int
    late: int
    at_district: int
    at_city: int
    approved: int


def _counted() -> dict[str, Count]:
    return {
        "asked": Count("pk"),
        "missing": Count("pk", filter=Q(state="due")),
        "overdue": Count("pk", filter=Q(state="due", due_at__lt=clock.now())),
        "late": Count("pk", filter=Q(late=True)),
        "at_district": Count("pk", filter=Q(state="at_district")),
        "at_city": Count("pk", filter=Q(state="at_city")),
        "approved": Count("pk", filter=Q(state="approved")),
    }


def of_period(period: str) -> QuerySet[ProgressReport]:
    """The reports of a period in the scope in force."""
    return ProgressReport.objects.filter(period=period)


def by_district(rows: QuerySet[ProgressReport]) -> list[Line]:
    """Of each district and all below it; the city's own authorities left out. Two queries."""
    below = rows.exclude(area_code__endswith="0" * 10)
    found = list(below.order_by().values(at=Substr("area_code", 1, 6)).annotate(**_counted()).order_by("at"))
    names = areas.names(row["at"] + "0" * 6 for row in found)
    return [Line(code := row.pop("at") + "0" * 6, names[code], **row) for row in found]


def by_authority(rows: QuerySet[ProgressReport], most: int) -> tuple[list[Line], int]:
    """Of each authority, who owes most first, at most so many; and how many there are. Two queries."""
    found = list(
        rows.order_by()
        .values(at=F("authority"), name=F("authority__name"))
        .annotate(**_counted())
        .order_by("-overdue", "-missing", "name")
    )
    return [Line(row.pop("at"), row.pop("name"), **row) for row in found[:most]], len(found)


def total(rows: QuerySet[ProgressReport]) -> Line:
    """Of all of them."""
    return Line("", "", **rows.aggregate(**_counted()))
