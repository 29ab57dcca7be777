"""Lists of the office of the supervising bodies."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.policy import OFFICIALS, Rights
from anlan.kernel.registers import Register, register

from .models import Capacity

KEEPERS = frozenset({"city", "district", "township"})


@register
class Capacities(Register):
    name = "capacity"
    model = Capacity
    title = _("Capacity of supervising bodies")
    singular = _("Capacity of a supervising body")
    icon = "building-community"
    group = "regulators"
    columns = ("authority", "area_code", "established_on", "required", "staff", "certified", "equipped")
    further = ("document",)
    filters = ("area_code", "established_on", "equipped", "authority")
    natural_key = ("authority",)
    sections = (
        (_("Capacity of a supervising body"), ("authority", "area_code", "established_on", "document")),
        (_("Staff and equipment"), ("required", "staff", "certified", "equipped")),
    )
    order = "area_code"
    rights = Rights(see=OFFICIALS, add=KEEPERS, change=KEEPERS)
