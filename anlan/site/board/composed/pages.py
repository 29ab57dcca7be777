"""The boards in the menu and the search."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.pages import page
from anlan.kernel.policy import OFFICIALS

page("boards:list", _("Composed boards"), icon="layout-grid", group="board", roles=OFFICIALS)
