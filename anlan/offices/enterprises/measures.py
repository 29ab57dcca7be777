"""Standardization: the rates of the notice, of the enterprises that are in operation today.

Started (启动) is who formally began and has not given up; attained (达标) who holds a valid level. What an enterprise
is (in operation, of high hazard, above scale, in a park) its register says of this moment only, and so do the rates.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from anlan.kernel.figures import measure, ratio, source
from anlan.parties import measures as parties

from .models import Standardization

Text = str | Promise

STANDARDIZATION = source(Standardization, of={"enterprise": ("status", "high_hazard", "above_scale", "park")})
NOTICE = _("The notice, Part 2 and Part 3, item 3: standardization; rates by usage, the base is the register's")
TRADE = ("metallurgy", "machinery", "nonferrous", "trade")
"""Industry and trade (工贸): the supervised industries of that name in the notice."""
STD = "(?:安全生产)?标准化(?:达标)?"


def started(t, p):  # type: ignore[no-untyped-def]  # an Ibis table
    return (
        (t.started_on < p.until_day) & (t.ended_on.isnull() | (t.ended_on >= p.until_day))
        & (t.enterprise_status == "operating")
    )  # fmt: skip


def attained(t, p):  # type: ignore[no-untyped-def]
    return started(t, p) & (t.attained_on < p.until_day) & (t.valid_until >= p.until_day)


def _of(name: str, where, title: Text, **more):  # type: ignore[no-untyped-def]
    definition = _("Enterprises in operation, as their register says of this moment.")
    return measure(
        f"enterprises.{name}", parties.ENTERPRISES, lambda t, p: (t.status == "operating") & where(t), title=title,
        definition=definition, source_of_law=NOTICE, unit=_("enterprises"), present_only=True, **more,
    )  # fmt: skip


def _standardized(name: str, how, where, title: Text, definition: Text, **more):  # type: ignore[no-untyped-def]
    return measure(
        f"enterprises.{name}", STANDARDIZATION, lambda t, p: how(t, p) & where(t), title=title,
        definition=definition, source_of_law=NOTICE, unit=_("enterprises"), better="more", present_only=True, **more,
    )  # fmt: skip


def _rate(name: str, above, below, title: Text, clause: str, demanded: str):  # type: ignore[no-untyped-def]
    ratio(
        f"enterprises.{name}",
        above,
        below,
        places=1,
        title=title,
        definition=_("Of the enterprises in operation."),
        source_of_law=NOTICE,
        unit="%",
        better="more",
        clauses=(clause,),
        demanded=demanded,
    )


STARTED = _("Begun and not given up by the end of the period.")
ATTAINED = _("With a level that is valid at the end of the period.")

high_hazard = _of("high_hazard", lambda t: t.high_hazard, _("High-hazard enterprises in operation"))
high_hazard_started = _standardized(
    "high_hazard_started", started, lambda t: t.enterprise_high_hazard,
    _("High-hazard enterprises that have started standardization"), STARTED, clauses=("G2.1",),
)  # fmt: skip
_rate(
    "high_hazard_start_rate", high_hazard_started, high_hazard,
    _("Start rate of standardization, high-hazard enterprises"), "G2.1",
    f"高危(?:行业)?(?:领域)?企业(?:三级以上)?{STD}启动率",
)  # fmt: skip
_standardized(
    "trade_attained", attained, lambda t: t.industry_id.isin(TRADE),
    _("Enterprises of industry and trade that attained standardization"), ATTAINED, clauses=("G2.2",),
    demanded=f"工贸企业(?:{STD})?达标(?:数量|家数)",
)  # fmt: skip
above_scale = _of(
    "above_scale", lambda t: t.above_scale & t.industry_id.isin(TRADE),
    _("Above-scale enterprises of industry and trade in operation"),
)  # fmt: skip
above_scale_started = _standardized(
    "above_scale_started", started, lambda t: t.enterprise_above_scale & t.industry_id.isin(TRADE),
    _("Above-scale enterprises of industry and trade that have started standardization"), STARTED, clauses=("W3.2",),
)  # fmt: skip
_rate(
    "above_scale_start_rate", above_scale_started, above_scale,
    _("Start rate of standardization, above-scale industry and trade"), "W3.2", f"规模以上工贸企业{STD}启动率",
)  # fmt: skip
in_parks = _of(
    "in_parks", lambda t: (t.park != "") & t.industry_id.isin(TRADE),
    _("Enterprises of industry and trade in parks, in operation"),
)  # fmt: skip


def _parked(t):  # type: ignore[no-untyped-def]
    return (t.enterprise_park != "") & t.industry_id.isin(TRADE)


parks_started = _standardized(
    "parks_started", started, _parked,
    _("Enterprises of industry and trade in parks that have started standardization"), STARTED, clauses=("W3.2",),
)  # fmt: skip
parks_attained = _standardized(
    "parks_attained", attained, _parked, _("Enterprises of industry and trade in parks that attained standardization"),
    ATTAINED, clauses=("W3.2",),
)  # fmt: skip
_rate(
    "park_start_rate", parks_started, in_parks, _("Start rate of standardization, industry and trade in parks"), "W3.2",
    f"(?:工业)?园区工贸企业{STD}启动率",
)  # fmt: skip
_rate(
    "park_attain_rate", parks_attained, in_parks, _("Rate of standardization attained, industry and trade in parks"),
    "W3.2", "(?:工业)?园区工贸企业(?:安全生产)?标准化达标率",
)  # fmt: skip
