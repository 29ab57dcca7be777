"""When a rule's false alarms recur, its change is proposed to whoever keeps the rules.

How many of how many in what time are settings of the city. What late readings showed to be none says nothing against a
rule, and what stood under a warning of the same rule was one cause.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, gettext_noop

from anlan.kernel import cases, clock, law, notices
from anlan.kernel.cases.lifecycle import PRODUCT

from .grouping import CORRECTED
from .models import EarlyWarning, Rule, RuleReview

PROPOSED = gettext_noop("%(number)s %(title)s: %(false)s of %(all)s warnings were false")


def propose(rule: str | None = None) -> list[RuleReview]:
    """Opens a review for each rule, or for this one, that was false too often since it was last looked at."""
    now = clock.now()
    days, number, share = (
        law.value(f"monitoring.false_alarms.{name}", on=now).value for name in ("days", "number", "share")
    )
    begins = now - timedelta(days=days)
    ended = EarlyWarning.objects.filter(closed_at__gte=begins).exclude(cause=CORRECTED)
    ended = ended.exclude(head__rule=F("rule"), head__isnull=False)
    if rule is not None:
        ended = ended.filter(rule=rule)
    reviewed = RuleReview.objects.filter(Q(closed_at__isnull=True) | Q(closed_at__gte=begins)).order_by("opened_at")
    last = {one.rule: one for one in reviewed}
    made = []
    false = Count("pk", filter=Q(state="false"))
    rules = list(ended.order_by("rule").values("rule").annotate(false=false).filter(false__gte=number))
    for name in (row["rule"] for row in rules):
        before, since = last.get(name), begins
        if before is not None:
            if before.closed_at is None:
                continue
            since = before.closed_at
        some = ended.filter(rule=name, closed_at__gt=since)
        counted = some.aggregate(all=Count("pk"), false=false)
        if counted["false"] < number or 100 * counted["false"] < share * counted["all"]:
            continue
        said = some.order_by("-closed_at").values_list("rule_title", "area_code").first() or ("", "")
        title = f"误报偏多，建议修改规则：{said[0] or name}"
        city = said[1][:2].ljust(12, "0")
        made.append(
            cases.open_case(
                "rule_review", PRODUCT, title=title[:200], rule=name, warnings=counted["all"], since=since,
                false_alarms=counted["false"], area_code=city, owner_area_code=city,
            )
        )  # fmt: skip
    return made


def unchanged(review: RuleReview) -> Promise | None:
    """Why nobody can say yet that the rule was changed: it is as it was when that was proposed."""
    rule = Rule.objects.select_related("current").filter(name=review.rule).first()
    now = rule and rule.current
    # What came with the product was there before, whatever its clock said when it was loaded.
    if now is None or ((now.origin == "city" or now.number > 1) and now.at > review.opened_at):
        return None
    return gettext_lazy("The rule has no new version yet: make one first, or say why it stays.")


def tell(review: RuleReview) -> None:
    """Notices to whoever keeps the rules."""
    facts = {"number": review.number, **review.titles(), "false": review.false_alarms, "all": review.warnings}
    to = notices.Holders(frozenset({"city"}), review.area_code)
    notices.send(to, PROPOSED, facts, url=review.get_absolute_url(), level="attention")
