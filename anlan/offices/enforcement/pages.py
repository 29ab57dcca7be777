"""The enforcement office's pages that are no registers, for the menu."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.pages import page
from anlan.kernel.policy import OFFICIALS

page("enforcement:trial", _("Back-test of the ranking"), icon="chart-line", group="enforcement", roles=OFFICIALS)
