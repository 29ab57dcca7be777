"""What the pages of an order and of a meeting show besides facts and history."""

from __future__ import annotations

from typing import Any

from anlan.kernel.registers.declaration import register_named

from . import meetings
from .models import ATTENDANCE, Invitation, Meeting, SupervisionOrder

SHOWN = 30
"""Tasks of earlier meetings at most on a meeting's page; the list has the others."""


def about(said: str, account: Any) -> Any:
    """The record that `register:key` names, where the account may see it; else None."""
    name, _sep, key = said.partition(":")
    register = register_named(name)
    if register is None or (pk := register.key(key)) is None:
        return None
    return register.policy.which(account, "see").filter(pk=pk).first()


def order(case: SupervisionOrder, account: Any) -> tuple[str, dict[str, Any]]:
    """The record that the order is about, and the orders that were drafted with it."""
    together = (
        SupervisionOrder.objects.filter(batch=case.batch).exclude(pk=case.pk)
        if case.batch
        else SupervisionOrder.objects.none()
    )
    record = about(case.about_at, account) if case.about_at else None
    return "supervision/_order.html", {
        "record_url": f"/r/{case.about_at.replace(':', '/', 1)}/" if record is not None else "",
        "together": list(together.order_by("number_order")[:50]),
    }


def meeting(case: Meeting, account: Any) -> tuple[str, dict[str, Any]]:
    """What is left of the meetings before; who was asked and came; what was decided, and how that stands."""
    left = meetings.left_over(case)
    return "supervision/_meeting.html", {
        "left": list(left[:SHOWN]), "left_more": max(left.count() - SHOWN, 0),
        "invitations": list(case.invitations.select_related("authority")),
        "decided": meetings.how_it_stands(case),
        "may_write": meetings.may_write(case, account), "attendance": ATTENDANCE,
    }  # fmt: skip


def invitation(record: Invitation, account: Any) -> tuple[str, dict[str, Any]]:
    """Whether the reader may say that somebody comes."""
    return "supervision/_invitation.html", {"may_answer": meetings.may_answer(record, account)}
