from django.utils.translation import gettext_lazy as _

from anlan.kernel.pages import page

page("monitoring:coverage", _("Coverage of monitoring"), icon="broadcast", group="monitoring")
page("monitoring:rules", _("Warning rules"), icon="adjustments", group="monitoring")
page(
    "monitoring:limits", _("Limits by the place of the sensor"), icon="ruler-measure", group="monitoring",
    roles=("city", "department", "district", "township"),
)  # fmt: skip
