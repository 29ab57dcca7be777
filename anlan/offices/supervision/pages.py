"""Pages of the supervision office in menu and search, and its numbers on the home page."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.pages import Tile, page, tile

from .lifecycle import OFFICES

page("supervision:order-new", _("Draft supervision orders"), icon="gavel", group="supervision", roles=OFFICES)
page("supervision:circular-new", _("Draft circulars"), icon="speakerphone", group="supervision", roles=OFFICES)
page("supervision:meeting-new", _("Call a joint meeting"), icon="users-plus", group="supervision", roles=OFFICES)


@tile
def orders_out(account: Any) -> Tile | None:
    """How many orders of one's own authority are overdue, for those who press."""
    from .models import SupervisionOrder

    if account.role not in OFFICES:
        return None
    own = SupervisionOrder.objects.filter(owner_area_code=account.area_code, closed_at__isnull=True)
    late = own.filter(due_at__lt=clock.now()).count()
    asked = urlencode({"owner_area_code": account.area_code, "state": ["issued", "received", "reported"]}, doseq=True)
    return Tile(
        _("Overdue supervision orders"), late, f"{reverse('registers:list', args=('supervision-orders',))}?{asked}"
    )
