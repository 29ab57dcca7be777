"""Lists of the enforcement office."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock, law
from anlan.kernel.policy import OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.models import Enterprise

from .models import InspectNext, latest
from .wording import records


def sample(number: int) -> InspectNext:
    """A newly registered factory that nobody has visited."""
    enterprise = Enterprise.objects.create(name=f"样本厂{number}", area_code="500112000000", industry_id="coal")
    return InspectNext(
        enterprise=enterprise, area_code="500112000000", industry_id="coal", place=number, lot=number, level="usual",
        chance=0.08, factors=["since"], amounts=[-1],
    )  # fmt: skip


def head(account: Any) -> tuple[str, dict[str, Any]]:
    """Above the list: by what it is in order, and how many of the inspections are to be drawn by lot."""
    share = law.value("enforcement.random_share", on=clock.today()).value
    return "enforcement/_head.html", {"ranking": latest(), "share": share}


def why(row: InspectNext, account: Any) -> tuple[str, dict[str, Any]]:
    """Below the record: each reason with the records on which it rests."""
    return "enforcement/_why.html", {"reasons": records(row, account)}


@register
class ToInspectNext(Register):
    name = "inspect-next"
    model = InspectNext
    title = _("To be inspected next")
    singular = _("Enterprise to inspect next")
    icon = "clipboard-list"
    group = "enforcement"
    large = True
    columns = ("enterprise", "chance", "level", "why", "waits", "industry", "area_code", "place")
    further = ("visited_on", "lot")
    filters = ("area_code", "industry", "level", "visited_on", "enterprise")
    sections = (
        (_("Enterprise to inspect next"), ("enterprise", "area_code", "industry")),
        (_("Order"), ("place", "lot", "chance", "level", "visited_on", "waits")),
    )
    order = "place"
    empty = _("The list is made every night from the inspections on record.")
    head = staticmethod(head)
    part = staticmethod(why)
    sample = staticmethod(sample)
    rights = Rights(see=OFFICIALS)
