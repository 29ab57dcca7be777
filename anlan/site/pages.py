"""The pages that belong to no office, for the menu and the search."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.pages import page

page("board", _("Situation board"), icon="layout-dashboard", group="board")
