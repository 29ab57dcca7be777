"""Lists of the hidden-danger office."""

from datetime import date

from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.codes import make_credit_code
from anlan.parties.models import Account, Enterprise

from .lifecycle import LIFECYCLE
from .models import Danger, DangerType, JudgementClause, SelfCheckReturn
from .rules import COUNTS


def sample_danger(number: int) -> Danger:
    """A danger just found."""
    return Danger(
        number=f"样本隐〔2013〕{number}号",
        title=f"样本隐患{number}",
        state="found",
        source="inspection",
        description="配电箱无门",
        found_at=clock.now(),
        owner_area_code="500112000000",
    )


def sample_return(number: int) -> SelfCheckReturn:
    """The first edition of an enterprise's return of a quarter."""
    enterprise = Enterprise.objects.create(
        name=f"样本厂{number}", area_code="500112000000", industry_id="coal",
        credit_code=make_credit_code("500112", 90_000_000 + number),
    )  # fmt: skip
    account = Account.objects.create(
        username=f"return-{number}", name="样本", role="enterprise", area_code="500112000000", enterprise=enterprise
    )
    return SelfCheckReturn(
        enterprise=enterprise, industry_id="coal", period="2013Q1", general_found=number % 10, general_rectified=0,
        major_found=0, major_rectified=0, money_yuan=0, signed_by=f"样本人{number}", signed_how="paper",
        signed_at=clock.now(), due_on=date(2013, 4, 15), late=False, submitted_by=account,
    )  # fmt: skip


@register
class Dangers(Register):
    name = "dangers"
    model = Danger
    title = _("Hidden dangers")
    singular = _("Hidden danger")
    icon = "alert-triangle"
    group = "hazards"
    large = True
    columns = ("number", "title", "enterprise", "area_code", "industry", "grade", "state_title", "due_at")
    further = ("place", "owner_name", "opened_at", "closed_at", "listed_at")
    filters = ("state", "grade", "industry", "area_code", "enterprise", "source", "type", "found_at")
    choices = {"state": LIFECYCLE.choices}
    search = ("number",)
    natural_key = ("number",)
    labels = {"state_title": _("State")}
    sample = staticmethod(sample_danger)
    order = "-opened_at"
    rights = Rights(see=EVERY_ROLE, export=OFFICIALS)


@register
class DangerTypes(Register):
    name = "danger-types"
    model = DangerType
    title = _("Types of hidden dangers")
    singular = _("Type of hidden danger")
    icon = "tags"
    group = "hazards"
    columns = ("code", "name", "name_en", "industry", "clause")
    filters = ("industry", "clause")
    search = ("code", "name")
    natural_key = ("code",)
    sections = ((_("Type"), ("code", "name", "name_en", "industry", "clause")),)
    order = "code"
    rights = Rights(see=EVERY_ROLE, add={"city"}, change={"city"})


@register
class JudgementClauses(Register):
    name = "judgement-clauses"
    model = JudgementClause
    title = _("Judgement standards for major dangers")
    singular = _("Judgement clause")
    icon = "scale"
    group = "hazards"
    columns = ("code", "industry", "article", "text", "valid_from", "valid_to", "certainty")
    filters = ("industry", "valid_from")
    search = ("code",)
    natural_key = ("code",)
    sections = (
        (_("Clause"), ("code", "industry", "instrument", "article", "text", "text_en")),
        (_("In force"), ("valid_from", "valid_to", "certainty")),
    )
    order = "code"
    rights = Rights(see=EVERY_ROLE, add={"city"}, change={"city"})


@register
class Returns(Register):
    name = "returns"
    model = SelfCheckReturn
    title = _("Signed returns")
    singular = _("Self-check return")
    icon = "file-check"
    group = "hazards"
    columns = (
        "period", "enterprise", "area_code", "industry", "edition", *COUNTS, "signed_by", "signed_at", "late",
        "replaced_at",
    )  # fmt: skip
    filters = ("period", "area_code", "industry", "enterprise", "late", "signed_at")
    natural_key = ("enterprise", "period", "edition")
    sections = (
        (_("Return"), ("enterprise", "area_code", "industry", "period", "edition", "due_on", "late")),
        (_("Figures"), (*COUNTS, "analysis")),
        (_("Signature"), ("signed_by", "signed_how", "signed_at", "reason", "replaced_at", "submitted_by")),
    )  # fmt: skip
    order = "-id"
    sample = staticmethod(sample_return)
    rights = Rights(see=EVERY_ROLE, export=OFFICIALS)
