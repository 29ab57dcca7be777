"""Lists of the office for the public's part in work safety."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.codes import make_credit_code
from anlan.parties.models import Enterprise

from .models import ModelEnterprise, SafeCommunity

KEEPERS = frozenset({"city", "district"})


def sample(number: int) -> ModelEnterprise:
    """A model enterprise of safety culture."""
    enterprise = Enterprise.objects.create(
        name=f"样本厂{number}", area_code="500112000000", industry_id="coal",
        credit_code=make_credit_code("500112", 60_000_000 + number),
    )  # fmt: skip
    return ModelEnterprise(
        enterprise=enterprise, area_code="500112000000", industry_id="coal", kind="culture", level="city",
        named_on=clock.today(), named_by="样本局",
    )  # fmt: skip


@register
class ModelEnterprises(Register):
    name = "model-enterprises"
    model = ModelEnterprise
    title = _("Model enterprises")
    singular = _("Model enterprise")
    icon = "award"
    group = "public"
    columns = ("enterprise", "kind", "level", "area_code", "industry", "named_on", "named_by", "withdrawn_on")
    further = ("document",)
    filters = ("kind", "level", "area_code", "industry", "named_on", "withdrawn_on", "enterprise")
    natural_key = ("enterprise", "kind", "level")
    sections = (
        (_("Model enterprise"), ("enterprise", "kind", "level")),
        (_("Named"), ("named_on", "named_by", "document", "withdrawn_on")),
        (_("Where it stands"), ("area_code", "industry")),
    )
    order = "-named_on"
    sample = staticmethod(sample)
    rights = Rights(see=EVERY_ROLE, add=KEEPERS, change=KEEPERS, export=OFFICIALS)


@register
class SafeCommunities(Register):
    name = "safe-communities"
    model = SafeCommunity
    title = _("Safe communities")
    singular = _("Safe community")
    icon = "home-heart"
    group = "public"
    columns = ("name", "level", "area_code", "named_on", "named_by", "withdrawn_on")
    further = ("document",)
    filters = ("level", "area_code", "named_on", "withdrawn_on")
    search = ("name",)
    natural_key = ("name", "level")
    sections = (
        (_("Safe community"), ("name", "level", "area_code")),
        (_("Named"), ("named_on", "named_by", "document", "withdrawn_on")),
    )
    order = "-named_on"
    rights = Rights(see=EVERY_ROLE, add=KEEPERS, change=KEEPERS, export=OFFICIALS)
