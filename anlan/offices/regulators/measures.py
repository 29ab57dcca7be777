"""How far the bodies of supervision at the grass roots are built, and their officers certified, as of this moment."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.figures import measure, ratio, source

from .models import Capacity

CAPACITY = source(Capacity, of={"authority": ("kind",)})
NOTICE = _("The notice, Part 2: township safety bodies and teams; the standard is the city's")
TOWNSHIPS = _("townships")


def _townships(t):  # type: ignore[no-untyped-def]  # an Ibis table
    return t.authority_kind == "station"


def _body(name: str, where, title, definition, value=None, unit=TOWNSHIPS, clauses=("G3.1", "W2.1")):  # type: ignore[no-untyped-def]
    return measure(
        f"regulators.{name}", CAPACITY, lambda t, p: where(t), value=value, title=title, definition=definition,
        source_of_law=NOTICE, unit=unit, better="more", present_only=True, clauses=clauses,
    )  # fmt: skip


townships = _body(
    "townships", _townships, _("Townships whose safety body is on record"),
    _("Township safety offices in the register of capacity."),
)  # fmt: skip
built = _body(
    "built", lambda t: _townships(t) & t.established_on.notnull() & (t.staff >= t.required) & t.equipped,
    _("Townships whose safety body and team are built"),
    _("The body is established, the full-time staff is what is required, and the equipment complete."),
)  # fmt: skip
ratio(
    "regulators.built_rate", built, townships, places=1, title=_("Rate of township safety bodies and teams built"),
    definition=_("Of the township safety offices in the register of capacity."), source_of_law=NOTICE, unit="%",
    better="more", clauses=("G3.1", "W2.1"), demanded="乡镇(?:（街道）|街道)?(?:安监)?机构(?:和)?队伍建成率",
)  # fmt: skip
OFFICERS = {"unit": _("people"), "clauses": ("G3.2", "W2.2")}
staff = _body(
    "staff", lambda t: t.staff > 0, _("Full-time staff of supervising bodies"),
    _("Of all bodies in the register of capacity."), value="staff", **OFFICERS,
)  # fmt: skip
certified = _body(
    "certified", lambda t: t.staff > 0, _("Staff of supervising bodies with a post certificate"),
    _("Of all bodies in the register of capacity."), value="certified", **OFFICERS,
)  # fmt: skip
ratio(
    "regulators.certified_rate", certified, staff, places=1, title=_("Rate of officers with a post certificate"),
    definition=_("Of the full-time staff in the register of capacity."), source_of_law=NOTICE, unit="%",
    better="more", clauses=("G3.2", "W2.2"), demanded="安全监管人员持证(?:上岗)?率",
)  # fmt: skip
