"""Lists of the plan office."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.kernel import clock
from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.models import Authority
from anlan.parties.papers.registers import sample_authority

from .appraisal.models import Appraisal, Hand, Objection, Scheme, Score
from .bulletins.lifecycle import LIFECYCLE as PUBLICATION
from .bulletins.models import Publication
from .models import Clause, Duty, Plan, Portion, Target
from .progress import registers as progress_registers  # noqa: F401
from .watch.models import Slip

HERE = "500112000000"


def sample_plan(number: int) -> Plan:
    """A draft of a year of its own."""
    return Plan(year=2000 + number, area_code=HERE, title=f"样本计划{number}")


def sample_clause(number: int) -> Clause:
    """A clause of a plan of its own."""
    plan = sample_plan(number)
    plan.save()
    return Clause(plan=plan, order=1, code=f"W{number}", title=f"样本条款{number}")


def sample_target(number: int) -> Target:
    """A target of a clause of its own."""
    clause = sample_clause(number)
    clause.save()
    return Target(
        plan=clause.plan, clause=clause, code="T1", subject=f"样本指标{number}", comparator=">=", value=number
    )


def sample_portion(number: int) -> Portion:
    """What falls to a district of a target of its own."""
    return Portion(year=2013, code=f"T{number}", area_code=HERE, value=number, reason="样本理由")


def sample_duty(number: int) -> Duty:
    """A duty for a clause of its own."""
    clause = sample_clause(number)
    clause.save()
    body = Authority.objects.create(name=f"样本机关{number}", kind="supervisor", tier=2, area_code=HERE)
    return Duty(plan=clause.plan, clause=clause, authority=body)


@register
class Plans(Register):
    name = "plans"
    model = Plan
    title = _("Plans")
    singular = _("Plan")
    icon = "calendar-stats"
    group = "plan"
    columns = ("year", "title", "edition", "issuer", "issued_on", "state", "adopted_at")
    filters = ("year", "state")
    natural_key = ("year", "area_code", "edition")
    sections = (
        (_("Plan"), ("year", "area_code", "edition", "title", "title_en", "issuer", "issued_on")),
        (_("State"), ("state", "reason", "proposed_at", "adopted_at")),
    )
    order = "-year"
    rights = Rights(see=EVERY_ROLE)
    sample = staticmethod(sample_plan)


@register
class Clauses(Register):
    name = "plan-clauses"
    model = Clause
    title = _("Clauses of the plan")
    singular = _("Clause of the plan")
    icon = "list-tree"
    group = "plan"
    columns = ("code", "title", "title_en", "plan")
    filters = ("plan",)
    search = ("code", "title")
    natural_key = ("plan", "code")
    sections = ((_("Clause"), ("plan", "order", "code", "number", "title", "title_en", "gist")),)
    order = "order"
    rights = Rights(see=EVERY_ROLE)
    sample = staticmethod(sample_clause)


@register
class Targets(Register):
    name = "plan-targets"
    model = Target
    title = _("Targets of the plan")
    singular = _("Target of the plan")
    icon = "target"
    group = "plan"
    columns = ("code", "clause", "subject", "comparator", "value", "unit", "baseline", "baseline_value", "due")
    filters = ("clause", "comparator")
    search = ("subject",)
    natural_key = ("plan", "code")
    sections = (
        (_("Target"), ("plan", "clause", "code", "subject", "subject_en")),
        (_("Quantity"), ("comparator", "value", "unit", "baseline", "baseline_value", "due", "measure", "line")),
    )
    order = "id"
    rights = Rights(see=EVERY_ROLE)
    sample = staticmethod(sample_target)


@register
class Portions(Register):
    name = "target-parts"
    model = Portion
    title = _("Parts of targets")
    singular = _("Part of a target")
    icon = "chart-pie"
    group = "plan"
    columns = ("year", "code", "area_code", "industry", "value", "reason")
    filters = ("year", "code", "area_code", "industry")
    exact = ("code",)
    natural_key = ("year", "code", "area_code", "industry")
    sections = (
        (_("Part of a target"), ("year", "code", "area_code", "industry", "value")),
        (_("Reason"), ("reason",)),
    )
    order = "-year"
    sample = staticmethod(sample_portion)
    rights = Rights(see=OFFICIALS, add={"city"}, change={"city"}, remove={"city"})


@register
class Duties(Register):
    name = "plan-duties"
    model = Duty
    title = _("Duties under the plan")
    singular = _("Duty under the plan")
    icon = "user-check"
    group = "plan"
    columns = ("clause", "target", "authority", "post", "first")
    filters = ("plan", "clause", "authority", "first")
    natural_key = ("clause", "target", "authority")
    sections = ((_("Duty"), ("plan", "clause", "target", "authority", "post", "first")),)
    order = "id"
    rights = Rights(see=OFFICIALS)
    sample = staticmethod(sample_duty)


def sample_scheme(number: int) -> Scheme:
    """The draft of a scheme."""
    return Scheme(year=2013, area_code=HERE, of="districts", title=f"样本考核办法{number}", text=SAMPLE)


SAMPLE = """
scheme: {year: 2013, city: "500000000000", of: districts, title: 样本, source: 样本}
items: [{id: A1, zh: 样本, weight: 100, manual: true}]
grades: [{zh: 合格, at_least: 0}]
"""


def _appraisal(number: int) -> Appraisal:
    scheme = sample_scheme(number)
    scheme.save()
    return Appraisal.objects.create(scheme=scheme, period="..2013-05", as_of=clock.now())


def sample_score(number: int) -> Score:
    """The score of a district in an appraisal of its own."""
    return Score(appraisal=_appraisal(number), area_code=HERE, total=80, possible=100)


def sample_hand(number: int) -> Hand:
    """Points taken from a district."""
    scheme = sample_scheme(number)
    scheme.save()
    return Hand(
        scheme=scheme, area_code=HERE, item="A1", on=clock.today(), points=-number % 5, reason=f"样本{number}",
        evidence="样本文号",
    )  # fmt: skip


def sample_objection(number: int) -> Objection:
    """What a district holds against its score."""
    score = sample_score(number)
    score.save()
    return Objection(score=score, area_code=HERE, item="A1", words=f"样本异议{number}")


def _more(name: str, row: Any, words: Any) -> tuple[str, dict[str, Any]]:
    """The page of its own that a record has."""
    return "plan/_more.html", {"url": reverse(name, args=(row.pk,)), "words": words}


CITY_OFFICE = frozenset({"city"})
APPRAISED = frozenset({"city", "department", "district", "duty"})


@register
class Schemes(Register):
    name = "schemes"
    model = Scheme
    title = _("Scoring schemes")
    singular = _("Scoring scheme")
    icon = "scale"
    group = "plan"
    columns = ("year", "title", "of", "state", "adopted_at")
    filters = ("year", "of", "state")
    sections = ((_("Scoring scheme"), ("year", "of", "title", "title_en", "state", "adopted_at")),)
    order = "-year"
    part = staticmethod(lambda row, _who: _more("plan:scheme", row, _("The scheme in words")))
    sample = staticmethod(sample_scheme)
    rights = Rights(see=APPRAISED)


@register
class Scores(Register):
    name = "scores"
    model = Score
    title = _("Scores")
    singular = pgettext_lazy("appraisal", "Score")
    icon = "medal"
    group = "plan"
    columns = ("appraisal", "area_code", "authority", "total", "grade", "rank")
    filters = ("appraisal", "area_code", "authority", "grade")
    sections = ((pgettext_lazy("appraisal", "Score"), ("appraisal", "area_code", "authority", "total", "grade")),)
    order = "rank"
    part = staticmethod(lambda row, _who: _more("plan:score", row, _("The whole sheet")))
    sample = staticmethod(sample_score)
    rights = Rights(see=APPRAISED)


@register
class Hands(Register):
    name = "points-by-hand"
    model = Hand
    title = _("Points by hand")
    singular = _("Points by hand")
    icon = "hand-finger"
    group = "plan"
    columns = ("on", "scheme", "item", "area_code", "authority", "points", "reason", "evidence")
    filters = ("scheme", "item", "area_code", "authority", "on")
    exact = ("item",)
    sections = (
        (_("For whom"), ("scheme", "area_code", "authority")),
        (_("Points"), ("item", "on", "points")),
        (_("Why"), ("reason", "evidence")),
    )
    order = "-on"
    sample = staticmethod(sample_hand)
    rights = Rights(see=APPRAISED, add=CITY_OFFICE, change=CITY_OFFICE, remove=CITY_OFFICE, import_=frozenset())


@register
class Objections(Register):
    name = "score-objections"
    model = Objection
    title = _("Objections to scores")
    singular = _("Objection to a score")
    icon = "message-exclamation"
    group = "plan"
    columns = ("at", "area_code", "authority", "item", "words", "state", "answered_at")
    filters = ("state", "area_code", "authority")
    sections = ((_("Objection"), ("score", "item", "words", "state", "answer")),)
    order = "-at"
    part = staticmethod(lambda row, _who: _more("plan:score", row.score, _("The whole sheet")))
    sample = staticmethod(sample_objection)
    rights = Rights(see=APPRAISED)


def sample_publication(number: int) -> Publication:
    """A draft of a month of its own."""
    return Publication(
        number=f"样通报稿〔2013〕{number}号", title=f"样本通报{number}", area_code=HERE, owner_area_code=HERE,
        state="draft", authority=sample_authority(), series="monthly",
        period=f"{2000 + number // 12}-{number % 12 + 1:02}",
    )  # fmt: skip


@register
class Publications(Register):
    name = "publications"
    model = Publication
    title = _("Publications")
    singular = _("Publication")
    icon = "news"
    group = "papers"
    columns = ("number", "title", "series", "period", "area_code", "state_title", "document_number", "due_at")
    labels = {"state_title": _("State"), "issued": _("Issued paper")}
    filters = ("series", "period", "state", "area_code", "authority")
    choices = {"state": PUBLICATION.choices}
    search = ("number", "title")
    natural_key = ("number",)
    sections = ((_("Publication"), ("number", "title", "series", "period", "authority", "state_title")),)
    order = "-opened_at"
    sample = staticmethod(sample_publication)
    rights = Rights(see={"city", "district", "duty"})


def sample_slip(number: int) -> Slip:
    """A district's part of a target that is over its line."""
    return Slip(
        year=2013, code=f"T{number}", area_code=HERE, level="over", since=clock.today(), day=clock.today(),
        actual=number, line=1, number=2,
    )  # fmt: skip


@register
class Slips(Register):
    name = "target-warnings"
    model = Slip
    title = _("Warnings about targets")
    singular = _("Warning about a target")
    icon = "bell-ringing"
    group = "plan"
    columns = (
        "code", "area_code", "industry", "authority", "level", "state", "since", "ended", "actual", "line", "number",
        "chance",
    )  # fmt: skip
    filters = ("state", "level", "year", "code", "area_code", "industry", "authority", "period", "since")
    exact = ("code", "period")
    sections = (
        (_("Of what"), ("year", "code", "area_code", "industry", "authority", "period")),
        (_("Warning"), ("level", "state", "since", "better_since", "ended", "day")),
        (_("Figures of the day last looked at"), ("actual", "line", "number", "median", "chance")),
    )
    order = "-since"
    empty = _("Nothing has slipped: targets are looked at every night and after new figures.")
    sample = staticmethod(sample_slip)
    rights = Rights(see=OFFICIALS)
