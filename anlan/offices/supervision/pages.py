"""Pages of the supervision office in menu and search, and its numbers on the home page."""

from __future__ import annotations

from datetime import datetime, time, timedelta
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
    """How many orders of one's own authority are overdue, for those who press; and just these as a list."""
    from .lifecycle import ORDER
    from .models import SupervisionOrder

    if account.role not in OFFICES:
        return None
    own = SupervisionOrder.objects.filter(owner_area_code=account.area_code, closed_at__isnull=True)
    today = clock.today()  # an order falls due with the end of a day
    late = own.filter(due_at__lt=datetime.combine(today, time(), clock.BEIJING)).count()
    asked = {
        "owner_area_code": account.area_code, "state": ORDER.open_states, "due_at_to": today - timedelta(days=1)
    }  # fmt: skip
    address = f"{reverse('registers:list', args=('supervision-orders',))}?{urlencode(asked, doseq=True)}"
    return Tile(_("Overdue supervision orders"), late, address)
