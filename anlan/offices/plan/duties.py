"""Who bears what: assigned to many at once, seen by authority, holes shown, as of a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.models import Count, F, OuterRef, Q, Subquery

from anlan.kernel import clock
from anlan.kernel.scope import area_prefix
from anlan.parties.models import Authority, Division, Post

from .models import Clause, Duty, Plan, Target, parent_code


def of_kind(plan: Plan, kind: str, day: date) -> Any:
    """The authorities in force that day that a kind (`district/government`) stands for under this plan."""
    district, _, plain = kind.rpartition("/")
    own = Division.objects.values_list("tier", flat=True).get(pk=plan.area_code)
    tier = {"station": 3, "village": 4}.get(plain, 2 if district else own)
    prefix = area_prefix(plan.area_code)
    bodies = Authority.objects.at(day).filter(kind=plain, tier=tier, area_code__gte=prefix, area_code__lt=prefix + "~")
    return bodies if tier != own else bodies.filter(area_code=plan.area_code)


def assign(
    plan: Plan, authorities: Any, *, clauses: Iterable[int] = (), targets: Iterable[int] = (), first: bool = True
) -> int:
    """Gives clauses and single targets to all these authorities in one statement; returns how many are new."""
    sql, params = authorities.order_by().values("pk").query.sql_with_params()
    items = (
        "SELECT id AS clause_id, NULL::bigint AS target_id FROM plan_clause WHERE plan_id = %s AND id = ANY (%s) "
        "UNION ALL SELECT clause_id, id FROM plan_target WHERE plan_id = %s AND id = ANY (%s)"
    )
    values = [
        clock.now(),
        clock.now(),
        plan.area_code,
        plan.pk,
        first,
        plan.pk,
        list(clauses),
        plan.pk,
        list(targets),
        *params,
    ]
    return _insert(
        "SELECT %s, %s, 1, %s, %s, i.clause_id, i.target_id, a.id, NULL::bigint, %s "
        f"FROM ({items}) i CROSS JOIN ({sql}) a (id)",
        values,
    )


_BY_KINDS = """
SELECT %(now)s, %(now)s, 1, %(area)s, %(plan)s, i.clause_id, i.target_id, a.id, NULL::bigint, true
FROM (SELECT id AS clause_id, NULL::bigint AS target_id, duty_kinds, industries FROM plan_clause
      WHERE plan_id = %(plan)s
      UNION ALL
      SELECT t.clause_id, t.id, t.duty_kinds, c.industries FROM plan_target t JOIN plan_clause c ON c.id = t.clause_id
      WHERE t.plan_id = %(plan)s) i
CROSS JOIN unnest(i.duty_kinds) AS k (kind)
JOIN parties_authority a ON a.kind = regexp_replace(k.kind, '^.*/', '')
  AND a.tier = CASE WHEN k.kind LIKE '%%/%%' THEN 2 WHEN k.kind = 'station' THEN 3 WHEN k.kind = 'village' THEN 4
               ELSE %(tier)s END
  AND (k.kind LIKE '%%/%%' OR k.kind IN ('station', 'village') OR a.area_code = %(area)s)
  AND a.area_code >= %(prefix)s AND a.area_code < %(prefix)s || '~'
  AND (a.valid_from IS NULL OR a.valid_from <= %(day)s) AND (a.valid_to IS NULL OR a.valid_to > %(day)s)
  AND (a.kind <> 'department' OR i.industries IS NULL OR a.industries && i.industries)
