"""The plan office's pages that are no registers, for the menu."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.pages import page

page("plan:clauses", _("Clause table"), icon="list-tree", group="plan")
page("plan:plans", _("Plans of the year"), icon="calendar-event", group="plan")
