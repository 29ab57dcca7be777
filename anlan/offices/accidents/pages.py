"""Pages of the accident office in menu and search."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.pages import page

page("accidents:intake", _("Take an accident by phone"), icon="phone-incoming", group="accidents",
     roles={"duty", "city", "district"})  # fmt: skip
page("accidents:report", _("Report an accident"), icon="urgent", group="accidents",
     roles={"enterprise", "township", "village", "inspector", "department"})  # fmt: skip