"""


def assign_by_kinds(plan: Plan, day: date) -> int:
    """Gives each clause and target to the kinds of authority it names, departments by their industries."""
    tier = Division.objects.values_list("tier", flat=True).get(pk=plan.area_code)
    facts = {"now": clock.now(), "area": plan.area_code, "plan": plan.pk, "tier": tier, "day": day,
             "prefix": area_prefix(plan.area_code)}  # fmt: skip
    return _insert(_BY_KINDS, facts)


def _insert(select: str, values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO plan_duty (created_at, updated_at, version, area_code, plan_id, clause_id, target_id, "
            f"authority_id, post_id, first) {select} ON CONFLICT DO NOTHING",
            values,
        )
        return cursor.rowcount


@dataclass(frozen=True, slots=True)
class Holes:
    """What nobody bears. `authorities` is None where the reader's scope does not hold all the posts."""

    clauses: list[Clause]
    targets: list[Target]
    authorities: int | None


def sees_all(account: Any, plan: Plan) -> bool:
    """Whether the account's scope holds every post under the plan, so that an absent name is a hole."""
    scope = account.scope
    return bool(
        scope.industries is None and scope.enterprise is None and area_prefix(plan.area_code).startswith(scope.area)
    )


def holes(plan: Plan, day: date, account: Any) -> Holes:
    """Clauses and targets without duty-holder, and authorities with a duty and nobody named for it.

    A target without holders of its own is borne by its clause's. A clause that heads others is no hole:
    those are looked at one by one.
    """
    borne = set(plan.duties.filter(target=None).values_list("clause_id", flat=True).distinct())
    own = set(plan.duties.exclude(target=None).values_list("target_id", flat=True).distinct())
    clauses = list(plan.clauses.all())
    heads = {c.pk for c, after in pairwise(clauses) if parent_code(after.code, (c.code,)) == c.code}
    return Holes(
        [c for c in clauses if c.pk not in borne and c.pk not in heads],
        [t for t in plan.targets.select_related("clause") if t.pk not in own and t.clause_id not in borne],
        plan.duties.nobody(day).values("authority").distinct().count() if sees_all(account, plan) else None,
    )


def by_authority(plan: Plan) -> Any:
    """The authorities that bear a duty, with how many clauses and targets each bears."""
    borne = Duty.objects.filter(plan=plan, authority=OuterRef("pk")).order_by().values("authority")
    return Authority.objects.filter(pk__in=plan.duties.values("authority")).annotate(
        borne=Subquery(borne.annotate(n=Count("pk")).values("n"))
    )


def authorities_of(account: Any) -> list[int]:
    """The authorities whose duties are this account's: its own, or those at its place where it names none."""
    if account.authority_id:
        return [account.authority_id]
    if account.role in ("township", "village"):
        return list(Authority.objects.filter(area_code=account.area_code).values_list("pk", flat=True))
    return []


def mine(plan: Plan, account: Any) -> tuple[set[int], set[int]]:
    """Keys of the clauses, and of the single targets, that the account's authority or enterprise bears."""
    if account.role == "enterprise":
        industry = account.enterprise.industry_id if account.enterprise else None
        rows = plan.clauses.filter(duty_kinds__contains=["enterprise"])
        rows = (
            rows.filter(Q(industries=None) | Q(industries__contains=[industry]))
            if industry
            else rows.filter(industries=None)
        )
        return set(rows.values_list("pk", flat=True)), set()
    borne = plan.duties.filter(authority__in=authorities_of(account)).values_list("clause_id", "target_id")
    pairs = list(borne)
    return {c for c, t in pairs if t is None}, {t for _c, t in pairs if t is not None}


def people(duties: Any, day: date) -> list[Any]:
    """The duties with `head` and `named`: the posts held that day, or None. Two queries."""
    rows = list(duties.on(day).select_related("clause", "target", "authority"))
    wanted = {k for d in rows for k in (d.head_post, d.named_post) if k}
    posts = Post.objects.select_related("person").in_bulk(wanted)
    for duty in rows:
        duty.head, duty.named = posts.get(duty.head_post), posts.get(duty.named_post)
    return rows


def name_person(duties: Any, post: Post | None, first: bool) -> int:
    """Names the person of these duties by his post (of the same authority), and whether the head bears them first."""
    return int(duties.update(post=post, first=first, version=F("version") + 1, updated_at=clock.now()))
