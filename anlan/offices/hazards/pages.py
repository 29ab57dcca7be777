"""Pages of the hidden-danger office in menu and search."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.pages import page

page("hazards:report", _("Report a hidden danger"), icon="message-report", group="hazards")
