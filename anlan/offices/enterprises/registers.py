"""Lists of the office of enterprises."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.codes import make_credit_code
from anlan.parties.models import Enterprise
from anlan.parties.registers import SUPERVISORS

from .models import Standardization


def sample(number: int) -> Standardization:
    """An enterprise that has begun."""
    enterprise = Enterprise.objects.create(
        name=f"样本厂{number}", area_code="500112000000", industry_id="coal",
        credit_code=make_credit_code("500112", 80_000_000 + number),
    )  # fmt: skip
    return Standardization(
        enterprise=enterprise, area_code="500112000000", industry_id="coal", aimed=3, started_on=clock.today()
    )


@register
class Standardizations(Register):
    name = "standardization"
    model = Standardization
    title = _("Standardization of enterprises")
    singular = _("Standardization")
    icon = "rosette"
    group = "enterprises"
    columns = ("enterprise", "area_code", "industry", "aimed", "started_on", "level", "attained_on", "valid_until")
    further = ("certificate", "score", "ended_on")
    filters = (
        "area_code", "industry", "level", "aimed", "started_on", "attained_on", "valid_until", "ended_on", "enterprise",
    )  # fmt: skip
    natural_key = ("enterprise",)
    sections = (
        (_("Standardization"), ("enterprise", "aimed", "started_on", "ended_on")),
        (_("Level attained"), ("level", "score", "attained_on", "valid_until", "certificate")),
        (_("Where it stands"), ("area_code", "industry")),
    )
    order = "-started_on"
    sample = staticmethod(sample)
    rights = Rights(see=EVERY_ROLE, add=SUPERVISORS, change=SUPERVISORS, export=OFFICIALS)
