"""The plan office's pages that are no registers, for the menu, and what it shows on the home page."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.pages import Tile, page, tile
from anlan.kernel.policy import OFFICIALS

from .risk.assessment import READERS

page("plan:clauses", _("Clause table"), icon="list-tree", group="plan")
page("plan:targets", _("Targets of the year"), icon="target-arrow", group="plan", roles=OFFICIALS)
page("plan:appraisal", _("Appraisal"), icon="medal-2", group="plan", roles={"city", "department", "district", "duty"})
page("plan:progress", _("Progress of the clauses"), icon="file-report", group="plan", roles=OFFICIALS)
page("plan:risk", _("Safety-risk assessment"), icon="alert-triangle", group="plan", roles=READERS)
page("plan:bulletins", _("Bulletins"), icon="news", group="papers", roles={"city", "district", "duty"})
page("plan:plans", _("Plans of the year"), icon="calendar-event", group="plan")


@tile
def to_adopt(account: Any) -> Tile | None:
    """How many plans wait for this person's approval."""
    from .adoption import may_adopt
    from .models import Plan

    if account.role != "city":
        return None
    waiting = sum(may_adopt(plan, account) for plan in Plan.objects.filter(state="proposed"))
    return Tile(_("Plans to approve"), waiting, reverse("plan:plans")) if waiting else None


@tile
def my_clauses(account: Any) -> Tile | None:
    """How many clauses and single targets of the plan in force are the account's own."""
    from .duties import mine
    from .states import in_force

    plan = in_force(clock.today())
    if plan is None:
        return None
    clauses, targets = mine(plan, account)
    clauses |= set(plan.targets.filter(pk__in=targets).values_list("clause", flat=True))
    return Tile(_("My clauses"), len(clauses), reverse("plan:clauses") + "?mine=1")


@tile
def bulletins_due(account: Any) -> Tile | None:
    """How many bulletins of periods that are over nobody of the account's authority has begun."""
    from anlan.engines.measures import Period
    from anlan.parties.papers.lifecycle import ISSUERS

    from .bulletins.facts import PERIODS
    from .bulletins.models import OVER, Publication

    if account.role not in ISSUERS:
        return None
    last = {series: Period.of(kind, clock.today()).previous() for series, kind in PERIODS.items()}  # type: ignore[arg-type]
    names = {(series, period.name) for series, period in last.items() if period}
    begun = Publication.objects.filter(area_code=account.area_code, period__in=[name for _s, name in names]).exclude(
        state__in=OVER
    )
    missing = names - set(begun.values_list("series", "period"))
    return Tile(_("Bulletins to begin"), len(missing), reverse("plan:bulletins")) if missing else None


@tile
def slipped(account: Any) -> Tile | None:
    """How many targets, parts and clauses in the account's scope somebody was warned of and that still stand so."""
    from .watch.models import Slip

    if account.role not in OFFICIALS:
        return None
    standing = Slip.objects.filter(state="open").count()
    return Tile(_("Targets and proofs that slipped"), standing, "/r/target-warnings/?state=open") if standing else None
