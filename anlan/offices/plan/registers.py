"""Lists of the plan office."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.models import Authority

from .models import Clause, Duty, Plan, Portion, Target

HERE = "500112000000"


def sample_plan(number: int) -> Plan:
    """A draft of a year of its own."""
    return Plan(year=2000 + number, area_code=HERE, title=f"样本计划{number}")


def sample_clause(number: int) -> Clause:
    """A clause of a plan of its own."""
    plan = sample_plan(number)
    plan.save()
    return Clause(plan=plan, order=1, code=f"W{number}", title=f"样本条款{number}")


def sample_target(number: int) -> Target:
    """A target of a clause of its own."""
    clause = sample_clause(number)
    clause.save()
    return Target(
        plan=clause.plan, clause=clause, code="T1", subject=f"样本指标{number}", comparator=">=", value=number
    )


def sample_portion(number: int) -> Portion:
    """What falls to a district of a target of a year of its own."""
    return Portion(year=1949 + number % 250, code="T1", area_code=HERE, value=number, reason="样本理由")


def sample_duty(number: int) -> Duty:
    """A duty for a clause of its own."""
    clause = sample_clause(number)
    clause.save()
    body = Authority.objects.create(name=f"样本机关{number}", kind="supervisor", tier=2, area_code=HERE)
    return Duty(plan=clause.plan, clause=clause, authority=body)


@register
class Plans(Register):
    name = "plans"
    model = Plan
    title = _("Plans")
    singular = _("Plan")
    icon = "calendar-stats"
    group = "plan"
    columns = ("year", "title", "edition", "issuer", "issued_on", "state", "adopted_at")
    filters = ("year", "state")
    natural_key = ("year", "area_code", "edition")
    sections = (
        (_("Plan"), ("year", "area_code", "edition", "title", "title_en", "issuer", "issued_on")),
        (_("State"), ("state", "reason", "proposed_at", "adopted_at")),
    )
    order = "-year"
    rights = Rights(see=EVERY_ROLE)
    sample = staticmethod(sample_plan)


@register
class Clauses(Register):
    name = "plan-clauses"
    model = Clause
    title = _("Clauses of the plan")
    singular = _("Clause of the plan")
    icon = "list-tree"
    group = "plan"
    columns = ("code", "title", "title_en", "plan")
    filters = ("plan",)
    search = ("code", "title")
    natural_key = ("plan", "code")
    sections = ((_("Clause"), ("plan", "order", "code", "number", "title", "title_en", "gist")),)
    order = "order"
    rights = Rights(see=EVERY_ROLE)
    sample = staticmethod(sample_clause)


@register
class Targets(Register):
    name = "plan-targets"
    model = Target
    title = _("Targets of the plan")
    singular = _("Target of the plan")
    icon = "target"
    group = "plan"
    columns = ("code", "clause", "subject", "comparator", "value", "unit", "baseline", "baseline_value", "due")
    filters = ("clause", "comparator")
    search = ("subject",)
    natural_key = ("plan", "code")
    sections = (
        (_("Target"), ("plan", "clause", "code", "subject", "subject_en")),
        (_("Quantity"), ("comparator", "value", "unit", "baseline", "baseline_value", "due", "measure", "line")),
    )
    order = "id"
    rights = Rights(see=EVERY_ROLE)
    sample = staticmethod(sample_target)


@register
class Portions(Register):
    name = "target-parts"
    model = Portion
    title = _("Parts of targets")
    singular = _("Part of a target")
    icon = "chart-pie"
    group = "plan"
    columns = ("year", "code", "area_code", "industry", "value", "reason")
    filters = ("year", "code", "area_code", "industry")
    exact = ("code",)
    natural_key = ("year", "code", "area_code", "industry")
    sections = (
        (_("Part of a target"), ("year", "code", "area_code", "industry", "value")),
        (_("Reason"), ("reason",)),
    )
    order = "-year"
    sample = staticmethod(sample_portion)
    rights = Rights(see=OFFICIALS, add={"city"}, change={"city"}, remove={"city"})


@register
class Duties(Register):
    name = "plan-duties"
    model = Duty
    title = _("Duties under the plan")
    singular = _("Duty under the plan")
    icon = "user-check"
    group = "plan"
    columns = ("clause", "target", "authority", "post", "first")
    filters = ("plan", "clause", "authority", "first")
    natural_key = ("clause", "target", "authority")
    sections = ((_("Duty"), ("plan", "clause", "target", "authority", "post", "first")),)
    order = "id"
    rights = Rights(see=OFFICIALS)
    sample = staticmethod(sample_duty)
