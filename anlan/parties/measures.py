"""What is counted of enterprises, and what is stated of areas: the numbers by which accidents are divided."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.figures import measure, source

from .models import BaseFigure, Enterprise
from .models.bases import OF_INDUSTRY

ENTERPRISES = source(Enterprise)
BASES = source(BaseFigure, stated=True)

measure(
    "parties.operating", ENTERPRISES, lambda t, p: t.status == "operating", present_only=True,
    title=_("Enterprises in operation"), definition=_("Production and business units whose status is: operating."),
    source_of_law=_("Register of enterprises; no legal definition is known"), unit=_("enterprises"),
)  # fmt: skip


def _stated(kind: str, **definition):  # type: ignore[no-untyped-def]
    """A base figure. It holds for just the months of which it is stated: no half of a year has a year's output."""
    return measure(
        f"parties.{kind}", BASES, lambda t, p: (t.begins == p.begin_day) & (t.ends == p.until_day) & (t.kind == kind),
        value="value", places=4, source_of_law=_("Statistics as published; the register names each source"),
        cuts=("area", "industry") if kind in OF_INDUSTRY else ("area",), **definition,
    )  # fmt: skip


output = _stated(
    "output", title=_("Gross regional product"), unit=_("100 million yuan"),
    definition=_("At prices of the year, as stated of just this period."),
)  # fmt: skip
employees = _stated(
    "employees", title=_("Employees in industry, mining and commerce"), unit=_("10,000 people"),
    definition=_("As stated of just this period."),
)  # fmt: skip
vehicles = _stated(
    "vehicles", title=_("Motor vehicles"), unit=_("10,000 vehicles"), definition=_("As stated of just this period."),
)  # fmt: skip
coal = _stated(
    "coal", title=_("Raw coal"), unit=_("10,000 tonnes"), definition=_("As stated of just this period."),
)  # fmt: skip
_stated(
    "population", title=_("Resident population"), unit=_("10,000 people"),
    definition=_("As stated of just this period."),
)  # fmt: skip
