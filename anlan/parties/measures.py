"""What is counted of enterprises."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.figures import measure, source

from .models import Enterprise

ENTERPRISES = source(Enterprise)

measure(
    "parties.operating", ENTERPRISES, lambda t, p: t.status == "operating", present_only=True,
    title=_("Enterprises in operation"), definition=_("Production and business units whose status is: operating."),
    source_of_law=_("Register of enterprises; no legal definition is known"), unit=_("enterprises"),
)  # fmt: skip
