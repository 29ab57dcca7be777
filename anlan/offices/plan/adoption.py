"""From draft to plan in force: proposed, sent back, adopted by a second person, amended, withdrawn."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from anlan.kernel import clock, notices
from anlan.kernel.events import tell
from anlan.parties.models import Account

from .drafting import Refused, may_draft
from .models import OPEN, Clause, Gap, Plan, Source, Target

WAITS = gettext_noop("The plan “%(plan)s” waits for the approval of a second person.")
SENT_BACK = gettext_noop("The plan “%(plan)s” was sent back: %(reason)s")


def missing(plan: Plan) -> list[str]:
    """What a draft lacks before it can be proposed, in words."""
    lacks = []
    if not plan.issuer or plan.issued_on is None:
        lacks.append(str(_("Who issued the notice, and when, is not filled in.")))
    if not plan.clauses.exists():
        lacks.append(str(_("There is no clause in it.")))
    unread = plan.gaps.filter(settled=False).count()
    if unread:
        lacks.append(str(_("%(n)d places of the source are not read and not settled.") % {"n": unread}))
    return lacks


def propose(plan: Plan, by: Account) -> None:
    """The drafter hands it over for approval; from now on nobody writes in it."""
    _city(plan, by)
    if plan.state != "draft":
        raise Refused("plan.state", _("Only a draft is proposed."))
    if lacks := missing(plan):
        raise Refused("plan.incomplete", " ".join(lacks))
    plan.state, plan.proposed_by, plan.proposed_at, plan.remark = "proposed", by, clock.now(), ""
    plan.save()
    others = [
        a for a in Account.objects.filter(role="city", area_code=plan.area_code, is_active=True)
        if a.pk not in {*plan.hands, by.pk}
    ]  # fmt: skip
    notices.send(others, WAITS, {"plan": str(plan)}, url=f"/plan/{plan.pk}/", level="attention")


def may_adopt(plan: Plan, by: Any) -> bool:
    """Whether this person may be the second one."""
    return (
        plan.state == "proposed" and may_draft(by, plan)
        and by.pk not in {*plan.hands, plan.drafted_by_id, plan.proposed_by_id}
    )  # fmt: skip


def adopt(plan: Plan, by: Account) -> None:
    """A second person, who wrote nothing in it, approves it. The database holds to that as well."""
    _city(plan, by)
    if plan.state != "proposed":
        raise Refused("plan.state", _("Only a plan that waits for approval is adopted."))
    if plan.drafted_by_id is None or not may_adopt(plan, by):
        raise Refused(
            "plan.own_draft",
            _("Nobody adopts his own draft: a second person must approve it, who wrote nothing in it."),
        )
    for earlier in Plan.objects.filter(year=plan.year, area_code=plan.area_code, state="adopted"):
        earlier.state = "superseded"
        earlier.save()
    plan.state, plan.published, plan.adopted_by, plan.adopted_at = "adopted", True, by, clock.now()
    plan.save()
    tell("plan.adopted", plan=plan, year=plan.year, edition=plan.edition)


def send_back(plan: Plan, by: Account, reason: str) -> None:
    """Back to the draft, for a reason."""
    _city(plan, by)
    if plan.state != "proposed":
        raise Refused("plan.state", _("Only a plan that waits for approval is sent back."))
    proposer = plan.proposed_by
    plan.state, plan.remark, plan.proposed_by, plan.proposed_at = "draft", _given(reason), None, None
    plan.save()
    if proposer is not None and proposer.pk != by.pk:
        notices.send(
            [proposer],
            SENT_BACK,
            {"plan": str(plan), "reason": plan.remark},
            url=f"/plan/{plan.pk}/",
            level="attention",
        )


def withdraw(plan: Plan, by: Account, reason: str) -> None:
    """The draft is given up, for a reason that is kept with it."""
    _city(plan, by)
    if plan.state not in OPEN:
        raise Refused("plan.state", _("Only a plan in the making is withdrawn; one in force is amended."))
    plan.state, plan.remark = "withdrawn", _given(reason)
    plan.save()


def amend(plan: Plan, by: Account, reason: str) -> Plan:
    """A further edition of a plan in force, as a draft with everything in it, for a reason that is kept."""
    _city(plan, by)
    if plan.state != "adopted":
        raise Refused("plan.state", _("Only a plan in force is amended."))
    year = Plan.objects.filter(year=plan.year, area_code=plan.area_code)
    last = year.order_by("-edition").values_list("edition", flat=True)[0]
    try:
        with transaction.atomic():
            made = Plan.objects.create(
                year=plan.year, area_code=plan.area_code, edition=last + 1, title=plan.title, title_en=plan.title_en,
                issuer=plan.issuer, issued_on=plan.issued_on, drafted_by=by, hands=[by.pk], amends=plan,
                reason=_given(reason),
            )  # fmt: skip
    except IntegrityError as error:
        raise Refused(
            "plan.in_the_making", _("A draft of that year is in the making already. Go on with it, or withdraw it.")
        ) from error
    for row in Source.objects.filter(plan=plan):
        Source.objects.create(plan=made, name=row.name, text=row.text, sha256=row.sha256)
    clauses = {c.pk: c for c in plan.clauses.all()}
    for clause in clauses.values():
        clause.pk, clause.plan, clause.version = None, made, 1
    Clause.objects.bulk_create(clauses.values())
    targets = list(plan.targets.all())
    for target in targets:
        target.pk, target.plan, target.clause, target.version = None, made, clauses[target.clause_id], 1
    Target.objects.bulk_create(targets)
    gaps = list(plan.gaps.all())
    for gap in gaps:
        gap.pk, gap.plan = None, made
    Gap.objects.bulk_create(gaps)
    with connection.cursor() as cursor:
        cursor.execute(_COPY_DUTIES, {"now": clock.now(), "old": plan.pk, "new": made.pk})
    return made


_COPY_DUTIES = """
INSERT INTO plan_duty (created_at, updated_at, version, area_code, plan_id, clause_id, target_id, authority_id,
  post_id, first)
SELECT %(now)s, %(now)s, 1, d.area_code, %(new)s, c2.id, t2.id, d.authority_id, d.post_id, d.first
FROM plan_duty d
JOIN plan_clause c ON c.id = d.clause_id
JOIN plan_clause c2 ON c2.plan_id = %(new)s AND c2.code = c.code
LEFT JOIN plan_target t ON t.id = d.target_id
LEFT JOIN plan_target t2 ON t2.plan_id = %(new)s AND t2.code = t.code
WHERE d.plan_id = %(old)s
"""


def _city(plan: Plan, by: Account) -> None:
    if not may_draft(by, plan):
        raise Refused("plan.role", _("Only the city's safety committee office does this."))


def _given(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise Refused("plan.reason", _("Say why."))
    if len(reason) > 300:
        raise Refused("plan.reason", _("The reason has at most 300 characters."))
    return reason
