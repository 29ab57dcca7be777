"""Pages of the accident office in menu and search, and its number on the home page."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from anlan.kernel.pages import Tile, page, tile

page("accidents:intake", _("Take an accident by phone"), icon="phone-incoming", group="accidents",
     roles={"duty", "city", "district"}, calls={"duty"},
     call=_("Place, time, casualties: written down while the caller speaks."))  # fmt: skip
page("accidents:report", _("Report an accident"), icon="urgent", group="accidents",
     roles={"enterprise", "township", "village", "inspector", "department"})  # fmt: skip


@tile
def being_reported(account: Any) -> Tile | None:
    """How many accidents of the area are being reported now, for those who pass reports on."""
    from .models import Accident

    if account.role not in ("duty", "city", "district", "inspector", "department"):
        return None
    number = Accident.objects.filter(state="reporting").count()
    return Tile(
        _("Accidents being reported"), number, reverse("registers:list", args=("accidents",)) + "?state=reporting"
    )
