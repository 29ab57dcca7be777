"""What is counted of accidents: by the figures of the version that counts, and by its grade under Decree 493."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.figures import measure, ratio, source
from anlan.parties import measures as bases

from .models import Accident

ACCIDENTS = source(Accident, cuts=("grade",))
GRADED = _("Regulations on reporting and investigating accidents (Decree 493, 2007), Article 3")
OF_ALL = "(?:全[市区县州省])?(?:各类)?(?:安全)?(?:生产)?(?:安全)?"
"""What plans may say before an accident that is of no one industry."""


def counts_then(t, p):  # type: ignore[no-untyped-def]  # an Ibis table
    """Counted towards the target, and not a second record of an accident that is counted elsewhere."""
    return p.holds(t.occurred_at) & t.in_figures


INDUSTRIAL = (
    "coal", "noncoal_mine", "hazchem", "fireworks", "construction", "special_equipment", "metallurgy", "machinery",
    "nonferrous", "civil_explosives", "power", "trade",
)  # fmt: skip
"""Industry, mining and commerce (工矿商贸): all supervised industries but traffic, fire, farm machinery and fishing."""
RATES = _("National statistics of work safety: the four relative indicators")

deaths = measure(
    "accidents.deaths", ACCIDENTS, lambda t, p: counts_then(t, p) & (t.deaths > 0), value="deaths",
    title=_("Deaths in accidents"), definition=_("Deaths in the accidents of the period that count."),
    source_of_law=_("The notice, Part 2: deaths in accidents of all kinds"), unit=_("people"), better="less",
    clauses=("G1.1",), demanded=f"{OF_ALL}事故死亡人数",
)  # fmt: skip
measure(
    "accidents.number", ACCIDENTS, counts_then,
    title=_("Accidents"), definition=_("Accidents of the period that count."), source_of_law=GRADED,
    unit=_("accidents"), better="less", clauses=("G1",),
)  # fmt: skip
measure(
    "accidents.larger", ACCIDENTS, lambda t, p: counts_then(t, p) & (t.grade == "larger"),
    title=_("Larger accidents"), definition=_("Of grade: larger."), source_of_law=GRADED,
    unit=_("accidents"), better="less", clauses=("G1.2",), demanded=f"{OF_ALL}较大事故",
)  # fmt: skip
measure(
    "accidents.major", ACCIDENTS, lambda t, p: counts_then(t, p) & (t.grade == "major"),
    title=_("Major accidents"), definition=_("Of grade: major."), source_of_law=GRADED,
    unit=_("accidents"), better="less", clauses=("G1.3",), demanded=f"{OF_ALL}重大事故",
)  # fmt: skip
measure(
    "accidents.extraordinary", ACCIDENTS, lambda t, p: counts_then(t, p) & (t.grade == "extraordinary"),
    title=_("Extraordinarily serious accidents"), definition=_("Of grade: extraordinarily serious."),
    source_of_law=GRADED, unit=_("accidents"), better="less", clauses=("G1.4",), demanded=f"{OF_ALL}特(?:别重)?大事故",
)  # fmt: skip


def deaths_of(t, p, *industries):  # type: ignore[no-untyped-def]
    return counts_then(t, p) & (t.deaths > 0) & t.industry_id.isin(industries)


industrial = measure(
    "accidents.deaths_industrial", ACCIDENTS, lambda t, p: deaths_of(t, p, *INDUSTRIAL), value="deaths",
    title=_("Deaths in industry, mining and commerce"),
    definition=_("Deaths that count, of all industries but traffic, fire, farm machinery and fishing."),
    source_of_law=RATES, unit=_("people"), better="less", clauses=("G1.1",),
)  # fmt: skip
road = measure(
    "accidents.deaths_road", ACCIDENTS, lambda t, p: deaths_of(t, p, "road"), value="deaths",
    title=_("Deaths in road traffic"), definition=_("Deaths that count, in road traffic."), source_of_law=RATES,
    unit=_("people"), better="less", clauses=("G1.1",),
)  # fmt: skip
coal = measure(
    "accidents.deaths_coal", ACCIDENTS, lambda t, p: deaths_of(t, p, "coal"), value="deaths",
    title=_("Deaths in coal mines"), definition=_("Deaths that count, in coal mines."), source_of_law=RATES,
    unit=_("people"), better="less", clauses=("G1.1",),
)  # fmt: skip
# The scale makes of the unit in which yearbooks print a base that in which the rate is spoken of.
ratio(
    "accidents.per_output", deaths, bases.output, scale=1, places=3, cuts=("area",),
    title=_("Deaths per 100 million yuan of output"),
    definition=_("Deaths in accidents, by the output stated of just this period."),
    source_of_law=RATES, unit=_("people per 100 million yuan"), better="less", clauses=("G1.1",),
    demanded="亿元(?:GDP|地区生产总值|国内生产总值)(?:生产安全)?(?:事故)?死亡率",
)  # fmt: skip
ratio(
    "accidents.per_employees", industrial, bases.employees, scale=10, places=2, cuts=("area",),
    title=_("Deaths per 100,000 employees in industry, mining and commerce"),
    definition=_("Deaths in industry, mining and commerce, by the employees stated of just this period."),
    source_of_law=RATES, unit=_("people per 100,000"), better="less", clauses=("G1.1",),
    demanded="工矿商贸(?:企业)?(?:就业人员|从业人员)?(?:每)?(?:十|10)万(?:就业|从业)?人(?:员)?(?:生产安全)?(?:事故)?死亡率",
)  # fmt: skip
ratio(
    "accidents.per_vehicles", road, bases.vehicles, scale=1, places=1,
    title=_("Deaths per 10,000 motor vehicles"),
    definition=_("Deaths in road traffic, by the motor vehicles stated of just this period."),
    source_of_law=RATES, unit=_("people per 10,000 vehicles"), better="less", clauses=("G1.1",),
    demanded="(?:道路交通)?(?:事故)?万车(?:事故)?死亡率",
)  # fmt: skip
ratio(
    "accidents.per_coal", coal, bases.coal, scale=100, places=3,
    title=_("Deaths per million tonnes of coal"),
    definition=_("Deaths in coal mines, by the raw coal stated of just this period."),
    source_of_law=RATES, unit=_("people per million tonnes"), better="less", clauses=("G1.1",),
    demanded="(?:煤矿|煤炭生产)?百万吨(?:煤)?(?:事故)?死亡率",
)  # fmt: skip
