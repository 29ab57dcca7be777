from django.utils.translation import gettext_lazy as _

from anlan.kernel.pages import page

page("monitoring:desk", _("Warning desk"), icon="bell-ringing", group="monitoring", calls={"duty"},
     call=_("Open warnings by level; new ones show by themselves."))  # fmt: skip
page("monitoring:map", _("Live map"), icon="map-pin", group="monitoring")
page("monitoring:coverage", _("Coverage of monitoring"), icon="broadcast", group="monitoring")
page("monitoring:intake", _("Intake of readings"), icon="plug", group="monitoring", roles={"city"})
page("monitoring:rules", _("Warning rules"), icon="adjustments", group="monitoring")
page(
    "monitoring:limits", _("Limits by the place of the sensor"), icon="ruler-measure", group="monitoring",
    roles=("city", "department", "district", "township"),
)  # fmt: skip
