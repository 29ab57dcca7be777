"""Lists of the plan office."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register

from .models import Clause, Duty, Plan, Target


@register
class Plans(Register):
    name = "plans"
    model = Plan
    title = _("Plans")
    singular = _("Plan")
    icon = "calendar-stats"
    group = "plan"
    columns = ("year", "title", "issuer", "issued_on", "state", "adopted_at")
    filters = ("year", "state")
    natural_key = ("year", "area_code")
    sections = ((_("Plan"), ("year", "area_code", "title", "title_en", "issuer", "issued_on", "state", "adopted_at")),)
    order = "-year"
    rights = Rights(see=EVERY_ROLE)


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
    sections = ((_("Clause"), ("plan", "order", "code", "title", "title_en")),)
    order = "order"
    rights = Rights(see=EVERY_ROLE)


@register
class Targets(Register):
    name = "plan-targets"
    model = Target
    title = _("Targets of the plan")
    singular = _("Target of the plan")
    icon = "target"
    group = "plan"
    columns = ("code", "clause", "subject", "comparator", "value", "unit", "baseline", "baseline_value")
    filters = ("clause", "comparator")
    search = ("subject",)
    natural_key = ("plan", "code")
    sections = (
        (_("Target"), ("plan", "clause", "code", "subject", "subject_en")),
        (_("Quantity"), ("comparator", "value", "unit", "baseline", "baseline_value")),
    )
    order = "id"
    rights = Rights(see=EVERY_ROLE)


@register
class Duties(Register):
    name = "plan-duties"
    model = Duty
    title = _("Duties under the plan")
    singular = _("Duty under the plan")
    icon = "user-check"
    group = "plan"
    columns = ("clause", "authority", "person", "first")
    filters = ("clause", "authority", "first")
    natural_key = ("clause", "authority")
    sections = ((_("Duty"), ("clause", "authority", "person", "first")),)
    order = "clause"
    rights = Rights(see=OFFICIALS, add={"city"}, change={"city"}, remove={"city"})
