"""Factors in words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from anlan.parties.track import tracks

from .models import InspectNext


def reasons(row: InspectNext) -> str:
    """What speaks for a visit, the strongest first."""
    said = [reason(row, name, amount) for name, amount in zip(row.factors, row.amounts, strict=True)]
    return str(_("; ")).join(filter(None, said))


def reason(row: InspectNext, name: str, amount: float) -> str:
    """One factor with its amount; -1 says that it is not known."""
    n = round(amount)
    if (of := tracks().get(name)) is not None:
        return str(of.words) % {"n": n}
    if name == "industry":
        return _("industry: %(industry)s") % {"industry": row.industry} if row.industry_id else _("of no industry")
    if name == "since":
        return waited(None if n < 0 else n)
    if name == "staff":
        return _("number of staff not known") if n < 0 else _("%(n)s staff") % {"n": f"{n:,}"}
    if name == "visits":
        return _("inspections in three years: %(n)s") % {"n": n}
    return {
        ("high_hazard", 1): _("high hazard"), ("high_hazard", 0): _("not of high hazard"),
        ("above_scale", 1): _("above scale"), ("above_scale", 0): _("below scale"),
    }.get((name, n), name)  # fmt: skip


def waited(days: int | None) -> str:
    """How long ago the last inspection was: in days up to two months, then in months."""
    if days is None:
        return _("no inspection on record")
    if days < 60:
        return ngettext("last inspected %(n)s day ago", "last inspected %(n)s days ago", days) % {"n": days}
    return _("last inspected %(n)s months ago") % {"n": days * 12 // 365}


def records(row: InspectNext, account: Any) -> list[tuple[str, str]]:
    """Each reason with the address of the enterprise's records on which it rests, where the reader may open them."""
    from anlan.kernel.registers import register_named
    from anlan.parties.track import registers_of

    lists = registers_of(row.factors)
    made = []
    for name, amount in zip(row.factors, row.amounts, strict=True):
        declared = register_named(lists[name]) if name in lists else None
        may = declared is not None and declared.policy.may(account, "see")
        made.append((reason(row, name, amount), f"/r/{lists[name]}/?enterprise={row.enterprise_id}" if may else ""))
    return made
