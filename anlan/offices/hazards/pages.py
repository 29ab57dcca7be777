"""Pages of the hidden-danger office in menu and search."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.pages import page

page("hazards:report", _("Report a hidden danger"), icon="camera-plus", group="hazards",
     call=_("A photograph, the place and one sentence: under a minute."),
     calls={"enterprise", "village", "township", "inspector"})  # fmt: skip
page("hazards:majors", _("Major dangers"), icon="alert-octagon", group="hazards")
page("hazards:listed", _("Listed supervision"), icon="gavel", group="hazards")
page("hazards:returns", _("Returns of enterprises"), icon="report", group="hazards")
page("public-dangers", _("Published major dangers"), icon="speakerphone", group="hazards")
