from django.utils.translation import gettext_lazy as _

from anlan.kernel.pages import page

page("monitoring:map", _("Live map"), icon="map-pin", group="monitoring")
page("monitoring:coverage", _("Coverage of monitoring"), icon="broadcast", group="monitoring")
page("monitoring:intake", _("Intake of readings"), icon="plug", group="monitoring", roles={"city"})
