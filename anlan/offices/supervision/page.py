"""What the pages of a letter, of what it issues and of a meeting show besides facts and history."""

from __future__ import annotations

from typing import Any

from anlan.kernel.models import pointed
from anlan.kernel.registers.declaration import register_named

from . import issuing, meetings
from .models import ATTENDANCE, Addressed, Invitation, Letter, Meeting

SHOWN = 30
"""Tasks of earlier meetings at most on a meeting's page; the list has the others."""


def about(said: str, account: Any) -> Any:
    """The record that `register:key` names, where the account may see it; else None."""
    name, _sep, key = said.partition(":")
    register = register_named(name)
    if register is None or (pk := register.key(key)) is None:
        return None
    return register.policy.which(account, "see").filter(pk=pk).first()


def addressed(case: Addressed, account: Any) -> tuple[str, dict[str, Any]]:
    """The letter of an order or a circular, for those at whose authority it was drafted; and the record it is about."""
    record = about(case.about_at, account) if case.about_at else None
    return "supervision/_addressed_case.html", {
        "record_url": f"/r/{case.about_at.replace(':', '/', 1)}/" if record is not None else "",
        "letter": pointed(case, "letter"),
    }


def letter(case: Letter, account: Any) -> dict[str, Any]:
    """The cases that hang on a letter."""
    rows = issuing.addressed(case) if case.genre != "minutes" else []
    return {"lead_template": "supervision/_letter.html", "rows": rows}


def meeting(case: Meeting, account: Any) -> tuple[str, dict[str, Any]]:
    """What is left of the meetings before; who was asked and came; what was decided, and how that stands."""
    left = meetings.left_over(case)
    return "supervision/_meeting.html", {
        "left": list(left[:SHOWN]), "left_more": max(left.count() - SHOWN, 0),
        "invitations": list(case.invitations.select_related("authority")),
        "decided": meetings.how_it_stands(case),
        "may_write": meetings.may_write(case, account), "attendance": ATTENDANCE,
        "letter": issuing.live(case), "incomplete": meetings.incomplete(case) if case.state == "held" else "",
    }  # fmt: skip


def invitation(record: Invitation, account: Any) -> tuple[str, dict[str, Any]]:
    """Whether the reader may say that somebody comes."""
    return "supervision/_invitation.html", {"may_answer": meetings.may_answer(record, account)}
