"""Pages of the hidden-danger office in menu and search, and an enterprise's number on the home page."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.pages import Tile, page, tile

page("hazards:report", _("Report a hidden danger"), icon="camera-plus", group="hazards",
     call=_("A photograph, the place and one sentence: under a minute."),
     calls={"enterprise", "village", "township", "inspector"})  # fmt: skip
page("hazards:majors", _("Major dangers"), icon="alert-octagon", group="hazards")
page("hazards:listed", _("Listed supervision"), icon="gavel", group="hazards")
page("hazards:returns", _("Returns of enterprises"), icon="report", group="hazards")
page("public-dangers", _("Published major dangers"), icon="speakerphone", group="hazards")


@tile
def returns_owed(account: Any) -> Tile | None:
    """How many periods have ended for which the enterprise has signed no return."""
    from . import returns
    from .models import SelfCheckReturn

    if account.enterprise_id is None:
        return None
    periods = {str(period) for period in returns.recent(clock.today())}
    signed = SelfCheckReturn.objects.filter(
        enterprise=account.enterprise_id, replaced_at__isnull=True, period__in=periods
    )
    return Tile(_("Returns to be signed"), len(periods) - signed.count(), reverse("hazards:returns"))
