"""What is counted of accidents: by the figures of the version that counts, and by its grade under Decree 493."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.figures import measure, source

from .models import Accident

ACCIDENTS = source(Accident, cuts=("grade",))
GRADED = _("Regulations on reporting and investigating accidents (Decree 493, 2007), Article 3")
OF_ALL = "(?:全[市区县州省])?(?:各类)?(?:安全)?(?:生产)?(?:安全)?"
"""What plans may say before an accident that is of no one industry."""


def counts_then(t, p):  # type: ignore[no-untyped-def]  # an Ibis table
    """Counted towards the target, and not a second record of an accident that is counted elsewhere."""
    return p.holds(t.occurred_at) & t.in_figures


measure(
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
